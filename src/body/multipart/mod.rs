//! `multipart/form-data` bodies (RFC 7578), as werkzeug's `sansio/multipart.py: MultipartDecoder` and
//! `formparser.py: MultiPartParser` read them.
//!
//! | state | bytes belong to | leaves at |
//! | --- | --- | --- |
//! | `Preamble`, `FirstLine` | text in front of the first delimiter | a delimiter |
//! | `Headers` | the headers of a part, of which one line is kept at a time | a blank line |
//! | `Data` | a file, or a value that is not wanted | a delimiter |
//! | `Value` | a wanted value, pushed to its slot; the bytes of the delimiter are taken back | a delimiter |
//! | `Epilogue` | the bytes behind the closing delimiter, which are ignored | - |
//! | `Failed` | the rest of a form that Frappe drops or refuses, which is ignored | - |
//!
//! Before 2.0 werkzeug reads lines ([`PartRules::by_lines`]): the first line that is not blank must
//! be a delimiter (`FirstLine`), and the closing one must be alone on its line.
//!
//! No field counts until the closing delimiter has come: without it werkzeug drops all of them.

mod borders;
mod dashes;
mod delimiter;
mod found;
mod legacy;
mod line;
mod part;

pub use dashes::Skim;

use super::{End, Fields, Scratch};
use crate::body::Trouble;
use crate::body::Werkzeug;
use crate::body::header::content_type::{self, BOUNDARY_MAX};
use crate::body::text::copy;
use crate::body::werkzeug::PartRules;
use borders::Borders;
use delimiter::{Delimiter, Search};
use found::CharsetTrouble;
use legacy::Transfer;
use part::{BlankLine, Part, PartHeaders};

/// The scanner. State: 260 bytes and the caller's scratch.
#[derive(Debug)]
pub struct Multipart<'r> {
    state: State,
    search: Search<'r>,
    headers: PartHeaders<'r>,
    /// the last byte was a CR; if an LF follows, it belongs to the same line break
    skip_lf: bool,
    parts: u32,
    rules: PartRules,
    /// decodes the data of this part
    transfer: Option<Transfer>,
    /// bytes of this part, with the delimiter
    part_len: usize,
    /// an error that werkzeug raises when the part has ended
    at_end: Option<CharsetTrouble>,
    /// a part that is a field, not a file, has been seen
    any: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Preamble,
    FirstLine,
    Headers,
    Data,
    Value(usize),
    Epilogue,
    Failed(End),
}

impl<'r> Multipart<'r> {
    /// The most that [`Self::scratch_len`] returns.
    pub const SCRATCH_MAX: usize = 3 * (BOUNDARY_MAX + 2);

    /// How many [`Scratch::bytes`] are needed for this content type.
    pub fn scratch_len(content_type: &[u8]) -> usize {
        // Decoding makes only a boundary longer that is not ASCII, and such a boundary is not used.
        let needle = content_type.len().min(BOUNDARY_MAX).saturating_add(2);
        needle.saturating_add(Borders::len(needle))
    }

    /// A scanner that waits for the first byte. `Err` says what becomes of a body without a usable boundary.
    #[inline(never)]
    pub fn new(
        content_type: &[u8],
        werkzeug: &Werkzeug,
        Scratch { bytes, lender }: Scratch<'r>,
    ) -> Result<Self, End> {
        let rules = werkzeug.parts;
        let (dashes, boundary) = bytes
            .split_at_mut_checked(2)
            .ok_or(End::Unknown(Trouble::BoundaryTooLong))?;
        copy(dashes, b"--");
        let limit = boundary.len().min(BOUNDARY_MAX);
        let boundary = boundary.get_mut(..limit).unwrap_or_default();
        let len = content_type::boundary(content_type, werkzeug.headers, boundary)?;
        if rules.by_lines && !legacy::may_match(boundary.get(..len).unwrap_or_default()) {
            return Err(End::Dropped(Trouble::NoClosingDelimiter));
        }
        let (needle, rest) = bytes
            .split_at_mut_checked(len.saturating_add(2))
            .ok_or(End::Unknown(Trouble::BoundaryTooLong))?;
        let borders = rest
            .get_mut(..Borders::len(needle.len()))
            .ok_or(End::Unknown(Trouble::BoundaryTooLong))?;
        Ok(Self {
            state: if rules.by_lines {
                State::FirstLine
            } else {
                State::Preamble
            },
            search: Search::new(needle, borders, rules.by_lines),
            headers: PartHeaders::new(rules, werkzeug.headers, lender),
            skip_lf: false,
            parts: 0,
            rules,
            transfer: None,
            part_len: 0,
            at_end: None,
            any: false,
        })
    }

    /// Takes the next bytes.
    #[inline(never)]
    pub fn feed(&mut self, chunk: &[u8], fields: &mut Fields<'_>) {
        let mut rest = chunk;
        while let Some((first, after)) = rest.split_first() {
            if core::mem::take(&mut self.skip_lf) && *first == b'\n' {
                self.search.see(b"\n");
                rest = after;
                continue;
            }
            rest = match self.state {
                State::FirstLine => self.first_line(*first, after),
                State::Preamble => self.data(rest, None, fields),
                State::Data => self.data(rest, None, fields),
                State::Value(index) => self.data(rest, Some(index), fields),
                State::Headers => self.headers(rest, fields),
                State::Epilogue | State::Failed(_) => return,
            };
        }
    }

    /// Recognises next bytes that need not be fed, within data of which only the end matters.
    pub(super) fn skim(&self) -> Option<Skim> {
        // In other cases it matters whether there is data, or which bytes it has.
        let is_plain = self.at_end.is_none() && self.transfer.is_none();
        match self.state {
            State::Data if is_plain => self.search.skim(),
            _ => None,
        }
    }

    /// Whether the body has failed, so that the rest does not matter.
    pub(super) fn is_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    /// Whether the scanner is inside the value of this slot.
    pub(super) fn is_in_value(&self, slot: usize) -> bool {
        matches!(self.state, State::Value(index) if index == slot)
    }

    /// The result of the complete body.
    #[inline(never)]
    pub fn finish(&mut self, fields: &mut Fields<'_>) -> End {
        if self.search.is_at_end() {
            match self.state {
                State::Value(index) => self.end_of_data(Some(index), fields),
                State::Data => self.end_of_data(None, fields),
                _ => self.state = State::Epilogue,
            }
        }
        match self.state {
            State::Epilogue => End::Fields { any: self.any },
            State::Failed(end) => end,
            _ => End::Dropped(Trouble::NoClosingDelimiter),
        }
    }

    fn first_line<'c>(&mut self, byte: u8, after: &'c [u8]) -> &'c [u8] {
        match self.search.first_line(byte) {
            Ok(None) => {}
            Ok(Some(delimiter)) => self.delimiter(delimiter),
            Err(()) => self.state = State::Failed(End::Dropped(Trouble::NoFirstDelimiter)),
        }
        after
    }

    fn data<'c>(
        &mut self,
        rest: &'c [u8],
        wanted: Option<usize>,
        fields: &mut Fields<'_>,
    ) -> &'c [u8] {
        let (taken, delimiter) = self.search.feed(rest);
        let (bytes, after) = rest.split_at_checked(taken).unwrap_or((rest, b""));
        self.part_len = self.part_len.saturating_add(taken);
        if let Some(transfer) = &mut self.transfer {
            let text = match (delimiter, bytes.split_last()) {
                (Some(_), Some((_, text))) => text,
                _ => bytes,
            };
            transfer.feed(text, wanted, fields);
        } else if let Some(index) = wanted {
            fields.push(index, bytes);
        }
        if let Some(delimiter) = delimiter {
            self.end_of_data(wanted, fields);
            if !matches!(self.state, State::Failed(_)) {
                self.delimiter(delimiter);
            }
        }
        after
    }

    /// Ends the data of a part, and takes back the bytes of the delimiter from the value.
    fn end_of_data(&mut self, wanted: Option<usize>, fields: &mut Fields<'_>) {
        let is_fine = match self.transfer.take() {
            Some(mut transfer) => transfer.finish(wanted, fields),
            None => {
                if let Some(index) = wanted {
                    fields.pop(index, self.search.len());
                }
                true
            }
        };
        if let Some(index) = wanted {
            fields.end(index, false);
        }
        let has_data = self.part_len > self.search.len();
        self.state = match self.at_end.take() {
            _ if !is_fine => State::Failed(End::Dropped(Trouble::PartEncoding)),
            Some(error) if error.without_data || has_data => {
                State::Failed(end_of_form(error.trouble))
            }
            _ => State::Epilogue,
        };
    }

    fn delimiter(&mut self, delimiter: Delimiter) {
        self.state = match delimiter {
            Delimiter::Part { may_have_lf } => {
                self.skip_lf = may_have_lf;
                self.headers.restart();
                State::Headers
            }
            Delimiter::End => State::Epilogue,
        };
    }

    fn headers<'c>(&mut self, rest: &'c [u8], fields: &mut Fields<'_>) -> &'c [u8] {
        let (taken, blank_line) = self.headers.feed(rest, fields);
        if let Some(blank_line) = blank_line {
            self.state = self.part(blank_line, fields);
        }
        rest.get(taken..).unwrap_or_default()
    }

    /// Begins the data of a part, whose headers are complete.
    fn part(&mut self, blank_line: BlankLine, fields: &mut Fields<'_>) -> State {
        let (part, transfer) = match self.headers.finish(fields) {
            Ok(part) => part,
            Err(trouble) => return State::Failed(end_of_form(trouble)),
        };
        self.parts = self.parts.saturating_add(1);
        if self.rules.parts_max.is_some_and(|max| self.parts > max) {
            return State::Failed(End::Refused(Trouble::TooManyParts));
        }
        self.any |= part != Part::File;
        self.transfer = transfer.map(Transfer::new);
        self.part_len = 0;
        self.at_end = match part {
            Part::File => None,
            Part::Field | Part::Wanted(_) => self.headers.charset_trouble(),
        };
        if self.rules.blank_line_delimits {
            self.search.restart(blank_line.last_two());
            self.skip_lf = blank_line == BlankLine::Cr;
        } else {
            self.search.restart([0; 2]);
        }
        match part {
            Part::Wanted(index) => State::Value(index),
            Part::File | Part::Field => State::Data,
        }
    }
}

/// What becomes of a form if a part's header has this defect.
const fn end_of_form(trouble: Trouble) -> End {
    match trouble {
        Trouble::HeaderCrash => End::Refused(trouble),
        Trouble::CharsetUnknown | Trouble::PartHeaderTooLong => End::Unknown(trouble),
        _ => End::Dropped(trouble),
    }
}

#[cfg(test)]
mod tests;
