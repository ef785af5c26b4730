//! The decoded name of an argument that is being read.

use super::NAME_MAX;

/// Collects a name up to the length that can be asked for; of a longer one only that it is.
#[derive(Debug)]
pub(super) struct Name {
    buffer: [u8; NAME_MAX],
    /// bytes pushed; above NAME_MAX: no name that can be asked for
    len: usize,
}

impl Default for Name {
    fn default() -> Self {
        Self {
            buffer: [0; NAME_MAX],
            len: 0,
        }
    }
}

impl Name {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(free) = self.buffer.get_mut(self.len..end) {
            free.copy_from_slice(bytes);
        }
        self.len = end;
    }

    /// Makes it a name that nobody asks for.
    pub(super) fn spoil(&mut self) {
        self.len = usize::MAX;
    }

    /// The name, if it is one that can be asked for.
    pub(super) fn get(&self) -> Option<&[u8]> {
        self.buffer.get(..self.len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }
}
