//! A panic must neither cross into nginx nor kill a worker.

use std::panic::{AssertUnwindSafe, catch_unwind};

use nginx_sys::{NGX_LOG_ALERT, ngx_log_t};

use super::log;
use super::request::Request;

/// Runs `logic`; a panic in it becomes a line in the log and the value `otherwise`.
pub(in crate::nginx) fn guarded<T>(
    target: *mut ngx_log_t,
    otherwise: T,
    logic: impl FnOnce() -> T,
) -> T {
    match catch_unwind(AssertUnwindSafe(logic)) {
        Ok(value) => value,
        Err(payload) => {
            // Its destructor is foreign code that might panic again.
            core::mem::forget(payload);
            log::line(
                target,
                NGX_LOG_ALERT,
                "internal error, request goes on without cmd",
            );
            otherwise
        }
    }
}

/// Panics if `bytes` hold `mark`, in the build that tests make for it (the feature `panic-probe`).
pub(in crate::nginx) fn probe(bytes: &[u8], mark: &[u8]) {
    if cfg!(feature = "panic-probe") && memchr::memmem::find(bytes, mark).is_some() {
        #[cfg(feature = "panic-probe")]
        #[allow(clippy::panic, reason = "what is probed")]
        {
            panic!("probe");
        }
    }
}

/// Reads behind the end of an allocation if the target holds `mark`, in the same build. AddressSanitizer
/// or valgrind must report it, or they would find no other fault either.
pub(in crate::nginx) fn probe_memory(r: Request, mark: &[u8]) {
    if cfg!(feature = "panic-probe") && memchr::memmem::find(r.target(), mark).is_some() {
        #[cfg(feature = "panic-probe")]
        // SAFETY: none, on purpose.
        unsafe {
            let block = nginx_sys::ngx_palloc(r.pool(), 24).cast::<u8>();
            core::hint::black_box(block.add(24).read_volatile());
        }
    }
}
