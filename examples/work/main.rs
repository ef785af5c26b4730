//! Reads one input of `benches/inputs.json` a number of times, for programs that count instructions:
//! `t/test_17_*` and callgrind.
//!
//! usage: work NAME BYTES TIMES

// Each program that measures uses a part of it.
#[allow(dead_code)]
#[path = "../../benches/inputs/mod.rs"]
mod inputs;

use std::hint::black_box;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [name, bytes, times] = &args[..] else {
        panic!("usage: work NAME BYTES TIMES");
    };
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let inputs = inputs::all();
    let input = inputs.iter().find(|input| input.name == *name);
    let input = input.expect("a name of benches/inputs.json");
    let body = input.body(number(bytes));
    for _ in 0..number(times) {
        assert_eq!(
            black_box(inputs::read(input, black_box(&body))).trouble,
            None
        );
    }
    println!("{}", body.len());
}
