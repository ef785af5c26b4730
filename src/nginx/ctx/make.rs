//! Makes contexts, in memory that the worker keeps or the request's pool has.

use core::ptr;

use nginx_sys::{ngx_pool_cleanup_add, ngx_pool_cleanup_t};

use super::{Ctx, FORGET, GIVE_BACK, State};
use crate::body::{Form, Json, LineRoom, Multipart, Slot, VALUE_MAX};
use crate::frappe::{CMD_MAX, Dialect, Head, Outcome, Plan};
use crate::nginx::analysis::{Analysis, Block, Pool};
use crate::nginx::conf::{LocConf, MainConf};
use crate::nginx::kept::{BLOCK_LEN, Kept};
use crate::nginx::peek::Peek;
use crate::nginx::raw::Request;

/// The bounds on a request's memory that README states: structure, slot, cmd, and a scanner without
/// scratch.
const _: () = assert!(
    size_of::<Ctx>() + size_of::<Slot<'_>>() + CMD_MAX + size_of::<Json>() <= 1024
        && size_of::<Form>() <= size_of::<Json>()
);
/// And structure, three slots, cmd, both kinds of doctype, and the scanner and scratch of a multipart
/// body.
const _: () = assert!(
    size_of::<Ctx>()
        + 3 * size_of::<Slot<'_>>()
        + 2 * CMD_MAX
        + VALUE_MAX
        + size_of::<Multipart<'_>>()
        + align_of::<Multipart<'_>>()
        + Multipart::SCRATCH_MAX
        + size_of::<LineRoom>()
        <= 8 * 1024
);
/// nginx's pools align to pointers, which is enough: what needs more is not in here.
const _: () = assert!(align_of::<Ctx>() <= align_of::<usize>());
/// What stands behind them is aligned.
const _: () = assert!(size_of::<Ctx>().is_multiple_of(align_of::<Analysis>()));
const _: () = assert!(size_of::<Analysis>().is_multiple_of(align_of::<Slot<'_>>()));

/// Makes a context, for a body that is to be scanned as `plan` says, or for none. With `preread`
/// it is decided by so many bytes of it.
pub(in crate::nginx) fn create<'c>(
    r: Request,
    head: Head<'static>,
    plan: Plan,
    conf: &'static LocConf,
    preread: Option<usize>,
) -> Option<&'c mut Ctx> {
    let dialect = conf.dialect()?;
    let names = MainConf::get(r)?.names();
    let len = Analysis::len(names, plan, &head)?;
    let for_whole = match preread {
        Some(_) => size_of::<(Peek, Analysis)>().checked_add(len)?,
        None => 0,
    };
    let total = size_of::<Ctx>().checked_add(len)?.checked_add(for_whole)?;

    let (memory, mut block) = allocate(r, total)?;
    let pool = Pool::of(r);
    let place = block.take_one()?;
    let (peek, whole) = match preread {
        Some(size) => {
            let peek = block.take_one()?.write(Peek::new(size));
            let place = block.take_one()?;
            let whole = Analysis::new(names, plan, &head, dialect, pool, &mut block)?;
            (Some(peek), Some(place.write(whole)))
        }
        None => (None, None),
    };
    let routing = Analysis::new(names, plan, &head, dialect, pool, &mut block)?;
    let ctx = place.write(Ctx {
        plan,
        head,
        peek,
        whole,
        ..Ctx::new(State::Reading, conf, dialect, routing)
    });
    attach(r, memory, ctx)
}

/// Makes one for a page or a file, of which nothing has to be read.
pub(super) fn create_page<'c>(
    r: Request,
    conf: &'static LocConf,
    dialect: &'static Dialect,
) -> Option<&'c mut Ctx> {
    let nothing = Analysis::nothing(MainConf::get(r)?.names());
    let (memory, mut block) = allocate(r, size_of::<Ctx>())?;
    let state = State::Decided(Outcome::PAGE);
    let ctx = block
        .take_one()?
        .write(Ctx::new(state, conf, dialect, nothing));
    attach(r, memory, ctx)
}

/// Whose memory a context is in.
enum Memory<'c> {
    Kept(Kept),
    Pool(&'c mut ngx_pool_cleanup_t),
}

/// Memory that lives until the request's pool is destroyed, after which nobody asks for the context.
fn allocate<'c>(r: Request, len: usize) -> Option<(Memory<'c>, Block)> {
    // Whoever watches the memory is to see each context apart.
    let may_keep = len <= BLOCK_LEN && !cfg!(debug_palloc);
    if let Some(kept) = may_keep.then(Kept::take).flatten() {
        // SAFETY: nothing else points to the block, which never goes away.
        let block = unsafe { Block::new(kept.start(), BLOCK_LEN) };
        return Some((Memory::Kept(kept), block));
    }
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
