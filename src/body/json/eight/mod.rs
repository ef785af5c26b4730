//! Eight blocks of what nobody wants of a JSON text at once, where the CPU has AVX-512.
//!
//! The grammar is that of `skip.rs`, but what is said of a block is a lane of a vector, and numbers
//! and literals go on from one block to the next.

mod bits;
mod classes;
mod scalars;

use bits::{Array, Bits, LANES, any, behind, load, shift, splat};
use classes::Blocks;
use fearless_simd::{Avx512, Level, Simd, dispatch};
use scalars::Scalars;

use super::block::{self, BLOCK, Block};
use super::carry::Carry;
use super::escapes;
use super::skip::structure::Structure;
use super::skip::{End, Skip, mask};
use crate::body::Trouble;

/// What the blocks in front had.
#[derive(Clone, Copy)]
struct Before {
    separators: Bits,
    in_front_of_keys: Bits,
    opened: Bits,
    closing: Bits,
    scalars: scalars::Before,
    /// 1 where white space goes on behind a separator
    value: u64,
    /// 1 where a key goes on
    key: u64,
}

impl Before {
    fn new(avx512: Avx512, carry: &Carry) -> Self {
        Self {
            separators: bits::last(avx512, carry.value),
            in_front_of_keys: bits::last(avx512, carry.key),
            opened: bits::last(avx512, carry.opened),
            closing: bits::last(avx512, carry.closed),
            scalars: scalars::Before::new(splat(avx512, 0)),
            value: 0,
            key: 0,
        }
    }
}

impl Skip<'_, '_, '_> {
    /// Reads blocks. `None`: within a long string.
    pub(super) fn read_eight(&mut self, avx512: Avx512) -> Option<End> {
        avx512.vectorize(
            #[inline(always)]
            || self.read_blocks(avx512),
        )
    }

    /// Reads blocks within a string.
    #[inline(never)]
    pub(super) fn read_string(&mut self, avx512: Avx512) {
        avx512.vectorize(
            #[inline(always)]
            || {
                let mut escaped = self.carry.escaped;
                let mut rest = self.rest;
                loop {
                    let is_plain = |bytes: &[u8; BLOCK]| Block::new(avx512, *bytes).is_plain_text();
                    if escaped == 0 && rest.first_chunk().is_some_and(is_plain) {
                        // Each of the others in one line of the cache.
                        let aligned = rest.as_ptr().align_offset(BLOCK);
                        rest = rest.get(aligned..).unwrap_or_default();
                        let (blocks, _) = rest.as_chunks();
                        let plain = blocks.iter().take_while(|bytes| is_plain(bytes));
                        let len = plain.count().saturating_mul(BLOCK);
                        rest = rest.get(len..).unwrap_or_default();
                    }
                    let Some((bytes, after)) = rest.split_first_chunk() else {
                        break;
                    };
                    let block = Block::new(avx512, *bytes);
                    let quotes = block.find(b'"');
                    let mut next = escaped;
                    let behind = block::after_escape(block.find(b'\\'), &mut next);
                    if quotes & !behind | block.below(b' ') != 0
                        || !escapes::are_right(&block, rest, behind & !quotes)
                    {
                        break;
                    }
                    (escaped, rest) = (next, after);
                }
                self.carry.escaped = escaped;
                self.rest = rest;
            },
        );
    }

    #[inline(always)]
    fn read_blocks(&mut self, avx512: Avx512) -> Option<End> {
        let mut before = Before::new(avx512, &self.carry);
        loop {
            // With what follows the blocks.
            let mut text = self.rest;
            let mut is_long = false;
            while !text.is_empty() {
                let blocks = Blocks::look(avx512, text);
                let mut after = before;
                match self.judge_eight(avx512, text, &blocks, &mut after) {
                    Ok(0) => {
                        before = after;
                        is_long = any(blocks.quotes) >> (LANES - 2) == 0;
                        break;
                    }
                    // What is in front of the first that is unusual. That may be what follows the text.
                    Ok(unusual) => {
                        let last = text.len().saturating_sub(1) / BLOCK;
                        let len = last.min(unusual.trailing_zeros() as usize);
                        text = text.get(..len.saturating_mul(BLOCK)).unwrap_or_default();
                    }
                    Err(end) => return Some(end),
                }
            }
            let len = text.len().min(LANES * BLOCK);
            self.rest = self.rest.get(len..).unwrap_or_default();
            let is_end = len < LANES * BLOCK || self.rest.is_empty();
            if is_end || is_long && self.carry.text != 0 {
                self.carry = Carry {
                    text: self.carry.text,
                    escaped: self.carry.escaped,
                    key: before.key | bits::end(before.in_front_of_keys),
                    ..Carry::default()
                };
                return is_end.then_some(End::Unusual);
            }
        }
    }

    /// Judges blocks. Gives those with something that is not read here.
    #[inline(always)]
    fn judge_eight(
        &mut self,
        avx512: Avx512,
        bytes: &[u8],
        blocks: &Blocks,
        before: &mut Before,
    ) -> Result<u64, End> {
        let mut quotes = blocks.quotes;
        let mut unusual = 0;
        let mut escaped = 0;
        if any(blocks.backslashes) | self.carry.escaped != 0 {
            let mut unescaped = quotes.into();
            let backslashes = blocks.backslashes.into();
            escaped = self.carry.escaped;
            unusual = self.unescape(bytes, &backslashes, &mut unescaped, &mut escaped);
            quotes = load(avx512, unescaped);
        }
        let mut texts = self.carry.text & 1;
        let text = bits::parity(quotes, &mut texts);
        let opening = quotes & text;
        let closing = quotes & !text;
        let outside = !(text | quotes);
        let spaces = outside & (blocks.spaces | blocks.lines);
        let commas = outside & blocks.commas;
        let colons = outside & blocks.colons;
        let opened = outside & blocks.opened;
        let closed = outside & blocks.closed;
        let brackets = opened | closed;
        let tokens = commas | colons | brackets;

        // What must not be there.
        let scalars = Scalars::new(outside & !(spaces | tokens), &mut before.scalars);
        let separators = commas | colons | opened;
        let behind_separator = bits::next(
            separators,
            spaces,
            &mut before.separators,
            &mut before.value,
        );
        let values = opening | scalars.starts | opened;
        let empty = closed & shift(opened, &mut before.opened);
        let (wrong, unread) = scalars.wrong(blocks, bytes, &mut before.scalars);
        let wrong = wrong
            | blocks.controls & text
            | (behind_separator ^ values) & !empty
            | colons & !shift(closing, &mut before.closing);
        unusual |= unread | any(wrong);
        if unusual != 0 {
            return Ok(unusual);
        }

        // Between the rows of a list, `},{` or `}, {`, the levels stay what they are.
        let none = splat(avx512, 0);
        let behind_closed = behind(closed, none);
        let between = commas & behind_closed;
        let behind_commas = behind(between, none);
        let gaps = behind_commas & spaces;
        let changes = behind_closed & !commas
            | (behind_commas & !spaces | behind(gaps, none)) ^ opened
            | brackets & !blocks.curly;
        let is_open = bits::end(closed | between | gaps) != 0;
        let has_rows_only = !self.at_top && (self.rows != 0 || any(brackets) == 0);
        let mut objects = splat(avx512, self.objects) & !between;
        let mut read = splat(avx512, u64::MAX);
        if !has_rows_only || is_open || any(changes) != 0 {
            let all = [
                colons,
                opened,
                closed,
                blocks.curly,
                opening,
                blocks.backslashes,
            ];
            let judged =
                self.levels_of_eight(&all.map(Array::from), any(brackets | colons | opening));
            [objects, read] = judged.map(|judged| load(avx512, judged));
        }
        // Behind a key, and only there, comes a colon.
        let behind_keys = bits::next(
            opened & blocks.curly | commas & objects,
            !tokens,
            &mut before.in_front_of_keys,
            &mut before.key,
        );
        if any((behind_keys ^ colons) & !empty & read) != 0 {
            return Err(End::Failed(Trouble::JsonSyntax));
        }
        self.carry.text = mask(texts != 0);
        self.carry.escaped = escaped;
        self.end.take().map_or(Ok(0), Err)
    }

    /// Opens and closes levels, in those of the blocks that have `any`. Gives what is within objects, and
    /// what has been judged. May set the end.
    #[cold]
    #[inline(never)]
    fn levels_of_eight(&mut self, all: &[Array; 6], any: u64) -> [Array; 2] {
        let rest = self.rest;
        let (mut objects, mut read) = ([0; LANES], [0; LANES]);
        for (lane, (objects, read)) in objects.iter_mut().zip(&mut read).enumerate() {
            if any >> lane & 1 == 0 {
                (*objects, *read) = (self.objects, u64::MAX);
                continue;
            }
            let [colons, opened, closed, curly, strings, backslashes] =
                all.map(|blocks| blocks.get(lane).copied().unwrap_or_default());
            self.rest = rest.get(lane.saturating_mul(BLOCK)..).unwrap_or_default();
            (*objects, *read) = self.levels(&Structure {
                commas: 0,
                colons,
                opened,
                closed,
                curly,
                empty: 0,
                strings,
                escapes: backslashes != 0,
            });
            if self.end.is_some() {
                break;
            }
        }
        self.rest = rest;
        [objects, read]
    }

    /// Takes quotes away that are escaped. Gives the blocks with something that must not follow a
    /// backslash. `escaped`: 1 where the first byte follows one; becomes that of the next blocks.
    #[cold]
    #[inline(never)]
    fn unescape(
        &mut self,
        text: &[u8],
        backslashes: &Array,
        quotes: &mut Array,
        escaped: &mut u64,
    ) -> u64 {
        let mut wrong = 0;
        for (lane, (backslashes, quotes)) in backslashes.iter().zip(quotes).enumerate() {
            let behind = block::after_escape(*backslashes, escaped);
            let others = behind & !*quotes;
            *quotes &= !behind;
            if others != 0 {
                let text = text.get(lane.saturating_mul(BLOCK)..).unwrap_or_default();
                let block = text.first_chunk().copied();
                let block = block.unwrap_or_else(|| block::pad(text));
                let are_right = dispatch!(Level::baseline(), simd => {
                    escapes::are_right(&Block::new(simd, block), text, others)
                });
                wrong |= u64::from(!are_right) << lane;
            }
        }
        wrong
    }
}
