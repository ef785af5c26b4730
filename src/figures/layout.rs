//! Where everything lies in a zone's memory: sums of 64 bits apart from words of 32, since an add to
//! two halves could be seen, or broken off, between them.
//!
//! ```text
//! longs: shares of the own rows | journal | rows
//! words: head | pins | pids | groups | servers | heads of chains | map of cells | rows | cells
//! ```
//!
//! A row has room for a short name and for what every call has. Longer names and histograms lie in
//! cells, of which a row takes one for each power of ten of milliseconds that was seen.

use super::histogram::{BUCKETS, CELL_BUCKETS};
use super::pace::{CALL_WORDS, TABLE_WORDS};
use super::sums::GROUPS;

/// Says that the memory is a zone of this layout.
pub(super) const MAGIC: u32 = 0x6672_0001;

/// nginx's NGX_MAX_PROCESSES.
pub(super) const SLOTS: usize = 1024;

/// Words of the head.
pub(super) mod head {
    pub(in super::super) const MAGIC: usize = 0;
    /// how many rows there are
    pub(in super::super) const ROWS: usize = 1;
    /// the key of the hash, four words
    pub(in super::super) const KEY: usize = 4;
    /// counts resets; a row of another epoch is empty
    pub(in super::super) const EPOCH: usize = 8;
    /// when the figures began, in seconds since 1970
    pub(in super::super) const SINCE: usize = 9;
    /// one more than the highest slot that was ever used
    pub(in super::super) const SLOTS_USED: usize = 10;
    /// how many groups have names
    pub(in super::super) const GROUPS_USED: usize = 11;
    /// when the state was last written, in seconds since 1970
    pub(in super::super) const SAVED: usize = 12;
    /// 0 or the process id of the owner; in a line of the cache of its own
    pub(in super::super) const LOCK: usize = 16;
    /// a row whose figures the journal holds, and which counts no more; 0: none
    pub(in super::super) const LEAVING: usize = 32;
    /// how many rows have left
    pub(in super::super) const LEFT: usize = 33;
    pub(in super::super) const FREE_ROWS: usize = 35;
    pub(in super::super) const FREE_CELLS: usize = 36;
    /// two queues of [`super::queue`]
    pub(in super::super) const QUEUES: usize = 37;
    pub(in super::super) const LEN: usize = 64;
}

/// Words of a queue.
pub(super) mod queue {
    pub(in super::super) const OLDEST: usize = 0;
    pub(in super::super) const NEWEST: usize = 1;
    pub(in super::super) const COUNT: usize = 2;
    pub(in super::super) const LEN: usize = 3;
}

/// Words of a group.
pub(super) mod group {
    pub(in super::super) const NAME_LEN: usize = 0;
    pub(in super::super) const NAME: usize = 1;
    pub(in super::super) const NAME_MAX: usize = 60;
    pub(in super::super) const LEN: usize = 16;
}

/// Words of a row.
pub(super) mod row {
    use super::{CALL_WORDS, SHARES};

    /// the lower half of the name's hash; 0: no worker may pin this row
    pub(in super::super) const TAG: usize = 0;
    /// the same, also while the tag is 0
    pub(in super::super) const HASH_LOW: usize = 1;
    pub(in super::super) const HASH_HIGH: usize = 2;
    pub(in super::super) const EPOCH: usize = 3;
    /// the next row of the same chain
    pub(in super::super) const CHAIN: usize = 4;
    /// the next newer row of the same queue, or the next free row
    pub(in super::super) const NEWER: usize = 5;
    /// which queue it is in, one more than its number; 0: it is free
    pub(in super::super) const QUEUE: usize = 6;
    /// it was asked for since it was last looked at
    pub(in super::super) const TOUCHED: usize = 7;
    pub(in super::super) const NAME_LEN: usize = 8;
    /// the cell where the name goes on
    pub(in super::super) const NAME_CELL: usize = 9;
    pub(in super::super) const FIRST: usize = 10;
    pub(in super::super) const LAST: usize = 11;
    /// of the request and of the upstream, each a [`super::times`]
    pub(in super::super) const TIMES: usize = 12;
    /// the groups of its shares, one more than their number
    pub(in super::super) const GROUPS: usize = TIMES + 2 * super::times::LEN;
    pub(in super::super) const PACE_LOCK: usize = GROUPS + SHARES;
    pub(in super::super) const PACE: usize = PACE_LOCK + 1;
    pub(in super::super) const NAME: usize = PACE + CALL_WORDS;
    pub(in super::super) const NAME_WORDS: usize = 12;
    pub(in super::super) const LEN: usize = NAME + NAME_WORDS;
}

/// Longs of a row.
pub(super) mod long {
    use super::super::sums::CLASSES;
    use super::SHARES;

    pub(in super::super) const RESPONSES: usize = 0;
    pub(in super::super) const RECEIVED: usize = CLASSES;
    pub(in super::super) const SENT: usize = RECEIVED + 1;
    /// of the request and of the upstream
    pub(in super::super) const SUMS: usize = SENT + 1;
    /// a count and a sum for each
    pub(in super::super) const SHARE: usize = SUMS + 2;
    pub(in super::super) const LEN: usize = SHARE + 2 * SHARES;
}

/// Words of the times of a row.
pub(super) mod times {
    pub(in super::super) const MAX: usize = 0;
    /// the cells of the histogram
    pub(in super::super) const CELLS: usize = 1;
    pub(in super::super) const LEN: usize = CELLS + super::super::histogram::CELLS;
}

/// Groups of a row that are counted apart.
pub(super) const SHARES: usize = 4;

/// Words of a cell: the counts of a part of a histogram, or a piece of a name and the next cell.
pub(super) const CELL: usize = CELL_BUCKETS;
/// Words of a name in a cell.
pub(super) const CELL_NAME: usize = CELL - 1;
/// Cells for each row.
const CELLS_A_ROW: usize = 6;

const PINS: usize = head::LEN;
const PIDS: usize = PINS + SLOTS;
const GROUP: usize = PIDS + SLOTS;
const SERVERS: usize = GROUP + GROUPS * group::LEN;
const HEADS: usize = SERVERS + TABLE_WORDS;

/// Rows of ours, which have every cell, are in no chain and never leave: what got no row, and what had
/// one that has left.
pub(super) const REST: u32 = 0;
pub(super) const GONE: u32 = 1;
pub(super) const OWN_ROWS: u32 = 2;

const OWN_SHARES: usize = 0;
/// How many entries the journal has, then two longs for each: where, and the value.
pub(super) const JOURNAL: usize = OWN_SHARES + OWN_ROWS as usize * 2 * GROUPS;
const JOURNAL_MAX: usize = long::LEN + 2 * (BUCKETS + 1) + 2;
const LONGS: usize = JOURNAL + 1 + 2 * JOURNAL_MAX;

const FIXED_BYTES: usize = 4 * HEADS + 8 * LONGS;
/// Words for each row; a bit of the map for each cell is less than a word.
const A_ROW: usize = 1 + row::LEN + CELLS_A_ROW * CELL + 1;
/// Bytes for each row.
const BYTES_A_ROW: usize = 4 * A_ROW + 8 * long::LEN;
/// A zone of fewer rows is of no use.
const ROWS_MIN: usize = 16;

/// The places of a zone of a certain size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) rows: usize,
    pub(super) cells: usize,
    map: usize,
    row: usize,
    cell: usize,
}

impl Layout {
    /// None where there would be fewer than 16 rows.
    pub(super) fn new(rows: usize) -> Option<Self> {
        if rows < ROWS_MIN || rows > (u32::MAX / 16) as usize {
            return None;
        }
        let cells = rows.checked_mul(CELLS_A_ROW)?;
        let map = HEADS.checked_add(rows)?;
        let row = map.checked_add(cells.div_ceil(32))?;
        let cell = row.checked_add(rows.checked_mul(row::LEN)?)?;
        Some(Self {
            rows,
            cells,
            map,
            row,
            cell,
        })
    }

    pub(super) fn longs(&self) -> usize {
        at(LONGS, self.rows, long::LEN)
    }

    pub(super) fn words(&self) -> usize {
        at(self.cell, self.cells, CELL)
    }

    /// The first long of a row.
    pub(super) fn long(&self, row: u32) -> usize {
        at(LONGS, row as usize, long::LEN)
    }

    /// The first word of a row.
    pub(super) fn row(&self, row: u32) -> usize {
        at(self.row, row as usize, row::LEN)
    }

    pub(super) fn cell(&self, cell: u32) -> usize {
        at(self.cell, cell as usize, CELL)
    }

    /// The word and the bit of a cell in the map.
    pub(super) fn mark(&self, cell: u32) -> (usize, u32) {
        (at(self.map, (cell / 32) as usize, 1), 1 << (cell % 32))
    }

    /// Where the rows whose hash has this upper half begin.
    pub(super) fn chain(&self, hash_high: u32) -> usize {
        let chain = (hash_high as usize)
            .checked_rem(self.rows)
            .unwrap_or_default();
        plus(HEADS, chain)
    }
}

/// How many rows `bytes` have room for. None where they are too few to be of use.
pub(super) fn rows_of(bytes: usize) -> Option<usize> {
    let rows = bytes.checked_sub(FIXED_BYTES)?.checked_div(BYTES_A_ROW)?;
    (rows >= ROWS_MIN).then_some(rows)
}

/// The least number of bytes that [`super::Zone::split`] finds room for rows in.
pub const BYTES_MIN: usize = FIXED_BYTES + ROWS_MIN * BYTES_A_ROW;

/// The pin of a slot. Slots that are in use together lie in lines of the cache of their own, as far as
/// there are lines.
pub(super) fn pin(slot: usize) -> usize {
    const LINES: usize = SLOTS / 16;
    let line = at(PINS, slot % LINES, 16);
    plus(line, (slot / LINES) % 16)
}

pub(super) fn pid(slot: usize) -> usize {
    plus(PIDS, slot % SLOTS)
}

pub(super) fn group(group: usize) -> usize {
    at(GROUP, group % GROUPS, group::LEN)
}

pub(super) fn servers() -> core::ops::Range<usize> {
    SERVERS..HEADS
}

/// The share of a group in one of our own rows: a count and a sum.
pub(super) fn own_share(row: u32, group: usize) -> usize {
    let row = at(OWN_SHARES, (row % OWN_ROWS) as usize, 2 * GROUPS);
    at(row, group % GROUPS, 2)
}

/// How many rows `longs` are for.
pub(super) fn rows_of_longs(longs: usize) -> Option<usize> {
    longs.checked_sub(LONGS)?.checked_div(long::LEN)
}

pub(super) fn queue(queue: u32) -> usize {
    at(head::QUEUES, (queue & 1) as usize, queue::LEN)
}

/// Overflows for no place within memory.
pub(super) fn at(start: usize, index: usize, len: usize) -> usize {
    start.wrapping_add(index.wrapping_mul(len))
}

pub(super) fn plus(start: usize, offset: usize) -> usize {
    start.wrapping_add(offset)
}
