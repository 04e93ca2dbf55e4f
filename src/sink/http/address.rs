//! Addresses of servers: `TYPE+http(s)://HOST:PORT/PATH`. An address may have a password in it, so messages never show it
//! as it was written.

use super::Url;
use crate::error::hint;
use crate::mask;
use anyhow::{Error, Result, anyhow};
use percent_encoding::percent_decode_str;
use std::fmt;

/// A node of a cluster.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Whether the address names the type of the server.
    pub has_type: bool,
    /// Scheme, host, port and path.
    pub url: Url,
    /// The database or index that the address names.
    pub namespace: Option<String>,
    /// The user and the password in the address.
    pub login: Option<(String, Option<String>)>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.url)
    }
}

impl Server {
    /// Parses an address whose scheme begins with one of `types`; an empty one stands for plain `http` and `https`.
    /// `suffix` is how such an address ends, for a hint. `None` if it is another kind of address.
    pub fn parse(text: &str, types: &[&str], suffix: &str) -> Option<Result<Server>> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (name, transport) = scheme.split_once('+').unwrap_or(("", &scheme));
        let is_http = matches!(transport, "http" | "https");
        let first = scheme.split('+').next().unwrap_or_default();
        if is_http && types.contains(&name) {
            let apart = format!("write `--to {scheme}://HOST:PORT{suffix} --user NAME:PASS`");
            return Some(parse(!name.is_empty(), &format!("{transport}://{rest}"), apart));
        }
        let advice = || hint(format!("servers are written `{first}+http://HOST:PORT{suffix}`"));
        types.contains(&first).then(|| Err(unknown_scheme(text).context(advice())))
    }

    /// Removes the last segment of the path and returns it.
    pub fn take_last_segment(&mut self) -> Option<String> {
        let path = self.url.path().trim_end_matches('/').to_owned();
        let (before, last) = path.rsplit_once('/').filter(|(_, last)| !last.is_empty())?;
        self.url.set_path(before);
        Some(percent_decoded(last))
    }
}

/// `apart` is a hint how to write the password apart from the address.
fn parse(has_type: bool, url: &str, apart: String) -> Result<Server> {
    let wrong = |what: &'static str| anyhow!(what);
    let login = url.rsplit_once('@').and_then(|(before, _)| before.split_once("://"));
    if login.is_some_and(|(_, login)| login.contains(['/', '#', '?'])) {
        return Err(wrong("\"/\", \"#\" or \"?\" before \"@\"").context(hint(apart)));
    }
    let mut url: Url = url.parse().map_err(|_| wrong("not a URL").context(hint("write `http://HOST:PORT`")))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("a query is not supported")
            .context(hint("leave it out; parameters are flags, such as `--refresh true`")));
    }
    let login = (!url.username().is_empty() || url.password().is_some())
        .then(|| (percent_decoded(url.username()), url.password().map(percent_decoded)));
    if let Some((user, Some(password))) = &login {
        mask::remember_login(user, password);
    }
    // Neither can fail for a URL with a host, and an http URL has one.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(Server { has_type, url, namespace: None, login })
}

/// The error for an address of no target.
pub fn unknown_scheme(text: &str) -> Error {
    let scheme = text.split("://").next().unwrap_or_default().to_ascii_lowercase();
    anyhow!("unknown scheme \"{scheme}\"")
}

/// Hides the user, the password and the query of an address.
pub fn redact_address(address: &str) -> String {
    let (scheme, rest) = address.split_at(address.find("://").map_or(0, |offset| offset + 3));
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, host)| ("***@", host));
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(start, _)| (start, "?***"));
    format!("{scheme}{user}{rest}{query}")
}

fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
