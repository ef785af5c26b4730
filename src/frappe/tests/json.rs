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

#[test]
fn json_depth_and_digits() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let status =
        |version, body: &str| ask(version, post("/api/method/p", JSON), body.as_bytes()).status;
    assert_eq!(status("15", &nested(900)), "ok");
    assert_eq!(status("15", &nested(1000)), "malformed");
    for version in ["16", "17"] {
        assert_eq!(status(version, &nested(1024)), "ok");
        assert_eq!(status(version, &nested(1025)), "malformed");
    }
    assert_eq!(status("15", &format!("[{}]", "1".repeat(4300))), "ok");
    assert_eq!(
        status("15", &format!("[{}]", "1".repeat(4301))),
        "malformed"
    );
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
