//! HTTP to the nodes of one cluster: sends a request and says what is certain about it.
//! It knows no target's protocol, retries nothing that a node may have read, and follows no redirect. A secret is never
//! part of what it says.

mod address;
mod login;
mod nodes;
mod reply;
mod session;

pub use address::{Server, unknown_scheme, without_secrets};
pub use nodes::Nodes;
pub use session::Session;

use crate::stop::Stop;
use anyhow::Context as _;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use login::{client, headers, secrets};
use reply::{whole, why};
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Client, RequestBuilder};
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
pub type Traffic = Arc<Counters>;

/// Counts of what went over the wire.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests that carried actions.
    pub requests: AtomicU64,
    /// Those of them that carried actions which had been sent before.
    pub retried: AtomicU64,
    /// Bytes of their bodies, as they were sent.
    pub bytes: AtomicU64,
    /// Actions of which a lost response hides whether they are created or updated.
    pub uncertain: AtomicU64,
}

impl Counters {
    /// Counts a request with actions in it, by the size of its body on the wire.
    pub fn sent(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a request whose actions, or some of them, had been sent before.
    pub fn sent_again(&self) {
        self.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts actions whose bucket is not certain.
    pub fn unsure(&self, actions: u64) {
        self.uncertain.fetch_add(actions, Ordering::Relaxed);
    }
}

/// A request to be made.
#[derive(Clone, Debug, Default)]
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
    /// Bytes that its answer may have, where that is not `MOST`; a longer one is no answer.
    pub most: Option<usize>,
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
        Call { method, path: path.into(), ..Call::default() }
    }

    /// A request with a JSON body.
    pub fn json(method: Method, path: impl Into<String>, body: impl Into<Bytes>) -> Call {
        Call { content_type: Some("application/json"), body: body.into(), ..Call::new(method, path) }
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The node that answered.
    pub node: String,
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
    options: HttpOptions,
    nodes: Arc<Nodes>,
    /// What all requests have.
    headers: HeaderMap,
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
    secrets: Vec<String>,
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
        let client = client(options)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let headers = headers(&client, options)?;
        Ok(Http {
            client,
            runtime: runtime.context("cannot set up connections")?,
            options: options.clone(),
            node: lane % nodes.len(),
            nodes,
            secrets: secrets(options, &headers),
            headers,
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
        let Some(session) = self.options.session.clone().filter(|_| !self.headers.contains_key(AUTHORIZATION)) else {
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

    /// Whether requests say who we are.
    pub fn is_anonymous(&self) -> bool {
        self.options.session.is_none() && !self.headers.contains_key(AUTHORIZATION)
    }

    /// Sends a request with a token, or without one.
    ///
    /// # Errors
    /// As `send`.
    pub fn send_with(&mut self, mut call: Call, token: Option<&str>) -> Result<Reply, NoReply> {
        let mut body = std::mem::take(&mut call.body);
        let packs = self.options.gzip && !body.is_empty();
        if packs {
            body = packed(&body);
        }
        self.sent_bytes = body.len();
        let mut last = Err(NoReply::NotSent { why: "no server".to_owned(), hopeless: true });
        for node in self.nodes.in_turn(self.node) {
            let mut request = self.request(node, &call);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            if let Some(kind) = call.content_type {
                request = request.header(CONTENT_TYPE, kind);
            }
            if let Some(id) = call.opaque.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
                // It replaces one of the user's own.
                request = request.headers(HeaderMap::from_iter([(HeaderName::from_static(self.options.names), id)]));
            }
            if packs {
                request = request.header(CONTENT_ENCODING, "gzip");
            }
            if !body.is_empty() {
                request = request.body(body.clone());
            } else if call.method == Method::POST {
                // It says that it has no body; some servers wait for it otherwise.
                request = request.header(CONTENT_LENGTH, "0");
            }
            self.node = node;
            let reply = self.exchange(request, &call, token);
            match &reply {
                Ok(reply) if !matches!(reply.status, 502..=504) => self.nodes.is_up(node),
                // A gateway whose server is away answers for it, and a node that shuts down: another may do better.
                _ => self.nodes.is_down(node),
            }
            let name = self.nodes.name(node);
            last = match reply {
                Err(NoReply::NotSent { why, hopeless }) => {
                    Err(NoReply::NotSent { why: format!("{name}: {why}"), hopeless })
                }
                Err(NoReply::Lost(why)) => return Err(NoReply::Lost(format!("{name}: {why}"))),
                Ok(reply) => return Ok(Reply { node: name, ..reply }),
            };
        }
        last
    }

    /// Asks one node a question, whatever the others do.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub fn ask(&mut self, node: usize, call: Call) -> Result<Reply, NoReply> {
        let reply = self.exchange(self.request(node, &call), &call, None)?;
        Ok(Reply { node: self.nodes.name(node), ..reply })
    }

    /// A request to a node with what all requests have.
    fn request(&self, node: usize, call: &Call) -> RequestBuilder {
        let request = self.client.request(call.method.clone(), self.nodes.url(node, &call.path));
        request.headers(self.headers.clone()).timeout(call.timeout.unwrap_or(self.options.timeout))
    }

    /// Makes one exchange, which does not outlive a stop for long.
    fn exchange(&mut self, request: RequestBuilder, call: &Call, token: Option<&str>) -> Result<Reply, NoReply> {
        let (stop, stopped) = (&self.stop, &mut self.stopped);
        let memory = std::mem::take(&mut self.last).try_into_mut().unwrap_or_default();
        let secrets: Vec<&str> = self.secrets.iter().map(String::as_str).chain(token).collect();
        let reply = self.runtime.block_on(async {
            // Since the last exchange a server may have closed its connection. These let whoever waits for the end of one see
            // it, so that the request does not go into a connection that nobody reads.
            for _ in 0..3 {
                yield_now().await;
            }
            let mut exchange = pin!(async {
                let response = request.send().await.map_err(|error| why(&error))?;
                whole(response, call.most.unwrap_or(MOST), &secrets, memory).await
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
