//! A block of memory that is given out piece by piece.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::slice;

/// Memory of a request's pool that is given out piece by piece, from the front.
///
/// INVARIANT: `left` bytes from `next` on are valid for writes for as long as `'m`, and nothing else
/// points to them.
pub(in crate::nginx) struct Block<'m> {
    next: *mut u8,
    left: usize,
    lifetime: PhantomData<&'m mut [MaybeUninit<u8>]>,
}

impl<'m> Block<'m> {
    /// # Safety
    ///
    /// There are `len` bytes from `start` on, valid for writes, to which nothing else points for as
    /// long as `'m`.
    pub(in crate::nginx) unsafe fn new(start: *mut u8, len: usize) -> Self {
        Self {
            next: start,
            left: len,
            lifetime: PhantomData,
        }
    }

    /// Room for `count` values, of which nothing is written yet. None where there is less.
    pub(in crate::nginx) fn take<T>(&mut self, count: usize) -> Option<&'m mut [MaybeUninit<T>]> {
        let gap = self.next.align_offset(align_of::<T>());
        let len = size_of::<T>().checked_mul(count)?;
        self.left = self.left.checked_sub(gap.checked_add(len)?)?;
        // SAFETY: by the invariant the bytes are there and this function gives out each of them
        // once; they are aligned, and need not be initialised.
        unsafe {
            let place = self.next.add(gap);
            self.next = place.add(len);
            Some(slice::from_raw_parts_mut(place.cast(), count))
        }
    }

    /// Room for one value.
    pub(in crate::nginx) fn take_one<T>(&mut self) -> Option<&'m mut MaybeUninit<T>> {
        self.take(1)?.first_mut()
    }

    /// Bytes that are zero.
    pub(in crate::nginx) fn take_bytes(&mut self, len: usize) -> Option<&'m mut [u8]> {
        let bytes = self.take::<u8>(len)?;
        bytes.fill(MaybeUninit::new(0));
        // SAFETY: all of them have just been written.
        Some(unsafe { slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), len) })
    }
}

#[cfg(test)]
mod tests {
    use core::mem::MaybeUninit;

    use super::Block;

    fn with<T>(len: usize, test: impl FnOnce(&mut Block<'_>) -> T) -> T {
        let mut memory = vec![MaybeUninit::<u8>::uninit(); len];
        // SAFETY: the vector's own bytes, which no other code touches while the block is in use.
        test(&mut unsafe { Block::new(memory.as_mut_ptr().cast(), len) })
    }

    #[test]
    fn pieces_do_not_overlap_and_are_aligned() {
        with(256, |block| {
            let first = block.take_bytes(3).unwrap();
            let second = block.take::<u64>(2).unwrap();
            let third = block.take_one::<u16>().unwrap();
            second.iter_mut().for_each(|value| {
                value.write(u64::MAX);
            });
            third.write(7);
            assert_eq!(first, [0; 3]);
            first.fill(1);
            assert!(second.as_ptr().is_aligned());
            // SAFETY: written above.
            let written = unsafe { (second[1].assume_init(), third.assume_init()) };
            assert_eq!(written, (u64::MAX, 7));
        });
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_is_given_out_behind_it() {
        with(16, |block| {
            assert!(block.take_bytes(16).is_some());
            assert!(block.take_bytes(0).is_some());
            assert!(block.take_bytes(1).is_none());
            assert!(block.take::<u64>(usize::MAX).is_none());
        });
        with(0, |block| assert!(block.take_one::<u8>().is_none()));
    }
}
