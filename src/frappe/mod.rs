//! Which method does Frappe run?
//!
//! As `frappe/app.py: make_form_dict` and `application` decide, in this order:
//!
//! 1. A JSON body replaces query and form; a form is laid over the query. What can't be parsed
//!    is either dropped as a whole, and query and path decide, or answered with an error, and
//!    nothing runs.
//! 2. `OPTIONS` runs nothing.
//! 3. An argument `cmd` that is not false names the method, whatever the path says.
//! 4. Otherwise the path may ([`path`]).

pub mod call;
pub mod dialect;
pub mod path;

use call::Work;
use dialect::Arguments;
pub use dialect::Dialect;
use path::{DocumentMethod, Routes};

use crate::body::header::content_type::{self, CONTENT_TYPE_MAX, media_type};
use crate::body::{
    Body, End, Fields, Form, Json, MediaType, Multipart, Names, Room, Source, Trouble, Value,
};

/// What the request line and the headers say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'h> {
    /// as in the request line
    pub method: &'h [u8],
    /// the request target as the client sent it, path and query
    pub target: &'h [u8],
    /// the last Content-Type header, empty where there is none
    pub content_type: &'h [u8],
}

/// What is to be done about the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// nothing: it cannot hold arguments
    Ignore,
    /// feed it to the scanner for this type
    Scan(MediaType),
}

/// The value of `$frappe_cmd_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// a method runs
    Ok,
    /// no method runs: a page, a file, a document
    None,
    /// Frappe refuses the request, nothing runs
    Malformed,
    /// a value stands there that no method can have, or the bounds of this module hide it
    Invalid,
    /// the first bytes of the body did not decide; path and query did
    Truncated,
    /// the rest of the body gave another answer than the one that routed the request
    Late,
    /// the body has not been looked at
    Unread,
}

impl Status {
    /// As it stands in the variable.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::None => "none",
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::Truncated => "truncated",
            Self::Late => "late",
            Self::Unread => "unread",
        }
    }
}

/// What became of a request. The texts are in its [`Fields`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `$frappe_cmd_status`
    pub status: Status,
    /// `$frappe_cmd_source`
    pub source: Source,
    /// what to log
    pub trouble: Option<Trouble>,
}

impl Outcome {
    /// Of a request without a body for what [`path::is_page`].
    pub const PAGE: Self = no_method(None);
}

/// Is the body worth reading? A Content-Encoding does not matter: gunicorn and werkzeug do not look at it,
/// and parse the bytes as they are.
pub fn plan(head: &Head<'_>, dialect: &Dialect) -> Plan {
    if is_options(head) && !dialect.options_run || is_too_long(head.content_type) {
        return Plan::Ignore;
    }
    match media_type(head.content_type, dialect.json_test, dialect.werkzeug) {
        MediaType::Other => Plan::Ignore,
        media_type => Plan::Scan(media_type),
    }
}

/// The [`Scratch::bytes`](crate::body::Scratch) that the scanner for this type needs.
pub fn scratch_len(media_type: MediaType, content_type: &[u8]) -> usize {
    match media_type {
        MediaType::Multipart => Multipart::scratch_len(content_type),
        MediaType::Form | MediaType::Json | MediaType::Other => 0,
    }
}

/// The scanner for a body, or how the body ends without being looked at.
pub fn scanner<'r>(
    room: Room<'r>,
    head: &Head<'_>,
    dialect: &Dialect,
    fields: &mut Fields<'_>,
) -> Result<Body<'r>, End> {
    let (source, body) = match room {
        Room::Form(place) => {
            let form = Form::new(dialect.werkzeug.charset, dialect.werkzeug.form_bytes);
            (Source::Form, Body::Form(place.write(form)))
        }
        Room::Multipart(place, scratch) => {
            let multipart = Multipart::new(head.content_type, dialect.werkzeug, scratch)?;
            (Source::Multipart, Body::Multipart(place.write(multipart)))
        }
        Room::Json(place, lender) => {
            let json = place.write(Json::new(dialect.json, lender));
            (Source::Json, Body::Json(json))
        }
    };
    fields.set_source(source);
    Ok(body)
}

/// Brings body, query and path together. `end` is how the body ended, None where it was not
/// scanned. Afterwards the texts in `fields` are final.
pub fn resolve(
    head: &Head<'_>,
    plan: Plan,
    end: Option<End>,
    dialect: &Dialect,
    fields: &mut Fields<'_>,
) -> Outcome {
    let (outcome, work) = settle(head, plan, end, dialect, fields);
    call::compose(head, outcome.status, work, fields);
    outcome
}

fn settle(
    head: &Head<'_>,
    plan: Plan,
    end: Option<End>,
    dialect: &Dialect,
    fields: &mut Fields<'_>,
) -> (Outcome, Work) {
    let (path, query) = path::split_target(head.target);
    if is_options(head) && !dialect.options_run {
        fields.clear();
        return (no_method(None), Work::Options);
    }
    let trouble = match arguments(plan, end, query, head.content_type, dialect, fields) {
        Ok(trouble) => trouble,
        Err(outcome) => {
            fields.clear();
            return (outcome, Work::Nothing);
        }
    };
    fields.settle();
    let (outcome, work) = match fields.value(Names::CMD) {
        Value::Absent | Value::Falsy => by_path(head, path, dialect.routes, fields, trouble),
        value => by_value(value, fields.source(Names::CMD), trouble),
    };
    let status = match outcome.status {
        Status::Ok | Status::None if end == Some(End::Truncated) => Status::Truncated,
        status => status,
    };
    (Outcome { status, ..outcome }, work)
}

/// `make_form_dict`: the arguments of body and query. Err: nothing runs.
fn arguments(
    plan: Plan,
    end: Option<End>,
    query: &[u8],
    content_type: &[u8],
    dialect: &Dialect,
    fields: &mut Fields<'_>,
) -> Result<Option<Trouble>, Outcome> {
    if is_too_long(content_type) {
        return Err(nothing(Status::Invalid, Trouble::ContentTypeTooLong));
    }
    let is_checked = match plan {
        // Its boundary has been looked for among all parameters.
        Plan::Scan(MediaType::Multipart) => end.is_some(),
        Plan::Scan(MediaType::Json) => {
            end != Some(End::EmptyJson) && !dialect.json_test.reads_parameters()
        }
        _ => false,
    };
    let end = match is_checked {
        true => end,
        false => content_type::check(content_type, dialect.json_test, dialect.werkzeug)
            .err()
            .or(end),
    };
    match end {
        Some(End::Object) => Ok(None),
        Some(End::Array) if dialect.json_arrays => {
            fields.clear();
            Ok(None)
        }
        Some(End::Array) => Err(nothing(Status::Malformed, Trouble::JsonNoObject)),
        Some(End::EmptyJson) if !dialect.json_empty => {
            Err(nothing(Status::Malformed, Trouble::JsonNothing))
        }
        Some(End::Fields { any: true }) if dialect.arguments == Arguments::FormOrQuery => Ok(None),
        Some(End::Truncated) => {
            fields.clear();
            with_query(query, None, dialect, fields)
        }
        Some(End::Dropped(trouble)) => {
            fields.clear();
            with_query(query, Some(trouble), dialect, fields)
        }
        Some(End::Refused(trouble)) => Err(nothing(Status::Malformed, trouble)),
        Some(End::Unknown(trouble)) => Err(nothing(Status::Invalid, trouble)),
        Some(End::Fields { .. } | End::EmptyJson) | None => {
            with_query(query, None, dialect, fields)
        }
    }
}

/// The arguments of the query go where the body had none.
fn with_query(
    query: &[u8],
    trouble: Option<Trouble>,
    dialect: &Dialect,
    fields: &mut Fields<'_>,
) -> Result<Option<Trouble>, Outcome> {
    if query.is_empty() {
        Ok(trouble)
    } else {
        with_some_query(query, trouble, dialect, fields)
    }
}

/// Apart, as what else most requests with a body do without.
#[inline(never)]
fn with_some_query(
    query: &[u8],
    trouble: Option<Trouble>,
    dialect: &Dialect,
    fields: &mut Fields<'_>,
) -> Result<Option<Trouble>, Outcome> {
    fields.set_source(Source::Query);
    let mut form = Form::new(dialect.werkzeug.charset, dialect.werkzeug.query_bytes);
    form.feed(query, fields);
    match form.finish(fields) {
        End::Refused(_) => Err(nothing(Status::Malformed, Trouble::QueryNotUtf8)),
        _ => Ok(trouble),
    }
}

#[inline(never)]
fn by_path(
    head: &Head<'_>,
    path: &[u8],
    routes: Routes,
    fields: &mut Fields<'_>,
    trouble: Option<Trouble>,
) -> (Outcome, Work) {
    if path::is_plain(path) {
        by_decoded_path(head, path, routes, fields, trouble)
    } else {
        by_encoded_path(head, path, routes, fields, trouble)
    }
}

/// Apart, so that only these paths pay for the buffer.
#[inline(never)]
fn by_encoded_path(
    head: &Head<'_>,
    path: &[u8],
    routes: Routes,
    fields: &mut Fields<'_>,
    trouble: Option<Trouble>,
) -> (Outcome, Work) {
    let mut buffer = [0; path::PATH_MAX];
    match path::decode(path, &mut buffer) {
        Some(path) => by_decoded_path(head, path, routes, fields, trouble),
        None => (
            nothing(Status::Invalid, Trouble::PathTooLong),
            Work::Nothing,
        ),
    }
}

fn by_decoded_path(
    head: &Head<'_>,
    path: &[u8],
    routes: Routes,
    fields: &mut Fields<'_>,
    trouble: Option<Trouble>,
) -> (Outcome, Work) {
    match path::route(path, routes) {
        path::Route::Method(first, None) => {
            fields.replace(Names::CMD, &[first], Source::Path);
        }
        path::Route::Method(first, Some(second)) => {
            fields.replace(Names::CMD, &[first, b"/", second], Source::Path);
        }
        path::Route::Documents(documents) => {
            fields.replace_place(call::PATH_DOCTYPE, &[documents.doctype]);
            let runs = matches!(head.method, b"GET" | b"POST");
            let work = match documents.method {
                DocumentMethod::Argument if runs => Work::DocumentOrMethod,
                DocumentMethod::Path(method) if runs => {
                    fields.replace_place(call::PATH_METHOD, &[method]);
                    Work::DocumentMethod
                }
                _ => Work::Document,
            };
            return (no_method(trouble), work);
        }
        path::Route::Other => return (no_method(trouble), Work::Page),
    }
    by_value(fields.value(Names::CMD), Source::Path, trouble)
}

fn by_value(value: Value<'_>, source: Source, trouble: Option<Trouble>) -> (Outcome, Work) {
    match value {
        Value::Text(_) => (
            Outcome {
                status: Status::Ok,
                source,
                trouble,
            },
            Work::Method,
        ),
        _ => (
            Outcome {
                status: Status::Invalid,
                source,
                trouble: trouble.or(Some(Trouble::CmdUnusable)),
            },
            Work::Nothing,
        ),
    }
}

const fn no_method(trouble: Option<Trouble>) -> Outcome {
    Outcome {
        status: Status::None,
        source: Source::None,
        trouble,
    }
}

#[cold]
fn nothing(status: Status, trouble: Trouble) -> Outcome {
    Outcome {
        status,
        source: Source::None,
        trouble: Some(trouble),
    }
}

/// What such a header makes of the body is not known.
fn is_too_long(content_type: &[u8]) -> bool {
    content_type.len() > CONTENT_TYPE_MAX
}

fn is_options(head: &Head<'_>) -> bool {
    head.method == b"OPTIONS"
}

#[cfg(test)]
mod tests;
