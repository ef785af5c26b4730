//! Checks that the work has a bound in the number of bytes, whatever the bytes are: a run above it fails.
//!
//! It counts basic blocks, not time: see `work.c`. A block is a few instructions.

use std::fmt::Debug;

unsafe extern "C" {
    static mut fuzz_blocks: core::ffi::c_ulong;
}

/// Blocks for each request, whatever its length.
const START: u64 = 8_000;
/// Blocks for each byte of target, Content-Type and body.
const A_BYTE: u64 = 40;
/// Blocks for each piece in which the body comes.
const A_PIECE: u64 = 80;

/// The count when a request begins.
pub(crate) struct Work(u64);

/// Reads the count when a request begins.
pub(crate) fn begin() -> Work {
    Work(blocks())
}

impl Work {
    /// Asserts that a request of so many bytes in so many pieces has not taken more than it may.
    pub(crate) fn check(self, bytes: usize, pieces: usize, what: &dyn Debug) {
        let taken = blocks().wrapping_sub(self.0);
        let most = START + A_BYTE * bytes as u64 + A_PIECE * pieces as u64;
        assert!(
            taken <= most,
            "{taken} blocks for {bytes} bytes in {pieces} pieces: {what:?}"
        );
        if std::env::var_os("FUZZ_SHOW_WORK").is_some() {
            eprintln!("work {taken} {bytes} {pieces}");
        }
    }
}

fn blocks() -> u64 {
    // SAFETY: only this thread writes and reads it.
    unsafe { (&raw const fuzz_blocks).read() }
}
