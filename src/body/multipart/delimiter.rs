//! Finds the delimiter lines of a multipart body in bytes that arrive in pieces.
//!
//! A delimiter is `--boundary` behind a line break: CRLF, LF or CR. The first delimiter needs no line break.
//! Behind the boundary stands either `--`, which ends the body, or optional white space and a line break,
//! which begin a part (werkzeug's `preamble_re` and `boundary_re`). All other bytes are data.
//!
//! A chunk may end anywhere in a delimiter, bytes that have been passed cannot be read again, and bytes that
//! begin like a delimiter may be data in which the real one begins. So inside a chunk the needle,
//! `--boundary`, is compared where it may begin: behind each line break (`lines`), and in a long part where
//! two dashes stand side by side (`far`, `dashes.rs`). If a chunk ends within a needle, the Knuth-Morris-Pratt
//! automaton goes on: `matched` says how many bytes of the needle have been seen. If the next byte does not
//! continue it, the automaton falls back to the longest border of the matched bytes, a beginning that is also
//! their end.
//!
//! With the boundary `-a-b` the needle is `---a-b`, and the data end in `---a---a-b`, in three chunks:
//!
//! ```text
//! \r\n---a        matched = 4; the chunk ends
//! --             the first dash makes 5, `---a-`. The second is no `b`, and the border of `---a-`
//!                is `-`: matched = 1, and with this dash 2
//! -a-b           matched = 3, 4, 5, 6: a whole needle
//! ```
//!
//! A whole needle is not yet a delimiter. In front of it must be a line break, so `before` has the two
//! bytes in front of the matched ones; here they are `-a`, so this needle is data, and the search falls
//! back. Behind the needle must stand `--`, or white space and a line break: `tail` is the state of that.
//! While it is open, another needle may begin in the dashes (`catch_up`). With a boundary of dashes only, a
//! second needle may begin one byte later (`again`).
//!
//! The search compares no byte twice, unless the boundary has line breaks in it, which it may have,
//! percent-encoded. The automaton takes at most two steps for each byte, and the search may step back from
//! it once in a needle's length. The table of borders is made when it is first needed.

use super::borders::Borders;
use super::dashes::{Skim, find_line, is_start, leading};
use crate::body::text::near;

/// How many bytes at the beginning of a part are searched line by line.
const NEAR: usize = 1024;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    /// A part follows. With `may_have_lf` the delimiter ended in CR, and an LF that comes next
    /// belongs to it.
    Part { may_have_lf: bool },
    /// The closing delimiter.
    End,
}

/// The bytes behind a whole `--boundary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// no needle stands in front
    None,
    Start,
    /// behind `-`
    Dash,
    /// behind white space
    Space,
    /// behind `--`, where that must end the line
    End,
}

/// The search. State: 100 bytes and what it borrows.
#[derive(Debug)]
pub(super) struct Search<'r> {
    /// `--boundary`
    pub(super) needle: &'r [u8],
    /// how many dashes it begins with
    dashes: usize,
    borders: Borders<'r>,
    /// how many bytes of the needle are matched by the last bytes. If all: only the dashes of `tail` may
    /// stand behind it, and they have not been searched for another needle
    pub(super) matched: usize,
    /// the two bytes in front of the matched ones
    before: [u8; 2],
    pub(super) tail: Tail,
    /// the length of the delimiter so far, with the line break in front
    len: usize,
    /// a second candidate started one byte behind the first (a boundary of dashes only)
    again: bool,
    /// the first delimiter needs no line break in front
    first: bool,
    /// the closing delimiter must be a line of its own
    by_lines: bool,
    /// bytes of this part that are still to be searched line by line
    near: usize,
}

impl<'r> Search<'r> {
    /// A search for the first delimiter. `borders` must have [`Borders::len`] bytes.
    pub(super) fn new(needle: &'r [u8], borders: &'r mut [u8], by_lines: bool) -> Self {
        Self {
            needle,
            dashes: leading(needle),
            borders: Borders::new(borders),
            matched: 0,
            before: [0; 2],
            tail: Tail::None,
            len: 0,
            again: false,
            first: true,
            by_lines,
            near: 0,
        }
    }

    /// Starts the search in the data of a part. `before`: the last two bytes in front of it.
    pub(super) fn restart(&mut self, before: [u8; 2]) {
        self.matched = 0;
        self.before = before;
        self.tail = Tail::None;
        self.first = false;
        self.near = NEAR;
    }

    /// The length of the delimiter that was found last, with the line break in front.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether the bytes so far end behind a closing delimiter without a line break.
    pub(super) fn is_at_end(&self) -> bool {
        self.tail == Tail::End
    }

    /// Recognises next bytes without a delimiter. None within a needle, or behind a line break.
    pub(super) fn skim(&self) -> Option<Skim> {
        let is_within = self.matched > 0 || self.tail != Tail::None;
        let may_begin = matches!(self.before[1], b'\r' | b'\n');
        (!is_within && !may_begin).then(|| Skim::new(self.needle))?
    }

    /// Looks for a delimiter. Returns how many bytes were taken: all of them where there is none.
    pub(super) fn feed(&mut self, input: &[u8]) -> (usize, Option<Delimiter>) {
        let mut at = 0_usize;
        // From here on the search may step back to the beginning of a candidate in this chunk. It may do so
        // only so often that it reads at most twice the bytes.
        let mut step_back_from = 0_usize;
        while let Some((byte, _)) = input.get(at..).and_then(<[u8]>::split_first) {
            if self.tail == Tail::None && self.matched <= at && step_back_from <= at {
                step_back_from = at.saturating_add(self.needle.len());
                at = at.saturating_sub(self.matched);
                self.matched = 0;
            }
            if self.tail == Tail::None && self.matched == 0 {
                at = self.leap(input, at);
                step_back_from = at.saturating_add(self.needle.len());
                continue;
            }
            at = at.saturating_add(1);
            if let Some(delimiter) = self.step(*byte) {
                return (at, Some(delimiter));
            }
        }
        (at, None)
    }

    /// Goes to the end of the next needle, or to the end of the input, where the needle may be matched in
    /// part.
    fn leap(&mut self, input: &[u8], at: usize) -> usize {
        let rest = input.get(at..).unwrap_or_default();
        let near = if self.near > 0 || self.first {
            self.lines(rest)
        } else {
            0
        };
        let taken = if near > 0 { near } else { self.far(rest) };
        at.saturating_add(taken)
    }

    /// Looks for a needle at the beginning, or behind one of the next line breaks. Returns the bytes taken.
    fn lines(&mut self, rest: &[u8]) -> usize {
        let mut at = 0_usize;
        let mut may_begin = self.first || matches!(self.before[1], b'\r' | b'\n');
        loop {
            let (seen, here) = rest.split_at_checked(at).unwrap_or((rest, b""));
            if may_begin && is_start(here, self.needle) {
                let len = here.len().min(self.needle.len());
                self.see(seen);
                self.matched = len;
                if len == self.needle.len() {
                    self.whole_needle();
                }
                return at.saturating_add(len);
            }
            let line = here.get(..self.near).unwrap_or(here);
            let line = match near::find2(b'\r', b'\n', line).and_then(|at| here.get(at..)) {
                Some([b'\r', b'\n', after @ ..] | [_, after @ ..]) => {
                    here.len().saturating_sub(after.len())
                }
                _ => {
                    at = at.saturating_add(line.len());
                    self.near = self.near.saturating_sub(line.len());
                    self.see(rest.get(..at).unwrap_or_default());
                    return at;
                }
            };
            at = at.saturating_add(line);
            self.near = self.near.saturating_sub(line);
            may_begin = true;
        }
    }

    /// Looks for a needle in all bytes of the chunk. Returns the bytes taken.
    #[inline(never)]
    fn far(&mut self, rest: &[u8]) -> usize {
        if self.first {
            return self.anywhere(rest);
        }
        // A needle without a line break in front is data.
        let may_begin = matches!(self.before[1], b'\r' | b'\n');
        let at = if may_begin && is_start(rest, self.needle) {
            0
        } else {
            find_line(self.needle, rest)
        };
        let (seen, here) = rest.split_at_checked(at).unwrap_or((rest, b""));
        self.see(seen);
        self.matched = here.len().min(self.needle.len());
        let taken = at.saturating_add(self.matched);
        if self.matched == self.needle.len() {
            self.whole_needle();
        }
        taken
    }

    /// Looks for the first needle, which needs no line break in front. Returns the bytes taken.
    fn anywhere(&mut self, rest: &[u8]) -> usize {
        let dashes = self.dashes;
        let mut at = 0_usize;
        loop {
            let here = rest.get(at..).unwrap_or_default();
            at = at.saturating_add(near::find(b'-', here).unwrap_or(here.len()));
            // In a row of dashes the needle begins with the last ones, unless it has only dashes.
            let found = leading(rest.get(at..).unwrap_or_default());
            if dashes < self.needle.len() {
                at = at.saturating_add(found.saturating_sub(dashes));
            }
            let (seen, here) = rest.split_at_checked(at).unwrap_or((rest, b""));
            if is_start(here, self.needle) {
                self.see(seen);
                self.matched = here.len().min(self.needle.len());
                if self.matched == self.needle.len() {
                    self.whole_needle();
                }
                return at.saturating_add(self.matched);
            }
            at = at.saturating_add(found.min(dashes));
        }
    }

    fn step(&mut self, byte: u8) -> Option<Delimiter> {
        if self.tail != Tail::None {
            self.len = self.len.saturating_add(1);
            let mut tail = self.behind(self.tail, byte);
            if self.matched == self.needle.len() && tail.is_ok() {
                if byte == b'-' && tail != Ok(Tail::None) {
                    // This may be the closing delimiter.
                    self.tail = tail.unwrap_or(Tail::None);
                    return None;
                }
                self.catch_up();
            }
            if tail == Ok(Tail::None) && self.again {
                tail = self.behind(Tail::Start, byte);
            }
            self.again = false;
            match tail {
                Ok(tail) => self.tail = tail,
                Err(delimiter) => {
                    self.tail = Tail::None;
                    self.matched = 0;
                    return Some(delimiter);
                }
            }
        }
        self.advance(byte);
        None
    }

    /// The needle may turn out to be data: looks for needles that begin within it.
    #[inline(never)]
    fn catch_up(&mut self) {
        let dashes: usize = match self.tail {
            Tail::Dash => 1,
            Tail::End => 2,
            Tail::None | Tail::Start | Tail::Space => 0,
        };
        self.fall_back();
        for _ in 0..dashes {
            self.again = false;
            self.advance(b'-');
        }
    }

    /// Takes the next byte behind `--boundary`. `Ok` has the new state; `Err` has the delimiter that the byte
    /// completes.
    #[inline]
    pub(super) fn behind(&self, tail: Tail, byte: u8) -> Result<Tail, Delimiter> {
        match (tail, byte) {
            (Tail::Dash, b'-') if self.by_lines => Ok(Tail::End),
            (Tail::Dash, b'-') => Err(Delimiter::End),
            (Tail::End, b'\r' | b'\n') => Err(Delimiter::End),
            (Tail::End, b' ' | b'\t' | 0x0b | 0x0c) => Ok(Tail::End),
            (Tail::Start, b'-') => Ok(Tail::Dash),
            (Tail::Start | Tail::Space, b'\n' | b'\r') => Err(Delimiter::Part {
                may_have_lf: byte == b'\r',
            }),
            (Tail::Start | Tail::Space, b' ' | b'\t' | 0x0b | 0x0c) => Ok(Tail::Space),
            _ => Ok(Tail::None),
        }
    }

    /// One step of the automaton.
    #[inline(never)]
    fn advance(&mut self, byte: u8) {
        loop {
            if self.needle.get(self.matched) == Some(&byte) {
                self.matched = self.matched.saturating_add(1);
                if self.matched == self.needle.len() {
                    self.whole_needle();
                }
                return;
            }
            if self.matched == 0 {
                self.see(&[byte]);
                return;
            }
            self.fall_back();
        }
    }

    /// A whole needle has been seen. It begins a delimiter if a line break stands in front.
    #[inline]
    fn whole_needle(&mut self) {
        let line_break: usize = match self.before {
            [b'\r', b'\n'] => 2,
            [_, b'\n' | b'\r'] => 1,
            _ => 0,
        };
        if line_break > 0 || self.first {
            if self.tail == Tail::None {
                self.tail = Tail::Start;
                self.len = line_break.saturating_add(self.needle.len());
                return;
            }
            self.again = true;
        }
        self.fall_back();
    }

    /// Falls back to the longest border of the matched bytes, which is matched further on.
    fn fall_back(&mut self) {
        let border = self.borders.of(self.needle, self.matched);
        let shift = self.matched.saturating_sub(border);
        self.matched = border;
        self.see(self.needle.get(..shift).unwrap_or_default());
    }

    /// Notes bytes that no further match can include.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        match bytes {
            [] => {}
            [last] => self.before = [self.before[1], *last],
            [.., older, last] => self.before = [*older, *last],
        }
    }
}

#[cfg(test)]
#[path = "delimiter_tests.rs"]
mod tests;
