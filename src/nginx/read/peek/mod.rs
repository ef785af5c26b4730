//! A peek looks at the first bytes of a body without consuming them, so that nginx can stream the
//! whole body to the upstream afterwards.
//!
//! | protocol | where the bytes are | how more of them come |
//! | --- | --- | --- |
//! | HTTP/1.1 | `r->header_in`, behind the header | received into its free tail, or into a larger buffer that takes its place as for a long header |
//! | HTTP/2 | a private request body's buffer, given to the stream as its preread buffer | nginx copies each DATA frame there and posts an event; no window is enlarged |
//! | HTTP/3 | `r->header_in`, behind the header, as frames | received as for HTTP/1.1 |
//!
//! A peek begins only where nginx has not begun to read the body, and it does not begin that read. While
//! the request waits, its phase handler returns DONE and holds no count of the request: only the event
//! handlers that a peek sets can wake it.

mod header_in;
mod http1;
mod http2;
mod http3;

use nginx_sys::{
    NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_http_block_reading, ngx_http_core_run_phases,
    ngx_http_finalize_request, ngx_http_request_empty_handler, ngx_http_request_t, ngx_int_t,
};

use crate::nginx::ffi::guard::guarded;
use crate::nginx::ffi::log;
use crate::nginx::ffi::request::{Protocol, Request};
use crate::nginx::ffi::shim;
use crate::nginx::request::life::{self, Ctx, Life};
use crate::nginx::request::look::Progress;
use crate::nginx::request::peek::{Frames, Peek};

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

/// Begins a peek at a body that nginx has not begun to read.
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

/// The read event of a request that waits: bytes, a timeout or the end of the connection.
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
    // SAFETY: the request is valid until one of these calls, and no code here touches it afterwards; no
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

/// Ends a peek after a panic: the request goes on as if there had been none.
pub(super) fn abandon(r: Request) {
    guarded(r.log(), (), || {
        if let Some(ctx) = life::find(r) {
            remove(r, ctx);
            ctx.fail(r);
        }
    });
}

fn woken(r: Request) -> Outlook {
    let Some(ctx) = life::find(r).filter(|ctx| ctx.life() == Life::Reading) else {
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
        ctx.fail(r);
        r.skip_rest();
    }
    outlook
}

fn prepare(r: Request, ctx: &mut Ctx) -> bool {
    if let Some(peek) = &mut ctx.peek {
        peek.arrived = header_in::bytes(r).len();
    }
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

/// Looks at the bytes that have come, and asks for more until they decide.
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
    log::debug(
        r,
        format_args!(
            "peek: {outlook:?}, bytes of the body: {}",
            peek.look.body_seen
        ),
    );
    ctx.spills = spills(r, peek);
    ctx.peek = Some(peek);
    outlook
}

/// The most bytes that a body may have: its Content-Length, or `client_max_body_size`. nginx refuses a
/// longer body as soon as it knows the length, before the bytes come.
fn body_limit(r: Request) -> Option<usize> {
    r.content_length().or_else(|| r.max_body_size())
}

/// Whether nginx would have written the body to a file without the peek. It must do so after a peek,
/// too, although the peek may have put more bytes into memory than `client_body_buffer_size`. The rule
/// is that of ngx_http_read_client_request_body. Over HTTP/2 nginx copies the peeked bytes through a
/// buffer of that size, so nothing changes there.
fn spills(r: Request, peek: &Peek) -> bool {
    if r.protocol() == Protocol::Http2 {
        return false;
    }
    let buffer = r.body_buffer_size();
    match r.content_length() {
        Some(length) => {
            let rest = length.saturating_sub(peek.arrived);
            rest >= buffer.saturating_add(buffer / 4)
        }
        None => peek.look.seen.saturating_sub(peek.arrived) >= buffer,
    }
}

/// Waits for the next event, for `client_body_timeout` at most, as in any read of a body.
fn wait(r: Request) -> Received {
    // SAFETY: the connection's read event and the location's timeout are nginx's.
    unsafe {
        shim::ngx_http_frappe_add_timer((*r.connection()).read, r.body_timeout());
    }
    Received::Later
}

/// Restores the request as it was before the peek, apart from the bytes that have arrived since: it
/// removes the timer and the private body, which would mislead nginx and other modules.
fn remove(r: Request, ctx: &mut Ctx) {
    // SAFETY: a connection has a read event; the shim deletes a timer that is set.
    unsafe {
        let event = (*r.connection()).read;
        if shim::ngx_http_frappe_timer_set(event) != 0 {
            shim::ngx_http_frappe_del_timer(event);
        }
    }
    http2::remove(r, ctx);
}
