//! The Content-Type of a request: the kind of its body, and the boundary of a multipart body.

use memchr::memchr_iter;

use super::legacy;
use super::text::{HeaderText, is_same, trim};
use super::{Lookup, Wanted};
use crate::body::End;
use crate::body::Trouble;
use crate::body::Werkzeug;
use crate::body::text::copy;
use crate::body::werkzeug::{FormTypes, HeaderRules};

/// The longest multipart boundary that is followed, in bytes. RFC 2046 allows 70.
pub const BOUNDARY_MAX: usize = 512;

/// The longest Content-Type that is followed, in bytes. Header lines of parts have the same bound. By
/// default nginx takes lines of 8 KiB, and gunicorn lines of 8190 bytes.
pub const CONTENT_TYPE_MAX: usize = 4096;

const JSON: &[u8; 16] = b"application/json";

/// What a body is, by its Content-Type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/x-www-form-urlencoded`
    Form,
    /// `multipart/form-data`
    Multipart,
    /// JSON, by [`JsonTest`]
    Json,
    /// anything else: Frappe takes no arguments from it
    Other,
}

/// How a dialect recognises JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonTest {
    /// the whole header is `application/json`
    Exact,
    /// `application/json` stands anywhere in the header
    Substring,
    /// `application/json` stands anywhere in the header of a body that is no form: for a form
    /// `Request.data` is empty
    SubstringUnlessForm,
    /// werkzeug's `Request.is_json`: `application/json` or `application/...+json`, in any case
    IsJson,
}

impl JsonTest {
    /// Whether Frappe asks werkzeug for the type of the body, or for its form, before it parses the JSON.
    /// A header that werkzeug cannot decode is an error then.
    pub const fn reads_parameters(self) -> bool {
        matches!(self, Self::SubstringUnlessForm | Self::IsJson)
    }
}

/// Classifies a body. `content_type` is the value of the last Content-Type header.
pub fn media_type(content_type: &[u8], json: JsonTest, werkzeug: &Werkzeug) -> MediaType {
    // The spellings of the desk's jQuery and of other clients, which all rules take for a form.
    if matches!(
        content_type,
        b"application/x-www-form-urlencoded" | b"application/x-www-form-urlencoded; charset=UTF-8"
    ) {
        MediaType::Form
    } else {
        media_type_by_rules(content_type, json, werkzeug)
    }
}

/// Kept out of line: most requests need only the comparisons above.
#[inline(never)]
fn media_type_by_rules(content_type: &[u8], json: JsonTest, werkzeug: &Werkzeug) -> MediaType {
    let mimetype = super::value(content_type, HeaderText::Latin1, werkzeug.headers);
    let is = |known: &[u8]| {
        // Most clients use this case, so it is compared first.
        mimetype == known
            || (werkzeug.form_types != FormTypes::ExactCase && is_same(mimetype, known))
    };
    let form = if is(b"application/x-www-form-urlencoded")
        || (werkzeug.form_types != FormTypes::WithoutUrlEncoded && is(b"application/x-url-encoded"))
    {
        MediaType::Form
    } else if is(b"multipart/form-data") {
        MediaType::Multipart
    } else {
        MediaType::Other
    };
    let mentions_json = || mentions_json(content_type);
    let is_json = match json {
        JsonTest::Exact => trim(content_type, HeaderText::Ascii) == JSON,
        JsonTest::SubstringUnlessForm => form == MediaType::Other && mentions_json(),
        JsonTest::Substring => mentions_json(),
        JsonTest::IsJson => {
            is_same(mimetype, JSON)
                || (starts_with(mimetype, b"application/") && ends_with(mimetype, b"+json"))
        }
    };
    if is_json { MediaType::Json } else { form }
}

/// Checks whether werkzeug can read the header of a request whose body is no form, or that has none; `Err` says
/// what becomes of it if not. Before 2.3 werkzeug decodes every parameter of any type, and outside of the `try`
/// that drops forms.
pub fn check(content_type: &[u8], json: JsonTest, werkzeug: &Werkzeug) -> Result<(), End> {
    let HeaderRules::Pieces(pieces) = werkzeug.headers else {
        return Ok(());
    };
    let mut wanted = [Wanted::new(b"boundary", &mut [])];
    legacy::content_type(content_type, pieces, &mut wanted)?;
    let [boundary] = wanted;
    if boundary.found == Lookup::Bare
        && werkzeug.headers.bare_crashes()
        && media_type(content_type, json, werkzeug) == MediaType::Multipart
    {
        return Err(End::Refused(Trouble::HeaderCrash));
    }
    Ok(())
}

/// Writes the boundary to `buffer` and returns its length. `Err` says what becomes of a body without a
/// usable one.
pub(in crate::body) fn boundary(
    content_type: &[u8],
    rules: HeaderRules,
    buffer: &mut [u8],
) -> Result<usize, End> {
    if let Some(plain) = super::plain_boundary(content_type)
        && let Some(buffer) = buffer.get_mut(..plain.len())
    {
        copy(buffer, plain);
        return Ok(plain.len());
    }
    let mut wanted = [Wanted::new(b"boundary", buffer)];
    match rules {
        HeaderRules::Pieces(pieces) => legacy::content_type(content_type, pieces, &mut wanted)?,
        _ => super::parameters(content_type, HeaderText::Latin1, rules, &mut wanted)
            .map_err(End::Refused)?,
    }
    let [boundary] = wanted;
    let missing = Err(End::Dropped(Trouble::BoundaryMissing));
    match (boundary.found, boundary.text.get()) {
        (Lookup::Unknown, _) => Err(End::Unknown(Trouble::CharsetUnknown)),
        (Lookup::Bare, _) if rules.bare_crashes() => Err(End::Refused(Trouble::HeaderCrash)),
        (Lookup::Absent | Lookup::Bare, _) => missing,
        (Lookup::Found, None) => Err(End::Unknown(Trouble::BoundaryTooLong)),
        (Lookup::Found, Some(boundary)) if !boundary.is_ascii() => missing,
        (Lookup::Found, Some(b"")) if !rules.empty_boundary() => missing,
        (Lookup::Found, Some(boundary)) => Ok(boundary.len()),
    }
}

/// Whether `application/json` stands anywhere in the header.
fn mentions_json(content_type: &[u8]) -> bool {
    const SLASH: usize = b"application".len();
    memchr_iter(b'/', content_type).any(|slash| {
        let start = slash.checked_sub(SLASH);
        let text = start.and_then(|start| content_type.get(start..));
        text.is_some_and(|text| text.starts_with(JSON))
    })
}

fn starts_with(text: &[u8], head: &[u8]) -> bool {
    text.get(..head.len())
        .is_some_and(|start| is_same(start, head))
}

fn ends_with(text: &[u8], tail: &[u8]) -> bool {
    text.len()
        .checked_sub(tail.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| is_same(end, tail))
}

#[cfg(test)]
mod tests {
    use super::{JsonTest, MediaType, boundary, check, media_type};
    use crate::body::End;
    use crate::body::Trouble;
    use crate::frappe::dialect;

    #[test]
    fn media_types() {
        let cases = [
            ("application/x-www-form-urlencoded", MediaType::Form),
            (
                "application/x-www-form-urlencoded; charset=latin1",
                MediaType::Form,
            ),
            ("Application/X-WWW-Form-URLEncoded", MediaType::Form),
            ("application/x-www-form-urlencoded, x", MediaType::Other),
            ("application/x-url-encoded", MediaType::Other),
            ("multipart/form-data; boundary=x", MediaType::Multipart),
            ("Multipart/Form-Data", MediaType::Multipart),
            ("multipart/mixed; boundary=x", MediaType::Other),
            ("application/json", MediaType::Json),
            (" Application/JSON ;charset=utf-8", MediaType::Json),
            ("application/vnd.api+json", MediaType::Json),
            ("application/+json", MediaType::Json),
            ("text/json", MediaType::Other),
            ("application/json-patch", MediaType::Other),
            ("application/json-seq", MediaType::Other),
            ("text/plain; a=application/json", MediaType::Other),
            ("", MediaType::Other),
        ];
        let werkzeug = dialect::find(b"15").unwrap().werkzeug;
        for (content_type, expected) in cases {
            let found = media_type(content_type.as_bytes(), JsonTest::IsJson, werkzeug);
            assert_eq!(found, expected, "{content_type}");
        }
    }

    #[test]
    fn boundaries() {
        let missing = Err(End::Dropped(Trouble::BoundaryMissing));
        let rules = dialect::find(b"15").unwrap().werkzeug.headers;
        let long = "x".repeat(300);
        let cases = [
            ("multipart/form-data; boundary=abc", Ok("abc")),
            ("multipart/form-data; boundary=\"a b\"", Ok("a b")),
            ("multipart/form-data; boundary=a; boundary=b", Ok("b")),
            ("multipart/form-data; boundary=a/b", Ok("a")),
            ("multipart/form-data; boundary = X", missing),
            ("multipart/form-data", missing),
            ("multipart/form-data; boundary=\"\"", missing),
            ("multipart/form-data; boundary=\"\u{e9}\"", missing),
            (&format!("multipart/form-data; boundary={long}"), Ok(&long)),
            (
                &format!("multipart/form-data; boundary={}", "x".repeat(513)),
                Err(End::Unknown(Trouble::BoundaryTooLong)),
            ),
        ];
        for (content_type, expected) in cases {
            let mut buffer = [0; super::BOUNDARY_MAX];
            let found = boundary(content_type.as_bytes(), rules, &mut buffer);
            let found = found.map(|len| std::str::from_utf8(&buffer[..len]).unwrap());
            assert_eq!(found, expected, "{content_type}");
        }
    }

    /// Without a body, too, werkzeug 2.0 to 2.2 fail at a boundary without a value.
    #[test]
    fn bare_boundary_without_a_body() {
        let crash = Err(End::Refused(Trouble::HeaderCrash));
        for (version, multipart) in [
            ("13", Ok(())),
            ("14.0", crash),
            ("14.56", crash),
            ("14.57", Ok(())),
        ] {
            let dialect = dialect::find(version.as_bytes()).unwrap();
            for (content_type, expected) in [
                ("multipart/form-data; boundary", multipart),
                ("multipart/form-data; boundary; boundary=b", Ok(())),
                ("text/plain; boundary", Ok(())),
            ] {
                let content_type = content_type.as_bytes();
                let found = check(content_type, dialect.json_test, dialect.werkzeug);
                assert_eq!(found, expected, "{version}, {content_type:?}");
            }
        }
    }
}
