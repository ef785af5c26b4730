//! The phase handlers: see the table in `read/mod.rs`.

use nginx_sys::{
    NGX_DECLINED, NGX_DONE, NGX_HTTP_SPECIAL_RESPONSE, ngx_http_core_run_phases,
    ngx_http_finalize_request, ngx_http_read_client_request_body, ngx_http_request_t, ngx_int_t,
};

use super::peek::{self, Outlook};
use super::replay;
use crate::frappe::{self, Plan};
use crate::nginx::ffi::guard::{self, guarded};
use crate::nginx::ffi::log;
use crate::nginx::ffi::request::Request;
use crate::nginx::request::analysis::Parts;
use crate::nginx::request::head;
use crate::nginx::request::life::{self, Ctx, Life};
use crate::nginx::request::rules::{LocConf, MainConf, Phase};

const DECLINED: ngx_int_t = NGX_DECLINED as ngx_int_t;
const DONE: ngx_int_t = NGX_DONE as ngx_int_t;

/// What the handler does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    GoOn,
    Wait,
    Read,
    /// end the request with this status
    Fail(u32),
}

/// The handler of the REWRITE and PREACCESS phases.
pub(in crate::nginx) unsafe extern "C" fn rewrite(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe { handler(r, Phase::Rewrite) }
}

/// The handler of the PRECONTENT phase.
pub(in crate::nginx) unsafe extern "C" fn precontent(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe { handler(r, Phase::Precontent) }
}

/// # Safety
///
/// `r` is what nginx called a phase handler with.
unsafe fn handler(r: *mut ngx_http_request_t, phase: Phase) -> ngx_int_t {
    // SAFETY: promised by the caller.
    let Some(request) = (unsafe { Request::new(r) }) else {
        return DECLINED;
    };
    // Most requests leave here, after a few instructions: they have no body.
    if !request.has_body() && request.ctx().is_null() {
        return DECLINED;
    }
    match LocConf::get(request) {
        Some(conf)
            if conf.reads_body() && conf.phase() == phase && !life::is_settled(request, conf) =>
        {
            handle(request, conf)
        }
        _ => DECLINED,
    }
}

#[inline(never)]
fn handle(request: Request, conf: &'static LocConf) -> ngx_int_t {
    let step = guarded(request.log(), None, || Some(step(request, conf)));
    let step = step.unwrap_or_else(|| {
        peek::abandon(request);
        Step::GoOn
    });
    log::debug(
        request,
        format_args!("{:?} handler: {step:?}", conf.phase()),
    );
    match step {
        Step::GoOn => DECLINED,
        Step::Wait => DONE,
        Step::Read => read(request),
        Step::Fail(status) => status as ngx_int_t,
    }
}

fn step(r: Request, conf: &'static LocConf) -> Step {
    if !r.is_main() {
        return Step::GoOn;
    }
    if let Some(ctx) = life::find(r) {
        match ctx.life() {
            Life::Reading if replay::is_possible(r) => return replay(r, ctx),
            Life::Reading => return Step::Wait,
            _ if ctx.is_of(conf) => return Step::GoOn,
            // An upstream has had the body, so it cannot be scanned again: the old values stay.
            _ if ctx.is_redirected() && r.body().is_some() && !replay::is_possible(r) => {
                return Step::GoOn;
            }
            _ => {}
        }
    }
    begin(r, conf).unwrap_or(Step::GoOn)
}

/// Begins a life. None where there is nothing to wait for, or no memory.
fn begin(r: Request, conf: &'static LocConf) -> Option<Step> {
    if !r.has_body() || MainConf::is_dav_put(r) {
        return None;
    }
    let dialect = conf.dialect()?;
    let head = head::of(r, true, dialect);
    guard::probe(head.target, b"panic-in-phase");
    guard::probe_memory(r, b"read-behind-the-end");
    let plan = frappe::plan(&head, dialect);
    if !matches!(plan, Plan::Scan(_)) {
        return None;
    }
    let preread = conf.preread();
    let parts = Parts {
        head,
        plan,
        conf,
        dialect,
        preread,
    };
    let ctx = life::create(r, &parts)?;
    if !ctx.wants_body() {
        ctx.decide(r, false);
        return None;
    }
    if r.body().is_none()
        && let Some(body) = r.arrived_body()
        && preread.is_none_or(|size| body.len() <= size)
    {
        ctx.decide_by(r, body);
        return None;
    }
    Some(match r.body() {
        None if preread.is_some() => match peek::start(r, ctx) {
            Outlook::Decided => Step::GoOn,
            Outlook::Waiting => Step::Wait,
            Outlook::Failed(status) => {
                ctx.fail(r);
                Step::Fail(status)
            }
        },
        None => Step::Read,
        Some(_) => replay(r, ctx),
    })
}

fn replay(r: Request, ctx: &mut Ctx) -> Step {
    if replay::go_on(r, ctx) {
        Step::GoOn
    } else {
        replay::wait(r);
        Step::Wait
    }
}

fn read(r: Request) -> ngx_int_t {
    let r = r.as_ptr();
    // SAFETY: a main request in a phase, whose body has not been read. nginx may call
    // `body_handler` inside this call; no borrow of the context is alive here.
    let rc = unsafe { ngx_http_read_client_request_body(r, Some(body_handler)) };
    if rc >= NGX_HTTP_SPECIAL_RESPONSE as ngx_int_t {
        // SAFETY: nginx has taken back the count that the read had added, and has not finalized the
        // request: it is still valid.
        if let Some(request) = unsafe { Request::new(r) }
            && let Some(ctx) = life::find(request)
        {
            ctx.fail(request);
        }
        return rc;
    }
    // SAFETY: this takes back the count that the read has added. The request may be gone afterwards;
    // no code here touches it any more.
    unsafe { ngx_http_finalize_request(r, DONE) };
    DONE
}

/// nginx calls this when the body is complete: decides, and resumes the phases.
unsafe extern "C" fn body_handler(r: *mut ngx_http_request_t) {
    // SAFETY: nginx calls it with the request whose body it has read.
    if let Some(request) = unsafe { Request::new(r) } {
        guarded(request.log(), (), || {
            if let Some(ctx) = life::find(request) {
                ctx.decide(request, false);
            }
        });
    }
    // SAFETY: nginx's read has left event handlers that do nothing. With this one set again, write
    // events and the call below go on with the phases. No borrow of the context is alive.
    unsafe {
        (*r).write_event_handler = Some(ngx_http_core_run_phases);
        ngx_http_core_run_phases(r);
    }
}
