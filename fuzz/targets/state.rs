//! A state file of figures. Whatever it holds, a zone takes all of it or nothing, and writes again what it
//! has taken.
//!
//! If the first byte of the input is odd, the target adds the right first line, fingerprint and checksum,
//! so that the zone looks at the bytes between them.

#![no_main]

use std::sync::atomic::{AtomicU32, AtomicU64};

// The crate is linked for its counter of work.
use fuzz as _;

use libfuzzer_sys::fuzz_target;
use ngx_http_frappe_module::figures::{BYTES_MIN, Figures, Host, Read, Saver, Worker, Zone};

/// A machine on which every process is alive.
struct Machine;

impl Host for Machine {
    fn is_alive(&self, _pid: u32) -> bool {
        true
    }
}

struct Memory {
    longs: Vec<AtomicU64>,
    words: Vec<AtomicU32>,
}

impl Memory {
    fn new() -> Self {
        let (longs, words) = Zone::split(BYTES_MIN).expect("the least is enough");
        Self {
            longs: (0..longs).map(|_| AtomicU64::new(u64::MAX)).collect(),
            words: (0..words).map(|_| AtomicU32::new(u32::MAX)).collect(),
        }
    }

    fn zone(&self) -> Zone<'_> {
        Zone::create(&self.longs, &self.words, &Machine, [1, 2], 1000).expect("it is large enough")
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let memory = Memory::new();
    let zone = memory.zone();
    let worker = Worker::start(&zone, 0, 1).expect("there is a place");
    let file = if kind % 2 == 1 {
        let empty = save(&zone);
        // The first line and the fingerprint take 19 bytes.
        sealed([&empty[..19], data].concat())
    } else {
        data.to_vec()
    };
    match zone.load(worker, &file) {
        Err(_) if kind % 2 == 0 => assert_eq!(total(&zone, worker), Figures::default()),
        Err(_) => {}
        Ok(_) => {
            let again = Memory::new();
            let restored = again.zone();
            let worker_again = Worker::start(&restored, 1, 2).expect("there is a place");
            restored
                .load(worker_again, &save(&zone))
                .expect("we have written it");
            assert_eq!(total(&restored, worker_again), total(&zone, worker));
        }
    }
});

fn save(zone: &Zone<'_>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut saver = Saver::new();
    while saver.go_on(zone, None, 7, &mut |bytes| file.extend_from_slice(bytes)) {}
    file
}

/// Adds the checksum at the end of a file.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let sum = file.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    file.extend_from_slice(&sum.to_le_bytes());
    file
}

/// The sum of all rows. Checks that their names have no control characters.
fn total(zone: &Zone<'_>, worker: Worker) -> Figures {
    let mut sum = zone.other();
    let mut row = Read::new();
    for index in 0..zone.rows() {
        if zone.read(Some(worker), index, &mut row) {
            assert!(
                !row.name().chars().any(char::is_control),
                "{:?}",
                row.name()
            );
            sum.add(&row.figures);
        }
    }
    sum
}
