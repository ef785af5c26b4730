//! Finds the needle, a text that begins with two dashes, behind a line break in a long text.
//!
//! The search passes over groups of blocks first. It compares bytes in aligned pairs: where a needle begins,
//! one of these pairs is its first two bytes, or its second and third. Only in a group with such a pair does
//! it find dashes, 64 bytes at a time, as bitmaps of vectors. Only where two dashes stand side by side does
//! it look for line breaks, and only behind a line break does it compare the needle.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64, u16x32};

use crate::body::text::copy;

/// Bytes in a block: as many as a bitmap has bits.
const BLOCK: usize = 64;
/// Blocks that are passed over by one branch.
const GROUP: usize = 4;

/// The start of a needle. Within unwanted data, bytes need not be fed if no needle can begin in them, or
/// directly behind them.
#[derive(Clone, Copy, Debug)]
pub struct Skim {
    start: [u8; 8],
}

impl Skim {
    /// None for a needle that is too short.
    pub(super) fn new(needle: &[u8]) -> Option<Self> {
        let start = *needle.first_chunk()?;
        Some(Self { start })
    }

    /// Whether no needle can begin in these bytes, or directly behind them.
    pub fn passes(self, bytes: &[u8]) -> bool {
        !matches!(bytes, [.., b'\r' | b'\n']) && find_line(&self.start, bytes) == bytes.len()
    }
}

/// The place of the first `needle` behind a line break, or of its beginning at the end of the bytes. The
/// length of the bytes where there is none.
#[inline(never)]
pub(super) fn find_line(needle: &[u8], bytes: &[u8]) -> usize {
    let mut at = 0_usize;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let passed = passable(needle, rest);
        at = at.saturating_add(passed);
        if passed == rest.len() {
            break;
        }
        // One block more than a group has, since a needle may begin in front of the group with its pair.
        for _ in 0..=GROUP {
            if let Some(start) = look(bytes, at, needle) {
                return start;
            }
            at = at.saturating_add(BLOCK);
        }
    }
    bytes.len()
}

/// Whether these bytes begin with the needle, or the needle begins with them.
pub(super) fn is_start(bytes: &[u8], needle: &[u8]) -> bool {
    let len = bytes.len().min(needle.len());
    bytes.get(..len) == needle.get(..len)
}

/// Looks for a needle, or its beginning at the end of `bytes`, that starts in the block at `at`.
#[inline(never)]
fn look(bytes: &[u8], at: usize, needle: &[u8]) -> Option<usize> {
    let (before, rest) = bytes.split_at_checked(at)?;
    let padded;
    let (block, after) = match rest.split_first_chunk() {
        Some(block) => block,
        None => {
            padded = pad(rest);
            (&padded, &b""[..])
        }
    };
    dispatch!(Level::baseline(), simd => {
        let dashes = find(simd, block, b'-');
        let dash_after = u64::from(after.first().is_none_or(|byte| *byte == b'-'));
        let mut starts = dashes & (dashes >> 1 | dash_after << 63);
        if starts != 0 {
            let breaks = find(simd, block, b'\r') | find(simd, block, b'\n');
            let break_before = u64::from(matches!(before, [.., b'\r' | b'\n']));
            starts &= breaks << 1 | break_before;
        }
        while starts != 0 {
            let start = at.saturating_add(starts.trailing_zeros() as usize);
            if is_start(bytes.get(start..).unwrap_or_default(), needle) {
                return Some(start);
            }
            starts &= starts.wrapping_sub(1);
        }
        None
    })
}

/// A block of the last bytes, filled up with dashes, since a needle may go on in the next chunk.
#[inline(never)]
fn pad(rest: &[u8]) -> [u8; BLOCK] {
    let mut block = [b'-'; BLOCK];
    copy(&mut block, rest);
    block
}

/// How many bytes can be passed over, since no needle begins in them: groups of blocks, or all bytes.
fn passable(needle: &[u8], bytes: &[u8]) -> usize {
    let [first, second, third, ..] = *needle else {
        return 0;
    };
    let pairs = [[first, second], [second, third]].map(u16::from_ne_bytes);
    // AVX-512, with vectors twice as wide, is not faster.
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = Level::new().as_avx2() {
        return avx2.vectorize(
            #[inline(always)]
            || match pairs {
                // The boundary of most clients begins with dashes, so both pairs are the same.
                [one, other] if one == other => passable_by(avx2, [one], bytes),
                _ => passable_by(avx2, pairs, bytes),
            },
        );
    }
    passable_by_baseline(pairs, bytes)
}

#[inline(never)]
fn passable_by_baseline(pairs: [u16; 2], bytes: &[u8]) -> usize {
    dispatch!(Level::baseline(), simd => passable_by(simd, pairs, bytes))
}

#[inline(always)]
fn passable_by<S: Simd, const N: usize>(simd: S, pairs: [u16; N], bytes: &[u8]) -> usize {
    const LEN: usize = GROUP * BLOCK;
    let Some(last) = bytes.len().checked_sub(LEN) else {
        return 0;
    };
    let mut at = 0_usize;
    while let Some(group) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        if has_pair(simd, pairs, group) {
            return at.saturating_sub(1);
        }
        if at == last {
            return if bytes.ends_with(b"-") {
                at
            } else {
                bytes.len()
            };
        }
        // Groups overlap so that vectors do not cross lines of the cache, and at the end.
        let odd = group.as_ptr().addr() % BLOCK;
        at = at.saturating_add(LEN).saturating_sub(odd).min(last);
    }
    0
}

#[inline(always)]
fn has_pair<S: Simd, const N: usize>(
    simd: S,
    pairs: [u16; N],
    group: &[u8; GROUP * BLOCK],
) -> bool {
    let (blocks, _) = group.as_chunks();
    let mut found = u16x32::splat(simd, 0).simd_eq(1);
    for block in blocks {
        let block: &[u8; BLOCK] = block;
        let block: u8x64<S> = (*block).simd_into(simd);
        let block: u16x32<S> = block.bitcast();
        for pair in pairs {
            found |= block.simd_eq(pair);
        }
    }
    found.any_true()
}

#[inline(always)]
fn find<S: Simd>(simd: S, block: &[u8; BLOCK], byte: u8) -> u64 {
    let block: u8x64<S> = (*block).simd_into(simd);
    block.simd_eq(byte).to_bitmask()
}

/// How many dashes a text begins with.
pub(super) fn leading(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte == b'-').count()
}

#[cfg(test)]
mod tests {
    use super::{Skim, find_line, is_start, leading, passable, passable_by_baseline};

    fn check(needle: &[u8], bytes: &[u8]) {
        let expected = (1..bytes.len())
            .find(|at| matches!(bytes[at - 1], b'\r' | b'\n') && is_start(&bytes[*at..], needle))
            .unwrap_or(bytes.len());
        let mut room = vec![0; bytes.len() + 128];
        let line = room.as_ptr().align_offset(64);
        for start in [line, line + 1, line + 63] {
            let place = &mut room[start..start + bytes.len()];
            place.copy_from_slice(bytes);
            let found = find_line(needle, place);
            assert_eq!(found, expected, "{needle:?}, {} bytes", bytes.len());
        }
    }

    #[test]
    fn passes_over_what_has_no_needle() {
        for needle in [b"--b", b"---"] {
            check_passable(*needle);
        }
    }

    fn check_passable(needle: [u8; 3]) {
        let [first, second, third] = needle;
        let pairs = [[first, second], [second, third]].map(u16::from_ne_bytes);
        let both = |bytes: &[u8]| {
            let [one, two] = [passable(&needle, bytes), passable_by_baseline(pairs, bytes)];
            assert_eq!(one, two, "{} bytes", bytes.len());
            one
        };
        let mut room = vec![0; 2000];
        let line = room.as_ptr().align_offset(64);
        let lens = [256, 257, 319, 600, 1000];
        for (start, len) in [0, 1, 2, 33, 63].into_iter().zip(lens) {
            let text: Vec<u8> = (0..len)
                .map(|at| {
                    if at % 2 == 1 && at + 1 < len {
                        b'-'
                    } else {
                        b'a'
                    }
                })
                .collect();
            let bytes = &mut room[line + start..][..len];
            bytes.copy_from_slice(&text);
            assert_eq!(both(bytes), len);
            for at in 0..len {
                let end = len.min(at + needle.len());
                bytes.copy_from_slice(&text);
                bytes[at..end].copy_from_slice(&needle[..end - at]);
                let pair = bytes.windows(2).position(|pair| pair == b"--");
                let first = pair.unwrap_or(at);
                let passed = both(bytes);
                let is_near = passed <= first && first - passed <= 256;
                assert!(is_near, "{passed}, {at} of {len}");
            }
            assert_eq!(both(&bytes[..255]), 0);
            assert_eq!(passable(b"--", bytes), 0);
        }
    }

    #[test]
    fn skims_what_has_no_start_of_a_needle() {
        let skim = Skim::new(b"--bounda").unwrap();
        for len in [0, 1, 7, 255, 256, 1000] {
            let mut bytes = vec![b'-'; len];
            bytes.iter_mut().step_by(2).for_each(|byte| *byte = b'\n');
            if let Some(last) = bytes.last_mut() {
                *last = b'a';
            }
            assert!(skim.passes(&bytes), "{len} bytes");
            for end in ["\n", "\r", "\n-", "\r--b", "\n--bounda", "\n--boundary\r\n"] {
                let bytes = [&bytes[..], end.as_bytes()].concat();
                assert!(!skim.passes(&bytes), "{len} bytes and {end:?}");
            }
            for end in ["\n--boundx", "--boundary", "\n-a", "\n\n--Bounda"] {
                let bytes = [&bytes[..], end.as_bytes()].concat();
                assert!(skim.passes(&bytes), "{len} bytes and {end:?}");
            }
        }
        assert!(Skim::new(b"--bound").is_none());
    }

    #[test]
    fn counts_the_dashes_in_front() {
        for (text, dashes) in [(&b"---a-"[..], 3), (b"--", 2), (b"a-", 0), (b"", 0)] {
            assert_eq!(leading(text), dashes);
        }
    }

    #[test]
    fn agrees_with_a_search_byte_by_byte() {
        let texts = [
            "\n--b", "\r--b", "\n--", "\n-b", "\n- -b", "a--b", "---b", "\n\n--ba", "\r\n---b",
        ];
        for len in [1, 2, 3, 63, 64, 65, 130, 700] {
            for filler in [b'a', b'-', b'\n', b'b'] {
                for text in texts {
                    for at in 0..len {
                        let mut bytes = vec![filler; len];
                        let end = len.min(at + text.len());
                        bytes[at..end].copy_from_slice(&text.as_bytes()[..end - at]);
                        check(b"--b", &bytes);
                    }
                }
            }
        }
    }

    #[test]
    fn finds_needles_of_any_length_at_every_place_of_a_line_of_the_cache() {
        let needles = [
            "--",
            "---",
            "----b",
            "--0123456789abcdef",
            "------WebKitFormBoundary7MA4YWxkTrZu0gW",
        ];
        for needle in needles {
            for start in 0..64 {
                // A look-alike of the needle, and the needle.
                let mut bytes = vec![b'\n'; start];
                for gap in [0, 1, 100, 256, 300] {
                    bytes.extend_from_slice(
                        b"\n-\r--0\n--\n---\n------WebKitFormBoundary7MA4YWxkTrZu0g",
                    );
                    bytes.resize(bytes.len() + gap, b'-');
                }
                bytes.extend_from_slice(b"\r\n");
                bytes.extend_from_slice(needle.as_bytes());
                check(needle.as_bytes(), &bytes[start..]);
                check(needle.as_bytes(), &bytes[start..bytes.len() - 1]);
            }
        }
    }
}
