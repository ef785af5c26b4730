//! The boundary: everything that touches nginx. Each layer uses those above it in this table.
//!
//! | layer | what |
//! | --- | --- |
//! | `ffi` | nginx's pointers behind safe methods; a panic ends here |
//! | `request` | what is known of a request, and where it lies |
//! | `read` | how the body comes: phases, body filter, peek, replay |
//! | `status` | what is counted of requests, and where it is shown |
//! | `pace` | which calls are slow by themselves |
//! | `directive` | directives, their values and inheritance |
//! | `variable` | the variables |
//! | `derived` | what other modules compute from them too early is not kept |
//! | `module` | the module's tables, and what it does before and after the configuration is read |
//!
//! What needs no nginx (`request::memory`, `request::look`, `read::turns`) is compiled for `cargo test`,
//! too.

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
