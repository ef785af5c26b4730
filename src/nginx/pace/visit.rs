//! What nginx knows of a request's time at a server.
//!
//! A run begins when nginx has a connection to the server, and ends when the header of the response has
//! come, so that a client that reads slowly does not make a call slow. Where a request went to several
//! servers, the last one counts.

use core::hash::Hasher;
use std::hash::DefaultHasher;

use nginx_sys::ngx_msec_t;

use crate::nginx::ffi::answer::upstream_states;
use crate::nginx::ffi::memory::str_bytes;
use crate::nginx::ffi::request::Request;

/// A request at a server.
pub(super) struct Visit {
    /// a hash of the server's address
    pub(super) server: u64,
    /// when nginx had a connection, by its clock of milliseconds
    pub(super) begun: u32,
    /// when the header of the response had come, by the same clock; None: it has not
    pub(super) answered: Option<u32>,
    pub(super) status: usize,
}

impl Visit {
    /// The last visit of a request. None where it was at no server, or has no connection yet.
    pub(super) fn last(r: Request) -> Option<Self> {
        let state = upstream_states(r.as_ptr()).last()?;
        // SAFETY: null or valid as long as the request.
        let (peer, upstream) = unsafe { (state.peer.as_ref()?, (*r.as_ptr()).upstream.as_ref()?) };
        let after = |time: ngx_msec_t| {
            let is_known = time != ngx_msec_t::MAX;
            is_known.then(|| upstream.start_time.wrapping_add(time) as u32)
        };
        Some(Self {
            server: hash(str_bytes(peer)),
            begun: after(state.connect_time)?,
            answered: after(state.header_time),
            status: state.status,
        })
    }
}

/// A hash that tells servers, or calls, apart.
pub(super) fn hash(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text);
    hasher.finish()
}
