//! The figures of a row, or the sum of many, as plain values.

use super::histogram::{BUCKETS, middle};

/// How a request ended: its status by class, and three that say why apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// no status was sent, or one below 100
    None,
    /// 1xx
    Informational,
    /// 2xx
    Successful,
    /// 3xx
    Redirect,
    /// 4xx but for 429 and 499
    ClientError,
    /// 429: too many requests, as by `limit_req_status 429`
    Limited,
    /// 499: the client has closed the connection
    GivenUp,
    /// 5xx and above, but for 503
    ServerError,
    /// 503: refused, as by a limit or where no server is up
    Refused,
}

/// How many there are.
pub(super) const CLASSES: usize = 9;

impl Class {
    /// All of them, in their order.
    pub const ALL: [Self; CLASSES] = [
        Self::None,
        Self::Informational,
        Self::Successful,
        Self::Redirect,
        Self::ClientError,
        Self::Limited,
        Self::GivenUp,
        Self::ServerError,
        Self::Refused,
    ];

    /// Of a status.
    pub fn of(status: u32) -> Self {
        match status {
            429 => Self::Limited,
            499 => Self::GivenUp,
            503 => Self::Refused,
            0..100 => Self::None,
            100..200 => Self::Informational,
            200..300 => Self::Successful,
            300..400 => Self::Redirect,
            400..500 => Self::ClientError,
            _ => Self::ServerError,
        }
    }

    /// As JSON and Prometheus name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Informational => "1xx",
            Self::Successful => "2xx",
            Self::Redirect => "3xx",
            Self::ClientError => "4xx",
            Self::Limited => "429",
            Self::GivenUp => "499",
            Self::ServerError => "5xx",
            Self::Refused => "503",
        }
    }
}

/// Groups of servers that have a number. The last stands for all that came when the others were taken.
pub const GROUPS: usize = 16;

/// The words of [`Figures`].
pub(super) const FIGURES_WORDS: usize = 2 * CLASSES + 4 + 2 * (3 + BUCKETS) + 2 + 4 * GROUPS;

/// How long requests took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// of all, in milliseconds
    pub sum: u64,
    /// the longest, in milliseconds
    pub max: u32,
    /// how many were in each bucket; see [`super::upper`]
    pub counts: [u32; BUCKETS],
}

impl Default for Times {
    fn default() -> Self {
        Self {
            sum: 0,
            max: 0,
            counts: [0; BUCKETS],
        }
    }
}

impl Times {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// The time within which a share `q` of them lies, from 0 to 1, in milliseconds and within 5 %.
    /// None where there are none.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let count = self.count();
        // The rank from 1 on; the float is exact up to 2^53 requests.
        let rank = ((count as f64 * q).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0_u64;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen = seen.saturating_add(u64::from(*count));
            if seen >= rank {
                return Some(middle(bucket).min(f64::from(self.max)));
            }
        }
        None
    }

    /// The buckets that hold any, and how many.
    pub fn used(&self) -> impl Iterator<Item = (usize, u32)> {
        let counts = self.counts.iter().copied().enumerate();
        counts.filter(|(_, count)| *count > 0)
    }

    fn add(&mut self, other: &Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
    }
}

/// What went to one group of servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// requests
    pub count: u64,
    /// what they took of its time, in milliseconds
    pub sum: u64,
}

/// All that is counted of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// by [`Class`]
    pub responses: [u64; CLASSES],
    /// bytes from the client
    pub received: u64,
    /// bytes to the client
    pub sent: u64,
    /// of the requests
    pub request: Times,
    /// of those that an upstream has had, the time it took
    pub upstream: Times,
    /// when the first was counted, in seconds since 1970; 0: there is none
    pub first: u32,
    /// and the last
    pub last: u32,
    /// by the number of the group
    pub shares: [Share; GROUPS],
}

impl Figures {
    /// How many requests there were.
    pub fn requests(&self) -> u64 {
        self.responses.iter().sum()
    }

    /// Adds those of another call.
    pub fn add(&mut self, other: &Self) {
        add_all(&mut self.responses, &other.responses);
        self.received = self.received.saturating_add(other.received);
        self.sent = self.sent.saturating_add(other.sent);
        self.request.add(&other.request);
        self.upstream.add(&other.upstream);
        self.first = match (self.first, other.first) {
            (0, first) | (first, 0) => first,
            (one, other) => one.min(other),
        };
        self.last = self.last.max(other.last);
        for (share, more) in self.shares.iter_mut().zip(&other.shares) {
            share.count = share.count.saturating_add(more.count);
            share.sum = share.sum.saturating_add(more.sum);
        }
    }

    /// Hands out the words, in the order in which [`Self::from_words`] takes them.
    pub(super) fn each_word(&self, mut give: impl FnMut(u32)) {
        let mut give = |kind: Word| match kind {
            Word::Short(value) => give(value),
            Word::Long(value) => {
                give(value as u32);
                give((value >> 32) as u32);
            }
        };
        self.responses
            .iter()
            .for_each(|count| give(Word::Long(*count)));
        give(Word::Long(self.received));
        give(Word::Long(self.sent));
        for times in [&self.request, &self.upstream] {
            give(Word::Long(times.sum));
            give(Word::Short(times.max));
            times
                .counts
                .iter()
                .for_each(|count| give(Word::Short(*count)));
        }
        give(Word::Short(self.first));
        give(Word::Short(self.last));
        for share in &self.shares {
            give(Word::Long(share.count));
            give(Word::Long(share.sum));
        }
    }

    /// What [`Self::each_word`] has handed out.
    pub(super) fn from_words(mut next: impl FnMut() -> u32) -> Self {
        let mut figures = Self::default();
        let long = |next: &mut dyn FnMut() -> u32| {
            let low = next();
            u64::from(low) | u64::from(next()) << 32
        };
        figures.responses.fill_with(|| long(&mut next));
        figures.received = long(&mut next);
        figures.sent = long(&mut next);
        for times in [&mut figures.request, &mut figures.upstream] {
            times.sum = long(&mut next);
            times.max = next();
            times.counts.fill_with(&mut next);
        }
        figures.first = next();
        figures.last = next();
        figures.shares.fill_with(|| Share {
            count: long(&mut next),
            sum: long(&mut next),
        });
        figures
    }
}

enum Word {
    Short(u32),
    Long(u64),
}

fn add_all(counts: &mut [u64], more: &[u64]) {
    for (count, more) in counts.iter_mut().zip(more) {
        *count = count.saturating_add(*more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_they_were() {
        let mut figures = Figures {
            received: u64::MAX - 3,
            first: 7,
            ..Figures::default()
        };
        figures.upstream.counts[100] = 5;
        figures.shares[GROUPS - 1].sum = 1 << 40;
        let mut words = Vec::new();
        figures.each_word(|word| words.push(word));
        assert_eq!(words.len(), FIGURES_WORDS);
        let mut words = words.into_iter();
        assert_eq!(Figures::from_words(|| words.next().unwrap()), figures);
    }

    #[test]
    fn a_quantile_counts_from_the_first_to_the_last() {
        let mut times = Times::default();
        assert_eq!(times.quantile(0.5), None);
        for time in [1, 2, 3, 100] {
            times.counts[super::super::histogram::bucket(time)] += 1;
            times.max = time;
        }
        assert_eq!(times.quantile(0.0), Some(1.0));
        assert_eq!(times.quantile(0.5), Some(2.0));
        assert_eq!(times.quantile(0.75), Some(3.0));
        assert!(times.quantile(1.0).unwrap() > 95.0);
    }
}
