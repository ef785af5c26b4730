use super::{Charset, Sink, Slot, Source, Value};

fn text(charset: Charset, pieces: &[&[u8]], size: usize) -> Option<String> {
    let mut buffer = vec![0; size];
    let mut slot = Slot::new(&mut buffer);
    slot.start(charset, Source::Form);
    pieces.iter().for_each(|piece| slot.push(piece));
    slot.settle();
    match slot.value() {
        Value::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
        _ => None,
    }
}

#[test]
fn decodes_by_charset() {
    let bytes: &[&[u8]] = &[b"a\xe9", b"b\xf0\xaf\xa8c", "\u{e9}".as_bytes()];
    let cases = [
        (Charset::Utf8, "a\u{fffd}b\u{fffd}c\u{e9}"),
        (Charset::Utf8Quoted, "a%E9b%F0%AF%A8c\u{e9}"),
        (
            Charset::Ascii,
            "a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}c\u{fffd}\u{fffd}",
        ),
        (Charset::Latin1, "a\u{e9}b\u{f0}\u{af}\u{a8}c\u{c3}\u{a9}"),
    ];
    for (charset, expected) in cases {
        assert_eq!(text(charset, bytes, 64).as_deref(), Some(expected));
    }
}

#[test]
fn charsets_that_are_not_known() {
    assert_eq!(
        text(Charset::OtherAscii, &[b"ab"], 8).as_deref(),
        Some("ab")
    );
    for (charset, bytes) in [
        (Charset::OtherAscii, &b"a\xe9"[..]),
        (Charset::Other, b"ab"),
        (Charset::Utf8Strict, b"a\xe9"),
    ] {
        assert_eq!(text(charset, &[bytes], 8), None, "{charset:?}");
    }
}

#[test]
fn bounds_hold_before_and_after_decoding() {
    assert_eq!(text(Charset::Utf8, &[b"abcd"], 4).as_deref(), Some("abcd"));
    assert_eq!(text(Charset::Utf8, &[b"abc", b"de"], 4), None);
    assert_eq!(text(Charset::Utf8Quoted, &[b"ab\xe9"], 4), None);
    assert_eq!(
        text(Charset::Utf8Quoted, &[b"a\xe9"], 4).as_deref(),
        Some("a%E9")
    );
    assert_eq!(text(Charset::Utf8, &[&[b'x'; 5000]], 4096), None);
}

#[test]
fn control_characters_are_unusable() {
    for byte in (0..0x20).chain([0x7f]) {
        for pieces in [&[&b"a"[..], &[byte]][..], &[&[byte], b"b", &[byte]]] {
            assert_eq!(text(Charset::Utf8, pieces, 8), None, "{byte:#x}");
        }
    }
    assert_eq!(text(Charset::Utf8, &[b"a b~"], 8).as_deref(), Some("a b~"));
}

/// Characters from U+0080 to U+00FF, as UTF-8 and from other charsets: only those of Cc are unusable. Their
/// bytes within longer characters do no harm.
#[test]
fn control_characters_above_ascii_are_unusable() {
    for code in 0x80..=0xff_u8 {
        let char = char::from(code);
        let utf8 = format!("a{char}b");
        let expected = (code >= 0xa0).then_some(utf8.as_str());
        for charset in [Charset::Utf8, Charset::Utf8Quoted, Charset::Utf8Strict] {
            let found = text(charset, &[utf8.as_bytes()], 8);
            assert_eq!(found.as_deref(), expected, "{code:#x}");
            let twice = text(charset, &[utf8.as_bytes(); 2], 8);
            assert_eq!(twice.is_some(), code >= 0xa0, "{code:#x} twice");
        }
        let found = text(Charset::Latin1, &[b"a", &[code], b"b"], 8);
        assert_eq!(found.as_deref(), expected, "{code:#x}");
        // A byte that is no character of Windows-1252 becomes U+FFFD, and no character of it is in Cc.
        assert!(text(Charset::Cp1252, &[b"a", &[code]], 8).is_some());
    }
    for harmless in ["\u{c2}\u{a0}", "\u{2080}\u{9f9f}", "\u{fffd}"] {
        let found = text(Charset::Utf8, &[harmless.as_bytes()], 8);
        assert_eq!(found.as_deref(), Some(harmless));
    }
}

#[test]
fn taking_back_what_did_not_fit() {
    let mut buffer = [0; 4];
    let mut slot = Slot::new(&mut buffer);
    slot.start(Charset::Utf8, Source::Multipart);
    slot.push(b"ab");
    slot.push(b"cd\r\n--x");
    slot.pop(5);
    slot.settle();
    assert_eq!(slot.value(), Value::Text(b"abcd"));
}
