//! The figures in a file, so that they survive a restart.
//!
//! ```text
//! "frappe-calls 1\n" | fingerprint | since | groups | (other) | rows | end | checksum
//! ```
//!
//! Numbers are little-endian, of 32 bits but for the checksum. Of figures only the words that are not 0
//! are there, each with its place. A file is taken as a whole or not at all: where its checksum
//! (FNV-1a, 64 bits) does not fit it was cut off or damaged; where its first line or fingerprint
//! differs, another version of this module has written it.

use super::layout::{REST, head};
use super::pace::CALL_WORDS;
use super::sums::{FIGURES_WORDS, Figures, GROUPS};
use super::zone::OTHER;
use super::zone::name::Name;
use super::zone::record::Record;
use super::zone::worker::Worker;
use super::zone::{Read, Zone};

const MAGIC: &[u8] = b"frappe-calls 1\n";
/// What the words mean changes with any of these.
const FINGERPRINT: u32 = (FIGURES_WORDS as u32) << 16 | (GROUPS as u32) << 8 | CALL_WORDS as u32;
/// In place of the length of a name.
const END: u32 = u32::MAX;
/// Seconds from one write to the next.
const PERIOD: u32 = 60;

/// Why a file is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// it is damaged, or something else
    Broken,
    /// another version of this module has written it
    OtherVersion,
}

impl Unusable {
    /// For a log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "it is damaged or no state of figures",
            Self::OtherVersion => "another version of the module has written it",
        }
    }
}

/// Writes the figures of a zone, piece by piece.
#[derive(Clone, Debug)]
pub struct Saver {
    /// the next row; None: the head comes first
    next: Option<u32>,
    sum: u64,
    row: Read,
}

impl Saver {
    /// At its beginning.
    pub fn new() -> Self {
        Self {
            next: None,
            sum: FNV_START,
            row: Read::new(),
        }
    }

    /// Hands out the head or up to `rows` rows, as pieces of the file. False at its end. Without a worker
    /// where no other process uses the zone.
    #[inline(never)]
    pub fn go_on(
        &mut self,
        zone: &Zone<'_>,
        worker: Option<Worker>,
        rows: u32,
        give: &mut dyn FnMut(&[u8]),
    ) -> bool {
        let sum = &mut self.sum;
        let mut hashed = |bytes: &[u8]| {
            *sum = fnv(*sum, bytes);
            give(bytes);
        };
        let Some(first) = self.next else {
            save_head(zone, &mut hashed);
            self.next = Some(0);
            return true;
        };
        let end = first.saturating_add(rows).min(zone.rows());
        for index in first..end {
            if zone.read(worker, index, &mut self.row) {
                let name = self.row.name().as_bytes();
                give_word(&mut hashed, name.len() as u32);
                hashed(name);
                self.row
                    .pace
                    .iter()
                    .for_each(|word| give_word(&mut hashed, *word));
                save_figures(&self.row.figures, &mut hashed);
            }
        }
        self.next = Some(end);
        if end < zone.rows() {
            return true;
        }
        give_word(&mut hashed, END);
        let sum = self.sum;
        give(&sum.to_le_bytes());
        false
    }
}

impl Default for Saver {
    fn default() -> Self {
        Self::new()
    }
}

impl Zone<'_> {
    /// It is time to write a state, and no other worker does.
    pub fn claim_save(&self, now: u32) -> bool {
        use core::sync::atomic::Ordering::Relaxed;
        let saved = self.word(head::SAVED);
        let last = saved.load(Relaxed);
        // The clock may have been set back; those of two workers may differ by a little.
        let is_due = now.abs_diff(last) >= PERIOD;
        is_due && saved.compare_exchange(last, now, Relaxed, Relaxed).is_ok()
    }

    /// Adds what a [`Saver`] has written to a zone that was just made, and tells how many calls that is.
    ///
    /// # Errors
    ///
    /// Nothing has been added where the file cannot be used.
    #[inline(never)]
    pub fn load(&self, worker: Worker, file: &[u8]) -> Result<usize, Unusable> {
        let (body, sum) = file.split_last_chunk::<8>().ok_or(Unusable::Broken)?;
        let Some(mut rest) = body.strip_prefix(MAGIC) else {
            let is_ours = file.starts_with(b"frappe-");
            return Err(if is_ours {
                Unusable::OtherVersion
            } else {
                Unusable::Broken
            });
        };
        if fnv(FNV_START, body) != u64::from_le_bytes(*sum) {
            return Err(Unusable::Broken);
        }
        if take_word(&mut rest) != Some(FINGERPRINT) {
            return Err(Unusable::OtherVersion);
        }
        self.load_body(worker, rest).ok_or(Unusable::Broken)
    }

    #[inline(never)]
    fn load_body(&self, worker: Worker, mut rest: &[u8]) -> Option<usize> {
        let since = take_word(&mut rest)?;
        let mut numbers = [0; GROUPS];
        for number in &mut numbers {
            let name = take_text(&mut rest)?;
            *number = self.group(worker, name);
        }
        self.set(head::SINCE, since);
        self.restore(worker, None, &load_figures(&mut rest, &numbers)?, &[]);
        let mut calls = 0_usize;
        while !rest.starts_with(&END.to_le_bytes()) {
            let name = take_text(&mut rest)?;
            let mut pace = [0; CALL_WORDS];
            for word in &mut pace {
                *word = take_word(&mut rest)?;
            }
            self.restore(
                worker,
                Some(name),
                &load_figures(&mut rest, &numbers)?,
                &pace,
            );
            calls = calls.saturating_add(1);
        }
        Some(calls)
    }

    /// Adds figures to the row of a name, or to `(other)` where there is none.
    #[inline(never)]
    fn restore(&self, worker: Worker, name: Option<&[u8]>, figures: &Figures, pace: &[u32]) {
        // What stands in a file is as little to be trusted as what a client sends.
        let name = name.map(Name::new);
        let name = name.as_ref().map(Name::bytes);
        let done = self.locked(worker, || {
            let index = match name.filter(|name| *name != OTHER.as_bytes()) {
                Some(name) => self.find_or_insert(self.hash(name), name)?,
                None => return None,
            };
            for (bucket, _) in figures.request.used().chain(figures.upstream.used()) {
                // Both, so that one of them may lie in vain.
                let time = super::upper(bucket);
                let upstream = Some(super::Upstream { time, group: 0 });
                self.add_cells(
                    index,
                    &Record {
                        time,
                        upstream,
                        ..Record::default()
                    },
                )?;
            }
            self.add_figures(index, figures);
            self.set_pace(index, pace);
            Some(())
        });
        if done.is_none() {
            self.add_figures(REST, figures);
        }
    }
}

fn save_head(zone: &Zone<'_>, give: &mut dyn FnMut(&[u8])) {
    give(MAGIC);
    give_word(give, FINGERPRINT);
    give_word(give, zone.usage().since);
    for group in 0..GROUPS as u32 {
        let name = zone.group_name(group);
        let name = name.as_ref().map_or("", |name| name.as_str());
        give_word(give, name.len() as u32);
        give(name.as_bytes());
    }
    save_figures(&zone.other(), give);
}

/// How many words are not 0, and each with its place.
#[inline(never)]
fn save_figures(figures: &Figures, give: &mut dyn FnMut(&[u8])) {
    let words = figures.words();
    let used = || (0_u32..).zip(words).filter(|(_, word)| *word != 0);
    give_word(give, used().count() as u32);
    for (place, word) in used() {
        give_word(give, place);
        give_word(give, word);
    }
}

fn load_figures(rest: &mut &[u8], numbers: &[u32; GROUPS]) -> Option<Figures> {
    let mut words = [0; FIGURES_WORDS];
    for _ in 0..take_word(rest)? {
        let place = take_word(rest)? as usize;
        *words.get_mut(place)? = take_word(rest)?;
    }
    let mut figures = Figures::from_words(&words);
    let saved = core::mem::take(&mut figures.shares);
    for (share, number) in saved.into_iter().zip(numbers) {
        if let Some(place) = figures.shares.get_mut(*number as usize) {
            place.count = place.count.saturating_add(share.count);
            place.sum = place.sum.saturating_add(share.sum);
        }
    }
    Some(figures)
}

#[inline(never)]
fn give_word(give: &mut dyn FnMut(&[u8]), word: u32) {
    give(&word.to_le_bytes());
}

fn take_word(rest: &mut &[u8]) -> Option<u32> {
    let (word, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_le_bytes(*word))
}

fn take_text<'t>(rest: &mut &'t [u8]) -> Option<&'t [u8]> {
    let len = take_word(rest)? as usize;
    let (text, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(text)
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

#[inline(never)]
fn fnv(sum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(sum, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
