//! What is known of a request: one block of memory, with values and scanner.
//!
//! | state | what | set by |
//! | --- | --- | --- |
//! | `Reading` | the body is on its way, phases wait | `phase` |
//! | `Decided` | the outcome is known | the end of the body, its arrival with the header, or a variable of a request without one |
//! | `Failed` | the body never came; nothing is known | an error while reading, a panic |
//!
//! nginx forgets a request's contexts at internal redirects and named locations. The block is
//! therefore hung on a cleanup of the request's pool, where it is found again as in
//! ngx_http_realip_module.
//!
//! With `frappe_body preread` there are two readings: one of the first bytes, which routes, and
//! one of the whole body as it streams by, for the log.
//!
//! Memory: this structure (less than half a KiB), which is all for a page; a buffer for each wanted
//! argument (255 bytes for cmd, 1 KiB for others), for JSON and multipart a scanner (half a KiB at
//! most), for multipart up to 1.6 KiB of scratch, and 4 KiB where a line needs it; with preread all but
//! the structure twice.

mod make;

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use nginx_sys::{NGX_LOG_INFO, ngx_http_request_body_t};

use super::analysis::Analysis;
use super::conf::{LocConf, MainConf};
use super::derived;
use super::guard;
use super::head;
use super::kept::Kept;
use super::peek::Peek;
use super::raw::{self, Request};
use super::replay;
use crate::body::{Fields, Names, Skim};
use crate::frappe::{self, Dialect, Head, Outcome, Plan, Status, path};

pub(super) use make::create;

/// One request's context.
pub(super) struct Ctx {
    state: State,
    plan: Plan,
    head: Head<'static>,
    conf: &'static LocConf,
    dialect: &'static Dialect,
    /// what routes
    routing: &'static mut Analysis,
    /// the whole body, where routing did not wait for it
    whole: Option<&'static mut Analysis>,
    /// `whole` has had the last word
    is_final: bool,
    /// tells bytes on their way through the filter that need not be fed
    skim: Option<Skim>,
    /// nothing of the body has gone through the filter: it may still be read to decide
    is_unread: bool,
    pub(super) peek: Option<&'static mut Peek>,
    /// bytes of a body that somebody else has read
    pub(super) replayed: u64,
    /// HTTP/2: what nginx takes for the request's body during a peek
    pub(super) private: Option<NonNull<ngx_http_request_body_t>>,
}

/// What one is made of.
pub(super) struct Parts {
    pub(super) head: Head<'static>,
    /// how the body is to be scanned, if it is
    pub(super) plan: Plan,
    pub(super) conf: &'static LocConf,
    pub(super) dialect: &'static Dialect,
    /// it is decided by so many bytes of the body
    pub(super) preread: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Reading,
    Decided(Outcome),
    Failed,
}

/// The request's context, where it has one.
///
/// The borrow must end before anything is called that may run other callbacks of this module
/// for the same request.
pub(super) fn find<'c>(r: Request) -> Option<&'c mut Ctx> {
    let r = r.main();
    let mut data = r.ctx().cast::<Ctx>();
    if data.is_null() && r.is_redirected() {
        data = find_in_pool(r);
        if !data.is_null() {
            r.set_ctx(data.cast());
            // SAFETY: as below.
            let ctx = unsafe { &mut *data };
            if ctx.state == State::Reading {
                // A request that waits is not redirected: its read has failed.
                ctx.state = State::Failed;
            }
        }
    }
    // SAFETY: null or the block that `create` made, which lives as long as the request. One
    // thread, and each callback drops its borrow before it hands control to nginx.
    unsafe { data.as_mut() }
}

/// The request's context, unless it was decided by other rules than those that hold where the
/// request is now: at server level, or in a location that a `rewrite` has left.
pub(super) fn find_here<'c>(r: Request) -> Option<&'c mut Ctx> {
    let ctx = find(r)?;
    let holds = ctx.state == State::Reading
        || r.main().is_redirected()
        || LocConf::get(r.main()).is_none_or(|conf| conf.decides_as(ctx.conf));
    holds.then_some(ctx)
}

/// The whole body has decided it, by the rules of `conf`.
pub(super) fn is_settled(r: Request, conf: &LocConf) -> bool {
    // SAFETY: as in `find`.
    let ctx = unsafe { r.ctx().cast::<Ctx>().as_ref() };
    ctx.is_some_and(|ctx| {
        matches!(ctx.state, State::Decided(_)) && ctx.whole.is_none() && ptr::eq(ctx.conf, conf)
    })
}

/// What goes through the body filter still tells it something.
pub(super) fn is_listening(r: Request) -> bool {
    // SAFETY: as in `find`.
    let ctx = unsafe { r.ctx().cast::<Ctx>().as_ref() };
    ctx.is_some_and(|ctx| ctx.is_unread || ctx.state == State::Reading || ctx.whole.is_some())
}

/// Tells bytes on their way through the filter that need not be fed. Little is read for it: a body that
/// is streamed comes in small pieces, and each finds the CPU's caches full of what the kernel did.
pub(super) fn skim(r: Request) -> Option<Skim> {
    // SAFETY: as in `find`.
    unsafe { r.ctx().cast::<Ctx>().as_ref() }?.skim
}

/// `frappe_cmd on` holds where the request is now. What was found before an internal redirect
/// stays, whatever holds there.
pub(super) fn is_on(r: Request) -> bool {
    LocConf::get(r.main()).is_some_and(LocConf::is_on)
}

/// The context of a request, made now if no body has to be waited for: there is none, or somebody
/// has read it already.
pub(super) fn find_or_decide<'c>(r: Request) -> Option<&'c mut Ctx> {
    let r = r.main();
    let conf = LocConf::get(r);
    match find(r) {
        // Contexts are made only where it is on.
        Some(ctx) if conf.is_some_and(|conf| ptr::eq(conf, ctx.conf)) => Some(ctx),
        _ if conf.is_some_and(LocConf::is_on) || r.is_redirected() => find_or_make(r),
        _ => None,
    }
}

#[inline(never)]
fn find_or_make<'c>(r: Request) -> Option<&'c mut Ctx> {
    if let Some(ctx) = find_here(r) {
        return Some(ctx);
    }
    let conf = LocConf::get(r).filter(|conf| conf.is_on())?;
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
    if scans && !(r.is_before_location() && replay::fits_a_turn(r)) {
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
    if scans && !replay::in_a_turn(r, ctx) {
        ctx.fail();
    }
    // nginx may have asked for the lengths of values and be about to copy them: what it has kept
    // of those stays.
    ctx.settle(r, false);
    Some(ctx)
}

/// What the variables say now is what routes.
pub(super) fn is_decided(r: Request) -> bool {
    find(r).is_some_and(|ctx| ctx.routes())
}

impl Ctx {
    /// What the variables say now is what routes.
    pub(super) fn routes(&self) -> bool {
        matches!(self.state, State::Decided(_)) && !(self.is_unread && self.whole.is_some())
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// A body without a scanner needs not be read.
    pub(super) fn wants_body(&self) -> bool {
        self.routing.wants_body()
    }

    /// The values that hold now.
    pub(super) fn fields(&self) -> &Fields<'static> {
        match &self.whole {
            Some(whole) if self.is_final => whole.fields(),
            _ => self.routing.fields(),
        }
    }

    /// The next bytes of the body, or with preread of its start.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        if self.state == State::Reading {
            self.routing.feed(chunk);
        }
    }

    /// Nothing that follows of the body gives another cmd.
    #[inline(never)]
    pub(super) fn is_decided(&self) -> bool {
        self.routing.is_decided()
    }

    /// Bytes of the body are about to go through the filter.
    pub(super) fn begin_filter(&mut self, r: Request) {
        if self.is_unread && matches!(self.state, State::Decided(_)) {
            derived::keep(r);
        }
        self.is_unread = false;
    }

    /// The next bytes of the body on their way through the filter.
    pub(super) fn feed_filter(&mut self, chunk: &[u8]) {
        let listener = match &mut self.whole {
            Some(whole) if !self.is_final => whole,
            None if self.state == State::Reading => &mut self.routing,
            _ => return,
        };
        self.skim = None;
        listener.feed(chunk);
        self.skim = listener.skim();
    }

    /// The whole body has gone through the filter: did it say what its start said?
    pub(super) fn finish_filter(&mut self, r: Request) {
        let State::Decided(routed) = self.state else {
            return;
        };
        let Some(whole) = self.whole.as_mut().filter(|_| !self.is_final) else {
            return;
        };
        let Some(mut outcome) = whole.resolve(&self.head, self.plan, self.dialect, false) else {
            self.whole = None;
            return;
        };
        if whole.fields().text(Names::CMD) != self.routing.fields().text(Names::CMD) {
            outcome.status = Status::Late;
        }
        if outcome.trouble != routed.trouble {
            log(r, outcome);
        }
        self.is_final = true;
        self.state = State::Decided(outcome);
        MainConf::forget_values(r);
    }

    /// What the first bytes decided is to be decided by the whole body, of which nothing has gone
    /// through the filter yet. False where it has been.
    pub(super) fn reopen(&mut self) -> bool {
        if !matches!(self.state, State::Decided(_)) || self.is_final {
            return false;
        }
        let Some(whole) = self.whole.take() else {
            return false;
        };
        self.routing = whole;
        self.state = State::Reading;
        true
    }

    /// Nothing more will be known.
    pub(super) fn fail(&mut self) {
        if self.state == State::Reading {
            self.state = State::Failed;
        }
    }

    /// The body has been fed, as a whole or `early` only its first bytes: what will Frappe do?
    pub(super) fn decide(&mut self, r: Request, early: bool) {
        self.settle(r, early);
        MainConf::forget_values(r);
    }

    /// By the whole body, of which nothing has gone through the filter.
    pub(super) fn decide_by(&mut self, r: Request, body: &[u8]) {
        self.feed(body);
        self.is_unread = false;
        self.decide(r, false);
    }

    fn settle(&mut self, r: Request, early: bool) {
        if self.state != State::Reading {
            return;
        }
        // Also for a panic below.
        self.state = State::Failed;
        let outcome = self
            .routing
            .resolve(&self.head, self.plan, self.dialect, early);
        if let Some(outcome) = outcome {
            log(r, outcome);
            self.state = State::Decided(outcome);
        }
        if !early {
            // It has seen everything already.
            self.whole = None;
        }
    }
}

fn log(r: Request, outcome: Outcome) {
    if let Some(trouble) = outcome.trouble {
        raw::log(r.log(), NGX_LOG_INFO, trouble.message());
    }
}

#[cold]
fn find_in_pool(r: Request) -> *mut Ctx {
    // SAFETY: the pool is the request's, its cleanups are null or valid.
    let mut cleanup = unsafe { r.pool().as_ref().and_then(|pool| pool.cleanup.as_ref()) };
    while let Some(current) = cleanup {
        if let Some(handler) = current.handler
            && [FORGET, GIVE_BACK]
                .iter()
                .any(|ours| ptr::fn_addr_eq(handler, *ours))
        {
            return current.data.cast();
        }
        // SAFETY: as above.
        cleanup = unsafe { current.next.as_ref() };
    }
    ptr::null_mut()
}

type Cleanup = unsafe extern "C" fn(*mut c_void);

/// The marks by which a context is found. Statics, since a function may have several addresses.
static FORGET: Cleanup = forget;
static GIVE_BACK: Cleanup = give_back;

/// The pool goes, and its contexts with it. Nothing in one needs a destructor.
unsafe extern "C" fn forget(_data: *mut c_void) {}

/// The pool goes; the context's memory is the worker's.
unsafe extern "C" fn give_back(data: *mut c_void) {
    // SAFETY: `attach` has handed over the block, and the pool calls this once. The request has been
    // logged, so nobody asks for the context any more.
    drop(unsafe { Kept::from_raw(data) });
}
