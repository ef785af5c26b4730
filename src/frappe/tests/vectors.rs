//! Reads the vectors; `t/README.md` describes the files.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{ARGUMENTS, Answer, ask};
use crate::frappe::dialect::{DIALECTS, Dialect, Version};
use crate::frappe::path::is_page;
use crate::frappe::{Head, call};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/t/vectors");

macro_rules! topics {
    ($($topic:ident)*) => {
        $(#[test]
        fn $topic() {
            check(stringify!($topic));
        })*

        /// None is forgotten.
        #[test]
        fn all_topics() {
            let files = fs::read_dir(DIRECTORY).unwrap();
            let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
            let found: BTreeSet<String> = names
                .filter_map(|name| Some(name.strip_suffix(".json")?.replace('-', "_")))
                .collect();
            let expected = [$(stringify!($topic)),*].map(str::to_owned);
            assert_eq!(found, BTreeSet::from(expected));
        }
    };
}

topics! {
    arguments bounds boundaries calls dispositions documents facts forms json json_broken json_values
    multipart multipart_frames paths precedence queries types
}

fn check(topic: &str) {
    let path = format!("{DIRECTORY}/{}.json", topic.replace('_', "-"));
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for row in file["rows"].as_array().unwrap() {
        let target = bytes(&row["target"]);
        // nginx takes scheme and host off a target before the module sees it.
        if !target.starts_with(b"/") {
            continue;
        }
        let content_type = match row["types"].as_array() {
            Some(types) => bytes(types.last().unwrap()),
            None => bytes(&row["type"]),
        };
        let head = Head {
            method: row["method"].as_str().unwrap().as_bytes(),
            target: &target,
            content_type: &content_type,
        };
        let body = bytes(&row["body"]);
        for dialect in DIALECTS {
            let answer = ask(dialect, head, &body);
            let expected = expected(row, dialect);
            assert_eq!(answer, expected, "{topic}, {:?}: {row}", dialect.since);
            if body.is_empty() && dialect.json_empty && is_page(&target) {
                let page = ("none", call::of_page(head.method, dialect));
                assert_eq!((expected.status, expected.call.as_bytes()), page, "{row}");
            }
        }
    }
}

/// The answer that holds since the newest version that is not above the dialect's.
fn expected(row: &Value, dialect: &Dialect) -> Answer {
    let since = row["since"].as_object().unwrap();
    let (_, answer) = since
        .iter()
        .map(|(version, answer)| (release(version), answer))
        .filter(|(release, _)| *release <= dialect.since)
        .max_by_key(|(release, _)| *release)
        .unwrap();
    let word = |field: &str| -> &'static str {
        match answer[field].as_str() {
            Some(word) => word.to_owned().leak(),
            None => "",
        }
    };
    let (cmd, doctype) = (text(&answer["cmd"]), text(&answer["doctype"]));
    let status = if answer["status"].is_null() {
        "ok"
    } else {
        word("status")
    };
    let call = match (&answer["call"], status) {
        (Value::Null, "ok") if doctype.is_empty() => cmd.clone(),
        (Value::Null, "ok") => format!("{cmd}:{doctype}"),
        (Value::Null, "none") => "page".to_owned(),
        (Value::Null, _) => format!("({status})"),
        (call, _) => text(call),
    };
    Answer {
        cmd,
        source: word("source"),
        status,
        doctype,
        call,
        arguments: ARGUMENTS.map(|name| text(&answer["arguments"][str::from_utf8(name).unwrap()])),
        log: Some(word("log")).filter(|log| !log.is_empty()),
    }
}

fn release(version: &str) -> Version {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap());
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(pieces) => pieces.iter().map(text).collect(),
        value => {
            let count = value["repeat"][1].as_u64().unwrap();
            text(&value["repeat"][0]).repeat(count.try_into().unwrap())
        }
    }
}

/// Each character is a byte.
fn bytes(value: &Value) -> Vec<u8> {
    let text = text(value);
    text.chars()
        .map(|char| u8::try_from(char).unwrap())
        .collect()
}
