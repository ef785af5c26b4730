//! The module's tables, and what it does before and after nginx reads the configuration.

use core::ffi::c_void;
use core::ptr;

use nginx_sys::{
    NGX_CONF_TAKE1, NGX_ERROR, NGX_HTTP_LIF_CONF, NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET,
    NGX_HTTP_MAIN_CONF, NGX_HTTP_MODULE, NGX_HTTP_SRV_CONF, NGX_OK, ngx_array_t, ngx_command_t,
    ngx_conf_t, ngx_http_module_t, ngx_http_phases, ngx_http_phases_NGX_HTTP_PREACCESS_PHASE,
    ngx_http_phases_NGX_HTTP_REWRITE_PHASE, ngx_http_variable_t, ngx_int_t, ngx_module_t,
    ngx_uint_t,
};
use ngx::ngx_string;

use super::conf::{self, MainConf};
use super::dav::Dav;
use super::raw::{self, Module};
use super::{body_filter, derived, phase, shim, variable};
use crate::body::NAME_MAX;

const ANYWHERE: u32 = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1;

static mut COMMANDS: [ngx_command_t; 4] = [
    ngx_command_t {
        name: ngx_string!("frappe_cmd"),
        type_: (ANYWHERE | NGX_HTTP_LIF_CONF) as ngx_uint_t,
        set: Some(conf::set_cmd),
        conf: NGX_HTTP_LOC_CONF_OFFSET,
        offset: 0,
        post: ptr::null_mut(),
    },
    ngx_command_t {
        name: ngx_string!("frappe_body"),
        type_: ANYWHERE as ngx_uint_t,
        set: Some(conf::set_body),
        conf: NGX_HTTP_LOC_CONF_OFFSET,
        offset: 0,
        post: ptr::null_mut(),
    },
    ngx_command_t {
        name: ngx_string!("frappe_version"),
        type_: ANYWHERE as ngx_uint_t,
        set: Some(conf::set_version),
        conf: NGX_HTTP_LOC_CONF_OFFSET,
        offset: 0,
        post: ptr::null_mut(),
    },
    ngx_command_t::empty(),
];

static MODULE_CTX: ngx_http_module_t = ngx_http_module_t {
    preconfiguration: Some(preconfiguration),
    postconfiguration: Some(postconfiguration),
    create_main_conf: Some(conf::create_main_conf),
    init_main_conf: None,
    create_srv_conf: None,
    merge_srv_conf: None,
    create_loc_conf: Some(conf::create_loc_conf),
    merge_loc_conf: Some(conf::merge_loc_conf),
};

/// nginx writes its indexes here.
#[allow(non_upper_case_globals)]
pub(super) static mut ngx_http_frappe_module: ngx_module_t = ngx_module_t {
    ctx: (&raw const MODULE_CTX).cast_mut().cast::<c_void>(),
    commands: (&raw const COMMANDS).cast_mut().cast::<ngx_command_t>(),
    type_: NGX_HTTP_MODULE as ngx_uint_t,
    ..ngx_module_t::default()
};

/// The tables that nginx looks up in a dynamic module.
mod exports {
    #![allow(clippy::undocumented_unsafe_blocks, unreachable_pub)]
    use super::ngx_http_frappe_module;
    ngx::ngx_modules!(ngx_http_frappe_module);
}

/// Our module, for nginx's lookups.
pub(super) fn module() -> Module {
    &raw mut ngx_http_frappe_module
}

unsafe extern "C" fn preconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    status(variable::add(cf))
}

unsafe extern "C" fn postconfiguration(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: as nginx calls it.
    let Some(main) = (unsafe { MainConf::get_mut(cf) }) else {
        return NGX_ERROR as ngx_int_t;
    };
    // SAFETY: the variables that the configuration mentions, of their type; nobody adds to them
    // meanwhile.
    let variables: &[ngx_http_variable_t] = unsafe {
        let variables: *const ngx_array_t = shim::ngx_http_frappe_conf_variables(cf);
        (*variables).as_slice()
    };
    for (index, variable) in variables.iter().enumerate() {
        let name = raw::str_bytes(&variable.name);
        if name.starts_with(b"frappe_") {
            main.add_variable(index);
        }
        let names = main.names_mut();
        let added = match name.strip_prefix(variable::ARG_PREFIX) {
            Some(argument) => names.add(argument),
            None if name == variable::DOCTYPE => names.add_doctype(),
            None => continue,
        };
        if added.is_none() {
            let name = name.escape_ascii();
            let message =
                format!("variable \"${name}\" names an argument of more than {NAME_MAX} bytes");
            // SAFETY: as nginx calls it.
            unsafe { conf::log_error(cf, &message) };
            return NGX_ERROR as ngx_int_t;
        }
    }
    if !main.is_enabled() {
        // Loaded and nowhere on: cost nothing.
        return NGX_OK as ngx_int_t;
    }
    // SAFETY: as nginx calls it.
    let installed = unsafe {
        main.set_dav(Dav::find(cf));
        derived::install(cf)
    };
    let late = main.is_enabled_in_if();
    body_filter::install();
    status(
        installed
            && push_handler(cf, ngx_http_phases_NGX_HTTP_REWRITE_PHASE)
            && (!late || push_handler(cf, ngx_http_phases_NGX_HTTP_PREACCESS_PHASE)),
    )
}

fn push_handler(cf: *mut ngx_conf_t, phase: ngx_http_phases) -> bool {
    // SAFETY: called while `cf` is read; null or a place for one handler.
    unsafe {
        match shim::ngx_http_frappe_push_phase_handler(cf, phase).as_mut() {
            Some(place) => {
                *place = Some(phase::handler);
                true
            }
            None => false,
        }
    }
}

fn status(done: bool) -> ngx_int_t {
    (if done { NGX_OK as i32 } else { NGX_ERROR }) as ngx_int_t
}
