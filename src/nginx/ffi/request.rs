//! A request, for the time of one callback.

use core::ffi::c_void;
use core::ptr::NonNull;

use nginx_sys::{
    NGX_HTTP_BAD_REQUEST, NGX_HTTP_CLIENT_CLOSED_REQUEST, NGX_HTTP_REQUEST_TIME_OUT,
    NGX_HTTP_VERSION_11, ngx_buf_t, ngx_connection_t, ngx_http_core_loc_conf_t,
    ngx_http_core_main_conf_t, ngx_http_core_module, ngx_http_core_srv_conf_t,
    ngx_http_event_handler_pt, ngx_http_request_body_t, ngx_http_request_t, ngx_log_t, ngx_msec_t,
    ngx_pool_t, ngx_str_t, ngx_table_elt_t,
};

use super::conf::index;
use super::memory::{slice_of, str_bytes};
use super::shim;

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nginx) enum Protocol {
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
pub(in crate::nginx) struct Request(NonNull<ngx_http_request_t>);

impl Request {
    /// # Safety
    ///
    /// `r` is the request of the running callback, not finalized, and the value is not kept
    /// beyond the callback.
    pub(in crate::nginx) unsafe fn new(r: *mut ngx_http_request_t) -> Option<Self> {
        NonNull::new(r).map(Self)
    }

    pub(in crate::nginx) fn as_ptr(self) -> *mut ngx_http_request_t {
        self.0.as_ptr()
    }

    fn get(&self) -> &ngx_http_request_t {
        // SAFETY: by the invariant; no `&mut` to the request is ever made in this crate, nginx
        // is not running while this borrow lives, and worker processes have one thread.
        unsafe { self.0.as_ref() }
    }

    /// The request that a subrequest belongs to, or itself.
    pub(in crate::nginx) fn main(self) -> Self {
        NonNull::new(self.get().main).map_or(self, Self)
    }

    pub(in crate::nginx) fn is_main(self) -> bool {
        self.get().main == self.as_ptr()
    }

    pub(in crate::nginx) fn log(self) -> *mut ngx_log_t {
        let connection = self.get().connection;
        // SAFETY: a request has a connection as long as it lives.
        unsafe { connection.as_ref() }.map_or(core::ptr::null_mut(), |connection| connection.log)
    }

    pub(in crate::nginx) fn pool(self) -> *mut ngx_pool_t {
        self.get().pool
    }

    /// The method's name as the client sent it: `error_page` and X-Accel-Redirect set GET.
    #[inline]
    pub(in crate::nginx) fn method(&self) -> &[u8] {
        let line = str_bytes(&self.get().request_line);
        match line {
            // Compared first, since most requests with a body are.
            [b'P', b'O', b'S', b'T', b' ', ..] => b"POST",
            _ => match line.iter().position(|byte| *byte == b' ') {
                Some(end) => line.get(..end).unwrap_or_default(),
                None => str_bytes(&self.get().method_name),
            },
        }
    }

    /// The method as nginx counts it: NGX_HTTP_PUT and the like.
    pub(in crate::nginx) fn method_bit(self) -> usize {
        self.get().method
    }

    /// A handler of the location comes before nginx's content handlers.
    pub(in crate::nginx) fn has_content_handler(self) -> bool {
        self.get().content_handler.is_some()
    }

    /// Path and query as the client sent them.
    pub(in crate::nginx) fn target(&self) -> &[u8] {
        str_bytes(&self.get().unparsed_uri)
    }

    /// The request headers, in the order in which they are passed on. Dropped ones are left out.
    pub(in crate::nginx) fn for_each_header<'s>(
        &'s self,
        mut see: impl FnMut(&'s ngx_str_t, &'s ngx_str_t),
    ) {
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

    /// The client has announced a body, whatever has become of it: nginx takes one that it has
    /// discarded out of `content_length_n`.
    pub(in crate::nginx) fn had_body(self) -> bool {
        if self.get().headers_in.content_length_n > 0 || self.is_chunked() {
            return true;
        }
        // SAFETY: null or a header of the request.
        let announced = unsafe { self.get().headers_in.content_length.as_ref() };
        announced.is_some_and(|header| {
            let text = core::str::from_utf8(str_bytes(&header.value));
            text.is_ok_and(|text| text.parse::<u64>().is_ok_and(|length| length > 0))
        })
    }

    /// There is a body to be read, or one that has been, and that nobody has given up.
    #[inline]
    pub(in crate::nginx) fn has_body(self) -> bool {
        if self.get().headers_in.content_length_n <= 0 && !self.is_chunked() {
            return false;
        }
        // SAFETY: the shim reads fields of a valid request, and of its stream where it has one.
        unsafe {
            let r = self.as_ptr();
            shim::ngx_http_frappe_discards_body(r) == 0
                && (shim::ngx_http_frappe_is_http2(r) == 0
                    || shim::ngx_http_frappe_v2_skips_data(r) == 0)
        }
    }

    fn is_chunked(self) -> bool {
        // SAFETY: the shim reads fields of a valid request.
        unsafe { shim::ngx_http_frappe_is_chunked(self.as_ptr()) != 0 }
    }

    #[inline]
    pub(in crate::nginx) fn protocol(self) -> Protocol {
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

    /// nginx may have cleared the contexts: it does so at internal redirects, but also marks a
    /// request that a `rewrite` has sent elsewhere.
    pub(in crate::nginx) fn is_internal(self) -> bool {
        // SAFETY: the shim reads fields of a valid request.
        unsafe { shim::ngx_http_frappe_is_internal(self.as_ptr()) != 0 }
    }

    /// The place in nginx's list of phase handlers.
    pub(in crate::nginx) fn phase_handler(self) -> isize {
        self.get().phase_handler
    }

    /// The phases of a location have not begun, so that our handler may still have its turn.
    pub(in crate::nginx) fn is_before_location(self) -> bool {
        let begins = self.core_main_conf().phase_engine.location_rewrite_index;
        usize::try_from(self.phase_handler()).is_ok_and(|handler| handler < begins)
    }

    /// The body, where somebody has started to read it.
    pub(in crate::nginx) fn body(&self) -> Option<&ngx_http_request_body_t> {
        // SAFETY: null or valid as long as the request; nginx is not running meanwhile.
        unsafe { self.get().request_body.as_ref() }
    }

    /// The whole body of a request that nobody reads yet, where it has come with the header: as most
    /// short ones do over HTTP/1.1. It stays there for whoever reads it.
    #[inline]
    pub(in crate::nginx) fn arrived_body<'b>(self) -> Option<&'b [u8]> {
        let len = self.content_length()?;
        if self.protocol() != Protocol::Http1 {
            return None;
        }
        // SAFETY: nginx's buffer of the header, which is not changed before the body is read; until
        // then the caller has done with the bytes.
        unsafe { self.header_in().as_ref() }
            .map(super::memory::buf_memory)?
            .get(..len)
            .map(|body| {
                // SAFETY: as above: longer than the borrow of this value.
                unsafe { super::memory::extend(body) }
            })
    }

    /// Our context, null where there is none.
    pub(in crate::nginx) fn ctx(self) -> *mut c_void {
        // SAFETY: the request's array of contexts has a place for every module.
        unsafe { *self.get().ctx.add(index()) }
    }

    pub(in crate::nginx) fn set_ctx(self, ctx: *mut c_void) {
        // SAFETY: as for `ctx`; nobody else writes to our place.
        unsafe { *self.get().ctx.add(index()) = ctx };
    }

    /// Our configuration for the location that the request is in now.
    pub(in crate::nginx) fn loc_conf<T>(self) -> *const T {
        // SAFETY: a request always has the configuration arrays of a server, with a place for
        // every module.
        unsafe { *self.get().loc_conf.add(index()) }.cast()
    }

    pub(in crate::nginx) fn main_conf<T>(self) -> *const T {
        // SAFETY: as for `loc_conf`.
        unsafe { *self.get().main_conf.add(index()) }.cast()
    }

    /// The configuration of another module for the location, by that module's place.
    pub(in crate::nginx) fn loc_conf_of(self, index: usize) -> *mut c_void {
        // SAFETY: as for `loc_conf`.
        unsafe { *self.get().loc_conf.add(index) }
    }

    pub(in crate::nginx) fn core_main_conf(&self) -> &ngx_http_core_main_conf_t {
        // SAFETY: as for `loc_conf`; the core module has a configuration, which stays as it is.
        unsafe {
            &*(*self.get().main_conf.add(ngx_http_core_module.ctx_index))
                .cast::<ngx_http_core_main_conf_t>()
        }
    }

    fn core_loc_conf(self) -> *mut ngx_http_core_loc_conf_t {
        // SAFETY: nginx writes the module's place while it reads the configuration only.
        let index = unsafe { ngx_http_core_module.ctx_index };
        self.loc_conf_of(index).cast()
    }

    /// `client_body_timeout`
    pub(in crate::nginx) fn body_timeout(self) -> ngx_msec_t {
        // SAFETY: the core module has a configuration for each location.
        unsafe { shim::ngx_http_frappe_body_timeout(self.core_loc_conf()) }
    }

    /// `client_max_body_size`, None where there is no limit.
    pub(in crate::nginx) fn max_body_size(self) -> Option<usize> {
        // SAFETY: as for `body_timeout`.
        let max = unsafe { shim::ngx_http_frappe_max_body_size(self.core_loc_conf()) };
        usize::try_from(max).ok().filter(|max| *max > 0)
    }

    /// `client_body_buffer_size`
    pub(in crate::nginx) fn body_buffer_size(self) -> usize {
        // SAFETY: as for `body_timeout`.
        unsafe { shim::ngx_http_frappe_body_buffer_size(self.core_loc_conf()) }
    }

    /// The size of `large_client_header_buffers`.
    pub(in crate::nginx) fn large_header_size(self) -> usize {
        // SAFETY: the core module has a configuration for each server.
        unsafe {
            let conf = *self.get().srv_conf.add(ngx_http_core_module.ctx_index);
            shim::ngx_http_frappe_large_header_size(conf.cast::<ngx_http_core_srv_conf_t>())
        }
    }

    pub(in crate::nginx) fn connection(self) -> *mut ngx_connection_t {
        // SAFETY: by the invariant of Request.
        unsafe { (*self.as_ptr()).connection }
    }

    pub(in crate::nginx) fn header_in(self) -> *mut ngx_buf_t {
        // SAFETY: by the invariant of Request.
        unsafe { (*self.as_ptr()).header_in }
    }

    /// None where the body is chunked.
    pub(in crate::nginx) fn content_length(self) -> Option<usize> {
        if self.is_chunked() {
            return None;
        }
        usize::try_from(self.get().headers_in.content_length_n).ok()
    }

    /// The length of the body: announced, or for a chunked one what has been read of it.
    pub(in crate::nginx) fn body_len(self) -> Option<u64> {
        u64::try_from(self.get().headers_in.content_length_n).ok()
    }

    /// Has nginx write the body to a file, also where it fits into memory.
    pub(in crate::nginx) fn set_in_file_only(self) {
        // SAFETY: the shim changes a field of a valid request.
        unsafe { shim::ngx_http_frappe_set_in_file_only(self.as_ptr()) };
    }

    /// The body is passed on piece by piece.
    pub(in crate::nginx) fn is_unbuffered(self) -> bool {
        // SAFETY: the shim reads a field of a valid request.
        unsafe { shim::ngx_http_frappe_no_buffering(self.as_ptr()) != 0 }
    }

    /// Nobody will read what may still come of the body.
    pub(in crate::nginx) fn skip_rest(self) {
        if self.protocol() == Protocol::Http2 {
            // SAFETY: the shim changes a field of a valid request's stream.
            unsafe { shim::ngx_http_frappe_v2_skip_data(self.as_ptr()) };
        }
    }

    pub(in crate::nginx) fn set_handlers(
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

    /// The client waits for "100 Continue", which nobody has sent; true only once.
    pub(in crate::nginx) fn expects_continue(self) -> bool {
        // SAFETY: null or a header of the request; the shim reads and writes fields of it.
        unsafe {
            let Some(expect) = self.get().headers_in.expect.as_ref() else {
                return false;
            };
            if shim::ngx_http_frappe_expect_tested(self.as_ptr()) != 0
                || self.get().http_version < NGX_HTTP_VERSION_11 as usize
            {
                return false;
            }
            shim::ngx_http_frappe_set_expect_tested(self.as_ptr());
            str_bytes(&expect.value).eq_ignore_ascii_case(b"100-continue")
        }
    }

    /// A timeout or an error, as the status that nginx would end a body's read with.
    pub(in crate::nginx) fn connection_failure(self) -> Option<u32> {
        // SAFETY: by the invariant of Request; a connection has a read event.
        unsafe {
            let c = self.connection();
            if shim::ngx_http_frappe_event_timedout((*c).read) != 0 {
                shim::ngx_http_frappe_set_timedout(c);
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

    pub(in crate::nginx) fn set_connection_error(self) {
        // SAFETY: by the invariant of Request.
        unsafe { shim::ngx_http_frappe_set_error(self.connection()) };
    }
}
