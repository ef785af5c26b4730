//! Reports, as programs read them.

use serde_json::Value;

use super::*;
use crate::figures::pace::{Now, Settings};

const HOSTILE: &str = r#"<img src=x onerror="alert('\\')">{}\"#;

fn report(zone: &Zone<'_>, worker: Worker, format: Format, top: usize) -> String {
    let facts = Facts {
        zone: "calls",
        nginx: "1.28.3",
        now: 1_790_000_000_123,
        pace: None,
    };
    report_with(zone, worker, format, top, &facts)
}

fn report_with(
    zone: &Zone<'_>,
    worker: Worker,
    format: Format,
    top: usize,
    facts: &Facts<'_>,
) -> String {
    let mut text = String::new();
    let mut report = Report::new(format, top);
    while report.go_on(zone, worker, facts, &mut text).unwrap() {}
    text
}

/// 300 calls, of which each takes longer than the one before.
fn fill(zone: &Zone<'_>, worker: Worker) {
    let group = zone.group(worker, b"primary");
    for number in 0..300 {
        let upstream = Some(Upstream {
            time: number,
            group,
        });
        let record = Record {
            upstream,
            ..record(number + 7)
        };
        zone.count(worker, format!("call {number}").as_bytes(), &record);
    }
    zone.count(
        worker,
        HOSTILE.as_bytes(),
        &Record {
            status: 404,
            ..record(10_000)
        },
    );
}

#[test]
fn json_has_the_first_calls_and_the_sum_of_the_others() {
    let memory = Memory::new(500_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    fill(&zone, worker);
    for top in [1, 64, 65, 250, 301, 1000] {
        let json: Value = serde_json::from_str(&report(&zone, worker, Format::Json, top)).unwrap();
        let calls = json["calls"].as_array().unwrap();
        assert_eq!(calls.len(), top.min(301));
        assert_eq!(calls[0]["call"], HOSTILE);
        assert_eq!(calls[0]["responses"], serde_json::json!({"4xx": 1}));
        assert_eq!(
            calls[0]["request"]["buckets"],
            serde_json::json!([[10.0, 1]])
        );
        let shown: u64 = calls
            .iter()
            .map(|call| call["requests"].as_u64().unwrap())
            .sum();
        assert_eq!(shown + json["other"]["requests"].as_u64().unwrap(), 301);
        assert_eq!(json["total"]["requests"], 301);
        let upstreams = &json["total"]["upstreams"]["primary"];
        assert_eq!(
            *upstreams,
            serde_json::json!({"requests": 301, "time": 49.85})
        );
        assert_eq!(
            (&json["rows"]["used"], &json["rows"]["shown"]),
            (&301.into(), &top.min(301).into())
        );
        assert_eq!(json["time"], 1_790_000_000.123);
    }
    let json: Value = serde_json::from_str(&report(&zone, worker, Format::Json, 2)).unwrap();
    assert_eq!(json["calls"][1]["call"], "call 299");
    assert_eq!(json["calls"][1]["request"]["max"], 0.306);
    assert!(json["other"]["request"]["p99"].is_number());
}

#[test]
fn an_empty_zone_has_a_report() {
    let memory = Memory::new(BYTES_MIN);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    let json: Value = serde_json::from_str(&report(&zone, worker, Format::Json, 1)).unwrap();
    assert_eq!(json["calls"], serde_json::json!([]));
    assert_eq!(json["total"]["request"]["p50"], Value::Null);
    assert_eq!(json["rows"]["used"], 0);
    let text = report(&zone, worker, Format::Prometheus, 1);
    assert!(text.contains("frappe_requests_total{call=\"(other)\",status=\"2xx\"} 0\n"));
    assert_eq!(report(&zone, worker, Format::Html, 1), "");
}

#[test]
fn prometheus_has_each_metric_in_one_piece_and_each_line_once() {
    let memory = Memory::new(500_000);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    fill(&zone, worker);
    // As if it were what has no row.
    zone.count(worker, OTHER.as_bytes(), &record(1));
    for top in [1, 200, 1000] {
        let text = report(&zone, worker, Format::Prometheus, top);
        let (mut metrics, mut lines) = (Vec::new(), std::collections::HashSet::new());
        let mut requests = 0;
        for line in text.lines() {
            assert!(
                lines.insert(line.rsplit_once(' ').unwrap().0),
                "twice: {line}"
            );
            if let Some(name) = line.strip_prefix("# TYPE ") {
                metrics.push(name.split_once(' ').unwrap().0);
            } else if !line.starts_with("# HELP ") {
                assert!(line.starts_with(metrics.last().unwrap()), "{line}");
            }
            if line.starts_with("frappe_requests_total{") {
                requests += line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap();
            }
        }
        assert_eq!(requests, 302);
        let call = r#"call="<img src=x onerror=\"alert('\\\\')\">{}\\""#;
        assert!(text.contains(&format!(
            "frappe_requests_total{{{call},status=\"4xx\"}} 1\n"
        )));
        let bucket = format!("frappe_request_duration_seconds_bucket{{{call},le=");
        assert!(text.contains(&format!("{bucket}\"5\"}} 0\n")));
        assert!(text.contains(&format!("{bucket}\"10\"}} 1\n")));
        assert!(text.contains(&format!("{bucket}\"+Inf\"}} 1\n")));
    }
}

#[test]
fn json_says_why_a_call_is_slow() {
    let memory = Memory::new(BYTES_MIN);
    let zone = memory.create();
    let worker = Worker::start(&zone, 0, 1).unwrap();
    zone.count(worker, b"call", &record(1));
    let now = Now { ms: 5000, s: 2000 };
    let facts = Facts {
        zone: "z",
        nginx: "1",
        now: 0,
        pace: Some((Settings::new(2000), now)),
    };
    let text = report_with(&zone, worker, Format::Json, 9, &facts);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["calls"][0]["pace"], "new");
    assert_eq!(
        json["calls"][0]["pace_why"],
        "no finished runs within the window"
    );
}
