//! The arguments that the configuration asks for, and their values in one request.

mod document;
pub(in crate::body) mod name;
mod slot;
mod values;

pub use document::{Documents, ScanDocument};
pub use slot::{Lend, Slot, VALUE_MAX, Value};
pub use values::Values;

use super::text::Charset;
use super::text::percent::Sink;

/// The longest `$frappe_cmd`, in bytes.
pub const CMD_MAX: usize = 255;

/// The longest argument name that can be asked for, in bytes.
pub const NAME_MAX: usize = 64;

/// The longest value that names a record, in bytes: 140 characters (`frappe/model/__init__.py`,
/// `varchar_len`) of four bytes each.
pub const RECORD_NAME_MAX: usize = 4 * 140;

/// Where a value stood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// nowhere
    #[default]
    None,
    /// a urlencoded body
    Form,
    /// a field of a multipart body
    Multipart,
    /// a member of a JSON object
    Json,
    /// the query string
    Query,
    /// the path
    Path,
}

impl Source {
    /// The value of `$frappe_cmd_source`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Form => "form",
            Self::Multipart => "multipart",
            Self::Json => "json",
            Self::Query => "query",
            Self::Path => "path",
        }
    }
}

/// The names of the arguments to keep. The first is always `cmd`.
#[derive(Clone, Debug)]
pub struct Names {
    /// all but `cmd`
    others: Vec<Name>,
    /// their indexes, at their hashes or behind them; 0, which is that of `cmd`, for none. A power of two,
    /// of which a quarter is used at most
    table: Vec<u32>,
    /// a bit for each length that a name has, at most [`LAST_BIT`]
    lengths: u64,
    /// the longest value of each place, in bytes
    places: &'static [usize],
    documents: &'static Documents,
    /// arguments that are documents, and their places
    document_places: Vec<(usize, usize)>,
    lacks_memory: bool,
}

#[derive(Clone, Debug)]
struct Name {
    text: Box<[u8]>,
    /// the longest value, in bytes
    value_max: usize,
}

impl Names {
    /// The index of `cmd`.
    pub const CMD: usize = 0;

    /// `cmd` alone.
    pub const fn new() -> Self {
        Self {
            others: Vec::new(),
            table: Vec::new(),
            lengths: length_bit(3),
            places: &[],
            documents: &Documents::NONE,
            document_places: Vec::new(),
            lacks_memory: false,
        }
    }

    /// There was memory for all that has been added.
    pub fn is_complete(&self) -> bool {
        !self.lacks_memory
    }

    /// Adds a name and returns its index, or None where it is longer than [`NAME_MAX`] or there is no
    /// memory ([`Self::is_complete`]).
    pub fn add(&mut self, name: &[u8]) -> Option<usize> {
        self.add_up_to(name, VALUE_MAX)
    }

    /// As [`Self::add`], but of a longer value than `max` bytes only that there is one, unless somebody
    /// asks for more of it.
    pub fn add_up_to(&mut self, name: &[u8], max: usize) -> Option<usize> {
        if name.len() > NAME_MAX {
            return None;
        }
        if let Some(index) = self.find(name) {
            let known = index
                .checked_sub(1)
                .and_then(|other| self.others.get_mut(other));
            if let Some(known) = known {
                known.value_max = max.max(known.value_max);
            }
            return Some(index);
        }
        let added = self.try_add(name, max);
        self.lacks_memory |= added.is_none();
        added
    }

    /// Adds a name that is not there.
    fn try_add(&mut self, name: &[u8], value_max: usize) -> Option<usize> {
        let mut text = Vec::new();
        text.try_reserve_exact(name.len()).ok()?;
        text.extend_from_slice(name);
        self.others.try_reserve(1).ok()?;
        let text = text.into_boxed_slice();
        self.others.push(Name { text, value_max });
        match self.make_table() {
            Some(table) => self.table = table,
            None => {
                self.others.pop();
                return None;
            }
        }
        self.lengths |= length_bit(name.len());
        Some(self.others.len())
    }

    /// Makes places for texts that are no arguments: `max` has the longest of each, in bytes. Asked for
    /// several lists, one of which begins the other, it keeps the longer.
    pub fn add_places(&mut self, max: &'static [usize]) {
        if max.len() > self.places.len() {
            self.places = max;
        }
    }

    /// The index of a place, or one that has no slot.
    pub fn place(&self, place: usize) -> usize {
        self.count().saturating_add(place)
    }

    /// How many names there are.
    fn count(&self) -> usize {
        self.others.len().saturating_add(1)
    }

    /// There is a name of so many bytes, or may be.
    #[inline]
    fn may_find(&self, len: usize) -> bool {
        self.lengths & length_bit(len) != 0
    }

    /// The index of a name.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        if name == b"cmd" {
            return Some(Self::CMD);
        }
        self.may_find(name.len())
            .then(|| self.find_other(name))
            .flatten()
    }

    /// One look-up, however many names there are.
    #[inline(never)]
    fn find_other(&self, name: &[u8]) -> Option<usize> {
        if name.len() > NAME_MAX {
            return None;
        }
        let mask = self.table.len().checked_sub(1)?;
        let mut place = hash(name);
        loop {
            let index = *self.table.get(place & mask)? as usize;
            let known = self.others.get(index.checked_sub(1)?)?;
            if *known.text == *name {
                return Some(index);
            }
            place = place.wrapping_add(1);
        }
    }

    fn make_table(&self) -> Option<Vec<u32>> {
        let len = self.count().saturating_mul(4).next_power_of_two();
        let mut table = Vec::new();
        table.try_reserve_exact(len).ok()?;
        table.resize(len, 0);
        for (name, index) in self.others.iter().zip(1..) {
            let mut places = (hash(&name.text)..).map(|place| place & len.saturating_sub(1));
            let free = places.find(|place| table.get(*place) == Some(&0));
            if let Some(entry) = free.and_then(|place| table.get_mut(place)) {
                *entry = index;
            }
        }
        Some(table)
    }

    /// Looks for documents in these arguments.
    pub fn add_documents(&mut self, documents: &'static Documents) {
        self.documents = documents;
        for (name, place) in documents.arguments {
            let index = self.add_up_to(name, 0);
            let index = index.filter(|index| self.document(*index).is_none());
            let Some(index) = index else {
                continue;
            };
            if self.document_places.try_reserve(1).is_ok() {
                self.document_places.push((index, *place));
            } else {
                self.lacks_memory = true;
            }
        }
    }

    /// The slot for what is wanted of the document in this argument, if it is one.
    #[inline]
    pub fn document(&self, index: usize) -> Option<usize> {
        let mut places = self.document_places.iter();
        let (_, place) = places.find(|(argument, _)| *argument == index)?;
        Some(self.place(*place))
    }

    /// There are arguments that are documents.
    pub fn has_documents(&self) -> bool {
        !self.document_places.is_empty()
    }

    /// The member of documents that is wanted.
    pub(in crate::body) fn member(&self) -> &'static [u8] {
        self.documents.member
    }

    /// The longest value of a slot, in bytes.
    pub fn value_max(&self, index: usize) -> usize {
        let other = |index: usize| match self.others.get(index) {
            Some(name) => name.value_max,
            None => {
                let place = index.checked_sub(self.others.len());
                let max = place.and_then(|place| self.places.get(place));
                max.copied().unwrap_or(0)
            }
        };
        index.checked_sub(1).map_or(CMD_MAX, other)
    }

    /// How many slots the values need.
    pub fn slots(&self) -> usize {
        self.place(self.places.len())
    }
}

/// FNV-1a.
fn hash(name: &[u8]) -> usize {
    let hash = name.iter().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    // The lowest bits depend on each byte's lowest alone.
    (hash ^ hash >> 16) as usize
}

/// Most names of a body are as long as none that is wanted.
const fn length_bit(len: usize) -> u64 {
    1 << if len < LAST_BIT { len } else { LAST_BIT }
}

const LAST_BIT: usize = 63;

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

/// The values of one request: a slot a name.
#[derive(Debug)]
pub struct Fields<'r> {
    names: &'r Names,
    slots: &'r mut [Slot<'r>],
    /// has room for those that have none
    lender: Option<&'r dyn Lend<'r>>,
    /// names without a value
    absent: usize,
    /// where the values that are being scanned stand
    source: Source,
    /// reads documents that are text
    scanner: Option<&'r mut dyn ScanDocument>,
    /// the argument whose document is being read
    reading: Option<usize>,
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

    /// Slots [without room](Slot::lent) get it from `lender`, when a value begins.
    pub fn lent_by(mut self, lender: &'r dyn Lend<'r>) -> Self {
        self.lender = Some(lender);
        self
    }

    /// Documents that are text are read by `scanner`.
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

    /// Where the argument stood.
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

    /// What there are slots for.
    pub fn names(&self) -> &'r Names {
        self.names
    }

    /// There is such a [place](Names::add_places).
    pub(crate) fn has_place(&self, place: usize) -> bool {
        self.names.place(place) < self.slots.len()
    }

    /// The index of a name.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        // Frappe drops `_`, with which jQuery defeats caches (`frappe/app.py: make_form_dict`).
        if name == b"_" {
            None
        } else {
            self.names.find(name)
        }
    }

    /// A name of so many bytes may be wanted: most are as long as none that is.
    #[inline]
    pub(in crate::body) fn may_find(&self, len: usize) -> bool {
        self.names.may_find(len)
    }

    /// Says where the values that follow stand.
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

    /// First items of JSON lists become lists again.
    pub(in crate::body) fn keep_lists(&mut self) {
        self.slots.iter_mut().for_each(Slot::keep_list);
    }

    /// Makes text of all values; none changes afterwards.
    pub(crate) fn settle(&mut self) {
        self.drop_document();
        self.slots.iter_mut().for_each(Slot::settle);
    }

    /// Sets a value as a whole, whatever was there.
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

    /// There is a value for each name.
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

/// The value of an argument, as what decoded bytes go to.
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

/// What scanners do with values.
impl Fields<'_> {
    /// Starts a value if there is none yet: the first duplicate counts. Answers whether it did.
    #[inline]
    pub(in crate::body) fn start_first(&mut self, index: usize, charset: Charset) -> bool {
        let is_first = self.slots.get(index).is_some_and(Slot::is_absent);
        if is_first {
            self.start(index, charset);
            self.absent = self.absent.saturating_sub(1);
        }
        is_first
    }

    /// Starts a value, whatever was there.
    #[inline]
    pub(in crate::body) fn start(&mut self, index: usize, charset: Charset) {
        if let Some((slot, source)) = self.slot(index) {
            slot.start(charset, source);
        }
        if let Some(document) = self.names.document(index) {
            self.start_document(index, document, charset);
        }
    }

    /// The document in this argument is being read.
    #[inline]
    pub(in crate::body) fn is_reading(&self, index: usize) -> bool {
        self.reading == Some(index)
    }

    /// What is appended to a value is of no use any more: it is too long, and no document.
    pub(in crate::body) fn is_spent(&self, index: usize) -> bool {
        self.slots.get(index).is_some_and(Slot::is_full) && self.reading != Some(index)
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

    /// Appends half of a surrogate pair, which is text to Python, but none that may be shown.
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
        let source = self.source;
        let slots = [Some(index), self.names.document(index)];
        for index in slots.into_iter().flatten() {
            if let Some(slot) = self.slots.get_mut(index) {
                slot.set_not_text(truthy, source);
            }
        }
    }

    /// A value is the first item of a list.
    pub(in crate::body) fn set_from_list(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.set_from_list();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NAME_MAX, Names};

    #[test]
    fn each_name_is_found_and_no_other() {
        let mut names = Names::new();
        for number in 0..1000 {
            let name = format!("arg{number}");
            assert_eq!(names.add(name.as_bytes()), Some(number + 1));
            assert_eq!(names.add(name.as_bytes()), Some(number + 1));
        }
        assert_eq!(names.add(b""), Some(1001));
        assert_eq!(names.add(&[b'x'; NAME_MAX]), Some(1002));
        assert_eq!(names.add(&[b'x'; NAME_MAX + 1]), None);
        assert_eq!(names.find(b"cmd"), Some(Names::CMD));
        assert_eq!(names.find(b""), Some(1001));
        assert_eq!(names.find(&[b'x'; NAME_MAX]), Some(1002));
        for number in 0..1000 {
            assert_eq!(
                names.find(format!("arg{number}").as_bytes()),
                Some(number + 1)
            );
            assert_eq!(names.find(format!("Arg{number}").as_bytes()), None);
            assert_eq!(names.find(format!("arg{number}\0").as_bytes()), None);
        }
        assert_eq!(
            (
                names.find(b"arg1000"),
                names.find(b"Cmd"),
                names.find(&[b'x'; 99])
            ),
            (None, None, None)
        );
        assert_eq!(Names::new().find(b"cmx"), None);
    }
}
