//! Variables of other modules that are computed from ours: `map`, `split_clients`, …
//!
//! nginx keeps such a value for the whole request. A value that was computed before the body had been
//! looked at, or in a location with other rules, would stay wrong. So [`install`] puts [`get`] in front
//! of each of these variables. [`get`] notes whether the handler asked for one of our variables whose
//! value may still change. If it did, [`get`] marks the result as one that nginx must not keep, like
//! that of a `volatile` map. The log shows the values that routed the request ([`at_log`]).

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

/// Whether one of our variables has been asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    Nothing,
    /// its value stays up to the log phase, unless a location with other rules makes a new life
    Settled,
    /// its value may change
    Unsettled,
}

struct Note(Cell<Asked>);

// SAFETY: only callbacks touch it, and nginx runs those in the process's only thread.
unsafe impl Sync for Note {}

static NOTE: Note = Note(Cell::new(Asked::Nothing));

/// Notes that one of our variables has been asked for.
pub(super) fn note(asked: Asked) {
    NOTE.0.set(NOTE.0.get().max(asked));
}

/// Puts [`get`] in front of the variables that [`may_derive`]. False where there is no memory.
///
/// # Safety
///
/// `cf` is what nginx called a postconfiguration handler with.
pub(super) unsafe fn install(cf: *mut ngx_conf_t) -> bool {
    // SAFETY: promised by the caller: until nginx has read the configuration, it keeps all defined
    // variables by their names, and no other code looks at them meanwhile. The pool lives as long as
    // the variables, and its result is checked.
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

/// The handler and the data that a variable had before [`install`], if it has [`get`] now.
///
/// # Safety
///
/// The variable belongs to a configuration that is still in use.
pub(super) unsafe fn wrapped(variable: &ngx_http_variable_t) -> Option<&'static Wrapped> {
    let handler = variable.get_handler?;
    // SAFETY: `install` has written it. It lives as long as the configuration, which outlives every
    // user of the result.
    ptr::fn_addr_eq(handler, GET)
        .then(|| unsafe { &*ptr::with_exposed_provenance::<Wrapped>(variable.data) })
}

/// Whether a variable may be computed from ours, as those of `map` and `split_clients`.
///
/// nginx's own variables are not: no configuration can define them again, so they are not CHANGEABLE.
/// Those of `set` are WEAK: their value is stored, not computed. nginx keeps no NOCACHEABLE value, so
/// [`get`] has nothing to do. A variable with a `set_handler` is left alone, since nginx would call
/// that handler with our data.
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
    // SAFETY: `data` is what `install` has written, and lives as long as the configuration. The
    // handler gets the arguments that nginx would have given it.
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
