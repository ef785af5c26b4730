//! Answers as text or as JSON.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::args::Options;
use crate::input::{Item, Unanswered};

/// Prints what a request of a file runs, or why there is no answer.
pub(crate) fn answer(
    options: &Options,
    file: &str,
    number: usize,
    item: &Item,
    out: &mut impl Write,
) -> io::Result<()> {
    let (method, url) = match item {
        Ok(request) => (request.method_text(), request.url_text()),
        Err(unanswered) => (unanswered.method.clone(), unanswered.url.clone()),
    };
    if options.json {
        let mut line = json!({"file": file, "index": number, "method": method, "url": url});
        let more = match item {
            Ok(request) => as_json(&options.asker.ask(request), &request.notes),
            Err(Unanswered { what, .. }) => json!({"error": what}),
        };
        if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
            line.extend(more);
        }
        return writeln!(out, "{line}");
    }
    writeln!(out, "{} {}", printable(&method), printable(&url))?;
    let request = match item {
        Ok(request) => request,
        Err(Unanswered { what, .. }) => return writeln!(out, "  no answer: {what}"),
    };
    let answer = options.asker.ask(request);
    writeln!(out, "  cmd     {}", or_dash(&answer.cmd))?;
    writeln!(out, "  source  {}", or_dash(answer.source))?;
    writeln!(out, "  status  {}", answer.status)?;
    writeln!(out, "  call    {}", or_dash(&answer.call))?;
    for (name, value) in &answer.arguments {
        writeln!(out, "  {name:<7} {}", or_dash(value))?;
    }
    for note in answer
        .trouble
        .iter()
        .copied()
        .chain(request.notes.iter().map(String::as_str))
    {
        writeln!(out, "  note    {note}")?;
    }
    if options.explain {
        writeln!(out, "  why     {}", answer.why)?;
    }
    Ok(())
}

fn as_json(answer: &Answer, notes: &[String]) -> Value {
    let arguments: Map<String, Value> = answer
        .arguments
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    json!({
        "cmd": answer.cmd,
        "source": answer.source,
        "status": answer.status,
        "call": answer.call,
        "arguments": arguments,
        "note": answer.trouble,
        "notes": notes,
        "why": answer.why,
    })
}

fn or_dash(text: &str) -> String {
    match text {
        "" => "-".to_owned(),
        _ => printable(text),
    }
}

/// The text without control characters: bytes of a file must not control the terminal.
fn printable(text: &str) -> String {
    let replaced = |char: char| match char.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => char,
    };
    text.chars().map(replaced).collect()
}
