//! Paths, as Frappe's routers read them.

use crate::frappe::path::{DocumentMethod, Route, Routes, decode, is_page, route, split_target};

#[derive(Debug, PartialEq)]
enum Expected {
    Cmd(&'static str),
    Doctype(&'static str),
    Other,
}

use Expected::{Cmd, Doctype, Other};

const CASES: &[(&str, Expected)] = &[
    ("/api/method/p", Cmd("p")),
    ("/api/method/p/", Cmd("p")),
    ("/api/method/p//", Cmd("p")),
    ("/api/method/a/b", Cmd("a")),
    ("/api/method/a%2Fb", Cmd("a")),
    ("/api/method/p%2F", Cmd("p")),
    ("/api/method/%70", Cmd("p")),
    ("/api/method/a%20b", Cmd("a b")),
    ("/api/method/a+b", Cmd("a+b")),
    ("/api/method/p;x=1", Cmd("p;x=1")),
    ("/api/method/p%3Fcmd=x", Cmd("p?cmd=x")),
    ("/api/method/p%252e", Cmd("p%2e")),
    ("/api/method/p%2", Cmd("p%2")),
    ("/api/method/p%zz", Cmd("p%zz")),
    ("/api/method/p?x=1", Cmd("p")),
    ("/api/method/p#b?cmd=x", Cmd("p")),
    ("//api/method/p", Cmd("p")),
    ("/%2F/api/method/p", Cmd("p")),
    ("/api%2Fmethod/p", Cmd("p")),
    ("/api/method%2Fp", Cmd("p")),
    ("/api/v1/method/p", Cmd("p")),
    ("/api/v1/method/p/q", Cmd("p")),
    ("/api/v2/method/p", Cmd("p")),
    ("/api/v2/method/p/", Cmd("p")),
    ("/api/v2/method/a/b", Cmd("a/b")),
    ("/api/v2/method/a/b/", Cmd("a/b")),
    ("/api/method/../x", Cmd("..")),
    ("/api/v2/method/a/b/c", Other),
    ("/api/v2/method/a//", Other),
    ("/api/v2/method/", Other),
    ("/api/v3/method/p", Other),
    ("/api//method/p", Other),
    ("/api/./method/x", Other),
    ("/api/method//p", Other),
    ("/api/method/", Other),
    ("/api/method", Other),
    ("/API/method/p", Other),
    ("/apix/method/p", Other),
    ("/api/method/p%0a", Other),
    ("/api/method/p/%0a", Other),
    ("/", Other),
    ("", Other),
    ("/app/todo", Other),
    ("/api/resource/ToDo", Doctype("ToDo")),
    ("/api/resource/ToDo/", Doctype("ToDo")),
    (
        "/api/resource/Sales%20Invoice/SI/1?x=1",
        Doctype("Sales Invoice."),
    ),
    ("/api/v1/resource/ToDo/a", Doctype("ToDo.")),
    ("/api/v2/document/ToDo", Doctype("ToDo")),
    ("/api/v2/document/ToDo/a", Doctype("ToDo")),
    ("/api/v2/document/ToDo/a/b/method/m", Doctype("ToDo.m")),
    ("/api/v2/document/ToDo/a/method/m/", Doctype("ToDo.m")),
    (
        "/api/v2/document/ToDo/a/method/b/method/m",
        Doctype("ToDo.m"),
    ),
    (
        "/api/v2/document/ToDo/a/method/method",
        Doctype("ToDo.method"),
    ),
    ("/api/v2/document/ToDo/a//method/m", Doctype("ToDo.m")),
    ("/api/v2/document/ToDo/a/method/m%0A", Doctype("ToDo.m\n")),
    ("/api/v2/document/ToDo/method/m", Doctype("ToDo")),
    ("/api/v2/document/ToDo/a/method/", Doctype("ToDo")),
    ("/api/v2/document/ToDo/a/method/m/x", Doctype("ToDo")),
    ("/api/v2/document/ToDo/a/method/m//", Other),
    ("/api/v2/document/ToDo//method/m", Other),
    ("/api/v2/document/ToDo/a%0Ab/method/m", Other),
    ("/api/v2/doctype/ToDo/meta", Doctype("ToDo")),
    (
        "/api/v2/doctype/Sales%20Order/count/",
        Doctype("Sales Order"),
    ),
    ("/api/v2/doctype/ToDo/search", Doctype("ToDo")),
    ("/api/v2/doctype/ToDo/metal", Other),
    ("/api/v2/doctype/ToDo/meta//", Other),
    ("/api/v2/doctype/ToDo", Other),
    ("/api/v1/doctype/ToDo/meta", Other),
    ("/api/v2/resource/ToDo", Other),
    ("/api/resource/", Other),
    ("/api/resource/T//", Other),
    ("/api/resource/T/a/", Doctype("T.")),
    ("/api/resource/T/a//", Other),
    ("/api/resource/T/a%0A", Other),
    ("/api/method/%0A", Cmd("\n")),
];

#[test]
fn vectors() {
    for (target, expected) in CASES {
        let mut buffer = [0; 256];
        let path = decode(split_target(target.as_bytes()).0, &mut buffer).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (kind, found) = match route(path, Routes::Rules) {
            Route::Method(first, None) => ("cmd", text(first)),
            Route::Method(first, Some(second)) => {
                ("cmd", format!("{}/{}", text(first), text(second)))
            }
            Route::Documents(documents) => {
                let method = match documents.method {
                    DocumentMethod::Path(method) => format!(".{}", text(method)),
                    DocumentMethod::Argument => ".".to_owned(),
                    DocumentMethod::None => String::new(),
                };
                ("doctype", text(documents.doctype) + &method)
            }
            Route::Other => ("other", String::new()),
        };
        let expected = match expected {
            Cmd(cmd) => ("cmd", (*cmd).to_owned()),
            Doctype(doctype) => ("doctype", (*doctype).to_owned()),
            Other => ("other", String::new()),
        };
        assert!(
            !is_page(target.as_bytes()) || expected.0 == "other",
            "{target}"
        );
        assert_eq!((kind, found), expected, "{target}");
    }
}

#[test]
fn pages_are_seen_at_a_glance() {
    for page in [
        "",
        "/",
        "/app/todo",
        "/assets/a.js",
        "/api",
        "/apix/method/p",
    ] {
        assert!(is_page(page.as_bytes()), "{page}");
    }
    let long = format!("/{}", "\u{e9}".repeat(4096));
    for other in [
        "/?x",
        "/%61pi/method/p",
        "//api/method/p",
        "/#?cmd=x",
        &long,
    ] {
        assert!(!is_page(other.as_bytes()), "{other}");
    }
}

#[test]
fn raw_bytes_are_latin1_to_gunicorn() {
    let mut buffer = [0; 16];
    assert_eq!(
        decode(b"/\xc3\xa9", &mut buffer),
        Some("/\u{c3}\u{a9}".as_bytes())
    );
    assert_eq!(decode(b"/%C3%A9", &mut buffer), Some("/\u{e9}".as_bytes()));
    assert_eq!(decode(b"/%41%41%41", &mut [0; 3]), None);
}

#[test]
fn query_ends_at_the_fragment() {
    assert_eq!(split_target(b"/p?a=1?b#c?d"), (&b"/p"[..], &b"a=1?b"[..]));
    assert_eq!(split_target(b"/p#a?b"), (&b"/p"[..], &b""[..]));
}
