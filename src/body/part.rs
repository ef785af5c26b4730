//! The headers of one part of a multipart body: small and complete, so nom reads them.
//!
//! As werkzeug's `sansio/multipart.py: MultipartDecoder._parse_headers` and
//! `formparser.py: MultiPartParser.get_part_charset`.

use memchr::memchr;
use nom::bytes::complete::{tag, take_while};
use nom::{IResult, Parser};

use super::options::{self, HeaderText, Text};
use super::{Charset, Fields, NAME_MAX};
use crate::frappe::trouble::Trouble;

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

/// Reads the headers of a part, without the blank line, and starts the value if it is wanted.
pub(super) fn parse(headers: &mut [u8], fields: &mut Fields<'_>) -> Result<Part, Trouble> {
    let len = unfold(headers);
    let headers = headers.get(..len).unwrap_or_default();
    if core::str::from_utf8(headers).is_err() {
        return Err(Trouble::PartHeaderNotUtf8);
    }
    let (mut disposition, mut content_type) = (None, None);
    let mut rest = headers;
    while !rest.is_empty() {
        let Ok((after, line)) = line(rest) else {
            break;
        };
        rest = after;
        let (name, value) = name_and_value(line);
        // The first of several lines counts.
        if name.eq_ignore_ascii_case(b"content-disposition") {
            disposition = disposition.or(Some(value));
        } else if name.eq_ignore_ascii_case(b"content-type") {
            content_type = content_type.or(Some(value));
        }
    }
    let disposition = disposition.ok_or(Trouble::PartWithoutDisposition)?;
    let mut buffer = [0; NAME_MAX];
    let mut name = Text::new(&mut buffer);
    if options::parameter(disposition, HeaderText::Utf8, b"filename", &mut name) {
        return Ok(Part::File);
    }
    if !options::parameter(disposition, HeaderText::Utf8, b"name", &mut name) {
        return Ok(Part::Field);
    }
    let charset = content_type.map_or(Charset::Utf8, part_charset);
    let wanted = name
        .get()
        .and_then(|name| fields.start_first(name, charset));
    Ok(wanted.map_or(Part::Field, Part::Wanted))
}

/// A line break and a space or tab behind it become one space. Gives the new length.
fn unfold(headers: &mut [u8]) -> usize {
    let (mut read, mut write) = (0_usize, 0_usize);
    while let Some(rest) = headers.get(read..).filter(|rest| !rest.is_empty()) {
        let (byte, step) = match rest {
            [b'\r', b'\n', b' ' | b'\t', ..] => (b' ', 3),
            [b'\r' | b'\n', b' ' | b'\t', ..] => (b' ', 2),
            [byte, ..] => (*byte, 1),
            [] => break,
        };
        if let Some(place) = headers.get_mut(write) {
            *place = byte;
        }
        read = read.saturating_add(step);
        write = write.saturating_add(1);
    }
    write
}

/// One line and the line breaks behind it.
fn line(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let is_break = |byte| byte == b'\r' || byte == b'\n';
    let (rest, (line, _)) = (
        take_while(move |byte| !is_break(byte)),
        take_while(is_break),
    )
        .parse(input)?;
    Ok((rest, line))
}

fn name_and_value(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = memchr(b':', line).unwrap_or(line.len());
    let (name, value) = line.split_at_checked(colon).unwrap_or((line, b""));
    let value = colon_stripped(value);
    (
        options::trim(name, HeaderText::Utf8),
        options::trim(value, HeaderText::Utf8),
    )
}

fn colon_stripped(value: &[u8]) -> &[u8] {
    let colon: IResult<&[u8], &[u8]> = tag(":").parse(value);
    colon.map_or(value, |(rest, _)| rest)
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
