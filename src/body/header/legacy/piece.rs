//! One piece of a header: `;`, a key, and optionally `=` and a value.

use crate::body::header;
use crate::body::header::text::{HeaderText, space_len, trim_start};
use crate::body::werkzeug::Pieces;

/// What follows the key of a piece, as slices of the header.
pub(super) struct Piece<'h> {
    pub(super) section: bool,
    pub(super) encoding: Option<&'h [u8]>,
    pub(super) value: Option<Value<'h>>,
}

#[derive(Clone, Copy)]
pub(super) struct Value<'h> {
    pub(super) text: &'h [u8],
    /// it is a quoted string, with its quotes
    pub(super) is_quoted: bool,
}

impl<'h> Value<'h> {
    /// The text without quotes.
    pub(super) fn unquoted(self) -> &'h [u8] {
        match self.text {
            [_, inside @ .., _] if self.is_quoted => inside,
            text => text,
        }
    }
}

/// The key of the next piece, and the bytes behind it. None where no piece follows, which ends the header.
#[inline(always)]
pub(super) fn key(input: &[u8], text: HeaderText, pieces: Pieces) -> Option<(&[u8], &[u8])> {
    let mut rest = trim_start(input.strip_prefix(b";")?, text);
    if pieces.sections
        && let Some(after) = rest.strip_prefix(b",")
    {
        rest = trim_start(after, text);
    }
    match rest {
        [b'"', ..] => quoted(rest).or_else(|| plain_key(rest, text)),
        _ => plain_key(rest, text),
    }
}

/// The rest of a piece behind its key, and the bytes behind it.
#[inline(always)]
pub(super) fn behind_key<'h>(
    input: &'h [u8],
    text: HeaderText,
    pieces: Pieces,
    ahead: &mut Ahead,
) -> (Piece<'h>, &'h [u8]) {
    let mut piece = Piece {
        section: false,
        encoding: None,
        value: None,
    };
    if let [b';', ..] = input {
        return (piece, input);
    }
    let mut rest = input;
    if pieces.sections
        && let [b'*', digits @ ..] = rest
        && let [b'0'..=b'9', ..] = digits
    {
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        let count = digits.iter().take_while(is_digit).count();
        piece.section = true;
        rest = digits.get(count..).unwrap_or_default();
    }
    rest = trim_start(rest, text);
    if let Some((encoding, after)) = equals(rest, text, pieces, ahead) {
        piece.encoding = encoding;
        rest = after;
        if let Some((value, after)) = value(rest) {
            piece.value = Some(value);
            rest = after;
        }
    }
    (piece, trim_start(rest, text))
}

fn value(input: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let quoted = match input {
        [b'"', ..] => quoted(input),
        _ => None,
    };
    let is_quoted = quoted.is_some();
    let (text, rest) = quoted.or_else(|| token(input))?;
    Some((Value { text, is_quoted }, rest))
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

/// Where a search for a charset has found none. werkzeug's expression for `charset'language'` may reach over
/// any number of pieces, and each of them would search the same bytes again.
#[derive(Default)]
pub(super) struct Ahead {
    /// how many bytes there were behind the last search that failed: none that starts in front of them finds
    /// anything, either
    failed: Option<usize>,
}

impl Ahead {
    /// `([^\s]+?)'[^\s]*?'`, at text that does not begin with white space. Returns the charset, and the bytes
    /// behind.
    fn charset_and_language<'h>(
        &mut self,
        input: &'h [u8],
        text: HeaderText,
    ) -> Option<(&'h [u8], &'h [u8])> {
        if self.failed.is_some_and(|failed| failed <= input.len()) {
            return None;
        }
        let mut rest = until_quote(input.get(1..)?, text);
        let charset = input.len().saturating_sub(rest.len());
        if let [b'\'', language @ ..] = rest {
            rest = until_quote(language, text);
            if let [b'\'', after @ ..] = rest {
                return Some((input.get(..charset)?, after));
            }
        }
        self.failed = Some(rest.len());
        None
    }
}

/// What follows `[^\s']*`.
#[inline(never)]
fn until_quote(input: &[u8], text: HeaderText) -> &[u8] {
    until_space(input, text, |byte| byte == b'\'').1
}

/// `"[^"\\]*(?:\\.[^"\\]*)*"`: another expression for the same strings as in later releases.
fn quoted(input: &[u8]) -> Option<(&[u8], &[u8])> {
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
fn plain_key(input: &[u8], text: HeaderText) -> Option<(&[u8], &[u8])> {
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
    use super::{Ahead, HeaderText, trim_start, until_space};

    /// werkzeug's `(?P<encoding>[^\s]+?)'(?P<language>[^\s]*?)'`, from the start each time.
    fn naive(input: &[u8], text: HeaderText) -> Option<(&[u8], &[u8])> {
        let is_quote = |at: &usize| input[*at] == b'\'';
        let first = (1..input.len()).find(is_quote)?;
        let second = (first + 1..input.len()).find(is_quote)?;
        let has_space = until_space(input, text, |_| false).0.len() < second;
        (!has_space).then(|| (&input[..first], &input[second + 1..]))
    }

    #[test]
    fn a_search_finds_what_it_would_alone() {
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
                    let input = trim_start(&header[at..], text);
                    let expected = naive(input, text);
                    assert_eq!(
                        ahead.charset_and_language(input, text),
                        expected,
                        "{input:?}"
                    );
                    found += usize::from(expected.is_some());
                    at = header.len() - input.len() + 1 + random(4);
                }
            }
        }
        assert!(found > 3_000, "{found}");
    }
}
