//! The directive `frappe_pace ZONE slow=TIME [min=N] [window=TIME]`.

use core::ffi::{c_char, c_void};

use nginx_sys::{ngx_command_t, ngx_conf_t, ngx_parse_time, ngx_str_t};

use crate::figures::pace::{MIN_MAX, Settings};
use crate::nginx::directive::main_conf;
use crate::nginx::ffi::directive::{Directive, ERROR, OK, Told};
use crate::nginx::ffi::log;
use crate::nginx::ffi::memory::str_bytes;
use crate::nginx::request::rules::LocConf;
use crate::nginx::request::zones::{Figures, Judge, Names};

/// The bounds of `slow=`, in milliseconds. A smaller time would be near what the times are exact to:
/// nginx's clock has a step of one millisecond, and a run's time is kept in hundredths of a second.
const SLOW_MIN: u32 = 50;
const SLOW_MAX: u32 = 300_000;
/// The bounds of `window=`, in seconds.
const WINDOW_MIN: u32 = 60;
const WINDOW_MAX: u32 = 366 * 24 * 60 * 60;

pub(in crate::nginx) unsafe extern "C" fn set_pace(
    cf: *mut ngx_conf_t,
    _command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: as nginx calls it; `conf` is a LocConf, by the offset in the command table.
    unsafe {
        let (Some(main), Some(conf)) = (main_conf(cf), conf.cast::<LocConf>().as_mut()) else {
            return ERROR;
        };
        if conf.pace.is_some() {
            return c"is duplicate".as_ptr().cast_mut();
        }
        let directive = Directive::new(cf);
        match parse(directive) {
            Ok((name, settings)) => {
                let judges = &mut main.figures.judges;
                if judges.try_reserve(1).is_err() {
                    directive.no_memory();
                    return ERROR;
                }
                conf.pace = Some(judges.len());
                judges.push(Judge {
                    name,
                    settings,
                    place: directive.place(),
                    zone: None,
                });
                OK
            }
            Err(Told) => ERROR,
        }
    }
}

fn parse(directive: Directive) -> Result<(&'static [u8], Settings), Told> {
    let name = directive.word(1);
    if name.contains(&b'=') {
        return Err(directive.refuse(format_args!(
            "\"{}\" stands where the name of a zone must be, as in \"frappe_pace calls slow=2s;\"",
            name.escape_ascii()
        )));
    }
    let (mut slow, mut min, mut window) = (None, None, None);
    for parameter in directive.words().iter().skip(2) {
        let text = str_bytes(parameter);
        let shown = text.escape_ascii();
        let (place, value) = if let Some(value) = text.strip_prefix(b"slow=") {
            let allowed = "a time of 50ms to 300s, as in \"slow=2s\"";
            let value = time(value, 1).filter(|slow| (SLOW_MIN..=SLOW_MAX).contains(slow));
            (&mut slow, value.ok_or(allowed))
        } else if let Some(value) = text.strip_prefix(b"min=") {
            let value = core::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse().ok());
            let value = value.filter(|min| (1..=MIN_MAX).contains(min));
            (&mut min, value.ok_or("a number of runs from 1 to 8"))
        } else if let Some(value) = text.strip_prefix(b"window=") {
            let allowed = "a time of 60s to 366d, as in \"window=7d\"";
            let value =
                time(value, 1000).filter(|window| (WINDOW_MIN..=WINDOW_MAX).contains(window));
            (&mut window, value.ok_or(allowed))
        } else {
            return Err(directive.refuse(format_args!(
                "invalid parameter \"{shown}\", it must be \"slow=TIME\", \"min=N\" or \
                 \"window=TIME\""
            )));
        };
        if place.is_some() {
            return Err(directive.refuse(format_args!("duplicate parameter \"{shown}\"")));
        }
        *place = match value {
            Ok(value) => Some(value),
            Err(allowed) => {
                return Err(directive.refuse(format_args!(
                    "invalid parameter \"{shown}\", it must be {allowed}"
                )));
            }
        };
    }
    let Some(slow) = slow else {
        return Err(directive.refuse(format_args!(
            "no \"slow=TIME\", as in \"frappe_pace calls slow=2s;\","
        )));
    };
    let default = Settings::new(slow);
    let settings = Settings {
        slow,
        min: min.unwrap_or(default.min),
        window: window.unwrap_or(default.window),
    };
    Ok((name, settings))
}

/// Parses a time in nginx's notation, in units of `unit` milliseconds: 1 or 1000.
fn time(text: &[u8], unit: isize) -> Option<u32> {
    let mut text = ngx_str_t {
        len: text.len(),
        data: text.as_ptr().cast_mut(),
    };
    // An empty text gives 0, which is below the bounds.
    // SAFETY: nginx only reads the text.
    let parsed = unsafe { ngx_parse_time(&raw mut text, usize::from(unit != 1)) };
    u32::try_from(parsed).ok()
}

/// Finds the zone of each `frappe_pace`, once nginx has read all of http{}: a zone may stand behind the
/// directive. False where there is none, which is logged.
pub(in crate::nginx) fn find_zones(figures: &mut Figures, cf: *mut ngx_conf_t) -> bool {
    let Figures { zones, judges, .. } = figures;
    for judge in judges {
        judge.zone = zones
            .iter()
            .position(|zone| zone.name.as_bytes() == judge.name);
        if judge.zone.is_none() {
            let name = judge.name.escape_ascii();
            // SAFETY: `cf` is what nginx called a handler with.
            let target = unsafe { (*cf).log };
            match zones.is_empty() {
                true => log::error_at(
                    target,
                    format_args!(
                        "\"frappe_pace\" needs a zone, as \"frappe_status_zone {name} 1m;\" in \
                         the http block"
                    ),
                    judge.place,
                ),
                false => log::error_at(
                    target,
                    format_args!(
                        "unknown zone \"{name}\" in \"frappe_pace\" directive, it must be {}",
                        Names(zones)
                    ),
                    judge.place,
                ),
            }
            return false;
        }
    }
    true
}
