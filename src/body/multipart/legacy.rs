//! Multipart bodies as werkzeug before 2.0 reads them, line by line (`formparser.py:
//! MultiPartParser.parse_lines`). It also decodes `Content-Transfer-Encoding: base64` and `quoted-printable`
//! of a part line by line, by Python's `binascii.a2b_base64` and `a2b_qp`.
//!
//! Only the end of a delimiter line shows that it is one. So it is decoded like any other line, and its
//! decoded bytes are taken back.

use super::delimiter::{Delimiter, Search, Tail};
use super::line::{LINE_MAX, Line};
use crate::body::Fields;
use crate::body::arguments::Argument;
use crate::body::text::percent::unescape::Buffer;
use crate::body::text::percent::{Sink, hex};

/// Whether a line can be the delimiter of this boundary. werkzeug strips a line before it compares it, so it
/// never finds a boundary that ends in white space.
pub(super) fn may_match(boundary: &[u8]) -> bool {
    boundary.trim_ascii_end().len() == boundary.len()
}

impl Search<'_> {
    /// Reads a byte of the first line that is not blank, which must be a delimiter. `Err` where it is none.
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

/// Joins a header line of a part with the next line, which continues it. `is_folded`: an earlier line has been
/// joined, too.
pub(super) fn fold(line: &mut Line<'_>, is_folded: bool) {
    if !is_folded && line.len() <= LINE_MAX {
        line.set_len(line.get().trim_ascii_end().len());
    }
    // werkzeug's `parse_options_header` replaces line breaks by commas.
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
    /// The encoding with exactly this name.
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

/// The results of the lines so far.
#[derive(Clone, Copy, Debug, Default)]
struct Lines {
    /// the last byte was CR
    cr: bool,
    /// the last two decoded bytes of this line, 0 for none
    tail: u16,
    /// the last two decoded bytes of the line before
    last_tail: u16,
    /// how many bytes this line has been decoded to
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
    #[inline(never)]
    pub(super) fn feed(&mut self, bytes: &[u8], wanted: Option<usize>, fields: &mut Fields<'_>) {
        // There is no slot with this index, for a value that is not wanted.
        let index = wanted.unwrap_or(usize::MAX);
        let mut argument = Argument { index, fields };
        let mut out = Buffer::<_, BUFFER>::new(&mut argument);
        match &mut self.decoder {
            Decoder::Base64(group) => self.lines.decode(group, bytes, &mut out),
            Decoder::QuotedPrintable(pending) => self.lines.decode(pending, bytes, &mut out),
        }
        out.flush();
    }

    /// Takes back the last line, which was a delimiter. True if the lines before it had no error.
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

/// Decodes one line. The default is the state at its start.
trait DecodeLine: Default {
    /// Takes a byte, and calls `out` with each byte that it completes.
    fn take(&mut self, byte: u8, out: impl FnMut(u8));

    /// Whether it is an error if the line ends here.
    fn is_cut(&self) -> bool;
}

/// Digits of base64 that do not yet make a byte.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    /// 0 to 3
    digits: u8,
    /// the bits of these digits that no byte has taken
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
        // A digit has six bits. Of the four digits of a group, the byte that they end takes 0, 2, 4 and 6.
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
                // The pending bytes are no escape, so they stand for themselves.
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
