//! Answers with the figures.
//!
//! ```text
//! GET, HEAD ?format= ?top=   a page | JSON | Prometheus's text, made in turns of the event loop
//! POST ?reset=1              makes all figures zero
//! ```
//!
//! The whole response is made before its header is sent, since HEAD must have the Content-Length of GET.

use core::fmt;

use nginx_sys::{
    NGX_DONE, NGX_HTTP_BAD_REQUEST, NGX_HTTP_FORBIDDEN, NGX_HTTP_GET, NGX_HTTP_HEAD,
    NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_NOT_ALLOWED, NGX_HTTP_OK, NGX_HTTP_POST,
    NGX_HTTP_SERVICE_UNAVAILABLE, NGX_OK, ngx_add_timer, ngx_del_timer, ngx_http_block_reading,
    ngx_http_discard_request_body, ngx_http_finalize_request, ngx_http_output_filter,
    ngx_http_request_t, ngx_http_send_header, ngx_int_t,
};

use crate::figures::{Facts, Format, Report, TOP, TOP_MAX, choose};
use crate::nginx::ffi::guard::guarded;
use crate::nginx::ffi::memory::str_bytes;
use crate::nginx::ffi::request::Request;
use crate::nginx::ffi::{answer, shim};
use crate::nginx::request::rules::{LocConf, MainConf};
use crate::nginx::request::zones::{StatusZone, worker};

/// The page, and its Content-Security-Policy, as build.rs writes them.
mod page {
    include!(concat!(env!("OUT_DIR"), "/page.rs"));
}

/// Bytes of a response that are allocated at once.
const PIECE: usize = 32 * 1024;

/// Milliseconds of a timer that never expires: a turn of the event loop is over long before.
const PATIENCE: usize = 60_000;

/// A response that is being made.
struct Answer {
    report: Report,
    format: Format,
    text: Text,
}

/// Text in pieces. Writing to it fails where there is no memory.
#[derive(Default)]
struct Text(Vec<Vec<u8>>);

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let room = self
                .0
                .last()
                .map_or(0, |piece| piece.capacity().saturating_sub(piece.len()));
            if room == 0 {
                let mut piece = Vec::new();
                piece.try_reserve_exact(PIECE).map_err(|_| fmt::Error)?;
                self.0.try_reserve(1).map_err(|_| fmt::Error)?;
                self.0.push(piece);
                continue;
            }
            let (now, later) = rest.split_at(room.min(rest.len()));
            if let Some(piece) = self.0.last_mut() {
                piece.extend_from_slice(now);
            }
            rest = later;
        }
        Ok(())
    }
}

/// What a request asks for.
enum Wanted {
    Figures { format: Format, top: usize },
    Reset,
}

/// A short response.
struct Reply {
    status: u32,
    text: &'static str,
    allow: Option<&'static str>,
}

/// The content handler of the location.
pub(super) unsafe extern "C" fn handler(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx calls content handlers with a valid request.
    let Some(request) = (unsafe { Request::new(r) }) else {
        return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
    };
    guarded(
        request.log(),
        NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t,
        || {
            // SAFETY: a valid request whose body nothing has read.
            let rc = unsafe { ngx_http_discard_request_body(request.as_ptr()) };
            if rc == NGX_OK as ngx_int_t {
                begin(request)
            } else {
                rc
            }
        },
    )
}

#[inline(never)]
fn begin(r: Request) -> ngx_int_t {
    let (Some(zone), Some(worker)) = (configured(r), worker()) else {
        return NGX_HTTP_SERVICE_UNAVAILABLE as ngx_int_t;
    };
    match wanted(r) {
        Ok(Wanted::Figures {
            format: Format::Html,
            ..
        }) => send(
            r,
            NGX_HTTP_OK,
            Format::Html.content_type(),
            [page::PAGE.as_bytes()].into_iter(),
        ),
        Ok(Wanted::Figures { format, top }) => {
            let answer = Answer {
                report: Report::new(format, top),
                format,
                text: Text::default(),
            };
            match answer::keep(r, answer) {
                Some(answer) => turn(r, answer).unwrap_or_else(|| {
                    // SAFETY: a valid request; `on_turn` gives the count back when it finalizes it.
                    unsafe { shim::ngx_http_frappe_hold(r.as_ptr()) };
                    wait(r);
                    NGX_DONE as ngx_int_t
                }),
                None => NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t,
            }
        }
        Ok(Wanted::Reset) => {
            let done = zone
                .view()
                .is_some_and(|zone| zone.reset(worker, super::count::now()));
            reply(
                r,
                &Reply {
                    status: if done {
                        NGX_HTTP_OK
                    } else {
                        NGX_HTTP_SERVICE_UNAVAILABLE
                    },
                    text: if done {
                        "The figures start anew.\n"
                    } else {
                        "Busy, try again.\n"
                    },
                    allow: None,
                },
            )
        }
        Err(refusal) => reply(r, &refusal),
    }
}

fn configured(r: Request) -> Option<&'static StatusZone> {
    MainConf::get(r)?
        .figures
        .zone_of_page(LocConf::get(r)?.page?)
}

#[inline(never)]
fn wanted(r: Request) -> Result<Wanted, Reply> {
    let bad = |text| Reply {
        status: NGX_HTTP_BAD_REQUEST,
        text,
        allow: None,
    };
    let reset = answer::query_argument(&r, "reset");
    // SAFETY: a valid request.
    match unsafe { (*r.as_ptr()).method } as u32 {
        NGX_HTTP_GET | NGX_HTTP_HEAD if reset.is_some() => Err(Reply {
            status: NGX_HTTP_NOT_ALLOWED,
            text: "reset=1 needs POST.\n",
            allow: Some("POST"),
        }),
        NGX_HTTP_GET | NGX_HTTP_HEAD => {
            let format = match answer::query_argument(&r, "format") {
                Some(name) => Format::parse(name)
                    .ok_or_else(|| bad("format must be html, json or prometheus.\n"))?,
                None => choose(header(&r, b"accept")),
            };
            let top = match answer::query_argument(&r, "top") {
                Some(text) => parse_top(text).ok_or_else(|| bad("top must be 1 to 100000.\n"))?,
                None => TOP,
            };
            Ok(Wanted::Figures { format, top })
        }
        NGX_HTTP_POST if reset != Some(b"1") => {
            Err(bad("POST needs ?reset=1, which makes all figures zero.\n"))
        }
        // A page of another site must not reset the figures through its visitor's browser.
        NGX_HTTP_POST
            if !matches!(
                header(&r, b"sec-fetch-site"),
                b"" | b"none" | b"same-origin"
            ) =>
        {
            Err(Reply {
                status: NGX_HTTP_FORBIDDEN,
                text: "Not from another site.\n",
                allow: None,
            })
        }
        NGX_HTTP_POST => Ok(Wanted::Reset),
        _ => Err(Reply {
            status: NGX_HTTP_NOT_ALLOWED,
            text: "GET, HEAD, or POST with reset=1.\n",
            allow: Some("GET, HEAD, POST"),
        }),
    }
}

fn parse_top(text: &[u8]) -> Option<usize> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let top = core::str::from_utf8(text).ok()?.parse().ok()?;
    (1..=TOP_MAX).contains(&top).then_some(top)
}

/// The value of a request header; the last one of several.
#[inline(never)]
fn header<'r>(r: &'r Request, name: &[u8]) -> &'r [u8] {
    let mut found = &[][..];
    r.for_each_header(|key, value| {
        if str_bytes(key).eq_ignore_ascii_case(name) {
            found = str_bytes(value);
        }
    });
    found
}

/// Makes a part of the response, and sends the response when it is complete. None where there is more
/// to do.
#[inline(never)]
fn turn(r: Request, answer: &'static mut Answer) -> Option<ngx_int_t> {
    let failed = Some(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t);
    let (Some(configured), Some(worker)) = (configured(r), worker()) else {
        return failed;
    };
    let Some(zone) = configured.view() else {
        return failed;
    };
    let settings = MainConf::get(r).and_then(|main| main.figures.settings_of(configured));
    let facts = Facts {
        zone: configured.name,
        nginx: core::str::from_utf8(nginx_sys::NGINX_VERSION.to_bytes()).unwrap_or_default(),
        now: super::count::now_ms(),
        pace: settings.map(|settings| (settings, super::pace_now())),
    };
    match answer.report.go_on(&zone, worker, &facts, &mut answer.text) {
        Ok(true) => None,
        Ok(false) => {
            let pieces = answer.text.0.iter().map(Vec::as_slice);
            Some(send(r, NGX_HTTP_OK, answer.format.content_type(), pieces))
        }
        Err(_) => failed,
    }
}

/// Lets other events have their turn before the next one of this response.
fn wait(r: Request) {
    r.set_handlers(Some(ngx_http_block_reading), Some(on_turn));
    // SAFETY: a connection has a write event, whose handler calls the request's. A worker that shuts
    // down waits for its timers, so this timer keeps it until the response is sent; `on_turn` deletes
    // the timer.
    unsafe {
        let event = (*r.connection()).write;
        ngx_add_timer(event, PATIENCE);
        shim::ngx_http_frappe_post_next(event);
    }
}

unsafe extern "C" fn on_turn(r: *mut ngx_http_request_t) {
    // SAFETY: nginx calls write handlers with a valid request.
    let Some(request) = (unsafe { Request::new(r) }) else {
        return;
    };
    // SAFETY: as in `wait`.
    unsafe {
        let event = (*request.connection()).write;
        if (*event).timer_set() != 0 {
            ngx_del_timer(event);
        }
    }
    let failed = Some(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t);
    let rc = guarded(request.log(), failed, || {
        match answer::kept::<Answer>(request) {
            Some(answer) => turn(request, answer),
            None => failed,
        }
    });
    match rc {
        None => wait(request),
        // SAFETY: the request is valid, and no code here touches it afterwards.
        Some(rc) => unsafe { ngx_http_finalize_request(r, rc) },
    }
}

#[inline(never)]
fn reply(r: Request, reply: &Reply) -> ngx_int_t {
    if let Some(methods) = reply.allow
        && !answer::add_header(r, "Allow", methods)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
    }
    let text = [reply.text.as_bytes()].into_iter();
    send(r, reply.status, "text/plain", text)
}

/// Sends a response whose bytes live as long as the request.
fn send<'p>(
    r: Request,
    status: u32,
    content_type: &'static str,
    pieces: impl ExactSizeIterator<Item = &'p [u8]> + Clone,
) -> ngx_int_t {
    let failed = NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
    let headers = [
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", page::POLICY),
    ];
    if !headers
        .into_iter()
        .all(|(name, value)| answer::add_header(r, name, value))
    {
        return failed;
    }
    let length: usize = pieces.clone().map(<[u8]>::len).sum();
    // SAFETY: a valid request whose header has not been sent; the texts are static. The pieces are
    // promised by the callers: static, or in an answer that is kept as long as the request.
    unsafe {
        let out = &mut (*r.as_ptr()).headers_out;
        out.status = status as usize;
        out.content_length_n = i64::try_from(length).unwrap_or_default();
        out.content_type = answer::text(content_type);
        // The length includes the parameters, so that the type is none of `charset_types`: nginx adds no
        // second charset.
        out.content_type_len = content_type.len();
        let rc = ngx_http_send_header(r.as_ptr());
        if rc != NGX_OK as ngx_int_t || shim::ngx_http_frappe_header_only(r.as_ptr()) != 0 {
            return rc;
        }
        match answer::chain(r, pieces) {
            Some(chain) => ngx_http_output_filter(r.as_ptr(), chain),
            None => failed,
        }
    }
}
