//! The releases of werkzeug that Frappe has stood on, oldest first.

mod legacy;

pub use legacy::{Pieces, W0_14, W0_16, W2_1, W2_2};

use super::text::Charset;

/// The switches of one release: what it does differently from others.
#[derive(Debug)]
pub struct Werkzeug {
    /// how it reads parameters of Content-Type and Content-Disposition
    pub headers: HeaderRules,
    /// which content types it takes for forms
    pub form_types: FormTypes,
    /// how percent-decoded values of forms and queries become text
    pub charset: Charset,
    /// what it does with a urlencoded body that is not UTF-8
    pub form_bytes: RawBytes,
    /// what it does with a query that is not UTF-8
    pub query_bytes: RawBytes,
    /// the structure of multipart bodies
    pub parts: PartRules,
}

/// How a release reads the parameters of headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderRules {
    /// before 2.3: a regular expression for each piece ([`super::header::legacy`])
    Pieces(Pieces),
    /// 2.3: `re.findall` over the whole header; it also finds an end of a quoted string that has none
    Findall,
    /// from 3.0 on: character by character
    Scan,
}

/// Which content types werkzeug takes for forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormTypes {
    /// in lower case only; also `application/x-url-encoded`
    ExactCase,
    /// in any case; also `application/x-url-encoded`
    AnyCase,
    /// in any case
    WithoutUrlEncoded,
}

/// What a release does with bytes that are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawBytes {
    /// each becomes U+FFFD (werkzeug before 2.3)
    Replace,
    /// 413 (werkzeug 2.3.0 to 3.0.3)
    Refuse,
    /// the whole form is dropped (werkzeug 3.0.4 on)
    Drop,
}

/// What differs between the releases in the structure of multipart bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRules {
    /// it reads the body line by line: before 2.0
    pub by_lines: bool,
    /// it decodes base64 and quoted-printable parts: before 2.0
    pub transfer_encodings: bool,
    /// headers of parts must be UTF-8: on Python 3
    pub headers_utf8: bool,
    /// `filename=""` makes a part a file: from 0.15 on
    pub empty_filename: bool,
    /// a part header without a colon drops the form: 2.0 to 2.2
    pub colon_needed: bool,
    /// the line break that ends a part's blank line may also be the one in front of a delimiter: not in
    /// 2.0 to 2.2
    pub blank_line_delimits: bool,
    /// the charsets that it uses for fields which name one
    pub charsets: PartCharset,
    /// the most parts; one more is answered with 413: from 2.2.3 on
    pub parts_max: Option<u32>,
}

/// The charsets that a release uses for fields which name one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartCharset {
    /// all that Python knows; this module decodes ASCII, ISO 8859-1, Windows-1252 and UTF-8
    Any,
    /// ASCII, ISO 8859-1, UTF-8; fields in any other are read as UTF-8: from 2.3 on
    Safe,
}

const PARTS: PartRules = PartRules {
    by_lines: false,
    transfer_encodings: false,
    headers_utf8: true,
    empty_filename: true,
    colon_needed: false,
    blank_line_delimits: true,
    charsets: PartCharset::Safe,
    parts_max: Some(1000),
};

/// 2.3.
pub const W2_3: Werkzeug = Werkzeug {
    headers: HeaderRules::Findall,
    form_types: FormTypes::AnyCase,
    charset: Charset::Utf8Quoted,
    form_bytes: RawBytes::Refuse,
    query_bytes: RawBytes::Refuse,
    parts: PARTS,
};

/// 3.0.
pub const W3_0: Werkzeug = Werkzeug {
    headers: HeaderRules::Scan,
    form_types: FormTypes::WithoutUrlEncoded,
    form_bytes: RawBytes::Drop,
    ..W2_3
};

/// 3.1: reads requests as 3.0 does.
pub const W3_1: Werkzeug = W3_0;
