//! The figures as text, made piece by piece.
//!
//! ```text
//! Rank --> Rows
//! ```
//!
//! First the calls that have taken most time are found, and the sum of all others. Then each of them is
//! written, and the sums: for JSON once, for Prometheus once for each metric, whose lines must stand
//! together. A piece is [`PIECE`] rows.
//!
//! Each row is read when it is written. What is counted meanwhile may be in one line and not in
//! another; a row that leaves meanwhile is in no line, and in `(other)` of the next report.

mod accept;
mod json;
mod prometheus;

use core::cmp::Reverse;
use core::fmt::{self, Write};
use std::collections::BinaryHeap;

use super::pace::{Now, Settings};
use super::{Figures, Read, Worker, Zone};

pub use accept::{Format, choose};

/// The most that [`Report::new`] takes for `top`.
pub const TOP_MAX: usize = 100_000;
/// What it is where the configuration says nothing.
pub const TOP: usize = 500;

/// Rows of a piece.
const PIECE: usize = 64;

/// What a report says beside the figures.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    /// the zone's name
    pub zone: &'f str,
    /// nginx's version
    pub nginx: &'f str,
    /// the time of day, in milliseconds since 1970
    pub now: u64,
    /// by what calls are slow, where that is asked for
    pub pace: Option<(Settings, Now)>,
}

/// A report that is being made.
#[derive(Debug)]
pub struct Report {
    format: Format,
    top: usize,
    step: Step,
    /// the first calls: the time that each has taken, and its row; the one of least time on top
    ranking: BinaryHeap<Reverse<(u64, u32)>>,
    /// the same, sorted
    ranked: Vec<Reverse<(u64, u32)>>,
    /// of all other calls
    rest: Figures,
    total: Figures,
    row: Read,
    /// how many calls there are
    used: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Rank(u32),
    Rows { metric: usize, next: usize },
    End,
}

/// Why a report cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

impl From<fmt::Error> for NoMemory {
    fn from(_: fmt::Error) -> Self {
        Self
    }
}

impl Report {
    /// Of the `top` calls that have taken most time, and of the sum of the rest.
    pub fn new(format: Format, top: usize) -> Self {
        Self {
            format,
            top,
            step: Step::Rank(0),
            ranking: BinaryHeap::new(),
            ranked: Vec::new(),
            rest: Figures::default(),
            total: Figures::default(),
            row: Read::new(),
            used: 0,
        }
    }

    /// Makes the next piece, a few hundred KiB at most. False: it was the last one.
    ///
    /// # Errors
    ///
    /// Where `out` takes no more, or where there is no memory.
    pub fn go_on(
        &mut self,
        zone: &Zone<'_>,
        worker: Worker,
        facts: &Facts<'_>,
        out: &mut dyn Write,
    ) -> Result<bool, NoMemory> {
        self.step = match self.step {
            Step::Rank(first) => self.rank(zone, worker, first)?,
            Step::Rows { metric, next } => self.write(zone, worker, facts, metric, next, out)?,
            Step::End => Step::End,
        };
        Ok(self.step != Step::End)
    }

    fn rank(&mut self, zone: &Zone<'_>, worker: Worker, first: u32) -> Result<Step, NoMemory> {
        let end = first.saturating_add(PIECE as u32).min(zone.rows());
        self.ranking.try_reserve(PIECE).map_err(|_| NoMemory)?;
        for index in first..end {
            let Some(time) = zone.time_of(worker, index) else {
                continue;
            };
            self.used = self.used.saturating_add(1);
            self.ranking.push(Reverse((time, index)));
            if self.ranking.len() > self.top
                && let Some(Reverse((_, last))) = self.ranking.pop()
                && zone.read(Some(worker), last, &mut self.row)
            {
                self.rest.add(&self.row.figures);
            }
        }
        if end < zone.rows() {
            return Ok(Step::Rank(end));
        }
        self.ranked = core::mem::take(&mut self.ranking).into_sorted_vec();
        self.rest.add(&zone.other());
        Ok(Step::Rows { metric: 0, next: 0 })
    }

    fn write(
        &mut self,
        zone: &Zone<'_>,
        worker: Worker,
        facts: &Facts<'_>,
        metric: usize,
        next: usize,
        out: &mut dyn Write,
    ) -> Result<Step, NoMemory> {
        if next == 0 {
            match self.format {
                Format::Json => json::head(facts, zone, self.used, self.ranked.len(), out)?,
                Format::Prometheus => prometheus::head(metric, facts, zone, self.used, out)?,
                Format::Html => {}
            }
        }
        let rows = self.ranked.get(next..).unwrap_or_default();
        let is_last = rows.len() <= PIECE;
        for (place, Reverse((_, index))) in rows.iter().take(PIECE).enumerate() {
            let is_first = place == 0 && next == 0;
            if !zone.read(Some(worker), *index, &mut self.row) {
                continue;
            }
            match self.format {
                Format::Json => {
                    self.total.add(&self.row.figures);
                    json::call(&self.row, facts, zone, is_first, out)?;
                }
                Format::Prometheus => {
                    prometheus::call(metric, self.row.name(), &self.row.figures, zone, out)?;
                }
                Format::Html => {}
            }
        }
        if !is_last {
            let next = next.saturating_add(PIECE);
            return Ok(Step::Rows { metric, next });
        }
        match self.format {
            Format::Json => {
                self.total.add(&self.rest);
                json::end(&self.rest, &self.total, zone, out)?;
            }
            Format::Prometheus => {
                prometheus::call(metric, super::OTHER, &self.rest, zone, out)?;
                let metric = metric.saturating_add(1);
                if metric < prometheus::METRICS {
                    return Ok(Step::Rows { metric, next: 0 });
                }
            }
            Format::Html => {}
        }
        Ok(Step::End)
    }
}

/// Milliseconds as seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// A text between quotation marks, with `\` before what ends it or is `\` itself: as JSON and
/// Prometheus both read it. There are no control characters in names.
struct Quoted<'t>(&'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for (number, part) in self.0.split('\\').enumerate() {
            if number > 0 {
                f.write_str(r"\\")?;
            }
            for (number, part) in part.split('"').enumerate() {
                if number > 0 {
                    f.write_str(r#"\""#)?;
                }
                f.write_str(part)?;
            }
        }
        f.write_char('"')
    }
}
