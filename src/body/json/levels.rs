//! The open arrays and objects of a JSON text.

/// Nesting that can be followed.
pub(super) const DEPTH_MAX: usize = 1024;

/// Which of the open levels are objects: a bit a level.
#[derive(Debug, Default)]
pub(super) struct Levels {
    /// 1 to 64 of them, the deepest in the lowest bit
    deepest: u64,
    /// those above, 64 in each, likewise
    above: [u64; DEPTH_MAX / WORD - 1],
    /// 0 <= depth <= DEPTH_MAX
    depth: usize,
}

/// Levels in a word.
const WORD: usize = 64;

impl Levels {
    /// How many levels are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// There must be fewer than DEPTH_MAX.
    pub(super) fn push(&mut self, object: bool) {
        let word = self.depth / WORD;
        if self.depth.is_multiple_of(WORD)
            && let Some(above) = word
                .checked_sub(1)
                .and_then(|word| self.above.get_mut(word))
        {
            *above = self.deepest;
        }
        self.deepest = self.deepest << 1 | u64::from(object);
        self.depth = self.depth.wrapping_add(1);
    }

    pub(super) fn pop(&mut self) {
        self.deepest >>= 1;
        self.depth = self.depth.saturating_sub(1);
        if self.depth.is_multiple_of(WORD)
            && let Some(above) = (self.depth / WORD)
                .checked_sub(1)
                .and_then(|word| self.above.get(word))
        {
            self.deepest = *above;
        }
    }

    /// The top level is an object.
    pub(super) fn in_top_object(&self) -> bool {
        match self.depth {
            0 => false,
            1..=WORD => self.deepest >> self.depth.saturating_sub(1) & 1 == 1,
            _ => self.above.first().is_some_and(|top| top >> (WORD - 1) == 1),
        }
    }

    pub(super) fn in_object(&self) -> bool {
        // Where no level is open, no bit is left.
        self.deepest & 1 == 1
    }

    /// The deepest level is an object in an array.
    pub(super) fn in_row(&self) -> bool {
        self.depth > 1 && self.deepest & 3 == 1
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

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, Levels};

    #[test]
    fn remember_every_level() {
        for top in [false, true] {
            let kinds: Vec<bool> = (0..DEPTH_MAX).map(|n| (n % 3 == 0) == top).collect();
            let mut levels = Levels::default();
            assert!(!levels.in_object() && !levels.in_array() && !levels.in_top_object());
            for (depth, kind) in kinds.iter().enumerate() {
                assert_eq!(levels.depth(), depth);
                levels.push(*kind);
                assert_eq!((levels.in_object(), levels.in_array()), (*kind, !*kind));
                assert_eq!(levels.in_top_object(), top);
            }
            for kind in kinds.iter().rev() {
                assert_eq!((levels.in_object(), levels.in_array()), (*kind, !*kind));
                assert_eq!(levels.in_top_object(), top);
                levels.pop();
            }
            assert!(levels.depth() == 0 && !levels.in_object() && !levels.in_top_object());
        }
    }
}
