//! The boundary: everything that touches nginx. Each layer uses those above it in this table.
//!
//! | layer | what |
//! | --- | --- |
//! | `ffi` | nginx's pointers behind safe methods; it stops every panic |
//! | `request` | what is known of a request, and the memory for it |
//! | `read` | how the body reaches us: phases, body filter, peek, replay |
//! | `status` | what is counted of requests, and the page that shows it |
//! | `pace` | which calls are slow by themselves |
//! | `directive` | directives, their values and inheritance |
//! | `variable` | the variables |
//! | `derived` | makes nginx compute other modules' variables again when ours have changed |
//! | `module` | the module's tables, and what it does before and after nginx reads the configuration |
//!
//! `cargo test` also compiles the files that need no nginx: `request::memory`, `request::look`,
//! `read::turns`.

mod read;
mod request;

#[cfg(all(feature = "module", not(test)))]
mod derived;
#[cfg(all(feature = "module", not(test)))]
mod directive;
#[cfg(all(feature = "module", not(test)))]
mod ffi;
#[cfg(all(feature = "module", not(test)))]
mod module;
#[cfg(all(feature = "module", not(test)))]
mod pace;
#[cfg(all(feature = "module", not(test)))]
mod status;
#[cfg(all(feature = "module", not(test)))]
mod variable;
