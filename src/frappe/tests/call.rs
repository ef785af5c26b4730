//! `$frappe_call` and `$frappe_doctype`.

use super::{FORM, JSON, MULTIPART, ask, post};
use crate::body::Names;
use crate::frappe::call;

/// verb and target, content type, body, doctype, call
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

fn check(version: &str, rows: &[Row]) {
    for (line, content_type, body, doctype, call) in rows {
        let (verb, target) = line.split_once(' ').unwrap();
        let mut head = post(target, content_type);
        head.method = verb.as_bytes();
        let answer = ask(version, head, body.as_bytes());
        assert_eq!(
            (answer.doctype.as_str(), answer.call.as_str()),
            (*doctype, *call),
            "{line} {body}"
        );
    }
}

#[test]
fn memory_is_what_is_said() {
    let needs = |add: fn(&mut Names)| {
        let mut names = Names::new();
        add(&mut names);
        let values: usize = (1..names.slots()).map(|slot| names.value_max(slot)).sum();
        (names.slots() - 1, values)
    };
    assert_eq!(
        needs(call::add_doctype),
        (call::DOCTYPE_SLOTS, call::DOCTYPE_VALUES)
    );
    assert_eq!(needs(call::add_call), (call::SLOTS, call::VALUES));
}

#[test]
fn kinds() {
    const REPORT: &str = "report_name=Stock%20Balance&doctype=D&cmd=frappe.desk.query_report.run";
    const RUN: &str = "cmd=run_doc_method&method=make&dt=Payroll+Entry&dn=1";
    check(
        "17",
        &[
            (
                "POST /",
                FORM,
                REPORT,
                "D",
                "frappe.desk.query_report.run:Stock Balance",
            ),
            (
                "POST /",
                FORM,
                RUN,
                "Payroll Entry",
                "run_doc_method:Payroll Entry.make",
            ),
            (
                "POST /",
                FORM,
                "cmd=runserverobj&method=m&dt=D",
                "D",
                "run_doc_method:D.m",
            ),
            (
                "POST /",
                FORM,
                "cmd=frappe.handler.run_doc_method&method=m&dt=D",
                "D",
                "run_doc_method:D.m",
            ),
            (
                "POST /",
                FORM,
                "cmd=run_doc_method&dt=D",
                "D",
                "run_doc_method:D",
            ),
            (
                "POST /",
                FORM,
                "cmd=run_doc_method&method=m",
                "",
                "run_doc_method",
            ),
            (
                "POST /",
                FORM,
                "cmd=run_doc_method&method=m&dt=D&report_name=R",
                "D",
                "run_doc_method:D.m",
            ),
            ("POST /", FORM, "cmd=a.b&doctype=D&dt=E", "D", "a.b:D"),
            ("POST /", FORM, "cmd=a.b&doctype=&dt=E", "E", "a.b:E"),
            ("POST /?dt=E", FORM, "cmd=a.b", "E", "a.b:E"),
            ("POST /?doctype=D", FORM, "cmd=a.b&dt=E", "D", "a.b:D"),
            ("POST /", FORM, "cmd=a.b&doctype=a%0Ab&dt=E", "", "a.b"),
            (
                "POST /",
                FORM,
                "cmd=a.b&report_name=a%0Ab&dt=E",
                "E",
                "a.b:E",
            ),
            ("POST /", FORM, "cmd=a.b", "", "a.b"),
            (
                "POST /",
                JSON,
                r#"{"cmd":"a.b","doctype":["D"],"dt":"E"}"#,
                "",
                "a.b",
            ),
            (
                "POST /",
                JSON,
                r#"{"cmd":"a.b","doctype":null,"dt":"E"}"#,
                "E",
                "a.b:E",
            ),
            ("GET /api/method/a.b", "", "", "", "a.b"),
            ("GET /api/v2/method/ToDo/close", "", "", "", "ToDo/close"),
            ("GET /app/todo", "", "", "", "page"),
            ("GET /api/nowhere?doctype=D", "", "", "D", "page"),
            ("OPTIONS /api/method/a.b", "", "", "", "(options)"),
            ("POST /api/method/a.b", JSON, "{", "", "(malformed)"),
            (
                "POST /api/method/a.b",
                JSON,
                r#"{"cmd":1,"doctype":"D"}"#,
                "D",
                "(invalid)",
            ),
        ],
    );
    check("12.13", &[("OPTIONS /api/method/a.b", "", "", "", "a.b")]);
}

#[test]
fn documents() {
    check(
        "17",
        &[
            (
                "GET /api/resource/ToDo",
                "",
                "",
                "ToDo",
                "GET resource:ToDo",
            ),
            (
                "PUT /api/v1/resource/Sales%20Order/1?doctype=D",
                "",
                "",
                "Sales Order",
                "PUT resource:Sales Order",
            ),
            (
                "PATCH /api/v2/document/ToDo/1",
                JSON,
                r#"{"doctype":"D"}"#,
                "ToDo",
                "PATCH resource:ToDo",
            ),
            (
                "GET /api/v2/doctype/ToDo/count",
                "",
                "",
                "ToDo",
                "GET resource:ToDo",
            ),
            (
                "GET /api/resource/ToDo/1?cmd=q&doctype=D",
                "",
                "",
                "D",
                "q:D",
            ),
            (
                "POST /api/resource/ToDo/1?run_method=m",
                "",
                "",
                "ToDo",
                "run_doc_method:ToDo.m",
            ),
            (
                "GET /api/resource/ToDo/1?run_method=m",
                "",
                "",
                "ToDo",
                "run_doc_method:ToDo.m",
            ),
            (
                "PUT /api/resource/ToDo/1?run_method=m",
                "",
                "",
                "ToDo",
                "PUT resource:ToDo",
            ),
            (
                "POST /api/resource/ToDo/1?run_method=",
                "",
                "",
                "ToDo",
                "POST resource:ToDo",
            ),
            (
                "POST /api/resource/ToDo?run_method=m",
                "",
                "",
                "ToDo",
                "POST resource:ToDo",
            ),
            (
                "POST /api/v2/document/ToDo/1?run_method=m",
                "",
                "",
                "ToDo",
                "POST resource:ToDo",
            ),
            (
                "POST /api/v2/document/ToDo/1/method/m",
                "",
                "",
                "ToDo",
                "run_doc_method:ToDo.m",
            ),
            (
                "POST /api/v2/document/ToDo/1/method/m?run_method=n",
                "",
                "",
                "ToDo",
                "run_doc_method:ToDo.m",
            ),
            (
                "PUT /api/v2/document/ToDo/1/method/m",
                "",
                "",
                "ToDo",
                "PUT resource:ToDo",
            ),
            ("GET /api/resource/a%C2%85", "", "", "", "GET resource"),
        ],
    );
    let row = (
        "GET /api/resource/ToDo?run_method=m",
        "",
        "",
        "ToDo",
        "run_doc_method:ToDo.m",
    );
    check("14", &[row]);
}

#[test]
fn the_document_of_a_method() {
    const DOC: &str = r#"{"items":[{"doctype":"Row"}],"doctype":"Sales Order"}"#;
    let rows = [
        ("a.b", "doc", DOC, "Sales Order"),
        ("a.b", "docs", DOC, "Sales Order"),
        ("a.b", "document", DOC, "Sales Order"),
        ("a.b", "dox", DOC, ""),
        ("a.b", "doc", r#"[{"doctype":"A"},{"doctype":"B"}]"#, "A"),
        (
            "a.b",
            "doc",
            r#" [ {"x":[{"doctype":"B"}],"y":{"doctype":"C"},"doctype":"A"} ] "#,
            "A",
        ),
        ("a.b", "doc", r#"[[{"doctype":"A"}]]"#, ""),
        ("a.b", "doc", r#"[1,{"doctype":"A"}]"#, ""),
        ("a.b", "doc", r#"[]"#, ""),
        ("a.b", "doc", r#"[{},{"doctype":"B"}]"#, ""),
        ("a.b", "doc", r#"{}"#, ""),
        ("a.b", "doc", r#"{"doctype":"A","doctype":"B"}"#, "B"),
        ("a.b", "doc", r#"{"doctype":"A","doctype":null}"#, ""),
        (
            "a.b",
            "doc",
            r#"{"doctype":"A","doctype":{"doctype":"B"}}"#,
            "",
        ),
        ("a.b", "doc", r#"{"doctype":["A"]}"#, ""),
        ("a.b", "doc", r#"{"\u0064octype":"\u0041\/B"}"#, "A/B"),
        ("a.b", "doc", r#"{"doctype":"A\nB"}"#, ""),
        ("a.b", "doc", r#"{"doctype":"\u00c9"}"#, "\u{c9}"),
        (
            "a.b",
            "doc",
            r#"{"x":{"doctype":"B"},"x2":[],"x3":{},"doctype":"A","z":1}"#,
            "A",
        ),
        ("run_doc_method", "docs", DOC, "Sales Order"),
    ];
    for (cmd, name, document, doctype) in rows {
        let as_form = form_urlencoded::byte_serialize(document.as_bytes()).collect::<String>();
        let as_text = serde_json::to_string(document).unwrap();
        let bodies = [
            (FORM, format!("cmd={cmd}&{name}={as_form}")),
            (FORM, format!("{name}={as_form}&cmd={cmd}")),
            (
                MULTIPART,
                format!(
                    "--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{document}\r\n--B\r\nContent-Disposition: form-data; name=\"cmd\"\r\n\r\n{cmd}\r\n--B--"
                ),
            ),
            (JSON, format!(r#"{{"cmd":"{cmd}","{name}":{document}}}"#)),
            (JSON, format!(r#"{{"{name}":{document},"cmd":"{cmd}"}}"#)),
            (JSON, format!(r#"{{"{name}":{as_text},"cmd":"{cmd}"}}"#)),
            (
                JSON,
                format!(r#"{{"{name}":{{"doctype":"Z"}},"{name}":{document},"cmd":"{cmd}"}}"#),
            ),
            (
                JSON,
                format!(r#"{{"{name}":"{{\"doctype\":\"Z\"}}","{name}":{as_text},"cmd":"{cmd}"}}"#),
            ),
        ];
        for version in ["17", "15", "13", "11"] {
            for (content_type, body) in &bodies {
                let answer = ask(version, post("/", content_type), body.as_bytes());
                assert_eq!(
                    (answer.cmd.as_str(), answer.status),
                    (cmd, "ok"),
                    "{version} {body}"
                );
                assert_eq!(answer.doctype, doctype, "{version} {body}");
            }
        }
    }
}

#[test]
fn which_document() {
    let both = "doc=%7B%22doctype%22:%22A%22%7D&docs=%7B%22doctype%22:%22B%22%7D";
    check(
        "17",
        &[
            (
                "POST /?cmd=run_doc_method&method=m",
                FORM,
                both,
                "B",
                "run_doc_method:B.m",
            ),
            (
                "POST /?cmd=frappe.client.insert_many",
                FORM,
                both,
                "B",
                "frappe.client.insert_many:B",
            ),
            (
                "POST /?cmd=frappe.client.save",
                FORM,
                both,
                "A",
                "frappe.client.save:A",
            ),
            ("POST /?cmd=s&dt=D", FORM, both, "D", "s:D"),
            (
                "POST /?cmd=s",
                FORM,
                "doc=&docs=%7B%22doctype%22:%22B%22%7D",
                "B",
                "s:B",
            ),
            (
                "POST /?cmd=s",
                FORM,
                "doc=%7B&docs=%7B%22doctype%22:%22B%22%7D",
                "",
                "s",
            ),
            (
                "POST /?cmd=s",
                FORM,
                "doc=%7B%22doctype%22:%22A%22%7D&doc=1",
                "A",
                "s:A",
            ),
            (
                "GET /?cmd=s&docs=%7B%22doctype%22:%22A%22%7D",
                "",
                "",
                "A",
                "s:A",
            ),
            (
                "POST /?cmd=s&docs=%7B%22doctype%22:%22A%22%7D",
                FORM,
                "docs=",
                "",
                "s",
            ),
            (
                "POST /api/v2/method/run_doc_method",
                JSON,
                r#"{"method":"m","document":{"doctype":"A"}}"#,
                "A",
                "run_doc_method:A.m",
            ),
        ],
    );
}

#[test]
fn broken_documents_in_good_bodies() {
    let good = r#"{"doctype":"A"}"#;
    for bad in [
        "",
        "{",
        "}",
        "{\"doctype\":\"A\"",
        "'",
        "{\"doctype\":\"A\",}",
        "{\"doctype\":\"A\"}}",
        "{\"doctype\":\"A\"}x",
        "\u{feff}{\"doctype\":\"A\"}",
        "{\"doctype\":\"A\n\"}",
        "\"",
        "\\",
        "{\"doctype\":\"A\"} 1",
        "[{\"doctype\":\"A\"}",
        "[{\"doctype\":\"A\"},]",
        "{\"doctype\":\"A\",\"x\":01}",
    ] {
        let as_form = form_urlencoded::byte_serialize(bad.as_bytes()).collect::<String>();
        let as_text = serde_json::to_string(bad).unwrap();
        let bodies = [
            (FORM, format!("cmd=s&doc={as_form}")),
            (
                MULTIPART,
                format!(
                    "--B\r\nContent-Disposition: form-data; name=\"doc\"\r\n\r\n{bad}\r\n--B\r\nContent-Disposition: form-data; name=\"cmd\"\r\n\r\ns\r\n--B--"
                ),
            ),
            (JSON, format!(r#"{{"doc":{as_text},"cmd":"s"}}"#)),
        ];
        for (content_type, body) in &bodies {
            let answer = ask("17", post("/", content_type), body.as_bytes());
            assert_eq!(
                (
                    answer.cmd.as_str(),
                    answer.doctype.as_str(),
                    answer.call.as_str()
                ),
                ("s", "", "s"),
                "{body}"
            );
        }
    }
    // A body that is broken itself.
    assert_eq!(
        ask(
            "17",
            post("/", JSON),
            br#"{"cmd":"s","doc":{"doctype":"A"},}"#
        )
        .doctype,
        ""
    );
    // White space around.
    let answer = ask(
        "17",
        post("/", FORM),
        format!("cmd=s&doc=+%0A{good}%0D%0A+").as_bytes(),
    );
    assert_eq!(answer.doctype, "A");
}

#[test]
fn names_have_140_characters_at_most() {
    let wide = "\u{1f600}".repeat(140);
    let cmd = "c".repeat(255);
    let form = |doctype: &str| {
        let body = format!("cmd={cmd}&doctype={doctype}");
        let answer = ask("17", post("/", FORM), body.as_bytes());
        (answer.doctype, answer.call)
    };
    assert_eq!(form(&wide), (wide.clone(), format!("{cmd}:{wide}")));
    assert_eq!(form(&"d".repeat(141)), (String::new(), cmd.clone()));
    assert_eq!(form(&format!("{wide}d")), (String::new(), cmd.clone()));
    let path = format!(
        "/api/resource/{}?run_method={}",
        "%F0%9F%98%80".repeat(140),
        "m"
    );
    assert_eq!(
        ask("14", post(&path, ""), b"").call,
        format!("run_doc_method:{wide}.m")
    );
    let path = format!("/api/resource/ToDo/1?run_method={}", "m".repeat(241));
    assert_eq!(ask("17", post(&path, ""), b"").call, "run_doc_method:ToDo");
}
