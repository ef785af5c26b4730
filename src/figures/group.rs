//! The names of groups of servers, each of which gets a number once.

use core::sync::atomic::Ordering::{Acquire, Release};

use super::layout::{self, group, head, plus};
use super::sums::GROUPS;
use super::zone::worker::Worker;
use super::zone::{Zone, write_point};

/// The number of what has no number of its own.
const LAST: u32 = GROUPS as u32 - 1;

/// The name of a group.
#[derive(Clone, Copy, Debug)]
pub struct GroupName {
    bytes: [u8; group::NAME_MAX],
    len: usize,
}

impl GroupName {
    /// As text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Names are those of the configuration, or hosts: what is neither ASCII nor short is not kept whole.
    fn new(name: &[u8]) -> Self {
        let mut result = Self {
            bytes: [b'?'; group::NAME_MAX],
            len: name.len().min(group::NAME_MAX),
        };
        let plain = |byte: &u8| matches!(byte, b' '..=b'~');
        for (to, from) in result.bytes.iter_mut().zip(name) {
            *to = if plain(from) { *from } else { b'?' };
        }
        result
    }
}

impl Zone<'_> {
    /// The number of a group. All groups after the first 15 have the same.
    pub fn group(&self, worker: Worker, name: &[u8]) -> u32 {
        let name = GroupName::new(name);
        self.find_group(&name).unwrap_or_else(|| {
            let number = self.locked(worker, || {
                // Another worker may have been quicker.
                self.find_group(&name).or_else(|| self.add_group(&name))
            });
            number.unwrap_or(LAST)
        })
    }

    /// Its name; None where it has none.
    pub fn group_name(&self, number: u32) -> Option<GroupName> {
        if number == LAST {
            return Some(GroupName::new(b"(other)"));
        }
        (number < self.groups()).then(|| {
            let words = layout::group(number as usize);
            let mut name = GroupName::new(&[]);
            name.len = (self.get(plus(words, group::NAME_LEN)) as usize).min(group::NAME_MAX);
            for (word, bytes) in name.bytes.chunks_exact_mut(4).enumerate() {
                let word = self.get(plus(plus(words, group::NAME), word));
                bytes.copy_from_slice(&word.to_le_bytes());
            }
            name
        })
    }

    fn groups(&self) -> u32 {
        self.word(head::GROUPS_USED).load(Acquire).min(LAST)
    }

    fn find_group(&self, name: &GroupName) -> Option<u32> {
        (0..self.groups()).find(|number| {
            self.group_name(*number)
                .is_some_and(|found| found.as_str() == name.as_str())
        })
    }

    /// Under the lock. None where there is no number left.
    fn add_group(&self, name: &GroupName) -> Option<u32> {
        let number = self.groups();
        if number == LAST {
            return None;
        }
        let words = layout::group(number as usize);
        self.set(plus(words, group::NAME_LEN), name.len as u32);
        for (word, bytes) in name.bytes.chunks(4).enumerate() {
            let mut value = [0; 4];
            value
                .iter_mut()
                .zip(bytes)
                .for_each(|(to, from)| *to = *from);
            self.set(
                plus(plus(words, group::NAME), word),
                u32::from_le_bytes(value),
            );
        }
        write_point();
        self.word(head::GROUPS_USED)
            .store(number.wrapping_add(1), Release);
        Some(number)
    }
}
