//! The command line. clap reads it, and makes the man page and the completions of the same definition.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use clap_complete::Shell;

use crate::answer::Asker;

/// The options of a run.
pub(crate) struct Options {
    pub(crate) asker: Asker,
    pub(crate) explain: bool,
    pub(crate) json: bool,
    pub(crate) frames: bool,
    /// the host whose requests are answered; None: that of a file's first request
    pub(crate) host: Option<String>,
    pub(crate) files: Vec<String>,
}

const AFTER: &str = "\
Exit status: 0 if every request has its answer; 2 if a file could not be read or says too little \
about a request (the other files and requests are answered all the same), and for a wrong call.

A HAR file, a cURL command or a raw request holds your session. Delete it when you are done.";

const LONG: &str = "\
Says which Frappe method a request runs: what $frappe_cmd of nginx's module \
ngx_http_frappe_module would be, and why.

A file is one of these, recognised by its content: a HAR file (\"Save all as HAR\" in the network tab of \
a browser), a cURL command or several (\"Copy as cURL (bash)\"), or raw HTTP/1.1 requests, one behind the \
other.";

/// Reads the command line. Err has the exit code if there is nothing more to do.
pub(crate) fn options() -> Result<Options, ExitCode> {
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            let is_help = !error.use_stderr();
            return Err(ExitCode::from(if is_help { 0 } else { 2 }));
        }
    };
    if let Some(what) = matches.get_one::<String>("generate") {
        return Err(generate(what));
    }
    read(&matches)
}

fn command() -> Command {
    Command::new("frappe-cmd")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .about("Says which Frappe method a saved request runs, and why")
        .long_about(LONG)
        .after_help(AFTER)
        .args([
            Arg::new("files")
                .value_name("FILE")
                .help("HAR file, cURL command or raw request; - is standard input")
                .value_hint(clap::ValueHint::FilePath)
                .num_args(1..)
                .required_unless_present_any(["generate", "version"]),
            Arg::new("frappe")
                .long("frappe")
                .value_name("N[.M[.P]]")
                .help("The rules of this Frappe version [default: the newest known]"),
            Arg::new("arg")
                .long("arg")
                .value_name("NAME")
                .action(ArgAction::Append)
                .help("Also print this argument; may be given several times"),
            Arg::new("explain")
                .long("explain")
                .action(ArgAction::SetTrue)
                .help("Also print the rule that decided"),
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print one JSON object for each request"),
            Arg::new("host")
                .long("host")
                .value_name("NAME")
                .help(
                    "Answer the requests to this host; 'all' for every host \
                     [default: the host of a file's first request]",
                ),
            Arg::new("chunk")
                .long("chunk")
                .value_name("BYTES")
                .value_parser(clap::value_parser!(u32).range(1..))
                .help("Feed bodies in pieces of this size"),
            Arg::new("frames")
                .long("frames")
                .action(ArgAction::SetTrue)
                .help(
                    "FILE holds raw requests, a length of 4 bytes, little endian, in front of \
                     each; answers come at once, for use by another program",
                ),
            Arg::new("generate")
                .long("generate")
                .value_name("WHAT")
                .value_parser(PossibleValuesParser::new(["man", "bash", "fish", "zsh"]))
                .help("Print the man page, or the completions of a shell"),
            Arg::new("version")
                .long("version")
                .short('V')
                .num_args(0..=1)
                .value_name("N")
                .help("Print the version of the module that answers; with a number, the old name of --frappe"),
        ])
}

fn read(matches: &ArgMatches) -> Result<Options, ExitCode> {
    let text = |name: &str| matches.get_one::<String>(name);
    let mut frappe = text("frappe");
    if matches.contains_id("version") {
        match text("version") {
            Some(number) => {
                eprintln!("frappe-cmd: --version {number} is now --frappe {number}");
                frappe = frappe.or(Some(number));
            }
            None => {
                println!("frappe-cmd {}", env!("CARGO_PKG_VERSION"));
                return Err(ExitCode::SUCCESS);
            }
        }
    }
    let mut asker = Asker::default();
    if let Some(version) = frappe {
        asker.set_version(version).map_err(wrong)?;
    }
    for name in matches.get_many::<String>("arg").into_iter().flatten() {
        asker.add_name(name).map_err(wrong)?;
    }
    if let Some(size) = matches.get_one::<u32>("chunk") {
        asker.chunk = *size as usize;
    }
    let files = matches.get_many("files").into_iter().flatten().cloned();
    let files: Vec<String> = files.collect();
    if files.is_empty() {
        return Err(wrong("no file".into()));
    }
    Ok(Options {
        asker,
        explain: matches.get_flag("explain"),
        json: matches.get_flag("json"),
        frames: matches.get_flag("frames"),
        host: text("host").cloned(),
        files,
    })
}

fn wrong(what: String) -> ExitCode {
    eprintln!("frappe-cmd: {what}; try --help");
    ExitCode::from(2)
}

fn generate(what: &str) -> ExitCode {
    let mut text = Vec::new();
    let done = match what {
        "man" => clap_mangen::Man::new(command()).render(&mut text),
        shell => {
            let shell: Result<Shell, _> = shell.parse();
            let shell = shell.expect("clap has let no other through");
            clap_complete::generate(shell, &mut command(), "frappe-cmd", &mut text);
            Ok(())
        }
    };
    match done.and_then(|()| io::stdout().write_all(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => wrong(error.to_string()),
    }
}
