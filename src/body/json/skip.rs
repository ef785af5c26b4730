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
//! | a colon behind a key, which comes behind `{` or an object's `,`, and only there | likewise, over all that is between |
//! | brackets match | one at a time |
//! | keys of the top-level object | one at a time |
//! | numbers | bitmaps of digits and points |
//! | `true`, `false`, `null` | one at a time |
//!
//! A number or literal that reaches the end of a block may go on, so the next block begins with it.

use fearless_simd::{Level, Simd, dispatch};

use super::block::{self, BLOCK, Block};
use super::levels::DEPTH_MAX;
use super::scalars::Scalars;
use super::structure::Structure;
use super::{Json, State};
use crate::body::Fields;
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
        let awaits_key = match self.state {
            State::Text => self.in_key,
            State::Value | State::After => false,
            _ => self.levels.in_object(),
        };
        let skip = Skip {
            // What is closed at this depth may be the value of a slot.
            floor: match (self.first_item, self.member) {
                (true, _) => 3,
                (false, None) if !self.unwraps() => 1,
                _ => 2,
            },
            depth_max: self.rules.depth_max.min(DEPTH_MAX),
            carry: Carry {
                key: u64::from(awaits_key),
                ..at_start
            },
            json: self,
            fields,
            bytes,
            rest: bytes,
        };
        skip.read_best()
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
    /// the block, and what follows it
    rest: &'a [u8],
    /// no level up to this one is closed here
    pub(super) floor: usize,
    pub(super) depth_max: usize,
    pub(super) carry: Carry,
}

/// What a block must know of those in front of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Carry {
    /// all bits are set where the block begins within a string
    text: u64,
    /// 1 where its first byte follows a backslash
    escaped: u64,
    /// 1 where a value, a key or, behind an opening bracket, a closing one comes next
    value: u64,
    /// 1 where a key or its colon comes next
    pub(super) key: u64,
    /// 1 where its first byte follows an opening bracket
    pub(super) opened: u64,
    /// 1 where its first byte follows a string
    closed: u64,
    /// where the last string began, in the top-level object
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
    /// Reads blocks by the vectors that there are.
    fn read_best(self) -> Skipped {
        let level = self.json.level;
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(avx512) = level.as_avx512() {
                return avx512.vectorize(
                    #[inline(always)]
                    || self.read(avx512),
                );
            }
            if let Some(avx2) = level.as_avx2() {
                return avx2.vectorize(
                    #[inline(always)]
                    || self.read(avx2),
                );
            }
        }
        dispatch!(Level::baseline(), simd => self.read(simd))
    }

    /// Reads blocks.
    #[inline(always)]
    fn read<S: Simd>(mut self, simd: S) -> Skipped {
        loop {
            let padded;
            let block = match self.rest.first_chunk() {
                Some(block) => block,
                None if self.rest.is_empty() => return self.stop(End::Unusual),
                None => {
                    padded = block::pad(self.rest);
                    &padded
                }
            };
            match self.block(simd, block) {
                Ok((BLOCK, carry)) => {
                    self.rest = self.rest.get(BLOCK..).unwrap_or_default();
                    self.carry = carry;
                }
                Ok((len, carry)) => {
                    self.rest = behind(self.rest, len);
                    self.carry = carry;
                }
                Err(end) => return self.stop(end),
            }
        }
    }

    /// Where the block begins.
    pub(super) fn at(&self) -> usize {
        self.bytes.len().saturating_sub(self.rest.len())
    }

    /// Reads a block. Gives how many bytes have been read.
    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, bytes: &[u8; BLOCK]) -> Result<(usize, Carry), End> {
        let mut carry = self.carry;
        let block = Block::new(simd, *bytes);

        let quotes = block.find(b'"');
        let backslashes = block.find(b'\\');
        let controls = block.below(b' ');
        let escaped = block::after_escape(backslashes, &mut carry.escaped);
        let unescaped = quotes & !escaped;
        let text = block::parity(simd, unescaped) ^ carry.text;
        carry.text = mask(text >> 63 == 1);
        if controls & text != 0 || !self.are_escapes(&block, escaped & !quotes) {
            return Err(End::Unusual);
        }
        if text == u64::MAX && unescaped == 0 {
            if backslashes != 0 {
                return Ok((BLOCK, carry));
            }
            // What follows is often the same.
            let (blocks, _) = self.rest.as_chunks();
            let plain = blocks.iter().skip(1);
            let plain = plain.take_while(|bytes| Block::new(simd, **bytes).is_plain_text());
            let len = plain.count().saturating_add(1).saturating_mul(BLOCK);
            return Ok((len, carry));
        }
        let opening = unescaped & text;
        let closing = unescaped & !text;
        let outside = !(text | closing);

        let spaces = outside & (block.find(b' ') | white_controls(controls & outside, bytes));
        let commas = outside & block.find(b',');
        let colons = outside & block.find(b':');
        let opened = outside & block.brackets(b'{');
        let closed = outside & block.brackets(b'}');
        let scalars = outside & !(spaces | commas | colons | opened | closed);
        let unread = scalars.leading_ones();
        let tail = !u64::MAX.checked_shr(unread).unwrap_or_default();
        let scalars = Scalars::new(scalars & !tail);

        // What must not be there.
        let behind_separator =
            block::next(commas | colons | opened, spaces | tail, &mut carry.value);
        let values = opening | scalars.starts | opened;
        let empty = closed & (opened << 1 | carry.opened);
        let misplaced =
            (behind_separator ^ values) & !empty | colons & !(closing << 1 | carry.closed);
        if misplaced != 0 || tail == u64::MAX || !scalars.are_right(&block, bytes) {
            return Err(End::Unusual);
        }

        let structure = Structure {
            commas,
            colons,
            opened,
            closed,
            empty,
            strings: opening,
            escapes: backslashes != 0,
        };
        self.judge(bytes, &structure, &mut carry)?;
        carry.opened = opened >> 63;
        carry.closed = closing >> 63;
        Ok((BLOCK.saturating_sub(unread as usize), carry))
    }

    /// Whether all these bytes may follow a backslash.
    #[inline(always)]
    fn are_escapes<S: Simd>(&self, block: &Block<S>, escaped: u64) -> bool {
        if escaped == 0 {
            return true;
        }
        // Those whose four digits are in the block, and are the text's own.
        let with_digits = self.rest.len().min(BLOCK).saturating_sub(4);
        let unicode = escaped & block.find(b'u') & !(u64::MAX << with_digits);
        let others = escaped & !unicode;
        block.are_unicode(unicode) && (others == 0 || are_escapes(others, self.rest))
    }

    /// Sets the state behind what has been read.
    fn stop(mut self, end: End) -> Skipped {
        let unusual = matches!(end, End::Unusual);
        let len = match end {
            End::Failed(trouble) => {
                self.json.fail(trouble);
                self.bytes.len()
            }
            End::Before(at) => {
                self.carry.key = 0;
                self.stop_before(at)
            }
            End::Unusual if self.carry.text == 0 => self.stop_before(self.at()),
            // The state machine must have all of a key.
            End::Unusual if self.carry.key == 1 && self.json.levels.depth() == 1 => {
                self.stop_before(self.carry.string)
            }
            End::Unusual => {
                self.json.in_key = self.carry.key == 1;
                self.json.state = match self.carry.escaped {
                    0 => State::Text,
                    _ => State::Escape,
                };
                self.at()
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
            Some(b',') if self.json.levels.in_object() => State::Key,
            Some(b',' | b':') => State::Value,
            // The state machine must have all of a key.
            Some(b'"') if self.carry.key == 1 && self.json.levels.depth() == 1 => {
                return self.stop_before(self.carry.string);
            }
            Some(b'"') if self.carry.key == 1 => State::Colon,
            // A key that is no string, at the end of a block.
            Some(_) if self.carry.key == 1 => State::Failed(Trouble::JsonSyntax),
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

/// Whether all these bytes of a text may follow a backslash.
#[inline(never)]
fn are_escapes(mut escaped: u64, text: &[u8]) -> bool {
    while escaped != 0 {
        let rest = text.get(escaped.trailing_zeros() as usize..);
        escaped &= escaped.wrapping_sub(1);
        match rest {
            Some([b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..]) => {}
            Some([b'u', digits @ ..]) if is_unicode(digits) => {}
            _ => return false,
        }
    }
    true
}

/// The text begins with digits, and they are no half of a surrogate pair.
fn is_unicode(text: &[u8]) -> bool {
    match text.first_chunk::<4>() {
        Some(digits @ [first, ..]) => {
            first | 0x20 != b'd' && digits.iter().all(u8::is_ascii_hexdigit)
        }
        None => false,
    }
}

/// A call, so that the CPU goes on with the next block before it knows how much of this one is read.
#[inline(never)]
fn behind(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(len..).unwrap_or_default()
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
