//! The two queues of rows, and which row leaves. All under the zone's lock.

use core::sync::atomic::Ordering::Release;

use super::{Zone, write_point};
use crate::figures::layout::{self, head, long, plus, queue, row};

/// Names that were asked for once, and those that were asked for again.
pub(in crate::figures) const FIRST: u32 = 0;
pub(in crate::figures) const SECOND: u32 = 1;
/// What a row's queue says that is in none and does not leave.
pub(in crate::figures) const OWN: u32 = 3;

/// Rows that are looked at for one that leaves.
pub(in crate::figures) const STEPS: usize = 16;
/// From this step on a row of the second queue leaves even if it was asked for.
const LAST_STEPS: usize = 12;

/// The first queue keeps this part of all rows.
const FIRST_SHARE: u32 = 8;

impl Zone<'_> {
    /// Puts a row behind the newest.
    pub(in crate::figures) fn push(&self, number: u32, index: u32) {
        let words = layout::queue(number);
        self.set(plus(self.layout.row(index), row::NEWER), 0);
        let mark = index.wrapping_add(1);
        match self.get(plus(words, queue::NEWEST)).checked_sub(1) {
            Some(newest) => self.set(plus(self.layout.row(newest), row::NEWER), mark),
            None => self.set(plus(words, queue::OLDEST), mark),
        }
        self.set(plus(words, queue::NEWEST), mark);
        self.add_to(plus(words, queue::COUNT), 1);
        self.set(
            plus(self.layout.row(index), row::QUEUE),
            number.wrapping_add(1),
        );
    }

    /// Takes the oldest row.
    fn pop(&self, number: u32) -> Option<u32> {
        let words = layout::queue(number);
        let index = self.get(plus(words, queue::OLDEST)).checked_sub(1)?;
        let newer = self.get(plus(self.layout.row(index), row::NEWER));
        self.set(plus(words, queue::OLDEST), newer);
        if newer == 0 {
            self.set(plus(words, queue::NEWEST), 0);
        }
        self.add_to(plus(words, queue::COUNT), u32::MAX);
        Some(index)
    }

    fn count_of_queue(&self, number: u32) -> u32 {
        self.get(plus(layout::queue(number), queue::COUNT))
    }

    /// Rows that are in use, or were before the last reset.
    pub(in crate::figures) fn queued(&self) -> usize {
        let count = self
            .count_of_queue(FIRST)
            .wrapping_add(self.count_of_queue(SECOND));
        (count as usize).min(self.layout.rows)
    }

    /// Frees a row and its cells, but not `keep`. Nothing is freed where every row that it looks at is
    /// being read or written.
    pub(in crate::figures) fn make_room(&self, keep: u32) {
        for step in 0..STEPS {
            let share = (self.layout.rows as u32) / FIRST_SHARE;
            let is_first = self.count_of_queue(FIRST) > share || self.count_of_queue(SECOND) == 0;
            let number = if is_first { FIRST } else { SECOND };
            let Some(index) = self.pop(number) else {
                return;
            };
            let touched = plus(self.layout.row(index), row::TOUCHED);
            let stays = if index == keep {
                true
            } else if !self.is_current(index) {
                false
            } else if is_first {
                self.requests(index) > 1
            } else {
                self.get(touched) != 0 && step < LAST_STEPS
            };
            if stays {
                self.set(touched, 0);
                self.push(SECOND, index);
            } else if self.invalidate(index) {
                return self.dismiss(index);
            } else {
                self.push(number, index);
            }
        }
    }

    /// Makes sure that no worker is in the row and none can come. False where one is.
    fn invalidate(&self, index: u32) -> bool {
        self.set(plus(self.layout.row(index), row::TAG), 0);
        if self.is_pinned(index) {
            self.validate(index);
            return false;
        }
        true
    }

    /// Adds a row that no worker uses to `(other)`, and frees it.
    fn dismiss(&self, index: u32) {
        self.unchain(index);
        if self.is_current(index) {
            self.add_to(head::LEFT, 1);
            self.write_journal(index);
            // One store: the sums count in (other), and the row does not.
            write_point();
            self.word(head::LEAVING).store(index, Release);
            self.apply_journal();
        }
        self.free(index);
        self.set(head::LEAVING, 0);
    }

    /// Frees a row and its cells.
    fn free(&self, index: u32) {
        self.set(plus(self.layout.row(index), row::QUEUE), 0);
        self.each_cell(index, |cell| self.push_cell(cell));
        self.each_name_cell(index, |cell| self.push_cell(cell));
        self.clear(index);
    }

    /// A row that was begun and could not be finished.
    pub(in crate::figures) fn wipe(&self, index: u32) {
        self.each_name_cell(index, |cell| self.push_cell(cell));
        self.clear(index);
    }

    /// Makes a row's words zero and puts it to the free ones.
    pub(in crate::figures) fn clear(&self, index: u32) {
        let words = self.layout.row(index);
        self.zero(words, row::LEN);
        self.zero_longs(self.layout.long(index), long::LEN);
        self.set(plus(words, row::NEWER), self.get(head::FREE_ROWS));
        self.set(head::FREE_ROWS, index.wrapping_add(1));
    }
}
