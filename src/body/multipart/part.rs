//! The headers of one part of a multipart body.
//!
//! They are read a line at a time, where it lies; what a chunk's end cuts or the next line
//! continues is kept. As werkzeug's `sansio/multipart.py: MultipartDecoder._parse_headers` and
//! `formparser.py: get_part_charset`, before 2.0 `formparser.py: parse_multipart_headers`: a
//! space or tab in front continues a line, the first of several equal headers counts.

use memchr::memchr;

use super::line::{LINE_MAX, Line};
use super::transfer::TransferEncoding;
use crate::body::Trouble;
use crate::body::header::disposition::Disposition;
use crate::body::header::text::{HeaderText, is_same, trim};
use crate::body::header::{self, Lookup, Wanted};
use crate::body::page::LendPage;
use crate::body::text::charset::Codec;
use crate::body::text::near;
use crate::body::text::utf8::Utf8Check;
use crate::body::werkzeug::{HeaderRules, PartCharset, PartRules};
use crate::body::{Charset, Fields};

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
    /// what is kept of the line that is being read
    line: Line<'r>,
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
    pub(super) fn new(
        rules: PartRules,
        header_rules: HeaderRules,
        lender: &'r dyn LendPage<'r>,
    ) -> Self {
        Self {
            rules,
            header_rules,
            line: Line::new(lender),
            folded: false,
            last: [0; 4],
            utf8: Utf8Check::STRICT,
            found: Found::default(),
        }
    }

    /// The headers of the next part begin.
    pub(super) fn restart(&mut self) {
        self.line.set_len(0);
        self.folded = false;
        // The delimiter's line break: only to readers of lines is what follows a line of its own.
        self.last = [0, 0, 0, if self.rules.by_lines { b'\n' } else { 0 }];
        self.utf8 = Utf8Check::STRICT;
        self.found = Found::default();
    }

    /// Takes bytes up to the blank line. Gives how many it took.
    pub(super) fn feed(&mut self, bytes: &[u8], fields: &Fields<'_>) -> (usize, Option<BlankLine>) {
        let mut at = self.usual_line(bytes, fields).unwrap_or(0);
        // The line that is being read, if all of it lies in here.
        let mut line: &[u8] = b"";
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let text = match rest {
                [b'\r' | b'\n', ..] => 0,
                [_, b'\r' | b'\n', ..] => 1,
                _ => near::find2(b'\r', b'\n', rest).unwrap_or(rest.len()),
            };
            let (text, rest) = rest.split_at_checked(text).unwrap_or((rest, b""));
            line = self.text(line, text, fields);
            at = at.saturating_add(text.len());
            let Some(line_break) = rest.first() else {
                break;
            };
            at = at.saturating_add(1);
            self.see(*line_break);
            self.utf8.cut();
            if let ([_, ..], [b'\r', b'\n', ..]) = (text, rest) {
                // Behind text no blank line ends here.
                at = at.saturating_add(1);
                self.see(b'\n');
                continue;
            }
            if let Some(blank_line) = self.blank_line() {
                self.end_of_line(line, fields);
                return (at, Some(blank_line));
            }
        }
        self.line.push(line);
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

    /// A line of Content-Disposition as clients usually write it. Gives the bytes taken.
    fn usual_line(&mut self, bytes: &[u8], fields: &Fields<'_>) -> Option<usize> {
        if self.line.len() > 0 || self.found.disposition.is_some() {
            return None;
        }
        let line = bytes.strip_prefix(b"Content-Disposition: ")?;
        let empty_filename = self.rules.empty_filename;
        let (disposition, after) = Disposition::read_plain(line, empty_filename, fields)?;
        let after = after.strip_prefix(b"\r\n")?;
        if matches!(after, [] | [b' ' | b'\t', ..]) {
            // It may go on.
            return None;
        }
        let taken = bytes.len().saturating_sub(after.len());
        if taken > LINE_MAX {
            return None;
        }
        self.found.disposition = Some(disposition);
        self.last = [0, 0, b'\r', b'\n'];
        Some(taken)
    }

    /// Text up to a line break. `line` is what lies in front of it in this chunk and has not been
    /// kept; gives what then lies there.
    fn text<'c>(&mut self, line: &'c [u8], text: &'c [u8], fields: &Fields<'_>) -> &'c [u8] {
        let Some(first) = text.first() else {
            return line;
        };
        let mut line = line;
        let mut text = text;
        if matches!(self.last, [.., b'\r' | b'\n']) {
            let is_first = line.is_empty() && self.line.len() == 0;
            // An empty line ends the one in front of it, also where it goes on itself.
            let is_behind_empty = matches!(self.last, [.., b'\n', b'\r']);
            if matches!(first, b' ' | b'\t')
                && !(is_first && self.rules.by_lines)
                && !is_behind_empty
            {
                self.line.push(core::mem::take(&mut line));
                self.fold();
                text = text.get(1..).unwrap_or_default();
            } else {
                self.end_of_line(core::mem::take(&mut line), fields);
            }
        }
        if !text.is_ascii() || self.utf8.is_cut() {
            self.utf8.feed(text);
        }
        self.see(0);
        if self.line.len() == 0 {
            // Python strips the line; so much white space need not be kept.
            return text.trim_ascii_start();
        }
        self.line.push(text);
        b""
    }

    /// The line goes on behind a line break.
    fn fold(&mut self) {
        if self.rules.by_lines {
            if !self.folded && self.line.len() <= LINE_MAX {
                let kept = self.line.get();
                let len = kept.trim_ascii_end().len();
                self.line.set_len(len.max(usize::from(!kept.is_empty())));
            }
            self.folded = true;
            // `parse_options_header` makes commas of line breaks.
            self.line.push_byte(b',');
            self.line.push_byte(b' ');
        } else {
            self.line.push_byte(b' ');
        }
    }

    /// Remembers line breaks, or with 0 that something else stood there.
    fn see(&mut self, byte: u8) {
        // A shift of all four, in one go.
        let last = u32::from_be_bytes(self.last) << 8 | u32::from(byte);
        self.last = last.to_be_bytes();
    }

    fn blank_line(&self) -> Option<BlankLine> {
        match (self.last, self.rules.by_lines) {
            // As behind most lines.
            ([.., 0, _], _) => None,
            ([b'\r', b'\n', b'\r', b'\n'], false) => Some(BlankLine::CrLfCrLf),
            ([.., b'\n', b'\n'], _) => Some(BlankLine::Lf),
            ([.., b'\r', b'\r'], _) | ([.., b'\n', b'\r'], true) => Some(BlankLine::Cr),
            _ => None,
        }
    }

    /// Judges a line: what was kept of it, or `line` where nothing was.
    fn end_of_line(&mut self, line: &[u8], fields: &Fields<'_>) {
        let (line, is_cut) = match self.line.len() {
            0 => (line.get(..LINE_MAX).unwrap_or(line), line.len() > LINE_MAX),
            len => (self.line.get(), len > LINE_MAX),
        };
        if self.is_short(line) {
            self.line.set_len(0);
            self.folded = false;
            return;
        }
        let matters = self
            .found
            .take_line(line, is_cut, self.rules, self.header_rules, fields);
        // Of a line without room nothing is there.
        if is_cut && (matters || line.is_empty()) {
            self.found.trouble = Some(Trouble::PartHeaderTooLong);
        }
        self.line.set_len(0);
        self.folded = false;
    }
}

impl PartHeaders<'_> {
    /// The line is too short for any header that matters, and has a colon where it needs one.
    fn is_short(&self, line: &[u8]) -> bool {
        !line.is_empty()
            && line.len() < b"Content-Type:".len()
            && (!self.rules.colon_needed || self.found.trouble.is_some() || line.contains(&b':'))
    }
}

impl Found {
    /// Takes a line. Answers whether it was one that matters.
    fn take_line(
        &mut self,
        line: &[u8],
        is_cut: bool,
        rules: PartRules,
        header_rules: HeaderRules,
        fields: &Fields<'_>,
    ) -> bool {
        let colon = memchr(b':', line);
        if colon.is_none() && rules.by_lines {
            return false;
        }
        if colon.is_none() && rules.colon_needed && !is_cut {
            if !trim(line, HeaderText::Ascii).is_empty() {
                self.trouble = self.trouble.or(Some(Trouble::PartHeaderNoColon));
            }
            return false;
        }
        let (name, value) = line
            .split_at_checked(colon.unwrap_or(line.len()))
            .unwrap_or_default();
        let value = value.get(1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let value = trim(value, HeaderText::Utf8);
        let name = trim(name, HeaderText::Utf8);
        self.take(name, value, rules, header_rules, fields)
    }

    /// Takes a header. Answers whether it was one that matters.
    fn take(
        &mut self,
        name: &[u8],
        value: &[u8],
        rules: PartRules,
        header_rules: HeaderRules,
        fields: &Fields<'_>,
    ) -> bool {
        // Known by their usual case, which is compared first.
        let is = |known: &[u8]| is_same(name, known);
        let mut trouble = None;
        if is(b"Content-Disposition") && self.disposition.is_none() {
            match Disposition::read(value, rules.empty_filename, header_rules, fields) {
                Ok(disposition) => self.disposition = Some(disposition),
                Err(error) => trouble = Some(error),
            }
        } else if is(b"Content-Type") && self.charset.is_none() {
            let charset = part_charset(value, rules.charsets, header_rules);
            self.charset = Some(charset.unwrap_or_else(FoundCharset::Failed));
        } else if rules.transfer_encodings
            && is(b"Content-Transfer-Encoding")
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

fn part_charset(
    content_type: &[u8],
    charsets: PartCharset,
    rules: HeaderRules,
) -> Result<FoundCharset, Trouble> {
    let mut buffer = [0; 32];
    let mut wanted = [Wanted::new(b"charset", &mut buffer)];
    header::parameters(content_type, HeaderText::Utf8, rules, &mut wanted)?;
    let [charset] = wanted;
    let name = charset.text.get();
    Ok(match (charset.found, charsets) {
        (Lookup::Absent, _) => FoundCharset::Known(Charset::Utf8),
        (Lookup::Bare, _) => FoundCharset::Missing,
        (Lookup::Unknown, _) => FoundCharset::Failed(Trouble::CharsetUnknown),
        (Lookup::Found, PartCharset::Any) => match name.and_then(Codec::find) {
            Some(codec) => FoundCharset::Known(codec.charset()),
            None => FoundCharset::Unknown,
        },
        (Lookup::Found, PartCharset::Safe) => FoundCharset::Known(safe_charset(name)),
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
