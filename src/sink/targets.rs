//! The table of targets: finds the target of an address and of a run, and builds the help of `--to`.

use super::http::{Response, redact_address, unknown_scheme};
use super::remote::ready;
use super::target::{Opened, SERVER, Target};
use super::wanted::{Endpoint, FlagSources, Wanted, flag};
use super::{DryRun, Log, Sink, arangodb, elasticsearch, file, kuzzle, sqlite};
use crate::error::{hint, refused};
use crate::stop::Stop;
use anyhow::{Error, Result, anyhow, bail};
use std::ffi::OsStr;
use std::net::IpAddr;

/// All targets; those with the same noun are adjacent. An address is offered to each, from the last to the first, until one
/// accepts it. The store is the last to be asked, because it accepts any path that exists.
static TARGETS: &[&dyn Target] =
    &[&sqlite::Sqlite, &elasticsearch::Elasticsearch, &arangodb::Arangodb, &kuzzle::Kuzzle, &file::Files];

/// The value of one `--to`, and its target.
#[derive(Clone, Debug)]
pub struct Address {
    /// The target.
    pub target: &'static dyn Target,
    /// The endpoint.
    pub endpoint: Endpoint,
}

/// Parses the value of `--to`.
///
/// # Errors
/// When no target accepts it.
pub fn read(to: &OsStr) -> Result<Address> {
    for target in TARGETS.iter().copied().rev() {
        if let Some(endpoint) = target.endpoint(to) {
            return Ok(Address { target, endpoint: endpoint? });
        }
    }
    let Some(text) = to.to_str() else { bail!("not UTF-8") };
    if text.contains("://") {
        return Err(unknown_scheme(text).context(hint(forms())));
    }
    let shown = redact_address(text);
    if text.trim().is_empty() {
        return Err(anyhow!("empty").context(hint("a store is written `shop.db`")));
    }
    let advice = if looks_like_an_address(text) { servers(&shown) } else { sqlite::other_name(&shown) };
    Err(anyhow!("not a store name and not a URL").context(hint(advice)))
}

/// `host:port`, perhaps with a user before it and a path after it.
fn looks_like_an_address(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or(text);
    let name = host.rsplit('+').next().unwrap_or(host);
    let is_host = name == "localhost" || name.parse::<IpAddr>().is_ok();
    text.contains('@') || is_host || has_port(host)
}

fn has_port(host: &str) -> bool {
    let port = host.rsplit_once(':').map(|(_, port)| port);
    port.is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// What addresses begin with, for completions: `es+http://`, `jsonl:`.
pub fn schemes() -> Vec<&'static str> {
    TARGETS.iter().flat_map(|target| target.schemes()).copied().collect()
}

/// The targets, grouped by noun.
fn by_noun() -> impl Iterator<Item = &'static [&'static dyn Target]> {
    TARGETS.chunk_by(|one, other| one.noun() == other.noun())
}

/// `a, b or c`.
fn either(words: Vec<String>) -> String {
    match &words[..] {
        [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        _ => words.concat(),
    }
}

/// A hint with the forms of all addresses: `a store is written ..., a server ...`.
fn forms() -> String {
    let forms = |kind: &[&'static dyn Target]| {
        let forms = kind.iter().flat_map(|target| target.forms()).map(|form| format!("`{form}`"));
        format!("{} {}", kind[0].noun(), either(forms.collect()))
    };
    by_noun().map(forms).collect::<Vec<_>>().join(", ").replacen(" `", " is written `", 1)
}

/// The hint for a server's address without a scheme.
fn servers(shown: &str) -> String {
    let scheme = |target: &&'static dyn Target| target.forms()[0].split("://").next();
    let servers = TARGETS.iter().filter(|target| target.noun() == SERVER);
    let schemes: Vec<&str> = servers.filter_map(scheme).collect();
    let [first, rest @ ..] = &schemes[..] else { return String::new() };
    // `es+HOST` lacks only the http.
    let typed = shown.split_once('+').map(|(name, host)| (format!("{name}+http"), host));
    let of_scheme = |scheme: &str| read(OsStr::new(&format!("{scheme}://h/_db/x"))).ok().map(|read| read.target);
    let (scheme, host) = typed.filter(|(scheme, _)| of_scheme(scheme).is_some()).unwrap_or((first.to_string(), shown));
    let end = of_scheme(&scheme).and_then(|target| target.forms()[0].split_once("HOST")).map_or("", |(_, end)| end);
    let url = match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("{scheme}://[{address}]{end}"),
        _ if host.contains('/') => format!("{scheme}://{host}"),
        _ if has_port(host) => {
            format!("{scheme}://{host}{}", end.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()))
        }
        _ => format!("{scheme}://{host}{end}"),
    };
    format!("write a server as a URL, such as `{url}`; other schemes: {}", rest.join(", "))
}

/// The short help of `--to`.
pub fn brief() -> String {
    either(by_noun().map(|kind| kind[0].brief().to_owned()).collect())
}

/// The long help of `--to`.
pub fn help() -> String {
    let mut text = brief() + "\n\n";
    for kind in by_noun() {
        let all: Vec<String> = kind.iter().map(|target| target.help().to_owned()).collect();
        text += &match kind[0].noun() {
            SERVER => format!("A server is written {}; of plain http:// the server is asked what it is. ", either(all)),
            _ => all.join(" ") + " ",
        };
    }
    text + "Repeat it for more nodes of one cluster."
}

/// The target of a run. Several addresses must be nodes of one cluster.
///
/// # Errors
/// When they are not.
pub fn choose(addresses: &[Address]) -> Result<&'static dyn Target> {
    let is_there = |noun: &&str| addresses.iter().any(|address| address.target.noun() == *noun);
    let nouns: Vec<&str> = by_noun().map(|kind| kind[0].noun()).filter(is_there).collect();
    match nouns[..] {
        [one, other, ..] => bail!("--to: {one} and {other} cannot be used together"),
        [noun] if noun != SERVER && addresses.len() > 1 => {
            let more = noun.trim_start_matches("a ");
            return Err(anyhow!("--to: more than one {more}").context(hint("run once for each")));
        }
        _ => {}
    }
    let is_named = |address: &&Address| !matches!(&address.endpoint, Endpoint::Server(server) if !server.has_type);
    let named: Vec<&Address> = addresses.iter().filter(is_named).collect();
    let Some(first) = named.first().copied().or(addresses.first()) else { bail!("missing --to") };
    let name = first.target.name();
    match named.iter().map(|address| address.target.name()).find(|other| *other != name) {
        Some(other) => {
            Err(anyhow!("--to: {name} and {other} cannot be used together").context(hint("run once for each")))
        }
        None => Ok(first.target),
    }
}

/// Checks that a target supports the flags, alone and combined.
///
/// # Errors
/// For the first that it does not support.
pub fn check(target: &dyn Target, wanted: &Wanted, flags: &FlagSources) -> Result<()> {
    for (id, group) in &flags.typed {
        if let Some(advice) = target.unsupported(id, group) {
            return Err(anyhow!("{} is not supported for {}", flag(id), target.name()).context(hint(advice)));
        }
    }
    if wanted.retarget && wanted.collection.is_none() {
        return Err(anyhow!("--retarget requires --collection").context(hint("write `--collection NAME`")));
    }
    if !wanted.has_several_collections() {
        return check_name(target, wanted, flags);
    }
    let refused = [
        ("mapping", wanted.mapping.is_some()),
        ("unique", !wanted.unique.is_empty()),
        ("complete", wanted.complete && !target.completes_collections()),
    ];
    if let Some((id, _)) = refused.iter().find(|(_, is_set)| *is_set) {
        let text = format!("{} requires one collection, and the files name {}", flag(id), wanted.collections.len());
        return Err(anyhow!(text).context(hint("write `--collection NAME`, or run once for each file")));
    }
    wanted.collections.iter().try_for_each(|name| check_name(target, &wanted.of_collection(name), flags))
}

/// Checks a run into one collection.
fn check_name(target: &dyn Target, wanted: &Wanted, flags: &FlagSources) -> Result<()> {
    target.check(wanted, flags).map_err(|error| match &wanted.collection {
        Some(name)
            if wanted.is_named_by_file() && error.to_string().starts_with(&format!("invalid value \"{name}\"")) =>
        {
            error.context(hint("write `--collection NAME`"))
        }
        _ => error,
    })
}

/// An error that names the kind of a server by its response to `GET /`, if a target recognizes it.
pub fn identify(reply: &Response) -> Option<Error> {
    let known = |target: &&'static dyn Target| Some((target.name(), target.recognized(reply)?));
    let (name, advice) = TARGETS.iter().find_map(known)?;
    Some(refused(format!("this is {}", name.replace(" and ", " or "))).context(hint(advice)))
}

/// Waits until a server is up, with `--wait`.
///
/// # Errors
/// When it is not up in time.
pub fn wait_until_up(target: &dyn Target, wanted: &Wanted, stop: &Stop, log: Log<'_>) -> Result<()> {
    match (wanted.wait, target.probe(wanted)) {
        (Some(time), Some(probe)) => ready::wait_until_up(&probe, time, stop, log),
        _ => Ok(()),
    }
}

/// Opens a target.
///
/// # Errors
/// When it cannot be used as the run asks.
pub fn open(target: &dyn Target, wanted: &Wanted, stop: &Stop, log: Log<'_>) -> Result<Opened> {
    let mut opened = target.open(wanted, stop, log)?;
    if wanted.dry_run {
        opened.sinks.iter_mut().for_each(|sink| *sink = Box::new(DryRun) as Box<dyn Sink>);
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error;
    use crate::sink::http::Server;
    use std::path::PathBuf;

    fn said(to: &str) -> String {
        error::text(&read(OsStr::new(to)).expect_err(to))
    }

    /// The target of an address, and its node.
    fn server(to: &str) -> (&'static str, Server) {
        match read(OsStr::new(to)) {
            Ok(Address { target, endpoint: Endpoint::Server(server) }) => (target.name(), server),
            other => panic!("{to}: {other:?}"),
        }
    }

    #[test]
    fn names_of_stores_are_taken_as_they_are() {
        let path = |to: &str| match read(OsStr::new(to)) {
            Ok(Address { target, endpoint: Endpoint::Path("sqlite", path) }) if target.name() == "a store" => path,
            other => panic!("{to}: {other:?}"),
        };
        for name in ["bulkimport.db", "a.sqlite", "dir/a.sqlite3", "A.DB", "/srv/b.db", "Cargo.toml"] {
            assert_eq!(path(name), PathBuf::from(name));
        }
        assert_eq!(path("sqlite:any word"), PathBuf::from("any word"));
        assert_eq!(path("sqlite:/x/y"), PathBuf::from("/x/y"));
    }

    #[test]
    fn servers_are_known_by_their_schemes() {
        let es = "Elasticsearch and OpenSearch";
        for (to, name, is_named, url) in [
            ("http://localhost:9200", es, false, "http://localhost:9200/"),
            ("https://h", es, false, "https://h/"),
            ("elasticsearch+http://h:9200", es, true, "http://h:9200/"),
            ("ES+https://h:9200/base", es, true, "https://h:9200/base"),
            ("opensearch+http://[::1]:9200", es, true, "http://[::1]:9200/"),
            ("arangodb+http://h:8529", "ArangoDB", true, "http://h:8529/"),
            ("arangodb+https://h:8529/_db/shop", "ArangoDB", true, "https://h:8529/_db/shop"),
            ("arangodb+http://h/proxy/_db/s%C3%BC", "ArangoDB", true, "http://h/proxy/_db/s%C3%BC"),
        ] {
            let (target, server) = server(to);
            assert_eq!((target, server.has_type, server.url.as_str()), (name, is_named, url), "{to}");
            assert_eq!((server.login, server.namespace), (None, None), "{to}");
        }
    }

    #[test]
    fn the_last_part_of_an_address_of_kuzzle_is_the_index() {
        for (to, url, index) in [
            ("kuzzle+http://h:7512/shop", "http://h:7512/", "shop"),
            ("kuzzle+https://me:x@h/behind/a%20path/shop/", "https://h/behind/a%20path", "shop"),
            ("KUZZLE+http://h/sh%6fp", "http://h/", "shop"),
        ] {
            let (target, server) = server(to);
            let found = (target, server.url.as_str(), server.namespace.as_deref());
            assert_eq!(found, ("Kuzzle", url, Some(index)), "{to}");
        }
        for to in ["kuzzle+http://h:7512", "kuzzle+http://h:7512/"] {
            assert!(said(to).contains("missing index\nhint: write `kuzzle+http://HOST:7512/INDEX`"), "{}", said(to));
        }
    }

    #[test]
    fn the_password_is_removed_from_an_address() {
        let (_, server) = server("es+http://me:p%40ss%25@h:9200");
        assert_eq!(server.login, Some(("me".to_owned(), Some("p@ss%".to_owned()))));
        assert_eq!(server.url.as_str(), "http://h:9200/");
        assert!(!format!("{server:?}").contains("p@ss"));
    }

    #[test]
    fn other_addresses_are_refused_with_a_hint() {
        let cases = [
            ("localhost:9200", "write a server as a URL"),
            (":9200", "write a server as a URL"),
            ("localhost:9200/index", "write a server as a URL"),
            ("me:secret@host", "write a server as a URL"),
            ("tcp://127.0.0.1:8529", "elasticsearch+http://HOST:9200"),
            ("http://h/?key=1", "a query is not supported"),
            ("http://", "not a URL"),
            ("es+http://me:1/secret@h:9200", "\"/\", \"#\" or \"?\" before \"@\""),
            ("es+http://me:se#cret@h:9200", "write `--to es+http://HOST:PORT --user NAME:PASS`"),
            ("localhost", "such as `elasticsearch+http://localhost:9200`"),
            ("::1", "such as `elasticsearch+http://[::1]:9200`"),
            ("es+127.0.0.1:9200", "such as `es+http://127.0.0.1:9200`"),
            ("es+127.0.0.1", "such as `es+http://127.0.0.1:9200`"),
            ("kuzzle+h:7512", "such as `kuzzle+http://h:7512/INDEX`"),
            ("es+http://h:9200/films/_bulk", "write `--to es+http://h:9200`"),
            ("es+http://me:secret@h:9200/ü/_bulk", "write `--to es+http://h:9200`"),
            (":memory:", "in-memory stores are not supported"),
            ("elasticsearch://h:9200", "elasticsearch+http://HOST:PORT"),
            ("arangodb://h:8529", "arangodb+http://HOST:PORT"),
            ("arangodb+http://h:8529/shop", "here `/_db/shop`"),
            ("arangodb+http://h:8529/_db/", "no database in the path"),
            ("kuzzle://h:7512/shop", "kuzzle+http://HOST:PORT/INDEX"),
            ("mongodb://h/db", "elasticsearch+http://HOST:9200"),
            ("postgres://h/db.db", "unknown scheme \"postgres\""),
            ("file:///srv/a.db", "sqlite:PATH"),
            ("file:a.db", "sqlite:PATH"),
            ("products", "sqlite:products"),
            ("products.json", "ends in .db"),
            ("", "shop.db"),
            (".", "is a directory"),
            ("sqlite:", "missing path"),
            ("sqlite::memory:", "in-memory stores are not supported"),
            ("sqlite:///srv/a.db", "not a URL"),
            ("sqlite:/", "is a directory"),
            ("jsonl:", "missing path"),
            ("jsonl://h/x", "not a URL"),
            ("bulk:/", "is a directory"),
            ("bulk:src", "is a directory"),
            ("jsonl:a.xz", "unsupported compression (only .gz and .zst)"),
            ("out.ndjson.zst", "`jsonl:out.ndjson.zst` for documents"),
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
            assert_eq!(redact_address(to), shown);
            if let Err(error) = read(OsStr::new(to)) {
                assert!(!error::text(&error).contains("secret"), "{error:#}");
            }
        }
    }

    #[test]
    fn one_hint_lists_the_forms_of_all_targets() {
        assert!(said("mongodb://h/db").ends_with(
            "hint: a store is written `bulkimport.db`, a server `elasticsearch+http://HOST:9200`, `opensearch+https://HOST:9200`, \
             `arangodb+http://HOST:8529/_db/NAME` or `kuzzle+http://HOST:7512/INDEX`, a file `jsonl:PATH` or `bulk:PATH`"
        ));
        assert!(said("h:9200").ends_with(
            "hint: write a server as a URL, such as `elasticsearch+http://h:9200`; other schemes: arangodb+http, kuzzle+http"
        ));
        assert_eq!(brief(), "FILE.db, a server or files");
    }

    #[test]
    fn several_addresses_are_nodes_of_one_cluster() {
        let chosen = |line: &str| {
            let addresses: Vec<Address> = line.split(' ').map(|to| read(OsStr::new(to)).expect(to)).collect();
            choose(&addresses).map(|target| target.name()).map_err(|error| error::text(&error))
        };
        assert_eq!(chosen("http://a arango+http://b http://c"), Ok("ArangoDB"));
        assert_eq!(chosen("http://a es+http://b"), Ok("Elasticsearch and OpenSearch"));
        for (line, text) in [
            ("a.db b.db", "--to: more than one store\nhint: run once for each"),
            ("es+http://a b.db", "--to: a store and a server cannot be used together"),
            ("- bulk:b", "--to: more than one file\nhint: run once for each"),
            ("a.db bulk:b", "--to: a store and a file cannot be used together"),
            (
                "arango+http://a es+http://b",
                "--to: ArangoDB and Elasticsearch and OpenSearch cannot be used together\nhint: run once for each",
            ),
        ] {
            assert_eq!(chosen(line), Err(text.to_owned()), "{line}");
        }
    }
}
