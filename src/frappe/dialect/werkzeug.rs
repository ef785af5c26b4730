//! The releases of werkzeug that Frappe has stood on, oldest first.

use crate::body::Charset;
use crate::body::content_type::FormTypes;
use crate::body::form::RawBytes;
use crate::body::legacy_options::Pieces;
use crate::body::multipart::{PartCharset, PartRules};
use crate::body::options::HeaderRules;

/// What a release does differently.
#[derive(Debug)]
pub struct Werkzeug {
    /// parameters of Content-Type and Content-Disposition
    pub headers: HeaderRules,
    /// which content types are forms
    pub form_types: FormTypes,
    /// how percent-decoded values of forms and queries become text
    pub charset: Charset,
    /// a urlencoded body that is not UTF-8
    pub form_bytes: RawBytes,
    /// a query that is not UTF-8
    pub query_bytes: RawBytes,
    /// the structure of multipart bodies
    pub parts: PartRules,
}

const SANSIO_2_1: PartRules = PartRules {
    by_lines: false,
    transfer_encodings: false,
    headers_utf8: true,
    empty_filename: true,
    colon_needed: true,
    blank_line_delimits: false,
    charsets: PartCharset::Any,
    parts_max: None,
};

const SANSIO_2_3: PartRules = PartRules {
    colon_needed: false,
    blank_line_delimits: true,
    charsets: PartCharset::Safe,
    parts_max: Some(1000),
    ..SANSIO_2_1
};

const LINES: PartRules = PartRules {
    by_lines: true,
    transfer_encodings: true,
    headers_utf8: true,
    empty_filename: true,
    colon_needed: false,
    blank_line_delimits: true,
    charsets: PartCharset::Any,
    parts_max: None,
};

const PIECES: Pieces = Pieces {
    sections: true,
    bare_sections: true,
    lower_case: true,
};

/// On Python 2, so without a test against the real one.
pub(super) const W0_14: Werkzeug = Werkzeug {
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

pub(super) const W0_16: Werkzeug = Werkzeug {
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

pub(super) const W2_1: Werkzeug = Werkzeug {
    headers: HeaderRules::Pieces(Pieces {
        lower_case: false,
        ..PIECES
    }),
    form_types: FormTypes::AnyCase,
    parts: SANSIO_2_1,
    ..W0_16
};

pub(super) const W2_2: Werkzeug = Werkzeug {
    headers: HeaderRules::Pieces(PIECES),
    parts: PartRules {
        parts_max: Some(1000),
        ..SANSIO_2_1
    },
    ..W2_1
};

pub(super) const W2_3: Werkzeug = Werkzeug {
    headers: HeaderRules::Findall,
    form_types: FormTypes::AnyCase,
    charset: Charset::Utf8Quoted,
    form_bytes: RawBytes::Refuse,
    query_bytes: RawBytes::Refuse,
    parts: SANSIO_2_3,
};

pub(super) const W3_0: Werkzeug = Werkzeug {
    headers: HeaderRules::Scan,
    form_types: FormTypes::WithoutUrlEncoded,
    form_bytes: RawBytes::Drop,
    ..W2_3
};

pub(super) const W3_1: Werkzeug = W3_0;
