//! Numbers and literals of a JSON text that nobody wants: what of its blocks is neither string, white
//! space nor structure.

use super::bits::{self, Bits, LANES, shift};
use super::classes::Blocks;
use crate::body::json::block::BLOCK;

/// Numbers and literals. Masks have a bit for each byte.
#[derive(Clone, Copy)]
pub(super) struct Scalars {
    bytes: Bits,
    pub(super) starts: Bits,
}

/// What the blocks in front had.
#[derive(Clone, Copy)]
pub(super) struct Before {
    bytes: Bits,
    digits: Bits,
    points: Bits,
    minuses: Bits,
    /// zeros that begin a number
    zeros: Bits,
    /// 1 where a number that goes on has had no point
    whole: u64,
    /// the rest of a literal
    literal: u64,
}

impl Before {
    #[inline(always)]
    pub(super) fn new(none: Bits) -> Self {
        Self {
            bytes: none,
            digits: none,
            points: none,
            minuses: none,
            zeros: none,
            whole: 0,
            literal: 0,
        }
    }
}

impl Scalars {
    #[inline(always)]
    pub(super) fn new(bytes: Bits, before: &mut Before) -> Self {
        let starts = bytes & !shift(bytes, &mut before.bytes);
        Self { bytes, starts }
    }

    /// Whatever is no number without an exponent, nor `true`, `false` or `null`; and the blocks that
    /// have such. `text`: from the first block on.
    #[inline(always)]
    pub(super) fn wrong(&self, blocks: &Blocks, text: &[u8], before: &mut Before) -> (Bits, u64) {
        let digits = self.bytes & blocks.digits;
        let points = self.bytes & blocks.points;
        let minuses = self.bytes & blocks.minuses;
        let zeros = blocks.zeros;
        let behind_digits = shift(digits, &mut before.digits);
        let behind_points = shift(points, &mut before.points);
        let behind_minuses = shift(minuses, &mut before.minuses);
        let first = digits & (self.starts | behind_minuses);
        let behind_zeros = shift(first & zeros, &mut before.zeros);
        // The carry of an addition runs through each number to its first point.
        let to_point = bits::add(self.bytes & !points, self.starts, &mut before.whole);
        let wrong = minuses & !self.starts
            | (behind_minuses | behind_points) & !digits
            | digits & !(behind_digits | first | behind_points)
            | points & !(to_point & behind_digits)
            | behind_zeros & digits;
        // Digits that are to be counted.
        let long = bits::all(self.bytes);
        let letters = self.bytes & !(digits | points | minuses);
        let mut bad = long;
        if bits::any(letters) != 0 {
            bad |= not_literals(blocks, letters, self.starts, text, &mut before.literal);
        }
        (wrong, bad)
    }
}

/// The blocks in which not all of these letters are literals. `begun`: what the first block has of one
/// that began in front of it; becomes that of the next blocks.
#[inline(always)]
fn not_literals(blocks: &Blocks, letters: Bits, starts: Bits, text: &[u8], begun: &mut u64) -> u64 {
    let none = bits::splat(letters.simd, 0);
    let letters = letters & !bits::load(letters.simd, [*begun, 0, 0, 0, 0, 0, 0, 0]);
    let starts = starts & letters;
    let behind_letters = bits::behind(letters, none) & !letters;
    let behind_literals = bits::behind(blocks.literals(starts), none);
    let wrong = bits::any(behind_letters & !behind_literals);
    *begun = 0;
    let goes_on = bits::end(letters) << (LANES - 1);
    if goes_on == 0 {
        return wrong;
    }
    // The last one may end in the blocks that follow.
    let [.., last] = bits::Array::from(starts);
    let text = text.get((LANES - 1) * BLOCK..).unwrap_or_default();
    let literal = last_literal(text, last);
    *begun = (literal >> 64) as u64;
    match literal & 1 << 63 {
        0 => wrong | goes_on,
        _ => wrong,
    }
}

/// The bytes of the literal that begins last of these in a block, the text's first, and in the next one.
#[inline(always)]
fn last_literal(text: &[u8], starts: u64) -> u128 {
    let Some(start) = starts.checked_ilog2() else {
        return 0;
    };
    let bytes: u128 = match text.get(start as usize..).unwrap_or_default() {
        [b'n', b'u', b'l', b'l', ..] | [b't', b'r', b'u', b'e', ..] => 0xf,
        [b'f', b'a', b'l', b's', b'e', ..] => 0x1f,
        _ => 0,
    };
    bytes << start
}
