//! Looks at the first bytes of a body without consuming them, so that nginx streams the whole
//! body to the upstream afterwards as if nobody had looked.
//!
//! | protocol | where the bytes are | how more of them come |
//! | --- | --- | --- |
//! | HTTP/1.1 | `r->header_in`, behind the header | received into its free tail, or into a larger buffer that takes its place as for a long header |
//! | HTTP/2 | a private request body's buffer, given to the stream as its preread buffer | nginx copies each DATA frame there and posts an event; no window is enlarged |
//! | HTTP/3 | not done: the body is read as a whole | |
//!
//! Nobody's read of the body has begun, and none begins here. While the request waits its phase
//! handler answers DONE and nothing is counted: only the events installed here can wake it.

use core::mem;
use core::ptr::NonNull;

use nginx_sys::{
    NGX_AGAIN, NGX_DONE, NGX_HTTP_BAD_REQUEST, NGX_HTTP_INTERNAL_SERVER_ERROR,
    NGX_HTTP_REQUEST_TIME_OUT, NGX_OK, ngx_alloc_chain_link, ngx_buf_t, ngx_connection_t,
    ngx_create_temp_buf, ngx_handle_read_event, ngx_http_block_reading, ngx_http_chunked_t,
    ngx_http_core_run_phases, ngx_http_finalize_request, ngx_http_request_body_t,
    ngx_http_request_empty_handler, ngx_http_request_t, ngx_int_t, ngx_pcalloc,
};

use super::ctx::{self, Ctx, State};
use super::guard::guarded;
use super::raw::{self, Request};
use super::shim;

/// How far a peek has come.
pub(super) struct Peek {
    /// bytes of the body to look at
    size: usize,
    /// bytes behind the header, or of the private buffer, that have been looked at
    seen: usize,
    /// bytes of the body among them
    body_seen: usize,
    chunked: ngx_http_chunked_t,
    /// HTTP/2: what nginx takes for the request's body meanwhile
    private: Option<NonNull<ngx_http_request_body_t>>,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// more bytes are needed
    More,
    /// the body has ended: the decision is exact
    Ended,
    /// it is decided, or enough has been looked at
    Enough,
    /// the client's framing is wrong: nginx will say so when it reads the body
    Broken,
}

/// What became of an attempt to get more bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    Bytes,
    /// an event will come
    Later,
    /// the buffer is full
    Full,
    /// the request must end with this status
    Failed(u32),
}

/// What a phase handler does after [`start`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// decided: the phases go on
    Decided,
    /// wait for `on_event`
    Waiting,
    /// end the request with this status
    Failed(u32),
}

impl Peek {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            seen: 0,
            body_seen: 0,
            chunked: ngx_http_chunked_t {
                state: 0,
                size: 0,
                length: 0,
            },
            private: None,
        }
    }
}

/// This protocol can be peeked at.
pub(super) fn is_possible(r: Request) -> bool {
    // SAFETY: the shim reads fields of a valid request.
    unsafe { shim::ngx_http_frappe_is_http3(r.as_ptr()) == 0 }
}

/// Begins to look at the body of a request that nobody reads yet.
pub(super) fn start(r: Request, ctx: &mut Ctx) -> Outlook {
    if is_http2(r) && !install(r, ctx) {
        return Outlook::Failed(NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
    let outlook = go_on(r, ctx);
    match outlook {
        Outlook::Waiting => {
            if !send_continue(r) {
                return Outlook::Failed(NGX_HTTP_INTERNAL_SERVER_ERROR);
            }
            r.set_handlers(Some(on_event), Some(ngx_http_request_empty_handler));
        }
        Outlook::Decided | Outlook::Failed(_) => remove(r, ctx),
    }
    outlook
}

/// Bytes, a timeout or the end of the connection.
unsafe extern "C" fn on_event(r: *mut ngx_http_request_t) {
    // SAFETY: nginx calls read handlers with a valid request.
    let Some(request) = (unsafe { Request::new(r) }) else {
        return;
    };
    let otherwise = Outlook::Failed(NGX_HTTP_INTERNAL_SERVER_ERROR);
    let outlook = guarded(request.log(), otherwise, || woken(request));
    // SAFETY: the request is valid until one of these calls, after which it is not touched; no
    // borrow of the context is alive.
    unsafe {
        match outlook {
            Outlook::Waiting => {}
            Outlook::Decided => {
                request.set_handlers(Some(ngx_http_block_reading), Some(ngx_http_core_run_phases));
                ngx_http_core_run_phases(r);
            }
            Outlook::Failed(status) => ngx_http_finalize_request(r, status as ngx_int_t),
        }
    }
}

fn woken(r: Request) -> Outlook {
    let Some(ctx) = ctx::find(r).filter(|ctx| ctx.state() == State::Reading) else {
        return Outlook::Decided;
    };
    let outlook = match r.connection_failure() {
        Some(status) => Outlook::Failed(status),
        None => go_on(r, ctx),
    };
    if outlook != Outlook::Waiting {
        remove(r, ctx);
    }
    if matches!(outlook, Outlook::Failed(_)) {
        ctx.fail();
    }
    outlook
}

/// Looks at what is there, and asks for more until it is decided.
fn go_on(r: Request, ctx: &mut Ctx) -> Outlook {
    loop {
        let progress = if is_http2(r) {
            look_at_frames(r, ctx)
        } else {
            look_at_header_in(r, ctx)
        };
        match progress {
            Progress::Ended => ctx.decide(r, false),
            Progress::Enough | Progress::Broken => ctx.decide(r, true),
            Progress::More => {
                let received = if is_http2(r) {
                    wait(r)
                } else {
                    receive(r, ctx)
                };
                match received {
                    Received::Bytes => continue,
                    Received::Later => return Outlook::Waiting,
                    Received::Full => ctx.decide(r, true),
                    Received::Failed(status) => return Outlook::Failed(status),
                }
            }
        }
        return Outlook::Decided;
    }
}

/// Feeds bytes of the body, up to the limit.
fn feed(ctx: &mut Ctx, peek: &mut Peek, bytes: &[u8]) {
    let left = peek.size.saturating_sub(peek.body_seen);
    let bytes = bytes.get(..left).unwrap_or(bytes);
    ctx.feed(bytes);
    peek.body_seen = peek.body_seen.saturating_add(bytes.len());
}

fn progress(ctx: &Ctx, peek: &Peek, ended: bool) -> Progress {
    if ended {
        Progress::Ended
    } else if ctx.is_decided() || peek.body_seen >= peek.size {
        Progress::Enough
    } else {
        Progress::More
    }
}

/// HTTP/2: what nginx has copied to the private body's buffer.
fn look_at_frames(r: Request, ctx: &mut Ctx) -> Progress {
    let Some(mut peek) = ctx.peek.take() else {
        return Progress::Enough;
    };
    // SAFETY: the private body lives in the request's pool, its buffer as well; nginx is not
    // running meanwhile.
    let buf = unsafe { peek.private.and_then(|body| body.as_ref().buf.as_ref()) };
    let bytes = buf.map(raw::buf_memory).unwrap_or_default();
    let unseen = bytes.get(peek.seen..).unwrap_or_default();
    feed(ctx, &mut peek, unseen);
    let all = peek.seen.saturating_add(unseen.len());
    let ended = is_closed(r) && peek.body_seen >= all;
    peek.seen = all;
    let progress = progress(ctx, &peek, ended);
    ctx.peek = Some(peek);
    progress
}

/// HTTP/1.1: what has been received behind the header.
fn look_at_header_in(r: Request, ctx: &mut Ctx) -> Progress {
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

/// HTTP/1.1: receives into the free tail of the header's buffer. Never beyond the body that
/// Content-Length declares, so that what follows stays in the socket.
fn receive(r: Request, ctx: &Ctx) -> Received {
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

/// The next event may take as long as that of any body.
fn wait(r: Request) -> Received {
    // SAFETY: the connection's read event and the location's timeout are nginx's.
    unsafe {
        let timeout = shim::ngx_http_frappe_body_timeout(r.as_ptr());
        shim::ngx_http_frappe_add_timer((*r.connection()).read, timeout);
    }
    Received::Later
}

/// Bytes of sizes and line breaks that a peek at a chunked body has room for.
const CHUNK_FRAMING: usize = 1024;

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

/// "100 Continue", which nginx would send when it reads the body: without it a client that asks
/// for it would wait, and so would we.
fn send_continue(r: Request) -> bool {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    if is_http2(r) || !r.expects_continue() {
        return true;
    }
    // SAFETY: as nginx does it; such a small packet is taken at once or not at all.
    let sent = unsafe {
        shim::ngx_http_frappe_send(r.connection(), CONTINUE.as_ptr().cast_mut(), CONTINUE.len())
    };
    sent.unsigned_abs() == CONTINUE.len()
}

/// HTTP/2: makes nginx copy frames to a buffer of ours, and wake us for each.
fn install(r: Request, ctx: &mut Ctx) -> bool {
    let Some(peek) = &mut ctx.peek else {
        return false;
    };
    // SAFETY: the request's pool; results are checked; all zero is an empty request body.
    unsafe {
        let body = ngx_pcalloc(r.pool(), size_of::<ngx_http_request_body_t>())
            .cast::<ngx_http_request_body_t>();
        let mut buf = shim::ngx_http_frappe_v2_preread(r.as_ptr());
        if buf.is_null() {
            // As large as all that the client may send before a window is enlarged.
            buf = ngx_create_temp_buf(r.pool(), shim::ngx_http_frappe_v2_window(r.as_ptr()));
        }
        let Some(private) = NonNull::new(body).filter(|_| !buf.is_null()) else {
            return false;
        };
        (*body).rest = 1;
        (*body).buf = buf;
        peek.private = Some(private);
        (*r.as_ptr()).request_body = body;
        (*r.as_ptr()).set_request_body_no_buffering(1);
    }
    true
}

/// Leaves the request as it was, but for bytes that have arrived: whatever ends a peek, nobody may
/// take its private body for one that has been read, or meet its timer.
fn remove(r: Request, ctx: &mut Ctx) {
    // SAFETY: the shim deletes a timer that is set.
    unsafe { shim::ngx_http_frappe_del_timer((*r.connection()).read) };
    let Some(private) = ctx.peek.as_mut().and_then(|peek| peek.private.take()) else {
        return;
    };
    // SAFETY: installed by `install`; the buffer lives in the request's pool.
    unsafe {
        shim::ngx_http_frappe_set_v2_preread(r.as_ptr(), private.as_ref().buf);
        (*r.as_ptr()).request_body = core::ptr::null_mut();
        (*r.as_ptr()).set_request_body_no_buffering(0);
    }
}

fn is_http2(r: Request) -> bool {
    // SAFETY: the shim reads fields of a valid request.
    unsafe { shim::ngx_http_frappe_is_http2(r.as_ptr()) != 0 }
}

fn is_closed(r: Request) -> bool {
    // SAFETY: the shim reads fields of a valid request with a stream.
    unsafe { shim::ngx_http_frappe_v2_is_closed(r.as_ptr()) != 0 }
}

impl Request {
    fn connection(self) -> *mut ngx_connection_t {
        // SAFETY: by the invariant of Request.
        unsafe { (*self.as_ptr()).connection }
    }

    fn header_in(self) -> *mut ngx_buf_t {
        // SAFETY: by the invariant of Request.
        unsafe { (*self.as_ptr()).header_in }
    }

    /// None where the body is chunked.
    fn content_length(self) -> Option<usize> {
        // SAFETY: by the invariant of Request.
        let headers = unsafe { &(*self.as_ptr()).headers_in };
        if headers.chunked() != 0 {
            return None;
        }
        usize::try_from(headers.content_length_n).ok()
    }

    fn set_handlers(
        self,
        read: nginx_sys::ngx_http_event_handler_pt,
        write: nginx_sys::ngx_http_event_handler_pt,
    ) {
        // SAFETY: by the invariant of Request.
        unsafe {
            (*self.as_ptr()).read_event_handler = read;
            (*self.as_ptr()).write_event_handler = write;
        }
    }

    /// The client waits for "100 Continue"; asks only once.
    fn expects_continue(self) -> bool {
        let r = self.as_ptr();
        // SAFETY: by the invariant of Request; `expect` is null or a header.
        unsafe {
            if (*r).expect_tested() != 0 || (*r).http_version < HTTP_1_1 {
                return false;
            }
            let Some(expect) = (*r).headers_in.expect.as_ref() else {
                return false;
            };
            (*r).set_expect_tested(1);
            raw::str_bytes(&expect.value).eq_ignore_ascii_case(b"100-continue")
        }
    }

    /// A timeout or an error, as the status that nginx would end a body's read with.
    fn connection_failure(self) -> Option<u32> {
        // SAFETY: by the invariant of Request; a connection has a read event.
        unsafe {
            let c = self.connection();
            if (*(*c).read).timedout() != 0 {
                (*c).set_timedout(1);
                return Some(NGX_HTTP_REQUEST_TIME_OUT);
            }
            ((*c).error() != 0).then_some(NGX_HTTP_BAD_REQUEST)
        }
    }
}

const HTTP_1_1: nginx_sys::ngx_uint_t = nginx_sys::NGX_HTTP_VERSION_11 as nginx_sys::ngx_uint_t;
