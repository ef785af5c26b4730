//! Numbers and literals of a JSON text that nobody wants: what of a block is neither string, white
//! space nor structure.

use fearless_simd::Simd;

use super::block::{BLOCK, Block};

/// The most digits in a row of a number that lies in two blocks: too few for any bound to matter.
const DIGITS_MAX: usize = 32;

/// What a block must know of a number or literal that began in the one in front of it.
#[derive(Clone, Copy, Default)]
pub(super) struct Scalars {
    /// 1 where that block ended with one
    last: u64,
    /// those bytes of this block that have been read with it
    read: u64,
}

impl Scalars {
    /// 1 where the block in front ended with a number or literal.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// How many bytes of the block have been read with the one in front.
    pub(super) fn len(&self) -> usize {
        self.read.trailing_ones() as usize
    }

    /// Whether the bytes of the block that `scalars` tells of, which begin at `starts`, are
    /// numbers without an exponent, `true`, `false` and `null`. `text` begins with the block.
    #[inline(always)]
    pub(super) fn read<S: Simd>(
        &mut self,
        block: &Block<S>,
        scalars: u64,
        starts: u64,
        bytes: &[u8; BLOCK],
        text: &[u8],
    ) -> bool {
        let mut unread = scalars & !self.read;
        *self = Self::default();
        let last = text.len().min(BLOCK).saturating_sub(1);
        if scalars >> last & 1 == 1 {
            let Some(begin) = starts.checked_ilog2() else {
                return false;
            };
            let Some(end) = end_of_scalar(text, begin as usize) else {
                return false;
            };
            unread &= !(u64::MAX << begin);
            self.last = 1;
            self.read = match end.checked_sub(BLOCK) {
                Some(len @ 0..BLOCK) => !(u64::MAX << len),
                _ => return false,
            };
        }
        if unread == 0 {
            return true;
        }
        let starts = starts & unread;
        let digits = block.digits() & unread;
        let points = block.find(b'.') & unread;
        let minuses = block.find(b'-') & unread;
        let others = unread & !(digits | points | minuses);
        let first = starts & digits | minuses << 1;
        // The carry of an addition runs through the digits behind a point.
        let behind_fraction = (points << 1 & digits).wrapping_add(digits) & !digits;
        let wrong = minuses & !starts
            | (minuses << 1 | points << 1) & !digits
            | digits & !(digits << 1) & !(first | points << 1)
            | points & !(digits << 1)
            | points & behind_fraction;
        wrong == 0
            && (others == 0 || are_literals(others, starts, bytes))
            && !has_zero(first & digits >> 1, bytes)
    }
}

/// Whether one of these bytes is a zero, which no number of more digits begins with.
#[inline(always)]
fn has_zero(first: u64, bytes: &[u8; BLOCK]) -> bool {
    let mut first = first;
    while first != 0 {
        if bytes.get(first.trailing_zeros() as usize) == Some(&b'0') {
            return true;
        }
        first &= first.wrapping_sub(1);
    }
    false
}

#[inline(always)]
fn are_literals(letters: u64, starts: u64, bytes: &[u8; BLOCK]) -> bool {
    let mut unread = letters;
    let mut starts = starts & letters;
    while starts != 0 {
        let at = starts.trailing_zeros() as usize;
        starts &= starts.wrapping_sub(1);
        let word = bytes.get(at..).unwrap_or_default();
        let len = match word.first_chunk() {
            Some(b"true" | b"null") => 4,
            Some(b"fals") if word.get(4) == Some(&b'e') => 5_u32,
            _ => return false,
        };
        unread &= !(!(u64::MAX << len) << at);
    }
    unread == 0
}

/// Where the number or literal at `begin` ends, if `text` has more.
fn end_of_scalar(text: &[u8], begin: usize) -> Option<usize> {
    let bytes = text.get(begin..)?;
    let rest = match bytes {
        [b't', b'r', b'u', b'e', rest @ ..]
        | [b'n', b'u', b'l', b'l', rest @ ..]
        | [b'f', b'a', b'l', b's', b'e', rest @ ..] => rest,
        [b'-', rest @ ..] => number(rest)?,
        _ => number(bytes)?,
    };
    (!rest.is_empty()).then(|| text.len().saturating_sub(rest.len()))
}

/// What follows a number.
fn number(bytes: &[u8]) -> Option<&[u8]> {
    let rest = match bytes {
        [b'0', rest @ ..] => rest,
        _ => digits(bytes)?,
    };
    let rest = match rest {
        [b'.', rest @ ..] => digits(rest)?,
        _ => rest,
    };
    match rest.first()? {
        b'0'..=b'9' | b'.' | b'e' | b'E' => None,
        _ => Some(rest),
    }
}

/// What follows one to DIGITS_MAX digits.
fn digits(bytes: &[u8]) -> Option<&[u8]> {
    let digits = bytes.iter().take(DIGITS_MAX.saturating_add(1));
    let len = digits.take_while(|byte| byte.is_ascii_digit()).count();
    match len {
        1..=DIGITS_MAX => bytes.get(len..),
        _ => None,
    }
}
