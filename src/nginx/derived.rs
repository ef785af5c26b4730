//! Variables of other modules that are computed from ours: `map`, `split_clients`, …
//!
//! nginx keeps such a value for the whole request. One that was computed before the body had been
//! looked at would stay wrong, as when a `set` of the server has asked for a `map`. So each of
//! these variables is asked through [`get`], which notes whether ours were asked on the way, too
//! early: then its value is marked as one that nginx must not keep, like those of a `volatile`
//! map, but this once. After a look at the first bytes that lasts until the body is read, since a
//! rewrite may lead to where the whole of it is to decide; from then on what has routed stays.

use core::cell::Cell;
use core::ptr;

use nginx_sys::{
    NGX_HTTP_VAR_CHANGEABLE, NGX_HTTP_VAR_NOCACHEABLE, NGX_HTTP_VAR_WEAK, NGX_OK, ngx_conf_t,
    ngx_hash_key_t, ngx_http_get_variable_pt, ngx_http_request_t, ngx_http_variable_t,
    ngx_http_variable_value_t, ngx_int_t, ngx_palloc, ngx_uint_t,
};

use super::raw::Request;
use super::shim;

/// How a variable was asked before us.
#[derive(Clone, Copy)]
struct Asked {
    handler: ngx_http_get_variable_pt,
    data: usize,
}

/// One of our variables was asked before its request was decided.
struct TooEarly(Cell<bool>);

// SAFETY: only callbacks touch it, and nginx runs those in the process's only thread.
unsafe impl Sync for TooEarly {}

static TOO_EARLY: TooEarly = TooEarly(Cell::new(false));

/// What our variables say when they are asked too early.
pub(super) fn note_too_early() {
    TOO_EARLY.0.set(true);
}

/// Puts [`get`] in front of the variables that a configuration may define and nginx may keep.
/// False where there is no memory.
///
/// # Safety
///
/// `cf` is what nginx called a postconfiguration handler with.
pub(super) unsafe fn install(cf: *mut ngx_conf_t) -> bool {
    // SAFETY: until the configuration is read nginx keeps all defined variables in this array, by
    // their names; nobody else looks at it meanwhile. The pool lives as long as the variables, and
    // a result of it is checked.
    unsafe {
        let keys = shim::ngx_http_frappe_conf_variable_keys(cf);
        for key in (*keys).as_slice::<ngx_hash_key_t>() {
            let Some(variable) = key.value.cast::<ngx_http_variable_t>().as_mut() else {
                continue;
            };
            if !is_derived(variable) {
                continue;
            }
            let asked = ngx_palloc((*cf).pool, size_of::<Asked>()).cast::<Asked>();
            if asked.is_null() {
                return false;
            }
            asked.write(Asked {
                handler: variable.get_handler,
                data: variable.data,
            });
            variable.get_handler = Some(get);
            variable.data = asked.expose_provenance();
        }
    }
    true
}

/// What the request has been routed by stays, whatever the rest of its body says.
pub(super) fn keep(r: Request) {
    // SAFETY: a valid request, with a value for each variable.
    unsafe { shim::ngx_http_frappe_keep_values(r.as_ptr(), Some(get)) };
}

/// nginx's own variables cannot be defined again; those of `set` are weak, and are no function
/// of anything.
fn is_derived(variable: &ngx_http_variable_t) -> bool {
    const KINDS: ngx_uint_t =
        (NGX_HTTP_VAR_CHANGEABLE | NGX_HTTP_VAR_NOCACHEABLE | NGX_HTTP_VAR_WEAK) as ngx_uint_t;
    variable.get_handler.is_some() && variable.flags & KINDS == NGX_HTTP_VAR_CHANGEABLE as usize
}

unsafe extern "C" fn get(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    let before = TOO_EARLY.0.replace(false);
    // SAFETY: `data` is what `install` has written, for as long as the configuration; the handler
    // gets what nginx would have called it with.
    let rc = unsafe {
        let Asked { handler, data } = *ptr::with_exposed_provenance::<Asked>(data);
        match handler {
            Some(handler) => handler(r, v, data),
            None => nginx_sys::NGX_ERROR as ngx_int_t,
        }
    };
    let too_early = TOO_EARLY.0.get();
    if too_early && rc == NGX_OK as ngx_int_t {
        // SAFETY: nginx's place for the value.
        unsafe { shim::ngx_http_frappe_ask_again(v) };
    }
    TOO_EARLY.0.set(before || too_early);
    rc
}
