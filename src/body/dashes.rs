//! Finds a text that begins with two dashes, the needle, behind a line break in long bytes.
//!
//! Dashes are found 64 bytes at a time, as bitmaps of vectors. Only where two stand side by side are
//! line breaks looked for, and only behind those is the needle compared.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};

/// Bytes in a block: as many as a bitmap has bits.
const BLOCK: usize = 64;
/// Blocks that are passed over by one branch.
const GROUP: usize = 4;

/// Where `needle` is behind a line break, or the start of it at the end of the bytes, or their end.
#[inline(never)]
pub(super) fn find_line(needle: &[u8], bytes: &[u8]) -> usize {
    let mut at = 0_usize;
    // It may be near.
    let mut looks = 1_usize;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if looks == 0 {
            at = at.saturating_add(passable(rest));
            looks = GROUP;
            continue;
        }
        if let Some(start) = look(bytes, at, needle) {
            return start;
        }
        looks = looks.saturating_sub(1);
        at = at.saturating_add(match rest.as_ptr().align_offset(BLOCK) {
            aligned @ 1..BLOCK => aligned,
            _ => BLOCK,
        });
    }
    bytes.len()
}

/// These bytes begin with the needle, or are the start of it.
pub(super) fn is_start(bytes: &[u8], needle: &[u8]) -> bool {
    let len = bytes.len().min(needle.len());
    bytes.get(..len) == needle.get(..len)
}

/// Looks for the needle, or the start of it at the end of `bytes`, where it begins in the block at `at`.
#[inline(always)]
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

/// The last bytes, and dashes, since a needle may go on.
#[inline(never)]
fn pad(rest: &[u8]) -> [u8; BLOCK] {
    let mut block = [b'-'; BLOCK];
    if let Some(place) = block.get_mut(..rest.len()) {
        place.copy_from_slice(rest);
    }
    block
}

/// How many bytes can be passed over, groups of blocks or all: the first dash of two is not in there.
fn passable(bytes: &[u8]) -> usize {
    // Twice as wide vectors are no faster, since half of what they read lies in two lines of the cache.
    #[cfg(target_arch = "x86_64")]
    if let Some(avx2) = Level::new().as_avx2() {
        return avx2.vectorize(
            #[inline(always)]
            || passable_by(avx2, bytes),
        );
    }
    dispatch!(Level::baseline(), simd => passable_by(simd, bytes))
}

#[inline(always)]
fn passable_by<S: Simd>(simd: S, bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some(group) = rest.first_chunk() {
        if has_pair(simd, group) {
            return bytes.len().saturating_sub(rest.len());
        }
        rest = rest.get(GROUP * BLOCK..).unwrap_or_default();
    }
    match bytes.last_chunk() {
        // Some of it has been looked at.
        Some(group) if !bytes.ends_with(b"-") && !has_pair(simd, group) => bytes.len(),
        _ => bytes.len().saturating_sub(rest.len()),
    }
}

/// The first dash of two is in the group, which has one byte more.
#[inline(always)]
fn has_pair<S: Simd>(simd: S, group: &[u8; GROUP * BLOCK + 1]) -> bool {
    let [firsts @ .., _] = group;
    let [_, seconds @ ..] = group;
    let (firsts, _) = firsts.as_chunks();
    let (seconds, _) = seconds.as_chunks();
    let is = |block: &[u8; BLOCK]| {
        let block: u8x64<S> = (*block).simd_into(simd);
        block.simd_eq(b'-')
    };
    let mut pairs = u8x64::splat(simd, 0).simd_eq(1);
    for (first, second) in firsts.iter().zip(seconds) {
        pairs |= is(first) & is(second);
    }
    pairs.any_true()
}

#[inline(always)]
fn find<S: Simd>(simd: S, block: &[u8; BLOCK], byte: u8) -> u64 {
    let block: u8x64<S> = (*block).simd_into(simd);
    block.simd_eq(byte).to_bitmask()
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};

    use super::{find_line, is_start, passable, passable_by};

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
    fn passes_over_what_has_no_two_dashes() {
        let baseline =
            |bytes: &[u8]| dispatch!(Level::baseline(), simd => passable_by(simd, bytes));
        for len in [0, 255, 256, 257, 258, 600, 1000] {
            let mut bytes = vec![b'a'; len];
            bytes.iter_mut().step_by(2).for_each(|byte| *byte = b'-');
            for at in 0..len {
                let kept = core::mem::replace(&mut bytes[at], b'-');
                let groups = len.saturating_sub(1) / 256;
                let pair = bytes.windows(2).position(|pair| pair == b"--");
                let expected = match pair {
                    Some(first) => groups.min(first / 256) * 256,
                    None if len < 257 || bytes[len - 1] == b'-' => groups * 256,
                    None => len,
                };
                let found = [passable(&bytes), baseline(&bytes)];
                assert_eq!(found, [expected; 2], "{at} of {len}");
                bytes[at] = kept;
            }
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
                // What looks like it, and it.
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
