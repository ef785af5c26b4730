//! JSON for Frappe before 14: it replaces each list in the top-level object by the list's first item, and
//! accepts a byte order mark in front of the text.

use super::{Json, JsonLists};
use crate::body::{End, Fields, Trouble};

impl Json<'_> {
    /// The result of a text that is an object.
    pub(super) fn object(&self, fields: &mut Fields<'_>) -> End {
        if !self.empty_lists.is_empty() {
            if self.rules.lists == JsonLists::FirstItemOrRefuse {
                return End::Refused(Trouble::JsonEmptyList);
            }
            // Python raises an IndexError for the empty list, and Frappe then leaves all lists as they are.
            fields.keep_lists();
        }
        End::Object
    }

    /// Skips the bytes of a byte order mark.
    pub(super) fn skip_mark<'c>(&mut self, mut rest: &'c [u8]) -> &'c [u8] {
        while let (Some(expected), Some((byte, after))) =
            (b"\xef\xbb\xbf".get(self.mark), rest.split_first())
        {
            if byte != expected {
                self.mark = usize::MAX;
                break;
            }
            self.mark = self.mark.saturating_add(1);
            rest = after;
        }
        rest
    }
}

/// The keys of the top-level object whose last value is an empty list, which has no first item. A key is kept
/// as a hash. Of more than EMPTY_MAX keys only that is kept that there are many.
#[derive(Debug, Default)]
pub(super) struct EmptyLists {
    hashes: [u64; EMPTY_MAX],
    len: usize,
    many: bool,
}

const EMPTY_MAX: usize = 8;

impl EmptyLists {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0 && !self.many
    }

    pub(super) fn add(&mut self, hash: u64) {
        match self.hashes.get_mut(self.len) {
            Some(free) => {
                *free = hash;
                self.len = self.len.saturating_add(1);
            }
            None => self.many = true,
        }
    }

    /// Removes a key, which has got another value.
    pub(super) fn remove(&mut self, hash: u64) {
        if self.len == 0 {
            return;
        }
        let known = self.hashes.get(..self.len).unwrap_or_default();
        if let Some(at) = known.iter().position(|known| *known == hash) {
            self.len = self.len.saturating_sub(1);
            let last = self.hashes.get(self.len).copied();
            if let (Some(place), Some(last)) = (self.hashes.get_mut(at), last) {
                *place = last;
            }
        }
    }
}
