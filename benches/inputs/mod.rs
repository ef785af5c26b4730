//! The named bodies of `benches/inputs.json`, of any size.
//!
//! An input is `head`, as often as fits `repeat`, `tail`. Each is a list of pieces: text as it
//! stands, or a generator, `{"text": N}` (N letters and spaces), `{"bytes": N}` (N bytes that look
//! random), `{"deep": N}` (N arrays in each other), `{"hex": "..."}`.

use std::cell::RefCell;

use ngx_http_frappe_module::body::{CMD_MAX, Fields, Multipart, Names, Rooms, Slot};
use ngx_http_frappe_module::frappe::{self, Dialect, Head, Outcome, Plan, dialect};
use serde_json::Value;

/// Bytes that are fed at once: nginx's buffer for bodies.
const BLOCK: usize = 16 * 1024;

/// One input.
pub struct Input {
    pub name: String,
    pub content_type: String,
    /// the rules by which it is read
    pub dialect: &'static Dialect,
    /// the arguments that are kept: cmd
    pub names: Names,
    scratch: RefCell<Vec<u8>>,
    head: Vec<u8>,
    repeat: Vec<u8>,
    tail: Vec<u8>,
    /// it has one size only
    pub once: bool,
    pub bare: Option<Bare>,
}

/// What reads the same bytes for comparison.
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

/// All inputs of the file.
pub fn all() -> Vec<Input> {
    let text = include_bytes!("../inputs.json");
    let inputs: Vec<Value> = serde_json::from_slice(text).expect("benches/inputs.json");
    inputs.iter().map(Input::new).collect()
}

/// All that the module does with a request, nginx apart.
pub fn read(input: &Input, body: &Body) -> Outcome {
    let mut value = [0; CMD_MAX];
    let mut slots = [Slot::new(&mut value)];
    let mut fields = Fields::new(&input.names, &mut slots);
    let head = Head {
        method: b"POST",
        target: b"/",
        content_type: input.content_type.as_bytes(),
        encoded: false,
    };
    let plan = frappe::plan(&head, input.dialect);
    let Plan::Scan(media_type) = plan else {
        panic!("{} is not read", input.name);
    };
    let mut scratch = input.scratch.borrow_mut();
    let scratch = &mut scratch[..frappe::scratch_len(media_type, head.content_type)];
    scratch.fill(0);
    let mut rooms = Rooms::default();
    let room = rooms.of(media_type, scratch).expect("a type that is read");
    let scanner = frappe::scanner(room, &head, input.dialect, &mut fields);
    let mut scanner = scanner.expect("a scanner");
    for piece in body.pieces() {
        scanner.feed(piece, &mut fields);
    }
    let end = scanner.finish(&mut fields);
    frappe::resolve(&head, plan, Some(end), input.dialect, &mut fields)
}

impl Input {
    fn new(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str();
        Self {
            name: text("name").expect("a name").into(),
            content_type: text("type").expect("a type").into(),
            dialect: dialect::find(text("version").unwrap_or("17").as_bytes()).expect("a version"),
            names: Names::new(),
            scratch: vec![0; Multipart::SCRATCH_MAX].into(),
            head: pieces(&value["head"]),
            repeat: pieces(&value["repeat"]),
            tail: pieces(&value["tail"]),
            once: value["once"] == true,
            bare: value.get("bare").map(Bare::new),
        }
    }

    /// About `size` bytes.
    pub fn body(&self, size: usize) -> Body {
        let ends = self.head.len() + self.tail.len();
        if self.once {
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

    /// In the pieces in which it is read.
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

    /// Reads the body; the answer is there so that nothing is left out.
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
    } else if let Some(hex) = value["hex"].as_str() {
        let digits = hex.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.map(byte).collect()
    } else {
        panic!("unknown: {value}")
    }
}
