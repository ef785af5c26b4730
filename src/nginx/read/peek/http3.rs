//! HTTP/3: the frames behind the header, in `r->header_in`.

use core::mem;

use nginx_sys::{NGX_AGAIN, NGX_DONE, NGX_OK, ngx_buf_t, ngx_create_temp_buf};

use super::header_in::{self, FRAMING};
use super::{Received, body_limit};
use crate::nginx::ffi::request::Request;
use crate::nginx::request::life::Ctx;
use crate::nginx::request::look::{Framing, Progress};
use crate::nginx::request::peek::{Frames, Peek};

/// Looks at the frames that have been received behind the header: DATA, frames of unknown types, which
/// are skipped, and trailers, which end the body. nginx's own parser reads the frame headers, from a
/// copy of the buffer's pointers.
pub(super) fn look(r: Request, ctx: &mut Ctx, peek: &mut Peek) -> Progress {
    let Peek { look, frames, .. } = peek;
    let Some(frames) = frames else {
        return Progress::Enough;
    };
    let parse = |frames: &mut Frames, rest: &[u8]| parse(r, frames, rest);
    let rest = header_in::bytes(r).get(look.seen..).unwrap_or_default();
    let progress = look.framed(rest, body_limit(r), frames, parse, Frames::take, |data| {
        ctx.feed(data);
        ctx.is_decided()
    });
    if progress != Progress::More {
        return progress;
    }
    if peek.is_closed && frames.left() > 0 {
        return Progress::Broken;
    }
    // nginx refuses a body that is longer than its Content-Length.
    let is_all = r
        .content_length()
        .is_some_and(|length| look.body_seen >= length);
    look.progress(peek.is_closed || is_all, false)
}

/// Receives more frames. All bytes of the stream belong to this request. The end of the stream is no
/// failure here: nginx meets it again when it reads the body.
pub(super) fn receive(r: Request, peek: &mut Peek) -> Received {
    match header_in::receive(r, peek.look.size.saturating_add(FRAMING), larger) {
        Received::End => {
            peek.is_closed = true;
            Received::Bytes
        }
        received => received,
    }
}

/// Reads frame headers up to the first byte of a DATA frame.
fn parse(r: Request, frames: &mut Frames, rest: &[u8]) -> (usize, Framing) {
    if frames.left() > 0 {
        return (0, Framing::Data(frames.left()));
    }
    if rest.is_empty() {
        return (0, Framing::More);
    }
    // SAFETY: all zero is a buffer without memory; the parser uses `pos` and `last` only.
    let mut buf: ngx_buf_t = unsafe { mem::zeroed() };
    let range = rest.as_ptr_range();
    buf.pos = range.start.cast_mut();
    buf.last = range.end.cast_mut();
    // SAFETY: `rest` is memory that the parser reads and does not write; it moves `pos` within. No
    // DATA frame is open.
    let (rc, taken) = unsafe {
        let rc = frames.parse(r, &mut buf);
        (rc, buf.pos.cast_const().offset_from(range.start))
    };
    let found = match rc as i32 {
        rc if rc == NGX_OK as i32 => Framing::Data(frames.left()),
        NGX_AGAIN => Framing::More,
        NGX_DONE => Framing::Ended,
        _ => Framing::Broken,
    };
    (taken.unsigned_abs(), found)
}

/// A buffer in place of the header's. Over HTTP/3 that buffer belongs to the request alone.
fn larger(r: Request, capacity: usize) -> *mut ngx_buf_t {
    // SAFETY: the request's pool; null where there is no memory.
    unsafe { ngx_create_temp_buf(r.pool(), capacity) }
}
