use super::{Borders, Delimiter, Search};
use crate::body::testing::each_split;

/// All delimiters with the offset behind them, the first one being allowed anywhere.
fn all(boundary: &str, data: &[u8], first: bool) -> Vec<(usize, Delimiter, usize)> {
    let needle = format!("--{boundary}");
    each_split(data, |pieces| {
        let mut borders = vec![0; Borders::len(needle.len())];
        let mut search = Search::new(needle.as_bytes(), &mut borders, false);
        if !first {
            search.restart([0, b'\n']);
        }
        let (mut found, mut offset) = (Vec::new(), 0);
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let (taken, delimiter) = search.feed(rest);
                offset += taken;
                rest = &rest[taken..];
                if let Some(delimiter) = delimiter {
                    found.push((offset, delimiter, search.len()));
                    search.restart([0, 0]);
                }
            }
        }
        found
    })
}

fn part(offset: usize, len: usize) -> (usize, Delimiter, usize) {
    (offset, Delimiter::Part { may_have_lf: false }, len)
}

#[test]
fn line_breaks_and_tails() {
    let end = |offset, len| (offset, Delimiter::End, len);
    let part_cr = |offset, len| (offset, Delimiter::Part { may_have_lf: true }, len);
    assert_eq!(all("B", b"--B\r\n", true), [part_cr(4, 4)]);
    assert_eq!(all("B", b"pre--B \t\n", true), [part(9, 6)]);
    assert_eq!(all("B", b"x\r\n--B--", true), [end(8, 7)]);
    assert_eq!(all("B", b"pre--B\n", false), []);
    assert_eq!(all("B", b"x\n--B\n", false), [part(6, 5)]);
    assert_eq!(all("B", b"x\r--B\n", false), [part(6, 5)]);
    assert_eq!(all("B", b"x\r\n--Bjunk\r\n--B\n", false), [part(16, 6)]);
    assert_eq!(all("B", b"x\r\n--B-\r\n--B\n", false), [part(13, 6)]);
    assert_eq!(all("B", b"x\r\n--B \x0b x\n--B\n", false), [part(15, 5)]);
    assert_eq!(all("B", b"--B\n", false), [part(4, 5)]);
    assert_eq!(all("B", b"\n\r--B--", false), [end(7, 6)]);
}

#[test]
fn overlapping_candidates() {
    assert_eq!(all("-", b"----\n", true), [part(5, 5)]);
    assert_eq!(all("-", b"-----", true).len(), 1);
    assert_eq!(all("x--", b"--x--x--\n", true), [part(9, 6)]);
    assert_eq!(all(" x--", b"-- x-- x--\n", true), [part(11, 7)]);
    assert_eq!(all("aab", b"\n--aa--aab\n", true), [part(11, 6)]);
    assert_eq!(all("a", b"\n-\n--a\n", false), [part(7, 5)]);
}

#[test]
fn agrees_with_a_naive_search() {
    // Small alphabets make look-alikes likely.
    let mut state = 1_u32;
    let mut random = |n: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % n
    };
    for _ in 0..3000 {
        let boundary: String = (0..=random(3))
            .map(|_| ['-', 'a', ' '][random(3) as usize])
            .collect();
        let data: Vec<u8> = (0..random(40))
            .map(|_| b"--aa \n\r-"[random(8) as usize])
            .collect();
        for first in [false, true] {
            let found = all(&boundary, &data, first);
            let naive = naive_first(&boundary, &data, first);
            assert_eq!(
                found.first().map(|(offset, ..)| *offset),
                naive,
                "{boundary:?} in {:?}, first: {first}",
                String::from_utf8_lossy(&data)
            );
        }
    }
}

/// The end of the leftmost match of werkzeug's regular expression, LF behind CR excluded.
fn naive_first(boundary: &str, data: &[u8], first: bool) -> Option<usize> {
    let needle = format!("--{boundary}");
    (0..data.len()).find_map(|at| {
        let rest = data[at..].strip_prefix(needle.as_bytes())?;
        let behind_break = at == 0 || matches!(data[at - 1], b'\n' | b'\r');
        if !(first || behind_break) {
            return None;
        }
        let start = at + needle.len();
        if rest.starts_with(b"--") {
            return Some(start + 2);
        }
        let spaces = rest.iter().take_while(|b| b" \t".contains(b)).count();
        matches!(rest.get(spaces), Some(b'\n' | b'\r')).then_some(start + spaces + 1)
    })
}
