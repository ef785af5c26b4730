//! Multipart bodies.

use super::{MULTIPART, ask, post};

const PART: &str = "--B\r\nContent-Disposition: form-data; name=\"cmd\"\r\n\r\nc\r\n";

#[test]
fn multipart_bodies() {
    let p = "/api/method/p";
    let cd = "Content-Disposition: form-data; name=\"cmd\"";
    let file = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\
                Content-Type: text/plain\r\n\r\n\r\n--Bjunk\r\n--B.--\nx--B--\r\n";
    let row = |body: String, cmd: &'static str, source, status| (body, cmd, source, status);
    let path = |body: String| row(body, "p", "path", "ok");
    let found = |body: String, cmd| row(body, cmd, "multipart", "ok");
    let cases = [
        found(format!("{PART}--B--\r\n"), "c"),
        found(format!("{PART}--B--"), "c"),
        found(format!("{PART}--B-- \t"), "c"),
        found(format!("{PART}--B--epilogue\r\n--B\r\n"), "c"),
        found(format!("\r\n{PART}--B--"), "c"),
        found(format!("preamble{PART}--B--"), "c"),
        found(
            format!("{PART}{}--B--", PART.replace("\r\nc\r\n", "\r\nd\r\n")),
            "c",
        ),
        found(format!("--B \t\r\n{cd}\r\n\r\nc\r\n--B--"), "c"),
        found(format!("--B\n{cd}\n\nc\n--B--"), "c"),
        found(format!("--B\r{cd}\r\rc\r--B--"), "c"),
        found(format!("--B\r\n{cd}\r\n\r\na\nb"), "").into_path(),
        found(
            format!("--B\r\n{cd}\r\n\r\n--B\r\n{cd}\r\n\r\nd\r\n--B--"),
            "",
        )
        .into_path(),
        found(format!("--B\r\n{cd}\r\n\r\nc \r\n--B--"), "c "),
        found(format!("--B\r\n{cd}\r\n\r\nc--B\r\n--B--"), "c--B"),
        row(
            format!("--B\r\n{cd}\r\n\r\nc\r\n--Bx\r\n--B--"),
            "",
            "multipart",
            "invalid",
        ),
        found(
            format!(
                "--B\r\n{}\r\n\r\nc\r\n--B--",
                cd.to_uppercase().replace("CMD", "cmd")
            ),
            "c",
        ),
        found(
            format!("--B\r\n{}\r\n\r\nc\r\n--B--", cd.replace(": ", " : ")),
            "c",
        ),
        found(
            format!("--B\r\n{}\r\n\r\nc\r\n--B--", cd.replace("; ", ";\r\n  ")),
            "c",
        ),
        // An empty line is none that the next one continues.
        path(format!(
            "--B\r\n{}\r\n\r\nc\r\n--B--",
            cd.replace("; ", "\r\n\r ; ")
        )),
        found(format!("--B\r\nX: y\n\r {cd}\r\n\r\nc\r\n--B--"), "c"),
        found(
            "--B\r\nContent-Disposition: attachment; name=cmd\r\n\r\nc\r\n--B--".into(),
            "c",
        ),
        found(
            format!("--B\r\n{cd}\r\nContent-Disposition: x\r\n\r\nc\r\n--B--"),
            "c",
        ),
        path(format!(
            "--B\r\nContent-Disposition: x\r\n{cd}\r\n\r\nc\r\n--B--"
        )),
        found(format!("--B\r\n{cd}; filename\r\n\r\nc\r\n--B--"), "c"),
        found(format!("--B\r\n{cd}; filename=\r\n\r\nc\r\n--B--"), "c"),
        path(format!("--B\r\n{cd}; filename=\"\"\r\n\r\nc\r\n--B--")),
        path(format!("--B\r\n{cd}; filename*=utf-8''x\r\n\r\nc\r\n--B--")),
        path("--B\r\nContent-Disposition: form-data\r\n\r\nc\r\n--B--".into()),
        path("--B\r\nContent-Disposition: form-data; name='cmd'\r\n\r\nc\r\n--B--".into()),
        path(format!("--B\r\nX: y\r\n\r\nc\r\n{PART}--B--")),
        path(format!("{PART}--B\r\n\r\n\r\nc\r\n--B--")),
        path(PART.to_owned()),
        path(format!("{PART}--B-")),
        path(format!("{PART}--b--")),
        path("--B--".into()),
        path("".into()),
        found(format!("{file}\r\n{PART}--B--"), "c"),
        found(
            format!(
                "--B\r\n{cd}\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n\u{e9}\r\n--B--"
            ),
            "\u{c3}\u{a9}",
        ),
        found(
            format!(
                "--B\r\n{cd}\r\nContent-Type: text/plain; charset=ascii\r\n\r\n\u{e9}\r\n--B--"
            ),
            "\u{fffd}\u{fffd}",
        ),
        found(
            format!("--B\r\n{cd}\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--B--"),
            "YQ==",
        ),
    ];
    for (body, cmd, source, status) in cases {
        let answer = ask("15", post(p, MULTIPART), body.as_bytes());
        assert_eq!(
            (answer.cmd.as_str(), answer.source, answer.status),
            (cmd, source, status),
            "{body:?}"
        );
    }
}

trait IntoPath {
    /// What is expected once the form is dropped or cmd is empty.
    fn into_path(self) -> Self;
}

impl IntoPath for (String, &'static str, &'static str, &'static str) {
    fn into_path(self) -> Self {
        (self.0, "p", "path", "ok")
    }
}

#[test]
fn multipart_bounds() {
    let p = post("/api/method/p", MULTIPART);
    let other = PART.replace("cmd", "y");
    let parts = |count: usize| format!("{PART}{}--B--", other.repeat(count - 1));
    assert_eq!(ask("15", p, parts(1000).as_bytes()).cmd, "c");
    assert_eq!(ask("15", p, parts(1001).as_bytes()).status, "malformed");

    let other = |len: usize| format!("--B\r\nX: {}\r\n{}--B--", "y".repeat(len), &PART[5..]);
    assert_eq!(ask("15", p, other(20_000).as_bytes()).cmd, "c");
    let long = |len: usize| {
        let disposition = format!("form-data; x={}; name=\"cmd\"", "y".repeat(len));
        let body = format!("{PART}--B--").replace("form-data; name=\"cmd\"", &disposition);
        ask("15", p, body.as_bytes())
    };
    assert_eq!(long(4000).cmd, "c");
    assert_eq!(long(4100).status, "invalid");
    // What goes on in the next line has been cut as well.
    let fold = |len: usize| {
        let body = format!("{PART}--B--").replace(
            "; name=\"cmd\"",
            &format!("; x={}\r\n ; name=\"cmd\"", "y".repeat(len)),
        );
        ["12", "15"].map(|version| ask(version, p, body.as_bytes()).status)
    };
    assert_eq!(fold(4000), ["ok"; 2]);
    assert_eq!(fold(4100), ["invalid"; 2]);

    for len in [300, 512] {
        let boundary = "b".repeat(len);
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let body = format!("{PART}--B--").replace("--B", &format!("--{boundary}"));
        assert_eq!(
            ask("15", post("/", &content_type), body.as_bytes()).cmd,
            "c"
        );
    }
    let too_long = format!("multipart/form-data; boundary={}", "b".repeat(513));
    assert_eq!(ask("15", post("/", &too_long), b"x").status, "invalid");
}

#[test]
fn broken_part_headers_drop_the_form() {
    // Lines are decoded one by one: the last is none of two bytes.
    let headers: [&[u8]; 3] = [b"X: \xe9\r\n", b"X: \xc3\r\n", b"X: \xc3\r\n\xa9\r\n"];
    for header in headers {
        let body = [
            b"--B\r\nContent-Disposition: form-data; name=\"cmd\"\r\n",
            header,
            b"\r\nc\r\n--B--",
        ]
        .concat();
        for version in ["12", "15"] {
            let answer = ask(version, post("/api/method/p", MULTIPART), &body);
            assert_eq!(answer.cmd, "p");
            assert_eq!(
                answer.trouble,
                Some("multipart part header is not UTF-8, form ignored")
            );
        }
    }
}

#[test]
fn boundaries_that_werkzeug_does_not_take() {
    for content_type in [
        "multipart/form-data",
        "multipart/form-data; boundary = B",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; Boundary=C",
        "multipart/mixed; boundary=B",
    ] {
        let body = format!("{PART}--B--");
        let answer = ask("15", post("/api/method/p", content_type), body.as_bytes());
        assert_eq!(answer.cmd, "p", "{content_type}");
    }
}
