//! Helpers for the scanners' tests, which feed every vector whole, byte by byte and at every split.

use super::{Document, Fields, LendPage, Names, Page, Value, Values};

/// Runs `scan` over every way to cut `body` in two, and byte by byte; all must agree.
pub(crate) fn each_split<T: PartialEq + core::fmt::Debug>(
    body: &[u8],
    scan: impl Fn(&[&[u8]]) -> T,
) -> T {
    let whole = scan(&[body]);
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(
        scan(&bytes),
        whole,
        "byte by byte: {:?}",
        String::from_utf8_lossy(body)
    );
    // The work grows with the square of the length, so a long body is cut at fewer places.
    let cuts = (1_usize << 19) / body.len().max(1);
    let step = body.len().div_ceil(cuts.clamp(16, 400)).max(1);
    for at in (0..=body.len()).step_by(step) {
        let (head, tail) = body.split_at(at);
        let split = scan(&[head, tail]);
        assert_eq!(
            split,
            whole,
            "cut at {at}: {:?}",
            String::from_utf8_lossy(body)
        );
    }
    whole
}

/// The values of `cmd` and of `names` after `scan`. `<unusable>` stands for an unusable value.
pub(crate) fn values(names: &[&str], scan: impl FnOnce(&mut Fields<'_>)) -> Vec<Option<String>> {
    with_fields(names, |fields, count| {
        scan(fields);
        fields.settle();
        (0..count)
            .map(|index| match fields.value(index) {
                Value::Absent => None,
                Value::Falsy => Some(String::new()),
                Value::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
                Value::Unusable => Some("<unusable>".to_owned()),
            })
            .collect()
    })
}

/// Calls `body` with fields for `cmd` and `names`.
pub(crate) fn with_fields<T>(names: &[&str], body: impl FnOnce(&mut Fields<'_>, usize) -> T) -> T {
    let mut wanted = Names::new();
    for name in names {
        wanted.add(name.as_bytes()).unwrap();
    }
    with_names(&wanted, |fields| body(fields, wanted.slots()))
}

/// Calls `body` with fields for `names`.
pub(crate) fn with_names<T>(names: &Names, body: impl FnOnce(&mut Fields<'_>) -> T) -> T {
    let mut values = Values::new(names);
    let mut slots = values.slots();
    let mut document = Document::new(&Pages);
    body(&mut Fields::new(names, &mut slots).with_documents(&mut document))
}

/// Lends any number of pages, and never frees them.
#[derive(Debug)]
pub(crate) struct Pages;

impl<'r> LendPage<'r> for Pages {
    fn lend(&self) -> Option<&'r mut Page> {
        Some(Box::leak(Box::new(Page::uninit())))
    }
}
