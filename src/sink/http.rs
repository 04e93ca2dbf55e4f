//! HTTP to the nodes of one cluster: sends a request and says what is certain about it.
//! It knows no target's protocol, retries nothing that a node may have read, and follows no redirect. A secret is never
//! part of what it says.

mod address;
mod login;
mod nodes;
mod reply;
mod session;

pub use address::{Server, unknown_scheme};
pub use login::without_secrets;
pub use nodes::Nodes;
pub use session::Session;

use crate::stop::Stop;
use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use login::{headers, identity, secrets};
use reply::{causes, whole, why};
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::redirect::Policy;
use reqwest::tls::Certificate;
use reqwest::{Client, Request};
pub use reqwest::{Method, Url};
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::yield_now;
use tokio::time::timeout;

/// Who we are to a server.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// A name and a password.
    Basic(String, String),
    /// Elasticsearch's API keys: the base64 text that the server gave out.
    ApiKey(String),
    /// A bearer token.
    Bearer(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Login::Basic(..) => "Basic(***)",
            Login::ApiKey(_) => "ApiKey(***)",
            Login::Bearer(_) => "Bearer(***)",
        })
    }
}

/// A header of `-H`, whose value may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Header(pub HeaderName, pub HeaderValue);

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({}: ***)", self.0)
    }
}

/// How servers are reached.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// The nodes of one cluster, at least one, without user and password.
    pub nodes: Vec<Url>,
    /// Who we are.
    pub login: Option<Login>,
    /// `-H`.
    pub headers: Vec<Header>,
    /// `--cacert`: trusted in place of the system's certificates, as curl has it.
    pub cacert: Option<PathBuf>,
    /// `--cert`, a PEM file, perhaps with the key in it.
    pub cert: Option<PathBuf>,
    /// `--client-key`.
    pub client_key: Option<PathBuf>,
    /// `-k`.
    pub insecure: bool,
    /// Longest time for a request and its answer.
    pub timeout: Duration,
    /// Longest time for a connection.
    pub connect_timeout: Duration,
    /// Whether bodies are sent as gzip.
    pub gzip: bool,
    /// The header that names a request, in lower case.
    pub names: &'static str,
    /// A login that gives out tokens; `login` is then not sent.
    pub session: Option<Arc<Session>>,
}

/// What went over the wire, added up by all lanes.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    retried: AtomicU64,
    bytes: AtomicU64,
    uncertain: AtomicU64,
}

impl Traffic {
    /// Requests that carried actions.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Those of them that carried actions which had been sent before.
    pub fn retried(&self) -> u64 {
        self.0.retried.load(Ordering::Relaxed)
    }

    /// Bytes of their bodies, as they were sent.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Actions of which a lost reply hides whether they are created or updated.
    pub fn uncertain(&self) -> u64 {
        self.0.uncertain.load(Ordering::Relaxed)
    }

    /// Counts a request with actions in it, by the size of its body on the wire.
    pub fn sent(&self, bytes: usize) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a request whose actions, or some of them, had been sent before.
    pub fn sent_again(&self) {
        self.0.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts actions whose bucket is not certain.
    pub fn unsure(&self, actions: u64) {
        self.0.uncertain.fetch_add(actions, Ordering::Relaxed);
    }
}

/// A request to be made.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// Path and query, from the first slash behind the node's own path.
    pub path: String,
    /// Type of the body; a request without one has no body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Bytes,
    /// The name by which a server knows the request, among its tasks for one.
    pub opaque: Option<String>,
    /// Longest time for it, where that is not `--timeout`.
    pub timeout: Option<Duration>,
    /// Bytes that its answer may have; a longer one is no answer.
    pub most: usize,
}

/// Bytes of an answer to a question.
const MOST: usize = 64 << 20;

impl Call {
    /// A request without a body.
    pub fn get(path: impl Into<String>) -> Call {
        Call::new(Method::GET, path)
    }

    /// A request without a body, by another method.
    pub fn new(method: Method, path: impl Into<String>) -> Call {
        Call {
            method,
            path: path.into(),
            content_type: None,
            body: Bytes::new(),
            opaque: None,
            timeout: None,
            most: MOST,
        }
    }

    /// A request with a JSON body.
    pub fn json(method: Method, path: impl Into<String>, body: impl Into<Bytes>) -> Call {
        Call { content_type: Some("application/json"), body: body.into(), ..Call::new(method, path) }
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    /// How long the server asks us to wait.
    pub retry_after: Option<Duration>,
    /// Where a redirect points to, without secrets.
    pub location: Option<String>,
}

impl Reply {
    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum NoReply {
    /// No node has read a byte of the request.
    NotSent {
        /// What happened.
        why: String,
        /// Whether it would happen again: a certificate that is not trusted, an address that is none.
        hopeless: bool,
    },
    /// A node may have read the request and carried it out.
    Lost(String),
}

/// A lane's way to the cluster.
pub struct Http {
    client: Client,
    /// Runs on the lane's own thread, and only as long as a request is under way: nothing is handed from thread to thread.
    runtime: Runtime,
    nodes: Arc<Nodes>,
    headers: HeaderMap,
    names: &'static str,
    session: Option<Arc<Session>>,
    timeout: Duration,
    gzip: bool,
    stop: Stop,
    /// When the stop was first seen.
    stopped: Option<Instant>,
    /// The node of the last request: a connection to it is open.
    node: usize,
    /// Bytes of the last body, as it was sent.
    pub sent_bytes: usize,
    /// The answer received last, whose memory the next one takes once nobody looks at it any more.
    last: Bytes,
    /// What must not be seen in an answer that is shown: some servers echo what they were sent.
    secrets: Arc<Vec<String>>,
}

/// How long a request may go on when the run is asked to stop.
const LAST_TRY: Duration = Duration::from_secs(10);
/// How often a request under way looks whether the run is asked to stop.
const LOOK: Duration = Duration::from_millis(50);

impl Http {
    /// Makes a client for one lane; the lanes share what they know of the nodes.
    ///
    /// # Errors
    /// When a certificate or key cannot be read, or is none.
    pub fn new(options: &HttpOptions, nodes: Arc<Nodes>, lane: usize, stop: Stop) -> anyhow::Result<Http> {
        // Another caller may have been first; the provider is then the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .http1_only()
            .user_agent(concat!("bulkimport/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.connect_timeout)
            .tls_danger_accept_invalid_certs(options.insecure);
        let uses_tls = options.nodes.iter().any(|node| node.scheme() == "https");
        if let Some(path) = &options.cacert {
            let file = || format!("--cacert: {}", path.display());
            let pem = std::fs::read(path).with_context(file)?;
            let certificates = Certificate::from_pem_bundle(&pem).ok().filter(|all| !all.is_empty());
            let certificates = certificates.context("there is no PEM certificate in it").with_context(file)?;
            builder = builder.tls_certs_only(certificates);
        } else if !uses_tls {
            // Reading the system's certificates takes time and can fail; plain HTTP needs none.
            builder = builder.tls_certs_only([]);
        }
        if let Some(path) = &options.cert {
            builder = builder.identity(identity(path, options.client_key.as_ref())?);
        }
        let client = builder.build().map_err(|error| anyhow!("cannot set up TLS: {}", causes(&error)))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Http {
            client,
            runtime: runtime.context("cannot set up connections")?,
            node: lane % nodes.len(),
            nodes,
            headers: headers(options),
            names: options.names,
            session: options.session.clone(),
            secrets: Arc::new(secrets(options)),
            timeout: options.timeout,
            gzip: options.gzip,
            stop,
            stopped: None,
            sent_bytes: 0,
            last: Bytes::new(),
        })
    }

    /// Sends a request to a node that seems alive, and to the next one as long as none has read a byte of it.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub fn send(&mut self, call: Call) -> Result<Reply, NoReply> {
        // A header of the user's own wins.
        let Some(session) = self.session.clone().filter(|_| !self.headers.contains_key(AUTHORIZATION)) else {
            return self.send_with(call, None);
        };
        let token = match session.token(self, None) {
            Ok(token) => token,
            Err(reply) => return reply,
        };
        let reply = self.send_with(call.clone(), Some(&token));
        if !reply.as_ref().is_ok_and(|reply| (session.is_refused)(reply)) {
            return reply;
        }
        match session.token(self, Some(&token)) {
            Ok(token) => self.send_with(call, Some(&token)),
            Err(reply) => reply,
        }
    }

    /// Sends a request without a login.
    ///
    /// # Errors
    /// As `send`.
    pub fn send_bare(&mut self, call: Call) -> Result<Reply, NoReply> {
        self.send_with(call, None)
    }

    /// Whether requests say who we are.
    pub fn is_anonymous(&self) -> bool {
        self.session.is_none() && !self.headers.contains_key(AUTHORIZATION)
    }

    fn send_with(&mut self, call: Call, token: Option<&str>) -> Result<Reply, NoReply> {
        let mut headers = self.headers.clone();
        let mut secrets = self.secrets.clone();
        if let Some(token) = token {
            if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {token}")) {
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            Arc::make_mut(&mut secrets).push(token.to_owned());
        }
        if let Some(kind) = call.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(id) = call.opaque.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert(self.names, id);
        }
        let mut body = call.body;
        if self.gzip && !body.is_empty() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            body = packed(&body);
        }
        self.sent_bytes = body.len();
        let mut last = None;
        for node in self.nodes.in_turn(self.node) {
            let url = self.nodes.url(node, &call.path);
            let mut request = Request::new(call.method.clone(), url);
            *request.headers_mut() = headers.clone();
            if !body.is_empty() {
                *request.body_mut() = Some(body.clone().into());
            } else if call.method == Method::POST {
                // It says that it has no body; some servers wait for it otherwise.
                request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            *request.timeout_mut() = Some(call.timeout.unwrap_or(self.timeout));
            self.node = node;
            match self.exchange(request, call.most, &secrets) {
                Err(NoReply::NotSent { why, hopeless }) => {
                    self.nodes.is_down(node);
                    last = Some(NoReply::NotSent { why: format!("{}: {why}", self.nodes.name(node)), hopeless });
                }
                Err(NoReply::Lost(why)) => {
                    self.nodes.is_down(node);
                    return Err(NoReply::Lost(format!("{}: {why}", self.nodes.name(node))));
                }
                Ok(reply) => {
                    // A gateway whose server is away answers for it, and a node that shuts down: another may do better.
                    match reply.status {
                        502..=504 => self.nodes.is_down(node),
                        _ => self.nodes.is_up(node),
                    }
                    return Ok(reply);
                }
            }
        }
        Err(last.unwrap_or_else(|| NoReply::NotSent { why: "there is no node".to_owned(), hopeless: true }))
    }

    /// Asks one node a question, whatever the others do.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub fn ask(&mut self, node: usize, call: Call) -> Result<Reply, NoReply> {
        let mut request = Request::new(call.method, self.nodes.url(node, &call.path));
        *request.headers_mut() = self.headers.clone();
        *request.timeout_mut() = Some(call.timeout.unwrap_or(self.timeout));
        self.exchange(request, call.most, &self.secrets.clone())
    }

    /// Makes one exchange, which does not outlive a stop for long.
    fn exchange(&mut self, request: Request, most: usize, secrets: &[String]) -> Result<Reply, NoReply> {
        let (client, stop, stopped) = (&self.client, &self.stop, &mut self.stopped);
        let memory = std::mem::take(&mut self.last).try_into_mut().unwrap_or_default();
        let reply = self.runtime.block_on(async {
            // Since the last exchange a server may have closed its connection. These let whoever waits for the end of one see
            // it, so that the request does not go into a connection that nobody reads.
            for _ in 0..3 {
                yield_now().await;
            }
            let mut exchange = pin!(async {
                let response = client.execute(request).await.map_err(|error| why(&error))?;
                whole(response, most, secrets, memory).await
            });
            loop {
                if let Ok(reply) = timeout(LOOK, exchange.as_mut()).await {
                    return reply;
                }
                if stop.asked() && stopped.get_or_insert_with(Instant::now).elapsed() > LAST_TRY {
                    return Err(NoReply::Lost("no answer within 10 s of the stop".to_owned()));
                }
            }
        })?;
        self.last = reply.body.clone();
        Ok(reply)
    }
}

/// gzip at its fastest: the wire is the limit, not the ratio.
fn packed(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("memory takes every byte").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let header = Header(HeaderName::from_static("x-key"), HeaderValue::from_static("secret"));
        let all =
            format!("{:?}{:?}{header:?}", Login::Basic("me".into(), "secret".into()), Login::Bearer("secret".into()));
        assert!(!all.contains("secret"), "{all}");
    }
}
