//! Strings of a JSON text: keys and values, kept or skipped. And the byte order mark in front of it.

use super::{Json, State};
use crate::body::Fields;
use crate::body::Trouble;
use crate::body::arguments::Argument;
use crate::body::arguments::name::hash;
use crate::body::text::near;
use crate::body::text::percent::unescape::Buffer;
use crate::body::text::percent::{Sink, hex};

impl Json<'_> {
    /// A key, behind its opening quote.
    pub(super) fn key<'c>(&mut self, rest: &'c [u8], fields: &mut Fields<'_>) -> &'c [u8] {
        let len = near::text_len(rest);
        if let Some((key, [b'"', after @ ..])) = rest.split_at_checked(len) {
            // The usual case: all of it is here and stands for itself.
            if self.has_wanted_keys() {
                let hash = hash(key);
                self.member = self.members(fields).find(key, || hash);
                self.key.set_hash(hash);
            }
            // Its colon most often is, too.
            let (state, after) = match after {
                [b':', after @ ..] => (State::Value, after),
                _ => (State::Colon, after),
            };
            self.state = state;
            return after;
        }
        self.in_key = true;
        self.key.clear();
        self.state = State::Text;
        self.text_in_pieces(rest, fields)
    }

    /// The bytes of a string, up to its end or an escape.
    pub(super) fn text<'c>(&mut self, rest: &'c [u8], fields: &mut Fields<'_>) -> &'c [u8] {
        let len = near::text_len(rest);
        if let Some((plain, [b'"', after @ ..])) = rest.split_at_checked(len)
            && !self.in_key
            && self.high.is_none()
        {
            // The usual case: what is left of it is here and stands for itself.
            if let Some(index) = self.wanted() {
                fields.push(index, plain);
                fields.end(index, self.first_item);
            }
            self.end_of_value(fields);
            return after;
        }
        self.text_in_pieces(rest, fields)
    }

    #[inline(never)]
    fn text_in_pieces<'c>(&mut self, rest: &'c [u8], fields: &mut Fields<'_>) -> &'c [u8] {
        let mut rest = rest;
        if let Some(index) = self.wanted()
            && self.high.is_none()
            && fields.is_reading(index)
        {
            rest = text_of_document(rest, index, fields);
            if rest.is_empty() {
                return b"";
            }
        }
        // Escapes, without a turn for each byte.
        while let [b'\\', escape, after @ ..] = rest {
            rest = match escape {
                b'u' => {
                    let Some((unit, after)) = code(after) else {
                        break;
                    };
                    self.unit(unit, fields);
                    after
                }
                _ => {
                    self.escape(*escape, fields);
                    after
                }
            };
            if !matches!(self.state, State::Text) {
                return rest;
            }
        }
        let Some((plain, after)) = rest.split_at_checked(near::text_len(rest)) else {
            return b"";
        };
        if !plain.is_empty() && self.end_of_half(fields) {
            self.push(plain, fields);
        }
        match after.split_first() {
            _ if matches!(self.state, State::Failed(_)) => b"",
            None => b"",
            Some((b'\\', after)) => {
                self.state = State::Escape;
                after
            }
            Some((0..0x20, _)) => {
                self.fail(Trouble::JsonControl);
                b""
            }
            Some((b'"', after)) => {
                if self.end_of_half(fields) {
                    self.end_of_text(fields);
                }
                after
            }
            // More of it.
            Some(_) => after,
        }
    }

    fn end_of_text(&mut self, fields: &mut Fields<'_>) {
        if !self.in_key {
            if let Some(index) = self.wanted() {
                fields.end(index, self.first_item);
            }
            return self.end_of_value(fields);
        }
        if self.has_wanted_keys() {
            let members = self.members(fields);
            self.member = self
                .key
                .get()
                .and_then(|key| members.find(key, || hash(key)));
        }
        self.state = State::Colon;
    }

    #[inline(always)]
    pub(super) fn escape(&mut self, byte: u8, fields: &mut Fields<'_>) {
        self.state = State::Text;
        let Some(plain) = escaped(byte) else {
            match byte {
                b'u' => self.state = State::Unicode { digits: 0, code: 0 },
                _ => self.fail(Trouble::JsonSyntax),
            }
            return;
        };
        if !self.end_of_half(fields) {
            return;
        }
        if self.in_key {
            self.push_to_key(&[plain]);
        } else {
            self.push(&[plain], fields);
        }
    }

    pub(super) fn unicode(&mut self, byte: u8, digits: u8, code: u16, fields: &mut Fields<'_>) {
        if !byte.is_ascii_hexdigit() {
            return self.fail(Trouble::JsonSyntax);
        }
        let code = code << 4 | u16::from(hex(byte));
        let digits = digits.saturating_add(1);
        if digits < 4 {
            self.state = State::Unicode { digits, code };
            return;
        }
        self.state = State::Text;
        self.unit(code, fields);
    }

    /// A unit of UTF-16.
    fn unit(&mut self, code: u16, fields: &mut Fields<'_>) {
        let pair = self
            .high
            .and_then(|high| char::decode_utf16([high, code]).next()?.ok());
        if pair.is_some() {
            self.high = None;
        }
        if !self.end_of_half(fields) {
            return;
        }
        match pair.or(char::from_u32(u32::from(code))) {
            Some(char) => self.push(char.encode_utf8(&mut [0; 4]).as_bytes(), fields),
            None => {
                self.high = Some(code);
                if code >= 0xdc00 {
                    // A second half can wait for nothing.
                    self.end_of_half(fields);
                }
            }
        }
    }

    /// Half of a surrogate pair, of a text that is the string of another.
    pub(super) fn half(&mut self, half: u16, fields: &mut Fields<'_>) {
        match self.state {
            State::Text => {
                if self.end_of_half(fields) {
                    self.high = Some(half);
                    self.end_of_half(fields);
                }
            }
            _ => self.fail(Trouble::JsonSyntax),
        }
    }

    /// Half of a surrogate pair that still waits stays alone: Python keeps it in the string,
    /// but no method and no argument has such a name.
    /// False where the parser refuses it.
    #[inline(always)]
    fn end_of_half(&mut self, fields: &mut Fields<'_>) -> bool {
        match self.high.take() {
            None => true,
            Some(high) => self.lone_half(high, fields),
        }
    }

    #[inline(never)]
    fn lone_half(&mut self, high: u16, fields: &mut Fields<'_>) -> bool {
        if !self.rules.lone_surrogates {
            self.fail(Trouble::JsonSurrogate);
            return false;
        }
        if self.in_key {
            self.key.spoil();
            let [a, b] = high.to_be_bytes();
            self.key.mix(&[0xff, a, b]);
        } else if let Some(index) = self.wanted() {
            fields.push_half(index, high);
        }
        true
    }

    #[inline(always)]
    fn push(&mut self, bytes: &[u8], fields: &mut Fields<'_>) {
        if self.in_key {
            self.push_to_key(bytes);
        } else if let Some(index) = self.wanted() {
            fields.push(index, bytes);
            if !self.first_item && fields.is_spent(index) {
                // Too long for any use: the rest is read as that of a value that is not wanted.
                self.member = None;
            }
        }
    }

    #[inline]
    fn push_to_key(&mut self, bytes: &[u8]) {
        if self.has_wanted_keys() {
            match bytes {
                [byte] => self.key.push_byte(*byte),
                _ => self.key.push(bytes),
            }
            if self.unwraps {
                self.key.mix(bytes);
            }
        }
    }
}

/// What a byte behind a backslash stands for.
#[inline]
fn escaped(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' | b'/' => Some(byte),
        b'b' => Some(0x08),
        b'f' => Some(0x0c),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        _ => None,
    }
}

/// The character of the digits behind `\u`, or of two escapes that are a surrogate pair, and what follows.
fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let (high, after) = code(text)?;
    if let Some(char) = char::from_u32(u32::from(high)) {
        return Some((char, after));
    }
    let (low, after) = code(after.strip_prefix(b"\\u")?)?;
    let char = char::decode_utf16([high, low]).next()?.ok()?;
    Some((char, after))
}

/// Four digits, and what follows.
#[inline]
fn code(text: &[u8]) -> Option<(u16, &[u8])> {
    let (&[a, b, c, d], after) = text.split_first_chunk()?;
    let digit = |digit: u8| digit.is_ascii_hexdigit().then(|| u16::from(hex(digit)));
    let code = digit(a)? << 12 | digit(b)? << 8 | digit(c)? << 4 | digit(d)?;
    Some((code, after))
}

/// Text in a string that is a document, in which each quote is escaped: what is plain, and what escapes stand
/// for, handed on together. Gives what follows: the end, the start of something else, or nothing.
#[inline(never)]
fn text_of_document<'c>(text: &'c [u8], index: usize, fields: &mut Fields<'_>) -> &'c [u8] {
    const BUFFER: usize = 256;
    let mut argument = Argument { index, fields };
    let mut buffer = Buffer::<_, BUFFER>::new(&mut argument);
    let mut rest = text;
    loop {
        if rest.first() != Some(&b'\\') {
            let len = near::text_len(rest);
            buffer.push_first(rest, len);
            rest = rest.get(len..).unwrap_or_default();
        }
        match rest {
            [b'\\', b'u', digits @ ..] => {
                let Some((char, after)) = unicode(digits) else {
                    break;
                };
                buffer.push(char.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
            [b'\\', byte, after @ ..] => {
                let Some(byte) = escaped(*byte) else {
                    break;
                };
                buffer.push_byte(byte);
                rest = after;
            }
            [] | [..0x20 | b'"' | b'\\', ..] => break,
            // More of it.
            _ => {}
        }
    }
    buffer.flush();
    rest
}
