//! Which content types are read, and the boundary of a multipart body.

use super::options::{self, HeaderText, Text};

/// The longest multipart boundary that is followed, in bytes. RFC 2046 allows 70.
pub const BOUNDARY_MAX: usize = 512;

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
    /// werkzeug's `Request.is_json`: `application/json` or `application/...+json`, in any case
    IsJson,
}

/// Classifies a body. `content_type` is the value of the last Content-Type header.
pub fn media_type(content_type: &[u8], json: JsonTest) -> MediaType {
    let mimetype = options::value(content_type, HeaderText::Latin1);
    if is_json(mimetype, json) {
        MediaType::Json
    } else if mimetype.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        MediaType::Form
    } else if mimetype.eq_ignore_ascii_case(b"multipart/form-data") {
        MediaType::Multipart
    } else {
        MediaType::Other
    }
}

/// Writes the boundary to `buffer` and gives its length. None: there is none that werkzeug
/// would take.
pub(super) fn boundary(content_type: &[u8], buffer: &mut [u8]) -> Result<usize, NoBoundary> {
    let mut text = Text::new(buffer);
    if !options::parameter(content_type, HeaderText::Latin1, b"boundary", &mut text) {
        return Err(NoBoundary::Missing);
    }
    match text.get() {
        None => Err(NoBoundary::TooLong),
        Some(boundary) if boundary.is_empty() || !boundary.is_ascii() => Err(NoBoundary::Missing),
        Some(boundary) => Ok(boundary.len()),
    }
}

/// Why there is no boundary to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoBoundary {
    Missing,
    TooLong,
}

fn is_json(mimetype: &[u8], test: JsonTest) -> bool {
    match test {
        JsonTest::IsJson => {
            mimetype.eq_ignore_ascii_case(b"application/json")
                || (starts_with(mimetype, b"application/") && ends_with(mimetype, b"+json"))
        }
    }
}

fn starts_with(text: &[u8], head: &[u8]) -> bool {
    text.get(..head.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(head))
}

fn ends_with(text: &[u8], tail: &[u8]) -> bool {
    text.len()
        .checked_sub(tail.len())
        .and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case(tail))
}

#[cfg(test)]
mod tests {
    use super::{JsonTest, MediaType, NoBoundary, boundary, media_type};

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
        for (content_type, expected) in cases {
            let found = media_type(content_type.as_bytes(), JsonTest::IsJson);
            assert_eq!(found, expected, "{content_type}");
        }
    }

    #[test]
    fn boundaries() {
        let long = "x".repeat(300);
        let cases = [
            ("multipart/form-data; boundary=abc", Ok("abc")),
            ("multipart/form-data; boundary=\"a b\"", Ok("a b")),
            ("multipart/form-data; boundary=a; boundary=b", Ok("b")),
            ("multipart/form-data; boundary=a/b", Ok("a")),
            (
                "multipart/form-data; boundary = X",
                Err(NoBoundary::Missing),
            ),
            ("multipart/form-data", Err(NoBoundary::Missing)),
            (
                "multipart/form-data; boundary=\"\"",
                Err(NoBoundary::Missing),
            ),
            (
                "multipart/form-data; boundary=\"\u{e9}\"",
                Err(NoBoundary::Missing),
            ),
            (&format!("multipart/form-data; boundary={long}"), Ok(&long)),
            (
                &format!("multipart/form-data; boundary={}", "x".repeat(513)),
                Err(NoBoundary::TooLong),
            ),
        ];
        for (content_type, expected) in cases {
            let mut buffer = [0; super::BOUNDARY_MAX];
            let found = boundary(content_type.as_bytes(), &mut buffer);
            let found = found.map(|len| std::str::from_utf8(&buffer[..len]).unwrap());
            assert_eq!(found, expected, "{content_type}");
        }
    }
}
