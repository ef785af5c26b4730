//! Percent escapes, as Python's `urllib.parse.unquote_plus` reads them: a `%` without two hexadecimal
//! digits stays as it is.

pub(in crate::body) mod unescape;

use super::near;
use unescape::Buffer;

/// A decoder of percent escapes. Its state is the part of an escape that the end of a chunk has cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// not inside an escape
    None,
    /// behind `%`
    Percent,
    /// behind `%` and this hexadecimal digit
    Digit(u8),
}

/// Takes decoded bytes.
pub(crate) trait Sink {
    /// Takes any number of bytes.
    fn push(&mut self, bytes: &[u8]);
    /// Takes one byte, in less time.
    fn push_byte(&mut self, byte: u8);
}

impl Escape {
    /// Decodes `bytes`, which continue those of the last call.
    pub(crate) fn decode(&mut self, bytes: &[u8], out: &mut impl Sink) {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            if *self == Self::None && !matches!(byte, b'%' | b'+') {
                let plain = near::find2(b'%', b'+', rest).unwrap_or(rest.len());
                if let Some((plain, after)) = rest.split_at_checked(plain)
                    && !plain.is_empty()
                {
                    out.push(plain);
                    rest = after;
                    continue;
                }
            }
            rest = after;
            self.step(*byte, out);
        }
    }

    /// Like [`Self::decode`], for a long text: it hands decoded bytes on by the thousand.
    pub(crate) fn decode_long(&mut self, bytes: &[u8], out: &mut impl Sink) {
        const LONG: usize = 128;
        const BUFFER: usize = 2048;
        if bytes.len() < LONG {
            return self.decode(bytes, out);
        }
        let mut rest = bytes;
        while *self != Self::None {
            match rest.split_first() {
                // A `%` ends the cut escape, and may begin another one.
                Some((b'%', _)) => self.end(out),
                None => return,
                Some((byte, after)) => {
                    self.step(*byte, out);
                    rest = after;
                }
            }
        }
        let mut buffer = Buffer::<_, BUFFER>::new(out);
        let taken = buffer.decode(rest);
        self.decode(rest.get(taken..).unwrap_or_default(), &mut buffer);
        buffer.flush();
    }

    /// The text has ended: the bytes of a cut escape stand for themselves.
    #[inline]
    pub(crate) fn end(&mut self, out: &mut impl Sink) {
        match *self {
            Self::None => {}
            Self::Percent => out.push_byte(b'%'),
            Self::Digit(high) => out.push(&[b'%', high]),
        }
        *self = Self::None;
    }

    /// Decodes a byte.
    #[inline(always)]
    pub(crate) fn step(&mut self, byte: u8, out: &mut impl Sink) {
        *self = match (*self, byte) {
            (Self::Percent, _) if byte.is_ascii_hexdigit() => Self::Digit(byte),
            (Self::Digit(high), _) if byte.is_ascii_hexdigit() => {
                out.push_byte(hex(high) << 4 | hex(byte));
                Self::None
            }
            (pending, _) => {
                let mut pending = pending;
                pending.end(out);
                match byte {
                    b'%' => Self::Percent,
                    b'+' => {
                        out.push_byte(b' ');
                        Self::None
                    }
                    _ => {
                        out.push_byte(byte);
                        Self::None
                    }
                }
            }
        };
    }
}

/// The byte that the escape at the start of `text` stands for, and what is behind it.
#[inline]
pub(crate) fn split_escape(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            Some((hex(*high) << 4 | hex(*low), after))
        }
        _ => None,
    }
}

/// The value of a hexadecimal digit.
pub(crate) fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit.wrapping_sub(b'0'),
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10) & 15,
    }
}

#[cfg(test)]
mod tests;
