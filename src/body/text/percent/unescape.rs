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
use fearless_simd::{Level, u8x16, u8x32};

/// Bytes in a vector.
const VECTOR: usize = 32;
/// Bytes that tell what the bytes of a vector stand for: an escape may begin with the last of them.
const WINDOW: usize = VECTOR + 2;
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

    /// Decodes whole vectors from the front, and hands them on. Returns how many bytes it took: none
    /// where the CPU has no instruction for it.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        loop {
            let taken = self.fill(rest);
            rest = rest.get(taken..).unwrap_or_default();
            if taken == 0 || rest.len() < WINDOW {
                return bytes.len().saturating_sub(rest.len());
            }
            self.flush();
        }
    }

    /// Decodes whole vectors as long as there is room. A function of its own, since a call in its loop
    /// would take the constants from their registers.
    #[inline(never)]
    fn fill(&mut self, bytes: &[u8]) -> usize {
        // Without AVX2 there may be no shuffle by a table: then the caller decodes byte by byte.
        #[cfg(target_arch = "x86_64")]
        return Level::new().as_avx2().map_or(0, |avx2| {
            avx2.vectorize(
                #[inline(always)]
                || self.fill_by(avx2, bytes),
            )
        });
        #[cfg(not(target_arch = "x86_64"))]
        dispatch!(Level::baseline(), simd => self.fill_by(simd, bytes))
    }

    #[inline(always)]
    fn fill_by<S: Simd>(&mut self, simd: S, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        let mut len = self.len;
        // Bits for the digits of the last escape that stand in the next vector.
        let mut digits = 0_u64;
        while let Some(window) = rest.first_chunk::<WINDOW>()
            && let Some(free) = self.bytes.get_mut(len..)
            && let Some(free) = free.first_chunk_mut()
        {
            let text = vector(simd, window, 0);
            let (high, low) = (vector(simd, window, 1), vector(simd, window, 2));
            let (value, escapes) = decoded(text, high, low);
            let drop = escapes << 1 | escapes << 2 | digits;
            digits = drop >> VECTOR;
            len = len.wrapping_add(keep(free, value, !drop as u32));
            rest = rest.get(VECTOR..).unwrap_or_default();
        }
        self.len = len;
        let digits = digits.count_ones() as usize;
        bytes
            .len()
            .saturating_sub(rest.len())
            .saturating_add(digits)
    }
}

/// Writes the bytes of `text` that are in `set` to the front of `free`. Returns how many.
#[inline(always)]
fn keep<S: Simd>(free: &mut [u8; 2 * VECTOR], text: u8x32<S>, set: u32) -> usize {
    let (low, high) = text.split();
    keep_part::<S, 0>(free, low, set);
    keep_part::<S, 8>(free, low.slide::<PART>(low), set);
    keep_part::<S, 16>(free, high, set);
    keep_part::<S, 24>(free, high.slide::<PART>(high), set);
    set.count_ones() as usize
}

/// Writes those of the first eight bytes that are in `set` from its bit FIRST on, behind those in front of
/// it. It writes a whole vector, also bytes that are left out: the next part overwrites them.
#[inline(always)]
fn keep_part<S: Simd, const FIRST: u32>(free: &mut [u8; 2 * VECTOR], text: u8x16<S>, set: u32) {
    let mut which = [0; PACKED];
    let row = PACK.get(usize::from((set >> FIRST) as u8));
    if let (Some(part), Some(row)) = (which.first_chunk_mut(), row) {
        *part = *row;
    }
    let len = (set & !(u32::MAX << FIRST)).count_ones();
    let free = free.get_mut(len as usize..).unwrap_or_default();
    if let Some(free) = free.first_chunk_mut() {
        *free = text.swizzle_dyn(u8x16::simd_from(text.simd, which)).into();
    }
}

#[inline(always)]
fn vector<S: Simd>(simd: S, window: &[u8; WINDOW], at: usize) -> u8x32<S> {
    let bytes = window.get(at..).unwrap_or_default();
    let bytes = bytes.first_chunk::<VECTOR>().copied().unwrap_or_default();
    bytes.simd_into(simd)
}

/// For each byte of `text`: the byte that an escape stands for if one begins there, else the byte itself,
/// or a space for `+`. And bits for the places where escapes begin.
#[inline(always)]
#[expect(clippy::arithmetic_side_effects, reason = "vectors wrap")]
fn decoded<S: Simd>(text: u8x32<S>, high: u8x32<S>, low: u8x32<S>) -> (u8x32<S>, u64) {
    let (high, low) = (digit(high), digit(low));
    let escapes = text.simd_eq(b'%') & (high | low).simd_lt(16);
    let spaced = text
        .simd_eq(b'+')
        .select(u8x32::splat(text.simd, b' '), text);
    (
        escapes.select(high << 4 | low, spaced),
        escapes.to_bitmask(),
    )
}

/// The values of hexadecimal digits; 16 or more for other bytes.
#[inline(always)]
#[expect(clippy::arithmetic_side_effects, reason = "vectors wrap")]
fn digit<S: Simd>(bytes: u8x32<S>) -> u8x32<S> {
    // Digits become the largest values, and these 0 to 9: what is between them and the others is lost.
    let digits = (bytes - (b'9' + 1)).saturating_sub(6) - 0xf0;
    let letters = ((bytes | 0x20) - b'a').saturating_add(10);
    digits.min(letters)
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
    fn every_two_bytes_behind_a_percent_sign() {
        for high in 0..=u8::MAX {
            let escapes = (0..=u8::MAX).flat_map(|low| [b'%', high, low, b'-']);
            let text: Vec<u8> = escapes.collect();
            let mut expected = Vec::new();
            let mut escape = Escape::None;
            escape.decode(&text, &mut expected);
            escape.end(&mut expected);
            assert_eq!(decode(&text, text.len()), expected, "{high:#x}");
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
