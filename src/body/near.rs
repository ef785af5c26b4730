//! Searches whose end is usually near: the first bytes a word at a time, which costs no call, and
//! memchr's vectors for what is further away. And judgements of short texts, by words.

use memchr::{memchr, memchr2};

use super::NAME_MAX;

const WORD: usize = 8;
/// Words that are looked at before memchr is called.
const WORDS: usize = 4;

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// Where `a` is first.
pub(crate) fn find(a: u8, bytes: &[u8]) -> Option<usize> {
    near(bytes, |word| zeros(word ^ splat(a))).unwrap_or_else(|(from, rest)| {
        let at = memchr(a, rest)?;
        Some(from.saturating_add(at))
    })
}

/// Where `a` or `b` is first.
pub(crate) fn find2(a: u8, b: u8, bytes: &[u8]) -> Option<usize> {
    near(bytes, |word| {
        zeros(word ^ splat(a)) | zeros(word ^ splat(b))
    })
    .unwrap_or_else(|(from, rest)| {
        let at = memchr2(a, b, rest)?;
        Some(from.saturating_add(at))
    })
}

/// How many bytes of a name or value in a form stand for themselves, as far as that is near. For a
/// value, so does the `=` that may follow.
#[inline(never)]
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let found = near(bytes, |word| {
        zeros(word ^ splat(b'='))
            | zeros(word ^ splat(b'&'))
            | zeros(word ^ splat(b'%'))
            | zeros(word ^ splat(b'+'))
    });
    found.map_or_else(
        |(from, rest)| {
            let rest = rest.get(..NAME_MAX).unwrap_or(rest);
            let end = rest
                .iter()
                .position(|byte| matches!(byte, b'=' | b'&' | b'%' | b'+'));
            from.saturating_add(end.unwrap_or(rest.len()))
        },
        |found| found.unwrap_or(bytes.len()),
    )
}

/// ASCII without control characters.
pub(super) fn is_printable_ascii(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<WORD>();
    let last = last_word(bytes, rest.len(), b' ');
    words
        .iter()
        .map(|word| u64::from_le_bytes(*word))
        .chain([last])
        .all(|word| {
            // A byte below 0x20 sets its high bit in the first, 0x7f in the second, as long as
            // none has it itself.
            let bad = word.wrapping_sub(splat(0x20)) | word.wrapping_add(ONES) | word;
            bad & HIGHS == 0
        })
}

/// Where the string of a JSON text ends: at a quote, a backslash or a control character. Gives
/// the length of `bytes` where it does not.
pub(super) fn text_len(bytes: &[u8]) -> usize {
    let found = near(bytes, |word| {
        // Below 0x20: as for zero, in `zeros`.
        let controls = word.wrapping_sub(splat(0x20)) & !word & HIGHS;
        zeros(word ^ splat(b'"')) | zeros(word ^ splat(b'\\')) | controls
    });
    found.map_or_else(
        |(from, rest)| from.saturating_add(far_text_len(rest)),
        |found| found.unwrap_or(bytes.len()),
    )
}

/// As [`text_len`], where the end is not expected to be near.
pub(super) fn far_text_len(bytes: &[u8]) -> usize {
    let plain = memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
    let (plain, _) = bytes.split_at_checked(plain).unwrap_or((bytes, b""));
    if has_control(plain) {
        plain.iter().take_while(|byte| **byte >= 0x20).count()
    } else {
        plain.len()
    }
}

/// Without an early end: the compiler makes vector code of it.
fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < 0x20
}

/// Looks at the first words. `Err` has what is left and where it begins.
#[inline(always)]
fn near(bytes: &[u8], matches: impl Fn(u64) -> u64) -> Result<Option<usize>, (usize, &[u8])> {
    let mut rest = bytes;
    let mut at = 0_usize;
    for _ in 0..WORDS {
        let Some((word, after)) = rest.split_first_chunk::<WORD>() else {
            // The last bytes, in a word whose other bytes match nothing that matters.
            let found = first(matches(last_word(bytes, rest.len(), 0xff)));
            return Ok(found.map(|index| at.saturating_add(index)));
        };
        if let Some(index) = first(matches(u64::from_le_bytes(*word))) {
            return Ok(Some(at.saturating_add(index)));
        }
        rest = after;
        at = at.saturating_add(WORD);
    }
    Err((at, rest))
}

/// The last `len` bytes, fewer than a word has, with `filler` in place of the others.
#[inline(always)]
fn last_word(bytes: &[u8], len: usize, filler: u8) -> u64 {
    let bits = (len as u32).wrapping_mul(8);
    let filler = splat(filler).checked_shl(bits).unwrap_or_default();
    let bytes = match bytes.last_chunk::<WORD>() {
        Some(word) => u64::from_le_bytes(*word)
            .checked_shr(u64::BITS.wrapping_sub(bits))
            .unwrap_or_default(),
        None => short_word(bytes),
    };
    bytes | filler
}

#[inline(never)]
fn short_word(bytes: &[u8]) -> u64 {
    let mut word = [0; WORD];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}

/// The first byte whose high bit is set.
fn first(mask: u64) -> Option<usize> {
    (mask != 0).then(|| (mask.trailing_zeros() / 8) as usize)
}

/// Sets the high bit of the first byte that is zero, and of none in front of it.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

const fn splat(byte: u8) -> u64 {
    ONES.wrapping_mul(byte as u64)
}

#[cfg(test)]
mod tests {
    use super::{find, find2, is_printable_ascii, text_len};

    #[test]
    fn agree_with_a_search_byte_by_byte() {
        for len in 0..120 {
            for filler in [b'a', 0x80, 0xff, b'!', b'#', b'[', b']', b'%', b'\''] {
                let mut bytes = vec![filler; len];
                assert_eq!(find(b'&', &bytes), None);
                assert_eq!(find2(b'&', b'+', &bytes), None);
                assert_eq!(is_printable_ascii(&bytes), filler < 0x7f || len == 0);
                assert_eq!(text_len(&bytes), len);
                for at in 0..len {
                    for end in [b'"', b'\\', 0, 0x1f] {
                        bytes[at] = end;
                        assert_eq!(text_len(&bytes), at, "{end} at {at} of {len}");
                        if filler < 0x7f {
                            assert_eq!(is_printable_ascii(&bytes), end > 0x1f);
                            bytes[at] = end | 0x80;
                            assert!(!is_printable_ascii(&bytes));
                            bytes[at] = 0x7f;
                            assert!(!is_printable_ascii(&bytes));
                        }
                    }
                    bytes[at] = b'&';
                    assert_eq!(find(b'&', &bytes), Some(at));
                    assert_eq!(find2(b'&', b'+', &bytes), Some(at));
                    assert_eq!(find2(b'+', b'&', &bytes), Some(at));
                    // What follows does not matter.
                    bytes[len - 1] = b'&';
                    assert_eq!(find(b'&', &bytes), Some(at));
                    bytes[len - 1] = filler;
                    bytes[at] = filler;
                }
            }
        }
    }
}
