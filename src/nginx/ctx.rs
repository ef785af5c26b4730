//! What is known of a request: one block in its pool, with values and scanner.
//!
//! | state | what | set by |
//! | --- | --- | --- |
//! | `Reading` | the body is on its way, phases wait | `phase` |
//! | `Decided` | the outcome is known | the end of the body, or a variable of a request without one |
//! | `Failed` | the body never came; nothing is known | an error while reading, a panic |
//!
//! nginx forgets a request's contexts at internal redirects and named locations. The block is
//! therefore hung on a cleanup of the pool, where it is found again as in
//! ngx_http_realip_module.
//!
//! Memory: this structure (about 600 bytes), a buffer for each wanted argument (255 bytes for
//! cmd, 1 KiB for others), for multipart up to 5.7 KiB of scratch.

use core::ptr;
use core::slice;

use nginx_sys::{NGX_LOG_INFO, ngx_pool_cleanup_add};

use super::conf::{LocConf, MainConf};
use super::guard;
use super::raw::{self, Request};
use crate::body::{Body, End, Fields, Slot, VALUE_MAX};
use crate::frappe::{self, CMD_MAX, Dialect, Head, Outcome, Plan};

/// One request's context.
pub(super) struct Ctx {
    state: State,
    plan: Plan,
    dialect: &'static Dialect,
    fields: Fields<'static>,
    body: Option<Body<'static>>,
    /// how a body ended that needs no scanner
    end: Option<End>,
    /// a scanner is running; still set afterwards if it panicked
    busy: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Reading,
    Decided(Outcome),
    Failed,
}

/// README states the memory of a request.
const _: () = assert!(size_of::<Ctx>() <= 1024);
const _: () = assert!(size_of::<Ctx>().is_multiple_of(align_of::<Slot<'_>>()));

/// What the request line and the headers say.
pub(super) fn head<'r>(r: &'r Request, dialect: &Dialect) -> Head<'r> {
    let mut head = Head {
        method: r.method(),
        target: r.target(),
        content_type: b"",
        encoded: false,
    };
    if !r.has_body() && dialect.json_empty {
        // The type of a body that is not there matters to no version but those.
        return head;
    }
    for (name, value) in r.headers() {
        if name.eq_ignore_ascii_case(b"content-type") {
            // The last one counts for gunicorn.
            head.content_type = value;
        } else if name.eq_ignore_ascii_case(b"content-encoding") {
            head.encoded |= frappe::is_compressed(value);
        }
    }
    head
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

/// Makes a context, for a body that is to be scanned as `plan` says, or for none.
pub(super) fn create<'c>(
    r: Request,
    head: &Head<'_>,
    plan: Plan,
    dialect: &'static Dialect,
) -> Option<&'c mut Ctx> {
    let names = MainConf::get(r)?.names();
    let count = names.slots();
    let scratch_len = match plan {
        Plan::Scan(media_type) => frappe::scratch_len(media_type, head.content_type),
        Plan::Ignore | Plan::Encoded(_) => 0,
    };
    let slots_len = count.checked_mul(size_of::<Slot<'_>>())?;
    let values_len = count
        .checked_sub(1)?
        .checked_mul(VALUE_MAX)?
        .checked_add(CMD_MAX)?;
    let bytes_len = values_len.checked_add(scratch_len)?;
    let total = size_of::<Ctx>()
        .checked_add(align_of::<Ctx>())?
        .checked_add(slots_len)?
        .checked_add(bytes_len)?;

    // SAFETY: the pool is the request's; a null result is checked.
    let cleanup = unsafe { ngx_pool_cleanup_add(r.main().pool(), total).as_mut() }?;
    if cleanup.data.is_null() {
        return None;
    }
    cleanup.handler = Some(forget);
    let data = aligned(cleanup.data);

    // SAFETY: from `data` on, which is aligned, the block has room for a Ctx, then `count` slots
    // (Ctx's size keeps them aligned), then `bytes_len` bytes, which are made zero before a
    // slice is made of them. Nothing else points into it, and it lives until the request's pool
    // is destroyed, after which nobody asks for the context.
    let (slots, bytes) = unsafe {
        let slots = data.add(1).cast::<Slot<'static>>();
        let bytes = slots.add(count).cast::<u8>();
        ptr::write_bytes(bytes, 0, bytes_len);
        (slots, slice::from_raw_parts_mut(bytes, bytes_len))
    };
    let (mut values, scratch) = bytes.split_at_mut_checked(values_len)?;
    for index in 0..count {
        let len = if index == 0 { CMD_MAX } else { VALUE_MAX };
        let (value, rest) = values.split_at_mut_checked(len)?;
        values = rest;
        // SAFETY: there is room for `count` slots.
        unsafe { slots.add(index).write(Slot::new(value)) };
    }
    // SAFETY: all `count` slots have been written.
    let mut fields = Fields::new(names, unsafe { slice::from_raw_parts_mut(slots, count) });

    let (body, end) = match plan {
        Plan::Scan(media_type) => {
            match frappe::scanner(media_type, head, dialect, &mut fields, scratch) {
                Ok(body) => (Some(body), None),
                Err(end) => (None, Some(end)),
            }
        }
        Plan::Ignore | Plan::Encoded(_) => (None, None),
    };
    // SAFETY: the block is large enough and aligned for a Ctx.
    unsafe {
        data.write(Ctx {
            state: State::Reading,
            plan,
            dialect,
            fields,
            body,
            end,
            busy: false,
        });
    }
    r.main().set_ctx(data.cast());
    // SAFETY: just written; see `find`.
    unsafe { data.as_mut() }
}

/// `frappe_cmd on` holds where the request is now. What was found before an internal redirect
/// stays, whatever holds there.
pub(super) fn is_on(r: Request) -> bool {
    LocConf::get(r.main()).is_some_and(LocConf::is_on)
}

/// The context of a request, made now if no body has to be waited for.
pub(super) fn find_or_decide<'c>(r: Request) -> Option<&'c mut Ctx> {
    let r = r.main();
    if !is_on(r) && !r.is_redirected() {
        return None;
    }
    if let Some(ctx) = find(r) {
        return Some(ctx);
    }
    let conf = LocConf::get(r).filter(|conf| conf.is_on())?;
    let dialect = conf.dialect()?;
    let head = head(&r, dialect);
    guard::probe(head.target, b"panic-in-variable");
    let has_body = conf.reads_body() && r.has_body();
    let plan = if has_body || !dialect.json_empty {
        frappe::plan(&head, dialect)
    } else {
        Plan::Ignore
    };
    if has_body && matches!(plan, Plan::Scan(_)) {
        return None;
    }
    let ctx = create(r, &head, plan, dialect)?;
    ctx.decide(r);
    Some(ctx)
}

impl Ctx {
    pub(super) fn state(&self) -> State {
        self.state
    }

    /// A body without a scanner needs not be read.
    pub(super) fn wants_body(&self) -> bool {
        self.body.is_some()
    }

    pub(super) fn fields(&self) -> &Fields<'static> {
        &self.fields
    }

    /// The next bytes of the body.
    pub(super) fn feed(&mut self, chunk: &[u8]) {
        if self.state != State::Reading || self.busy {
            return;
        }
        if let Some(body) = &mut self.body {
            self.busy = true;
            guard::probe(chunk, b"panic-in-scanner");
            body.feed(chunk, &mut self.fields);
            self.busy = false;
        }
    }

    /// Nothing more will be known.
    pub(super) fn fail(&mut self) {
        if self.state == State::Reading {
            self.state = State::Failed;
        }
    }

    /// All of the body has been fed: what will Frappe do?
    pub(super) fn decide(&mut self, r: Request) {
        if self.state != State::Reading {
            return;
        }
        // Also for a panic below.
        self.state = State::Failed;
        if self.busy {
            return;
        }
        guard::probe(r.target(), b"panic-in-resolver");
        let end = match &mut self.body {
            Some(body) => Some(body.finish(&mut self.fields)),
            None => self.end,
        };
        let outcome = frappe::resolve(
            &head(&r, self.dialect),
            self.plan,
            end,
            self.dialect,
            &mut self.fields,
        );
        if let Some(trouble) = outcome.trouble {
            raw::log(r.log(), NGX_LOG_INFO, trouble.message());
        }
        self.state = State::Decided(outcome);
    }
}

fn find_in_pool(r: Request) -> *mut Ctx {
    // SAFETY: the pool is the request's, its cleanups are null or valid.
    let mut cleanup = unsafe { r.pool().as_ref().and_then(|pool| pool.cleanup.as_ref()) };
    while let Some(current) = cleanup {
        if current
            .handler
            .is_some_and(|handler| core::ptr::fn_addr_eq(handler, FORGET))
        {
            return aligned(current.data);
        }
        // SAFETY: as above.
        cleanup = unsafe { current.next.as_ref() };
    }
    ptr::null_mut()
}

/// The first place in a block that a Ctx can stand at: nginx's pools align to pointers only,
/// while the searchers hold vector registers.
fn aligned(data: *mut core::ffi::c_void) -> *mut Ctx {
    let bytes = data.cast::<u8>();
    bytes
        .wrapping_add(bytes.align_offset(align_of::<Ctx>()))
        .cast()
}

type Cleanup = unsafe extern "C" fn(*mut core::ffi::c_void);

const FORGET: Cleanup = forget;

/// Nothing in a context needs a destructor; the handler is the mark by which it is found.
unsafe extern "C" fn forget(_data: *mut core::ffi::c_void) {}
