//! What the request line and the headers say, for [`frappe`].

use crate::body::header::is_same;
use crate::frappe::{Dialect, Head};
use crate::nginx::ffi::memory::{extend, str_bytes};
use crate::nginx::ffi::request::Request;

/// What the request line and the headers say, for as long as the request. `had_body`: the client has
/// announced a body.
pub(in crate::nginx) fn of(r: Request, had_body: bool, dialect: &Dialect) -> Head<'static> {
    let mut content_type = &b""[..];
    // The type of a body that is not there matters to no version but those that refuse it.
    if had_body || !dialect.json_empty {
        r.for_each_header(|name, value| match name.len {
            // The last one counts for gunicorn.
            12 if is_content_type(str_bytes(name)) => content_type = str_bytes(value),
            _ => {}
        });
    }
    // SAFETY: nginx keeps the request line and the headers as long as the request, and so long
    // lives its context, which alone keeps the result.
    unsafe {
        Head {
            method: extend(r.method()),
            target: extend(r.target()),
            content_type: extend(content_type),
        }
    }
}

/// To the letter first, as clients write it.
fn is_content_type(name: &[u8]) -> bool {
    name == b"Content-Type" || is_same(name, b"content-type")
}
