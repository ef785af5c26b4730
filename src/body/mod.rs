//! Push scanners for request bodies.
//!
//! A scanner takes slices of the body, of any size, in order. It gives the wanted arguments in
//! [`Fields`], and an [`End`] that says whether Frappe would take the body at all. It needs no byte
//! twice.
//!
//! Memory: a scanner's own state (a few hundred bytes), the values of [`Fields`] (bounded by
//! their buffers) and, for multipart, the caller's [`Scratch`].

pub mod arguments;
mod end;
pub mod form;
pub mod header;
pub mod json;
pub mod multipart;
mod page;
pub mod text;
pub mod trouble;
pub mod werkzeug;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use core::mem::MaybeUninit;

pub use arguments::{
    CMD_MAX, Documents, Fields, Lend, NAME_MAX, Names, RECORD_NAME_MAX, Slot, Source, VALUE_MAX,
    Value, Values,
};
pub use end::End;
pub use form::Form;
pub use header::content_type::MediaType;
pub use json::{Document, Json};
pub use multipart::{Multipart, Skim};
pub use page::{LendPage, OnePage, Page};
pub use text::Charset;
pub use trouble::Trouble;
pub use werkzeug::Werkzeug;

/// Memory for the scanner of a multipart body.
#[derive(Debug)]
pub struct Scratch<'r> {
    /// as many as [`Multipart::scratch_len`]
    pub bytes: &'r mut [u8],
    /// lends a page for a header line that does not end in the same piece of the body
    pub lender: &'r dyn LendPage<'r>,
}

/// The scanner for one body.
#[derive(Debug)]
pub enum Body<'r> {
    /// `application/x-www-form-urlencoded`
    Form(&'r mut Form),
    /// `multipart/form-data`
    Multipart(&'r mut Multipart<'r>),
    /// JSON, by the types that the dialect takes for it
    Json(&'r mut Json<'r>),
}

/// Memory for one scanner, so that a request needs no room for the other kinds. The scanner is made in
/// place and does not move.
#[derive(Debug)]
pub enum Room<'r> {
    /// for [`Form`]
    Form(&'r mut MaybeUninit<Form>),
    /// for [`Multipart`]
    Multipart(&'r mut MaybeUninit<Multipart<'r>>, Scratch<'r>),
    /// for [`Json`], and a lender of memory for a text that is nested deep
    Json(&'r mut MaybeUninit<Json<'r>>, &'r dyn LendPage<'r>),
}

/// Room for any kind of scanner, for callers outside nginx.
#[derive(Debug)]
pub struct Rooms<'r> {
    form: MaybeUninit<Form>,
    multipart: MaybeUninit<Multipart<'r>>,
    json: MaybeUninit<Json<'r>>,
    page: Page,
    lender: MaybeUninit<OnePage<'r>>,
}

impl Default for Rooms<'_> {
    fn default() -> Self {
        Self {
            form: MaybeUninit::uninit(),
            multipart: MaybeUninit::uninit(),
            json: MaybeUninit::uninit(),
            page: Page::uninit(),
            lender: MaybeUninit::uninit(),
        }
    }
}

impl<'r> Rooms<'r> {
    /// The room for bodies of this type; None where it has no scanner. A multipart body needs
    /// [`Multipart::scratch_len`] `bytes`.
    pub fn of(&'r mut self, media_type: MediaType, bytes: &'r mut [u8]) -> Option<Room<'r>> {
        let lender = self.lender.write(OnePage::new(&mut self.page));
        match media_type {
            MediaType::Form => Some(Room::Form(&mut self.form)),
            MediaType::Multipart => {
                let scratch = Scratch { bytes, lender };
                Some(Room::Multipart(&mut self.multipart, scratch))
            }
            MediaType::Json => Some(Room::Json(&mut self.json, lender)),
            MediaType::Other => None,
        }
    }
}

impl Body<'_> {
    /// Takes the next bytes of the body.
    pub fn feed(&mut self, chunk: &[u8], fields: &mut Fields<'_>) {
        match self {
            Self::Form(form) => form.feed(chunk, fields),
            Self::Multipart(multipart) => multipart.feed(chunk, fields),
            Self::Json(json) => json.feed(chunk, fields),
        }
    }

    /// Within an unwanted file: bytes that [pass](Skim::passes) need not be fed. The result holds until
    /// the next call of [`Self::feed`].
    pub fn skim(&self) -> Option<Skim> {
        match self {
            Self::Multipart(multipart) => multipart.skim(),
            Self::Form(_) | Self::Json(_) => None,
        }
    }

    /// The result of the first bytes of a body alone. `cmd` counts once its value is complete, although
    /// later bytes may make Frappe drop the whole form.
    pub fn finish_early(&mut self, fields: &mut Fields<'_>) -> End {
        if self.is_failed() {
            self.finish(fields)
        } else if self.is_decided(fields) {
            End::Fields { any: true }
        } else {
            End::Truncated
        }
    }

    /// Whether no later byte can change `cmd`: its value is complete, or the body has failed.
    pub fn is_decided(&self, fields: &Fields<'_>) -> bool {
        let is_there = fields.value(Names::CMD) != Value::Absent;
        self.is_failed()
            || match self {
                Self::Form(form) => is_there && !form.is_in_value(Names::CMD),
                Self::Multipart(multipart) => is_there && !multipart.is_in_value(Names::CMD),
                // In JSON the last of several values counts, and it may still come.
                Self::Json(_) => false,
            }
    }

    fn is_failed(&self) -> bool {
        match self {
            Self::Form(form) => form.is_failed(),
            Self::Multipart(multipart) => multipart.is_failed(),
            Self::Json(json) => json.is_failed(),
        }
    }

    /// The result of the complete body.
    pub fn finish(&mut self, fields: &mut Fields<'_>) -> End {
        match self {
            Self::Form(form) => form.finish(fields),
            Self::Multipart(multipart) => multipart.finish(fields),
            Self::Json(json) => json.finish(fields),
        }
    }
}
