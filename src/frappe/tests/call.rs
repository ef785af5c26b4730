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

pub(super) fn check(version: &str, rows: &[Row]) {
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
