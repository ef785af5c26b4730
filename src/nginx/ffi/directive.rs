//! A directive while nginx reads it: its words, the place where it stands, and the report of a mistake.
//!
//! nginx keeps the words as long as the configuration, so they are not copied. Reporting a mistake
//! allocates nothing, so it works where there is no memory.

use core::ffi::c_char;
use core::fmt;
use core::ptr;

use nginx_sys::{ngx_conf_t, ngx_palloc, ngx_pool_t, ngx_str_t};

use super::log;
use super::memory::{extend, str_bytes};

/// nginx's NGX_CONF_OK and NGX_CONF_ERROR.
pub(in crate::nginx) const OK: *mut c_char = ptr::null_mut();
pub(in crate::nginx) const ERROR: *mut c_char = ptr::without_provenance_mut(usize::MAX);

/// A mistake in the configuration that has been logged.
#[derive(Clone, Copy, Debug)]
pub(in crate::nginx) struct Told;

/// A directive that is being read.
#[derive(Clone, Copy, Debug)]
pub(in crate::nginx) struct Directive(*mut ngx_conf_t);

impl Directive {
    /// # Safety
    ///
    /// `cf` is what nginx called a directive's handler with. The value is used only while the handler
    /// runs; the words that it gives out live as long as the configuration.
    pub(in crate::nginx) unsafe fn new(cf: *mut ngx_conf_t) -> Self {
        Self(cf)
    }

    /// The `cf` that nginx has called the handler with.
    pub(in crate::nginx) fn conf(self) -> *mut ngx_conf_t {
        self.0
    }

    /// The directive's words, its name first.
    pub(in crate::nginx) fn words(self) -> &'static [ngx_str_t] {
        // SAFETY: by the promise of `new`.
        unsafe { (*(*self.0).args).as_slice() }
    }

    /// A word after the name; empty where there is none.
    pub(in crate::nginx) fn word(self, number: usize) -> &'static [u8] {
        self.words().get(number).map_or(&[], word)
    }

    /// Logs a mistake, with the directive's name, file and line.
    #[cold]
    pub(in crate::nginx) fn refuse(self, message: fmt::Arguments<'_>) -> Told {
        let name = self.word(0).escape_ascii();
        // SAFETY: by the promise of `new`.
        unsafe { log::conf_error(self.0, format_args!("{message} in \"{name}\" directive")) };
        Told
    }

    /// Logs that there is no memory.
    pub(in crate::nginx) fn no_memory(self) -> Told {
        self.refuse(format_args!("no memory"))
    }

    /// The file and line where the directive stands.
    pub(in crate::nginx) fn place(self) -> Place {
        // SAFETY: by the promise of `new`; the file is null for a directive of the command line (`-g`).
        // Its name lies in the configuration's pool.
        unsafe {
            (*self.0).conf_file.as_ref().map_or(Place(None), |file| {
                Place(Some((extend(str_bytes(&file.file.name)), file.line)))
            })
        }
    }
}

/// A word of a directive.
pub(in crate::nginx) fn word(text: &ngx_str_t) -> &'static [u8] {
    // SAFETY: nginx keeps the words as long as the configuration.
    unsafe { extend(str_bytes(text)) }
}

/// A file and a line of it, or the command line.
#[derive(Clone, Copy, Debug)]
pub(in crate::nginx) struct Place(Option<(&'static [u8], usize)>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((file, line)) => write!(f, "{}:{line}", file.escape_ascii()),
            None => f.write_str("command line"),
        }
    }
}

/// A copy of `parts`, joined, in a pool, with a byte 0 behind it. None where there is no memory.
///
/// # Safety
///
/// `pool` is valid, and lives as long as the copy is used.
pub(in crate::nginx) unsafe fn copy(pool: *mut ngx_pool_t, parts: &[&[u8]]) -> Option<ngx_str_t> {
    let len = parts
        .iter()
        .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    // SAFETY: promised by the caller; null is checked, and the block is longer than all parts.
    unsafe {
        let data = ngx_palloc(pool, len.saturating_add(1)).cast::<u8>();
        if data.is_null() {
            return None;
        }
        let mut end = data;
        for part in parts {
            ptr::copy_nonoverlapping(part.as_ptr(), end, part.len());
            end = end.add(part.len());
        }
        end.write(0);
        Some(ngx_str_t { len, data })
    }
}
