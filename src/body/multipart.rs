//! `multipart/form-data` bodies, as werkzeug's `sansio/multipart.py: MultipartDecoder` and
//! `formparser.py: MultiPartParser` read them (RFC 7578, and what clients make of it).
//!
//! | state | bytes belong to | leaves at |
//! | --- | --- | --- |
//! | `Preamble` | text in front of the first delimiter | a delimiter |
//! | `Headers` | the headers of a part, of which one line is kept | a blank line |
//! | `Data` | a file, or a value that nobody wants | a delimiter |
//! | `Value` | a wanted value, pushed to its slot; a delimiter is taken back | a delimiter |
//! | `Epilogue` | what follows the closing delimiter: ignored | - |
//! | `Failed` | Frappe drops or refuses the form: the rest is ignored | - |
//!
//! One field is worth nothing until the closing delimiter has come: without it werkzeug drops
//! them all.

use super::content_type::{self, BOUNDARY_MAX, NoBoundary};
use super::delimiter::{Delimiter, Search};
use super::part::{BlankLine, LINE_MAX, Part, PartHeaders};
use super::{End, Fields};
use crate::frappe::trouble::Trouble;

/// The scanner. State: 300 bytes and the caller's scratch.
#[derive(Debug)]
pub struct Multipart<'r> {
    state: State,
    search: Search<'r>,
    headers: PartHeaders<'r>,
    /// an LF that comes next belongs to the CR in front of it
    skip_lf: bool,
    parts: u32,
    parts_max: Option<u32>,
    /// a field, not a file, has been seen
    any: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Preamble,
    Headers,
    Data,
    Value(usize),
    Epilogue,
    Failed(End),
}

impl<'r> Multipart<'r> {
    /// How many bytes of scratch [`Self::new`] needs for this content type: at most
    /// 4 KiB + 3 * ([`BOUNDARY_MAX`] + 2).
    pub fn scratch_len(content_type: &[u8]) -> usize {
        // Decoding makes a boundary longer only where it is not ASCII, and then it is not used.
        let needle = content_type.len().min(BOUNDARY_MAX).saturating_add(2);
        LINE_MAX
            .saturating_add(needle)
            .saturating_add(Search::borders_len(needle))
    }

    /// A scanner in front of the first byte, or what becomes of a body without a usable
    /// boundary. `parts_max`: one part more is answered with 413.
    pub fn new(
        content_type: &[u8],
        parts_max: Option<u32>,
        scratch: &'r mut [u8],
    ) -> Result<Self, End> {
        let (line, scratch) = scratch
            .split_at_mut_checked(LINE_MAX)
            .ok_or(End::Unknown(Trouble::BoundaryTooLong))?;
        let (dashes, boundary) = scratch
            .split_at_mut_checked(2)
            .ok_or(End::Unknown(Trouble::BoundaryTooLong))?;
        dashes.copy_from_slice(b"--");
        let limit = boundary.len().min(BOUNDARY_MAX);
        let len =
            content_type::boundary(content_type, boundary.get_mut(..limit).unwrap_or_default())
                .map_err(|why| match why {
                    NoBoundary::Missing => End::Dropped(Trouble::BoundaryMissing),
                    NoBoundary::TooLong => End::Unknown(Trouble::BoundaryTooLong),
                })?;
        let (needle, rest) = scratch
            .split_at_mut_checked(len.saturating_add(2))
            .ok_or(End::Unknown(Trouble::BoundaryTooLong))?;
        let borders = rest
            .get_mut(..Search::borders_len(needle.len()))
            .ok_or(End::Unknown(Trouble::BoundaryTooLong))?;
        Ok(Self {
            state: State::Preamble,
            search: Search::new(needle, borders),
            headers: PartHeaders::new(line),
            skip_lf: false,
            parts: 0,
            parts_max,
            any: false,
        })
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, chunk: &[u8], fields: &mut Fields<'_>) {
        let mut rest = chunk;
        while let Some((first, after)) = rest.split_first() {
            if core::mem::take(&mut self.skip_lf) && *first == b'\n' {
                self.search.see(b"\n");
                rest = after;
                continue;
            }
            rest = match self.state {
                State::Preamble | State::Data => self.data(rest),
                State::Value(index) => self.value(rest, index, fields),
                State::Headers => self.headers(rest, fields),
                State::Epilogue | State::Failed(_) => return,
            };
        }
    }

    /// The end of the body.
    pub fn finish(&self) -> End {
        match self.state {
            State::Epilogue => End::Fields { any: self.any },
            State::Failed(end) => end,
            State::Preamble | State::Headers | State::Data | State::Value(_) => {
                End::Dropped(Trouble::NoClosingDelimiter)
            }
        }
    }

    fn data<'c>(&mut self, rest: &'c [u8]) -> &'c [u8] {
        let (taken, delimiter) = self.search.feed(rest);
        if let Some(delimiter) = delimiter {
            self.delimiter(delimiter);
        }
        rest.get(taken..).unwrap_or_default()
    }

    fn value<'c>(&mut self, rest: &'c [u8], index: usize, fields: &mut Fields<'_>) -> &'c [u8] {
        let (taken, delimiter) = self.search.feed(rest);
        let (bytes, after) = rest.split_at_checked(taken).unwrap_or((rest, b""));
        if let Some((slot, _)) = fields.slot(index) {
            slot.push(bytes);
            match delimiter {
                Some(Delimiter::Part { len, .. } | Delimiter::End { len }) => slot.pop(len),
                None => {}
            }
        }
        if let Some(delimiter) = delimiter {
            self.delimiter(delimiter);
        }
        after
    }

    fn delimiter(&mut self, delimiter: Delimiter) {
        self.state = match delimiter {
            Delimiter::Part { may_have_lf, .. } => {
                self.skip_lf = may_have_lf;
                self.headers.restart();
                State::Headers
            }
            Delimiter::End { .. } => State::Epilogue,
        };
    }

    fn headers<'c>(&mut self, rest: &'c [u8], fields: &mut Fields<'_>) -> &'c [u8] {
        let (taken, blank_line) = self.headers.feed(rest, fields);
        if let Some(blank_line) = blank_line {
            self.state = self.part(blank_line, fields);
        }
        rest.get(taken..).unwrap_or_default()
    }

    /// The headers of a part are complete.
    fn part(&mut self, blank_line: BlankLine, fields: &mut Fields<'_>) -> State {
        let part = match self.headers.finish(fields) {
            Ok(part) => part,
            Err(Trouble::PartHeaderTooLong) => {
                return State::Failed(End::Unknown(Trouble::PartHeaderTooLong));
            }
            Err(trouble) => return State::Failed(End::Dropped(trouble)),
        };
        self.parts = self.parts.saturating_add(1);
        if self.parts_max.is_some_and(|max| self.parts > max) {
            return State::Failed(End::Refused(Trouble::TooManyParts));
        }
        self.any |= part != Part::File;
        // The second half of the blank line may be the line break of a delimiter.
        self.search.restart(blank_line.last_two());
        self.skip_lf = blank_line == BlankLine::CrCr;
        match part {
            Part::Wanted(index) => State::Value(index),
            Part::File | Part::Field => State::Data,
        }
    }
}

#[cfg(test)]
#[path = "multipart_tests.rs"]
mod tests;
