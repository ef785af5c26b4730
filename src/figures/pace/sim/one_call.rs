//! What becomes of one call: properties 1 and 3.

use super::super::Pace;
use super::Random;
use super::judging::{GROUPS, MIN, MINUTE, SLOW, Who, all_are, rate_of};
use super::traffic::{CLICKS, Traffic};
use super::world::{SECOND, Time, World};

/// A call without a history takes 4 x slow: it comes alone, in sixes, with clicks or in silence.
pub(super) fn new_and_slow(who: Who, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let groups = GROUPS[seed as usize % 4];
    let rate = [rate_of(groups), 1.0, 0.1, 0.0][seed as usize / 4 % 4];
    let call = CLICKS;
    let mut traffic = Traffic::default();
    traffic.clicks(&mut random, 0, 5 * MINUTE, rate);
    if (seed / 16).is_multiple_of(2) {
        traffic.runs(&mut random, (MINUTE, 5 * MINUTE), call, 8.0, 8.0);
    } else {
        traffic.tabs(&mut random, MINUTE + SECOND / 3, call, 8.0);
        traffic.runs(
            &mut random,
            (MINUTE + 2 * SECOND, 5 * MINUTE),
            call,
            5.0,
            8.0,
        );
    }
    let requests = traffic.sorted();
    let world = World::new(groups);
    let outcomes = world.run(&requests, &mut *who.estimator(CLICKS + 1), |_, _| ());
    let runs: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.call == call)
        .collect();
    let mut ends: Vec<_> = runs
        .iter()
        .filter(|run| run.is_answered)
        .map(|run| run.ended)
        .collect();
    ends.sort_unstable();
    // The timer is checked by the millisecond.
    let in_flight = runs
        .iter()
        .filter(|run| run.taken() > 2 * SLOW)
        .map(|run| run.at + 2 * SLOW)
        .min();
    let known = ends
        .get(MIN - 1)
        .copied()
        .unwrap_or(Time::MAX)
        .min(in_flight.unwrap_or(Time::MAX));
    all_are(
        Pace::Slow,
        runs.into_iter().filter(|run| run.at > known + 1000),
    )
    .map_err(|what| format!("{what}, known since {:.1} s", known as f64 / SECOND as f64))
}

/// A call that was quick takes 4 x slow.
pub(super) fn become_slow(who: Who, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let groups = GROUPS[seed as usize % 4];
    let rate = [rate_of(groups), 1.0, 0.1, 0.0][seed as usize / 4 % 4];
    let call = CLICKS;
    let mut traffic = Traffic::default();
    traffic.clicks(&mut random, 0, 10 * MINUTE, rate);
    traffic.runs(&mut random, (0, 5 * MINUTE), call, 3.0, 0.1);
    let every = if rate < 1.0 { 12.0 } else { 6.0 };
    traffic.runs(&mut random, (5 * MINUTE, 10 * MINUTE), call, every, 8.0);
    let requests = traffic.sorted();
    let world = World::new(groups);
    let outcomes = world.run(&requests, &mut *who.estimator(CLICKS + 1), |_, _| ());
    let runs = outcomes.iter().filter(|run| run.call == call);
    all_are(
        Pace::Fast,
        runs.clone()
            .filter(|run| (MINUTE..5 * MINUTE).contains(&run.at)),
    )?;
    let runs = runs.filter(|run| run.at >= 5 * MINUTE);
    let mut ends: Vec<_> = runs
        .clone()
        .filter(|run| run.is_answered)
        .map(|run| run.ended)
        .collect();
    ends.sort_unstable();
    let known = ends[MIN + 4];
    all_are(Pace::Slow, runs.filter(|run| run.at > known))
}

/// A call of 4 x slow becomes quick, such as by an index.
pub(super) fn become_quick(who: Who, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let groups = GROUPS[seed as usize % 4];
    let call = CLICKS;
    let mut traffic = Traffic::default();
    traffic.clicks(&mut random, 0, 12 * MINUTE, rate_of(groups));
    let quick = random.between(0.02, 0.45);
    let every = [2.0, 10.0, 30.0][seed as usize / 4 % 3];
    traffic.runs(&mut random, (0, 5 * MINUTE - 20 * SECOND), call, 24.0, 8.0);
    traffic.runs(
        &mut random,
        (5 * MINUTE, 12 * MINUTE),
        call,
        every,
        quick * 2.0,
    );
    let world = World::new(groups);
    let outcomes = world.run(
        &traffic.sorted(),
        &mut *who.estimator(CLICKS + 1),
        |_, _| (),
    );
    let runs = outcomes.iter().filter(|run| run.call == call);
    all_are(
        Pace::Slow,
        runs.clone()
            .filter(|run| (2 * MINUTE..5 * MINUTE).contains(&run.at)),
    )?;
    let runs = runs.filter(|run| run.at >= 5 * MINUTE);
    let mut ends: Vec<_> = runs.clone().map(|run| run.ended).collect();
    ends.sort_unstable();
    let known = ends[MIN - 1].max(6 * MINUTE);
    all_are(Pace::Fast, runs.filter(|run| run.at > known))
}

/// Steady calls whose work is within a factor 2 of slow, for six hours: how often one changes.
pub(super) fn steady(who: Who, seed: u64) -> Result<(), String> {
    const HOUR: Time = 60 * MINUTE;
    let mut random = Random::new(seed);
    let groups = GROUPS[seed as usize % 4];
    let mut traffic = Traffic::default();
    traffic.clicks(&mut random, 0, 6 * HOUR, 0.5);
    let spread = [1.1, 1.2, 1.4][seed as usize / 4 % 3];
    for call in CLICKS..CLICKS + 6 {
        // Each run is within the factor 2.
        let typical = SLOW as f64 / SECOND as f64 * random.between(spread / 2.0, 2.0 / spread);
        let mut at = 0;
        loop {
            at += (random.apart(20.0) * SECOND as f64) as Time;
            if at >= 6 * HOUR {
                break;
            }
            let work = typical * random.between(1.0 / spread, spread);
            traffic.add(at, call, work);
        }
    }
    let world = World::new(groups);
    let outcomes = world.run(
        &traffic.sorted(),
        &mut *who.estimator(CLICKS + 6),
        |_, _| (),
    );
    for call in CLICKS..CLICKS + 6 {
        let known = outcomes
            .iter()
            .filter(|run| run.call == call && run.at > 5 * MINUTE);
        let mut changes = Vec::new();
        let mut last = None;
        for run in known {
            if last.is_some_and(|last| last != run.pace) {
                changes.push(run.at);
            }
            last = Some(run.pace);
        }
        if changes.windows(2).any(|pair| pair[1] - pair[0] < HOUR) {
            return Err(format!("call {call} changes {} times", changes.len()));
        }
    }
    Ok(())
}
