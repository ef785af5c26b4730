//! The module's tables, and what it does before and after nginx reads the configuration.

use core::ffi::c_void;
use core::fmt;
use core::ptr;

use nginx_sys::{
    NGX_CONF_NOARGS, NGX_CONF_TAKE1, NGX_CONF_TAKE2, NGX_CONF_TAKE3, NGX_CONF_TAKE4, NGX_ERROR,
    NGX_HTTP_LIF_CONF, NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET, NGX_HTTP_MAIN_CONF,
    NGX_HTTP_MAIN_CONF_OFFSET, NGX_HTTP_MODULE, NGX_HTTP_SRV_CONF, NGX_LOG_EMERG, NGX_LOG_ERR,
    NGX_LOG_NOTICE, NGX_OK, ngx_command_t, ngx_conf_t, ngx_cycle_t, ngx_http_core_main_conf_t,
    ngx_http_module_t, ngx_http_phases_NGX_HTTP_LOG_PHASE,
    ngx_http_phases_NGX_HTTP_PREACCESS_PHASE, ngx_http_phases_NGX_HTTP_PRECONTENT_PHASE,
    ngx_http_phases_NGX_HTTP_REWRITE_PHASE, ngx_int_t, ngx_log_t, ngx_module_t, ngx_uint_t,
};
use ngx::ngx_string;

use super::ffi::dav::Dav;
use super::ffi::memory::str_bytes;
use super::ffi::{self, log};
use super::read::{filter, phase};
use super::request::rules::{Derived, MainConf};
use super::{derived, directive, pace, status, variable};
use crate::body::NAME_MAX;
use crate::frappe::call;

/// The module's name and version, for the error log and for `strings`.
const VERSION: &str = concat!("ngx_http_frappe_module/", env!("CARGO_PKG_VERSION"));

const NO_MEMORY: &str = "no memory for the variables of the configuration";

const ANYWHERE: u32 = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1;

static mut COMMANDS: [ngx_command_t; 8] = [
    ngx_command_t {
        name: ngx_string!("frappe_cmd"),
        type_: (ANYWHERE | NGX_HTTP_LIF_CONF) as ngx_uint_t,
        set: Some(directive::set_cmd),
        conf: NGX_HTTP_LOC_CONF_OFFSET,
        offset: 0,
        post: ptr::null_mut(),
    },
    ngx_command_t {
        name: ngx_string!("frappe_body"),
        type_: ANYWHERE as ngx_uint_t,
        set: Some(directive::set_body),
        conf: NGX_HTTP_LOC_CONF_OFFSET,
        offset: 0,
        post: ptr::null_mut(),
    },
    ngx_command_t {
        name: ngx_string!("frappe_phase"),
        type_: ANYWHERE as ngx_uint_t,
        set: Some(directive::set_phase),
        conf: NGX_HTTP_LOC_CONF_OFFSET,
        offset: 0,
        post: ptr::null_mut(),
    },
    ngx_command_t {
        name: ngx_string!("frappe_version"),
        type_: ANYWHERE as ngx_uint_t,
        set: Some(directive::set_version),
        conf: NGX_HTTP_LOC_CONF_OFFSET,
        offset: 0,
        post: ptr::null_mut(),
    },
    ngx_command_t {
        name: ngx_string!("frappe_status_zone"),
        type_: (NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE2 | NGX_CONF_TAKE3 | NGX_CONF_TAKE4)
            as ngx_uint_t,
        set: Some(status::set_zone),
        conf: NGX_HTTP_MAIN_CONF_OFFSET,
        offset: 0,
        post: ptr::null_mut(),
    },
    ngx_command_t {
        name: ngx_string!("frappe_status"),
        type_: (NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS | NGX_CONF_TAKE1) as ngx_uint_t,
        set: Some(status::set_page),
        conf: NGX_HTTP_LOC_CONF_OFFSET,
        offset: 0,
        post: ptr::null_mut(),
    },
    ngx_command_t {
        name: ngx_string!("frappe_pace"),
        type_: (NGX_HTTP_MAIN_CONF
            | NGX_HTTP_SRV_CONF
            | NGX_HTTP_LOC_CONF
            | NGX_CONF_TAKE2
            | NGX_CONF_TAKE3
            | NGX_CONF_TAKE4) as ngx_uint_t,
        set: Some(pace::set_pace),
        conf: NGX_HTTP_LOC_CONF_OFFSET,
        offset: 0,
        post: ptr::null_mut(),
    },
    ngx_command_t::empty(),
];

static MODULE_CTX: ngx_http_module_t = ngx_http_module_t {
    preconfiguration: Some(preconfiguration),
    postconfiguration: Some(postconfiguration),
    create_main_conf: Some(directive::create_main_conf),
    init_main_conf: None,
    create_srv_conf: None,
    merge_srv_conf: None,
    create_loc_conf: Some(directive::create_loc_conf),
    merge_loc_conf: Some(directive::merge_loc_conf),
};

/// The module, as nginx finds it. nginx writes the module's indexes into it.
#[allow(non_upper_case_globals)]
pub(super) static mut ngx_http_frappe_module: ngx_module_t = ngx_module_t {
    ctx: (&raw const MODULE_CTX).cast_mut().cast::<c_void>(),
    commands: (&raw const COMMANDS).cast_mut().cast::<ngx_command_t>(),
    type_: NGX_HTTP_MODULE as ngx_uint_t,
    init_module: Some(init_module),
    init_process: Some(status::init_process),
    exit_master: Some(status::exit_master),
    ..ngx_module_t::default()
};

/// The tables that nginx looks up in a dynamic module.
mod exports {
    #![allow(clippy::undocumented_unsafe_blocks, unreachable_pub)]
    use super::ngx_http_frappe_module;
    ngx::ngx_modules!(ngx_http_frappe_module);
}

unsafe extern "C" fn preconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: nginx has given each module its index before it calls this.
    ffi::conf::set_index(unsafe { ngx_http_frappe_module.ctx_index });
    result(variable::add(cf))
}

unsafe extern "C" fn postconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    let (Some(main), core) = (unsafe { (directive::main_conf(cf), ffi::conf::core(cf)) }) else {
        return NGX_ERROR as ngx_int_t;
    };
    if let Err(mistake) = add_names(main, core) {
        // SAFETY: as nginx calls it.
        unsafe { log::conf_error(cf, mistake) };
        return NGX_ERROR as ngx_int_t;
    }
    if !status::find_zones(&mut main.figures, cf) || !pace::find_zones(&mut main.figures, cf) {
        return NGX_ERROR as ngx_int_t;
    }
    filter::install(main.is_enabled);
    if !main.is_enabled {
        // The module is loaded, but `frappe_cmd` is on nowhere: it must cost nothing.
        let used = ffi::conf::variables(core).iter().find_map(|variable| {
            let name = str_bytes(&variable.name);
            variable::is_name(name).then(|| name.escape_ascii())
        });
        if let Some(name) = used {
            let message = format_args!(
                "variable \"${name}\" is used, but \"frappe_cmd on\" stands nowhere: it is empty"
            );
            // SAFETY: as nginx calls it.
            unsafe { log::conf_warning(cf, message) };
        }
        return NGX_OK as ngx_int_t;
    }
    // SAFETY: as nginx calls it.
    let installed = unsafe {
        main.dav = Dav::find(cf);
        derived::install(cf)
    };
    let counts = !main.figures.zones.is_empty();
    let judges = !main.figures.judges.is_empty();
    if !main.reserve(ffi::conf::variables(core).len()) {
        // SAFETY: as nginx calls it.
        unsafe { log::conf_error(cf, NO_MEMORY) };
        return NGX_ERROR as ngx_int_t;
    }
    let mut push = |phase, handler| ffi::conf::push_handler(core, phase, Some(handler));
    result(
        installed
            && push(ngx_http_phases_NGX_HTTP_REWRITE_PHASE, phase::rewrite)
            && (!main.is_enabled_in_if
                || push(ngx_http_phases_NGX_HTTP_PREACCESS_PHASE, phase::rewrite))
            && (!main.in_precontent
                || push(ngx_http_phases_NGX_HTTP_PRECONTENT_PHASE, phase::precontent))
            && (!counts || push(ngx_http_phases_NGX_HTTP_LOG_PHASE, status::count))
            && (!judges || push(ngx_http_phases_NGX_HTTP_LOG_PHASE, pace::count)),
    )
}

/// nginx calls this when all modules have read their configuration: it knows each variable that is
/// used, and its handler.
unsafe extern "C" fn init_module(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    // SAFETY: as nginx calls it: the configuration of the cycle has been read, and no request of it
    // has come yet.
    let (main, core, target, is_first) = unsafe {
        let old = (*cycle).old_cycle;
        (
            ffi::conf::cycle_main_conf(cycle)
                .cast::<MainConf>()
                .as_mut(),
            ffi::conf::cycle_core(cycle),
            (*cycle).log,
            old.as_ref().is_none_or(|old| old.conf_ctx.is_null()),
        )
    };
    if is_first {
        log::line(target, NGX_LOG_NOTICE, VERSION);
    }
    if let (Some(main), Some(core)) = (main, core)
        && main.is_enabled
    {
        // Another module may have asked for more of our variables after `postconfiguration`. A mistake
        // in their names is only logged, since an error here would end nginx.
        if let Err(mistake) = add_names(main, core) {
            log::line(target, NGX_LOG_ERR, mistake);
        }
        return result(look_up(main, core, target));
    }
    NGX_OK as ngx_int_t
}

/// What is wrong with the arguments that a configuration asks for.
enum Mistake<'c> {
    /// the variable's name
    NoArgument(&'c [u8]),
    NoMemory,
}

impl fmt::Display for Mistake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoArgument(name) => write!(
                f,
                "variable \"${}\" must name an argument of 1 to {NAME_MAX} bytes, \
                 as in \"$frappe_arg_report_name\"",
                name.escape_ascii()
            ),
            Self::NoMemory => f.write_str(NO_MEMORY),
        }
    }
}

/// Makes the scanners keep the arguments that the variables of the configuration name.
fn add_names<'c>(
    main: &mut MainConf,
    core: &'c ngx_http_core_main_conf_t,
) -> Result<(), Mistake<'c>> {
    for variable in ffi::conf::variables(core) {
        let name = str_bytes(&variable.name);
        match name {
            variable::DOCTYPE => call::add_doctype(&mut main.names),
            variable::CALL => call::add_call(&mut main.names),
            _ => {}
        }
        let Some(argument) = name.strip_prefix(variable::ARG_PREFIX) else {
            continue;
        };
        if !(1..=NAME_MAX).contains(&argument.len()) {
            return Err(Mistake::NoArgument(name));
        }
        main.names.add(argument);
    }
    match main.names.is_complete() {
        true => Ok(()),
        false => Err(Mistake::NoMemory),
    }
}

/// Notes nginx's indexes of our variables, and of those that may be computed from them. False where
/// there is no memory. `postconfiguration` has reserved it, but other modules may have added variables
/// since.
fn look_up(main: &mut MainConf, core: &ngx_http_core_main_conf_t, target: *mut ngx_log_t) -> bool {
    if !main.reserve(ffi::conf::variables(core).len()) {
        log::line(target, NGX_LOG_EMERG, NO_MEMORY);
        return false;
    }
    for (index, variable) in ffi::conf::variables(core).iter().enumerate() {
        if variable::is_own(variable) {
            main.own.push(index);
        }
        // SAFETY: nginx has just read the configuration, and it outlives every user of the result.
        if let Some(wrapped) = unsafe { derived::wrapped(variable) } {
            main.derived.push(Derived { index, wrapped });
        }
    }
    let rewrite = core
        .phases
        .get(ngx_http_phases_NGX_HTTP_REWRITE_PHASE as usize);
    main.rewrite_end = core
        .phase_engine
        .location_rewrite_index
        .saturating_add(rewrite.map_or(0, |phase| phase.handlers.nelts));
    true
}

fn result(done: bool) -> ngx_int_t {
    (if done { NGX_OK as i32 } else { NGX_ERROR }) as ngx_int_t
}
