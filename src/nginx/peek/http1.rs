//! HTTP/1.1: the bytes behind the header, in `r->header_in`.

use core::mem;

use nginx_sys::{
    NGX_AGAIN, NGX_DONE, NGX_HTTP_BAD_REQUEST, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK,
    ngx_alloc_chain_link, ngx_buf_t, ngx_create_temp_buf, ngx_handle_read_event, ngx_int_t,
};

use super::{Peek, Progress, Received, feed, progress, wait};
use crate::nginx::ctx::Ctx;
use crate::nginx::raw::{self, Request};
use crate::nginx::shim;

/// Bytes of sizes and line breaks that a peek at a chunked body has room for.
const CHUNK_FRAMING: usize = 1024;

/// HTTP/1.1: what has been received behind the header.
pub(super) fn look(r: Request, ctx: &mut Ctx) -> Progress {
    let Some(mut peek) = ctx.peek.take() else {
        return Progress::Enough;
    };
    let buf = r.header_in();
    // SAFETY: nginx's buffer of the header, which nobody changes meanwhile.
    let bytes = unsafe { buf.as_ref() }
        .map(raw::buf_memory)
        .unwrap_or_default();
    let unseen = bytes.get(peek.seen..).unwrap_or_default();
    let progress = match r.content_length() {
        Some(length) => {
            let left = length.saturating_sub(peek.seen);
            let unseen = unseen.get(..left).unwrap_or(unseen);
            feed(ctx, &mut peek, unseen);
            peek.seen = peek.seen.saturating_add(unseen.len());
            let ended = peek.body_seen >= length;
            progress(ctx, &peek, ended)
        }
        None => look_at_chunks(r, ctx, &mut peek, unseen),
    };
    ctx.peek = Some(peek);
    progress
}

/// HTTP/1.1: receives into the free tail of the header's buffer. Never beyond the body that
/// Content-Length declares, so that what follows stays in the socket.
pub(super) fn receive(r: Request, ctx: &Ctx) -> Received {
    let Some(peek) = &ctx.peek else {
        return Received::Full;
    };
    let want = match r.content_length() {
        Some(length) => length.min(peek.size).saturating_sub(peek.seen),
        // Framing comes on top; the buffer's end limits that.
        None => peek
            .size
            .saturating_sub(peek.body_seen)
            .saturating_add(CHUNK_FRAMING),
    };
    if !make_room(r, peek, want) {
        return Received::Failed(NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
    let c = r.connection();
    // SAFETY: connection and buffer are the request's; between `last` and `end` is free memory.
    unsafe {
        let buf = r.header_in();
        let free = (*buf).end.offset_from((*buf).last).unsigned_abs();
        let size = free.min(want);
        if size == 0 {
            return Received::Full;
        }
        let n = shim::ngx_http_frappe_recv(c, (*buf).last, size);
        if n == NGX_AGAIN as isize {
            wait(r);
            if ngx_handle_read_event((*c).read, 0) != NGX_OK as ngx_int_t {
                return Received::Failed(NGX_HTTP_INTERNAL_SERVER_ERROR);
            }
            return Received::Later;
        }
        if n <= 0 {
            (*c).set_error(1);
            return Received::Failed(NGX_HTTP_BAD_REQUEST);
        }
        (*buf).last = (*buf).last.add(n.unsigned_abs());
    }
    Received::Bytes
}

/// "100 Continue", which nginx would send when it reads the body: without it a client that asks
/// for it would wait, and so would we.
pub(super) fn send_continue(r: Request) -> bool {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    if !r.expects_continue() {
        return true;
    }
    // SAFETY: as nginx does it; such a small packet is taken at once or not at all.
    let sent = unsafe {
        shim::ngx_http_frappe_send(r.connection(), CONTINUE.as_ptr().cast_mut(), CONTINUE.len())
    };
    sent.unsigned_abs() == CONTINUE.len()
}

/// nginx's own parser reads the framing, on a copy of the buffer's pointers.
fn look_at_chunks(r: Request, ctx: &mut Ctx, peek: &mut Peek, bytes: &[u8]) -> Progress {
    // SAFETY: all zero is a buffer without memory; the parser uses `pos` and `last` only.
    let mut buf: ngx_buf_t = unsafe { mem::zeroed() };
    let mut rest = bytes;
    loop {
        let range = rest.as_ptr_range();
        buf.pos = range.start.cast_mut();
        buf.last = range.end.cast_mut();
        // SAFETY: `rest` is memory that the parser reads and does not write.
        let rc = unsafe {
            shim::ngx_http_frappe_parse_chunked(r.as_ptr(), &raw mut buf, &raw mut peek.chunked)
        };
        // SAFETY: the parser moves `pos` within `rest`.
        let taken = unsafe { buf.pos.cast_const().offset_from(range.start) }.unsigned_abs();
        rest = rest.get(taken..).unwrap_or_default();
        peek.seen = peek.seen.saturating_add(taken);
        if rc == NGX_OK as ngx_int_t {
            let size = usize::try_from(peek.chunked.size).unwrap_or(usize::MAX);
            let data = rest.get(..size).unwrap_or(rest);
            feed(ctx, peek, data);
            rest = rest.get(data.len()..).unwrap_or_default();
            peek.seen = peek.seen.saturating_add(data.len());
            peek.chunked.size = peek.chunked.size.saturating_sub_unsigned(data.len() as u64);
            if progress(ctx, peek, false) == Progress::Enough {
                return Progress::Enough;
            }
            continue;
        }
        return match rc as i32 {
            NGX_DONE => progress(ctx, peek, true),
            NGX_AGAIN => progress(ctx, peek, false),
            _ => Progress::Broken,
        };
    }
}

/// Takes a larger buffer in place of the header's where `want` bytes do not fit, as nginx does
/// for a long header: from the connection's pool and on the list of busy buffers, by which it is
/// freed or reused when the next request begins. The old one stays where it is, for the header's
/// strings lie in it.
fn make_room(r: Request, peek: &Peek, want: usize) -> bool {
    let c = r.connection();
    // SAFETY: request, connection and buffers are nginx's and valid; results of allocations are
    // checked; the new buffer has room for what is copied.
    unsafe {
        let old = r.header_in();
        let free = (*old).end.offset_from((*old).last).unsigned_abs();
        let kept = (*old).last.offset_from((*old).pos).unsigned_abs();
        if free >= want || peek.size.saturating_add(CHUNK_FRAMING) < kept {
            return true;
        }
        let size = kept
            .saturating_add(want)
            .max(shim::ngx_http_frappe_large_header_size(r.as_ptr()));
        if (*old).end.offset_from((*old).pos).unsigned_abs() >= size {
            return true;
        }
        let new = ngx_create_temp_buf((*c).pool, size);
        let link = ngx_alloc_chain_link((*c).pool);
        if new.is_null() || link.is_null() {
            return false;
        }
        core::ptr::copy_nonoverlapping((*old).pos, (*new).last, kept);
        (*new).last = (*new).last.add(kept);
        (*old).pos = (*old).last;
        let hc = (*r.as_ptr()).http_connection;
        (*link).buf = new;
        (*link).next = (*hc).busy;
        (*hc).busy = link;
        (*hc).nbusy = (*hc).nbusy.saturating_add(1);
        (*r.as_ptr()).header_in = new;
    }
    true
}
