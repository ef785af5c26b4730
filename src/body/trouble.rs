//! What can be wrong with a request, in one table: what is logged, and what Frappe does then.

/// A defect of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// the boundary parameter is missing, empty or not ASCII
    BoundaryMissing,
    /// the boundary is longer than this module follows
    BoundaryTooLong,
    /// a charset that Python may know, but this module does not
    CharsetUnknown,
    /// the request's Content-Type is longer than this module follows
    ContentTypeTooLong,
    /// the value of cmd cannot be the name of a method: it has control characters, is no text or too long
    CmdUnusable,
    /// a urlencoded body is not UTF-8
    FormNotUtf8,
    /// a header on which this release of werkzeug raises an exception
    HeaderCrash,
    /// a parameter whose bytes the charset that it names does not decode
    HeaderNotText,
    /// a control character in a JSON string
    JsonControl,
    /// a value of a JSON object is an empty list
    JsonEmptyList,
    /// the JSON text ends too early
    JsonCut,
    /// a JSON body that is not UTF-8
    JsonNotUtf8,
    /// NaN, Infinity or a number above the range of a double
    JsonNotFinite,
    /// the top level is neither object nor array
    JsonNoObject,
    /// half of a surrogate pair
    JsonSurrogate,
    /// any other error of JSON's syntax
    JsonSyntax,
    /// the JSON text is nested deeper than its parser allows
    JsonTooDeep,
    /// a JSON type without a body
    JsonNothing,
    /// a multipart body without its last delimiter
    NoClosingDelimiter,
    /// something else than a delimiter stands first in a multipart body
    NoFirstDelimiter,
    /// a part with `Content-Transfer-Encoding: base64` that is no base64
    PartEncoding,
    /// a part header without a colon
    PartHeaderNoColon,
    /// a part header is not UTF-8
    PartHeaderNotUtf8,
    /// a header of a part that matters is longer than this module follows
    PartHeaderTooLong,
    /// a part without Content-Disposition
    PartWithoutDisposition,
    /// the path is longer than this module follows
    PathTooLong,
    /// the query string is not UTF-8
    QueryNotUtf8,
    /// more parts than werkzeug takes
    TooManyParts,
}

impl Trouble {
    /// A sentence for the log: what is wrong, and what follows from it.
    pub const fn message(self) -> &'static str {
        match self {
            Self::BoundaryMissing => "multipart body without a usable boundary, form ignored",
            Self::BoundaryTooLong => "multipart boundary longer than 512 bytes, body not followed",
            Self::CharsetUnknown => "charset of a header or part is not followed",
            Self::ContentTypeTooLong => "Content-Type exceeds 4096 bytes, body not followed",
            Self::CmdUnusable => "cmd has control characters, is no text or exceeds 255 bytes",
            Self::FormNotUtf8 => "urlencoded body is not UTF-8",
            Self::HeaderCrash => "parameter that this version of Frappe fails on",
            Self::HeaderNotText => "parameter does not fit its own charset",
            Self::JsonControl => "control character in a JSON string",
            Self::JsonCut => "JSON body ends too early",
            Self::JsonEmptyList => "empty list in a JSON object",
            Self::JsonNotUtf8 => "JSON body is not UTF-8",
            Self::JsonNothing => "JSON type without a body",
            Self::JsonNotFinite => "JSON number is not finite",
            Self::JsonNoObject => "JSON body is neither object nor array",
            Self::JsonSurrogate => "half of a surrogate pair in a JSON string",
            Self::JsonSyntax => "JSON body has a syntax error",
            Self::JsonTooDeep => "JSON body is nested too deep",
            Self::NoClosingDelimiter => "multipart body without closing delimiter, form ignored",
            Self::NoFirstDelimiter => "multipart body starts with no delimiter, form ignored",
            Self::PartEncoding => "multipart part is no base64, form ignored",
            Self::PartHeaderNoColon => "multipart part header without colon, form ignored",
            Self::PartHeaderNotUtf8 => "multipart part header is not UTF-8, form ignored",
            Self::PartHeaderTooLong => {
                "multipart part header exceeds 4096 bytes, body not followed"
            }
            Self::PartWithoutDisposition => {
                "multipart part without Content-Disposition, form ignored"
            }
            Self::PathTooLong => "path exceeds 8192 bytes",
            Self::QueryNotUtf8 => "query string is not UTF-8",
            Self::TooManyParts => "multipart body has more than 1000 parts",
        }
    }
}
