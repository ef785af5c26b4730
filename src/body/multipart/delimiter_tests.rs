use super::{Borders, Delimiter, NEAR, Search};
use crate::body::testing::each_split;

type Found = Vec<(usize, Delimiter, usize)>;

/// All delimiters, with the offset behind each. The first one may stand anywhere.
fn all(boundary: &str, data: &[u8], first: bool) -> Found {
    let needle = format!("--{boundary}");
    each_split(data, |pieces| {
        scan(needle.as_bytes(), pieces.iter().copied(), first)
    })
}

fn scan<'p>(needle: &[u8], pieces: impl Iterator<Item = &'p [u8]>, first: bool) -> Found {
    let mut borders = vec![0; Borders::len(needle.len())];
    let mut search = Search::new(needle, &mut borders, false);
    if !first {
        search.restart([0, b'\n']);
    }
    let (mut found, mut offset) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = piece;
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
}

/// The end of the first delimiter behind the beginning of a long part.
fn scan_far<'p>(needle: &str, pieces: impl Iterator<Item = &'p [u8]>) -> Option<usize> {
    let mut borders = vec![0; Borders::len(needle.len())];
    let mut search = Search::new(needle.as_bytes(), &mut borders, false);
    search.restart([0, b'\n']);
    search.near = 0;
    let mut offset = 0;
    for piece in pieces {
        let (taken, delimiter) = search.feed(piece);
        offset += taken;
        if delimiter.is_some() {
            return Some(offset);
        }
        assert_eq!(taken, piece.len());
    }
    None
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
fn the_start_of_a_part_is_searched_line_by_line() {
    let mut borders = [0; 6];
    let mut search = Search::new(b"--B", &mut borders, false);
    search.restart([0, b'\n']);
    for (bytes, left) in [
        (&b"data\nmore\r\n"[..], NEAR - 11),
        (b"\n--", NEAR - 12),
        (&[b'x'; 2 * NEAR], 0),
    ] {
        search.feed(bytes);
        assert_eq!(search.near, left);
    }
}

/// A needle may have begun in the bytes so far, also if a needle that is only data began in front of it.
#[test]
fn no_skim_within_a_needle() {
    let needle = b"--x--x\r\n--z";
    let mut borders = vec![0; Borders::len(needle.len())];
    let mut search = Search::new(needle, &mut borders, false);
    search.restart([0, b'\n']);
    assert!(search.skim().is_none());
    for (bytes, matched, may_skim) in [
        (&b"data"[..], 0, true),
        (b"\n--x--", 5, false),
        (b"x--x\r\n--", 10, false),
        (b"data", 0, true),
        (b"\r", 0, false),
    ] {
        search.feed(bytes);
        assert_eq!(search.matched, matched, "{}", bytes.escape_ascii());
        assert_eq!(
            search.skim().is_some(),
            may_skim,
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn agrees_with_a_naive_search() {
    // Small alphabets make look-alikes likely.
    let mut random = random();
    for _ in 0..4000 {
        let boundary: String = (0..=random(3))
            .map(|_| ['-', 'a', ' ', '-', 'a', '\n', '\r'][random(7) as usize])
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
        let naive = naive_first(&boundary, &data, false);
        for len in [1, 2, 5, 41] {
            assert_eq!(
                scan_far(&format!("--{boundary}"), data.chunks(len)),
                naive,
                "{boundary:?} far in {:?} by {len}",
                String::from_utf8_lossy(&data)
            );
        }
    }
}

/// Boundaries of clients, and others of each length and kind.
const BOUNDARIES: [&str; 16] = [
    "----WebKitFormBoundary7MA4YWxkTrZu0gW",
    "---------------------------9051914041544843365972754266",
    "----geckoformboundary5e103fd8c4cd2ccb9bb9c2ab0ff4b5e6",
    "0123456789abcdef0f1e2d3c4b5a6978",
    "------------------------d74496d66958873e",
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "----------------------------------------",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    "abababababababababababababababababababab",
    "AaB03xAaB03xAaB0",
    "boundary123",
    "abcdefghi",
    "abcdefgh",
    "XXXX",
    "-",
    "x\r\n--x",
];

#[test]
fn a_delimiter_at_each_place_of_a_long_part() {
    for boundary in BOUNDARIES {
        let needle = format!("--{boundary}");
        let inside = &needle.as_bytes()[1..];
        for filler in [&b"x"[..], b"-", b"\n", inside] {
            for at in 0..130 {
                let front = filler.iter().copied().cycle().take(at);
                let data: Vec<u8> = front
                    .chain(format!("\r\n{needle}\r\n").bytes())
                    .chain(filler.iter().copied().cycle().take(130))
                    .collect();
                let end = naive_first(boundary, &data, false);
                let check = |pieces: &[&[u8]]| {
                    let found = scan_far(&needle, pieces.iter().copied());
                    let lens: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
                    assert_eq!(
                        found, end,
                        "{boundary} at {at} behind {filler:?} in {lens:?}"
                    );
                };
                check(&[&data]);
                // Cuts in front of the delimiter, within it and behind it.
                for cut in (at % 17..data.len()).step_by(17) {
                    let (head, tail) = data.split_at(cut);
                    check(&[head, tail]);
                }
                let pieces: Vec<&[u8]> = data.chunks(at + 1).collect();
                check(&pieces);
            }
        }
    }
}

#[test]
fn long_parts_agree_with_a_naive_search() {
    let mut random = random();
    for boundary in BOUNDARIES.iter().cycle().take(2000) {
        let text = format!("--{boundary}");
        let needle = text.as_bytes();
        let mut data = Vec::new();
        while data.len() < 500 {
            let from = random(needle.len() as u32) as usize;
            let to = from + random((needle.len() - from) as u32 + 1) as usize;
            match random(8) {
                0 => data.extend_from_slice(needle),
                1 => data.extend_from_slice(&needle[..to]),
                2 | 3 => data.extend_from_slice(&needle[from..to]),
                4 => data.extend_from_slice(b"--"),
                5 => data.extend(core::iter::repeat_n(b'.', from)),
                // Mostly a piece of the boundary, or a look-alike of one.
                6 => data.extend_from_slice([&b"\r\n"[..], b"\n", b"\r", b" "][from % 4]),
                _ => data.extend([b'\n', random(256) as u8]),
            }
        }
        let end = naive_first(boundary, &data, false);
        for _ in 0..4 {
            let len = random(200) as usize + 1;
            let (head, tail) = data.split_at(random(data.len() as u32) as usize);
            assert_eq!(
                scan_far(&text, [head].into_iter().chain(tail.chunks(len))),
                end,
                "{boundary:?} in {:?}, {} and by {len}",
                String::from_utf8_lossy(&data),
                head.len(),
            );
        }
    }
}

fn random() -> impl FnMut(u32) -> u32 {
    let mut state = 1_u32;
    move |n| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % n
    }
}

/// The end of the leftmost match of werkzeug's regular expression, without an LF behind its CR.
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
