//! Buckets of times.
//!
//! Each power of ten of milliseconds has 24 buckets, each a tenth wider than the one before, with
//! borders at 10, 25, 50 and 100 of it, so that Prometheus's usual borders are among them. A bucket
//! holds the times above the border before it, up to its own. 1 ms to 10 000 s; what takes longer is
//! in the last bucket.
//!
//! A quantile is told by the value of its bucket that is nearest to both ends in proportion: for the
//! times `a` to `b` that is `2ab / (a + b)`. It is off by `(b - a) / (a + b)` at most, which is less
//! than 5 % for every bucket: a test looks at each.

/// Buckets of a cell.
pub(super) const CELL_BUCKETS: usize = 24;
/// Cells of a histogram.
pub(super) const CELLS: usize = 7;
/// Buckets of a histogram.
pub const BUCKETS: usize = CELLS * CELL_BUCKETS;

/// The upper borders between 100 and 1000.
const BORDERS: [u32; CELL_BUCKETS] = [
    110, 121, 133, 146, 160, 176, 193, 212, 232, 250, 276, 305, 337, 372, 411, 454, 500, 552, 610,
    674, 744, 822, 908, 1000,
];

/// The upper border of each bucket in milliseconds. The first cell has fewer than it has room for.
const UPPERS: [u32; BUCKETS] = uppers();

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
const fn uppers() -> [u32; BUCKETS] {
    let mut uppers = [0; BUCKETS];
    let mut bucket = 0;
    while bucket < BUCKETS {
        let (cell, index) = (bucket / CELL_BUCKETS, bucket % CELL_BUCKETS);
        uppers[bucket] = match cell {
            0 if index < 10 => index as u32,
            0 => 10,
            1 => BORDERS[index] / 10,
            _ => BORDERS[index] * 10_u32.pow(cell as u32 - 2),
        };
        bucket += 1;
    }
    uppers
}

/// The bucket of a time in milliseconds.
pub(super) fn bucket(time: u32) -> usize {
    let cell = match time {
        0..=10 => return time as usize,
        11..=100 => 1,
        101..=1_000 => 2,
        1_001..=10_000 => 3,
        10_001..=100_000 => 4,
        100_001..=1_000_000 => 5,
        _ => 6,
    };
    let first = CELL_BUCKETS.saturating_mul(cell);
    let borders = UPPERS
        .get(first..)
        .and_then(|rest| rest.get(..CELL_BUCKETS));
    let index = borders
        .unwrap_or_default()
        .partition_point(|upper| *upper < time);
    first.saturating_add(index).min(BUCKETS - 1)
}

/// The upper border of a bucket, in milliseconds.
pub fn upper(bucket: usize) -> u32 {
    UPPERS.get(bucket).copied().unwrap_or(u32::MAX)
}

/// What stands for the times of a bucket, in tenths of a millisecond.
pub(super) fn middle(bucket: usize) -> u64 {
    let last = u64::from(upper(bucket));
    let first = match bucket.checked_sub(1) {
        Some(before) => u64::from(upper(before)).saturating_add(1),
        None => last,
    };
    // The longest of our times is 10^7, so this is far from what 64 bits hold.
    let product = first.saturating_mul(last).saturating_mul(20);
    let sum = first.saturating_add(last);
    product
        .saturating_add(sum / 2)
        .checked_div(sum)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_its_bucket() {
        let last = UPPERS[BUCKETS - 1];
        assert_eq!(last, 10_000_000);
        let mut before = 0;
        for time in (0..200_000)
            .chain((200_000..last).step_by(997))
            .chain([last])
        {
            let found = bucket(time);
            assert!(time <= upper(found), "{time}");
            assert!(found == 0 || time > upper(found - 1), "{time}");
            assert!(found >= before);
            before = found;
        }
        assert_eq!(bucket(u32::MAX), BUCKETS - 1);
    }

    #[test]
    fn no_time_is_further_from_its_bucket_than_5_percent() {
        for time in (1..200_000).chain((200_000..10_000_000).step_by(997)) {
            let told = middle(bucket(time)) as f64 / 10.0;
            let error = (told - f64::from(time)).abs() / f64::from(time);
            assert!(error < 0.05, "{time} ms are told as {told}");
        }
    }

    #[test]
    fn the_borders_of_prometheus_are_borders() {
        for border in [
            5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 1_000_000,
        ] {
            assert_eq!(upper(bucket(border)), border);
        }
    }
}
