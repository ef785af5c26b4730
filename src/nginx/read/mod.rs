//! How the body reaches the scanner: handlers in the REWRITE, PREACCESS and PRECONTENT phases look at
//! the body, or have nginx read it, and then let the request go on.
//!
//! The handlers follow the pattern of ngx_http_mirror_module. nginx calls a handler once for its phase,
//! and again whenever the phases are resumed or an internal redirect restarts them:
//!
//! | life | body | what the handler does, and returns |
//! | --- | --- | --- |
//! | none | none, or not worth reading | DECLINED: the first variable that is asked for decides |
//! | none | a file for nginx's dav module | DECLINED: the variables stay unread |
//! | none | unread, all of it has come with the header | look at it; DECLINED |
//! | none | unread | read it; DONE: `body_handler` resumes the phases, at once or later |
//! | none | unread, preread | peek at it; DECLINED if that decides at once, else DONE: `peek` resumes the phases |
//! | none, Reading | read by nginx or another module | replay it; DECLINED if that decides at once, else DONE: `replay` resumes the phases |
//! | Reading | on its way | DONE: keep waiting |
//! | made by other rules | can still be read or replayed | as for no life |
//! | any other | | DECLINED |
//!
//! `frappe_phase` chooses the phase for a location. The PREACCESS handler is for `frappe_cmd on` inside
//! an `if`: nginx enters the `if` after our REWRITE handler. A handler is registered in a phase only
//! where the configuration needs it.
//!
//! | file | what |
//! | --- | --- |
//! | `phase` | the phase handlers |
//! | `filter` | the request body filter hands each piece of a body, as it arrives, to the scanner |
//! | `peek` | looks at the first bytes of a body without consuming them |
//! | `replay`, `turns` | scan a body that nginx or another module has read before |

pub(super) mod turns;

#[cfg(all(feature = "module", not(test)))]
pub(super) mod filter;
#[cfg(all(feature = "module", not(test)))]
mod peek;
#[cfg(all(feature = "module", not(test)))]
pub(super) mod phase;
#[cfg(all(feature = "module", not(test)))]
pub(super) mod replay;
