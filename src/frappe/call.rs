//! What kind of request this is, in one short name: `$frappe_call`, and what it touches:
//! `$frappe_doctype`.
//!
//! | request | call |
//! | --- | --- |
//! | `run_doc_method`, `runserverobj`, `run_method=M` on `/api/resource/D/N`, `/api/v2/document/D/N/method/M` | `run_doc_method:DOCTYPE.METHOD` |
//! | a method with an argument `report_name` | `CMD:REPORT` |
//! | another method whose doctype is known | `CMD:DOCTYPE` |
//! | another method | `CMD` |
//! | a document by REST | `VERB resource:DOCTYPE` |
//! | a page, a file | `page` |
//! | nothing runs | `(malformed)`, `(invalid)`, `(options)` |
//!
//! The doctype is the first of: that of a document's path where no cmd runs, the arguments `doctype`
//! and `dt`, the member `doctype` of the document that is an argument. In Frappe: `handler.py:
//! run_doc_method`, `api/v1.py`, `api/v2.py`, `desk/form/save.py: savedocs`, `client.py: insert, save,
//! submit, insert_many, bulk_update`, `model/workflow.py: apply_workflow`.
//!
//! Memory: a slot for each argument and place, whose bytes are lent once there is a value.

use crate::body::text::copy;
use crate::body::{CMD_MAX, Documents, Fields, Names, RECORD_NAME_MAX, Value};

use super::{Dialect, Head, Status};

/// The longest name of a DocType or a report, in characters (`varchar(140)`).
const RECORD_CHARS_MAX: usize = 140;
/// The longest name of a document's method, in bytes.
const METHOD_MAX: usize = 240;
/// The longest verb, in bytes.
const VERB_MAX: usize = 32;
/// The longest call, in bytes: `run_doc_method:DOCTYPE.METHOD`. In characters it is less than 396.
const CALL_MAX: usize = 16 + RECORD_NAME_MAX + METHOD_MAX;
const _: () = assert!(CMD_MAX + 1 + RECORD_NAME_MAX <= CALL_MAX);

/// The place of the doctype in a path.
pub(super) const PATH_DOCTYPE: usize = 0;
/// The places of the doctypes of documents.
const DOC: usize = 1;
const DOCS: usize = 2;
const DOCUMENT: usize = 3;
/// The place of a document's method in a path.
pub(super) const PATH_METHOD: usize = 4;
const CALL: usize = 5;
/// The longest text of each place.
const PLACES: &[usize] = &[
    RECORD_NAME_MAX,
    RECORD_NAME_MAX,
    RECORD_NAME_MAX,
    RECORD_NAME_MAX,
    METHOD_MAX,
    CALL_MAX,
];
const DOCTYPE_PLACES: &[usize] = PLACES.split_at(PATH_METHOD).0;

/// Slots that [`add_doctype`] asks for, and the bytes of their values.
pub const DOCTYPE_SLOTS: usize = 5 + DOCTYPE_PLACES.len();
/// See [`DOCTYPE_SLOTS`].
pub const DOCTYPE_VALUES: usize = (2 + DOCTYPE_PLACES.len()) * RECORD_NAME_MAX;
/// The same for [`add_call`], which asks for those, too.
pub const SLOTS: usize = 8 + PLACES.len();
/// See [`SLOTS`].
pub const VALUES: usize = DOCTYPE_VALUES + RECORD_NAME_MAX + 3 * METHOD_MAX + CALL_MAX;

/// The arguments that are documents.
static DOCUMENTS: Documents = Documents {
    member: b"doctype",
    arguments: &[(b"doc", DOC), (b"docs", DOCS), (b"document", DOCUMENT)],
};

/// The call of a request whose body has not been looked at.
pub const UNREAD: &[u8] = b"(unread)";
const OPTIONS: &[u8] = b"(options)";
const PAGE: &[u8] = b"page";

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// an error is all there is
    Nothing,
    /// the answer to OPTIONS
    Options,
    /// a page, a file
    Page,
    /// the method called cmd
    Method,
    /// a document by REST
    Document,
    /// the same, unless the argument `run_method` names a method of the document
    DocumentOrMethod,
    /// a method of a document, which the path names
    DocumentMethod,
}

/// Asks for what [`doctype`] needs.
pub fn add_doctype(names: &mut Names) {
    names.add_places(DOCTYPE_PLACES);
    for name in [&b"doctype"[..], b"dt"] {
        names.add_up_to(name, RECORD_NAME_MAX);
    }
    names.add_documents(&DOCUMENTS);
}

/// Asks for what [`text`] needs.
pub fn add_call(names: &mut Names) {
    add_doctype(names);
    names.add_places(PLACES);
    names.add_up_to(b"report_name", RECORD_NAME_MAX);
    names.add_up_to(b"method", METHOD_MAX);
    names.add_up_to(b"run_method", METHOD_MAX);
}

/// `$frappe_doctype` of a request that is resolved: at most 140 characters; empty where it is not known.
pub fn doctype<'f>(fields: &'f Fields<'_>) -> &'f [u8] {
    let in_path = fields.names().place(PATH_DOCTYPE);
    if fields.value(in_path) != Value::Absent {
        return record_name(fields.text(in_path));
    }
    let mut arguments = [&b"doctype"[..], b"dt"].into_iter();
    if let Some(name) = arguments.find(|name| is_given(fields, name)) {
        return record_name(argument(fields, name));
    }
    let [first, second] = match takes_docs(fields.text(Names::CMD)) {
        true => [&b"docs"[..], b"doc"],
        false => [&b"doc"[..], b"docs"],
    };
    // The last one is that of `/api/v2/method/run_doc_method`.
    let mut documents = [first, second, b"document"].into_iter();
    let document = documents.find(|name| is_given(fields, name));
    let slot = document.and_then(|name| fields.names().document(fields.find(name)?));
    slot.map_or(b"", |slot| record_name(fields.text(slot)))
}

/// `$frappe_call` of a request that is resolved: empty where [`add_call`] has not asked for it.
pub fn text<'f>(fields: &'f Fields<'_>) -> &'f [u8] {
    fields.text(fields.names().place(CALL))
}

/// `$frappe_call` of a request without a body for what [`path::is_page`](super::path::is_page).
pub fn of_page(method: &[u8], dialect: &Dialect) -> &'static [u8] {
    match method {
        b"OPTIONS" if !dialect.options_run => OPTIONS,
        _ => PAGE,
    }
}

/// Puts `$frappe_call` together, if it is asked for.
pub(super) fn compose(head: &Head<'_>, status: Status, work: Work, fields: &mut Fields<'_>) {
    if fields.has_place(CALL) {
        compose_call(head, status, work, fields);
    }
}

#[inline(never)]
fn compose_call(head: &Head<'_>, status: Status, work: Work, fields: &mut Fields<'_>) {
    let mut call = Call::default();
    let doctype = doctype(fields);
    match work {
        Work::Nothing => call.push(&[b"(", status.as_str().as_bytes(), b")"]),
        Work::Options => call.push(&[OPTIONS]),
        Work::Page => call.push(&[PAGE]),
        Work::Method => {
            let cmd = fields.text(Names::CMD);
            let report = record_name(argument(fields, b"report_name"));
            if runs_document_method(cmd) {
                call.document_method(doctype, argument(fields, b"method"));
            } else {
                let about = if report.is_empty() { doctype } else { report };
                call.push(&[cmd]);
                call.about(about);
            }
        }
        Work::DocumentMethod => {
            call.document_method(doctype, fields.text(fields.names().place(PATH_METHOD)));
        }
        Work::DocumentOrMethod if is_given(fields, b"run_method") => {
            call.document_method(doctype, argument(fields, b"run_method"));
        }
        Work::Document | Work::DocumentOrMethod => {
            let verb = head.method.get(..VERB_MAX).unwrap_or(head.method);
            call.push(&[verb, b" resource"]);
            call.about(doctype);
        }
    }
    fields.replace_place(CALL, &[call.text()]);
}

/// cmd takes its document, or the list of them, from the argument `docs`; others do from `doc`.
fn takes_docs(cmd: &[u8]) -> bool {
    runs_document_method(cmd)
        || matches!(
            cmd,
            b"frappe.client.insert_many" | b"frappe.client.bulk_update"
        )
}

/// cmd runs the method of a document that the argument `method` names.
fn runs_document_method(cmd: &[u8]) -> bool {
    let name = cmd.strip_prefix(b"frappe.handler.").unwrap_or(cmd);
    matches!(name, b"run_doc_method" | b"runserverobj")
}

/// There is such an argument, and Python takes it for true.
fn is_given(fields: &Fields<'_>, name: &[u8]) -> bool {
    let value = fields.find(name).map(|index| fields.value(index));
    !matches!(value, None | Some(Value::Absent | Value::Falsy))
}

fn argument<'f>(fields: &'f Fields<'_>, name: &[u8]) -> &'f [u8] {
    fields.find(name).map_or(b"", |index| fields.text(index))
}

/// The name of a DocType or a report, empty where it is longer than any.
fn record_name(text: &[u8]) -> &[u8] {
    let chars = text.iter().filter(|byte| **byte & 0xc0 != 0x80);
    if text.len() <= RECORD_CHARS_MAX || chars.count() <= RECORD_CHARS_MAX {
        text
    } else {
        b""
    }
}

/// A call that is put together.
struct Call {
    buffer: [u8; CALL_MAX],
    len: usize,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            buffer: [0; CALL_MAX],
            len: 0,
        }
    }
}

impl Call {
    fn push(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            let end = self.len.saturating_add(piece.len());
            // Each piece has a bound, and so there is room.
            if let Some(free) = self.buffer.get_mut(self.len..end) {
                copy(free, piece);
                self.len = end;
            }
        }
    }

    fn about(&mut self, name: &[u8]) {
        if !name.is_empty() {
            self.push(&[b":", name]);
        }
    }

    /// Nothing can run where the document's kind is not known.
    fn document_method(&mut self, doctype: &[u8], method: &[u8]) {
        self.push(&[b"run_doc_method"]);
        self.about(doctype);
        if !doctype.is_empty() && !method.is_empty() && method.len() <= METHOD_MAX {
            self.push(&[b".", method]);
        }
    }

    fn text(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}
