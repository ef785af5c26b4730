//! A response of our own: its header, its body, and values that live as long as the request.

use core::ptr;

use nginx_sys::{
    ngx_alloc_chain_link, ngx_array_t, ngx_buf_t, ngx_chain_t, ngx_http_arg, ngx_http_request_t,
    ngx_http_upstream_state_t, ngx_pcalloc, ngx_str_t, ngx_table_elt_t, ngx_uint_t,
};

use super::memory::{self, slice_of};
use super::request::Request;
use super::shim;

/// The value of an argument of the query, with its percent escapes.
pub(in crate::nginx) fn query_argument<'r>(r: &'r Request, name: &str) -> Option<&'r [u8]> {
    let mut value = ngx_str_t {
        len: 0,
        data: ptr::null_mut(),
    };
    // SAFETY: a valid request; nginx reads the name and points into the query, which stays as long as
    // the request.
    unsafe {
        let (data, len) = (name.as_ptr().cast_mut(), name.len());
        let rc = ngx_http_arg(r.as_ptr(), data, len, &raw mut value);
        (rc == nginx_sys::NGX_OK as isize).then(|| slice_of(value.data, value.len))
    }
}

/// Adds a header to the response. False where there is no memory.
pub(in crate::nginx) fn add_header(r: Request, key: &'static str, value: &'static str) -> bool {
    // SAFETY: a valid request whose header has not been sent; a null result is checked, and every
    // field of the element is made zero before some are set. nginx reads the texts only.
    unsafe {
        let Some(place) = shim::ngx_http_frappe_push_header(r.as_ptr()).as_mut() else {
            return false;
        };
        ptr::write_bytes(ptr::from_mut::<ngx_table_elt_t>(place), 0, 1);
        place.hash = 1;
        place.key = text(key);
        place.value = text(value);
        true
    }
}

/// A static text as a string of nginx, which nginx must not write to.
pub(in crate::nginx) fn text(text: &'static str) -> ngx_str_t {
    ngx_str_t {
        len: text.len(),
        data: text.as_ptr().cast_mut(),
    }
}

/// A chain of buffers with these bytes; the last buffer is marked as the last of the response. None
/// where there is no memory.
///
/// # Safety
///
/// The bytes stay valid and unchanged as long as the request.
pub(in crate::nginx) unsafe fn chain<'b>(
    r: Request,
    pieces: impl ExactSizeIterator<Item = &'b [u8]>,
) -> Option<*mut ngx_chain_t> {
    let mut first = ptr::null_mut();
    let mut place = &raw mut first;
    let last = pieces.len().saturating_sub(1);
    for (number, bytes) in pieces.enumerate() {
        // SAFETY: the request's pool; null results are checked. nginx does not write to a buffer
        // that is marked as memory.
        unsafe {
            let link = ngx_alloc_chain_link(r.pool()).as_mut()?;
            link.buf = ngx_pcalloc(r.pool(), size_of::<ngx_buf_t>()).cast::<ngx_buf_t>();
            link.next = ptr::null_mut();
            let buf = link.buf.as_mut()?;
            let is_last = ngx_uint_t::from(number == last);
            shim::ngx_http_frappe_set_buf(buf, bytes.as_ptr().cast_mut(), bytes.len(), is_last);
            *place = link;
            place = &raw mut link.next;
        }
    }
    Some(first)
}

/// Keeps a value until the request ends, and drops it then. None where there is no memory.
pub(in crate::nginx) fn keep<T>(r: Request, value: T) -> Option<&'static mut T> {
    // SAFETY: the pool of a valid request.
    unsafe { memory::keep(r.pool(), value) }
}

/// The value of this type that [`keep`] keeps for the request.
pub(in crate::nginx) fn kept<T>(r: Request) -> Option<&'static mut T> {
    // SAFETY: as above; no other code looks at the value while a callback runs.
    unsafe { memory::kept(r.pool()) }
}

/// nginx's notes on the servers that the request was sent to, one for each try.
pub(in crate::nginx) fn upstream_states<'r>(
    r: *mut ngx_http_request_t,
) -> &'r [ngx_http_upstream_state_t] {
    // SAFETY: null or an array of this type, as long as the request.
    unsafe {
        let states: *const ngx_array_t = (*r).upstream_states;
        states.as_ref().map_or(&[], |states| states.as_slice())
    }
}
