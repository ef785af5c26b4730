//! By the first bytes alone, as with `frappe_body preread`: what they decide stays, whatever follows.

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=B";
const PART: &str = "--B\r\nContent-Disposition: form-data; name=\"cmd\"\r\n\r\nf\r\n";
const OTHER: &str = "--B\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n";

/// Calls `then` with the scanner and the fields once the first bytes are fed.
fn feed<T>(
    names: &Names,
    head: &Head<'_>,
    front: &[u8],
    then: impl FnOnce(Body<'_>, &mut Fields<'_>) -> T,
) -> T {
    let dialect = dialect::newest().unwrap();
    let Plan::Scan(media_type) = plan(head, dialect) else {
        panic!("{head:?} is not read");
    };
    with_names(names, |fields| {
        let mut scratch = vec![0; scratch_len(media_type, head.content_type)];
        let mut rooms = Rooms::default();
        let room = rooms.of(media_type, &mut scratch).unwrap();
        let mut scanner = scanner(room, head, dialect, fields).unwrap();
        scanner.feed(front, fields);
        then(scanner, fields)
    })
}

/// What so many bytes come to, and the cmd then.
fn early(content_type: &str, front: &[u8]) -> (End, bool, String) {
    let head = Head {
        method: b"POST",
        target: b"/",
        content_type: content_type.as_bytes(),
    };
    feed(&Names::new(), &head, front, |mut scanner, fields| {
        let is_decided = scanner.is_decided(fields);
        let end = scanner.finish_early(fields);
        let cmd = String::from_utf8(fields.text(Names::CMD).to_vec()).unwrap();
        (end, is_decided, cmd)
    })
}

#[test]
fn from_some_byte_on_it_is_decided() {
    for (content_type, body, first) in [
        (FORM, "cmd=f&x=y".to_owned(), "cmd=f&"),
        (FORM, "x=y&cmd=f&cmd=g".to_owned(), "x=y&cmd=f&"),
        (FORM, "cmd=&cmd=f".to_owned(), "cmd=&"),
        (MULTIPART, format!("{PART}{OTHER}--B--"), PART),
        (MULTIPART, format!("{OTHER}{PART}{OTHER}--B--"), ""),
    ] {
        let decided: Vec<_> = (0..body.len())
            .map(|len| early(content_type, &body.as_bytes()[..len]))
            .collect();
        let at = decided
            .iter()
            .position(|(_, is_decided, _)| *is_decided)
            .unwrap();
        let last = &decided[body.len() - 1];
        for (len, found) in decided.iter().enumerate() {
            if len < at {
                assert_eq!(
                    (found.0, found.1),
                    (End::Truncated, false),
                    "{len} bytes of {body:?}"
                );
            } else {
                assert_eq!(found, last, "{len} bytes of {body:?}");
                assert_eq!(found.0, End::Fields { any: true });
            }
        }
        // A delimiter is one with its line.
        assert!(
            first.is_empty() || (first.len()..=first.len() + 5).contains(&at),
            "{at} of {body:?}"
        );
    }
}

#[test]
fn json_is_not_decided_before_its_end() {
    let body = br#"{"cmd":"f","x":1}"#;
    for len in 0..body.len() {
        assert_eq!(
            early("application/json", &body[..len]).0,
            End::Truncated,
            "{len}"
        );
    }
    let (end, is_decided, _) = early("application/json", b"{\"cmd\":}");
    assert!(matches!(end, End::Refused(_)) && is_decided);
}

/// What begins behind cmd may be cut: such a document has no doctype.
#[test]
fn a_document_counts_once_it_is_whole() {
    let mut names = Names::new();
    call::add_call(&mut names);
    // So long that the scanner does not wait for more.
    let front = format!(
        "cmd=f&doc={{\"doctype\":\"A\",\"x\":\"{}\"}}",
        "x".repeat(500)
    );
    for (target, behind, expected) in [
        ("/", "&", "f:A"),
        ("/", "", "f"),
        ("/?docs={\"doctype\":\"B\"}", "", "f"),
    ] {
        let front = format!("{front}{behind}");
        let head = Head {
            method: b"POST",
            target: target.as_bytes(),
            content_type: FORM.as_bytes(),
        };
        let found = feed(&names, &head, front.as_bytes(), |mut scanner, fields| {
            let end = scanner.finish_early(fields);
            let dialect = dialect::newest().unwrap();
            resolve(&head, plan(&head, dialect), Some(end), dialect, fields);
            String::from_utf8(call::text(fields).to_vec()).unwrap()
        });
        assert_eq!(found, expected, "{target}: {behind}");
    }
}
