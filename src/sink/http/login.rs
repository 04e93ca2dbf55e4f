//! Logins: headers and certificates.

use super::response::causes;
use super::{Header, HttpOptions, Login};
use crate::error::of_file;
use anyhow::{Context as _, Result, anyhow};
use reqwest::Client;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::tls::{Certificate, Identity};
use std::path::Path;

/// The client, with the certificates that it trusts and its own.
pub(super) fn client(options: &HttpOptions) -> Result<Client> {
    // This fails if another caller was first, who installed the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .http1_only()
        .user_agent(concat!("bulkimport/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect_timeout)
        .tls_danger_accept_invalid_certs(options.insecure);
    if let Some(path) = &options.cacert {
        let certificates = Certificate::from_pem_bundle(&load("--cacert", path)?).ok().filter(|all| !all.is_empty());
        let file = || format!("--cacert: {}", path.display());
        let certificates = certificates.context("no PEM certificate found").with_context(file)?;
        builder = builder.tls_certs_only(certificates);
    } else if options.nodes.iter().all(|node| node.scheme() != "https") {
        // Reading the system's certificates takes time and can fail. Plain HTTP needs none.
        builder = builder.tls_certs_only([]);
    }
    if let Some(path) = &options.cert {
        builder = builder.identity(identity(path, options.client_key.as_deref())?);
    }
    builder.build().map_err(|error| anyhow!("cannot set up TLS: {}", causes(&error)))
}

fn load(flag: &str, path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(of_file).with_context(|| format!("{flag}: {}", path.display()))
}

fn identity(cert: &Path, key: Option<&Path>) -> Result<Identity> {
    let mut pem = load("--cert", cert)?;
    if let Some(key) = key {
        pem.push(b'\n');
        pem.extend(load("--client-key", key)?);
    }
    let hint = "missing PEM certificate or its key (both in one file, or the key in --client-key)";
    Identity::from_pem(&pem).map_err(|_| anyhow!("--cert: {}: {hint}", cert.display()))
}

/// The headers of all requests. Those of the user win.
pub(super) fn headers(client: &Client, options: &HttpOptions) -> Result<HeaderMap> {
    let request = client.get(options.nodes[0].clone()).header(ACCEPT, "application/json");
    let request = match options.login.as_ref().filter(|_| options.session.is_none()) {
        Some(Login::Basic(user, password)) => request.basic_auth(user, Some(password)),
        Some(Login::ApiKey(key)) => request.header(AUTHORIZATION, format!("ApiKey {key}")),
        Some(Login::Bearer(token)) => request.bearer_auth(token),
        None => request,
    };
    let own = options.headers.iter().map(|Header(name, value)| (name.clone(), value.clone()));
    let mut request = request.headers(own.collect()).build().context("the login has invalid characters")?;
    Ok(std::mem::take(request.headers_mut()))
}
