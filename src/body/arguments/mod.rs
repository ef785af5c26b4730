//! The arguments that the configuration asks for, and their values in one request.

pub(in crate::body) mod name;
mod slot;

mod values;

pub use slot::{Slot, VALUE_MAX, Value, ValueRoom};
pub use values::Values;

use super::text::Charset;

/// The longest `$frappe_cmd`, in bytes.
pub const CMD_MAX: usize = 255;

/// The longest argument name that can be asked for, in bytes.
pub const NAME_MAX: usize = 64;

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
    names: Vec<Box<[u8]>>,
    /// where names are, by their hashes or behind them: one more than the index, 0 for none. A power of
    /// two, of which a quarter is used at most
    table: Vec<u32>,
    /// a bit for each length that a name has, at most [`LAST_BIT`]
    lengths: u64,
    /// the doctype in the path is wanted, too
    path_doctype: bool,
    /// the bytes of all slots' values
    values_len: usize,
}

impl Names {
    /// The index of `cmd`.
    pub const CMD: usize = 0;

    /// `cmd` alone.
    pub fn new() -> Self {
        Self {
            names: vec![Box::from(&b"cmd"[..])],
            table: Vec::new(),
            lengths: length_bit(3),
            path_doctype: false,
            values_len: CMD_MAX,
        }
    }

    /// Adds a name and returns its index, or None where it is longer than [`NAME_MAX`].
    pub fn add(&mut self, name: &[u8]) -> Option<usize> {
        if name.len() > NAME_MAX {
            return None;
        }
        self.find(name).or_else(|| {
            self.names.push(Box::from(name));
            self.make_table();
            self.lengths |= length_bit(name.len());
            self.values_len = self.values_len.saturating_add(VALUE_MAX);
            self.names.len().checked_sub(1)
        })
    }

    /// There is a name of so many bytes, or may be.
    fn may_find(&self, len: usize) -> bool {
        self.lengths & length_bit(len) != 0
    }

    /// The index of a name.
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
            let entry = *self.table.get(place & mask)?;
            let index = entry.checked_sub(1)? as usize;
            if self.names.get(index).is_some_and(|known| **known == *name) {
                return Some(index);
            }
            place = place.wrapping_add(1);
        }
    }

    fn make_table(&mut self) {
        let len = self.names.len().saturating_mul(4).next_power_of_two();
        let mut table = vec![0; len];
        for (name, number) in self.names.iter().zip(1..) {
            let mut places = (hash(name)..).map(|place| place & len.saturating_sub(1));
            let free = places.find(|place| table.get(*place) == Some(&0));
            if let Some(entry) = free.and_then(|place| table.get_mut(place)) {
                *entry = number;
            }
        }
        self.table = table;
    }

    /// Adds the argument `doctype`, and the doctype that a path may name.
    pub fn add_doctype(&mut self) -> Option<usize> {
        if !core::mem::replace(&mut self.path_doctype, true) {
            self.values_len = self.values_len.saturating_add(CMD_MAX);
        }
        self.add(b"doctype")
    }

    /// The values of a slot are names of methods, or doctypes in paths, for which
    /// [`ValueRoom::Short`] is enough.
    pub fn is_short(&self, index: usize) -> bool {
        index == Self::CMD || index >= self.names.len()
    }

    /// The bytes of all slots' values.
    pub fn values_len(&self) -> usize {
        self.values_len
    }

    /// How many slots the values need.
    pub fn slots(&self) -> usize {
        self.names
            .len()
            .saturating_add(usize::from(self.path_doctype))
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
    /// names without a value; what a path names is none
    absent: usize,
    /// where the values that are being scanned stand
    source: Source,
}

impl<'r> Fields<'r> {
    /// `slots` must be [`Names::slots`]; a name without a slot never has a value.
    pub fn new(names: &'r Names, slots: &'r mut [Slot<'r>]) -> Self {
        Self {
            names,
            slots,
            absent: names.names.len(),
            source: Source::None,
        }
    }

    /// The value of an argument by its index in [`Names`].
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

    /// The doctype in the path of a document, else the argument.
    pub fn doctype(&self) -> &[u8] {
        let in_path = self.names.names.len();
        match (self.value(in_path), self.find(b"doctype")) {
            (Value::Absent, Some(argument)) => self.text(argument),
            _ => self.text(in_path),
        }
    }

    /// The path names the doctype.
    pub(crate) fn set_path_doctype(&mut self, doctype: &[u8]) {
        self.replace(self.names.names.len(), &[doctype], Source::Path);
    }

    /// The index of a name.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        // Frappe drops `_`, with which jQuery defeats caches (`frappe/app.py: make_form_dict`).
        if name == b"_" {
            None
        } else {
            self.names.find(name)
        }
    }

    /// A name of so many bytes may be wanted: most are as long as none that is.
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
        self.absent = self.names.names.len();
        self.slots.iter_mut().for_each(Slot::clear);
    }

    /// First items of JSON lists become lists again.
    pub(in crate::body) fn keep_lists(&mut self) {
        self.slots.iter_mut().for_each(Slot::keep_list);
    }

    /// Makes text of all values; none changes afterwards.
    pub(crate) fn settle(&mut self) {
        self.slots.iter_mut().for_each(Slot::settle);
    }

    /// Starts a value if there is none yet: the first duplicate counts. Answers whether it did.
    pub(in crate::body) fn start_first(&mut self, index: usize, charset: Charset) -> bool {
        match self.slots.get_mut(index) {
            Some(slot) if slot.is_absent() => {
                slot.start(charset, self.source);
                self.absent = self.absent.saturating_sub(1);
                true
            }
            _ => false,
        }
    }

    /// Sets a value as a whole, whatever was there.
    pub(crate) fn replace(&mut self, index: usize, pieces: &[&[u8]], source: Source) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.start(Charset::Utf8, source);
            pieces.iter().for_each(|piece| slot.push(piece));
            slot.settle();
        }
    }

    /// There is a value for each name.
    pub(in crate::body) fn is_full(&self) -> bool {
        self.absent == 0
    }

    /// The slot that a scanner fills.
    pub(in crate::body) fn slot(&mut self, index: usize) -> Option<(&mut Slot<'r>, Source)> {
        let source = self.source;
        self.slots.get_mut(index).map(|slot| (slot, source))
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
