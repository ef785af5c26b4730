//! The request body filter: in front of nginx's own, it sees every piece of a body as it
//! arrives, decoded from chunks and frames, before any of it goes to a temporary file.

use core::cell::Cell;

use nginx_sys::{
    NGX_ERROR, ngx_chain_t, ngx_http_request_body_filter_pt, ngx_http_request_t,
    ngx_http_top_request_body_filter, ngx_int_t,
};

use super::ctx;
use super::guard::guarded;
use super::raw::{self, Request};

/// The filter behind ours.
struct Next(Cell<ngx_http_request_body_filter_pt>);

// SAFETY: set while the configuration is read, read by callbacks afterwards: nginx runs both in
// the process's only thread.
unsafe impl Sync for Next {}

static NEXT: Next = Next(Cell::new(None));

/// Puts the filter on top of those that are there.
pub(super) fn install() {
    // SAFETY: nginx rebuilds this list while it reads the configuration, in one thread.
    unsafe {
        NEXT.0.set(ngx_http_top_request_body_filter);
        ngx_http_top_request_body_filter = Some(filter);
    }
}

unsafe extern "C" fn filter(r: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: nginx calls filters with a valid request.
    if let Some(request) = unsafe { Request::new(r) }
        && ctx::is_listening(request)
    {
        watch(request, chain);
    }
    match NEXT.0.get() {
        // SAFETY: the arguments are passed on as they came, the chain untouched.
        Some(next) => unsafe { next(r, chain) },
        None => NGX_ERROR as ngx_int_t,
    }
}

/// Apart, so that a body that nobody waits for costs a glance.
#[inline(never)]
fn watch(r: Request, chain: *const ngx_chain_t) {
    guarded(r.log(), (), || {
        if !skim(r, chain) {
            feed(r, chain);
        }
    });
}

/// Nothing in the chain matters: it is the middle of a file.
#[inline(always)]
fn skim(r: Request, chain: *const ngx_chain_t) -> bool {
    ctx::skim(r).is_some_and(|skim| {
        // SAFETY: as in `feed`.
        unsafe { raw::bufs(chain) }
            .all(|buf| !raw::buf_is_last(buf) && skim.passes(raw::buf_memory(buf)))
    })
}

#[inline(never)]
fn feed(r: Request, chain: *const ngx_chain_t) {
    let Some(ctx) = ctx::find(r) else {
        return;
    };
    ctx.begin_filter(r);
    // SAFETY: the chain is nginx's, null or valid, and nginx is not running meanwhile.
    for buf in unsafe { raw::bufs(chain) } {
        ctx.feed_filter(raw::buf_memory(buf));
        if raw::buf_is_last(buf) {
            ctx.finish_filter(r);
        }
    }
}
