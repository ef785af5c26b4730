//! A strict UTF-8 check over bytes that arrive in pieces.

use core::str::from_utf8;

use super::copy;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};

/// Tells whether all that was fed is UTF-8. State: one unfinished character.
#[derive(Debug)]
pub(in crate::body) struct Utf8Check {
    /// the first bytes of a character that the last chunk cut
    pending: [u8; 4],
    /// 0 <= len <= 3
    len: usize,
    broken: bool,
    /// surrogates in UTF-8 pass, as with Python's `errors="surrogatepass"`
    surrogates: bool,
}

impl Utf8Check {
    /// A check that lets only UTF-8 pass.
    pub(in crate::body) const STRICT: Self = Self {
        pending: [0; 4],
        len: 0,
        broken: false,
        surrogates: false,
    };

    /// A check that lets surrogates pass.
    pub(in crate::body) fn with_surrogates() -> Self {
        Self {
            surrogates: true,
            ..Self::STRICT
        }
    }

    /// False as soon as the bytes so far cannot be the start of UTF-8 text.
    pub(in crate::body) fn feed(&mut self, chunk: &[u8]) -> bool {
        if self.len == 0 && is_ascii(chunk) {
            return !self.broken;
        }
        self.feed_more(chunk)
    }

    /// The part of [`Self::feed`] for text that is not ASCII. It is kept out of line, so that ASCII costs
    /// little.
    #[inline(never)]
    pub(in crate::body) fn feed_more(&mut self, chunk: &[u8]) -> bool {
        let mut rest = self.complete_pending(chunk);
        while let (Err(error), false) = (from_utf8(rest), self.broken) {
            let tail = rest.get(error.valid_up_to()..).unwrap_or_default();
            let is_cut = match error.error_len() {
                None => true,
                Some(_) if self.surrogates && is_surrogate(tail) => tail.len() < 3,
                Some(_) => {
                    self.broken = true;
                    break;
                }
            };
            if !is_cut {
                rest = tail.get(3..).unwrap_or_default();
                continue;
            }
            // `tail` is a part of a character: three bytes at most.
            copy(&mut self.pending, tail);
            self.len = tail.len().min(self.pending.len());
            break;
        }
        !self.broken
    }

    /// Whether the bytes so far end inside a character.
    pub(in crate::body) fn is_cut(&self) -> bool {
        self.len > 0
    }

    /// Notes that the next bytes do not continue an unfinished character.
    pub(in crate::body) fn cut(&mut self) {
        self.broken |= self.is_cut();
    }

    /// True when the text is valid and does not end inside a character.
    pub(in crate::body) fn finish(&self) -> bool {
        !self.broken && self.len == 0
    }

    /// Moves bytes from the front of `chunk` to the cut character until it is whole.
    fn complete_pending<'c>(&mut self, mut chunk: &'c [u8]) -> &'c [u8] {
        while self.len > 0 && !self.broken {
            let Some((byte, rest)) = chunk.split_first() else {
                break;
            };
            chunk = rest;
            let Some(free) = self.pending.get_mut(self.len) else {
                self.broken = true;
                break;
            };
            *free = *byte;
            self.len = self.len.saturating_add(1);
            let pending = self.pending.get(..self.len).unwrap_or_default();
            match from_utf8(pending) {
                Ok(_) => self.len = 0,
                Err(_) if self.surrogates && is_surrogate(pending) => {
                    if self.len == 3 {
                        self.len = 0;
                    }
                }
                Err(error) => self.broken = error.error_len().is_some(),
            }
        }
        chunk
    }
}

/// Like std's `is_ascii`, but it looks at several vectors at a time. For a long text it uses AVX2 where
/// the CPU has it.
#[inline(never)]
fn is_ascii(bytes: &[u8]) -> bool {
    const SHORT: usize = 64;
    #[cfg(target_arch = "x86_64")]
    const LONG: usize = 256;
    #[cfg(target_arch = "x86_64")]
    if bytes.len() >= LONG
        && let Some(avx2) = Level::new().as_avx2()
    {
        return avx2.vectorize(
            #[inline(always)]
            || is_ascii_by::<_, LONG>(avx2, bytes),
        );
    }
    dispatch!(Level::baseline(), simd => is_ascii_by::<_, SHORT>(simd, bytes))
}

#[inline(always)]
fn is_ascii_by<S: Simd, const BLOCK: usize>(simd: S, bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for block in blocks {
        if !is_ascii_block(simd, block) {
            return false;
        }
    }
    match bytes.last_chunk::<BLOCK>() {
        // This overlaps the block before it.
        Some(last) => is_ascii_block(simd, last),
        None => rest.is_ascii(),
    }
}

#[inline(always)]
fn is_ascii_block<S: Simd>(simd: S, block: &[u8]) -> bool {
    let (parts, _) = block.as_chunks::<64>();
    let mut all = u8x64::splat(simd, 0);
    for part in parts {
        let part: u8x64<S> = (*part).simd_into(simd);
        all |= part;
    }
    let (a, b) = all.split();
    let (a, b) = (a | b).split();
    !(a | b).simd_ge(0x80).any_true()
}

/// Whether the text begins with a surrogate, or with the first two of its three bytes.
#[inline]
fn is_surrogate(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xed, 0xa0..=0xbf] | [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..]
    )
}

#[cfg(test)]
mod tests {
    use super::{Utf8Check, is_ascii, is_ascii_by};
    use fearless_simd::{Level, dispatch};

    fn check(pieces: &[&[u8]]) -> bool {
        let mut utf8 = Utf8Check::STRICT;
        for piece in pieces {
            utf8.feed(piece);
        }
        utf8.finish()
    }

    #[test]
    fn surrogates_pass_where_they_may() {
        let texts: [(&[u8], bool); 6] = [
            (b"a\xed\xa0\x80b", true),
            (b"\xed\xbf\xbf\xed\xa0\x80", true),
            (b"\xed\xa0", false),
            (b"\xed\xa0a", false),
            (b"\xed\xc0\x80", false),
            ("\u{d7ff}".as_bytes(), true),
        ];
        for (text, expected) in texts {
            for at in 0..=text.len() {
                let mut utf8 = Utf8Check::with_surrogates();
                let (head, tail) = text.split_at(at);
                utf8.feed(head);
                utf8.feed(tail);
                assert_eq!(utf8.finish(), expected, "{text:?} split at {at}");
            }
        }
    }

    #[test]
    fn only_the_rest_of_a_cut_character_is_read_byte_by_byte() {
        let mut utf8 = Utf8Check::STRICT;
        assert_eq!(utf8.complete_pending(b"abc"), b"abc");
        utf8.feed(b"\xe2");
        assert_eq!(utf8.complete_pending(b"\x82\xacabc"), b"abc");
    }

    #[test]
    fn agrees_with_std_at_every_split() {
        let texts: [&[u8]; 11] = [
            b"",
            b"plain",
            "a\u{e9}\u{20ac}\u{1f600}z".as_bytes(),
            b"a\xe9b",
            b"\xf0\x9f\x98",
            b"\xf0\x9f\x98\x80\x80",
            b"\xed\xa0\x80",
            b"\xc0\xaf",
            b"\xf4\x90\x80\x80",
            b"ab\xe2\x82",
            b"\xe2a\x82\xac",
        ];
        for text in texts {
            let expected = core::str::from_utf8(text).is_ok();
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            assert_eq!(check(&bytes), expected, "{text:?} byte by byte");
            for at in 0..=text.len() {
                let (head, tail) = text.split_at(at);
                assert_eq!(check(&[head, tail]), expected, "{text:?} split at {at}");
            }
        }
    }

    #[test]
    fn sees_a_byte_that_is_not_ascii_at_every_place() {
        for len in (0..130).chain(250..260).chain([511, 512, 513, 600]) {
            let mut bytes = vec![b'a'; len];
            // `baseline` tests the path for CPUs without AVX2.
            let baseline = |bytes: &[u8]| dispatch!(Level::baseline(), simd => is_ascii_by::<_, 64>(simd, bytes));
            assert!(is_ascii(&bytes) && baseline(&bytes), "{len}");
            for at in 0..len {
                bytes[at] = 0x80;
                assert!(!is_ascii(&bytes) && !baseline(&bytes), "{at} of {len}");
                bytes[at] = 0x7f;
            }
        }
    }
}
