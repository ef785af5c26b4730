use super::text::HeaderText;
use super::{Lookup, Wanted, is_token, parameters, plain_boundary, value};
use crate::body::werkzeug::HeaderRules;

fn get(header: &str, key: &'static str) -> Option<String> {
    let mut buffer = [0; 64];
    let mut wanted = [Wanted::new(key.as_bytes(), &mut buffer)];
    parameters(
        header.as_bytes(),
        HeaderText::Utf8,
        HeaderRules::Scan,
        &mut wanted,
    )
    .unwrap();
    let [Wanted { text, found, .. }] = wanted;
    (found == Lookup::Found).then(|| String::from_utf8_lossy(text.get().unwrap()).into_owned())
}

/// header, `name`; the answers are those of werkzeug 3.0.6
const CASES: &[(&str, Option<&str>)] = &[
    ("form-data", None),
    ("form-data; name=cmd", Some("cmd")),
    ("form-data; name=\"cmd\"", Some("cmd")),
    ("form-data; NAME=\"cmd\"", Some("cmd")),
    ("form-data;name=cmd;", Some("cmd")),
    ("form-data; name='cmd'", Some("'cmd'")),
    ("form-data; name=a; name=cmd", Some("cmd")),
    ("form-data; name = cmd", None),
    ("form-data; name= cmd", None),
    ("form-data; name=\"c;m\"; x", Some("c;m")),
    ("form-data; name=\"a\\\"b\\\\c\"", Some("a\"b\\c")),
    ("form-data; name=\"a%22b\"", Some("a\"b")),
    ("form-data; name=\"cmd", None),
    ("form-data; name=\"cmd\"junk; x=1", Some("cmd")),
    ("form-data; name=cmd junk; x=1", Some("cmd")),
    ("form-data; x\"; name=cmd", Some("cmd")),
    ("form-data; x=\"; name=cmd", Some("cmd")),
    ("; name=cmd", None),
    (" ; name=cmd", None),
    ("form-data; name*=utf-8''%63md", Some("cmd")),
    ("form-data; name*=UTF-8'en'c%6dd", Some("cmd")),
    ("form-data; name*=latin2''%63md", Some("%63md")),
    ("form-data; name*=%63md", Some("%63md")),
    ("form-data; name*=''%63md", Some("%63md")),
    ("form-data; x*=utf-8''y; name*=%63md", Some("cmd")),
    ("form-data; x*=utf-8''y; name*=''%63md", Some("cmd")),
    ("form-data; x*=utf-8''y; name*=latin2''%63md", Some("%63md")),
    ("form-data; name*0=c; name*1=md", Some("cmd")),
    ("form-data; name*1=md; name*0=c", Some("mdc")),
    ("form-data; name=c; name*1=\"md\"", Some("cmd")),
    (
        "form-data; name*0*=utf-8''%63; name*1*=%6d; name*2=d",
        Some("cmd"),
    ),
    ("form-data; name*0=c; name=x", Some("x")),
    ("form-data; name*x=c", None),
    ("form-data; *=c; name=d", Some("d")),
    // Text outside ASCII need not be decoded, since no name has it.
    ("form-data; name*=iso-8859-1''c%6dd%e9", Some("cmd\u{fffd}")),
    ("form-data; name*=ascii''c%6dd%e9", Some("cmd\u{fffd}")),
    ("form-data; name*=us-ascii''c%6dd", Some("cmd")),
    ("form-data; name*=utf-8''c%6dd%c3%a9", Some("cmd\u{e9}")),
    ("form-data; name=\"\"", Some("")),
    ("form-data; name=\"\u{e9}\"", Some("\u{e9}")),
    ("form-data; name=\u{e9}", None),
    ("form-data;\u{a0}name=cmd", Some("cmd")),
];

#[test]
fn vectors() {
    for (header, expected) in CASES {
        assert_eq!(get(header, "name").as_deref(), *expected, "{header}");
    }
}

#[test]
fn values_are_stripped_as_python_strips() {
    let cases: [(&[u8], HeaderText, &[u8]); 5] = [
        (b" a/b ;x=1", HeaderText::Latin1, b"a/b"),
        (b"\xa0a/b\x85", HeaderText::Latin1, b"a/b"),
        (b"\xa0a/b", HeaderText::Utf8, b"\xa0a/b"),
        ("\u{2003}a\u{1f}".as_bytes(), HeaderText::Utf8, b"a"),
        (b"\t\x0b", HeaderText::Utf8, b""),
    ];
    for (header, text, expected) in cases {
        assert_eq!(
            value(header, text, HeaderRules::Scan),
            expected,
            "{header:?}"
        );
    }
}

#[test]
fn tokens() {
    let marks = b"_!#$%&'*+-.^`|~";
    for byte in 0..=255_u8 {
        let expected = byte.is_ascii_alphanumeric() || marks.contains(&byte);
        assert_eq!(is_token(byte), expected, "{byte:#x}");
    }
}

/// What clients send is recognised before the header is parsed.
#[test]
fn plain_boundaries() {
    for boundary in [
        "----WebKitFormBoundary7MA4YWxkTrZu0gW",
        "------------------------d74496d66958873e",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    ] {
        let header = format!("multipart/form-data; boundary={boundary}");
        assert_eq!(plain_boundary(header.as_bytes()), Some(boundary.as_bytes()));
    }
}
