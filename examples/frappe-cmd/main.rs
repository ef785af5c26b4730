//! Says which Frappe method a saved request runs, and why.
//!
//! ```text
//! cargo run --example frappe-cmd --no-default-features -- request.http
//! ```

mod answer;
mod har;
mod http;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use answer::{Answer, Asker};

const HELP: &str = "\
Says which Frappe method a request runs: what $frappe_cmd would be, and why.

usage: frappe-cmd [OPTION]... FILE...

FILE is a raw HTTP/1.1 request (several may follow each other), or a HAR file that a browser
saved (ends in .har); - is standard input.

  --version N[.M[.P]]  the rules of this Frappe version (newest known)
  --arg NAME           also print this argument; may be given several times
  --explain            also print the rule that decided
  --json               one JSON object a request
  --chunk BYTES        feed bodies in pieces of this size
  --frames             FILE holds requests with a length of 4 bytes, little endian, in front of
                       each; answers come at once, for use by another program
  --help               this text
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        // The reader has gone: nothing is wrong here.
        Err(Error::Io(_, error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("frappe-cmd: {error}");
            ExitCode::from(2)
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
enum Error {
    Help,
    Usage(String),
    Io(String, io::Error),
    Request(String, String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Help => f.write_str(HELP),
            Self::Usage(what) => write!(f, "{what}; try --help"),
            Self::Io(file, error) => write!(f, "{file}: {error}"),
            Self::Request(file, what) => write!(f, "{file}: {what}"),
        }
    }
}

#[derive(Default)]
struct Options {
    asker: Asker,
    explain: bool,
    json: bool,
    frames: bool,
    files: Vec<String>,
}

fn options() -> Result<Options, Error> {
    let mut options = Options::default();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || {
            args.next()
                .ok_or_else(|| Error::Usage(format!("{arg} needs a value")))
        };
        match arg.as_str() {
            "--help" | "-h" => return Err(Error::Help),
            "--explain" => options.explain = true,
            "--json" => options.json = true,
            "--frames" => options.frames = true,
            "--arg" => {
                let name = value()?;
                options.asker.add_name(&name).map_err(Error::Usage)?;
            }
            "--version" => {
                let version = value()?;
                options.asker.set_version(&version).map_err(Error::Usage)?;
            }
            "--chunk" => {
                let size = value()?;
                options.asker.chunk = size
                    .parse()
                    .ok()
                    .filter(|size| *size > 0)
                    .ok_or_else(|| Error::Usage(format!("--chunk {size} is no size")))?;
            }
            _ if arg.starts_with("--") => {
                return Err(Error::Usage(format!("unknown option {arg}")));
            }
            _ => options.files.push(arg),
        }
    }
    if options.files.is_empty() {
        return Err(Error::Usage("no file".into()));
    }
    Ok(options)
}

fn run() -> Result<(), Error> {
    let options = options()?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    for file in &options.files {
        let named = |error| Error::Io(file.clone(), error);
        if options.frames {
            let mut input: Box<dyn Read> = match file.as_str() {
                "-" => Box::new(io::stdin().lock()),
                path => Box::new(std::fs::File::open(path).map_err(named)?),
            };
            frames(&options, file, &mut input, &mut out)?;
            continue;
        }
        let mut bytes = Vec::new();
        match file.as_str() {
            "-" => io::stdin().read_to_end(&mut bytes).map_err(named)?,
            path => {
                bytes = std::fs::read(path).map_err(named)?;
                bytes.len()
            }
        };
        let requests = if file.ends_with(".har") {
            har::requests(&bytes)
        } else {
            http::requests(&bytes)
        };
        let requests = requests.map_err(|what| Error::Request(file.clone(), what))?;
        for request in &requests {
            print(&options, request, &mut out).map_err(named)?;
        }
    }
    out.flush()
        .map_err(|error| Error::Io("standard output".into(), error))
}

/// Answers each request as it comes.
fn frames(
    options: &Options,
    file: &str,
    input: &mut dyn Read,
    out: &mut impl Write,
) -> Result<(), Error> {
    let named = |error| Error::Io(file.to_owned(), error);
    loop {
        let mut len = [0; 4];
        match input.read_exact(&mut len) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other.map_err(named)?,
        }
        let mut bytes = vec![0; u32::from_le_bytes(len) as usize];
        input.read_exact(&mut bytes).map_err(named)?;
        let request = http::request(&bytes).map_err(|what| Error::Request(file.into(), what))?;
        print(options, &request.0, out).map_err(named)?;
        out.flush().map_err(named)?;
    }
}

fn print(options: &Options, request: &http::Request, out: &mut impl Write) -> io::Result<()> {
    let answer: Answer = options.asker.ask(request);
    if options.json {
        return writeln!(out, "{}", answer.to_json());
    }
    writeln!(out, "{} {}", request.method_text(), request.target_text())?;
    let or_dash = |text: &str| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            text.to_owned()
        }
    };
    writeln!(out, "  cmd     {}", or_dash(&answer.cmd))?;
    writeln!(out, "  source  {}", or_dash(answer.source))?;
    writeln!(out, "  status  {}", answer.status)?;
    for (name, value) in &answer.arguments {
        writeln!(out, "  {name:<7} {}", or_dash(value))?;
    }
    if let Some(trouble) = answer.trouble {
        writeln!(out, "  note    {trouble}")?;
    }
    if options.explain {
        writeln!(out, "  why     {}", answer.why)?;
    }
    Ok(())
}
