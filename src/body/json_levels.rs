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
