//! What the flags ask of a cluster, and which of them only some targets can honour.

use super::{Given, Target, arangodb, flag, kuzzle, secrets};
use crate::cli::{Address, Arguments, Kind, Server, ensure_table};
use crate::error::hint;
use crate::input::Format;
use crate::retry::Retries;
use crate::sink::OnDuplicate;
use crate::sink::http::{HttpOptions, Login};
use anyhow::{Context as _, Result, anyhow, bail};
use reqwest::Url;
use std::path::PathBuf;
use std::sync::Arc;

/// A cluster of servers, and what is asked of it.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// What it is; the server is asked if it is not said.
    pub kind: Option<Kind>,
    /// Kuzzle's index.
    pub within: Option<String>,
    /// How it is reached.
    pub http: HttpOptions,
    /// `--retries`, `--retry-max-time`.
    pub retries: Retries,
    /// `--refresh`.
    pub refresh: Option<String>,
    /// `--routing-field`.
    pub routing_field: Option<String>,
    /// `--pipeline`.
    pub pipeline: Option<String>,
    /// `--wait-for-active-shards`.
    pub wait_for_active_shards: Option<String>,
    /// `--require-alias`.
    pub require_alias: bool,
    /// `--retry-on-conflict`.
    pub retry_on_conflict: Option<u32>,
    /// `--bulk-mode`.
    pub bulk_mode: bool,
    /// `--mapping`.
    pub mapping: Option<PathBuf>,
    /// `--lossy`.
    pub lossy: bool,
    /// `--compress-transfer`, when it was said.
    pub gzip: Option<bool>,
}

impl Cluster {
    /// The nodes for a person, without secrets.
    pub fn name(&self) -> String {
        let nodes: Vec<&str> = self.http.nodes.iter().map(|node| node.as_str().trim_end_matches('/')).collect();
        match &self.within {
            Some(index) => format!("{}/{index}", nodes.join(", ")),
            None => nodes.join(", "),
        }
    }
}

/// Flags that only a server can honour.
const FOR_SERVERS: [&str; 24] = [
    "server_keys",
    "user",
    "password_file",
    "api_key_file",
    "bearer_file",
    "cacert",
    "cert",
    "client_key",
    "insecure",
    "header",
    "timeout",
    "connect_timeout",
    "retries",
    "retry_max_time",
    "compress_transfer",
    "results",
    "refresh",
    "routing_field",
    "pipeline",
    "wait_for_active_shards",
    "require_alias",
    "retry_on_conflict",
    "bulk_mode",
    "mapping",
];
/// Flags that Elasticsearch and its kin cannot honour.
const FOR_STORES: [&str; 7] =
    ["complete", "unique", "edge", "from_prefix", "to_prefix", "overwrite_collection_prefix", "server_keys"];

/// Finds the target, and the flags that it cannot honour.
pub(super) fn target(args: &Arguments, given: &Given) -> Result<Target> {
    let servers: Vec<Server> = args
        .target
        .to
        .iter()
        .filter_map(|to| match to {
            Address::Server(server) => Some(server.clone()),
            Address::Store(_) => None,
        })
        .collect();
    match &args.target.to[..] {
        [Address::Store(path)] => {
            let unfit = given.first_typed(&FOR_SERVERS).or_else(|| given.first_typed(&["lossy"]));
            return match unfit {
                Some(flag) => Err(anyhow!("{flag}: a store cannot honour it")
                    .context(hint("`--to elasticsearch+http://HOST:9200` writes to a server"))),
                None => {
                    if let Some(name) = &args.target.collection {
                        let from = if given.typed("collection") { "--collection" } else { "BULKIMPORT_COLLECTION" };
                        ensure_table(name).context(from)?;
                    }
                    Ok(Target::Store(path.clone()))
                }
            };
        }
        _ if servers.is_empty() => return Err(anyhow!("--to: more than one store").context(hint("run once for each"))),
        _ if servers.len() < args.target.to.len() => return Err(anyhow!("--to: a store and a server")),
        _ => {}
    }
    let kinds: Vec<Kind> = servers.iter().filter_map(|server| server.kind).collect();
    let kind = kinds.first().copied();
    if let Some(other) = kinds.iter().find(|other| Some(**other) != kind) {
        let names = (kind.map_or("", Kind::name), other.name());
        return Err(anyhow!("--to: {} and {}", names.0, names.1).context(hint("run once for each")));
    }
    if kind == Some(Kind::Kuzzle) && kinds.len() < servers.len() {
        return Err(anyhow!("--to: Kuzzle and a server that does not say what it is")
            .context(hint("write `kuzzle+http://HOST:7512/INDEX` for each node")));
    }
    if kind == Some(Kind::Arangodb) {
        arangodb::ensure_useful(args, given)?;
        return Ok(Target::Cluster(Box::new(cluster(args, given, &servers, kind)?)));
    }
    let unfit = given.first_typed(&FOR_STORES).or_else(|| match kind {
        Some(Kind::Kuzzle) => given.first_typed(&kuzzle::UNFIT),
        _ => None,
    });
    if let Some(flag) = unfit {
        let name = kind.unwrap_or(Kind::Elasticsearch).name();
        return Err(anyhow!("{flag}: {name} cannot honour it").context(hint(advice(&flag))));
    }
    ensure_whole(args, given)?;
    match kind {
        Some(Kind::Kuzzle) => kuzzle::ensure_useful(args, given, &servers)?,
        _ => ensure_useful(args, given)?,
    }
    Ok(Target::Cluster(Box::new(cluster(args, given, &servers, kind)?)))
}

fn advice(flag: &str) -> &'static str {
    match flag {
        "--complete" => "a server has no transactions; `--max-errors 0` stops at the first error",
        "--server-keys" => "leave it out: a key that is made here keeps a record from being stored twice",
        "--unique" => "`--key FIELD` makes a member the key, which is unique",
        "--edge" | "--from-prefix" | "--to-prefix" | "--overwrite-collection-prefix" => {
            "leave it out; members such as `_from` are plain members there"
        }
        _ => "leave it out; bulk lines (`-t bulk`) say `routing` and `pipeline` themselves",
    }
}

fn updates(args: &Arguments) -> bool {
    args.conflict.on_duplicate == OnDuplicate::Update && !args.conflict.delete_keys
}

/// Finds flags that would have no effect whatever the server is.
fn ensure_whole(args: &Arguments, given: &Given) -> Result<()> {
    let is_bulk = args.format.format == Some(Format::Bulk);
    if is_bulk && let Some(flag) = given.first_typed(&["routing_field", "retry_on_conflict"]) {
        return Err(anyhow!("{flag}: not with bulk lines").context(hint("each bulk line says it itself")));
    }
    if !updates(args)
        && let Some(flag) = given.first_typed(&["retry_on_conflict"])
    {
        bail!("{flag}: only `--on-duplicate update` can honour it");
    }
    if given.typed("client_key") && args.server.cert.is_none() {
        return Err(anyhow!("--client-key: there is no certificate").context(hint("give `--cert FILE` too")));
    }
    if given.typed("mapping") && args.run.create_collection == Some(false) && given.named.contains("create_collection")
    {
        bail!("--mapping and --create-collection=false: only one of them can be honoured");
    }
    Ok(())
}

/// Finds flags that would have no effect on Elasticsearch and OpenSearch.
fn ensure_useful(args: &Arguments, given: &Given) -> Result<()> {
    let is_bulk = args.format.format == Some(Format::Bulk);
    if is_bulk && let Some(flag) = given.first_typed(&["lossy"]) {
        return Err(anyhow!("{flag}: not with bulk lines").context(hint("each bulk line says it itself")));
    }
    let updates = updates(args);
    if !updates && let Some(flag) = given.first_typed(&["lossy"]) {
        bail!("{flag}: only `--on-duplicate update` can honour it");
    }
    if updates && !is_bulk && given.typed("pipeline") {
        return Err(anyhow!("--pipeline: not with `--on-duplicate update`: the server merges a document as it is")
            .context(hint("`--on-duplicate replace` sends documents through the pipeline")));
    }
    let of_one = ["wait_for_sync", "create_collection"].iter().find(|flag| given.typed(flag) || given.turned_off(flag));
    if is_bulk && let Some(name) = of_one {
        bail!("{}: not with bulk lines, which may name other indices", flag(name));
    }
    if args.target.collection.is_none()
        && let Some(flag) = given.first_typed(&["bulk_mode", "mapping", "create_collection", "wait_for_sync"])
    {
        return Err(anyhow!("{flag}: no index is named").context(hint("give `--collection NAME`")));
    }
    match &args.target.collection {
        Some(name) => ensure_index_name(name),
        None => Ok(()),
    }
}

/// Finds names that no index can have (contract of the bulk API, 2.4). A date-math name is left to the server.
fn ensure_index_name(name: &str) -> Result<()> {
    let wrong = |what: &str| Err(anyhow!("--collection: \"{name}\": {what}"));
    if name.starts_with('<') && name.ends_with('>') {
        return Ok(());
    }
    match name {
        "." | ".." => wrong("no index can be called so"),
        _ if name.chars().any(char::is_uppercase) => wrong("an index has no upper-case letters"),
        _ if name.starts_with(['-', '_', '+']) => wrong("an index does not begin with -, _ or +"),
        _ if name.contains(['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':']) => {
            wrong("an index has no blanks and none of \\ / * ? \" < > | , # :")
        }
        _ if name.len() > 255 => wrong("an index has at most 255 bytes"),
        _ => Ok(()),
    }
}

fn cluster(args: &Arguments, given: &Given, servers: &[Server], kind: Option<Kind>) -> Result<Cluster> {
    let (server, elasticsearch) = (&args.server, &args.elasticsearch);
    let nodes: Vec<Url> = servers.iter().map(|server| server.url.clone()).collect();
    let is_bulk = args.format.format == Some(Format::Bulk);
    let updates = updates(args) && !is_bulk;
    let mut login = secrets::login(server, servers, given)?;
    let mut session = None;
    if kind == Some(Kind::Kuzzle) {
        login = kuzzle::login(login);
        if let Some(Login::Basic(user, password)) = &login {
            session = Some(Arc::new(crate::sink::kuzzle::session(user, password)));
        }
    }
    Ok(Cluster {
        kind,
        within: servers.iter().find_map(|server| server.within.clone()),
        retries: Retries { retries: server.retries, max_time: server.retry_max_time },
        refresh: elasticsearch.refresh.clone(),
        routing_field: elasticsearch.routing_field.clone().filter(|_| !is_bulk),
        pipeline: elasticsearch.pipeline.clone().filter(|_| !updates),
        wait_for_active_shards: elasticsearch.wait_for_active_shards.clone(),
        require_alias: elasticsearch.require_alias,
        retry_on_conflict: elasticsearch.retry_on_conflict.filter(|_| updates),
        bulk_mode: elasticsearch.bulk_mode && args.target.collection.is_some(),
        mapping: args.run.mapping.clone().filter(|_| args.target.collection.is_some()),
        lossy: args.run.lossy,
        gzip: server.compress_transfer,
        http: HttpOptions {
            login,
            headers: server.header.clone(),
            cacert: server.cacert.clone(),
            cert: server.cert.clone(),
            client_key: server.client_key.clone().filter(|_| server.cert.is_some()),
            insecure: server.insecure,
            timeout: server.timeout,
            connect_timeout: server.connect_timeout,
            names: if kind == Some(Kind::Kuzzle) { "x-kuzzle-request-id" } else { "x-opaque-id" },
            session,
            gzip: server.compress_transfer.unwrap_or_else(|| !nodes.iter().all(is_here)),
            nodes,
        },
    })
}

/// Whether a node is on this machine, so that compressing for it only costs time.
fn is_here(node: &Url) -> bool {
    match node.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.starts_with("127.") && host.parse::<std::net::Ipv4Addr>().is_ok(),
        None => false,
    }
}
