//! The servers of a zone, in memory that all workers share.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::{SERVER_WORDS, Server, is_later, since};

/// Servers that a zone knows at a time; of more the one that is longest unused leaves.
pub const SERVERS: usize = 64;
/// Words that a zone keeps for them.
pub const TABLE_WORDS: usize = SERVERS * SLOT;

/// The key, a lock, when it was last used, and the server.
const SLOT: usize = 4 + SERVER_WORDS;
const KEY_LOW: usize = 0;
const KEY_HIGH: usize = 1;
const LOCK: usize = 2;
const USED: usize = 3;
/// A lock that is older, in milliseconds, was left by a worker that is gone.
const LEFT: u32 = 1000;

/// A view of [`TABLE_WORDS`] words. They may hold anything.
#[derive(Clone, Copy, Debug)]
pub struct Servers<'z>(&'z [AtomicU32]);

impl<'z> Servers<'z> {
    /// A view; words that are missing hold no servers.
    pub fn new(words: &'z [AtomicU32]) -> Self {
        Self(words)
    }

    /// Does something with the server of a key, such as the hash of its address, and keeps what it
    /// has become. None where another worker has it just now: to wait would cost more than the
    /// answer is worth.
    pub fn with<T>(&self, key: u64, now: u32, work: impl FnOnce(&mut Server) -> T) -> Option<T> {
        let slot = self.slot(key)?;
        let lock = slot.get(LOCK)?;
        let owner = lock.load(Relaxed);
        let is_held = owner != 0 && since(owner, now) < LEFT && !is_later(owner, now);
        if is_held
            || lock
                .compare_exchange(owner, now.max(1), Acquire, Relaxed)
                .is_err()
        {
            return None;
        }
        let words = slot.get(4..)?;
        let mut server = Server::default();
        if is_of(slot, key) {
            let mut values = [0; SERVER_WORDS];
            values
                .iter_mut()
                .zip(words)
                .for_each(|(value, word)| *value = word.load(Relaxed));
            server = Server::from_words(values);
        }
        let result = work(&mut server);
        words.iter().zip(server.words()).for_each(|(word, value)| {
            if word.load(Relaxed) != *value {
                word.store(*value, Relaxed);
            }
        });
        slot.get(KEY_LOW)?.store(key as u32, Relaxed);
        slot.get(KEY_HIGH)?.store((key >> 32) as u32, Relaxed);
        slot.get(USED)?.store(now, Relaxed);
        lock.store(0, Release);
        Some(result)
    }

    /// The slot of a key, or the one that is longest unused; a key's own place is looked at first.
    fn slot(&self, key: u64) -> Option<&'z [AtomicU32]> {
        let own = key as usize % SERVERS;
        let (before, from) = self.0.split_at_checked(own.saturating_mul(SLOT))?;
        let slots = from
            .chunks_exact(SLOT)
            .chain(before.chunks_exact(SLOT))
            .take(SERVERS);
        let mut oldest: Option<(&[AtomicU32], u32)> = None;
        for slot in slots {
            if is_of(slot, key) {
                return Some(slot);
            }
            let used = slot.get(USED)?.load(Relaxed);
            if oldest.is_none_or(|(_, oldest)| is_later(oldest, used)) {
                oldest = Some((slot, used));
            }
        }
        oldest.map(|(slot, _)| slot)
    }
}

fn is_of(slot: &[AtomicU32], key: u64) -> bool {
    let word = |place: usize| slot.get(place).map(|word| word.load(Relaxed));
    word(KEY_LOW) == Some(key as u32) && word(KEY_HIGH) == Some((key >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Vec<AtomicU32> {
        (0..TABLE_WORDS).map(|_| AtomicU32::new(0)).collect()
    }

    #[test]
    fn each_server_has_its_own() {
        let memory = memory();
        let servers = Servers::new(&memory);
        servers.with(1 << 40, 1000, |server| server.answered(500, 900));
        assert_eq!(
            servers.with(1 << 40, 1000, |server| server.overtaken(400, 1000)),
            Some(100)
        );
        assert_eq!(
            servers.with(2 << 40, 1000, |server| server.overtaken(400, 1000)),
            Some(0)
        );
    }

    #[test]
    fn the_one_that_is_longest_unused_leaves() {
        let memory = memory();
        let servers = Servers::new(&memory);
        for key in 1..=SERVERS as u64 + 1 {
            servers.with(key, 1000 + key as u32, |server| server.answered(500, 900));
        }
        assert_eq!(
            servers.with(2, 2000, |server| server.overtaken(400, 1000)),
            Some(100)
        );
        assert_eq!(
            servers.with(1, 2000, |server| server.overtaken(400, 1000)),
            Some(0)
        );
    }

    #[test]
    fn a_lock_that_was_left_is_no_lock() {
        let memory = memory();
        let servers = Servers::new(&memory);
        assert_eq!(
            servers.with(1, 1000, |_| servers.with(1, 1500, |_| ())),
            Some(None)
        );
        memory[SLOT + LOCK].store(1000, Relaxed);
        assert_eq!(servers.with(1, 1500, |_| ()), None);
        assert_eq!(servers.with(1, 2000, |_| ()), Some(()));
    }

    #[test]
    fn any_bits_are_servers() {
        let mut bits = 7_u32;
        let memory: Vec<_> = (0..TABLE_WORDS)
            .map(|_| {
                bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                AtomicU32::new(bits)
            })
            .collect();
        for key in 0..200_u64 {
            Servers::new(&memory).with(key, bits, |server| server.answered(bits, bits));
        }
    }
}
