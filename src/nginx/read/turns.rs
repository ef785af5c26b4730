//! Divides a body that nginx has as a whole into turns, so that one request does not hold up others.

use core::ops::Range;

/// One turn: which bytes of each buffer it scans.
#[derive(Debug)]
pub(in crate::nginx) struct Turn {
    /// bytes of the body that have been scanned so far, by earlier turns or this one
    done: u64,
    /// bytes of the body in front of the next buffer
    seen: u64,
    /// bytes that this turn may still scan
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

    /// The bytes of the next buffer that this turn scans. The buffer has `len` bytes.
    pub(in crate::nginx) fn next(&mut self, len: u64) -> Range<u64> {
        let from = self.done.saturating_sub(self.seen).min(len);
        let to = from.saturating_add(self.left).min(len);
        let taken = to.saturating_sub(from);
        self.seen = self.seen.saturating_add(len);
        self.left = self.left.saturating_sub(taken);
        self.done = self.done.saturating_add(taken);
        from..to
    }

    /// Bytes of the body that have been scanned so far.
    pub(in crate::nginx) fn done(&self) -> u64 {
        self.done
    }

    /// Whether this turn has scanned all that it may: other requests come next.
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
