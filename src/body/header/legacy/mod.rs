//! `Content-Type` and `Content-Disposition` as werkzeug before 2.3 reads them: its
//! `http.parse_options_header` with `_option_header_piece_re`.
//!
//! A piece is `;`, white space, perhaps a comma, a key, perhaps `*` and the number of a section,
//! perhaps `=` and a value. The first piece that is none ends the header. Charsets are decoded
//! strictly, and an error there is an error of the request.

mod piece;

use piece::{Ahead, piece, quoted};

use super::text::{HeaderText, Text, first_space, is_same, trim_start};
use super::{Lookup, Wanted};
use crate::body::Charset;
use crate::body::Trouble;
use crate::body::text::charset::{Codec, cp1252};
use crate::body::text::percent::hex;
use crate::body::werkzeug::Pieces;

impl Pieces {
    /// On Python 2, where no release has sections, headers are bytes.
    const fn text(self, text: HeaderText) -> HeaderText {
        if self.sections {
            text
        } else {
            HeaderText::Ascii
        }
    }
}

/// The value in front of the parameters, and the parameters.
pub(in crate::body) fn split(header: &[u8], text: HeaderText, pieces: Pieces) -> (&[u8], &[u8]) {
    let text = pieces.text(text);
    let start = trim_start(header, text);
    let mut rest = start;
    while let Some(byte) = rest.first() {
        if matches!(byte, b';' | b',') || first_space(rest, text).is_some() {
            break;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    let value = start
        .get(..start.len().saturating_sub(rest.len()))
        .unwrap_or_default();
    // `.+` needs something behind the delimiter.
    match rest {
        [b';' | b',', _, ..] if !value.is_empty() => (value, rest),
        _ => (value, b""),
    }
}

/// Decodes all parameters, as werkzeug does whichever it is after: an error in one is an error of
/// the header.
pub(in crate::body) fn check(
    header: &[u8],
    text: HeaderText,
    pieces: Pieces,
) -> Result<(), Trouble> {
    parameters(header, text, pieces, &mut [])?;
    let mut rest = split(header, text, pieces).1;
    let text = pieces.text(text);
    let mut ahead = Ahead::default();
    while let Some((piece, after)) = piece(rest, text, pieces, &mut ahead) {
        rest = after;
        if let Some(value) = piece.value {
            decode(value, piece.encoding, &mut Text::new(&mut []))?;
        }
    }
    Ok(())
}

/// Looks up parameters.
pub(in crate::body) fn parameters(
    header: &[u8],
    text: HeaderText,
    pieces: Pieces,
    wanted: &mut [Wanted<'_>],
) -> Result<(), Trouble> {
    let mut rest = split(header, text, pieces).1;
    let text = pieces.text(text);
    let mut continued = None;
    let mut bare = BareKeys::default();
    let mut ahead = Ahead::default();
    while let Some((piece, after)) = piece(rest, text, pieces, &mut ahead) {
        rest = after;
        let mut encoding = piece.encoding;
        if piece.section {
            encoding = encoding.or(continued);
            continued = encoding;
        } else {
            continued = None;
        }
        let mut name_buffer = [0; 32];
        let mut name = Text::new(&mut name_buffer);
        name.push(piece.key);
        name.unquote(0, false);
        let name = name.get();
        let name_hash = name.map_or(0, |name| hash(name, pieces.lower_case));
        let is = |wanted: &Wanted<'_>| {
            name.is_some_and(|name| match pieces.lower_case {
                true => is_same(name, wanted.key),
                false => name == wanted.key,
            })
        };
        let index = wanted.iter().position(is);
        let wanted = index.and_then(|index| wanted.get_mut(index));
        let Some(value) = piece.value else {
            if piece.section && !pieces.bare_sections {
                return Err(Trouble::HeaderCrash);
            }
            if !piece.section {
                bare.set(name_hash, true);
                if let Some(wanted) = wanted {
                    wanted.set(Lookup::Bare);
                }
            }
            continue;
        };
        // Also where nobody asks for it, since an error there is one of the whole header.
        let mut nowhere = Text::new(&mut []);
        let decoded = match wanted {
            Some(wanted) => {
                if !piece.section {
                    wanted.text.clear();
                }
                let start = wanted.text.len();
                let decoded = decode(value, encoding, &mut wanted.text);
                if encoding.is_none() {
                    wanted.text.unquote(start, false);
                }
                let is_unknown = decoded == Err(Trouble::CharsetUnknown);
                wanted.set(match is_unknown {
                    true => Lookup::Unknown,
                    false => Lookup::Found,
                });
                if is_unknown && index == Some(0) {
                    return Ok(());
                }
                decoded
            }
            None => decode(value, encoding, &mut nowhere),
        };
        match decoded {
            // What this module cannot decode is taken to be fine where nobody asks for it.
            Ok(()) | Err(Trouble::CharsetUnknown) => {}
            Err(trouble) => return Err(trouble),
        }
        if piece.section && bare.get(name_hash) {
            // None + str
            return Err(Trouble::HeaderCrash);
        }
        bare.set(name_hash, false);
    }
    Ok(())
}

/// Keys that stand without a value: a section of such a key is a `TypeError`. The first few of a
/// header, by their hashes.
#[derive(Default)]
struct BareKeys {
    keys: [(u32, bool); 16],
    len: usize,
}

impl BareKeys {
    fn get(&self, hash: u32) -> bool {
        let known = self.keys.get(..self.len).unwrap_or_default();
        known.iter().any(|(key, bare)| *key == hash && *bare)
    }

    fn set(&mut self, hash: u32, bare: bool) {
        let known = self.keys.get_mut(..self.len).unwrap_or_default();
        if let Some(key) = known.iter_mut().find(|(key, _)| *key == hash) {
            key.1 = bare;
        } else if let Some(free) = self.keys.get_mut(self.len) {
            *free = (hash, bare);
            self.len = self.len.saturating_add(1);
        }
    }
}

/// FNV-1a.
fn hash(name: &[u8], lower_case: bool) -> u32 {
    name.iter().fold(0x811c_9dc5, |hash, byte| {
        let byte = if lower_case {
            byte.to_ascii_lowercase()
        } else {
            *byte
        };
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// A value, percent-decoded strictly where it names a charset.
fn decode(value: &[u8], encoding: Option<&[u8]>, out: &mut Text<'_>) -> Result<(), Trouble> {
    let Some(encoding) = encoding else {
        out.push(value);
        return Ok(());
    };
    // A LookupError is none that werkzeug expects.
    let codec = Codec::find(encoding).ok_or(Trouble::HeaderCrash)?;
    let unquoted = quoted(value).filter(|(_, after)| after.is_empty());
    let mut rest = match unquoted {
        Some((quoted, _)) => quoted
            .get(1..quoted.len().saturating_sub(1))
            .unwrap_or_default(),
        None => value,
    };
    let mut utf8 = crate::body::text::utf8::Utf8Check::STRICT;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let byte = match (byte, after) {
            (b'\\', [escaped @ (b'\\' | b'"'), after @ ..]) if unquoted.is_some() => {
                rest = after;
                *escaped
            }
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                rest = after;
                hex(*high) << 4 | hex(*low)
            }
            (byte, _) => *byte,
        };
        match codec {
            Codec::Known(Charset::Latin1) => out.push_char(char::from(byte)),
            Codec::Known(Charset::Cp1252) => {
                out.push_char(cp1252(byte).ok_or(Trouble::HeaderNotText)?);
            }
            Codec::Known(Charset::Ascii) if !byte.is_ascii() => {
                return Err(Trouble::HeaderNotText);
            }
            Codec::AsciiCompatible if !byte.is_ascii() => return Err(Trouble::CharsetUnknown),
            Codec::Other => return Err(Trouble::CharsetUnknown),
            Codec::Known(_) | Codec::AsciiCompatible => {
                utf8.feed(&[byte]);
                out.push(&[byte]);
            }
        }
    }
    if codec == Codec::Known(Charset::Utf8) && !utf8.finish() {
        return Err(Trouble::HeaderNotText);
    }
    Ok(())
}
