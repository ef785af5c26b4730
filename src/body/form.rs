//! `application/x-www-form-urlencoded` bodies, and query strings, which have the same grammar.
//!
//! They are read as Python's `urllib.parse.parse_qsl` reads them with werkzeug's settings: it splits on
//! `&` only, skips empty pieces, and splits each piece at the first `=`. `+` is a space. Percent escapes
//! are decoded once; a `%` without two hexadecimal digits stays as it is. The first of several values
//! counts.
//!
//! | state | bytes belong to | leaves at |
//! | --- | --- | --- |
//! | `Name` | a name, collected decoded up to [`NAME_MAX`](super::NAME_MAX) bytes | `=` or `&` |
//! | `Value` | a wanted value, pushed decoded to its slot | `&` |
//! | `Skip` | a value that is not wanted | `&` |
//! | `Full` | the rest, once every wanted name has a value | - |
//! | `Broken` | the rest, behind bytes that are not UTF-8 | - |

use super::arguments::Argument;
use super::arguments::name::Name;
use super::text::near;
use super::text::percent::Escape;
use super::text::utf8::Utf8Check;
use super::werkzeug::RawBytes;
use super::{Charset, End, Fields, VALUE_MAX};
use crate::body::Trouble;

/// The scanner. State: 200 bytes, whatever the body's size.
#[derive(Debug)]
pub struct Form {
    state: State,
    name: Name,
    escape: Escape,
    /// how decoded values become text
    charset: Charset,
    raw_bytes: RawBytes,
    utf8: Utf8Check,
    /// a pair has been seen
    any: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Name,
    Value(usize),
    Skip,
    /// every wanted name has a value; the rest is only checked for UTF-8
    Full,
    /// the bytes are not UTF-8: the rest does not matter
    Broken,
}

impl Form {
    /// The start, as a constant, since to copy it as a whole is cheaper than to set field by field.
    const START: Self = Self {
        state: State::Name,
        name: Name::EMPTY,
        escape: Escape::None,
        charset: Charset::Utf8,
        raw_bytes: RawBytes::Drop,
        utf8: Utf8Check::STRICT,
        any: false,
    };

    /// A scanner that waits for the first byte.
    pub fn new(charset: Charset, raw_bytes: RawBytes) -> Self {
        let mut form = Self::START;
        form.charset = charset;
        form.raw_bytes = raw_bytes;
        form
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, chunk: &[u8], fields: &mut Fields<'_>) {
        if self.raw_bytes != RawBytes::Replace && !self.utf8.feed(chunk) {
            self.state = State::Broken;
        }
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = match self.state {
                State::Name => self.name(rest, fields),
                State::Value(index) => self.value(rest, index, fields),
                State::Skip => self.skip(rest),
                State::Full | State::Broken => return,
            };
        }
    }

    /// Whether the body has failed, so that the rest does not matter.
    pub(super) fn is_failed(&self) -> bool {
        matches!(self.state, State::Broken)
    }

    /// Whether the scanner is inside the value of this slot.
    pub(super) fn is_in_value(&self, slot: usize) -> bool {
        matches!(self.state, State::Value(index) if index == slot)
    }

    /// The body is complete: ends the last pair, and returns the result.
    pub fn finish(&mut self, fields: &mut Fields<'_>) -> End {
        match self.state {
            State::Name if self.is_name_empty() => {}
            State::Name => {
                let index = self.take_name(fields);
                self.end_of_name(index, b'&', fields);
            }
            State::Value(index) => self.end_of_value(index, fields),
            State::Skip | State::Full | State::Broken => {}
        }
        match self.raw_bytes {
            RawBytes::Drop if !self.utf8.finish() => End::Dropped(Trouble::FormNotUtf8),
            RawBytes::Refuse if !self.utf8.finish() => End::Refused(Trouble::FormNotUtf8),
            _ => End::Fields { any: self.any },
        }
    }

    fn name<'c>(&mut self, rest: &'c [u8], fields: &mut Fields<'_>) -> &'c [u8] {
        if !self.is_name_empty() {
            return self.name_in_pieces(rest, None, fields);
        }
        let rest = behind_separators(rest);
        // The usual case: the whole name is in this chunk, and it has no escapes.
        if let Some((name, delimiter @ (b'=' | b'&'), after)) =
            split_at(rest, Some(near::plain_len(rest)))
        {
            let index = self.start(name, fields);
            self.end_of_name(index, delimiter, fields);
            return after;
        }
        let end = near::find2_at_once(b'=', b'&', rest);
        match split_at(rest, end) {
            Some((name, delimiter, after)) if !fields.may_find_encoded(name.len()) => {
                self.end_of_name(None, delimiter, fields);
                after
            }
            _ => self.name_in_pieces(rest, end, fields),
        }
    }

    /// Reads a name that is long, has escapes, or does not end in this chunk. `end`: its end, if that is known.
    #[inline(never)]
    fn name_in_pieces<'c>(
        &mut self,
        rest: &'c [u8],
        end: Option<usize>,
        fields: &mut Fields<'_>,
    ) -> &'c [u8] {
        let end = end.or_else(|| near::find2(b'=', b'&', rest));
        let end = split_at(rest, end);
        for byte in end.map_or(rest, |(name, ..)| name) {
            self.escape.step(*byte, &mut self.name);
        }
        let Some((_, delimiter, after)) = end else {
            return b"";
        };
        let index = self.take_name(fields);
        self.end_of_name(index, delimiter, fields);
        after
    }

    fn value<'c>(&mut self, rest: &'c [u8], index: usize, fields: &mut Fields<'_>) -> &'c [u8] {
        if self.escape == Escape::None
            && let Some((plain, after)) = rest.split_at_checked(near::plain_len(rest))
        {
            // The usual case: the whole value, or all of the chunk, has no escapes.
            fields.push(index, plain);
            if let Some((b'&', after)) = after.split_first() {
                self.end_of_value(index, fields);
                return after;
            }
            return self.value_in_pieces(after, index, fields);
        }
        self.value_in_pieces(rest, index, fields)
    }

    /// Reads a value that is long, has escapes, or does not end in this chunk.
    #[inline(never)]
    fn value_in_pieces<'c>(
        &mut self,
        rest: &'c [u8],
        index: usize,
        fields: &mut Fields<'_>,
    ) -> &'c [u8] {
        let (value, after) = match split_at(rest, near::find(b'&', rest)) {
            Some((value, _, after)) => (value, Some(after)),
            None => (rest, None),
        };
        if fields.is_reading(index) {
            let mut argument = Argument { index, fields };
            self.escape.decode_long(value, &mut argument);
        } else {
            self.short_value(value, index, fields);
        }
        if fields.is_spent(index) {
            // The value is too long to be used: its rest is skipped as if it were not wanted.
            self.escape = Escape::None;
            if after.is_none() {
                self.state = State::Skip;
            }
        }
        match after {
            Some(after) => {
                self.end_of_value(index, fields);
                after
            }
            None => &[],
        }
    }

    /// Decodes a value as far as its slot has room.
    fn short_value(&mut self, value: &[u8], index: usize, fields: &mut Fields<'_>) {
        let mut argument = Argument { index, fields };
        for piece in value.chunks(VALUE_MAX) {
            if argument.fields.is_spent(index) {
                break;
            }
            self.escape.decode(piece, &mut argument);
        }
    }

    fn skip<'c>(&mut self, rest: &'c [u8]) -> &'c [u8] {
        match split_at(rest, near::find(b'&', rest)) {
            Some((_, _, after)) => {
                self.state = State::Name;
                after
            }
            None => &[],
        }
    }

    /// Starts the value of a name if it is wanted.
    #[inline]
    fn start(&self, name: &[u8], fields: &mut Fields<'_>) -> Option<usize> {
        if !fields.may_find(name.len()) {
            return None;
        }
        let index = fields.find(name)?;
        fields.start_first(index, self.charset).then_some(index)
    }

    fn is_name_empty(&self) -> bool {
        self.name.is_empty() && self.escape == Escape::None
    }

    /// Ends the collected name, and starts its value if it is wanted.
    fn take_name(&mut self, fields: &mut Fields<'_>) -> Option<usize> {
        self.escape.end(&mut self.name);
        let index = self.name.get().and_then(|name| self.start(name, fields));
        self.name.clear();
        index
    }

    /// A name has ended. Behind `=` its value follows; behind `&` the pair had no `=`, and its value is
    /// empty.
    #[inline]
    fn end_of_name(&mut self, index: Option<usize>, delimiter: u8, fields: &mut Fields<'_>) {
        self.any = true;
        match (delimiter, index) {
            (b'=', Some(index)) => self.state = State::Value(index),
            (b'=', None) => self.state = State::Skip,
            (_, Some(index)) => fields.end(index, false),
            (_, None) => {}
        }
    }

    fn end_of_value(&mut self, index: usize, fields: &mut Fields<'_>) {
        self.escape.end(&mut Argument { index, fields });
        fields.end(index, false);
        self.state = if fields.is_full() {
            State::Full
        } else {
            State::Name
        };
    }
}

/// What follows one or more `&`.
fn behind_separators(mut rest: &[u8]) -> &[u8] {
    while let [b'&', after @ ..] = rest {
        rest = after;
    }
    rest
}

/// The bytes before a delimiter, the delimiter, and the bytes behind it.
fn split_at(bytes: &[u8], at: Option<usize>) -> Option<(&[u8], u8, &[u8])> {
    let (before, rest) = bytes.split_at_checked(at?)?;
    let (delimiter, after) = rest.split_first()?;
    Some((before, *delimiter, after))
}

#[cfg(test)]
mod tests {
    use super::{Charset, End, Form, RawBytes};
    use crate::body::testing::{each_split, values};

    fn scan(body: &[u8]) -> Vec<Option<String>> {
        each_split(body, |pieces| {
            values(&["a", "long"], |fields| {
                let mut form = Form::new(Charset::Utf8Quoted, RawBytes::Drop);
                pieces.iter().for_each(|piece| form.feed(piece, fields));
                if form.finish(fields) == End::Dropped(crate::body::Trouble::FormNotUtf8) {
                    fields.clear();
                }
            })
        })
    }

    /// body, `cmd`, `a`
    const CASES: &[(&str, Option<&str>, Option<&str>)] = &[
        ("", None, None),
        ("cmd=x", Some("x"), None),
        ("cmd=x&cmd=y&a=1", Some("x"), Some("1")),
        ("&&cmd=f&&", Some("f"), None),
        ("cmd=a=b", Some("a=b"), None),
        ("cmd=f;x=1", Some("f;x=1"), None),
        ("cmd", Some(""), None),
        ("cmd&a=2", Some(""), Some("2")),
        ("cmd=&cmd=z", Some(""), None),
        ("%63m%64=f", Some("f"), None),
        ("%63%6D%64", Some(""), None),
        ("CMD=f&+cmd=f&%20cmd=g&cmd%5B%5D=h&cm=1&cmdd=2", None, None),
        ("cmd=%zzb", Some("%zzb"), None),
        ("cmd=a%2", Some("a%2"), None),
        ("cmd=a%", Some("a%"), None),
        ("cmd=%%41%4%414", Some("%A%4A4"), None),
        ("cmd=%2b+%2B", Some("+ +"), None),
        ("cmd=%e9", Some("%E9"), None),
        ("cmd=%E2%82%ac", Some("\u{20ac}"), None),
        (
            "cmd=%E2%82&a=%F0%9F%98%80",
            Some("%E2%82"),
            Some("\u{1f600}"),
        ),
        ("=x&a=1", None, Some("1")),
        ("%", None, None),
        ("cmd%=1&%cmd=1&cmd=3", Some("3"), None),
        ("long=1&cmd=f&a=2&cmd=g&a&%61=3&&=", Some("f"), Some("2")),
    ];

    #[test]
    fn vectors_at_every_split() {
        for (body, cmd, a) in CASES {
            let found = scan(body.as_bytes());
            assert_eq!(found[0].as_deref(), *cmd, "cmd of {body}");
            assert_eq!(found[1].as_deref(), *a, "a of {body}");
        }
    }

    #[test]
    fn raw_bytes_that_are_not_utf8_drop_the_form() {
        for body in [
            &b"cmd=x&b=\xe9"[..],
            b"\xff&cmd=x",
            b"cmd=x&b=\xe2\x82",
            b"cmd=x&a=1&long=2&b=\xe9",
        ] {
            assert_eq!(scan(body)[0], None, "{body:?}");
        }
    }

    #[test]
    fn agrees_with_form_urlencoded() {
        for (body, _, _) in CASES {
            let pairs: Vec<_> = form_urlencoded::parse(body.as_bytes()).collect();
            let first = |wanted: &str| {
                let value = pairs.iter().find(|(name, _)| name == wanted);
                value.map(|(_, value)| value.to_string())
            };
            let found = scan(body.as_bytes());
            // form_urlencoded, by WHATWG's rules, writes U+FFFD where werkzeug keeps the escape.
            if !first("cmd").unwrap_or_default().contains('\u{fffd}') {
                assert_eq!(found[0], first("cmd"), "{body}");
            }
        }
    }

    #[test]
    fn names_longer_than_any_wanted_one() {
        let long = "long".repeat(40);
        let body = format!("{long}=1&{long}&%6cong=2");
        assert_eq!(scan(body.as_bytes())[2].as_deref(), Some("2"));
    }
}
