//! What is done in one row.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::name::Name;
use super::worker::Worker;
use super::{Read, Zone};
use crate::figures::histogram::{CELL_BUCKETS, bucket};
use crate::figures::layout::{self, OWN_ROWS, SHARES, SLOTS, at, long, plus, row, times};
use crate::figures::pace::CALL_WORDS;
use crate::figures::sums::{Class, Figures, GROUPS};

/// A request that has finished.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    /// the status of its answer
    pub status: u32,
    /// bytes from the client
    pub received: u64,
    /// bytes to the client
    pub sent: u64,
    /// how long it took, in milliseconds
    pub time: u32,
    /// the part of an upstream
    pub upstream: Option<Upstream>,
    /// the time of day, in seconds since 1970
    pub now: u32,
}

/// What an upstream has had of a request.
#[derive(Clone, Copy, Debug)]
pub struct Upstream {
    /// how long it took, in milliseconds
    pub time: u32,
    /// the number of its group, by [`Zone::group`]
    pub group: u32,
}

/// Times to get the pace's words before they are left as they are.
const PACE_TRIES: usize = 256;
/// The part of the lock that is its owner: a slot, and 1.
const PACE_OWNER: u32 = 2 * SLOTS as u32 - 1;

impl Read {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            name: Name::EMPTY,
            figures: Figures::default(),
            pace: [0; CALL_WORDS],
        }
    }

    /// The name of the row.
    pub fn name(&self) -> &str {
        core::str::from_utf8(self.name.bytes()).unwrap_or_default()
    }
}

impl Default for Read {
    fn default() -> Self {
        Self::new()
    }
}

impl Zone<'_> {
    /// Reads a row, if it is used. Without a worker, where no other process uses the zone.
    pub fn read(&self, worker: Option<Worker>, index: u32, into: &mut Read) -> bool {
        self.pinned(worker, index, || {
            self.read_name(index, &mut into.name);
            into.figures = self.figures(index);
            self.read_pace(index, &mut into.pace);
        })
        .is_some()
    }

    /// The time that all requests of a row took together, in milliseconds, if it is used.
    pub fn time_of(&self, worker: Worker, index: u32) -> Option<u64> {
        self.pinned(Some(worker), index, || {
            self.long(plus(self.layout.long(index), long::SUMS))
                .load(Relaxed)
        })
    }

    /// Lets `work` change what the estimate of a name's pace keeps. None where the name has no row, or
    /// where another worker changes it all the time.
    pub fn with_pace<T>(
        &self,
        worker: Worker,
        name: &[u8],
        work: impl FnOnce(&mut [u32; CALL_WORDS]) -> T,
    ) -> Option<T> {
        let hash = if Name::is_kept(name) {
            self.hash(name)
        } else {
            self.hash(Name::new(name).bytes())
        };
        let index = self.find(hash)?;
        if !self.pin(worker, index, hash) {
            return None;
        }
        let result = self.lock_pace(worker, index).then(|| {
            let mut words = [0; CALL_WORDS];
            self.read_pace(index, &mut words);
            let result = work(&mut words);
            self.set_pace(index, &words);
            self.unlock_pace(index);
            result
        });
        worker.unpin(self);
        result
    }

    /// Makes a row for a name that has none: of a call whose first run has not ended.
    pub fn make_row(&self, worker: Worker, name: &[u8]) -> Option<()> {
        let name = Name::new(name);
        let hash = self.hash(name.bytes());
        self.locked(worker, || {
            self.find_or_insert(hash, name.bytes()).map(|_| ())
        })
    }

    /// The lock says who has it, and how often it was taken: who finds that its owner is no more must
    /// not take it from one that has come back meanwhile. Its owner has pinned the row, or is no more.
    fn lock_pace(&self, worker: Worker, index: u32) -> bool {
        let lock = self.word(plus(self.layout.row(index), row::PACE_LOCK));
        let own = worker.slot().wrapping_add(1);
        for _ in 0..PACE_TRIES {
            let seen = lock.load(Acquire);
            let owner = seen & PACE_OWNER;
            let is_free =
                owner == 0 || owner == own || !self.is_pinned_by(index, owner.wrapping_sub(1));
            let taken = (seen & !PACE_OWNER).wrapping_add(PACE_OWNER + 1) | own;
            if is_free && lock.compare_exchange(seen, taken, Acquire, Relaxed).is_ok() {
                return true;
            }
            core::hint::spin_loop();
        }
        false
    }

    fn unlock_pace(&self, index: u32) {
        let lock = self.word(plus(self.layout.row(index), row::PACE_LOCK));
        lock.store(lock.load(Relaxed) & !PACE_OWNER, Release);
    }

    /// Does `work` with a row that is used and stays.
    fn pinned<T>(&self, worker: Option<Worker>, index: u32, work: impl FnOnce() -> T) -> Option<T> {
        let is_used = || {
            let tag = self
                .word(plus(self.layout.row(index), row::TAG))
                .load(Acquire);
            index >= OWN_ROWS && tag != 0 && self.is_current(index)
        };
        let Some(worker) = worker else {
            return is_used().then(work);
        };
        if !worker.pin(self, index, is_used) {
            return None;
        }
        let result = work();
        worker.unpin(self);
        Some(result)
    }

    /// Adds a request to a row. False, and nothing added, where a cell is missing.
    #[inline(never)]
    pub(in crate::figures) fn add(&self, index: u32, record: &Record) -> bool {
        let (Some(time), Some(upstream)) = (
            self.count_of(index, 0, Some(record.time)),
            self.count_of(index, 1, record.upstream.map(|upstream| upstream.time)),
        ) else {
            return false;
        };
        let (words, longs) = (self.layout.row(index), self.layout.long(index));
        let class = Class::of(record.status) as usize;
        self.add_long(plus(longs, long::RESPONSES + class), 1);
        self.add_long(plus(longs, long::RECEIVED), record.received);
        self.add_long(plus(longs, long::SENT), record.sent);
        self.add_long(plus(longs, long::SUMS), u64::from(record.time));
        self.add_to(time, 1);
        self.raise(plus(self.times(index, 0), times::MAX), record.time);
        if let Some(part) = record.upstream {
            self.add_long(plus(longs, long::SUMS + 1), u64::from(part.time));
            self.add_to(upstream, 1);
            self.raise(plus(self.times(index, 1), times::MAX), part.time);
            let share = self.share(index, part.group);
            self.add_long(share, 1);
            self.add_long(share.wrapping_add(1), u64::from(part.time));
        }
        if self.get(plus(words, row::FIRST)) == 0 {
            self.set(plus(words, row::FIRST), record.now);
        }
        self.raise(plus(words, row::LAST), record.now);
        let touched = plus(words, row::TOUCHED);
        if self.get(touched) == 0 {
            self.set(touched, 1);
        }
        true
    }

    /// Adds the figures of many requests. What has no cell is not in the histogram.
    pub(in crate::figures) fn add_figures(&self, index: u32, figures: &Figures) {
        let (words, longs) = (self.layout.row(index), self.layout.long(index));
        for (class, count) in figures.responses.iter().enumerate() {
            self.add_long(plus(longs, plus(long::RESPONSES, class)), *count);
        }
        self.add_long(plus(longs, long::RECEIVED), figures.received);
        self.add_long(plus(longs, long::SENT), figures.sent);
        for (which, times) in [&figures.request, &figures.upstream]
            .into_iter()
            .enumerate()
        {
            self.add_long(plus(longs, plus(long::SUMS, which)), times.sum);
            self.raise(plus(self.times(index, which), times::MAX), times.max);
            for (bucket, count) in times.used() {
                if let Some(place) =
                    self.count_of(index, which, Some(crate::figures::upper(bucket)))
                {
                    self.add_to(place, count);
                }
            }
        }
        for (group, share) in figures.shares.iter().enumerate() {
            if share.count > 0 {
                let place = self.share(index, group as u32);
                self.add_long(place, share.count);
                self.add_long(place.wrapping_add(1), share.sum);
            }
        }
        let first = plus(words, row::FIRST);
        if self.get(first) == 0 || self.get(first) > figures.first {
            self.set(first, figures.first);
        }
        self.raise(plus(words, row::LAST), figures.last);
    }

    pub(in crate::figures) fn set_pace(&self, index: u32, pace: &[u32]) {
        let place = plus(self.layout.row(index), row::PACE);
        for (word, value) in self.words(place, CALL_WORDS).iter().zip(pace) {
            super::write_point();
            word.store(*value, Relaxed);
        }
    }

    fn read_pace(&self, index: u32, into: &mut [u32; CALL_WORDS]) {
        let place = plus(self.layout.row(index), row::PACE);
        for (value, word) in into.iter_mut().zip(self.words(place, CALL_WORDS)) {
            *value = word.load(Relaxed);
        }
    }

    /// Where requests of this time are counted; any place for none. None where the cell is missing.
    fn count_of(&self, index: u32, which: usize, time: Option<u32>) -> Option<usize> {
        let Some(time) = time else {
            return Some(usize::MAX);
        };
        self.place_of_count(index, which, bucket(time))
    }

    /// Where a bucket is counted. None where the cell is missing.
    #[inline(always)]
    pub(in crate::figures) fn place_of_count(
        &self,
        index: u32,
        which: usize,
        bucket: usize,
    ) -> Option<usize> {
        let link = self.cell_link(index, which, bucket / CELL_BUCKETS);
        let cell = self.word(link).load(Acquire).checked_sub(1)?;
        Some(plus(self.layout.cell(cell), bucket % CELL_BUCKETS))
    }

    /// Under the lock: makes sure that [`Self::add`] finds the cells.
    pub(in crate::figures) fn add_cells(&self, index: u32, record: &Record) -> Option<()> {
        let upstream = record.upstream.map(|upstream| upstream.time);
        for (which, time) in [(0, Some(record.time)), (1, upstream)] {
            let Some(time) = time else { continue };
            let link = self.cell_link(index, which, bucket(time) / CELL_BUCKETS);
            if self.get(link) == 0 {
                let cell = self.take_cell(index)?;
                super::write_point();
                self.word(link).store(cell.wrapping_add(1), Release);
            }
        }
        Some(())
    }

    pub(in crate::figures) fn times(&self, index: u32, which: usize) -> usize {
        at(plus(self.layout.row(index), row::TIMES), which, times::LEN)
    }

    pub(in crate::figures) fn cell_link(&self, index: u32, which: usize, cell: usize) -> usize {
        plus(plus(self.times(index, which), times::CELLS), cell)
    }

    /// Where a row counts what went to a group: a count, and a sum behind it. Of a call the first three
    /// groups are told apart.
    fn share(&self, index: u32, group: u32) -> usize {
        const LAST: usize = SHARES - 1;
        if index < OWN_ROWS {
            return layout::own_share(index, group as usize);
        }
        let groups = plus(self.layout.row(index), row::GROUPS);
        let mark = group.wrapping_add(1);
        let place = |share| at(plus(self.layout.long(index), long::SHARE), share, 2);
        for share in 0..LAST {
            let word = self.word(plus(groups, share));
            let found = match word.load(Relaxed) {
                0 if mark < GROUPS as u32 => {
                    let set = word.compare_exchange(0, mark, Relaxed, Relaxed);
                    set.err().unwrap_or(mark)
                }
                found => found,
            };
            if found == mark {
                return place(share);
            }
        }
        self.set(plus(groups, LAST), GROUPS as u32);
        place(LAST)
    }

    /// The number of the group of a share; None where nothing is counted there.
    pub(in crate::figures) fn group_of_share(&self, index: u32, share: usize) -> Option<u32> {
        let groups = plus(self.layout.row(index), row::GROUPS);
        self.get(plus(groups, share)).checked_sub(1)
    }

    fn raise(&self, place: usize, value: u32) {
        if self.get(place) < value {
            super::write_point();
            self.word(place).fetch_max(value, Relaxed);
        }
    }
}
