//! A urlencoded body.

#![no_main]

use fuzz::{Case, FORM, check, head, options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((dialect, cut, body)) = options(data) {
        let head = head(b"/api/method/p?a=1", FORM);
        check(&Case {
            dialect,
            cut,
            head,
            body,
        });
    }
});
