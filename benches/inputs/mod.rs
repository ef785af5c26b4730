//! The named bodies of `benches/inputs.json` and `benches/hostile.json`, of any size.
//!
//! A body is `head`, then `repeat` as often as it fits, then `tail`. Each is a list of pieces. A piece is
//! a text, or a generator: `{"text": N}` (N letters and spaces), `{"bytes": N}` (N bytes that look
//! random), `{"deep": N}` (N nested arrays), `{"hex": "..."}`, `{"times": N, "of": [...]}`. A content
//! type or a target is a text, or an object with texts `head`, `repeat` and `tail`, which is filled up to
//! `max` bytes.

use std::cell::RefCell;

use ngx_http_frappe_module::body::header::content_type::CONTENT_TYPE_MAX;
use ngx_http_frappe_module::body::{
    CMD_MAX, Document, Fields, Multipart, Names, OnePage, Page, Rooms, Slot, Values,
};
use ngx_http_frappe_module::frappe::{self, Dialect, Head, Outcome, Plan, call, dialect};
use serde_json::Value;

/// Bytes that are fed at once: the size of nginx's buffer for bodies.
const BLOCK: usize = 16 * 1024;

/// One input.
pub struct Input {
    pub name: String,
    /// the group of inputs that it is compared with
    pub kind: String,
    /// real clients send such a request
    pub is_friendly: bool,
    pub content_type: Vec<u8>,
    pub target: Vec<u8>,
    /// the rules by which it is read
    pub dialect: &'static Dialect,
    /// the arguments that are kept: cmd, and others
    pub names: Names,
    scratch: RefCell<Vec<u8>>,
    head: Vec<u8>,
    repeat: Vec<u8>,
    tail: Vec<u8>,
    /// it has one size only
    pub once: bool,
    pub bare: Option<Bare>,
}

/// A bare search, which reads the same bytes for comparison.
#[derive(Clone)]
pub enum Bare {
    Memchr(u8),
    Memchr2(u8, u8),
    Memmem(Vec<u8>),
    Utf8,
}

/// A body. Its middle is one block many times, so that 64 MiB stay in the cache.
pub struct Body {
    head: Vec<u8>,
    block: Vec<u8>,
    blocks: usize,
    tail: Vec<u8>,
}

/// Requests that real clients send.
pub const INPUTS: &[u8] = include_bytes!("../inputs.json");
/// Requests that an attacker may send.
pub const HOSTILE: &[u8] = include_bytes!("../hostile.json");

/// All inputs of a file.
pub fn all(file: &[u8]) -> Vec<Input> {
    let inputs: Vec<Value> = serde_json::from_slice(file).expect("a list");
    inputs.iter().map(Input::new).collect()
}

/// Does all that the module does with a request, apart from nginx's part.
pub fn read(input: &Input, body: &Body) -> Outcome {
    if input.names.has_documents() {
        return read_by(input, body, input.dialect, usize::MAX);
    }
    let mut value = [0; CMD_MAX];
    let mut slots = [Slot::new(&mut value)];
    let mut fields = Fields::new(&input.names, &mut slots);
    resolve(input, body, usize::MAX, input.dialect, &mut fields)
}

/// Does the same by the rules of any dialect, in pieces of `piece_len` bytes, with all names of the input.
pub fn read_by(input: &Input, body: &Body, dialect: &Dialect, piece_len: usize) -> Outcome {
    let mut values = Values::new(&input.names);
    let mut slots = values.slots();
    let mut page = Page::uninit();
    let lender = OnePage::new(&mut page);
    let mut document = Document::new(&lender);
    let mut fields = Fields::new(&input.names, &mut slots).with_documents(&mut document);
    resolve(input, body, piece_len, dialect, &mut fields)
}

/// The function whose instructions the tests count.
#[inline(never)]
pub fn resolve(
    input: &Input,
    body: &Body,
    piece_len: usize,
    dialect: &Dialect,
    fields: &mut Fields<'_>,
) -> Outcome {
    let head = Head {
        method: b"POST",
        target: &input.target,
        content_type: &input.content_type,
    };
    let plan = frappe::plan(&head, dialect);
    let Plan::Scan(media_type) = plan else {
        return frappe::resolve(&head, plan, None, dialect, fields);
    };
    let mut scratch = input.scratch.borrow_mut();
    let scratch = &mut scratch[..frappe::scratch_len(media_type, head.content_type)];
    let mut rooms = Rooms::default();
    let room = rooms.of(media_type, scratch).expect("a type that is read");
    let end = match frappe::scanner(room, &head, dialect, fields) {
        Ok(mut scanner) => {
            for piece in body.pieces().flat_map(|piece| piece.chunks(piece_len)) {
                scanner.feed(piece, fields);
            }
            scanner.finish(fields)
        }
        Err(end) => end,
    };
    frappe::resolve(&head, plan, Some(end), dialect, fields)
}

impl Input {
    fn new(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str();
        Self {
            name: text("name").expect("a name").into(),
            kind: text("kind").unwrap_or_default().into(),
            is_friendly: value["friendly"] == true,
            content_type: filled(&value["type"], CONTENT_TYPE_MAX),
            target: filled(value.get("target").unwrap_or(&"/".into()), 1 << 14),
            dialect: dialect::find(text("version").unwrap_or("17").as_bytes()).expect("a version"),
            names: names(value["names"].as_u64().unwrap_or(0), value["call"] == true),
            scratch: vec![0; Multipart::SCRATCH_MAX].into(),
            head: pieces(&value["head"]),
            repeat: pieces(&value["repeat"]),
            tail: pieces(&value["tail"]),
            once: value["once"] == true,
            bare: value.get("bare").map(Bare::new),
        }
    }

    /// A body of about `size` bytes.
    pub fn body(&self, size: usize) -> Body {
        let ends = self.head.len() + self.tail.len();
        if self.once || self.repeat.is_empty() {
            return Body::new(self, Vec::new(), 0);
        }
        let block = self.repeat.repeat((BLOCK / self.repeat.len()).max(1));
        let middle = size.saturating_sub(ends);
        if middle < block.len() {
            let repeats = (middle / self.repeat.len()).max(1);
            return Body::new(self, self.repeat.repeat(repeats), 1);
        }
        let blocks = middle / block.len();
        Body::new(self, block, blocks)
    }
}

impl Body {
    fn new(input: &Input, block: Vec<u8>, blocks: usize) -> Self {
        Self {
            head: input.head.clone(),
            block,
            blocks,
            tail: input.tail.clone(),
        }
    }

    pub fn len(&self) -> usize {
        self.head.len() + self.block.len() * self.blocks + self.tail.len()
    }

    /// The pieces in which the body is fed.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let middle = std::iter::repeat_n(&self.block[..], self.blocks);
        [&self.head[..]]
            .into_iter()
            .chain(middle)
            .chain([&self.tail[..]])
    }
}

impl Bare {
    fn new(value: &Value) -> Self {
        let (kind, needle) = value
            .as_object()
            .and_then(|object| object.iter().next())
            .expect("one kind");
        let needle = needle.as_str().expect("a needle").as_bytes();
        match (kind.as_str(), needle) {
            ("memchr", [a]) => Self::Memchr(*a),
            ("memchr2", [a, b]) => Self::Memchr2(*a, *b),
            ("memmem", _) => Self::Memmem(needle.to_vec()),
            ("utf8", _) => Self::Utf8,
            _ => panic!("unknown: {value}"),
        }
    }

    /// Reads the body. The result only keeps the compiler from leaving out the search.
    pub fn read(&self, body: &Body) -> usize {
        match self {
            Self::Memchr(a) => body
                .pieces()
                .map(|p| memchr::memchr_iter(*a, p).count())
                .sum(),
            Self::Memchr2(a, b) => {
                let count = |piece| memchr::memchr2_iter(*a, *b, piece).count();
                body.pieces().map(count).sum()
            }
            Self::Memmem(needle) => {
                let finder = memchr::memmem::Finder::new(needle);
                body.pieces().map(|p| finder.find_iter(p).count()).sum()
            }
            Self::Utf8 => body
                .pieces()
                .filter(|piece| std::str::from_utf8(piece).is_ok())
                .count(),
        }
    }
}

/// `cmd` and `count` other names, as the variable `$frappe_arg_arg7` asks for one.
fn names(count: u64, call: bool) -> Names {
    let mut names = Names::new();
    if call {
        call::add_call(&mut names);
    }
    for number in 0..count {
        names.add(format!("arg{number}").as_bytes());
    }
    names
}

/// A text, or one that is filled up to `max` bytes: its own `max`, or else the one given.
fn filled(value: &Value, max: usize) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.into();
    }
    let part = |key: &str| value[key].as_str().unwrap_or_default().as_bytes();
    let max = value["max"].as_u64().map_or(max, |max| max as usize);
    let [head, repeat, tail] = ["head", "repeat", "tail"].map(part);
    let times = (max - head.len() - tail.len()) / repeat.len();
    [head, &repeat.repeat(times), tail].concat()
}

fn pieces(list: &Value) -> Vec<u8> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().flat_map(piece).collect()
}

fn piece(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.into();
    }
    let count = |kind: &str| value[kind].as_u64().map(|count| count as usize);
    if let Some(count) = count("text") {
        b"The quick brown fox jumps over the lazy dog. "
            .iter()
            .copied()
            .cycle()
            .take(count)
            .collect()
    } else if let Some(count) = count("bytes") {
        let mut state = 1_u64;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .take(count)
        .collect()
    } else if let Some(count) = count("deep") {
        [vec![b'['; count], vec![b']'; count]].concat()
    } else if let Some(times) = count("times") {
        pieces(&value["of"]).repeat(times)
    } else if let Some(hex) = value["hex"].as_str() {
        let digits = hex.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.map(byte).collect()
    } else {
        panic!("unknown: {value}")
    }
}
