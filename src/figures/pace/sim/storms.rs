//! What becomes of all calls: properties 2, 4, 5 and 6.

use std::ops::Range;

use super::super::Pace;
use super::Random;
use super::judging::{GROUPS, MINUTE, Who, p99, rate_of};
use super::traffic::{CLICKS, Traffic};
use super::world::{Estimator, Request, Route, SECOND, TIMEOUT, Time, World, now};

/// The calls of a storm: clicks, three reports that are known, one that is not, and a click that
/// nobody has made before it.
const REPORTS: Range<usize> = CLICKS..CLICKS + 3;
const NEW_REPORT: usize = CLICKS + 3;
const NEW_CLICK: usize = CLICKS + 4;
const CALLS: usize = CLICKS + 5;
const STORM: (Time, Time) = (5 * MINUTE, 15 * MINUTE);
const END: Time = 18 * MINUTE;

/// Five quiet minutes, ten of reports for three times what the second group can do, and three quiet
/// ones. It begins with six tabs of the call `tabs`. `cold`: the storm is there from the start.
fn storm(random: &mut Random, groups: &[&[usize]], is_cold: bool, tabs: usize) -> Traffic {
    let mut traffic = Traffic::default();
    let (from, to) = STORM;
    let processes: usize = groups.last().unwrap_or(&groups[0]).iter().sum();
    traffic.clicks(random, if is_cold { from } else { 0 }, END, rate_of(groups));
    if !is_cold {
        for call in REPORTS {
            traffic.runs(random, (0, from), call, 60.0, 15.0);
        }
    }
    let every = 15.0 / (3.0 * processes as f64);
    for call in REPORTS {
        traffic.runs(random, STORM, call, every * 4.0, 15.0);
    }
    traffic.runs(random, STORM, tabs, every * 4.0, 15.0);
    traffic.tabs(random, from + SECOND, tabs, 15.0);
    traffic.runs(random, (from, END), NEW_CLICK, 5.0, 0.05);
    for call in REPORTS {
        traffic.runs(random, (to, END), call, 60.0, 15.0);
    }
    traffic
}

/// For how long each quick call is slow at a stretch, and which are so two minutes after the storm.
#[derive(Default)]
struct Watch {
    since: Vec<Option<Time>>,
    longest: Vec<Time>,
    after: Vec<Pace>,
}

impl Watch {
    fn look(&mut self, estimator: &dyn Estimator, time: Time) {
        self.since.resize(CALLS, None);
        self.longest.resize(CALLS, 0);
        for call in 0..CALLS {
            if estimator.pace(call, now(time)) == Pace::Slow {
                let since = *self.since[call].get_or_insert(time);
                self.longest[call] = self.longest[call].max(time - since + SECOND / 2);
            } else {
                self.since[call] = None;
            }
        }
        if time <= STORM.1 + 2 * MINUTE {
            self.after = (0..CALLS)
                .map(|call| estimator.pace(call, now(time)))
                .collect();
        }
    }

    fn judge(&self, most: Time) -> Result<(), String> {
        for call in (0..CLICKS).chain([NEW_CLICK]) {
            if self.longest[call] > most {
                return Err(format!(
                    "click {call} is slow for {} s",
                    self.longest[call] / SECOND
                ));
            }
            if self.after[call] == Pace::Slow {
                return Err(format!("click {call} is slow two minutes after"));
            }
        }
        for call in REPORTS.chain([NEW_REPORT]) {
            if self.after[call] != Pace::Slow {
                return Err(format!(
                    "report {call} is {:?} two minutes after",
                    self.after[call]
                ));
            }
        }
        Ok(())
    }
}

/// `one`: there is no second group, so that clicks and reports wait in one queue.
pub(super) fn in_storm(who: Who, seed: u64, is_one: bool, threads: usize) -> Result<(), String> {
    let mut random = Random::new(seed);
    let groups = GROUPS[seed as usize % 4];
    let traffic = storm(
        &mut random,
        if is_one { &groups[..1] } else { groups },
        (seed / 4).is_multiple_of(2),
        NEW_REPORT,
    );
    let mut watch = Watch::default();
    let world = World {
        route: if is_one { Route::One } else { Route::Pace },
        threads,
        ..World::new(groups)
    };
    let requests = traffic.sorted();
    world.run(&requests, &mut *who.estimator(CALLS), |estimator, time| {
        watch.look(estimator, time)
    });
    watch.judge(5 * SECOND)
}

/// Clicks' p99 beside that of routing by name: with yesterday's state, or from nothing once the
/// reports are known.
pub(super) fn like_names(who: Who, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let groups = GROUPS[seed as usize % 4];
    let is_cold = (seed / 4).is_multiple_of(2);
    let requests = storm(&mut random, groups, is_cold, REPORTS.start).sorted();
    let names: Vec<_> = (0..CALLS)
        .map(|call| (CLICKS..=NEW_REPORT).contains(&call))
        .collect();
    let named = World {
        route: Route::Named(&names),
        ..World::new(groups)
    };
    let by_name = named.run(&requests, &mut *who.estimator(CALLS), |_, _| ());
    let by_pace = World::new(groups).run(&requests, &mut *who.estimator(CALLS), |_, _| ());
    let mut from = STORM.0;
    if is_cold {
        // What has been sent to the first group before has to end, and what waits behind it.
        let first = by_pace
            .iter()
            .filter(|run| REPORTS.contains(&run.call) && run.pace != Pace::Slow);
        from = first.map(|run| run.ended).max().unwrap_or(from) + 15 * SECOND;
        if from > STORM.0 + 3 * MINUTE {
            return Err(format!(
                "a report is not known after {} s",
                (from - STORM.0) / SECOND
            ));
        }
    }
    let (name, pace) = (p99(&by_name, from, STORM.1), p99(&by_pace, from, STORM.1));
    if pace > 1.1 * name {
        return Err(format!("p99 {pace:.3} s, by name {name:.3} s"));
    }
    Ok(())
}

/// Everything stands still for 30 s in the middle of a storm.
pub(super) fn stall(who: Who, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let groups = GROUPS[seed as usize % 4];
    let traffic = storm(
        &mut random,
        groups,
        (seed / 4).is_multiple_of(2),
        NEW_REPORT,
    );
    let at = STORM.0 + (random.between(2.0, 6.0) * MINUTE as f64) as Time;
    let stalls = [(at, at + 30 * SECOND)];
    let world = World {
        stalls: &stalls,
        lost: 97,
        ..World::new(groups)
    };
    let (mut before, mut after) = (Vec::new(), Vec::new());
    world.run(
        &traffic.sorted(),
        &mut *who.estimator(CALLS),
        |estimator, time| {
            let paces = (0..CALLS).map(|call| estimator.pace(call, now(time)));
            if time < at {
                before = paces.collect();
            } else if time < at + 30 * SECOND + 2 * MINUTE {
                after = paces.collect();
            }
        },
    );
    match (0..CALLS).find(|call| before[*call] != Pace::New && before[*call] != after[*call]) {
        Some(call) => Err(format!(
            "call {call}: {:?}, then {:?}",
            before[call], after[call]
        )),
        None => Ok(()),
    }
}

/// Somebody invents names, cancels, sends what is an error: a call has the pace that it has without.
pub(super) fn hostile(who: Who, seed: u64) -> Result<(), String> {
    let groups = GROUPS[seed as usize % 4];
    let (from, to) = (MINUTE, 6 * MINUTE);
    let mut random = Random::new(seed);
    let mut traffic = Traffic::default();
    traffic.clicks(&mut random, 0, to, rate_of(groups));
    traffic.runs(&mut random, (0, to), REPORTS.start, 20.0, 8.0);
    // Its own calls, and those of others. What it cancels goes on, as gunicorn does not know.
    let mut at = from;
    let of_others = CLICKS + 1;
    let mut invented = of_others;
    while at < to {
        at += (random.apart(0.1) * SECOND as f64) as Time;
        let work = random.between(0.005, 0.06);
        let (call, is_error, patience) = match random.next() % 4 {
            0 => {
                invented += 1;
                (invented, true, TIMEOUT)
            }
            1 => (random.next() as usize % of_others, true, TIMEOUT),
            2 => (
                random.next() as usize % of_others,
                false,
                (work * SECOND as f64) as Time / 2,
            ),
            _ => (random.next() as usize % CLICKS, false, SECOND / 1000),
        };
        let work = if call == REPORTS.start && !is_error {
            8.0
        } else {
            work
        };
        traffic.add(at, call, work);
        if let Some(request) = traffic.requests.last_mut() {
            request.is_error = is_error;
            request.patience = patience;
        }
    }
    let requests = traffic.sorted();
    let mut quiet: Vec<_> = requests.clone();
    quiet.retain(|request| !request.is_error && request.patience == TIMEOUT);
    let paces = |requests: &[Request]| {
        let mut paces = Vec::new();
        World::new(groups).run(
            requests,
            &mut *who.estimator(invented + 1),
            |estimator, time| {
                if time > 2 * MINUTE {
                    paces.push(
                        (0..of_others)
                            .map(|call| estimator.pace(call, now(time)))
                            .collect::<Vec<_>>(),
                    );
                }
            },
        );
        paces
    };
    for (tick, (with, without)) in paces(&requests).iter().zip(&paces(&quiet)).enumerate() {
        for call in 0..of_others {
            let (with, without) = (with[call], without[call]);
            if with != without && with != Pace::New && without != Pace::New {
                return Err(format!(
                    "call {call} is {with:?}, not {without:?}, at {} s",
                    120 + tick / 2
                ));
            }
        }
    }
    Ok(())
}
