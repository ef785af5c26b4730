//! What a zone holds, and what leaves it.

use super::*;

/// What nginx's slab leaves of 1 MiB.
const MEBIBYTE: usize = 1_036_288;

/// A thousand calls of these times, with names made by `name`, each have a row.
fn holds_a_thousand(name: impl Fn(u32) -> String, times: &[u32]) {
    let memory = Memory::new(MEBIBYTE);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    for number in 0..1000 {
        for time in times {
            zone.count(worker, name(number).as_bytes(), &record(*time));
        }
    }
    let rows = read(&zone, worker);
    assert_eq!(rows.len(), 1001);
    assert_eq!(rows["(other)"].requests(), 0);
    let requests = times.len() as u64;
    assert!((0..1000).all(|number| rows[&name(number)].requests() == requests));
}

#[test]
fn a_mebibyte_holds_a_thousand_of_the_longest_names() {
    holds_a_thousand(
        |number| format!("{number:0>255}:{number:0>140}"),
        &[300, 900],
    );
}

#[test]
fn a_mebibyte_holds_a_thousand_calls_of_20_ms_to_10_s() {
    holds_a_thousand(|number| format!("{number:0>48}"), &[22, 300, 2000, 9000]);
}

#[test]
fn of_names_asked_for_once_the_oldest_leaves() {
    let memory = Memory::new(100_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    let room = zone.usage().max as u32;
    for number in 0..room + 3 {
        zone.count(worker, format!("{number}").as_bytes(), &record(number));
    }
    let rows = read(&zone, worker);
    assert_eq!(rows.len() as u32, room + 1);
    for number in 0..3 {
        assert!(!rows.contains_key(&format!("{number}")));
    }
    assert!(rows.contains_key("3"));
    let other = &rows["(other)"];
    assert_eq!(other.requests(), 3);
    assert_eq!((other.received, other.sent), (30, 300));
    assert_eq!((other.request.sum, other.request.max), (3, 2));
    assert_eq!((other.shares[0].count, other.shares[0].sum), (3, 1));
    assert_eq!(zone.usage().left, 3);
}

#[test]
fn invented_names_do_not_replace_real_calls() {
    let memory = Memory::new(200_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    let real = zone.usage().max as u32 / 2;
    for _ in 0..3 {
        for number in 0..real {
            zone.count(worker, format!("real {number}").as_bytes(), &record(20));
        }
    }
    for number in 0..100_000 {
        zone.count(worker, format!("invented {number}").as_bytes(), &record(1));
    }
    let rows = read(&zone, worker);
    for number in 0..real {
        assert_eq!(rows[&format!("real {number}")].requests(), 3);
    }
    assert_eq!(
        total(&zone, worker).requests(),
        u64::from(3 * real) + 100_000
    );
}

#[test]
fn a_call_that_nobody_asks_for_any_more_leaves_one_that_is_asked_for_stays() {
    let memory = Memory::new(100_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    let room = zone.usage().max as u32;
    for _ in 0..2 {
        for number in 0..room {
            zone.count(worker, format!("old {number}").as_bytes(), &record(20));
        }
    }
    for number in 0..4 * room {
        for _ in 0..2 {
            zone.count(worker, format!("new {number}").as_bytes(), &record(20));
        }
        zone.count(worker, b"old 7", &record(20));
    }
    let rows = read(&zone, worker);
    assert_eq!(rows["old 7"].requests(), u64::from(2 + 4 * room));
    assert!(!rows.contains_key("old 8"));
    assert_eq!(
        total(&zone, worker).requests(),
        u64::from(2 * room + 12 * room)
    );
}

#[test]
fn a_zone_is_found_again_and_rubbish_is_none() {
    let memory = Memory::new(50_000);
    let attached = Zone::attach(&memory.longs, &memory.words, &memory.machine);
    assert!(attached.is_none());
    let worker = Worker::start(&memory.create(), 0, 1).unwrap();
    memory.attach().count(worker, b"call", &record(5));
    assert_eq!(read(&memory.attach(), worker)["call"].requests(), 1);
    assert_eq!(Zone::split(BYTES_MIN - 1), None);
    assert!(Zone::split(BYTES_MIN).is_some());
}

#[test]
fn a_reset_makes_all_figures_zero() {
    let memory = Memory::new(50_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    for number in 0..1000 {
        zone.count(worker, format!("{number}").as_bytes(), &record(5));
        zone.count(worker, b"often", &record(5));
    }
    assert!(zone.reset(worker, 3000));
    assert_eq!(total(&zone, worker), Figures::default());
    assert_eq!(zone.usage().since, 3000);
    zone.count(worker, b"often", &record(7));
    let rows = read(&zone, worker);
    assert_eq!((rows.len(), rows["often"].requests()), (2, 1));
    assert_eq!(rows["often"].request.max, 7);
    // What was there before the reset is not counted when it leaves.
    for number in 0..1000 {
        zone.count(worker, format!("new {number}").as_bytes(), &record(5));
    }
    assert_eq!(total(&zone, worker).requests(), 1001);
}

#[test]
fn a_name_is_text_without_control_characters_and_has_an_end() {
    let memory = Memory::new(50_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    let long = "ä".repeat(600);
    for name in [
        b"a\nb\xffc\xc2\x85".as_slice(),
        "<img src=x>".as_bytes(),
        long.as_bytes(),
    ] {
        zone.count(worker, name, &record(1));
        zone.count(worker, name, &record(1));
    }
    let rows = read(&zone, worker);
    assert_eq!(rows["a\u{fffd}b\u{fffd}c\u{fffd}"].requests(), 2);
    assert_eq!(rows["<img src=x>"].requests(), 2);
    assert_eq!(rows[&"ä".repeat(512)].requests(), 2);
}

#[test]
fn classes_groups_and_quantiles() {
    let memory = Memory::new(50_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    for status in [0, 101, 200, 302, 404, 429, 499, 500, 503] {
        zone.count(
            worker,
            b"call",
            &Record {
                status,
                upstream: None,
                ..record(1)
            },
        );
    }
    for group in [2, 9, 2, 4, 5, 6] {
        let upstream = Some(Upstream { time: 10, group });
        zone.count(
            worker,
            b"groups",
            &Record {
                upstream,
                ..record(1)
            },
        );
    }
    for time in 1..=10_000 {
        zone.count(worker, b"times", &record(time));
    }
    let rows = read(&zone, worker);
    assert_eq!(rows["call"].responses, [1; 9]);
    assert_eq!(rows["call"].upstream.count(), 0);
    let counts = rows["groups"].shares.map(|share| share.count);
    assert_eq!((counts[2], counts[9], counts[4], counts[15]), (2, 1, 1, 2));
    for per_mille in [1, 10, 500, 950, 990, 999, 1000] {
        let told = rows["times"].request.quantile(per_mille).unwrap() as f64 / 10.0;
        let time = f64::from(per_mille) * 10.0;
        assert!((told - time).abs() <= 0.05 * time, "{per_mille}: {told}");
    }
}

#[test]
fn the_words_of_the_pace_stay_with_their_row() {
    let memory = Memory::new(50_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    assert_eq!(zone.with_pace(worker, b"call", |_| ()), None);
    zone.count(worker, b"call", &record(1));
    for turn in 0..3 {
        let before = zone.with_pace(worker, b"call", |words| {
            words[CALL_WORDS - 1] += 1;
            words[CALL_WORDS - 1]
        });
        assert_eq!(before, Some(turn + 1));
    }
}

#[test]
fn each_group_has_its_number_and_the_last_is_for_all_the_others() {
    let memory = Memory::new(BYTES_MIN);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    for number in 0..20 {
        let name = format!("pool {number}");
        let group = zone.group(worker, name.as_bytes());
        assert_eq!(zone.group(worker, name.as_bytes()), group);
        assert_eq!(group, number.min(15));
        let known = if number < 15 {
            name
        } else {
            "(other)".to_owned()
        };
        assert_eq!(zone.group_name(group).unwrap().as_str(), known);
    }
    let long = [b'a'; 100];
    assert_eq!(zone.group(worker, &long), 15);
    assert_eq!(zone.group_name(3).unwrap().as_str(), "pool 3");
}
