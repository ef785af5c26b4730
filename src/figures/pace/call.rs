//! What a call's last runs took, and what is believed of its work.

use super::{Now, Pace, RunEnd, Settings, is_later, since};

/// Words of a [`Call`].
pub const CALL_WORDS: usize = 16;
/// The most that `min=` may be.
pub const MIN_MAX: u32 = RUNS as u32;
/// Runs that are kept.
pub(super) const RUNS: usize = 8;
/// So many runs in a row that were slow make a quick call slow.
pub(super) const SLOW: usize = 3;
/// So many quick runs of those make a call fast again.
const QUICK: usize = 3;
/// Times are kept in hundredths of a second.
const UNIT: u32 = 10;
/// What is believed changes at once by a factor of two, else after so many seconds.
const HOLD: u32 = 4000;

/// The places of the words. Times in `RUNS` and `LAST`: work in the low half, all in the high half.
mod at {
    /// finished runs up to 65,535, runs that are kept, and the place of the next one
    pub(super) const COUNTS: usize = 0;
    /// what is believed of the work, in milliseconds; 0: nothing
    pub(super) const WORK: usize = 1;
    /// when that changed, in seconds since 1970
    pub(super) const CHANGED: usize = 2;
    /// when a run last finished, in seconds since 1970
    pub(super) const SEEN: usize = 3;
    /// a run in flight makes the call slow until then, in milliseconds
    pub(super) const SUSPECT: usize = 4;
    /// the last run, whatever it taught
    pub(super) const LAST: usize = 5;
    /// the runs that taught something
    pub(super) const RUNS: usize = 8;
}

/// What is known of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call([u32; CALL_WORDS]);

/// A run that taught something, or the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// How long it was at work at least, in milliseconds.
    pub(super) work: u32,
    /// How long it took at most, with all its waiting.
    pub(super) taken: u32,
}

impl Call {
    /// From the words of shared memory, whatever they are.
    pub fn from_words(words: [u32; CALL_WORDS]) -> Self {
        Self(words)
    }

    /// The words to keep.
    pub fn words(&self) -> &[u32; CALL_WORDS] {
        &self.0
    }

    /// Counts a run that took `taken` milliseconds of a server, at least `work` of them at work, by
    /// [`super::Server::work`]; for [`RunEnd::Failed`] by [`super::Server::overtaken`].
    pub fn finished(&mut self, work: u32, taken: u32, end: RunEnd, settings: Settings, now: Now) {
        if self.is_forgotten(settings, now) {
            *self = Self::default();
        }
        let mut run = Run { work, taken };
        if end == RunEnd::Failed {
            run.taken = u32::MAX;
        } else {
            let (runs, kept, next) = self.counts();
            self.set_counts(runs.saturating_add(1), kept, next);
            self.set(at::SEEN, now.s);
            self.set(at::LAST, pack(run));
        }
        // Between the two it cannot be told from waiting.
        if run.taken < settings.slow || run.work >= settings.slow {
            self.keep(run);
            self.set(at::SEEN, now.s);
            self.believe(settings, now);
        }
    }

    /// A run in flight is to blame for its time, by [`super::Server::suspected`]: a call of which
    /// nothing is known is slow until it is asked about again, in `again` milliseconds.
    pub fn suspect(&mut self, again: u32, now: Now) {
        // Twice as long, since timers are late on a busy machine.
        self.set(
            at::SUSPECT,
            now.ms.wrapping_add(again.saturating_mul(2)).max(1),
        );
    }

    /// Its pace.
    pub fn pace(&self, settings: Settings, now: Now) -> Pace {
        if self.is_forgotten(settings, now) {
            return if self.is_suspect(now) {
                Pace::Slow
            } else {
                Pace::New
            };
        }
        let (finished, kept, _) = self.counts();
        if kept >= settings.min as usize {
            return if self.work() >= settings.slow {
                Pace::Slow
            } else {
                Pace::Fast
            };
        }
        // One run of twice as long is enough as long as none says otherwise.
        let enough = settings.slow.saturating_mul(2);
        if self.is_suspect(now) || self.least_work().is_some_and(|work| work >= enough) {
            return Pace::Slow;
        }
        if finished < settings.min {
            Pace::New
        } else {
            Pace::Fast
        }
    }

    /// It is not known, or a run that is in flight is to blame.
    pub(super) fn is_suspect(&self, now: Now) -> bool {
        let until = self.get(at::SUSPECT);
        until != 0 && is_later(until, now.ms) && since(now.ms, until) < 10 * 60 * 1000
    }

    /// What is believed of its work, in milliseconds.
    pub(super) fn work(&self) -> u32 {
        self.get(at::WORK)
    }

    /// The run that finished last.
    pub(super) fn last(&self) -> Run {
        unpack(self.get(at::LAST))
    }

    /// Finished runs, and those of the last ones that taught something.
    pub(super) fn runs(&self) -> (u32, usize) {
        let (finished, kept, _) = self.counts();
        (finished, kept)
    }

    /// What all of the last [`SLOW`] runs that taught something took at least.
    pub(super) fn least_work(&self) -> Option<u32> {
        self.kept().take(SLOW).map(|run| run.work).min()
    }

    pub(super) fn is_forgotten(&self, settings: Settings, now: Now) -> bool {
        let seen = self.get(at::SEEN);
        // A clock that was set back makes nothing old.
        seen == 0 || now.s.saturating_sub(seen) > settings.window
    }

    fn keep(&mut self, run: Run) {
        let (runs, kept, next) = self.counts();
        self.set(at::RUNS.wrapping_add(next), pack(run));
        let next = next.wrapping_add(1) % RUNS;
        self.set_counts(runs, kept.saturating_add(1).min(RUNS), next);
    }

    /// Moves what is believed into what the runs allow: all were at work for so long at least, and
    /// three of them took no longer.
    fn believe(&mut self, settings: Settings, now: Now) {
        let (_, kept, _) = self.counts();
        if kept < settings.min as usize {
            return;
        }
        let mut taken = [u32::MAX; RUNS];
        taken
            .iter_mut()
            .zip(self.kept())
            .for_each(|(taken, run)| *taken = run.taken);
        taken.sort_unstable();
        let most = taken
            .get(QUICK.min(kept).wrapping_sub(1))
            .copied()
            .unwrap_or(u32::MAX)
            .max(1);
        let least = self.least_work().unwrap_or(0);
        let work = self.work();
        let believed = if work == 0 {
            if least >= settings.slow {
                least
            } else {
                most.min(settings.slow.saturating_sub(1))
            }
        } else {
            // Also where the clock has been set back since.
            let is_due = now.s.abs_diff(self.get(at::CHANGED)) >= HOLD;
            if least >= work.saturating_mul(2) || (is_due && least > work) {
                least
            } else if most <= work / 2 || (is_due && most < work) {
                most
            } else {
                return;
            }
        };
        self.set(at::WORK, believed.max(1));
        self.set(at::CHANGED, now.s);
    }

    /// The runs that taught something, the last one first.
    fn kept(&self) -> impl Iterator<Item = Run> {
        let (_, kept, next) = self.counts();
        (1..=kept).map(move |back| {
            let place = next.wrapping_add(RUNS).wrapping_sub(back) % RUNS;
            unpack(self.get(at::RUNS.wrapping_add(place)))
        })
    }

    fn counts(&self) -> (u32, usize, usize) {
        let [low, high, kept, next] = self.get(at::COUNTS).to_le_bytes();
        let finished = u32::from(u16::from_le_bytes([low, high]));
        (
            finished,
            usize::from(kept).min(RUNS),
            usize::from(next) % RUNS,
        )
    }

    fn set_counts(&mut self, finished: u32, kept: usize, next: usize) {
        let [low, high] = (finished.min(u32::from(u16::MAX)) as u16).to_le_bytes();
        self.set(
            at::COUNTS,
            u32::from_le_bytes([low, high, kept as u8, next as u8]),
        );
    }

    fn get(&self, place: usize) -> u32 {
        self.0.get(place).copied().unwrap_or(0)
    }

    fn set(&mut self, place: usize, value: u32) {
        if let Some(word) = self.0.get_mut(place) {
            *word = value;
        }
    }
}

/// Work is rounded down, time up.
fn pack(run: Run) -> u32 {
    let most = u32::from(u16::MAX);
    (run.work / UNIT).min(most) | run.taken.div_ceil(UNIT).min(most) << 16
}

fn unpack(word: u32) -> Run {
    Run {
        work: (word & 0xffff).saturating_mul(UNIT),
        taken: (word >> 16).saturating_mul(UNIT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings::new(2000);

    fn at(s: u32) -> Now {
        Now {
            ms: s.wrapping_mul(1000),
            s,
        }
    }

    fn after(runs: &[(u32, u32)]) -> Call {
        let mut call = Call::default();
        for (work, taken) in runs {
            call.finished(*work, *taken, RunEnd::Done, SETTINGS, at(100));
        }
        call
    }

    fn why(call: &Call) -> String {
        call.explain(SETTINGS, at(100)).to_string()
    }

    #[test]
    fn three_runs_make_it_known() {
        assert_eq!(after(&[(2500, 2600); 2]).pace(SETTINGS, at(100)), Pace::New);
        assert_eq!(
            after(&[(2500, 2600); 3]).pace(SETTINGS, at(100)),
            Pace::Slow
        );
        assert_eq!(after(&[(0, 60); 3]).pace(SETTINGS, at(100)), Pace::Fast);
        assert_eq!(why(&after(&[(2500, 2600); 2])), "2 finished runs of 3");
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up() {
        let day = 24 * 60 * 60;
        let mut call = Call::default();
        for (at_, work) in [(at(3 * day), 2500), (at(2 * day), 2600)] {
            for _ in 0..8 {
                call.finished(work, work + 1, RunEnd::Done, SETTINGS, at_);
            }
            assert_eq!(call.work(), work);
        }
    }

    #[test]
    fn what_may_be_waiting_teaches_nothing() {
        let call = after(&[(0, 9000); 20]);
        assert_eq!(call.pace(SETTINGS, at(100)), Pace::Fast);
        assert_eq!(
            why(&call),
            "nothing shows that it is slow (20 runs, which may have waited)"
        );
        let call = after(&[[(0, 60); 3], [(0, 9000); 3], [(10, 9000); 3]].concat());
        assert_eq!(call.pace(SETTINGS, at(100)), Pace::Fast);
    }

    #[test]
    fn what_changes_is_believed() {
        let quick = [(0, 60); 8];
        let slow = [(14_980, 15_000); 3];
        assert_eq!(
            after(&[&quick[..], &slow[..2]].concat()).pace(SETTINGS, at(100)),
            Pace::Fast
        );
        let call = after(&[&quick[..], &slow].concat());
        assert_eq!(call.pace(SETTINGS, at(100)), Pace::Slow);
        assert_eq!(
            why(&call),
            "work 15.0 s (least of the last 3 of 11 runs; up to 0.02 s of waiting apart)"
        );
        let call = after(&[&quick[..], &slow, &quick[..3]].concat());
        assert_eq!(call.pace(SETTINGS, at(100)), Pace::Fast);
        assert_eq!(why(&call), "work 0.06 s (within the last 8 of 14 runs)");
    }

    #[test]
    fn a_run_in_flight_makes_a_new_call_slow_for_a_while() {
        let mut call = Call::default();
        call.suspect(1000, at(100));
        assert_eq!(call.pace(SETTINGS, at(101)), Pace::Slow);
        assert_eq!(call.pace(SETTINGS, at(103)), Pace::New);
        assert_eq!(why(&call), "a first run is in flight for long");
        let mut call = after(&[(0, 60); 3]);
        call.suspect(1000, at(100));
        assert_eq!(call.pace(SETTINGS, at(101)), Pace::Fast);
    }

    #[test]
    fn what_was_not_seen_for_long_is_new() {
        let call = after(&[(2500, 2600); 3]);
        let late = at(100 + SETTINGS.window + 1);
        assert_eq!(call.pace(SETTINGS, late), Pace::New);
        assert_eq!(
            call.explain(SETTINGS, late).to_string(),
            "no finished runs within the window"
        );
        assert_eq!(call.known_work(SETTINGS, late), None);
    }

    #[test]
    fn errors_teach_nothing_but_that_a_run_was_slow() {
        let mut call = Call::default();
        for _ in 0..5 {
            call.finished(10, 10, RunEnd::Failed, SETTINGS, at(100));
        }
        assert_eq!(call.pace(SETTINGS, at(100)), Pace::New);
        for _ in 0..3 {
            call.finished(5000, 5000, RunEnd::Failed, SETTINGS, at(100));
        }
        assert_eq!(call.pace(SETTINGS, at(100)), Pace::Slow);
    }

    #[test]
    fn any_bits_are_a_call() {
        let mut bits = 3_u32;
        for _ in 0..20_000 {
            let mut words = [0; CALL_WORDS];
            words.fill_with(|| {
                bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                bits
            });
            let mut call = Call::from_words(words);
            call.pace(SETTINGS, at(bits));
            assert!(!call.explain(SETTINGS, at(bits)).to_string().is_empty());
            call.finished(bits, bits, RunEnd::Done, SETTINGS, at(bits));
        }
    }
}
