//! The meaning of a part's header lines, and which of them matter.

use nom::bytes::complete::take_till;
use nom::character::complete::char;
use nom::sequence::terminated;
use nom::{IResult, Parser};

use super::legacy::TransferEncoding;
use super::line::LINE_MAX;
use crate::body::Trouble;
use crate::body::header::disposition::Disposition;
use crate::body::header::legacy::codec::Codec;
use crate::body::header::text::{HeaderText, is_same, trim};
use crate::body::header::{self, Lookup, Wanted};
use crate::body::werkzeug::{HeaderRules, PartCharset, PartRules};
use crate::body::{Charset, Fields};

/// The facts that the lines so far have given.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    pub(super) disposition: Option<Disposition>,
    pub(super) charset: Option<FoundCharset>,
    /// what the first Content-Transfer-Encoding asks for, if it is decoded
    pub(super) transfer: Option<Option<TransferEncoding>>,
    pub(super) trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoundCharset {
    Known(Charset),
    /// an error, which werkzeug raises only where it decodes the part, so not for a file
    Failed(CharsetTrouble),
}

/// An error in a part's charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CharsetTrouble {
    pub(super) trouble: Trouble,
    /// whether werkzeug raises it without data, too
    pub(super) without_data: bool,
}

impl FoundCharset {
    const fn failed(trouble: Trouble, without_data: bool) -> Self {
        Self::Failed(CharsetTrouble {
            trouble,
            without_data,
        })
    }
}

impl Found {
    /// Takes a line. Returns whether it matters.
    pub(super) fn take_line(
        &mut self,
        line: &[u8],
        is_cut: bool,
        rules: PartRules,
        header_rules: HeaderRules,
        fields: &Fields<'_>,
    ) -> bool {
        let (name, value) = match field_name(line) {
            Ok((value, name)) => (name, value),
            Err(_) if rules.by_lines => return false,
            Err(_) if rules.colon_needed && !is_cut => {
                if !trim(line, HeaderText::Ascii).is_empty() {
                    // werkzeug splits all lines before it reads any.
                    self.trouble = Some(Trouble::PartHeaderNoColon);
                }
                return false;
            }
            Err(_) => (line, &[][..]),
        };
        let text = header_rules.text(HeaderText::Utf8);
        let value = trim(value, text);
        let name = trim(name, text);
        self.take(name, value, rules, header_rules, fields)
    }

    /// Takes a header. Returns whether it matters.
    fn take(
        &mut self,
        name: &[u8],
        value: &[u8],
        rules: PartRules,
        header_rules: HeaderRules,
        fields: &Fields<'_>,
    ) -> bool {
        // The names are written in their usual case, which `is_same` compares first.
        let is = |known: &[u8]| is_same(name, known);
        let mut trouble = None;
        if is(b"Content-Disposition") && self.disposition.is_none() {
            match Disposition::read(value, rules.empty_filename, header_rules, fields) {
                Ok(disposition) => self.disposition = Some(disposition),
                Err(error) => trouble = Some(error),
            }
        } else if is(b"Content-Type") && self.charset.is_none() {
            let charset = part_charset(value, rules.charsets, header_rules);
            let failed = |trouble| FoundCharset::failed(trouble, true);
            self.charset = Some(charset.unwrap_or_else(failed));
        } else if rules.transfer_encodings
            && is(b"Content-Transfer-Encoding")
            && self.transfer.is_none()
        {
            self.transfer = Some(TransferEncoding::find(value));
        } else {
            return false;
        }
        self.trouble = self.trouble.or(trouble);
        true
    }
}

/// `field-name ":"`, by RFC 9112. What is left is the value. werkzeug splits at the first colon.
fn field_name(line: &[u8]) -> IResult<&[u8], &[u8]> {
    terminated(take_till(|byte| byte == b':'), char(':')).parse(line)
}

/// Most headers with a charset are shorter.
const SHORT: usize = 64;

fn part_charset(
    content_type: &[u8],
    charsets: PartCharset,
    rules: HeaderRules,
) -> Result<FoundCharset, Trouble> {
    let (mut short, mut long);
    let buffer = match charsets {
        // All of the name counts: a NUL in it is an error, and to Python a gap of any length is one character.
        PartCharset::Any if content_type.len() > SHORT => {
            long = [0; LINE_MAX];
            &mut long[..]
        }
        // To clear more costs as much as to read a small part.
        _ => {
            short = [0; SHORT];
            &mut short[..]
        }
    };
    let mut wanted = [Wanted::new(b"charset", buffer)];
    header::parameters(content_type, HeaderText::Utf8, rules, &mut wanted)?;
    let [charset] = wanted;
    let name = charset.text.get();
    let failed = |trouble| FoundCharset::failed(trouble, true);
    let failed_with_data = |trouble| FoundCharset::failed(trouble, false);
    Ok(match (charset.found, charsets) {
        (Lookup::Absent, _) => FoundCharset::Known(Charset::Utf8),
        // A TypeError of Python.
        (Lookup::Bare, _) => failed(Trouble::HeaderCrash),
        (Lookup::Unknown, _) => failed(Trouble::CharsetUnknown),
        (Lookup::Found, PartCharset::Safe) => FoundCharset::Known(safe_charset(name)),
        (Lookup::Found, PartCharset::Any) => match name.map(Codec::find) {
            // A ValueError, as for text that does not fit its charset.
            Some(Err(trouble @ Trouble::HeaderNotText)) => failed(trouble),
            Some(Ok(Codec::StrictOnly)) => failed_with_data(Trouble::HeaderNotText),
            Some(Ok(codec)) => FoundCharset::Known(codec.charset()),
            // A LookupError.
            Some(Err(_)) | None => failed_with_data(Trouble::HeaderCrash),
        },
    })
}

/// From 2.3 on werkzeug uses a short list of charsets; a field in any other is read as UTF-8.
fn safe_charset(name: Option<&[u8]>) -> Charset {
    let is = |known: &[u8]| name.is_some_and(|name| is_same(name, known));
    if is(b"ascii") || is(b"us-ascii") {
        Charset::Ascii
    } else if is(b"iso-8859-1") {
        Charset::Latin1
    } else {
        Charset::Utf8
    }
}
