//! What all scenarios share: who is tried, on which servers, and how it is judged.

use std::ops::Range;
use std::thread;

use super::super::{Pace, Settings};
use super::contestants::{Other, Overtaken, Wait};
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
