//! Looks at the first bytes of a body without consuming them, so that nginx streams the whole
//! body to the upstream afterwards as if nobody had looked.
//!
//! | protocol | where the bytes are | how more of them come |
//! | --- | --- | --- |
//! | HTTP/1.1 | `r->header_in`, behind the header | received into its free tail, or into a larger buffer that takes its place as for a long header |
//! | HTTP/2 | a private request body's buffer, given to the stream as its preread buffer | nginx copies each DATA frame there and posts an event; no window is enlarged |
//! | HTTP/3 | `r->header_in`, behind the header, as frames | received as for HTTP/1.1 |
//!
//! Nobody's read of the body has begun, and none begins here. While the request waits its phase
//! handler answers DONE and nothing is counted: only the events installed here can wake it.

mod header_in;
mod http1;
mod http2;
mod http3;

use nginx_sys::{
    NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_http_block_reading, ngx_http_chunked_t,
    ngx_http_core_run_phases, ngx_http_finalize_request, ngx_http_request_empty_handler,
    ngx_http_request_t, ngx_int_t,
};

use super::ctx::{self, Ctx, State};
use super::guard::guarded;
use super::raw::{self, Protocol, Request};
use super::shim;
use http3::Frames;

/// How far a peek has come.
pub(super) struct Peek {
    /// bytes of the body to look at
    size: usize,
    /// bytes behind the header, or of the private buffer, that have been looked at
    seen: usize,
    /// bytes of the body among them
    body_seen: usize,
    chunked: ngx_http_chunked_t,
    frames: Option<Frames>,
    /// HTTP/3: the stream has ended
    is_closed: bool,
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
    /// no more will come
    End,
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
            frames: None,
            is_closed: false,
        }
    }
}

/// The whole body of a request that nobody reads yet, where it has come with the header: as most
/// short ones do over HTTP/1.1. It stays there for whoever reads it.
pub(super) fn arrived_body<'b>(r: Request) -> Option<&'b [u8]> {
    let len = usize::try_from(r.body_len()?).ok()?;
    // SAFETY: null or so many bytes of nginx's buffer of the header, which is not changed before the
    // body is read; until then the caller has done with them.
    unsafe {
        let body = shim::ngx_http_frappe_arrived_body(r.as_ptr());
        (!body.is_null()).then(|| raw::slice_of(body, len))
    }
}

/// Begins to look at the body of a request that nobody reads yet.
pub(super) fn start(r: Request, ctx: &mut Ctx) -> Outlook {
    let mut outlook = if prepare(r, ctx) {
        go_on(r, ctx)
    } else {
        Outlook::Failed(NGX_HTTP_INTERNAL_SERVER_ERROR)
    };
    if outlook == Outlook::Waiting && r.protocol() == Protocol::Http1 && !http1::send_continue(r) {
        outlook = Outlook::Failed(NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
    match outlook {
        Outlook::Waiting => {
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
    let outlook = guarded(request.log(), None, || Some(woken(request)));
    let outlook = outlook.unwrap_or_else(|| {
        abandon(request);
        Outlook::Decided
    });
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

/// After a panic: the request goes on as if there had been no peek.
pub(super) fn abandon(r: Request) {
    guarded(r.log(), (), || {
        if let Some(ctx) = ctx::find(r) {
            remove(r, ctx);
            ctx.fail();
        }
    });
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
        r.skip_rest();
    }
    outlook
}

fn prepare(r: Request, ctx: &mut Ctx) -> bool {
    match r.protocol() {
        Protocol::Http1 => true,
        Protocol::Http2 => http2::install(r, ctx),
        Protocol::Http3 => {
            let frames = Frames::new(r);
            let is_made = frames.is_some();
            if let Some(peek) = &mut ctx.peek {
                peek.frames = frames;
            }
            is_made
        }
    }
}

/// Looks at what is there, and asks for more until it is decided.
fn go_on(r: Request, ctx: &mut Ctx) -> Outlook {
    let Some(peek) = ctx.peek.take() else {
        ctx.decide(r, true);
        return Outlook::Decided;
    };
    let outlook = loop {
        let progress = match r.protocol() {
            Protocol::Http1 => http1::look(r, ctx, peek),
            Protocol::Http2 => http2::look(r, ctx, peek),
            Protocol::Http3 => http3::look(r, ctx, peek),
        };
        match progress {
            Progress::Ended => ctx.decide(r, false),
            Progress::Enough | Progress::Broken => ctx.decide(r, true),
            Progress::More => {
                let received = match r.protocol() {
                    Protocol::Http1 => http1::receive(r, peek),
                    Protocol::Http2 => wait(r),
                    Protocol::Http3 => http3::receive(r, peek),
                };
                match received {
                    Received::Bytes => continue,
                    Received::Later => break Outlook::Waiting,
                    Received::Full | Received::End => ctx.decide(r, true),
                    Received::Failed(status) => break Outlook::Failed(status),
                }
            }
        }
        break Outlook::Decided;
    };
    ctx.peek = Some(peek);
    outlook
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

/// With `more` bytes the body is longer than declared, or than `client_max_body_size` allows, of
/// which 0 means that there is no limit: nginx refuses it at once, whether those bytes come or not.
fn is_too_large(r: Request, peek: &Peek, more: usize) -> bool {
    let limit = r.content_length().or_else(|| {
        // SAFETY: the shim reads the configuration of a valid request.
        let max = unsafe { shim::ngx_http_frappe_max_body_size(r.as_ptr()) };
        usize::try_from(max).ok().filter(|max| *max > 0)
    });
    limit.is_some_and(|limit| peek.body_seen.saturating_add(more) > limit)
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

/// Whatever ends a peek leaves the request as it was, but for bytes that have arrived: nobody may
/// meet the timer of a peek, or its private body.
fn remove(r: Request, ctx: &mut Ctx) {
    // SAFETY: the shim deletes a timer that is set.
    unsafe { shim::ngx_http_frappe_del_timer((*r.connection()).read) };
    http2::remove(r, ctx);
}
