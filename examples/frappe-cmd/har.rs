//! Requests from a HAR file (HTTP Archive 1.2), as browsers save them from the network tab.

use serde_json::Value;

use crate::http::Request;

/// All requests of an archive, in its order.
pub(crate) fn requests(bytes: &[u8]) -> Result<Vec<Request>, String> {
    let archive: Value =
        serde_json::from_slice(bytes).map_err(|error| format!("no HAR file: {error}"))?;
    archive["log"]["entries"]
        .as_array()
        .ok_or("no HAR file: it has no log.entries")?
        .iter()
        .map(|entry| request(&entry["request"]))
        .collect()
}

fn request(request: &Value) -> Result<Request, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let url = text(&request["url"]);
    let headers: Vec<_> = request["headers"]
        .as_array()
        .into_iter()
        .flatten()
        // HTTP/2 pseudo headers
        .filter(|header| !text(&header["name"]).starts_with(':'))
        .map(|header| {
            let pair = (text(&header["name"]), text(&header["value"]));
            (pair.0.into_bytes(), pair.1.into_bytes())
        })
        .collect();
    Ok(Request {
        method: text(&request["method"]).into_bytes(),
        target: target(&url).to_owned().into_bytes(),
        headers,
        body: text(&request["postData"]["text"]).into_bytes(),
    })
}

/// Path and query of a URL.
fn target(url: &str) -> &str {
    let behind_scheme = url.find("://").map_or(0, |at| at + 3);
    let host_and_path = &url[behind_scheme..];
    match host_and_path.find('/') {
        Some(at) => &host_and_path[at..],
        None => "/",
    }
}
