//! What tells work from waiting: the chosen one, and what else was tried.

use std::collections::{HashMap, VecDeque};

use super::super::{Answer, Call, Now, Pace, RunEnd, Server, Settings, finished, is_later, since};
use super::world::{Estimator, Run};

/// Runs that each looks at.
const RUNS: usize = 8;

/// The chosen one: time after others have overtaken a run is work.
pub(super) struct Overtaken {
    calls: Vec<Call>,
    servers: Vec<Server>,
    /// What nginx keeps of a request in flight.
    suspected: HashMap<(usize, u32), u32>,
    settings: Settings,
}

impl Overtaken {
    pub(super) fn new(calls: usize, servers: usize, settings: Settings) -> Self {
        Self {
            calls: vec![Call::default(); calls],
            servers: vec![Server::default(); servers],
            suspected: HashMap::new(),
            settings,
        }
    }
}

impl Estimator for Overtaken {
    fn pace(&self, call: usize, now: Now) -> Pace {
        self.calls[call].pace(self.settings, now)
    }

    fn finished(&mut self, run: Run, now: Now) {
        let server = &mut self.servers[run.server];
        let seen = super::super::Run {
            call: run.call as u32 + 1,
            begun: run.begun,
            answered: run.answered,
            end: run.end,
            answer: if run.is_answer {
                Answer::Application
            } else {
                Answer::Nobody
            },
            at_work_since: self.suspected.remove(&(run.call, run.begun)),
        };
        finished(server, &mut self.calls[run.call], seen, self.settings, now);
    }

    fn in_flight(&mut self, call: usize, server: usize, begun: u32, now: Now) {
        let slow = self.settings.slow;
        if let Some(start) = self.servers[server].suspected(begun, now.ms, slow) {
            self.calls[call].suspect(slow / 2, now);
            self.suspected.entry((call, begun)).or_insert(start);
        }
    }
}

/// How the others sum up what they take for work.
#[derive(Clone, Default)]
struct Samples {
    last: VecDeque<u32>,
    was_long: bool,
}

impl Samples {
    fn add(&mut self, sample: u32) {
        self.last.push_back(sample);
        if self.last.len() > RUNS {
            self.last.pop_front();
        }
    }

    fn rank(&self, rank: usize) -> Option<u32> {
        let mut sorted: Vec<_> = self.last.iter().copied().collect();
        sorted.sort_unstable();
        sorted
            .get(rank.min(sorted.len().saturating_sub(1)))
            .copied()
    }

    fn pace(&self, rank: usize, settings: Settings) -> Pace {
        if self.last.len() < settings.min as usize {
            return if self.was_long { Pace::Slow } else { Pace::New };
        }
        if self.rank(rank).is_some_and(|work| work >= settings.slow) {
            Pace::Slow
        } else {
            Pace::Fast
        }
    }
}

/// How a wait is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Not at all: the least time of a call's runs is its work.
    None,
    /// The quickest of the server's last answers waited for all their time; of what is left of a
    /// call's runs, the second least.
    Quickest,
    /// The least excess over known work among the server's last answers to other calls.
    Excess,
    /// What came last of all that was answered: how much later it came is work.
    Apart,
}

pub(super) struct Other {
    wait: Wait,
    calls: Vec<Samples>,
    /// Of each server the last answers, call and time, and when the one began that came last.
    last: Vec<VecDeque<(usize, u32)>>,
    latest: Vec<Option<u32>>,
    settings: Settings,
}

impl Other {
    pub(super) fn new(wait: Wait, calls: usize, servers: usize, settings: Settings) -> Self {
        Self {
            wait,
            calls: vec![Samples::default(); calls],
            last: vec![VecDeque::new(); servers],
            latest: vec![None; servers],
            settings,
        }
    }

    fn rank(&self) -> usize {
        usize::from(self.wait == Wait::Quickest)
    }
}

impl Estimator for Other {
    fn pace(&self, call: usize, _now: Now) -> Pace {
        self.calls[call].pace(self.rank(), self.settings)
    }

    fn finished(&mut self, run: Run, _now: Now) {
        let taken = since(run.begun, run.answered);
        let (last, latest) = (&mut self.last[run.server], &mut self.latest[run.server]);
        let sample = match self.wait {
            Wait::None => taken,
            Wait::Quickest => {
                let others = last.iter().filter(|(call, _)| *call != run.call);
                let wait = others.map(|(_, taken)| *taken).min().unwrap_or(0);
                taken.saturating_sub(wait)
            }
            Wait::Excess => {
                let excess = last
                    .iter()
                    .filter(|(call, _)| *call != run.call)
                    .filter_map(|(call, taken)| {
                        Some(taken.saturating_sub(self.calls[*call].rank(0)?))
                    });
                taken.saturating_sub(excess.min().unwrap_or(0))
            }
            Wait::Apart => {
                if latest.is_none() {
                    taken
                } else {
                    latest.map_or(0, |latest| since(run.begun, latest))
                }
            }
        };
        if run.is_answer && run.end == RunEnd::Done {
            last.push_back((run.call, taken));
            if last.len() > RUNS {
                last.pop_front();
            }
            if latest.is_none_or(|latest| is_later(run.begun, latest)) {
                *latest = Some(run.begun);
            }
        }
        if run.end == RunEnd::Done || (run.end == RunEnd::Failed && sample >= self.settings.slow) {
            self.calls[run.call].add(sample);
        }
    }

    fn in_flight(&mut self, call: usize, _server: usize, _begun: u32, _now: Now) {
        self.calls[call].was_long = true;
    }
}
