//! The borders of a text. A border is a beginning of the text that is also its end; the Knuth-Morris-Pratt
//! automaton falls back to the longest one.

use crate::body::text::copy;

/// The longest border of each beginning of a text. State: the slice that it borrows.
#[derive(Debug)]
pub(super) struct Borders<'r> {
    /// for each length, the length of the longest border in two bytes
    bytes: &'r mut [u8],
    are_written: bool,
}

impl<'r> Borders<'r> {
    /// How many bytes the borders of a text of `len` bytes need.
    pub(super) const fn len(len: usize) -> usize {
        len.saturating_mul(2)
    }

    /// `bytes` must have [`Self::len`] bytes.
    pub(super) fn new(bytes: &'r mut [u8]) -> Self {
        Self {
            bytes,
            are_written: false,
        }
    }

    /// The length of the longest border of the first `len` bytes of `text`. All calls must have the same
    /// `text`.
    pub(super) fn of(&mut self, text: &[u8], len: usize) -> usize {
        if !self.are_written {
            self.write(text);
            self.are_written = true;
        }
        self.get(len)
    }

    fn get(&self, len: usize) -> usize {
        let at = len.saturating_sub(1).saturating_mul(2);
        match self.bytes.get(at..).unwrap_or_default() {
            [low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
            _ => 0,
        }
    }

    fn write(&mut self, text: &[u8]) {
        let mut length = 0_usize;
        for (index, byte) in text.iter().enumerate() {
            if index > 0 {
                while length > 0 && text.get(length) != Some(byte) {
                    length = self.get(length);
                }
                if text.get(length) == Some(byte) {
                    length = length.saturating_add(1);
                }
            }
            let at = index.saturating_mul(2);
            let bytes = u16::try_from(length).unwrap_or_default().to_le_bytes();
            if let Some(place) = self.bytes.get_mut(at..at.saturating_add(2)) {
                copy(place, &bytes);
            }
        }
    }
}
