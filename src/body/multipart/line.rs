//! A header line of a part that does not lie in one chunk as a whole.

use core::cell::RefCell;
use core::fmt::Debug;
use core::mem::MaybeUninit;

/// The longest Content-Disposition or Content-Type line of a part that is read, in bytes. Other
/// headers may be of any length.
pub(super) const LINE_MAX: usize = 4096;

/// Room for a header line. It need not be made zero: few requests need it, and theirs is then.
pub type LineRoom = MaybeUninit<[u8; LINE_MAX]>;

/// Who has such room, and is asked only where a line needs it.
pub trait LendLine<'r>: Debug {
    /// None where there is none. Nobody asks again who has got some.
    fn lend(&self) -> Option<&'r mut LineRoom>;
}

/// Room that is there already.
#[derive(Debug)]
pub struct OneLine<'r>(RefCell<Option<&'r mut LineRoom>>);

impl<'r> OneLine<'r> {
    /// Lends this room, once.
    pub fn new(room: &'r mut LineRoom) -> Self {
        Self(RefCell::new(Some(room)))
    }
}

impl<'r> LendLine<'r> for OneLine<'r> {
    fn lend(&self) -> Option<&'r mut LineRoom> {
        self.0.try_borrow_mut().ok()?.take()
    }
}

/// The line, as far as it has been kept.
#[derive(Debug)]
pub(super) struct Line<'r> {
    lender: &'r dyn LendLine<'r>,
    /// empty until something is kept
    bytes: &'r mut [u8],
    /// what exceeds LINE_MAX is only counted
    len: usize,
}

impl<'r> Line<'r> {
    pub(super) fn new(lender: &'r dyn LendLine<'r>) -> Self {
        Self {
            lender,
            bytes: &mut [],
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.len = len;
    }

    /// The first LINE_MAX bytes.
    pub(super) fn get(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(self.bytes)
    }

    pub(super) fn push(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        if self.bytes.is_empty() {
            match self.lender.lend() {
                Some(room) => self.bytes = room.write([0; LINE_MAX]),
                // Nothing of the line is known, as if it were too long.
                None => self.len = usize::MAX,
            }
        }
        let free = self.bytes.get_mut(self.len..).unwrap_or_default();
        for (to, from) in free.iter_mut().zip(text) {
            *to = *from;
        }
        self.len = self.len.saturating_add(text.len());
    }
}
