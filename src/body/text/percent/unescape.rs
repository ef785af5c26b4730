//! Percent escapes of long texts, 32 bytes at a time.
//!
//! Each byte is decoded as if an escape began there. The decoded byte is taken where an escape does begin,
//! and the two digits behind it are dropped: `%7B%22a%22` becomes `{??"??a"??`, and a table of shuffles
//! ([`PACK`]) leaves out each `?`.

use super::Sink;
use crate::body::text::copy;
#[cfg(not(target_arch = "x86_64"))]
use fearless_simd::dispatch;
use fearless_simd::prelude::*;
use fearless_simd::{Level, mask8x32, u8x16, u8x32};

/// Bytes in a vector.
const VECTOR: usize = 32;
/// Bytes in a vector that one shuffle packs.
const PACKED: usize = 16;
/// Bytes that a row of the table of shuffles packs.
const PART: usize = 8;

/// For each subset of eight bytes, given as bits: the indexes of its bytes, in order. `PACK[0b1001_0010]`
/// begins with 1, 4, 7.
static PACK: [[u8; PART]; 256] = pack();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the compiler runs it, and would not compile a panic"
)]
const fn pack() -> [[u8; PART]; 256] {
    let mut table = [[0; PART]; 256];
    let mut set = 0;
    while set < table.len() {
        let (mut bit, mut len) = (0, 0);
        while bit < 8 {
            if set >> bit & 1 == 1 {
                table[set][len] = bit as u8;
                len += 1;
            }
            bit += 1;
        }
        set += 1;
    }
    table
}

/// Collects decoded bytes, to hand them on by the thousand.
pub(in crate::body) struct Buffer<'s, S, const LEN: usize> {
    sink: &'s mut S,
    bytes: [u8; LEN],
    len: usize,
}

impl<T: Sink, const LEN: usize> Sink for Buffer<'_, T, LEN> {
    fn push(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.bytes.get_mut(self.len..end) {
            Some(free) => {
                copy(free, bytes);
                self.len = end;
            }
            None => {
                self.flush();
                self.sink.push(bytes);
            }
        }
    }

    #[inline]
    fn push_byte(&mut self, byte: u8) {
        if self.len == LEN {
            self.flush();
        }
        if let Some(free) = self.bytes.get_mut(self.len) {
            *free = byte;
            self.len = self.len.saturating_add(1);
        }
    }
}

impl<'s, T: Sink, const LEN: usize> Buffer<'s, T, LEN> {
    pub(in crate::body) fn new(sink: &'s mut T) -> Self {
        Self {
            sink,
            bytes: [0; LEN],
            len: 0,
        }
    }

    /// Takes the first `len` bytes. A few of many are copied as a vector, without a call.
    #[inline(always)]
    pub(in crate::body) fn push_first(&mut self, bytes: &[u8], len: usize) {
        let free = self.bytes.get_mut(self.len..).unwrap_or_default();
        if let Some(vector) = bytes.first_chunk::<PACKED>()
            && let Some(free) = free.first_chunk_mut()
            && len <= PACKED
        {
            *free = *vector;
            self.len = self.len.saturating_add(len);
        } else {
            self.push(bytes.get(..len).unwrap_or(bytes));
        }
    }

    pub(in crate::body) fn flush(&mut self) {
        if let Some(bytes) = self.bytes.get(..self.len)
            && !bytes.is_empty()
        {
            self.sink.push(bytes);
        }
        self.len = 0;
    }

    /// Takes the bytes of `text` that are in `set`. There must be room for two vectors, else it takes none.
    #[inline(always)]
    fn keep<S: Simd>(&mut self, text: u8x32<S>, set: u64) {
        let free = self.bytes.get_mut(self.len..).unwrap_or_default();
        let Some(free) = free.first_chunk_mut::<{ 2 * VECTOR }>() else {
            return;
        };
        let (low, high) = text.split();
        let [a, b, c, d, ..] = set.to_le_bytes();
        let len = keep_part(free, 0, low, a, 0);
        let len = keep_part(free, len, low, b, PART as u8);
        let len = keep_part(free, len, high, c, 0);
        let len = keep_part(free, len, high, d, PART as u8);
        self.len = self.len.saturating_add(len);
    }

    /// Decodes whole vectors from the front, and hands them on. Returns how many bytes it took: none
    /// where the CPU has no instruction for it.
    #[inline(never)]
    pub(super) fn decode(&mut self, bytes: &[u8]) -> usize {
        // Without AVX2 there may be no shuffle by a table: then the caller decodes byte by byte.
        #[cfg(target_arch = "x86_64")]
        return Level::new().as_avx2().map_or(0, |avx2| {
            avx2.vectorize(
                #[inline(always)]
                || self.decode_by(avx2, bytes),
            )
        });
        #[cfg(not(target_arch = "x86_64"))]
        dispatch!(Level::baseline(), simd => self.decode_by(simd, bytes))
    }

    #[inline(always)]
    fn decode_by<S: Simd>(&mut self, simd: S, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        // Bits for the digits of the last escape that stand in the next vector.
        let mut digits = 0_u64;
        while let (Some(text), Some(high), Some(low)) = (
            vector(simd, rest, 0),
            vector(simd, rest, 1),
            vector(simd, rest, 2),
        ) {
            let (value, escapes) = decoded(text, high, low);
            let escapes = escapes.to_bitmask();
            let drop = escapes << 1 | escapes << 2 | digits;
            digits = drop >> VECTOR;
            if self.len > LEN.saturating_sub(2 * VECTOR) {
                self.flush();
            }
            self.keep(value, !drop);
            rest = rest.get(VECTOR..).unwrap_or_default();
        }
        let digits = digits.count_ones() as usize;
        bytes
            .len()
            .saturating_sub(rest.len())
            .saturating_add(digits)
    }
}

/// Writes those of the eight bytes at `first` that are in `set` to `free`, behind `len` bytes. Returns the new
/// length. It writes a whole vector, also the bytes that are left out: the next bytes overwrite them.
#[inline(always)]
fn keep_part<S: Simd>(
    free: &mut [u8; 2 * VECTOR],
    len: usize,
    text: u8x16<S>,
    set: u8,
    first: u8,
) -> usize {
    let mut which = [0; PACKED];
    if let (Some(part), Some(row)) = (which.first_chunk_mut(), PACK.get(usize::from(set))) {
        *part = *row;
    }
    let which = u8x16::simd_from(text.simd, which) | first;
    // `len` is below VECTOR. With the remainder the compiler knows it too, and need not check the bound.
    let free = free.get_mut(len % VECTOR..).unwrap_or_default();
    if let Some(free) = free.first_chunk_mut::<PACKED>() {
        *free = text.swizzle_dyn(which).into();
    }
    len.wrapping_add(set.count_ones() as usize)
}

#[inline(always)]
fn vector<S: Simd>(simd: S, bytes: &[u8], at: usize) -> Option<u8x32<S>> {
    let bytes: &[u8; VECTOR] = bytes.get(at..)?.first_chunk()?;
    Some((*bytes).simd_into(simd))
}

/// For each byte of `text`: the byte that an escape stands for if one begins there, else the byte itself,
/// or a space for `+`. And a mask of the places where escapes begin.
#[inline(always)]
#[expect(clippy::arithmetic_side_effects, reason = "vectors wrap")]
fn decoded<S: Simd>(text: u8x32<S>, high: u8x32<S>, low: u8x32<S>) -> (u8x32<S>, mask8x32<S>) {
    let ((is_high, high), (is_low, low)) = (digit(high), digit(low));
    let escapes = text.simd_eq(b'%') & is_high & is_low;
    let spaced = text
        .simd_eq(b'+')
        .select(u8x32::splat(text.simd, b' '), text);
    (escapes.select(high << 4 | low, spaced), escapes)
}

/// A mask of the bytes that are hexadecimal digits, and the values of the digits.
#[inline(always)]
#[expect(clippy::arithmetic_side_effects, reason = "vectors wrap")]
fn digit<S: Simd>(bytes: u8x32<S>) -> (mask8x32<S>, u8x32<S>) {
    let letters = ((bytes | 0x20) - b'a').simd_lt(6);
    // The value of a letter is 9 more than its lower four bits.
    let more = letters.select(u8x32::splat(bytes.simd, 9), u8x32::splat(bytes.simd, 0));
    ((bytes ^ b'0').simd_lt(10) | letters, (bytes & 15) + more)
}

#[cfg(test)]
mod tests {
    use super::Buffer;
    use crate::body::text::percent::{Escape, Sink};

    impl Sink for Vec<u8> {
        fn push(&mut self, bytes: &[u8]) {
            self.extend_from_slice(bytes);
        }

        fn push_byte(&mut self, byte: u8) {
            self.push(byte);
        }
    }

    fn decode(text: &[u8], pieces: usize) -> Vec<u8> {
        let mut found = Vec::new();
        let mut escape = Escape::None;
        for piece in text.chunks(pieces) {
            escape.decode_long(piece, &mut found);
        }
        escape.end(&mut found);
        found
    }

    #[test]
    fn agrees_with_one_by_one() {
        let mut state = 1_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) as usize % below
        };
        let tokens: [&[u8]; 12] = [
            b"%7B",
            b"%2c",
            b"%",
            b"%4",
            b"%zz",
            b"%%41",
            b"+",
            b"abc",
            b"%e2%82%AC",
            b"\xff",
            b"%4g",
            b"0123456789abcdefghij",
        ];
        for round in 0..400 {
            let mut text = Vec::new();
            for _ in 0..random(1 + round * 2) {
                text.extend_from_slice(tokens[random(tokens.len())]);
            }
            let mut expected = Vec::new();
            let mut escape = Escape::None;
            escape.decode(&text, &mut expected);
            escape.end(&mut expected);
            for pieces in [1, 7, 64, 1000, 100_000] {
                assert_eq!(decode(&text, pieces), expected, "{}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_handed_on() {
        const LEN: usize = 256;
        let mut found = Vec::new();
        let mut buffer = Buffer::<_, LEN>::new(&mut found);
        buffer.push(b"a");
        buffer.push(&[b'b'; LEN]);
        buffer.push(b"c");
        buffer.flush();
        assert_eq!(found.len(), LEN + 2);
        assert_eq!((found[0], found[1], found[LEN + 1]), (b'a', b'b', b'c'));
    }
}
