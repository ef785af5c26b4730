//! Eight blocks of a JSON text at once, by the AVX-512 of Ice Lake and Zen 4.
//!
//! A table says which classes a byte belongs to, a bit for each ([`class`]). Of that the bits of each
//! class are taken together: within 8 bytes by a product of bit matrices, between those and between
//! blocks by permutations.

use std::arch::x86_64::__m512i;

use fearless_simd::prelude::*;
use fearless_simd::{Avx512, u8x64};

use super::bits::{self, Bits, LANES, splat};
use crate::body::json::block::BLOCK;

/// Room for the last blocks of a text, with white space behind them. Vectors that are put aside lie
/// beside it, each in one line of the cache.
#[repr(align(64))]
struct Padded([u8; LANES * BLOCK]);

impl Padded {
    /// The text's first blocks.
    #[inline(always)]
    fn text<'t>(&'t mut self, text: &'t [u8]) -> &'t [u8; LANES * BLOCK] {
        if let Some(text) = text.first_chunk() {
            return text;
        }
        if let Some(place) = self.0.get_mut(..text.len()) {
            place.copy_from_slice(text);
        }
        &self.0
    }
}

/// Where eight blocks have what matters of a JSON text.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    pub(super) quotes: Bits,
    pub(super) backslashes: Bits,
    pub(super) controls: Bits,
    /// tabs and ends of lines
    pub(super) lines: Bits,
    pub(super) spaces: Bits,
    pub(super) commas: Bits,
    pub(super) colons: Bits,
    /// opening brackets
    pub(super) opened: Bits,
    /// closing brackets
    pub(super) closed: Bits,
    /// of brackets, those that are braces
    pub(super) curly: Bits,
    pub(super) digits: Bits,
    pub(super) zeros: Bits,
    pub(super) points: Bits,
    pub(super) minuses: Bits,
    a: Bits,
    b: Bits,
    c: Bits,
    d: Bits,
}

impl Blocks {
    /// Looks at the first bytes of a text. Behind its end is white space.
    #[inline(always)]
    pub(super) fn look(avx512: Avx512, text: &[u8]) -> Self {
        let mut padded = Padded([b' '; LANES * BLOCK]);
        let (blocks, _) = padded.text(text).as_chunks::<BLOCK>();
        let mut rows = [splat(avx512, 0); LANES];
        for (bytes, row) in blocks.iter().zip(&mut rows) {
            let bytes = u8x64::simd_from(avx512, *bytes);
            *row = classes(avx512, bytes.into()).simd_into(avx512);
        }
        let [quotes, backslashes, tokens, numbers, a, b, c, d] = transposed(avx512, rows);
        let digits = numbers & a;
        let controls = a & !(tokens | numbers | d);
        Self {
            quotes,
            backslashes,
            controls,
            lines: controls & c,
            spaces: d & !(a | b | c),
            commas: tokens & !a & !b,
            colons: tokens & !a & b,
            opened: tokens & a & !b,
            closed: tokens & a & b,
            curly: c,
            digits,
            zeros: digits & b,
            points: numbers & !a & b,
            minuses: numbers & !a & !b,
            a,
            b,
            c,
            d,
        }
    }

    /// Where `true`, `false` and `null` end, that begin at these letters and within these blocks.
    #[inline(always)]
    pub(super) fn literals(&self, starts: Bits) -> Bits {
        let &Self { a, b, c, d, .. } = self;
        let none = splat(starts.simd, 0);
        let behind = |bits| bits::behind(bits, none);
        let (with_a, without_a) = (d & a, d & !a);
        let (u, l) = (with_a & !b & !c, with_a & b & !c);
        let (r, e) = (with_a & !b & c, with_a & b & c);
        let (a, s, n) = (without_a & b & !c, without_a & !b & c, without_a & b & c);
        let (t, f) = (!d & b, !d & c);
        let null = behind(behind(behind(starts & n) & u) & l) & l;
        let tru = behind(behind(starts & t) & r) & u;
        let fals = behind(behind(behind(starts & f) & a) & l) & s;
        null | behind(tru | fals) & e
    }
}

/// The bitmaps of each class, of all blocks.
#[inline(always)]
fn transposed(avx512: Avx512, rows: [Bits; LANES]) -> [Bits; LANES] {
    let [a, b, c, d, e, f, g, h] = rows;
    let mix = |a: Bits, b: Bits| -> [Bits; 2] {
        let (low, high) = by_class(avx512, a.into(), b.into());
        [low.simd_into(avx512), high.simd_into(avx512)]
    };
    let [[a, b], [c, d], [e, f], [g, h]] = [mix(a, e), mix(b, f), mix(c, g), mix(d, h)];
    let mut rows = [a, b, c, d, e, f, g, h];
    // Lanes change places with vectors, of which a quarter have done so above.
    for _ in 0..2 {
        let [a, b, c, d, e, f, g, h] = rows;
        rows = [
            a.zip_low(e),
            a.zip_high(e),
            b.zip_low(f),
            b.zip_high(f),
            c.zip_low(g),
            c.zip_high(g),
            d.zip_low(h),
            d.zip_high(h),
        ];
    }
    rows
}

const QUOTE: u8 = 1;
const BACKSLASH: u8 = 1 << 1;
/// a comma, colon or bracket
const TOKEN: u8 = 1 << 2;
/// of a number
const NUMBER: u8 = 1 << 3;
/// What these mean depends on the others.
const A: u8 = 1 << 4;
const B: u8 = 1 << 5;
const C: u8 = 1 << 6;
const D: u8 = 1 << 7;

/// The classes of a byte.
const fn class(byte: u8) -> u8 {
    match byte {
        b'"' => QUOTE,
        b'\\' => BACKSLASH,
        b',' => TOKEN,
        b':' => TOKEN | B,
        b'[' => TOKEN | A,
        b'{' => TOKEN | A | C,
        b']' => TOKEN | A | B,
        b'}' => TOKEN | A | B | C,
        b'-' => NUMBER,
        b'.' => NUMBER | B,
        b'0' => NUMBER | A | B,
        b'1'..=b'9' => NUMBER | A,
        b' ' => D,
        b'\t' | b'\n' | b'\r' => A | C,
        0..b' ' => A,
        // The letters of literals.
        b't' => B,
        b'f' => C,
        b'u' => D | A,
        b'l' => D | A | B,
        b'r' => D | A | C,
        b'e' => D | A | B | C,
        b'a' => D | B,
        b's' => D | C,
        b'n' => D | B | C,
        _ => 0,
    }
}

/// For each byte below 128 its classes.
#[expect(clippy::indexing_slicing, reason = "when this is compiled")]
static CLASSES: [[u8; 64]; 2] = {
    let mut classes = [[0; 64]; 2];
    let mut byte = 0;
    while byte < 128 {
        classes[byte / 64][byte % 64] = class(byte as u8);
        byte += 1;
    }
    classes
};

/// Of two vectors, each with 8 times the bytes of 8 classes, all bytes of the first four classes, and
/// of the others.
#[expect(clippy::indexing_slicing, reason = "when this is compiled")]
static BY_CLASS: [[u8; 64]; 2] = {
    let mut places = [[0; 64]; 2];
    let mut at = 0;
    while at < 128 {
        // The class, the vector, and which of the 8.
        let (class, vector, bytes) = (at / 16, at / 8 % 2, at % 8);
        places[at / 64][at % 64] = (vector * 64 + bytes * 8 + class) as u8;
        at += 1;
    }
    places
};

/// Each 8 bytes in reverse.
#[expect(clippy::indexing_slicing, reason = "when this is compiled")]
static REVERSED: [u8; 64] = {
    let mut places = [0; 64];
    let mut at = 0;
    while at < 64 {
        places[at] = (at ^ 7) as u8;
        at += 1;
    }
    places
};

fearless_simd::kernel!(
    /// Of each 8 bytes a bitmap for each class.
    #[inline(always)]
    fn classes(avx512: Avx512, bytes: __m512i) -> __m512i {
        use std::arch::x86_64::{
            _mm512_gf2p8affine_epi64_epi8, _mm512_maskz_permutex2var_epi8, _mm512_set1_epi8,
            _mm512_set1_epi64, _mm512_shuffle_epi8, _mm512_testn_epi8_mask,
        };
        let reversed: __m512i = u8x64::simd_from(avx512, REVERSED).into();
        let [low, high] = CLASSES;
        let low: __m512i = u8x64::simd_from(avx512, low).into();
        let high: __m512i = u8x64::simd_from(avx512, high).into();
        // A product with it transposes a matrix, whose last row is the first byte.
        let identity = _mm512_set1_epi64(0x8040_2010_0804_0201_u64.cast_signed());
        let bytes = _mm512_shuffle_epi8(bytes, reversed);
        let ascii = _mm512_testn_epi8_mask(bytes, _mm512_set1_epi8(-128));
        let classes = _mm512_maskz_permutex2var_epi8(ascii, low, bytes, high);
        _mm512_gf2p8affine_epi64_epi8::<0>(identity, classes)
    }
);

fearless_simd::kernel!(
    /// See [`BY_CLASS`].
    #[inline(always)]
    fn by_class(avx512: Avx512, a: __m512i, b: __m512i) -> (__m512i, __m512i) {
        use std::arch::x86_64::_mm512_permutex2var_epi8;
        let [low, high] = BY_CLASS;
        let low: __m512i = u8x64::simd_from(avx512, low).into();
        let high: __m512i = u8x64::simd_from(avx512, high).into();
        (
            _mm512_permutex2var_epi8(a, low, b),
            _mm512_permutex2var_epi8(a, high, b),
        )
    }
);
