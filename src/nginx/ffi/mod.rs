//! nginx's pointers behind safe methods, so that the other folders of `nginx` need little unsafe code.
//!
//! | file | what |
//! | --- | --- |
//! | `request` | a request, for the time of one callback |
//! | `memory` | nginx's strings, buffers and lists as slices, and values in its pools |
//! | `conf` | what nginx hands to the handlers of a configuration |
//! | `directive` | a directive while nginx reads it |
//! | `values` | the values of nginx's variables |
//! | `answer` | a response of our own, and values that live as long as a request |
//! | `zone` | a zone of shared memory |
//! | `log` | lines in the error log |
//! | `guard` | stops a panic |
//! | `dav` | recognises requests that nginx's dav module stores as files |
//! | `shim` | nginx's macros and bit fields as functions |

pub(super) mod answer;
pub(super) mod conf;
pub(super) mod dav;
pub(super) mod directive;
pub(super) mod guard;
pub(super) mod log;
pub(super) mod memory;
pub(super) mod request;
pub(super) mod values;
pub(super) mod zone;

/// nginx's macros as functions, generated from `shim.h`.
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    clippy::missing_safety_doc,
    clippy::undocumented_unsafe_blocks
)]
pub(super) mod shim {
    include!(concat!(env!("OUT_DIR"), "/shim.rs"));
}
