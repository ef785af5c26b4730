//! The headers of one part of a multipart body.
//!
//! They are read a line at a time, so that only one line is kept; the complete line is small
//! and nom reads it. As werkzeug's `sansio/multipart.py: MultipartDecoder._parse_headers` and
//! `formparser.py: get_part_charset`, before 2.0 `formparser.py: parse_multipart_headers`: a
//! space or tab in front continues a line, the first of several equal headers counts.

use memchr::memchr2;
use nom::bytes::complete::{tag, take_till};
use nom::{IResult, Parser};

use super::codec::Codec;
use super::header_text::{HeaderText, Text, is_same, trim};
use super::multipart::{PartCharset, PartRules};
use super::options::{self, HeaderRules, Lookup};
use super::transfer::TransferEncoding;
use super::utf8::Utf8Check;
use super::{Charset, Fields, NAME_MAX};
use crate::frappe::trouble::Trouble;

/// The longest Content-Disposition or Content-Type line of a part that is read, in bytes. Other
/// headers may be of any length.
pub(super) const LINE_MAX: usize = 4096;

/// What a part is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// a file: never an argument
    File,
    /// a field that nobody asks for, or one that had a value before
    Field,
    /// the value of this slot
    Wanted(usize),
}

/// The empty line that ends the headers, by its line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlankLine {
    CrLfCrLf,
    /// ended by LF
    Lf,
    /// ended by CR; an LF that comes next belongs to it
    Cr,
}

impl BlankLine {
    /// What of it stands in front of the data, as far as a delimiter is concerned.
    pub(super) const fn last_two(self) -> [u8; 2] {
        match self {
            Self::CrLfCrLf => *b"\r\n",
            Self::Lf => [0, b'\n'],
            Self::Cr => [0, b'\r'],
        }
    }
}

/// The headers of a part, as they arrive.
#[derive(Debug)]
pub(super) struct PartHeaders<'r> {
    rules: PartRules,
    header_rules: HeaderRules,
    /// the line that is being read, LINE_MAX bytes
    line: &'r mut [u8],
    /// bytes of the line; what exceeds LINE_MAX is only counted
    len: usize,
    /// the line has been continued
    folded: bool,
    /// the last four bytes seen, 0 for anything but line breaks
    last: [u8; 4],
    utf8: Utf8Check,
    found: Found,
}

/// What the lines so far have said.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    disposition: Option<Disposition>,
    charset: Option<FoundCharset>,
    transfer: Option<TransferEncoding>,
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug)]
enum Disposition {
    File,
    Field { wanted: Option<usize> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FoundCharset {
    Known(Charset),
    /// no codec of Python's: a `LookupError` as soon as there is something to decode
    Unknown,
    /// a parameter without a value: a `TypeError`
    Missing,
    /// the header cannot be read; nobody reads that of a file
    Failed(Trouble),
}

impl<'r> PartHeaders<'r> {
    /// `line` is LINE_MAX bytes.
    pub(super) fn new(rules: PartRules, header_rules: HeaderRules, line: &'r mut [u8]) -> Self {
        Self {
            rules,
            header_rules,
            line,
            len: 0,
            folded: false,
            last: [0; 4],
            utf8: Utf8Check::default(),
            found: Found::default(),
        }
    }

    /// The headers of the next part begin.
    pub(super) fn restart(&mut self) {
        self.len = 0;
        self.folded = false;
        // The delimiter's line break: only to readers of lines is what follows a line of its own.
        self.last = [0, 0, 0, if self.rules.by_lines { b'\n' } else { 0 }];
        self.utf8 = Utf8Check::default();
        self.found = Found::default();
    }

    /// Takes bytes up to the blank line. Gives how many it took.
    pub(super) fn feed(&mut self, bytes: &[u8], fields: &Fields<'_>) -> (usize, Option<BlankLine>) {
        let mut at = 0_usize;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let text = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            let (text, rest) = rest.split_at_checked(text).unwrap_or((rest, b""));
            self.text(text, fields);
            at = at.saturating_add(text.len());
            let Some(line_break) = rest.first() else {
                break;
            };
            at = at.saturating_add(1);
            self.see(*line_break);
            if let Some(blank_line) = self.blank_line() {
                self.end_of_line(fields);
                return (at, Some(blank_line));
            }
        }
        (at, None)
    }

    /// What is wrong with the charset of a field, as werkzeug finds out when its data has ended,
    /// and whether that is wrong without data, too.
    pub(super) fn charset_trouble(&self) -> Option<(Trouble, bool)> {
        match self.found.charset? {
            FoundCharset::Known(_) => None,
            FoundCharset::Unknown => Some((Trouble::HeaderCrash, false)),
            FoundCharset::Missing => Some((Trouble::HeaderCrash, true)),
            FoundCharset::Failed(trouble) => Some((trouble, true)),
        }
    }

    /// The headers are complete: starts the value if the part is wanted.
    pub(super) fn finish(
        &self,
        fields: &mut Fields<'_>,
    ) -> Result<(Part, Option<TransferEncoding>), Trouble> {
        if self.rules.headers_utf8 && !self.utf8.finish() {
            return Err(Trouble::PartHeaderNotUtf8);
        }
        if let Some(trouble) = self.found.trouble {
            return Err(trouble);
        }
        let disposition = self
            .found
            .disposition
            .ok_or(Trouble::PartWithoutDisposition)?;
        let part = match disposition {
            Disposition::File => Part::File,
            Disposition::Field { wanted } => self.field(wanted, fields),
        };
        Ok((part, self.found.transfer))
    }

    fn field(&self, wanted: Option<usize>, fields: &mut Fields<'_>) -> Part {
        let charset = match self.found.charset {
            None => Charset::Utf8,
            Some(FoundCharset::Known(charset)) => charset,
            Some(_) => Charset::Other,
        };
        let started = wanted.filter(|index| fields.start_first(*index, charset));
        started.map_or(Part::Field, Part::Wanted)
    }

    /// Bytes of a line.
    fn text(&mut self, text: &[u8], fields: &Fields<'_>) {
        let Some(first) = text.first() else {
            return;
        };
        self.utf8.feed(text);
        let mut text = text;
        if matches!(self.last, [.., b'\r' | b'\n']) {
            if matches!(first, b' ' | b'\t') && (self.len > 0 || !self.rules.by_lines) {
                self.fold();
                text = text.get(1..).unwrap_or_default();
            } else {
                self.end_of_line(fields);
            }
        }
        if self.len == 0 {
            // Python strips the line; so much white space need not be kept.
            text = text.trim_ascii_start();
        }
        self.push(text);
        self.see(0);
    }

    /// The line goes on behind a line break.
    fn fold(&mut self) {
        if self.rules.by_lines {
            if !self.folded {
                let kept = self.line.get(..self.len).unwrap_or_default();
                self.len = kept
                    .trim_ascii_end()
                    .len()
                    .max(usize::from(!kept.is_empty()));
            }
            self.folded = true;
            // `parse_options_header` makes commas of line breaks.
            self.push(b", ");
        } else {
            self.push(b" ");
        }
    }

    fn push(&mut self, text: &[u8]) {
        if let Some(free) = self.line.get_mut(self.len..) {
            for (to, from) in free.iter_mut().zip(text) {
                *to = *from;
            }
        }
        self.len = self.len.saturating_add(text.len());
    }

    /// Remembers line breaks, or with 0 that something else stood there.
    fn see(&mut self, byte: u8) {
        let [_, b, c, d] = self.last;
        self.last = [b, c, d, byte];
    }

    fn blank_line(&self) -> Option<BlankLine> {
        match (self.last, self.rules.by_lines) {
            ([b'\r', b'\n', b'\r', b'\n'], false) => Some(BlankLine::CrLfCrLf),
            ([.., b'\n', b'\n'], _) => Some(BlankLine::Lf),
            ([.., b'\r', b'\r'], _) | ([.., b'\n', b'\r'], true) => Some(BlankLine::Cr),
            _ => None,
        }
    }

    fn end_of_line(&mut self, fields: &Fields<'_>) {
        let kept = self.line.get(..self.len.min(LINE_MAX)).unwrap_or_default();
        let is_cut = self.len > LINE_MAX;
        self.len = 0;
        self.folded = false;
        let Ok((rest, name)) = name_in_front_of_colon(kept) else {
            return;
        };
        let colon: IResult<&[u8], &[u8]> = tag(":").parse(rest);
        if colon.is_err() && self.rules.by_lines {
            return;
        }
        let is_blank = trim(kept, HeaderText::Ascii).is_empty();
        if colon.is_err() && self.rules.colon_needed && !is_blank && !is_cut {
            self.found.trouble = self.found.trouble.or(Some(Trouble::PartHeaderNoColon));
            return;
        }
        let value = trim(colon.map_or(rest, |(value, _)| value), HeaderText::Utf8);
        let name = trim(name, HeaderText::Utf8);
        if self
            .found
            .take(name, value, self.rules, self.header_rules, fields)
            && is_cut
        {
            self.found.trouble = Some(Trouble::PartHeaderTooLong);
        }
    }
}

impl Found {
    /// Takes a header. Answers whether it was one that matters.
    fn take(
        &mut self,
        name: &[u8],
        value: &[u8],
        rules: PartRules,
        header_rules: HeaderRules,
        fields: &Fields<'_>,
    ) -> bool {
        let is = |known: &[u8]| is_same(name, known);
        let mut trouble = None;
        if is(b"content-disposition") && self.disposition.is_none() {
            match disposition(value, rules.empty_filename, header_rules, fields) {
                Ok(disposition) => self.disposition = Some(disposition),
                Err(error) => trouble = Some(error),
            }
        } else if is(b"content-type") && self.charset.is_none() {
            let charset = part_charset(value, rules.charsets, header_rules);
            self.charset = Some(charset.unwrap_or_else(FoundCharset::Failed));
        } else if rules.transfer_encodings
            && is(b"content-transfer-encoding")
            && self.transfer.is_none()
        {
            self.transfer = TransferEncoding::find(value);
        } else {
            return false;
        }
        self.trouble = self.trouble.or(trouble);
        true
    }
}

fn name_in_front_of_colon(line: &[u8]) -> IResult<&[u8], &[u8]> {
    take_till(|byte| byte == b':').parse(line)
}

fn disposition(
    value: &[u8],
    empty_filename: bool,
    rules: HeaderRules,
    fields: &Fields<'_>,
) -> Result<Disposition, Trouble> {
    let mut buffer = [0; NAME_MAX];
    let mut name = Text::new(&mut buffer);
    let text = HeaderText::Utf8;
    match options::parameter(value, text, rules, b"filename", &mut name) {
        Ok(Lookup::Found) if empty_filename || name.get() != Some(b"") => {
            return Ok(Disposition::File);
        }
        // There is one, whatever it is.
        Err(Trouble::CharsetUnknown) => return Ok(Disposition::File),
        Ok(_) => {}
        Err(trouble) => return Err(trouble),
    }
    name.clear();
    let wanted = match options::parameter(value, text, rules, b"name", &mut name)? {
        Lookup::Found => name.get().and_then(|name| fields.find(name)),
        Lookup::Absent | Lookup::Bare => None,
    };
    Ok(Disposition::Field { wanted })
}

fn part_charset(
    content_type: &[u8],
    charsets: PartCharset,
    rules: HeaderRules,
) -> Result<FoundCharset, Trouble> {
    let mut buffer = [0; 32];
    let mut name = Text::new(&mut buffer);
    let lookup = options::parameter(content_type, HeaderText::Utf8, rules, b"charset", &mut name)?;
    Ok(match (lookup, charsets) {
        (Lookup::Absent, _) => FoundCharset::Known(Charset::Utf8),
        (Lookup::Bare, _) => FoundCharset::Missing,
        (Lookup::Found, PartCharset::Any) => match name.get().and_then(Codec::find) {
            Some(codec) => FoundCharset::Known(codec.charset()),
            None => FoundCharset::Unknown,
        },
        (Lookup::Found, PartCharset::Safe) => FoundCharset::Known(safe_charset(name.get())),
    })
}

/// werkzeug 2.3 honours a short list of charsets; the rest is UTF-8.
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
