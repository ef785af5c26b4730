//! Makes contexts, in memory of the request's pool.

use core::ffi::c_void;
use core::ptr;

use nginx_sys::{ngx_pool_cleanup_add, ngx_pool_cleanup_t};

use super::{Ctx, Life, at_log};
use crate::body::{CMD_MAX, Document, Form, Json, Multipart, Names, Page, Slot};
use crate::frappe::{Dialect, Head, Outcome, Plan, call};
use crate::nginx::ffi::request::Request;
use crate::nginx::request::analysis::{Analysis, Parts, Pool};
use crate::nginx::request::memory::Block;
use crate::nginx::request::peek::Peek;
use crate::nginx::request::rules::{LocConf, MainConf};

/// The bounds on a request's memory that README states: structure, slot, cmd, and a scanner without
/// scratch.
const _: () = assert!(
    PAGE_LEN + size_of::<Slot<'_>>() + CMD_MAX + size_of::<Json<'_>>() + size_of::<Pool>() <= 1024
        && size_of::<Form>() <= size_of::<Json<'_>>()
);
/// The same with the scanner and the scratch of a multipart body.
const _: () = assert!(
    PAGE_LEN
        + size_of::<Slot<'_>>()
        + CMD_MAX
        + size_of::<Pool>()
        + size_of::<Multipart<'_>>()
        + align_of::<Multipart<'_>>()
        + Multipart::SCRATCH_MAX
        + size_of::<Page>()
        <= 7 * 1024
);
/// What `$frappe_doctype` adds, and what `$frappe_call` adds; both without the page for a document that
/// is nested deep.
const _: () = assert!(
    call::DOCTYPE_SLOTS * size_of::<Slot<'_>>() + call::DOCTYPE_VALUES + size_of::<Document<'_>>()
        <= 4 * 1024 + 512
        && call::SLOTS * size_of::<Slot<'_>>() + call::VALUES + size_of::<Document<'_>>()
            <= 7 * 1024
);
/// nginx's pools align blocks to the size of a pointer, and no part of a context needs more.
const _: () = assert!(align_of::<Ctx>() <= align_of::<usize>());
/// The parts of a block follow each other without gaps.
const _: () = assert!(size_of::<Ctx>().is_multiple_of(align_of::<Analysis>()));
const _: () = assert!(size_of::<Analysis>().is_multiple_of(align_of::<Slot<'_>>()));
/// A context for a page.
const PAGE_LEN: usize = size_of::<Ctx>() + size_of::<Analysis>();

/// Makes a context that waits for its body.
pub(in crate::nginx) fn create<'c>(r: Request, parts: &Parts) -> Option<&'c mut Ctx> {
    let names = &MainConf::get(r)?.names;
    let (cleanup, mut block) = allocate(r, len(parts, names)?)?;
    let ctx = build(r, parts, names, &mut block)?;
    Some(attach(r, cleanup, ctx))
}

/// The most bytes that [`build`] takes.
fn len(parts: &Parts, names: &Names) -> Option<usize> {
    let one = Analysis::len(names, parts.plan, &parts.head)?;
    let for_whole = match parts.preread {
        Some(_) => size_of::<Peek>().checked_add(one)?,
        None => 0,
    };
    size_of::<Ctx>().checked_add(one)?.checked_add(for_whole)
}

/// None where `block` is too small.
#[inline(never)]
fn build<'c>(
    r: Request,
    parts: &Parts,
    names: &'static Names,
    block: &mut Block<'static>,
) -> Option<&'c mut Ctx> {
    let place = block.take_one()?;
    let (peek, whole) = match parts.preread {
        Some(size) => (
            Some(block.take_one()?.write(Peek::new(size))),
            Some(Analysis::new(names, parts, r, block)?),
        ),
        None => (None, None),
    };
    let routing = Analysis::new(names, parts, r, block)?;
    Some(place.write(Ctx {
        life: Life::Reading,
        plan: parts.plan,
        head: parts.head,
        conf: parts.conf,
        dialect: parts.dialect,
        routing,
        whole,
        skim: None,
        peek,
        replayed: 0,
        private: None,
        spills: false,
        is_redirected: false,
        is_logged: false,
        body_end: None,
    }))
}

/// Makes a context for a request whose path and method decide alone, such as a page or a file.
pub(super) fn create_page<'c>(
    r: Request,
    conf: &'static LocConf,
    dialect: &'static Dialect,
) -> Option<&'c mut Ctx> {
    let names = &MainConf::get(r)?.names;
    let (cleanup, mut block) = allocate(r, PAGE_LEN)?;
    let place = block.take_one()?;
    let routing = block.take_one()?.write(Analysis::nothing(names));
    let ctx = place.write(Ctx {
        life: Life::Decided(Outcome::PAGE),
        plan: Plan::Ignore,
        head: Head::default(),
        conf,
        dialect,
        routing,
        whole: None,
        skim: None,
        peek: None,
        replayed: 0,
        private: None,
        spills: false,
        is_redirected: false,
        is_logged: false,
        body_end: None,
    });
    Some(attach(r, cleanup, ctx))
}

/// Allocates memory in the request's pool together with a cleanup, by which it is found again.
fn allocate<'c>(r: Request, len: usize) -> Option<(&'c mut ngx_pool_cleanup_t, Block<'static>)> {
    // SAFETY: the pool is the request's; null results are checked. Nothing else points to the
    // `len` bytes, which live as long as the request; its context lives no longer.
    unsafe {
        let cleanup = ngx_pool_cleanup_add(r.main().pool(), len).as_mut()?;
        let start = ptr::NonNull::new(cleanup.data.cast())?;
        Some((cleanup, Block::new(start.as_ptr(), len)))
    }
}

/// Makes a complete context the one that `find` and `find_in_pool` find.
#[inline]
fn attach<'c>(r: Request, cleanup: &mut ngx_pool_cleanup_t, ctx: &'c mut Ctx) -> &'c mut Ctx {
    let r = r.main();
    // Variables that were asked for before may have other values now, and with preread also in the log.
    let is_second = !r.ctx().is_null() || r.is_internal();
    if is_second {
        at_log::forget_derived(r);
    }
    if is_second || ctx.whole.is_some() {
        at_log::ensure(r);
    }
    cleanup.handler = Some(FORGET);
    r.set_ctx(ptr::from_mut(ctx).cast());
    ctx
}

/// The newest context of a request, also where nginx has cleared its pointer to it. Null where there is
/// none.
#[cold]
pub(super) fn find_in_pool(r: Request) -> *mut Ctx {
    // SAFETY: the pool is the request's, its cleanups are null or valid.
    let mut cleanup = unsafe { r.pool().as_ref().and_then(|pool| pool.cleanup.as_ref()) };
    while let Some(current) = cleanup {
        if current
            .handler
            .is_some_and(|handler| ptr::fn_addr_eq(handler, FORGET))
        {
            return current.data.cast();
        }
        // SAFETY: as above.
        cleanup = unsafe { current.next.as_ref() };
    }
    ptr::null_mut()
}

/// The handler that marks a context's cleanup. It is read from one static, since the compiler may give
/// a function several addresses.
static FORGET: unsafe extern "C" fn(*mut c_void) = forget;

/// nginx calls this when it destroys the pool, and the context with it. A context needs no destructor.
unsafe extern "C" fn forget(_data: *mut c_void) {}
