//! The checks that the fuzz targets make of a request.
//!
//! A target's first byte chooses the Frappe version, the second how the body is cut (see [`Case`]);
//! the rest is the target's own. Each run asserts that
//!
//! - nothing panics, overflows or reads where it must not;
//! - the answer is the same for the whole body, for single bytes and for other pieces, also if pieces that
//!   may be skimmed are left out, as the module's body filter does;
//! - no value has a control character or more bytes than it may have;
//! - nothing is allocated;
//! - work is bounded: see [`work`].

mod heap;
mod text;
mod work;

use ngx_http_frappe_module::body::{
    Body, CMD_MAX, Document, End, Fields, Names, OnePage, Page, RECORD_NAME_MAX, Rooms, Source,
    VALUE_MAX, Values,
};
use ngx_http_frappe_module::frappe::dialect::{DIALECTS, Dialect};
use ngx_http_frappe_module::frappe::{self, Head, Outcome, Plan, Status, call};

pub use text::request;

/// A urlencoded body.
pub const FORM: &[u8] = b"application/x-www-form-urlencoded";
/// A JSON body.
pub const JSON: &[u8] = b"application/json";
/// A multipart body with the boundary of the seeds.
pub const MULTIPART: &[u8] = b"multipart/form-data; boundary=rigboundary";

/// One request, and how it is read.
#[derive(Clone, Copy, Debug)]
pub struct Case<'c> {
    /// the rules by which it is read
    pub dialect: &'static Dialect,
    /// chooses the sizes of the pieces in which the body is fed
    pub cut: u8,
    pub head: Head<'c>,
    pub body: &'c [u8],
}

/// The dialect and the cut that the first two bytes choose, and the rest.
pub fn options(data: &[u8]) -> Option<(&'static Dialect, u8, &[u8])> {
    let (&[version, cut], rest) = data.split_first_chunk()?;
    Some((&DIALECTS[usize::from(version) % DIALECTS.len()], cut, rest))
}

/// A POST.
pub fn head<'h>(target: &'h [u8], content_type: &'h [u8]) -> Head<'h> {
    Head {
        method: b"POST",
        target,
        content_type,
    }
}

/// The values that the variables would have.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub outcome: Outcome,
    pub cmd: Vec<u8>,
    pub call: Vec<u8>,
    pub doctype: Vec<u8>,
    pub argument: Vec<u8>,
}

/// Makes all checks of one request, and returns its answer.
pub fn check(case: &Case<'_>) -> Answer {
    let names = names();
    let whole = ask(case, &names, &[case.body], false);
    check_values(&whole);
    let again = |what: &str, pieces: &[&[u8]], skim: bool| {
        let answer = ask(case, &names, pieces, skim);
        assert_eq!(answer, whole, "{what}: {:?}", Shown(case));
    };
    if case.body.len() > 1 {
        again(
            "byte by byte",
            &case.body.chunks(1).collect::<Vec<_>>(),
            false,
        );
        let cut = usize::from(case.cut);
        let pieces: Vec<&[u8]> = case.body.chunks(cut.max(2)).collect();
        again("in pieces", &pieces, false);
        again("in pieces that are skimmed", &pieces, true);
        let (front, back) = case.body.split_at(cut * case.body.len() / 256);
        again("cut in two", &[front, back], true);
    }
    whole
}

/// Makes the checks for every way to cut a body in two, and for an early end at each place.
pub fn check_splits(case: &Case<'_>) {
    let names = names();
    let whole = check(case);
    for at in 0..=case.body.len() {
        let (front, back) = case.body.split_at(at);
        let answer = ask(case, &names, &[front, back], at % 2 == 0);
        assert_eq!(answer, whole, "cut at {at}: {:?}", Shown(case));
        check_values(&ask_early(case, &names, front));
    }
}

fn names() -> Names {
    let mut names = Names::new();
    call::add_call(&mut names);
    names.add(b"report_name").expect("it is short enough");
    names
}

fn check_values(answer: &Answer) {
    let Answer {
        outcome,
        cmd,
        call,
        doctype,
        argument,
    } = answer;
    for (value, most) in [
        (cmd, CMD_MAX),
        (call, VALUE_MAX),
        (doctype, VALUE_MAX.max(RECORD_NAME_MAX)),
        (argument, VALUE_MAX),
    ] {
        let text = std::str::from_utf8(value).expect("values are UTF-8");
        assert!(
            !text.chars().any(char::is_control),
            "a control character: {text:?}"
        );
        assert!(value.len() <= most, "{} bytes", value.len());
    }
    assert!(
        cmd.is_empty() || outcome.source != Source::None,
        "a cmd from nowhere: {answer:?}"
    );
    assert!(
        outcome.status != Status::Ok || !cmd.is_empty(),
        "no cmd, but ok: {answer:?}"
    );
}

fn ask(case: &Case<'_>, names: &Names, pieces: &[&[u8]], skim: bool) -> Answer {
    run(case, names, pieces.len(), |scanner, fields| {
        for piece in pieces {
            if !(skim && scanner.skim().is_some_and(|skim| skim.passes(piece))) {
                scanner.feed(piece, fields);
            }
        }
        scanner.finish(fields)
    })
}

/// The answer by the first bytes alone, as with `frappe_body preread`.
fn ask_early(case: &Case<'_>, names: &Names, front: &[u8]) -> Answer {
    run(case, names, 1, |scanner, fields| {
        scanner.feed(front, fields);
        scanner.finish_early(fields)
    })
}

fn run(
    case: &Case<'_>,
    names: &Names,
    pieces: usize,
    scan: impl FnOnce(&mut Body<'_>, &mut Fields<'_>) -> End,
) -> Answer {
    let Case {
        dialect,
        ref head,
        body,
        ..
    } = *case;
    let mut values = Values::new(names);
    let mut slots = values.slots();
    let (mut page, mut rooms) = (Page::uninit(), Rooms::default());
    let lender = OnePage::new(&mut page);
    let mut document = Document::new(&lender);
    let mut fields = Fields::new(names, &mut slots).with_documents(&mut document);
    let plan = match body.is_empty() && dialect.json_empty {
        true => Plan::Ignore,
        false => frappe::plan(head, dialect),
    };
    let mut scratch = match plan {
        Plan::Scan(media_type) => vec![0; frappe::scratch_len(media_type, head.content_type)],
        Plan::Ignore => Vec::new(),
    };
    let allocations = heap::count();
    let blocks = work::begin();
    let end = match plan {
        Plan::Scan(media_type) => {
            let room = rooms
                .of(media_type, &mut scratch)
                .expect("it has a scanner");
            match frappe::scanner(room, head, dialect, &mut fields) {
                Ok(mut scanner) => Some(scan(&mut scanner, &mut fields)),
                Err(end) => Some(end),
            }
        }
        Plan::Ignore => None,
    };
    let outcome = frappe::resolve(head, plan, end, dialect, &mut fields);
    assert_eq!(heap::count(), allocations, "allocated: {:?}", Shown(case));
    let bytes = head.target.len() + head.content_type.len() + body.len();
    blocks.check(bytes, pieces, &Shown(case));
    let argument = names.find(b"report_name").expect("it was added");
    Answer {
        outcome,
        cmd: fields.text(Names::CMD).to_vec(),
        call: call::text(&fields).to_vec(),
        doctype: call::doctype(&fields).to_vec(),
        argument: fields.argument(argument).to_vec(),
    }
}

/// A case as a text, for a message.
struct Shown<'c>(&'c Case<'c>);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Case {
            dialect,
            cut,
            head,
            body,
        } = self.0;
        write!(
            f,
            "Frappe {:?}, cut {cut}, {} {} {:?}: {}",
            dialect.since,
            head.method.escape_ascii(),
            head.target.escape_ascii(),
            head.content_type.escape_ascii().to_string(),
            body.escape_ascii()
        )
    }
}
