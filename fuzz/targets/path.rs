//! The target of a request: path and query.

#![no_main]

use fuzz::{Case, check, head, options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((dialect, cut, target)) = options(data) {
        check(&Case {
            dialect,
            cut,
            head: head(target, b""),
            body: b"",
        });
    }
});
