//! How bytes become text.

/// How the bytes of a value become text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8; what is not UTF-8 becomes U+FFFD, as with Python's `errors="replace"`
    #[default]
    Utf8,
    /// UTF-8; a byte that is not UTF-8 becomes `%XX` again, as werkzeug's
    /// `errors="werkzeug.url_quote"` since 2.3
    Utf8Quoted,
    /// UTF-8; with anything else there is no text
    Utf8Strict,
    /// ASCII; every other byte becomes U+FFFD
    Ascii,
    /// ISO 8859-1
    Latin1,
    /// Windows-1252; a byte that is no character becomes U+FFFD
    Cp1252,
    /// a charset that this module cannot decode, but in which ASCII bytes mean ASCII
    OtherAscii,
    /// a charset that this module cannot decode
    Other,
}

impl Charset {
    /// The character of a byte, in a charset with one byte for each character.
    pub(in crate::body) fn char(self, byte: u8) -> char {
        let char = match self {
            Self::Latin1 => Some(char::from(byte)),
            Self::Cp1252 => cp1252(byte),
            _ => byte.is_ascii().then(|| char::from(byte)),
        };
        char.unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

/// A character of Windows-1252; None for the five bytes that are no character.
pub(in crate::body) fn cp1252(byte: u8) -> Option<char> {
    const FROM_80: [char; 32] = [
        '\u{20ac}', '\0', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}',
        '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\0', '\u{17d}', '\0', '\0',
        '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}',
        '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\0', '\u{17e}', '\u{178}',
    ];
    match FROM_80.get(usize::from(byte.wrapping_sub(0x80))) {
        Some('\0') => None,
        Some(char) => Some(*char),
        None => Some(char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::cp1252;

    #[test]
    fn windows_1252() {
        let text: String = b"a\x80\x9f\xe9"
            .iter()
            .filter_map(|byte| cp1252(*byte))
            .collect();
        assert_eq!(text, "a\u{20ac}\u{178}\u{e9}");
        assert_eq!((0..=255).filter(|byte| cp1252(*byte).is_none()).count(), 5);
    }
}
