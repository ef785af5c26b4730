//! A server's queue, seen from outside: when it was proved to have begun what.

use super::{is_later, since};

/// What is kept of the past.
const PASSES: usize = 24;
/// Words of a [`Server`].
pub const SERVER_WORDS: usize = FIRST_PASS + 2 * PASSES;
const FIRST_PASS: usize = 5 + 2 * SURPRISES;
/// Quick calls that seemed slow and are remembered.
const SURPRISES: usize = 3;
/// For so long, in milliseconds.
const SURPRISED: u32 = 10_000;
/// Passes that are closer together than this are one, in milliseconds.
const APART: u32 = 32;
/// How far back they reach, in milliseconds.
const PAST: u32 = 300_000;
/// For so long, in milliseconds, a server may work for a client that has gone.
const UNSEEN: u32 = 120_000;
/// So long after its last check, in milliseconds, a suspect is none: its worker is gone.
const SUSPECT_MAX: u32 = 60_000;

/// What one server, which has one queue, has answered so far.
///
/// It keeps *passes*: at `answered` the server had answered a request that came at `begun`, so
/// whatever came before `begun` was at work by then. Each pass has a later `begun` than the one before
/// it, and a later `answered`.
///
/// ```text
/// came        0  1  2  3        a request that came at 1 was at work at 9 at the latest,
/// answered    5     9  7        since the one that came at 3 was answered at 7: at 7
/// passes      (0,5) (3,7)
/// ```
///
/// Of more than [`PASSES`] one leaves: that without which the work of the requests that it proves
/// seems shorter by the least share. So the recent past is known in detail and the distant past
/// roughly, and work is never overestimated.
#[derive(Clone, Copy, Debug)]
pub struct Server([u32; SERVER_WORDS]);

impl Default for Server {
    fn default() -> Self {
        Self([0; SERVER_WORDS])
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pass {
    begun: u32,
    answered: u32,
}

impl Server {
    /// From the words of shared memory, whatever they are.
    pub fn from_words(words: [u32; SERVER_WORDS]) -> Self {
        Self(words)
    }

    /// The words to keep.
    pub fn words(&self) -> &[u32; SERVER_WORDS] {
        &self.0
    }

    /// How long a run that has been answered was certainly at work. To be asked before
    /// [`Self::answered`] counts it.
    pub fn work(&self, begun: u32, answered: u32) -> u32 {
        // A process begins a request when it comes or when it has answered another. So the work goes
        // back at least to the last answer before this one.
        let mut start = begun;
        if self.count() > 0 {
            let last = self.last_answer();
            let given_up = self.get(4);
            let is_unseen = given_up != 0 && since(given_up, answered) < UNSEEN;
            if is_unseen || is_later(last, answered) {
                return self.overtaken(begun, answered);
            }
            if is_later(last, begun) {
                start = last;
            }
        }
        since(start, answered).max(self.overtaken(begun, answered))
    }

    /// How long ago a server answered a request that came after this one: it is, or was, at work
    /// since then.
    pub fn overtaken(&self, begun: u32, until: u32) -> u32 {
        let pass = self.passes().find(|pass| is_later(pass.begun, begun));
        pass.map_or(0, |pass| since(pass.answered, until))
    }

    /// Counts an answer. `begun` is when the request could be taken: when nginx had a connection.
    pub fn answered(&mut self, begun: u32, answered: u32) {
        let mut count = self.count();
        if since(answered, self.last_answer()) > SUSPECT_MAX {
            // From another time: shared memory holds anything.
            count = 0;
        }
        self.has_answered(answered);
        let last = self.pass(count.wrapping_sub(1)).filter(|_| count > 0);
        let mut pass = Pass { begun, answered };
        if let Some(last) = last {
            if !is_later(begun, last.begun) {
                return;
            }
            if is_later(last.answered, answered) {
                pass.answered = last.answered;
            }
        }
        // The last pass moves on until it is far enough from the one before it.
        let before = self.pass(count.wrapping_sub(2)).filter(|_| count > 1);
        if before.is_some_and(|before| since(before.answered, pass.answered) < APART) {
            return self.set_pass(count.wrapping_sub(1), pass);
        }
        if count == PASSES {
            self.forget(answered);
            count = count.wrapping_sub(1);
        }
        self.set_pass(count, pass);
        self.set(0, count.wrapping_add(1) as u32);
    }

    /// Something was answered, which proves nothing of what came before it: but a process may be free.
    pub fn has_answered(&mut self, answered: u32) {
        if self.count() == 0 || is_later(answered, self.last_answer()) {
            self.set(1, answered);
        }
    }

    /// A run was given up. The server does not know and goes on with it, and nginx does not see its end.
    pub fn given_up(&mut self, now: u32) {
        self.set(4, now.max(1));
    }

    /// Since when a run that is still in flight is at work, if that is `slow` ago or longer: others
    /// have overtaken it, or the server answers nothing and it has come first of those that ask. To be
    /// asked from twice `slow` on, and then every half of it, for each run that is not known to be
    /// quick.
    pub fn suspected(&mut self, begun: u32, now: u32, slow: u32) -> Option<u32> {
        let (suspect, checked) = (self.get(2), self.get(3));
        let is_checked = checked != 0 && !is_later(checked, now) && since(checked, now) <= slow;
        // One that came before may be what this one waits for.
        let is_first = !is_checked || !is_later(begun, suspect);
        if is_first {
            self.set(2, begun);
            self.set(3, now.max(1));
        }
        let overtaken = self.overtaken(begun, now);
        if overtaken > 0 {
            return (overtaken >= slow).then_some(now.wrapping_sub(overtaken));
        }
        let last = self.last_answer();
        let start = if self.count() > 0 && is_later(last, begun) {
            last
        } else {
            begun
        };
        (is_first && since(start, now) >= slow).then_some(start)
    }

    /// Whether two other calls that were quick have seemed slow lately. `is_quick`: so was this one.
    pub(super) fn doubts(&mut self, call: u32, is_quick: bool, now: u32) -> bool {
        let mut others = 0_u32;
        let mut place = (0, 0);
        for surprise in 0..SURPRISES {
            let at = surprise.wrapping_mul(2).wrapping_add(5);
            let (other, when) = (self.get(at), self.get(at.wrapping_add(1)));
            let age = now.wrapping_sub(when);
            if other != call && other != 0 && age < SURPRISED {
                others = others.saturating_add(1);
            }
            // Its own place, or the oldest.
            let age = if other == call {
                u32::MAX
            } else if other == 0 {
                u32::MAX - 1
            } else {
                age
            };
            if age >= place.1 {
                place = (at, age);
            }
        }
        if is_quick {
            self.set(place.0, call);
            self.set(place.0.wrapping_add(1), now);
        }
        others >= 2
    }

    fn passes(&self) -> impl Iterator<Item = Pass> {
        (0..self.count()).map_while(|index| self.pass(index))
    }

    fn count(&self) -> usize {
        (self.get(0) as usize).min(PASSES)
    }

    fn last_answer(&self) -> u32 {
        self.get(1)
    }

    /// Makes room: the oldest pass leaves once it is too old, or the one without which the least
    /// share of a run's work is lost.
    fn forget(&mut self, now: u32) {
        let answered = |index| self.pass(index).map_or(now, |pass| pass.answered);
        // Its index, what is lost, and its age; shares are compared without a division.
        let mut least: Option<(usize, u64, u64)> = None;
        for index in 1..PASSES.saturating_sub(1) {
            // What came just after the pass before this one would be proved by the next one.
            let lost = since(
                answered(index.wrapping_sub(1)),
                answered(index.wrapping_add(1)),
            );
            let (lost, age) = (u64::from(lost), u64::from(since(answered(index), now)));
            let is_less = |other: &(usize, u64, u64)| {
                lost.saturating_mul(other.2) < other.1.saturating_mul(age)
            };
            if least.as_ref().is_none_or(is_less) {
                least = Some((index, lost, age));
            }
        }
        let is_past = since(answered(0), now) >= PAST;
        let first = least.filter(|_| !is_past).map_or(0, |least| least.0);
        for index in first..PASSES.saturating_sub(1) {
            if let Some(next) = self.pass(index.wrapping_add(1)) {
                self.set_pass(index, next);
            }
        }
    }

    fn pass(&self, index: usize) -> Option<Pass> {
        let place = index.checked_mul(2)?.checked_add(FIRST_PASS)?;
        Some(Pass {
            begun: *self.0.get(place)?,
            answered: *self.0.get(place.wrapping_add(1))?,
        })
    }

    fn set_pass(&mut self, index: usize, pass: Pass) {
        let place = index.wrapping_mul(2).wrapping_add(FIRST_PASS);
        self.set(place, pass.begun);
        self.set(place.wrapping_add(1), pass.answered);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_is_at_work_from_the_start() {
        assert_eq!(Server::default().work(1000, 16_000), 15_000);
    }

    #[test]
    fn one_that_others_overtake_is_at_work_from_the_first_of_them_on() {
        let mut server = Server::default();
        for at in (1000..16_000).step_by(500) {
            server.answered(at, at + 50);
        }
        assert!((13_000..=16_000 - 1550).contains(&server.work(1200, 16_000)));
        assert_eq!(server.overtaken(15_900, 16_000), 0);
    }

    #[test]
    fn one_that_waits_is_not_at_work() {
        let mut server = Server::default();
        // Six processes are taken by what came first; then all that waited is answered in order.
        (0..6).for_each(|report| server.answered(report, 15_000 + report));
        for click in 0..400 {
            let (begun, answered) = (100 + 30 * click, 15_010 + 8 * click);
            assert!(server.work(begun, answered) <= 8);
            server.answered(begun, answered);
        }
    }

    #[test]
    fn the_past_is_known_to_a_third() {
        let mut server = Server::default();
        for at in (1000..600_000).step_by(33) {
            server.answered(at, at + 50);
        }
        for at in [500_000, 550_000, 590_000, 598_000, 599_500_u32] {
            let taken = 600_000 - at;
            let work = server.overtaken(at, 600_000);
            assert!(
                work <= taken && work + 100 >= taken * 2 / 3,
                "{work} of {taken}"
            );
        }
    }

    #[test]
    fn any_bits_are_a_server() {
        let mut bits = 1_u32;
        for _ in 0..2000 {
            let mut words = [0; SERVER_WORDS];
            words.fill_with(|| {
                bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                bits
            });
            words[0] %= 40;
            let mut server = Server::from_words(words);
            for at in (bits..).step_by(100).take(100).map(|at| at & !3) {
                server.work(at, at.wrapping_add(50));
                server.answered(at, at.wrapping_add(50));
                server.suspected(at, at.wrapping_add(5000), 2000);
            }
        }
    }
}
