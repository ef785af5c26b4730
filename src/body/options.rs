//! `Content-Type`, `Content-Disposition`: a value and its `key=value` parameters.
//!
//! As werkzeug's `http.parse_options_header` reads them. Since 2.3: invalid pieces are skipped,
//! the last duplicate counts, RFC 2231 continuations are joined and charsets decoded.

use memchr::memchr;
use nom::bytes::complete::{tag, take_while1};
use nom::combinator::recognize;
use nom::sequence::terminated;
use nom::{IResult, Parser};

use super::header_text::{HeaderText, Text, is_same, trim, trim_start};
use super::legacy_options::{self, Pieces};
use super::percent::hex;
use crate::frappe::trouble::Trouble;

/// How a release of werkzeug reads parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderRules {
    /// before 2.3: a regular expression a piece ([`super::legacy_options`])
    Pieces(Pieces),
    /// 2.3: a regular expression over all; it finds an end in a quoted string that has none
    Findall,
    /// 3.0 on: character by character
    Scan,
}

impl HeaderRules {
    /// A boundary without a value is an `AttributeError`: 2.0 to 2.2.
    pub(super) const fn bare_crashes(self) -> bool {
        matches!(self, Self::Pieces(pieces) if pieces.bare_sections && pieces.sections)
    }

    /// An empty boundary is one: before 2.0.
    pub(super) const fn empty_boundary(self) -> bool {
        matches!(self, Self::Pieces(pieces) if !(pieces.bare_sections && pieces.sections))
    }
}

/// What there is of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    Absent,
    /// a name without a value
    Bare,
    /// its text has been written
    Found,
}

/// The value in front of the parameters.
pub(super) fn value(header: &[u8], text: HeaderText, rules: HeaderRules) -> &[u8] {
    match rules {
        HeaderRules::Pieces(pieces) => legacy_options::split(header, text, pieces).0,
        HeaderRules::Findall | HeaderRules::Scan => trim(split(header).0, text),
    }
}

/// Looks up one parameter and writes its text to `out`.
pub(super) fn parameter(
    header: &[u8],
    text: HeaderText,
    rules: HeaderRules,
    key: &[u8],
    out: &mut Text<'_>,
) -> Result<Lookup, Trouble> {
    if let HeaderRules::Pieces(pieces) = rules {
        return legacy_options::parameter(header, text, pieces, key, out);
    }
    let (value, rest) = split(header);
    let mut rest = trim(rest, text);
    let mut found = Lookup::Absent;
    if trim(value, text).is_empty() || rest.is_empty() {
        return Ok(found);
    }
    let mut charset = Charsets::default();
    loop {
        if let Ok((after, name)) = key_and_equals(rest) {
            let value = token(after).or_else(|_| match rules {
                HeaderRules::Scan => quoted(after),
                _ => quoted(after).or_else(|_| quoted_to_escaped_quote(after)),
            });
            if let Ok((behind, value)) = value {
                rest = behind;
                if charset.take(name, value, key, out) {
                    found = Lookup::Found;
                }
            } else if rules == HeaderRules::Scan {
                rest = after;
            }
        }
        let Some((_, after)) = memchr(b';', rest).and_then(|at| rest.split_at_checked(at)) else {
            return Ok(found);
        };
        let after = after.get(1..).unwrap_or_default();
        rest = match rules {
            HeaderRules::Scan => trim_start(after, text),
            _ => trim_start(after, HeaderText::Ascii),
        };
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
        if !is_same(name, key) {
            return false;
        }
        if !continuation {
            out.clear();
        }
        let start = out.len();
        match encoding {
            Some(encoding) => decode(value, encoding, out),
            None => out.push(value),
        }
        out.unquote(start, true);
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
    let is = |known: &[u8]| is_same(name, known);
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

/// What a regular expression that may go back makes of a quoted string without an end: it ends
/// at the last quote that is escaped.
fn quoted_to_escaped_quote(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let mut rest = input.get(1..).unwrap_or_default();
    let mut end = None;
    loop {
        rest = match rest {
            [b'\\', b'"', after @ ..] => {
                end = input.len().checked_sub(after.len());
                after
            }
            [b'\\', b'\\', after @ ..] | [_, after @ ..] => after,
            [] => break,
        };
    }
    let starts = tag::<_, _, nom::error::Error<&[u8]>>("\"")
        .parse(input)
        .is_ok();
    match end
        .filter(|_| starts)
        .and_then(|end| input.split_at_checked(end))
    {
        Some((value, rest)) => Ok((rest, value)),
        None => Err(nom::Err::Error(nom::error::make_error(
            input,
            nom::error::ErrorKind::Tag,
        ))),
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

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
