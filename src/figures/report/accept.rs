//! Which format a client wants.

/// What the figures are shown as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// a page for people, which asks for JSON
    Html,
    /// for programs
    Json,
    /// the text format of Prometheus, version 0.0.4
    Prometheus,
}

impl Format {
    /// By the value of `?format=`.
    pub fn parse(name: &[u8]) -> Option<Self> {
        match name {
            b"html" => Some(Self::Html),
            b"json" => Some(Self::Json),
            b"prometheus" => Some(Self::Prometheus),
            _ => None,
        }
    }

    /// The Content-Type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// By the header Accept (RFC 9110, 12.5.1): the format with the highest weight, of several the one that
/// was named first. JSON for clients that name none of them, such as curl.
pub fn choose(accept: &[u8]) -> Format {
    let mut best = (0, Format::Json);
    for range in accept.split(|byte| *byte == b',') {
        let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let Some(format) = parts.next().and_then(format_of) else {
            continue;
        };
        let weight = parts.find_map(|part| weight(part.strip_prefix(b"q=")?));
        let weight = weight.unwrap_or(1000);
        if weight > best.0 {
            best = (weight, format);
        }
    }
    best.1
}

fn format_of(media_type: &[u8]) -> Option<Format> {
    const TYPES: [(&[u8], Format); 4] = [
        (b"text/html", Format::Html),
        (b"application/json", Format::Json),
        (b"application/openmetrics-text", Format::Prometheus),
        (b"text/plain", Format::Prometheus),
    ];
    let known = TYPES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(media_type));
    known.map(|(_, format)| *format)
}

/// Of 1000: `1`, or `0` and up to three digits behind a point. None where it is no weight.
fn weight(text: &[u8]) -> Option<u32> {
    let (whole, digits) = match text {
        [b'0', b'.', digits @ ..] => (0, digits),
        [b'0'] => (0, &[][..]),
        [b'1', ..] => (1000, &[][..]),
        _ => return None,
    };
    let mut place = 100;
    digits.iter().take(3).try_fold(whole, |weight: u32, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        let sum = weight.saturating_add(digit.saturating_mul(place));
        place /= 10;
        Some(sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_clients_ask() {
        for (accept, format) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("application/json", Format::Json),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Format::Html,
            ),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1",
                Format::Prometheus,
            ),
            ("text/html;q=0.2, application/json ;q=0.3", Format::Json),
            ("TEXT/HTML", Format::Html),
            ("text/html;q=0", Format::Json),
            ("text/html;q=0.25, text/plain;q=0.3", Format::Prometheus),
            ("text/html;q=1.000, text/plain;q=0.999", Format::Html),
            ("text/html;q=x, text/plain;q=0.9", Format::Html),
            (";;,,", Format::Json),
        ] {
            assert_eq!(choose(accept.as_bytes()), format, "{accept}");
        }
    }
}
