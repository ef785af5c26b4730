//! Memory for contexts that a worker keeps: the next request finds it warm, and a request's pool need
//! not grow by a page for it, which takes nginx longer than a form takes us.
//!
//! Where all are in use, or a block is too small, memory comes from the request's pool.

use core::cell::{Cell, UnsafeCell};
use core::ffi::c_void;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::{self, NonNull};

/// Bytes in a block: enough for all but large multipart boundaries and many arguments.
pub(super) const BLOCK_LEN: usize = 2048;
/// Those of a worker: 128 KiB, of which the system gives what is used.
const BLOCKS: usize = 64;

#[repr(C, align(64))]
struct Block(UnsafeCell<[MaybeUninit<u8>; BLOCK_LEN]>);

/// INVARIANT: each block is with one request, or in the list, or at `fresh` and behind.
struct Store {
    blocks: [Block; BLOCKS],
    /// how many have ever been with a request
    fresh: Cell<usize>,
    /// the last one that came back; each has the one before it at its start
    free: Cell<*mut Block>,
}

// SAFETY: only callbacks touch it, and nginx runs those in the process's only thread.
unsafe impl Sync for Store {}

static STORE: Store = Store {
    blocks: [const { Block(UnsafeCell::new([MaybeUninit::uninit(); BLOCK_LEN])) }; BLOCKS],
    fresh: Cell::new(0),
    free: Cell::new(ptr::null_mut()),
};

/// A block that nobody else has, with anything in it.
pub(super) struct Kept(NonNull<Block>);

impl Kept {
    /// None where all are in use.
    pub(super) fn take() -> Option<Self> {
        if let Some(block) = NonNull::new(STORE.free.get()) {
            // SAFETY: a block of the list has the next one at its start.
            STORE.free.set(unsafe { block.cast().read() });
            return Some(Self(block));
        }
        let fresh = STORE.fresh.get();
        let block = STORE.blocks.get(fresh)?;
        STORE.fresh.set(fresh.saturating_add(1));
        Some(Self(NonNull::from(block)))
    }

    /// BLOCK_LEN bytes, aligned to a line of the CPU's cache.
    pub(super) fn start(&self) -> *mut u8 {
        self.0.as_ptr().cast()
    }

    /// For [`Self::from_raw`].
    pub(super) fn into_raw(self) -> *mut c_void {
        ManuallyDrop::new(self).0.as_ptr().cast()
    }

    /// # Safety
    ///
    /// `raw` is from [`Self::into_raw`], which was called once for this call.
    pub(super) unsafe fn from_raw(raw: *mut c_void) -> Option<Self> {
        NonNull::new(raw.cast()).map(Self)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: nobody else has the block. It has room for a pointer, and is aligned for it.
        unsafe { self.0.cast().write(STORE.free.get()) };
        STORE.free.set(self.0.as_ptr());
    }
}
