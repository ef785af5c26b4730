//! The variables.
//!
//! They are marked so that nginx caches none of them: a value that was asked for before the body was
//! looked at must not stay. The values lie in the request's context; nginx gets pointers, not copies.

use nginx_sys::{
    NGX_ERROR, NGX_HTTP_VAR_NOCACHEABLE, NGX_HTTP_VAR_PREFIX, NGX_OK, ngx_conf_t,
    ngx_http_add_variable, ngx_http_request_t, ngx_http_variable_t, ngx_http_variable_value_t,
    ngx_int_t, ngx_str_t, ngx_uint_t,
};

use super::derived::{self, Asked};
use super::ffi::guard::guarded;
use super::ffi::memory::str_bytes;
use super::ffi::request::Request;
use super::ffi::values::VariableValue;
use super::pace::pace_of;
use super::read::replay;
use super::request::life::{self, Answer};
use super::request::rules::{LocConf, MainConf};
use crate::body::Names;
use crate::frappe::{self, Status};

/// The prefix of the variables that are named after an argument.
pub(super) const ARG_PREFIX: &[u8] = b"frappe_arg_";
/// The variable with the doctype that a request works on.
pub(super) const DOCTYPE: &[u8] = b"frappe_doctype";
/// The variable with the name of the call, which the figures count by.
pub(super) const CALL: &[u8] = b"frappe_call";

type Getter = unsafe extern "C" fn(
    *mut ngx_http_request_t,
    *mut ngx_http_variable_value_t,
    usize,
) -> ngx_int_t;

static VARIABLES: [(&[u8], Getter, u32); 7] = [
    (b"frappe_cmd", cmd, 0),
    (b"frappe_cmd_source", source, 0),
    (b"frappe_cmd_status", status, 0),
    (DOCTYPE, doctype, 0),
    (CALL, call, 0),
    (b"frappe_pace", pace, 0),
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

/// Whether one of our variables has this name.
pub(super) fn is_name(name: &[u8]) -> bool {
    name.starts_with(ARG_PREFIX) || VARIABLES.iter().any(|(own, _, _)| *own == name)
}

/// Whether the variable is one of ours. Its handler says so: a configuration may define another
/// variable whose name begins with `frappe_arg_`.
pub(super) fn is_own(variable: &ngx_http_variable_t) -> bool {
    variable.get_handler.is_some_and(|handler| {
        VARIABLES
            .iter()
            .any(|(_, getter, _)| core::ptr::fn_addr_eq(handler, *getter))
    })
}

unsafe extern "C" fn cmd(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe {
        answer(r, v, |_, answer| match answer {
            Answer::Known(_, fields) => Some(fields.text(Names::CMD)),
            Answer::Off | Answer::Unread => None,
        })
    }
}

unsafe extern "C" fn source(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe {
        answer(r, v, |_, answer| match answer {
            Answer::Known(outcome, _) => Some(outcome.source.as_str().as_bytes()),
            Answer::Off | Answer::Unread => None,
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
        answer(r, v, |_, answer| match answer {
            Answer::Known(outcome, _) => Some(outcome.status.as_str().as_bytes()),
            Answer::Unread => Some(Status::Unread.as_str().as_bytes()),
            Answer::Off => None,
        })
    }
}

unsafe extern "C" fn doctype(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe {
        answer(r, v, |_, answer| match answer {
            Answer::Known(_, fields) => Some(frappe::call::doctype(fields)),
            Answer::Off | Answer::Unread => None,
        })
    }
}

unsafe extern "C" fn call(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe {
        answer(r, v, |r, answer| match answer {
            Answer::Known(_, fields) => match frappe::call::text(fields) {
                // The context of a page has no room for values.
                b"" => Some(frappe::call::of_page(
                    r.main().method(),
                    LocConf::get(r)?.dialect()?,
                )),
                text => Some(text),
            },
            Answer::Unread => Some(frappe::call::UNREAD),
            Answer::Off => None,
        })
    }
}

unsafe extern "C" fn pace(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe {
        answer(r, v, |r, answer| {
            let is_decided = matches!(answer, Answer::Known(..));
            Some(pace_of(r, is_decided)?.as_str().as_bytes())
        })
    }
}

/// The handler of `$frappe_arg_...`. `data` points to the variable's name, as for all prefix
/// variables.
unsafe extern "C" fn arg(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    unsafe {
        answer(r, v, |r, answer| {
            let Answer::Known(_, fields) = answer else {
                return None;
            };
            let name = (data as *const ngx_str_t).as_ref().map(str_bytes)?;
            let name = name.strip_prefix(ARG_PREFIX)?;
            let index = MainConf::get(r)?.names.find(name)?;
            Some(fields.argument(index))
        })
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
    value: impl FnOnce(Request, Answer<'v>) -> Option<&'v [u8]>,
) -> ngx_int_t {
    // SAFETY: promised by the caller.
    let (Some(r), v) = (unsafe { (Request::new(r), VariableValue::new(v)) }) else {
        return NGX_ERROR as ngx_int_t;
    };
    let text = guarded(r.log(), None, || {
        let answer = life::ask(r, &replay::EARLY);
        let is_settled = !matches!(answer, Answer::Unread) && MainConf::is_past_rewrite(r);
        derived::note(if is_settled {
            Asked::Settled
        } else {
            Asked::Unsettled
        });
        value(r, answer)
    });
    // SAFETY: promised by the caller.
    unsafe { v.set(text.unwrap_or_default()) };
    NGX_OK as ngx_int_t
}
