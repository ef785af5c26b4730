//! Directives: their values, and how locations inherit them.

use core::ffi::{c_char, c_void};
use core::ptr;

use nginx_sys::{
    NGX_HTTP_LIF_CONF, NGX_LOG_EMERG, ngx_command_t, ngx_conf_log_error, ngx_conf_t, ngx_pcalloc,
    ngx_pool_cleanup_add, ngx_str_t, ngx_uint_t,
};

use super::dav::Dav;
use super::module;
use super::raw::{self, Request};
use crate::body::Names;
use crate::frappe::Dialect;
use crate::frappe::dialect;

/// nginx's NGX_CONF_OK and NGX_CONF_ERROR.
const OK: *mut c_char = ptr::null_mut();
const ERROR: *mut c_char = ptr::without_provenance_mut(usize::MAX);

/// `frappe_body`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum BodyMode {
    #[default]
    Whole,
    /// the first so many bytes
    Preread(usize),
    Off,
}

/// Bytes that `frappe_body preread` looks at.
const PREREAD: usize = 16 * 1024;
const PREREAD_MIN: usize = 1024;
const PREREAD_MAX: usize = 1024 * 1024;

/// What holds for the whole configuration.
#[derive(Debug, Default)]
pub(super) struct MainConf {
    names: Names,
    /// nginx's indexes of our variables
    variables: Vec<usize>,
    /// some location has `frappe_cmd on`
    enabled: bool,
    /// and some `if`, which is chosen late
    enabled_in_if: bool,
    dav: Option<Dav>,
}

impl MainConf {
    pub(super) fn get(r: Request) -> Option<&'static Self> {
        // SAFETY: null or what `create_main_conf` made, which lives as long as the
        // configuration, and that outlives its requests; after start nobody writes to it.
        unsafe { r.main_conf::<Self>().as_ref() }
    }

    /// # Safety
    ///
    /// `cf` is what nginx called a configuration handler with.
    pub(super) unsafe fn get_mut<'c>(cf: *mut ngx_conf_t) -> Option<&'c mut Self> {
        // SAFETY: promised by the caller; as for `get`, and while the configuration is read
        // nobody else looks at it.
        unsafe {
            super::shim::ngx_http_frappe_conf_get_main_conf(cf, module::module())
                .cast::<Self>()
                .as_mut()
        }
    }

    /// The arguments to keep.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    pub(super) fn names_mut(&mut self) -> &mut Names {
        &mut self.names
    }

    pub(super) fn add_variable(&mut self, index: usize) {
        self.variables.push(index);
    }

    /// Makes nginx ask again for our variables: what it has kept of them is older than the body.
    pub(super) fn forget_values(r: Request) {
        if let Some(conf) = Self::get(r) {
            conf.variables
                .iter()
                .for_each(|index| r.forget_variable(*index));
        }
    }

    pub(super) fn set_dav(&mut self, dav: Option<Dav>) {
        self.dav = dav;
    }

    /// nginx's dav module stores the body of this request as a file.
    pub(super) fn is_dav_put(r: Request) -> bool {
        let dav = Self::get(r).and_then(|conf| conf.dav.as_ref());
        dav.is_some_and(|dav| dav.takes(r))
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.enabled
    }

    pub(super) fn is_enabled_in_if(&self) -> bool {
        self.enabled_in_if
    }
}

/// What holds for a location. None: not said here.
#[derive(Debug, Default)]
pub(super) struct LocConf {
    cmd: Option<bool>,
    body: Option<BodyMode>,
    dialect: Option<&'static Dialect>,
}

impl LocConf {
    pub(super) fn get(r: Request) -> Option<&'static Self> {
        // SAFETY: as for MainConf::get.
        unsafe { r.loc_conf::<Self>().as_ref() }
    }

    pub(super) fn is_on(&self) -> bool {
        self.cmd == Some(true)
    }

    pub(super) fn reads_body(&self) -> bool {
        self.is_on() && self.body != Some(BodyMode::Off)
    }

    /// How many bytes are looked at before the request goes on, where it is not the whole body.
    pub(super) fn preread(&self) -> Option<usize> {
        match self.body {
            Some(BodyMode::Preread(size)) => Some(size),
            Some(BodyMode::Whole | BodyMode::Off) | None => None,
        }
    }

    pub(super) fn dialect(&self) -> Option<&'static Dialect> {
        self.dialect.or_else(dialect::newest)
    }

    /// The same request is decided in the same way.
    pub(super) fn decides_as(&self, other: &Self) -> bool {
        let dialects = (self.dialect(), other.dialect());
        self.body.unwrap_or_default() == other.body.unwrap_or_default()
            && matches!(dialects, (Some(one), Some(two)) if ptr::eq(one, two))
    }

    fn merge(&mut self, outer: &Self) {
        self.cmd = self.cmd.or(outer.cmd);
        self.body = self.body.or(outer.body);
        self.dialect = self.dialect.or(outer.dialect);
    }
}

pub(super) unsafe extern "C" fn create_main_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: nginx's pool for the configuration; a null result is checked. The block is large
    // enough and NGX_ALIGNMENT is that of a pointer. The cleanup drops the value once, when the
    // configuration goes.
    unsafe {
        let Some(cleanup) = ngx_pool_cleanup_add((*cf).pool, size_of::<MainConf>()).as_mut() else {
            return ptr::null_mut();
        };
        cleanup.data.cast::<MainConf>().write(MainConf::default());
        cleanup.handler = Some(drop_main_conf);
        cleanup.data
    }
}

unsafe extern "C" fn drop_main_conf(data: *mut c_void) {
    // SAFETY: the value that `create_main_conf` wrote; nginx runs each cleanup once.
    unsafe { data.cast::<MainConf>().drop_in_place() };
}

pub(super) unsafe extern "C" fn create_loc_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: as above; a LocConf needs no drop.
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
    // In any case, as nginx's own flags.
    let parse = |value: &[u8]| match value.to_ascii_lowercase().as_slice() {
        b"on" => Some(true),
        b"off" => Some(false),
        _ => None,
    };
    // SAFETY: as nginx calls it; `conf` is a LocConf, by the offset in the command table.
    unsafe {
        let rc = set(cf, command, conf, "\"on\" or \"off\"", parse, |conf| {
            &mut conf.cmd
        });
        if let Some(main) = MainConf::get_mut(cf)
            && conf.cast::<LocConf>().as_ref().is_some_and(LocConf::is_on)
        {
            main.enabled = true;
            main.enabled_in_if |= (*cf).cmd_type == NGX_HTTP_LIF_CONF as ngx_uint_t;
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

/// `frappe_version MAJOR`
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
            raw::str_bytes(&(*command).name),
            conf.cast::<LocConf>().as_mut(),
        )
    };
    let (Some(value), Some(conf)) = (args.get(1).map(raw::str_bytes), conf) else {
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
        format!("invalid value \"{value}\" in \"{name}\" directive, it must be {allowed}");
    // SAFETY: as promised by the caller.
    unsafe { log_error(cf, &message) };
    ERROR
}

/// An error of the configuration, with file and line.
///
/// # Safety
///
/// `cf` is what nginx called a configuration handler with.
pub(super) unsafe fn log_error(cf: *mut ngx_conf_t, message: &str) {
    // SAFETY: promised by the caller; `%*s` takes a length and as many bytes.
    unsafe {
        ngx_conf_log_error(
            NGX_LOG_EMERG as usize,
            cf,
            0,
            c"%*s".as_ptr(),
            message.len(),
            message.as_ptr(),
        );
    }
}
