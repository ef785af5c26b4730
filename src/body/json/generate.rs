//! JSON texts that look random, for tests.

/// Numbers that look random.
pub(super) struct Random(pub(super) u32);

impl Random {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % n
    }

    pub(super) fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

/// A value with white space as `gap`.
pub(super) fn value(random: &mut Random, depth: usize, gap: &str, text: &mut String) {
    const SCALARS: [&str; 25] = [
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
        // Their last bytes are a quote, a backslash and a comma but for the highest bit.
        "\"\u{e2}\u{dc}\u{20ac}\"",
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

/// A list of rows that are alike, as JSON.stringify and Python's json write it.
pub(super) fn rows(random: &mut Random, text: &mut String) {
    let (comma, colon) = [(",", ":"), (", ", ": ")][random.below(2)];
    let len = 1 + random.below(5);
    let members: Vec<_> = (0..len)
        .map(|index| {
            let scalar = random.of(&["1", "-2.5", "null", "true", "false", "\"x\"", "\"\"", "10"]);
            format!("\"k{index}\"{colon}{scalar}")
        })
        .collect();
    let row = format!("{{{}}}", members.join(comma));
    text.push_str(&format!("[{}]", vec![row; random.below(60)].join(comma)));
}
