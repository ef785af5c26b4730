//! One piece of a header: `;`, a key, and optionally `=` and a value.

use crate::body::header;
use crate::body::header::text::{HeaderText, space_len, trim_start};
use crate::body::text::near;
use crate::body::werkzeug::Pieces;

/// One piece, as slices of the header.
pub(super) struct Piece<'h> {
    pub(super) key: &'h [u8],
    pub(super) section: bool,
    pub(super) encoding: Option<&'h [u8]>,
    pub(super) value: Option<&'h [u8]>,
}

/// The next piece, and the bytes behind it. None where no piece follows, which ends the header.
pub(super) fn piece<'h>(
    input: &'h [u8],
    text: HeaderText,
    pieces: Pieces,
    ahead: &mut Ahead,
) -> Option<(Piece<'h>, &'h [u8])> {
    let mut rest = trim_start(input.strip_prefix(b";")?, text);
    if pieces.sections
        && let Some(after) = rest.strip_prefix(b",")
    {
        rest = trim_start(after, text);
    }
    let (key, after) = match rest {
        [b'"', ..] => quoted(rest).or_else(|| key(rest, text))?,
        _ => key(rest, text)?,
    };
    let mut piece = Piece {
        key,
        section: false,
        encoding: None,
        value: None,
    };
    if let [b';', ..] = after {
        return Some((piece, after));
    }
    let mut rest = after;
    if pieces.sections
        && let [b'*', digits @ ..] = rest
    {
        let count = digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count > 0 {
            piece.section = true;
            rest = digits.get(count..).unwrap_or_default();
        }
    }
    rest = trim_start(rest, text);
    if let Some((encoding, after)) = equals(rest, text, pieces, ahead) {
        piece.encoding = encoding;
        rest = after;
        if let Some((value, after)) = quoted(rest).or_else(|| token(rest)) {
            piece.value = Some(value);
            rest = after;
        }
    }
    Some((piece, trim_start(rest, text)))
}

/// Reads `=`, or `*=` and optionally `charset'language'`. Returns the charset, and the bytes behind.
fn equals<'h>(
    input: &'h [u8],
    text: HeaderText,
    pieces: Pieces,
    ahead: &mut Ahead,
) -> Option<(Option<&'h [u8]>, &'h [u8])> {
    if let Some(after) = input.strip_prefix(b"=") {
        return Some((None, trim_start(after, text)));
    }
    let after = trim_start(input.strip_prefix(b"*")?, text).strip_prefix(b"=")?;
    let after = trim_start(after, text);
    match ahead.charset_and_language(after, text) {
        Some((charset, after)) => Some((Some(charset), after)),
        None => pieces.sections.then_some((None, after)),
    }
}

/// The places of the next quotes and white space ahead of a piece. werkzeug's expression for
/// `charset'language'` may reach over any number of pieces, so a piece has to look far ahead. Each search
/// begins where the last one ended, so that all pieces together take one pass over the header.
///
/// A place is the number of bytes from it to the end of the header, which pieces know: 0 is the end.
#[derive(Default)]
pub(super) struct Ahead {
    /// the next `'`, and the one behind it
    quotes: Option<[usize; 2]>,
    /// the next white space
    space: Option<usize>,
}

impl Ahead {
    /// Reads a charset and a language: two `'`, with at least one character in front of the first, and no
    /// white space in front of the second.
    fn charset_and_language<'h>(
        &mut self,
        input: &'h [u8],
        text: HeaderText,
    ) -> Option<(&'h [u8], &'h [u8])> {
        let [first, second] = self.quotes(input);
        if second == 0 || self.space(input, text) > second {
            return None;
        }
        let (charset, _) = input.split_at_checked(input.len().checked_sub(first)?)?;
        let (_, after) = input.split_at_checked(input.len().checked_sub(second)?)?;
        Some((charset, after.get(1..)?))
    }

    /// The places of the first two `'` behind the first character.
    fn quotes(&mut self, input: &[u8]) -> [usize; 2] {
        let behind = |left: usize| {
            let start = input.len().saturating_sub(left).saturating_add(1);
            let rest = input.get(start..).unwrap_or_default();
            near::find(b'\'', rest).map_or(0, |at| rest.len().saturating_sub(at))
        };
        let [first, second] = match self.quotes {
            Some([first, second]) if first < input.len() => [first, second],
            // The piece has passed the first quote: the second one is now the first.
            Some([_, second]) if second < input.len() => [second, behind(second)],
            _ => {
                let first = behind(input.len());
                [first, behind(first)]
            }
        };
        *self.quotes.insert([first, second])
    }

    /// The place of the first white space.
    fn space(&mut self, input: &[u8], text: HeaderText) -> usize {
        if let Some(known) = self.space
            && known <= input.len()
        {
            return known;
        }
        let (_, rest) = until_space(input, text, |_| false);
        *self.space.insert(rest.len())
    }
}

/// `"[^"\\]*(?:\\.[^"\\]*)*"`: another expression for the same strings as in later releases.
pub(super) fn quoted(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, quoted) = header::quoted(input).ok()?;
    Some((quoted, rest))
}

/// What stands in front of the first white space, or of the first byte that `ends` the text.
#[inline(always)]
pub(super) fn until_space(
    bytes: &[u8],
    text: HeaderText,
    ends: impl Fn(u8) -> bool,
) -> (&[u8], &[u8]) {
    let is_single = text != HeaderText::Utf8;
    let is_letter = |byte: u8| is_single && byte >= 0x80 && !matches!(byte, 0x85 | 0xa0);
    let mut rest = bytes;
    while let [byte, after @ ..] = rest
        && !ends(*byte)
        && (byte.is_ascii_graphic() || is_letter(*byte) || space_len(rest, text) == 0)
    {
        rest = after;
    }
    let len = bytes.len().saturating_sub(rest.len());
    (bytes.get(..len).unwrap_or(bytes), rest)
}

/// `[^\s;,=*]+`
#[inline(always)]
fn key(input: &[u8], text: HeaderText) -> Option<(&[u8], &[u8])> {
    let ends = |byte| matches!(byte, b';' | b',' | b'=' | b'*');
    let (key, rest) = until_space(input, text, ends);
    (!key.is_empty()).then_some((key, rest))
}

/// `[^;,]+`: white space at its end is a part of it.
fn token(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = input
        .iter()
        .take_while(|byte| !matches!(byte, b';' | b','))
        .count();
    (len > 0).then(|| input.split_at_checked(len))?
}

#[cfg(test)]
mod tests {
    use super::{Ahead, HeaderText, until_space};

    /// werkzeug's `(?P<encoding>[^\s]+?)'(?P<language>[^\s]*?)'`, from the start each time.
    fn naive(input: &[u8], text: HeaderText) -> Option<(&[u8], &[u8])> {
        let is_quote = |at: &usize| input[*at] == b'\'';
        let first = (1..input.len()).find(is_quote)?;
        let second = (first + 1..input.len()).find(is_quote)?;
        let has_space = until_space(input, text, |_| false).0.len() < second;
        (!has_space).then(|| (&input[..first], &input[second + 1..]))
    }

    #[test]
    fn one_pass_finds_what_many_find() {
        let mut state = 1_u32;
        let mut random = |n: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % n
        };
        const BYTES: &[&[u8]] = &[
            b"'",
            b"'",
            b"a",
            b"a",
            b";",
            b" ",
            "\u{2003}".as_bytes(),
            b"\xa0",
        ];
        let mut found = 0;
        for _ in 0..3_000 {
            let header: Vec<u8> = (0..random(30))
                .flat_map(|_| BYTES[random(8)].to_vec())
                .collect();
            for text in [HeaderText::Latin1, HeaderText::Utf8, HeaderText::Ascii] {
                let mut ahead = Ahead::default();
                let mut at = 0;
                while at <= header.len() {
                    let input = &header[at..];
                    let expected = naive(input, text);
                    assert_eq!(
                        ahead.charset_and_language(input, text),
                        expected,
                        "{input:?}"
                    );
                    found += usize::from(expected.is_some());
                    at += 1 + random(4);
                }
            }
        }
        assert!(found > 3_000, "{found}");
    }
}
