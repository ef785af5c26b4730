//! Several workers at once.

use std::thread;

use super::*;

/// Threads that count real and invented names, and read and reset.
#[test]
fn no_request_is_lost_whatever_leaves_meanwhile() {
    const REQUESTS: u64 = if cfg!(miri) { 50 } else { 30_000 };
    let memory = Memory::new(BYTES_MIN + 10_000);
    memory.create();
    thread::scope(|scope| {
        for slot in 0..4 {
            let memory = &memory;
            scope.spawn(move || {
                let zone = memory.attach();
                let worker = Worker::start(&zone, slot, slot as u32 + 1).unwrap();
                let mut chance = Chance(slot as u64 + 7);
                let mut row = Read::new();
                for _ in 0..REQUESTS {
                    let name = match chance.below(3) {
                        0 => format!("real {}", chance.below(10)),
                        1 => format!("some {}", chance.below(60)),
                        _ => format!("invented {}", chance.below(1 << 40)),
                    };
                    zone.count(
                        worker,
                        name.as_bytes(),
                        &record(chance.below(20_000) as u32),
                    );
                    let index = chance.below(u64::from(zone.rows())) as u32;
                    if zone.read(Some(worker), index, &mut row) {
                        assert!(["real ", "some ", "inven"].contains(&&row.name()[..5]));
                        assert!(row.figures.requests() <= 4 * REQUESTS);
                    }
                }
            });
        }
    });
    let zone = memory.attach();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    let sum = total(&zone, worker);
    assert_eq!(sum.requests(), 4 * REQUESTS);
    assert_eq!(sum.request.count(), 4 * REQUESTS);
    assert_eq!(sum.upstream.count(), 4 * REQUESTS);
    assert_eq!(sum.shares[0].count, 4 * REQUESTS);
    assert_eq!((sum.received, sum.sent), (40 * REQUESTS, 400 * REQUESTS));
}

#[test]
fn the_pace_is_changed_by_one_at_a_time() {
    let memory = Memory::new(BYTES_MIN + 10_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 9, 9).unwrap();
    zone.count(worker, b"call", &record(1));
    let changed = thread::scope(|scope| {
        let threads = [0, 1, 2, 3].map(|slot| {
            let memory = &memory;
            scope.spawn(move || {
                let zone = memory.attach();
                let worker = Worker::start(&zone, slot, slot as u32 + 1).unwrap();
                let change = |words: &mut [u32; CALL_WORDS]| {
                    words.iter_mut().for_each(|word| *word += 1);
                    assert!(words.iter().all(|word| *word == words[0]));
                };
                let times = if cfg!(miri) { 20 } else { 40_000 };
                (0..times)
                    .filter(|_| zone.with_pace(worker, b"call", change).is_some())
                    .count()
            })
        });
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum::<usize>()
    });
    let words = zone.with_pace(worker, b"call", |words| *words).unwrap();
    assert_eq!(words, [changed as u32; CALL_WORDS]);
}
