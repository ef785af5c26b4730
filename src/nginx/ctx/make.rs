//! Makes contexts, in memory that the worker keeps or the request's pool has.

use core::ptr;

use nginx_sys::{ngx_pool_cleanup_add, ngx_pool_cleanup_t};

use super::{Ctx, FORGET, GIVE_BACK, Parts, State};
use crate::body::{CMD_MAX, Form, Json, Multipart, Names, Page, Slot, VALUE_MAX};
use crate::frappe::{Dialect, Head, Outcome, Plan};
use crate::nginx::analysis::{Analysis, Block, Pool};
use crate::nginx::conf::{LocConf, MainConf};
use crate::nginx::kept::{BLOCK_LEN, Kept};
use crate::nginx::peek::Peek;
use crate::nginx::raw::Request;

/// The bounds on a request's memory that README states: structure, slot, cmd, and a scanner without
/// scratch.
const _: () = assert!(
    PAGE_LEN + size_of::<Slot<'_>>() + CMD_MAX + size_of::<Json<'_>>() <= 1024
        && size_of::<Form>() <= size_of::<Json<'_>>()
);
/// And structure, three slots, cmd, both kinds of doctype, and the scanner and scratch of a multipart
/// body.
const _: () = assert!(
    PAGE_LEN
        + 3 * size_of::<Slot<'_>>()
        + 2 * CMD_MAX
        + VALUE_MAX
        + size_of::<Multipart<'_>>()
        + align_of::<Multipart<'_>>()
        + Multipart::SCRATCH_MAX
        + size_of::<Page>()
        <= 7 * 1024 + 1280
);
/// nginx's pools align to pointers, which is enough: what needs more is not in here.
const _: () = assert!(align_of::<Ctx>() <= align_of::<usize>());
/// What stands behind them is aligned.
const _: () = assert!(size_of::<Ctx>().is_multiple_of(align_of::<Analysis>()));
const _: () = assert!(size_of::<Analysis>().is_multiple_of(align_of::<Slot<'_>>()));
/// A context for a page.
const PAGE_LEN: usize = size_of::<Ctx>() + size_of::<Analysis>();

/// Bytes of values that are tried in a block: the rest of it is enough for a form.
const VALUES_MAX: usize = BLOCK_LEN - 512;

/// Makes a context, in a block that the worker keeps or, where there is none, or it is too small, in
/// the request's pool.
pub(in crate::nginx) fn create<'c>(r: Request, parts: &Parts) -> Option<&'c mut Ctx> {
    let names = MainConf::get(r)?.names();
    if names.values_len() <= VALUES_MAX
        && let Some((memory, mut block)) = take_kept()
        && let Some(ctx) = build(r, parts, names, &mut block)
    {
        return attach(r, memory, ctx);
    }
    let (memory, mut block) = allocate(r, len(parts, names)?)?;
    let ctx = build(r, parts, names, &mut block)?;
    attach(r, memory, ctx)
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
    block: &mut Block,
) -> Option<&'c mut Ctx> {
    let place = block.take_one()?;
    let pool = Pool::of(r);
    let (peek, whole) = match parts.preread {
        Some(size) => (
            Some(block.take_one()?.write(Peek::new(size))),
            Some(Analysis::new(names, parts, pool, block)?),
        ),
        None => (None, None),
    };
    let routing = Analysis::new(names, parts, pool, block)?;
    Some(place.write(Ctx {
        state: State::Reading,
        plan: parts.plan,
        head: parts.head,
        conf: parts.conf,
        dialect: parts.dialect,
        routing,
        whole,
        is_final: false,
        skim: None,
        is_unread: true,
        peek,
        replayed: 0,
        private: None,
    }))
}

/// Makes one for a page or a file, of which nothing has to be read.
pub(super) fn create_page<'c>(
    r: Request,
    conf: &'static LocConf,
    dialect: &'static Dialect,
) -> Option<&'c mut Ctx> {
    let names = MainConf::get(r)?.names();
    let (memory, mut block) = take_kept().or_else(|| allocate(r, PAGE_LEN))?;
    let place = block.take_one()?;
    let routing = block.take_one()?.write(Analysis::nothing(names));
    let ctx = place.write(Ctx {
        state: State::Decided(Outcome::PAGE),
        plan: Plan::Ignore,
        head: Head::default(),
        conf,
        dialect,
        routing,
        whole: None,
        is_final: false,
        skim: None,
        is_unread: true,
        peek: None,
        replayed: 0,
        private: None,
    });
    attach(r, memory, ctx)
}

/// Whose memory a context is in.
enum Memory<'c> {
    Kept(Kept),
    Pool(&'c mut ngx_pool_cleanup_t),
}

/// One of the worker's blocks. It comes back at once where it is not attached.
fn take_kept<'c>() -> Option<(Memory<'c>, Block)> {
    // Whoever watches the memory is to see each context apart.
    if cfg!(debug_palloc) {
        return None;
    }
    let kept = Kept::take()?;
    // SAFETY: nothing else points to the block, which never goes away.
    let block = unsafe { Block::new(kept.start(), BLOCK_LEN) };
    Some((Memory::Kept(kept), block))
}

/// Memory of the request's pool.
#[cold]
fn allocate<'c>(r: Request, len: usize) -> Option<(Memory<'c>, Block)> {
    // SAFETY: the pool is the request's; null results are checked. Nothing else points to the
    // `len` bytes.
    unsafe {
        let cleanup = ngx_pool_cleanup_add(r.main().pool(), len).as_mut()?;
        let start = ptr::NonNull::new(cleanup.data.cast())?;
        Some((Memory::Pool(cleanup), Block::new(start.as_ptr(), len)))
    }
}

/// Only now is there something to be found.
fn attach<'c>(r: Request, memory: Memory<'_>, ctx: &'c mut Ctx) -> Option<&'c mut Ctx> {
    match memory {
        Memory::Kept(kept) => {
            // SAFETY: as in `allocate`. The block comes back when the pool is destroyed.
            let cleanup = unsafe { ngx_pool_cleanup_add(r.main().pool(), 0).as_mut()? };
            cleanup.data = kept.into_raw();
            cleanup.handler = Some(GIVE_BACK);
        }
        Memory::Pool(cleanup) => cleanup.handler = Some(FORGET),
    }
    r.main().set_ctx(ptr::from_mut(ctx).cast());
    Some(ctx)
}
