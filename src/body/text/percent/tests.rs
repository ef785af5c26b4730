//! How much is handed on at once: the bytes are the same without it.

#[cfg(target_arch = "x86_64")]
use fearless_simd::Level;

use super::unescape::Buffer;
use super::{Escape, Sink};

/// Keeps apart what is handed on apart.
#[derive(Default)]
struct Pieces(Vec<Vec<u8>>);

impl Sink for Pieces {
    fn push(&mut self, bytes: &[u8]) {
        self.0.push(bytes.to_vec());
    }

    fn push_byte(&mut self, byte: u8) {
        self.push(&[byte]);
    }
}

#[test]
fn bytes_between_escapes_are_handed_on_at_once() {
    let mut pieces = Pieces::default();
    Escape::None.decode(b"abc%41+def%4", &mut pieces);
    assert_eq!(pieces.0, [&b"abc"[..], b"A", b" ", b"def"]);
}

#[test]
fn a_long_text_is_handed_on_with_its_escapes() {
    for (len, expected) in [(5, 2), (127, 2), (128, 1), (500, 1)] {
        let mut text = b"%41".to_vec();
        text.resize(len, b'x');
        let mut pieces = Pieces::default();
        Escape::None.decode_long(&text, &mut pieces);
        assert_eq!(pieces.0.len(), expected, "{len} bytes");
        let mut decoded = b"A".to_vec();
        decoded.resize(len - 2, b'x');
        assert_eq!(pieces.0.concat(), decoded, "{len} bytes");
    }
}

#[test]
fn a_full_buffer_is_handed_on() {
    let mut pieces = Pieces::default();
    let mut buffer = Buffer::<_, 4>::new(&mut pieces);
    for byte in *b"abcdefgh" {
        buffer.push_byte(byte);
    }
    buffer.push(b"i");
    buffer.flush();
    assert_eq!(pieces.0, [&b"abcd"[..], b"efgh", b"i"]);
}

#[test]
fn the_first_bytes_are_taken_and_no_more() {
    let bytes: Vec<u8> = (b'!'..=b'~').collect();
    for len in 0..40 {
        for there in [len, len + 1, len + 20] {
            let mut pieces = Pieces::default();
            let mut buffer = Buffer::<_, 50>::new(&mut pieces);
            buffer.push_first(&bytes[..there], len);
            buffer.push_first(&bytes[len..], 20);
            buffer.push_byte(b'.');
            buffer.flush();
            let expected = [&bytes[..len + 20], b"."].concat();
            assert_eq!(pieces.0.concat(), expected, "{len} of {there}");
        }
    }
}

/// Without AVX2 the caller decodes byte by byte. Two bytes more than a vector tell what it stands for.
#[test]
fn whole_vectors_are_decoded_where_the_cpu_can() {
    #[cfg(target_arch = "x86_64")]
    let can = Level::new().as_avx2().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    let can = true;
    for len in 0..1000_usize {
        let mut pieces = Pieces::default();
        let mut buffer = Buffer::<_, 256>::new(&mut pieces);
        let vectors = if can { len.saturating_sub(2) / 32 } else { 0 };
        assert_eq!(buffer.decode(&vec![b'x'; len]), 32 * vectors, "{len}");
    }
}
