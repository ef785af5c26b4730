//! The decoded name of an argument, while it is being read.

use super::NAME_MAX;
use crate::body::text::copy;
use crate::body::text::percent::Sink;

/// Collects a name of up to [`NAME_MAX`] bytes. Of a longer name it keeps only that it is longer.
#[derive(Debug)]
pub(in crate::body) struct Name {
    buffer: [u8; NAME_MAX],
    /// bytes pushed; above NAME_MAX: no variable can ask for this name
    len: usize,
    /// FNV-1a of the bytes that [`Self::mix`] was called with
    hash: u64,
}

impl Sink for Name {
    fn push(&mut self, bytes: &[u8]) {
        copy(self.buffer.get_mut(self.len..).unwrap_or_default(), bytes);
        self.len = self.len.saturating_add(bytes.len());
    }

    fn push_byte(&mut self, byte: u8) {
        if let Some(free) = self.buffer.get_mut(self.len) {
            *free = byte;
        }
        self.len = self.len.saturating_add(1);
    }
}

/// FNV-1a of no bytes.
const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a of a name.
#[inline(always)]
pub(in crate::body) fn hash(name: &[u8]) -> u64 {
    mix(FNV, name)
}

#[inline(always)]
fn mix(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Name {
    /// A name without bytes.
    pub(in crate::body) const EMPTY: Self = Self {
        buffer: [0; NAME_MAX],
        len: 0,
        hash: FNV,
    };

    /// Mixes bytes of the name into its hash.
    pub(in crate::body) fn mix(&mut self, bytes: &[u8]) {
        self.hash = mix(self.hash, bytes);
    }

    /// Sets the hash, of a name that has not been collected.
    pub(in crate::body) fn set_hash(&mut self, hash: u64) {
        self.hash = hash;
    }

    /// The hash, by which names are told apart that are too long to be kept.
    pub(in crate::body) fn hash(&self) -> u64 {
        self.hash
    }

    /// Makes this a name that no variable can ask for.
    pub(in crate::body) fn spoil(&mut self) {
        self.len = usize::MAX;
    }

    /// The name, if a variable can ask for it.
    pub(in crate::body) fn get(&self) -> Option<&[u8]> {
        self.buffer.get(..self.len)
    }

    pub(in crate::body) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(in crate::body) fn clear(&mut self) {
        self.len = 0;
        self.hash = FNV;
    }
}
