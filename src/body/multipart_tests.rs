use super::{End, Multipart};
use crate::body::testing::{each_split, values};
use crate::body::{LineRoom, OneLine, Scratch};
use crate::frappe::dialect;
use crate::frappe::trouble::Trouble;

fn scan(boundary: &str, body: &[u8]) -> (Vec<Option<String>>, End) {
    let werkzeug = dialect::find(b"15").unwrap().werkzeug;
    let content_type = format!("multipart/form-data; boundary=\"{boundary}\"");
    each_split(body, |pieces| {
        let mut end = End::EmptyJson;
        let found = values(&["a", "b"], |fields| {
            let mut bytes = vec![0; Multipart::scratch_len(content_type.as_bytes())];
            let mut room = LineRoom::uninit();
            let lender = OneLine::new(&mut room);
            let scratch = Scratch {
                bytes: &mut bytes,
                line: &lender,
            };
            let mut multipart = Multipart::new(content_type.as_bytes(), werkzeug, scratch).unwrap();
            pieces
                .iter()
                .for_each(|piece| multipart.feed(piece, fields));
            end = multipart.finish(fields);
        });
        (found, end)
    })
}

fn part(boundary: &str, name: &str, value: &str) -> String {
    format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

/// Values full of beginnings of the delimiter, for boundaries that overlap with themselves.
#[test]
fn values_that_look_like_delimiters() {
    let boundaries = [
        "B",
        "-",
        "--",
        "-a-",
        "a--a",
        "B B",
        "----WebKitFormBoundary7MA4YWxk",
    ];
    for boundary in boundaries {
        let values = [
            String::new(),
            "\r".into(),
            "\n".into(),
            "--".into(),
            format!("--{boundary}"),
            format!("x--{boundary}--"),
            format!("-{boundary}"),
            format!("\r\n-{boundary}"),
            format!("--{}", &boundary[1..]),
            format!("a--{boundary}--{boundary}"),
            "-".repeat(50),
        ];
        for value in values {
            let mut body = part(boundary, "a", &value);
            body.push_str(&part(boundary, "b", "end"));
            body.push_str(&format!("--{boundary}--\r\n"));
            let (found, end) = scan(boundary, body.as_bytes());
            let usable = !value.contains(['\r', '\n']);
            let value = if usable {
                value.clone()
            } else {
                "<unusable>".into()
            };
            // A value that starts like a delimiter stands behind the blank line's line break.
            if value.starts_with(&format!("--{boundary}")) {
                continue;
            }
            assert_eq!(end, End::Fields { any: true }, "{boundary} {value:?}");
            assert_eq!(found[1].as_ref(), Some(&value), "{boundary} {value:?}");
            assert_eq!(found[2].as_deref(), Some("end"), "{boundary} {value:?}");
        }
    }
}

/// The second line break of the blank line is that of a delimiter, too.
#[test]
fn a_part_without_data() {
    let body = format!(
        "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n--B\r\n{}--B--",
        &part("B", "b", "2")[5..]
    );
    let (found, end) = scan("B", body.as_bytes());
    assert_eq!(end, End::Fields { any: true });
    assert_eq!(found[1].as_deref(), Some(""));
    assert_eq!(found[2].as_deref(), Some("2"));
}

/// Three kinds of line break, mixed in one body.
#[test]
fn line_breaks() {
    let cd = |name: &str| format!("Content-Disposition: form-data; name={name}");
    for (body, a, b) in [
        (
            format!("--B\n{}\n\n1\n--B\n{}\n\n2\n--B--", cd("a"), cd("b")),
            "1",
            "2",
        ),
        (
            format!("--B\r{}\r\r1\r--B\r{}\r\r2\r--B--", cd("a"), cd("b")),
            "1",
            "2",
        ),
        (
            format!(
                "--B\r{}\r\r\n1\r\n--B\n{}\r\n\r\n2\r--B--",
                cd("a"),
                cd("b")
            ),
            "1",
            "2",
        ),
        (
            format!("--B\r{}\r\r\n--B\n{}\r\n\r\n2\r--B--", cd("a"), cd("b")),
            "",
            "2",
        ),
        (
            format!(
                "--B\r\n{}\n\n1\r\n--B\n{}\r\n\r\n2\r--B--",
                cd("a"),
                cd("b")
            ),
            "1",
            "2",
        ),
    ] {
        let (found, end) = scan("B", body.as_bytes());
        assert_eq!(end, End::Fields { any: true }, "{body:?}");
        assert_eq!(found[1].as_deref(), Some(a), "{body:?}");
        assert_eq!(found[2].as_deref(), Some(b), "{body:?}");
    }
}

/// Where there is no room for a line that a chunk's end cuts, nothing is known of it.
#[test]
fn no_room_for_a_line() {
    #[derive(Debug)]
    struct Nobody;
    impl<'r> crate::body::LendLine<'r> for Nobody {
        fn lend(&self) -> Option<&'r mut LineRoom> {
            None
        }
    }
    let content_type = b"multipart/form-data; boundary=B";
    let werkzeug = dialect::find(b"15").unwrap().werkzeug;
    let body = [part("B", "a", "1"), "--B--\r\n".into()].concat();
    let (head, tail) = body.as_bytes().split_at("--B\r\nContent-Disp".len());
    for (pieces, expected) in [
        (vec![body.as_bytes()], End::Fields { any: true }),
        (vec![head, tail], End::Unknown(Trouble::PartHeaderTooLong)),
    ] {
        values(&["a"], |fields| {
            let mut bytes = vec![0; Multipart::scratch_len(content_type)];
            let scratch = Scratch {
                bytes: &mut bytes,
                line: &Nobody,
            };
            let mut multipart = Multipart::new(content_type, werkzeug, scratch).unwrap();
            pieces
                .iter()
                .for_each(|piece| multipart.feed(piece, fields));
            assert_eq!(multipart.finish(fields), expected);
        });
    }
}
