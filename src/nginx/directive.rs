//! Directives: their values, and how locations inherit them.

use core::ffi::{c_char, c_void};
use core::ptr;

use nginx_sys::{NGX_HTTP_LIF_CONF, ngx_command_t, ngx_conf_t, ngx_pcalloc, ngx_str_t, ngx_uint_t};

use super::ffi::directive::{ERROR, OK};
use super::ffi::memory::{keep, str_bytes};
use super::ffi::{self, log};
use super::request::rules::{BodyMode, LocConf, MainConf, Phase};
use crate::frappe::dialect;

/// Bytes that `frappe_body preread` looks at, and the bounds of `SIZE`.
const PREREAD: usize = 16 * 1024;
const PREREAD_MIN: usize = 1024;
const PREREAD_MAX: usize = 1024 * 1024;

/// Our configuration of http{}, while it is read.
///
/// # Safety
///
/// `cf` is what nginx called a configuration handler with.
pub(super) unsafe fn main_conf<'c>(cf: *mut ngx_conf_t) -> Option<&'c mut MainConf> {
    // SAFETY: promised by the caller; null or what `create_main_conf` made, and no other code looks at
    // it while nginx reads the configuration.
    unsafe { ffi::conf::main_conf(cf).cast::<MainConf>().as_mut() }
}

pub(super) unsafe extern "C" fn create_main_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: nginx's pool for the configuration.
    let conf = unsafe { keep((*cf).pool, MainConf::default()) };
    conf.map_or(ptr::null_mut(), |conf| ptr::from_mut(conf).cast())
}

pub(super) unsafe extern "C" fn create_loc_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: as above; a null result is checked, and a LocConf needs no drop.
    unsafe {
        let conf = ngx_pcalloc((*cf).pool, size_of::<LocConf>()).cast::<LocConf>();
        if !conf.is_null() {
            conf.write(LocConf::default());
        }
        conf.cast()
    }
}

pub(super) unsafe extern "C" fn merge_loc_conf(
    _cf: *mut ngx_conf_t,
    outer: *mut c_void,
    inner: *mut c_void,
) -> *mut c_char {
    // SAFETY: nginx passes what `create_loc_conf` made for two different levels.
    if let (Some(outer), Some(inner)) = unsafe {
        (
            outer.cast::<LocConf>().as_ref(),
            inner.cast::<LocConf>().as_mut(),
        )
    } {
        inner.merge(outer);
    }
    OK
}

/// `frappe_cmd on | off`
pub(super) unsafe extern "C" fn set_cmd(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    // nginx's `on` and `off` ignore case, and so do ours.
    let parse = |value: &[u8]| match value {
        value if value.eq_ignore_ascii_case(b"on") => Some(true),
        value if value.eq_ignore_ascii_case(b"off") => Some(false),
        _ => None,
    };
    // SAFETY: as nginx calls it; `conf` is a LocConf, by the offset in the command table.
    unsafe {
        let rc = set(cf, command, conf, "\"on\" or \"off\"", parse, |conf| {
            &mut conf.cmd
        });
        if let Some(main) = main_conf(cf)
            && conf.cast::<LocConf>().as_ref().is_some_and(LocConf::is_on)
        {
            main.is_enabled = true;
            main.is_enabled_in_if |= (*cf).cmd_type == NGX_HTTP_LIF_CONF as ngx_uint_t;
        }
        rc
    }
}

/// `frappe_body whole | preread[=SIZE] | off`
pub(super) unsafe extern "C" fn set_body(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    let parse = |value: &[u8]| match value {
        b"whole" => Some(BodyMode::Whole),
        b"preread" => Some(BodyMode::Preread(PREREAD)),
        b"off" => Some(BodyMode::Off),
        _ => size(value.strip_prefix(b"preread=")?).map(BodyMode::Preread),
    };
    // SAFETY: as nginx calls it; `conf` is a LocConf, by the offset in the command table.
    unsafe { set(cf, command, conf, BODY_MODES, parse, |conf| &mut conf.body) }
}

/// `frappe_phase rewrite | precontent`
pub(super) unsafe extern "C" fn set_phase(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    let parse = |value: &[u8]| match value {
        b"rewrite" => Some(Phase::Rewrite),
        b"precontent" => Some(Phase::Precontent),
        _ => None,
    };
    // SAFETY: as nginx calls it; `conf` is a LocConf, by the offset in the command table.
    unsafe {
        let allowed = "\"rewrite\" or \"precontent\"";
        let rc = set(cf, command, conf, allowed, parse, |conf| &mut conf.phase);
        if let (Some(main), Some(conf)) = (main_conf(cf), conf.cast::<LocConf>().as_ref()) {
            main.in_precontent |= conf.phase == Some(Phase::Precontent);
        }
        rc
    }
}

/// `frappe_version MAJOR[.MINOR[.PATCH]]`
pub(super) unsafe extern "C" fn set_version(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: as nginx calls it; `conf` is a LocConf, by the offset in the command table.
    unsafe {
        set(
            cf,
            command,
            conf,
            dialect::VERSIONS,
            dialect::find,
            |conf| &mut conf.dialect,
        )
    }
}

const BODY_MODES: &str = "\"whole\", \"preread\", \"preread=SIZE\" with 1k to 1m, or \"off\"";

/// A size as nginx writes it: `4096`, `16k`, `1m`.
fn size(text: &[u8]) -> Option<usize> {
    let (digits, unit) = match text.split_last()? {
        (b'k' | b'K', digits) => (digits, 1024),
        (b'm' | b'M', digits) => (digits, 1024 * 1024),
        _ => (text, 1),
    };
    let digits = core::str::from_utf8(digits).ok()?;
    let size = digits.parse::<usize>().ok()?.checked_mul(unit)?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_plain && (PREREAD_MIN..=PREREAD_MAX).contains(&size)).then_some(size)
}

/// Sets one value of a location, once.
///
/// # Safety
///
/// The arguments are those of a directive's handler, and `conf` points to a LocConf.
unsafe fn set<T>(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    conf: *mut c_void,
    allowed: &str,
    parse: impl FnOnce(&[u8]) -> Option<T>,
    place: impl FnOnce(&mut LocConf) -> &mut Option<T>,
) -> *mut c_char {
    // SAFETY: promised by the caller; nginx has checked the number of arguments.
    let (args, name, conf) = unsafe {
        let args = (*(*cf).args).as_slice::<ngx_str_t>();
        (
            args,
            str_bytes(&(*command).name),
            conf.cast::<LocConf>().as_mut(),
        )
    };
    let (Some(value), Some(conf)) = (args.get(1).map(str_bytes), conf) else {
        return ERROR;
    };
    let place = place(conf);
    if place.is_some() {
        return c"is duplicate".as_ptr().cast_mut();
    }
    *place = parse(value);
    if place.is_some() {
        return OK;
    }
    let (value, name) = (value.escape_ascii(), name.escape_ascii());
    let message =
        format_args!("invalid value \"{value}\" in \"{name}\" directive, it must be {allowed}");
    // SAFETY: as promised by the caller.
    unsafe { log::conf_error(cf, message) };
    ERROR
}
