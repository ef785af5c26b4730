//! The directives `frappe_status_zone` and `frappe_status`, and their error messages.

use core::ffi::{c_char, c_void};
use core::fmt;

use nginx_sys::{
    NGX_OK, ngx_command_t, ngx_conf_t, ngx_http_compile_complex_value,
    ngx_http_compile_complex_value_t, ngx_http_complex_value_t, ngx_http_get_variable_index,
    ngx_int_t, ngx_pagesize, ngx_parse_size, ngx_pcalloc, ngx_str_t,
};

use super::serve;
use crate::figures::BYTES_MIN;
use crate::nginx::directive::main_conf;
use crate::nginx::ffi::directive::{Directive, ERROR, OK, Told, copy, word};
use crate::nginx::ffi::{log, shim};
use crate::nginx::request::rules::{LocConf, MainConf};
use crate::nginx::request::zones::{Figures, Key, Names, Page, State, StatusZone};

/// The default of `key=`, whose value names the row of a request.
const DEFAULT_KEY: &[u8] = b"$frappe_call";

/// The most bytes of a zone's name.
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
    let (directive, main) = unsafe { (Directive::new(cf), main_conf(cf)) };
    match main.map(|main| add_zone(directive, main)) {
        Some(Ok(())) => OK,
        Some(Err(Told)) | None => ERROR,
    }
}

fn add_zone(directive: Directive, main: &mut MainConf) -> Result<(), Told> {
    let [_, name, size, parameters @ ..] = directive.words() else {
        return Err(Told);
    };
    let zones = &mut main.figures.zones;
    let name_text = name_of(directive, name)?;
    if let Some(zone) = zones.iter().find(|zone| zone.name == name_text) {
        let before = &zone.place;
        return Err(directive.refuse(format_args!(
            "zone \"{name_text}\" was already declared in {before}"
        )));
    }
    let size = size_of_zone(directive, size)?;
    let (mut key, mut state) = (None, None);
    for parameter in parameters {
        let text = word(parameter);
        let (place, value) = match text {
            [b'k', b'e', b'y', b'=', value @ ..] => (&mut key, value),
            [b's', b't', b'a', b't', b'e', b'=', value @ ..] => (&mut state, value),
            _ => (&mut None, &[][..]),
        };
        if value.is_empty() || place.replace(value).is_some() {
            return Err(directive.refuse(format_args!(
                "invalid parameter \"{}\", it must be \"key=VALUE\" or \"state=FILE\", each once",
                text.escape_ascii()
            )));
        }
    }
    let key = compile_key(directive, key.unwrap_or(DEFAULT_KEY))?;
    let state = state.map(|path| State::new(directive, path)).transpose()?;
    zones.try_reserve(1).map_err(|_| directive.no_memory())?;
    zones.push(StatusZone::add_to_nginx(
        directive, name_text, key, state, size,
    )?);
    Ok(())
}

fn name_of(directive: Directive, name: &ngx_str_t) -> Result<&'static str, Told> {
    let text = word(name);
    let is_good = text
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte));
    match core::str::from_utf8(text) {
        Ok(name) if is_good && (1..=NAME_MAX).contains(&name.len()) => Ok(name),
        _ => Err(directive.refuse(format_args!(
            "invalid name \"{}\", it must have 1 to {NAME_MAX} letters, digits or \"_\", \"-\", \".\"",
            text.escape_ascii()
        ))),
    }
}

fn size_of_zone(directive: Directive, size: &ngx_str_t) -> Result<usize, Told> {
    const _: () = assert!(BYTES_MIN < SIZE_MIN - 3 * 4096);
    let mut copy = *size;
    // SAFETY: nginx only reads the text, and has set the page size at its start.
    let (parsed, page) = unsafe { (ngx_parse_size(&raw mut copy), ngx_pagesize) };
    // At least eight pages, as for nginx's own zones. nginx itself needs a part of them.
    let least = SIZE_MIN.max(page.saturating_mul(8));
    match usize::try_from(parsed) {
        Ok(bytes) if (least..=SIZE_MAX).contains(&bytes) => Ok(bytes),
        _ => Err(directive.refuse(format_args!(
            "invalid size \"{}\", it must be {}k to {}m; 1m has room for 1,000 calls",
            word(size).escape_ascii(),
            least / 1024,
            SIZE_MAX / 1024 / 1024,
        ))),
    }
}

fn compile_key(directive: Directive, text: &'static [u8]) -> Result<Key, Told> {
    if !text.contains(&b'$') {
        let text = text.escape_ascii();
        return Err(directive.refuse(format_args!(
            "\"key={text}\" has no variable, it must have one as in \"key=$host $frappe_call\""
        )));
    }
    let cf = directive.conf();
    let no_memory = || directive.no_memory();
    // SAFETY: nginx's pool, whose null results are checked; both structures are zero before they are set.
    unsafe {
        // For one variable alone, nginx need not copy its value into a text.
        if let Some(name) = variable_name(text) {
            let mut name = copy((*cf).pool, &[name]).ok_or_else(no_memory)?;
            let index = ngx_http_get_variable_index(cf, &raw mut name);
            return usize::try_from(index)
                .map(Key::Variable)
                .map_err(|_| no_memory());
        }
        let mut source = copy((*cf).pool, &[text]).ok_or_else(no_memory)?;
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
            let text = text.escape_ascii();
            return Err(directive.refuse(format_args!("invalid \"key={text}\"")));
        }
        Ok(Key::Complex(compiled))
    }
}

/// The name of the variable, if the text is one variable and nothing else.
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
        let directive = Directive::new(cf);
        let name = directive.words().get(1).map(word);
        let (Some(main), Some(conf)) = (main_conf(cf), conf.cast::<LocConf>().as_mut()) else {
            return ERROR;
        };
        if conf.page.is_some() {
            return c"is duplicate".as_ptr().cast_mut();
        }
        let pages = &mut main.figures.pages;
        if pages.try_reserve(1).is_err() {
            directive.no_memory();
            return ERROR;
        }
        conf.page = Some(pages.len());
        let place = directive.place();
        pages.push(Page {
            name,
            place,
            zone: None,
        });
        shim::ngx_http_frappe_set_content_handler(cf, Some(serve::handler));
    }
    OK
}

/// Finds the zone of each page, once nginx has read all of http{}: a zone may stand behind its page.
/// False where there is none, which is logged.
pub(in crate::nginx) fn find_zones(figures: &mut Figures, cf: *mut ngx_conf_t) -> bool {
    let Figures { zones, pages, .. } = figures;
    for page in pages {
        page.zone = match page.name {
            None if zones.len() == 1 => Some(0),
            None => None,
            Some(name) => zones.iter().position(|zone| zone.name.as_bytes() == name),
        };
        if page.zone.is_some() {
            continue;
        }
        // SAFETY: `cf` is what nginx called a handler with.
        let target = unsafe { (*cf).log };
        let tell = |message: fmt::Arguments<'_>| log::error_at(target, message, page.place);
        let names = Names(zones);
        match page.name {
            _ if zones.is_empty() => tell(format_args!(
                "\"frappe_status\" needs a zone, as \"frappe_status_zone calls 1m;\" in the http block"
            )),
            None => tell(format_args!(
                "\"frappe_status\" must name one of the zones {names}"
            )),
            Some(name) => tell(format_args!(
                "unknown zone \"{}\" in \"frappe_status\" directive, it must be {names}",
                name.escape_ascii()
            )),
        }
        return false;
    }
    true
}
