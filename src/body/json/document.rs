//! Documents: a member of the object that an argument is, or the first of a list of them.
//!
//! An argument of a JSON body may be the document itself: then the scanner of the body looks for the
//! member there, a level or two deeper, as it looks for arguments at the top. Or the argument is text,
//! in any kind of body: then [`Document`] is a scanner of its own for it, fed as the text streams by.

use super::{Json, JsonRules, LendPage, State};
use crate::body::arguments::ScanDocument;
use crate::body::text::copy;
use crate::body::{Charset, Fields, Trouble};

/// The document whose members are wanted, and what waits for its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside {
    /// the slot of the wanted member
    slot: usize,
    base: usize,
    member: Option<usize>,
    first_item: bool,
    unwraps: bool,
}

/// Where wanted members stand: arguments, or the one of a document.
#[derive(Clone, Copy)]
pub(super) struct Members<'m, 'r> {
    /// that of the document's member
    slot: Option<usize>,
    fields: &'m Fields<'r>,
}

impl Members<'_, '_> {
    /// A name of so many bytes may be wanted: most are as long as none that is.
    pub(super) fn may_find(&self, len: usize) -> bool {
        match self.slot {
            Some(_) => len == self.fields.names().member().len(),
            None => self.fields.may_find(len),
        }
    }

    /// The slot of the member.
    #[inline(always)]
    pub(super) fn find(&self, key: &[u8], hash: impl FnOnce() -> u64) -> Option<usize> {
        match self.slot {
            Some(slot) => (key == self.fields.names().member()).then_some(slot),
            None => self.fields.find_by(key, hash),
        }
    }
}

impl Json<'_> {
    /// The keys that are read here may be wanted.
    pub(super) fn has_wanted_keys(&self) -> bool {
        self.levels.depth() == self.base
    }

    pub(super) fn members<'m, 'r>(&self, fields: &'m Fields<'r>) -> Members<'m, 'r> {
        Members {
            slot: self.inside.map(|inside| inside.slot),
            fields,
        }
    }

    /// The slot for the document that may begin here.
    pub(super) fn document_here(&self, fields: &Fields<'_>) -> Option<usize> {
        if self.inside.is_some() {
            return None;
        }
        let argument = || fields.names().document(self.member?);
        self.root.or_else(argument)
    }

    /// A document begins, whose members are a level deeper.
    pub(super) fn enter(&mut self, slot: usize) {
        self.inside = Some(Inside {
            slot,
            base: self.base,
            member: self.member.take(),
            first_item: core::mem::take(&mut self.first_item),
            unwraps: core::mem::take(&mut self.unwraps),
        });
        self.base = self.levels.depth().wrapping_add(1);
    }

    /// The document has ended, if one is read.
    pub(super) fn leave(&mut self) {
        if let Some(inside) = self.inside.take() {
            self.base = inside.base;
            self.member = inside.member;
            self.first_item = inside.first_item;
            self.unwraps = inside.unwraps;
        }
    }
}

/// Bytes that wait until it is worth while to read them: of text that is full of escapes a few come at a
/// time.
const BUFFER: usize = 256;

/// The bytes around the name of a member in the shortest document that has it: `{"":0}`.
const SHORTEST: usize = 6;

/// The scanner for a document that is the text of an argument. State: 700 bytes, and a page for one
/// that is nested deeper than 256 levels.
#[derive(Debug)]
pub struct Document<'r> {
    json: Json<'r>,
    buffer: [u8; BUFFER],
    /// how many of them wait
    len: usize,
    /// how its bytes become text
    charset: Charset,
}

impl<'r> Document<'r> {
    /// A scanner for as many documents as there are in a body, one after the other. They are read as
    /// `json.loads` does.
    pub fn new(lender: &'r dyn LendPage<'r>) -> Self {
        Self {
            json: Json::new(JsonRules::LOADS, lender),
            buffer: [0; BUFFER],
            len: 0,
            charset: Charset::Utf8,
        }
    }

    fn flush(&mut self, fields: &mut Fields<'_>) {
        let len = core::mem::take(&mut self.len);
        if len > 0 {
            let bytes = self.buffer.get(..len).unwrap_or_default();
            self.json.read(bytes, self.charset, fields);
        }
    }
}

impl Json<'_> {
    /// Takes the next bytes, which become text by this charset.
    fn read(&mut self, bytes: &[u8], charset: Charset, fields: &mut Fields<'_>) {
        match charset {
            Charset::Utf8 | Charset::Utf8Quoted | Charset::Utf8Strict => self.feed(bytes, fields),
            _ if bytes.is_ascii() && charset != Charset::Other => self.feed(bytes, fields),
            Charset::Ascii | Charset::Latin1 | Charset::Cp1252 => {
                self.feed_chars(bytes, charset, fields);
            }
            // What it says is not known.
            Charset::OtherAscii | Charset::Other => self.fail(Trouble::CharsetUnknown),
        }
    }

    /// Feeds bytes of a charset with a character a byte.
    fn feed_chars(&mut self, bytes: &[u8], charset: Charset, fields: &mut Fields<'_>) {
        const CHARS: usize = 64;
        let mut buffer = [0; 3 * CHARS];
        for bytes in bytes.chunks(CHARS) {
            let mut len = 0_usize;
            for byte in bytes {
                let char = charset.char(*byte);
                let free = buffer.get_mut(len..).unwrap_or_default();
                if char.len_utf8() <= free.len() {
                    len = len.saturating_add(char.encode_utf8(free).len());
                }
            }
            self.feed(buffer.get(..len).unwrap_or_default(), fields);
        }
    }
}

impl ScanDocument for Document<'_> {
    fn start(&mut self, slot: usize, charset: Charset) {
        self.charset = charset;
        self.len = 0;
        self.json.restart(slot, charset);
    }

    fn feed(&mut self, bytes: &[u8], fields: &mut Fields<'_>) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(free) = self.buffer.get_mut(self.len..end) {
            copy(free, bytes);
            self.len = end;
        } else {
            self.flush(fields);
            match self.buffer.get_mut(..bytes.len()) {
                Some(free) => {
                    copy(free, bytes);
                    self.len = bytes.len();
                }
                None => self.json.read(bytes, self.charset, fields),
            }
        }
    }

    fn feed_half(&mut self, half: u16, fields: &mut Fields<'_>) {
        self.flush(fields);
        self.json.half(half, fields);
    }

    fn take_back(&mut self, count: usize, fields: &mut Fields<'_>) {
        self.flush(fields);
        if let State::Tail(len) = self.json.state
            && len <= count
        {
            self.json.state = State::After;
        }
    }

    fn end(&mut self, fields: &mut Fields<'_>) -> bool {
        let is_unread = self.json.top.is_none();
        if is_unread && self.len < fields.names().member().len().saturating_add(SHORTEST) {
            self.len = 0;
            return true;
        }
        self.flush(fields);
        self.json.levels.depth() == 0 && matches!(self.json.state, State::After)
    }
}
