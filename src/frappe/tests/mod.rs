//! Whole requests: every one is fed whole, byte by byte and at every split of its body.

mod call;
mod document;
mod json;
mod multipart;
mod path;

use super::{Head, Names, Plan, dialect, plan, resolve, scanner, scratch_len};
use crate::body::testing::{each_split, with_names};
use crate::body::{Rooms, Source};

/// The answer for one request.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) cmd: String,
    pub(super) source: &'static str,
    pub(super) status: &'static str,
    pub(super) doctype: String,
    pub(super) call: String,
    pub(super) x: String,
    pub(super) trouble: Option<&'static str>,
}

pub(super) fn ask(version: &str, head: Head<'_>, body: &[u8]) -> Answer {
    let dialect = dialect::find(version.as_bytes()).unwrap();
    let mut names = Names::new();
    super::call::add_call(&mut names);
    names.add(b"x").unwrap();
    each_split(body, |pieces| {
        with_names(&names, |fields| {
            let plan = plan(&head, dialect);
            let mut scratch = Vec::new();
            let mut rooms = Rooms::default();
            let end = match plan {
                Plan::Scan(media_type) if !body.is_empty() => {
                    scratch.resize(scratch_len(media_type, head.content_type), 0);
                    let room = rooms.of(media_type, &mut scratch).unwrap();
                    match scanner(room, &head, dialect, fields) {
                        Ok(mut scanner) => {
                            pieces.iter().for_each(|piece| scanner.feed(piece, fields));
                            Some(scanner.finish(fields))
                        }
                        Err(end) => Some(end),
                    }
                }
                _ => None,
            };
            let outcome = resolve(&head, plan, end, dialect, fields);
            let string = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
            let text = |name: &[u8]| string(fields.text(fields.find(name).unwrap()));
            assert!(outcome.source != Source::None || text(b"cmd").is_empty());
            Answer {
                cmd: string(fields.text(Names::CMD)),
                source: outcome.source.as_str(),
                status: outcome.status.as_str(),
                doctype: string(super::call::doctype(fields)),
                call: string(super::call::text(fields)),
                x: text(b"x"),
                trouble: outcome.trouble.map(super::Trouble::message),
            }
        })
    })
}

pub(super) fn post<'h>(target: &'h str, content_type: &'h str) -> Head<'h> {
    Head {
        method: b"POST",
        target: target.as_bytes(),
        content_type: content_type.as_bytes(),
    }
}

pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const JSON: &str = "application/json";
pub(super) const MULTIPART: &str = "multipart/form-data; boundary=B";

/// target, content type, body, cmd, source, status
type Row = (
    &'static str,
    &'static str,
    &'static [u8],
    &'static str,
    &'static str,
    &'static str,
);

fn check(version: &str, rows: &[Row]) {
    for (target, content_type, body, cmd, source, status) in rows {
        let answer = ask(version, post(target, content_type), body);
        assert_eq!(
            (answer.cmd.as_str(), answer.source, answer.status),
            (*cmd, *source, *status),
            "{target} {content_type} {:?}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn precedence() {
    check(
        "15",
        &[
            ("/?cmd=a", "", b"", "a", "query", "ok"),
            ("/?cmd=a&cmd=b", "", b"", "a", "query", "ok"),
            ("/?cmd=a", FORM, b"cmd=b", "b", "form", "ok"),
            ("/?cmd=a", FORM, b"x=1", "a", "query", "ok"),
            ("/?cmd=a", FORM, b"cmd=", "", "", "none"),
            ("/?cmd=a", FORM, b"", "a", "query", "ok"),
            ("/api/method/p", FORM, b"cmd=f", "f", "form", "ok"),
            ("/api/method/p", JSON, b"{\"cmd\":\"f\"}", "f", "json", "ok"),
            ("/api/method/p?cmd=q", FORM, b"x=1", "q", "query", "ok"),
            ("/api/method/p?cmd=q", "", b"", "q", "query", "ok"),
            ("/api/method/p?cmd=", "", b"", "p", "path", "ok"),
            ("/api/method/p?cmd", "", b"", "p", "path", "ok"),
            ("/api/method/p?cmd=q", FORM, b"cmd=", "p", "path", "ok"),
            ("/api/method/p?cmd=q", JSON, b"{\"x\":1}", "p", "path", "ok"),
            ("/?cmd=q", JSON, b"", "q", "query", "ok"),
            ("/files/x?cmd=b", "", b"", "b", "query", "ok"),
            ("/api/resource/ToDo?cmd=b", "", b"", "b", "query", "ok"),
            ("/?cmd=q", JSON, b"[1]", "", "", "none"),
            (
                "/api/method/p",
                JSON,
                b"[{\"cmd\":\"x\"}]",
                "p",
                "path",
                "ok",
            ),
            ("/api/method/p", "text/plain", b"cmd=f", "p", "path", "ok"),
            ("/api/method/p", "", b"cmd=f", "p", "path", "ok"),
            ("/api/method/p", FORM, b"{\"cmd\":\"f\"}", "p", "path", "ok"),
            ("/", "", b"", "", "", "none"),
            ("/?cmd=a#cmd=b", "", b"", "a", "query", "ok"),
            ("/#?cmd=a", "", b"", "", "", "none"),
        ],
    );
}

#[test]
fn raw_bytes_that_are_no_text() {
    let p = "/api/method/p";
    check(
        "15",
        &[
            (p, FORM, b"cmd=f&x=\xe9", "p", "path", "ok"),
            ("/?cmd=q", FORM, b"cmd=f&x=\xe9", "q", "query", "ok"),
            (p, FORM, b"cmd=%e9", "%E9", "form", "ok"),
        ],
    );
    let mut head = post(p, "");
    head.target = b"/api/method/p?x=\xe9";
    assert_eq!(ask("15", head, b"").status, "malformed");
    head.content_type = JSON.as_bytes();
    assert_eq!(ask("15", head, b"{\"cmd\":\"c\"}").cmd, "c");
}

#[test]
fn methods_and_encodings() {
    let mut head = post("/api/method/p?cmd=q", FORM);
    for method in ["GET", "PUT", "PATCH", "DELETE", "HEAD", "PURGE"] {
        head.method = method.as_bytes();
        assert_eq!(ask("15", head, b"cmd=f").cmd, "f", "{method}");
    }
    head.method = b"OPTIONS";
    let answer = ask("15", head, b"cmd=f&x=1");
    assert_eq!(
        (answer.cmd.as_str(), answer.status, answer.x.as_str()),
        ("", "none", "")
    );

    head.method = b"POST";
    head.content_type = b"text/plain";
    assert_eq!(ask("15", head, b"x").status, "ok");
}

/// A Content-Type of 4096 bytes is followed, by each release; of a longer one nothing is.
#[test]
fn content_types_are_bounded() {
    let long = |kind: &str, len: usize| {
        let start = format!("{kind}; x=");
        format!("{start}{}", "x".repeat(len - start.len()))
    };
    for dialect in dialect::DIALECTS {
        let (major, minor, patch) = dialect.since;
        let version = format!("{major}.{minor}.{patch}");
        for (kind, body) in [(FORM, "cmd=f"), ("text/plain", "cmd=f")] {
            let status = |len| {
                let kind = long(kind, len);
                ask(&version, post("/api/method/p", &kind), body.as_bytes()).status
            };
            assert_eq!((status(4096), status(4097)), ("ok", "invalid"), "{version}");
        }
    }
}

#[test]
fn arguments() {
    let ask = |target, content_type, body: &[u8]| {
        let answer = ask("15", post(target, content_type), body);
        (answer.doctype, answer.x)
    };
    let pair = |doctype: &str, x: &str| (doctype.to_owned(), x.to_owned());
    assert_eq!(ask("/?x=q&doctype=D", FORM, b"x=f"), pair("D", "f"));
    assert_eq!(ask("/?x=q", FORM, b"x="), pair("", ""));
    assert_eq!(ask("/?x=q", JSON, b"{\"doctype\":\"D\"}"), pair("D", ""));
    assert_eq!(ask("/?x=q", JSON, b"{\"x\":5}"), pair("", ""));
    assert_eq!(ask("/?x=q", JSON, b"[]"), pair("", ""));
    assert_eq!(ask("/?x=q", JSON, b"{"), pair("", ""));
    assert_eq!(ask("/?x=a%0Ab", "", b""), pair("", ""));
    assert_eq!(ask("/?x=%C2%80&doctype=%c2%85", "", b""), pair("", ""));
    assert_eq!(ask("/api/resource/a%C2%85", "", b""), pair("", ""));
    assert_eq!(
        ask("/api/resource/ToDo?doctype=D", "", b""),
        pair("ToDo", "")
    );
    assert_eq!(ask("/api/v2/document/ToDo/1", "", b""), pair("ToDo", ""));
    assert_eq!(
        ask("/api/resource/ToDo?cmd=c&doctype=D", "", b""),
        pair("D", "")
    );
    let kib = "x".repeat(1024);
    assert_eq!(
        ask("/", FORM, format!("x={kib}").as_bytes()),
        pair("", &kib)
    );
    assert_eq!(ask("/", FORM, format!("x={kib}y").as_bytes()), pair("", ""));
}

#[test]
fn cmd_is_bounded_and_clean() {
    let p = "/api/method/p";
    let long = "c".repeat(255);
    let form = |cmd: &str| ask("15", post(p, FORM), format!("cmd={cmd}").as_bytes());
    assert_eq!(form(&long).cmd, long);
    assert_eq!(form(&format!("{long}c")).status, "invalid");
    for bad in [
        "a%00",
        "%0d%0aSet-Cookie:x",
        "a%7f",
        "f\r\n",
        "%1b[2J",
        "a%C2%9B31mb",
        "\u{85}",
    ] {
        let answer = form(bad);
        assert_eq!(
            (answer.cmd.as_str(), answer.status),
            ("", "invalid"),
            "{bad}"
        );
    }
    let path = format!("/api/method/{long}c");
    assert_eq!(ask("15", post(&path, ""), b"").status, "invalid");
    assert_eq!(
        ask("15", post("/api/method/a%01", ""), b"").status,
        "invalid"
    );
    let path = format!("/{}?cmd=q", "%41".repeat(9000));
    assert_eq!(ask("15", post(&path, ""), b"").cmd, "q");
    let path = format!("/{}", "%41".repeat(9000));
    assert_eq!(ask("15", post(&path, ""), b"").status, "invalid");
}
