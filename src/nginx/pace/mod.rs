//! `$frappe_pace`: which calls are slow by themselves. [`crate::figures::pace`] judges them; this folder
//! connects it with nginx.
//!
//! | file | what |
//! | --- | --- |
//! | `directive` | `frappe_pace`, and its error messages |
//! | `flight` | keeps a request's pace, and has the timer that looks whether the request hangs |
//! | `visit` | what nginx knows of a request's time at a server |
//! | `run` | counts each run in the log phase |

mod directive;
mod flight;
mod run;
mod visit;

pub(super) use directive::{find_zones, set_pace};
pub(super) use flight::pace_of;
pub(super) use run::count;
