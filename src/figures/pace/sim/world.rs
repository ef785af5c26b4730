//! Servers, their queues, and what nginx sees of them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::super::{Now, Pace, RunEnd};
use super::Random;

/// Microseconds.
pub(super) type Time = u64;
pub(super) const SECOND: Time = 1_000_000;

/// A request that will come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) at: Time,
    pub(super) call: usize,
    pub(super) work: Time,
    /// The client gives up after so long.
    pub(super) patience: Time,
    /// The application answers with an error.
    pub(super) is_error: bool,
}

/// What nginx sees of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) call: usize,
    /// Each server of each group has a number of its own.
    pub(super) server: usize,
    pub(super) begun: u32,
    pub(super) answered: u32,
    pub(super) end: RunEnd,
    /// An answer of the server, be it an error.
    pub(super) is_answer: bool,
}

/// Tells calls apart.
pub(super) trait Estimator {
    fn pace(&self, call: usize, now: Now) -> Pace;
    fn finished(&mut self, run: Run, now: Now);
    /// A run has been in flight for twice `slow`, and again from time to time.
    fn in_flight(&mut self, _call: usize, _server: usize, _begun: u32, _now: Now) {}
}

/// Where requests go.
#[derive(Clone, Copy)]
pub(super) enum Route<'w> {
    /// All to the first group.
    One,
    /// These to the second.
    Named(&'w [bool]),
    /// Slow ones to the second.
    Pace,
}

pub(super) struct World<'w> {
    /// For each group the processes of its servers.
    pub(super) groups: &'w [&'w [usize]],
    /// Each process of a server has as many threads and a queue of its own, and takes requests
    /// although its threads have no time for them, as gunicorn's gthread; 0: they share one queue.
    pub(super) threads: usize,
    /// From when to when everything stands still.
    pub(super) stalls: &'w [(Time, Time)],
    pub(super) route: Route<'w>,
    pub(super) slow: Time,
    /// Every how many requests one is lost, since its worker was killed; 0: none.
    pub(super) lost: usize,
}

/// What became of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) call: usize,
    pub(super) at: Time,
    pub(super) pace: Pace,
    pub(super) ended: Time,
    /// The client had an answer, or was it given up?
    pub(super) is_answered: bool,
}

impl Outcome {
    pub(super) fn taken(&self) -> Time {
        self.ended - self.at
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Done(usize),
    GivenUp(usize),
    Check(usize),
    Look,
}

struct Queue {
    free: usize,
    waiting: VecDeque<usize>,
}

fn queues(processes: usize, threads: usize) -> Vec<Queue> {
    let (count, free) = if threads == 0 {
        (1, processes)
    } else {
        (processes, threads)
    };
    let queue = || Queue {
        free,
        waiting: VecDeque::new(),
    };
    std::iter::repeat_with(queue).take(count).collect()
}

/// nginx's `proxy_read_timeout`.
pub(super) const TIMEOUT: Time = 120 * SECOND;
const START: u32 = u32::MAX - 300_000;

/// The present of the simulation, by a clock that runs over within it.
pub(super) fn now(time: Time) -> Now {
    Now {
        ms: START.wrapping_add((time / 1000) as u32),
        s: 1_700_000_000 + (time / SECOND) as u32,
    }
}

impl<'w> World<'w> {
    /// One of groups of servers that share a queue each, by pace.
    pub(super) fn new(groups: &'w [&'w [usize]]) -> Self {
        Self {
            groups,
            threads: 0,
            stalls: &[],
            route: Route::Pace,
            slow: 2 * SECOND,
            lost: 0,
        }
    }
}

impl World<'_> {
    /// Lets the requests come. `look` is called every half second.
    pub(super) fn run(
        &self,
        requests: &[Request],
        estimator: &mut dyn Estimator,
        mut look: impl FnMut(&dyn Estimator, Time),
    ) -> Vec<Outcome> {
        let mut servers: Vec<Vec<Queue>> = Vec::new();
        let mut random = Random::new(requests.len() as u64);
        let mut groups = Vec::new();
        for group in self.groups {
            groups.push(servers.len()..servers.len() + group.len());
            servers.extend(
                group
                    .iter()
                    .map(|processes| queues(*processes, self.threads)),
            );
        }
        let mut turns = vec![0; groups.len()];
        let mut events = BinaryHeap::from([Reverse((SECOND / 2, Event::Look))]);
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(requests.len());
        let mut server_of = Vec::with_capacity(requests.len());
        let mut is_over = Vec::with_capacity(requests.len());
        let mut coming = requests.iter().peekable();
        loop {
            let next = events.peek().map_or(Time::MAX, |event| event.0.0);
            if let Some(request) = coming.next_if(|request| request.at <= next) {
                let id = outcomes.len();
                let pace = estimator.pace(request.call, now(request.at));
                let is_second = match self.route {
                    Route::One => false,
                    Route::Named(slow) => slow[request.call],
                    Route::Pace => pace == Pace::Slow,
                };
                let group = usize::from(is_second);
                let server = groups[group].start + turns[group] % groups[group].len();
                turns[group] += 1;
                outcomes.push(Outcome {
                    call: request.call,
                    at: request.at,
                    pace,
                    ended: Time::MAX,
                    is_answered: false,
                });
                let queue = random.next() as usize % servers[server].len();
                server_of.push((server, queue));
                is_over.push(false);
                let until = request.patience.min(TIMEOUT);
                if until < TIMEOUT
                    || request.work + SECOND > TIMEOUT
                    || !servers[server][queue].waiting.is_empty()
                {
                    events.push(Reverse((request.at + until, Event::GivenUp(id))));
                }
                if pace != Pace::Fast {
                    events.push(Reverse((request.at + 2 * self.slow, Event::Check(id))));
                }
                let queue = &mut servers[server][queue];
                queue.waiting.push_back(id);
                self.start(queue, request.at, requests, &mut events);
                continue;
            }
            let Some(Reverse((time, event))) = events.pop() else {
                break;
            };
            match event {
                Event::Look => {
                    look(estimator, time);
                    if coming.peek().is_some() || !events.is_empty() {
                        events.push(Reverse((time + SECOND / 2, Event::Look)));
                    }
                }
                Event::Check(id) if !is_over[id] => {
                    let begun = now(requests[id].at).ms;
                    estimator.in_flight(requests[id].call, server_of[id].0, begun, now(time));
                    events.push(Reverse((time + self.slow / 2, Event::Check(id))));
                }
                Event::GivenUp(id) if !is_over[id] => {
                    is_over[id] = true;
                    outcomes[id].ended = time;
                    let run = self.seen(&requests[id], server_of[id].0, time);
                    let run = Run {
                        end: RunEnd::Failed,
                        is_answer: false,
                        ..run
                    };
                    estimator.finished(run, now(time));
                }
                Event::Check(_) | Event::GivenUp(_) => {}
                Event::Done(id) => {
                    let (server, queue) = server_of[id];
                    let queue = &mut servers[server][queue];
                    queue.free += 1;
                    self.start(queue, time, requests, &mut events);
                    if is_over[id] {
                        continue;
                    }
                    is_over[id] = true;
                    outcomes[id].ended = time;
                    outcomes[id].is_answered = true;
                    if self.lost == 0 || id % self.lost != 0 {
                        let run = self.seen(&requests[id], server_of[id].0, time);
                        estimator.finished(run, now(time));
                    }
                }
            }
        }
        outcomes
    }

    fn seen(&self, request: &Request, server: usize, time: Time) -> Run {
        Run {
            call: request.call,
            server,
            begun: now(request.at).ms,
            answered: now(time).ms,
            end: if request.is_error {
                RunEnd::Failed
            } else {
                RunEnd::Done
            },
            is_answer: true,
        }
    }

    /// Begins what waits while processes are free. Who has given up is served all the same: gunicorn
    /// does not know.
    fn start(
        &self,
        queue: &mut Queue,
        time: Time,
        requests: &[Request],
        events: &mut BinaryHeap<Reverse<(Time, Event)>>,
    ) {
        while queue.free > 0 {
            let Some(id) = queue.waiting.pop_front() else {
                return;
            };
            queue.free -= 1;
            events.push(Reverse((
                self.end_of(time, requests[id].work),
                Event::Done(id),
            )));
        }
    }

    fn end_of(&self, begun: Time, work: Time) -> Time {
        let mut end = begun + work;
        for (from, to) in self.stalls {
            if begun < *to && end > *from {
                end += to - begun.max(*from);
            }
        }
        end
    }
}
