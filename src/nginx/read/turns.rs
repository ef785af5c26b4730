//! How a body that is there as a whole is looked at in turns.

use core::ops::Range;

/// What is to be looked at in one turn.
#[derive(Debug)]
pub(in crate::nginx) struct Turn {
    /// bytes of the body that earlier turns have looked at
    done: u64,
    /// bytes in front of the buffer that comes next
    seen: u64,
    /// bytes that this turn may still look at
    left: u64,
}

impl Turn {
    pub(in crate::nginx) fn new(done: u64, most: u64) -> Self {
        Self {
            done,
            seen: 0,
            left: most,
        }
    }

    /// What of the next buffer, of `len` bytes, is to be looked at now.
    pub(in crate::nginx) fn next(&mut self, len: u64) -> Range<u64> {
        let from = self.done.saturating_sub(self.seen).min(len);
        let to = from.saturating_add(self.left).min(len);
        let taken = to.saturating_sub(from);
        self.seen = self.seen.saturating_add(len);
        self.left = self.left.saturating_sub(taken);
        self.done = self.done.saturating_add(taken);
        from..to
    }

    /// Bytes of the body that have been looked at so far.
    pub(in crate::nginx) fn done(&self) -> u64 {
        self.done
    }

    /// Other requests have their turn now.
    pub(in crate::nginx) fn is_over(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Turn;

    #[test]
    fn each_byte_is_looked_at_once_whatever_a_turn_is() {
        for bufs in [&[5][..], &[0, 3, 0, 7], &[1; 9], &[4, 4, 4], &[0]] {
            let total: u64 = bufs.iter().sum();
            for most in 1..=total + 1 {
                let (mut done, mut looked_at, mut turns) = (0, Vec::new(), 0);
                loop {
                    let mut turn = Turn::new(done, most);
                    let mut start = 0;
                    for len in bufs {
                        let range = turn.next(*len);
                        looked_at.extend(range.map(|at| start + at));
                        start += len;
                        if turn.is_over() {
                            break;
                        }
                    }
                    done = turn.done();
                    turns += 1;
                    if !turn.is_over() {
                        break;
                    }
                }
                assert_eq!(
                    looked_at,
                    (0..total).collect::<Vec<_>>(),
                    "{bufs:?} by {most}"
                );
                assert_eq!(turns, total / most + 1);
            }
        }
    }
}
