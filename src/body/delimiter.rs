//! Finds the delimiter lines of a multipart body in bytes that arrive in pieces.
//!
//! A delimiter is `--boundary` behind a line break (CRLF, LF or CR; the first one needs none),
//! and behind it either `--`, the end, or optional white space and a line break, a part
//! (werkzeug's `preamble_re` and `boundary_re`). Whatever is not that is data.
//!
//! Inside a chunk memmem searches for the start of `--boundary`. From there on, and where a chunk
//! ends within it, the Knuth-Morris-Pratt automaton carries the match over, so that no byte is kept
//! or seen twice and the work is linear whatever boundary and data are.

use memchr::memmem::Finder;

/// As much of a needle memmem finds with vectors alone; a longer one takes it longer to prepare.
const START_MAX: usize = 32;

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
enum Tail {
    /// not behind one
    None,
    Start,
    /// behind `-`
    Dash,
    /// behind white space
    Space,
    /// behind `--`, where that must end the line
    End,
}

/// The search. State: 200 bytes and the two slices that it borrows.
#[derive(Debug)]
pub(super) struct Search<'r> {
    /// finds the first START_MAX bytes of the needle
    finder: Finder<'r>,
    /// `--boundary`
    needle: &'r [u8],
    /// for each prefix of the needle the length of its longest border, two bytes each
    borders: &'r [u8],
    /// bytes of the needle matched at the end of what was seen; < needle.len()
    matched: usize,
    /// the two bytes in front of the matched ones
    before: [u8; 2],
    tail: Tail,
    /// bytes from the line break in front of the delimiter on
    len: usize,
    /// a second candidate started one byte behind the first (a boundary of dashes only)
    again: bool,
    /// the first delimiter needs no line break in front
    first: bool,
    /// the closing delimiter must be a line of its own
    by_lines: bool,
}

impl<'r> Search<'r> {
    /// How many bytes of borders a needle of `len` bytes needs.
    pub(super) const fn borders_len(len: usize) -> usize {
        len.saturating_mul(2)
    }

    /// A search for the first delimiter. `borders` is [`Self::borders_len`] bytes.
    pub(super) fn new(needle: &'r [u8], borders: &'r mut [u8], by_lines: bool) -> Self {
        write_borders(needle, borders);
        Self {
            finder: Finder::new(needle.get(..START_MAX).unwrap_or(needle)),
            needle,
            borders,
            matched: 0,
            before: [0; 2],
            tail: Tail::None,
            len: 0,
            again: false,
            first: true,
            by_lines,
        }
    }

    /// Starts the search in the data of a part. `before`: the last two bytes in front of it.
    pub(super) fn restart(&mut self, before: [u8; 2]) {
        self.matched = 0;
        self.before = before;
        self.tail = Tail::None;
        self.first = false;
    }

    /// Reads the first line that is not blank, which must be a delimiter. `Err`: it is none.
    pub(super) fn first_line(&mut self, byte: u8) -> Result<Option<Delimiter>, ()> {
        if self.tail != Tail::None {
            return match self.behind(self.tail, byte) {
                Ok(Tail::None) => Err(()),
                Ok(tail) => {
                    self.tail = tail;
                    Ok(None)
                }
                Err(delimiter) => Ok(Some(delimiter)),
            };
        }
        match self.needle.get(self.matched) {
            _ if self.matched == 0 && matches!(byte, b' ' | b'\t'..=b'\r') => {}
            Some(expected) if *expected == byte => {
                self.matched = self.matched.saturating_add(1);
                if self.matched == self.needle.len() {
                    self.tail = Tail::Start;
                }
            }
            _ => return Err(()),
        }
        Ok(None)
    }

    /// The length of the delimiter that was found last, line break in front included.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The bytes end behind a closing delimiter whose line has no end.
    pub(super) fn is_at_end(&self) -> bool {
        self.tail == Tail::End
    }

    /// Looks for a delimiter. Gives the number of bytes taken, all of them where there is none.
    pub(super) fn feed(&mut self, input: &[u8]) -> (usize, Option<Delimiter>) {
        let mut at = 0_usize;
        let mut may_step_back = true;
        while let Some((byte, _)) = input.get(at..).and_then(<[u8]>::split_first) {
            if self.tail == Tail::None && self.matched > 0 && may_step_back && self.matched <= at {
                // The candidate lies within this chunk: let memmem decide, once a chunk.
                may_step_back = false;
                at = at.saturating_sub(self.matched);
                self.matched = 0;
            }
            if self.tail == Tail::None && self.matched == 0 {
                at = self.leap(input, at);
                may_step_back = false;
                continue;
            }
            at = at.saturating_add(1);
            if let Some(delimiter) = self.step(*byte) {
                return (at, Some(delimiter));
            }
        }
        (at, None)
    }

    /// Goes to behind the start of the next needle, or to the end of the input with a partial match.
    fn leap(&mut self, input: &[u8], at: usize) -> usize {
        let rest = input.get(at..).unwrap_or_default();
        let start_len = self.finder.needle().len();
        if let Some(found) = self.finder.find(rest) {
            self.see(rest.get(..found).unwrap_or_default());
            self.matched = start_len;
            if start_len == self.needle.len() {
                self.whole_needle();
            }
            return at.saturating_add(found).saturating_add(start_len);
        }
        // Only the last start_len - 1 bytes can be the start of a needle.
        let keep = rest.len().saturating_sub(start_len.saturating_sub(1));
        let (skipped, kept) = rest.split_at_checked(keep).unwrap_or((rest, b""));
        self.see(skipped);
        kept.iter().for_each(|byte| self.advance(*byte));
        input.len()
    }

    fn step(&mut self, byte: u8) -> Option<Delimiter> {
        if self.tail != Tail::None {
            self.len = self.len.saturating_add(1);
            let mut tail = self.behind(self.tail, byte);
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

    /// The next byte behind `--boundary`: still open, or the delimiter that it completes.
    fn behind(&self, tail: Tail, byte: u8) -> Result<Tail, Delimiter> {
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

    /// A needle has been seen: is there a line break in front of it?
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
            } else {
                self.again = true;
            }
        }
        self.fall_back();
    }

    /// The longest border of what is matched is matched as well, further on.
    fn fall_back(&mut self) {
        let border = border(self.borders, self.matched);
        let shift = self.matched.saturating_sub(border);
        self.matched = border;
        self.see(self.needle.get(..shift).unwrap_or_default());
    }

    /// These bytes lie in front of any further match.
    pub(super) fn see(&mut self, bytes: &[u8]) {
        match bytes {
            [] => {}
            [last] => self.before = [self.before[1], *last],
            [.., older, last] => self.before = [*older, *last],
        }
    }
}

fn border(borders: &[u8], matched: usize) -> usize {
    let at = matched.saturating_sub(1).saturating_mul(2);
    match borders.get(at..).unwrap_or_default() {
        [low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
        _ => 0,
    }
}

fn write_borders(needle: &[u8], borders: &mut [u8]) {
    let mut length = 0_usize;
    for (index, byte) in needle.iter().enumerate() {
        if index > 0 {
            while length > 0 && needle.get(length) != Some(byte) {
                length = border(borders, length);
            }
            if needle.get(length) == Some(byte) {
                length = length.saturating_add(1);
            }
        }
        let at = index.saturating_mul(2);
        let bytes = u16::try_from(length).unwrap_or_default().to_le_bytes();
        if let Some(place) = borders.get_mut(at..at.saturating_add(2)) {
            place.copy_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Delimiter, Search};
    use crate::body::testing::each_split;

    /// All delimiters with the offset behind them, the first one being allowed anywhere.
    fn all(boundary: &str, data: &[u8], first: bool) -> Vec<(usize, Delimiter, usize)> {
        let needle = format!("--{boundary}");
        each_split(data, |pieces| {
            let mut borders = vec![0; Search::borders_len(needle.len())];
            let mut search = Search::new(needle.as_bytes(), &mut borders, false);
            if !first {
                search.restart([0, b'\n']);
            }
            let (mut found, mut offset) = (Vec::new(), 0);
            for piece in pieces {
                let mut rest = *piece;
                while !rest.is_empty() {
                    let (taken, delimiter) = search.feed(rest);
                    offset += taken;
                    rest = &rest[taken..];
                    if let Some(delimiter) = delimiter {
                        found.push((offset, delimiter, search.len()));
                        search.restart([0, 0]);
                    }
                }
            }
            found
        })
    }

    fn part(offset: usize, len: usize) -> (usize, Delimiter, usize) {
        (offset, Delimiter::Part { may_have_lf: false }, len)
    }

    #[test]
    fn line_breaks_and_tails() {
        let end = |offset, len| (offset, Delimiter::End, len);
        let part_cr = |offset, len| (offset, Delimiter::Part { may_have_lf: true }, len);
        assert_eq!(all("B", b"--B\r\n", true), [part_cr(4, 4)]);
        assert_eq!(all("B", b"pre--B \t\n", true), [part(9, 6)]);
        assert_eq!(all("B", b"x\r\n--B--", true), [end(8, 7)]);
        assert_eq!(all("B", b"pre--B\n", false), []);
        assert_eq!(all("B", b"x\n--B\n", false), [part(6, 5)]);
        assert_eq!(all("B", b"x\r--B\n", false), [part(6, 5)]);
        assert_eq!(all("B", b"x\r\n--Bjunk\r\n--B\n", false), [part(16, 6)]);
        assert_eq!(all("B", b"x\r\n--B-\r\n--B\n", false), [part(13, 6)]);
        assert_eq!(all("B", b"x\r\n--B \x0b x\n--B\n", false), [part(15, 5)]);
        assert_eq!(all("B", b"--B\n", false), [part(4, 5)]);
        assert_eq!(all("B", b"\n\r--B--", false), [end(7, 6)]);
    }

    #[test]
    fn overlapping_candidates() {
        assert_eq!(all("-", b"----\n", true), [part(5, 5)]);
        assert_eq!(all("-", b"-----", true).len(), 1);
        assert_eq!(all("x--", b"--x--x--\n", true), [part(9, 6)]);
        assert_eq!(all(" x--", b"-- x-- x--\n", true), [part(11, 7)]);
        assert_eq!(all("aab", b"\n--aa--aab\n", true), [part(11, 6)]);
        assert_eq!(all("a", b"\n-\n--a\n", false), [part(7, 5)]);
    }

    #[test]
    fn agrees_with_a_naive_search() {
        // Small alphabets make look-alikes likely.
        let mut state = 1_u32;
        let mut random = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % n
        };
        for _ in 0..3000 {
            let boundary: String = (0..=random(3))
                .map(|_| ['-', 'a', ' '][random(3) as usize])
                .collect();
            let data: Vec<u8> = (0..random(40))
                .map(|_| b"--aa \n\r-"[random(8) as usize])
                .collect();
            for first in [false, true] {
                let found = all(&boundary, &data, first);
                let naive = naive_first(&boundary, &data, first);
                assert_eq!(
                    found.first().map(|(offset, ..)| *offset),
                    naive,
                    "{boundary:?} in {:?}, first: {first}",
                    String::from_utf8_lossy(&data)
                );
            }
        }
    }

    /// The end of the leftmost match of werkzeug's regular expression, LF behind CR excluded.
    fn naive_first(boundary: &str, data: &[u8], first: bool) -> Option<usize> {
        let needle = format!("--{boundary}");
        (0..data.len()).find_map(|at| {
            let rest = data[at..].strip_prefix(needle.as_bytes())?;
            let behind_break = at == 0 || matches!(data[at - 1], b'\n' | b'\r');
            if !(first || behind_break) {
                return None;
            }
            let start = at + needle.len();
            if rest.starts_with(b"--") {
                return Some(start + 2);
            }
            let spaces = rest.iter().take_while(|b| b" \t".contains(b)).count();
            matches!(rest.get(spaces), Some(b'\n' | b'\r')).then_some(start + spaces + 1)
        })
    }
}
