//! `(other)`: the sum of what has no row.
//!
//! A row that leaves is added to a row of ours. So that a worker may end in between, all words of that
//! row that change are written to a journal first, as they will be. One store then says that the
//! journal holds and the leaving row does not. From there on what is left to do can be done again, by
//! anybody, with the same result.

use super::layout::{self, GONE, JOURNAL, REST, SHARES, at, head, long, plus, row, times};
use super::sums::Figures;
use super::zone::Zone;

impl Zone<'_> {
    /// The sum of all that has no row: of rows that have left, and of requests that got none.
    pub fn other(&self) -> Figures {
        let mut sum = Figures::default();
        for index in [REST, GONE] {
            if self.is_current(index) {
                sum.add(&self.figures(index));
            }
        }
        sum
    }

    /// Under the lock: writes down what `(other)` is once it has this row's sums, too.
    #[inline(never)]
    pub(super) fn write_journal(&self, index: u32) {
        let mut entries = 0_usize;
        let mut note = |place: usize, is_long: bool, value: u64| {
            let entry = at(plus(JOURNAL, 1), entries, 2);
            self.set_long(entry, (place as u64) << 1 | u64::from(is_long));
            self.set_long(plus(entry, 1), value);
            entries = entries.saturating_add(1);
        };
        let note_sum = &mut |from: usize, to: usize| match self.get_long(from) {
            0 => {}
            more => note(to, true, self.get_long(to).saturating_add(more)),
        };
        let (from, to) = (self.layout.long(index), self.layout.long(GONE));
        (0..long::SHARE).for_each(|place| note_sum(plus(from, place), plus(to, place)));
        for share in 0..SHARES {
            if let Some(group) = self.group_of_share(index, share) {
                let from = at(plus(from, long::SHARE), share, 2);
                let to = layout::own_share(GONE, group as usize);
                note_sum(from, to);
                note_sum(plus(from, 1), plus(to, 1));
            }
        }
        let (from, to) = (self.layout.row(index), self.layout.row(GONE));
        for (place, is_least) in [
            (row::FIRST, true),
            (row::LAST, false),
            (row::TIMES + times::MAX, false),
            (row::TIMES + times::LEN + times::MAX, false),
        ] {
            let (new, old) = (self.get(plus(from, place)), self.get(plus(to, place)));
            if (is_least && (new < old || old == 0)) || (!is_least && new > old) {
                note(plus(to, place), false, u64::from(new));
            }
        }
        self.each_count(index, &mut |which, bucket, count| {
            if let Some(to) = self.place_of_count(GONE, which, bucket) {
                note(to, false, u64::from(self.get(to).saturating_add(count)));
            }
        });
        self.set_long(JOURNAL, entries as u64);
    }

    /// Under the lock: makes `(other)` what the journal says.
    pub(super) fn apply_journal(&self) {
        let entries = usize::try_from(self.get_long(JOURNAL)).unwrap_or_default();
        let most = self.layout.long(0).saturating_sub(JOURNAL) / 2;
        for entry in 0..entries.min(most) {
            let entry = at(plus(JOURNAL, 1), entry, 2);
            let (place, value) = (self.get_long(entry), self.get_long(plus(entry, 1)));
            let (is_long, place) = (place & 1 == 1, (place >> 1) as usize);
            if is_long {
                self.set_long(place, value);
            } else {
                self.set(place, value as u32);
            }
        }
    }

    /// Under the lock: a row of ours that has not been cleared since the last reset.
    pub(super) fn renew(&self, index: u32) {
        if !self.is_current(index) {
            self.clear_figures(index);
            let epoch = plus(self.layout.row(index), row::EPOCH);
            self.set(epoch, self.get(head::EPOCH));
        }
    }
}
