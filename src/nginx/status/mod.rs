//! The figures: what is counted of requests, and the page that shows it. [`crate::figures`] counts and
//! writes reports; this folder connects it with nginx.
//!
//! | file | what |
//! | --- | --- |
//! | `directive` | `frappe_status_zone`, `frappe_status`, and their error messages |
//! | `zone` | a zone in nginx's shared memory, also across reloads |
//! | `count` | counts each request that ends, in the log phase |
//! | `serve` | answers with a page, JSON or Prometheus's text |
//! | `save` | writes the state file of a zone |

mod count;
mod directive;
mod save;
mod serve;
mod zone;

use nginx_sys::{
    NGX_OK, NGX_PROCESS_SINGLE, NGX_PROCESS_WORKER, ngx_cycle_t, ngx_int_t, ngx_process, ngx_uint_t,
};

use super::ffi::conf::cycle_main_conf;
use super::request::rules::MainConf;
use super::request::zones::Figures;
use crate::figures::pace::Now;

pub(super) use count::{handler as count, key};
pub(super) use directive::{find_zones, set_page, set_zone};

/// The current time, for the pace of calls.
pub(super) fn pace_now() -> Now {
    Now {
        // SAFETY: nginx's own variable. All processes set it from the same clock of the system.
        ms: unsafe { nginx_sys::ngx_current_msec } as u32,
        s: count::now(),
    }
}

/// nginx calls this when a process begins to serve.
pub(super) unsafe extern "C" fn init_process(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    // SAFETY: as nginx calls it, once for a process and configuration.
    unsafe {
        if let Some(figures) = figures_of(cycle) {
            zone::begin(figures);
            let process = ngx_process;
            if process == NGX_PROCESS_WORKER as ngx_uint_t
                || process == NGX_PROCESS_SINGLE as ngx_uint_t
            {
                save::begin(figures, cycle);
            }
        }
    }
    NGX_OK as ngx_int_t
}

/// nginx calls this when the master process ends, after all workers.
pub(super) unsafe extern "C" fn exit_master(cycle: *mut ngx_cycle_t) {
    // SAFETY: as nginx calls it.
    unsafe {
        if let Some(figures) = figures_of(cycle) {
            save::all(figures, (*cycle).log);
        }
    }
}

/// Our part of a cycle's configuration. None where there is no http block.
///
/// # Safety
///
/// `cycle` is valid and its configuration has been read.
unsafe fn figures_of<'c>(cycle: *mut ngx_cycle_t) -> Option<&'c Figures> {
    // SAFETY: promised by the caller; null or what `create_main_conf` has made.
    unsafe { cycle_main_conf(cycle).cast::<MainConf>().as_ref() }.map(|main| &main.figures)
}
