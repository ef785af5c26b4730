//! Scans a body that nginx (`client_body_early_read`) or another module has read before us.
//!
//! One turn of the event loop scans [`TURN`] bytes, since a body of hundreds of megabytes would hold
//! up the worker's other requests. A body in a temporary file is read by a plain `pread`, as nginx
//! does where `aio` is off: the file has just been written, so its bytes come from the page cache.

use core::ops::Range;

use nginx_sys::{
    NGX_INVALID_FILE, ngx_buf_t, ngx_http_block_reading, ngx_http_core_run_phases,
    ngx_http_request_t, ngx_read_file,
};

use super::turns::Turn;
use crate::nginx::ffi::guard::guarded;
use crate::nginx::ffi::memory::{buf_file_len, buf_memory, bufs};
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::shim;
use crate::nginx::request::life::{self, Ctx, Early, Life};

/// Bytes that are scanned before other requests have their turn.
const TURN: u64 = 1024 * 1024;

/// Bytes that one system call reads from a temporary file.
const BLOCK: usize = 16 * 1024;

enum Progress {
    More,
    Ended,
    /// it cannot be read
    Failed,
}

/// Whether nginx has the whole body, in memory or in a file.
pub(in crate::nginx) fn is_possible(r: Request) -> bool {
    len(r).is_some()
}

/// How [`life::ask`] scans a body when a variable is asked for before our phase handler has run.
pub(in crate::nginx) const EARLY: Early = Early {
    fits: |r| len(r).is_some_and(|len| len < TURN),
    feed: |r, ctx| matches!(turn(r, ctx), Progress::Ended),
};

/// Scans the body for one turn. False where there is more.
pub(in crate::nginx) fn go_on(r: Request, ctx: &mut Ctx) -> bool {
    match turn(r, ctx) {
        Progress::More => return false,
        Progress::Ended => ctx.decide(r, false),
        Progress::Failed => ctx.fail(r),
    }
    true
}

/// Asks nginx for the next turn. The phases go on after the last one.
pub(in crate::nginx) fn wait(r: Request) {
    r.set_handlers(Some(ngx_http_block_reading), Some(on_turn));
    // SAFETY: a connection has a write event, whose handler calls the request's.
    unsafe { shim::ngx_http_frappe_post_next((*r.connection()).write) };
}

unsafe extern "C" fn on_turn(r: *mut ngx_http_request_t) {
    // SAFETY: nginx calls write handlers with a valid request.
    let Some(request) = (unsafe { Request::new(r) }) else {
        return;
    };
    let is_done = guarded(request.log(), None, || {
        let reading = life::find(request).filter(|ctx| ctx.life() == Life::Reading);
        Some(reading.is_none_or(|ctx| go_on(request, ctx)))
    });
    match is_done {
        Some(false) => return wait(request),
        Some(true) => {}
        None => guarded(request.log(), (), || {
            if let Some(ctx) = life::find(request) {
                ctx.fail(request);
            }
        }),
    }
    request.set_handlers(Some(ngx_http_block_reading), Some(ngx_http_core_run_phases));
    // SAFETY: the request is valid, no code here touches it afterwards, and no borrow of the context
    // is alive.
    unsafe { ngx_http_core_run_phases(r) };
}

fn turn(r: Request, ctx: &mut Ctx) -> Progress {
    let Some(body) = r.body().filter(|_| is_possible(r)) else {
        return Progress::Failed;
    };
    let mut turn = Turn::new(ctx.replayed, TURN);
    // SAFETY: the chain of a body that has been read is valid and stays as it is.
    for buf in unsafe { bufs(body.bufs) } {
        let range = turn.next(buf_len(buf));
        ctx.replayed = turn.done();
        if !range.is_empty() && !feed(buf, range, ctx) {
            return Progress::Failed;
        }
        if turn.is_over() {
            return Progress::More;
        }
    }
    Progress::Ended
}

/// Feeds a part of a buffer. False where it cannot be read.
fn feed(buf: &ngx_buf_t, range: Range<u64>, ctx: &mut Ctx) -> bool {
    let memory = buf_memory(buf);
    if memory.is_empty() {
        return read_file(buf, range.start, range.end, |bytes| ctx.feed(bytes));
    }
    let part = usize::try_from(range.start)
        .ok()
        .zip(usize::try_from(range.end).ok())
        .and_then(|(from, to)| memory.get(from..to));
    part.is_some_and(|part| {
        ctx.feed(part);
        true
    })
}

/// Reads the bytes `from` to `to` of a buffer that lies in a file. False where they cannot be read.
pub(in crate::nginx) fn read_file(
    buf: &ngx_buf_t,
    mut from: u64,
    to: u64,
    mut see: impl FnMut(&[u8]),
) -> bool {
    // SAFETY: null or the file of the body, which lives as long as the request.
    let is_open = unsafe { buf.file.as_ref() }.is_some_and(|file| file.fd != NGX_INVALID_FILE);
    if !is_open {
        // An upstream has had the body, and nginx has closed the file since.
        return false;
    }
    let mut block = [0; BLOCK];
    while from < to {
        let size = to.saturating_sub(from).min(BLOCK as u64);
        let at = buf.file_pos.saturating_add_unsigned(from);
        // SAFETY: the file is open; `block` has room for `size` bytes.
        let read = unsafe { ngx_read_file(buf.file, block.as_mut_ptr(), size as usize, at) };
        let Some(bytes) = usize::try_from(read)
            .ok()
            .filter(|len| *len > 0)
            .and_then(|len| block.get(..len))
        else {
            return false;
        };
        see(bytes);
        from = from.saturating_add(bytes.len() as u64);
    }
    true
}

/// The length of a body that nginx has as a whole. None for one that has not come to its end, and for
/// one of which nginx has already passed on a part.
fn len(r: Request) -> Option<u64> {
    let body = r.body().filter(|body| body.rest == 0)?;
    // SAFETY: as in `turn`.
    let len = unsafe { bufs(body.bufs) }
        .map(buf_len)
        .fold(0_u64, u64::saturating_add);
    (r.body_len() == Some(len)).then_some(len)
}

fn buf_len(buf: &ngx_buf_t) -> u64 {
    buf_file_len(buf).max(buf_memory(buf).len() as u64)
}
