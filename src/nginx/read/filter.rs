//! The request body filter. It stands in front of nginx's own, so it sees every piece of a body as it
//! arrives, without chunk sizes and frame headers, and before nginx writes it to a temporary file.

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

/// The filter that ours calls.
struct Next(Cell<ngx_http_request_body_filter_pt>);

// SAFETY: set while the configuration is read, read by callbacks afterwards: nginx runs both in
// the process's only thread.
unsafe impl Sync for Next {}

static NEXT: Next = Next(Cell::new(None));

/// Puts our filter in front of the other body filters, where `frappe_cmd` is on. If an earlier
/// configuration of this process had it on, the filter is installed again: with `master_process off`
/// the requests that began before the reload still need it.
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

/// Kept out of line, so that the filter passes on the body of any other request after a few
/// comparisons.
#[inline(never)]
fn watch(r: Request, ctx: &mut Ctx, chain: *const ngx_chain_t) {
    guarded(r.log(), (), || {
        if !is_skimmed(ctx, chain) {
            feed(r, ctx, chain);
        }
    });
}

/// Whether no byte of the chain matters: all of it is the middle of an uploaded file.
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
        // A body filter of another module may have written this piece to a file.
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
