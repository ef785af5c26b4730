//! Files of requests: recognises their format, and chooses the requests to one site.

use std::collections::BTreeSet;

use crate::http::{self, Request};
use crate::{curl, har};

/// A request without an answer, since the file lacks a part of it.
pub(crate) struct Unanswered {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) what: String,
}

/// A request, or the reason why there is none.
pub(crate) type Item = Result<Request, Unanswered>;

/// The requests of a file.
pub(crate) struct Found {
    /// the site's requests, with their numbers in the file, from 1
    pub(crate) requests: Vec<(usize, Item)>,
    /// the host of these requests, or `all`
    site: String,
    /// how many requests go to other hosts, and to which
    others: usize,
    hosts: BTreeSet<String>,
    /// how many requests have another scheme than HTTP: `wss:`, `data:`, `blob:`
    other_schemes: usize,
}

/// The requests of a file of any format. `host` is the site, or `all` for every host; without it the
/// site is that of the first request.
pub(crate) fn read(bytes: &[u8], host: Option<&str>) -> Result<Found, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = bytes.trim_ascii_start();
    let items = match start {
        [] => return Err("it is empty".into()),
        [b'{', ..] => har::requests(start)?,
        _ if curl::is_command(start) => curl::requests(start)?,
        _ => http::requests(bytes)?.into_iter().map(Ok).collect(),
    };
    let found = sort(items, host);
    match &found.requests[..] {
        [] if found.others > 0 => Err(format!(
            "no request goes to {}; there are some to {}",
            found.site,
            found.host_list()
        )),
        [] => Err("it holds no HTTP request".into()),
        _ => Ok(found),
    }
}

impl Found {
    /// Which requests were left out, in a sentence.
    pub(crate) fn left_out(&self) -> Option<String> {
        let mut parts = Vec::new();
        if self.others > 0 {
            parts.push(format!(
                "{} to other hosts than {} ({}; --host all takes them)",
                requests(self.others),
                self.site,
                self.host_list()
            ));
        }
        if self.other_schemes > 0 {
            parts.push(format!(
                "{} that no HTTP server sees (wss:, data:, blob:)",
                requests(self.other_schemes)
            ));
        }
        (!parts.is_empty()).then(|| format!("left out: {}", parts.join("; ")))
    }

    fn host_list(&self) -> String {
        let mut names: Vec<_> = self.hosts.iter().take(5).cloned().collect();
        if self.hosts.len() > names.len() {
            names.push("…".into());
        }
        names.join(", ")
    }
}

fn requests(count: usize) -> String {
    match count {
        1 => "1 request".into(),
        _ => format!("{count} requests"),
    }
}

fn sort(items: Vec<Item>, host: Option<&str>) -> Found {
    let mut found = Found {
        requests: Vec::new(),
        site: host.unwrap_or_default().to_owned(),
        others: 0,
        hosts: BTreeSet::new(),
        other_schemes: 0,
    };
    for (index, item) in items.into_iter().enumerate() {
        let url = match &item {
            Ok(request) => request.url.as_deref(),
            Err(unanswered) => Some(unanswered.url.as_str()),
        };
        // A raw request has no URL, so it counts for the site.
        if let Some(url) = url {
            let Some(url) = Url::parse(url) else {
                found.other_schemes += 1;
                continue;
            };
            if found.site.is_empty() {
                found.site = url.host.to_owned();
            }
            if found.site != "all" && !url.is_of(&found.site) {
                found.others += 1;
                found.hosts.insert(url.host.to_owned());
                continue;
            }
        }
        found.requests.push((index + 1, item));
    }
    found
}

/// An absolute URL of HTTP.
pub(crate) struct Url<'u> {
    /// with the port, if it has one
    pub(crate) host: &'u str,
    /// path and query
    pub(crate) target: String,
}

impl<'u> Url<'u> {
    /// None for another scheme.
    pub(crate) fn parse(url: &'u str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return None;
        }
        // A browser does not send the fragment.
        let rest = rest.split('#').next().unwrap_or_default();
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(at);
        let host = authority.rsplit('@').next().unwrap_or_default();
        let target = match target.strip_prefix('/') {
            Some(_) => target.to_owned(),
            None => format!("/{target}"),
        };
        Some(Self { host, target })
    }

    fn is_of(&self, site: &str) -> bool {
        let name = self
            .host
            .rsplit_once(':')
            .map_or(self.host, |(name, _)| name);
        self.host.eq_ignore_ascii_case(site) || name.eq_ignore_ascii_case(site)
    }
}
