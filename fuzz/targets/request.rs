//! A whole request: method, target, Content-Type and body.

#![no_main]

use fuzz::{Case, check, options, request};
use libfuzzer_sys::fuzz_target;
use ngx_http_frappe_module::frappe::Head;

fuzz_target!(|data: &[u8]| {
    let Some((dialect, cut, text)) = options(data) else {
        return;
    };
    if let Some((method, target, content_type, body)) = request(text) {
        let head = Head {
            method,
            target,
            content_type,
        };
        check(&Case {
            dialect,
            cut,
            head,
            body,
        });
    }
});
