//! A zone of shared memory, and what its directives need.

use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicU32, AtomicU64};

use nginx_sys::{
    ngx_conf_t, ngx_palloc, ngx_pool_t, ngx_shm_zone_t, ngx_slab_alloc, ngx_slab_pool_t, ngx_str_t,
};

use super::memory::str_bytes;
use crate::figures::Zone;

/// The two parts of a zone's memory.
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
    // SAFETY: nginx has put a slab pool at the beginning of the mapping. Its pages are free or one
    // block of ours, to which `data` points, as long as the mapping; from a block of whole pages on
    // all is aligned for u64. Every process that maps the zone looks at the block by atomics alone.
    // The longs end where the words begin.
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

/// The values of a directive, its name first.
///
/// # Safety
///
/// `cf` is what nginx called a directive's handler with.
pub(in crate::nginx) unsafe fn args<'c>(cf: *mut ngx_conf_t) -> &'c [ngx_str_t] {
    // SAFETY: promised by the caller; they live as long as the configuration is read.
    unsafe { (*(*cf).args).as_slice() }
}

/// Where in the configuration nginx is.
///
/// # Safety
///
/// As for [`args`].
pub(in crate::nginx) unsafe fn place(cf: *mut ngx_conf_t) -> String {
    // SAFETY: promised by the caller; null where the configuration stands in the command line.
    unsafe {
        match (*cf).conf_file.as_ref() {
            Some(file) => {
                let name = str_bytes(&file.file.name).escape_ascii();
                format!("{name}:{}", file.line)
            }
            None => "command line".to_owned(),
        }
    }
}

/// A copy in a pool that lives as long as the configuration; empty where there is no memory.
///
/// # Safety
///
/// `pool` is valid.
pub(in crate::nginx) unsafe fn copy(pool: *mut ngx_pool_t, bytes: &[u8]) -> ngx_str_t {
    // SAFETY: promised by the caller; null is checked, and the block is as long as the bytes.
    unsafe {
        let data = ngx_palloc(pool, bytes.len().max(1)).cast::<u8>();
        if data.is_null() {
            return ngx_str_t { len: 0, data };
        }
        ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len());
        ngx_str_t {
            len: bytes.len(),
            data,
        }
    }
}
