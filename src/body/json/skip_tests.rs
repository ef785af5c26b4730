use fearless_simd::Level;

use super::block::BLOCK;
use super::generate::{Random, rows, value};
use super::{End, Json};
use crate::body::testing::{Pages, values};
use crate::frappe::dialect;

/// Blocks in front of a place, so that all that is carried from block to block has been.
const BLOCKS: usize = 2;

/// Each kind of vectors that this CPU has.
fn all_levels() -> Vec<Level> {
    let mut levels = vec![Level::baseline()];
    #[cfg(target_arch = "x86_64")]
    levels.extend(Level::new().as_avx2().map(Level::Avx2));
    levels
}

/// What a body comes to, read in pieces of these lengths and then whole.
fn outcome(
    version: &[u8],
    text: &[u8],
    pieces: &[usize],
    level: Level,
) -> (End, Vec<Option<String>>) {
    let mut end = None;
    let values = values(&["a", "x y"], |fields| {
        let mut json = Json::new(dialect::find(version).unwrap().json, &Pages);
        json.level = level;
        let mut rest = text;
        for piece in pieces {
            let (head, tail) = rest.split_at(rest.len().min(*piece));
            json.feed(head, fields);
            rest = tail;
        }
        json.feed(rest, fields);
        end = Some(json.finish(fields));
    });
    (end.unwrap(), values)
}

/// Blocks come to what the state machine comes to, whatever is wrong and wherever the text is cut:
/// a byte at a time there are no blocks.
#[test]
fn agrees_with_the_state_machine() {
    const WRONG: [&str; 26] = [
        "\"", "\\", ",", ":", "{", "}", "[", "]", "0", "-", ".", "e", "t", "true", " ", "\n", "\t",
        "\x01", "\u{0}", "u", "\\u12", "\\ud800", "/", "a", "null", "\u{fc}",
    ];
    let levels = all_levels();
    let mut random = Random(11);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..9_000 {
        let gap = random.of(&["", "", " ", "\n  ", "\r\n\t"]);
        let mut text = String::from("{");
        // Mostly less than what is judged at once.
        let len = if round % 8 == 0 { 1_500 } else { 150 };
        while text.len() < len + round % 300 {
            let key = random.of(&["\"a\":", "\"cmd\":", "\"rows\":", "\"b\" :", "\"x y\":"]);
            text.push_str(key);
            match random.below(8) {
                0 => rows(&mut random, &mut text),
                _ => value(&mut random, 5, gap, &mut text),
            }
            text.push(',');
        }
        text.push_str("\"last\":[]}");
        for _ in 0..random.below(3) {
            let at = random.below(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                let end = at + random.below(2);
                text.replace_range(at..end, random.of(&WRONG));
            }
        }
        let version: &[u8] = [&b"10"[..], b"13", b"15", b"17"][round / 3 % 4];
        let level = levels[round % levels.len()];
        let expected = outcome(version, text.as_bytes(), &vec![1; text.len()], level);
        *(if matches!(expected.0, End::Refused(_)) {
            &mut refused
        } else {
            &mut taken
        }) += 1;
        let found = outcome(version, text.as_bytes(), &[], level);
        assert_eq!(found, expected, "by {level:?}: {text}");
        for _ in 0..6 {
            let pieces: Vec<usize> = (0..4).map(|_| random.below(len)).collect();
            let found = outcome(version, text.as_bytes(), &pieces, level);
            assert_eq!(found, expected, "by {level:?} in {pieces:?}: {text}");
        }
    }
    assert!(
        taken > 2_000 && refused > 2_000,
        "{taken} taken, {refused} refused"
    );
}

/// At each place of a block, and at the end of the blocks, what is right and
/// what is wrong.
#[test]
fn at_each_place() {
    const PIECES: [&str; 59] = [
        "\"k\":1",
        "\"k\":-0.5",
        "\"k\":1.2.3",
        "\"k\":01",
        "\"k\":-",
        "\"k\":.5",
        "\"k\":5.",
        "\"k\":1-2",
        "\"k\":10e2",
        "\"k\":true",
        "\"k\":true1",
        "\"k\":truefalse",
        "\"k\":tru",
        "\"k\":nul",
        "\"k\":falsy",
        "\"k\" :1",
        "\"k\": 1",
        "1:2",
        "true:2",
        "[]:1",
        "\"k\"",
        "\"k\":",
        "\"k\"::1",
        "\"k\":1:2",
        "\"k\":\"v\":2",
        "\"k\":1,",
        ",\"k\":1",
        "\"k\":[1,]",
        "\"k\":[,1]",
        "\"k\":[1 2]",
        "\"k\":[\"a\"\"b\"]",
        "\"k\":{\"a\"}",
        "\"k\":{\"a\":1]",
        "\"k\":[1}",
        "\"k\":{{}}",
        "\"k\":{[]:1}",
        "\"k\":{1 },\"l\":1e5",
        "\"k\":[{},[ ],{ }]",
        "\"k\":\"\\u00zz\"",
        "\"k\":\"\\x\"",
        "\"k\":\"\\u00e9\\u201C\\u0930\\\\u0\"",
        "\"k\":\"\\u00g0\"",
        "\"k\":\"\\x-----------------------------------------------------------------------\"",
        "\"k\":\"-----------------------------------------------------------------------\t\"",
        "\"k\":\"\\u12\"",
        "\"k\":\"\\u123`\"",
        "\"k\":\"\\uD83D\\uDE00\"",
        "\"k\":\"\\\\\",\"l\":\"\\\"\"",
        "\"k\":nulll",
        "\"k\":nuls",
        "\"k\":fals",
        "\"k\":falsee",
        "\"k\":nullnull",
        "\"k\":xnull",
        "\"k\":[false,true,null]",
        "\"k\":-1234567890.0123456789",
        "\"k\":1}, {\"k\":1},{\"k\":2},  {\"k\":2",
        "\"k\":1},,{\"k\":1",
        "\"k\":1},{1,\"k\":1",
    ];
    let mut taken = 0;
    for piece in PIECES {
        for len in (0..=BLOCK).chain((BLOCKS - 1) * BLOCK..=(BLOCKS + 1) * BLOCK) {
            let text = format!(
                "{{\"rows\":[{{\"pad\":\"{}\",{piece},\"z\":1}}],\"cmd\":\"c\"}}",
                "-".repeat(len)
            );
            let bytes = vec![1; text.len()];
            let expected = outcome(b"15", text.as_bytes(), &bytes, Level::baseline());
            taken += usize::from(expected.0 == End::Object);
            for level in all_levels() {
                let found = outcome(b"15", text.as_bytes(), &[], level);
                assert_eq!(found, expected, "by {level:?}: {text}");
            }
        }
    }
    assert_eq!(taken, 13 * (3 * BLOCK + 2), "texts that are JSON");
}

/// At each place of a block, keys of the top-level object.
#[test]
fn keys_at_each_place() {
    const KEYS: [&str; 4] = ["a", "\\u0061", "x y", "x\\u0020y"];
    for key in KEYS {
        for len in (0..=2 * BLOCK).chain((BLOCKS - 1) * BLOCK..=(BLOCKS + 1) * BLOCK) {
            let text = format!(
                "{{\"pad\":\"{}\",\"{key}\":\"v\",\"z\":{{\"p\":\"{}\",\"a\":[\"w\",1e5]}}}}",
                "-".repeat(len),
                "-".repeat((BLOCKS + 1) * BLOCK - len),
            );
            for level in all_levels() {
                let (end, found) = outcome(b"15", text.as_bytes(), &[], level);
                // The first is cmd.
                let wanted = if key.starts_with('x') { 2 } else { 1 };
                assert_eq!(end, End::Object, "by {level:?}: {text}");
                assert_eq!(found[wanted].as_deref(), Some("v"), "by {level:?}: {text}");
                assert_eq!(found[3 - wanted], None, "by {level:?}: {text}");
            }
        }
    }
}

/// The common forms of a text are read in blocks to their end.
#[test]
fn reads_to_the_end_of_what_nobody_wants() {
    let rows = [
        r#"{"idx":1,"item_code":"ITEM-0001","qty":2.5,"rate":-100,"stock":true,"note":null}"#,
        r#"{"idx": 1, "rate": 2.5, "note": null}"#,
        r#"{"idx": 1, "note": "a \"b\" \u00fc \\", "tags": ["x", "y", []], "of": {}}"#,
        "{\n    \"idx\": 0,\n    \"rate\": 0.25,\n    \"name\": \"\u{fc}\"\n}",
    ];
    for row in rows {
        let text = format!("{{\"rows\":[{}]}}", vec![row; 50].join(","));
        assert!(text.len() > 3 * BLOCKS * BLOCK);
        assert_read_to_the_end(&text);
    }
}

/// What is nearly a literal, and with one that ends with the blocks.
#[test]
fn literals() {
    const LETTERS: [&str; 12] = ["n", "u", "l", "t", "r", "e", "f", "a", "s", "x", "1", ""];
    let mut words = vec![];
    for word in ["null", "true", "false"] {
        for at in 0..word.len() {
            for letter in LETTERS {
                let mut changed = word.to_string();
                changed.replace_range(at..=at, letter);
                words.push(changed);
            }
        }
        words.extend([
            format!("{word}{word}"),
            format!("{word}e"),
            format!("l{word}"),
        ]);
    }
    let mut taken = 0;
    for word in words {
        let text = format!("{{\"rows\":[{{\"k\":{word},\"z\":[true,{word}]}}]}}");
        let expected = outcome(
            b"15",
            text.as_bytes(),
            &vec![1; text.len()],
            Level::baseline(),
        );
        taken += usize::from(expected.0 == End::Object);
        for level in all_levels() {
            let found = outcome(b"15", text.as_bytes(), &[], level);
            assert_eq!(found, expected, "by {level:?}: {text}");
        }
    }
    assert_eq!(taken, 4 + 4 + 5, "words that are not changed");
    for pad in 0..BLOCK {
        let pad = "-".repeat((BLOCKS - 1) * BLOCK + pad);
        let text = format!("{{\"rows\":[\"{pad}\",false,true,null,false,null,true,\"{pad}\"]}}");
        assert_read_to_the_end(&text);
    }
}

/// What looks like the end of a row and the next one, but is no list of rows, far from all other
/// brackets.
#[test]
fn rows_without_a_list() {
    for (text, expected) in [
        ("{'rows':[{'k':'P'},{'k':'P'}]}", true),
        ("{'rows':{'k':{'k':'P'},{'k':'P'}}}", false),
        ("{'rows':[['P'],['P']]}", true),
        ("{'rows':[['P'},{'k':'P']]}", false),
        ("{'rows':[{'k':{'k':'P'},{'k':'P'}}]}", false),
        ("{'rows':{'k':'P'},{'k':'P'}}", false),
        ("{'rows':[{'k':'P'],{'k':'P'}]}", false),
        ("{'rows':[{'k':'P'},['P'}]}", false),
        ("{'rows':[{'k':'P'],['P'}]}", false),
    ] {
        for len in BLOCKS * BLOCK..(BLOCKS + 2) * BLOCK {
            let text = text.replace('\'', "\"").replace('P', &"-".repeat(len));
            for level in all_levels() {
                let (end, _) = outcome(b"15", text.as_bytes(), &[], level);
                assert_eq!(end == End::Object, expected, "by {level:?}: {text}");
            }
        }
    }
}

/// A long string with an escape at each place of a block.
#[test]
fn escapes_in_a_long_string() {
    for len in 0..=BLOCK {
        let pad = "-".repeat((BLOCKS + 1) * BLOCK);
        let text = format!("{{\"rows\":[\"{pad}{}\\\"{pad}\",1]}}", "-".repeat(len));
        assert_read_to_the_end(&text);
    }
}

/// A text whose blocks are nothing else, with an escape about where a block ends, and anything in the same
/// block or the next.
#[test]
fn escapes_that_go_on_in_the_next_block() {
    const ESCAPES: [&str; 6] = [
        "\\u00fc",
        "\\n",
        "\\\\",
        "\\u00g0",
        "\\ud83d\\ude00",
        "\\x\\n",
    ];
    const OTHERS: [&str; 5] = ["\u{1}", "\\x", "\\u201c", "\"", "\\\\\\n"];
    let pad = "-".repeat(2 * BLOCK);
    let mut taken = 0;
    for at in BLOCK - 10..=BLOCK + 2 {
        for (escape, other) in ESCAPES
            .iter()
            .flat_map(|a| OTHERS.iter().map(move |b| (a, b)))
        {
            for from in (0..2 * BLOCK).filter(|from| !(at - 6..at + 12).contains(from)) {
                let mut inside = "-".repeat(3 * BLOCK);
                inside.replace_range(at..at + escape.len(), escape);
                inside.replace_range(from..from + other.len(), other);
                let text = format!("{{\"rows\":[\"{pad}{inside}{pad}\"]}}");
                // Read on from the pad, so that blocks begin with it.
                let start = text.find('-').unwrap();
                let bytes = vec![1; text.len()];
                let expected = outcome(b"15", text.as_bytes(), &bytes, Level::baseline());
                taken += usize::from(expected.0 == End::Object);
                for level in all_levels() {
                    let found = outcome(b"15", text.as_bytes(), &[start], level);
                    assert_eq!(found, expected, "by {level:?}: {text}");
                }
            }
        }
    }
    assert_eq!(taken, 13 * 110 * 4 * 2, "texts that are JSON");
}

/// All but the outer brackets of this object is read in blocks, whatever vectors there are.
fn assert_read_to_the_end(text: &str) {
    for level in all_levels() {
        values(&[], |fields| {
            let mut json = Json::new(dialect::find(b"15").unwrap().json, &Pages);
            json.level = level;
            json.feed(b"{", fields);
            let skipped = json.skip(&text.as_bytes()[1..], fields);
            assert_eq!(skipped.len, text.len() - 2, "by {level:?}: {text}");
            assert!(!skipped.unusual);
        });
    }
}
