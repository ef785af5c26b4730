//! What of a path is more than its vectors show.

use crate::frappe::path::{decode, is_page, split_target};

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
