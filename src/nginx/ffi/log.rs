//! Lines in the error log.

use nginx_sys::{
    NGX_LOG_DEBUG, NGX_LOG_DEBUG_HTTP, NGX_LOG_EMERG, NGX_LOG_WARN, ngx_conf_log_error, ngx_conf_t,
    ngx_log_error_core, ngx_log_t, ngx_uint_t,
};

use super::request::Request;

/// Writes a line to a log, with our name in front and what nginx knows of the request behind.
pub(in crate::nginx) fn line(target: *mut ngx_log_t, level: u32, message: &str) {
    // SAFETY: a log is null or valid while a callback runs.
    let is_wanted =
        unsafe { target.as_ref() }.is_some_and(|log| log.log_level >= level as ngx_uint_t);
    if is_wanted {
        write(target, level, message);
    }
}

/// A debug line about a request, as every nginx module has them. Costs a comparison where debug
/// lines are not wanted, and nothing where nginx was built without them.
#[inline(always)]
pub(in crate::nginx) fn debug(r: Request, message: impl FnOnce() -> String) {
    if cfg!(ngx_feature = "debug") && is_debugged(r) {
        write(r.log(), NGX_LOG_DEBUG, &message());
    }
}

fn is_debugged(r: Request) -> bool {
    // SAFETY: a log is null or valid while a callback runs.
    unsafe { r.log().as_ref() }
        .is_some_and(|log| log.log_level & NGX_LOG_DEBUG_HTTP as ngx_uint_t != 0)
}

#[cold]
fn write(target: *mut ngx_log_t, level: u32, message: &str) {
    // SAFETY: the callers have looked at the log; `%*s` takes a length and as many bytes.
    unsafe {
        ngx_log_error_core(
            level as ngx_uint_t,
            target,
            0,
            c"frappe: %*s".as_ptr(),
            message.len(),
            message.as_ptr(),
        );
    }
}

/// An error of the configuration, with file and line.
///
/// # Safety
///
/// `cf` is what nginx called a configuration handler with.
pub(in crate::nginx) unsafe fn conf_error(cf: *mut ngx_conf_t, message: &str) {
    // SAFETY: promised by the caller.
    unsafe { conf_line(cf, NGX_LOG_EMERG, message) };
}

/// An error of the configuration where nginx has read on: `place` is the file and the line.
pub(in crate::nginx) fn error_at(target: *mut ngx_log_t, message: &str, place: &str) {
    line(target, NGX_LOG_EMERG, &format!("{message} in {place}"));
}

/// A warning of the configuration, with file and line.
///
/// # Safety
///
/// `cf` is what nginx called a configuration handler with.
pub(in crate::nginx) unsafe fn conf_warning(cf: *mut ngx_conf_t, message: &str) {
    // SAFETY: promised by the caller.
    unsafe { conf_line(cf, NGX_LOG_WARN, message) };
}

/// # Safety
///
/// `cf` is what nginx called a configuration handler with.
unsafe fn conf_line(cf: *mut ngx_conf_t, level: u32, message: &str) {
    // SAFETY: promised by the caller; `%*s` takes a length and as many bytes.
    unsafe {
        ngx_conf_log_error(
            level as ngx_uint_t,
            cf,
            0,
            c"%*s".as_ptr(),
            message.len(),
            message.as_ptr(),
        );
    }
}
