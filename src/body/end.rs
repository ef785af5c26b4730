//! How the scan of a body ended.

use super::trouble::Trouble;

/// The result of a scan: what Frappe makes of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Parsed. The arguments are in [`Fields`]; `any` tells whether the form had any field.
    Fields {
        /// the form was not empty
        any: bool,
    },
    /// A JSON object: its members replace query and form.
    Object,
    /// A JSON array: there are no arguments, not even the query's.
    Array,
    /// A JSON type with an empty body, which Frappe treats as if it were no JSON.
    EmptyJson,
    /// Frappe drops every field of the form without a word; query and path decide.
    Dropped(Trouble),
    /// Frappe answers with an error; nothing runs.
    Refused(Trouble),
    /// Only the first bytes were looked at, and they did not decide; path and query decide.
    Truncated,
    /// A bound of this module was reached: what Frappe does is not known.
    Unknown(Trouble),
}
