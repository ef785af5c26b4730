//! Lines in the error log. They are formatted on the stack, so one can be logged where there is no memory.

use core::fmt::{self, Write};
use std::io;

use nginx_sys::{
    NGX_LOG_DEBUG, NGX_LOG_DEBUG_HTTP, NGX_LOG_EMERG, NGX_LOG_WARN, ngx_conf_log_error, ngx_conf_t,
    ngx_log_error_core, ngx_log_t, ngx_uint_t,
};

use super::request::Request;

/// Bytes of a line; nginx's own has as many at most (`NGX_MAX_ERROR_STR`).
const LINE: usize = 2048;

/// Writes a line to a log. Our name stands in front, and behind it what nginx adds about the request.
pub(in crate::nginx) fn line(target: *mut ngx_log_t, level: u32, message: impl fmt::Display) {
    if is_wanted(target, level) {
        write(target, level, 0, &message);
    }
}

/// Writes a line with an error of the operating system behind it.
pub(in crate::nginx) fn failure(
    target: *mut ngx_log_t,
    level: u32,
    message: impl fmt::Display,
    error: &io::Error,
) {
    if !is_wanted(target, level) {
        return;
    }
    // nginx has a text for each error number; the standard library would allocate one.
    match error.raw_os_error() {
        Some(number) => write(target, level, number, &message),
        None => write(target, level, 0, &format_args!("{message}: {error}")),
    }
}

fn is_wanted(target: *mut ngx_log_t, level: u32) -> bool {
    // SAFETY: a log is null or valid while a callback runs.
    unsafe { target.as_ref() }.is_some_and(|log| log.log_level >= level as ngx_uint_t)
}

/// Writes a debug line about a request. It costs one comparison where `error_log` asks for no debug
/// lines, and nothing where nginx was built without them.
#[inline(always)]
pub(in crate::nginx) fn debug(r: Request, message: impl fmt::Display) {
    if cfg!(ngx_feature = "debug") && is_debugged(r) {
        write(r.log(), NGX_LOG_DEBUG, 0, &message);
    }
}

fn is_debugged(r: Request) -> bool {
    // SAFETY: a log is null or valid while a callback runs.
    unsafe { r.log().as_ref() }
        .is_some_and(|log| log.log_level & NGX_LOG_DEBUG_HTTP as ngx_uint_t != 0)
}

#[cold]
fn write(target: *mut ngx_log_t, level: u32, number: i32, message: &dyn fmt::Display) {
    let text = Text::new(message);
    let text = text.as_bytes();
    // SAFETY: the callers have checked that the log is valid; `%*s` takes a length and as many bytes.
    unsafe {
        ngx_log_error_core(
            level as ngx_uint_t,
            target,
            number,
            c"frappe: %*s".as_ptr(),
            text.len(),
            text.as_ptr(),
        );
    }
}

/// Logs an error of the configuration, with the file and line that nginx is reading.
///
/// # Safety
///
/// `cf` is what nginx called a configuration handler with.
pub(in crate::nginx) unsafe fn conf_error(cf: *mut ngx_conf_t, message: impl fmt::Display) {
    // SAFETY: promised by the caller.
    unsafe { conf_line(cf, NGX_LOG_EMERG, &message) };
}

/// Logs an error of a directive that nginx has left behind: `place` is its file and line.
pub(in crate::nginx) fn error_at(
    target: *mut ngx_log_t,
    message: impl fmt::Display,
    place: impl fmt::Display,
) {
    line(target, NGX_LOG_EMERG, format_args!("{message} in {place}"));
}

/// Logs a warning of the configuration, with the file and line that nginx is reading.
///
/// # Safety
///
/// `cf` is what nginx called a configuration handler with.
pub(in crate::nginx) unsafe fn conf_warning(cf: *mut ngx_conf_t, message: impl fmt::Display) {
    // SAFETY: promised by the caller.
    unsafe { conf_line(cf, NGX_LOG_WARN, &message) };
}

/// # Safety
///
/// `cf` is what nginx called a configuration handler with.
unsafe fn conf_line(cf: *mut ngx_conf_t, level: u32, message: &dyn fmt::Display) {
    let text = Text::new(message);
    let text = text.as_bytes();
    // SAFETY: promised by the caller; `%*s` takes a length and as many bytes.
    unsafe {
        ngx_conf_log_error(
            level as ngx_uint_t,
            cf,
            0,
            c"%*s".as_ptr(),
            text.len(),
            text.as_ptr(),
        );
    }
}

/// The text of a line, cut where it is too long.
struct Text {
    bytes: [u8; LINE],
    len: usize,
}

impl Text {
    fn new(message: &dyn fmt::Display) -> Self {
        let mut text = Self {
            bytes: [0; LINE],
            len: 0,
        };
        // An error means only that the line is full.
        let _ = write!(text, "{message}");
        text
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let len = text.len().min(room.len());
        for (to, from) in room.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        self.len = self.len.saturating_add(len);
        match len == text.len() {
            true => Ok(()),
            false => Err(fmt::Error),
        }
    }
}
