//! Brackets, what stands between them, and the keys of the top-level object.

use super::block::{self, BLOCK};
use super::skip::{End, Skip, mask};
use crate::frappe::trouble::Trouble;

/// Where things stand in a block, outside of strings.
pub(super) struct Structure {
    pub(super) commas: u64,
    pub(super) colons: u64,
    /// opening brackets
    pub(super) opened: u64,
    /// closing brackets
    pub(super) closed: u64,
    /// the quotes that begin strings
    pub(super) strings: u64,
    /// there are backslashes, in strings
    pub(super) escapes: bool,
}

impl Skip<'_, '_> {
    /// Judges what stands between brackets, and the brackets.
    #[inline(always)]
    pub(super) fn brackets(&mut self, bytes: &[u8; BLOCK], block: &Structure) -> Option<End> {
        let separators = block.commas | block.colons;
        let turns = block::parity(separators);
        let mut brackets = block.opened | block.closed;
        let mut judged = 0;
        let mut turn = 0;
        loop {
            // None has no bits, but all are below it.
            let bracket = brackets & brackets.wrapping_neg();
            let below = bracket.wrapping_sub(1);
            let segment = below & !judged;
            let colons = separators & (turns ^ turn ^ !self.awaits_key) & self.object;
            if (block.colons ^ colons) & segment != 0 {
                return Some(End::Failed(Trouble::JsonSyntax));
            }
            if colons & segment != 0
                && self.json.levels.depth() == 1
                && let Some(at) = self.find_key(colons & segment, block)
            {
                return Some(End::Before(at));
            }
            let next_turn = match bracket {
                0 => mask(turns >> 63 == 1),
                _ => mask(turns & bracket != 0),
            };
            self.awaits_key ^= (turn ^ next_turn) & self.object;
            turn = next_turn;
            if bracket == 0 {
                return None;
            }
            brackets ^= bracket;
            judged = below | bracket;
            let at = bracket.trailing_zeros() as usize;
            let byte = bytes.get(at).copied().unwrap_or_default();
            let end = if block.opened & bracket != 0 {
                self.open(byte == b'{')
            } else {
                let empty = (block.opened << 1 | self.carry.opened) & bracket != 0;
                self.close(byte == b'}', empty, self.at.saturating_add(at))
            };
            if end.is_some() {
                return end;
            }
        }
    }

    #[inline(always)]
    fn open(&mut self, object: bool) -> Option<End> {
        if self.awaits_key != 0 {
            return Some(End::Failed(Trouble::JsonSyntax));
        }
        if self.json.levels.depth() >= self.depth_max {
            return Some(End::Failed(Trouble::JsonTooDeep));
        }
        self.json.levels.push(object);
        self.object = mask(object);
        self.awaits_key = self.object;
        None
    }

    #[inline(always)]
    fn close(&mut self, object: bool, empty: bool, at: usize) -> Option<End> {
        if mask(object) != self.object || (self.awaits_key != 0 && !empty) {
            return Some(End::Failed(Trouble::JsonSyntax));
        }
        if self.json.levels.depth() <= self.floor {
            return Some(End::Before(at));
        }
        self.json.levels.pop();
        self.object = mask(self.json.levels.in_object());
        self.awaits_key = 0;
        None
    }

    /// Where the first key begins that is wanted, or has escapes.
    fn find_key(&self, colons: u64, block: &Structure) -> Option<usize> {
        let mut colons = colons;
        while colons != 0 {
            let below = colons.wrapping_sub(1) & !colons;
            let end = self.at.saturating_add(colons.trailing_zeros() as usize);
            colons &= colons.wrapping_sub(1);
            let begin = self
                .last_string(block.strings & below)
                .unwrap_or(self.carry.string);
            let escapes = block.escapes || begin < self.at;
            // Two quotes.
            let len = end.saturating_sub(begin).saturating_sub(2);
            if !escapes && !self.fields.may_find(len) {
                continue;
            }
            let inside = begin.saturating_add(1)..end.saturating_sub(1);
            let key = self.bytes.get(inside).unwrap_or_default();
            if escapes && key.contains(&b'\\') || self.fields.find(key).is_some() {
                return Some(begin);
            }
        }
        None
    }

    /// Where the last of these strings of the block begins.
    pub(super) fn last_string(&self, strings: u64) -> Option<usize> {
        let last = strings.checked_ilog2()?;
        Some(self.at.saturating_add(last as usize))
    }
}
