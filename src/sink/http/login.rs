//! Logins: headers and certificates.

use super::response::causes;
use super::{Header, HttpOptions, Login, tls};
use anyhow::{Context as _, Result, anyhow};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::tls::Identity;
use reqwest::{Client, ClientBuilder};

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
    let is_encrypted = options.nodes.iter().any(|node| node.scheme() == "https");
    if let Some(config) = tls::config(options)?.filter(|_| !options.insecure) {
        return built(builder.tls_backend_preconfigured(config));
    }
    if !is_encrypted {
        // Reading the system's certificates takes time and can fail. Plain HTTP needs none.
        builder = builder.tls_certs_only([]);
    }
    if let Some(path) = &options.cert {
        let pem = tls::pem_of_identity(path, options.client_key.as_deref())?;
        builder = builder.identity(Identity::from_pem(&pem).map_err(|_| tls::no_identity(path))?);
    }
    built(builder)
}

fn built(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(|error| anyhow!("cannot set up TLS: {}", causes(&error)))
}

/// The headers of all requests. Those of the user win.
pub(super) fn headers(client: &Client, options: &HttpOptions) -> Result<HeaderMap> {
    let request = client.get(options.nodes[0].clone()).header(ACCEPT, "application/json");
    let request = match options.login.as_ref().filter(|_| options.session.is_none()) {
        Some(Login::Basic(user, password)) => request.basic_auth(user, Some(password)),
        Some(Login::ApiKey(key)) => request.header(AUTHORIZATION, format!("ApiKey {key}")),
        Some(Login::Bearer(token)) => request.bearer_auth(token),
        Some(Login::Aws(_)) | None => request,
    };
    let own = options.headers.iter().map(|Header(name, value)| (name.clone(), value.clone()));
    let mut request = request.headers(own.collect()).build().context("the login has invalid characters")?;
    Ok(std::mem::take(request.headers_mut()))
}
