//! Figures in a file, and back.

use super::*;

fn save(zone: &Zone<'_>, worker: Option<Worker>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut saver = Saver::new();
    while saver.go_on(zone, worker, 7, &mut |bytes| file.extend_from_slice(bytes)) {}
    file
}

fn fill(zone: &Zone<'_>, worker: Worker) {
    let group = zone.group(worker, b"primary");
    for number in 0..40 {
        for time in [1, 30, 700 * number] {
            let upstream = Some(Upstream { time, group });
            zone.count(
                worker,
                format!("call {number}").as_bytes(),
                &Record {
                    upstream,
                    ..record(time)
                },
            );
        }
        let name = format!("call {number}");
        zone.with_pace(worker, name.as_bytes(), |words| words[3] = number);
    }
}

#[test]
fn what_was_saved_is_there_again() {
    let memory = Memory::new(60_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    fill(&zone, worker);
    let file = save(&zone, Some(worker));
    assert_eq!(save(&zone, None), file);

    let other = Memory::new(60_000);
    let restored = other.create();
    let worker = Worker::start(&restored, 3, 9).unwrap();
    // Another group has come first.
    restored.group(worker, b"reports");
    assert_eq!(restored.load(worker, &file), Ok(zone.usage().used));
    assert_eq!(restored.usage().since, 1000);
    let moved = |mut figures: Figures| {
        figures.shares.swap(0, 1);
        figures
    };
    let before: BTreeMap<_, _> = read(&zone, worker)
        .into_iter()
        .map(|(name, figures)| (name, moved(figures)))
        .collect();
    assert_eq!(read(&restored, worker), before);
    assert_eq!(
        restored.with_pace(worker, b"call 39", |words| words[3]),
        Some(39)
    );
}

#[test]
fn a_smaller_zone_has_the_same_total() {
    let memory = Memory::new(90_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    fill(&zone, worker);
    let small = Memory::new(BYTES_MIN);
    let restored = small.create();
    restored
        .load(Worker::start(&restored, 0, 1).unwrap(), &save(&zone, None))
        .unwrap();
    assert_eq!(total(&restored, worker), total(&zone, worker));
}

#[test]
fn a_file_that_is_cut_off_or_changed_is_not_used() {
    let memory = Memory::new(BYTES_MIN);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    zone.count(worker, b"call", &record(5));
    let file = save(&zone, None);
    let fresh = Memory::new(BYTES_MIN);
    let restored = fresh.create();
    let worker = Worker::start(&restored, 0, 1).unwrap();
    for len in 0..file.len() {
        assert!(restored.load(worker, &file[..len]).is_err(), "{len}");
    }
    for place in 0..file.len() {
        let mut changed = file.clone();
        changed[place] ^= 1;
        let error = restored.load(worker, &changed).unwrap_err();
        let line = "frappe-calls 1\n".len();
        let expected = if (7..line).contains(&place) {
            Unusable::OtherVersion
        } else {
            Unusable::Broken
        };
        assert_eq!(error, expected, "{place}");
    }
    let next = [b"frappe-calls 2\n", &file[15..]].concat();
    assert_eq!(restored.load(worker, &next), Err(Unusable::OtherVersion));
    assert_eq!(total(&restored, worker), Figures::default());
    assert_eq!(restored.load(worker, &file), Ok(1));
}

/// With the checksum that the changed file has.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len() - 8);
    let sum = file.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    file.extend_from_slice(&sum.to_le_bytes());
    file
}

#[test]
fn names_of_a_file_are_cleaned() {
    let memory = Memory::new(BYTES_MIN);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    zone.count(worker, b"the call", &record(5));
    let file = save(&zone, None);
    let at = file
        .windows(8)
        .position(|part| part == b"the call")
        .unwrap();
    for (name, expected) in [
        (b"a\n\x7f\0 all", "a\u{fffd}\u{fffd}\u{fffd} all"),
        (b"a\xc2\x85\xff all", "a\u{fffd}\u{fffd} all"),
    ] {
        let mut changed = file.clone();
        changed[at..at + 8].copy_from_slice(name);
        let fresh = Memory::new(BYTES_MIN);
        let restored = fresh.create();
        let worker = Worker::start(&restored, 0, 1).unwrap();
        assert_eq!(restored.load(worker, &sealed(changed)), Ok(1));
        let names: Vec<_> = read(&restored, worker).into_keys().collect();
        assert_eq!(names, ["(other)", expected]);
    }
}

#[test]
fn one_of_the_workers_saves_once_a_minute() {
    let memory = Memory::new(BYTES_MIN);
    let zone = memory.create();
    assert!(zone.claim_save(1_000_000));
    assert!(!zone.claim_save(1_000_000));
    assert!(!zone.claim_save(1_000_059));
    assert!(memory.attach().claim_save(1_000_060));
    // The clock of another worker is a little behind, and then that of all is set back.
    assert!(!zone.claim_save(1_000_058));
    assert!(zone.claim_save(5));
}
