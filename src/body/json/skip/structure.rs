//! Brackets, what stands between them, and the keys of the top-level object: the part of
//! [`skip`](super) that needs to know the levels.
//!
//! Only the levels tell a comma between members, behind which a key must stand, from one between
//! items. `objects` has a bit for each byte that lies within an object; each bracket changes the bits
//! behind it. In `{"a":[1,2],"b":3}` they are set but for `[1,2`, so of three commas one expects a key.
//! Between rows, `},{`, what holds is the same behind as in front, and the levels are left alone.

use super::{End, Skip, mask};
use crate::body::Trouble;
use crate::body::arguments::name::hash;
use crate::body::json::block::{self, BLOCK};
use crate::body::json::carry::Carry;
use crate::body::json::document::Members;

/// Where things stand in a block, outside of strings.
#[derive(Clone)]
pub(super) struct Structure {
    pub(super) commas: u64,
    pub(super) colons: u64,
    /// opening brackets
    pub(super) opened: u64,
    /// closing brackets
    pub(super) closed: u64,
    /// braces, and what else has their bit 0x20
    pub(super) curly: u64,
    /// those of them that are next to an opening one
    pub(super) empty: u64,
    /// the quotes that begin strings
    pub(super) strings: u64,
    /// there are backslashes, in strings
    pub(super) escapes: bool,
}

impl Structure {
    /// Behind a key, and only there, comes a colon. `objects`: what is within objects; `read`: what is judged.
    #[inline(always)]
    fn keys_are_right(&self, objects: u64, read: u64, carry: &mut Carry) -> bool {
        let tokens = self.commas | self.colons | self.opened | self.closed;
        let in_front_of_keys = self.opened & self.curly | self.commas & objects;
        let (behind_keys, key) = block::next(in_front_of_keys, !tokens, carry.key);
        carry.key = key;
        (behind_keys ^ self.colons) & !self.empty & read == 0
    }
}

impl Skip<'_, '_, '_> {
    /// Judges brackets, and what stands between them. False where reading ends. `rest`: how many bytes are left,
    /// with the block.
    #[inline(always)]
    pub(super) fn is_right(&mut self, block: Structure, rest: usize, carry: &mut Carry) -> bool {
        // Between the rows of a list the levels stay what they are.
        let between = block.commas
            & (block.closed & block.curly) << 1
            & (block.opened & block.curly) >> 1
            & self.rows;
        let brackets = block.opened | block.closed;
        if brackets != (between << 1 | between >> 1) || self.at_top {
            self.at = self.bytes.len().wrapping_sub(rest);
            // A copy, so that this path alone has it in memory.
            return self.levels(&block.clone(), carry);
        }
        block.keys_are_right(self.objects & !between, u64::MAX, carry) || self.fail()
    }

    #[cold]
    fn fail(&mut self) -> bool {
        self.end = Some(End::Failed(Trouble::JsonSyntax));
        false
    }

    /// Opens and closes levels. False where reading ends.
    #[inline(never)]
    fn levels(&mut self, block: &Structure, carry: &mut Carry) -> bool {
        let mut objects = mask(self.json.levels.in_object());
        let mut brackets = block.opened | block.closed;
        let mut judged = 0;
        let (end, read) = loop {
            // None has no bits, but all are below it.
            let bracket = brackets & brackets.wrapping_neg();
            let below = bracket.wrapping_sub(1);
            let keys = block.colons & below & !judged;
            if keys != 0
                && self.json.has_wanted_keys()
                && let Some(at) = find_key(
                    self.json.members(self.fields),
                    self.bytes,
                    Keys {
                        block: self.at,
                        colons: keys,
                        strings: block.strings,
                        escapes: block.escapes,
                        string: self.string,
                    },
                )
            {
                let len = at.saturating_sub(self.at).min(BLOCK - 1);
                break (Some(End::Before(at)), !(u64::MAX << len));
            }
            if bracket == 0 {
                break (None, u64::MAX);
            }
            let brace = block.curly & bracket != 0;
            let end = if block.opened & bracket != 0 {
                self.open(brace)
            } else {
                let at = bracket.trailing_zeros() as usize;
                self.close(brace, self.at.saturating_add(at))
            };
            if end.is_some() {
                break (end, below | bracket);
            }
            let object = mask(self.json.levels.in_object());
            objects = objects & below | object & !below;
            brackets ^= bracket;
            judged = below;
        };
        if brackets != block.opened | block.closed {
            self.remember_levels();
        }
        if self.at_top {
            self.string = last(block.strings, self.at).unwrap_or(self.string);
        }
        if !block.keys_are_right(objects, read, carry) {
            return self.fail();
        }
        self.end = end;
        self.end.is_none()
    }

    /// What blocks without brackets, or with rows, need to know of the levels.
    pub(super) fn remember_levels(&mut self) {
        let levels = &self.json.levels;
        self.objects = mask(levels.in_object());
        self.rows = mask(levels.in_row() && levels.depth() > self.floor);
        self.at_top = self.json.has_wanted_keys();
    }

    fn open(&mut self, object: bool) -> Option<End> {
        let is_open = self.json.levels.depth() < self.depth_max && self.json.levels.push(object);
        (!is_open).then_some(End::Failed(Trouble::JsonTooDeep))
    }

    fn close(&mut self, object: bool, at: usize) -> Option<End> {
        if object != self.json.levels.in_object() {
            return Some(End::Failed(Trouble::JsonSyntax));
        }
        if self.json.levels.depth() <= self.floor {
            return Some(End::Before(at));
        }
        self.json.levels.pop();
        None
    }
}

/// Keys of the top-level object in a block.
struct Keys {
    /// where the block begins
    block: usize,
    colons: u64,
    strings: u64,
    escapes: bool,
    /// where the last string in front of the block begins
    string: usize,
}

/// Where the first key begins that is wanted, or has escapes.
#[inline]
fn find_key(members: Members<'_, '_>, text: &[u8], keys: Keys) -> Option<usize> {
    let mut colons = keys.colons;
    while colons != 0 {
        let below = colons.wrapping_sub(1) & !colons;
        let end = keys.block.saturating_add(colons.trailing_zeros() as usize);
        colons &= colons.wrapping_sub(1);
        let begin = last(keys.strings & below, keys.block).unwrap_or(keys.string);
        let escapes = keys.escapes || begin < keys.block;
        // Two quotes.
        let len = end.saturating_sub(begin).saturating_sub(2);
        if !escapes && !members.may_find(len) {
            continue;
        }
        let inside = begin.saturating_add(1)..end.saturating_sub(1);
        let key = text.get(inside).unwrap_or_default();
        if escapes && key.contains(&b'\\') || members.find(key, || hash(key)).is_some() {
            return Some(begin);
        }
    }
    None
}

/// Where the last of these strings of the block begins.
fn last(strings: u64, block: usize) -> Option<usize> {
    let last = strings.checked_ilog2()?;
    Some(block.saturating_add(last as usize))
}
