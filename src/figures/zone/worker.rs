//! Who counts: a process, by its slot and its process id.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::fence;

use super::Zone;
use crate::figures::layout::{self, SLOTS, head};

/// What a zone must know of the machine.
pub trait Host {
    /// A process of this id runs.
    fn is_alive(&self, pid: u32) -> bool;
}

/// A process that counts.
#[derive(Clone, Copy, Debug)]
pub struct Worker {
    slot: usize,
    pid: u32,
}

impl Worker {
    /// The process `pid` begins to use a zone. No other process that runs has its `slot`, so what the
    /// one before has left there is void. None where `slot` is 1024 or more.
    pub fn start(zone: &Zone<'_>, slot: usize, pid: u32) -> Option<Self> {
        if slot >= SLOTS || pid == 0 {
            return None;
        }
        let worker = Self { slot, pid };
        let before = zone.word(layout::pid(slot)).swap(pid, Relaxed);
        zone.set(layout::pin(slot), 0);
        let used = (slot as u32).saturating_add(1);
        zone.word(head::SLOTS_USED).fetch_max(used, Relaxed);
        if before != 0 && before != pid {
            zone.take_over(worker, before);
        }
        Some(worker)
    }

    pub(in crate::figures) fn pid(self) -> u32 {
        self.pid
    }

    pub(in crate::figures) fn slot(self) -> u32 {
        self.slot as u32
    }

    /// No worker takes this row away as long as the worker pins it, and it is still what `check` says.
    pub(in crate::figures) fn pin(
        self,
        zone: &Zone<'_>,
        row: u32,
        check: impl FnOnce() -> bool,
    ) -> bool {
        let pin = zone.word(layout::pin(self.slot));
        pin.store(row.wrapping_add(1), Relaxed);
        // Between our pin and our look at the tag, as `is_pinned` has one between the opposite.
        fence(SeqCst);
        if check() {
            return true;
        }
        self.unpin(zone);
        false
    }

    pub(in crate::figures) fn unpin(self, zone: &Zone<'_>) {
        zone.word(layout::pin(self.slot)).store(0, Release);
    }
}

impl Zone<'_> {
    /// A worker is in the middle of this row, whose tag the caller has made invalid.
    pub(in crate::figures) fn is_pinned(&self, row: u32) -> bool {
        fence(SeqCst);
        let used = (self.get(head::SLOTS_USED) as usize).min(SLOTS);
        let pin = row.wrapping_add(1);
        (0..used).any(|slot| self.word(layout::pin(slot)).load(Acquire) == pin)
    }

    /// The worker of this slot is in the middle of this row.
    pub(in crate::figures) fn is_pinned_by(&self, row: u32, slot: u32) -> bool {
        let pin = self.word(layout::pin(slot as usize % SLOTS));
        pin.load(Acquire) == row.wrapping_add(1)
    }
}
