//! What the request line and the headers say, for [`frappe`].

use crate::body::header::is_same;
use crate::frappe::{Dialect, Head};
use crate::nginx::ffi::memory::{extend, str_bytes};
use crate::nginx::ffi::request::Request;

/// What the request line and the headers say. The result is valid as long as the request. `had_body`:
/// the client has announced a body.
pub(in crate::nginx) fn of(r: Request, had_body: bool, dialect: &Dialect) -> Head<'static> {
    let mut content_type = &b""[..];
    // Without a body its type matters only to a version that refuses JSON without a body.
    if had_body || !dialect.json_empty {
        r.for_each_header(|name, value| match name.len {
            // gunicorn uses the last of several headers.
            12 if is_content_type(str_bytes(name)) => content_type = str_bytes(value),
            _ => {}
        });
    }
    // SAFETY: nginx keeps the request line and the headers as long as the request. Only the request's
    // context keeps the result, and it lives no longer.
    unsafe {
        Head {
            method: extend(r.method()),
            target: extend(r.target()),
            content_type: extend(content_type),
        }
    }
}

/// Tries the spelling that clients use before it ignores case.
fn is_content_type(name: &[u8]) -> bool {
    name == b"Content-Type" || is_same(name, b"content-type")
}
