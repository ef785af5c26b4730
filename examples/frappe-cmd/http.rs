//! Raw HTTP/1.1 requests from a file.

/// One request. Its body is decoded from chunks.
#[derive(Default)]
pub(crate) struct Request {
    pub(crate) method: Vec<u8>,
    /// path and query
    pub(crate) target: Vec<u8>,
    /// the whole address, if the file has it
    pub(crate) url: Option<String>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// what was changed to read the request, for the user
    pub(crate) notes: Vec<String>,
}

impl Request {
    pub(crate) fn headers(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }

    pub(crate) fn last_header(&self, name: &str) -> Option<&[u8]> {
        self.headers(name).last()
    }

    pub(crate) fn method_text(&self) -> String {
        self.method.escape_ascii().to_string()
    }

    /// The address, or path and query where the file has no more.
    pub(crate) fn url_text(&self) -> String {
        match &self.url {
            Some(url) => url.clone(),
            None => self.target.escape_ascii().to_string(),
        }
    }

    pub(crate) fn note(&mut self, what: &str) {
        self.notes.push(what.to_owned());
    }
}

/// All requests of a file, one behind the other. Editors change line ends and add one at the end, and
/// people leave Content-Length out; this corrects both, with a note.
pub(crate) fn requests(mut bytes: &[u8]) -> Result<Vec<Request>, String> {
    let mut requests = Vec::new();
    loop {
        bytes = skip_line_ends(bytes);
        if bytes.is_empty() {
            return Ok(requests);
        }
        let number = requests.len() + 1;
        let numbered = |what| match number {
            1 => what,
            _ => format!("request {number}: {what}"),
        };
        let (mut request, behind_head) = head(bytes).map_err(numbered)?;
        bytes = match body(&mut request, behind_head) {
            Ok(rest) => rest,
            Err(what) => mended(&mut request, bytes, behind_head)
                .ok_or(what)
                .map_err(numbered)?,
        };
        if !is_request(skip_line_ends(bytes)) && !bytes.trim_ascii().is_empty() {
            if request.last_header("content-length").is_some() || !request.body.is_empty() {
                let what = format!("behind its body stand {} more bytes", bytes.len());
                return Err(numbered(what));
            }
            // The editor has added the last line end.
            let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            request.body = body.strip_suffix(b"\r").unwrap_or(body).to_vec();
            request.note("the request has no Content-Length: its body goes to the end of the file");
            bytes = b"";
        }
        requests.push(request);
    }
}

/// The first request, without any correction, and the bytes behind it.
pub(crate) fn request(bytes: &[u8]) -> Result<(Request, &[u8]), String> {
    let (mut request, rest) = head(bytes)?;
    let rest = body(&mut request, rest)?;
    Ok((request, rest))
}

/// The first request without its body, and the bytes behind its header.
fn head(bytes: &[u8]) -> Result<(Request, &[u8]), String> {
    let (line, mut rest) = line(bytes)?;
    let (method, target) = request_line(line)
        .ok_or("the first line is no request line, such as: POST /path HTTP/1.1")?;
    let mut request = Request {
        method: method.to_vec(),
        target: origin_form(target).to_vec(),
        ..Request::default()
    };
    loop {
        let (header, after) = self::line(rest)?;
        rest = after;
        if header.is_empty() {
            return Ok((request, rest));
        }
        let colon = header.iter().position(|byte| *byte == b':');
        let (name, value) = header.split_at(colon.ok_or("a header has no colon")?);
        request
            .headers
            .push((name.to_vec(), trim(&value[1..]).to_vec()));
    }
}

/// Takes the request's body from the bytes behind its header. Returns the bytes behind the body.
fn body<'b>(request: &mut Request, rest: &'b [u8]) -> Result<&'b [u8], String> {
    let chunked = request
        .last_header("transfer-encoding")
        .is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"));
    if chunked {
        return chunks(rest, &mut request.body);
    }
    let Some(length) = content_length(request)? else {
        return Ok(rest);
    };
    let (body, after) = rest.split_at_checked(length).ok_or_else(|| {
        format!(
            "Content-Length is {length}, but {} bytes of the body are there",
            rest.len()
        )
    })?;
    request.body = body.to_vec();
    Ok(after)
}

fn content_length(request: &Request) -> Result<Option<usize>, String> {
    let Some(length) = request.last_header("content-length") else {
        return Ok(None);
    };
    let length = std::str::from_utf8(length)
        .ok()
        .and_then(|length| length.parse().ok());
    length
        .map(Some)
        .ok_or_else(|| "Content-Length is no number".into())
}

/// Undoes an editor's change of CR LF to LF, if the body has its Content-Length then.
fn mended<'b>(request: &mut Request, bytes: &[u8], body: &[u8]) -> Option<&'b [u8]> {
    let head = &bytes[..bytes.len() - body.len()];
    let wanted = content_length(request).ok()??;
    if head.contains(&b'\r') || body.contains(&b'\r') {
        return None;
    }
    let mut whole: Vec<u8> = Vec::with_capacity(wanted);
    for byte in body {
        if *byte == b'\n' {
            whole.push(b'\r');
        }
        whole.push(*byte);
    }
    // The editor has added a line end behind a body that had none.
    if whole.len() == wanted + 2 && whole.ends_with(b"\r\n") {
        whole.truncate(wanted);
    }
    if whole.len() != wanted {
        return None;
    }
    request.body = whole;
    request.note("the file's line ends were LF: the body has its CR LF again");
    Some(b"")
}

/// Whether another request begins here.
fn is_request(bytes: &[u8]) -> bool {
    line(bytes).is_ok_and(|(line, _)| request_line(line).is_some())
}

/// Method and target of `METHOD target HTTP/...`. The target may hold spaces; the core decides what it
/// means then.
fn request_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let method = line.iter().position(|byte| *byte == b' ')?;
    let version = line.iter().rposition(|byte| *byte == b' ')?;
    line.get(version + 1..)?.strip_prefix(b"HTTP/")?;
    Some((&line[..method], line.get(method + 1..version)?))
}

fn skip_line_ends(mut bytes: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// Path and query of `http://host/path?query`; the path may be missing.
fn origin_form(target: &[u8]) -> &[u8] {
    let Some(rest) = target
        .strip_prefix(b"http://")
        .or(target.strip_prefix(b"https://"))
    else {
        return target;
    };
    match rest.iter().position(|byte| b"/?".contains(byte)) {
        Some(at) => &rest[at..],
        None => b"/",
    }
}

fn chunks<'b>(mut rest: &'b [u8], body: &mut Vec<u8>) -> Result<&'b [u8], String> {
    loop {
        let (size, after) = line(rest)?;
        let size = size.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(size.trim_ascii()).unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| "a chunk has no size")?;
        rest = after;
        if size == 0 {
            break;
        }
        let (chunk, after) = rest.split_at_checked(size).ok_or("a chunk is cut")?;
        body.extend_from_slice(chunk);
        rest = line(after)?.1;
    }
    loop {
        let (trailer, after) = line(rest)?;
        rest = after;
        if trailer.is_empty() {
            return Ok(rest);
        }
    }
}

/// A line without its end, and the bytes behind it.
fn line(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let at = bytes.iter().position(|byte| *byte == b'\n');
    let at = at.ok_or("the head of the request is cut")?;
    let line = &bytes[..at];
    Ok((line.strip_suffix(b"\r").unwrap_or(line), &bytes[at + 1..]))
}

/// Trims spaces and tabs only. The core decides about other characters that Python would strip.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
