use super::line::{LINE_MAX, Line};
use super::part::PartHeaders;
use super::{End, Multipart};
use crate::body::Trouble;
use crate::body::testing::{each_split, values, with_fields};
use crate::body::{Fields, LendPage, OnePage, Page, Scratch};
use crate::frappe::dialect;

fn scan(boundary: &str, body: &[u8]) -> (Vec<Option<String>>, End) {
    each_split(body, |pieces| {
        let boundary = format!("\"{boundary}\"");
        read("15", &boundary, &["a", "b"], |multipart, fields| {
            pieces
                .iter()
                .for_each(|piece| multipart.feed(piece, fields));
        })
    })
}

/// The value of `a`, the end, and how many of the pieces were skipped.
fn skim(version: &str, boundary: &str, pieces: &[&[u8]]) -> (Option<String>, End, usize) {
    let mut passed = 0;
    let (found, end) = read(version, boundary, &["a"], |multipart, fields| {
        for piece in pieces {
            if multipart.skim().is_some_and(|skim| skim.passes(piece)) {
                passed += 1;
            } else {
                multipart.feed(piece, fields);
            }
        }
    });
    (found[1].clone(), end, passed)
}

/// The values and the end of what `feed` feeds.
fn read(
    version: &str,
    boundary: &str,
    names: &[&str],
    feed: impl FnOnce(&mut Multipart<'_>, &mut Fields<'_>),
) -> (Vec<Option<String>>, End) {
    let werkzeug = dialect::find(version.as_bytes()).unwrap().werkzeug;
    let content_type = format!("multipart/form-data; boundary={boundary}");
    let mut end = End::EmptyJson;
    let found = values(names, |fields| {
        let mut bytes = vec![0; Multipart::scratch_len(content_type.as_bytes())];
        let mut page = Page::uninit();
        let lender = OnePage::new(&mut page);
        let scratch = Scratch {
            bytes: &mut bytes,
            lender: &lender,
        };
        let mut multipart = Multipart::new(content_type.as_bytes(), werkzeug, scratch).unwrap();
        feed(&mut multipart, fields);
        end = multipart.finish(fields);
    });
    (found, end)
}

/// Pieces that may be skimmed do not change the result, however the data of a part is cut.
#[test]
fn pieces_that_are_passed() {
    let odd_headers = [
        "name=f; filename=g\r\nContent-Transfer-Encoding: base64",
        "name=f; filename=g\r\nContent-Transfer-Encoding: quoted-printable",
        "name=f\r\nContent-Type: text/plain; charset=none",
    ];
    for boundary in ["----WebKitFormBoundary7MA4", "abcdef", "--------", "a--b--"] {
        let looks = looks(boundary);
        for data in [
            "data ".repeat(80) + &looks.concat() + &looks.join("data"),
            "data".repeat(99) + "d",
        ] {
            for header in ["name=f; filename=g", "name=f", "name=a"] {
                for version in ["12", "14.0", "15"] {
                    let passed = skim_pieces(version, boundary, header, &data);
                    assert!(passed > 500 || header == "name=a", "{passed}");
                }
            }
            for header in odd_headers {
                for version in ["12", "14.0", "14.8"] {
                    skim_pieces(version, boundary, header, &data);
                }
            }
        }
    }
}

/// Texts that look like a delimiter.
fn looks(boundary: &str) -> Vec<String> {
    let start = &boundary[..5];
    [
        "\r\n--",
        "\n",
        "\r\n\r\n--",
        "---",
        "\r",
        &format!("\r\n--{start}"),
        "x\n--a",
        " --- ",
        &format!("\n--{boundary} x"),
        &format!("\r\n--{boundary}-x"),
        &format!("\n-{boundary}\t"),
        &format!("\n---{boundary}\n"),
    ]
    .map(str::to_owned)
    .to_vec()
}

fn skim_pieces(version: &str, boundary: &str, header: &str, data: &str) -> usize {
    let start = format!("--{boundary}\r\nContent-Disposition: form-data; {header}\r\n\r\n");
    let after = format!("\r\n{}--{boundary}--\r\n", part(boundary, "a", "1"));
    let body = [&*start, data, &after].concat();
    let whole = skim(version, boundary, &[body.as_bytes()]);
    assert_eq!(whole.2, 0);
    let mut passed = 0;
    for first in [start.len(), start.len() + 1, start.len() + 300] {
        let (head, tail) = body.as_bytes().split_at(first);
        for len in (1..50).chain([63, 64, 65, 99, 255, 256, 257]) {
            let pieces: Vec<&[u8]> = [head].into_iter().chain(tail.chunks(len)).collect();
            let cut = skim(version, boundary, &pieces);
            let place = format!("{version} {boundary} {header} {first} {len}");
            assert_eq!((&cut.0, cut.1), (&whole.0, whole.1), "{place}");
            passed += cut.2;
        }
    }
    passed
}

fn part(boundary: &str, name: &str, value: &str) -> String {
    format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

/// Values with many beginnings of the delimiter, for boundaries that overlap with themselves.
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
            // A value that begins like a delimiter stands directly behind the blank line.
            if value.starts_with(&format!("--{boundary}")) {
                continue;
            }
            assert_eq!(end, End::Fields { any: true }, "{boundary} {value:?}");
            assert_eq!(found[1].as_ref(), Some(&value), "{boundary} {value:?}");
            assert_eq!(found[2].as_deref(), Some("end"), "{boundary} {value:?}");
        }
    }
}

/// The second line break of the blank line may also be the one in front of a delimiter.
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

/// Lends no page.
#[derive(Debug)]
struct Nobody;

impl<'r> LendPage<'r> for Nobody {
    fn lend(&self) -> Option<&'r mut Page> {
        None
    }
}

/// If there is no memory for a line that the end of a chunk cuts, the line counts as too long.
#[test]
fn no_room_for_a_line() {
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
                lender: &Nobody,
            };
            let mut multipart = Multipart::new(content_type, werkzeug, scratch).unwrap();
            pieces
                .iter()
                .for_each(|piece| multipart.feed(piece, fields));
            assert_eq!(multipart.finish(fields), expected);
        });
    }
}

/// Headers of a part, without a page.
fn headers<'r>(version: &str) -> PartHeaders<'r> {
    let werkzeug = dialect::find(version.as_bytes()).unwrap().werkzeug;
    let mut headers = PartHeaders::new(werkzeug.parts, werkzeug.headers, &Nobody);
    headers.restart();
    headers
}

/// Lines too short to matter are passed, unless their colon matters.
#[test]
fn short_lines() {
    for (line, before_2_3, later) in [
        ("", true, true),
        ("X: y", true, true),
        ("X", false, true),
        ("Content-Type", false, true),
        ("Content-Type:", false, false),
    ] {
        for (version, is_short) in [("14.0", before_2_3), ("15", later)] {
            let found = headers(version).is_short(line.as_bytes());
            assert_eq!(found, is_short, "{version} {line:?}");
        }
    }
}

/// Whole lines are read where they lie, and need no page.
#[test]
fn whole_lines() {
    let line = |len: usize| {
        let line = "Content-Disposition: form-data; name=\"cmd\"; filename=\"\"\r\n";
        line.replace("\"\"", &format!("\"{}\"", "x".repeat(len - line.len())))
    };
    with_fields(&[], |fields, _| {
        for (len, behind, is_usual) in [
            (100, "Content-Type: text/plain\r\n", true),
            (100, "\r\n", true),
            (100, " x", false),
            (100, "\tx", false),
            (100, "", false),
            (LINE_MAX, "\r\n", true),
            (LINE_MAX + 1, "\r\n", false),
        ] {
            let bytes = line(len) + behind;
            let mut headers = headers("15");
            let taken = headers.usual_line(bytes.as_bytes(), fields);
            assert_eq!(taken, is_usual.then_some(len), "{len} {behind:?}");
            if is_usual {
                assert_eq!(headers.usual_line(bytes.as_bytes(), fields), None);
            }
        }
        for (behind, after) in [
            ("\r\nX", Some("X")),
            ("\nX", Some("X")),
            ("\rX", Some("X")),
            ("\r\n", None),
            ("\r\n x", None),
            ("\n\tx", None),
            ("\n\nx", None),
            ("", None),
        ] {
            let found = headers("15").whole_line(b"X-Y: z", behind.as_bytes(), fields);
            assert_eq!(found, after.map(str::as_bytes), "{behind:?}");
        }
    });
    let mut line = Line::new(&Nobody);
    line.push(b"");
    assert_eq!(line.len(), 0);
}
