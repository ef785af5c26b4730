//! The header lines of a part: parameters of Content-Disposition, Content-Type, encodings.

#![no_main]

use fuzz::{Case, MULTIPART, check, head, options};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((dialect, cut, lines)) = options(data) {
        let front = b"--rigboundary\r\nContent-Disposition: ";
        let body = [front, lines, b"\r\n\r\nf.g\r\n--rigboundary--\r\n"].concat();
        let head = head(b"/", MULTIPART);
        check(&Case {
            dialect,
            cut,
            head,
            body: &body,
        });
    }
});
