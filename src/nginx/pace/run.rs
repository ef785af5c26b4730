//! Counts a call's runs at servers, in the log phase.

use nginx_sys::{NGX_OK, ngx_http_request_t, ngx_int_t};

use super::flight;
use super::visit::{Visit, hash};
use crate::figures::pace::{Answer, Call, Run, RunEnd, Servers, finished};
use crate::nginx::ffi::guard::guarded;
use crate::nginx::ffi::request::Request;
use crate::nginx::request::life;
use crate::nginx::request::rules::{LocConf, MainConf};
use crate::nginx::request::zones::worker;
use crate::nginx::status;

/// The handler of the log phase. nginx calls it after `status::count`, which makes the call's row.
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
    let begun = begun(r, &visit)?;
    let now = status::pace_now();
    let run = Run {
        call: hash(name) as u32 | 1,
        begun,
        answered: visit.answered.unwrap_or(now.ms),
        end: match visit.answered {
            // 101 is no finished run: a WebSocket lasts as long as the client likes.
            Some(_) if (200..400).contains(&visit.status) => RunEnd::Done,
            _ => RunEnd::Failed,
        },
        at_work_since: flight::at_work_since(r),
        answer: match visit.answered {
            Some(_) if is_of_application(r, visit.status) => Answer::Application,
            Some(_) => Answer::Somebody,
            None => Answer::Nobody,
        },
    };
    Servers::new(zone.servers()).with(visit.server, now.ms, |server| {
        zone.with_pace(worker, name, |words| {
            let mut call = Call::from_words(*words);
            finished(server, &mut call, run, judge.settings, now);
            *words = *call.words();
        })
    })?
}

/// When the server had the whole request: where nginx streams the body, the server waits for the client.
/// None where the body has not come to its end.
fn begun(r: Request, visit: &Visit) -> Option<u32> {
    if !r.is_unbuffered() || !r.had_body() {
        return Some(visit.begun);
    }
    let ctx = life::find(r)?;
    match ctx.body_end {
        Some(end) if (end as u32).wrapping_sub(visit.begun) < u32::MAX / 2 => Some(end as u32),
        // The body had ended before nginx had a connection.
        Some(_) => Some(visit.begun),
        None => (!ctx.is_listening()).then_some(visit.begun),
    }
}

/// Whether the response certainly comes from the application. A web server in front of it may answer a
/// GET outside `/api/` with a file, and any request with an error or a redirect.
fn is_of_application(r: Request, status: usize) -> bool {
    (200..300).contains(&status) && (r.method() != b"GET" || r.target().starts_with(b"/api/"))
}
