//! As Prometheus's text format, version 0.0.4: base units, counters that only rise, histograms.

use core::fmt::{self, Write};

use super::{Facts, Quoted, Seconds};
use crate::figures::{Class, Figures, GROUPS, Times, Zone, upper};

/// The upper borders of buckets, in milliseconds and as text in seconds. Each is a border of ours.
const BORDERS: [(u32, &str); 16] = [
    (5, "0.005"),
    (10, "0.01"),
    (25, "0.025"),
    (50, "0.05"),
    (100, "0.1"),
    (250, "0.25"),
    (500, "0.5"),
    (1_000, "1"),
    (2_500, "2.5"),
    (5_000, "5"),
    (10_000, "10"),
    (25_000, "25"),
    (50_000, "50"),
    (100_000, "100"),
    (250_000, "250"),
    (1_000_000, "1000"),
];

type Lines = fn(&str, &Figures, &Zone<'_>, &mut dyn Write) -> fmt::Result;

struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    /// of one call
    lines: Lines,
}

/// How many metrics have a line for each call.
pub(super) const METRICS: usize = ALL.len();

const ALL: [Metric; 8] = [
    Metric {
        name: "frappe_requests_total",
        kind: "counter",
        help: "Requests that have finished, by call and class of status (429, 499 and 503 apart).",
        lines: requests,
    },
    Metric {
        name: "frappe_received_bytes_total",
        kind: "counter",
        help: "Bytes received from clients, headers included.",
        lines: |call, figures, _, out| {
            let call = Quoted(call);
            writeln!(
                out,
                "frappe_received_bytes_total{{call={call}}} {}",
                figures.received
            )
        },
    },
    Metric {
        name: "frappe_sent_bytes_total",
        kind: "counter",
        help: "Bytes sent to clients, headers included.",
        lines: |call, figures, _, out| {
            let call = Quoted(call);
            writeln!(
                out,
                "frappe_sent_bytes_total{{call={call}}} {}",
                figures.sent
            )
        },
    },
    Metric {
        name: "frappe_request_duration_seconds",
        kind: "histogram",
        help: "Time from the first byte of a request to the last byte of its answer.",
        lines: |call, figures, _, out| {
            histogram(
                "frappe_request_duration_seconds",
                call,
                &figures.request,
                out,
            )
        },
    },
    Metric {
        name: "frappe_upstream_duration_seconds",
        kind: "histogram",
        help: "Time that servers have had of a request.",
        lines: |call, figures, _, out| {
            histogram(
                "frappe_upstream_duration_seconds",
                call,
                &figures.upstream,
                out,
            )
        },
    },
    Metric {
        name: "frappe_upstream_requests_total",
        kind: "counter",
        help: "Requests that went to a group of servers.",
        lines: |call, figures, zone, out| {
            each_share(figures, zone, |group, count, _| {
                let (call, group) = (Quoted(call), Quoted(group));
                let name = "frappe_upstream_requests_total";
                writeln!(out, "{name}{{call={call},upstream={group}}} {count}")
            })
        },
    },
    Metric {
        name: "frappe_upstream_seconds_total",
        kind: "counter",
        help: "Time that a group of servers has spent on requests.",
        lines: |call, figures, zone, out| {
            each_share(figures, zone, |group, _, time| {
                let (call, group) = (Quoted(call), Quoted(group));
                let name = "frappe_upstream_seconds_total";
                writeln!(out, "{name}{{call={call},upstream={group}}} {time}")
            })
        },
    },
    Metric {
        name: "frappe_request_duration_max_seconds",
        kind: "gauge",
        help: "The longest request since the figures began.",
        lines: |call, figures, _, out| {
            let (call, max) = (Quoted(call), Seconds(u64::from(figures.request.max)));
            writeln!(
                out,
                "frappe_request_duration_max_seconds{{call={call}}} {max}"
            )
        },
    },
];

/// What stands before the lines of a metric.
pub(super) fn head(
    metric: usize,
    facts: &Facts<'_>,
    zone: &Zone<'_>,
    used: usize,
    out: &mut dyn Write,
) -> fmt::Result {
    if metric == 0 {
        zone_metrics(facts, zone, used, out)?;
    }
    match ALL.get(metric) {
        Some(Metric {
            name, kind, help, ..
        }) => type_of(name, kind, help, out),
        None => Ok(()),
    }
}

/// The lines of a metric for one call.
pub(super) fn call(
    metric: usize,
    call: &str,
    figures: &Figures,
    zone: &Zone<'_>,
    out: &mut dyn Write,
) -> fmt::Result {
    match ALL.get(metric) {
        Some(metric) => (metric.lines)(call, figures, zone, out),
        None => Ok(()),
    }
}

fn zone_metrics(
    facts: &Facts<'_>,
    zone: &Zone<'_>,
    used: usize,
    out: &mut dyn Write,
) -> fmt::Result {
    let (usage, name) = (zone.usage(), Quoted(facts.zone));
    for (metric, kind, help, value) in [
        (
            "frappe_zone_calls",
            "gauge",
            "Calls that have figures of their own.",
            used as u64,
        ),
        (
            "frappe_zone_calls_max",
            "gauge",
            "Calls that there is room for.",
            usage.max as u64,
        ),
        (
            "frappe_zone_replaced_total",
            "counter",
            "Calls whose figures were added to (other) to make room.",
            u64::from(usage.left),
        ),
        (
            "frappe_zone_start_timestamp_seconds",
            "gauge",
            "When the figures began.",
            u64::from(usage.since),
        ),
    ] {
        type_of(metric, kind, help, out)?;
        writeln!(out, "{metric}{{zone={name}}} {value}")?;
    }
    Ok(())
}

fn type_of(name: &str, kind: &str, help: &str, out: &mut dyn Write) -> fmt::Result {
    write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n")
}

fn requests(call: &str, figures: &Figures, _: &Zone<'_>, out: &mut dyn Write) -> fmt::Result {
    for (class, count) in Class::ALL.into_iter().zip(figures.responses) {
        // Most calls have one or two of them; this one is there so that each call has a line.
        if count > 0 || class == Class::Successful {
            let (call, status) = (Quoted(call), class.name());
            writeln!(
                out,
                "frappe_requests_total{{call={call},status=\"{status}\"}} {count}"
            )?;
        }
    }
    Ok(())
}

fn histogram(name: &str, call: &str, times: &Times, out: &mut dyn Write) -> fmt::Result {
    let call = Quoted(call);
    let (mut used, mut sum) = (times.used().peekable(), 0_u64);
    for (border, text) in BORDERS {
        while let Some((_, count)) = used.next_if(|(bucket, _)| upper(*bucket) <= border) {
            sum = sum.saturating_add(u64::from(count));
        }
        writeln!(out, "{name}_bucket{{call={call},le=\"{text}\"}} {sum}")?;
    }
    let count = used.fold(sum, |sum, (_, count)| sum.saturating_add(u64::from(count)));
    writeln!(out, "{name}_bucket{{call={call},le=\"+Inf\"}} {count}")?;
    writeln!(out, "{name}_sum{{call={call}}} {}", Seconds(times.sum))?;
    writeln!(out, "{name}_count{{call={call}}} {count}")
}

fn each_share(
    figures: &Figures,
    zone: &Zone<'_>,
    mut see: impl FnMut(&str, u64, Seconds) -> fmt::Result,
) -> fmt::Result {
    for (number, share) in (0..GROUPS as u32).zip(figures.shares) {
        if let Some(name) = zone.group_name(number).filter(|_| share.count > 0) {
            see(name.as_str(), share.count, Seconds(share.sum))?;
        }
    }
    Ok(())
}
