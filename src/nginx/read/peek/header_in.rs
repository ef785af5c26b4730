//! `r->header_in`, where HTTP/1.1 and HTTP/3 keep what has arrived behind the header.

use nginx_sys::{
    NGX_AGAIN, NGX_HTTP_BAD_REQUEST, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK, ngx_buf_t,
    ngx_handle_read_event, ngx_int_t,
};

use super::{Received, wait};
use crate::nginx::ffi::memory::buf_memory;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::shim;

/// Room in a buffer for chunk sizes, line breaks and frame headers, in addition to the body's bytes.
pub(super) const FRAMING: usize = 1024;

/// What has arrived behind the header.
pub(super) fn bytes<'b>(r: Request) -> &'b [u8] {
    // SAFETY: nginx's buffer of the header. Only `receive` changes it, and no caller keeps the bytes
    // until then.
    unsafe { r.header_in().as_ref() }
        .map(buf_memory)
        .unwrap_or_default()
}

/// Receives into the buffer's free tail, until there are `limit` bytes behind the header. Where
/// they do not fit, `larger` gives a buffer with room for all of them, which takes the place of
/// the old one. The old buffer is not freed, since the header's strings lie in it.
pub(super) fn receive(
    r: Request,
    limit: usize,
    larger: fn(Request, usize) -> *mut ngx_buf_t,
) -> Received {
    let c = r.connection();
    // SAFETY: request, connection and buffers are nginx's and valid; the result of `larger` is
    // checked. Between `last` and `end` of a buffer is free memory. A larger buffer has room for
    // `limit` bytes, and `kept` is less than that.
    unsafe {
        let old = r.header_in();
        let kept = (*old).last.offset_from((*old).pos).unsigned_abs();
        let want = limit.saturating_sub(kept);
        if want == 0 {
            return Received::Full;
        }
        let mut buf = old;
        if (*old).end.offset_from((*old).last).unsigned_abs() < want {
            buf = larger(r, limit);
            if buf.is_null() {
                return Received::Failed(NGX_HTTP_INTERNAL_SERVER_ERROR);
            }
            core::ptr::copy_nonoverlapping((*old).pos, (*buf).last, kept);
            (*buf).last = (*buf).last.add(kept);
            (*old).pos = (*old).last;
            (*r.as_ptr()).header_in = buf;
        }
        let n = shim::ngx_http_frappe_recv(c, (*buf).last, want);
        if n == NGX_AGAIN as isize {
            if ngx_handle_read_event((*c).read, 0) != NGX_OK as ngx_int_t {
                return Received::Failed(NGX_HTTP_INTERNAL_SERVER_ERROR);
            }
            return wait(r);
        }
        if n < 0 {
            shim::ngx_http_frappe_set_error(c);
            return Received::Failed(NGX_HTTP_BAD_REQUEST);
        }
        if n == 0 {
            return Received::End;
        }
        (*buf).last = (*buf).last.add(n.unsigned_abs());
    }
    Received::Bytes
}
