//! Searches that usually end within a few bytes. They look at the first bytes with vectors that every CPU
//! has, which costs no call, and leave the rest to memchr. And checks of short texts.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x16};
use memchr::{memchr, memchr2};

/// Bytes in a vector.
const VECTOR: usize = 16;
/// Bytes of a long argument name.
const NAME: usize = 64;
/// Bytes that are looked at before memchr is called.
const NEAR: usize = 2 * VECTOR;

/// The bytes to look for. The compiler compares two that are the same only once.
type Ends = (u8, u8, u8, u8);

const TEXT_ENDS: Ends = (b'"', b'"', b'\\', b'\\');
const FORM_ENDS: Ends = (b'=', b'&', b'%', b'+');

/// The place of the first `a`.
#[inline(never)]
pub(crate) fn find(a: u8, bytes: &[u8]) -> Option<usize> {
    at_once(bytes, (a, a, a, a), false).or_else(|| find_behind(a, bytes))
}

#[inline(never)]
fn find_behind(a: u8, bytes: &[u8]) -> Option<usize> {
    near(bytes, NEAR, (a, a, a, a), false).unwrap_or_else(|(from, rest)| {
        let at = memchr(a, rest)?;
        Some(from.saturating_add(at))
    })
}

/// The place of the first `a` or `b`.
#[inline(never)]
pub(crate) fn find2(a: u8, b: u8, bytes: &[u8]) -> Option<usize> {
    find2_at_once(a, b, bytes).or_else(|| find2_behind(a, b, bytes))
}

/// The same, if it is in the first vector.
#[inline(always)]
pub(in crate::body) fn find2_at_once(a: u8, b: u8, bytes: &[u8]) -> Option<usize> {
    at_once(bytes, (a, a, b, b), false)
}

#[inline(never)]
fn find2_behind(a: u8, b: u8, bytes: &[u8]) -> Option<usize> {
    near(bytes, NEAR, (a, a, b, b), false).unwrap_or_else(|(from, rest)| {
        let at = memchr2(a, b, rest)?;
        Some(from.saturating_add(at))
    })
}

/// How many bytes of a name or value in a form stand for themselves: the bytes in front of the first
/// `=`, `&`, `%` or `+`. The search ends after a few vectors, so it may return too few.
#[inline(never)]
pub(in crate::body) fn plain_len(bytes: &[u8]) -> usize {
    at_once(bytes, FORM_ENDS, false).unwrap_or_else(|| plain_len_behind(bytes))
}

#[inline(never)]
fn plain_len_behind(bytes: &[u8]) -> usize {
    match near(bytes, NEAR + NAME, FORM_ENDS, false) {
        Ok(found) => found.unwrap_or(bytes.len()),
        Err((from, _)) => from,
    }
}

/// How many bytes of a JSON string stand in front of the first quote, backslash or control character.
/// The search ends after a few vectors, so it may return too few.
#[inline]
pub(in crate::body) fn text_len(bytes: &[u8]) -> usize {
    at_once(bytes, TEXT_ENDS, true).unwrap_or_else(|| text_len_behind(bytes))
}

#[inline(never)]
fn text_len_behind(bytes: &[u8]) -> usize {
    match near(bytes, NEAR, TEXT_ENDS, true) {
        Ok(found) => found.unwrap_or(bytes.len()),
        Err((from, _)) => from,
    }
}

/// Whether the text is ASCII without control characters.
pub(in crate::body) fn is_printable_ascii(bytes: &[u8]) -> bool {
    #[inline(always)]
    fn is<S: Simd>(simd: S, bytes: &[u8]) -> bool {
        let is_clean = |vector: [u8; VECTOR]| {
            let bytes: u8x16<S> = vector.simd_into(simd);
            !(bytes.simd_lt(b' ') | bytes.simd_ge(0x7f)).any_true()
        };
        let (vectors, _) = bytes.as_chunks();
        vectors.iter().all(|vector| is_clean(*vector)) && is_clean(last_vector(bytes, b' '))
    }
    dispatch!(Level::baseline(), simd => is(simd, bytes))
}

/// Looks for one of `ends` in the first vector. A caller that does only this inline needs no stack frame.
#[inline(always)]
fn at_once(bytes: &[u8], ends: Ends, controls: bool) -> Option<usize> {
    let vector = bytes.first_chunk()?;
    dispatch!(Level::baseline(), simd => first(ends_in(simd, *vector, ends, controls)))
}

/// A bit for each byte of a vector that is one of `ends`, or with `controls` below 0x20.
#[inline(always)]
fn ends_in<S: Simd>(simd: S, vector: [u8; VECTOR], (a, b, c, d): Ends, controls: bool) -> u64 {
    let bytes: u8x16<S> = vector.simd_into(simd);
    let controls = bytes.simd_lt(if controls { b' ' } else { 0 });
    let ends = bytes.simd_eq(a) | bytes.simd_eq(b) | bytes.simd_eq(c) | bytes.simd_eq(d);
    (controls | ends).to_bitmask()
}

/// Looks for one of `ends`, or with `controls` for a byte below 0x20, among the first `len` bytes, a whole
/// number of vectors. `Err` has the place where the rest begins, and the rest.
#[inline(always)]
fn near(
    bytes: &[u8],
    len: usize,
    ends: Ends,
    controls: bool,
) -> Result<Option<usize>, (usize, &[u8])> {
    dispatch!(Level::baseline(), simd => near_by(simd, bytes, len, ends, controls))
}

#[inline(always)]
fn near_by<S: Simd>(
    simd: S,
    bytes: &[u8],
    len: usize,
    ends: Ends,
    controls: bool,
) -> Result<Option<usize>, (usize, &[u8])> {
    let find = |vector| ends_in(simd, vector, ends, controls);
    // `at_once` has looked at the first vector.
    let (mut rest, mut at) = match bytes.get(VECTOR..) {
        Some(rest) => (rest, VECTOR),
        None => (bytes, 0_usize),
    };
    while at < len {
        let Some((vector, after)) = rest.split_first_chunk() else {
            // The last vector overlaps bytes that have been looked at; the shift drops these.
            let found = match bytes.last_chunk() {
                Some(vector) => find(*vector).checked_shr(VECTOR.saturating_sub(rest.len()) as u32),
                None => {
                    Some(find(short_vector(bytes, 0xff)) & !(u64::MAX << bytes.len().min(VECTOR)))
                }
            };
            let found = found.and_then(first);
            return Ok(found.map(|index| at.saturating_add(index)));
        };
        if let Some(index) = first(find(*vector)) {
            return Ok(Some(at.saturating_add(index)));
        }
        rest = after;
        at = at.saturating_add(VECTOR);
    }
    Err((at, rest))
}

/// The last vector of `bytes`; fewer bytes than a vector are filled up with `filler`.
#[inline(always)]
fn last_vector(bytes: &[u8], filler: u8) -> [u8; VECTOR] {
    match bytes.last_chunk() {
        Some(vector) => *vector,
        None => short_vector(bytes, filler),
    }
}

#[inline(never)]
fn short_vector(bytes: &[u8], filler: u8) -> [u8; VECTOR] {
    let mut vector = [filler; VECTOR];
    for (to, from) in vector.iter_mut().zip(bytes) {
        *to = *from;
    }
    vector
}

/// The lowest bit that is set.
fn first(bits: u64) -> Option<usize> {
    (bits != 0).then(|| bits.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::{NAME, NEAR, find, find2, is_printable_ascii, plain_len, text_len};

    #[test]
    fn agree_with_a_search_byte_by_byte() {
        for len in 0..120 {
            for filler in [b'a', 0x80, 0xff, b'!', b'#', b'[', b']', b'%', b'\''] {
                let mut bytes = vec![filler; len];
                assert_eq!(find(b'&', &bytes), None);
                assert_eq!(find2(b'&', b'+', &bytes), None);
                assert_eq!(is_printable_ascii(&bytes), filler < 0x7f || len == 0);
                assert_eq!(text_len(&bytes), len.min(NEAR));
                for at in 0..len {
                    for end in [b'"', b'\\', 0, 0x1f] {
                        bytes[at] = end;
                        assert_eq!(text_len(&bytes), at.min(NEAR), "{end} at {at} of {len}");
                        if filler < 0x7f {
                            assert_eq!(is_printable_ascii(&bytes), end > 0x1f);
                            bytes[at] = end | 0x80;
                            assert!(!is_printable_ascii(&bytes));
                            bytes[at] = 0x7f;
                            assert!(!is_printable_ascii(&bytes));
                        }
                    }
                    bytes[at] = b'&';
                    if filler != b'%' {
                        let looked_at = len.min(NEAR + NAME);
                        assert_eq!(plain_len(&bytes), at.min(looked_at));
                    }
                    assert_eq!(find(b'&', &bytes), Some(at));
                    assert_eq!(find2(b'&', b'+', &bytes), Some(at));
                    assert_eq!(find2(b'+', b'&', &bytes), Some(at));
                    // A second match at the end does not change the result.
                    bytes[len - 1] = b'&';
                    assert_eq!(find(b'&', &bytes), Some(at));
                    bytes[len - 1] = filler;
                    bytes[at] = filler;
                }
            }
        }
    }
}
