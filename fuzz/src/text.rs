//! The text format for a whole request, which some targets take.

/// Splits `METHOD TARGET\nCONTENT-TYPE\nBODY`.
pub fn request(data: &[u8]) -> Option<(&[u8], &[u8], &[u8], &[u8])> {
    let (line, rest) = split(data, b'\n')?;
    let (content_type, body) = split(rest, b'\n')?;
    let (method, target) = split(line, b' ')?;
    Some((method, target, content_type, body))
}

fn split(data: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = data.iter().position(|byte| *byte == at)?;
    Some((&data[..place], &data[place + 1..]))
}
