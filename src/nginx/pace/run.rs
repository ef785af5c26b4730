//! What nginx knows of a request's time at a server.
//!
//! A run begins when nginx has a connection to the server, and ends when the head of the answer has
//! come: a client that reads slowly makes no call slow. Where a request went to several servers, the
//! last one counts.

use core::hash::Hasher;
use std::hash::DefaultHasher;

use nginx_sys::{NGX_OK, ngx_http_request_t, ngx_int_t, ngx_msec_t};

use super::flight;
use crate::figures::pace::{Answer, Call, End, Run, Servers, finished};
use crate::nginx::ffi::answer::upstream_states;
use crate::nginx::ffi::guard::guarded;
use crate::nginx::ffi::memory::str_bytes;
use crate::nginx::ffi::request::Request;
use crate::nginx::request::rules::{LocConf, MainConf};
use crate::nginx::request::zones::worker;
use crate::nginx::status;

/// A request at a server.
pub(super) struct Visit {
    /// tells servers apart: a hash of the address
    pub(super) server: u64,
    /// when nginx had a connection
    pub(super) begun: u32,
    /// when the head of the answer had come; None: it has not
    pub(super) answered: Option<u32>,
    status: usize,
}

impl Visit {
    /// The last one of a request. None where it was at no server, or has no connection yet.
    pub(super) fn last(r: Request) -> Option<Self> {
        let state = upstream_states(r.as_ptr()).last()?;
        // SAFETY: null or valid as long as the request.
        let (peer, upstream) = unsafe { (state.peer.as_ref()?, (*r.as_ptr()).upstream.as_ref()?) };
        let after = |time: ngx_msec_t| {
            let is_known = time != ngx_msec_t::MAX;
            is_known.then(|| upstream.start_time.wrapping_add(time) as u32)
        };
        Some(Self {
            server: hash(str_bytes(peer)),
            begun: after(state.connect_time)?,
            answered: after(state.header_time),
            status: state.status,
        })
    }
}

fn hash(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text);
    hasher.finish()
}

/// The handler of the log phase, behind the one that counts: the call has a row by then.
pub(in crate::nginx) unsafe extern "C" fn count(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx calls phase handlers with a valid request.
    if let Some(request) = unsafe { Request::new(r) }
        && request.is_main()
        && LocConf::get(request).is_some_and(|conf| conf.is_on() && conf.pace.is_some())
    {
        guarded(request.log(), (), || {
            count_run(request);
        });
    }
    NGX_OK as ngx_int_t
}

fn count_run(r: Request) -> Option<()> {
    let judge = MainConf::get(r)?.figures.judge(LocConf::get(r)?.pace?)?;
    let (zone, worker) = (judge.zone.view()?, worker()?);
    let name = status::key(r, &judge.zone.key).filter(|name| !name.is_empty())?;
    let visit = Visit::last(r)?;
    let now = status::pace_now();
    let run = Run {
        call: hash(name) as u32 | 1,
        begun: visit.begun,
        answered: visit.answered.unwrap_or(now.ms),
        end: match visit.answered {
            // 101 is a connection that lasts.
            Some(_) if (200..400).contains(&visit.status) => End::Done,
            _ => End::Failed,
        },
        at_work_since: flight::at_work_since(r),
        answer: match visit.answered {
            Some(_) if is_of_application(r, visit.status) => Answer::Application,
            Some(_) => Answer::Somebody,
            None => Answer::Nobody,
        },
    };
    if r.is_unbuffered() && r.had_body() && run.end == End::Done {
        // The client may have sent its body slowly: the server waited for it.
        return None;
    }
    Servers::new(zone.servers()).with(visit.server, now.ms, |server| {
        zone.with_pace(worker, name, |words| {
            let mut call = Call::from_words(*words);
            finished(server, &mut call, run, judge.settings, now);
            *words = *call.words();
        })
    })?
}

/// The answer is certainly the application's: a web server in front of it answers with files to GET
/// alone, where no `/api/` is, and with errors and redirects.
fn is_of_application(r: Request, status: usize) -> bool {
    (200..300).contains(&status) && (r.method() != b"GET" || r.target().starts_with(b"/api/"))
}
