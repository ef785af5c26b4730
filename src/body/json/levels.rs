//! The open arrays and objects of a JSON text.

use crate::body::page::{LendPage, PAGE_LEN};

/// Levels in a word.
const WORD: usize = 64;
/// Words that the scanner has at hand, beside the one of the deepest levels. Few texts are nested
/// deeper; those that are borrow a page for the rest.
const NEAR: usize = 3;

/// Which of the open levels are objects: a bit a level.
#[derive(Debug)]
pub(super) struct Levels<'r> {
    /// 1 to 64 of them, the deepest in the lowest bit
    deepest: u64,
    /// those above, 64 in each, likewise: the first NEAR words
    near: [u64; NEAR],
    /// the others, as their bytes; empty until they are needed
    far: &'r mut [u8],
    lender: &'r dyn LendPage<'r>,
    /// at most 33,024, with a page
    depth: usize,
}

impl<'r> Levels<'r> {
    pub(super) fn new(lender: &'r dyn LendPage<'r>) -> Self {
        Self {
            deepest: 0,
            near: [0; NEAR],
            far: &mut [],
            lender,
            depth: 0,
        }
    }

    /// Closes all levels.
    pub(super) fn restart(&mut self) {
        self.deepest = 0;
        self.depth = 0;
    }

    /// How many levels are open.
    #[inline]
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Opens a level. False where there is no memory for it.
    #[inline]
    pub(super) fn push(&mut self, object: bool) -> bool {
        if self.depth.is_multiple_of(WORD) && !self.store() {
            return false;
        }
        self.deepest = self.deepest << 1 | u64::from(object);
        self.depth = self.depth.wrapping_add(1);
        true
    }

    /// Closes the deepest level.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.deepest >>= 1;
        self.depth = self.depth.saturating_sub(1);
        if self.depth.is_multiple_of(WORD) {
            self.load();
        }
    }

    /// The word in front of the deepest one, which is full.
    fn last_word(&self) -> usize {
        (self.depth / WORD).saturating_sub(1)
    }

    #[cold]
    #[inline(never)]
    fn store(&mut self) -> bool {
        if self.depth == 0 {
            return true;
        }
        let word = self.last_word();
        if let Some(place) = self.near.get_mut(word) {
            *place = self.deepest;
            return true;
        }
        if self.far.is_empty()
            && let Some(page) = self.lender.lend()
        {
            self.far = page.write([0; PAGE_LEN]);
        }
        let (words, _) = self.far.as_chunks_mut();
        match words.get_mut(word.saturating_sub(NEAR)) {
            Some(place) => {
                *place = self.deepest.to_ne_bytes();
                true
            }
            None => false,
        }
    }

    #[cold]
    #[inline(never)]
    fn load(&mut self) {
        if self.depth == 0 {
            return;
        }
        let word = self.last_word();
        let (words, _) = self.far.as_chunks();
        let far = words.get(word.saturating_sub(NEAR));
        let far = far.map(|word| u64::from_ne_bytes(*word));
        self.deepest = self.near.get(word).copied().or(far).unwrap_or_default();
    }

    #[inline]
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

#[cfg(test)]
mod tests {
    use super::{Levels, NEAR, PAGE_LEN, WORD};
    use crate::body::testing::Pages;

    const DEPTH_MAX: usize = (1 + NEAR) * WORD + PAGE_LEN * 8;

    #[test]
    fn remember_every_level() {
        for top in [false, true] {
            let kinds: Vec<bool> = (0..DEPTH_MAX).map(|n| (n % 3 == 0) == top).collect();
            let mut levels = Levels::new(&Pages);
            assert!(!levels.in_object() && !levels.in_array());
            for (depth, kind) in kinds.iter().enumerate() {
                assert_eq!(levels.depth(), depth);
                assert!(levels.push(*kind));
                assert_eq!((levels.in_object(), levels.in_array()), (*kind, !*kind));
            }
            assert!(!levels.push(top));
            for kind in kinds.iter().rev() {
                assert_eq!((levels.in_object(), levels.in_array()), (*kind, !*kind));
                levels.pop();
            }
            assert!(levels.depth() == 0 && !levels.in_object());
        }
    }

    #[test]
    fn a_row_is_an_object_in_an_array() {
        let mut levels = Levels::new(&Pages);
        for (object, in_row) in [
            (true, false),
            (true, false),
            (false, false),
            (true, true),
            (false, false),
        ] {
            assert!(levels.push(object));
            assert_eq!(levels.in_row(), in_row, "{}", levels.depth());
        }
        levels.restart();
        assert_eq!(levels.depth(), 0);
        assert!(levels.push(true) && !levels.in_row());
        levels.pop();
        assert!(levels.push(false) && !levels.in_row());
        assert!(levels.push(true) && levels.in_row());
    }
}
