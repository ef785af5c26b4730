//! As JSON, by the schema of docs/status.schema.json.

use core::fmt::{self, Write};

use super::{Facts, Quoted, Seconds};
use crate::figures::pace::Call;
use crate::figures::{Class, Figures, GROUPS, Read, Times, Zone, upper};

/// Of the schema: a change that may break a reader makes it one more.
const VERSION: u32 = 1;

pub(super) fn head(
    facts: &Facts<'_>,
    zone: &Zone<'_>,
    used: usize,
    shown: usize,
    out: &mut dyn Write,
) -> fmt::Result {
    let usage = zone.usage();
    write!(
        out,
        r#"{{"version":{VERSION},"module":"{}","nginx":{},"zone":{},"time":{},"since":{},"#,
        env!("CARGO_PKG_VERSION"),
        Quoted(facts.nginx),
        Quoted(facts.zone),
        Seconds(facts.now),
        usage.since,
    )?;
    write!(
        out,
        r#""rows":{{"shown":{shown},"used":{used},"max":{},"replaced":{}}},"calls":["#,
        usage.max, usage.left,
    )
}

pub(super) fn call(
    row: &Read,
    facts: &Facts<'_>,
    zone: &Zone<'_>,
    is_first: bool,
    out: &mut dyn Write,
) -> fmt::Result {
    let comma = if is_first { "\n" } else { ",\n" };
    write!(out, r#"{comma}{{"call":{},"#, Quoted(row.name()))?;
    if let Some((settings, now)) = facts.pace {
        let call = Call::from_words(row.pace);
        let pace = call.pace(settings, now).as_str();
        write!(
            out,
            r#""pace":"{pace}","pace_why":"{}","#,
            call.explain(settings, now)
        )?;
    }
    figures(&row.figures, zone, out)?;
    out.write_char('}')
}

pub(super) fn end(
    rest: &Figures,
    total: &Figures,
    zone: &Zone<'_>,
    out: &mut dyn Write,
) -> fmt::Result {
    out.write_str("],\n\"other\":{")?;
    figures(rest, zone, out)?;
    out.write_str("},\n\"total\":{")?;
    figures(total, zone, out)?;
    out.write_str("}}\n")
}

fn figures(figures: &Figures, zone: &Zone<'_>, out: &mut dyn Write) -> fmt::Result {
    write!(out, r#""requests":{},"responses":{{"#, figures.requests())?;
    let mut comma = "";
    for (class, count) in Class::ALL.into_iter().zip(figures.responses) {
        if count > 0 {
            write!(out, r#"{comma}"{}":{count}"#, class.name())?;
            comma = ",";
        }
    }
    write!(
        out,
        r#"}},"received_bytes":{},"sent_bytes":{},"#,
        figures.received, figures.sent,
    )?;
    if figures.first > 0 {
        let (first, last) = (figures.first, figures.last);
        write!(out, r#""first_seen":{first},"last_seen":{last},"#)?;
    }
    times("request", &figures.request, out)?;
    times("upstream", &figures.upstream, out)?;
    out.write_str(r#""upstreams":{"#)?;
    let mut comma = "";
    for (number, share) in (0..GROUPS as u32).zip(figures.shares) {
        if let Some(name) = zone.group_name(number).filter(|_| share.count > 0) {
            let (name, time) = (Quoted(name.as_str()), Seconds(share.sum));
            write!(
                out,
                r#"{comma}{name}:{{"requests":{},"time":{time}}}"#,
                share.count
            )?;
            comma = ",";
        }
    }
    out.write_char('}')
}

/// Times in seconds; `buckets` are pairs of an upper border and how many lie between it and the one
/// before.
fn times(name: &str, times: &Times, out: &mut dyn Write) -> fmt::Result {
    let max = Seconds(u64::from(times.max));
    write!(
        out,
        r#""{name}":{{"count":{},"sum":{},"max":{max},"#,
        times.count(),
        Seconds(times.sum),
    )?;
    for (name, per_mille) in [("p50", 500), ("p95", 950), ("p99", 990)] {
        match times.quantile(per_mille) {
            Some(time) => {
                write!(out, r#""{name}":{}.{:04},"#, time / 10_000, time % 10_000)?;
            }
            None => write!(out, r#""{name}":null,"#)?,
        }
    }
    out.write_str(r#""buckets":["#)?;
    let mut comma = "";
    for (bucket, count) in times.used() {
        write!(
            out,
            "{comma}[{},{count}]",
            Seconds(u64::from(upper(bucket)))
        )?;
        comma = ",";
    }
    out.write_str("]},")
}
