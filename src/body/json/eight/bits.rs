//! Bitmaps of eight blocks: a bit for each of 512 bytes, the first byte's in the lowest bit of the
//! first lane.

use fearless_simd::prelude::*;
use fearless_simd::{Avx512, mask64x8, u64x8};

/// Blocks that are judged at once.
pub(super) const LANES: usize = 8;

pub(super) type Bits = u64x8<Avx512>;

/// A bitmap for each block.
pub(super) type Array = [u64; LANES];

#[inline(always)]
pub(super) fn splat(avx512: Avx512, block: u64) -> Bits {
    u64x8::splat(avx512, block)
}

#[inline(always)]
pub(super) fn load(avx512: Avx512, blocks: Array) -> Bits {
    blocks.simd_into(avx512)
}

/// The blocks of which a bit is set.
#[inline(always)]
pub(super) fn any(bits: Bits) -> u64 {
    (!bits.simd_eq(0)).to_bitmask()
}

/// The blocks of which all bits are set.
#[inline(always)]
pub(super) fn all(bits: Bits) -> u64 {
    bits.simd_eq(u64::MAX).to_bitmask()
}

/// The blocks of which the last bit is set.
#[inline(always)]
pub(super) fn ends(bits: Bits) -> u64 {
    any(bits & 1 << 63)
}

/// 1 where the last bit of all is set.
#[inline(always)]
pub(super) fn end(bits: Bits) -> u64 {
    ends(bits) >> (LANES - 1)
}

/// Where the last bit of all is this one.
#[inline(always)]
pub(super) fn last(avx512: Avx512, bit: u64) -> Bits {
    load(avx512, [0, 0, 0, 0, 0, 0, 0, bit << 63])
}

/// The bytes behind these. `before`: those of the blocks in front.
#[inline(always)]
#[expect(clippy::arithmetic_side_effects, reason = "bits that are shifted out")]
pub(super) fn behind(bits: Bits, before: Bits) -> Bits {
    bits << 1 | before.slide::<{ LANES - 1 }>(bits) >> 63
}

/// The bytes behind these. `before`: those of the blocks in front; becomes these.
#[inline(always)]
pub(super) fn shift(bits: Bits, before: &mut Bits) -> Bits {
    behind(bits, core::mem::replace(before, bits))
}

/// The sum of two numbers of 512 bits. `carry`: 0 or 1, to add; becomes that of the sum.
#[inline(always)]
#[expect(clippy::arithmetic_side_effects, reason = "vectors wrap")]
pub(super) fn add(a: Bits, b: Bits, carry: &mut u64) -> Bits {
    let sum = a + b;
    let made = ends(a & b | (a | b) & !sum);
    let passed = all(sum);
    // The same addition once more, a bit for a block.
    let into = (made << 1 | *carry).wrapping_add(passed) ^ passed;
    *carry = into >> LANES;
    sum - whole(sum, into)
}

/// The first bytes behind those of `bits` that are not `space`. `carry`: 1 where the first byte is
/// looked for; becomes that of the next blocks.
#[inline(always)]
pub(super) fn next(bits: Bits, space: Bits, before: &mut Bits, carry: &mut u64) -> Bits {
    let behind = shift(bits, before);
    // The carry of an addition runs through white space.
    (behind | add(space, behind & space, carry)) & !space
}

/// Bit n: whether an odd number of the bits 0 to n is set. `carry`: 1 to begin with an odd number;
/// becomes that of the next blocks.
#[inline(always)]
#[expect(clippy::arithmetic_side_effects, reason = "bits that are shifted out")]
pub(super) fn parity(bits: Bits, carry: &mut u64) -> Bits {
    let bits = bits ^ bits << 1;
    let bits = bits ^ bits << 2;
    let bits = bits ^ bits << 4;
    let bits = bits ^ bits << 8;
    let bits = bits ^ bits << 16;
    let bits = bits ^ bits << 32;
    let odd = ends(bits) << 1 | *carry;
    let odd = odd ^ odd << 1;
    let odd = odd ^ odd << 2;
    let odd = odd ^ odd << 4;
    let odd = odd ^ odd << 8;
    *carry = odd >> LANES & 1;
    bits ^ whole(bits, odd)
}

/// All bits of these blocks.
#[inline(always)]
fn whole(bits: Bits, blocks: u64) -> Bits {
    let blocks = mask64x8::from_bitmask(bits.simd, blocks);
    blocks.select(splat(bits.simd, u64::MAX), splat(bits.simd, 0))
}
