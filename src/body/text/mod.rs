//! Text as bytes: UTF-8 and other charsets, percent escapes, searches in short texts.

pub mod charset;
pub(crate) mod near;
pub(crate) mod percent;
pub(in crate::body) mod utf8;

pub use charset::Charset;

/// Copies as many bytes as fit. Unlike `copy_from_slice`, it takes any lengths, so it cannot panic.
#[inline(always)]
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
