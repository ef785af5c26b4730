//! `Content-Type`, `Content-Disposition`: a value and its `key=value` parameters.
//!
//! As werkzeug's `http.parse_options_header` reads them since 2.3: invalid pieces are skipped,
//! the last duplicate counts, RFC 2231 continuations are joined and charsets decoded.

use memchr::memchr;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::combinator::recognize;
use nom::sequence::terminated;
use nom::{IResult, Parser};

use super::percent::hex;

/// How the bytes of a header are text: decides which of them are white space to Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderText {
    /// a request header: WSGI hands it over as ISO 8859-1
    Latin1,
    /// the header of a part
    Utf8,
}

/// A parameter's text, collected in a buffer of the caller's.
#[derive(Debug)]
pub(super) struct Text<'b> {
    buffer: &'b mut [u8],
    len: usize,
    too_long: bool,
}

impl<'b> Text<'b> {
    pub(super) fn new(buffer: &'b mut [u8]) -> Self {
        Self {
            buffer,
            len: 0,
            too_long: false,
        }
    }

    /// The text, or None where it did not fit.
    pub(super) fn get(&self) -> Option<&[u8]> {
        if self.too_long {
            return None;
        }
        self.buffer.get(..self.len)
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        match self.buffer.get_mut(self.len..end) {
            Some(free) => {
                free.copy_from_slice(bytes);
                self.len = end;
            }
            None => self.too_long = true,
        }
    }

    fn push_char(&mut self, char: char) {
        self.push(char.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Replaces each `from` behind `start` by the one byte `to`.
    fn replace(&mut self, start: usize, from: &[u8], to: u8) {
        let Some(text) = self.buffer.get_mut(start..self.len) else {
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

    /// Takes off the quotes around what stands behind `start`, and the escapes in it.
    fn unquote(&mut self, start: usize) {
        let Some(text) = self.buffer.get_mut(start..self.len) else {
            return;
        };
        if text.first() != Some(&b'"') || text.last() != Some(&b'"') {
            return;
        }
        let inner = 1..text.len().saturating_sub(1).max(1);
        let len = inner.len();
        text.copy_within(inner, 0);
        self.len = start.saturating_add(len);
        // One after the other, as werkzeug's chain of `str.replace`.
        self.replace(start, b"\\\\", b'\\');
        self.replace(start, b"\\\"", b'"');
        self.replace(start, b"%22", b'"');
    }
}

/// The value in front of the parameters.
pub(super) fn value(header: &[u8], text: HeaderText) -> &[u8] {
    trim(split(header).0, text)
}

/// Looks up one parameter; its text is in `out` when the answer is true.
pub(super) fn parameter(header: &[u8], text: HeaderText, key: &[u8], out: &mut Text<'_>) -> bool {
    let (value, rest) = split(header);
    let mut rest = trim(rest, text);
    if trim(value, text).is_empty() || rest.is_empty() {
        return false;
    }
    let mut found = false;
    let mut charset = Charsets::default();
    loop {
        if let Ok((after, name)) = key_and_equals(rest) {
            rest = after;
            if let Ok((after, value)) = alt((token, quoted)).parse(rest) {
                rest = if value.first() == Some(&b'"') {
                    after
                } else {
                    rest
                };
                found |= charset.take(name, value, key, out);
            }
        }
        let Some((_, after)) = memchr(b';', rest).and_then(|at| rest.split_at_checked(at)) else {
            return found;
        };
        rest = trim_start(after.get(1..).unwrap_or_default(), text);
    }
}

/// The charsets of `key*=` parameters. They outlive the parameter that named them, in werkzeug
/// as here.
#[derive(Debug, Default)]
struct Charsets<'h> {
    named: &'h [u8],
    continued: Option<Encoding>,
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Ascii,
    Utf8,
    Latin1,
}

impl<'h> Charsets<'h> {
    /// One parameter. Answers whether it was the one that is looked for.
    fn take(&mut self, name: &'h [u8], value: &'h [u8], key: &[u8], out: &mut Text<'_>) -> bool {
        let (name, value, encoding) = match name.split_last() {
            Some((b'*', name)) => {
                let value = match extended(value) {
                    Ok((_, (charset, value))) => {
                        self.named = charset;
                        value
                    }
                    Err(_) => value,
                };
                let encoding = match self.named {
                    b"" => self.continued,
                    named => encoding(named),
                };
                self.continued = encoding.or(self.continued);
                (name, value, encoding)
            }
            _ => (name, value, None),
        };
        let (name, continuation) = without_section(name);
        if !name.eq_ignore_ascii_case(key) {
            return false;
        }
        if !continuation {
            out.len = 0;
            out.too_long = false;
        }
        let start = out.len;
        match encoding {
            Some(encoding) => decode(value, encoding, out),
            None => out.push(value),
        }
        out.unquote(start);
        true
    }
}

/// `name*0` is section 0 of `name`.
fn without_section(name: &[u8]) -> (&[u8], bool) {
    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (head, _) = name
        .split_at_checked(name.len().saturating_sub(digits))
        .unwrap_or((name, b""));
    match head.split_last() {
        Some((b'*', head)) if digits > 0 => (head, true),
        _ => (name, false),
    }
}

fn encoding(name: &[u8]) -> Option<Encoding> {
    let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
    if is(b"utf-8") {
        Some(Encoding::Utf8)
    } else if is(b"ascii") || is(b"us-ascii") {
        Some(Encoding::Ascii)
    } else if is(b"iso-8859-1") {
        Some(Encoding::Latin1)
    } else {
        None
    }
}

/// Python's `urllib.parse.unquote` with this encoding.
fn decode(value: &[u8], encoding: Encoding, out: &mut Text<'_>) {
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let escaped = match (byte, after) {
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                rest = after;
                Some(hex(*high) << 4 | hex(*low))
            }
            _ => None,
        };
        match (escaped, encoding) {
            (None, _) => out.push(&[*byte]),
            // What is not UTF-8 makes the text unlike any name that is looked for: no need to
            // replace it.
            (Some(byte), Encoding::Utf8) => out.push(&[byte]),
            (Some(byte), Encoding::Ascii) if !byte.is_ascii() => out.push_char('\u{fffd}'),
            (Some(byte), _) => out.push_char(char::from(byte)),
        }
    }
}

fn split(header: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b';', header).and_then(|at| header.split_at_checked(at)) {
        Some((value, rest)) => (value, rest.get(1..).unwrap_or_default()),
        None => (header, b""),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || memchr(byte, b"_!#$%&'*+-.^`|~").is_some()
}

/// As [`is_token`], without the `'` that ends a charset or a language.
fn is_charset(byte: u8) -> bool {
    byte != b'\'' && is_token(byte)
}

fn token(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(is_token).parse(input)
}

fn key_and_equals(input: &[u8]) -> IResult<&[u8], &[u8]> {
    terminated(token, tag("=")).parse(input)
}

/// A quoted string with its quotes; `\\` and `\"` do not end it.
fn quoted(input: &[u8]) -> IResult<&[u8], &[u8]> {
    recognize((tag("\""), quoted_text, tag("\""))).parse(input)
}

fn quoted_text(input: &[u8]) -> IResult<&[u8], ()> {
    let mut rest = input;
    loop {
        rest = match rest {
            [b'\\', b'\\' | b'"', after @ ..] => after,
            [b'"', ..] | [] => return Ok((rest, ())),
            [_, after @ ..] => after,
        };
    }
}

/// `charset'language'value`
fn extended(input: &[u8]) -> IResult<&[u8], (&[u8], &[u8])> {
    use nom::bytes::complete::take_while;
    let (rest, (charset, _, _, _, value)) = (
        take_while(is_charset),
        tag("'"),
        take_while(is_charset),
        tag("'"),
        token,
    )
        .parse(input)?;
    Ok((rest, (charset, value)))
}

/// Python's `str.strip`.
pub(super) fn trim(bytes: &[u8], text: HeaderText) -> &[u8] {
    let mut rest = trim_start(bytes, text);
    while let Some(shorter) = last_space(rest, text) {
        rest = shorter;
    }
    rest
}

fn trim_start(bytes: &[u8], text: HeaderText) -> &[u8] {
    let mut rest = bytes;
    while let Some(after) = first_space(rest, text) {
        rest = after;
    }
    rest
}

fn first_space(bytes: &[u8], text: HeaderText) -> Option<&[u8]> {
    let (first, after) = bytes.split_first()?;
    if first.is_ascii() || text == HeaderText::Latin1 {
        return is_space(char::from(*first)).then_some(after);
    }
    (2..=3).find_map(|len| {
        let (char, after) = bytes.split_at_checked(len)?;
        is_space_bytes(char).then_some(after)
    })
}

fn last_space(bytes: &[u8], text: HeaderText) -> Option<&[u8]> {
    let (last, before) = bytes.split_last()?;
    if last.is_ascii() || text == HeaderText::Latin1 {
        return is_space(char::from(*last)).then_some(before);
    }
    (2..=3).find_map(|len| {
        let (before, char) = bytes.split_at_checked(bytes.len().checked_sub(len)?)?;
        is_space_bytes(char).then_some(before)
    })
}

fn is_space_bytes(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_space))
}

/// Python's `str.isspace` for one character.
fn is_space(char: char) -> bool {
    char.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&char)
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
