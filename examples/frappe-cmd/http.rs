//! Raw HTTP/1.1 requests from a file.

/// One request, its body without transfer coding.
pub(crate) struct Request {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
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

    pub(crate) fn target_text(&self) -> String {
        self.target.escape_ascii().to_string()
    }
}

/// All requests of a file, one behind the other.
pub(crate) fn requests(mut bytes: &[u8]) -> Result<Vec<Request>, String> {
    let mut requests = Vec::new();
    while !bytes.trim_ascii().is_empty() {
        let (request, rest) = request(bytes)?;
        requests.push(request);
        bytes = rest;
    }
    Ok(requests)
}

/// The first request, and what follows it.
pub(crate) fn request(bytes: &[u8]) -> Result<(Request, &[u8]), String> {
    let (line, mut rest) = line(bytes)?;
    let mut words = line.splitn(2, |byte| *byte == b' ');
    let method = words.next().unwrap_or_default().to_vec();
    let target = words.next().unwrap_or_default();
    let target = match target.iter().rposition(|byte| *byte == b' ') {
        Some(at) => &target[..at],
        None => return Err("the first line is no request line".into()),
    };
    let mut request = Request {
        method,
        target: origin_form(target).to_vec(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let (header, after) = self::line(rest)?;
        rest = after;
        if header.is_empty() {
            break;
        }
        let colon = header.iter().position(|byte| *byte == b':');
        let (name, value) = header.split_at(colon.ok_or("a header has no colon")?);
        request
            .headers
            .push((name.to_vec(), trim(&value[1..]).to_vec()));
    }
    let chunked = request
        .last_header("transfer-encoding")
        .is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"));
    if chunked {
        rest = chunks(rest, &mut request.body)?;
    } else if let Some(length) = request.last_header("content-length") {
        let length: usize = std::str::from_utf8(length)
            .ok()
            .and_then(|length| length.parse().ok())
            .ok_or("Content-Length is no number")?;
        let (body, after) = rest
            .split_at_checked(length)
            .ok_or("the body is shorter than Content-Length")?;
        request.body = body.to_vec();
        rest = after;
    }
    Ok((request, rest))
}

/// The path of `http://host/path`.
fn origin_form(target: &[u8]) -> &[u8] {
    let Some(rest) = target
        .strip_prefix(b"http://")
        .or(target.strip_prefix(b"https://"))
    else {
        return target;
    };
    match rest.iter().position(|byte| *byte == b'/') {
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

/// A line without its end, and what follows.
fn line(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let at = bytes.iter().position(|byte| *byte == b'\n');
    let at = at.ok_or("the head of the request is cut")?;
    let line = &bytes[..at];
    Ok((line.strip_suffix(b"\r").unwrap_or(line), &bytes[at + 1..]))
}

/// Spaces and tabs only: what else Python would strip is left to the core.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
