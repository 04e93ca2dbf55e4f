//! Builds the options for the target from the flags.

use super::collections::Collections;
use super::{ConfigSources, conflicts, secrets};
use crate::action::Op;
use crate::cli::{Arguments, Transfer};
use crate::input::Format;
use crate::retry::Retries;
use crate::sink::http::HttpOptions;
use crate::sink::restart::Restart;
use crate::sink::target::Target;
use crate::sink::targets;
use crate::sink::wanted::{BY_FILE, Endpoint, FlagSources, InputFacts, Wanted};
use anyhow::{Context as _, Result};
use reqwest::Url;
use std::net::IpAddr;

/// Builds the options, and checks that the target supports them.
pub(super) fn build(
    args: &Arguments,
    collections: &Collections,
    sources: &ConfigSources,
    target: &dyn Target,
) -> Result<Wanted> {
    let mut wanted = without_login(args, collections, sources);
    conflicts::check_trust(&wanted, &sources.flags)?;
    // Checked before the login, which may ask for a password.
    targets::check(target, &wanted, &sources.flags)?;
    let login = secrets::login(&args.server, &wanted, sources, target)?;
    let source = || if args.server.api_key_file.is_some() { "--api-key-file" } else { "BULKIMPORT_API_KEY" };
    wanted.http.login = login.map(|login| target.login(login)).transpose().with_context(source)?;
    secrets::ensure_encrypted(&wanted)?;
    Ok(wanted)
}

fn without_login(args: &Arguments, collections: &Collections, sources: &ConfigSources) -> Wanted {
    let is_bulk = args.input.format == Some(Format::Bulk);
    let deletes = args.conflict.delete_keys;
    let (run, edges) = (&args.run, &args.edges);
    let endpoints: Vec<Endpoint> = args.target.to.iter().map(|address| address.endpoint.clone()).collect();
    Wanted {
        http: http(args, &sources.flags, &endpoints),
        endpoints,
        collection: collections.names.first().filter(|_| collections.names.len() == 1).cloned(),
        collections: collections.names.clone(),
        collection_source: match collections.by_file {
            true => BY_FILE,
            false if sources.flags.typed("collection") => "--collection",
            false => "BULKIMPORT_COLLECTION",
        },
        is_bulk,
        on_duplicate: if !is_bulk && !deletes { args.conflict.on_duplicate } else { Op::default() },
        delete_keys: deletes,
        key: args.key.key.clone().filter(|_| !is_bulk),
        server_keys: args.key.server_keys,
        edge: edges.edge && !deletes,
        prefixes: edges.from_prefix.is_some() || edges.to_prefix.is_some(),
        complete: run.complete,
        overwrite: run.overwrite,
        wait_for_sync: run.wait_for_sync,
        create_collection: run.create_collection.filter(|_| sources.flags.set.contains("create_collection")),
        mapping: run.mapping.clone(),
        unique: run.unique.clone(),
        retarget: run.retarget && is_bulk,
        lossy: run.lossy,
        dry_run: run.dry_run,
        results: args.errors.results.clone(),
        rejects: args.errors.rejects.clone(),
        batches: args.batches,
        compress_transfer: compress(args),
        retries: Retries { retries: args.server.retries, max_time: args.server.retry_max_time },
        wait: args.server.wait,
        indexing: args.indexing.clone(),
        inputs: InputFacts { paths: args.files.clone(), ..InputFacts::default() },
        restart: Restart { is_journaled: run.journal.is_some(), ..Restart::default() },
        run: String::new(),
        identify: targets::identify,
    }
}

fn http(args: &Arguments, flags: &FlagSources, endpoints: &[Endpoint]) -> HttpOptions {
    let server = &args.server;
    let url = |endpoint: &Endpoint| match endpoint {
        Endpoint::Server(server) => Some(server.url.clone()),
        Endpoint::Path(..) => None,
    };
    let nodes: Vec<Url> = endpoints.iter().filter_map(url).collect();
    HttpOptions {
        login: None,
        headers: server.header.clone(),
        cacert: server.cacert.clone(),
        // One from a variable gives way.
        fingerprint: server
            .cert_fingerprint
            .clone()
            .filter(|_| flags.typed("cert_fingerprint") || !flags.typed("cacert")),
        cert: server.cert.clone(),
        client_key: server.client_key.clone(),
        insecure: server.insecure,
        timeout: server.timeout,
        connect_timeout: server.connect_timeout,
        id_header: "x-opaque-id",
        session: None,
        gzip: compress(args).unwrap_or_else(|| !nodes.iter().all(is_local)),
        nodes,
    }
}

/// `--compress-transfer`; `None` for auto.
fn compress(args: &Arguments) -> Option<bool> {
    args.server.compress_transfer.map(|how| how == Transfer::Gzip)
}

/// Whether a node is on this machine, where compression only costs time.
fn is_local(node: &Url) -> bool {
    let is_loopback = |host: &str| host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    node.host_str().is_some_and(|host| host == "localhost" || is_loopback(host.trim_matches(['[', ']'])))
}
