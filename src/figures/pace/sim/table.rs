//! What each contestant did.

use super::judging::{SEEDS, Who, broken};
use super::one_call::{become_quick, become_slow, new_and_slow, steady};
use super::storms::{hostile, in_storm, like_names, stall};

type Property<'p> = &'p (dyn Fn(Who, u64) -> Result<(), String> + Sync);

const PROPERTIES: [(&str, Property); 11] = [
    ("1: new and slow", &new_and_slow),
    ("1: has become slow", &become_slow),
    ("2: storm", &|who, seed| in_storm(who, seed, false, 0)),
    ("3: has become quick", &become_quick),
    ("3: near the border", &steady),
    ("4: as by name", &like_names),
    ("5: hostile client", &hostile),
    ("6: stall of 30 s", &stall),
    ("2, one group for all", &|who, seed| {
        in_storm(who, seed, true, 0)
    }),
    ("2, gthread", &|who, seed| in_storm(who, seed, false, 4)),
    ("2, gthread, one group for all", &|who, seed| {
        in_storm(who, seed, true, 4)
    }),
];

/// Prints the table of benches/README.md, or those of its rows that have `ROW` in their names.
#[test]
#[ignore = "a minute, and nothing to assert"]
fn contestants() {
    println!(
        "| of {} seeds broken | least time | quickest off | least excess | begun apart | overtaken |",
        SEEDS.count()
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let row = std::env::var("ROW").unwrap_or_default();
    for (name, property) in PROPERTIES.iter().filter(|(name, _)| name.contains(&row)) {
        let broken: Vec<_> = Who::ALL
            .iter()
            .map(|who| broken(|seed| property(*who, seed)).0.to_string())
            .collect();
        println!("| {name} | {} |", broken.join(" | "));
    }
}
