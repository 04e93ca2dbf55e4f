//! Reads `--to`. Servers are recognised and refused: this version writes to stores only.
//! An address may carry a password, so it is never repeated as it was written.

use crate::cli::UsageError;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

const SERVERS: [&str; 4] = ["elasticsearch", "es", "opensearch", "arangodb"];
const STORE_ENDS: [&str; 3] = [".db", ".sqlite", ".sqlite3"];
const STORES_ONLY: &str = "this version writes to SQLite stores only: `--to bulkimport.db`";

/// Returns the store's file that `--to` names.
///
/// # Errors
/// For a server, a directory, another scheme and any other word.
pub fn store(to: &OsStr) -> Result<PathBuf, UsageError> {
    let path = Path::new(to);
    let Some(text) = to.to_str() else { return odd_path(path) };
    if let Some(path) = text.strip_prefix("sqlite:") {
        return after_scheme(path);
    }
    if path.is_dir() {
        return Err(UsageError::new(format!("\"{text}\" is a directory")).hint("name a file in it, ending in `.db`"));
    }
    if path.exists() {
        return Ok(path.to_owned());
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(server(scheme, text));
    }
    if text.starts_with("file:") {
        return Err(UsageError::new(format!("\"{text}\" is a URI")).hint("write `sqlite:PATH` with a plain path"));
    }
    if STORE_ENDS.iter().any(|end| text.to_ascii_lowercase().ends_with(end)) {
        return Ok(path.to_owned());
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

fn server(scheme: &str, text: &str) -> UsageError {
    let scheme = scheme.to_ascii_lowercase();
    let shown = without_secrets(text);
    let (kind, transport) = scheme.split_once('+').unwrap_or((scheme.as_str(), ""));
    let known = SERVERS.contains(&kind) || kind == "kuzzle";
    if (known && matches!(transport, "http" | "https")) || matches!(scheme.as_str(), "http" | "https") {
        return UsageError::new(format!("\"{shown}\" is a server")).hint(STORES_ONLY);
    }
    let unknown = UsageError::new(format!("\"{shown}\" has the unknown scheme \"{scheme}\""));
    if known {
        return unknown.hint(format!("servers are written `{kind}+http://HOST:PORT`, but {STORES_ONLY}"));
    }
    match scheme.as_str() {
        "tcp" | "ssl" | "http+tcp" | "http+ssl" | "http+unix" | "unix" => {
            unknown.hint(format!("ArangoDB is written `arangodb+http://HOST:8529`, but {STORES_ONLY}"))
        }
        "sqlite3" | "file" => unknown.hint("a store is written `shop.db` or `sqlite:PATH`"),
        _ => unknown.hint(STORES_ONLY),
    }
}

fn other_word(text: &str) -> UsageError {
    let shown = without_secrets(text);
    if text.trim().is_empty() {
        return UsageError::new("empty").hint("a store is written `shop.db`");
    }
    if looks_like_an_address(text) {
        return UsageError::new(format!("\"{shown}\" is neither a store nor a URL"))
            .hint(format!("servers are written as URLs, `elasticsearch+http://localhost:9200`, but {STORES_ONLY}"));
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

/// Hides the user, the password and the query of an address.
pub fn without_secrets(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    let rest = match rest.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}"),
        None => rest.to_owned(),
    };
    match rest.split_once('?') {
        Some((start, _)) => format!("{scheme}{start}?***"),
        None => format!("{scheme}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(to: &str) -> String {
        store(OsStr::new(to)).expect_err(to).to_string()
    }

    #[test]
    fn names_of_stores_are_taken_as_they_are() {
        for name in ["bulkimport.db", "a.sqlite", "dir/a.sqlite3", "A.DB", "/srv/b.db", "Cargo.toml"] {
            assert_eq!(store(OsStr::new(name)), Ok(PathBuf::from(name)), "{name}");
        }
        assert_eq!(store(OsStr::new("sqlite:any word")), Ok(PathBuf::from("any word")));
        assert_eq!(store(OsStr::new("sqlite:/x/y")), Ok(PathBuf::from("/x/y")));
    }

    #[test]
    fn servers_are_known_and_refused() {
        for name in [
            "http://localhost:9200",
            "https://h",
            "elasticsearch+http://h:9200",
            "es+https://h:9200",
            "opensearch+http://h:9200",
            "arangodb+http://h:8529/_db/x",
            "kuzzle+https://h:7512/index",
        ] {
            assert_eq!(said(name), format!("error: \"{name}\" is a server\nhint: {STORES_ONLY}"));
        }
    }

    #[test]
    fn every_other_word_is_refused_with_a_hint() {
        let cases = [
            ("localhost:9200", "servers are written as URLs"),
            (":9200", "servers are written as URLs"),
            ("localhost:9200/index", "servers are written as URLs"),
            ("me:secret@host", "servers are written as URLs"),
            ("tcp://127.0.0.1:8529", "arangodb+http://HOST:8529"),
            ("http+ssl://127.0.0.1:8529", "arangodb+http://HOST:8529"),
            ("elasticsearch://h:9200", "elasticsearch+http://HOST:PORT"),
            ("mongodb://h/db", "SQLite stores only"),
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
            assert!(!said(to).contains("secret"), "{}", said(to));
        }
    }
}
