//! Multipart bodies as werkzeug before 2.0 reads them, line by line (`formparser.py:
//! MultiPartParser.parse_lines`), and `Content-Transfer-Encoding: base64` and `quoted-printable` of a part,
//! which it decodes line by line, too (with Python's `binascii.a2b_base64` and `a2b_qp`).
//!
//! A delimiter line is only known to be one at its end. So it is decoded like any other, and
//! what came of it is taken back.

use super::delimiter::{Delimiter, Search, Tail};
use super::line::{LINE_MAX, Line};
use crate::body::Fields;
use crate::body::arguments::Argument;
use crate::body::text::percent::unescape::Buffer;
use crate::body::text::percent::{Sink, hex};

/// Can a line be the delimiter of this boundary? Lines are stripped before they are compared.
pub(super) fn may_match(boundary: &[u8]) -> bool {
    boundary.trim_ascii_end().len() == boundary.len()
}

impl Search<'_> {
    /// Reads the first line that is not blank, which must be a delimiter. `Err`: it is none.
    pub(super) fn first_line(&mut self, byte: u8) -> Result<Option<Delimiter>, ()> {
        if self.tail != Tail::None {
            return match self.behind(self.tail, byte) {
                Ok(Tail::None) => Err(()),
                Ok(tail) => {
                    self.tail = tail;
                    Ok(None)
                }
                Err(delimiter) => Ok(Some(delimiter)),
            };
        }
        match self.needle.get(self.matched) {
            _ if self.matched == 0 && matches!(byte, b' ' | b'\t'..=b'\r') => {}
            Some(expected) if *expected == byte => {
                self.matched = self.matched.saturating_add(1);
                if self.matched == self.needle.len() {
                    self.tail = Tail::Start;
                }
            }
            _ => return Err(()),
        }
        Ok(None)
    }
}

/// A header line of a part goes on behind a line break, and has done so before where it `is_folded`.
pub(super) fn fold(line: &mut Line<'_>, is_folded: bool) {
    if !is_folded && line.len() <= LINE_MAX {
        let kept = line.get();
        let len = kept.trim_ascii_end().len();
        line.set_len(len.max(usize::from(!kept.is_empty())));
    }
    // `parse_options_header` makes commas of line breaks.
    line.push_byte(b',');
    line.push_byte(b' ');
}

/// The encodings that are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferEncoding {
    Base64,
    QuotedPrintable,
}

impl TransferEncoding {
    /// By its exact name.
    pub(super) fn find(name: &[u8]) -> Option<Self> {
        match name {
            b"base64" => Some(Self::Base64),
            b"quoted-printable" => Some(Self::QuotedPrintable),
            _ => None,
        }
    }
}

/// Decodes the data of one part.
#[derive(Debug)]
pub(super) struct Transfer {
    decoder: Decoder,
    lines: Lines,
}

#[derive(Clone, Copy, Debug)]
enum Decoder {
    Base64(Group),
    QuotedPrintable(Pending),
}

/// What came of the lines so far.
#[derive(Clone, Copy, Debug, Default)]
struct Lines {
    /// the last byte was CR
    cr: bool,
    /// the last two bytes that came of this line, 0 for none
    tail: u16,
    /// of the one before
    last_tail: u16,
    /// how many bytes came of this line
    len: usize,
    failed: bool,
}

impl Transfer {
    pub(super) fn new(encoding: TransferEncoding) -> Self {
        Self {
            decoder: match encoding {
                TransferEncoding::Base64 => Decoder::Base64(Group::default()),
                TransferEncoding::QuotedPrintable => Decoder::QuotedPrintable(Pending::Nothing),
            },
            lines: Lines::default(),
        }
    }

    /// Decodes the next bytes of the part.
    pub(super) fn feed(&mut self, bytes: &[u8], wanted: Option<usize>, fields: &mut Fields<'_>) {
        // Of no slot, where nobody wants the value.
        let index = wanted.unwrap_or(usize::MAX);
        let mut argument = Argument { index, fields };
        let mut out = Buffer::<_, BUFFER>::new(&mut argument);
        match &mut self.decoder {
            Decoder::Base64(group) => self.lines.decode(group, bytes, &mut out),
            // Nothing of it can be wrong.
            Decoder::QuotedPrintable(_) if wanted.is_none() => {}
            Decoder::QuotedPrintable(pending) => self.lines.decode(pending, bytes, &mut out),
        }
        out.flush();
    }

    /// The line that was decoded last, up to its line break, was a delimiter. True where all
    /// before it was fine.
    pub(super) fn finish(&mut self, wanted: Option<usize>, fields: &mut Fields<'_>) -> bool {
        if let Some(index) = wanted {
            fields.pop(index, self.lines.len);
            let newline: usize = match self.lines.last_tail.to_be_bytes() {
                [b'\r', b'\n'] => 2,
                [_, b'\r' | b'\n'] => 1,
                _ => 0,
            };
            fields.pop(index, newline);
        }
        !self.lines.failed
    }
}

/// Decoded bytes that are handed on together.
const BUFFER: usize = 128;

impl Lines {
    #[inline(always)]
    fn decode(&mut self, line: &mut impl DecodeLine, bytes: &[u8], out: &mut impl Sink) {
        let mut lines = *self;
        for byte in bytes {
            if lines.cr && *byte != b'\n' {
                lines.end_of_line(line);
            }
            line.take(*byte, |decoded| {
                lines.tail = lines.tail << 8 | u16::from(decoded);
                lines.len = lines.len.saturating_add(1);
                out.push_byte(decoded);
            });
            lines.cr = *byte == b'\r';
            if *byte == b'\n' {
                lines.end_of_line(line);
            }
        }
        *self = lines;
    }

    #[inline(always)]
    fn end_of_line<L: DecodeLine>(&mut self, line: &mut L) {
        self.failed |= line.is_cut();
        *line = L::default();
        self.last_tail = self.tail;
        self.tail = 0;
        self.len = 0;
    }
}

/// Decodes a line, from its start, which is the default, to its end.
trait DecodeLine: Default {
    /// Takes a byte, and gives those that it completes.
    fn take(&mut self, byte: u8, out: impl FnMut(u8));

    /// A line that ends here is an error.
    fn is_cut(&self) -> bool;
}

/// Digits of base64 that are no bytes yet.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    /// 0 to 3
    digits: u8,
    /// the bits that wait
    bits: u8,
    pads: u8,
    /// the rest of the line is ignored
    done: bool,
}

impl DecodeLine for Group {
    #[inline(always)]
    fn take(&mut self, byte: u8, mut out: impl FnMut(u8)) {
        let value = match byte {
            _ if self.done => return,
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            b'=' if self.digits >= 2 => {
                self.pads = self.pads.saturating_add(1);
                self.done = self.digits.saturating_add(self.pads) >= 4;
                return;
            }
            _ => return,
        };
        // A digit brings six bits, of which a byte takes 6, 4, 2 and none.
        let (digits, bits) = match self.digits {
            0 => (1, value),
            1 => {
                out(self.bits << 2 | value >> 4);
                (2, value & 15)
            }
            2 => {
                out(self.bits << 4 | value >> 2);
                (3, value & 3)
            }
            _ => {
                out(self.bits << 6 | value);
                (0, 0)
            }
        };
        (self.digits, self.bits, self.pads) = (digits, bits, 0);
    }

    fn is_cut(&self) -> bool {
        self.digits > 0 && !self.done
    }
}

/// The start of an escape of quoted-printable.
#[derive(Clone, Copy, Debug, Default)]
enum Pending {
    #[default]
    Nothing,
    Equals,
    Digit(u8),
    /// up to the end of the line
    SoftBreak,
}

impl DecodeLine for Pending {
    #[inline(always)]
    fn take(&mut self, byte: u8, mut out: impl FnMut(u8)) {
        *self = match (*self, byte) {
            (Self::SoftBreak, _) | (Self::Equals, b'\r' | b'\n') => Self::SoftBreak,
            (Self::Equals, b'=') => {
                out(b'=');
                Self::Nothing
            }
            (Self::Equals, _) if byte.is_ascii_hexdigit() => Self::Digit(byte),
            (Self::Digit(high), _) if byte.is_ascii_hexdigit() => {
                out(hex(high) << 4 | hex(byte));
                Self::Nothing
            }
            (pending, _) => {
                // What waits was no escape.
                match pending {
                    Self::Equals => out(b'='),
                    Self::Digit(high) => {
                        out(b'=');
                        out(high);
                    }
                    Self::Nothing | Self::SoftBreak => {}
                }
                match byte {
                    b'=' => Self::Equals,
                    _ => {
                        out(byte);
                        Self::Nothing
                    }
                }
            }
        };
    }

    fn is_cut(&self) -> bool {
        false
    }
}
