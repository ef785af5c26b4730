//! Counts each request that ends, in the log phase.

use std::io::Write;

use nginx_sys::{
    NGX_OK, ngx_cached_time, ngx_http_request_t, ngx_http_upstream_srv_conf_t, ngx_int_t,
    ngx_msec_t, ngx_str_t,
};

use crate::figures::{Record, Upstream, Worker, Zone};
use crate::nginx::ffi::answer::upstream_states;
use crate::nginx::ffi::guard::guarded;
use crate::nginx::ffi::memory::{slice_of, str_bytes};
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::shim;
use crate::nginx::request::rules::{LocConf, MainConf};
use crate::nginx::request::zones::{Key, StatusZone, worker};

/// The handler of the log phase.
pub(in crate::nginx) unsafe extern "C" fn handler(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx calls phase handlers with a valid request.
    if let Some(request) = unsafe { Request::new(r) }
        && request.is_main()
        && LocConf::get(request).is_some_and(|conf| conf.is_on() && conf.page.is_none())
    {
        guarded(request.log(), (), || count(request));
    }
    NGX_OK as ngx_int_t
}

fn count(r: Request) {
    let (Some(worker), Some(main)) = (worker(), MainConf::get(r)) else {
        return;
    };
    let mut record = record(r);
    let time = upstream_time(r);
    for configured in &main.figures.zones {
        let Some(zone) = configured.view() else {
            continue;
        };
        record.upstream = time.map(|time| Upstream {
            time,
            group: group(r, configured, &zone, worker),
        });
        if let Some(name) = key(r, &configured.key) {
            // nginx's `limit_req` does not count a request with an empty key, and neither do we.
            if !name.is_empty() {
                zone.count(worker, name, &record);
            }
        }
    }
}

/// The time of day, in seconds since 1970.
pub(super) fn now() -> u32 {
    u32::try_from(now_ms() / 1000).unwrap_or(u32::MAX)
}

/// The same in milliseconds, as nginx last looked at it.
pub(super) fn now_ms() -> u64 {
    // SAFETY: nginx sets the pointer when it starts, before any callback.
    unsafe {
        let time = &*ngx_cached_time;
        let seconds = u64::try_from(time.sec).unwrap_or_default();
        seconds
            .saturating_mul(1000)
            .saturating_add(time.msec as u64)
    }
}

fn record(r: Request) -> Record {
    // SAFETY: a valid request, as long as the callback.
    let (r, sent) = unsafe { (&*r.as_ptr(), (*r.connection()).sent) };
    let begun = u64::try_from(r.start_sec).unwrap_or_default();
    let begun = begun
        .saturating_mul(1000)
        .saturating_add(r.start_msec as u64);
    // As for the variable $status.
    let status = match r.err_status {
        0 => r.headers_out.status,
        status => status,
    };
    Record {
        status: u32::try_from(status).unwrap_or_default(),
        received: u64::try_from(r.request_length).unwrap_or_default(),
        sent: u64::try_from(sent).unwrap_or_default(),
        time: u32::try_from(now_ms().saturating_sub(begun)).unwrap_or(u32::MAX),
        upstream: None,
        now: now(),
    }
}

/// The time that the request spent at servers, of all tries together, in milliseconds. None where it
/// went to no server.
fn upstream_time(r: Request) -> Option<u32> {
    let states = upstream_states(r.as_ptr());
    let times = states
        .iter()
        .filter(|state| !state.peer.is_null())
        .map(|state| {
            match state.response_time {
                // This try has not ended.
                ngx_msec_t::MAX => 0,
                time => time,
            }
        });
    let (count, sum) = times.fold((0_u32, 0), |(count, sum), time| {
        (count.saturating_add(1), time.saturating_add(sum))
    });
    (count > 0).then(|| u32::try_from(sum).unwrap_or(u32::MAX))
}

/// The number of the group of servers that the request went to last.
fn group(r: Request, configured: &StatusZone, zone: &Zone<'_>, worker: Worker) -> u32 {
    // SAFETY: null or valid as long as the request; the configuration's groups live longer.
    let (group, resolved) = unsafe {
        match (*r.as_ptr()).upstream.as_ref() {
            Some(upstream) => (upstream.upstream, upstream.resolved.as_ref()),
            None => (core::ptr::null_mut(), None),
        }
    };
    // SAFETY: as above.
    let Some(found) = (unsafe { group.as_ref() }) else {
        let host = resolved.map_or(&b"(none)"[..], |resolved| str_bytes(&resolved.host));
        return zone.group(worker, host);
    };
    let address = group.addr();
    let known = configured
        .groups
        .borrow()
        .iter()
        .find_map(|(known, number)| (*known == address).then_some(*number));
    known.unwrap_or_else(|| {
        let mut room = [0; GROUP_NAME];
        let number = zone.group(worker, group_name(found, &mut room));
        let mut groups = configured.groups.borrow_mut();
        if groups.try_reserve(1).is_ok() {
            groups.push((address, number));
        }
        number
    })
}

/// The first bytes of a group's name that are used; a zone keeps fewer.
const GROUP_NAME: usize = 128;

/// The name of an upstream block, or the host and port of a `proxy_pass` without one.
fn group_name<'n>(
    group: &ngx_http_upstream_srv_conf_t,
    room: &'n mut [u8; GROUP_NAME],
) -> &'n [u8] {
    let host = str_bytes(&group.host);
    let mut rest = &mut room[..];
    // An error means only that the name is longer than `room`.
    let _ = match group.port != 0 && group.no_port == 0 {
        true => rest
            .write_all(host)
            .and_then(|()| write!(rest, ":{}", group.port)),
        false => rest.write_all(host),
    };
    let left = rest.len();
    room.get(..GROUP_NAME.saturating_sub(left))
        .unwrap_or_default()
}

/// The value of a key. None where nginx has no memory for it.
pub(in crate::nginx) fn key<'r>(r: Request, key: &Key) -> Option<&'r [u8]> {
    let mut text = ngx_str_t {
        len: 0,
        data: core::ptr::null_mut(),
    };
    // SAFETY: a valid request, and an index or a value of its configuration. A variable's value
    // lives in the request or in its pool, as long as the request; null is checked.
    unsafe {
        match key {
            Key::Variable(index) => {
                let value = nginx_sys::ngx_http_get_flushed_variable(r.as_ptr(), *index);
                if value.is_null() {
                    return None;
                }
                text = shim::ngx_http_frappe_value_text(value);
            }
            Key::Complex(value) => {
                let rc = nginx_sys::ngx_http_complex_value(r.as_ptr(), *value, &raw mut text);
                if rc != NGX_OK as ngx_int_t {
                    return None;
                }
            }
        }
        Some(slice_of(text.data, text.len))
    }
}
