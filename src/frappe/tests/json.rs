//! JSON bodies.

use super::{JSON, ask, check, post};

#[test]
fn json_bodies() {
    let p = "/api/method/p";
    check(
        "15",
        &[
            (p, JSON, b"{\"cmd\":\"a\",\"cmd\":\"b\"}", "b", "json", "ok"),
            (p, JSON, b"{\"cmd\":\"a\",\"cmd\":\"\"}", "p", "path", "ok"),
            (p, JSON, b"{\"cmd\":\"a\",\"cmd\":null}", "p", "path", "ok"),
            (p, JSON, b"{\"cmd\":\"a\",\"cmd\":7}", "", "json", "invalid"),
            (p, JSON, b"{\"a\":{\"cmd\":\"x\"}}", "p", "path", "ok"),
            (
                p,
                JSON,
                b"{\"a\":[{\"cmd\":\"x\"}],\"cmd\":\"c\"}",
                "c",
                "json",
                "ok",
            ),
            (
                p,
                JSON,
                b"{\"\\u0063md\":\"\\u0061\\/b\"}",
                "a/b",
                "json",
                "ok",
            ),
            (
                p,
                JSON,
                b"{\"cmd\":\"\\ud83d\\ude00\"}",
                "\u{1f600}",
                "json",
                "ok",
            ),
            (p, JSON, b"{\"cmd\":\"\\ud83d\"}", "", "json", "invalid"),
            (
                p,
                JSON,
                b"{\"cmd\":\"\\ud83dx\\ude00\"}",
                "",
                "json",
                "invalid",
            ),
            (
                p,
                JSON,
                b"{\"cmd\":\"\\ud83d\\ud83d\\ude00\"}",
                "",
                "json",
                "invalid",
            ),
            (p, JSON, b"{\"cmd\\ud800\":\"x\"}", "p", "path", "ok"),
            (p, JSON, b"{\"cmd\":\"a\\nb\"}", "", "json", "invalid"),
            (p, JSON, b"{\"cmd\":\"a\xffb\"}", "a\u{fffd}b", "json", "ok"),
            (
                p,
                JSON,
                b"{\"x\":\"\xff\",\"cmd\":\"c\"}",
                "c",
                "json",
                "ok",
            ),
            (p, JSON, b"{\"cmd\":[]}", "p", "path", "ok"),
            (p, JSON, b"{\"cmd\":{ }}", "p", "path", "ok"),
            (p, JSON, b"{\"cmd\":[\"a\"]}", "", "json", "invalid"),
            (p, JSON, b"{\"cmd\":[[]]}", "", "json", "invalid"),
            (p, JSON, b"{\"cmd\":{\"a\":[]}}", "", "json", "invalid"),
            (p, JSON, b"{\"cmd\":0}", "p", "path", "ok"),
            (p, JSON, b"{\"cmd\":-0.0e5}", "p", "path", "ok"),
            (p, JSON, b"{\"cmd\":1e-400}", "p", "path", "ok"),
            (p, JSON, b"{\"cmd\":false}", "p", "path", "ok"),
            (p, JSON, b"{\"cmd\":true}", "", "json", "invalid"),
            (
                p,
                JSON,
                b"{\"cmd\":NaN,\"x\":-Infinity}",
                "",
                "json",
                "invalid",
            ),
            (p, JSON, b"{\"x\":1e999,\"cmd\":\"c\"}", "c", "json", "ok"),
            (p, JSON, b" {\t\"cmd\"\n:\r\"c\" } ", "c", "json", "ok"),
            (p, JSON, b"{}", "p", "path", "ok"),
            (
                p,
                "Application/JSON; charset=x",
                b"{\"cmd\":\"c\"}",
                "c",
                "json",
                "ok",
            ),
            (
                p,
                "application/vnd.api+json",
                b"{\"cmd\":\"c\"}",
                "c",
                "json",
                "ok",
            ),
            (p, JSON, b" ", "", "", "malformed"),
            (p, JSON, b"null", "", "", "malformed"),
            (p, JSON, b"12", "", "", "malformed"),
            (p, JSON, b"\"cmd\"", "", "", "malformed"),
            (p, JSON, b"{\"cmd\":\"c\"", "", "", "malformed"),
            (p, JSON, b"{\"cmd\":\"c\"}x", "", "", "malformed"),
            (p, JSON, b"{\"cmd\":\"c\"}{}", "", "", "malformed"),
            (p, JSON, b"{\"cmd\":\"c\",}", "", "", "malformed"),
            (p, JSON, b"{'cmd':'c'}", "", "", "malformed"),
            (p, JSON, b"{cmd:1}", "", "", "malformed"),
            (p, JSON, b"{\"cmd\":\"a\nb\"}", "", "", "malformed"),
            (p, JSON, b"{\"cmd\":\"\\x\"}", "", "", "malformed"),
            (p, JSON, b"{\"cmd\":\"\\u12g4\"}", "", "", "malformed"),
            (p, JSON, b"{\"cmd\" \"c\"}", "", "", "malformed"),
            (p, JSON, b"{\"cmd\":\"c\"/**/}", "", "", "malformed"),
            (p, JSON, b"[1,]", "", "", "malformed"),
            (p, JSON, b"[1}", "", "", "malformed"),
            (p, JSON, b"{\"a\":tru}", "", "", "malformed"),
            (p, JSON, b"{\"a\":01}", "", "", "malformed"),
            (p, JSON, b"\xef\xbb\xbf{\"cmd\":\"c\"}", "", "", "malformed"),
            (p, JSON, b",", "", "", "malformed"),
            (p, JSON, b"]", "", "", "malformed"),
        ],
    );
}

#[test]
fn json_of_frappe_16() {
    for version in ["16.0", "16", "17"] {
        json_by_orjson(version);
    }
    let body = b"{\"x\":NaN,\"cmd\":\"a.b\"}";
    let answer = ask("15", post("/api/method/p", JSON), body);
    assert_eq!((answer.cmd.as_str(), answer.status), ("a.b", "ok"));
}

fn json_by_orjson(version: &str) {
    let p = "/api/method/p";
    let too_long = format!("{{\"cmd\":\"c\",\"x\":{}}}", "9".repeat(400)).leak();
    check(
        version,
        &[
            (p, JSON, b"[-Infinity]", "", "", "malformed"),
            (
                p,
                JSON,
                b"{\"cmd\":\"c\",\"\\ud800\":1}",
                "",
                "",
                "malformed",
            ),
            (p, JSON, too_long.as_bytes(), "", "", "malformed"),
            (p, JSON, b"{\"cmd\":\"c\"}", "c", "json", "ok"),
            (p, JSON, b"{\"cmd\":\"c\",\"x\":NaN}", "", "", "malformed"),
            (p, JSON, b"{\"cmd\":\"c\",\"x\":1e999}", "", "", "malformed"),
            (p, JSON, b"{\"cmd\":\"c\",\"x\":1e308}", "c", "json", "ok"),
            (
                p,
                JSON,
                b"{\"cmd\":\"c\",\"x\":\"\\ud800\"}",
                "",
                "",
                "malformed",
            ),
        ],
    );
}

/// Which Python reads the text by `json.loads` is not known: the most permissive takes 9,998 levels
/// and any number of digits. orjson takes 1024 levels, wherever it runs.
#[test]
fn json_depth_and_digits() {
    let nested = |open: &str, close: &str, levels: usize| {
        let (open, close) = (open.repeat(levels - 1), close.repeat(levels - 1));
        format!("{{\"cmd\":\"c\",\"x\":{open}1{close}}}")
    };
    let check = |version, body: &str, expected| {
        let answer = ask(version, post("/api/method/p", JSON), body.as_bytes());
        assert_eq!((answer.cmd.as_str(), answer.status), expected, "{version}");
    };
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let per_repeat = open.matches(['[', '{']).count();
        let levels = |levels: usize| nested(open, close, (levels - 1) / per_repeat + 1);
        for version in ["10", "11", "13", "14", "15"] {
            for depth in [255, 257, 2001, 9_999] {
                check(version, &levels(depth), ("c", "ok"));
            }
            check(version, &levels(10_001 + per_repeat), ("", "invalid"));
        }
        for version in ["16", "17"] {
            check(version, &levels(1023), ("c", "ok"));
            check(version, &levels(1025 + per_repeat), ("", "malformed"));
        }
    }
    let long = format!("{{\"cmd\":\"c\",\"x\":{}}}", "1".repeat(5000));
    check("15", &long, ("c", "ok"));
    check("16", &long, ("", "malformed"));
}

/// Frappe 10 to 13 take the first item of a list, unless there is an empty one.
#[test]
fn lists_of_old_releases() {
    let p = "/api/method/p";
    let unwrapped: [(&str, &[u8], &str, &str); 8] = [
        ("13", b"{\"cmd\":[\"a\",\"b\"]}", "a", "ok"),
        ("13", b"{\"cmd\":[[\"a\"]]}", "", "invalid"),
        ("13", b"{\"cmd\":[[],\"b\"]}", "p", "ok"),
        ("13", b"{\"cmd\":[\"a\"],\"x\":[]}", "", "invalid"),
        ("13", b"{\"cmd\":[\"a\"],\"x\":[],\"x\":1}", "a", "ok"),
        ("10", b"{\"cmd\":[\"a\"],\"x\":[]}", "", "malformed"),
        ("10", b"{\"cmd\":[],\"c\\udc00md\":null}", "", "malformed"),
        ("14", b"{\"cmd\":[\"a\"]}", "", "invalid"),
    ];
    for (version, body, cmd, status) in unwrapped {
        let answer = ask(version, post(p, JSON), body);
        assert_eq!(
            (answer.cmd.as_str(), answer.status),
            (cmd, status),
            "{version} {:?}",
            String::from_utf8_lossy(body)
        );
    }
}
