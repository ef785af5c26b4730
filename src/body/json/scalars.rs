//! Numbers and literals of a JSON text that are not wanted: what of a block is neither string, white
//! space nor structure.

use fearless_simd::Simd;

use super::block::{BLOCK, Block};

/// Where a block has numbers and literals. Masks have a bit for each byte.
#[derive(Clone, Copy)]
pub(super) struct Scalars {
    bytes: u64,
    pub(super) starts: u64,
}

impl Scalars {
    /// Those of a block.
    #[inline(always)]
    pub(super) fn new(bytes: u64) -> Self {
        let starts = bytes & !(bytes << 1);
        Self { bytes, starts }
    }

    /// Whether they are numbers without an exponent, `true`, `false` and `null`.
    #[inline(always)]
    pub(super) fn are_right<S: Simd>(&self, block: &Block<S>, bytes: &[u8; BLOCK]) -> bool {
        if self.bytes == 0 {
            return true;
        }
        let digits = block.digits() & self.bytes;
        let points = block.find(b'.') & self.bytes;
        let zeros = block.find(b'0');
        // Where whole numbers begin, or the whole part of others.
        let whole = digits & !(digits << 1 | points << 1);
        let mut others = self.bytes & !(digits | points);
        let signed = whole & !self.starts;
        if signed != 0 {
            let minuses = block.find(b'-') & self.starts;
            if minuses << 1 != signed {
                return false;
            }
            others &= !minuses;
        }
        // The carry of an addition runs through the digits of the whole part.
        let behind_whole = whole.wrapping_add(digits);
        let wrong = points & !behind_whole | points << 1 & !digits | (whole & zeros) << 1 & digits;
        wrong == 0 && self.are_literals(others, bytes)
    }

    /// Whether these bytes are `true`, `false` and `null`.
    #[inline(always)]
    fn are_literals(&self, letters: u64, bytes: &[u8; BLOCK]) -> bool {
        let mut unread = letters;
        let mut starts = self.starts & letters;
        while starts != 0 {
            let at = starts.trailing_zeros() as usize;
            starts &= starts.wrapping_sub(1);
            let word = bytes.get(at..).unwrap_or_default();
            let Some(first) = word.first_chunk() else {
                return false;
            };
            let len = match u32::from_le_bytes(*first) {
                NULL | TRUE => 4,
                FALS if word.get(4) == Some(&b'e') => 5_u32,
                _ => return false,
            };
            unread &= !(!(u64::MAX << len) << at);
        }
        unread == 0
    }
}

const NULL: u32 = u32::from_le_bytes(*b"null");
const TRUE: u32 = u32::from_le_bytes(*b"true");
const FALS: u32 = u32::from_le_bytes(*b"fals");
