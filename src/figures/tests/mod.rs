//! The zone as workers use it, with threads for workers and unwinding for `kill -9`.

mod filling;
mod killed;
mod reported;
mod saved;
mod together;

pub(super) use killed::write_point;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::pace::CALL_WORDS;
use super::*;

/// Every process runs but those that a test has ended.
#[derive(Default)]
struct Machine(Mutex<Vec<u32>>);

impl Machine {
    fn end(&self, pid: u32) {
        self.0.lock().unwrap().push(pid);
    }
}

impl Host for Machine {
    fn is_alive(&self, pid: u32) -> bool {
        !self.0.lock().unwrap().contains(&pid)
    }
}

struct Memory {
    longs: Vec<AtomicU64>,
    words: Vec<AtomicU32>,
    machine: Machine,
}

impl Memory {
    /// Full of what was there before.
    fn new(bytes: usize) -> Self {
        let (longs, words) = Zone::split(bytes).unwrap();
        Self {
            longs: (0..longs).map(|_| AtomicU64::new(u64::MAX)).collect(),
            words: (0..words).map(|_| AtomicU32::new(u32::MAX)).collect(),
            machine: Machine::default(),
        }
    }

    fn create(&self) -> Zone<'_> {
        Zone::create(&self.longs, &self.words, &self.machine, [1, 2], 1000).unwrap()
    }

    fn attach(&self) -> Zone<'_> {
        Zone::attach(&self.longs, &self.words, &self.machine).unwrap()
    }
}

fn record(time: u32) -> Record {
    Record {
        status: 200,
        received: 10,
        sent: 100,
        time,
        upstream: Some(Upstream {
            time: time / 2,
            group: 0,
        }),
        now: 2000,
    }
}

/// All rows by their names, and `(other)`.
fn read(zone: &Zone<'_>, worker: Worker) -> BTreeMap<String, Figures> {
    let mut row = Read::new();
    let mut rows = BTreeMap::new();
    for index in 0..zone.rows() {
        if zone.read(Some(worker), index, &mut row) {
            let before = rows.insert(row.name().to_owned(), row.figures.clone());
            assert_eq!(before, None, "two rows of {}", row.name());
        }
    }
    rows.insert("(other)".to_owned(), zone.other());
    rows
}

/// The sum of all.
fn total(zone: &Zone<'_>, worker: Worker) -> Figures {
    let mut sum = Figures::default();
    read(zone, worker)
        .values()
        .for_each(|figures| sum.add(figures));
    sum
}

/// Numbers by chance, the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
