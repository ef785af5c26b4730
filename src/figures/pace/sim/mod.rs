//! A simulation that estimators of pace are held to: servers with some processes and a queue, seeded
//! arrivals, discrete events and no clock.
//!
//! ```text
//! traffic      what comes when, and how long it works: drawn before, the same for every contestant
//! world        groups of servers, stalls, clients that give up
//! contestants  what tells work from waiting, the chosen one and what else was tried
//! one_call     what becomes of a call that is, or becomes, slow or quick
//! storms       what becomes of all others when it storms, stalls, or somebody is hostile
//! judging      who is tried, on which servers, and how
//! properties   the tests, each over 200 seeds
//! ```

mod contestants;
mod judging;
mod one_call;
mod properties;
mod storms;
mod table;
mod traffic;
mod world;

/// Numbers that look random, the same for a seed on every machine (splitmix64).
#[derive(Clone)]
pub(super) struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.share()
    }

    /// The time to the next of independent events, which come `mean` apart.
    fn apart(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.share()).ln()
    }
}
