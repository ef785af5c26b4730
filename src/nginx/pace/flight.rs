//! A request's pace. It is decided once, so that the log shows the pace that routed the request. If the
//! call is not known to be fast, a timer looks whether the request hangs at a server.
//!
//! ```text
//! $frappe_pace      the pace of the call is kept with the request; if it is slow or new, the timer starts
//! the timer         has the request been at a server for twice slow=? Then note since when the server
//!                   has worked on it, and take a new call for slow
//! the request ends  the timer is deleted
//! ```

use core::mem::MaybeUninit;

use nginx_sys::{ngx_add_timer, ngx_del_timer, ngx_event_t, ngx_http_request_t};

use super::visit::Visit;
use crate::figures::pace::{Call, Pace, Servers};
use crate::nginx::ffi::guard::guarded;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::{answer, shim};
use crate::nginx::request::rules::{LocConf, MainConf};
use crate::nginx::request::zones::worker;
use crate::nginx::status;

/// What is kept of a request until it ends.
#[repr(C)]
struct Flight {
    /// nginx hands the address of the event to the timer's handler
    event: MaybeUninit<ngx_event_t>,
    r: *mut ngx_http_request_t,
    pace: Pace,
    /// the number of the `frappe_pace` that has decided
    judge: usize,
    at_work_since: Option<u32>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        let event = self.event.as_mut_ptr();
        // SAFETY: the event is zero or what `start` has made of it. nginx drops it when the request ends.
        unsafe {
            if shim::ngx_http_frappe_has_timer(event) != 0 {
                ngx_del_timer(event);
            }
        }
    }
}

/// The pace of this request's call, by the `frappe_pace` of the location that the request is in now.
/// None where none holds. `is_decided`: the name of the call is known.
pub(in crate::nginx) fn pace_of(r: Request, is_decided: bool) -> Option<Pace> {
    let r = r.main();
    let number = LocConf::get(r).filter(|conf| conf.is_on())?.pace?;
    if let Some(flight) = answer::kept::<Flight>(r)
        && flight.judge == number
    {
        return Some(flight.pace);
    }
    if !is_decided {
        return Some(Pace::New);
    }
    let judge = MainConf::get(r)?.figures.judge(number)?;
    let name = status::key(r, &judge.zone.key).unwrap_or_default();
    let call = match (judge.zone.view(), worker()) {
        (Some(zone), Some(worker)) if !name.is_empty() => {
            zone.with_pace(worker, name, |words| Call::from_words(*words))
        }
        _ => None,
    };
    let pace = call
        .unwrap_or_default()
        .pace(judge.settings, status::pace_now());
    if !name.is_empty() {
        let flight = Flight {
            event: MaybeUninit::zeroed(),
            r: r.as_ptr(),
            pace,
            judge: number,
            at_work_since: None,
        };
        if let Some(flight) = answer::keep(r, flight)
            && pace != Pace::Fast
        {
            start(flight, r, judge.settings.slow.saturating_mul(2));
        }
    }
    Some(pace)
}

/// Since when a server has worked on the request. None where the timer has not found out.
pub(super) fn at_work_since(r: Request) -> Option<u32> {
    answer::kept::<Flight>(r)?.at_work_since
}

fn start(flight: &mut Flight, r: Request, after: u32) {
    let event = flight.event.as_mut_ptr();
    // SAFETY: all fields are zero, which is a value of each. The event stays where it is until `Flight`
    // is dropped, which deletes the timer. nginx's debug log reads the event's connection.
    unsafe {
        (*event).data = r.connection().cast();
        (*event).handler = Some(on_timer);
        (*event).log = r.log();
        shim::ngx_http_frappe_set_cancelable(event);
        ngx_add_timer(event, after as usize);
    }
}

unsafe extern "C" fn on_timer(event: *mut ngx_event_t) {
    // SAFETY: nginx calls it with our event, the first field of a Flight. Neither the Flight nor its
    // request has ended, since the timer would have been deleted.
    unsafe {
        let Some(flight) = event.cast::<Flight>().as_mut() else {
            return;
        };
        let Some(r) = Request::new(flight.r) else {
            return;
        };
        if let Some(again) = guarded(r.log(), None, || look(flight, r)) {
            ngx_add_timer(event, again as usize);
        }
    }
}

/// Looks whether the request hangs. Returns after how many milliseconds to look again; None: never.
fn look(flight: &mut Flight, r: Request) -> Option<u32> {
    let judge = MainConf::get(r)?.figures.judge(flight.judge)?;
    let slow = judge.settings.slow;
    let again = (slow / 2).max(1);
    let now = status::pace_now();
    let Some(visit) = Visit::last(r) else {
        // The body is still coming, or nginx has no connection to a server yet.
        return Some(again);
    };
    if visit.answered.is_some() {
        return None;
    }
    let age = now.ms.wrapping_sub(visit.begun);
    if let Some(rest) = slow.saturating_mul(2).checked_sub(age)
        && rest > 0
    {
        return Some(rest);
    }
    let (zone, worker) = (judge.zone.view()?, worker()?);
    let start = Servers::new(zone.servers())
        .with(visit.server, now.ms, |server| {
            server.suspected(visit.begun, now.ms, slow)
        })
        .flatten();
    if let Some(start) = start {
        flight.at_work_since.get_or_insert(start);
        if flight.pace == Pace::New {
            let name = status::key(r, &judge.zone.key).filter(|name| !name.is_empty())?;
            let suspect = || {
                zone.with_pace(worker, name, |words| {
                    let mut call = Call::from_words(*words);
                    call.suspect(again, now);
                    *words = *call.words();
                })
            };
            // Before its first run has ended, a call has no row.
            if suspect().is_none() && zone.make_row(worker, name).is_some() {
                suspect();
            }
        }
    }
    Some(again)
}

/// `on_timer` casts the address of the event to that of the Flight.
const _: () = assert!(core::mem::offset_of!(Flight, event) == 0);
