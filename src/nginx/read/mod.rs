//! REWRITE, PREACCESS and PRECONTENT phases: look at the body, or read it, then let the request go
//! on.
//!
//! ngx_http_mirror_module's pattern. A handler is called once for each phase and again at every
//! resumption and internal redirect:
//!
//! | life | body | answer |
//! | --- | --- | --- |
//! | none | none, or not worth reading | DECLINED: a variable decides when it is asked for |
//! | none | a file for nginx's dav module | DECLINED: the variables stay unread |
//! | none | unread, all of it has come with the header | look at it; DECLINED |
//! | none | unread | read it; DONE: `body_handler` resumes the phases, at once or later |
//! | none | unread, preread | peek at it; DECLINED if that decides at once, else DONE: `peek` resumes the phases |
//! | none, Reading | read by nginx or another module | replay it; DECLINED if that decides at once, else DONE: `replay` resumes the phases |
//! | Reading | on its way | DONE: keep waiting |
//! | any, by other rules | it can still be had | as none |
//! | any else | | DECLINED |
//!
//! Which phase is the location's choice (`frappe_phase`). PREACCESS is for `frappe_cmd on` inside
//! an `if`: that is chosen after our REWRITE handler. A handler is registered in a phase only where
//! the configuration needs it.
//!
//! | file | what |
//! | --- | --- |
//! | `filter` | each piece of a body, as it arrives, goes to the scanner |
//! | `peek` | looks at the first bytes of a body without consuming them |
//! | `replay`, `turns` | a body that nginx or another module has read before |

pub(super) mod turns;

#[cfg(all(feature = "module", not(test)))]
pub(super) mod filter;
#[cfg(all(feature = "module", not(test)))]
mod peek;
#[cfg(all(feature = "module", not(test)))]
pub(super) mod phase;
#[cfg(all(feature = "module", not(test)))]
pub(super) mod replay;
