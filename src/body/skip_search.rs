//! Finds a text, the needle, behind a line break by a look at few bytes: skip search (Charras, Lecroq
//! and Pehoushek, "A Very Fast String Matching Algorithm for Small Alphabets and Long Patterns").
//!
//! At each multiple of a stride four bytes are looked at. Wherever the needle lies, one such group is
//! within it, and begins at one of its first `stride` bytes, if it has three more than the stride. A
//! table knows those groups: where the hash of one says, it has the first two bytes of it. Where a
//! group looks like one of them, the bytes in front of it and behind are searched for dashes behind a
//! line break, with which each needle begins. So are all of them for a short needle.
//!
//! An entry has room for one group. Where two want the same, the stride ends in front of the second
//! one; of a few hashes the one with the longest stride is taken. With 32 hexadecimal digits that is
//! 30 bytes on average, where 31 are possible.

use core::mem::MaybeUninit;

use super::near;

/// Bytes in a group.
const GROUP: usize = 4;
/// Groups that are looked at in each turn of the loop.
const UNROLLED: usize = 8;
/// With a shorter stride it is as fast to look at all bytes.
const STRIDE_MIN: u8 = 8;
/// What the hashes multiply by.
const MULTIPLIERS: [u32; 4] = [0x9e37_79b1, 0x85eb_ca6b, 0xc2b2_ae35, 0x27d4_eb2f];
/// An entry without a group. No text in UTF-8 has these bytes.
const FREE: u16 = u16::from_le_bytes([0xc0; 2]);
/// As many are looked at where skipping has ended, or twice as many as before where it has not begun
/// again: nothing is gained by it in bytes that all look like the needle's.
const WINDOW: usize = 64;
/// As many as there are hashes.
const ENTRIES: usize = 512;

type Table = [u16; ENTRIES];

/// Room for what is prepared. It need not be made zero.
pub type SkipRoom = MaybeUninit<Table>;

/// The search. State: what it borrows.
#[derive(Debug)]
pub(super) struct SkipSearch<'r> {
    /// until the needle is prepared
    room: Option<&'r mut SkipRoom>,
    /// none for a short needle
    groups: Option<Groups<'r>>,
}

impl<'r> SkipSearch<'r> {
    pub(super) fn new(room: &'r mut SkipRoom) -> Self {
        Self {
            room: Some(room),
            groups: None,
        }
    }

    /// Where `needle`, which is always the same, is behind a line break, or the start of it at the end
    /// of the bytes, or their end.
    pub(super) fn find_line(&mut self, needle: &[u8], bytes: &[u8]) -> usize {
        if let Some(room) = self.room.take() {
            self.groups = Groups::new(needle, room);
        }
        let (mut at, mut window) = (0_usize, WINDOW);
        while let Some(here) = bytes.get(at..).filter(|here| !here.is_empty()) {
            let passable = match &self.groups {
                Some(groups) => groups.passable(here),
                None => 0,
            };
            window = match passable {
                0 => window.saturating_mul(2),
                _ => WINDOW,
            };
            at = at.saturating_add(passable);
            let here = here.get(passable..).unwrap_or_default();
            let here = here.get(..window).unwrap_or(here);
            let Some(line_break) = near::find_dashes(here) else {
                at = at.saturating_add(here.len());
                continue;
            };
            at = at.saturating_add(line_break).saturating_add(1);
            if is_start(bytes.get(at..).unwrap_or_default(), needle) {
                break;
            }
        }
        at
    }
}

/// These bytes begin with the needle, or are the start of it.
pub(super) fn is_start(bytes: &[u8], needle: &[u8]) -> bool {
    let len = bytes.len().min(needle.len());
    bytes.get(..len) == needle.get(..len)
}

/// The groups of a needle.
#[derive(Debug)]
struct Groups<'r> {
    table: &'r Table,
    /// which of the MULTIPLIERS
    hash: u8,
    /// at least STRIDE_MIN
    stride: u8,
}

impl<'r> Groups<'r> {
    /// None where the needle is too short.
    #[inline(never)]
    fn new(needle: &[u8], room: &'r mut SkipRoom) -> Option<Self> {
        let table = room.write([FREE; ENTRIES]);
        let (mut best, mut last) = ((0, 0), 0);
        for hash in 0..MULTIPLIERS.len() as u8 {
            last = hash;
            let stride = fill(table, needle, hash);
            if stride > best.1 {
                best = (hash, stride);
            }
            if usize::from(stride).saturating_add(GROUP) > needle.len() {
                break;
            }
        }
        let (hash, stride) = best;
        if hash != last {
            fill(table, needle, hash);
        }
        (stride >= STRIDE_MIN).then_some(Self {
            table,
            hash,
            stride,
        })
    }

    /// How many bytes can be passed over: neither a needle nor the start of one at the end begins in
    /// there, nor one byte behind.
    fn passable(&self, bytes: &[u8]) -> usize {
        const M: [u32; 4] = MULTIPLIERS;
        // Constants in the code, which make it a fourth faster than a variable.
        match self.hash {
            0 => self.passable_by::<{ M[0] }>(bytes),
            1 => self.passable_by::<{ M[1] }>(bytes),
            2 => self.passable_by::<{ M[2] }>(bytes),
            _ => self.passable_by::<{ M[3] }>(bytes),
        }
    }

    #[inline(never)]
    fn passable_by<const MULTIPLIER: u32>(&self, bytes: &[u8]) -> usize {
        // As the compiler must know for there to be no checks below.
        let stride = usize::from(self.stride.max(GROUP as u8));
        let is_hit = |bytes: &[u8]| {
            bytes.first_chunk().is_none_or(|group| {
                let (hash, start) = look_up(*group, MULTIPLIER);
                self.table.get(hash) == Some(&start)
            })
        };
        let mut rest = bytes;
        while let Some((block, after)) = rest.split_at_checked(stride.saturating_mul(UNROLLED)) {
            let mut chunks = block;
            let has_hit = (0..UNROLLED).any(|_| {
                chunks
                    .split_at_checked(stride)
                    .is_none_or(|(chunk, after)| {
                        chunks = after;
                        is_hit(chunk)
                    })
            });
            if has_hit {
                break;
            }
            rest = after;
        }
        while let Some((chunk, after)) = rest.split_at_checked(stride) {
            if is_hit(chunk) {
                break;
            }
            rest = after;
        }
        // The last group that is none of the needle's was one stride before.
        bytes
            .len()
            .saturating_sub(rest.len())
            .saturating_sub(stride)
    }
}

/// Puts groups into the table as long as there is room. Gives their number.
#[inline(never)]
fn fill(table: &mut Table, needle: &[u8], hash: u8) -> u8 {
    let multiplier = MULTIPLIERS
        .get(usize::from(hash))
        .copied()
        .unwrap_or_default();
    *table = [FREE; ENTRIES];
    let mut stride = 0_u8;
    for group in needle.windows(GROUP).take(usize::from(u8::MAX)) {
        let group = group.first_chunk().copied().unwrap_or_default();
        let (hash, start) = look_up(group, multiplier);
        match table.get_mut(hash) {
            Some(entry) if start != FREE && (*entry == FREE || *entry == start) => *entry = start,
            _ => break,
        }
        stride = stride.saturating_add(1);
    }
    stride
}

/// The place of a group, and what stands there.
#[inline(always)]
fn look_up(group: [u8; GROUP], multiplier: u32) -> (usize, u16) {
    let group = u32::from_le_bytes(group);
    let hash = group.wrapping_mul(multiplier) >> 23;
    (hash as usize, group as u16)
}

#[cfg(test)]
mod tests {
    use super::{Groups, MULTIPLIERS, SkipRoom, fill};

    /// Needles, and what their strides are at least.
    const NEEDLES: [(&[u8], u8); 8] = [
        (b"------WebKitFormBoundary7MA4YWxkTrZu0gW", 30),
        (
            b"-----------------------------9051914041544843365972754266",
            45,
        ),
        (b"--5e103fd8c4cd2ccb9bb9c2ab0ff4b5e6", 28),
        (b"--------------------------d74496d66958873e", 35),
        (b"--6ba7b810-9dad-11d1-80b4-00c04fd430c8", 27),
        (b"--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", 44),
        (b"--boundary", 0),
        (b"--boundary1", 8),
    ];

    #[test]
    fn strides_are_long() {
        for (needle, least) in NEEDLES {
            let mut room = SkipRoom::uninit();
            let stride = Groups::new(needle, &mut room).map_or(0, |groups| groups.stride);
            assert!(stride >= least, "{stride} for {needle:?}");
            assert!(usize::from(stride) + 3 <= needle.len());
        }
    }

    #[test]
    fn nothing_is_passed_over_in_which_a_needle_begins() {
        // Groups that look like a free entry, too.
        let free: Vec<u8> = (0..20).flat_map(|n| [0xc0, 0xc0, n]).collect();
        let needles = NEEDLES.map(|(needle, _)| needle);
        for needle in needles.into_iter().chain([&free[..]]) {
            for hash in 0..MULTIPLIERS.len() as u8 {
                let mut room = SkipRoom::uninit();
                let table = room.write([0; 512]);
                let stride = fill(table, needle, hash);
                let groups = Groups {
                    table,
                    hash,
                    stride,
                };
                if stride >= 8 {
                    check(&groups, needle);
                }
            }
        }
    }

    fn check(groups: &Groups<'_>, needle: &[u8]) {
        let stride = usize::from(groups.stride);
        for filler in [0, b'-', b'a', 0xc0] {
            for at in 0..10 * stride {
                let mut data = vec![filler; at];
                data.extend_from_slice(needle);
                data.extend([filler; 20]);
                for end in at..data.len() {
                    let passable = groups.passable(&data[..end]);
                    assert!(passable == 0 || passable < at, "{passable} for {at}, {end}");
                }
                if filler == 0 {
                    let passable = groups.passable(&data);
                    assert!(at - passable <= 2 * stride, "{passable} for {at}");
                }
            }
        }
    }
}
