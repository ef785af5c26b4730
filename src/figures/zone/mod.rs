//! The zone: names, and what is done under its lock.

pub(in crate::figures) mod name;
pub(in crate::figures) mod queue;
mod read;
pub(in crate::figures) mod record;
mod words;
pub(in crate::figures) mod worker;

use core::fmt;
use core::hash::Hasher;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicU64};
use std::hash::DefaultHasher;

use crate::figures::histogram::CELLS;
use crate::figures::layout::{self, CELL, Layout, MAGIC, OWN_ROWS, REST, at, head, plus, row};
use crate::figures::pace::CALL_WORDS;
use crate::figures::sums::Figures;
use name::Name;
use queue::FIRST;
use record::Record;
use worker::{Host, Worker};

/// The name of what has no row of its own. A call of that name is counted there, too.
pub const OTHER: &str = "(other)";

/// Rows of a chain that are looked at; with as many chains as rows none is nearly as long.
const CHAIN_MAX: usize = 64;

/// A view of a zone's memory.
#[derive(Clone, Copy)]
pub struct Zone<'z> {
    longs: &'z [AtomicU64],
    words: &'z [AtomicU32],
    pub(in crate::figures) layout: Layout,
    pub(in crate::figures) host: &'z dyn Host,
}

/// Short: what it holds is for [`Report`](super::Report).
impl fmt::Debug for Zone<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Zone")
    }
}

/// How full a zone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// rows that there are
    pub max: usize,
    /// rows in use, or in use before the last reset
    pub used: usize,
    /// how often a row has left for another, since the zone was made, modulo 2^32
    pub left: u32,
    /// when the figures began, in seconds since 1970
    pub since: u32,
}

/// What was read of a row.
#[derive(Clone, Debug)]
pub struct Read {
    pub(in crate::figures) name: Name,
    /// its figures
    pub figures: Figures,
    /// what the estimate of its pace keeps
    pub pace: [u32; CALL_WORDS],
}

/// What a name is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::figures) struct Hash {
    pub(in crate::figures) low: u32,
    pub(in crate::figures) high: u32,
}

impl<'z> Zone<'z> {
    /// How many longs and words a zone of so many bytes has. None where they are less than
    /// [`crate::figures::BYTES_MIN`].
    pub fn split(bytes: usize) -> Option<(usize, usize)> {
        let layout = Layout::new(layout::rows_of(bytes)?)?;
        Some((layout.longs(), layout.words()))
    }

    /// Makes a zone of memory that holds anything; no other process uses it yet. `key` is secret, so that
    /// no client can choose names that are found slowly. None where [`Self::split`] gives other numbers.
    #[inline(never)]
    pub fn create(
        longs: &'z [AtomicU64],
        words: &'z [AtomicU32],
        host: &'z dyn Host,
        key: [u64; 2],
        now: u32,
    ) -> Option<Self> {
        longs.iter().for_each(|long| long.store(0, Relaxed));
        words.iter().for_each(|word| word.store(0, Relaxed));
        let rows = layout::rows_of_longs(longs.len())?;
        words
            .get(head::ROWS)?
            .store(u32::try_from(rows).ok()?, Relaxed);
        let zone = Self::view(longs, words, host)?;
        for (index, key) in key.into_iter().enumerate() {
            zone.set(at(head::KEY, index, 2), key as u32);
            zone.set(at(head::KEY, index, 2).wrapping_add(1), (key >> 32) as u32);
        }
        zone.set(head::EPOCH, 1);
        zone.set(head::SINCE, now);
        for index in 0..OWN_ROWS {
            zone.set(plus(zone.layout.row(index), row::QUEUE), queue::OWN);
        }
        // This gives our own rows their epoch, too.
        zone.rebuild();
        for index in 0..OWN_ROWS {
            for cell in 0..2 * CELLS {
                let link = zone.cell_link(index, cell / CELLS, cell % CELLS);
                zone.set(link, zone.pop_cell()?.wrapping_add(1));
            }
        }
        zone.word(head::MAGIC).store(MAGIC, Release);
        Some(zone)
    }

    /// A zone that [`Self::create`] has made. None where it has not.
    pub fn attach(
        longs: &'z [AtomicU64],
        words: &'z [AtomicU32],
        host: &'z dyn Host,
    ) -> Option<Self> {
        let zone = Self::view(longs, words, host)?;
        (zone.word(head::MAGIC).load(Acquire) == MAGIC).then_some(zone)
    }

    fn view(longs: &'z [AtomicU64], words: &'z [AtomicU32], host: &'z dyn Host) -> Option<Self> {
        let rows = words.get(head::ROWS)?.load(Relaxed) as usize;
        let layout = Layout::new(rows)?;
        (layout.longs() == longs.len() && layout.words() == words.len()).then_some(Self {
            longs,
            words,
            layout,
            host,
        })
    }

    /// Counts a request under a name, of which the first [`NAME_MAX`] bytes count. Control characters
    /// and what is no UTF-8 become U+FFFD.
    pub fn count(&self, worker: Worker, name: &[u8], record: &Record) {
        if Name::is_kept(name) {
            self.count_clean(worker, name, record);
        } else {
            self.count_clean(worker, Name::new(name).bytes(), record);
        }
    }

    #[inline(never)]
    fn count_clean(&self, worker: Worker, name: &[u8], record: &Record) {
        if name == OTHER.as_bytes() {
            self.add(REST, record);
            return;
        }
        let hash = self.hash(name);
        if let Some(row) = self.find(hash)
            && self.pin(worker, row, hash)
        {
            let is_added = self.add(row, record);
            worker.unpin(self);
            if is_added {
                return;
            }
        }
        let is_added = self.locked(worker, || {
            let row = self.find_or_insert(hash, name)?;
            self.add_cells(row, record)?;
            self.add(row, record).then_some(())
        });
        if is_added.is_none() {
            self.add(REST, record);
        }
    }

    /// Makes all figures zero.
    #[inline(never)]
    pub fn reset(&self, worker: Worker, now: u32) -> bool {
        let done = self.locked(worker, || {
            // All rows are void at once; each is cleared when its name is asked for again.
            self.add_to(head::EPOCH, 1);
            self.set(head::SINCE, now);
            (0..OWN_ROWS).for_each(|index| self.renew(index));
            Some(())
        });
        done.is_some()
    }

    /// Words for the estimate of the pace, at first 0.
    pub fn servers(&self) -> &'z [AtomicU32] {
        self.words.get(layout::servers()).unwrap_or_default()
    }

    /// How many rows there are, from 0 on, of which some may be unused.
    pub fn rows(&self) -> u32 {
        self.layout.rows as u32
    }

    /// How full it is.
    pub fn usage(&self) -> Usage {
        Usage {
            max: self.layout.rows.saturating_sub(OWN_ROWS as usize),
            used: self.queued(),
            left: self.get(head::LEFT),
            since: self.get(head::SINCE),
        }
    }

    pub(in crate::figures) fn hash(&self, name: &[u8]) -> Hash {
        // SipHash with fixed keys: ours go in front of the name.
        let mut hasher = DefaultHasher::new();
        for index in 0..2 {
            let low = self.get(at(head::KEY, index, 2));
            let high = self.get(at(head::KEY, index, 2).wrapping_add(1));
            hasher.write_u64(u64::from(low) | u64::from(high) << 32);
        }
        hasher.write(name);
        let hash = hasher.finish();
        Hash {
            // 0 is no tag.
            low: (hash as u32).max(1),
            high: (hash >> 32) as u32,
        }
    }

    /// A row of this name, of any epoch. Without the lock the answer may be wrong: [`Self::pin`] tells.
    pub(in crate::figures) fn find(&self, hash: Hash) -> Option<u32> {
        let mut next = self.get(self.layout.chain(hash.high));
        for _ in 0..CHAIN_MAX {
            let index = next.checked_sub(1)?;
            let words = self.layout.row(index);
            if self.get(plus(words, row::HASH_LOW)) == hash.low
                && self.get(plus(words, row::HASH_HIGH)) == hash.high
            {
                return Some(index);
            }
            next = self.get(plus(words, row::CHAIN));
        }
        None
    }

    /// Pins a row if it has this name and is valid.
    pub(in crate::figures) fn pin(&self, worker: Worker, index: u32, hash: Hash) -> bool {
        worker.pin(self, index, || {
            let words = self.layout.row(index);
            self.word(plus(words, row::TAG)).load(Acquire) == hash.low
                && self.get(plus(words, row::HASH_HIGH)) == hash.high
                && self.is_current(index)
        })
    }

    /// It has been used since the last reset.
    pub(in crate::figures) fn is_current(&self, index: u32) -> bool {
        self.get(plus(self.layout.row(index), row::EPOCH)) == self.get(head::EPOCH)
    }

    /// Under the lock: the row of a name, which is made where there is none.
    pub(in crate::figures) fn find_or_insert(&self, hash: Hash, name: &[u8]) -> Option<u32> {
        if let Some(index) = self.find(hash) {
            if !self.is_current(index) {
                self.clear_figures(index);
                let epoch = plus(self.layout.row(index), row::EPOCH);
                self.set(epoch, self.get(head::EPOCH));
            }
            return Some(index);
        }
        let index = self.pop_row()?;
        if self.write_name(index, name).is_none() {
            self.wipe(index);
            return None;
        }
        let words = self.layout.row(index);
        self.set(plus(words, row::HASH_LOW), hash.low);
        self.set(plus(words, row::HASH_HIGH), hash.high);
        self.set(plus(words, row::EPOCH), self.get(head::EPOCH));
        // From here on the row is complete, and is found again if this process ends.
        self.push(FIRST, index);
        self.chain(index);
        Some(index)
    }

    /// Under the lock: puts a row into its chain and makes it valid.
    pub(in crate::figures) fn chain(&self, index: u32) {
        let words = self.layout.row(index);
        let chain = self.layout.chain(self.get(plus(words, row::HASH_HIGH)));
        self.set(plus(words, row::CHAIN), self.get(chain));
        self.validate(index);
        self.set(chain, index.wrapping_add(1));
    }

    /// Others may pin it.
    pub(in crate::figures) fn validate(&self, index: u32) {
        let words = self.layout.row(index);
        let tag = self.get(plus(words, row::HASH_LOW));
        write_point();
        self.word(plus(words, row::TAG)).store(tag, Release);
    }

    /// Takes it out of its chain.
    pub(in crate::figures) fn unchain(&self, index: u32) {
        let words = self.layout.row(index);
        let after = self.get(plus(words, row::CHAIN));
        let mut link = self.layout.chain(self.get(plus(words, row::HASH_HIGH)));
        for _ in 0..CHAIN_MAX {
            let Some(next) = self.get(link).checked_sub(1) else {
                return;
            };
            if next == index {
                return self.set(link, after);
            }
            link = plus(self.layout.row(next), row::CHAIN);
        }
    }

    /// Under the lock: a row that is free, or is made free.
    fn pop_row(&self) -> Option<u32> {
        if self.get(head::FREE_ROWS) == 0 {
            self.make_room(REST);
        }
        let index = self.get(head::FREE_ROWS).checked_sub(1)?;
        self.set(
            head::FREE_ROWS,
            self.get(plus(self.layout.row(index), row::NEWER)),
        );
        Some(index)
    }

    /// Under the lock: an empty cell.
    pub(in crate::figures) fn pop_cell(&self) -> Option<u32> {
        let cell = self.get(head::FREE_CELLS).checked_sub(1)?;
        let words = self.layout.cell(cell);
        self.set(head::FREE_CELLS, self.get(words));
        self.zero(words, CELL);
        Some(cell)
    }

    /// The same, where `keep` must not leave for it.
    pub(in crate::figures) fn take_cell(&self, keep: u32) -> Option<u32> {
        // A row has one cell at least, mostly.
        for _ in 0..4 {
            if self.get(head::FREE_CELLS) != 0 {
                break;
            }
            self.make_room(keep);
        }
        self.pop_cell()
    }

    pub(in crate::figures) fn push_cell(&self, cell: u32) {
        self.set(self.layout.cell(cell), self.get(head::FREE_CELLS));
        self.set(head::FREE_CELLS, cell.wrapping_add(1));
    }
}

/// Where a test ends a worker; see `tests::killed`.
#[inline(always)]
pub(in crate::figures) fn write_point() {
    #[cfg(test)]
    crate::figures::tests::write_point();
}
