//! A worker ends at any write to the memory, at each in turn, as by `kill -9`.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::*;

thread_local! {
    /// writes until this thread ends; None: it does not
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

struct Killed;

/// What the zone calls before each write.
pub(in super::super) fn write_point() {
    LEFT.with(|left| match left.get() {
        Some(0) => {
            left.set(None);
            resume_unwind(Box::new(Killed));
        }
        Some(more) => left.set(Some(more - 1)),
        None => {}
    });
}

/// Does `work` up to its write number `at`. True where it has come to its end before.
fn killed_at(at: u32, work: impl FnOnce()) -> bool {
    LEFT.set(Some(at));
    let result = catch_unwind(AssertUnwindSafe(work));
    LEFT.set(None);
    match result {
        Ok(()) => true,
        Err(payload) if payload.is::<Killed>() => false,
        Err(payload) => resume_unwind(payload),
    }
}

/// For each write of `request`: a zone that `fill` has filled, a worker that dies there, and others
/// that go on, in its slot or in another.
fn at_each_write(fill: impl Fn(&Zone<'_>, Worker), name: &[u8], time: u32) {
    for at in 0.. {
        let mut is_done = false;
        for slot in [0, 1] {
            let memory = Memory::new(BYTES_MIN);
            let zone = memory.create();
            let first = Worker::start(&zone, 0, 1).unwrap();
            fill(&zone, first);
            let before = total(&zone, first);
            is_done = killed_at(at, || zone.count(first, name, &record(time)));
            memory.machine.end(1);

            let next = Worker::start(&zone, slot, 2).unwrap();
            check(&zone, next, &before, at);
            // All rows can still leave, and all cells are where they belong.
            let more = 2 * zone.usage().max as u64;
            for number in 0..more {
                let name = format!("{number:0>300}");
                zone.count(
                    next,
                    name.as_bytes(),
                    &record(number as u32 * 1000 % 3_000_000),
                );
                zone.count(next, name.as_bytes(), &record(3));
            }
            let sum = total(&zone, next).requests();
            let least = before.requests() + 1 + 2 * more;
            assert!(
                (least..=least + 1).contains(&sum),
                "write {at}: {sum}, not {least}"
            );
            assert!(zone.usage().used > zone.usage().max / 4);
            assert_eq!(
                zone.figures(0).requests(),
                0,
                "write {at}: the lock was not to be had"
            );
            is_whole(&zone);
        }
        if is_done {
            return;
        }
    }
}

/// At most that one request is missing, or a part of it.
fn check(zone: &Zone<'_>, worker: Worker, before: &Figures, at: u32) {
    // The lock, if it was held, is taken over by the first who needs it.
    zone.count(worker, b"after", &record(1));
    let after = total(zone, worker);
    let more = |after: u64, before: u64, most: u64| {
        let more = after.wrapping_sub(before);
        assert!(
            more <= most,
            "write {at}: {more} more than before, at most {most}"
        );
    };
    more(after.requests(), before.requests() + 1, 1);
    more(after.request.count(), before.request.count() + 1, 1);
    more(after.upstream.count(), before.upstream.count() + 1, 1);
    more(after.received, before.received + 10, 10);
    more(after.sent, before.sent + 100, 100);
    more(after.shares[0].count, before.shares[0].count + 1, 1);
    more(after.request.sum, before.request.sum + 1, 1_000_000);
}

/// Every cell is free, or in exactly one row.
fn is_whole(zone: &Zone<'_>) {
    let mut seen = vec![0; zone.layout.cells];
    for row in 0..zone.rows() {
        zone.each_cell(row, |cell| seen[cell as usize] += 1);
        zone.each_name_cell(row, |cell| seen[cell as usize] += 1);
    }
    let mut next = zone.get(super::super::layout::head::FREE_CELLS);
    while next != 0 {
        seen[next as usize - 1] += 1;
        assert!(
            seen[next as usize - 1] == 1,
            "a cell is free twice, or in use"
        );
        next = zone.get(zone.layout.cell(next - 1));
    }
    assert!(
        seen.iter().all(|count| *count == 1),
        "a cell is lost, or in two rows"
    );
}

#[test]
fn while_it_counts_under_a_known_name() {
    at_each_write(
        |zone, worker| zone.count(worker, b"call", &record(5)),
        b"call",
        5,
    );
}

#[test]
fn while_it_adds_a_cell() {
    at_each_write(
        |zone, worker| zone.count(worker, b"call", &record(5)),
        b"call",
        50_000,
    );
}

#[test]
fn while_it_makes_a_row() {
    let name = [b'x'; 400];
    at_each_write(|_, _| (), &name, 5);
}

#[test]
fn while_a_row_leaves() {
    let fill = |zone: &Zone<'_>, worker: Worker| {
        for number in 0..3 * zone.usage().max {
            for _ in 0..1 + number % 2 {
                zone.count(
                    worker,
                    format!("{number:0>90}").as_bytes(),
                    &record(number as u32 * 99),
                );
            }
        }
    };
    at_each_write(fill, &[b'x'; 200], 70_000);
}

#[test]
fn while_it_resets() {
    for at in 0.. {
        let memory = Memory::new(BYTES_MIN);
        let zone = memory.create();
        let worker = Worker::start(&zone, 0, 1).unwrap();
        (0..99).for_each(|number| zone.count(worker, &[b'x', number], &record(5)));
        let is_done = killed_at(at, || {
            zone.reset(worker, 3000);
        });
        memory.machine.end(1);
        let worker = Worker::start(&zone, 1, 2).unwrap();
        assert!(zone.reset(worker, 4000));
        assert_eq!(total(&zone, worker), Figures::default());
        is_whole(&zone);
        if is_done {
            return;
        }
    }
}

#[test]
fn a_dead_reader_keeps_one_row() {
    let memory = Memory::new(BYTES_MIN);
    let zone = memory.create();
    let reader = Worker::start(&zone, 0, 1).unwrap();
    let worker = Worker::start(&zone, 1, 2).unwrap();
    zone.count(worker, b"read", &record(5));
    let hash = zone.hash(b"read");
    let index = zone.find(hash).unwrap();
    assert!(zone.pin(reader, index, hash));
    let flood = || {
        for number in 0..1000 {
            zone.count(worker, format!("{number}").as_bytes(), &record(5));
        }
    };
    flood();
    assert_eq!(zone.find(hash), Some(index));
    // nginx starts another worker in the same slot.
    Worker::start(&zone, 0, 3).unwrap();
    flood();
    assert_eq!(zone.find(hash), None);
    assert_eq!(total(&zone, worker).requests(), 2001);
}
