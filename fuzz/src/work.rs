//! Work is bounded by the bytes, whatever they are: a run that takes more fails.
//!
//! What is counted are basic blocks, not time: see `work.c`. A block is a few instructions.

use std::fmt::Debug;

unsafe extern "C" {
    static mut fuzz_blocks: core::ffi::c_ulong;
}

/// Of each request, whatever its length.
const START: u64 = 8_000;
/// Of each byte of target, Content-Type and body.
const A_BYTE: u64 = 40;
/// Of each piece in which the body comes.
const A_PIECE: u64 = 80;

/// What has been counted when a request begins.
pub(crate) struct Work(u64);

/// A request begins.
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
    // SAFETY: one thread.
    unsafe { (&raw const fuzz_blocks).read() }
}
