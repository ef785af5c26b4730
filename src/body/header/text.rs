//! The text of headers and of their parameters, as Python strings are text.

use core::cell::Cell;

use crate::body::text::copy;

/// How the bytes of a header are text: decides which of them are white space to Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::body) enum HeaderText {
    /// a request header: WSGI hands it over as ISO 8859-1
    Latin1,
    /// the header of a part
    Utf8,
    /// a regular expression with `re.ASCII`
    Ascii,
}

/// A parameter's text, collected in a buffer of the caller's.
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

    /// Bytes so far.
    pub(in crate::body) fn len(&self) -> usize {
        self.len
    }

    pub(in crate::body) fn clear(&mut self) {
        self.len = 0;
        self.too_long = false;
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

    pub(in crate::body) fn push_char(&mut self, char: char) {
        self.push(char.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Replaces each `from` behind `start` by the one byte `to`.
    fn replace(&mut self, start: usize, from: &[u8], to: u8) {
        let text = self.buffer.get_mut(start..self.len);
        let Some(text) = text.filter(|text| from.first().is_some_and(|byte| text.contains(byte)))
        else {
            return;
        };
        let (mut read, mut write) = (0_usize, 0_usize);
        while let Some(rest) = text.get(read..).filter(|rest| !rest.is_empty()) {
            let (byte, step) = if rest.starts_with(from) {
                (to, from.len())
            } else {
                (rest.first().copied().unwrap_or_default(), 1)
            };
            if let Some(place) = text.get_mut(write) {
                *place = byte;
            }
            read = read.saturating_add(step);
            write = write.saturating_add(1);
        }
        self.len = start.saturating_add(write);
    }

    /// Takes off the quotes around what stands behind `start`, and the escapes in it. With
    /// `percent`, `%22` is an escape, too.
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
        self.len = start.saturating_add(len);
        // One after the other, as werkzeug's chain of `str.replace`.
        self.replace(start, b"\\\\", b'\\');
        self.replace(start, b"\\\"", b'"');
        if percent {
            self.replace(start, b"%22", b'"');
        }
    }
}

/// Equal but for the case of ASCII letters.
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    // Apart, for what std makes of it is long.
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
    while let Some(shorter) = last_space(rest, text) {
        rest = shorter;
    }
    rest
}

/// Python's `str.lstrip`.
#[inline(always)]
pub(in crate::body) fn trim_start(bytes: &[u8], text: HeaderText) -> &[u8] {
    match bytes {
        [] | [b'!'..=b'~', ..] => bytes,
        _ => trim_some(bytes, text),
    }
}

/// Not inlined: that would be 2 KiB in all.
#[inline(never)]
fn trim_some(bytes: &[u8], text: HeaderText) -> &[u8] {
    let mut rest = bytes;
    while let Some(after) = first_space(rest, text) {
        rest = after;
    }
    rest
}

/// What follows one white space character.
#[inline(always)]
pub(in crate::body) fn first_space(bytes: &[u8], text: HeaderText) -> Option<&[u8]> {
    match bytes {
        [] | [b'!'..=b'~', ..] => None,
        _ => some_space(bytes, text),
    }
}

#[inline(never)]
fn some_space(bytes: &[u8], text: HeaderText) -> Option<&[u8]> {
    let (first, after) = bytes.split_first()?;
    match text {
        _ if first.is_ascii() => return is_space_byte(*first, text).then_some(after),
        HeaderText::Latin1 => return is_space(char::from(*first)).then_some(after),
        HeaderText::Ascii => return None,
        HeaderText::Utf8 => {}
    }
    (2..=3).find_map(|len| {
        let (char, after) = bytes.split_at_checked(len)?;
        is_space_bytes(char).then_some(after)
    })
}

fn last_space(bytes: &[u8], text: HeaderText) -> Option<&[u8]> {
    let (last, before) = bytes.split_last()?;
    match text {
        _ if last.is_ascii_graphic() => return None,
        _ if last.is_ascii() => return is_space_byte(*last, text).then_some(before),
        HeaderText::Latin1 => return is_space(char::from(*last)).then_some(before),
        HeaderText::Ascii => return None,
        HeaderText::Utf8 => {}
    }
    (2..=3).find_map(|len| {
        let (before, char) = bytes.split_at_checked(bytes.len().checked_sub(len)?)?;
        is_space_bytes(char).then_some(before)
    })
}

fn is_space_bytes(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_space))
}

/// For a byte of ASCII.
fn is_space_byte(byte: u8, text: HeaderText) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
        || (matches!(byte, 0x1c..=0x1f) && text != HeaderText::Ascii)
}

/// Python's `str.isspace` for one character.
fn is_space(char: char) -> bool {
    char.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&char)
}
