//! The headers of one part of a multipart body.
//!
//! They are read as by werkzeug's `sansio/multipart.py: MultipartDecoder._parse_headers` and
//! `formparser.py: get_part_charset`, before 2.0 by `formparser.py: parse_multipart_headers`. A line that
//! begins with a space or tab continues the line before it, and the first of several equal headers counts.
//!
//! # What is hard
//!
//! werkzeug waits until it has all headers of a part. It finds the blank line by a regular expression
//! (`\r\n\r\n|\r\r|\n\n`), joins folded lines by another, and decodes the rest. Here a chunk may end
//! anywhere, and bytes that have been passed are gone. Three kinds of line break may be mixed, and an LF
//! behind a CR is a part of the same line break or a line of its own, depending on the next bytes.
//!
//! # The idea
//!
//! A line is read in the chunk, without a copy. Only a line that the end of a chunk cuts, or that the next
//! line continues, is copied ([`Line`], 4 KiB). Only the next byte shows whether the next line continues it,
//! so a line at the end of a chunk is kept, too. An example in pieces, with what is kept:
//!
//! ```text
//! Content-Disposition: form-da    no end: kept
//! ta;\r\n                         kept, as the next byte may be a space
//! \x20name="cmd"\r\n\r              a space: the line goes on, and may go on again: kept
//! \nf                             CR LF CR LF: `cmd` is found, the headers have ended, `f` is data
//! ```
//!
//! `last` has the last four bytes, with 0 for each byte of text. The headers end where it ends in
//! CR LF CR LF, LF LF or CR CR. (CR LF LF ends in LF LF.) An LF directly behind CR CR would make a CR LF of
//! the second CR. Only the next byte shows it ([`BlankLine::Cr`]), so the scanner then drops an LF.
//!
//! The lines are checked for UTF-8 as they stream by, since one wrong byte makes werkzeug drop the form. Each
//! line is checked by itself, as werkzeug decodes line by line. Browsers send whole `Content-Disposition` and
//! `Content-Type` lines with CR LF; these are read in one go, by the same rules (`usual_line`, `whole_line`).

use super::found::{CharsetTrouble, Found, FoundCharset};
use super::legacy::{self, TransferEncoding};
use super::line::{LINE_MAX, Line};
use crate::body::Trouble;
use crate::body::header::disposition::Disposition;
use crate::body::page::LendPage;
use crate::body::text::near;
use crate::body::text::utf8::Utf8Check;
use crate::body::werkzeug::{HeaderRules, PartRules};
use crate::body::{Charset, Fields};

/// The kind of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// a file: never an argument
    File,
    /// a field that no variable asks for, or one that already has a value
    Field,
    /// the value of this slot
    Wanted(usize),
}

/// The empty line that ends the headers, by its line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlankLine {
    CrLfCrLf,
    /// it ends in LF
    Lf,
    /// it ends in CR; an LF directly behind belongs to it
    Cr,
}

impl BlankLine {
    /// The two bytes in front of the data, for the search of a delimiter.
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
    /// the part of the current line that is kept
    line: Line<'r>,
    /// the line has been continued
    folded: bool,
    /// the last four bytes seen, with 0 for each byte that is no line break
    last: [u8; 4],
    utf8: Utf8Check,
    found: Found,
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

    /// Begins the headers of the next part.
    pub(super) fn restart(&mut self) {
        self.line.set_len(0);
        self.folded = false;
        // If werkzeug reads lines, the delimiter's line break counts as the end of a line.
        self.last = [0, 0, 0, if self.rules.by_lines { b'\n' } else { 0 }];
        self.utf8 = Utf8Check::STRICT;
        self.found = Found::default();
    }

    /// Takes bytes up to the blank line. Returns how many it took.
    pub(super) fn feed(&mut self, bytes: &[u8], fields: &Fields<'_>) -> (usize, Option<BlankLine>) {
        let usual = self.usual_line(bytes, fields).unwrap_or(0);
        let mut rest = bytes.get(usual..).unwrap_or_default();
        // The current line, if all of it lies in this chunk.
        let mut line: &[u8] = b"";
        while let Some((first, after)) = rest.split_first() {
            let len = match (first, after) {
                (b'\r' | b'\n', _) => 0,
                (_, [b'\r' | b'\n', ..]) => 1,
                _ => near::find2(b'\r', b'\n', rest).unwrap_or(rest.len()),
            };
            let (text, behind) = rest.split_at_checked(len).unwrap_or((rest, b""));
            if line.is_empty()
                && !may_go_on(*first)
                && let Some(after) = self.whole_line(text, behind, fields)
            {
                rest = after;
                continue;
            }
            line = self.text(line, text, fields);
            let Some((line_break, after)) = behind.split_first() else {
                break;
            };
            rest = after;
            self.see(*line_break);
            self.utf8.cut();
            if text.is_empty() {
                if let Some(blank_line) = self.blank_line() {
                    self.end_of_line(line, fields);
                    return (bytes.len().saturating_sub(rest.len()), Some(blank_line));
                }
            } else if let (b'\r', [b'\n', after @ ..]) = (line_break, after) {
                // A CR LF directly behind text is no blank line.
                rest = after;
                self.see(b'\n');
            }
            if rest.first().is_some_and(|byte| !may_go_on(*byte)) {
                self.end_of_line(core::mem::take(&mut line), fields);
            }
        }
        self.line.push(line);
        (bytes.len(), None)
    }

    /// The error in the charset of a field, which werkzeug raises when the data has ended.
    pub(super) fn charset_trouble(&self) -> Option<CharsetTrouble> {
        match self.found.charset? {
            FoundCharset::Known(_) => None,
            FoundCharset::Failed(trouble) => Some(trouble),
        }
    }

    /// Ends the headers, and starts the value if the part is wanted.
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
        Ok((part, self.found.transfer.flatten()))
    }

    fn field(&self, wanted: Option<usize>, fields: &mut Fields<'_>) -> Part {
        let charset = match self.found.charset {
            None => Charset::Utf8,
            Some(FoundCharset::Known(charset)) => charset,
            Some(FoundCharset::Failed(_)) => Charset::Other,
        };
        let started = wanted.filter(|index| fields.start_first(*index, charset));
        started.map_or(Part::Field, Part::Wanted)
    }

    /// Reads a line of Content-Disposition as clients usually write it. Returns the bytes taken.
    pub(super) fn usual_line(&mut self, bytes: &[u8], fields: &Fields<'_>) -> Option<usize> {
        if self.line.len() > 0 || self.found.disposition.is_some() {
            return None;
        }
        let line = bytes.strip_prefix(b"Content-Disposition: ")?;
        let empty_filename = self.rules.empty_filename;
        let (disposition, after) = Disposition::read_plain(line, empty_filename, fields)?;
        let after = after.strip_prefix(b"\r\n")?;
        if matches!(after, [] | [b' ' | b'\t', ..]) {
            // The next line may continue this one.
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

    /// Reads text that is a whole line: it does not continue a line, and the next line does not continue it.
    /// Returns the bytes behind the line break.
    #[inline]
    pub(super) fn whole_line<'c>(
        &mut self,
        text: &[u8],
        behind: &'c [u8],
        fields: &Fields<'_>,
    ) -> Option<&'c [u8]> {
        let after = match behind {
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
            [] => return None,
        };
        if self.line.len() > 0 || may_go_on(*after.first()?) {
            return None;
        }
        if !text.is_ascii() || self.utf8.is_cut() {
            self.utf8.feed_more(text);
            self.utf8.cut();
        }
        if !self.is_short(text) {
            self.end_of_line(text.trim_ascii_start(), fields);
        }
        self.last = [0, 0, 0, b'\n'];
        Some(after)
    }

    /// Takes text up to a line break. `line` is the part of the same line in this chunk that has not been
    /// kept. Returns that part after this text.
    fn text<'c>(&mut self, line: &'c [u8], text: &'c [u8], fields: &Fields<'_>) -> &'c [u8] {
        let Some(first) = text.first() else {
            return line;
        };
        let mut line = line;
        let mut text = text;
        if let [.., before, b'\r' | b'\n'] = self.last {
            let is_first = || line.is_empty() && self.line.len() == 0;
            // An empty line ends the line in front of it, also if a line that begins with a space follows.
            let is_behind_empty = before == b'\n' && self.last[3] == b'\r';
            if matches!(first, b' ' | b'\t')
                && !is_behind_empty
                && !(self.rules.by_lines && is_first())
            {
                self.line.push(line);
                line = b"";
                self.fold();
                text = text.get(1..).unwrap_or_default();
            } else {
                self.end_of_line(line, fields);
                line = b"";
            }
        }
        self.last = [0; 4];
        if text.is_empty() {
            return line;
        }
        if !text.is_ascii() || self.utf8.is_cut() {
            self.utf8.feed_more(text);
        }
        if self.line.len() == 0 {
            // werkzeug strips the line, so white space at its beginning need not be kept.
            return text.trim_ascii_start();
        }
        self.line.push(text);
        b""
    }

    /// Joins the current line with the next one, which continues it.
    fn fold(&mut self) {
        if self.rules.by_lines {
            legacy::fold(&mut self.line, core::mem::replace(&mut self.folded, true));
        } else {
            self.line.push_byte(b' ');
        }
    }

    /// Remembers a line break.
    fn see(&mut self, byte: u8) {
        // Shifts all four bytes at once.
        let last = u32::from_be_bytes(self.last) << 8 | u32::from(byte);
        self.last = last.to_be_bytes();
    }

    fn blank_line(&self) -> Option<BlankLine> {
        match (self.last, self.rules.by_lines) {
            ([b'\r', b'\n', b'\r', b'\n'], false) => Some(BlankLine::CrLfCrLf),
            ([.., b'\n', b'\n'], _) => Some(BlankLine::Lf),
            ([.., b'\r', b'\r'], _) | ([.., b'\n', b'\r'], true) => Some(BlankLine::Cr),
            _ => None,
        }
    }

    /// Takes a complete line: the bytes that were kept of it, or `line` if none were.
    fn end_of_line(&mut self, line: &[u8], fields: &Fields<'_>) {
        let (line, is_cut) = match self.line.len() {
            0 => (line.get(..LINE_MAX).unwrap_or(line), line.len() > LINE_MAX),
            len => (self.line.get(), len > LINE_MAX),
        };
        if !is_cut && self.is_short(line) {
            self.line.set_len(0);
            self.folded = false;
            return;
        }
        let trouble = self.found.trouble;
        let matters = self
            .found
            .take_line(line, is_cut, self.rules, self.header_rules, fields);
        // A header line that does not fit counts as absent, unless it is one that matters.
        if is_cut && (matters || line.is_empty()) {
            self.found.trouble = trouble.or(Some(Trouble::PartHeaderTooLong));
        }
        self.line.set_len(0);
        self.folded = false;
    }

    /// Whether the line is too short for any header that matters, and has a colon where it needs one, or is not
    /// the first without.
    pub(super) fn is_short(&self, line: &[u8]) -> bool {
        let is_given_up = self.found.trouble == Some(Trouble::PartHeaderNoColon);
        let has_colon = || line.is_empty() || line.contains(&b':');
        line.len() < b"Content-Type:".len()
            && (!self.rules.colon_needed || is_given_up || has_colon())
    }
}

/// Whether a next line that begins with this byte may continue the line, or may be a blank line.
fn may_go_on(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
