//! The vectors in `t/vectors`: each request by the rules of each version, its body fed whole, byte by
//! byte and at every split. `t/` sends the same requests through nginx and asks the real werkzeug.

mod early;
mod path;
mod vectors;

use super::{Head, Names, Plan, Status, dialect, plan, resolve, scanner, scratch_len};
use crate::body::testing::{each_split, with_names};
use crate::body::{Body, End, Fields, MediaType, Rooms, Source};
use crate::frappe::call;

/// Arguments that are looked at, beside `cmd`, `doctype` and what makes a call.
const ARGUMENTS: [&[u8]; 4] = [b"x", b"_", b"method", b"report_name"];

/// The answer for one request.
#[derive(Debug, PartialEq)]
struct Answer {
    cmd: String,
    source: &'static str,
    status: &'static str,
    doctype: String,
    call: String,
    arguments: [String; ARGUMENTS.len()],
    log: Option<&'static str>,
}

fn ask(dialect: &dialect::Dialect, head: Head<'_>, body: &[u8]) -> Answer {
    let mut names = Names::new();
    call::add_call(&mut names);
    for name in ARGUMENTS {
        names.add(name).unwrap();
    }
    let plan = plan(&head, dialect);
    // Only to Frappe 10 a type says something where no body is. nginx may not know before the end that a
    // chunked body is empty.
    if body.is_empty() && dialect.json_empty {
        let without = answer(dialect, head, Plan::Ignore, body, &names);
        if plan == Plan::Scan(MediaType::Json) {
            assert_eq!(answer(dialect, head, plan, body, &names), without);
        }
        return without;
    }
    answer(dialect, head, plan, body, &names)
}

fn answer(
    dialect: &dialect::Dialect,
    head: Head<'_>,
    plan: Plan,
    body: &[u8],
    names: &Names,
) -> Answer {
    each_split(body, |pieces| {
        with_names(names, |fields| {
            let mut scratch = Vec::new();
            let mut rooms = Rooms::default();
            let end = match plan {
                Plan::Scan(media_type) => {
                    scratch.resize(scratch_len(media_type, head.content_type), 0);
                    let room = rooms.of(media_type, &mut scratch).unwrap();
                    match scanner(room, &head, dialect, fields) {
                        Ok(mut scanner) => {
                            for (number, piece) in pieces.iter().enumerate() {
                                // As nginx's body filter does it, but not byte by byte.
                                let skim =
                                    scanner.skim().filter(|_| pieces.len() == 2 && number == 1);
                                if !skim.is_some_and(|skim| skim.passes(piece)) {
                                    scanner.feed(piece, fields);
                                }
                            }
                            Some(scanner.finish(fields))
                        }
                        Err(end) => Some(end),
                    }
                }
                Plan::Ignore => None,
            };
            let outcome = resolve(&head, plan, end, dialect, fields);
            let string = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
            let cmd = string(fields.text(Names::CMD));
            assert!(outcome.source != Source::None || cmd.is_empty());
            // `$frappe_arg_cmd` is what a client has sent under this name.
            let sent = match outcome.source {
                Source::Path => "",
                _ => cmd.as_str(),
            };
            assert_eq!(fields.argument(Names::CMD), sent.as_bytes());
            Answer {
                cmd,
                source: outcome.source.as_str(),
                status: outcome.status.as_str(),
                doctype: string(call::doctype(fields)),
                call: string(call::text(fields)),
                arguments: ARGUMENTS.map(|name| {
                    // Frappe drops `_`, and so do names.
                    let index = fields.find(name);
                    index.map_or(String::new(), |index| string(fields.argument(index)))
                }),
                log: outcome.trouble.map(super::Trouble::message),
            }
        })
    })
}

#[test]
fn memory_is_what_is_said() {
    let needs = |add: fn(&mut Names)| {
        let mut names = Names::new();
        add(&mut names);
        let values: usize = (1..names.slots()).map(|slot| names.value_max(slot)).sum();
        (names.slots() - 1, values)
    };
    assert_eq!(
        needs(call::add_doctype),
        (call::DOCTYPE_SLOTS, call::DOCTYPE_VALUES)
    );
    assert_eq!(needs(call::add_call), (call::SLOTS, call::VALUES));
}

/// The first bytes of a body do not decide: what they said so far does not count, query and path do.
#[test]
fn truncated() {
    for (target, expected) in [
        ("/?cmd=q", ("q", Source::Query, Status::Truncated)),
        ("/api/method/p", ("p", Source::Path, Status::Truncated)),
        ("/app", ("", Source::None, Status::Truncated)),
        ("/?cmd=%0A", ("", Source::Query, Status::Invalid)),
    ] {
        let head = Head {
            method: b"POST",
            target: target.as_bytes(),
            content_type: b"application/json",
        };
        for dialect in dialect::DIALECTS {
            with_names(&Names::new(), |fields| {
                let plan = plan(&head, dialect);
                let mut rooms = Rooms::default();
                let room = rooms.of(MediaType::Json, &mut []).unwrap();
                let mut json = scanner(room, &head, dialect, fields).unwrap();
                json.feed(br#"{"cmd":"f","x":"#, fields);
                let outcome = resolve(&head, plan, Some(End::Truncated), dialect, fields);
                let cmd = str::from_utf8(fields.text(Names::CMD)).unwrap();
                assert_eq!((cmd, outcome.source, outcome.status), expected, "{target}");
            });
        }
    }
}

/// Nothing waits for a body that says nothing.
#[test]
fn what_is_not_read() {
    let long = [b"application/json; x=".to_vec(), vec![b'x'; 4096]].concat();
    for (method, content_type, version, expected) in [
        (
            "POST",
            &b"application/json"[..],
            "17",
            Plan::Scan(MediaType::Json),
        ),
        ("POST", b"text/plain", "17", Plan::Ignore),
        ("POST", &long, "17", Plan::Ignore),
        ("OPTIONS", b"application/json", "17", Plan::Ignore),
        (
            "OPTIONS",
            b"application/json",
            "12.13",
            Plan::Scan(MediaType::Json),
        ),
        ("OPTIONS", &long, "12.13", Plan::Ignore),
    ] {
        let head = Head {
            method: method.as_bytes(),
            target: b"/",
            content_type,
        };
        let dialect = dialect::find(version.as_bytes()).unwrap();
        assert_eq!(plan(&head, dialect), expected, "{method} {version}");
    }
}

/// `$frappe_call` has room for verbs of so many bytes; gunicorn takes no more than 20.
#[test]
fn verbs_are_bounded() {
    for (len, in_call) in [(31, 31), (32, 32), (33, 32)] {
        let verb = "V".repeat(len);
        let head = Head {
            method: verb.as_bytes(),
            target: b"/api/resource/ToDo",
            content_type: b"",
        };
        let call = format!("{} resource:ToDo", "V".repeat(in_call));
        for dialect in dialect::DIALECTS {
            assert_eq!(ask(dialect, head, b"").call, call);
        }
    }
}
