//! 64 bytes of a JSON text as bitmaps, by vectors: bit n tells of byte n.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};

use crate::body::text::copy;

/// Bytes in a block.
pub(super) const BLOCK: usize = 64;

const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;

/// A block in the CPU's vectors.
#[derive(Clone, Copy)]
pub(super) struct Block<S: Simd> {
    bytes: u8x64<S>,
}

impl<S: Simd> Block<S> {
    #[inline(always)]
    pub(super) fn new(simd: S, bytes: [u8; BLOCK]) -> Self {
        Self {
            bytes: bytes.simd_into(simd),
        }
    }

    #[inline(always)]
    pub(super) fn find(&self, byte: u8) -> u64 {
        self.bytes.simd_eq(byte).to_bitmask()
    }

    /// Brackets of one side: `[` and `{`, or `]` and `}`, given the brace.
    #[inline(always)]
    pub(super) fn brackets(&self, brace: u8) -> u64 {
        (self.bytes | 0x20).simd_eq(brace).to_bitmask()
    }

    /// Of brackets, those that are braces.
    #[inline(always)]
    pub(super) fn curly(&self) -> u64 {
        !(self.bytes & 0x20).simd_eq(0).to_bitmask()
    }

    #[inline(always)]
    pub(super) fn below(&self, bound: u8) -> u64 {
        self.bytes.simd_lt(bound).to_bitmask()
    }

    #[inline(always)]
    pub(super) fn has_controls(&self) -> bool {
        let (a, b) = self.bytes.split();
        a.min(b).simd_lt(b' ').any_true()
    }

    /// A string has no end, no escape and no control character here.
    #[inline(always)]
    pub(super) fn is_plain_text(&self) -> bool {
        let ends = (self.bytes ^ b'"').min(self.bytes ^ b'\\');
        // No bit of these in what is below 0x20.
        let above_controls = self.bytes & 0xe0;
        !ends.min(above_controls).simd_eq(0).any_true()
    }

    /// Whether four hexadecimal digits follow each of these bytes, which are none of the last four,
    /// and are no half of a surrogate pair.
    #[inline(always)]
    #[expect(clippy::arithmetic_side_effects, reason = "vectors wrap")]
    pub(super) fn are_unicode(&self, escapes: u64) -> bool {
        let lower = self.bytes | 0x20;
        let letters = (lower - b'a').simd_lt(6).to_bitmask();
        let first = escapes << 1;
        let digits = first | first << 1 | first << 2 | first << 3;
        digits & !(self.digits() | letters) == 0 && first & lower.simd_eq(b'd').to_bitmask() == 0
    }

    #[inline(always)]
    pub(super) fn digits(&self) -> u64 {
        (self.bytes ^ b'0').simd_lt(10).to_bitmask()
    }
}

/// Tabs and ends of lines. A function of its own, since most blocks have none.
#[inline(never)]
pub(super) fn lines(bytes: &[u8; BLOCK]) -> u64 {
    fn find<S: Simd>(simd: S, bytes: &[u8; BLOCK]) -> u64 {
        let block = Block::new(simd, *bytes);
        block.find(b'\n') | block.find(b'\r') | block.find(b'\t')
    }
    dispatch!(Level::baseline(), simd => find(simd, bytes))
}

/// The last bytes of a piece as a block, with digits behind them: a number that may go on is not read.
#[inline(never)]
pub(super) fn pad(rest: &[u8]) -> [u8; BLOCK] {
    let mut block = [b'0'; BLOCK];
    copy(&mut block, rest);
    block
}

/// The bytes that follow an odd number of backslashes, of which each pair is one that is escaped.
/// `first`: 1 where the block's first byte does. Gives that of the next block, too.
#[inline(always)]
pub(super) fn after_escape(backslash: u64, first: u64) -> (u64, u64) {
    if backslash == 0 {
        return (first, 0);
    }
    let runs = backslash & !first;
    let starts = runs & !(runs << 1);
    // The carry of an addition runs through to the byte behind a run.
    let even = runs.wrapping_add(starts & !ODD);
    let (odd, carry) = runs.overflowing_add(starts & ODD);
    let escaped = first | (even & ODD | odd & !ODD) & !runs;
    (escaped, u64::from(carry))
}

/// Bit n: whether an odd number of the bits 0 to n is set.
#[inline(always)]
pub(super) fn parity(bits: u64) -> u64 {
    let bits = bits ^ bits << 1;
    let bits = bits ^ bits << 2;
    let bits = bits ^ bits << 4;
    let bits = bits ^ bits << 8;
    let bits = bits ^ bits << 16;
    bits ^ bits << 32
}

/// The first bytes behind those of `bits` that are not `space`. `first`: 1 where the block's first
/// is looked for. Gives that of the next block, too.
#[inline(always)]
pub(super) fn next(bits: u64, space: u64, first: u64) -> (u64, u64) {
    let behind = bits << 1 | first;
    let (over, carried) = space.overflowing_add(behind & space);
    let next = (behind | over) & !space;
    (next, bits >> 63 | u64::from(carried))
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Block, Level, Simd, dispatch, lines};

    fn is_plain_text<S: Simd>(simd: S, bytes: [u8; BLOCK]) -> bool {
        Block::new(simd, bytes).is_plain_text()
    }

    #[test]
    fn what_is_plain_and_where_lines_end() {
        for byte in 0..=u8::MAX {
            for at in [0, 31, 63] {
                let mut bytes = [b'-'; BLOCK];
                bytes[at] = byte;
                let is_line = matches!(byte, b'\t' | b'\n' | b'\r');
                assert_eq!(lines(&bytes), u64::from(is_line) << at, "{byte}");
                let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
                let found = dispatch!(Level::baseline(), simd => is_plain_text(simd, bytes));
                assert_eq!(found, is_plain, "{byte}");
            }
        }
    }
}
