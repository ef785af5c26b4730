//! The open arrays and objects of a JSON text.

/// Nesting that can be followed.
pub(super) const DEPTH_MAX: usize = 1024;

/// Which of the open levels are objects: a bit a level.
#[derive(Debug, Default)]
pub(super) struct Levels {
    objects: [u64; DEPTH_MAX / 64],
    /// 0 <= depth <= DEPTH_MAX
    depth: usize,
}

impl Levels {
    /// How many levels are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn push(&mut self, object: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if let Some(word) = self.objects.get_mut(word) {
            *word = *word & !(1 << bit) | u64::from(object) << bit;
        }
        self.depth = self.depth.saturating_add(1);
    }

    /// The top level is an object.
    pub(super) fn in_top_object(&self) -> bool {
        self.depth > 0 && self.objects.first().is_some_and(|word| word & 1 == 1)
    }

    pub(super) fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    pub(super) fn in_object(&self) -> bool {
        let Some(top) = self.depth.checked_sub(1) else {
            return false;
        };
        let word = self.objects.get(top / 64).copied().unwrap_or_default();
        word >> (top % 64) & 1 == 1
    }

    pub(super) fn in_array(&self) -> bool {
        self.depth > 0 && !self.in_object()
    }
}

/// Keys of the top-level object whose value, so far, is an empty list. Frappe before 14 looks
/// for them. A key is kept as a hash; of more than EMPTY_MAX keys only that there are many.
#[derive(Debug, Default)]
pub(super) struct EmptyLists {
    hashes: [u64; EMPTY_MAX],
    len: usize,
    many: bool,
}

const EMPTY_MAX: usize = 8;

impl EmptyLists {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0 && !self.many
    }

    pub(super) fn add(&mut self, hash: u64) {
        match self.hashes.get_mut(self.len) {
            Some(free) => {
                *free = hash;
                self.len = self.len.saturating_add(1);
            }
            None => self.many = true,
        }
    }

    /// The key has got another value.
    pub(super) fn remove(&mut self, hash: u64) {
        let known = self.hashes.get(..self.len).unwrap_or_default();
        if let Some(at) = known.iter().position(|known| *known == hash) {
            self.len = self.len.saturating_sub(1);
            self.hashes.copy_within(at.saturating_add(1).., at);
        }
    }
}
