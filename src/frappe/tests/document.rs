//! Which document of a body names the doctype.

use super::call::check;
use super::{FORM, JSON, MULTIPART, ask, post};

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
