//! What follows backslashes in blocks of a JSON text.

use fearless_simd::Simd;

use super::block::{BLOCK, Block};

/// Whether all these bytes of a block, the text's first, may follow a backslash.
#[inline(always)]
pub(super) fn are_right<S: Simd>(block: &Block<S>, text: &[u8], escaped: u64) -> bool {
    if escaped == 0 {
        return true;
    }
    // Those whose four digits are in the block, and are the text's own.
    let with_digits = text.len().min(BLOCK).saturating_sub(4);
    let unicode = escaped & block.find(b'u') & !(u64::MAX << with_digits);
    let others = escaped & !unicode;
    block.are_unicode(unicode) && (others == 0 || may_follow(others, text))
}

/// Whether all these bytes of a text may follow a backslash.
#[inline(never)]
fn may_follow(mut escaped: u64, text: &[u8]) -> bool {
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
