//! The Content-Disposition of a part: it says whether the part is a file, and if not, which field.

use super::text::HeaderText;
use super::{Lookup, Wanted};
use crate::body::Trouble;
use crate::body::werkzeug::HeaderRules;
use crate::body::{Fields, NAME_MAX};

/// What a part is by its Content-Disposition.
#[derive(Clone, Copy, Debug)]
pub(in crate::body) enum Disposition {
    File,
    Field {
        /// the index of the field's name, if a variable asks for it
        wanted: Option<usize>,
    },
}

impl Disposition {
    /// Reads a value in the form that all releases read alike. Also returns the bytes behind it.
    /// `empty_filename`: `filename=""` makes a part a file, too.
    pub(in crate::body) fn read_plain<'v>(
        value: &'v [u8],
        empty_filename: bool,
        fields: &Fields<'_>,
    ) -> Option<(Self, &'v [u8])> {
        let (name, after_name) = plain(value.strip_prefix(b"form-data; name=\"")?)?;
        let (is_file, after) = match after_name.strip_prefix(b"; filename=\"") {
            Some(filename) => {
                let (filename, after) = plain(filename)?;
                (empty_filename || !filename.is_empty(), after)
            }
            None => (false, after_name),
        };
        let disposition = match is_file {
            true => Self::File,
            false => Self::Field {
                wanted: fields.find(name),
            },
        };
        Some((disposition, after))
    }

    /// Reads the header's value.
    pub(in crate::body) fn read(
        value: &[u8],
        empty_filename: bool,
        rules: HeaderRules,
        fields: &Fields<'_>,
    ) -> Result<Self, Trouble> {
        if let Some((plain, [])) = Self::read_plain(value, empty_filename, fields) {
            return Ok(plain);
        }
        let (mut filename, mut name) = ([0; NAME_MAX], [0; NAME_MAX]);
        let mut wanted = [
            Wanted::new(b"filename", &mut filename),
            Wanted::new(b"name", &mut name),
        ];
        super::parameters(value, HeaderText::Utf8, rules, &mut wanted)?;
        let [filename, name] = wanted;
        match (filename.found, filename.text.get()) {
            (Lookup::Found, Some(b"")) if !empty_filename => {}
            // The part has a filename; its text does not matter.
            (Lookup::Found | Lookup::Unknown, _) => return Ok(Self::File),
            (Lookup::Absent | Lookup::Bare, _) => {}
        }
        let wanted = match name.found {
            Lookup::Found => name.text.get().and_then(|name| fields.find(name)),
            Lookup::Absent | Lookup::Bare => None,
            Lookup::Unknown => return Err(Trouble::CharsetUnknown),
        };
        Ok(Self::Field { wanted })
    }
}

/// ASCII text without escapes up to a quote, and the bytes behind the quote.
fn plain(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'%');
    let end = text.iter().position(|byte| !is_plain(byte))?;
    let (text, rest) = text.split_at_checked(end)?;
    Some((text, rest.strip_prefix(b"\"")?))
}

#[cfg(test)]
mod tests {
    use super::Disposition;
    use crate::body::testing::with_fields;

    /// What clients send is recognised before the header is parsed.
    #[test]
    fn plain() {
        for (value, expected) in [
            ("form-data; name=\"cmd\"\r\n", Some(("wanted", "\r\n"))),
            ("form-data; name=\"docs\"", Some(("other", ""))),
            (
                "form-data; name=\"cmd\"; filename=\"\"\r",
                Some(("file", "\r")),
            ),
            (
                "form-data; name=\"cmd\"; filename=\"a.pdf\"; x",
                Some(("file", "; x")),
            ),
            ("form-data; name=\"c%6dd\"", None),
            ("form-data; name=\"c\\md\"", None),
            ("form-data; name=\"c\u{e9}\"", None),
            ("form-data; name=\"cmd", None),
            ("form-data; name=cmd", None),
        ] {
            let found = with_fields(&[], |fields, _| {
                let (plain, rest) = Disposition::read_plain(value.as_bytes(), true, fields)?;
                let kind = match plain {
                    Disposition::File => "file",
                    Disposition::Field { wanted: None } => "other",
                    Disposition::Field { wanted: Some(_) } => "wanted",
                };
                Some((kind, std::str::from_utf8(rest).unwrap()))
            });
            assert_eq!(found, expected, "{value:?}");
        }
    }
}
