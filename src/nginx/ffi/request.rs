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

/// The protocol by which a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nginx) enum Protocol {
    /// HTTP/1.1 and older
    Http1,
    Http2,
    Http3,
}

/// A request, for the time of one callback.
///
/// INVARIANT: the pointer is what nginx handed to that callback. The request and what it points to
/// (connection, pool, header memory) are valid until the callback returns or finalizes the request.
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
        // SAFETY: by the invariant; this crate makes no `&mut` to a request, nginx's code does not run
        // while this borrow lives, and worker processes have one thread.
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

    /// The method's name as the client sent it. It is read from the request line, since `error_page`
    /// and X-Accel-Redirect change `r->method_name` to GET.
    #[inline]
    pub(in crate::nginx) fn method(&self) -> &[u8] {
        let line = str_bytes(&self.get().request_line);
        match line {
            // Most requests with a body are POSTs, so this is compared first.
            [b'P', b'O', b'S', b'T', b' ', ..] => b"POST",
            _ => match line.iter().position(|byte| *byte == b' ') {
                Some(end) => line.get(..end).unwrap_or_default(),
                None => str_bytes(&self.get().method_name),
            },
        }
    }

    /// The method as nginx's bit: NGX_HTTP_PUT and the like.
    pub(in crate::nginx) fn method_bit(self) -> usize {
        self.get().method
    }

    /// Whether the location has its own content handler, which runs instead of those of the content
    /// phase.
    pub(in crate::nginx) fn has_content_handler(self) -> bool {
        self.get().content_handler.is_some()
    }

    /// The path and the query as the client sent them.
    pub(in crate::nginx) fn target(&self) -> &[u8] {
        str_bytes(&self.get().unparsed_uri)
    }

    /// Calls `see` with each request header, in the order in which nginx passes them on. Headers that
    /// nginx has dropped are left out.
    pub(in crate::nginx) fn for_each_header<'s>(
        &'s self,
        mut see: impl FnMut(&'s ngx_str_t, &'s ngx_str_t),
    ) {
        let mut part = Some(&self.get().headers_in.headers.part);
        while let Some(current) = part {
            let elements = current.elts.cast::<ngx_table_elt_t>();
            // SAFETY: a part of the list holds `nelts` headers. The list lives as long as the request,
            // and nginx does not change it while a callback of ours runs.
            for header in unsafe { slice_of(elements, current.nelts) } {
                if header.hash != 0 {
                    see(&header.key, &header.value);
                }
            }
            // SAFETY: nginx keeps `next` null or valid, for as long as the request.
            part = unsafe { current.next.as_ref() };
        }
    }

    /// Whether the client has announced a body, also where it is gone. The header is read as well, since
    /// nginx sets `content_length_n` to 0 when it discards a body.
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

    /// Whether there is a body that nginx has read or can still read, and has not discarded.
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

    /// Whether nginx may have cleared the contexts. It does so at internal redirects, which set
    /// `internal`; a `rewrite` sets that too, but clears no contexts.
    pub(in crate::nginx) fn is_internal(self) -> bool {
        // SAFETY: the shim reads fields of a valid request.
        unsafe { shim::ngx_http_frappe_is_internal(self.as_ptr()) != 0 }
    }

    /// The index of the current handler in nginx's list of phase handlers.
    pub(in crate::nginx) fn phase_handler(self) -> isize {
        self.get().phase_handler
    }

    /// Whether the phases of a location have not begun, so that our phase handler may still run.
    pub(in crate::nginx) fn is_before_location(self) -> bool {
        let begins = self.core_main_conf().phase_engine.location_rewrite_index;
        usize::try_from(self.phase_handler()).is_ok_and(|handler| handler < begins)
    }

    /// The body, where nginx or a module has begun to read it.
    pub(in crate::nginx) fn body(&self) -> Option<&ngx_http_request_body_t> {
        // SAFETY: null or valid as long as the request; nginx's code does not run meanwhile.
        unsafe { self.get().request_body.as_ref() }
    }

    /// The whole body, where it has come with the header, as most short ones do over HTTP/1.1, and its
    /// read has not begun. The bytes stay in nginx's buffer for that read.
    #[inline]
    pub(in crate::nginx) fn arrived_body<'b>(self) -> Option<&'b [u8]> {
        let len = self.content_length()?;
        if self.protocol() != Protocol::Http1 {
            return None;
        }
        // SAFETY: nginx's buffer of the header, which does not change before the body is read. The
        // caller does not keep the bytes until then.
        unsafe { self.header_in().as_ref() }
            .map(super::memory::buf_memory)?
            .get(..len)
            .map(|body| {
                // SAFETY: as above: the buffer lives longer than the borrow of this value.
                unsafe { super::memory::extend(body) }
            })
    }

    /// Our context, null where there is none.
    pub(in crate::nginx) fn ctx(self) -> *mut c_void {
        // SAFETY: the request's array of contexts has an element for every module.
        unsafe { *self.get().ctx.add(index()) }
    }

    pub(in crate::nginx) fn set_ctx(self, ctx: *mut c_void) {
        // SAFETY: as for `ctx`; no other module writes to our element.
        unsafe { *self.get().ctx.add(index()) = ctx };
    }

    /// Our configuration for the location that the request is in now.
    pub(in crate::nginx) fn loc_conf<T>(self) -> *const T {
        // SAFETY: a request always has the configuration arrays of a server, with an element for
        // every module.
        unsafe { *self.get().loc_conf.add(index()) }.cast()
    }

    pub(in crate::nginx) fn main_conf<T>(self) -> *const T {
        // SAFETY: as for `loc_conf`.
        unsafe { *self.get().main_conf.add(index()) }.cast()
    }

    /// The configuration of another module for the location, by that module's index.
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
        // SAFETY: nginx writes the module's index only while it reads the configuration.
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

    /// The body's length in bytes. None where the body is chunked, or has no length.
    pub(in crate::nginx) fn content_length(self) -> Option<usize> {
        if self.is_chunked() {
            return None;
        }
        usize::try_from(self.get().headers_in.content_length_n).ok()
    }

    /// The length of the body as announced; of a chunked one the bytes that nginx has read of it.
    pub(in crate::nginx) fn body_len(self) -> Option<u64> {
        u64::try_from(self.get().headers_in.content_length_n).ok()
    }

    /// Makes nginx write the body to a file, also where it fits into memory.
    pub(in crate::nginx) fn set_in_file_only(self) {
        // SAFETY: the shim changes a field of a valid request.
        unsafe { shim::ngx_http_frappe_set_in_file_only(self.as_ptr()) };
    }

    /// Whether nginx passes the body on as it arrives (`proxy_request_buffering off`).
    pub(in crate::nginx) fn is_unbuffered(self) -> bool {
        // SAFETY: the shim reads a field of a valid request.
        unsafe { shim::ngx_http_frappe_no_buffering(self.as_ptr()) != 0 }
    }

    /// Makes nginx drop the rest of an HTTP/2 body, which no module will read.
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

    /// Whether the client waits for "100 Continue", which nginx has not sent. True only once: like
    /// nginx, this marks the header as handled.
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

    /// After a timeout or an error of the connection: the status with which nginx would end the read of
    /// a body.
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
