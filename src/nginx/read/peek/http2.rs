//! HTTP/2: the DATA frames that have arrived, in the buffer of a private request body.

use core::ptr::{self, NonNull};

use nginx_sys::{ngx_create_temp_buf, ngx_http_request_body_t, ngx_pcalloc};

use super::body_limit;
use crate::nginx::ffi::memory::buf_memory;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::shim;
use crate::nginx::request::life::Ctx;
use crate::nginx::request::look::Progress;
use crate::nginx::request::peek::Peek;

/// Makes nginx copy each DATA frame to a buffer of ours, and post our read event.
pub(super) fn install(r: Request, ctx: &mut Ctx) -> bool {
    // SAFETY: the request's pool; results are checked; all zero is an empty request body.
    unsafe {
        let body = ngx_pcalloc(r.pool(), size_of::<ngx_http_request_body_t>())
            .cast::<ngx_http_request_body_t>();
        let mut buf = shim::ngx_http_frappe_v2_preread(r.as_ptr());
        if buf.is_null() {
            // nginx's own preread buffer has room for all bytes that the client may send before nginx
            // enlarges the window. So has this one.
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

/// Looks at the bytes that nginx has copied to the private body's buffer.
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
    // nginx refuses a body that is longer than its Content-Length.
    let is_all = r
        .content_length()
        .is_some_and(|length| look.body_seen >= length);
    match look.progress(is_closed || is_all, ctx.is_decided()) {
        Progress::More if look.exceeds(body_limit(r), 0) => Progress::Broken,
        // The client has used up the window, and nginx enlarges it only when the body is read.
        Progress::More if to_come(r) == 0 => Progress::Enough,
        progress => progress,
    }
}

/// Gives the bytes that have arrived to the stream as its preread buffer, and removes the private
/// body: other modules must not mistake it for a body that has been read.
pub(super) fn remove(r: Request, ctx: &mut Ctx) {
    let Some(private) = ctx.private.take() else {
        return;
    };
    // SAFETY: installed by `install`; the buffer lives in the request's pool.
    unsafe {
        let mut buf = private.as_ref().buf;
        if (*buf).pos == (*buf).last {
            // With an empty preread buffer nginx would wait for the body without a timeout.
            buf = ptr::null_mut();
        }
        shim::ngx_http_frappe_set_v2_preread(r.as_ptr(), buf);
        (*r.as_ptr()).request_body = ptr::null_mut();
        shim::ngx_http_frappe_set_no_buffering(r.as_ptr(), 0);
    }
}

/// Bytes of the body that may still arrive before nginx enlarges the window: new frames, and the rest
/// of a frame that has begun.
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
