//! A zone of shared memory.

use core::slice;
use core::sync::atomic::{AtomicU32, AtomicU64};

use nginx_sys::{ngx_shm_zone_t, ngx_slab_alloc, ngx_slab_pool_t};

use crate::figures::Zone;

/// The memory of a zone, in its two parts.
#[derive(Clone, Copy, Debug)]
pub(in crate::nginx) struct Memory {
    pub(in crate::nginx) longs: &'static [AtomicU64],
    pub(in crate::nginx) words: &'static [AtomicU32],
}

/// The memory of a zone that nginx has just mapped, or found again, and whether it is new. None where
/// it is too small.
///
/// # Safety
///
/// `zone` is what nginx called an init handler with; the result is not used after the zone has gone.
pub(in crate::nginx) unsafe fn zone_memory(zone: *mut ngx_shm_zone_t) -> Option<(Memory, bool)> {
    // SAFETY: nginx has put a slab pool at the beginning of the mapping. Apart from free pages it holds
    // one block of ours, to which `data` points as long as the mapping lives. The block has whole
    // pages, so it is aligned for u64. Every process that maps the zone accesses the block by atomics
    // only. The words begin where the longs end.
    unsafe {
        let pool = (*zone).shm.addr.cast::<ngx_slab_pool_t>();
        let is_new = (*pool).data.is_null();
        if is_new {
            let size = (*pool).pfree.checked_mul(nginx_sys::ngx_pagesize)?;
            (*pool).data = ngx_slab_alloc(pool, size);
        }
        let block = (*pool).data.cast::<u8>();
        if block.is_null() {
            return None;
        }
        let size = (*pool).end.addr().checked_sub(block.addr())?;
        let (longs, words) = Zone::split(size)?;
        let first = block.cast::<AtomicU64>();
        let memory = Memory {
            longs: slice::from_raw_parts(first, longs),
            words: slice::from_raw_parts(first.add(longs).cast(), words),
        };
        Some((memory, is_new))
    }
}
