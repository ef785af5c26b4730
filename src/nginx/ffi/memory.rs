//! nginx's strings, buffers and lists as slices, and values in its pools.

use core::ffi::c_void;
use core::{ptr, slice};

use nginx_sys::{
    ngx_buf_t, ngx_chain_t, ngx_pool_cleanup_add, ngx_pool_cleanup_pt, ngx_pool_t, ngx_str_t,
};

use super::shim;

/// The bytes of nginx's string; empty where it is null.
pub(in crate::nginx) fn str_bytes(text: &ngx_str_t) -> &[u8] {
    // SAFETY: nginx keeps `len` bytes at `data` valid as long as the structure that holds the string.
    unsafe { slice_of(text.data, text.len) }
}

/// The buffers of a chain.
///
/// # Safety
///
/// `chain` is null or a valid chain, which is neither changed nor freed while the iterator is
/// in use.
pub(in crate::nginx) unsafe fn bufs<'c>(
    chain: *const ngx_chain_t,
) -> impl Iterator<Item = &'c ngx_buf_t> {
    // SAFETY: promised by the caller.
    let mut link = unsafe { chain.as_ref() };
    core::iter::from_fn(move || {
        let current = link.take()?;
        // SAFETY: promised by the caller: each link's pointers are null or valid.
        unsafe {
            link = current.next.as_ref();
            Some(current.buf.as_ref())
        }
    })
    .flatten()
}

/// The bytes that a buffer has in memory.
#[inline]
pub(in crate::nginx) fn buf_memory(buf: &ngx_buf_t) -> &[u8] {
    let buf_ptr = core::ptr::from_ref(buf).cast_mut();
    // SAFETY: the shim only reads. `ngx_buf_in_memory` means that pos..last is initialised memory that
    // lives as long as the buffer.
    unsafe {
        if shim::ngx_http_frappe_buf_in_memory(buf_ptr) == 0 || buf.last < buf.pos {
            return &[];
        }
        slice_of(buf.pos, buf.last.offset_from(buf.pos).unsigned_abs())
    }
}

/// Whether the body ends with this buffer.
pub(in crate::nginx) fn buf_is_last(buf: &ngx_buf_t) -> bool {
    // SAFETY: the shim only reads.
    unsafe { shim::ngx_http_frappe_buf_is_last(core::ptr::from_ref(buf).cast_mut()) != 0 }
}

/// The number of bytes of a buffer that lies in a file and not in memory; 0 for any other.
#[inline]
pub(in crate::nginx) fn buf_file_len(buf: &ngx_buf_t) -> u64 {
    // SAFETY: the shim only reads.
    let in_file =
        unsafe { shim::ngx_http_frappe_buf_in_file(core::ptr::from_ref(buf).cast_mut()) != 0 };
    if !in_file || !buf_memory(buf).is_empty() {
        return 0;
    }
    u64::try_from(buf.file_last.saturating_sub(buf.file_pos)).unwrap_or_default()
}

/// Keeps a value until nginx destroys the pool, and drops it then. None where there is no memory.
///
/// # Safety
///
/// The pool is valid, and lives as long as the result is used.
pub(in crate::nginx) unsafe fn keep<T>(pool: *mut ngx_pool_t, value: T) -> Option<&'static mut T> {
    // SAFETY: promised by the caller. A null result is checked; the block has the size of T, and a
    // pool's alignment is that of a pointer, which is enough for T: checked when this is compiled. The
    // value is dropped once.
    unsafe {
        const { assert!(align_of::<T>() <= align_of::<*const ()>()) };
        let cleanup = ngx_pool_cleanup_add(pool, size_of::<T>()).as_mut()?;
        let place = cleanup.data.cast::<T>();
        place.write(value);
        cleanup.handler = Some(drop_kept::<T>);
        place.as_mut()
    }
}

/// The newest value of this type that [`keep`] keeps in the pool.
///
/// # Safety
///
/// As for [`keep`], and no other code looks at the value.
pub(in crate::nginx) unsafe fn kept<T>(pool: *mut ngx_pool_t) -> Option<&'static mut T> {
    let wanted: ngx_pool_cleanup_pt = Some(drop_kept::<T>);
    // SAFETY: the cleanups of a valid pool; one with our handler holds our value.
    unsafe {
        let mut cleanup = (*pool).cleanup;
        while let Some(current) = cleanup.as_ref() {
            if ptr::fn_addr_eq(current.handler?, wanted?) {
                return current.data.cast::<T>().as_mut();
            }
            cleanup = current.next;
        }
    }
    None
}

unsafe extern "C" fn drop_kept<T>(data: *mut c_void) {
    // SAFETY: what `keep` has written; nginx runs each cleanup once.
    unsafe { data.cast::<T>().drop_in_place() };
}

/// The slice of `len` elements at `data`; empty where `data` is null.
///
/// # Safety
///
/// `data` is null, or valid for reads of `len` elements for the whole of `'s`.
pub(in crate::nginx) unsafe fn slice_of<'s, T>(data: *const T, len: usize) -> &'s [T] {
    if data.is_null() {
        return &[];
    }
    // SAFETY: promised by the caller; nginx aligns its arrays, also empty ones.
    unsafe { slice::from_raw_parts(data, len) }
}

/// The same bytes with a longer lifetime.
///
/// # Safety
///
/// The bytes stay valid and unchanged for the whole of `'s`.
pub(in crate::nginx) unsafe fn extend<'s>(bytes: &[u8]) -> &'s [u8] {
    // SAFETY: promised by the caller.
    unsafe { slice::from_raw_parts(bytes.as_ptr(), bytes.len()) }
}
