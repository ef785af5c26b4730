//! The request body filter: in front of nginx's own, it sees every piece of a body as it
//! arrives, decoded from chunks and frames, before any of it goes to a temporary file.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};

use nginx_sys::{
    NGX_ERROR, ngx_chain_t, ngx_http_request_body_filter_pt, ngx_http_request_t,
    ngx_http_top_request_body_filter, ngx_int_t,
};

use super::replay;
use crate::nginx::ffi::guard::guarded;
use crate::nginx::ffi::memory::{buf_file_len, buf_is_last, buf_memory, bufs};
use crate::nginx::ffi::request::Request;
use crate::nginx::request::life::{self, Ctx};

/// The filter behind ours.
struct Next(Cell<ngx_http_request_body_filter_pt>);

// SAFETY: set while the configuration is read, read by callbacks afterwards: nginx runs both in
// the process's only thread.
unsafe impl Sync for Next {}

static NEXT: Next = Next(Cell::new(None));

/// Puts the filter on top of those that are there. Once it has been there it is so in each later
/// configuration of the process: without worker processes, requests of the one before go on.
pub(in crate::nginx) fn install(is_enabled: bool) {
    static WAS_ENABLED: AtomicBool = AtomicBool::new(false);
    if !is_enabled && !WAS_ENABLED.load(Ordering::Relaxed) {
        return;
    }
    WAS_ENABLED.store(true, Ordering::Relaxed);
    // SAFETY: nginx rebuilds this list while it reads the configuration, in one thread.
    unsafe {
        NEXT.0.set(ngx_http_top_request_body_filter);
        ngx_http_top_request_body_filter = Some(filter);
    }
}

unsafe extern "C" fn filter(r: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    // SAFETY: nginx calls filters with a valid request.
    if let Some(request) = unsafe { Request::new(r) }
        && let Some(ctx) = life::find(request)
    {
        if ctx.spills && !request.is_unbuffered() {
            request.set_in_file_only();
        }
        if ctx.is_listening() {
            watch(request, ctx, chain);
        }
    }
    match NEXT.0.get() {
        // SAFETY: the arguments are passed on as they came, the chain untouched.
        Some(next) => unsafe { next(r, chain) },
        None => NGX_ERROR as ngx_int_t,
    }
}

/// Kept out of line: a request whose body nobody waits for is passed on after a few comparisons.
#[inline(never)]
fn watch(r: Request, ctx: &mut Ctx, chain: *const ngx_chain_t) {
    guarded(r.log(), (), || {
        if !is_skimmed(ctx, chain) {
            feed(r, ctx, chain);
        }
    });
}

/// Nothing in the chain matters: it is the middle of a file.
#[inline(always)]
fn is_skimmed(ctx: &Ctx, chain: *const ngx_chain_t) -> bool {
    ctx.skim().is_some_and(|skim| {
        // SAFETY: as in `feed`.
        unsafe { bufs(chain) }
            .all(|buf| !buf_is_last(buf) && buf_file_len(buf) == 0 && skim.passes(buf_memory(buf)))
    })
}

#[inline(never)]
fn feed(r: Request, ctx: &mut Ctx, chain: *const ngx_chain_t) {
    // SAFETY: the chain is nginx's, null or valid, and nginx is not running meanwhile.
    for buf in unsafe { bufs(chain) } {
        // Another module's filter may have put it into a file.
        let len = buf_file_len(buf);
        if len == 0 {
            ctx.feed_filter(buf_memory(buf));
        } else if !replay::read_file(buf, 0, len, |bytes| ctx.feed_filter(bytes)) {
            ctx.fail(r);
        }
        if buf_is_last(buf) {
            ctx.finish_filter(r);
        }
    }
}
