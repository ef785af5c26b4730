//! HTTP/1.1: the bytes behind the header, in `r->header_in`.

use core::mem;

use nginx_sys::{
    NGX_AGAIN, NGX_DONE, NGX_HTTP_BAD_REQUEST, NGX_LOG_INFO, NGX_OK, ngx_alloc_chain_link,
    ngx_buf_t, ngx_create_temp_buf, ngx_http_chunked_t, ngx_http_connection_t,
};

use super::header_in::{self, FRAMING};
use super::{Received, body_limit};
use crate::nginx::ffi::log;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::shim;
use crate::nginx::request::life::Ctx;
use crate::nginx::request::look::{Framing, Progress};
use crate::nginx::request::peek::Peek;

/// Looks at the bytes of the body that have been received.
pub(super) fn look(r: Request, ctx: &mut Ctx, peek: &mut Peek) -> Progress {
    let unseen = header_in::bytes(r)
        .get(peek.look.seen..)
        .unwrap_or_default();
    let Some(length) = r.content_length() else {
        return look_at_chunks(r, ctx, peek, unseen);
    };
    let left = length.saturating_sub(peek.look.seen);
    let unseen = unseen.get(..left).unwrap_or(unseen);
    ctx.feed(peek.look.take(unseen));
    peek.look.seen = peek.look.seen.saturating_add(unseen.len());
    let is_all = peek.look.body_seen >= length;
    peek.look.progress(is_all, ctx.is_decided())
}

/// Receives no more than the peek looks at, and never more than Content-Length declares: the next
/// request stays in the socket. Behind a chunked body, bytes of the next request may be received, too;
/// nginx keeps them in the buffer for that request.
pub(super) fn receive(r: Request, peek: &Peek) -> Received {
    let limit = match r.content_length() {
        Some(length) => length.min(peek.look.size),
        None => peek.look.size.saturating_add(FRAMING),
    };
    match header_in::receive(r, limit, larger) {
        Received::End => {
            log::line(
                r.log(),
                NGX_LOG_INFO,
                "client prematurely closed connection",
            );
            r.set_connection_error();
            Received::Failed(NGX_HTTP_BAD_REQUEST)
        }
        received => received,
    }
}

/// Sends "100 Continue" to a client that waits for it. nginx would send it when it reads the body;
/// a peek comes earlier, and would wait for the client while the client waits for nginx.
pub(super) fn send_continue(r: Request) -> bool {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    if !r.expects_continue() {
        return true;
    }
    // SAFETY: a valid connection, and static bytes. Like nginx, this takes a partial write of so few
    // bytes for a broken connection.
    let sent = unsafe {
        shim::ngx_http_frappe_send(r.connection(), CONTINUE.as_ptr().cast_mut(), CONTINUE.len())
    };
    if sent.unsigned_abs() == CONTINUE.len() {
        return true;
    }
    r.set_connection_error();
    false
}

/// Looks at a chunked body. nginx's own parser reads the chunk sizes, from a copy of the buffer's
/// pointers.
fn look_at_chunks(r: Request, ctx: &mut Ctx, peek: &mut Peek, bytes: &[u8]) -> Progress {
    let Peek { look, chunked, .. } = peek;
    let parse = |chunked: &mut ngx_http_chunked_t, rest: &[u8]| {
        // SAFETY: all zero is a buffer without memory; the parser uses `pos` and `last` only.
        let mut buf: ngx_buf_t = unsafe { mem::zeroed() };
        let range = rest.as_ptr_range();
        buf.pos = range.start.cast_mut();
        buf.last = range.end.cast_mut();
        // SAFETY: `rest` is memory that the parser reads and does not write; it moves `pos` within.
        let (rc, taken) = unsafe {
            let rc = shim::ngx_http_frappe_parse_chunked(r.as_ptr(), &raw mut buf, chunked);
            (rc, buf.pos.cast_const().offset_from(range.start))
        };
        let found = match rc as i32 {
            rc if rc == NGX_OK as i32 => {
                Framing::Data(usize::try_from(chunked.size).unwrap_or(usize::MAX))
            }
            NGX_AGAIN => Framing::More,
            NGX_DONE => Framing::Ended,
            _ => Framing::Broken,
        };
        (taken.unsigned_abs(), found)
    };
    let taken = |chunked: &mut ngx_http_chunked_t, len: usize| {
        chunked.size = chunked.size.saturating_sub_unsigned(len as u64);
    };
    look.framed(bytes, body_limit(r), chunked, parse, taken, |data| {
        ctx.feed(data);
        ctx.is_decided()
    })
}

/// A buffer in place of the header's. As nginx does for a long header, this takes it from the
/// connection's pool and puts it on the list of busy buffers, so that nginx frees or reuses it when the
/// next request begins. It is never smaller than `large_client_header_buffers`, as nginx expects of
/// all buffers in that list.
fn larger(r: Request, capacity: usize) -> *mut ngx_buf_t {
    // SAFETY: request, connection and lists are nginx's and valid; results of allocations are
    // checked.
    unsafe {
        let c = r.connection();
        let hc = (*r.as_ptr()).http_connection;
        let mut link = take_free(hc, capacity);
        if link.is_null() {
            let capacity = capacity.max(r.large_header_size());
            let new = ngx_create_temp_buf((*c).pool, capacity);
            link = ngx_alloc_chain_link((*c).pool);
            if new.is_null() || link.is_null() {
                return core::ptr::null_mut();
            }
            (*link).buf = new;
        }
        (*link).next = (*hc).busy;
        (*hc).busy = link;
        (*hc).nbusy = (*hc).nbusy.saturating_add(1);
        (*link).buf
    }
}

/// Takes a buffer of at least `capacity` bytes that an earlier request of the connection has left; null
/// where there is none. Without this, a connection that never pauses between its requests would collect
/// such buffers.
///
/// # Safety
///
/// `hc` is valid.
unsafe fn take_free(
    hc: *mut ngx_http_connection_t,
    capacity: usize,
) -> *mut nginx_sys::ngx_chain_t {
    // SAFETY: promised by the caller: each `next` of the list is null or a valid link, each buffer
    // is valid and empty.
    unsafe {
        let mut place = &raw mut (*hc).free;
        while let Some(link) = (*place).as_mut() {
            let buf = link.buf;
            if (*buf).end.offset_from((*buf).start).unsigned_abs() >= capacity {
                *place = link.next;
                return link;
            }
            place = &raw mut link.next;
        }
    }
    core::ptr::null_mut()
}
