//! The headers of one part of a multipart body.
//!
//! As werkzeug's `sansio/multipart.py: MultipartDecoder._parse_headers` and `formparser.py:
//! get_part_charset`, before 2.0 `formparser.py: parse_multipart_headers`: a space or tab in front
//! continues a line, the first of several equal headers counts.
//!
//! # What is hard
//!
//! werkzeug waits until it has all headers of a part, looks for the blank line by a regular expression
//! (`\r\n\r\n|\r\r|\n\n`), joins folded lines by another and decodes the rest. Here a chunk may end
//! anywhere, and what has been passed is gone. Three kinds of line break may be
//! mixed, and an LF behind a CR is a part of it or a line of its own, depending on what follows.
//!
//! # The idea
//!
//! A line is read where it lies, in the chunk. A copy is made (4 KiB, [`Line`]) only of what a chunk's end
//! cuts and of what the next line continues. Whether it does is known from the next byte, so a line
//! that ends its chunk is kept, too. In pieces, with what is kept:
//!
//! ```text
//! Content-Disposition: form-da    no end: kept
//! ta;\r\n                         kept, as the next byte may be a space
//! \x20name="cmd"\r\n\r              a space: the line goes on, and may go on again: kept
//! \nf                             CR LF CR LF: `cmd` is found, the headers have ended, `f` is data
//! ```
//!
//! `last` has the last four bytes of line breaks, 0 for a byte of text. The blank line is there when its
//! end is CR LF CR LF, LF LF or CR CR. In CR LF LF it is LF LF. An LF right behind CR CR would make CR LF
//! of the second CR; only the data can tell ([`BlankLine::Cr`]), so the scanner drops an LF that comes
//! next.
//!
//! UTF-8 is checked as it streams by, since one byte that is none drops the form: each line by itself, as
//! werkzeug decodes line by line. What browsers send, one whole `Content-Disposition` or `Content-Type`
//! line with CR LF, is read in one go (`usual_line`, `whole_line`) by the same rules.

use super::found::{Found, FoundCharset};
use super::legacy::{self, TransferEncoding};
use super::line::{LINE_MAX, Line};
use crate::body::Trouble;
use crate::body::header::disposition::Disposition;
use crate::body::page::LendPage;
use crate::body::text::near;
use crate::body::text::utf8::Utf8Check;
use crate::body::werkzeug::{HeaderRules, PartRules};
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
        let usual = self.usual_line(bytes, fields).unwrap_or(0);
        let mut rest = bytes.get(usual..).unwrap_or_default();
        // The line that is being read, if all of it lies in here.
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
                // Behind text no blank line ends here.
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

    /// Text that is a line of its own, since neither it nor the next one goes on. Gives what follows the
    /// line break.
    #[inline]
    fn whole_line<'c>(
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

    /// Text up to a line break. `line` is what lies in front of it in this chunk and has not been
    /// kept; gives what then lies there.
    fn text<'c>(&mut self, line: &'c [u8], text: &'c [u8], fields: &Fields<'_>) -> &'c [u8] {
        let Some(first) = text.first() else {
            return line;
        };
        let mut line = line;
        let mut text = text;
        if let [.., before, b'\r' | b'\n'] = self.last {
            let is_first = || line.is_empty() && self.line.len() == 0;
            // An empty line ends the one in front of it, also where it goes on itself.
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
            // Python strips the line; so much white space need not be kept.
            return text.trim_ascii_start();
        }
        self.line.push(text);
        b""
    }

    /// The line goes on behind a line break.
    fn fold(&mut self) {
        if self.rules.by_lines {
            legacy::fold(&mut self.line, core::mem::replace(&mut self.folded, true));
        } else {
            self.line.push_byte(b' ');
        }
    }

    /// Remembers a line break.
    fn see(&mut self, byte: u8) {
        // A shift of all four, in one go.
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

    /// Judges a line: what was kept of it, or `line` where nothing was.
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

    /// The line is too short for any header that matters, and has a colon where it needs one.
    fn is_short(&self, line: &[u8]) -> bool {
        let has_colon = || line.is_empty() || line.contains(&b':');
        line.len() < b"Content-Type:".len()
            && (!self.rules.colon_needed || self.found.is_given_up() || has_colon())
    }
}

/// A line goes on, or a blank one may follow, where the next one begins with this.
fn may_go_on(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
