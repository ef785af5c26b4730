//! Recognises a PUT that nginx's own dav module stores as a file. That module must be the first to read
//! the body: it answers 500 to one that another module has read into memory.
//!
//! The dav module's configuration is private, but its table of directives says at which offset it keeps
//! the methods that it takes.

use core::ffi::CStr;

use nginx_sys::{
    NGX_HTTP_LOC_CONF_OFFSET, NGX_HTTP_PUT, ngx_command_t, ngx_conf_set_bitmask_slot, ngx_conf_t,
    ngx_module_t, ngx_uint_t,
};

use super::memory::str_bytes;
use super::request::Request;

/// The dav module, and its directive `dav_methods`.
#[derive(Debug)]
pub(in crate::nginx) struct Dav {
    module: *mut ngx_module_t,
    methods: *mut ngx_command_t,
}

impl Dav {
    /// None where nginx was built without it.
    ///
    /// # Safety
    ///
    /// `cf` is what nginx called a configuration handler with.
    pub(in crate::nginx) unsafe fn find(cf: *mut ngx_conf_t) -> Option<Self> {
        // SAFETY: the cycle's array of modules ends with null; names and tables of directives are
        // static, the latter end with an empty name.
        unsafe {
            let mut modules = (*(*cf).cycle).modules;
            loop {
                let module = *modules;
                let name = module.as_ref()?.name;
                if !name.is_null() && CStr::from_ptr(name) == c"ngx_http_dav_module" {
                    let methods = find_methods((*module).commands)?;
                    return Some(Self { module, methods });
                }
                modules = modules.add(1);
            }
        }
    }

    /// Whether the dav module will take this request, if no redirect sends it elsewhere: it is a PUT,
    /// and the location has no content handler that would come first.
    pub(in crate::nginx) fn takes(&self, r: Request) -> bool {
        if r.method_bit() != NGX_HTTP_PUT as usize || r.has_content_handler() {
            return false;
        }
        // SAFETY: both are static; the command sets bits of an integer at its offset in the
        // module's configuration of a location.
        unsafe {
            let conf = r.loc_conf_of((*self.module).ctx_index).cast::<u8>();
            let methods = conf.add((*self.methods).offset).cast::<ngx_uint_t>();
            *methods & NGX_HTTP_PUT as ngx_uint_t != 0
        }
    }
}

/// The directive `dav_methods`, if it sets a bit mask in the configuration of a location, as we expect.
///
/// # Safety
///
/// `command` is null or the first of a table that ends with an empty name.
unsafe fn find_methods(mut command: *mut ngx_command_t) -> Option<*mut ngx_command_t> {
    // SAFETY: promised by the caller.
    unsafe {
        while command.as_ref()?.name.len != 0 {
            let found = &*command;
            if str_bytes(&found.name) == b"dav_methods" {
                let is_bitmask = found.set.is_some_and(|set| {
                    core::ptr::fn_addr_eq(
                        set,
                        ngx_conf_set_bitmask_slot as unsafe extern "C" fn(_, _, _) -> _,
                    )
                });
                let is_local = found.conf == NGX_HTTP_LOC_CONF_OFFSET as ngx_uint_t;
                return (is_bitmask && is_local).then_some(command);
            }
            command = command.add(1);
        }
    }
    None
}
