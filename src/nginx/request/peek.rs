//! What a peek keeps while a request waits: how far it has come, and the state of its framing.

use core::ffi::c_void;
use core::ptr::NonNull;

use nginx_sys::{ngx_buf_t, ngx_http_chunked_t, ngx_int_t, ngx_palloc};

use super::look::Look;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::shim;

/// How far a peek has come.
pub(in crate::nginx) struct Peek {
    pub(in crate::nginx) look: Look,
    pub(in crate::nginx) chunked: ngx_http_chunked_t,
    pub(in crate::nginx) frames: Option<Frames>,
    /// HTTP/3: the stream has ended
    pub(in crate::nginx) is_closed: bool,
    /// bytes behind the header when the peek began
    pub(in crate::nginx) arrived: usize,
}

impl Peek {
    pub(in crate::nginx) fn new(size: usize) -> Self {
        Self {
            look: Look::new(size),
            // SAFETY: a structure of integers, in forks of nginx with more fields; zero is a value of
            // each. nginx, too, starts its parser with all fields zero.
            chunked: unsafe { core::mem::zeroed() },
            frames: None,
            is_closed: false,
            arrived: 0,
        }
    }
}

/// A parser of HTTP/3 frames. It begins in the state of the request's own parser and works on a copy,
/// so that nginx can read the same frames later.
///
/// INVARIANT: a copy of nginx's state, in the request's pool.
pub(in crate::nginx) struct Frames(NonNull<c_void>);

impl Frames {
    /// None where there is no memory.
    pub(in crate::nginx) fn new(r: Request) -> Option<Self> {
        // SAFETY: a request over HTTP/3 has a state of the size that the shim names; a null result
        // is checked.
        unsafe {
            let size = shim::ngx_http_frappe_v3_state_size();
            let copy = NonNull::new(ngx_palloc(r.pool(), size))?;
            let own = shim::ngx_http_frappe_v3_state(r.as_ptr());
            core::ptr::copy_nonoverlapping(own.cast::<u8>(), copy.cast().as_ptr(), size);
            Some(Self(copy))
        }
    }

    /// Bytes of the current frame that are still to come. Only those of a DATA frame belong to the body.
    pub(in crate::nginx) fn left(&self) -> usize {
        // SAFETY: by the invariant.
        unsafe { shim::ngx_http_frappe_v3_left(self.0.as_ptr()) }
    }

    pub(in crate::nginx) fn in_data(&self) -> bool {
        // SAFETY: by the invariant.
        unsafe { shim::ngx_http_frappe_v3_in_data(self.0.as_ptr()) != 0 }
    }

    /// Notes that `len` bytes of the current DATA frame have been looked at.
    pub(in crate::nginx) fn take(&mut self, len: usize) {
        let left = self.left().saturating_sub(len);
        // SAFETY: by the invariant.
        unsafe { shim::ngx_http_frappe_v3_set_left(self.0.as_ptr(), left) };
    }

    /// Calls nginx's own parser, which reads up to the first byte of a DATA frame, or returns why it
    /// cannot.
    ///
    /// # Safety
    ///
    /// No DATA frame is open; `pos` to `last` of `buf` is memory that may be read.
    pub(in crate::nginx) unsafe fn parse(&mut self, r: Request, buf: &mut ngx_buf_t) -> ngx_int_t {
        // SAFETY: by the invariant, and promised by the caller.
        unsafe { shim::ngx_http_frappe_v3_parse(r.as_ptr(), self.0.as_ptr(), buf) }
    }
}
