//! The method in the path: `/api/method/...` and its kin.
//!
//! In: the raw request target. Frappe sees the path that gunicorn made of it: up to `#` or `?`,
//! percent-decoded once, leading slashes collapsed to one; dot segments and inner slashes stay.
//! Frappe 15 on routes with werkzeug's `Map(strict_slashes=False, merge_slashes=False)` over
//! the rules of `frappe/api/v1.py` and `v2.py`.

use nom::branch::alt;
use nom::bytes::complete::{tag, take, take_while, take_while1};
use nom::combinator::{eof, map_opt, opt, peek, recognize, rest, value, verify};
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

use crate::body::text::near;
use crate::body::text::percent::split_escape;

/// The longest path that is followed, in bytes. gunicorn refuses request lines above 4094.
pub const PATH_MAX: usize = 8192;

/// Which paths name a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routes {
    /// the third segment of `/api/method/...`: `frappe/api.py` before 15
    Split,
    /// werkzeug's rules over `frappe/api/v1.py` and `v2.py`: from 15 on
    Rules,
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'p> {
    /// a method; of `/api/v2/method/DOCTYPE/METHOD` both
    Method(&'p [u8], Option<&'p [u8]>),
    /// a document, a list of them, or what is known of their kind
    Documents(DocumentPath<'p>),
    /// a page, a file, or a path that Frappe answers with 404
    Other,
}

/// What a path says of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentPath<'p> {
    /// their kind
    pub doctype: &'p [u8],
    /// who runs a method of the document, if GET or POST asks for it
    pub method: DocumentMethod<'p>,
}

/// Where the name of a document's method may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentMethod<'p> {
    /// nowhere
    None,
    /// in the argument `run_method`
    Argument,
    /// in the path: `.../method/METHOD`
    Path(&'p [u8]),
}

/// The path and the query of a request target.
pub fn split_target(target: &[u8]) -> (&[u8], &[u8]) {
    if target == b"/" {
        // Where the desk sends most of its forms.
        return (target, b"");
    }
    let end = near::find2(b'?', b'#', target);
    let Some((path, rest)) = end.and_then(|at| target.split_at_checked(at)) else {
        return (target, b"");
    };
    match rest.split_first() {
        Some((b'?', query)) => (path, cut(query, near::find(b'#', query))),
        _ => (path, b""),
    }
}

/// A target that names nothing, to be seen at a glance: a page or a file without a query. False where
/// it takes more than that.
pub fn is_page(target: &[u8]) -> bool {
    // Where nothing is encoded, decoding makes a path twice as long at most.
    let slashes = target.iter().take_while(|byte| **byte == b'/').count();
    target.len() <= PATH_MAX / 2
        && !target
            .get(slashes..)
            .is_some_and(|path| path.starts_with(b"api/"))
        && near::find2(b'?', b'%', target).is_none()
}

/// True where a path stands for itself, decoded.
pub fn is_plain(path: &[u8]) -> bool {
    near::find(b'%', path).is_none() && path.is_ascii()
}

/// Decodes a path as gunicorn does. None: longer than `buffer`.
pub fn decode<'p>(path: &[u8], buffer: &'p mut [u8]) -> Option<&'p [u8]> {
    let room = buffer.len();
    let mut free = buffer.iter_mut();
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        if let Some((char, after)) = split_escape(rest) {
            *free.next()? = char;
            rest = after;
            continue;
        }
        if byte.is_ascii() {
            *free.next()? = *byte;
        } else {
            // To gunicorn a raw byte above ASCII is ISO 8859-1, and it makes UTF-8 of it.
            *free.next()? = 0xc0 | byte >> 6;
            *free.next()? = 0x80 | byte & 0x3f;
        }
        rest = after;
    }
    let len = room.checked_sub(free.len())?;
    buffer.get(..len)
}

/// What a decoded path asks for.
pub fn route(path: &[u8], routes: Routes) -> Route<'_> {
    match routes {
        Routes::Split => split_route(path),
        Routes::Rules => rules_route(path),
    }
}

/// `parts = path[1:].split("/", 3)`
fn split_route(path: &[u8]) -> Route<'_> {
    let method = preceded(tag("method/"), segment).map(|m| Route::Method(m, None));
    // Whether it has a name does not matter: a method of a document of its own kind needs none.
    let resource = preceded(tag("resource/"), segment)
        .map(|doctype| documents(doctype, DocumentMethod::Argument));
    let route = preceded(
        (take_while(|byte| byte == b'/'), tag("api/")),
        alt((method, resource)),
    );
    finish(route, path)
}

fn rules_route(path: &[u8]) -> Route<'_> {
    let route = preceded(
        (take_while(|byte| byte == b'/'), tag("api/")),
        alt((
            preceded(tag("v1/"), v1),
            preceded(tag("v2/"), v2),
            v1,
            value(Route::Other, take_while(|_| true)),
        )),
    );
    finish(route, path)
}

/// `/method/<path:method>`, of which Frappe takes the first segment; `/resource/<doctype>` and
/// `/resource/<doctype>/<path:name>`
fn v1(input: &[u8]) -> IResult<&[u8], Route<'_>> {
    let method = preceded(tag("method/"), terminated(peek(segment), path_converter))
        .map(|method| Route::Method(method, None));
    let resource = preceded(tag("resource/"), document).map(|(doctype, name)| {
        documents(
            doctype,
            match name {
                Some(_) => DocumentMethod::Argument,
                None => DocumentMethod::None,
            },
        )
    });
    alt((method, resource)).parse(input)
}

/// `/method/<method>`, `/method/<doctype>/<method>`, `/document/<doctype>` and what is below,
/// `/doctype/<doctype>/meta`, `count` or `search`
fn v2(input: &[u8]) -> IResult<&[u8], Route<'_>> {
    let method = preceded(
        tag("method/"),
        terminated((segment, opt(preceded(tag("/"), segment))), end),
    )
    .map(|(first, second)| Route::Method(first, second));
    let document_method = preceded(
        tag("document/"),
        (segment, preceded(tag("/"), document_method)),
    )
    .map(|(doctype, method)| documents(doctype, DocumentMethod::Path(method)));
    let document = preceded(tag("document/"), document)
        .map(|(doctype, _)| documents(doctype, DocumentMethod::None));
    let about = alt((tag("/meta"), tag("/count"), tag("/search")));
    let doctype = preceded(tag("doctype/"), terminated(segment, (about, end)))
        .map(|doctype| documents(doctype, DocumentMethod::None));
    alt((method, document_method, document, doctype)).parse(input)
}

/// The doctype, and the name if there is one.
type Document<'p> = (&'p [u8], Option<&'p [u8]>);

/// `<doctype>`, or `<doctype>/<path:name>/`, of which the last slash may be missing; the name does
/// not end with one
fn document(input: &[u8]) -> IResult<&[u8], Document<'_>> {
    let name = verify(preceded(tag("/"), path_converter), |name: &[u8]| {
        !name.ends_with(b"//")
    });
    (segment, alt((end.map(|_| None), name.map(Some)))).parse(input)
}

/// `<path:name>/method/<method>/`, of which the last slash may be missing. A name may hold
/// `/method/`, too.
fn document_method(input: &[u8]) -> IResult<&[u8], &[u8]> {
    map_opt(rest, last_method).parse(input)
}

fn last_method(path: &[u8]) -> Option<&[u8]> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let (name, method) = path.split_at_checked(memchr::memrchr(b'/', path)?)?;
    let name = name.strip_suffix(b"/method")?;
    let method = method.get(1..).filter(|method| !method.is_empty())?;
    path_converter(name).is_ok().then_some(method)
}

const fn documents<'p>(doctype: &'p [u8], method: DocumentMethod<'p>) -> Route<'p> {
    Route::Documents(DocumentPath { doctype, method })
}

fn segment(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(|byte| byte != b'/').parse(input)
}

/// The rest of the path as a `<path:...>`, which is `[^/].*?` to werkzeug: `.` is no line feed.
fn path_converter(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let first = verify(take(1_usize), |first: &[u8]| first != b"/");
    recognize((first, take_while(|byte| byte != b'\n'), eof)).parse(input)
}

/// The end of the path, or one slash in front of it.
fn end(input: &[u8]) -> IResult<&[u8], &[u8]> {
    terminated(opt(tag("/")), eof)
        .parse(input)
        .map(|(rest, _)| (rest, &b""[..]))
}

fn finish<'p>(
    mut parser: impl Parser<&'p [u8], Output = Route<'p>, Error = nom::error::Error<&'p [u8]>>,
    path: &'p [u8],
) -> Route<'p> {
    parser.parse(path).map_or(Route::Other, |(_, route)| route)
}

fn cut(bytes: &[u8], at: Option<usize>) -> &[u8] {
    at.and_then(|at| bytes.get(..at)).unwrap_or(bytes)
}
