//! A slot collects the value of one argument in a buffer of fixed size.

use core::str::from_utf8;

use super::Source;
use crate::body::text::charset::Charset;
use crate::body::text::copy;
use crate::body::text::near;
use crate::body::text::percent::Sink;

/// The longest value that is kept, in bytes of UTF-8. A slot's buffer may be shorter.
pub const VALUE_MAX: usize = 1024;

/// The value of a slot once the request is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'s> {
    /// the argument did not occur
    Absent,
    /// it occurred and Python takes it for false: `""`, JSON `null`, `0`, `false`, `[]`, `{}`
    Falsy,
    /// text that a variable may show: UTF-8, no control characters (Unicode's Cc), not too long
    Text(&'s [u8]),
    /// a value that cannot be the name of a method: it has control characters, is too long, or no text
    Unusable,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Absent,
    /// bytes have been collected, and not judged
    Bytes,
    /// a JSON value that is no text
    NotText { truthy: bool },
    /// decoded text within the bounds, free of control characters
    Clean,
    /// decoded text that a variable must not show
    Unusable,
}

/// Lends memory for values when they begin, since most requests have few of the wanted arguments.
pub trait Lend<'r> {
    /// Lends `len` bytes, of any content. None where there is no memory; a value that needs it is
    /// unusable.
    fn lend(&self, len: usize) -> Option<&'r mut [u8]>;
}

/// Prints the name of the trait alone, as for [`LendPage`](crate::body::LendPage).
impl core::fmt::Debug for dyn Lend<'_> + '_ {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Lend")
    }
}

/// Collects one value. Memory: the caller's buffer, nothing else.
#[derive(Debug)]
pub struct Slot<'r> {
    /// at most [`VALUE_MAX`] bytes are used
    buffer: &'r mut [u8],
    /// bytes pushed; what exceeds the buffer is only counted
    len: usize,
    state: State,
    charset: Charset,
    source: Source,
    /// the first item of a JSON list
    from_list: bool,
}

impl<'r> Slot<'r> {
    /// A slot without room. It borrows room [when a value begins](super::Fields::lent_by).
    pub fn lent() -> Self {
        Self::new(&mut [])
    }

    /// A slot over `buffer`; values longer than it are [`Value::Unusable`].
    pub fn new(buffer: &'r mut [u8]) -> Self {
        let len = buffer.len().min(VALUE_MAX);
        Self {
            buffer: buffer.get_mut(..len).unwrap_or_default(),
            len: 0,
            state: State::Absent,
            charset: Charset::Utf8,
            source: Source::None,
            from_list: false,
        }
    }

    #[inline]
    pub(super) fn has_no_room(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Takes room for `max` bytes, at most [`VALUE_MAX`].
    #[cold]
    pub(super) fn borrow(&mut self, lender: &dyn Lend<'r>, max: usize) {
        if max > 0
            && let Some(buffer) = lender.lend(max.min(VALUE_MAX))
        {
            self.buffer = buffer;
        }
    }

    /// True until a value starts, and again after [`Self::clear`].
    #[inline]
    pub fn is_absent(&self) -> bool {
        self.state == State::Absent
    }

    /// The source of the value.
    pub fn source(&self) -> Source {
        self.source
    }

    /// The value. Bytes that [`Self::settle`] has not made text of are [`Value::Unusable`].
    pub fn value(&self) -> Value<'_> {
        match self.state {
            State::Absent => Value::Absent,
            State::NotText { truthy: false } => Value::Falsy,
            State::Clean => match self.text() {
                [] => Value::Falsy,
                text => Value::Text(text),
            },
            State::Bytes | State::NotText { truthy: true } | State::Unusable => Value::Unusable,
        }
    }

    /// The text, empty where there is none that may be shown.
    pub(in crate::body) fn text(&self) -> &[u8] {
        match self.state {
            State::Clean => self.buffer.get(..self.len).unwrap_or_default(),
            _ => b"",
        }
    }

    /// Forgets the value.
    pub(crate) fn clear(&mut self) {
        self.state = State::Absent;
        self.len = 0;
    }

    /// A value starts; an earlier one is forgotten.
    #[inline]
    pub(crate) fn start(&mut self, charset: Charset, source: Source) {
        self.state = State::Bytes;
        self.charset = charset;
        self.source = source;
        self.len = 0;
        self.from_list = false;
    }

    /// The value is JSON, but no text.
    pub(in crate::body) fn set_not_text(&mut self, truthy: bool, source: Source) {
        self.state = State::NotText { truthy };
        self.source = source;
        self.len = 0;
        self.from_list = false;
    }

    /// The value is the first item of a list.
    pub(in crate::body) fn set_from_list(&mut self) {
        self.from_list = true;
    }

    /// A value that is the first item of a list becomes the list again, which is no text.
    pub(in crate::body) fn keep_list(&mut self) {
        if core::mem::take(&mut self.from_list) {
            self.set_not_text(true, self.source);
        }
    }

    /// Whether the value has more bytes than the slot has room for.
    pub(super) fn is_full(&self) -> bool {
        self.len > self.buffer.len()
    }

    /// Takes back the last `count` bytes, or all if there are fewer.
    pub(in crate::body) fn pop(&mut self, count: usize) {
        self.len = self.len.saturating_sub(count);
    }

    /// Makes text of the bytes and judges it. Does nothing the second time.
    pub(crate) fn settle(&mut self) {
        if self.state != State::Bytes {
            return;
        }
        let bytes = self.buffer.get(..self.len);
        if self.charset != Charset::Other && bytes.is_some_and(near::is_printable_ascii) {
            // Most values are of this kind.
            self.state = State::Clean;
        } else {
            self.judge();
        }
    }

    /// Kept out of line: only values that are not plain ASCII need the copy.
    #[cold]
    #[inline(never)]
    fn judge(&mut self) {
        self.decode();
        let text = self.buffer.get(..self.len);
        self.state = match text {
            Some(text) if !has_control(text) => State::Clean,
            _ => State::Unusable,
        };
    }

    fn decode(&mut self) {
        let Some(bytes) = self.buffer.get(..self.len) else {
            return;
        };
        let text = match self.charset {
            Charset::Utf8 | Charset::Utf8Quoted | Charset::Utf8Strict => from_utf8(bytes).is_ok(),
            Charset::Ascii | Charset::Latin1 | Charset::Cp1252 | Charset::OtherAscii => {
                bytes.is_ascii()
            }
            Charset::Other => bytes.is_empty(),
        };
        if text {
            return;
        }
        let mut room = [0; VALUE_MAX];
        copy(&mut room, bytes);
        let Some(copy) = room.get(..self.len) else {
            return;
        };
        self.len = 0;
        match self.charset {
            Charset::Utf8 => self.decode_utf8(copy, |slot, _| slot.push_char('\u{fffd}')),
            Charset::Utf8Quoted => self.decode_utf8(copy, |slot, bad| {
                bad.iter().for_each(|byte| slot.push(&quote(*byte)));
            }),
            Charset::Ascii | Charset::Latin1 | Charset::Cp1252 => {
                let charset = self.charset;
                copy.iter()
                    .for_each(|byte| self.push_char(charset.char(*byte)));
            }
            // The bytes are no text, or this module cannot decode them: marks the value as too long.
            Charset::Utf8Strict | Charset::OtherAscii | Charset::Other => self.len = usize::MAX,
        }
    }

    fn decode_utf8(&mut self, bytes: &[u8], mut invalid: impl FnMut(&mut Self, &[u8])) {
        for chunk in bytes.utf8_chunks() {
            self.push(chunk.valid().as_bytes());
            if !chunk.invalid().is_empty() {
                invalid(self, chunk.invalid());
            }
        }
    }

    #[inline(never)]
    pub(in crate::body) fn push_char(&mut self, char: char) {
        self.push(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl Sink for Slot<'_> {
    /// Appends bytes of the value, unless it turned out to be no text.
    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::NotText { .. }) {
            return;
        }
        // Keeps the part that fits, and counts the rest: a delimiter among it may still be taken back.
        copy(self.buffer.get_mut(self.len..).unwrap_or_default(), bytes);
        self.len = self.len.saturating_add(bytes.len());
    }

    fn push_byte(&mut self, byte: u8) {
        if matches!(self.state, State::NotText { .. }) {
            return;
        }
        if let Some(free) = self.buffer.get_mut(self.len) {
            *free = byte;
        }
        self.len = self.len.saturating_add(1);
    }
}

/// Whether UTF-8 has a character of Unicode's category Cc: U+0000 to U+001F, and U+007F to U+009F,
/// of which those from U+0080 on are `C2 80` to `C2 9F`.
///
/// Neither fold stops early, so that the compiler can make vector code of them.
fn has_control(text: &[u8]) -> bool {
    let behind = text.get(1..).unwrap_or_default();
    let found = text.iter().zip(behind).fold(false, |found, (byte, next)| {
        found | ((*byte == 0xc2) & (*next < 0xa0))
    });
    text.iter()
        .fold(found, |found, byte| found | byte.is_ascii_control())
}

/// `%XX` with capital digits, as werkzeug writes it.
fn quote(byte: u8) -> [u8; 3] {
    let digit = |nibble: u8| match nibble {
        0..=9 => b'0'.saturating_add(nibble),
        _ => b'A'.saturating_add(nibble.saturating_sub(10)),
    };
    [b'%', digit(byte >> 4), digit(byte & 15)]
}

#[cfg(test)]
mod tests;
