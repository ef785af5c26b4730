//! What comes when.

use super::Random;
use super::world::{Request, SECOND, TIMEOUT, Time};

/// Kinds of clicks; their calls have the numbers from 0 on.
pub(super) const CLICKS: usize = 24;

#[derive(Default)]
pub(super) struct Traffic {
    pub(super) requests: Vec<Request>,
}

impl Traffic {
    /// In the order of time.
    pub(super) fn sorted(mut self) -> Vec<Request> {
        self.requests.sort_by_key(|request| request.at);
        self.requests
    }

    pub(super) fn add(&mut self, at: Time, call: usize, work: f64) {
        self.requests.push(Request {
            at,
            call,
            work: (work * SECOND as f64) as Time,
            patience: TIMEOUT,
            is_error: false,
        });
    }

    /// Clicks of 20 to 80 ms, `rate` a second, some kinds more often than others.
    pub(super) fn clicks(&mut self, random: &mut Random, from: Time, to: Time, rate: f64) {
        let typical: Vec<f64> = (0..CLICKS).map(|_| random.between(0.025, 0.065)).collect();
        if rate == 0.0 {
            return;
        }
        let mut at = from;
        loop {
            at += (random.apart(1.0 / rate) * SECOND as f64) as Time;
            if at >= to {
                return;
            }
            let kind = ((random.share() * random.share()) * CLICKS as f64) as usize;
            let work = typical[kind] * random.between(0.8, 1.2);
            self.add(at, kind, work);
        }
    }

    /// Runs of a call, `every` seconds one, which work for `typical` seconds, give or take a tenth.
    pub(super) fn runs(
        &mut self,
        random: &mut Random,
        (from, to): (Time, Time),
        call: usize,
        every: f64,
        typical: f64,
    ) {
        let mut at = from;
        loop {
            at += (random.apart(every) * SECOND as f64) as Time;
            if at >= to {
                return;
            }
            self.add(at, call, typical * random.between(0.9, 1.1));
        }
    }

    /// Six tabs at once.
    pub(super) fn tabs(&mut self, random: &mut Random, at: Time, call: usize, typical: f64) {
        for tab in 0..6 {
            let work = typical * random.between(0.98, 1.02);
            self.add(at + tab * SECOND / 20, call, work);
        }
    }
}
