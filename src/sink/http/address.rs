//! Addresses of servers: `NAME+http(s)://HOST:PORT/PATH`. An address may carry a password, so it is never repeated as it
//! was written.

use super::Url;
use crate::error::hint;
use anyhow::{Error, Result, anyhow};
use percent_encoding::percent_decode_str;
use std::fmt;

/// A node of a cluster.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Whether the address says what the server is.
    pub is_named: bool,
    /// Scheme, host, port and path.
    pub url: Url,
    /// What the address names on the server, if that is no path of it.
    pub within: Option<String>,
    /// The user and the password that the address had.
    pub login: Option<(String, Option<String>)>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.url)
    }
}

impl Server {
    /// Reads an address whose scheme begins with one of `names`; an empty one is that of plain `http` and `https`. `behind`
    /// is what such an address ends with, for a hint. `None` if it is no address of these.
    pub fn read(text: &str, names: &[&str], behind: &str) -> Option<Result<Server>> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (name, transport) = scheme.split_once('+').unwrap_or(("", &scheme));
        let is_http = matches!(transport, "http" | "https");
        let first = scheme.split('+').next().unwrap_or_default();
        if is_http && names.contains(&name) {
            return Some(read(!name.is_empty(), &format!("{transport}://{rest}")));
        }
        let advice = || hint(format!("servers are written `{first}+http://HOST:PORT{behind}`"));
        names.contains(&first).then(|| Err(unknown_scheme(text).context(advice())))
    }

    /// Takes the last part of the path out of the address.
    pub fn cut_last(&mut self) -> Option<String> {
        let path = self.url.path().trim_end_matches('/').to_owned();
        let (before, last) = path.rsplit_once('/').filter(|(_, last)| !last.is_empty())?;
        self.url.set_path(before);
        Some(decoded(last))
    }
}

fn read(is_named: bool, url: &str) -> Result<Server> {
    let wrong = |what: &'static str| anyhow!(what);
    let mut url: Url = url.parse().map_err(|_| wrong("not a URL").context(hint("write `http://HOST:PORT`")))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(
            wrong("a query is not supported").context(hint("parameters have flags of their own, such as `--refresh`"))
        );
    }
    if url.path().contains('@') {
        return Err(
            wrong("\"@\" after the host").context(hint("write `/`, `@` and `:` of a password as %2F, %40 and %3A"))
        );
    }
    let login = (!url.username().is_empty() || url.password().is_some())
        .then(|| (decoded(url.username()), url.password().map(decoded)));
    // Neither can fail for a URL with a host, which http has.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(Server { is_named, url, within: None, login })
}

/// An address that is no target's.
pub fn unknown_scheme(text: &str) -> Error {
    let scheme = text.split("://").next().unwrap_or_default().to_ascii_lowercase();
    anyhow!("unknown scheme \"{scheme}\"")
}

/// Hides the user, the password and the query of an address.
pub fn without_secrets(address: &str) -> String {
    let (scheme, rest) = address.split_at(address.find("://").map_or(0, |at| at + 3));
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, host)| ("***@", host));
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(start, _)| (start, "?***"));
    format!("{scheme}{user}{rest}{query}")
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
