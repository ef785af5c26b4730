//! Makes nginx forget stale values of our variables, and of those that other modules compute from them.
//!
//! nginx keeps the value of each variable. A value may be stale: it was asked for before the body was
//! known, or in a location with other rules, or a streamed body has ended since. [`forget_derived`]
//! makes nginx ask again when the rules change, and [`ensure`] before the log phase, since the log
//! module takes values without a flush. nginx runs the cleanups of a request right before it logs it;
//! ours is registered only where something may be stale.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;

use nginx_sys::{ngx_http_cleanup_add, ngx_http_request_t};

use super::find;
use crate::nginx::ffi::guard::guarded;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::values::{self, VariableValue};
use crate::nginx::request::rules::MainConf;

/// Whether [`settle`] is running: `map` and the like compute their last values, which nginx may keep.
struct Settling(Cell<bool>);

// SAFETY: only callbacks touch it, and nginx runs those in the process's only thread.
unsafe impl Sync for Settling {}

static SETTLING: Settling = Settling(Cell::new(false));

/// Whether nginx may keep what other modules compute now from our variables.
pub(in crate::nginx) fn is_settling() -> bool {
    SETTLING.0.get()
}

/// Makes nginx ask again for what other modules have computed from our variables, since the rules have
/// changed.
#[cold]
pub(in crate::nginx) fn forget_derived(r: Request) {
    each_derived(r, |value, _| value.forget());
}

/// Registers [`on_log`], which nginx then calls before it logs the request.
#[cold]
pub(in crate::nginx) fn ensure(r: Request) {
    let r = r.main().as_ptr();
    // SAFETY: a valid request, whose cleanups are null or valid; a null result is checked.
    unsafe {
        let mut cleanup = (*r).cleanup.as_ref();
        while let Some(current) = cleanup {
            if current
                .handler
                .is_some_and(|handler| ptr::fn_addr_eq(handler, ON_LOG))
            {
                return;
            }
            cleanup = current.next.as_ref();
        }
        if let Some(new) = ngx_http_cleanup_add(r, 0).as_mut() {
            new.data = r.cast();
            new.handler = Some(ON_LOG);
        }
    }
}

static ON_LOG: unsafe extern "C" fn(*mut c_void) = on_log;

unsafe extern "C" fn on_log(data: *mut c_void) {
    // SAFETY: `ensure` wrote the main request, whose cleanups nginx runs before it is freed.
    if let Some(r) = unsafe { Request::new(data.cast::<ngx_http_request_t>()) } {
        guarded(r.log(), (), || settle(r));
        SETTLING.0.set(false);
    }
}

fn settle(r: Request) {
    let Some(conf) = MainConf::get(r) else {
        return;
    };
    // The log must show what routed the request, so the `map`s are computed before our variables
    // change to what the whole body says.
    SETTLING.0.set(true);
    each_derived(r, |value, index| {
        if value.is_no_cacheable() {
            value.forget();
            values::ask(r, index);
        }
    });
    SETTLING.0.set(false);
    if let Some(ctx) = find(r) {
        ctx.is_logged = true;
    }
    for index in &conf.own {
        if let Some(value) = VariableValue::indexed(r, *index) {
            value.forget();
        }
    }
}

fn each_derived(r: Request, see: impl Fn(VariableValue, usize)) {
    let Some(conf) = MainConf::get(r) else {
        return;
    };
    for derived in conf
        .derived
        .iter()
        .filter(|derived| derived.wrapped.asks_ours.get())
    {
        if let Some(value) = VariableValue::indexed(r, derived.index) {
            see(value, derived.index);
        }
    }
}
