//! Asks the core about a request: plan, scan, resolve.

use ngx_http_frappe_module::body::{
    Document, Fields, MediaType, Names, OnePage, Page, Rooms, Source, Values,
};
use ngx_http_frappe_module::frappe::{self, Dialect, Head, Outcome, Plan, Status, call, dialect};

use crate::http::Request;

/// The arguments to ask for, and the rules to ask by.
pub(crate) struct Asker {
    dialect: Option<&'static Dialect>,
    names: Names,
    arguments: Vec<String>,
    /// bodies are fed in pieces of this size
    pub(crate) chunk: usize,
}

impl Default for Asker {
    fn default() -> Self {
        let mut names = Names::new();
        call::add_call(&mut names);
        Self {
            dialect: dialect::newest(),
            names,
            arguments: Vec::new(),
            chunk: 16 * 1024,
        }
    }
}

/// The values that the variables would have.
pub(crate) struct Answer {
    pub(crate) cmd: String,
    pub(crate) source: &'static str,
    pub(crate) status: &'static str,
    pub(crate) call: String,
    pub(crate) arguments: Vec<(String, String)>,
    pub(crate) trouble: Option<&'static str>,
    pub(crate) why: String,
}

impl Asker {
    pub(crate) fn set_version(&mut self, version: &str) -> Result<(), String> {
        self.dialect = dialect::find(version.as_bytes());
        match self.dialect {
            Some(_) => Ok(()),
            None => Err(format!("--frappe must be {}", dialect::VERSIONS)),
        }
    }

    pub(crate) fn add_name(&mut self, name: &str) -> Result<(), String> {
        if self.names.add(name.as_bytes()).is_none() {
            return Err(format!("--arg {name} is too long"));
        }
        self.arguments.push(name.to_owned());
        Ok(())
    }

    pub(crate) fn ask(&self, request: &Request) -> Answer {
        let dialect = self.dialect.expect("there is a newest dialect");
        let head = Head {
            method: &request.method,
            target: &request.target,
            content_type: request.last_header("content-type").unwrap_or_default(),
        };
        let mut values = Values::new(&self.names);
        let mut slots = values.slots();
        let (mut page, mut rooms) = (Page::uninit(), Rooms::default());
        let lender = OnePage::new(&mut page);
        let mut document = Document::new(&lender);
        let mut fields = Fields::new(&self.names, &mut slots).with_documents(&mut document);

        // Without a body only Frappe 10 looks at the type: it refuses JSON then.
        let plan = match request.body.is_empty() && dialect.json_empty {
            true => Plan::Ignore,
            false => frappe::plan(&head, dialect),
        };
        let mut scratch = Vec::new();
        let end = match plan {
            Plan::Scan(media_type) => {
                scratch.resize(frappe::scratch_len(media_type, head.content_type), 0);
                let room = rooms.of(media_type, &mut scratch);
                let room = room.expect("there is a scanner for what is scanned");
                match frappe::scanner(room, &head, dialect, &mut fields) {
                    Ok(mut scanner) => {
                        for piece in request.body.chunks(self.chunk) {
                            scanner.feed(piece, &mut fields);
                        }
                        Some(scanner.finish(&mut fields))
                    }
                    Err(end) => Some(end),
                }
            }
            Plan::Ignore => None,
        };
        let outcome = frappe::resolve(&head, plan, end, dialect, &mut fields);
        Answer {
            cmd: string(fields.text(Names::CMD)),
            source: outcome.source.as_str(),
            status: outcome.status.as_str(),
            call: string(call::text(&fields)),
            arguments: self
                .arguments
                .iter()
                .map(|name| {
                    let text = match (name.as_str(), self.names.find(name.as_bytes())) {
                        ("doctype", _) => call::doctype(&fields),
                        (_, Some(index)) => fields.argument(index),
                        (_, None) => b"",
                    };
                    (name.clone(), string(text))
                })
                .collect(),
            trouble: outcome.trouble.map(|trouble| trouble.message()),
            why: why(&outcome, plan, request),
        }
    }
}

fn string(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The rule that decided, in a sentence.
fn why(outcome: &Outcome, plan: Plan, request: &Request) -> String {
    let body = match plan {
        Plan::Scan(MediaType::Json) => "the JSON body replaces form and query",
        Plan::Scan(MediaType::Form) => "the urlencoded body was read",
        Plan::Scan(MediaType::Multipart) => "the multipart body was read",
        Plan::Scan(MediaType::Other) | Plan::Ignore if request.body.is_empty() => {
            "there is no body"
        }
        Plan::Scan(MediaType::Other) | Plan::Ignore => "the body cannot hold arguments",
    };
    let decision = match (outcome.status, outcome.source) {
        (Status::Malformed, _) => "Frappe refuses the request, nothing runs".to_owned(),
        (Status::Invalid, Source::None) => "the request exceeds what this module follows".into(),
        (Status::Invalid, source) => {
            format!("cmd from {} is no method's name", source.as_str())
        }
        (_, Source::None) if request.method == b"OPTIONS" => "OPTIONS runs nothing".to_owned(),
        (_, Source::None) => "no cmd argument, and the path names no method".to_owned(),
        (_, Source::Path) => "no cmd argument that is not empty, so the path decides".to_owned(),
        (_, source) => format!(
            "the argument cmd, found in {}, beats the path",
            source.as_str()
        ),
    };
    format!("{body}; {decision}")
}
