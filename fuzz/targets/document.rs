//! A document in a value: of a form, of a part, as an object in a JSON text, and as a string in one.

#![no_main]

use fuzz::{Case, FORM, JSON, MULTIPART, check, head, options};
use libfuzzer_sys::fuzz_target;

const SAVE: &[u8] = b"/api/method/frappe.desk.form.save.savedocs";

fuzz_target!(|data: &[u8]| {
    let Some((dialect, cut, document)) = options(data) else {
        return;
    };
    let escaped: Vec<u8> = document
        .iter()
        .flat_map(|byte| match byte {
            b'"' | b'\\' => vec![b'\\', *byte],
            byte => vec![*byte],
        })
        .collect();
    let percent: String = document.iter().map(|byte| format!("%{byte:02x}")).collect();
    let part = b"--rigboundary\r\nContent-Disposition: form-data; name=\"doc\"\r\n\r\n";
    for (content_type, body) in [
        (
            FORM,
            [b"doc=", percent.as_bytes(), b"&action=Save"].concat(),
        ),
        (FORM, [b"doc=", document].concat()),
        (
            MULTIPART,
            [part, document, b"\r\n--rigboundary--\r\n"].concat(),
        ),
        (JSON, [b"{\"doc\":", document, b"}"].concat()),
        (JSON, [b"{\"doc\":\"", &escaped[..], b"\"}"].concat()),
    ] {
        let head = head(SAVE, content_type);
        check(&Case {
            dialect,
            cut,
            head,
            body: &body,
        });
    }
});
