//! `Content-Transfer-Encoding: base64` and `quoted-printable` of a part, which werkzeug before
//! 2.0 decodes line by line (`formparser.py: MultiPartParser.parse_lines` with Python's
//! `binascii.a2b_base64` and `a2b_qp`).
//!
//! A delimiter line is only known to be one at its end. So it is decoded like any other, and
//! what came of it is taken back.

use crate::body::Fields;
use crate::body::text::percent::hex;

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
    encoding: TransferEncoding,
    line: Line,
    /// the last byte was CR
    cr: bool,
    /// the last two bytes that came of this line and of the one before
    ends: [Tail; 2],
    /// how many bytes came of this line
    line_len: usize,
    failed: bool,
}

#[derive(Clone, Copy, Debug)]
enum Line {
    /// 0 to 3 digits of a group, the bits that wait, padding, whether the rest is ignored
    Base64 {
        digits: u8,
        bits: u8,
        pads: u8,
        done: bool,
    },
    Plain,
    Equals,
    Digit(u8),
    /// up to the end of the line
    SoftBreak,
}

/// The last two bytes of a line; 0 for none.
type Tail = [u8; 2];

impl Transfer {
    pub(super) fn new(encoding: TransferEncoding) -> Self {
        Self {
            encoding,
            line: Line::start(encoding),
            cr: false,
            ends: [[0; 2]; 2],
            line_len: 0,
            failed: false,
        }
    }

    /// Decodes the next bytes of the part.
    pub(super) fn feed(&mut self, bytes: &[u8], wanted: Option<usize>, fields: &mut Fields<'_>) {
        if self.encoding == TransferEncoding::QuotedPrintable && wanted.is_none() {
            // Nothing of it can be wrong.
            return;
        }
        for byte in bytes {
            if core::mem::take(&mut self.cr) && *byte != b'\n' {
                self.end_of_line();
            }
            self.byte(*byte, wanted, fields);
            match byte {
                b'\r' => self.cr = true,
                b'\n' => self.end_of_line(),
                _ => {}
            }
        }
    }

    /// The line that was decoded last, up to its line break, was a delimiter. True where all
    /// before it was fine.
    pub(super) fn finish(&mut self, wanted: Option<usize>, fields: &mut Fields<'_>) -> bool {
        if let Some(index) = wanted {
            fields.pop(index, self.line_len);
            let newline: usize = match self.ends[1] {
                [b'\r', b'\n'] => 2,
                [_, b'\r' | b'\n'] => 1,
                _ => 0,
            };
            fields.pop(index, newline);
        }
        !self.failed
    }

    fn byte(&mut self, byte: u8, wanted: Option<usize>, fields: &mut Fields<'_>) {
        let mut out = Out {
            wanted,
            fields,
            tail: &mut self.ends[0],
            len: &mut self.line_len,
        };
        self.line = match self.line {
            Line::Base64 { done: true, .. } => self.line,
            Line::Base64 {
                digits, bits, pads, ..
            } => base64(byte, digits, bits, pads, &mut out),
            Line::SoftBreak => Line::SoftBreak,
            line => quoted_printable(byte, line, &mut out),
        };
    }

    fn end_of_line(&mut self) {
        if let Line::Base64 {
            digits: 1..=3,
            done: false,
            ..
        } = self.line
        {
            self.failed = true;
        }
        self.line = Line::start(self.encoding);
        self.ends = [[0; 2], self.ends[0]];
        self.line_len = 0;
        self.cr = false;
    }
}

impl Line {
    fn start(encoding: TransferEncoding) -> Self {
        match encoding {
            TransferEncoding::Base64 => Self::Base64 {
                digits: 0,
                bits: 0,
                pads: 0,
                done: false,
            },
            TransferEncoding::QuotedPrintable => Self::Plain,
        }
    }
}

struct Out<'o, 's, 'r> {
    wanted: Option<usize>,
    fields: &'s mut Fields<'r>,
    tail: &'o mut Tail,
    len: &'o mut usize,
}

impl Out<'_, '_, '_> {
    fn push(&mut self, byte: u8) {
        *self.tail = [self.tail[1], byte];
        *self.len = self.len.saturating_add(1);
        if let Some(index) = self.wanted {
            self.fields.push_byte(index, byte);
        }
    }
}

fn base64(byte: u8, digits: u8, bits: u8, pads: u8, out: &mut Out<'_, '_, '_>) -> Line {
    let line = |digits, bits, pads, done| Line::Base64 {
        digits,
        bits,
        pads,
        done,
    };
    let value = match byte {
        b'A'..=b'Z' => byte.wrapping_sub(b'A'),
        b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
        b'+' => 62,
        b'/' => 63,
        b'=' if digits >= 2 => {
            let pads = pads.saturating_add(1);
            return line(digits, bits, pads, digits.saturating_add(pads) >= 4);
        }
        _ => return line(digits, bits, pads, false),
    };
    match digits {
        0 => line(1, value, 0, false),
        1 => {
            out.push(bits << 2 | value >> 4);
            line(2, value & 15, 0, false)
        }
        2 => {
            out.push(bits << 4 | value >> 2);
            line(3, value & 3, 0, false)
        }
        _ => {
            out.push(bits << 6 | value);
            line(0, 0, 0, false)
        }
    }
}

#[inline(always)]
fn quoted_printable(byte: u8, line: Line, out: &mut Out<'_, '_, '_>) -> Line {
    match (line, byte) {
        (Line::Equals, b'\r' | b'\n') => return Line::SoftBreak,
        (Line::Equals, b'=') => {
            out.push(b'=');
            return Line::Plain;
        }
        (Line::Equals, _) if byte.is_ascii_hexdigit() => return Line::Digit(byte),
        (Line::Digit(high), _) if byte.is_ascii_hexdigit() => {
            out.push(hex(high) << 4 | hex(byte));
            return Line::Plain;
        }
        (Line::Digit(high), _) => {
            out.push(b'=');
            out.push(high);
        }
        (Line::Equals, _) => out.push(b'='),
        _ => {}
    }
    if byte == b'=' {
        return Line::Equals;
    }
    out.push(byte);
    Line::Plain
}
