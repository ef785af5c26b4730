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

    /// The time within which so many of a thousand lie, in tenths of a millisecond and within 5 %. None
    /// where there are none.
    pub fn quantile(&self, per_mille: u32) -> Option<u64> {
        let count = u128::from(self.count());
        let rank = (count.saturating_mul(per_mille.into()))
            .div_ceil(1000)
            .max(1);
        let mut seen = 0_u128;
        for (bucket, count) in self.used() {
            seen = seen.saturating_add(u128::from(count));
            if seen >= rank {
                return Some(middle(bucket).min(u64::from(self.max).saturating_mul(10)));
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

    /// As words, in the order in which [`Self::from_words`] takes them.
    #[inline(never)]
    pub(super) fn words(&self) -> [u32; FIGURES_WORDS] {
        let mut words = [0; FIGURES_WORDS];
        let mut places = words.iter_mut();
        let mut short = |value: u32| {
            if let Some(place) = places.next() {
                *place = value;
            }
        };
        let times = [&self.request, &self.upstream];
        let shares = self
            .shares
            .iter()
            .flat_map(|share| [share.count, share.sum]);
        let longs = [
            self.received,
            self.sent,
            self.request.sum,
            self.upstream.sum,
        ];
        for long in self.responses.into_iter().chain(longs).chain(shares) {
            short(long as u32);
            short((long >> 32) as u32);
        }
        for times in times {
            short(times.max);
            times.counts.iter().for_each(|count| short(*count));
        }
        short(self.first);
        short(self.last);
        words
    }

    /// What [`Self::words`] has made.
    #[inline(never)]
    pub(super) fn from_words(words: &[u32; FIGURES_WORDS]) -> Self {
        let mut figures = Self::default();
        let mut words = words.iter().copied();
        let mut short = || words.next().unwrap_or_default();
        let Self {
            responses,
            received,
            sent,
            request,
            upstream,
            shares,
            ..
        } = &mut figures;
        let longs = [received, sent, &mut request.sum, &mut upstream.sum];
        let shares = shares
            .iter_mut()
            .flat_map(|share| [&mut share.count, &mut share.sum]);
        for long in responses.iter_mut().chain(longs).chain(shares) {
            let low = short();
            *long = u64::from(low) | u64::from(short()) << 32;
        }
        for times in [&mut figures.request, &mut figures.upstream] {
            times.max = short();
            times.counts.fill_with(&mut short);
        }
        figures.first = short();
        figures.last = short();
        figures
    }
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
        assert_eq!(Figures::from_words(&figures.words()), figures);
    }

    #[test]
    fn a_quantile_counts_from_the_first_to_the_last() {
        let mut times = Times::default();
        assert_eq!(times.quantile(500), None);
        for time in [1, 2, 3, 100] {
            times.counts[super::super::histogram::bucket(time)] += 1;
            times.max = time;
        }
        assert_eq!(times.quantile(0), Some(10));
        assert_eq!(times.quantile(500), Some(20));
        assert_eq!(times.quantile(750), Some(30));
        assert!(times.quantile(1000).unwrap() > 950);
    }
}
