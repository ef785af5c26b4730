//! The parameter `name` as `http.parse_options_header` of the real werkzeug 0.14.1, 0.16.1, 2.1.2 and 2.2.3
//! reads it.

use super::*;
use crate::body::werkzeug::{HeaderRules, W0_14, W0_16, W2_1, W2_2, Werkzeug};

/// The result of reading a header.
#[derive(Debug, PartialEq)]
enum Said<'s> {
    Is(Option<&'s str>),
    /// a ValueError
    NotText,
    /// another error
    Crash,
}

use Said::{Crash, Is, NotText};

const RELEASES: [&Werkzeug; 4] = [&W0_14, &W0_16, &W2_1, &W2_2];

/// Headers that all four releases read alike.
const SAME: &[(&str, Said<'_>)] = &[
    ("form-data; name=cmd", Is(Some("cmd"))),
    ("form-data; name=\"cmd\"", Is(Some("cmd"))),
    ("form-data; name", Is(None)),
    ("form-data; name=", Is(None)),
    ("form-data;name=cmd;", Is(Some("cmd"))),
    ("form-data; name='cmd'", Is(Some("'cmd'"))),
    ("form-data; name=a; name=cmd", Is(Some("cmd"))),
    ("form-data; name = cmd", Is(Some("cmd"))),
    ("form-data; name=\"c;m\"; x", Is(Some("c;m"))),
    ("form-data; name=\"a\\\"b\\\\c\"", Is(Some("a\"b\\c"))),
    ("form-data; name=\"a%22b\"", Is(Some("a%22b"))),
    ("form-data; name=\"cmd", Is(Some("\"cmd"))),
    ("form-data; name=\"cmd\"junk; x=1", Is(Some("cmd"))),
    ("form-data; x\"; name=cmd", Is(Some("cmd"))),
    ("; name=cmd", Is(None)),
    (" ; name=cmd", Is(None)),
    ("form-data, x; name=cmd", Is(None)),
    ("form-data; \"name\"=cmd", Is(Some("cmd"))),
    ("form-data; \"na\\me\"=cmd", Is(None)),
    ("form-data; \"x;y\"=a; name=cmd", Is(Some("cmd"))),
    ("form-data; \"a; name=cmd; \"=x", Is(None)),
    ("form-data; name*=utf-8''%63md", Is(Some("cmd"))),
    ("form-data; name*=utf-8'en'c%6dd", Is(Some("cmd"))),
    ("form-data; name*=latin1''%e9", Is(Some("\u{e9}"))),
    ("form-data; name*=cp1252''%80", Is(Some("\u{20ac}"))),
    ("form-data; name*=cp1252''%81", NotText),
    ("form-data; name*=ascii''%63md", Is(Some("cmd"))),
    ("form-data; name*=ascii''%e9", NotText),
    ("form-data; name*=utf-8''%e9", NotText),
    ("form-data; name*=utf-8''%c3a%a9", NotText),
    ("form-data; name*=bogus''cmd", Crash),
    ("form-data; x*=bogus''cmd; name=a", Crash),
    ("form-data; x*=utf-8''%e9; name=a", NotText),
    ("form-data; x*=\"utf-8''%e9\"; name=a", NotText),
    (
        "form-data; name*=utf-8''\"a\\\"b\\\\%63\"",
        Is(Some("a\"b\\c")),
    ),
    ("form-data; name*x=c", Is(None)),
    ("form-data; *=c; name=d", Is(None)),
    ("form-data; x*=a'b'c'd'e; name=f", Crash),
    ("form-data; name*=u8''c%C3%A9", Is(Some("c\u{e9}"))),
    (
        "form-data; name*=utf_8''%F0%9F%98%80",
        Is(Some("\u{1f600}")),
    ),
    ("form-data; name*=koi8-r''abc", Is(Some("abc"))),
    ("form-data; name=\"\"", Is(Some(""))),
    ("form-data; name=\u{e9}", Is(Some("\u{e9}"))),
    ("form-data; name=\"\u{e9}\"", Is(Some("\u{e9}"))),
    ("form-data; name=cmd\u{2003}; x=1", Is(Some("cmd\u{2003}"))),
    ("form-data; name*=utf-8''\u{e9}", Is(Some("\u{e9}"))),
    (
        "form-data; aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; name=a",
        Is(Some("a")),
    ),
    ("form-data; name=a=b", Is(Some("a=b"))),
    ("form-data; name=a,b", Is(Some("a"))),
    ("form-data; name=a b; x=c", Is(Some("a b"))),
    ("form-data name=a", Is(None)),
    ("form-data", Is(None)),
    ("form-data; name=\"\\", Is(Some("\"\\"))),
    ("form-data; name*=\"utf-8''a\"", Is(Some("a\""))),
    ("form-data; name *= utf-8''cmd", Is(Some("cmd"))),
    ("form-data; name* =utf-8''cmd", Is(Some("cmd"))),
];

/// Headers that the releases read differently.
const OTHER: &[(&str, [Said<'_>; 4])] = &[
    (
        "form-data; NAME=cmd",
        [Is(None), Is(None), Is(None), Is(Some("cmd"))],
    ),
    (
        "form-data;, name=cmd",
        [Is(None), Is(Some("cmd")), Is(Some("cmd")), Is(Some("cmd"))],
    ),
    (
        "form-data; name\u{2003}=cmd",
        [Is(None), Is(Some("cmd")), Is(Some("cmd")), Is(Some("cmd"))],
    ),
    (
        "form-data; name*=%63md",
        [
            Is(None),
            Is(Some("%63md")),
            Is(Some("%63md")),
            Is(Some("%63md")),
        ],
    ),
    (
        "form-data; name*=''%63md",
        [
            Is(None),
            Is(Some("''%63md")),
            Is(Some("''%63md")),
            Is(Some("''%63md")),
        ],
    ),
    (
        "form-data; name*0=c; name*1=md",
        [Is(None), Is(Some("cmd")), Is(Some("cmd")), Is(Some("cmd"))],
    ),
    (
        "form-data; name*1=md; name*0=c",
        [Is(None), Is(Some("mdc")), Is(Some("mdc")), Is(Some("mdc"))],
    ),
    (
        "form-data; name=c; name*1=\"md\"",
        [Is(None), Is(Some("cmd")), Is(Some("cmd")), Is(Some("cmd"))],
    ),
    (
        "form-data; name*0*=utf-8''%63; name*1=%6dd",
        [Is(None), Is(Some("cmd")), Is(Some("cmd")), Is(Some("cmd"))],
    ),
    (
        "form-data; name*0*=utf-8''%63; name*1*=%6d; name*2=d",
        [Is(None), Is(Some("cmd")), Is(Some("cmd")), Is(Some("cmd"))],
    ),
    (
        "form-data; name*0=c; name=x",
        [Is(None), Is(Some("x")), Is(Some("x")), Is(Some("x"))],
    ),
    ("form-data; name; name*0=x", [Is(None), Crash, Crash, Crash]),
    ("form-data; name*0", [Is(None), Crash, Is(None), Is(None)]),
    (
        "form-data; name*0; name=x",
        [Is(None), Crash, Is(Some("x")), Is(Some("x"))],
    ),
    (
        "form-data; x; x*0=y; name=a",
        [Is(None), Crash, Crash, Crash],
    ),
    (
        "form-data; X; x*0=y; name=a",
        [Is(None), Is(Some("a")), Is(Some("a")), Crash],
    ),
    (
        "form-data; \"x\"; x*1=y; name=a",
        [Is(None), Crash, Crash, Crash],
    ),
    (
        "form-data; \"\"; \"\"*1=y; name=a",
        [Is(None), Crash, Crash, Crash],
    ),
    (
        "form-data; \"\\aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"; \
         \"\\aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"*1=y; name=a",
        [Is(None), Crash, Crash, Crash],
    ),
    (
        "form-data; \"a\\\\b\"; a\\b*1=y; name=a",
        [Is(None), Crash, Crash, Crash],
    ),
    (
        "form-data; \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"; \
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa*1=y; name=a",
        [Is(None), Crash, Crash, Crash],
    ),
    (
        "form-data; x; x=1; x*0=y; name=a",
        [Is(None), Is(Some("a")), Is(Some("a")), Is(Some("a"))],
    ),
    (
        "form-data; name*=utf-8'a b'c; x=1",
        [
            Is(None),
            Is(Some("utf-8'a b'c")),
            Is(Some("utf-8'a b'c")),
            Is(Some("utf-8'a b'c")),
        ],
    ),
    (
        "form-data; x*=utf-8; y='a'; name=b",
        [Is(None), Is(Some("b")), Is(Some("b")), Is(Some("b"))],
    ),
    (
        "form-data; aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa*0=x; name=a",
        [Is(None), Is(Some("a")), Is(Some("a")), Is(Some("a"))],
    ),
];

fn check(header: &str, release: &Werkzeug, expected: &Said<'_>) {
    let HeaderRules::Pieces(pieces) = release.headers else {
        panic!("{header}: another way to read headers");
    };
    let mut buffer = [0; 64];
    let mut wanted = [Wanted::new(b"name", &mut buffer)];
    let text = HeaderText::Utf8;
    let found = parameters(header.as_bytes(), text, pieces, &mut wanted);
    let [wanted] = &wanted;
    let name = || (wanted.found == Lookup::Found).then(|| wanted.text.get().unwrap());
    let said = match found {
        Ok(false) => Is(name().map(|name| core::str::from_utf8(name).unwrap())),
        Ok(true) => panic!("{header}: a charset that is not known"),
        Err(Trouble::HeaderNotText) => NotText,
        Err(_) => Crash,
    };
    assert_eq!(said, *expected, "{header} {pieces:?}");
}

#[test]
fn vectors() {
    for (header, expected) in SAME {
        RELEASES
            .iter()
            .for_each(|release| check(header, release, expected));
    }
    for (header, expected) in OTHER {
        for (release, expected) in RELEASES.iter().zip(expected) {
            check(header, release, expected);
        }
    }
}

#[test]
fn charsets_that_python_alone_knows() {
    for (header, expected) in [
        ("form-data; name*=utf-16''ab; x=1", true),
        ("form-data; x*=koi8-r''%e1; name=a", true),
        ("form-data; x*=koi8-r''a; name=a", false),
    ] {
        let HeaderRules::Pieces(pieces) = W2_1.headers else {
            panic!("another way to read headers");
        };
        let mut buffer = [0; 64];
        let mut wanted = [Wanted::new(b"name", &mut buffer)];
        let found = parameters(header.as_bytes(), HeaderText::Utf8, pieces, &mut wanted);
        assert_eq!(found, Ok(expected), "{header}");
    }
}

#[test]
fn a_request_header_is_made_utf_8_of() {
    let HeaderRules::Pieces(pieces) = W2_1.headers else {
        panic!("another way to read headers");
    };
    for (header, expected) in [
        (&b"a; name*=utf-8''\xe9"[..], Ok("\u{e9}")),
        (b"a; name*=latin1''\xe9", Ok("\u{c3}\u{a9}")),
        (b"a; name*=utf-8''%e9", Err(Trouble::HeaderNotText)),
        (b"a; name*=x\0y''a", Err(Trouble::HeaderNotText)),
    ] {
        let mut buffer = [0; 64];
        let mut wanted = [Wanted::new(b"name", &mut buffer)];
        let found = parameters(header, HeaderText::Latin1, pieces, &mut wanted);
        let [wanted] = &wanted;
        let name = found.map(|_| core::str::from_utf8(wanted.text.get().unwrap()).unwrap());
        assert_eq!(name, expected, "{}", header.escape_ascii());
    }
}

#[test]
fn bare_keys_have_places_of_their_own() {
    let letters = || b'a'..=b'z';
    let mut keys_at = [0; 16];
    for key in letters().flat_map(|a| letters().map(move |b| [a, b])) {
        let mut bare = BareKeys::default();
        bare.add(&key, &key);
        keys_at[bare.keys.iter().position(Option::is_some).unwrap()] += 1;
    }
    let most = *keys_at.iter().max().unwrap();
    assert!(most * 16 < 26 * 26 * 3 / 2, "{keys_at:?}");
}
