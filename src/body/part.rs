//! The headers of one part of a multipart body.
//!
//! They are read a line at a time, so that only one line is kept; the complete line is small
//! and nom reads it. As werkzeug's `sansio/multipart.py: MultipartDecoder._parse_headers` and
//! `formparser.py: MultiPartParser.get_part_charset`: a line break and a space or tab behind it
//! continue a line, the first of several equal headers counts, every line must be UTF-8.

use memchr::memchr2;
use nom::bytes::complete::{tag, take_till};
use nom::{IResult, Parser};

use super::options::{self, HeaderText, Text};
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
    LfLf,
    CrCr,
}

impl BlankLine {
    /// What of it stands in front of the data, as far as a delimiter is concerned.
    pub(super) const fn last_two(self) -> [u8; 2] {
        match self {
            Self::CrLfCrLf => *b"\r\n",
            Self::LfLf => [0, b'\n'],
            Self::CrCr => [0, b'\r'],
        }
    }
}

/// The headers of a part, as they arrive.
#[derive(Debug)]
pub(super) struct PartHeaders<'r> {
    /// the line that is being read, LINE_MAX bytes
    line: &'r mut [u8],
    /// bytes of the line; what exceeds LINE_MAX is only counted
    len: usize,
    /// the last four bytes seen
    last: [u8; 4],
    utf8: Utf8Check,
    disposition: Option<Disposition>,
    charset: Option<Charset>,
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug)]
enum Disposition {
    File,
    Field { wanted: Option<usize> },
}

impl<'r> PartHeaders<'r> {
    /// `line` is LINE_MAX bytes.
    pub(super) fn new(line: &'r mut [u8]) -> Self {
        Self {
            line,
            len: 0,
            last: [0; 4],
            utf8: Utf8Check::default(),
            disposition: None,
            charset: None,
            trouble: None,
        }
    }

    /// The headers of the next part begin.
    pub(super) fn restart(&mut self) {
        self.len = 0;
        self.last = [0; 4];
        self.utf8 = Utf8Check::default();
        self.disposition = None;
        self.charset = None;
        self.trouble = None;
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

    /// The headers are complete: starts the value if the part is wanted.
    pub(super) fn finish(&self, fields: &mut Fields<'_>) -> Result<Part, Trouble> {
        if !self.utf8.finish() {
            return Err(Trouble::PartHeaderNotUtf8);
        }
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        match self.disposition.ok_or(Trouble::PartWithoutDisposition)? {
            Disposition::File => Ok(Part::File),
            Disposition::Field { wanted } => {
                let charset = self.charset.unwrap_or_default();
                let started = wanted.filter(|index| fields.start_first(*index, charset));
                Ok(started.map_or(Part::Field, Part::Wanted))
            }
        }
    }

    /// Bytes of a line.
    fn text(&mut self, text: &[u8], fields: &Fields<'_>) {
        let Some(first) = text.first() else {
            return;
        };
        self.utf8.feed(text);
        let mut text = text;
        if matches!(self.last, [.., b'\r' | b'\n']) {
            if matches!(first, b' ' | b'\t') {
                self.push(b" ");
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

    fn push(&mut self, text: &[u8]) {
        let end = self.len.saturating_add(text.len());
        if let Some(free) = self.line.get_mut(self.len..)
            && !free.is_empty()
        {
            for (to, from) in free.iter_mut().zip(text) {
                *to = *from;
            }
        }
        self.len = end;
    }

    /// Remembers line breaks, or with 0 that something else stood there.
    fn see(&mut self, byte: u8) {
        let [_, b, c, d] = self.last;
        self.last = [b, c, d, byte];
    }

    fn blank_line(&self) -> Option<BlankLine> {
        match self.last {
            [b'\r', b'\n', b'\r', b'\n'] => Some(BlankLine::CrLfCrLf),
            [.., b'\n', b'\n'] => Some(BlankLine::LfLf),
            [.., b'\r', b'\r'] => Some(BlankLine::CrCr),
            _ => None,
        }
    }

    fn end_of_line(&mut self, fields: &Fields<'_>) {
        let kept = self.line.get(..self.len.min(LINE_MAX)).unwrap_or_default();
        let is_cut = self.len > LINE_MAX;
        self.len = 0;
        let Ok((value, name)) = name_and_colon(kept) else {
            return;
        };
        let name = options::trim(name, HeaderText::Utf8);
        let value = options::trim(value, HeaderText::Utf8);
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        if is(b"content-disposition") && self.disposition.is_none() {
            self.disposition = Some(disposition(value, fields));
        } else if is(b"content-type") && self.charset.is_none() {
            self.charset = Some(part_charset(value));
        } else {
            return;
        }
        if is_cut {
            self.trouble = Some(Trouble::PartHeaderTooLong);
        }
    }
}

/// `Name:`; without a colon the name is all there is.
fn name_and_colon(line: &[u8]) -> IResult<&[u8], &[u8]> {
    let (rest, name) = take_till(|byte| byte == b':').parse(line)?;
    let colon: IResult<&[u8], &[u8]> = tag(":").parse(rest);
    Ok((colon.map_or(rest, |(value, _)| value), name))
}

fn disposition(value: &[u8], fields: &Fields<'_>) -> Disposition {
    let mut buffer = [0; NAME_MAX];
    let mut name = Text::new(&mut buffer);
    if options::parameter(value, HeaderText::Utf8, b"filename", &mut name) {
        return Disposition::File;
    }
    let wanted = match options::parameter(value, HeaderText::Utf8, b"name", &mut name) {
        true => name.get().and_then(|name| fields.find(name)),
        false => None,
    };
    Disposition::Field { wanted }
}

/// werkzeug honours a short list of charsets; the rest is UTF-8.
fn part_charset(content_type: &[u8]) -> Charset {
    let mut buffer = [0; 16];
    let mut charset = Text::new(&mut buffer);
    options::parameter(content_type, HeaderText::Utf8, b"charset", &mut charset);
    let is = |name: &[u8]| {
        charset
            .get()
            .is_some_and(|charset| charset.eq_ignore_ascii_case(name))
    };
    if is(b"ascii") || is(b"us-ascii") {
        Charset::Ascii
    } else if is(b"iso-8859-1") {
        Charset::Latin1
    } else {
        Charset::Utf8
    }
}
