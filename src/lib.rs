//! An nginx module that finds out which server method a request will run on a Frappe server,
//! also when the name stands in the body of a POST, and hands it to nginx as `$frappe_cmd`.
//!
//! # The way of a request
//!
//! ```text
//! nginx::read::phase     the phase handler decides whether the body is worth reading, and starts the read
//! nginx::read::filter    the body filter hands each piece, as it arrives, to the scanner
//! body                   Form | Multipart | Json: a scanner keeps the few wanted values and skips the rest
//! frappe::resolve        decides by body, query and path which method runs, and which of them named it
//! nginx::request::life   keeps what is known of the request, also through rewrites and redirects
//! nginx::variable        hands it to nginx: $frappe_cmd, $frappe_cmd_source, $frappe_cmd_status, ...
//! ```
//!
//! # Which file to change
//!
//! | to change | look at |
//! | --- | --- |
//! | what a Frappe version does | [`frappe::dialect`], one row a dialect |
//! | path rules (`/api/method/...`) | [`frappe::path`] |
//! | precedence of body, query, path | [`frappe::resolve`] |
//! | how a body is read | [`body::form`], [`body::multipart`], [`body::json`] |
//! | which content types are read | [`body::header::content_type`] |
//! | what only Frappe before 14.57 needs | the modules named `legacy`, and the switches of [`body::werkzeug`] |
//! | what is counted of each call, and which rows leave a full zone | [`figures`] |
//! | which calls count as slow | [`figures::pace`] |
//! | what is logged about a bad request | [`body::trouble`] |
//! | a directive | `nginx::directive` |
//! | a variable | `nginx::variable` |
//! | when the body is read | `nginx::read::phase` |
//! | what the variables say after a rewrite, a redirect, in the log | `nginx::request::life` |
//!
//! # Two halves
//!
//! [`body`], [`frappe`] and [`figures`] are the core: plain Rust that knows no nginx, forbids unsafe
//! code and never panics. It allocates nothing to read a request or to count it; only the
//! configuration ([`body::Names`]) and a report of the figures ([`figures::Report`]) allocate.
//! `nginx` is the boundary: thin callbacks around the core. `--no-default-features` builds and tests
//! the core alone.

#![deny(missing_docs, unreachable_pub, unused_must_use, unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]

#[forbid(unsafe_code)]
pub mod body;
#[forbid(unsafe_code)]
pub mod figures;
#[forbid(unsafe_code)]
pub mod frappe;

#[cfg(any(feature = "module", test))]
mod nginx;
