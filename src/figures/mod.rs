//! Counts and times of calls, in memory that several processes share.
//!
//! A [`Zone`] is a view of words that are lent to it: [`AtomicU32`]s and [`AtomicU64`]s, so that all of
//! this is safe Rust that runs on plain memory in a test, with threads for workers, as it runs on
//! nginx's shared memory. A *row* counts what was asked for under one name.
//!
//! # Who may do what
//!
//! | what | how |
//! | --- | --- |
//! | count under a name that is known | no lock: the worker *pins* the row and adds to its words |
//! | a new name, a new range of a histogram | the zone's lock, for as long as one row's copy |
//! | read a row | no lock: the worker pins it and copies it |
//!
//! A worker pins a row by writing the row's number to a word of its own ([`zone::worker`]). A worker that
//! takes a row away makes its tag invalid first and then looks at the pins of all workers; one that pins
//! a row looks at its tag again after it. So one of the two sees the other (both fence in between),
//! and neither waits.
//!
//! # A worker may be killed anywhere
//!
//! A pin that is left behind keeps one row from being replaced, until nginx has started the next
//! worker in the same place. A lock that is left behind is taken over by the first worker that finds
//! its owner dead, and [`zone`] then builds the lists anew from the rows ([`repair`]). What a row that
//! leaves adds to `(other)` is written to a journal first ([`other`]), so that at no moment a request
//! counts twice or not at all.
//!
//! # Which row leaves
//!
//! S3-FIFO's rule (Yang et al., SOSP 2023) with two queues, since the order of exact LRU would have to
//! be written by every request. New names stand in a first queue, in the order in which they came. A
//! name that was asked for again is moved to the second queue when its turn comes; one that was not
//! leaves. Where the first queue holds less than an eighth of the rows, the second gives up a row: the
//! first one that was not asked for since it was last looked at. So of the names that were asked for
//! once the oldest leaves, exactly; of the others one that is unused for a whole turn of its queue.
//! A client that invents names replaces its own. At most [`zone::queue::STEPS`] rows are looked at.
//!
//! What the words of a row say of its pace, and the table of servers, are [`pace`]'s.
//!
//! # What was looked at and not taken
//!
//! - `hdrhistogram`: buckets in a `Vec` of its own, not in memory that is lent; within 5 % they are about
//!   2,000 for an hour.
//! - `sketches-ddsketch`, `quantiles`: the same kind of buckets as here, in a `Vec` that grows.
//! - ngx's `SlabPool` and `RbTreeMap` behind its `sync::RwLock`: a spin lock that a killed worker keeps,
//!   and that a reader of many rows would hold against all workers.
//! - POSIX's robust mutexes: would do for the lock, but macOS has none, and a row would still need a way
//!   to be counted without one.
//!
//! [`AtomicU32`]: core::sync::atomic::AtomicU32
//! [`AtomicU64`]: core::sync::atomic::AtomicU64

mod group;
mod histogram;
mod layout;
mod lock;
mod other;
pub mod pace;
mod repair;
mod report;
mod state;
mod sums;
mod zone;

#[cfg(test)]
mod tests;

pub use group::GroupName;
pub use histogram::{BUCKETS, upper};
pub use layout::BYTES_MIN;
pub use report::{Facts, Format, NoMemory, Report, TOP, TOP_MAX, choose};
pub use state::{Saver, Unusable};
pub use sums::{Class, Figures, GROUPS, Share, Times};
pub use zone::name::NAME_MAX;
pub use zone::record::{Record, Upstream};
pub use zone::worker::{Host, Worker};
pub use zone::{OTHER, Read, Usage, Zone};
