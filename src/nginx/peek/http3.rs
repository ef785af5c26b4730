//! HTTP/3: the frames behind the header, in `r->header_in`.

use core::ffi::c_void;
use core::mem;
use core::ptr::NonNull;

use nginx_sys::{NGX_AGAIN, NGX_DONE, NGX_OK, ngx_buf_t, ngx_create_temp_buf, ngx_int_t};

use super::header_in::{self, FRAMING};
use super::{Peek, Progress, Received, feed, is_too_large, progress};
use crate::nginx::ctx::Ctx;
use crate::nginx::raw::Request;
use crate::nginx::shim;

/// A parser of frames that is in the state of nginx's own, which is not touched.
pub(super) struct Frames(NonNull<c_void>);

impl Frames {
    pub(super) fn new(r: Request) -> Option<Self> {
        // SAFETY: a request over HTTP/3; null where there is no memory.
        NonNull::new(unsafe { shim::ngx_http_frappe_v3_frames(r.as_ptr()) }).map(Self)
    }

    /// How many of `size` bytes belong to the DATA frame that has begun, which then has that many
    /// less to come.
    fn take(&self, size: usize) -> usize {
        // SAFETY: `new` has made it, in the request's pool.
        unsafe { shim::ngx_http_frappe_v3_take(self.0.as_ptr(), size) }
    }

    /// Bytes of the frame that has begun which are still to come.
    fn left(&self) -> usize {
        // SAFETY: as for `take`.
        unsafe { shim::ngx_http_frappe_v3_left(self.0.as_ptr()) }
    }
}

/// What has been received behind the header: frames of DATA, of types that mean nothing, and
/// trailers, at which the body ends. nginx's own parser reads their headers, on a copy of the
/// buffer's pointers.
pub(super) fn look(r: Request, ctx: &mut Ctx, peek: &mut Peek) -> Progress {
    let Some(frames) = peek.frames.take() else {
        return Progress::Enough;
    };
    let progress = look_at(r, ctx, peek, &frames);
    peek.frames = Some(frames);
    progress
}

/// All that arrives belongs to this request. The end of the stream is told again to whoever reads
/// next.
pub(super) fn receive(r: Request, peek: &mut Peek) -> Received {
    match header_in::receive(r, peek.size.saturating_add(FRAMING), larger) {
        Received::End => {
            peek.is_closed = true;
            Received::Bytes
        }
        received => received,
    }
}

fn look_at(r: Request, ctx: &mut Ctx, peek: &mut Peek, frames: &Frames) -> Progress {
    // SAFETY: all zero is a buffer without memory; the parser uses `pos` and `last` only.
    let mut buf: ngx_buf_t = unsafe { mem::zeroed() };
    let mut rest = header_in::bytes(r).get(peek.seen..).unwrap_or_default();
    while !rest.is_empty() {
        let data = rest.get(..frames.take(rest.len())).unwrap_or_default();
        feed(ctx, peek, data);
        rest = rest.get(data.len()..).unwrap_or_default();
        peek.seen = peek.seen.saturating_add(data.len());
        if progress(ctx, peek, false) == Progress::Enough {
            return Progress::Enough;
        }
        if rest.is_empty() {
            break;
        }

        let range = rest.as_ptr_range();
        buf.pos = range.start.cast_mut();
        buf.last = range.end.cast_mut();
        // SAFETY: `rest` is memory that the parser reads and does not write; no DATA frame is open.
        let rc =
            unsafe { shim::ngx_http_frappe_v3_parse(r.as_ptr(), frames.0.as_ptr(), &raw mut buf) };
        // SAFETY: the parser moves `pos` within `rest`.
        let taken = unsafe { buf.pos.cast_const().offset_from(range.start) }.unsigned_abs();
        rest = rest.get(taken..).unwrap_or_default();
        peek.seen = peek.seen.saturating_add(taken);
        if rc == NGX_OK as ngx_int_t {
            if is_too_large(r, peek, frames.left()) {
                return Progress::Broken;
            }
            continue;
        }
        match rc as i32 {
            NGX_AGAIN => break,
            NGX_DONE => return progress(ctx, peek, true),
            _ => return Progress::Broken,
        }
    }
    if peek.is_closed && frames.left() > 0 {
        return Progress::Broken;
    }
    // nginx takes no more than was declared.
    let is_all = r
        .content_length()
        .is_some_and(|length| peek.body_seen >= length);
    progress(ctx, peek, peek.is_closed || is_all)
}

/// A buffer in place of the header's. Over HTTP/3 it belongs to the request alone.
fn larger(r: Request, capacity: usize) -> *mut ngx_buf_t {
    // SAFETY: the request's pool; null where there is no memory.
    unsafe { ngx_create_temp_buf(r.pool(), capacity) }
}
