//! The words of a zone, by their place. A place outside it is another word of it, never a panic.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU32, AtomicU64};

use super::{Zone, write_point};
use crate::figures::layout::plus;

/// Where a number of a word leads that is none: the memory may hold anything.
static NO_WORD: AtomicU32 = AtomicU32::new(0);
static NO_LONG: AtomicU64 = AtomicU64::new(0);

impl<'z> Zone<'z> {
    pub(in crate::figures) fn word(&self, place: usize) -> &'z AtomicU32 {
        self.words.get(place).unwrap_or(&NO_WORD)
    }

    pub(in crate::figures) fn long(&self, place: usize) -> &'z AtomicU64 {
        self.longs.get(place).unwrap_or(&NO_LONG)
    }

    pub(in crate::figures) fn get(&self, place: usize) -> u32 {
        self.word(place).load(Relaxed)
    }

    // Not inlined: what is done for each request calls it only for a row that is new.
    #[inline(never)]
    pub(in crate::figures) fn set(&self, place: usize, value: u32) {
        write_point();
        self.word(place).store(value, Relaxed);
    }

    /// So many words from there on; none where that is beyond the end.
    pub(in crate::figures) fn words(&self, start: usize, len: usize) -> &'z [AtomicU32] {
        let end = plus(start, len);
        self.words.get(start..end).unwrap_or_default()
    }

    pub(in crate::figures) fn longs(&self, start: usize, len: usize) -> &'z [AtomicU64] {
        let end = plus(start, len);
        self.longs.get(start..end).unwrap_or_default()
    }

    #[inline(never)]
    pub(in crate::figures) fn zero(&self, start: usize, len: usize) {
        for word in self.words(start, len) {
            write_point();
            word.store(0, Relaxed);
        }
    }

    #[inline(never)]
    pub(in crate::figures) fn zero_longs(&self, start: usize, len: usize) {
        for long in self.longs(start, len) {
            write_point();
            long.store(0, Relaxed);
        }
    }

    pub(in crate::figures) fn get_long(&self, place: usize) -> u64 {
        self.long(place).load(Relaxed)
    }

    pub(in crate::figures) fn add_to(&self, place: usize, more: u32) -> u32 {
        write_point();
        self.word(place).fetch_add(more, Relaxed)
    }

    pub(in crate::figures) fn add_long(&self, place: usize, more: u64) {
        write_point();
        self.long(place).fetch_add(more, Relaxed);
    }

    #[inline(never)]
    pub(in crate::figures) fn set_long(&self, place: usize, value: u64) {
        write_point();
        self.long(place).store(value, Relaxed);
    }
}
