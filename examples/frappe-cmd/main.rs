//! Says which Frappe method a saved request runs, and why.
//!
//! ```text
//! frappe-cmd --explain saved.har
//! ```

mod answer;
mod args;
mod curl;
mod har;
mod http;
mod input;
mod print;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use args::Options;

/// Why a run, or one of its files, has no answer.
#[derive(Debug)]
enum Error {
    Io(String, io::Error),
    Request(String, String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(file, error) => write!(f, "{file}: {error}"),
            Self::Request(file, what) => write!(f, "{file}: {what}"),
        }
    }
}

fn main() -> ExitCode {
    let options = match args::options() {
        Ok(options) => options,
        Err(code) => return code,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut failed = false;
    for file in &options.files {
        let done = match options.frames {
            true => frames(&options, file, &mut out).map(|()| true),
            false => answers(&options, file, &mut out),
        };
        match done {
            Ok(all_answered) => failed |= !all_answered,
            // The reader has gone, as with `| head`: that is no failure.
            Err(Error::Io(_, error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ExitCode::SUCCESS;
            }
            // The other files still get their answers.
            Err(error) => {
                eprintln!("frappe-cmd: {error}");
                failed = true;
            }
        }
    }
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("frappe-cmd: standard output: {error}");
            ExitCode::from(2)
        }
        _ if failed => ExitCode::from(2),
        _ => ExitCode::SUCCESS,
    }
}

/// Answers every request of a file. False if the file says too little about one of them.
fn answers(options: &Options, file: &str, out: &mut impl Write) -> Result<bool, Error> {
    let named = |error| Error::Io(file.to_owned(), error);
    let mut bytes = Vec::new();
    open(file)?.read_to_end(&mut bytes).map_err(named)?;
    let found = input::read(&bytes, options.host.as_deref())
        .map_err(|what| Error::Request(file.to_owned(), what))?;
    let mut all_answered = true;
    for (number, request) in &found.requests {
        all_answered &= request.is_ok();
        print::answer(options, file, *number, request, out).map_err(named)?;
    }
    out.flush().map_err(named)?;
    if let Some(left_out) = found.left_out() {
        eprintln!("frappe-cmd: {file}: {left_out}");
    }
    Ok(all_answered)
}

/// Answers each request at once, for another program that sends them one by one.
fn frames(options: &Options, file: &str, out: &mut impl Write) -> Result<(), Error> {
    let named = |error| Error::Io(file.to_owned(), error);
    let mut input = open(file)?;
    for number in 1.. {
        let mut len = [0; 4];
        match input.read_exact(&mut len) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            other => other.map_err(named)?,
        }
        let mut bytes = vec![0; u32::from_le_bytes(len) as usize];
        input.read_exact(&mut bytes).map_err(named)?;
        let request = http::request(&bytes).map_err(|what| Error::Request(file.into(), what))?;
        print::answer(options, file, number, &Ok(request.0), out).map_err(named)?;
        out.flush().map_err(named)?;
    }
    Ok(())
}

fn open(file: &str) -> Result<Box<dyn Read>, Error> {
    match file {
        "-" => Ok(Box::new(io::stdin().lock())),
        path => match std::fs::File::open(path) {
            Ok(opened) => Ok(Box::new(io::BufReader::new(opened))),
            Err(error) => Err(Error::Io(path.to_owned(), error)),
        },
    }
}
