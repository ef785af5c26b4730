//! The values of one request's arguments.

use super::name::hash;
use super::{Lend, Names, ScanDocument, Slot, Source, Value};
use crate::body::text::Charset;
use crate::body::text::percent::Sink;

/// The values of one request: a slot a name.
#[derive(Debug)]
pub struct Fields<'r> {
    pub(super) names: &'r Names,
    slots: &'r mut [Slot<'r>],
    /// lends room to slots that have none
    lender: Option<&'r dyn Lend<'r>>,
    /// how many names have no value yet
    absent: usize,
    /// the source of the values that are being scanned
    source: Source,
    /// reads the JSON text of documents
    pub(super) scanner: Option<&'r mut dyn ScanDocument>,
    /// the argument whose document is being read
    pub(super) reading: Option<usize>,
}

impl<'r> Fields<'r> {
    /// `slots` must be [`Names::slots`]; a name without a slot never has a value.
    pub fn new(names: &'r Names, slots: &'r mut [Slot<'r>]) -> Self {
        Self {
            names,
            slots,
            lender: None,
            absent: names.count(),
            source: Source::None,
            scanner: None,
            reading: None,
        }
    }

    /// Makes slots [without room](Slot::lent) borrow it from `lender` when a value begins.
    pub fn lent_by(mut self, lender: &'r dyn Lend<'r>) -> Self {
        self.lender = Some(lender);
        self
    }

    /// Makes `scanner` read the JSON text of documents.
    pub fn with_documents(mut self, scanner: &'r mut dyn ScanDocument) -> Self {
        self.scanner = Some(scanner);
        self
    }

    /// The value of an argument by its index in [`Names`].
    #[inline]
    pub fn value(&self, index: usize) -> Value<'_> {
        self.slots.get(index).map_or(Value::Absent, Slot::value)
    }

    /// The text of an argument, empty where there is none that may be shown.
    pub fn text(&self, index: usize) -> &[u8] {
        self.slots.get(index).map_or(b"", Slot::text)
    }

    /// The source of the argument's value.
    pub fn source(&self, index: usize) -> Source {
        self.slots.get(index).map_or(Source::None, Slot::source)
    }

    /// As [`Self::text`], but empty where only the path named it.
    pub fn argument(&self, index: usize) -> &[u8] {
        match self.source(index) {
            Source::Path => b"",
            _ => self.text(index),
        }
    }

    /// The names that there are slots for.
    pub fn names(&self) -> &'r Names {
        self.names
    }

    /// Whether there is such a [place](Names::add_places).
    pub(crate) fn has_place(&self, place: usize) -> bool {
        self.names.place(place) < self.slots.len()
    }

    /// The index of a name.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        self.find_by(name, || hash(name))
    }

    /// The same, given the name's hash.
    #[inline]
    pub(in crate::body) fn find_by(
        &self,
        name: &[u8],
        hash: impl FnOnce() -> u64,
    ) -> Option<usize> {
        // Frappe drops `_`, with which jQuery defeats caches (`frappe/app.py: make_form_dict`).
        if name == b"_" {
            None
        } else {
            self.names.find_by(name, hash)
        }
    }

    /// Whether a name of `len` bytes may be wanted. This rules out most names, since no wanted one has
    /// their length.
    #[inline]
    pub(in crate::body) fn may_find(&self, len: usize) -> bool {
        self.names.may_find(len)
    }

    /// The same of a name with percent escapes, which has `len` bytes with them.
    pub(in crate::body) fn may_find_encoded(&self, len: usize) -> bool {
        self.names.may_find_encoded(len)
    }

    /// Sets the source of the values that follow.
    pub(crate) fn set_source(&mut self, source: Source) {
        self.source = source;
    }

    /// Forgets all values.
    #[cold]
    #[inline(never)]
    pub(crate) fn clear(&mut self) {
        self.reading = None;
        self.absent = self.names.count();
        self.slots.iter_mut().for_each(Slot::clear);
    }

    /// Turns values that are the first item of a JSON list back into lists, which are no text.
    pub(in crate::body) fn keep_lists(&mut self) {
        self.slots.iter_mut().for_each(Slot::keep_list);
    }

    /// Makes text of all values. No value changes afterwards.
    pub(crate) fn settle(&mut self) {
        self.drop_document();
        self.slots.iter_mut().for_each(Slot::settle);
    }

    /// Sets a whole value, in place of the old one.
    pub(crate) fn replace(&mut self, index: usize, pieces: &[&[u8]], source: Source) {
        if let Some((slot, _)) = self.slot(index) {
            slot.start(Charset::Utf8, source);
            pieces.iter().for_each(|piece| slot.push(piece));
            slot.settle();
        }
    }

    /// Sets the text of a [place](Names::add_places).
    pub(crate) fn replace_place(&mut self, place: usize, pieces: &[&[u8]]) {
        self.replace(self.names.place(place), pieces, Source::Path);
    }

    /// Whether there is a value for each name.
    pub(in crate::body) fn is_full(&self) -> bool {
        self.absent == 0
    }

    /// The slot, with room for its value.
    #[inline]
    fn slot(&mut self, index: usize) -> Option<(&mut Slot<'r>, Source)> {
        let slot = self.slots.get_mut(index)?;
        if slot.has_no_room()
            && let Some(lender) = self.lender
        {
            slot.borrow(lender, self.names.value_max(index));
        }
        Some((slot, self.source))
    }
}

/// The value of an argument, as a sink for decoded bytes.
pub(in crate::body) struct Argument<'f, 'r> {
    pub(in crate::body) index: usize,
    pub(in crate::body) fields: &'f mut Fields<'r>,
}

impl Sink for Argument<'_, '_> {
    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        self.fields.push(self.index, bytes);
    }

    fn push_byte(&mut self, byte: u8) {
        self.fields.push_byte(self.index, byte);
    }
}

/// What the scanners call.
impl Fields<'_> {
    /// Starts a value if there is none yet, since the first of several counts. Returns whether it did.
    #[inline]
    pub(in crate::body) fn start_first(&mut self, index: usize, charset: Charset) -> bool {
        let is_first = self.slots.get(index).is_some_and(Slot::is_absent);
        if is_first {
            self.start(index, charset);
            self.absent = self.absent.saturating_sub(1);
        }
        is_first
    }

    /// Starts a value, in place of the old one.
    #[inline]
    pub(in crate::body) fn start(&mut self, index: usize, charset: Charset) {
        if let Some((slot, source)) = self.slot(index) {
            slot.start(charset, source);
        }
        if let Some(document) = self.names.document(index) {
            self.start_document(index, document, charset);
        }
    }

    /// Whether the document in this argument is being read.
    #[inline]
    pub(in crate::body) fn is_reading(&self, index: usize) -> bool {
        self.reading == Some(index)
    }

    /// Whether more bytes of a value are of no use: it is too long, and no document.
    pub(in crate::body) fn is_spent(&self, index: usize) -> bool {
        self.reading != Some(index) && self.slots.get(index).is_some_and(Slot::is_full)
    }

    /// Appends a byte to a value.
    pub(in crate::body) fn push_byte(&mut self, index: usize, byte: u8) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.push_byte(byte);
        }
        if self.reading == Some(index) {
            self.scan(|scanner, fields| scanner.feed(&[byte], fields));
        }
    }

    /// Appends bytes to a value.
    #[inline]
    pub(in crate::body) fn push(&mut self, index: usize, bytes: &[u8]) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.push(bytes);
        }
        if self.reading == Some(index) {
            self.scan(|scanner, fields| scanner.feed(bytes, fields));
        }
    }

    /// Appends half of a surrogate pair. Python takes it for text, but a variable must not show it.
    pub(in crate::body) fn push_half(&mut self, index: usize, half: u16) {
        if let Some((slot, source)) = self.slot(index) {
            slot.set_not_text(true, source);
        }
        if self.reading == Some(index) {
            self.scan(|scanner, fields| scanner.feed_half(half, fields));
        }
    }

    /// Takes back the last `count` bytes of a value, which were a delimiter.
    pub(in crate::body) fn pop(&mut self, index: usize, count: usize) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.pop(count);
        }
        if self.reading == Some(index) {
            self.scan(|scanner, fields| scanner.take_back(count, fields));
        }
    }

    /// A value is complete. `from_list`: it is the first item of a JSON list.
    #[inline]
    pub(in crate::body) fn end(&mut self, index: usize, from_list: bool) {
        if self.reading == Some(index) {
            self.end_document(index, from_list);
        }
    }

    /// A value is JSON, but no text.
    pub(in crate::body) fn set_not_text(&mut self, index: usize, truthy: bool) {
        self.set_slot_not_text(index, truthy);
        if let Some(document) = self.names.document(index) {
            self.set_slot_not_text(document, truthy);
        }
    }

    /// The same, but the slot of its document stays.
    #[inline]
    pub(in crate::body) fn set_slot_not_text(&mut self, index: usize, truthy: bool) {
        let source = self.source;
        if let Some(slot) = self.slots.get_mut(index) {
            slot.set_not_text(truthy, source);
        }
    }

    /// A value is the first item of a list.
    pub(in crate::body) fn set_from_list(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.set_from_list();
        }
    }
}
