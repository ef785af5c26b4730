//! nginx's pointers behind safe methods. The other files of the boundary read like safe code
//! because the promises about pointers are made here, once.

use core::ffi::c_void;
use core::ptr::NonNull;
use core::slice;

use nginx_sys::{
    NGX_HTTP_BAD_REQUEST, NGX_HTTP_CLIENT_CLOSED_REQUEST, NGX_HTTP_REQUEST_TIME_OUT, ngx_buf_t,
    ngx_chain_t, ngx_connection_t, ngx_http_event_handler_pt, ngx_http_request_body_t,
    ngx_http_request_t, ngx_log_error_core, ngx_log_t, ngx_module_t, ngx_pool_t, ngx_str_t,
    ngx_table_elt_t, ngx_uint_t,
};

use super::module::module;
use super::shim;

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// and older
    Http1,
    Http2,
    Http3,
}

/// A request, for the time of one callback.
///
/// INVARIANT: the pointer is what nginx handed to that callback, so it and what it points to
/// (connection, pool, header memory) are valid until the callback returns or finalizes it.
#[derive(Clone, Copy)]
pub(super) struct Request(NonNull<ngx_http_request_t>);

impl Request {
    /// # Safety
    ///
    /// `r` is the request of the running callback, not finalized, and the value is not kept
    /// beyond the callback.
    pub(super) unsafe fn new(r: *mut ngx_http_request_t) -> Option<Self> {
        NonNull::new(r).map(Self)
    }

    pub(super) fn as_ptr(self) -> *mut ngx_http_request_t {
        self.0.as_ptr()
    }

    fn get(&self) -> &ngx_http_request_t {
        // SAFETY: by the invariant; no `&mut` to the request is ever made in this crate, nginx
        // is not running while this borrow lives, and worker processes have one thread.
        unsafe { self.0.as_ref() }
    }

    /// The request that a subrequest belongs to, or itself.
    pub(super) fn main(self) -> Self {
        NonNull::new(self.get().main).map_or(self, Self)
    }

    pub(super) fn is_main(self) -> bool {
        self.get().main == self.as_ptr()
    }

    pub(super) fn log(self) -> *mut ngx_log_t {
        let connection = self.get().connection;
        // SAFETY: a request has a connection as long as it lives.
        unsafe { connection.as_ref() }.map_or(core::ptr::null_mut(), |connection| connection.log)
    }

    pub(super) fn pool(self) -> *mut ngx_pool_t {
        self.get().pool
    }

    /// The method's name as the client sent it: `error_page` and X-Accel-Redirect set GET.
    pub(super) fn method(&self) -> &[u8] {
        let line = str_bytes(&self.get().request_line);
        match line {
            // At a glance, since most requests with a body are.
            [b'P', b'O', b'S', b'T', b' ', ..] => b"POST",
            _ => match line.iter().position(|byte| *byte == b' ') {
                Some(end) => line.get(..end).unwrap_or_default(),
                None => str_bytes(&self.get().method_name),
            },
        }
    }

    /// Path and query as the client sent them.
    pub(super) fn target(&self) -> &[u8] {
        str_bytes(&self.get().unparsed_uri)
    }

    /// The request headers, in the order in which they are passed on. Dropped ones are left out.
    pub(super) fn for_each_header<'s>(&'s self, mut see: impl FnMut(&'s ngx_str_t, &'s ngx_str_t)) {
        let mut part = Some(&self.get().headers_in.headers.part);
        while let Some(current) = part {
            let elements = current.elts.cast::<ngx_table_elt_t>();
            // SAFETY: a part holds `nelts` elements of the list's type, which is that of the
            // header lists; the lists live as long as the request and are not changed meanwhile.
            for header in unsafe { slice_of(elements, current.nelts) } {
                if header.hash != 0 {
                    see(&header.key, &header.value);
                }
            }
            // SAFETY: nginx keeps `next` null or valid, for as long as the request.
            part = unsafe { current.next.as_ref() };
        }
    }

    /// The client has announced a body, whatever has become of it.
    pub(super) fn had_body(self) -> bool {
        // SAFETY: the shim reads fields of a valid request.
        unsafe { shim::ngx_http_frappe_had_body(self.as_ptr()) != 0 }
    }

    /// There is a body to be read, or one that has been, and that nobody has given up.
    pub(super) fn has_body(self) -> bool {
        // SAFETY: the shim reads fields of a valid request.
        unsafe { shim::ngx_http_frappe_has_body(self.as_ptr()) != 0 }
    }

    /// There is such a body, or we have begun with one.
    pub(super) fn may_have_body(self) -> bool {
        // SAFETY: as for `has_body` and `ctx`.
        unsafe { shim::ngx_http_frappe_may_have_body(self.as_ptr(), module()) != 0 }
    }

    /// Nobody will read what may still come of the body.
    pub(super) fn skip_rest(self) {
        // SAFETY: the shim changes a field of a valid request's stream, where there is one.
        unsafe { shim::ngx_http_frappe_v2_skip_rest(self.as_ptr()) };
    }

    pub(super) fn protocol(self) -> Protocol {
        // SAFETY: the shim reads fields of a valid request.
        unsafe {
            if shim::ngx_http_frappe_is_http2(self.as_ptr()) != 0 {
                Protocol::Http2
            } else if shim::ngx_http_frappe_is_http3(self.as_ptr()) != 0 {
                Protocol::Http3
            } else {
                Protocol::Http1
            }
        }
    }

    /// An internal redirect may have cleared the contexts.
    pub(super) fn is_redirected(self) -> bool {
        // SAFETY: the shim reads fields of a valid request.
        unsafe { shim::ngx_http_frappe_is_redirected(self.as_ptr()) != 0 }
    }

    /// The phases of a location have not begun, so that our handler may still have its turn.
    pub(super) fn is_before_location(self) -> bool {
        // SAFETY: the shim reads fields of a valid request and of its configuration.
        unsafe { shim::ngx_http_frappe_is_before_location(self.as_ptr()) != 0 }
    }

    /// The body, where somebody has started to read it.
    pub(super) fn body(&self) -> Option<&ngx_http_request_body_t> {
        // SAFETY: null or valid as long as the request; nginx is not running meanwhile.
        unsafe { self.get().request_body.as_ref() }
    }

    /// Our context, null where there is none.
    pub(super) fn ctx(self) -> *mut c_void {
        // SAFETY: the request's array of contexts has a place for every module.
        unsafe { *self.get().ctx.add(index()) }
    }

    pub(super) fn set_ctx(self, ctx: *mut c_void) {
        // SAFETY: as for `ctx`; nobody else writes to our place.
        unsafe { *self.get().ctx.add(index()) = ctx };
    }

    /// Makes nginx ask again for a variable, by its index.
    pub(super) fn forget_variable(self, index: usize) {
        // SAFETY: the request's values are as many as the configuration's variables, of which
        // `index` is one.
        unsafe { shim::ngx_http_frappe_forget_variable(self.as_ptr(), index) };
    }

    /// Our configuration for the location that the request is in now.
    pub(super) fn loc_conf<T>(self) -> *const T {
        // SAFETY: a request always has the configuration arrays of a server, with a place for
        // every module.
        unsafe { *self.get().loc_conf.add(index()) }.cast()
    }

    pub(super) fn main_conf<T>(self) -> *const T {
        // SAFETY: as for `loc_conf`.
        unsafe { *self.get().main_conf.add(index()) }.cast()
    }

    pub(super) fn connection(self) -> *mut ngx_connection_t {
        // SAFETY: by the invariant of Request.
        unsafe { (*self.as_ptr()).connection }
    }

    pub(super) fn header_in(self) -> *mut ngx_buf_t {
        // SAFETY: by the invariant of Request.
        unsafe { (*self.as_ptr()).header_in }
    }

    /// None where the body is chunked.
    pub(super) fn content_length(self) -> Option<usize> {
        // SAFETY: by the invariant of Request.
        unsafe {
            if shim::ngx_http_frappe_is_chunked(self.as_ptr()) != 0 {
                return None;
            }
            usize::try_from((*self.as_ptr()).headers_in.content_length_n).ok()
        }
    }

    /// The length of the body: announced, or for a chunked one what has been read of it.
    pub(super) fn body_len(self) -> Option<u64> {
        // SAFETY: by the invariant of Request.
        u64::try_from(unsafe { (*self.as_ptr()).headers_in.content_length_n }).ok()
    }

    pub(super) fn set_handlers(
        self,
        read: ngx_http_event_handler_pt,
        write: ngx_http_event_handler_pt,
    ) {
        // SAFETY: by the invariant of Request.
        unsafe {
            (*self.as_ptr()).read_event_handler = read;
            (*self.as_ptr()).write_event_handler = write;
        }
    }

    /// The client waits for "100 Continue"; asks only once.
    pub(super) fn expects_continue(self) -> bool {
        // SAFETY: the shim reads and writes fields of a valid request.
        unsafe { shim::ngx_http_frappe_expects_continue(self.as_ptr()) != 0 }
    }

    /// A timeout or an error, as the status that nginx would end a body's read with.
    pub(super) fn connection_failure(self) -> Option<u32> {
        // SAFETY: by the invariant of Request; a connection has a read event.
        unsafe {
            let c = self.connection();
            if shim::ngx_http_frappe_has_timed_out(c) != 0 {
                return Some(NGX_HTTP_REQUEST_TIME_OUT);
            }
            if shim::ngx_http_frappe_has_error(c) == 0 {
                return None;
            }
        }
        Some(match self.protocol() {
            Protocol::Http2 => NGX_HTTP_CLIENT_CLOSED_REQUEST,
            Protocol::Http1 | Protocol::Http3 => NGX_HTTP_BAD_REQUEST,
        })
    }

    pub(super) fn set_connection_error(self) {
        // SAFETY: by the invariant of Request.
        unsafe { shim::ngx_http_frappe_set_error(self.connection()) };
    }
}

/// The place of our module in the arrays that ngx_http_get_module_ctx, _loc_conf and _main_conf look
/// into.
fn index() -> usize {
    // SAFETY: nginx writes to it while it reads the configuration only.
    unsafe { (*module()).ctx_index }
}

/// The bytes of nginx's string; empty where it is null.
pub(super) fn str_bytes(text: &ngx_str_t) -> &[u8] {
    // SAFETY: nginx keeps `data` valid for `len` bytes for as long as the structure that the
    // borrow comes from.
    unsafe { slice_of(text.data, text.len) }
}

/// The buffers of a chain.
///
/// # Safety
///
/// `chain` is null or a valid chain, which is neither changed nor freed while the iterator is
/// in use.
pub(super) unsafe fn bufs<'c>(
    chain: *const ngx_chain_t,
) -> impl Iterator<Item = &'c nginx_sys::ngx_buf_t> {
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

/// What of a buffer is in memory.
pub(super) fn buf_memory(buf: &nginx_sys::ngx_buf_t) -> &[u8] {
    let buf_ptr = core::ptr::from_ref(buf).cast_mut();
    // SAFETY: the shim only reads; in memory means that pos..last is initialised memory that
    // stays as long as the buffer.
    unsafe {
        if shim::ngx_http_frappe_buf_in_memory(buf_ptr) == 0 || buf.last < buf.pos {
            return &[];
        }
        slice_of(buf.pos, buf.last.offset_from(buf.pos).unsigned_abs())
    }
}

/// The body ends with this buffer.
pub(super) fn buf_is_last(buf: &ngx_buf_t) -> bool {
    // SAFETY: the shim only reads.
    unsafe { shim::ngx_http_frappe_buf_is_last(core::ptr::from_ref(buf).cast_mut()) != 0 }
}

/// It has bytes in a file.
pub(super) fn buf_in_file(buf: &ngx_buf_t) -> bool {
    // SAFETY: the shim only reads.
    unsafe { shim::ngx_http_frappe_buf_in_file(core::ptr::from_ref(buf).cast_mut()) != 0 }
}

/// A slice that may be empty with a null pointer.
///
/// # Safety
///
/// `data` is null, or valid for reads of `len` elements for the whole of `'s`.
pub(super) unsafe fn slice_of<'s, T>(data: *const T, len: usize) -> &'s [T] {
    if data.is_null() {
        return &[];
    }
    // SAFETY: promised by the caller; nginx's elements are aligned, also where there are none.
    unsafe { slice::from_raw_parts(data, len) }
}

/// The same bytes for longer.
///
/// # Safety
///
/// They stay what they are for the whole of `'s`.
pub(super) unsafe fn extend<'s>(bytes: &[u8]) -> &'s [u8] {
    // SAFETY: promised by the caller.
    unsafe { slice::from_raw_parts(bytes.as_ptr(), bytes.len()) }
}

/// Writes a line to a log, with our name in front and what nginx knows of the request behind.
pub(super) fn log(target: *mut ngx_log_t, level: u32, message: &str) {
    // SAFETY: a log is null or valid while a callback runs; `%*s` takes a length and as many
    // bytes.
    unsafe {
        if target
            .as_ref()
            .is_some_and(|log| log.log_level >= level as ngx_uint_t)
        {
            ngx_log_error_core(
                level as ngx_uint_t,
                target,
                0,
                c"frappe: %*s".as_ptr(),
                message.len(),
                message.as_ptr(),
            );
        }
    }
}

/// Our `ngx_module_t`.
pub(super) type Module = *mut ngx_module_t;
