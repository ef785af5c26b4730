//! The values of nginx's variables.

use nginx_sys::{ngx_http_request_t, ngx_http_variable_value_t};

use super::request::Request;
use super::shim;

/// nginx's structure for the value of a variable, for the time of one callback.
///
/// INVARIANT: the pointer is valid until the callback returns, and no other code of ours looks at the
/// value meanwhile.
#[derive(Clone, Copy)]
pub(in crate::nginx) struct VariableValue(*mut ngx_http_variable_value_t);

impl VariableValue {
    /// # Safety
    ///
    /// `v` is what nginx called a variable's handler with.
    pub(in crate::nginx) unsafe fn new(v: *mut ngx_http_variable_value_t) -> Self {
        Self(v)
    }

    /// The value that nginx keeps of an indexed variable. None where there is no such index.
    pub(in crate::nginx) fn indexed(r: Request, index: usize) -> Option<Self> {
        let count = r.core_main_conf().variables.nelts;
        // SAFETY: a request has an element for each of the configuration's variables.
        (index < count).then(|| unsafe { Self((*r.as_ptr()).variables.add(index)) })
    }

    /// Writes a text, or "not found" where it is empty.
    ///
    /// # Safety
    ///
    /// The text lives as long as the request.
    pub(in crate::nginx) unsafe fn set(self, text: &[u8]) {
        // SAFETY: by the invariant; nginx does not write to values.
        unsafe {
            match text {
                [] => shim::ngx_http_frappe_set_not_found(self.0),
                text => {
                    shim::ngx_http_frappe_set_value(self.0, text.as_ptr().cast_mut(), text.len())
                }
            }
        }
    }

    /// Makes nginx ask again for the value wherever it flushes values, as for a `volatile` map.
    pub(in crate::nginx) fn set_no_cacheable(self) {
        // SAFETY: by the invariant.
        unsafe { shim::ngx_http_frappe_set_no_cacheable(self.0) };
    }

    pub(in crate::nginx) fn is_no_cacheable(self) -> bool {
        // SAFETY: by the invariant.
        unsafe { shim::ngx_http_frappe_is_no_cacheable(self.0) != 0 }
    }

    /// Makes nginx ask again for the value, also where it does not flush values.
    pub(in crate::nginx) fn forget(self) {
        // SAFETY: by the invariant.
        unsafe { shim::ngx_http_frappe_forget(self.0) };
    }
}

/// Makes nginx ask for a variable by its index, unless it has the value.
pub(in crate::nginx) fn ask(r: Request, index: usize) {
    let r: *mut ngx_http_request_t = r.as_ptr();
    // SAFETY: a valid request; no borrow of its context is alive in the callers.
    unsafe { nginx_sys::ngx_http_get_indexed_variable(r, index) };
}
