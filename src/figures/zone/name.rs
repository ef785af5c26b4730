//! Names: what is kept of them, and where.

use super::Zone;
use crate::figures::layout::{CELL_NAME, plus, row};

/// Bytes of a name that are kept.
pub const NAME_MAX: usize = 1024;

/// A name as it is kept.
#[derive(Clone, Debug)]
pub(in crate::figures) struct Name {
    bytes: [u8; NAME_MAX],
    len: usize,
}

impl Name {
    pub(in crate::figures) const EMPTY: Self = Self {
        bytes: [0; NAME_MAX],
        len: 0,
    };

    /// It is kept as it is, and needs no copy, as most names.
    pub(in crate::figures) fn is_kept(name: &[u8]) -> bool {
        name.len() <= NAME_MAX && name.iter().all(|byte| matches!(byte, b' '..=b'~'))
    }

    #[cold]
    pub(in crate::figures) fn new(name: &[u8]) -> Self {
        let mut result = Self::EMPTY;
        for chunk in name.utf8_chunks() {
            for char in chunk.valid().chars() {
                if !result.push(if char.is_control() {
                    char::REPLACEMENT_CHARACTER
                } else {
                    char
                }) {
                    return result;
                }
            }
            if !chunk.invalid().is_empty() && !result.push(char::REPLACEMENT_CHARACTER) {
                return result;
            }
        }
        result
    }

    fn push(&mut self, char: char) -> bool {
        let end = self.len.saturating_add(char.len_utf8());
        match self.bytes.get_mut(self.len..end) {
            Some(place) => {
                char.encode_utf8(place);
                self.len = end;
                true
            }
            None => false,
        }
    }

    pub(in crate::figures) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Zone<'_> {
    /// Under the lock. None where a cell is missing.
    pub(in crate::figures) fn write_name(&self, index: u32, name: &[u8]) -> Option<()> {
        let words = self.layout.row(index);
        let mut room = plus(words, row::NAME)..plus(words, row::NAME + row::NAME_WORDS);
        let mut link = plus(words, row::NAME_CELL);
        self.set(plus(words, row::NAME_LEN), name.len() as u32);
        for bytes in name.chunks(4) {
            let place = match room.next() {
                Some(place) => place,
                None => {
                    let cell = self.take_cell(index)?;
                    self.set(link, cell.wrapping_add(1));
                    link = self.layout.cell(cell);
                    room = plus(link, 1)..plus(link, 1 + CELL_NAME);
                    room.next()?
                }
            };
            let mut word = [0; 4];
            word.iter_mut()
                .zip(bytes)
                .for_each(|(to, from)| *to = *from);
            self.set(place, u32::from_le_bytes(word));
        }
        Some(())
    }

    pub(in crate::figures) fn read_name(&self, index: u32, into: &mut Name) {
        let words = self.layout.row(index);
        let mut room = plus(words, row::NAME)..plus(words, row::NAME + row::NAME_WORDS);
        let mut link = plus(words, row::NAME_CELL);
        into.len = (self.get(plus(words, row::NAME_LEN)) as usize).min(NAME_MAX);
        for bytes in into
            .bytes
            .get_mut(..into.len)
            .unwrap_or_default()
            .chunks_mut(4)
        {
            let place = room.next().or_else(|| {
                link = self.layout.cell(self.get(link).checked_sub(1)?);
                room = plus(link, 1)..plus(link, 1 + CELL_NAME);
                room.next()
            });
            let word = place.map_or(0, |place| self.get(place)).to_le_bytes();
            bytes.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
    }

    /// The cells of its name.
    pub(in crate::figures) fn each_name_cell(&self, index: u32, mut see: impl FnMut(u32)) {
        let mut link = self.get(plus(self.layout.row(index), row::NAME_CELL));
        for _ in 0..NAME_MAX / 4 {
            let Some(cell) = link.checked_sub(1) else {
                return;
            };
            link = self.get(self.layout.cell(cell));
            see(cell);
        }
    }
}
