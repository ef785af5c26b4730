//! A strict UTF-8 check over bytes that arrive in pieces.

use core::str::from_utf8;

/// Tells whether all that was fed is UTF-8. State: one unfinished character.
#[derive(Debug, Default)]
pub(super) struct Utf8Check {
    /// the first bytes of a character that the last chunk cut
    pending: [u8; 4],
    /// 0 <= len <= 3
    len: usize,
    broken: bool,
}

impl Utf8Check {
    /// False as soon as the bytes so far cannot be the start of UTF-8 text.
    pub(super) fn feed(&mut self, chunk: &[u8]) -> bool {
        let rest = self.complete_pending(chunk);
        if self.broken {
            return false;
        }
        if let Err(error) = from_utf8(rest) {
            let tail = rest.get(error.valid_up_to()..).unwrap_or_default();
            match (error.error_len(), self.pending.get_mut(..tail.len())) {
                (None, Some(pending)) => {
                    pending.copy_from_slice(tail);
                    self.len = tail.len();
                }
                _ => self.broken = true,
            }
        }
        !self.broken
    }

    /// True when the text is valid and does not end inside a character.
    pub(super) fn finish(&self) -> bool {
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
            match from_utf8(self.pending.get(..self.len).unwrap_or_default()) {
                Ok(_) => self.len = 0,
                Err(error) => self.broken = error.error_len().is_some(),
            }
        }
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::Utf8Check;

    fn check(pieces: &[&[u8]]) -> bool {
        let mut utf8 = Utf8Check::default();
        for piece in pieces {
            utf8.feed(piece);
        }
        utf8.finish()
    }

    #[test]
    fn agrees_with_std_at_every_split() {
        let texts: [&[u8]; 10] = [
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
}
