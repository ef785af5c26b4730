//! Push scanners for request bodies.
//!
//! In: slices of the body, of any size, in order. Out: the wanted arguments in [`Fields`], and
//! an [`End`] that says whether Frappe would take the body at all. Nothing is looked at twice.
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

/// Memory that the scanner of a multipart body is lent.
#[derive(Debug)]
pub struct Scratch<'r> {
    /// as many as [`Multipart::scratch_len`]
    pub bytes: &'r mut [u8],
    /// for a header line that a piece of the body cuts
    pub lender: &'r dyn LendPage<'r>,
}

/// The scanner for one body.
#[derive(Debug)]
pub enum Body<'r> {
    /// `application/x-www-form-urlencoded`
    Form(&'r mut Form),
    /// `multipart/form-data`
    Multipart(&'r mut Multipart<'r>),
    /// JSON, by the dialect's test
    Json(&'r mut Json<'r>),
}

/// Memory for a scanner: a request pays for its own kind only, and nothing is moved.
#[derive(Debug)]
pub enum Room<'r> {
    /// for [`Form`]
    Form(&'r mut MaybeUninit<Form>),
    /// for [`Multipart`]
    Multipart(&'r mut MaybeUninit<Multipart<'r>>, Scratch<'r>),
    /// for [`Json`], and who lends memory for a text that is nested deep
    Json(&'r mut MaybeUninit<Json<'r>>, &'r dyn LendPage<'r>),
}

/// Room for whatever comes.
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
    /// The one for this type, None where it has no scanner. A multipart body needs
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
    /// Takes the next bytes of the body. What multipart and JSON do is apart, here and elsewhere, so
    /// that the code of a short form lies on few pages.
    pub fn feed(&mut self, chunk: &[u8], fields: &mut Fields<'_>) {
        match self {
            Self::Form(form) => form.feed(chunk, fields),
            Self::Multipart(multipart) => multipart.feed(chunk, fields),
            Self::Json(json) => json.feed(chunk, fields),
        }
    }

    /// Within data that is not wanted: bytes that [pass](Skim::passes) need not be fed. Ask again behind
    /// those that are.
    pub fn skim(&self) -> Option<Skim> {
        match self {
            Self::Multipart(multipart) => multipart.skim(),
            Self::Form(_) | Self::Json(_) => None,
        }
    }

    /// The first bytes of a body are all there is to decide by: what do they come to? `cmd` counts
    /// once its value is complete; what follows may still drop it.
    pub fn finish_early(&mut self, fields: &mut Fields<'_>) -> End {
        if self.is_failed() {
            self.finish(fields)
        } else if self.is_decided(fields) {
            End::Fields { any: true }
        } else {
            End::Truncated
        }
    }

    /// Nothing that follows gives another `cmd`: its value is complete, or the body has failed.
    pub fn is_decided(&self, fields: &Fields<'_>) -> bool {
        let is_there = fields.value(Names::CMD) != Value::Absent;
        self.is_failed()
            || match self {
                Self::Form(form) => is_there && !form.is_in_value(Names::CMD),
                Self::Multipart(multipart) => is_there && !multipart.is_in_value(Names::CMD),
                // The last duplicate counts.
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

    /// The body is complete: what did it come to?
    pub fn finish(&mut self, fields: &mut Fields<'_>) -> End {
        match self {
            Self::Form(form) => form.finish(fields),
            Self::Multipart(multipart) => multipart.finish(fields),
            Self::Json(json) => json.finish(fields),
        }
    }
}
