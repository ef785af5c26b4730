//! The arguments that the configuration asks for, and their values in one request.

mod document;
mod fields;
pub(in crate::body) mod name;
mod names;
mod slot;
mod values;

#[cfg(test)]
mod tests;

pub use document::{Documents, ScanDocument};
pub(in crate::body) use fields::Argument;
pub use fields::Fields;
pub use names::Names;
pub use slot::{Lend, Slot, VALUE_MAX, Value};
pub use values::Values;

/// The longest `$frappe_cmd`, in bytes.
pub const CMD_MAX: usize = 255;

/// The longest argument name that can be asked for, in bytes.
pub const NAME_MAX: usize = 64;

/// The longest value that names a record, in bytes: 140 characters (`frappe/model/__init__.py`,
/// `varchar_len`) of four bytes each.
pub const RECORD_NAME_MAX: usize = 4 * 140;

/// The part of the request that a value stood in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// nowhere
    #[default]
    None,
    /// a urlencoded body
    Form,
    /// a field of a multipart body
    Multipart,
    /// a member of a JSON object
    Json,
    /// the query string
    Query,
    /// the path
    Path,
}

impl Source {
    /// The value of `$frappe_cmd_source`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Form => "form",
            Self::Multipart => "multipart",
            Self::Json => "json",
            Self::Query => "query",
            Self::Path => "path",
        }
    }
}
