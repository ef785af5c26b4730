//! Which calls are slow by themselves: tells work from waiting.
//!
//! 1. A server takes requests in the order in which they come, so a request is at work, and no longer
//!    waiting, once the server has answered another that came after it.
//! 2. From then on its time counts as work.
//! 3. A call is slow when the work of its last runs took at least `slow=`, and fast again when three
//!    of them took less with all their waiting.
//!
//! What cannot be told from waiting teaches nothing, so a storm, in which everything waits, changes no
//! call's pace. `sim` has the properties that this is held to, and what else was tried.
//!
//! # Who keeps what
//!
//! | what | words | key |
//! | --- | --- | --- |
//! | [`Call`] | [`CALL_WORDS`] | the row of a call |
//! | [`Server`] | [`SERVER_WORDS`] | the address of a server, not the group: each has a queue of its own |
//! | [`Servers`] | [`TABLE_WORDS`] | once a zone: [`SERVERS`] of those |
//!
//! Both are values of `u32` that lie in shared memory. A worker copies the words out, changes them
//! and copies them back; another may do so at the same time, or end in the middle. So every pattern
//! of bits is valid: at worst one run is forgotten, or counts twice. Nothing counts what is in flight:
//! a worker asks about its own requests by a timer, so a worker that ends leaves nothing behind.
//!
//! # Clocks
//!
//! There is none in here. Times of runs are milliseconds of a clock that never jumps, modulo 2^32,
//! the same for all workers. When a call was seen is told in seconds since 1970, since it outlives
//! a restart.

mod call;
mod explain;
mod server;
#[cfg(test)]
mod sim;
mod table;

pub use call::{CALL_WORDS, Call, MIN_MAX};
pub use explain::Explanation;
pub use server::{SERVER_WORDS, Server};
pub use table::{SERVERS, Servers, TABLE_WORDS};

/// What `$frappe_pace` says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It has too few finished runs, or has not been seen for long.
    New,
    /// Its work takes less than `slow=`.
    Fast,
    /// Its work takes `slow=` or longer.
    Slow,
}

impl Pace {
    /// As the variable, JSON and the page say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Fast => "fast",
            Self::Slow => "slow",
        }
    }
}

/// `frappe_pace ZONE slow=TIME [min=N] [window=TIME]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Work that takes as long is slow, in milliseconds.
    pub slow: u32,
    /// So many finished runs make a call known; 1 to [`MIN_MAX`].
    pub min: u32,
    /// A call that was not seen for so many seconds is new.
    pub window: u32,
}

impl Settings {
    /// The defaults of `min=` and `window=`.
    pub const fn new(slow: u32) -> Self {
        Self {
            slow,
            min: 3,
            window: 7 * 24 * 60 * 60,
        }
    }
}

/// The present, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of the clock that never jumps.
    pub ms: u32,
    /// Seconds since 1970.
    pub s: u32,
}

/// A run that has finished, as nginx saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Tells calls apart: a hash of the call's name.
    pub call: u32,
    /// When the server could take it: when nginx had a connection.
    pub begun: u32,
    /// When the answer began to come, or the run was given up.
    pub answered: u32,
    /// How it ended.
    pub end: RunEnd,
    /// The first answer of [`Server::suspected`] while it was in flight.
    pub at_work_since: Option<u32>,
    /// Who answered.
    pub answer: Answer,
}

/// Who answered a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The application: what came before is at work by now.
    Application,
    /// The application or something in front of its queue, such as a web server that has the file.
    Somebody,
    /// No server yet: the client or nginx has given up. The server may go on with it.
    Nobody,
}

/// Counts a run of a call on a server.
pub fn finished(server: &mut Server, call: &mut Call, run: Run, settings: Settings, now: Now) {
    let mut work = server.overtaken(run.begun, run.answered);
    if run.end == RunEnd::Done {
        work = work.max(server.work(run.begun, run.answered));
        if let Some(start) = run.at_work_since {
            work = work.max(since(start, run.answered));
        }
    }
    match run.answer {
        Answer::Application => server.answered(run.begun, run.answered),
        Answer::Somebody => server.has_answered(run.answered),
        Answer::Nobody => server.given_up(run.answered),
    }
    let pace = call.pace(settings, now);
    // Where several quick calls seem slow at a time, it is the server that is slow.
    let is_doubted = pace != Pace::Slow
        && work >= settings.slow
        && server.doubts(run.call, pace == Pace::Fast, now.ms);
    if !is_doubted {
        call.finished(work, since(run.begun, run.answered), run.end, settings, now);
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// The server answered, and not with an error.
    Done,
    /// It answered with an error, or the client or nginx gave up: how long it would have taken is not
    /// known, only how long it had been at work.
    Failed,
}

/// Whether `a` is later than `b`, by the clock of milliseconds.
fn is_later(a: u32, b: u32) -> bool {
    since(b, a) > 0
}

/// Milliseconds from one time to another; 0 if that lies before it.
fn since(from: u32, to: u32) -> u32 {
    let passed = to.wrapping_sub(from);
    // What seems to be more than half of the clock's range lies in the future.
    if passed > u32::MAX / 2 { 0 } else { passed }
}
