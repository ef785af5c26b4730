//! Keeps a header line of a part that does not lie in one chunk.

use crate::body::page::{LendPage, PAGE_LEN};
use crate::body::text::copy;

/// The longest Content-Disposition or Content-Type line of a part that is read, in bytes. Other
/// headers may be of any length.
pub(super) const LINE_MAX: usize = PAGE_LEN;

/// The line, as far as it has been kept.
#[derive(Debug)]
pub(super) struct Line<'r> {
    lender: &'r dyn LendPage<'r>,
    /// a page of the lender; empty until the first byte is kept
    bytes: &'r mut [u8],
    /// bytes of the line; those above LINE_MAX are only counted
    len: usize,
}

impl<'r> Line<'r> {
    pub(super) fn new(lender: &'r dyn LendPage<'r>) -> Self {
        Self {
            lender,
            bytes: &mut [],
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.len = len;
    }

    /// The first LINE_MAX bytes.
    pub(super) fn get(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(self.bytes)
    }

    #[inline]
    pub(super) fn push_byte(&mut self, byte: u8) {
        if self.bytes.is_empty() {
            return self.push_some(&[byte]);
        }
        if let Some(free) = self.bytes.get_mut(self.len) {
            *free = byte;
        }
        self.len = self.len.wrapping_add(1);
    }

    #[inline]
    pub(super) fn push(&mut self, text: &[u8]) {
        match text {
            [] => {}
            [byte] => self.push_byte(*byte),
            _ => self.push_some(text),
        }
    }

    #[inline(never)]
    fn push_some(&mut self, text: &[u8]) {
        if self.bytes.is_empty() {
            match self.lender.lend() {
                Some(page) => self.bytes = page.write([0; PAGE_LEN]),
                // Without memory the line is too long, by the text that is counted below.
                None => self.len = LINE_MAX,
            }
        }
        copy(self.bytes.get_mut(self.len..).unwrap_or_default(), text);
        self.len = self.len.wrapping_add(text.len());
    }
}
