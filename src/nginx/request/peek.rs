//! What a peek keeps while a request waits: how far it has come, and the state of its framing.

use core::ffi::c_void;
use core::ptr::NonNull;

use nginx_sys::{NGX_OK, ngx_buf_t, ngx_http_chunked_t, ngx_int_t, ngx_palloc};

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
/// INVARIANT: `state` is a copy of nginx's, in the request's pool.
pub(in crate::nginx) struct Frames {
    state: NonNull<c_void>,
    /// bytes of an open DATA frame that are still to come; nginx's state has a length, too, which
    /// is that of the frame before while the header of the next one is cut
    left: usize,
}

impl Frames {
    /// None where there is no memory.
    pub(in crate::nginx) fn new(r: Request) -> Option<Self> {
        // SAFETY: a request over HTTP/3 has a state of the size that the shim names; a null result
        // is checked.
        unsafe {
            let size = shim::ngx_http_frappe_v3_state_size();
            let state = NonNull::new(ngx_palloc(r.pool(), size))?;
            let own = shim::ngx_http_frappe_v3_state(r.as_ptr());
            core::ptr::copy_nonoverlapping(own.cast::<u8>(), state.cast().as_ptr(), size);
            Some(Self { state, left: 0 })
        }
    }

    /// Bytes of an open DATA frame that are still to come.
    pub(in crate::nginx) fn left(&self) -> usize {
        self.left
    }

    /// Notes that `len` bytes of the open DATA frame have been looked at.
    pub(in crate::nginx) fn take(&mut self, len: usize) {
        self.left = self.left.saturating_sub(len);
    }

    /// Calls nginx's own parser, which reads up to the first byte of a DATA frame, or returns why it
    /// cannot.
    ///
    /// # Safety
    ///
    /// No DATA frame is open; `pos` to `last` of `buf` is memory that may be read.
    pub(in crate::nginx) unsafe fn parse(&mut self, r: Request, buf: &mut ngx_buf_t) -> ngx_int_t {
        // SAFETY: by the invariant, and promised by the caller.
        unsafe {
            let state = self.state.as_ptr();
            let rc = shim::ngx_http_frappe_v3_parse(r.as_ptr(), state, buf);
            if rc == NGX_OK as ngx_int_t {
                // Zero for an empty frame of another type; longer ones are skipped.
                self.left = shim::ngx_http_frappe_v3_left(state);
            }
            rc
        }
    }
}
