//! Skips the parts of a JSON text that hold no wanted member, 64 bytes at a time.
//!
//! # What is hard
//!
//! Frappe refuses a request whose JSON is wrong anywhere, so what is skipped must be checked as well.
//! The state machine of `mod.rs` does that byte by byte. A text is mostly rows of a document, with many
//! short tokens, and at each of them a CPU guesses wrong what comes next.
//!
//! # The idea
//!
//! A block of 64 bytes becomes a few bitmaps, one bit a byte ([`block`]). Where a token may stand is then
//! a question to 64 places at once: a shift asks the neighbour, an exclusive or of two bitmaps shows where
//! they differ. The block is right where nothing differs, so there is one branch a block for most rules.
//! Below, bits are written from left to right, as the bytes are:
//!
//! ```text
//! bytes         {"a,":[10, 2],"b":"c\"d"}
//! quotes        .1..1.........1.1.1....1.   but for the one behind a backslash
//! in strings    .111..........11..11111..   an odd number of quotes, up to and with this byte
//! separators    1....11..1...1...1.......   , : [ { outside of strings
//! next          .1....11...1..1...1......   the first byte behind each that is no white space
//! values        11....11...1..1...1......   where strings, numbers, words and brackets begin
//! ```
//!
//! The comma in the key is within a string, so it separates nothing. `next` and `values` must be the
//! same: `[10,,2]` has a `next` without a value, `[10 2]` a value that no separator allows. Here they
//! differ at the first byte, which the block in front of this one must have allowed: that bit, and five
//! more, go on from block to block as [`Carry`]. `[]` and `{}` are the exception that `empty` takes out.
//!
//! Strings are found by arithmetic, too. [`block::after_escape`] lets the carry of an addition run through
//! a run of backslashes, since only behind an odd number of them a quote is escaped; [`block::parity`]
//! spreads each quote over all that follow. Brackets have a memory, the levels, so they are judged one at
//! a time ([`structure`]), but for the `},{` between rows.
//!
//! # Where it ends
//!
//! At a wanted key, at the end of what does not matter, and in front of a block with anything unusual,
//! right or wrong, the state machine takes over, at the begin of a token. It alone says what is wrong, and
//! `skip_tests.rs` holds both against each other on generated texts.
//!
//! | rule | how it is judged |
//! | --- | --- |
//! | a value or key only behind `,`, `:`, `[` or `{`, and all else only behind the end of one | bitmaps shifted by one, over white space |
//! | a colon behind a key, which comes behind `{` or an object's `,`, and only there | likewise, over all that is between |
//! | brackets match | one at a time, but for rows of a list |
//! | keys of the top-level object | one at a time |
//! | numbers | bitmaps of digits and points |
//! | `true`, `false`, `null` | one at a time |
//!
//! A number or literal that reaches the end of a block may go on, so the next block begins with it.

use core::hint::black_box;

use fearless_simd::{Level, Simd, dispatch};

use super::block::{self, BLOCK, Block};
use super::carry::Carry;
use super::scalars::Scalars;
pub(super) mod structure;

use super::{Json, State, escapes};
use crate::body::Fields;
use crate::body::Trouble;
use structure::Structure;

/// Fewer bytes are not worth it.
pub(super) const LEAST: usize = 16;

impl Json<'_> {
    /// Reads what is not wanted.
    #[inline(never)]
    pub(super) fn skip(&mut self, bytes: &[u8], fields: &Fields<'_>) -> Skipped {
        let at_start = match self.state {
            State::Value | State::Key => Carry::behind_separator(),
            State::FirstItem | State::FirstKey => Carry::behind_bracket(),
            State::Colon => Carry::behind_key(),
            State::After => Carry::default(),
            State::Text if !self.in_key || self.levels.depth() > self.base => Carry::in_text(),
            _ => return Skipped::default(),
        };
        if bytes.len() < LEAST || self.high.is_some() {
            return Skipped::default();
        }
        let awaits_key = match self.state {
            State::Text => self.in_key,
            State::Value | State::After => false,
            _ => self.levels.in_object(),
        };
        let mut skip = Skip {
            floor: self.floor(),
            depth_max: self.rules.depth_max,
            carry: Carry {
                key: u64::from(awaits_key),
                ..at_start
            },
            json: self,
            fields,
            bytes,
            at: 0,
            objects: 0,
            rows: 0,
            at_top: false,
            string: 0,
            end: None,
        };
        skip.remember_levels();
        skip.read_best()
    }

    /// Nothing is wanted of what comes next.
    #[inline(always)]
    pub(super) fn can_skip(&self) -> bool {
        self.levels.depth() >= self.floor()
    }

    /// The least depth at which nothing is wanted. What is closed above it may be the value of a slot.
    #[inline(always)]
    fn floor(&self) -> usize {
        match (self.first_item, self.member) {
            (true, _) => self.base.wrapping_add(2),
            (false, None) if !self.unwraps => self.base.max(1),
            _ => self.base.wrapping_add(1),
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
pub(super) struct Skip<'a, 'f, 'r> {
    pub(super) json: &'a mut Json<'r>,
    pub(super) fields: &'a Fields<'f>,
    pub(super) bytes: &'a [u8],
    /// where the block begins
    pub(super) at: usize,
    /// no level up to this one is closed here
    pub(super) floor: usize,
    pub(super) depth_max: usize,
    pub(super) carry: Carry,
    /// all bits are set within an object
    pub(super) objects: u64,
    /// all bits are set within an object of an array, which may be closed here
    pub(super) rows: u64,
    /// within the top-level object or array
    pub(super) at_top: bool,
    /// where the last string began, in the top-level object
    pub(super) string: usize,
    /// where reading ends, unless it is in front of a block that is not read here
    pub(super) end: Option<End>,
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

impl Skip<'_, '_, '_> {
    /// Reads blocks by the widest vectors that are worth it.
    fn read_best(mut self) -> Skipped {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = self.json.level.as_avx2() {
            let end = avx2.vectorize(
                #[inline(always)]
                || self.read(avx2),
            );
            return self.stop(end);
        }
        let end = dispatch!(Level::baseline(), simd => self.read(simd));
        self.stop(end)
    }

    #[inline(always)]
    fn read<S: Simd>(&mut self, simd: S) -> End {
        let mut carry = self.carry;
        let mut rest = self.bytes;
        while !rest.is_empty() {
            let padded;
            let block = match rest.first_chunk() {
                Some(block) => block,
                None => {
                    padded = block::pad(rest);
                    &padded
                }
            };
            match self.block(simd, block, rest, &mut carry) {
                0 => break,
                len => rest = rest.get(len..).unwrap_or_default(),
            }
        }
        self.at = self.bytes.len().wrapping_sub(rest.len());
        self.carry = carry;
        self.end.take().unwrap_or(End::Unusual)
    }

    /// Reads a block, and perhaps more of `rest`, which it begins. Gives how many bytes have been read: none
    /// where reading ends.
    #[inline(always)]
    fn block<S: Simd>(
        &mut self,
        simd: S,
        bytes: &[u8; BLOCK],
        rest: &[u8],
        carry: &mut Carry,
    ) -> usize {
        let block = Block::new(simd, *bytes);

        let quotes = block.find(b'"');
        let backslashes = block.find(b'\\');
        let (escaped, mut escaped_behind) = block::after_escape(backslashes, carry.escaped);
        let unescaped = quotes & !escaped;
        let has_controls = block.has_controls();
        let escapes = escaped & !quotes;
        let Some(unjudged) = escapes::unjudged(&block, rest.len(), escapes) else {
            return 0;
        };
        if unescaped == 0 && carry.text != 0 {
            let len = match has_controls {
                true => 0,
                false if backslashes | unjudged == 0 => plain_len(simd, rest),
                false => escapes::text_len(rest, unjudged, &mut escaped_behind),
            };
            if len != 0 {
                carry.escaped = escaped_behind;
            }
            return len;
        }
        if unjudged != 0 && !escapes::may_follow(unjudged, rest) {
            return 0;
        }
        let text = block::parity(unescaped) ^ carry.text;
        let opening = unescaped & text;
        let closing = unescaped & !text;
        let outside = !(text | unescaped);

        let mut spaces = outside & block.find(b' ');
        if has_controls {
            let controls = block.below(b' ');
            if controls & text != 0 {
                return 0;
            }
            spaces |= block::lines(bytes);
        }
        let commas = outside & block.find(b',');
        let colons = outside & block.find(b':');
        let opened = outside & block.brackets(b'{');
        let closed = outside & block.brackets(b'}');
        let separators = commas | colons | opened;
        let scalars = outside & !(spaces | separators | closed);
        let unread = scalars.leading_ones();
        let tail = !u64::MAX.wrapping_shr(unread);
        let scalars = Scalars::new(scalars & !tail);

        // What must not be there.
        let (behind_separator, value) = block::next(separators, spaces | tail, carry.value);
        let values = opening | scalars.starts | opened;
        let empty = closed & (opened << 1 | carry.opened);
        let misplaced =
            (behind_separator ^ values) & !empty | colons & !(closing << 1 | carry.closed);
        if misplaced != 0 || !scalars.are_right(&block, bytes) {
            return 0;
        }

        // A block that is not read has carried nothing.
        carry.text = mask(text >> 63 == 1);
        carry.escaped = escaped_behind;
        carry.value = value;
        carry.opened = opened >> 63;
        carry.closed = closing >> 63;
        let structure = Structure {
            commas,
            colons,
            opened,
            closed,
            curly: match opened | closed {
                0 => 0,
                _ => block.curly(),
            },
            empty,
            strings: opening,
            escapes: backslashes != 0,
        };
        match self.is_right(structure, rest.len(), carry) {
            false => 0,
            true if unread == 0 => BLOCK,
            // `black_box` keeps this a branch: so the CPU goes on with the next block before it knows how
            // much of this one is read.
            true => black_box(BLOCK.saturating_sub(unread as usize)),
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
            End::Before(at) => {
                self.carry.key = 0;
                self.stop_before(at)
            }
            End::Unusual if self.carry.text == 0 => self.stop_before(self.at),
            // The state machine must have all of a key.
            End::Unusual if self.carry.key == 1 && self.json.has_wanted_keys() => {
                self.stop_before(self.string)
            }
            End::Unusual => {
                self.json.in_key = self.carry.key == 1;
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
            Some(b',') if self.json.levels.in_object() => State::Key,
            Some(b',' | b':') => State::Value,
            // The state machine must have all of a key.
            Some(b'"') if self.carry.key == 1 && self.json.has_wanted_keys() => {
                return self.stop_before(self.string);
            }
            Some(b'"') if self.carry.key == 1 => State::Colon,
            // A key that is no string, at the end of a block.
            Some(_) if self.carry.key == 1 => State::Failed(Trouble::JsonSyntax),
            Some(_) => State::After,
        };
        at
    }
}

/// How many bytes are text in whole blocks without escapes, as the first is.
#[inline(always)]
fn plain_len<S: Simd>(simd: S, text: &[u8]) -> usize {
    let (blocks, _) = text.as_chunks();
    let plain = blocks.iter().skip(1);
    let plain = plain.take_while(|bytes| Block::new(simd, **bytes).is_plain_text());
    plain.count().saturating_add(1).saturating_mul(BLOCK)
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

pub(super) const fn mask(bit: bool) -> u64 {
    (bit as u64).wrapping_neg()
}
