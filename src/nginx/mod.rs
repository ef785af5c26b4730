//! The boundary: everything that touches nginx.
//!
//! | file | what |
//! | --- | --- |
//! | `module` | the module's tables, and what it does before and after the configuration is read |
//! | `conf` | directives, their values and inheritance |
//! | `phase` | starts the read of a body, and resumes the phases when it is complete |
//! | `body_filter` | hands each piece of a body to the scanner |
//! | `peek` | looks at the first bytes of a body without consuming them |
//! | `replay` | the same for a body that somebody else has read before |
//! | `ctx` | what is known of a request, how that is made and how it is found again |
//! | `kept` | memory for contexts that a worker keeps |
//! | `head` | what the request line and the headers say |
//! | `analysis` | one reading of a request: its values, its scanner |
//! | `variable` | the variables |
//! | `derived` | what other modules compute from them too early is not kept |
//! | `dav` | tells the requests that nginx's dav module stores |
//! | `raw` | nginx's pointers behind safe methods |
//! | `guard` | a panic ends here |

mod analysis;
mod body_filter;
mod conf;
mod ctx;
mod dav;
mod derived;
mod guard;
mod head;
mod kept;
mod module;
mod peek;
mod phase;
mod raw;
mod replay;
mod variable;

/// nginx's macros as functions, generated from `shim.h`.
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    clippy::missing_safety_doc,
    clippy::undocumented_unsafe_blocks
)]
mod shim {
    include!(concat!(env!("OUT_DIR"), "/shim.rs"));
}
