//! The lists anew from the rows, after a worker has died while it changed them.
//!
//! A row says by its `QUEUE` whether it is complete and counts. It is written last when a row is made,
//! and first when it is freed, which is after `LEAVING` has said that its sums are in the journal. So a
//! row that says that it is free holds nothing that counts, in whatever state it is.
//!
//! Only the order in which rows were to leave is lost. All rows are looked at once, for one death.

use super::layout::{self, CELL, head, plus, queue, row};
use super::zone::Zone;
use super::zone::queue::{FIRST, OWN, SECOND};

impl Zone<'_> {
    /// Under the lock, which a dead process held.
    pub(super) fn repair(&self) {
        let leaving = self.get(head::LEAVING);
        if leaving != 0 {
            // It counts no more.
            self.apply_journal();
            self.set(plus(self.layout.row(leaving), row::QUEUE), 0);
        }
        self.rebuild();
        self.set(head::LEAVING, 0);
    }

    /// Makes all lists anew, by what the rows say.
    pub(super) fn rebuild(&self) {
        for number in [FIRST, SECOND] {
            self.zero(layout::queue(number), queue::LEN);
        }
        self.set(head::FREE_ROWS, 0);
        self.set(head::FREE_CELLS, 0);
        let rows = self.layout.rows as u32;
        for chain in 0..rows {
            self.set(self.layout.chain(chain), 0);
        }
        for cell in (0..self.layout.cells as u32).step_by(32) {
            self.set(self.layout.mark(cell).0, 0);
        }
        // Backwards, so that the first is taken first.
        for index in (0..rows).rev() {
            match self.get(plus(self.layout.row(index), row::QUEUE)) {
                0 => self.clear(index),
                OWN => {
                    self.mark_cells(index);
                    self.renew(index);
                }
                number => {
                    self.mark_cells(index);
                    self.push(number.wrapping_sub(1), index);
                    self.chain(index);
                }
            }
        }
        for cell in (0..self.layout.cells as u32).rev() {
            let (word, bit) = self.layout.mark(cell);
            if self.get(word) & bit == 0 {
                self.zero(self.layout.cell(cell), CELL);
                self.push_cell(cell);
            }
        }
    }

    fn mark_cells(&self, index: u32) {
        let mark = |cell| {
            let (word, bit) = self.layout.mark(cell);
            self.set(word, self.get(word) | bit);
        };
        self.each_cell(index, mark);
        self.each_name_cell(index, mark);
    }
}
