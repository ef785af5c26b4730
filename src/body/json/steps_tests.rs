//! How often the state machine is asked: hardly ever for what is common, which is read in blocks.

use fearless_simd::Level;

use super::Json;
use crate::body::testing::{Pages, values};
use crate::frappe::dialect;

/// What an object begins with, and what it repeats; how often the state machine is asked when 8,000 bytes of
/// it come whole, and in pieces of 101 bytes, where a token that is cut is read one by one. `'` is a quote.
type Row = (&'static str, &'static str, usize, usize);

const ROWS: &[Row] = &[
    // rows as the desk sends them
    (
        "{'x':[",
        "{'idx':1,'item_code':'ITEM-0001','qty':2.5,'rate':-100,'stock':true,'note':null},",
        4,
        274,
    ),
    // by Python's json.dumps, and indented
    (
        "{'x': [",
        "{'idx': 1, 'item_code': 'ITEM-0001', 'qty': 2.5, 'stock': true, 'taxes': [], 'of': {}}, ",
        4,
        215,
    ),
    (
        "{\n  'x': [\n",
        "    {\n      'idx': 1,\n      'tags': ['x', 'y'],\n      'of': {}\n    },\n",
        4,
        54,
    ),
    // long text: without escapes, with some, and with many
    (
        "{'x':['",
        "The quick brown fox jumps over the lazy dog, and no quote ends here. ",
        4,
        4,
    ),
    (
        "{'x':['",
        "<div class=\\'ql-editor\\'><p>Caf\u{e9} \\u00e9\\u0421\\n</p></div>\\\\",
        4,
        509,
    ),
    (
        "{'x':['",
        "\\u0421\\u0447\\u0435\\u0442 \\u2116 15 ",
        4,
        2310,
    ),
    // a table of numbers, and what is nested
    ("{'x':[", "[1,2.5,0,12],[],", 4, 1812),
    ("{'x':[", "[[{'k':[{'l':1}],'m':[]}]],{},[{}],", 4, 102),
    // many members, of which none is wanted
    (
        "{",
        "'b':1,'qty':2,'text':'y','z':null,'list':[1],",
        4,
        1107,
    ),
];

#[test]
fn what_is_common_is_read_in_blocks() {
    for (head, repeat, whole, in_pieces) in ROWS {
        let end = match *head {
            "{" => "",
            head if head.ends_with('\'') => "'],",
            _ => "0],",
        };
        let text = [*head, &repeat.repeat(8_000 / repeat.len()), end, "'a':'f'}"].concat();
        let text = text.replace('\'', "\"");
        let found = (steps(&text, usize::MAX), steps(&text, 101));
        assert_eq!(found, (*whole, *in_pieces), "{repeat}");
    }
}

fn steps(text: &str, piece: usize) -> usize {
    let mut steps = 0;
    let found = values(&["a"], |fields| {
        let mut json = Json::new(dialect::find(b"15").unwrap().json, &Pages);
        json.level = Level::baseline();
        for piece in text.as_bytes().chunks(piece) {
            json.feed(piece, fields);
        }
        json.finish(fields);
        steps = json.steps;
    });
    assert_eq!(found[1].as_deref(), Some("f"));
    steps
}
