//! The directives, and what they say of a mistake.

use core::ffi::{c_char, c_void};
use core::ptr;

use nginx_sys::{
    NGX_OK, ngx_command_t, ngx_conf_t, ngx_http_compile_complex_value,
    ngx_http_compile_complex_value_t, ngx_http_complex_value_t, ngx_http_get_variable_index,
    ngx_int_t, ngx_pagesize, ngx_parse_size, ngx_pcalloc, ngx_str_t,
};

use super::serve;
use crate::figures::BYTES_MIN;
use crate::nginx::directive::main_conf;
use crate::nginx::ffi::memory::str_bytes;
use crate::nginx::ffi::{log, shim, zone};
use crate::nginx::request::rules::LocConf;
use crate::nginx::request::zones::{Figures, Key, Page, State, StatusZone};

/// nginx's NGX_CONF_OK and NGX_CONF_ERROR.
const OK: *mut c_char = ptr::null_mut();
const ERROR: *mut c_char = ptr::without_provenance_mut(usize::MAX);

/// What names the row of a request where `key=` does not.
const DEFAULT_KEY: &[u8] = b"$frappe_call";

/// Bytes of a name of a zone.
const NAME_MAX: usize = 64;
const SIZE_MIN: usize = 64 * 1024;
const SIZE_MAX: usize = 1024 * 1024 * 1024;

/// `frappe_status_zone NAME SIZE [key=VALUE] [state=FILE]`
pub(in crate::nginx) unsafe extern "C" fn set_zone(
    cf: *mut ngx_conf_t,
    _command: *mut ngx_command_t,
    _conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: as nginx calls it.
    unsafe {
        match add_zone(cf) {
            Ok(()) => OK,
            Err(message) => {
                let message = format!("{message} in \"frappe_status_zone\" directive");
                log::conf_error(cf, &message);
                ERROR
            }
        }
    }
}

/// # Safety
///
/// `cf` is what nginx called the directive's handler with.
unsafe fn add_zone(cf: *mut ngx_conf_t) -> Result<(), String> {
    // SAFETY: promised by the caller.
    let (args, main, place) = unsafe { (zone::args(cf), main_conf(cf), zone::place(cf)) };
    let [_, name, size, parameters @ ..] = args else {
        return Err("no values".to_owned());
    };
    let main = main.ok_or("no configuration")?;
    let name_text = name_of(name)?;
    if let Some(zone) = main
        .figures
        .zones
        .iter()
        .find(|zone| zone.name == name_text)
    {
        let before = &zone.place;
        return Err(format!(
            "zone \"{name_text}\" was already declared in {before}"
        ));
    }
    let size = size_of_zone(size)?;
    let (mut key, mut state) = (None, None);
    for parameter in parameters {
        let text = str_bytes(parameter);
        let (place, value) = match text {
            [b'k', b'e', b'y', b'=', value @ ..] => (&mut key, value),
            [b's', b't', b'a', b't', b'e', b'=', value @ ..] => (&mut state, value),
            _ => (&mut None, &[][..]),
        };
        if value.is_empty() || place.replace(value).is_some() {
            return Err(format!(
                "invalid parameter \"{}\", it must be \"key=VALUE\" or \"state=FILE\", each once",
                text.escape_ascii()
            ));
        }
    }
    // SAFETY: as above.
    let (key, state) = unsafe {
        (
            compile_key(cf, key)?,
            state.map(|state| State::new(cf, state)).transpose()?,
        )
    };
    let zone = Box::new(StatusZone::new(name_text, place, key, state));
    let zones = &mut main.figures.zones;
    zones.push(zone);
    let added = zones.last_mut().ok_or("no zone")?;
    // SAFETY: as above; the box stays where it is as long as the configuration.
    unsafe { added.add_to_nginx(cf, name, size) }
}

fn name_of(name: &ngx_str_t) -> Result<String, String> {
    let text = str_bytes(name);
    let is_good = text
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte));
    match core::str::from_utf8(text) {
        Ok(name) if is_good && (1..=NAME_MAX).contains(&name.len()) => Ok(name.to_owned()),
        _ => Err(format!(
            "invalid name \"{}\", it must have 1 to {NAME_MAX} letters, digits or \"_\", \"-\", \".\"",
            text.escape_ascii()
        )),
    }
}

fn size_of_zone(size: &ngx_str_t) -> Result<usize, String> {
    const _: () = assert!(BYTES_MIN < SIZE_MIN - 3 * 4096);
    let mut copy = *size;
    // SAFETY: nginx reads the text; its page size is set at start.
    let (parsed, page) = unsafe { (ngx_parse_size(&raw mut copy), ngx_pagesize) };
    // As for nginx's own zones: eight pages. A part of them is nginx's.
    let least = SIZE_MIN.max(page.saturating_mul(8));
    match usize::try_from(parsed) {
        Ok(bytes) if (least..=SIZE_MAX).contains(&bytes) => Ok(bytes),
        _ => Err(format!(
            "invalid size \"{}\", it must be {}k to {}m; 1m has room for 1,000 calls",
            str_bytes(size).escape_ascii(),
            least / 1024,
            SIZE_MAX / 1024 / 1024,
        )),
    }
}

/// # Safety
///
/// As for [`add_zone`].
unsafe fn compile_key(cf: *mut ngx_conf_t, value: Option<&[u8]>) -> Result<Key, String> {
    let text = value.unwrap_or(DEFAULT_KEY);
    let no_memory = || "no memory".to_owned();
    if !text.contains(&b'$') {
        let text = text.escape_ascii();
        return Err(format!(
            "\"key={text}\" has no variable, it must have one as in \"key=$host $frappe_call\""
        ));
    }
    // SAFETY: promised by the caller: nginx's pool, whose null results are checked; both
    // structures are zero before they are set.
    unsafe {
        let mut source = zone::copy((*cf).pool, text);
        if source.len != text.len() {
            return Err(no_memory());
        }
        // One variable alone needs no copy of its value.
        if let Some(name) = variable_name(text) {
            let mut name = zone::copy((*cf).pool, name);
            let index = ngx_http_get_variable_index(cf, &raw mut name);
            return usize::try_from(index)
                .map(Key::Variable)
                .map_err(|_| no_memory());
        }
        let size = size_of::<ngx_http_complex_value_t>();
        let compiled = ngx_pcalloc((*cf).pool, size).cast::<ngx_http_complex_value_t>();
        if compiled.is_null() {
            return Err(no_memory());
        }
        let mut compile: ngx_http_compile_complex_value_t = core::mem::zeroed();
        compile.cf = cf;
        compile.value = &raw mut source;
        compile.complex_value = compiled;
        if ngx_http_compile_complex_value(&raw mut compile) != NGX_OK as ngx_int_t {
            return Err(format!("invalid \"key={}\"", text.escape_ascii()));
        }
        Ok(Key::Complex(compiled))
    }
}

/// Of a text that is one variable.
fn variable_name(text: &[u8]) -> Option<&[u8]> {
    let name = text.strip_prefix(b"$")?;
    let name = match name.strip_prefix(b"{") {
        Some(name) => name.strip_suffix(b"}")?,
        None => name,
    };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    (!name.is_empty() && name.iter().all(is_name)).then_some(name)
}

/// `frappe_status [ZONE]`
pub(in crate::nginx) unsafe extern "C" fn set_page(
    cf: *mut ngx_conf_t,
    _command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: as nginx calls it; `conf` is a LocConf, by the offset in the command table.
    unsafe {
        let name = zone::args(cf).get(1).map(|name| str_bytes(name).to_vec());
        let (Some(main), Some(conf)) = (main_conf(cf), conf.cast::<LocConf>().as_mut()) else {
            return ERROR;
        };
        if conf.page.is_some() {
            return c"is duplicate".as_ptr().cast_mut();
        }
        let pages = &mut main.figures.pages;
        conf.page = Some(pages.len());
        let place = zone::place(cf);
        pages.push(Page {
            name,
            place,
            zone: None,
        });
        shim::ngx_http_frappe_set_content_handler(cf, Some(serve::handler));
    }
    OK
}

/// The zones of all pages, which may stand behind them in the configuration.
pub(in crate::nginx) fn find_zones(figures: &mut Figures, cf: *mut ngx_conf_t) -> bool {
    let names: Vec<&str> = figures
        .zones
        .iter()
        .map(|zone| zone.name.as_str())
        .collect();
    for page in &mut figures.pages {
        let found = match (&page.name, names.as_slice()) {
            (None, [_]) => Ok(0),
            (_, []) => Err("\"frappe_status\" needs a zone, as \
                            \"frappe_status_zone calls 1m;\" in the http block"
                .to_owned()),
            (None, _) => Err(format!(
                "\"frappe_status\" must name one of the zones {}",
                names.join(", ")
            )),
            (Some(name), _) => {
                let known = names.iter().position(|known| known.as_bytes() == name);
                known.ok_or_else(|| {
                    let name = name.escape_ascii();
                    format!(
                        "unknown zone \"{name}\" in \"frappe_status\" directive, it must be {}",
                        names.join(", ")
                    )
                })
            }
        };
        match found {
            Ok(zone) => page.zone = Some(zone),
            Err(message) => {
                // SAFETY: `cf` is what nginx called a handler with.
                let target = unsafe { (*cf).log };
                log::error_at(target, &message, &page.place);
                return false;
            }
        }
    }
    true
}
