//! What is read of one row.

use core::sync::atomic::Ordering::{Acquire, Relaxed};

use super::Zone;
use crate::figures::histogram::{BUCKETS, CELL_BUCKETS, CELLS};
use crate::figures::layout::{self, CELL, OWN_ROWS, SHARES, at, long, plus, row, times};
use crate::figures::sums::{CLASSES, Figures, GROUPS};

impl Zone<'_> {
    pub(in crate::figures) fn requests(&self, index: u32) -> u64 {
        let longs = plus(self.layout.long(index), long::RESPONSES);
        let counts = self.longs(longs, CLASSES).iter();
        counts.fold(0, |sum, count| count.load(Relaxed).saturating_add(sum))
    }

    /// A copy of its figures.
    pub(in crate::figures) fn figures(&self, index: u32) -> Figures {
        let (words, longs) = (self.layout.row(index), self.layout.long(index));
        let long = |place| self.long(plus(longs, place)).load(Relaxed);
        let mut figures = Figures {
            received: long(long::RECEIVED),
            sent: long(long::SENT),
            first: self.get(plus(words, row::FIRST)),
            last: self.get(plus(words, row::LAST)),
            ..Figures::default()
        };
        let responses = self.longs(plus(longs, long::RESPONSES), CLASSES);
        for (count, long) in figures.responses.iter_mut().zip(responses) {
            *count = long.load(Relaxed);
        }
        for (which, times) in [&mut figures.request, &mut figures.upstream]
            .into_iter()
            .enumerate()
        {
            times.sum = long(plus(long::SUMS, which));
            times.max = self.get(plus(self.times(index, which), times::MAX));
        }
        self.each_count(index, &mut |which, bucket, count| {
            let times = if which == 0 {
                &mut figures.request
            } else {
                &mut figures.upstream
            };
            if let Some(place) = times.counts.get_mut(bucket) {
                *place = count;
            }
        });
        if index < OWN_ROWS {
            for (group, share) in figures.shares.iter_mut().enumerate() {
                let place = layout::own_share(index, group);
                share.count = self.get_long(place);
                share.sum = self.get_long(plus(place, 1));
            }
            return figures;
        }
        for share in 0..SHARES {
            let group = self.group_of_share(index, share);
            if let Some(sum) = group.and_then(|group| figures.shares.get_mut(group as usize)) {
                sum.count = long(at(long::SHARE, share, 2));
                sum.sum = long(at(long::SHARE, share, 2).wrapping_add(1));
            }
        }
        figures
    }

    /// Under the lock: its sums are zero, and it keeps its name and its cells.
    pub(in crate::figures) fn clear_figures(&self, index: u32) {
        let words = self.layout.row(index);
        self.zero_longs(self.layout.long(index), long::LEN);
        if index < OWN_ROWS {
            self.zero_longs(layout::own_share(index, 0), 2 * GROUPS);
        }
        self.each_cell(index, |cell| self.zero(self.layout.cell(cell), CELL));
        self.zero(plus(words, row::FIRST), row::TIMES - row::FIRST);
        (0..2).for_each(|which| self.set(plus(self.times(index, which), times::MAX), 0));
        self.zero(plus(words, row::GROUPS), row::NAME - row::GROUPS);
    }

    /// What its histograms hold: which of the two, the bucket, and how many.
    pub(in crate::figures) fn each_count(
        &self,
        index: u32,
        see: &mut dyn FnMut(usize, usize, u32),
    ) {
        for which in 0..2 {
            for cell in 0..CELLS {
                let link = self.word(self.cell_link(index, which, cell)).load(Acquire);
                let Some(words) = link.checked_sub(1).map(|cell| self.layout.cell(cell)) else {
                    continue;
                };
                let first = at(0, cell, CELL_BUCKETS);
                for (bucket, word) in self.words(words, CELL_BUCKETS).iter().enumerate() {
                    match word.load(Relaxed) {
                        0 => {}
                        count => see(which, plus(first, bucket), count),
                    }
                }
            }
        }
    }

    /// The cells of its histograms.
    pub(in crate::figures) fn each_cell(&self, index: u32, mut see: impl FnMut(u32)) {
        const _: () = assert!(BUCKETS == CELLS * CELL_BUCKETS);
        for which in 0..2 {
            for cell in 0..CELLS {
                if let Some(cell) = self.get(self.cell_link(index, which, cell)).checked_sub(1) {
                    see(cell);
                }
            }
        }
    }
}
