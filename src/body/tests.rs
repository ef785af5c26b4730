//! What the first bytes of a body decide.

use super::testing::with_fields;
use super::{Body, End, Fields, Multipart, Rooms, Trouble};
use crate::frappe::{self, Head, Plan, dialect};

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=B";
const JSON: &str = "application/json";

/// Calls `then` with the scanner and the fields once these bytes are fed.
fn feed<T>(
    version: &str,
    content_type: &str,
    front: &[u8],
    then: impl FnOnce(Body<'_>, &mut Fields<'_>) -> T,
) -> T {
    let dialect = dialect::find(version.as_bytes()).unwrap();
    let head = Head {
        method: b"POST",
        target: b"/",
        content_type: content_type.as_bytes(),
    };
    let Plan::Scan(media_type) = frappe::plan(&head, dialect) else {
        panic!("{content_type} is not read");
    };
    with_fields(&["a"], |fields, _| {
        let mut scratch = vec![0; Multipart::scratch_len(content_type.as_bytes())];
        let mut rooms = Rooms::default();
        let room = rooms.of(media_type, &mut scratch).unwrap();
        let mut body = frappe::scanner(room, &head, dialect, fields).unwrap();
        body.feed(front, fields);
        then(body, fields)
    })
}

/// Whether these bytes decide, and the result of them alone.
fn early(version: &str, content_type: &str, front: &[u8]) -> (bool, End) {
    feed(version, content_type, front, |mut body, fields| {
        (body.is_decided(fields), body.finish_early(fields))
    })
}

#[test]
fn the_first_bytes_decide() {
    let any = End::Fields { any: true };
    let part = "--B\r\nContent-Disposition: form-data; name=\"cmd\"\r\n\r\n";
    let cases = [
        ("15", FORM, "a=1&cm", false, End::Truncated),
        ("15", FORM, "a=1&cmd=x", false, End::Truncated),
        ("15", FORM, "a=1&cmd=x&", true, any),
        ("15", FORM, "cmd=x&a=\u{e9}", true, any),
        ("15", MULTIPART, &format!("{part}x"), false, End::Truncated),
        ("15", MULTIPART, &format!("{part}x\r\n--B\r\n"), true, any),
        (
            "12",
            MULTIPART,
            "x\r\n--B\r\n",
            true,
            End::Dropped(Trouble::NoFirstDelimiter),
        ),
        // The last of several members counts.
        ("15", JSON, "{\"cmd\":\"x\",", false, End::Truncated),
        ("15", JSON, "{]", true, End::Refused(Trouble::JsonSyntax)),
    ];
    for (version, content_type, front, decides, end) in cases {
        let found = early(version, content_type, front.as_bytes());
        assert_eq!(found, (decides, end), "{version}, {content_type}: {front}");
    }
}

/// From Frappe 14.57 on a form whose bytes are not UTF-8 is refused or dropped, whatever follows.
#[test]
fn bytes_that_are_not_utf8_decide() {
    let trouble = Trouble::FormNotUtf8;
    for (version, end) in [
        ("13", End::Truncated),
        ("14", End::Refused(trouble)),
        ("15", End::Dropped(trouble)),
    ] {
        let found = early(version, FORM, b"a=\xff&b=1");
        assert_eq!(found, (end != End::Truncated, end), "{version}");
    }
}

/// Within a file, and within a field that is not wanted, most bytes need not be fed. A short boundary is looked for
/// in all of them.
#[test]
fn what_is_skimmed() {
    const TYPE: &str = "multipart/form-data; boundary=boundary";
    const PART: &str = "--boundary\r\nContent-Disposition: form-data; name=";
    for (content_type, front, expected) in [
        (FORM, "b=x".to_owned(), None),
        (JSON, "{\"b\":\"x".to_owned(), None),
        (TYPE, String::new(), None),
        (TYPE, format!("{PART}\"b\""), None),
        (TYPE, format!("{PART}\"a\"\r\n\r\nx"), None),
        (TYPE, format!("{PART}\"b\"\r\n\r\nx"), Some(true)),
        (
            TYPE,
            format!("{PART}\"a\"; filename=\"f\"\r\n\r\nx"),
            Some(true),
        ),
    ] {
        let found = feed("15", content_type, front.as_bytes(), |body, _| {
            body.skim().map(|skim| skim.passes(&[b'x'; 99]))
        });
        assert_eq!(found, expected, "{content_type}: {front}");
    }
}
