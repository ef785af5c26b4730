//! REWRITE and PREACCESS phases: look at the body, or read it, then let the request go on.
//!
//! ngx_http_mirror_module's pattern. The handler is called once for each of the two phases and
//! again at every resumption and internal redirect:
//!
//! | context | body | answer |
//! | --- | --- | --- |
//! | none | none, or not worth reading | DECLINED: a variable decides when it is asked for |
//! | none | a file for nginx's dav module | DECLINED: the variables stay unread |
//! | none | unread, all of it has come with the header | look at it; DECLINED |
//! | none | unread | read it; DONE: `body_handler` resumes the phases, at once or later |
//! | none | unread, preread | peek at it; DECLINED if that decides at once, else DONE: `peek` resumes the phases |
//! | none, Reading | read by somebody else | replay it; DECLINED if that decides at once, else DONE: `replay` resumes the phases |
//! | Reading | on its way | DONE: keep waiting |
//! | Decided by a peek | unread, whole | read it; DONE |
//! | Decided, Failed | | DECLINED |
//!
//! PREACCESS is for `frappe_cmd on` inside an `if`: that is chosen after our REWRITE handler.
//! Where there is none, the handler is not registered there.

use nginx_sys::{
    NGX_DECLINED, NGX_DONE, NGX_HTTP_SPECIAL_RESPONSE, ngx_http_core_run_phases,
    ngx_http_finalize_request, ngx_http_read_client_request_body, ngx_http_request_t, ngx_int_t,
};

use super::conf::{LocConf, MainConf};
use super::ctx::{self, Ctx, State};
use super::guard::{self, guarded};
use super::head;
use super::peek::{self, Outlook};
use super::raw::Request;
use super::replay;
use crate::frappe::{self, Plan};

const DECLINED: ngx_int_t = NGX_DECLINED as ngx_int_t;
const DONE: ngx_int_t = NGX_DONE as ngx_int_t;

/// What the handler does with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Wait,
    Read,
    /// end the request with this status
    Fail(u32),
}

/// The phase handler.
pub(super) unsafe extern "C" fn handler(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx calls phase handlers with a valid request.
    let Some(request) = (unsafe { Request::new(r) }) else {
        return DECLINED;
    };
    // Most requests are let go here, for a few instructions each, and those that are resumed.
    let conf = || LocConf::get(request).filter(|conf| conf.reads_body());
    if request.may_have_body() && conf().is_some_and(|conf| !ctx::is_settled(request, conf)) {
        handle(request)
    } else {
        DECLINED
    }
}

#[inline(never)]
fn handle(request: Request) -> ngx_int_t {
    let next = guarded(request.log(), None, || Some(next(request)));
    match next.unwrap_or_else(|| {
        peek::abandon(request);
        Next::GoOn
    }) {
        Next::GoOn => DECLINED,
        Next::Wait => DONE,
        Next::Read => read(request),
        Next::Fail(status) => status as ngx_int_t,
    }
}

fn next(r: Request) -> Next {
    if !r.is_main() {
        return Next::GoOn;
    }
    let Some(conf) = LocConf::get(r).filter(|conf| conf.reads_body()) else {
        return Next::GoOn;
    };
    if let Some(ctx) = ctx::find_here(r) {
        return match ctx.state() {
            State::Reading if replay::is_possible(r) => replay(r, ctx),
            State::Reading => Next::Wait,
            // Rewritten from a location with preread to one with whole, which is to be exact.
            State::Decided(_) if conf.preread().is_none() && is_unread(r) && ctx.reopen() => {
                Next::Read
            }
            State::Decided(_) | State::Failed => Next::GoOn,
        };
    }
    if !r.has_body() || MainConf::is_dav_put(r) {
        return Next::GoOn;
    }
    let Some(dialect) = conf.dialect() else {
        return Next::GoOn;
    };
    let head = head::of(r, true, dialect);
    guard::probe(head.target, b"panic-in-phase");
    guard::probe_memory(r, b"read-behind-the-end");
    let plan = frappe::plan(&head, dialect);
    if !matches!(plan, Plan::Scan(_)) {
        return Next::GoOn;
    }
    let preread = conf.preread();
    let parts = ctx::Parts {
        head,
        plan,
        conf,
        dialect,
        preread,
    };
    let Some(ctx) = ctx::create(r, &parts) else {
        return Next::GoOn;
    };
    if !ctx.wants_body() {
        ctx.decide(r, false);
        return Next::GoOn;
    }
    if r.body().is_none()
        && let Some(body) = peek::arrived_body(r)
        && preread.is_none_or(|size| body.len() <= size)
    {
        ctx.decide_by(r, body);
        return Next::GoOn;
    }
    match r.body() {
        None if preread.is_some() => match peek::start(r, ctx) {
            Outlook::Decided => Next::GoOn,
            Outlook::Waiting => Next::Wait,
            Outlook::Failed(status) => {
                ctx.fail();
                Next::Fail(status)
            }
        },
        None => Next::Read,
        Some(_) => replay(r, ctx),
    }
}

fn replay(r: Request, ctx: &mut Ctx) -> Next {
    if replay::go_on(r, ctx) {
        Next::GoOn
    } else {
        replay::wait(r);
        Next::Wait
    }
}

/// There is a body that can still be read, by whoever comes first.
fn is_unread(r: Request) -> bool {
    r.has_body() && !MainConf::is_dav_put(r) && r.body().is_none()
}

fn read(r: Request) -> ngx_int_t {
    let r = r.as_ptr();
    // SAFETY: a main request in a phase, whose body nobody has read. nginx may call
    // `body_handler` inside this call; no borrow of the context is alive here.
    let rc = unsafe { ngx_http_read_client_request_body(r, Some(body_handler)) };
    if rc >= NGX_HTTP_SPECIAL_RESPONSE as ngx_int_t {
        // nginx has taken back its count: the request is still ours.
        // SAFETY: for this reason it is valid.
        if let Some(ctx) = unsafe { Request::new(r) }.and_then(ctx::find) {
            ctx.fail();
        }
        return rc;
    }
    // SAFETY: takes back the count that the read has added. The request may be gone afterwards
    // and is not touched any more.
    unsafe { ngx_http_finalize_request(r, DONE) };
    DONE
}

/// The body is complete: decide, and resume the phases.
unsafe extern "C" fn body_handler(r: *mut ngx_http_request_t) {
    // SAFETY: nginx calls it with the request whose body it has read.
    if let Some(request) = unsafe { Request::new(r) } {
        guarded(request.log(), (), || {
            if let Some(ctx) = ctx::find(request) {
                ctx.decide(request, false);
            }
        });
    }
    // SAFETY: the read has left handlers that do nothing; with this one back, events and the
    // call below go on with the phases. No borrow of the context is alive.
    unsafe {
        (*r).write_event_handler = Some(ngx_http_core_run_phases);
        ngx_http_core_run_phases(r);
    }
}
