//! `$frappe_pace`: which calls are slow by themselves. [`crate::figures::pace`] judges; here is what
//! nginx has to do with it.
//!
//! | file | what |
//! | --- | --- |
//! | `directive` | `frappe_pace`, and its mistakes |
//! | `flight` | a request's pace, kept for as long as it lives, and the timer that asks whether it hangs |
//! | `visit` | what nginx knows of a request's time at a server |
//! | `run` | counts it in the log phase |

mod directive;
mod flight;
mod run;
mod visit;

pub(super) use directive::{find_zones, set_pace};
pub(super) use flight::pace_of;
pub(super) use run::count;
