//! The text of headers and of their parameters, with the string functions of Python.

use core::cell::Cell;

use crate::body::text::copy;

/// How Python decodes the bytes of a header, which decides which of them are white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::body) enum HeaderText {
    /// a request header, which WSGI decodes as ISO 8859-1
    Latin1,
    /// the header of a part
    Utf8,
    /// only the white space of ASCII counts, as for a regular expression with `re.ASCII`
    Ascii,
}

/// A parameter's text, collected in the caller's buffer.
#[derive(Debug)]
pub(in crate::body) struct Text<'b> {
    buffer: &'b mut [u8],
    len: usize,
    too_long: bool,
}

impl<'b> Text<'b> {
    pub(in crate::body) fn new(buffer: &'b mut [u8]) -> Self {
        Self {
            buffer,
            len: 0,
            too_long: false,
        }
    }

    /// The text, or None where it did not fit.
    pub(in crate::body) fn get(&self) -> Option<&[u8]> {
        if self.too_long {
            return None;
        }
        self.buffer.get(..self.len)
    }

    /// How many bytes have been collected.
    pub(in crate::body) fn len(&self) -> usize {
        self.len
    }

    /// Whether what is pushed matters: there is a buffer, and all has fitted so far.
    pub(in crate::body) fn has_room(&self) -> bool {
        !self.too_long && !self.buffer.is_empty()
    }

    pub(in crate::body) fn clear(&mut self) {
        self.len = 0;
        self.too_long = false;
    }

    pub(in crate::body) fn push_byte(&mut self, byte: u8) {
        match self.buffer.get_mut(self.len) {
            Some(free) => {
                *free = byte;
                self.len = self.len.saturating_add(1);
            }
            None => self.too_long = true,
        }
    }

    #[inline(never)]
    pub(in crate::body) fn push(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.buffer.get_mut(self.len..end) {
            Some(free) => {
                copy(free, bytes);
                self.len = end;
            }
            None => self.too_long = true,
        }
    }

    #[inline]
    pub(in crate::body) fn push_char(&mut self, char: char) {
        for byte in char.encode_utf8(&mut [0; 4]).bytes() {
            self.push_byte(byte);
        }
    }

    /// Removes the quotes around the text behind `start`, and the escapes in it. With `percent`, `%22` is
    /// an escape, too.
    pub(in crate::body) fn unquote(&mut self, start: usize, percent: bool) {
        let Some(text) = self.buffer.get_mut(start..self.len) else {
            return;
        };
        if text.first() != Some(&b'"') || text.last() != Some(&b'"') {
            return;
        }
        let len = text.len().saturating_sub(2);
        let cells = Cell::from_mut(text).as_slice_of_cells();
        for (to, from) in cells.iter().zip(cells.iter().skip(1)).take(len) {
            to.set(from.get());
        }
        let mut text = text.get_mut(..len).unwrap_or_default();
        // In the order of werkzeug's calls of `str.replace`.
        if text.contains(&b'\\') {
            text = replace(text, b"\\\\", b'\\');
            text = replace(text, b"\\\"", b'"');
        }
        if percent && text.contains(&b'%') {
            text = replace(text, b"%22", b'"');
        }
        self.len = start.saturating_add(text.len());
    }
}

/// Replaces each `from` by the one byte `to`, and returns the text, which is then shorter.
fn replace<'t, const LEN: usize>(text: &'t mut [u8], from: &[u8; LEN], to: u8) -> &'t mut [u8] {
    let cells = Cell::from_mut(&mut *text).as_slice_of_cells();
    let mut places = cells.iter();
    let mut rest = cells;
    while let Some((byte, after)) = rest.split_first()
        && let Some(place) = places.next()
    {
        let is_from = |(chunk, _): &(&[Cell<u8>; LEN], _)| {
            chunk
                .iter()
                .zip(from)
                .all(|(cell, byte)| cell.get() == *byte)
        };
        let (byte, after) = match rest.split_first_chunk().filter(is_from) {
            Some((_, after)) => (to, after),
            None => (byte.get(), after),
        };
        place.set(byte);
        rest = after;
    }
    let left = places.len();
    let len = text.len().saturating_sub(left);
    text.get_mut(..len).unwrap_or_default()
}

/// Whether two texts are the same, apart from the case of ASCII letters.
#[inline]
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    // Kept out of line, since std's function is long when it is inlined.
    #[inline(never)]
    fn is_same(a: &[u8], b: &[u8]) -> bool {
        a.eq_ignore_ascii_case(b)
    }
    a.len() == b.len() && (a == b || is_same(a, b))
}

/// Python's `str.strip`.
pub(in crate::body) fn trim(bytes: &[u8], text: HeaderText) -> &[u8] {
    if let ([first, ..], [.., last]) = (bytes, bytes)
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return bytes;
    }
    let mut rest = trim_start(bytes, text);
    loop {
        rest = match rest {
            [before @ .., b' ' | b'\t'..=b'\r'] => before,
            _ => match before_space(rest, text) {
                Some(before) => before,
                None => return rest,
            },
        };
    }
}

/// Python's `str.lstrip`.
#[inline(always)]
pub(in crate::body) fn trim_start(bytes: &[u8], text: HeaderText) -> &[u8] {
    match bytes {
        [] | [b'!'..=b'~', ..] => bytes,
        _ => trim_some(bytes, text),
    }
}

/// Not inlined, since its copies would take 2 KiB.
#[inline(never)]
fn trim_some(bytes: &[u8], text: HeaderText) -> &[u8] {
    let mut rest = bytes;
    while let Some(after) = behind_space(rest, text) {
        rest = after;
    }
    rest
}

#[inline(always)]
fn behind_space(bytes: &[u8], text: HeaderText) -> Option<&[u8]> {
    match space_len(bytes, text) {
        0 => None,
        len => bytes.get(len..),
    }
}

/// The bytes in front of the white space character at the end. None where there is none.
fn before_space(bytes: &[u8], text: HeaderText) -> Option<&[u8]> {
    match bytes {
        [before @ .., byte] if byte.is_ascii() || text == HeaderText::Latin1 => {
            (space_len(&[*byte], text) == 1).then_some(before)
        }
        [before @ .., _, _] if wide_space_len(bytes.get(before.len()..)?, text) == 2 => {
            Some(before)
        }
        [before @ .., _, _, _] if wide_space_len(bytes.get(before.len()..)?, text) == 3 => {
            Some(before)
        }
        _ => None,
    }
}

/// How many bytes the first character has if it is white space by Python's `str.isspace`; else 0.
#[inline(always)]
pub(super) fn space_len(bytes: &[u8], text: HeaderText) -> usize {
    let is_space = match bytes {
        [b' ' | b'\t'..=b'\r', ..] => true,
        [0x1c..=0x1f, ..] => text != HeaderText::Ascii,
        [0x80..=0xff, ..] => return wide_space_len(bytes, text),
        _ => false,
    };
    usize::from(is_space)
}

/// The same for a character outside ASCII.
#[inline(never)]
fn wide_space_len(bytes: &[u8], text: HeaderText) -> usize {
    match (text, bytes) {
        (HeaderText::Latin1, [0x85 | 0xa0, ..]) => 1,
        (HeaderText::Utf8, [0xc2, 0x85 | 0xa0, ..]) => 2,
        // U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000
        (
            HeaderText::Utf8,
            [0xe1, 0x9a, 0x80, ..]
            | [0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf, ..]
            | [0xe2, 0x81, 0x9f, ..]
            | [0xe3, 0x80, 0x80, ..],
        ) => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderText, trim};

    /// Python's `str.isspace` is true for Unicode's white space, and for four control characters.
    #[test]
    fn white_space_is_what_python_takes_for_it() {
        let is_space = |char: char| char.is_whitespace() || matches!(char, '\x1c'..='\x1f');
        for char in (0..=0x10_ffff).filter_map(char::from_u32) {
            let text = format!("{char}a{char}");
            let expected = if is_space(char) { "a" } else { &text };
            assert_eq!(trim(text.as_bytes(), HeaderText::Utf8), expected.as_bytes());
            if let Ok(byte) = u8::try_from(char) {
                let text = [byte, b'a', byte];
                let expected = if is_space(char) { b"a" } else { &text[..] };
                assert_eq!(trim(&text, HeaderText::Latin1), expected);
                let is_space = is_space(char) && char.is_ascii() && char < '\x1c' || char == ' ';
                let expected = if is_space { b"a" } else { &text[..] };
                assert_eq!(trim(&text, HeaderText::Ascii), expected);
            }
        }
    }
}
