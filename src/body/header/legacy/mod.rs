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
use piece::{Ahead, piece, quoted, until_space};

use super::text::{HeaderText, Text, is_same, trim_start};
use super::{Lookup, Wanted};
use crate::body::text::charset::cp1252;
use crate::body::text::percent::split_escape;
use crate::body::text::utf8::Utf8Check;
use crate::body::werkzeug::Pieces;
use crate::body::{Charset, End, Trouble};

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
/// is an error of the header. Returns whether one is in a charset that this module cannot decode. If
/// `is_lenient`, and that is the first of `wanted`, the parameters behind it are not read.
pub(super) fn parameters(
    header: &[u8],
    text: HeaderText,
    pieces: Pieces,
    wanted: &mut [Wanted<'_>],
    is_lenient: bool,
) -> Result<bool, Trouble> {
    let mut rest = split(header, text, pieces).1;
    // On Python 3 werkzeug encodes the text as UTF-8 before it decodes the charset.
    let is_latin1 = text == HeaderText::Latin1;
    let text = pieces.text(text);
    let mut continued = None;
    let mut bare = BareKeys::default();
    let mut ahead = Ahead::default();
    let mut has_unknown = false;
    while let Some((piece, after)) = piece(rest, text, pieces, &mut ahead) {
        rest = after;
        let mut encoding = piece.encoding;
        if piece.section {
            encoding = encoding.or(continued);
            continued = encoding;
        } else {
            continued = None;
        }
        let mut buffer = [0; NAME_MAX];
        let name = name(piece.key, &mut buffer);
        let is = |wanted: &Wanted<'_>| {
            name.is_some_and(|name| match pieces.lower_case {
                true => is_same(name, wanted.key),
                false => name == wanted.key,
            })
        };
        let mut wanted = wanted.iter_mut().enumerate();
        let wanted = wanted.find(|(_, wanted)| is(wanted));
        let Some(value) = piece.value else {
            if piece.section && !pieces.bare_sections {
                return Err(Trouble::HeaderCrash);
            }
            if !piece.section {
                if let Some(name) = name {
                    bare.add(piece.key, name, pieces.lower_case);
                }
                if let Some((_, wanted)) = wanted {
                    wanted.set(Lookup::Bare);
                }
            }
            continue;
        };
        let decoded = match wanted {
            Some((index, wanted)) => {
                if !piece.section {
                    wanted.text.clear();
                }
                let start = wanted.text.len();
                let decoded = decode(value, encoding, is_latin1, &mut wanted.text);
                if encoding.is_none() {
                    wanted.text.unquote(start, false);
                }
                let is_unknown = decoded == Err(Trouble::CharsetUnknown);
                wanted.set(match is_unknown {
                    true => Lookup::Unknown,
                    false => Lookup::Found,
                });
                if is_unknown && is_lenient && index == 0 {
                    return Ok(true);
                }
                decoded
            }
            None if encoding.is_none() => Ok(()),
            // A parameter that is not wanted is decoded, too: an error in it is one of the whole header.
            None => decode(value, encoding, is_latin1, &mut Text::new(&mut [])),
        };
        match decoded {
            Ok(()) => {}
            Err(Trouble::CharsetUnknown) => has_unknown = true,
            Err(trouble) => return Err(trouble),
        }
        if name.is_some_and(|name| bare.remove(name, pieces.lower_case)) && piece.section {
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
    let is_lenient = false;
    match parameters(header, HeaderText::Latin1, pieces, wanted, is_lenient) {
        Ok(false) => Ok(()),
        Ok(true) => Err(End::Unknown(Trouble::CharsetUnknown)),
        Err(trouble) => Err(End::Refused(trouble)),
    }
}

/// Room for a parameter's name, in bytes: more than the longest wanted name has.
const NAME_MAX: usize = 32;

/// A key without its quotes. None for a key with escapes that is longer than any wanted name.
#[inline(always)]
fn name<'k>(key: &'k [u8], buffer: &'k mut [u8; NAME_MAX]) -> Option<&'k [u8]> {
    match key {
        [b'"', plain @ .., b'"'] if !plain.contains(&b'\\') => Some(plain),
        [b'"', ..] => unquoted(key, buffer),
        _ => Some(key),
    }
}

fn unquoted<'k>(key: &[u8], buffer: &'k mut [u8; NAME_MAX]) -> Option<&'k [u8]> {
    let mut name = Text::new(buffer);
    name.push(key);
    name.unquote(0, false);
    let len = name.get()?.len();
    buffer.get(..len)
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
    fn add(&mut self, key: &'h [u8], name: &[u8], lower_case: bool) {
        self.any = true;
        if let Some(place) = self.place(name, lower_case) {
            *place = Some(key);
        }
    }

    /// Removes a key. Returns whether it was there.
    fn remove(&mut self, wanted: &[u8], lower_case: bool) -> bool {
        if !self.any {
            return false;
        }
        let Some(place) = self.place(wanted, lower_case) else {
            return false;
        };
        let mut buffer = [0; NAME_MAX];
        let known = place.and_then(|known| name(known, &mut buffer));
        let is_same = known.is_some_and(|known| match lower_case {
            true => is_same(known, wanted),
            false => known == wanted,
        });
        if is_same {
            *place = None;
        }
        is_same
    }

    #[inline(always)]
    fn place(&mut self, name: &[u8], lower_case: bool) -> Option<&mut Option<&'h [u8]>> {
        let (first, last) = (*name.first()?, *name.last()?);
        // The bit makes both cases of a letter alike. Some other characters become alike, too, which does
        // no harm.
        let case = if lower_case { 0x20 } else { 0 };
        let hash = (first | case).wrapping_mul(7) ^ (last | case);
        self.keys.get_mut(usize::from(hash) % 16)
    }
}

/// Decodes a value. One with a charset is percent-decoded and decoded strictly.
fn decode(
    value: &[u8],
    encoding: Option<&[u8]>,
    is_latin1: bool,
    out: &mut Text<'_>,
) -> Result<(), Trouble> {
    let Some(encoding) = encoding else {
        out.push(value);
        return Ok(());
    };
    if encoding.contains(&0) {
        // Python raises a ValueError, as for text that does not fit its charset.
        return Err(Trouble::HeaderNotText);
    }
    // werkzeug does not catch Python's LookupError.
    let codec = Codec::find(encoding).ok_or(Trouble::HeaderCrash)?;
    let unquoted = quoted(value).filter(|(_, after)| after.is_empty());
    let mut rest = match unquoted {
        Some((quoted, _)) => quoted
            .get(1..quoted.len().saturating_sub(1))
            .unwrap_or_default(),
        None => value,
    };
    let mut utf8 = Utf8Check::STRICT;
    while let Some((byte, after)) = rest.split_first() {
        if let Some((byte, after)) = split_escape(rest) {
            rest = after;
            decode_byte(byte, codec, &mut utf8, out)?;
            continue;
        }
        rest = after;
        let byte = match (byte, after) {
            (b'\\', [escaped @ (b'\\' | b'"'), after @ ..]) if unquoted.is_some() => {
                rest = after;
                *escaped
            }
            (0x80.., _) if is_latin1 => {
                let mut bytes = [0; 2];
                for byte in char::from(*byte).encode_utf8(&mut bytes).bytes() {
                    decode_byte(byte, codec, &mut utf8, out)?;
                }
                continue;
            }
            (byte, _) => *byte,
        };
        decode_byte(byte, codec, &mut utf8, out)?;
    }
    if codec == Codec::Known(Charset::Utf8) && !utf8.finish() {
        return Err(Trouble::HeaderNotText);
    }
    Ok(())
}

fn decode_byte(
    byte: u8,
    codec: Codec,
    utf8: &mut Utf8Check,
    out: &mut Text<'_>,
) -> Result<(), Trouble> {
    match codec {
        Codec::Known(Charset::Latin1) => out.push_char(char::from(byte)),
        Codec::Known(Charset::Cp1252) => {
            out.push_char(cp1252(byte).ok_or(Trouble::HeaderNotText)?);
        }
        Codec::Known(Charset::Ascii) if !byte.is_ascii() => {
            return Err(Trouble::HeaderNotText);
        }
        Codec::AsciiCompatible if !byte.is_ascii() => return Err(Trouble::CharsetUnknown),
        Codec::Other | Codec::StrictOnly => return Err(Trouble::CharsetUnknown),
        Codec::Known(_) | Codec::AsciiCompatible => {
            if !byte.is_ascii() || !utf8.finish() {
                utf8.feed(&[byte]);
            }
            out.push_byte(byte);
        }
    }
    Ok(())
}
