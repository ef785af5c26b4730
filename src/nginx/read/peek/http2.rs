//! HTTP/2: the frames that have arrived, in a private body's buffer.

use core::ptr::{self, NonNull};

use nginx_sys::{ngx_create_temp_buf, ngx_http_request_body_t, ngx_pcalloc};

use super::body_limit;
use crate::nginx::ffi::memory::buf_memory;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::shim;
use crate::nginx::request::life::Ctx;
use crate::nginx::request::look::Progress;
use crate::nginx::request::peek::Peek;

/// Makes nginx copy frames to a buffer of ours, and wake us for each.
pub(super) fn install(r: Request, ctx: &mut Ctx) -> bool {
    // SAFETY: the request's pool; results are checked; all zero is an empty request body.
    unsafe {
        let body = ngx_pcalloc(r.pool(), size_of::<ngx_http_request_body_t>())
            .cast::<ngx_http_request_body_t>();
        let mut buf = shim::ngx_http_frappe_v2_preread(r.as_ptr());
        if buf.is_null() {
            // nginx's own has room for all that comes before a window is enlarged; so has this.
            buf = ngx_create_temp_buf(r.pool(), to_come(r));
        }
        let Some(private) = NonNull::new(body).filter(|_| !buf.is_null()) else {
            return false;
        };
        (*body).rest = 1;
        (*body).buf = buf;
        ctx.private = Some(private);
        (*r.as_ptr()).request_body = body;
        shim::ngx_http_frappe_set_no_buffering(r.as_ptr(), 1);
    }
    true
}

/// What nginx has copied to the private body's buffer.
pub(super) fn look(r: Request, ctx: &mut Ctx, peek: &mut Peek) -> Progress {
    // SAFETY: the private body lives in the request's pool, its buffer as well; nginx is not
    // running meanwhile.
    let buf = unsafe { ctx.private.and_then(|body| body.as_ref().buf.as_ref()) };
    let bytes = buf.map(buf_memory).unwrap_or_default();
    let unseen = bytes.get(peek.look.seen..).unwrap_or_default();
    let look = &mut peek.look;
    ctx.feed(look.take(unseen));
    look.seen = look.seen.saturating_add(unseen.len());
    let is_closed = is_closed(r) && look.body_seen >= look.seen;
    // nginx takes no more than was declared.
    let is_all = r
        .content_length()
        .is_some_and(|length| look.body_seen >= length);
    match look.progress(is_closed || is_all, ctx.is_decided()) {
        Progress::More if look.exceeds(body_limit(r), 0) => Progress::Broken,
        // The window is used up, and nobody enlarges it before the body is read.
        Progress::More if to_come(r) == 0 => Progress::Enough,
        progress => progress,
    }
}

/// Gives what has arrived to the stream, and takes the private body away: nobody may take it for
/// one that has been read.
pub(super) fn remove(r: Request, ctx: &mut Ctx) {
    let Some(private) = ctx.private.take() else {
        return;
    };
    // SAFETY: installed by `install`; the buffer lives in the request's pool.
    unsafe {
        let mut buf = private.as_ref().buf;
        if (*buf).pos == (*buf).last {
            // With an empty one nginx would wait for the body without a timeout.
            buf = ptr::null_mut();
        }
        shim::ngx_http_frappe_set_v2_preread(r.as_ptr(), buf);
        (*r.as_ptr()).request_body = ptr::null_mut();
        shim::ngx_http_frappe_set_no_buffering(r.as_ptr(), 0);
    }
}

/// Bytes of the body that may arrive before a window is enlarged: whole frames, and the rest of one
/// that has begun.
fn to_come(r: Request) -> usize {
    // SAFETY: the shim reads fields of a valid request with a stream.
    unsafe {
        let r = r.as_ptr();
        let window = shim::ngx_http_frappe_v2_window(r);
        match shim::ngx_http_frappe_v2_in_frame(r) {
            0 => window,
            _ => window.saturating_add(shim::ngx_http_frappe_v2_frame_left(r)),
        }
    }
}

fn is_closed(r: Request) -> bool {
    // SAFETY: the shim reads fields of a valid request with a stream.
    unsafe { shim::ngx_http_frappe_v2_is_closed(r.as_ptr()) != 0 }
}
