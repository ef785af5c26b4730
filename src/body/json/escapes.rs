//! What follows backslashes in blocks of a JSON text.

use fearless_simd::Simd;

use super::block::{BLOCK, Block};

/// Those of the bytes behind a backslash that are left to [`may_follow`]: all but `u` with its digits. None
/// where these are wrong. `len`: how many bytes of the block are the text's own.
#[inline(always)]
pub(super) fn unjudged<S: Simd>(block: &Block<S>, len: usize, escaped: u64) -> Option<u64> {
    if escaped == 0 {
        return Some(0);
    }
    let with_digits = len.min(BLOCK).saturating_sub(4);
    let unicode = escaped & block.find(b'u') & !(u64::MAX << with_digits);
    block.are_unicode(unicode).then_some(escaped & !unicode)
}

/// How much is right of a block of text without its end: all of it, nothing, or what is in front of an escape
/// that goes on behind it. `unjudged`: those of its escapes that have not been judged.
#[inline(always)]
pub(super) fn text_len(text: &[u8], unjudged: u64, escaped: &mut u64) -> usize {
    let first = unjudged.trailing_zeros() as usize;
    if unjudged != 0 && first >= BLOCK - 4 {
        // The next block begins with its backslash.
        *escaped = 0;
        return first.saturating_sub(1);
    }
    match unjudged == 0 || may_follow(unjudged, text) {
        true => BLOCK,
        false => 0,
    }
}

/// Whether all these bytes of a text may follow a backslash.
#[inline(never)]
pub(super) fn may_follow(mut escaped: u64, text: &[u8]) -> bool {
    while escaped != 0 {
        let rest = text.get(escaped.trailing_zeros() as usize..);
        escaped &= escaped.wrapping_sub(1);
        match rest {
            Some([b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..]) => {}
            Some([b'u', digits @ ..]) if is_unicode(digits) => {}
            _ => return false,
        }
    }
    true
}

/// The text begins with digits, and they are no half of a surrogate pair.
fn is_unicode(text: &[u8]) -> bool {
    match text.first_chunk::<4>() {
        Some(digits @ [first, ..]) => {
            first | 0x20 != b'd' && digits.iter().all(u8::is_ascii_hexdigit)
        }
        None => false,
    }
}
