//! Requests from cURL commands, as a browser's "Copy as cURL (bash)" writes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::Request;
use crate::input::{Item, Unanswered, Url};

const BOUNDARY: &str = "------------------------frappe-cmd";

/// Whether a file begins with a command for cURL.
pub(crate) fn is_command(bytes: &[u8]) -> bool {
    let rest = bytes
        .strip_prefix(b"curl.exe")
        .or(bytes.strip_prefix(b"curl"));
    rest.is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_whitespace))
}

/// One request for each command of a file.
pub(crate) fn requests(bytes: &[u8]) -> Result<Vec<Item>, String> {
    if bytes
        .windows(2)
        .any(|two| two == b"^\"" || two == b"^\r" || two == b"^\n")
    {
        return Err("this is cURL for Windows' cmd: copy as cURL (bash)".into());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "the command is no UTF-8")?;
    let commands = commands(text)?;
    Ok(commands.into_iter().map(|words| request(&words)).collect())
}

/// A command's options.
#[derive(Default)]
struct Command {
    method: Option<String>,
    url: Option<String>,
    headers: Vec<(String, String)>,
    data: Vec<String>,
    form: Vec<(String, String)>,
    /// `--get` puts the data into the query
    get: bool,
    head: bool,
    /// the type of the data if no header names one
    content_type: Option<&'static str>,
    /// the first option that cannot be followed
    problem: Option<String>,
}

fn request(words: &[String]) -> Item {
    let mut command = Command::default();
    command.read(words);
    let url = command.url.clone().unwrap_or_default();
    let method = command.method().to_owned();
    match command.finish() {
        Ok(request) => Ok(request),
        Err(what) => Err(Unanswered { method, url, what }),
    }
}

impl Command {
    /// Reads all options, also behind one that cannot be followed, since the URL may come later.
    fn read(&mut self, words: &[String]) {
        let mut words = words.iter().skip(1);
        while let Some(word) = words.next() {
            let (option, value) = match split(word) {
                Some(both) => both,
                None => {
                    self.url = Some(word.clone());
                    continue;
                }
            };
            if is_switch(option) {
                self.get |= matches!(option, "-G" | "--get");
                self.head |= matches!(option, "-I" | "--head");
                // Several switches may be written as one word: -sI.
                if let (false, Some(more)) = (option.starts_with("--"), value) {
                    let rest = format!("-{more}");
                    self.read(&[String::new(), rest]);
                }
                continue;
            }
            let value = value.map(str::to_owned).or_else(|| words.next().cloned());
            let taken = match value {
                Some(value) => self.take(option, value),
                None => Err(format!("{option} has no value")),
            };
            if let Err(what) = taken {
                self.problem.get_or_insert(what);
            }
        }
    }

    fn take(&mut self, option: &str, value: String) -> Result<(), String> {
        let of_file = |value: &str| format!("{option} {value}: data from a file is not read");
        match option {
            "-X" | "--request" => self.method = Some(value),
            "--url" => self.url = Some(value),
            "-H" | "--header" => {
                let (name, value) = value.split_once(':').unwrap_or((&value, ""));
                self.headers.push((name.into(), value.trim().into()));
            }
            "-A" | "--user-agent" => self.headers.push(("User-Agent".into(), value)),
            "-e" | "--referer" => self.headers.push(("Referer".into(), value)),
            "-b" | "--cookie" => self.headers.push(("Cookie".into(), value)),
            "-u" | "--user" => {
                let value = format!("Basic {}", STANDARD.encode(value));
                self.headers.push(("Authorization".into(), value));
            }
            "-d" | "--data" | "--data-ascii" | "--data-binary" if value.starts_with('@') => {
                return Err(of_file(&value));
            }
            "-d" | "--data" | "--data-ascii" => {
                self.add_data(
                    value.replace(['\r', '\n'], ""),
                    "application/x-www-form-urlencoded",
                );
            }
            "--data-raw" | "--data-binary" => {
                self.add_data(value, "application/x-www-form-urlencoded");
            }
            "--data-urlencode" => {
                let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
                let pair = match value.split_once('=') {
                    Some(("", value)) => encode(value),
                    Some((name, value)) => format!("{name}={}", encode(value)),
                    None if value.contains('@') => return Err(of_file(&value)),
                    None => encode(&value),
                };
                self.add_data(pair, "application/x-www-form-urlencoded");
            }
            "--json" if value.starts_with('@') => return Err(of_file(&value)),
            "--json" => self.add_data(value, "application/json"),
            "-F" | "--form" | "--form-string" => {
                let (name, value) = value
                    .split_once('=')
                    .ok_or(format!("{option} {value}: no name=value"))?;
                self.form.push((name.into(), value.into()));
            }
            "-T" | "--upload-file" | "-K" | "--config" => return Err(of_file(&value)),
            // Other options have a value that no server sees: -o, --connect-to, --max-time, ...
            _ => {}
        }
        Ok(())
    }

    fn add_data(&mut self, data: String, content_type: &'static str) {
        self.content_type = Some(content_type);
        self.data.push(data);
    }

    fn method(&self) -> &str {
        match &self.method {
            Some(method) => method,
            None if self.head => "HEAD",
            None if self.get || (self.data.is_empty() && self.form.is_empty()) => "GET",
            None => "POST",
        }
    }

    fn finish(&self) -> Result<Request, String> {
        if let Some(what) = &self.problem {
            return Err(what.clone());
        }
        let url = self.url.as_deref().ok_or("the command names no URL")?;
        // Like cURL, takes http where the URL names no scheme.
        let url = match url.contains("://") {
            true => url.to_owned(),
            false => format!("http://{url}"),
        };
        let json = self.content_type == Some("application/json");
        let data = self.data.join(if json { "" } else { "&" });
        let mut request = Request {
            method: self.method().into(),
            target: Url::parse(&url)
                .ok_or("the URL is not of HTTP")?
                .target
                .into_bytes(),
            headers: (self.headers.iter())
                .map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes()))
                .collect(),
            ..Request::default()
        };
        request.url = Some(url);
        if self.get {
            let separator = if request.target.contains(&b'?') {
                "&"
            } else {
                "?"
            };
            request.target.extend_from_slice(separator.as_bytes());
            request.target.extend_from_slice(data.as_bytes());
        } else if !self.form.is_empty() {
            set_type(
                &mut request,
                &format!("multipart/form-data; boundary={BOUNDARY}"),
            );
            request.body = multipart(&self.form, &mut request);
        } else if !data.is_empty() {
            if let Some(content_type) = self.content_type {
                set_type(&mut request, content_type);
            }
            request.body = data.into_bytes();
        }
        Ok(request)
    }
}

fn set_type(request: &mut Request, value: &str) {
    if request.last_header("content-type").is_none() {
        let pair = (b"Content-Type".to_vec(), value.as_bytes().to_vec());
        request.headers.push(pair);
    }
}

/// A multipart body as `curl -F` writes it, without the bytes of files, which do not change what Frappe
/// runs.
fn multipart(form: &[(String, String)], request: &mut Request) -> Vec<u8> {
    let mut body = String::new();
    for (name, value) in form {
        let value = value.split(';').next().unwrap_or_default();
        body += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"");
        match value.strip_prefix(['@', '<']) {
            Some(file) => {
                request.note("the bytes of a file are left out");
                body += &format!("; filename=\"{file}\"\r\nContent-Type: application/octet-stream");
                body += "\r\n\r\n\r\n";
            }
            None => body += &format!("\r\n\r\n{value}\r\n"),
        }
    }
    format!("{body}--{BOUNDARY}--\r\n").into_bytes()
}

/// An option and the value that is written into the same word. None for a URL.
fn split(word: &str) -> Option<(&str, Option<&str>)> {
    if word.starts_with("--") {
        return match word.split_once('=') {
            Some((option, value)) => Some((option, Some(value))),
            None => Some((word, None)),
        };
    }
    let letters = word
        .strip_prefix('-')
        .filter(|letters| !letters.is_empty())?;
    let first = letters.chars().next()?.len_utf8();
    let (option, rest) = word.split_at(1 + first);
    Some((option, Some(rest).filter(|rest| !rest.is_empty())))
}

/// Options without a value.
fn is_switch(option: &str) -> bool {
    const LONG: &[&str] = &[
        "--compressed",
        "--fail",
        "--fail-with-body",
        "--get",
        "--globoff",
        "--head",
        "--http1.0",
        "--http1.1",
        "--http2",
        "--http2-prior-knowledge",
        "--http3",
        "--include",
        "--insecure",
        "--ipv4",
        "--ipv6",
        "--location",
        "--location-trusted",
        "--no-buffer",
        "--no-keepalive",
        "--path-as-is",
        "--progress-bar",
        "--remote-name",
        "--show-error",
        "--silent",
        "--tlsv1.2",
        "--tlsv1.3",
        "--verbose",
    ];
    match option.strip_prefix('-') {
        Some(letter) if !letter.starts_with('-') => "fgGiIjkLnNOqsSvV#0123456".contains(letter),
        _ => LONG.contains(&option),
    }
}

/// The words of each command, split as by bash, with quotes, `$'...'`, and line ends behind a backslash.
fn commands(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some('\r') => {
                    chars.next_if_eq(&'\n');
                }
                Some(char) => word.get_or_insert_default().push(char),
            },
            '\'' => single(&mut chars, word.get_or_insert_default())?,
            '"' => double(&mut chars, word.get_or_insert_default())?,
            '$' if chars.next_if_eq(&'\'').is_some() => {
                ansi(&mut chars, word.get_or_insert_default())?;
            }
            ' ' | '\t' | '\r' | '\n' | ';' | '&' => {
                let command = commands.last_mut().expect("there is one");
                command.extend(word.take());
                if !matches!(char, ' ' | '\t' | '\r') && !command.is_empty() {
                    commands.push(Vec::new());
                }
            }
            char => word.get_or_insert_default().push(char),
        }
    }
    commands.last_mut().expect("there is one").extend(word);
    commands.retain(|words| !words.is_empty());
    match commands
        .iter()
        .find(|words| !is_command(format!("{} ", words[0]).as_bytes()))
    {
        Some(words) => Err(format!("{:?} is no cURL command", words[0])),
        None => Ok(commands),
    }
}

type Chars<'t> = std::iter::Peekable<std::str::Chars<'t>>;

const OPEN: &str = "a quote of the command is not closed";

fn single(chars: &mut Chars<'_>, word: &mut String) -> Result<(), String> {
    loop {
        match chars.next().ok_or(OPEN)? {
            '\'' => return Ok(()),
            char => word.push(char),
        }
    }
}

fn double(chars: &mut Chars<'_>, word: &mut String) -> Result<(), String> {
    loop {
        match chars.next().ok_or(OPEN)? {
            '"' => return Ok(()),
            '\\' => match chars.next().ok_or(OPEN)? {
                '\n' => {}
                char @ ('"' | '\\' | '$' | '`') => word.push(char),
                char => word.extend(['\\', char]),
            },
            char => word.push(char),
        }
    }
}

/// Reads `$'...'`, in which browsers write text that is not plain ASCII, by escapes `\uHHHH`.
fn ansi(chars: &mut Chars<'_>, word: &mut String) -> Result<(), String> {
    let mut units: Vec<u16> = Vec::new();
    loop {
        let char = chars.next().ok_or(OPEN)?;
        let next = match char {
            '\\' if chars.peek() == Some(&'u') => {
                chars.next();
                units.push(hex(chars, 4)? as u16);
                continue;
            }
            '\\' => match chars.next().ok_or(OPEN)? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'x' => char::from(hex(chars, 2)? as u8),
                char => char,
            },
            '\'' => {
                word.push_str(&String::from_utf16_lossy(&units));
                return Ok(());
            }
            char => char,
        };
        // UTF-16 is collected, since two escapes may be the halves of one surrogate pair.
        units.extend_from_slice(next.encode_utf16(&mut [0; 2]));
    }
}

fn hex(chars: &mut Chars<'_>, most: usize) -> Result<u32, String> {
    let mut digits = String::new();
    while let Some(digit) = chars
        .next_if(char::is_ascii_hexdigit)
        .filter(|_| digits.len() < most)
    {
        digits.push(digit);
        if digits.len() == most {
            break;
        }
    }
    u32::from_str_radix(&digits, 16).map_err(|_| "an escape of the command has no digits".into())
}
