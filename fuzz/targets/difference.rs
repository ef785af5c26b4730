//! Compares the core with the real werkzeug, orjson and `json`. libFuzzer follows the core's coverage; a
//! Python process that runs all the time (`t/oracle/guided.py`) says whether both give the same answer.
//!
//! `FUZZ_PYTHON` is the interpreter of the tests' environment.

#![no_main]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use fuzz::{Case, check, request};
use libfuzzer_sys::fuzz_target;
use ngx_http_frappe_module::frappe::{Head, dialect};

struct Oracle {
    process: Child,
    answers: BufReader<ChildStdout>,
    versions: Vec<String>,
}

impl Oracle {
    fn start() -> Self {
        let python = std::env::var("FUZZ_PYTHON").expect("FUZZ_PYTHON is set by `make fuzz`");
        let mut process = Command::new(python)
            .args(["-m", "oracle.guided"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../t"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python runs");
        let mut answers = BufReader::new(process.stdout.take().expect("it is a pipe"));
        let mut line = String::new();
        answers
            .read_line(&mut line)
            .expect("the oracle says its versions");
        let versions = line.split_whitespace().map(str::to_owned).collect();
        Self {
            process,
            answers,
            versions,
        }
    }

    /// What differs between the answers; empty where they agree.
    fn ask(&mut self, data: &[u8]) -> String {
        let frame = [&(data.len() as u32).to_le_bytes(), data].concat();
        let input = self.process.stdin.as_mut().expect("it is a pipe");
        input
            .write_all(&frame)
            .and_then(|()| input.flush())
            .expect("the oracle listens");
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .expect("the oracle answers");
        assert!(line.ends_with('\n'), "the oracle has ended");
        line.trim_end().replace("\\n", "\n")
    }
}

static ORACLE: OnceLock<Mutex<Oracle>> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let Some((&[version, cut], text)) = data.split_first_chunk() else {
        return;
    };
    let Some((method, target, content_type, body)) = request(text) else {
        return;
    };
    let oracle = ORACLE.get_or_init(|| Mutex::new(Oracle::start()));
    let mut oracle = oracle.lock().expect("one thread");
    let version = usize::from(version) % oracle.versions.len();
    let name = oracle.versions[version].clone();
    let dialect = dialect::find(name.as_bytes()).expect("a version of the oracle");
    let head = Head {
        method,
        target,
        content_type,
    };
    check(&Case {
        dialect,
        cut,
        head,
        body,
    });
    let difference = oracle.ask(&[&[version as u8, cut], text].concat());
    assert!(difference.is_empty(), "{difference}");
});
