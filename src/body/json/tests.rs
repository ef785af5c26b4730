use super::{End, Json, JsonRules, LendPage, Trouble};
use crate::body::Page;
use crate::body::testing::{Pages, each_split, values, with_fields};
use crate::frappe::dialect;

fn rules() -> JsonRules {
    dialect::find(b"15").unwrap().json
}

fn end(text: &[u8]) -> End {
    each_split(text, |pieces| {
        with_fields(&[], |fields, _| {
            let mut json = Json::new(rules(), &Pages);
            pieces.iter().for_each(|piece| json.feed(piece, fields));
            json.finish(fields)
        })
    })
}

/// Random texts of JSON's own alphabet: what serde_json takes, this scanner must take, and what
/// it refuses, this must refuse, apart from Python's liberties (NaN, Infinity, lone surrogates).
#[test]
fn agrees_with_serde_json() {
    const WORDS: [&str; 24] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"cmd\"",
        "\"\"",
        "1",
        "-0",
        "1.5e3",
        "01",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "\"\\u00e9\"",
        "\"\\q\"",
        "\"",
        "\\",
        "\u{e9}",
    ];
    let mut state = 7_u32;
    let mut random = |n: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % n
    };
    let (mut taken, mut refused) = (0, 0);
    for round in 0..40_000 {
        let text: String = if round % 2 == 0 {
            (0..random(9)).map(|_| WORDS[random(WORDS.len())]).collect()
        } else {
            valid(&mut random, 4)
        };
        let expected = match serde_json::from_str::<serde_json::Value>(&text) {
            _ if text.is_empty() => "empty",
            Ok(serde_json::Value::Object(_)) => "object",
            Ok(serde_json::Value::Array(_)) => "array",
            Ok(_) | Err(_) => "refused",
        };
        let found = match end(text.as_bytes()) {
            End::EmptyJson => "empty",
            End::Object => "object",
            End::Array => "array",
            _ => "refused",
        };
        assert_eq!(found, expected, "{text:?}");
        *(if expected == "refused" {
            &mut refused
        } else {
            &mut taken
        }) += 1;
    }
    assert!(
        taken > 5_000 && refused > 5_000,
        "{taken} taken, {refused} refused"
    );
}

/// A text that is probably valid.
fn valid(random: &mut impl FnMut(usize) -> usize, depth: usize) -> String {
    let kinds = if depth == 0 { 6 } else { 10 };
    match random(kinds) {
        0 => "\"x\\\"\\u12ab\"".into(),
        1 => "-12.5E-3".into(),
        2 => "true".into(),
        3 => "null".into(),
        4 => "\"cmd\"".into(),
        5 => "0".into(),
        kind => {
            let items: Vec<String> = (0..random(4))
                .map(|_| match kind {
                    6 | 7 => valid(random, depth - 1),
                    _ => format!("\"k{}\" :{}", random(3), valid(random, depth - 1)),
                })
                .collect();
            let comma = [",", " , ", ",,"][random(10).saturating_sub(7)];
            match kind {
                6 | 7 => format!("[{}]", items.join(comma)),
                _ => format!("{{{}}}", items.join(comma)),
            }
        }
    }
}

/// The value of a wanted key is the one that serde_json finds: the last.
#[test]
fn last_of_equal_keys() {
    let text = br#"{"a":"1","b":{"a":"2"},"\u0061":"3","c":["a"],"cmd":{"a":"4"},"cmd":"5"}"#;
    let found = each_split(text, |pieces| {
        values(&["a", "c"], |fields| {
            let mut json = Json::new(rules(), &Pages);
            pieces.iter().for_each(|piece| json.feed(piece, fields));
            assert_eq!(json.finish(fields), End::Object);
        })
    });
    let found: Vec<_> = found.iter().map(Option::as_deref).collect();
    assert_eq!(found, [Some("5"), Some("3"), Some("<unusable>")]);
}

/// Keys that start like a wanted one, and keys longer than any wanted one.
#[test]
fn keys_are_compared_whole() {
    let long = "a".repeat(200);
    let text = format!("{{\"{long}\":\"1\",\"aa\":\"2\",\"a\":\"3\",\"\":\"4\"}}");
    let found = each_split(text.as_bytes(), |pieces| {
        values(&["a", "aa"], |fields| {
            let mut json = Json::new(rules(), &Pages);
            pieces.iter().for_each(|piece| json.feed(piece, fields));
        })
    });
    assert_eq!(found[1].as_deref(), Some("3"));
    assert_eq!(found[2].as_deref(), Some("2"));
}

/// What is not wanted is read a token at a time, and judged like the rest: below the top, where a
/// token is the value of no slot, as at the top, where it is.
#[test]
fn what_nobody_wants_is_judged() {
    const TOKENS: &[&str] = &[
        "\"\"",
        "\"plain text of more than thirty-two bytes, which is a long one\"",
        "\"a\u{1f}\"",
        "\"plain text of more than thirty-two bytes, and a control character\u{1}\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00E9\\uaBcD\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\udbff x\"",
        "\"\\u12g4\"",
        "\"\\x\"",
        "\"\u{e9}\u{20ac}\u{1f600}\"",
        "0",
        "-0",
        "00",
        "-",
        "01",
        "1.",
        "1.5",
        "-1.5e+3",
        "1e",
        "12345678901234567890",
        "1.e5",
        "1e400",
        "1x",
        "tru",
        "truex",
        "true",
        "false",
        "null",
        "nulL",
        "+1",
        ".5",
        "'a'",
        "[]",
        "[ ]",
        "{ }",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\" : 1 , \"b\" : 2}",
        "{1:2}",
        "[1}",
        "{\"a\":1]",
        "[1 2]",
        "]",
        "}",
        "",
    ];
    let orjson = dialect::find(b"17").unwrap().json;
    for token in TOKENS {
        let is_taken = serde_json::from_str::<serde_json::Value>(token).is_ok();
        for (front, behind) in [
            ("{\"x\":", "}"),
            ("{\"cmd\":", "}"),
            ("{\"cmd\":{\"x\":", "}}"),
            ("{\"x\":[0,[", "],{\"y\":1}]}"),
            ("{\"x\":{\"y\":{\"z\":[", " ]}}}"),
            ("[[[1,", ",2]]]"),
        ] {
            // These make something else of it.
            if matches!(*token, "" | "]" | "}") && front.ends_with(['[', ',']) {
                continue;
            }
            let text = format!("{front}{token}{behind}");
            let found = each_split(text.as_bytes(), |pieces| {
                with_fields(&[], |fields, _| {
                    let mut json = Json::new(orjson, &Pages);
                    pieces.iter().for_each(|piece| json.feed(piece, fields));
                    matches!(json.finish(fields), End::Object | End::Array)
                })
            });
            assert_eq!(found, is_taken, "{text}");
        }
    }
}

/// Without memory for deep texts it is not known what becomes of them, whatever the rules.
#[test]
fn no_page_for_deep_texts() {
    #[derive(Debug)]
    struct Nobody;
    impl<'r> LendPage<'r> for Nobody {
        fn lend(&self) -> Option<&'r mut Page> {
            None
        }
    }
    for version in ["15", "17"] {
        let rules = dialect::find(version.as_bytes()).unwrap().json;
        for (levels, expected) in [(256, End::Array), (257, End::Unknown(Trouble::JsonTooDeep))] {
            let text = ["[".repeat(levels), "]".repeat(levels)].concat();
            let found = each_split(text.as_bytes(), |pieces| {
                with_fields(&[], |fields, _| {
                    let mut json = Json::new(rules, &Nobody);
                    pieces.iter().for_each(|piece| json.feed(piece, fields));
                    json.finish(fields)
                })
            });
            assert_eq!(found, expected, "{version}, {levels}");
        }
    }
}
