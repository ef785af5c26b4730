//! Text as bytes: UTF-8 and other charsets, percent escapes, searches in short texts.

pub mod charset;
pub(crate) mod near;
pub(crate) mod percent;
pub(in crate::body) mod utf8;

pub use charset::Charset;
