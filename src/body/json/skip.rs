//! What nobody wants of a JSON text, 64 bytes at a time.
//!
//! The state machine of `mod.rs` can stop at any byte. Here the grammar of a whole block is judged
//! by arithmetic on bitmaps: members that are not wanted, and all that is below them. At a wanted
//! key, at the end of what does not matter, and in front of a block with anything unusual, right or
//! wrong, the state machine takes over.
//!
//! | rule | how it is judged |
//! | --- | --- |
//! | a value or key only behind `,`, `:`, `[` or `{`, and all else only behind the end of one | bitmaps shifted by one, over white space |
//! | in an object `:` and `,` take turns, in an array there is no `:` | from bracket to bracket |
//! | brackets match | one at a time |
//! | keys of the top-level object | one at a time |
//! | numbers | bitmaps of digits and points |
//! | `true`, `false`, `null` | one at a time |

use fearless_simd::{Level, Simd, dispatch};

use super::block::{self, BLOCK, Block};
use super::levels::DEPTH_MAX;
use super::scalars::Scalars;
use super::structure::Structure;
use super::{Json, State};
use crate::body::{Fields, near};
use crate::frappe::trouble::Trouble;

/// Fewer bytes are not worth it.
const LEAST: usize = 16;

impl Json {
    /// Reads what nobody wants.
    pub(super) fn skip(&mut self, bytes: &[u8], fields: &Fields<'_>) -> Skipped {
        let at_start = match self.state {
            State::Value | State::Key => Carry::behind_separator(),
            State::FirstItem | State::FirstKey => Carry::behind_bracket(),
            State::Colon => Carry::behind_key(),
            State::After => Carry::default(),
            State::Text if !self.in_key || self.levels.depth() > 1 => Carry::in_text(),
            _ => return Skipped::default(),
        };
        if bytes.len() < LEAST || !self.can_skip() || self.high.is_some() {
            return Skipped::default();
        }
        let object = self.levels.in_object();
        let awaits_key = match self.state {
            State::Text => self.in_key,
            State::Value | State::After => false,
            _ => object,
        };
        let skip = Skip {
            // What is closed at this depth may be the value of a slot.
            floor: match (self.first_item, self.member) {
                (true, _) => 3,
                (false, None) if !self.unwraps() => 1,
                _ => 2,
            },
            depth_max: self.rules.depth_max.min(DEPTH_MAX),
            object: mask(object),
            awaits_key: mask(awaits_key),
            carry: at_start,
            at: 0,
            json: self,
            fields,
            bytes,
        };
        dispatch!(Level::baseline(), simd => skip.read(simd))
    }

    /// Nothing is wanted of what comes next.
    fn can_skip(&self) -> bool {
        match self.levels.depth() {
            0 => false,
            1 => self.member.is_none() && !self.unwraps(),
            2 => !self.first_item,
            _ => true,
        }
    }
}

/// What has been read.
#[derive(Default)]
pub(super) struct Skipped {
    /// how many bytes
    pub(super) len: usize,
    /// the block behind them has something that is not read here
    pub(super) unusual: bool,
}

/// What is read, and where.
pub(super) struct Skip<'a, 'f> {
    pub(super) json: &'a mut Json,
    pub(super) fields: &'a Fields<'f>,
    pub(super) bytes: &'a [u8],
    /// where the block begins
    pub(super) at: usize,
    /// no level up to this one is closed here
    pub(super) floor: usize,
    pub(super) depth_max: usize,
    /// all bits are set within an object, none within an array
    pub(super) object: u64,
    /// all bits are set where the object's next separator is a colon
    pub(super) awaits_key: u64,
    pub(super) carry: Carry,
}

/// What a block must know of those in front of it. Masks have all bits set or none, the others one.
#[derive(Clone, Copy, Default)]
pub(super) struct Carry {
    /// the block begins within a string
    pub(super) text: u64,
    /// its first byte follows a backslash
    pub(super) escaped: u64,
    /// a value, a key or, behind an opening bracket, a closing one comes next
    pub(super) value: u64,
    /// its first byte follows an opening bracket
    pub(super) opened: u64,
    /// its first byte follows a string
    pub(super) closed: u64,
    pub(super) scalars: Scalars,
    /// where the last string began
    pub(super) string: usize,
}

/// Where reading ends, and why.
pub(super) enum End {
    /// between two tokens, in front of this byte
    Before(usize),
    /// in front of a block with something that is not read here
    Unusual,
    /// the text is no JSON
    Failed(Trouble),
}

impl Skip<'_, '_> {
    /// Reads blocks.
    #[inline(always)]
    fn read<S: Simd>(mut self, simd: S) -> Skipped {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let padded;
            let block = match rest.first_chunk() {
                Some(block) => block,
                None => {
                    padded = pad(rest);
                    &padded
                }
            };
            let end = if rest.is_empty() {
                Some(End::Unusual)
            } else {
                self.block(simd, block)
            };
            match end {
                None => self.at = self.at.saturating_add(BLOCK).min(self.bytes.len()),
                Some(end) => return self.stop(end),
            }
        }
    }

    /// Reads a block. What is not the text's own is white space.
    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, bytes: &[u8; BLOCK]) -> Option<End> {
        let mut carry = self.carry;
        let block = Block::new(simd, *bytes);

        let quotes = block.find(b'"');
        let backslashes = block.find(b'\\');
        let controls = block.below(b' ');
        let escaped = block::after_escape(backslashes, &mut carry.escaped);
        let unescaped = quotes & !escaped;
        let text = block::parity(unescaped) ^ carry.text;
        carry.text = mask(text >> 63 == 1);
        if controls & text != 0 || !self.are_escapes(escaped & !quotes, bytes) {
            return Some(End::Unusual);
        }
        let opening = unescaped & text;
        let closing = unescaped & !text;
        let outside = !(text | closing);
        if text == u64::MAX && unescaped == 0 {
            self.carry = carry;
            if backslashes == 0 {
                let behind = self.at.saturating_add(BLOCK);
                let rest = self.bytes.get(behind..).unwrap_or_default();
                self.at = self.at.saturating_add(near::far_text_len(rest));
            }
            return None;
        }

        let spaces = outside & (block.find(b' ') | white_controls(controls & outside, bytes));
        let commas = outside & block.find(b',');
        let colons = outside & block.find(b':');
        let opened = outside & block.brackets(b'{');
        let closed = outside & block.brackets(b'}');
        let scalars = outside & !(spaces | commas | colons | opened | closed);

        // What must not be there.
        let values = block::next(commas | colons | opened, spaces, &mut carry.value);
        let starts = scalars & !(scalars << 1 | carry.scalars.last());
        let misplaced = (opening | starts | opened) & !values
            | (commas | colons) & values
            | closed & values & !(opened << 1 | carry.opened)
            | colons & !(closing << 1 | carry.closed);
        if misplaced != 0 {
            return Some(End::Unusual);
        }
        if scalars != 0 {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            if !carry.scalars.read(&block, scalars, starts, bytes, rest) {
                return Some(End::Unusual);
            }
        } else {
            carry.scalars = Scalars::default();
        }
        carry.opened = opened >> 63;
        carry.closed = closing >> 63;
        carry.string = self.last_string(opening).unwrap_or(carry.string);

        let block = Structure {
            commas,
            colons,
            opened,
            closed,
            strings: opening,
            escapes: backslashes != 0,
        };
        let end = self.brackets(bytes, &block);
        if end.is_none() {
            self.carry = carry;
        }
        end
    }

    /// Whether all these bytes may follow a backslash.
    #[inline(always)]
    fn are_escapes(&self, escaped: u64, bytes: &[u8; BLOCK]) -> bool {
        let mut escaped = escaped;
        while escaped != 0 {
            let at = escaped.trailing_zeros() as usize;
            escaped &= escaped.wrapping_sub(1);
            match bytes.get(at) {
                Some(b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                Some(b'u') if self.is_unicode(self.at.saturating_add(at)) => {}
                _ => return false,
            }
        }
        true
    }

    /// The `u` is followed by digits, and they are no half of a surrogate pair.
    fn is_unicode(&self, at: usize) -> bool {
        let digits = self.bytes.get(at.saturating_add(1)..).unwrap_or_default();
        match digits.first_chunk::<4>() {
            Some(digits @ [first, ..]) => {
                first | 0x20 != b'd' && digits.iter().all(u8::is_ascii_hexdigit)
            }
            None => false,
        }
    }

    /// Sets the state behind what has been read.
    fn stop(mut self, end: End) -> Skipped {
        let unusual = matches!(end, End::Unusual);
        let len = match end {
            End::Failed(trouble) => {
                self.json.fail(trouble);
                self.bytes.len()
            }
            End::Before(at) => self.stop_before(at),
            End::Unusual if self.carry.text == 0 => {
                self.stop_before(self.at.saturating_add(self.carry.scalars.len()))
            }
            // The state machine must have all of a key.
            End::Unusual if self.awaits_key != 0 && self.json.levels.depth() == 1 => {
                self.stop_before(self.carry.string)
            }
            End::Unusual => {
                self.json.in_key = self.awaits_key != 0;
                self.json.state = match self.carry.escaped {
                    0 => State::Text,
                    _ => State::Escape,
                };
                self.at
            }
        };
        Skipped { len, unusual }
    }

    /// Sets the state between two tokens.
    fn stop_before(&mut self, at: usize) -> usize {
        let read = self.bytes.get(..at).unwrap_or_default();
        let last = read.iter().rev().find(|byte| !is_space(**byte));
        self.json.state = match last {
            None => return at,
            Some(b'{') => State::FirstKey,
            Some(b'[') => State::FirstItem,
            Some(b',') if self.object != 0 => State::Key,
            Some(b',' | b':') => State::Value,
            // The state machine must have all of a key.
            Some(b'"') if self.awaits_key != 0 && self.json.levels.depth() == 1 => {
                return self.stop_before(self.carry.string);
            }
            Some(b'"') if self.awaits_key != 0 => State::Colon,
            // A key that is no string, at the end of a block.
            Some(_) if self.awaits_key != 0 => State::Failed(Trouble::JsonSyntax),
            Some(_) => State::After,
        };
        at
    }
}

impl Carry {
    fn in_text() -> Self {
        Self {
            text: u64::MAX,
            ..Self::default()
        }
    }

    fn behind_separator() -> Self {
        Self {
            value: 1,
            ..Self::default()
        }
    }

    fn behind_bracket() -> Self {
        Self {
            value: 1,
            opened: 1,
            ..Self::default()
        }
    }

    fn behind_key() -> Self {
        Self {
            closed: 1,
            ..Self::default()
        }
    }
}

/// White space changes nothing.
fn pad(rest: &[u8]) -> [u8; BLOCK] {
    let mut block = [b' '; BLOCK];
    if let Some(place) = block.get_mut(..rest.len()) {
        place.copy_from_slice(rest);
    }
    block
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Those of the control characters that are white space. Most texts have none.
#[inline(always)]
fn white_controls(controls: u64, bytes: &[u8; BLOCK]) -> u64 {
    match controls {
        0 => 0,
        _ => block::lines(bytes),
    }
}

pub(super) const fn mask(bit: bool) -> u64 {
    (bit as u64).wrapping_neg()
}
