//! The zone's lock, which knows its owner.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::layout::head;
use super::zone::Zone;
use super::zone::worker::Worker;

/// How often a worker tries to get the lock before it gives up, and how often without giving other
/// processes the CPU.
const TRIES: usize = 192;
const SPINS: usize = 128;

impl Zone<'_> {
    /// Does `work` while no other worker changes the lists. None where the lock is not to be had.
    pub(super) fn locked<T>(&self, worker: Worker, work: impl FnOnce() -> Option<T>) -> Option<T> {
        if !self.lock(worker) {
            return None;
        }
        let result = work();
        self.unlock();
        result
    }

    fn lock(&self, worker: Worker) -> bool {
        let lock = self.word(head::LOCK);
        for turn in 0..TRIES {
            let Err(owner) = lock.compare_exchange(0, worker.pid(), Acquire, Relaxed) else {
                return true;
            };
            if turn < SPINS {
                core::hint::spin_loop();
                continue;
            }
            // Our own: a panic has left it.
            let is_left = owner == worker.pid() || !self.host.is_alive(owner);
            if is_left
                && lock
                    .compare_exchange(owner, worker.pid(), Acquire, Relaxed)
                    .is_ok()
            {
                self.repair();
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    fn unlock(&self) {
        self.word(head::LOCK).store(0, Release);
    }

    /// The process `owner`, which is no more, may have left the lock.
    pub(super) fn take_over(&self, worker: Worker, owner: u32) {
        let lock = self.word(head::LOCK);
        if lock
            .compare_exchange(owner, worker.pid(), Acquire, Relaxed)
            .is_ok()
        {
            self.repair();
            self.unlock();
        }
    }
}
