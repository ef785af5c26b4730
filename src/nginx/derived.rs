//! Variables of other modules that are computed from ours: `map`, `split_clients`, …
//!
//! nginx keeps such a value for the whole request, so one that was computed before the body had been
//! looked at, or in a place with other rules, would stay wrong. Each of these variables is asked
//! through [`get`], which notes whether ours were asked on the way and may still change. If so, the
//! value is handed out as one that nginx must not keep, like that of a `volatile` map. What the log
//! shows is what has routed ([`at_log`]).

use core::cell::Cell;
use core::ptr;

use nginx_sys::{
    NGX_HTTP_VAR_CHANGEABLE, NGX_HTTP_VAR_NOCACHEABLE, NGX_HTTP_VAR_WEAK, NGX_OK, ngx_conf_t,
    ngx_http_request_t, ngx_http_variable_t, ngx_http_variable_value_t, ngx_int_t, ngx_palloc,
    ngx_uint_t,
};

use super::ffi::conf;
use super::ffi::values::VariableValue;
use super::request::life::at_log;
use super::request::rules::Wrapped;

/// What of our variables has been asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    Nothing,
    /// what stays up to the log phase, unless a place with other rules makes a new life
    Settled,
    /// what will change
    Unsettled,
}

struct Note(Cell<Asked>);

// SAFETY: only callbacks touch it, and nginx runs those in the process's only thread.
unsafe impl Sync for Note {}

static NOTE: Note = Note(Cell::new(Asked::Nothing));

/// One of our variables has been asked.
pub(super) fn note(asked: Asked) {
    NOTE.0.set(NOTE.0.get().max(asked));
}

/// Puts [`get`] in front of the variables that a configuration may define and nginx may keep.
/// False where there is no memory.
///
/// # Safety
///
/// `cf` is what nginx called a postconfiguration handler with.
pub(super) unsafe fn install(cf: *mut ngx_conf_t) -> bool {
    // SAFETY: promised by the caller: until the configuration is read nginx keeps all defined
    // variables by their names; nobody else looks at them meanwhile. The pool lives as long as the
    // variables, and a result of it is checked.
    unsafe {
        for key in conf::defined_variables(conf::core(cf)) {
            let Some(variable) = key.value.cast::<ngx_http_variable_t>().as_mut() else {
                continue;
            };
            if !may_derive(variable) {
                continue;
            }
            let wrapped = ngx_palloc((*cf).pool, size_of::<Wrapped>()).cast::<Wrapped>();
            if wrapped.is_null() {
                return false;
            }
            wrapped.write(Wrapped {
                handler: variable.get_handler,
                data: variable.data,
                asks_ours: Cell::new(false),
            });
            variable.get_handler = Some(GET);
            variable.data = wrapped.expose_provenance();
        }
    }
    true
}

/// How a variable was asked before, if it is asked through [`get`] now.
///
/// # Safety
///
/// The variable is one of a configuration that lives.
pub(super) unsafe fn wrapped(variable: &ngx_http_variable_t) -> Option<&'static Wrapped> {
    let handler = variable.get_handler?;
    // SAFETY: `install` has written it, for as long as the configuration, and that outlives all
    // that looks at it.
    ptr::fn_addr_eq(handler, GET)
        .then(|| unsafe { &*ptr::with_exposed_provenance::<Wrapped>(variable.data) })
}

/// nginx's own variables cannot be defined again; those of `set` are weak, and no function of
/// anything; what can be set would be called with our data.
fn may_derive(variable: &ngx_http_variable_t) -> bool {
    const KINDS: ngx_uint_t =
        (NGX_HTTP_VAR_CHANGEABLE | NGX_HTTP_VAR_NOCACHEABLE | NGX_HTTP_VAR_WEAK) as ngx_uint_t;
    variable.get_handler.is_some()
        && variable.set_handler.is_none()
        && variable.flags & KINDS == NGX_HTTP_VAR_CHANGEABLE as ngx_uint_t
}

static GET: unsafe extern "C" fn(
    *mut ngx_http_request_t,
    *mut ngx_http_variable_value_t,
    usize,
) -> ngx_int_t = get;

unsafe extern "C" fn get(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    let before = NOTE.0.replace(Asked::Nothing);
    // SAFETY: `data` is what `install` has written, for as long as the configuration; the handler
    // gets what nginx would have called it with.
    let (rc, wrapped, value) = unsafe {
        let wrapped = &*ptr::with_exposed_provenance::<Wrapped>(data);
        let rc = match wrapped.handler {
            Some(handler) => handler(r, v, wrapped.data),
            None => nginx_sys::NGX_ERROR as ngx_int_t,
        };
        (rc, wrapped, VariableValue::new(v))
    };
    let asked = NOTE.0.get();
    if asked != Asked::Nothing {
        wrapped.asks_ours.set(true);
    }
    if asked == Asked::Unsettled && rc == NGX_OK as ngx_int_t && !at_log::is_settling() {
        value.set_no_cacheable();
    }
    NOTE.0.set(before.max(asked));
    rc
}
