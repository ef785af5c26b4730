//! The variables.
//!
//! None may be cached by nginx: a value that was asked for before the body was looked at must
//! not stay. The values lie in the request's context and are handed out as they are.

use nginx_sys::{
    NGX_ERROR, NGX_HTTP_VAR_NOCACHEABLE, NGX_HTTP_VAR_PREFIX, NGX_OK, ngx_conf_t,
    ngx_http_add_variable, ngx_http_request_t, ngx_http_variable_value_t, ngx_int_t, ngx_str_t,
    ngx_uint_t,
};

use super::conf::MainConf;
use super::ctx::{self, Ctx, State};
use super::derived;
use super::guard::guarded;
use super::raw::{self, Request};
use super::shim;
use crate::body::{Fields, Names};
use crate::frappe::Status;

/// The prefix of the variables that are named after an argument.
pub(super) const ARG_PREFIX: &[u8] = b"frappe_arg_";
/// The variable for the argument `doctype`.
pub(super) const DOCTYPE: &[u8] = b"frappe_doctype";

type Getter = unsafe extern "C" fn(
    *mut ngx_http_request_t,
    *mut ngx_http_variable_value_t,
    usize,
) -> ngx_int_t;

const VARIABLES: [(&[u8], Getter, u32); 5] = [
    (b"frappe_cmd", cmd, 0),
    (b"frappe_cmd_source", source, 0),
    (b"frappe_cmd_status", status, 0),
    (DOCTYPE, doctype, 0),
    (ARG_PREFIX, arg, NGX_HTTP_VAR_PREFIX),
];

/// Registers the variables.
pub(super) fn add(cf: *mut ngx_conf_t) -> bool {
    VARIABLES.iter().all(|(name, getter, flags)| {
        let mut name = ngx_str_t {
            len: name.len(),
            data: name.as_ptr().cast_mut(),
        };
        let flags = (flags | NGX_HTTP_VAR_NOCACHEABLE) as ngx_uint_t;
        // SAFETY: called while `cf` is read; nginx copies the name and gives null or a variable.
        match unsafe { ngx_http_add_variable(cf, &raw mut name, flags).as_mut() } {
            Some(variable) => {
                variable.get_handler = Some(*getter);
                true
            }
            None => false,
        }
    })
}

unsafe extern "C" fn cmd(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe { answer(r, v, |_, ctx| Some(fields(ctx)?.text(Names::CMD))) }
}

unsafe extern "C" fn source(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe {
        answer(r, v, |_, ctx| match ctx?.state() {
            State::Decided(outcome) => Some(outcome.source.as_str().as_bytes()),
            State::Reading | State::Failed => None,
        })
    }
}

unsafe extern "C" fn status(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe {
        answer(r, v, |r, ctx| {
            let status = match ctx.map(Ctx::state) {
                Some(State::Decided(outcome)) => outcome.status,
                Some(State::Reading | State::Failed) => Status::Unread,
                None if ctx::is_on(r) => Status::Unread,
                None => return None,
            };
            Some(status.as_str().as_bytes())
        })
    }
}

unsafe extern "C" fn doctype(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe { answer(r, v, |_, ctx| Some(fields(ctx)?.doctype())) }
}

/// `data` is the name of the variable, as for all prefix variables.
unsafe extern "C" fn arg(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe {
        answer(r, v, |r, ctx| {
            let name = (data as *const ngx_str_t).as_ref().map(raw::str_bytes)?;
            let name = name.strip_prefix(ARG_PREFIX)?;
            let index = MainConf::get(r)?.names().find(name)?;
            Some(fields(ctx)?.argument(index))
        })
    }
}

/// The values of a request that is decided.
fn fields(ctx: Option<&Ctx>) -> Option<&Fields<'static>> {
    let ctx = ctx?;
    match ctx.state() {
        State::Decided(_) => Some(ctx.fields()),
        State::Reading | State::Failed => None,
    }
}

/// Writes a value, or "not found" where it is empty.
///
/// # Safety
///
/// `r` and `v` are what nginx called a variable's handler with. The value lives as long as the
/// request.
unsafe fn answer<'v>(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    value: impl FnOnce(Request, Option<&'v Ctx>) -> Option<&'v [u8]>,
) -> ngx_int_t {
    // SAFETY: promised by the caller.
    let Some(request) = (unsafe { Request::new(r) }) else {
        return NGX_ERROR as ngx_int_t;
    };
    let value = guarded(request.log(), None, || {
        let ctx: Option<&Ctx> = ctx::find_or_decide(request).map(|ctx| &*ctx);
        let is_decided = match ctx {
            Some(ctx) => ctx.routes(),
            None => ctx::is_decided(request),
        };
        if !is_decided {
            derived::note_too_early();
        }
        value(request, ctx)
    });
    let value = value.filter(|text| !text.is_empty());
    // SAFETY: `v` is nginx's; nginx does not write to values.
    unsafe {
        match value {
            Some(text) => shim::ngx_http_frappe_set_value(v, text.as_ptr().cast_mut(), text.len()),
            None => shim::ngx_http_frappe_set_not_found(v),
        }
    }
    NGX_OK as ngx_int_t
}
