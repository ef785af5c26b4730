//! The names of the arguments that the configuration asks for. A look-up takes one hash, however many
//! names there are.

use super::name::hash;
use super::{CMD_MAX, Documents, NAME_MAX, VALUE_MAX};

/// The names of the arguments to keep. The first is always `cmd`.
#[derive(Clone, Debug)]
pub struct Names {
    /// all but `cmd`
    others: Vec<Name>,
    /// a hash table of their indexes with linear probing. An empty entry is 0, which is the index of `cmd`.
    /// Its length is a power of two, and at most a quarter of the entries are in use
    table: Vec<u32>,
    /// a bit for each length that a name has; the last bit is for all lengths from [`LAST_BIT`] on
    lengths: u64,
    /// the longest value of each place, in bytes
    places: &'static [usize],
    documents: &'static Documents,
    lacks_memory: bool,
}

#[derive(Clone, Debug)]
struct Name {
    text: Box<[u8]>,
    /// the longest value, in bytes
    value_max: usize,
    /// the argument is a document: the place for its member
    document: Option<usize>,
}

impl Names {
    /// The index of `cmd`.
    pub const CMD: usize = 0;

    /// The name `cmd` alone.
    pub const fn new() -> Self {
        Self {
            others: Vec::new(),
            table: Vec::new(),
            lengths: length_bit(3),
            places: &[],
            documents: &Documents::NONE,
            lacks_memory: false,
        }
    }

    /// Whether there was memory for all names that have been added.
    pub fn is_complete(&self) -> bool {
        !self.lacks_memory
    }

    /// Adds a name and returns its index, or None where it is longer than [`NAME_MAX`] or there is no
    /// memory ([`Self::is_complete`]).
    pub fn add(&mut self, name: &[u8]) -> Option<usize> {
        self.add_up_to(name, VALUE_MAX)
    }

    /// As [`Self::add`], but the argument's value has room for `max` bytes only; a longer value is
    /// [unusable](super::Value::Unusable). If the name is added twice, the larger `max` holds.
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

    /// Adds a name that has not been added.
    fn try_add(&mut self, name: &[u8], value_max: usize) -> Option<usize> {
        let mut text = Vec::new();
        text.try_reserve_exact(name.len()).ok()?;
        text.extend_from_slice(name);
        self.others.try_reserve(1).ok()?;
        let text = text.into_boxed_slice();
        self.others.push(Name {
            text,
            value_max,
            document: None,
        });
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

    /// Makes places: slots for texts that are no arguments. `max` has the longest text of each, in bytes.
    /// Of several lists the longest is kept, so a shorter one must be the beginning of a longer one.
    pub fn add_places(&mut self, max: &'static [usize]) {
        if max.len() > self.places.len() {
            self.places = max;
        }
    }

    /// The index of a place; one without a slot if there is no such place.
    pub fn place(&self, place: usize) -> usize {
        self.count().wrapping_add(place)
    }

    /// How many names there are.
    pub(super) fn count(&self) -> usize {
        self.others.len().wrapping_add(1)
    }

    /// Whether there may be a name of `len` bytes.
    #[inline]
    pub(super) fn may_find(&self, len: usize) -> bool {
        self.lengths & length_bit(len) != 0
    }

    /// Whether there may be a name that has `len` bytes with its percent escapes. Decoding leaves at least a
    /// third of them, since an escape has three.
    pub(super) fn may_find_encoded(&self, len: usize) -> bool {
        let [least, most] = [length_bit(len / 3), length_bit(len)];
        // All bits from `least` to `most`.
        self.lengths & (most << 1).wrapping_sub(least) != 0
    }

    /// The index of a name.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        self.find_by(name, || hash(name))
    }

    /// The same, given the name's hash.
    #[inline]
    pub(super) fn find_by(&self, name: &[u8], hash: impl FnOnce() -> u64) -> Option<usize> {
        if name == b"cmd" {
            return Some(Self::CMD);
        }
        self.may_find(name.len())
            .then(|| self.find_other(name, hash()))
            .flatten()
    }

    /// One look-up, however many names there are.
    #[inline(never)]
    fn find_other(&self, name: &[u8], hash: u64) -> Option<usize> {
        if name.len() > NAME_MAX {
            return None;
        }
        let mask = self.table.len().checked_sub(1)?;
        let mut place = place(hash);
        loop {
            let index = *self.table.get(place & mask)? as usize;
            let known = self.others.get(index.checked_sub(1)?)?;
            // Most names are so short that a call of memcmp takes longer.
            if known.text.len() == name.len() && known.text.iter().zip(name).all(|(a, b)| a == b) {
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
            let mut places = (place(hash(&name.text))..).map(|place| place & len.saturating_sub(1));
            let free = places.find(|place| table.get(*place) == Some(&0));
            if let Some(entry) = free.and_then(|place| table.get_mut(place)) {
                *entry = index;
            }
        }
        Some(table)
    }

    /// Makes scanners look for documents in these arguments.
    pub fn add_documents(&mut self, documents: &'static Documents) {
        self.documents = documents;
        for (name, place) in documents.arguments {
            let other = self
                .add_up_to(name, 0)
                .and_then(|index| index.checked_sub(1));
            if let Some(name) = other.and_then(|other| self.others.get_mut(other)) {
                name.document = Some(*place);
            }
        }
    }

    /// The slot for the wanted member of the document in this argument. None where it is no document.
    #[inline]
    pub fn document(&self, index: usize) -> Option<usize> {
        let name = self.others.get(index.checked_sub(1)?)?;
        Some(self.place(name.document?))
    }

    /// Whether any argument is a document.
    pub fn has_documents(&self) -> bool {
        !self.documents.arguments.is_empty()
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

/// Where the search for a name of this hash begins. The lowest bit of the hash depends on the lowest bit of each
/// byte alone, so higher bits are mixed in.
fn place(hash: u64) -> usize {
    (hash ^ hash >> 32) as usize
}

/// The bit for a length. By these bits most names of a body are ruled out before they are hashed.
const fn length_bit(len: usize) -> u64 {
    1 << if len < LAST_BIT { len } else { LAST_BIT }
}

const LAST_BIT: usize = 63;

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{NAME_MAX, Names, hash, place};

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

    /// These names differ only in the upper bits of their bytes.
    #[test]
    fn names_are_spread_over_the_table() {
        let mut names = Names::new();
        for mut number in 0..3000_usize {
            let name: [u8; 5] = std::array::from_fn(|_| {
                let byte = b"1AQaq"[number % 5];
                number /= 5;
                byte
            });
            names.add(&name);
        }
        let mask = names.table.len() - 1;
        let steps = |(at, index): (usize, &u32)| {
            let name = &names.others[*index as usize - 1];
            at.wrapping_sub(place(hash(&name.text))) & mask
        };
        let used = names.table.iter().enumerate().filter(|used| *used.1 > 0);
        let steps: usize = used.map(steps).sum();
        assert!(steps < 1000, "{steps} steps to find 3000 names");
    }

    #[test]
    fn a_lack_of_memory_is_told() {
        assert!(Names::new().is_complete());
        let names = Names {
            lacks_memory: true,
            ..Names::new()
        };
        assert!(!names.is_complete());
    }
}
