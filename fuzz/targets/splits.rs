//! Every way to cut a body in two gives the answer of the whole body. The front part alone, as with
//! `frappe_body preread`, does no harm.

#![no_main]

use fuzz::{Case, check_splits, options, request};
use libfuzzer_sys::fuzz_target;
use ngx_http_frappe_module::frappe::Head;

/// The most bytes of a body: a longer one would take the time of many short ones.
const MOST: usize = 512;

fuzz_target!(|data: &[u8]| {
    let Some((dialect, cut, text)) = options(data) else {
        return;
    };
    if let Some((method, target, content_type, body)) = request(text) {
        let body = body.get(..MOST).unwrap_or(body);
        let head = Head {
            method,
            target,
            content_type,
        };
        check_splits(&Case {
            dialect,
            cut,
            head,
            body,
        });
    }
});
