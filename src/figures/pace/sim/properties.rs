//! The six properties, each over 200 seeds.

use std::ops::Range;
use std::thread;

use super::super::{Pace, Settings};
use super::contestants::{Other, Overtaken, Wait};
use super::one_call::{become_quick, become_slow, new_and_slow, steady};
use super::storms::{hostile, in_storm, like_names, stall};
use super::traffic::CLICKS;
use super::world::{Estimator, Outcome, SECOND, Time};

pub(super) const SEEDS: Range<u64> = 1..201;
pub(super) const SLOW: Time = 2 * SECOND;
pub(super) const MIN: usize = 3;
pub(super) const MINUTE: Time = 60 * SECOND;

/// Who is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    LeastTime,
    QuantileLessWait,
    LeastExcess,
    BegunApart,
    Overtaken,
}

impl Who {
    pub(super) const ALL: [Self; 5] = [
        Self::LeastTime,
        Self::QuantileLessWait,
        Self::LeastExcess,
        Self::BegunApart,
        Self::Overtaken,
    ];

    pub(super) fn estimator(self, calls: usize) -> Box<dyn Estimator> {
        let settings = Settings::new((SLOW / 1000) as u32);
        let other = |wait| Box::new(Other::new(wait, calls, 16, settings)) as Box<dyn Estimator>;
        match self {
            Self::LeastTime => other(Wait::None),
            Self::QuantileLessWait => other(Wait::Quickest),
            Self::LeastExcess => other(Wait::Excess),
            Self::BegunApart => other(Wait::Apart),
            Self::Overtaken => Box::new(Overtaken::new(calls, 16, settings)),
        }
    }
}

/// How many seeds break a property, and what the first of them shows.
pub(super) fn broken(property: impl Fn(u64) -> Result<(), String> + Sync) -> (usize, String) {
    let try_some = |first: u64| {
        let mut broken = (0, String::new());
        for seed in SEEDS.filter(|seed| seed % 2 == first) {
            if let Err(what) = property(seed) {
                if broken.0 == 0 {
                    broken.1 = format!("seed {seed}: {what}");
                }
                broken.0 += 1;
            }
        }
        broken
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| try_some(0));
        let mine = try_some(1);
        let other = other.join().unwrap();
        (mine.0 + other.0, if mine.0 > 0 { mine.1 } else { other.1 })
    })
}

fn holds(property: impl Fn(Who, u64) -> Result<(), String> + Sync) {
    let (seeds, what) = broken(|seed| property(Who::Overtaken, seed));
    assert_eq!(seeds, 0, "{what}");
}

/// Groups of servers: the first is for all, the second for what is slow.
pub(super) const GROUPS: [&[&[usize]]; 4] = [
    &[&[6], &[2]],
    &[&[8], &[8]],
    &[&[4, 4], &[2, 2]],
    &[&[3], &[1]],
];

pub(super) fn rate_of(groups: &[&[usize]]) -> f64 {
    // A quarter of what the first group could do.
    groups[0].iter().sum::<usize>() as f64 * 5.0
}

/// Of those requests the first whose pace is another.
pub(super) fn all_are<'o>(
    pace: Pace,
    mut outcomes: impl Iterator<Item = &'o Outcome>,
) -> Result<(), String> {
    match outcomes.find(|outcome| outcome.pace != pace) {
        Some(other) => Err(format!(
            "call {} is {:?} at {:.1} s",
            other.call,
            other.pace,
            other.at as f64 / SECOND as f64
        )),
        None => Ok(()),
    }
}

pub(super) fn p99(outcomes: &[Outcome], from: Time, to: Time) -> f64 {
    let mut taken: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.call < CLICKS && (from..to).contains(&outcome.at))
        .map(Outcome::taken)
        .collect();
    taken.sort_unstable();
    taken[taken.len() * 99 / 100] as f64 / SECOND as f64
}

#[test]
fn property_1_new_and_slow_is_known_after_three_runs_or_one_in_flight() {
    holds(new_and_slow);
}

#[test]
fn property_1_what_has_become_slow_is_known_after_eight_runs() {
    holds(become_slow);
}

#[test]
fn property_2_a_storm_makes_no_quick_call_slow() {
    holds(|who, seed| in_storm(who, seed, false, 0));
}

#[test]
fn property_3_what_has_become_quick_is_fast_after_three_runs_or_a_minute() {
    holds(become_quick);
}

#[test]
fn property_3_a_call_near_the_border_changes_at_most_once_an_hour() {
    holds(steady);
}

#[test]
fn property_4_clicks_wait_no_longer_than_with_names() {
    holds(like_names);
}

#[test]
fn property_5_a_hostile_client_moves_no_other_call() {
    holds(hostile);
}

#[test]
fn property_6_a_stall_in_a_storm_changes_nothing() {
    holds(stall);
}
