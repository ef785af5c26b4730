//! `Content-Type`, `Content-Disposition`: a value and its `key=value` parameters.
//!
//! As werkzeug's `http.parse_options_header` reads them, which has been written anew twice: by pieces
//! (`legacy`, before 2.3), by `findall` of one regular expression (2.3), by a loop over small ones
//! ([`HeaderRules::Scan`], since 3.0). What is below is the last two; tokens, keys and strings are grammars of
//! nom, each beside the expression that it stands for.
//!
//! # What is hard
//!
//! A name decides: a part called `cmd` says which method runs, a part with a `filename` is none. So it
//! matters to the byte what werkzeug makes of a header that no browser sends, and RFC 2231 lets a client
//! write one name in many ways. The order in which werkzeug takes the steps is visible in what comes out.
//!
//! # The steps, for each parameter
//!
//! ```text
//! form-data; x*=utf-8''%20; name*0*=%63; name*1="m\"d"; name*1 = y; filename
//! ```
//!
//! 1. What stands in front of the first `;` is the value. Nothing is read where it is empty.
//! 2. A key is a token with `=` right behind it. `name*1 = y` and `filename` have none: all up to the next
//!    `;` is skipped.
//! 3. Its value is a token, or a quoted string in which `\"` does not end it. A string without an end is
//!    no value; 2.3 lets it end at its last escaped quote.
//! 4. `*` at the end of a key: the value may be `charset'language'text`, percent-encoded. `x*` names UTF-8,
//!    and so `name*0*`, which names none, is UTF-8, too: the charset outlives the parameter that named it
//!    ([`Charsets`]). Where that is not ASCII, ISO 8859-1 or UTF-8, the text stays as it is.
//! 5. `*0`, `*1` at the end: the text is added to what the name has, in the order in which they come,
//!    whatever the numbers say. Without one, it replaces that: the last of several counts.
//! 6. Quotes around the text go, with the escapes in it.
//!
//! So `name` is `c`, then `cm"d`: no `cmd`, and the part is a field of that name. All of it is one pass
//! over the header, and only wanted names have a buffer.

pub mod content_type;
pub(super) mod disposition;
pub(super) mod legacy;
pub(super) mod text;

pub(crate) use text::is_same;

use core::cell::Cell;

use nom::branch::alt;
use nom::bytes::complete::{take_till, take_while, take_while1};
use nom::character::complete::{char, none_of};
use nom::combinator::recognize;
use nom::multi::{many0_count, many1_count};
use nom::sequence::{separated_pair, terminated};
use nom::{IResult, Parser};

use super::werkzeug::HeaderRules;
use crate::body::Trouble;
use crate::body::text::near;
use crate::body::text::percent::split_escape;
use text::{HeaderText, Text, trim, trim_start};

/// What there is of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    Absent,
    /// a name without a value
    Bare,
    /// its text has been written
    Found,
    /// its text is in a charset that this module cannot decode
    Unknown,
}

/// A parameter that is looked for, and what there is of it.
#[derive(Debug)]
pub(super) struct Wanted<'b> {
    pub(super) key: &'static [u8],
    pub(super) text: Text<'b>,
    pub(super) found: Lookup,
}

impl<'b> Wanted<'b> {
    /// Its text goes to `buffer`.
    pub(super) fn new(key: &'static [u8], buffer: &'b mut [u8]) -> Self {
        Self {
            key,
            text: Text::new(buffer),
            found: Lookup::Absent,
        }
    }

    /// What cannot be decoded stays unknown, whatever follows.
    pub(super) fn set(&mut self, found: Lookup) {
        if self.found != Lookup::Unknown {
            self.found = found;
        }
    }
}

/// The value in front of the parameters.
pub(super) fn value(header: &[u8], text: HeaderText, rules: HeaderRules) -> &[u8] {
    match rules {
        HeaderRules::Pieces(pieces) => legacy::split(header, text, pieces).0,
        HeaderRules::Findall | HeaderRules::Scan => trim(split(header).0, text),
    }
}

/// The boundary of `multipart/form-data; boundary=...` without quotes. So clients
/// write it, and all releases read it alike.
pub(super) fn plain_boundary(header: &[u8]) -> Option<&[u8]> {
    let boundary = header.strip_prefix(b"multipart/form-data; boundary=")?;
    let is_plain = boundary.iter().all(|byte| is_token(*byte));
    (is_plain && !boundary.is_empty()).then_some(boundary)
}

/// Looks up parameters, in one pass. Where the first of them is [`Lookup::Unknown`], nothing is
/// known of what follows it.
pub(super) fn parameters(
    header: &[u8],
    text: HeaderText,
    rules: HeaderRules,
    wanted: &mut [Wanted<'_>],
) -> Result<(), Trouble> {
    if !header.contains(&b';') {
        return Ok(());
    }
    if let HeaderRules::Pieces(pieces) = rules {
        let is_lenient = true;
        return legacy::parameters(header, text, pieces, wanted, is_lenient).map(|_| ());
    }
    let (value, rest) = split(header);
    let mut rest = trim(rest, text);
    if trim(value, text).is_empty() {
        return Ok(());
    }
    let behind = match rules {
        HeaderRules::Scan => text,
        _ => HeaderText::Ascii,
    };
    let mut charsets = Charsets::default();
    while let Some((first, after)) = rest.split_first() {
        if *first == b';' {
            rest = trim_start(after, behind);
            continue;
        }
        if let Ok((after, name)) = key(rest) {
            if let Ok((behind, value)) = value_of(after, rules) {
                rest = behind;
                charsets.take(name, value, wanted);
            } else if rules == HeaderRules::Scan {
                rest = after;
            }
        }
        let after = match rest {
            [b';', after @ ..] => after,
            _ => split(rest).1,
        };
        rest = trim_start(after, behind);
    }
    Ok(())
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
    /// One parameter.
    fn take(&mut self, name: &'h [u8], value: &'h [u8], wanted: &mut [Wanted<'_>]) {
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
        let is = |wanted: &&mut Wanted<'_>| is_same(name, wanted.key);
        let Some(Wanted { text, found, .. }) = wanted.iter_mut().find(is) else {
            return;
        };
        *found = Lookup::Found;
        if !continuation {
            text.clear();
        }
        let start = text.len();
        match encoding {
            Some(encoding) => decode(value, encoding, text),
            None => text.push(value),
        }
        text.unquote(start, true);
    }
}

/// `name*0` is section 0 of `name`.
#[inline]
fn without_section(name: &[u8]) -> (&[u8], bool) {
    let star = name.iter().rposition(|byte| !byte.is_ascii_digit());
    match star.and_then(|star| name.split_at_checked(star)) {
        Some((name, [b'*', _, ..])) => (name, true),
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
    while let Some((first, after)) = rest.split_first() {
        let Some((byte, behind)) = split_escape(rest) else {
            out.push(&[*first]);
            rest = after;
            continue;
        };
        rest = behind;
        match encoding {
            // What is not UTF-8 makes the text unlike any name that is looked for: no need to
            // replace it.
            Encoding::Utf8 => out.push(&[byte]),
            Encoding::Ascii if !byte.is_ascii() => out.push_char('\u{fffd}'),
            _ => out.push_char(char::from(byte)),
        }
    }
}

/// What stands in front of the first `;`, and behind it.
fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let at = near::find(b';', text).unwrap_or(text.len());
    let (value, rest) = text.split_at_checked(at).unwrap_or((text, b""));
    (value, rest.get(1..).unwrap_or_default())
}

/// Letters, digits and `_!#$%&'*+-.^`|~`.
fn is_token(byte: u8) -> bool {
    // A bit a byte of ASCII.
    const TOKENS: [u64; 2] = [0x03ff_6cfa_0000_0000, 0x57ff_ffff_c7ff_fffe];
    let tokens = TOKENS.get(usize::from(byte >> 6));
    tokens.is_some_and(|tokens| tokens.wrapping_shr(byte.into()) & 1 == 1)
}

/// What follows, and what a grammar has read. An error says only that it has read nothing.
type Parsed<'h, T = &'h [u8]> = IResult<&'h [u8], T, ()>;

/// `[\w!#$%&'*+\-.^`|~]+`
#[inline(never)]
fn token(text: &[u8]) -> Parsed<'_> {
    take_while1(is_token).parse(text)
}

/// `([\w!#$%&'*+\-.^`|~]+)=`
fn key(text: &[u8]) -> Parsed<'_> {
    terminated(token, char('=')).parse(text)
}

fn value_of(text: &[u8], rules: HeaderRules) -> Parsed<'_> {
    match (text, rules) {
        ([b'"', ..], HeaderRules::Scan) => quoted(text),
        ([b'"', ..], _) => alt((quoted, quoted_to_escaped_quote)).parse(text),
        _ => token(text),
    }
}

/// `"(?:\\\\|\\"|.)*?"`: a quoted string with its quotes. A quote behind a backslash that is not escaped itself
/// does not end it.
fn quoted(text: &[u8]) -> Parsed<'_> {
    let escaped = Cell::new(false);
    let is_inside = |byte| escaped.replace(byte == b'\\' && !escaped.get()) || byte != b'"';
    recognize((char('"'), take_while(is_inside), char('"'))).parse(text)
}

/// What a regular expression that may go back makes of a quoted string without an end: it ends
/// at the last quote that is escaped.
fn quoted_to_escaped_quote(text: &[u8]) -> Parsed<'_> {
    let others = many0_count((char('\\'), none_of("\""), unescaped));
    let to_escaped_quote = (unescaped, others, char('\\'), char('"'));
    recognize((char('"'), many1_count(to_escaped_quote))).parse(text)
}

/// `[^"\\]*`
fn unescaped(text: &[u8]) -> Parsed<'_> {
    take_till(|byte| matches!(byte, b'"' | b'\\')).parse(text)
}

/// The charset and the value of `charset'language'value`, all of them tokens.
fn extended(text: &[u8]) -> Parsed<'_, (&[u8], &[u8])> {
    let word = || take_while(|byte| byte != b'\'' && is_token(byte));
    separated_pair(word(), (char('\''), word(), char('\'')), token).parse(text)
}

#[cfg(test)]
mod tests;
