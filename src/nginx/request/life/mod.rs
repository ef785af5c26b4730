//! A request's life: one block of memory, with its state, its values and its scanners.
//!
//! | state | what |
//! | --- | --- |
//! | `Reading` | the body, or its first bytes, are on their way; the phases wait |
//! | `Decided` | known for good by these rules: all of the body was seen, or there is none to wait for |
//! | `Routed` | the first bytes have decided; the rest is looked at as it streams by |
//! | `Ended` | a streamed body has ended: what it says is for the log |
//! | `Failed` | nothing is known: the body never came, or the module panicked |
//!
//! | event | from | to |
//! | --- | --- | --- |
//! | a body has to be waited for | - | `Reading` |
//! | there is none, or it has come with the header | - | `Decided` |
//! | the body is complete | `Reading` | `Decided` |
//! | its first bytes are enough (`frappe_body preread`) | `Reading` | `Routed` |
//! | the last piece has gone through the body filter | `Routed` | `Ended` |
//! | the read fails, a panic, a redirect while the request waits | `Reading` | `Failed` |
//! | the location has other rules, and the body can still be had | any but `Reading` | a new life |
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
//! What is hard is that nginx has no place for what belongs to a request and not to a location:
//! it clears a request's contexts at internal redirects and named locations, and that alone
//! tells those from a `rewrite`. So the block is hung on a cleanup of the request's pool, where it is
//! found again as in ngx_http_realip_module.
//!
//! # What the variables say
//!
//! [`ask`] is the one question. Where `frappe_cmd` is on, the rules of the location decide in which
//! the request is now. A life that was decided by other rules counts only where the body is gone:
//! behind a redirect, when an upstream has had it. Behind a redirect to where `frappe_cmd` is off,
//! what was found before stays. Up to the log phase the answer is what routed; in it, `Ended` says
//! what the whole body came to.
//!
//! # Memory
//!
//! This structure (less than half a KiB), which is all for a page; a buffer for each wanted
//! argument (255 bytes for cmd, 1 KiB for others), for JSON and multipart a scanner (half a KiB at
//! most), for multipart up to 1.6 KiB of scratch, and 4 KiB where a line needs it; with preread all
//! but the structure twice.

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
    /// what routes
    routing: &'static mut Analysis,
    /// the whole body, where routing did not wait for it
    whole: Option<&'static mut Analysis>,
    /// tells bytes on their way through the filter that need not be fed
    skim: Option<Skim>,
    pub(in crate::nginx) peek: Option<&'static mut Peek>,
    /// bytes of a body that another module, or nginx itself, has read before
    pub(in crate::nginx) replayed: u64,
    /// HTTP/2: what nginx takes for the request's body during a peek
    pub(in crate::nginx) private: Option<NonNull<ngx_http_request_body_t>>,
    /// nginx alone would have written the body to a file
    pub(in crate::nginx) spills: bool,
    /// nginx has cleared the request's contexts since this one was made
    is_redirected: bool,
    /// the request is being logged
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

/// How a body is looked at that is there before our handler has had its turn.
pub(in crate::nginx) struct Early {
    /// it is there as a whole, and short enough to be looked at without waiting
    pub(in crate::nginx) fits: fn(Request) -> bool,
    /// feeds it; false where it cannot be read
    pub(in crate::nginx) feed: fn(Request, &mut Ctx) -> bool,
}

/// What is known of a request, where it is now.
///
/// A life is made where no body has to be waited for: there is none, or all of it is there and short
/// enough for `early`.
pub(in crate::nginx) fn ask<'c>(r: Request, early: &Early) -> Answer<'c> {
    let r = r.main();
    let found = find(r).map(|ctx| &*ctx);
    let conf = LocConf::get(r).filter(|conf| match found {
        // What was found stays where nothing better can be known.
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

/// The request's context, where it has one.
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

/// Decided by the whole body, by the rules of `conf`: there is nothing to be done.
pub(in crate::nginx) fn is_settled(r: Request, conf: &LocConf) -> bool {
    // SAFETY: as in `find`.
    let ctx = unsafe { r.ctx().cast::<Ctx>().as_ref() };
    ctx.is_some_and(|ctx| matches!(ctx.life, Life::Decided(_)) && ptr::eq(ctx.conf, conf))
}

/// A body has been there, and nobody can have it any more: an upstream has had it, or nginx has
/// thrown it away.
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

    /// The rules of `conf` made it, or make the same of the request.
    pub(in crate::nginx) fn is_of(&self, conf: &LocConf) -> bool {
        self.life == Life::Reading || conf.decides_as(self.conf)
    }

    /// nginx has cleared the request's contexts since this one was made.
    pub(in crate::nginx) fn is_redirected(&self) -> bool {
        self.is_redirected
    }

    /// A body without a scanner needs not be read.
    pub(in crate::nginx) fn wants_body(&self) -> bool {
        self.routing.wants_body()
    }

    /// What holds now: up to the log phase what has routed.
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

    /// The next bytes of the body, or with preread of its start.
    pub(in crate::nginx) fn feed(&mut self, chunk: &[u8]) {
        if self.life == Life::Reading {
            self.routing.feed(chunk);
        }
    }

    /// Nothing that follows of the body gives another cmd.
    #[inline(never)]
    pub(in crate::nginx) fn is_decided(&self) -> bool {
        self.routing.is_decided()
    }

    /// What goes through the body filter still tells it something.
    pub(in crate::nginx) fn is_listening(&self) -> bool {
        matches!(self.life, Life::Reading | Life::Routed(_))
    }

    /// Tells bytes on their way through the filter that need not be fed.
    pub(in crate::nginx) fn skim(&self) -> Option<Skim> {
        self.skim
    }

    /// The next bytes of the body on their way through the filter.
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

    /// The whole body has gone through the filter: did it say what its start said?
    pub(in crate::nginx) fn finish_filter(&mut self, r: Request) {
        // SAFETY: nginx keeps it.
        self.body_end = Some(unsafe { nginx_sys::ngx_current_msec });
        let (Life::Routed(routed), Some(whole)) = (self.life, &mut self.whole) else {
            return;
        };
        // Also for a panic below, and after one.
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

    /// Nothing more will be known.
    pub(in crate::nginx) fn fail(&mut self, r: Request) {
        match self.life {
            Life::Reading => self.set(r, Life::Failed),
            Life::Routed(outcome) => self.set(r, Life::Decided(outcome)),
            Life::Decided(_) | Life::Ended { .. } | Life::Failed => {}
        }
    }

    /// The body has been fed, as a whole or `early` only its first bytes: what will Frappe do?
    #[inline]
    pub(in crate::nginx) fn decide(&mut self, r: Request, early: bool) {
        if self.life != Life::Reading {
            return;
        }
        // Also for a panic below.
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

    /// By the whole body, which nobody has read.
    #[inline]
    pub(in crate::nginx) fn decide_by(&mut self, r: Request, body: &[u8]) {
        self.feed(body);
        self.decide(r, false);
    }

    /// A request that waits is not redirected: its read has failed.
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
