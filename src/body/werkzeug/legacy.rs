//! The releases before 2.3, on which Frappe stood up to 14.56.

use super::{FormTypes, HeaderRules, PARTS, PartCharset, PartRules, RawBytes, Werkzeug};
use crate::body::text::Charset;

/// What differs between the releases before 2.3 in the parameters of headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// it knows sections (`name*0=...`), and a comma behind `;`: from 0.15 on
    pub sections: bool,
    /// it skips a section without a value, instead of a `TypeError`: from 2.0 on
    pub bare_sections: bool,
    /// it lower-cases the names of parameters: from 2.2 on
    pub lower_case: bool,
}

impl HeaderRules {
    /// Whether a boundary without a value raises an `AttributeError`: 2.0 to 2.2.
    pub(in crate::body) const fn bare_crashes(self) -> bool {
        matches!(self, Self::Pieces(pieces) if pieces.bare_sections && pieces.sections)
    }

    /// Whether an empty boundary is a valid one: before 2.0.
    pub(in crate::body) const fn empty_boundary(self) -> bool {
        matches!(self, Self::Pieces(pieces) if !(pieces.bare_sections && pieces.sections))
    }
}

const SANSIO: PartRules = PartRules {
    colon_needed: true,
    blank_line_delimits: false,
    charsets: PartCharset::Any,
    parts_max: None,
    ..PARTS
};

const LINES: PartRules = PartRules {
    by_lines: true,
    transfer_encodings: true,
    charsets: PartCharset::Any,
    parts_max: None,
    ..PARTS
};

const PIECES: Pieces = Pieces {
    sections: true,
    bare_sections: true,
    lower_case: true,
};

/// 0.14, which Frappe 10 ran on Python 2. The oracle runs it on Python 3, with two shims
/// (`t/oracle/compat.py`).
pub const W0_14: Werkzeug = Werkzeug {
    headers: HeaderRules::Pieces(Pieces {
        sections: false,
        bare_sections: true,
        lower_case: false,
    }),
    parts: PartRules {
        headers_utf8: false,
        empty_filename: false,
        ..LINES
    },
    ..W0_16
};

/// 0.16, as Frappe 11 to 13 ran it.
pub const W0_16: Werkzeug = Werkzeug {
    headers: HeaderRules::Pieces(Pieces {
        bare_sections: false,
        lower_case: false,
        ..PIECES
    }),
    form_types: FormTypes::ExactCase,
    charset: Charset::Utf8,
    form_bytes: RawBytes::Replace,
    query_bytes: RawBytes::Replace,
    parts: LINES,
};

/// 2.1.
pub const W2_1: Werkzeug = Werkzeug {
    headers: HeaderRules::Pieces(Pieces {
        lower_case: false,
        ..PIECES
    }),
    form_types: FormTypes::AnyCase,
    parts: SANSIO,
    ..W0_16
};

/// 2.2.
pub const W2_2: Werkzeug = Werkzeug {
    headers: HeaderRules::Pieces(PIECES),
    parts: PartRules {
        parts_max: Some(1000),
        ..SANSIO
    },
    ..W2_1
};
