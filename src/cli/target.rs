//! Reads `--to`: a store's file, or a server's address. An address may carry a password, so it is never repeated as it
//! was written.

use crate::cli::UsageError;
use crate::sink::http::without_secrets;
use reqwest::Url;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A file.
    Store(PathBuf),
    /// A node of a cluster.
    Server(Server),
}

/// The kinds of servers that are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Elasticsearch and OpenSearch.
    Elasticsearch,
    /// ArangoDB.
    Arangodb,
    /// Kuzzle.
    Kuzzle,
}

impl Kind {
    /// Its name in a message.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Elasticsearch => "Elasticsearch and OpenSearch",
            Kind::Arangodb => "ArangoDB",
            Kind::Kuzzle => "Kuzzle",
        }
    }
}

/// A server's address.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// What it is, if the address says so.
    pub kind: Option<Kind>,
    /// Scheme, host, port and path.
    pub url: Url,
    /// What the last part of the path names on the server: an index of Kuzzle.
    pub within: Option<String>,
    /// The user and the password that the address had.
    pub login: Option<(String, Option<String>)>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.kind, self.url)
    }
}

/// What servers are called in an address.
const NAMES: [(&str, Kind); 6] = [
    ("elasticsearch", Kind::Elasticsearch),
    ("es", Kind::Elasticsearch),
    ("opensearch", Kind::Elasticsearch),
    ("arangodb", Kind::Arangodb),
    ("arango", Kind::Arangodb),
    ("kuzzle", Kind::Kuzzle),
];
const STORE_ENDS: [&str; 3] = [".db", ".sqlite", ".sqlite3"];
const TARGETS: &str = "a store is written `bulkimport.db`, a server `elasticsearch+http://HOST:9200`, `opensearch+https://HOST:9200`, `arangodb+http://HOST:8529/_db/NAME` or `kuzzle+http://HOST:7512/INDEX`";

/// Reads what `--to` names.
///
/// # Errors
/// For a directory, an unknown scheme and any other word.
pub fn address(to: &OsStr) -> Result<Address, UsageError> {
    let path = Path::new(to);
    let Some(text) = to.to_str() else { return odd_path(path).map(Address::Store) };
    if let Some(path) = text.strip_prefix("sqlite:") {
        return after_scheme(path).map(Address::Store);
    }
    if path.is_dir() {
        return Err(UsageError::new(format!("\"{text}\" is a directory")).hint("name a file in it, ending in `.db`"));
    }
    if path.exists() {
        return Ok(Address::Store(path.to_owned()));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return server(scheme, rest, text).map(Address::Server);
    }
    if text.starts_with("file:") {
        return Err(UsageError::new(format!("\"{text}\" is a URI")).hint("write `sqlite:PATH` with a plain path"));
    }
    if STORE_ENDS.iter().any(|end| text.to_ascii_lowercase().ends_with(end)) {
        return Ok(Address::Store(path.to_owned()));
    }
    Err(other_word(text))
}

/// A name that is not UTF-8 can only be a path.
fn odd_path(path: &Path) -> Result<PathBuf, UsageError> {
    let ends = path.extension().and_then(OsStr::to_str).is_some_and(|end| matches!(end, "db" | "sqlite" | "sqlite3"));
    if ends || path.is_file() {
        return Ok(path.to_owned());
    }
    Err(UsageError::new("neither a store nor UTF-8"))
}

fn after_scheme(path: &str) -> Result<PathBuf, UsageError> {
    let fault = match path {
        "" => "no path after `sqlite:`",
        ":memory:" => "a store in memory would be gone at once",
        _ if path.starts_with("//") => "two slashes after `sqlite:`, which is no URL",
        _ if Path::new(path).is_dir() => "a directory",
        _ => return Ok(PathBuf::from(path)),
    };
    Err(UsageError::new(fault).hint("write `sqlite:shop.db` or `sqlite:/var/lib/shop.db`"))
}

fn server(scheme: &str, rest: &str, text: &str) -> Result<Server, UsageError> {
    let scheme = scheme.to_ascii_lowercase();
    let shown = without_secrets(text);
    let (name, transport) = scheme.split_once('+').unwrap_or(("", scheme.as_str()));
    let is_http = matches!(transport, "http" | "https");
    let kind = match name {
        "" if is_http => None,
        _ if named(name).is_some() && is_http => named(name),
        _ => return Err(unknown_scheme(&scheme, &shown)),
    };
    let wrong = |what: &str| UsageError::new(format!("\"{shown}\": {what}"));
    let mut url: Url =
        format!("{transport}://{rest}").parse().map_err(|_| wrong("is not a URL").hint("write `http://HOST:PORT`"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("an address has no query").hint("parameters have flags of their own, such as `--refresh`"));
    }
    if url.path().contains('@') {
        return Err(
            wrong("there is an @ behind the host").hint("write `/`, `@` and `:` of a password as %2F, %40 and %3A")
        );
    }
    if kind == Some(Kind::Arangodb) && !names_database(url.path()) {
        let database = url.path().trim_matches('/');
        let hint = format!("a database is written `/_db/NAME`, here `/_db/{database}`; without one it is `_system`");
        return Err(wrong("the path names no database").hint(hint));
    }
    let login = (!url.username().is_empty() || url.password().is_some())
        .then(|| (decoded(url.username()), url.password().map(decoded)));
    // Neither can fail for a URL with a host, which http has.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let within = match kind {
        Some(Kind::Kuzzle) => Some(cut_index(&mut url).ok_or_else(|| {
            wrong("names no index")
                .hint(format!("write `{scheme}://HOST:7512/INDEX`, and the collection with `--collection`"))
        })?),
        _ => None,
    };
    Ok(Server { kind, url, within, login })
}

fn named(name: &str) -> Option<Kind> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// Takes the last part of the path out of an address.
fn cut_index(url: &mut Url) -> Option<String> {
    let path = url.path().trim_end_matches('/').to_owned();
    let (before, index) = path.rsplit_once('/').filter(|(_, index)| !index.is_empty())?;
    url.set_path(before);
    Some(decoded(index))
}

/// Whether a path is that of a database of ArangoDB: `/_db/NAME`, perhaps behind a proxy's own, or nothing for `_system`.
fn names_database(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path.is_empty() || path.rsplit_once("/_db/").is_some_and(|(_, name)| !name.is_empty() && !name.contains('/'))
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let pair = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn unknown_scheme(scheme: &str, shown: &str) -> UsageError {
    let unknown = UsageError::new(format!("\"{shown}\" has the unknown scheme \"{scheme}\""));
    let kind = scheme.split('+').next().unwrap_or_default();
    if named(kind).is_some() {
        let index = if named(kind) == Some(Kind::Kuzzle) { "/INDEX" } else { "" };
        return unknown.hint(format!("servers are written `{kind}+http://HOST:PORT{index}`"));
    }
    match scheme {
        "sqlite3" | "file" => unknown.hint("a store is written `shop.db` or `sqlite:PATH`"),
        _ => unknown.hint(TARGETS),
    }
}

fn other_word(text: &str) -> UsageError {
    let shown = without_secrets(text);
    if text.trim().is_empty() {
        return UsageError::new("empty").hint("a store is written `shop.db`");
    }
    if looks_like_an_address(text) {
        return UsageError::new(format!("\"{shown}\" is neither a store nor a URL"))
            .hint(format!("servers are written as URLs, such as `elasticsearch+http://{shown}`; there are arangodb+http and kuzzle+http too"));
    }
    UsageError::new(format!("\"{shown}\" is neither a store nor a URL"))
        .hint(format!("a new store's name ends in .db, .sqlite or .sqlite3; for any other name write `sqlite:{shown}`"))
}

/// `host:port`, perhaps with a user before it and a path after it.
fn looks_like_an_address(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or(text);
    let port = host.rsplit_once(':').map(|(_, port)| port);
    text.contains('@') || port.is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(to: &str) -> String {
        address(OsStr::new(to)).expect_err(to).to_string()
    }

    #[test]
    fn names_of_stores_are_taken_as_they_are() {
        for name in ["bulkimport.db", "a.sqlite", "dir/a.sqlite3", "A.DB", "/srv/b.db", "Cargo.toml"] {
            assert_eq!(address(OsStr::new(name)), Ok(Address::Store(PathBuf::from(name))), "{name}");
        }
        let store = |path: &str| Ok(Address::Store(PathBuf::from(path)));
        assert_eq!(address(OsStr::new("sqlite:any word")), store("any word"));
        assert_eq!(address(OsStr::new("sqlite:/x/y")), store("/x/y"));
    }

    #[test]
    fn servers_are_known_by_their_schemes() {
        let es = Some(Kind::Elasticsearch);
        for (to, kind, url) in [
            ("http://localhost:9200", None, "http://localhost:9200/"),
            ("https://h", None, "https://h/"),
            ("elasticsearch+http://h:9200", es, "http://h:9200/"),
            ("ES+https://h:9200/base", es, "https://h:9200/base"),
            ("opensearch+http://[::1]:9200", es, "http://[::1]:9200/"),
            ("arangodb+http://h:8529", Some(Kind::Arangodb), "http://h:8529/"),
            ("arangodb+https://h:8529/_db/shop", Some(Kind::Arangodb), "https://h:8529/_db/shop"),
            ("arangodb+http://h/proxy/_db/s%C3%BC", Some(Kind::Arangodb), "http://h/proxy/_db/s%C3%BC"),
        ] {
            let Ok(Address::Server(server)) = address(OsStr::new(to)) else { panic!("{to}") };
            assert_eq!((server.kind, server.url.as_str(), server.login), (kind, url, None), "{to}");
        }
    }

    #[test]
    fn the_last_part_of_an_address_of_kuzzle_is_the_index() {
        for (to, url, index) in [
            ("kuzzle+http://h:7512/shop", "http://h:7512/", "shop"),
            ("kuzzle+https://me:x@h/behind/a%20path/shop/", "https://h/behind/a%20path", "shop"),
            ("KUZZLE+http://h/sh%6fp", "http://h/", "shop"),
        ] {
            let Ok(Address::Server(server)) = address(OsStr::new(to)) else { panic!("{to}") };
            let found = (server.kind, server.url.as_str(), server.within.as_deref());
            assert_eq!(found, (Some(Kind::Kuzzle), url, Some(index)), "{to}");
        }
        for to in ["kuzzle+http://h:7512", "kuzzle+http://h:7512/"] {
            assert!(said(to).contains("names no index\nhint: write `kuzzle+http://HOST:7512/INDEX`"), "{}", said(to));
        }
    }

    #[test]
    fn an_address_gives_up_its_password() {
        let Ok(Address::Server(server)) = address(OsStr::new("es+http://me:p%40ss%25@h:9200")) else {
            panic!("an address")
        };
        assert_eq!(server.login, Some(("me".to_owned(), Some("p@ss%".to_owned()))));
        assert_eq!(server.url.as_str(), "http://h:9200/");
        assert!(!format!("{server:?}").contains("p@ss"));
    }

    #[test]
    fn every_other_word_is_refused_with_a_hint() {
        let cases = [
            ("localhost:9200", "servers are written as URLs"),
            (":9200", "servers are written as URLs"),
            ("localhost:9200/index", "servers are written as URLs"),
            ("me:secret@host", "servers are written as URLs"),
            ("tcp://127.0.0.1:8529", "elasticsearch+http://HOST:9200"),
            ("http://h/?key=1", "no query"),
            ("http://", "not a URL"),
            ("es+http://me:1/secret@h:9200", "an @ behind the host"),
            ("elasticsearch://h:9200", "elasticsearch+http://HOST:PORT"),
            ("arangodb://h:8529", "arangodb+http://HOST:PORT"),
            ("arangodb+http://h:8529/shop", "here `/_db/shop`"),
            ("arangodb+http://h:8529/_db/", "the path names no database"),
            ("kuzzle://h:7512/shop", "kuzzle+http://HOST:PORT/INDEX"),
            ("mongodb://h/db", "elasticsearch+http://HOST:9200"),
            ("postgres://h/db.db", "unknown scheme \"postgres\""),
            ("file:///srv/a.db", "sqlite:PATH"),
            ("file:a.db", "sqlite:PATH"),
            ("products", "sqlite:products"),
            ("products.json", "ends in .db"),
            ("", "shop.db"),
            (".", "a directory"),
            ("sqlite:", "no path"),
            ("sqlite::memory:", "gone at once"),
            ("sqlite:///srv/a.db", "no URL"),
            ("sqlite:/", "a directory"),
        ];
        for (to, part) in cases {
            let said = said(to);
            assert!(said.contains(part) && said.contains("\nhint: "), "{to}: {said}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        let cases = [
            ("http://me:secret@h:9200/x", "http://***@h:9200/x"),
            ("me:secret@h:9200", "***@h:9200"),
            ("http://h/?key=secret", "http://h/?***"),
            ("es+http://me:p@ss:secret@h", "es+http://***@h"),
        ];
        for (to, shown) in cases {
            assert_eq!(without_secrets(to), shown);
            if let Err(error) = address(OsStr::new(to)) {
                assert!(!error.to_string().contains("secret"), "{error}");
            }
        }
    }
}
