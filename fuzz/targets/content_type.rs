//! The Content-Type of a request, with a body of each kind.

#![no_main]

use fuzz::{Case, check, head, options};
use libfuzzer_sys::fuzz_target;

const BODIES: [&[u8]; 3] = [
    b"a=%e4&cmd=f.g",
    b"{\"a\":1,\"cmd\":\"f.g\"}",
    b"--rigboundary\r\nContent-Disposition: form-data; name=cmd\r\n\r\nf.g\r\n--rigboundary--\r\n",
];

fuzz_target!(|data: &[u8]| {
    if let Some((dialect, cut, content_type)) = options(data) {
        for body in BODIES {
            let head = head(b"/api/method/p", content_type);
            check(&Case {
                dialect,
                cut,
                head,
                body,
            });
        }
    }
});
