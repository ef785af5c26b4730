use fearless_simd::Level;

use super::block::BLOCK;
use super::{End, Json};
use crate::body::testing::values;
use crate::frappe::dialect;

/// Numbers that look random.
struct Random(u32);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % n
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

/// Each kind of vectors that this CPU has.
fn all_levels() -> Vec<Level> {
    let mut levels = vec![Level::baseline()];
    #[cfg(target_arch = "x86_64")]
    {
        levels.extend(Level::new().as_avx2().map(Level::Avx2));
        levels.extend(Level::new().as_avx512().map(Level::Avx512));
    }
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
        let mut json = Json::new(dialect::find(version).unwrap().json);
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

/// A value with white space as `gap`.
fn value(random: &mut Random, depth: usize, gap: &str, text: &mut String) {
    const SCALARS: [&str; 24] = [
        "0",
        "1",
        "-1",
        "12.5",
        "-0.25",
        "100",
        "1234567890123",
        "true",
        "false",
        "null",
        "1e5",
        "NaN",
        "\"\"",
        "\"Sales Invoice\"",
        "\"a \\\"b\\\" \\\\\"",
        "\"\\u00fc\\n\\/\"",
        "\"\u{fc}\"",
        "\"\\ud83d\\ude00\"",
        "\"\\\\\\\\\"",
        "\"{[,:]}\"",
        "12345678901234567890123456789012345678",
        "\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
        "0.0",
        "\"x\"",
    ];
    const KEYS: [&str; 10] = [
        "a",
        "cmd",
        "item_code",
        "x y",
        "\\u0061",
        "k\\\"",
        "",
        "a_key_that_is_longer_than_the_others",
        "b",
        "qty",
    ];
    match random.below(if depth == 0 { 4 } else { 7 }) {
        4 => {
            text.push('[');
            for index in 0..random.below(4) {
                text.push_str(if index > 0 { "," } else { "" });
                text.push_str(gap);
                value(random, depth - 1, gap, text);
            }
            text.push_str(random.of(&["", "", gap]));
            text.push(']');
        }
        5 | 6 => {
            text.push('{');
            for index in 0..random.below(5) {
                text.push_str(if index > 0 { "," } else { "" });
                text.push_str(gap);
                text.push_str(&format!("\"{}\":{gap}", random.of(&KEYS)));
                value(random, depth - 1, gap, text);
            }
            text.push_str(random.of(&["", "", gap]));
            text.push('}');
        }
        _ => text.push_str(random.of(&SCALARS)),
    }
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
        while text.len() < 150 + round % 300 {
            let key = random.of(&["\"a\":", "\"cmd\":", "\"rows\":", "\"b\" :", "\"x y\":"]);
            text.push_str(key);
            value(&mut random, 5, gap, &mut text);
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
            let pieces: Vec<usize> = (0..4).map(|_| random.below(200)).collect();
            let found = outcome(version, text.as_bytes(), &pieces, level);
            assert_eq!(found, expected, "by {level:?} in {pieces:?}: {text}");
        }
    }
    assert!(
        taken > 2_000 && refused > 2_000,
        "{taken} taken, {refused} refused"
    );
}

/// At each place of a block, what is right and what is wrong.
#[test]
fn at_each_place() {
    const PIECES: [&str; 48] = [
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
    ];
    let mut taken = 0;
    for piece in PIECES {
        for len in 0..=BLOCK {
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
    assert_eq!(taken, 10 * (BLOCK + 1), "texts that are JSON");
}

/// At each place of a block, keys of the top-level object.
#[test]
fn keys_at_each_place() {
    const KEYS: [&str; 4] = ["a", "\\u0061", "x y", "x\\u0020y"];
    for key in KEYS {
        for len in 0..=2 * BLOCK {
            let text = format!(
                "{{\"pad\":\"{}\",\"{key}\":\"v\",\"z\":{{\"p\":\"{}\",\"a\":[\"w\",1e5]}}}}",
                "-".repeat(len),
                "-".repeat(2 * BLOCK - len),
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
        r#"{"idx": 1, "note": "a \"b\" \u00fc \\", "tags": ["x", "y", []], "of": {}}"#,
        "{\n    \"idx\": 0,\n    \"rate\": 0.25,\n    \"name\": \"\u{fc}\"\n}",
    ];
    for row in rows {
        let text = format!("{{\"rows\":[{}]}}", vec![row; 50].join(","));
        for level in all_levels() {
            values(&[], |fields| {
                let mut json = Json::new(dialect::find(b"15").unwrap().json);
                json.level = level;
                json.feed(b"{", fields);
                let skipped = json.skip(&text.as_bytes()[1..], fields);
                assert_eq!(skipped.len, text.len() - 2, "{row}");
                assert!(!skipped.unusual && skipped.len > 40 * BLOCK);
            });
        }
    }
}
