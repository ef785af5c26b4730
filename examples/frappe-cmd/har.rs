//! Requests from a HAR file (HTTP Archive 1.2), as browsers save them from the network tab.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::http::Request;
use crate::input::{Item, Unanswered, Url};

/// All requests of an archive, in its order.
pub(crate) fn requests(bytes: &[u8]) -> Result<Vec<Item>, String> {
    let archive: Value =
        serde_json::from_slice(bytes).map_err(|error| format!("no HAR file: {error}"))?;
    let entries = archive["log"]["entries"].as_array();
    let entries = entries.ok_or("no HAR file: it has no log.entries")?;
    Ok(entries
        .iter()
        .map(|entry| request(&entry["request"]))
        .collect())
}

fn request(request: &Value) -> Item {
    let method = text(&request["method"]);
    let url = text(&request["url"]);
    let mut made = Request {
        method: method.clone().into_bytes(),
        target: Url::parse(&url)
            .map_or_else(|| url.clone(), |url| url.target)
            .into_bytes(),
        url: Some(url.clone()),
        headers: pairs(&request["headers"])
            .filter(|(name, _)| !name.starts_with(':')) // HTTP/2 pseudo headers
            .map(|(name, value)| (name.into_bytes(), value.into_bytes()))
            .collect(),
        ..Request::default()
    };
    match body(request, &mut made) {
        Ok(()) => Ok(made),
        Err(what) => Err(Unanswered { method, url, what }),
    }
}

/// Takes the body from the archive, which has it as text, base64, or a list of parameters. An error where
/// the request had a body that the archive does not have.
fn body(request: &Value, made: &mut Request) -> Result<(), String> {
    let data = &request["postData"];
    let given = data["text"].as_str().unwrap_or_default();
    if made.last_header("content-type").is_none() && data["mimeType"].is_string() && !data.is_null()
    {
        let value = text(&data["mimeType"]).into_bytes();
        made.headers.push((b"content-type".to_vec(), value));
    }
    if !given.is_empty() {
        made.body = match data["encoding"].as_str() {
            Some("base64") => STANDARD
                .decode(given)
                .map_err(|error| format!("postData: {error}"))?,
            _ => given.as_bytes().to_vec(),
        };
        if given.contains('\u{fffd}') {
            made.note("the browser has replaced bytes of the body that are no UTF-8");
        }
        return Ok(());
    }
    if data["params"]
        .as_array()
        .is_some_and(|list| !list.is_empty())
    {
        made.note("the body was made anew of postData.params");
        return parameters(data, made);
    }
    let length = made
        .last_header("content-length")
        .and_then(|value| std::str::from_utf8(value).ok());
    let length = length.and_then(|value| value.parse().ok());
    let size = request["bodySize"]
        .as_i64()
        .unwrap_or(0)
        .max(length.unwrap_or(0));
    match size {
        1.. => Err(format!(
            "its body of {size} bytes is not in the archive; save it with another browser, or by \
             \"Copy as cURL (bash)\""
        )),
        _ => Ok(()),
    }
}

fn parameters(data: &Value, made: &mut Request) -> Result<(), String> {
    let content_type = made.last_header("content-type").unwrap_or_default();
    let content_type = String::from_utf8_lossy(content_type).into_owned();
    if !content_type.to_ascii_lowercase().starts_with("multipart/") {
        let encode = |text: String| utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
        let pairs = pairs(&data["params"]).map(|(name, value)| encode(name) + "=" + &encode(value));
        made.body = pairs.collect::<Vec<_>>().join("&").into_bytes();
        return Ok(());
    }
    let boundary = content_type.split("boundary=").nth(1).unwrap_or_default();
    let boundary = boundary
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .trim_matches('"');
    if boundary.is_empty() {
        return Err("its multipart type names no boundary".into());
    }
    let mut body = String::new();
    for part in data["params"].as_array().into_iter().flatten() {
        let name = text(&part["name"]);
        body += &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
        if let Some(file) = part["fileName"].as_str() {
            body += &format!(
                "; filename=\"{file}\"\r\nContent-Type: {}",
                text(&part["contentType"])
            );
        }
        body += &format!("\r\n\r\n{}\r\n", text(&part["value"]));
    }
    made.body = format!("{body}--{boundary}--\r\n").into_bytes();
    Ok(())
}

fn pairs(list: &Value) -> impl Iterator<Item = (String, String)> {
    let list = list.as_array().into_iter().flatten();
    list.map(|pair| (text(&pair["name"]), text(&pair["value"])))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
