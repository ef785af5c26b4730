//! `Content-Type` and `Content-Disposition`: a value and its `key=value` parameters.
//!
//! They are read as by werkzeug's `http.parse_options_header`. Its authors have rewritten it twice. Before
//! 2.3 it reads pieces (`legacy`); 2.3 uses `findall` with one regular expression; since 3.0 it is a loop
//! over small ones ([`HeaderRules::Scan`]). This file has the last two. Tokens, keys and strings are grammars
//! of nom, each beside the expression that it stands for.
//!
//! # What is hard
//!
//! A name decides: a part called `cmd` says which method runs, and a part with a `filename` is no field. RFC
//! 2231 lets a client write one name in many ways. So this must read also a header that no browser sends
//! byte for byte as werkzeug does, and in the same order of steps, since the order changes the result.
//!
//! # The steps, for each parameter
//!
//! ```text
//! form-data; x*=utf-8''%20; name*0*=%63; name*1="m\"d"; name*1 = y; filename
//! ```
//!
//! 1. The text in front of the first `;` is the value. If it is empty, no parameter is read.
//! 2. A key is a token with `=` directly behind it. `name*1 = y` and `filename` have no such key: the text up
//!    to the next `;` is skipped.
//! 3. The value of a key is a token, or a quoted string, which `\"` does not end. A string without an end is
//!    no value; 2.3 lets it end at its last escaped quote.
//! 4. If the key ends in `*`, the value may be `charset'language'text`, percent-encoded. `x*` names UTF-8,
//!    and so `name*0*`, which names no charset, is UTF-8, too: the charset outlives the parameter that named
//!    it ([`Charsets`]). If that is not ASCII, ISO 8859-1 or UTF-8, the text stays as it is.
//! 5. If the key ends in `*0`, `*1` and so on, the text is added to the text that the name has. The order in
//!    the header counts, not the numbers. Without a number, the text replaces the old one: the last counts.
//! 6. The quotes around the text are removed, with the escapes in it.
//!
//! So `name` is `c`, then `cm"d`: it is not `cmd`, and the part is a field of that name. All of this takes
//! one pass over the header, and only wanted names have a buffer.

pub mod content_type;
pub(super) mod disposition;
pub(super) mod legacy;
pub(super) mod text;

pub(crate) use text::is_same;

use core::cell::Cell;

use nom::branch::alt;
use nom::bytes::complete::{take, take_till, take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{recognize, verify};
use nom::multi::{many0_count, many1_count};
use nom::sequence::{separated_pair, terminated};
use nom::{IResult, Parser};

use super::werkzeug::HeaderRules;
use crate::body::Trouble;
use crate::body::text::near;
use crate::body::text::percent::split_escape;
use text::{HeaderText, Text, trim, trim_start};

/// The result of the search for a parameter.
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

/// A parameter that is looked for, and its text.
#[derive(Debug)]
pub(super) struct Wanted<'b> {
    pub(super) key: &'static [u8],
    pub(super) text: Text<'b>,
    pub(super) found: Lookup,
}

impl<'b> Wanted<'b> {
    /// Looks for `key`, whose text will be written to `buffer`.
    pub(super) fn new(key: &'static [u8], buffer: &'b mut [u8]) -> Self {
        Self {
            key,
            text: Text::new(buffer),
            found: Lookup::Absent,
        }
    }

    /// Sets the result. A parameter that cannot be decoded stays unknown, also if it comes again.
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

/// The boundary of `multipart/form-data; boundary=...` without quotes. Clients write the header in this
/// form, and all releases read it alike.
pub(super) fn plain_boundary(header: &[u8]) -> Option<&[u8]> {
    let boundary = header.strip_prefix(b"multipart/form-data; boundary=")?;
    let is_plain = boundary.iter().all(|byte| is_token(*byte));
    (is_plain && !boundary.is_empty()).then_some(boundary)
}

/// Looks up parameters, in one pass.
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
        return legacy::parameters(header, text, pieces, wanted).map(|_| ());
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
        if let Ok((after, name)) = key(rest)
            && let Ok((after, value)) = value_of(after, rules)
        {
            rest = after;
            charsets.take(name, value, wanted);
        }
        rest = trim_start(split(rest).1, behind);
    }
    Ok(())
}

/// The charsets of `key*=` parameters. As in werkzeug, they outlive the parameter that named them.
#[derive(Debug, Default)]
struct Charsets<'h> {
    named: &'h [u8],
    /// a parameter has been decoded
    continued: bool,
}

impl<'h> Charsets<'h> {
    /// Takes one parameter.
    fn take(&mut self, name: &'h [u8], value: &'h [u8], wanted: &mut [Wanted<'_>]) {
        let (name, value, is_decoded) = match name.split_last() {
            Some((b'*', name)) => {
                let value = match extended(value) {
                    Ok((_, (charset, value))) => {
                        self.named = charset;
                        value
                    }
                    Err(_) => value,
                };
                let is_decoded = match self.named {
                    b"" => self.continued,
                    named => is_charset(named),
                };
                self.continued |= is_decoded;
                (name, value, is_decoded)
            }
            _ => (name, value, false),
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
        if is_decoded {
            unescape(value, text);
        } else {
            text.push(value);
        }
        text.unquote(start, true);
    }
}

/// The name without the number of its section, and whether it had one: `name*0` is section 0 of `name`.
#[inline]
fn without_section(name: &[u8]) -> (&[u8], bool) {
    let star = name.iter().rposition(|byte| !byte.is_ascii_digit());
    match star.and_then(|star| name.split_at_checked(star)) {
        Some((name, [b'*', _, ..])) => (name, true),
        _ => (name, false),
    }
}

/// Whether werkzeug decodes this charset.
fn is_charset(name: &[u8]) -> bool {
    let is = |known: &[u8]| is_same(name, known);
    is(b"utf-8") || is(b"ascii") || is(b"us-ascii") || is(b"iso-8859-1")
}

/// Python's `urllib.parse.unquote`. Only texts in ASCII are wanted, and ASCII is the same in all charsets that
/// werkzeug decodes. So the bytes of other characters stay as they are.
fn unescape(value: &[u8], out: &mut Text<'_>) {
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        let (byte, behind) = split_escape(rest).unwrap_or((*first, after));
        out.push_byte(byte);
        rest = behind;
    }
}

/// The text in front of the first `;`, and the text behind it.
fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let at = near::find(b';', text).unwrap_or(text.len());
    let (value, rest) = text.split_at_checked(at).unwrap_or((text, b""));
    (value, rest.get(1..).unwrap_or_default())
}

/// Letters, digits and `_!#$%&'*+-.^`|~`.
fn is_token(byte: u8) -> bool {
    // One bit for each character of ASCII.
    const TOKENS: [u64; 2] = [0x03ff_6cfa_0000_0000, 0x57ff_ffff_c7ff_fffe];
    let tokens = TOKENS.get(usize::from(byte >> 6));
    tokens.is_some_and(|tokens| tokens.wrapping_shr(byte.into()) & 1 == 1)
}

/// The rest of the text, and the part that a grammar has read. An error means only that it has read nothing.
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

/// A quoted string without an end. The regular expression of 2.3 backtracks, and lets the string end at its
/// last escaped quote.
fn quoted_to_escaped_quote(text: &[u8]) -> Parsed<'_> {
    // `none_of` would take two bytes for one that is not ASCII.
    let no_quote = verify(take(1_usize), |byte: &[u8]| byte != b"\"");
    let others = many0_count((char('\\'), no_quote, unescaped));
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
