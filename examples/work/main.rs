//! Reads inputs of `benches/`, for programs that count instructions: `t/test_17_*` and callgrind.
//!
//! usage: work NAME BYTES TIMES     reads an input of inputs.json TIMES times
//!        work BYTES [TEXT]         reads the inputs of hostile.json, or those with TEXT in their names,
//!                                  by each dialect, whole and in pieces

// Each program that measures uses a part of this module.
#[allow(dead_code)]
#[path = "../../benches/inputs/mod.rs"]
mod inputs;

use std::hint::black_box;

use ngx_http_frappe_module::frappe::dialect::DIALECTS;

/// Bytes of a piece: about as many as one packet of Ethernet carries.
const PIECE: usize = 1500;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &str| text.parse::<usize>().expect("a number");
    match &args[..] {
        [name, bytes, times] => one(name, number(bytes), number(times)),
        [bytes] => hostile(number(bytes), ""),
        [bytes, text] => hostile(number(bytes), text),
        _ => panic!("usage: work NAME BYTES TIMES, or work BYTES [TEXT]"),
    }
}

fn one(name: &str, bytes: usize, times: usize) {
    let inputs = inputs::all(inputs::INPUTS);
    let input = inputs.iter().find(|input| input.name == *name);
    let input = input.expect("a name of benches/inputs.json");
    let body = input.body(bytes);
    for _ in 0..times {
        assert_eq!(
            black_box(inputs::read(input, black_box(&body))).trouble,
            None
        );
    }
    println!("{}", body.len());
}

/// Prints a line for each reading: kind, whether friendly, name, dialect, bytes of a piece, bytes in all,
/// outcome.
fn hostile(bytes: usize, text: &str) {
    let mut inputs = inputs::all(inputs::HOSTILE);
    inputs.retain(|input| input.name.contains(text));
    for input in inputs {
        let body = input.body(bytes);
        for dialect in DIALECTS {
            for piece in [usize::MAX, PIECE] {
                let outcome = inputs::read_by(&input, black_box(&body), dialect, piece);
                let (major, minor, patch) = dialect.since;
                let version = format!("{major}.{minor}.{patch}");
                let head = input.content_type.len() + input.target.len();
                println!(
                    "{}\t{}\t{}\t{version}\t{}\t{}\t{}\t{}",
                    input.kind,
                    input.is_friendly,
                    input.name,
                    piece.min(body.len()),
                    head + body.len(),
                    outcome.status.as_str(),
                    outcome.trouble.map_or("", |trouble| trouble.message()),
                );
            }
        }
    }
}
