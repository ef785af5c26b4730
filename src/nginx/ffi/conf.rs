//! The structures of a configuration that nginx hands to its handlers.

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

use nginx_sys::{
    ngx_array_push, ngx_array_t, ngx_conf_t, ngx_cycle_t, ngx_hash_key_t, ngx_http_conf_ctx_t,
    ngx_http_core_main_conf_t, ngx_http_core_module, ngx_http_handler_pt, ngx_http_module,
    ngx_http_phases, ngx_http_variable_t,
};

use super::memory::slice_of;

/// Our module's index in nginx's arrays of contexts and configurations, for
/// ngx_http_get_module_ctx, _loc_conf and _main_conf. nginx gives the same index in each cycle of a
/// process.
static INDEX: AtomicUsize = AtomicUsize::new(0);

/// Stores our module's index. It must be called before the first look-up.
pub(in crate::nginx) fn set_index(index: usize) {
    INDEX.store(index, Ordering::Relaxed);
}

pub(in crate::nginx) fn index() -> usize {
    INDEX.load(Ordering::Relaxed)
}

/// Our configuration of http{}, null where there is none.
///
/// # Safety
///
/// `cf` is what nginx called a configuration handler of the http module with.
pub(in crate::nginx) unsafe fn main_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: within http{} the context is of this type, with an element for every module.
    unsafe {
        *(*(*cf).ctx.cast::<ngx_http_conf_ctx_t>())
            .main_conf
            .add(index())
    }
}

/// Our configuration of http{} in a cycle whose configuration has been read; null where it has no
/// http{}.
///
/// # Safety
///
/// `cycle` is what nginx called a module's handler with.
pub(in crate::nginx) unsafe fn cycle_main_conf(cycle: *mut ngx_cycle_t) -> *mut c_void {
    // SAFETY: promised by the caller; `http` gives a context with an element for every module.
    unsafe { http(cycle).map_or(core::ptr::null_mut(), |http| *http.main_conf.add(index())) }
}

/// nginx's own configuration of http{}.
///
/// # Safety
///
/// `cf` is what nginx called a configuration handler of the http module with, and no other code looks
/// at that configuration while the result is in use.
pub(in crate::nginx) unsafe fn core<'c>(cf: *mut ngx_conf_t) -> &'c mut ngx_http_core_main_conf_t {
    // SAFETY: promised by the caller; the core module has a configuration.
    unsafe {
        let http = &*(*cf).ctx.cast::<ngx_http_conf_ctx_t>();
        core_of(http)
    }
}

/// The same of a cycle whose configuration has been read. None where it has no http{}.
///
/// # Safety
///
/// As for [`cycle_main_conf`] and [`core`].
pub(in crate::nginx) unsafe fn cycle_core<'c>(
    cycle: *mut ngx_cycle_t,
) -> Option<&'c mut ngx_http_core_main_conf_t> {
    // SAFETY: promised by the caller.
    unsafe { http(cycle).map(|http| core_of(http)) }
}

/// The variables that the configuration mentions, as nginx indexes them.
pub(in crate::nginx) fn variables(core: &ngx_http_core_main_conf_t) -> &[ngx_http_variable_t] {
    // SAFETY: the array has elements of this type, and lives as long as the configuration.
    unsafe { elements(&core.variables) }
}

/// All variables that are defined, by their names, while the configuration is read.
pub(in crate::nginx) fn defined_variables(core: &ngx_http_core_main_conf_t) -> &[ngx_hash_key_t] {
    // SAFETY: null, or a list whose elements have this type, until nginx has read the configuration.
    unsafe {
        core.variables_keys
            .as_ref()
            .map_or(&[], |keys| elements(&keys.keys))
    }
}

/// Registers a handler of a phase. False where there is no memory.
pub(in crate::nginx) fn push_handler(
    core: &mut ngx_http_core_main_conf_t,
    phase: ngx_http_phases,
    handler: ngx_http_handler_pt,
) -> bool {
    let Some(phase) = core.phases.get_mut(phase as usize) else {
        return false;
    };
    // SAFETY: nginx's array of handlers; a null result is checked.
    unsafe {
        let place = ngx_array_push(&raw mut phase.handlers).cast::<ngx_http_handler_pt>();
        if place.is_null() {
            return false;
        }
        place.write(handler);
    }
    true
}

/// # Safety
///
/// As for [`cycle_main_conf`].
unsafe fn http<'c>(cycle: *mut ngx_cycle_t) -> Option<&'c ngx_http_conf_ctx_t> {
    // SAFETY: promised by the caller.
    unsafe {
        (*(*cycle).conf_ctx.add(ngx_http_module.index))
            .cast::<ngx_http_conf_ctx_t>()
            .as_ref()
    }
}

/// # Safety
///
/// As for [`core`].
unsafe fn core_of<'c>(http: &ngx_http_conf_ctx_t) -> &'c mut ngx_http_core_main_conf_t {
    // SAFETY: promised by the caller.
    unsafe {
        &mut *(*http.main_conf.add(ngx_http_core_module.ctx_index))
            .cast::<ngx_http_core_main_conf_t>()
    }
}

/// # Safety
///
/// The array's elements are of type `T`.
unsafe fn elements<T>(array: &ngx_array_t) -> &[T] {
    // SAFETY: promised by the caller.
    unsafe { slice_of(array.elts.cast::<T>(), array.nelts) }
}
