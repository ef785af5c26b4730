//! How far a look at the first bytes of a body has come.

/// Counts what has been looked at, up to a limit.
#[derive(Debug)]
pub(in crate::nginx) struct Look {
    /// bytes of the body to look at
    pub(in crate::nginx) size: usize,
    /// bytes behind the header, framing included, that have been looked at
    pub(in crate::nginx) seen: usize,
    /// bytes of the body among them
    pub(in crate::nginx) body_seen: usize,
}

/// What the peek does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nginx) enum Progress {
    /// more bytes are needed
    More,
    /// the body has ended: the decision is exact
    Ended,
    /// the bytes decide, or the limit is reached
    Enough,
    /// the client's framing is wrong, or the body too long: nginx will refuse it when it reads the body
    Broken,
}

/// What a parser of chunk sizes or frame headers has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nginx) enum Framing {
    /// so many bytes of the body follow; not all of them may have arrived
    Data(usize),
    /// a chunk size or a frame header has not arrived completely
    More,
    /// the body has ended
    Ended,
    Broken,
}

impl Look {
    pub(in crate::nginx) fn new(size: usize) -> Self {
        Self {
            size,
            seen: 0,
            body_seen: 0,
        }
    }

    /// The part of the body's next bytes that is within the limit, which is counted as looked at.
    pub(in crate::nginx) fn take<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let left = self.size.saturating_sub(self.body_seen);
        let bytes = bytes.get(..left).unwrap_or(bytes);
        self.body_seen = self.body_seen.saturating_add(bytes.len());
        bytes
    }

    pub(in crate::nginx) fn progress(&self, ended: bool, decided: bool) -> Progress {
        if ended {
            Progress::Ended
        } else if decided || self.body_seen >= self.size {
            Progress::Enough
        } else {
            Progress::More
        }
    }

    /// Whether the body is longer than `limit` with `more` bytes.
    pub(in crate::nginx) fn exceeds(&self, limit: Option<usize>, more: usize) -> bool {
        limit.is_some_and(|limit| self.body_seen.saturating_add(more) > limit)
    }

    /// Looks at bytes with framing. `parse` reads the framing in front of them, and returns how many
    /// bytes it took. `feed` gets the bytes of the body, and returns whether they decide. `taken` is
    /// told how many bytes of an open chunk or frame have been looked at.
    pub(in crate::nginx) fn framed<P>(
        &mut self,
        mut rest: &[u8],
        limit: Option<usize>,
        parser: &mut P,
        parse: impl Fn(&mut P, &[u8]) -> (usize, Framing),
        taken: impl Fn(&mut P, usize),
        mut feed: impl FnMut(&[u8]) -> bool,
    ) -> Progress {
        loop {
            let (framing, found) = parse(parser, rest);
            rest = rest.get(framing..).unwrap_or_default();
            self.seen = self.seen.saturating_add(framing);
            let size = match found {
                Framing::Data(size) => size,
                Framing::More => return self.progress(false, false),
                Framing::Ended => return Progress::Ended,
                Framing::Broken => return Progress::Broken,
            };
            if self.exceeds(limit, size) {
                return Progress::Broken;
            }
            let data = rest.get(..size).unwrap_or(rest);
            rest = rest.get(data.len()..).unwrap_or_default();
            self.seen = self.seen.saturating_add(data.len());
            taken(parser, data.len());
            let decided = feed(self.take(data));
            if self.progress(false, decided) == Progress::Enough {
                return Progress::Enough;
            }
            if data.len() < size || rest.is_empty() {
                return Progress::More;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, Look, Progress};

    /// A parser of texts as `3:abc2:de0:`, in which a digit and a colon precede so many bytes.
    #[derive(Default)]
    struct Toy {
        left: usize,
        digit: Option<u8>,
    }

    fn parse(toy: &mut Toy, bytes: &[u8]) -> (usize, Framing) {
        if toy.left > 0 {
            return (0, Framing::Data(toy.left));
        }
        for (at, byte) in bytes.iter().enumerate() {
            match (toy.digit.take(), byte) {
                (None, b'0'..=b'9') => toy.digit = Some(byte - b'0'),
                (Some(0), b':') => return (at + 1, Framing::Ended),
                (Some(size), b':') => {
                    toy.left = size.into();
                    return (at + 1, Framing::Data(toy.left));
                }
                _ => return (at, Framing::Broken),
            }
        }
        (bytes.len(), Framing::More)
    }

    /// Calls `framed` as a peek does: each time `step` more bytes have arrived, with all that it has
    /// not seen.
    fn look(bytes: &[u8], step: usize, size: usize, limit: Option<usize>) -> (Progress, String) {
        let (mut look, mut toy, mut body) = (Look::new(size), Toy::default(), Vec::new());
        let mut progress = Progress::More;
        for end in (0..=bytes.len()).step_by(step) {
            progress = look.framed(
                bytes.get(look.seen..end).unwrap_or_default(),
                limit,
                &mut toy,
                parse,
                |toy, len| toy.left -= len,
                |data| {
                    body.extend_from_slice(data);
                    body.ends_with(b"!")
                },
            );
            if progress != Progress::More {
                break;
            }
        }
        (progress, String::from_utf8(body).unwrap())
    }

    #[test]
    fn chunks_at_every_split() {
        let cases = [
            (&b"3:abc2:de0:"[..], 99, None, Progress::Ended, "abcde"),
            (b"3:abc2:de", 99, None, Progress::More, "abcde"),
            (b"3:abc2:de0:", 4, None, Progress::Enough, "abcd"),
            (b"3:ab!2:de0:", 99, None, Progress::Enough, "ab!"),
            (b"3:abcx:de0:", 99, None, Progress::Broken, "abc"),
            (b"3:abc2:de0:", 99, Some(4), Progress::Broken, "abc"),
            (b"3:abc2:de0:", 99, Some(5), Progress::Ended, "abcde"),
        ];
        for (bytes, size, limit, progress, body) in cases {
            for step in 1..=bytes.len() {
                if bytes.len().is_multiple_of(step) {
                    let found = look(bytes, step, size, limit);
                    assert_eq!(found, (progress, body.to_owned()), "{bytes:?} by {step}");
                }
            }
        }
    }

    #[test]
    fn the_limit_of_a_look_is_exact() {
        let mut look = Look::new(4);
        assert_eq!(look.take(b"abc"), b"abc");
        assert_eq!(look.progress(false, false), Progress::More);
        assert_eq!(look.take(b"def"), b"d");
        assert_eq!(look.progress(false, false), Progress::Enough);
        assert_eq!(look.progress(true, false), Progress::Ended);
        assert!(look.exceeds(Some(3), 0) && !look.exceeds(Some(4), 0) && look.exceeds(Some(4), 1));
        assert!(!look.exceeds(None, usize::MAX));
    }
}
