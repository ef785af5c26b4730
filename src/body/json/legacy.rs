//! Frappe before 14: of the values of the top-level object that are lists, each gives its first item; and a
//! byte order mark may stand in front.

use super::{Json, JsonLists};
use crate::body::{End, Fields, Trouble};

impl Json<'_> {
    /// Lists give their first item.
    pub(super) fn unwraps(&self) -> bool {
        self.rules.lists != JsonLists::Keep && self.inside.is_none() && self.top == Some(b'{')
    }

    /// The end of a text that is an object.
    pub(super) fn object(&self, fields: &mut Fields<'_>) -> End {
        if !self.empty_lists.is_empty() {
            if self.rules.lists == JsonLists::FirstItemOrRefuse {
                return End::Refused(Trouble::JsonEmptyList);
            }
            // An IndexError on the way leaves all as it was.
            fields.keep_lists();
        }
        End::Object
    }

    /// Takes what there is of a byte order mark.
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

/// Keys of the top-level object whose value, so far, is an empty list. Frappe looks for
/// them. A key is kept as a hash; of more than EMPTY_MAX keys only that there are many.
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

    /// The key has got another value.
    pub(super) fn remove(&mut self, hash: u64) {
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
