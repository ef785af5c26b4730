//! Reads `Content-Type` and `Content-Disposition` as werkzeug before 2.3 does, by
//! `http.parse_options_header` with `_option_header_piece_re`.
//!
//! A piece is `;`, white space, an optional comma, a key, optionally `*` and the number of a section, and
//! optionally `=` and a value. The header ends where no piece follows. werkzeug decodes charsets strictly;
//! an error there is an error of the request.

pub(in crate::body) mod codec;
mod piece;
#[cfg(test)]
mod tests;

use codec::Codec;
use piece::{Ahead, Value, behind_key, key, until_space};

use super::text::{HeaderText, Text, is_same, trim_start};
use super::{Lookup, Wanted};
use crate::body::text::charset::cp1252;
use crate::body::text::percent::split_escape;
use crate::body::text::utf8::Utf8Check;
use crate::body::werkzeug::{HeaderRules, Pieces};
use crate::body::{Charset, End, Trouble};

impl HeaderRules {
    /// The text by which white space is recognised.
    pub(in crate::body) const fn text(self, text: HeaderText) -> HeaderText {
        match self {
            Self::Pieces(pieces) => pieces.text(text),
            Self::Findall | Self::Scan => text,
        }
    }
}

impl Pieces {
    /// The text by which white space is recognised. A release without sections ran on Python 2, where
    /// headers are bytes.
    const fn text(self, text: HeaderText) -> HeaderText {
        if self.sections {
            text
        } else {
            HeaderText::Ascii
        }
    }

    /// Whether two keys are the same.
    #[inline(always)]
    fn is_same(self, a: &[u8], b: &[u8]) -> bool {
        a.len() == b.len() && (a == b || self.lower_case && is_same(a, b))
    }
}

/// The value in front of the parameters, and the parameters.
pub(super) fn split(header: &[u8], text: HeaderText, pieces: Pieces) -> (&[u8], &[u8]) {
    let text = pieces.text(text);
    let start = trim_start(header, text);
    let (value, rest) = until_space(start, text, |byte| matches!(byte, b';' | b','));
    // werkzeug's `.+` needs at least one character behind the delimiter.
    match rest {
        [b';' | b',', _, ..] if !value.is_empty() => (value, rest),
        _ => (value, b""),
    }
}

/// Reads all parameters, and keeps those in `wanted`. werkzeug decodes all of them, so an error in any one
/// is an error of the header. Returns whether one is in a charset that this module cannot decode.
pub(super) fn parameters(
    header: &[u8],
    text: HeaderText,
    pieces: Pieces,
    wanted: &mut [Wanted<'_>],
) -> Result<bool, Trouble> {
    let mut rest = split(header, text, pieces).1;
    // On Python 3 werkzeug encodes the text as UTF-8 before it decodes the charset.
    let is_latin1 = text == HeaderText::Latin1;
    let text = pieces.text(text);
    let mut continued = None;
    let mut bare = BareKeys::default();
    let mut ahead = Ahead::default();
    let mut has_unknown = false;
    let mut nowhere = Text::new(&mut []);
    let mut buffer = [0; NAME_MAX];
    while let Some((key, after)) = key(rest, text, pieces) {
        let name = name(key, &mut buffer);
        let is = |wanted: &&mut Wanted<'_>| pieces.is_same(name, wanted.key);
        let found = wanted.iter_mut().find(is);
        let piece;
        (piece, rest) = behind_key(after, text, pieces, &mut ahead);
        let mut encoding = piece.encoding;
        if piece.section {
            encoding = encoding.or(continued);
            continued = encoding;
        } else {
            continued = None;
        }
        let Some(value) = piece.value else {
            if piece.section && !pieces.bare_sections {
                return Err(Trouble::HeaderCrash);
            }
            if !piece.section {
                bare.add(key, name);
                if let Some(wanted) = found {
                    wanted.set(Lookup::Bare);
                }
            }
            continue;
        };
        let decoded = match (found, encoding) {
            (Some(wanted), _) => {
                if !piece.section {
                    wanted.text.clear();
                }
                let decoded = match encoding {
                    Some(encoding) => decode(value, encoding, is_latin1, &mut wanted.text),
                    None => {
                        let start = wanted.text.len();
                        wanted.text.push(value.text);
                        wanted.text.unquote(start, false);
                        Ok(())
                    }
                };
                wanted.set(match decoded {
                    Err(Trouble::CharsetUnknown) => Lookup::Unknown,
                    _ => Lookup::Found,
                });
                decoded
            }
            // A parameter that is not wanted is decoded, too: an error in it is one of the whole header.
            (None, Some(encoding)) => decode(value, encoding, is_latin1, &mut nowhere),
            (None, None) => Ok(()),
        };
        match decoded {
            Ok(()) => {}
            Err(Trouble::CharsetUnknown) => has_unknown = true,
            Err(trouble) => return Err(trouble),
        }
        if bare.remove(name, pieces) && piece.section {
            // werkzeug adds a section to None, which is a TypeError.
            return Err(Trouble::HeaderCrash);
        }
    }
    Ok(has_unknown)
}

/// The parameters of Content-Type. It is read outside of the `try` that drops forms: any error is one
/// of the request.
#[inline(never)]
pub(super) fn content_type(
    header: &[u8],
    pieces: Pieces,
    wanted: &mut [Wanted<'_>],
) -> Result<(), End> {
    match parameters(header, HeaderText::Latin1, pieces, wanted) {
        Ok(false) => Ok(()),
        Ok(true) => Err(End::Unknown(Trouble::CharsetUnknown)),
        Err(trouble) => Err(End::Refused(trouble)),
    }
}

/// Room for a parameter's name, in bytes: more than the longest wanted name has.
const NAME_MAX: usize = 32;

/// A key without its quotes. One with escapes stays as it is if it is longer than any wanted name.
#[inline(always)]
fn name<'k>(key: &'k [u8], buffer: &'k mut [u8; NAME_MAX]) -> &'k [u8] {
    match key {
        [b'"', ..] => unquoted(key, buffer),
        _ => key,
    }
}

#[inline(never)]
fn unquoted<'k>(key: &'k [u8], buffer: &'k mut [u8; NAME_MAX]) -> &'k [u8] {
    match key {
        [b'"', plain @ .., b'"'] if !plain.contains(&b'\\') => return plain,
        _ => {}
    }
    let mut name = Text::new(buffer);
    name.push(key);
    name.unquote(0, false);
    match name.get().map(<[u8]>::len) {
        Some(len) => buffer.get(..len).unwrap_or_default(),
        None => key,
    }
}

/// The keys without a value: a section of such a key raises a `TypeError`. If two keys have the same hash,
/// the last one is kept.
#[derive(Default)]
struct BareKeys<'h> {
    keys: [Option<&'h [u8]>; 16],
    any: bool,
}

impl<'h> BareKeys<'h> {
    /// Adds a key. `key` is the text of the header, `name` the same without quotes.
    fn add(&mut self, key: &'h [u8], name: &[u8]) {
        self.any = true;
        if let Some(place) = self.place(name) {
            *place = Some(key);
        }
    }

    /// Removes a key. Returns whether it was there.
    fn remove(&mut self, wanted: &[u8], pieces: Pieces) -> bool {
        if !self.any {
            return false;
        }
        let Some(place) = self.place(wanted) else {
            return false;
        };
        let mut buffer = [0; NAME_MAX];
        let is_same = place.is_some_and(|key| pieces.is_same(name(key, &mut buffer), wanted));
        if is_same {
            *place = None;
        }
        is_same
    }

    #[inline(always)]
    fn place(&mut self, name: &[u8]) -> Option<&mut Option<&'h [u8]>> {
        let (first, last) = match name {
            [first, ..] => (*first, *name.last()?),
            [] => (0, 0),
        };
        // These bits are the same in both cases of a letter.
        self.keys
            .get_mut(usize::from(first.wrapping_mul(7) ^ last) % 16)
    }
}

/// Decodes a value with a charset: percent escapes, and then strictly its bytes.
fn decode(
    value: Value<'_>,
    encoding: &[u8],
    is_latin1: bool,
    out: &mut Text<'_>,
) -> Result<(), Trouble> {
    let codec = Codec::find(encoding)?;
    let mut rest = value.unquoted();
    if !codec.has_ascii() && !rest.is_empty() {
        return Err(Trouble::CharsetUnknown);
    }
    // The usual case: ASCII without escapes.
    let is_plain = |byte: &&u8| byte.is_ascii() && !matches!(byte, b'%' | b'\\');
    let plain = rest.iter().take_while(is_plain).count();
    if let Some((plain, after)) = rest.split_at_checked(plain) {
        out.push(plain);
        rest = after;
    }
    if rest.is_empty() {
        return Ok(());
    }
    let mut decoder = Decoder::new(codec, out);
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'%'
            && let Some((byte, after)) = split_escape(rest)
        {
            rest = after;
            decoder.push(byte)?;
            continue;
        }
        rest = after;
        match (byte, after) {
            (b'\\', [escaped @ (b'\\' | b'"'), after @ ..]) if value.is_quoted => {
                rest = after;
                decoder.push(*escaped)?;
            }
            _ if is_latin1 => decoder.push_char(*byte)?,
            _ => decoder.push(*byte)?,
        }
    }
    decoder.finish()
}

/// Bytes that are decoded at a time.
const RUN: usize = 64;

/// Makes bytes of a charset text. A check of UTF-8 takes as long for one byte as for a run of them.
struct Decoder<'t, 'b> {
    codec: Codec,
    utf8: Utf8Check,
    run: [u8; RUN],
    len: usize,
    out: &'t mut Text<'b>,
}

impl<'t, 'b> Decoder<'t, 'b> {
    fn new(codec: Codec, out: &'t mut Text<'b>) -> Self {
        Self {
            codec,
            utf8: Utf8Check::STRICT,
            run: [0; RUN],
            len: 0,
            out,
        }
    }

    #[inline(always)]
    fn push(&mut self, byte: u8) -> Result<(), Trouble> {
        if self.len == RUN {
            self.flush()?;
        }
        if let Some(free) = self.run.get_mut(self.len) {
            *free = byte;
            self.len = self.len.saturating_add(1);
        }
        Ok(())
    }

    /// Takes a byte of a header that becomes text by ISO 8859-1, and bytes again by UTF-8: one or two.
    #[inline(always)]
    fn push_char(&mut self, byte: u8) -> Result<(), Trouble> {
        let bytes = [0xc0 | byte >> 6, 0x80 | byte & 0x3f];
        match self.codec {
            Codec::Known(Charset::Utf8) => {
                self.flush()?;
                if self.utf8.is_cut() {
                    return Err(Trouble::HeaderNotText);
                }
                if self.out.has_room() {
                    self.out.push_char(char::from(byte));
                }
                Ok(())
            }
            _ if byte.is_ascii() => self.push(byte),
            Codec::Known(Charset::Cp1252) if !self.out.has_room() => {
                // The first is one of two letters.
                cp1252(bytes[1]).map_or(Err(Trouble::HeaderNotText), |_| Ok(()))
            }
            // Any bytes are text in it.
            Codec::Known(Charset::Latin1) if !self.out.has_room() => Ok(()),
            _ => {
                self.push(bytes[0])?;
                self.push(bytes[1])
            }
        }
    }

    #[inline(always)]
    fn flush(&mut self) -> Result<(), Trouble> {
        match self.len {
            0 => Ok(()),
            _ => self.decode(),
        }
    }

    fn finish(mut self) -> Result<(), Trouble> {
        self.flush()?;
        match self.utf8.finish() {
            true => Ok(()),
            false => Err(Trouble::HeaderNotText),
        }
    }

    #[inline(never)]
    fn decode(&mut self) -> Result<(), Trouble> {
        let run = self.run.get(..self.len).unwrap_or_default();
        self.len = 0;
        match self.codec {
            Codec::Known(Charset::Latin1) => {
                for byte in run {
                    self.out.push_char(char::from(*byte));
                }
            }
            Codec::Known(Charset::Cp1252) => {
                for byte in run {
                    let char = cp1252(*byte).ok_or(Trouble::HeaderNotText)?;
                    self.out.push_char(char);
                }
            }
            Codec::Known(Charset::Ascii) if !run.is_ascii() => return Err(Trouble::HeaderNotText),
            Codec::AsciiCompatible if !run.is_ascii() => return Err(Trouble::CharsetUnknown),
            _ if !self.utf8.feed(run) => return Err(Trouble::HeaderNotText),
            _ => self.out.push(run),
        }
        Ok(())
    }
}
