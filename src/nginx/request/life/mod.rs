//! A request's life: one block of memory, with its state, its values and its scanners.
//!
//! | state | what |
//! | --- | --- |
//! | `Reading` | the body, or its first bytes, are on their way; the phases wait |
//! | `Decided` | the values are final by these rules: the scanner had the whole body, or there is none |
//! | `Routed` | the first bytes have decided; the filter scans the rest as it streams to the upstream |
//! | `Ended` | a streamed body has ended; the values of the whole body are for the log |
//! | `Failed` | nothing is known: the body never came, or the module panicked |
//!
//! | event | from | to |
//! | --- | --- | --- |
//! | the request has a body that has not come | - | `Reading` |
//! | it has none, or the body has come with the header | - | `Decided` |
//! | the body is complete | `Reading` | `Decided` |
//! | its first bytes are enough (`frappe_body preread`) | `Reading` | `Routed` |
//! | the last piece has gone through the body filter | `Routed` | `Ended` |
//! | the read fails, a panic, a redirect while the request waits | `Reading` | `Failed` |
//! | the rest cannot be scanned: a panic, a file that cannot be read | `Routed` | `Decided` |
//! | the location has other rules, and the body can still be read | any but `Reading` | a new life |
//!
//! Two requests and the states that they pass. A debug log shows them, as `life: …`.
//!
//! ```text
//! POST /, 40 bytes in two packets, `frappe_body whole`
//!     header          Reading       our phase handler reads the body: `cmd=fr` is fed
//!     second packet   Decided(ok)   `appe.ping` is fed; the phases go on, `map` picks an upstream
//!
//! POST /, a file of 8 MB behind `cmd=upload_file&`, `frappe_body preread`
//!     header          Reading       the first packet is enough: the rest gives no other cmd
//!                     Routed(ok)    the upstream gets bytes as they come; the filter feeds them, too
//!     last piece      Ended         a field may have been broken: `late` or `malformed`, in the log
//! ```
//!
//! # Redirects
//!
//! nginx has no place for data that belongs to a request whatever its location: it clears the request's
//! contexts at internal redirects and named locations. (It does not at a `rewrite`; no other mark tells
//! the two apart.) So the block also hangs on a cleanup of the request's pool, where it is found again,
//! as ngx_http_realip_module does it.
//!
//! # What the variables say
//!
//! All variables call [`ask`]. Where `frappe_cmd` is on, the rules of the location count that the
//! request is in now. A life that was decided by other rules counts only after a redirect, and only
//! when the body is gone because an upstream has had it. After a redirect to a location where
//! `frappe_cmd` is off, the values from before the redirect stay. Up to the log phase the answer is
//! what routed the request; in the log phase `Ended` gives the values of the whole body.
//!
//! # Memory
//!
//! A page takes this structure alone, less than half a KiB. Any other request takes a buffer for each
//! wanted argument (255 bytes for cmd, 1 KiB for others). JSON and multipart add a scanner of half a
//! KiB at most. Multipart adds up to 1.6 KiB of scratch, and 4 KiB if a header line of a part is cut.
//! With preread, a request takes all but the structure twice.

pub(in crate::nginx) mod at_log;
mod make;

use core::ptr::{self, NonNull};

use nginx_sys::{NGX_LOG_INFO, ngx_http_request_body_t};

use super::analysis::{Analysis, Parts};
use super::head;
use super::peek::Peek;
use super::rules::LocConf;
use crate::body::{Fields, Names, Skim};
use crate::frappe::{self, Dialect, Head, Outcome, Plan, Status, path};
use crate::nginx::ffi::guard;
use crate::nginx::ffi::log;
use crate::nginx::ffi::request::Request;

pub(in crate::nginx) use make::create;

/// One request's context.
pub(in crate::nginx) struct Ctx {
    life: Life,
    plan: Plan,
    head: Head<'static>,
    conf: &'static LocConf,
    dialect: &'static Dialect,
    /// the analysis that routes the request
    routing: &'static mut Analysis,
    /// with preread: a second analysis, of the whole body
    whole: Option<&'static mut Analysis>,
    /// recognises bytes in the filter that need not be fed
    skim: Option<Skim>,
    pub(in crate::nginx) peek: Option<&'static mut Peek>,
    /// how many bytes have been scanned of a body that nginx or another module had read before us
    pub(in crate::nginx) replayed: u64,
    /// HTTP/2: the request body that a peek gives to nginx
    pub(in crate::nginx) private: Option<NonNull<ngx_http_request_body_t>>,
    /// nginx would have written the body to a file without the peek, so it must do so now
    pub(in crate::nginx) spills: bool,
    /// nginx has cleared the request's contexts since this one was made
    is_redirected: bool,
    /// the log phase has begun
    is_logged: bool,
    /// when the last piece of a body went through the filter, by nginx's clock of milliseconds
    pub(in crate::nginx) body_end: Option<usize>,
}

/// A request's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nginx) enum Life {
    Reading,
    Decided(Outcome),
    Routed(Outcome),
    Ended { routed: Outcome, log: Outcome },
    Failed,
}

/// What the variables say of a request.
#[derive(Clone, Copy)]
pub(in crate::nginx) enum Answer<'c> {
    /// `frappe_cmd` is off
    Off,
    /// the body has not been looked at
    Unread,
    Known(Outcome, &'c Fields<'static>),
}

/// How [`ask`] scans a body that nginx has read before our phase handler has run.
pub(in crate::nginx) struct Early {
    /// whether the whole body is there, and short enough to be scanned at once
    pub(in crate::nginx) fits: fn(Request) -> bool,
    /// feeds the body to the scanner; false where it cannot be read
    pub(in crate::nginx) feed: fn(Request, &mut Ctx) -> bool,
}

/// What is known of a request, by the rules of the location that it is in now.
///
/// Where no life holds, this makes one, if it need not wait for a body: there is none, or all of it is
/// there and short enough for `early`.
pub(in crate::nginx) fn ask<'c>(r: Request, early: &Early) -> Answer<'c> {
    let r = r.main();
    let found = find(r).map(|ctx| &*ctx);
    let conf = LocConf::get(r).filter(|conf| match found {
        // After a redirect to where the body is not read, the values from before the redirect stay.
        Some(ctx) if ctx.is_redirected => conf.reads_body(),
        _ => conf.is_on(),
    });
    let known = match (found, conf) {
        (Some(ctx), Some(conf)) if ctx.is_of(conf) => Some(ctx),
        (Some(ctx), Some(conf)) => match make_now(r, conf, early) {
            Some(new) => Some(&*new),
            None => (ctx.is_redirected && is_body_gone(r)).then_some(ctx),
        },
        (None, Some(conf)) => make_now(r, conf, early).map(|ctx| &*ctx),
        (Some(ctx), None) if ctx.is_redirected => Some(ctx),
        (_, None) => {
            if r.is_before_location() {
                at_log::ensure(r);
            }
            return Answer::Off;
        }
    };
    match known.and_then(|ctx| Some((ctx.outcome()?, ctx.fields()))) {
        Some((outcome, fields)) => Answer::Known(outcome, fields),
        None => {
            at_log::ensure(r);
            Answer::Unread
        }
    }
}

/// The request's context. None where it has none.
///
/// The borrow must end before anything is called that may run other callbacks of this module
/// for the same request.
#[inline]
pub(in crate::nginx) fn find<'c>(r: Request) -> Option<&'c mut Ctx> {
    let r = r.main();
    let mut data = r.ctx().cast::<Ctx>();
    if data.is_null() && r.is_internal() {
        data = make::find_in_pool(r);
        if !data.is_null() {
            r.set_ctx(data.cast());
            // SAFETY: as below.
            unsafe { &mut *data }.see_redirect(r);
        }
    }
    // SAFETY: null or the block that `create` made, which lives as long as the request. One
    // thread, and each callback drops its borrow before it hands control to nginx.
    unsafe { data.as_mut() }
}

/// Whether the request has been decided by the rules of `conf`, so that no handler has to do anything.
pub(in crate::nginx) fn is_settled(r: Request, conf: &LocConf) -> bool {
    // SAFETY: as in `find`.
    let ctx = unsafe { r.ctx().cast::<Ctx>().as_ref() };
    ctx.is_some_and(|ctx| matches!(ctx.life, Life::Decided(_)) && ptr::eq(ctx.conf, conf))
}

/// Whether the request had a body that can no longer be read: an upstream has had it, or nginx has
/// discarded it.
pub(in crate::nginx) fn is_body_gone(r: Request) -> bool {
    r.had_body() && (!r.has_body() || r.body().is_some())
}

/// Makes a life that is decided at once. None where a body has to be waited for.
#[inline(never)]
fn make_now<'c>(r: Request, conf: &'static LocConf, early: &Early) -> Option<&'c mut Ctx> {
    let dialect = conf.dialect()?;
    guard::probe(r.target(), b"panic-in-variable");
    let had_body = r.had_body();
    if !had_body && dialect.json_empty && path::is_page(r.target()) {
        return make::create_page(r, conf, dialect);
    }
    let head = head::of(r, had_body, dialect);
    let has_body = conf.reads_body() && had_body;
    let plan = if has_body || !dialect.json_empty {
        frappe::plan(&head, dialect)
    } else {
        Plan::Ignore
    };
    let scans = has_body && matches!(plan, Plan::Scan(_));
    if scans && !(r.is_before_location() && (early.fits)(r)) {
        return None;
    }
    let parts = Parts {
        head,
        plan,
        conf,
        dialect,
        preread: None,
    };
    let ctx = create(r, &parts)?;
    if scans && !(early.feed)(r, ctx) {
        ctx.fail(r);
    }
    ctx.decide(r, false);
    Some(ctx)
}

impl Ctx {
    pub(in crate::nginx) fn life(&self) -> Life {
        self.life
    }

    /// Whether the rules of `conf` decide as those that made this life. Always true while it waits.
    pub(in crate::nginx) fn is_of(&self, conf: &LocConf) -> bool {
        self.life == Life::Reading || conf.decides_as(self.conf)
    }

    /// nginx has cleared the request's contexts since this one was made.
    pub(in crate::nginx) fn is_redirected(&self) -> bool {
        self.is_redirected
    }

    /// Whether a scanner waits for the body.
    pub(in crate::nginx) fn wants_body(&self) -> bool {
        self.routing.wants_body()
    }

    /// The outcome that holds now: up to the log phase the one that routed the request.
    fn outcome(&self) -> Option<Outcome> {
        match self.life {
            Life::Decided(outcome) | Life::Routed(outcome) => Some(outcome),
            Life::Ended { log, .. } if self.is_logged => Some(log),
            Life::Ended { routed, .. } => Some(routed),
            Life::Reading | Life::Failed => None,
        }
    }

    /// The values that hold now.
    fn fields(&self) -> &Fields<'static> {
        match (&self.whole, self.life) {
            (Some(whole), Life::Ended { .. }) if self.is_logged => whole.fields(),
            _ => self.routing.fields(),
        }
    }

    /// Gives the next bytes of the body, or with preread of its beginning, to the scanner that routes.
    pub(in crate::nginx) fn feed(&mut self, chunk: &[u8]) {
        if self.life == Life::Reading {
            self.routing.feed(chunk);
        }
    }

    /// Whether no later byte of the body can change cmd.
    #[inline(never)]
    pub(in crate::nginx) fn is_decided(&self) -> bool {
        self.routing.is_decided()
    }

    /// Whether the filter still has to feed what goes through it.
    pub(in crate::nginx) fn is_listening(&self) -> bool {
        matches!(self.life, Life::Reading | Life::Routed(_))
    }

    /// Recognises bytes in the filter that need not be fed.
    pub(in crate::nginx) fn skim(&self) -> Option<Skim> {
        self.skim
    }

    /// Gives the next bytes of the body, as the filter sees them, to the scanner that waits for them.
    pub(in crate::nginx) fn feed_filter(&mut self, chunk: &[u8]) {
        let listener = match (self.life, &mut self.whole) {
            (Life::Reading, None) => &mut self.routing,
            (Life::Routed(_), Some(whole)) => whole,
            _ => return,
        };
        self.skim = None;
        listener.feed(chunk);
        self.skim = listener.skim();
    }

    /// The whole body has gone through the filter: with preread, compares its outcome with the one that
    /// has routed the request.
    pub(in crate::nginx) fn finish_filter(&mut self, r: Request) {
        // SAFETY: nginx's own variable, which only this thread writes.
        self.body_end = Some(unsafe { nginx_sys::ngx_current_msec });
        let (Life::Routed(routed), Some(whole)) = (self.life, &mut self.whole) else {
            return;
        };
        // This state stays if the code below panics, or if the scanner has panicked before.
        self.life = Life::Decided(routed);
        let Some(mut outcome) = whole.resolve(&self.head, self.plan, self.dialect, false) else {
            return;
        };
        if whole.fields().text(Names::CMD) != self.routing.fields().text(Names::CMD) {
            outcome.status = Status::Late;
        }
        if outcome.trouble != routed.trouble {
            log_trouble(r, outcome);
        }
        self.set(
            r,
            Life::Ended {
                routed,
                log: outcome,
            },
        );
    }

    /// Notes that the rest of the body will not be scanned.
    pub(in crate::nginx) fn fail(&mut self, r: Request) {
        match self.life {
            Life::Reading => self.set(r, Life::Failed),
            Life::Routed(outcome) => self.set(r, Life::Decided(outcome)),
            Life::Decided(_) | Life::Ended { .. } | Life::Failed => {}
        }
    }

    /// Decides what Frappe will do. The scanner has had the whole body, or, if `early`, its first bytes.
    #[inline]
    pub(in crate::nginx) fn decide(&mut self, r: Request, early: bool) {
        if self.life != Life::Reading {
            return;
        }
        // This state stays if the code below panics.
        self.life = Life::Failed;
        let outcome = self
            .routing
            .resolve(&self.head, self.plan, self.dialect, early);
        let Some(outcome) = outcome else {
            return self.set(r, Life::Failed);
        };
        log_trouble(r, outcome);
        let is_routed = early && self.whole.is_some();
        self.set(
            r,
            if is_routed {
                Life::Routed(outcome)
            } else {
                Life::Decided(outcome)
            },
        );
    }

    /// Decides by the whole body, which nginx has received and not yet read.
    #[inline]
    pub(in crate::nginx) fn decide_by(&mut self, r: Request, body: &[u8]) {
        self.feed(body);
        self.decide(r, false);
    }

    /// Notes a redirect. nginx redirects no request that waits for its body, unless the read has failed.
    fn see_redirect(&mut self, r: Request) {
        self.is_redirected = true;
        log::debug(r, "contexts cleared, life found again");
        if self.life == Life::Reading {
            self.fail(r);
        }
    }

    fn set(&mut self, r: Request, life: Life) {
        self.life = life;
        log::debug(r, format_args!("life: {life:?}"));
    }
}

fn log_trouble(r: Request, outcome: Outcome) {
    if let Some(trouble) = outcome.trouble {
        log::line(r.log(), NGX_LOG_INFO, trouble.message());
    }
}
