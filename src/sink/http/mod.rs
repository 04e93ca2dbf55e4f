//! HTTP to the nodes of one cluster: sends a request, and reports whether a node may have read it.
//! It knows no target's protocol, retries nothing that a node may have read, and follows no redirects. A server may
//! repeat secrets: `mask` hides them where messages are printed.

mod address;
mod certificate;
mod date;
mod fingerprint;
mod login;
mod nodes;
mod proxy;
mod response;
mod session;
mod sigv4;
mod tls;

pub use address::{Server, redact_address, unknown_scheme};
pub use fingerprint::Fingerprint;
pub use nodes::Nodes;
pub(in crate::sink) use proxy::host_behind_proxy;
pub use session::Session;
pub use sigv4::{Signer, SigningScope};

use crate::stop::Stop;
use anyhow::Context as _;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use login::{client, headers};
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Client, RequestBuilder};
pub use reqwest::{Method, Url};
use response::{read, send_error};
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::yield_now;
use tokio::time::timeout;

/// A login.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// A user name and a password.
    Basic(String, String),
    /// An API key of Elasticsearch: the base64 text that the server gave out.
    ApiKey(String),
    /// A bearer token.
    Bearer(String),
    /// A signature of AWS for each request.
    Aws(Signer),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Login::Basic(..) => "Basic(***)",
            Login::ApiKey(_) => "ApiKey(***)",
            Login::Bearer(_) => "Bearer(***)",
            Login::Aws(_) => "Aws(***)",
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

/// How to connect to servers.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// The nodes of one cluster, at least one, without user and password.
    pub nodes: Vec<Url>,
    /// The login.
    pub login: Option<Login>,
    /// `-H`.
    pub headers: Vec<Header>,
    /// `--cacert`: trusted in place of the system's certificates, as in curl.
    pub cacert: Option<PathBuf>,
    /// `--cert-fingerprint`.
    pub fingerprint: Option<Fingerprint>,
    /// `--cert`: a PEM file, perhaps with the key in it.
    pub cert: Option<PathBuf>,
    /// `--client-key`.
    pub client_key: Option<PathBuf>,
    /// `-k`.
    pub insecure: bool,
    /// Maximum time for a request and its response.
    pub timeout: Duration,
    /// Maximum time to connect.
    pub connect_timeout: Duration,
    /// Whether bodies are sent as gzip.
    pub gzip: bool,
    /// The header for the id of a request, in lower case.
    pub id_header: &'static str,
    /// A login that gives out tokens. Then `login` itself is not sent.
    pub session: Option<Arc<Session>>,
}

/// Counts of what went over the wire, shared by all lanes.
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
    /// Actions of which it is not certain whether they were created or updated, because a response is missing.
    pub uncertain: AtomicU64,
    /// Whether the server refused compressed bodies.
    pub refuses_gzip: AtomicBool,
}

impl Counters {
    /// Counts a request with actions, and the size of its body on the wire.
    pub fn count_request(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a request with actions that had been sent before.
    pub fn count_retry(&self) {
        self.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts actions whose bucket is not certain.
    pub fn count_uncertain(&self, actions: u64) {
        self.uncertain.fetch_add(actions, Ordering::Relaxed);
    }
}

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, below the path of the node.
    pub path: String,
    /// Type of the body; absent if there is no body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Bytes,
    /// The id of a request with actions. The server shows it in its list of tasks.
    pub id: Option<String>,
    /// Maximum time, if that is not `--timeout`.
    pub timeout: Option<Duration>,
    /// Maximum bytes of the response, if that is not `MAX_RESPONSE`.
    pub max_response: Option<usize>,
}

/// The status for a body in an encoding that is not supported.
const UNSUPPORTED: u16 = 415;

/// Maximum bytes of a response to a request without actions.
const MAX_RESPONSE: usize = 1 << 20;

impl Request {
    /// A request without a body.
    pub fn get(path: impl Into<String>) -> Request {
        Request::new(Method::GET, path)
    }

    /// A request without a body, by another method.
    pub fn new(method: Method, path: impl Into<String>) -> Request {
        Request { method, path: path.into(), ..Request::default() }
    }

    /// A request with a JSON body.
    pub fn json(method: Method, path: impl Into<String>, body: impl Into<Bytes>) -> Request {
        Request { content_type: Some("application/json"), body: body.into(), ..Request::new(method, path) }
    }
}

/// A whole response.
#[derive(Clone, Debug, Default)]
pub struct Response {
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

impl Response {
    /// Whether it stands for a response that was too long to be read.
    pub fn is_unread(&self) -> bool {
        self.status == 0
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The response to a request, or why there is none.
pub(crate) type SendResult = Result<Response, SendError>;

/// Why there is no response.
#[derive(Debug)]
pub enum SendError {
    /// No node has read a byte of the request.
    NotSent {
        /// What happened.
        why: String,
        /// Whether a retry is no use: the certificate is not trusted, or the address is invalid.
        hopeless: bool,
    },
    /// A node may have read the request and applied it.
    NoResponse(String),
    /// The same, and the response has more bytes than anyone should send.
    TooLong(String),
}

impl SendError {
    /// What happened, for a person.
    pub(crate) fn reason(&self) -> &str {
        match self {
            SendError::NotSent { why, .. } | SendError::NoResponse(why) | SendError::TooLong(why) => why,
        }
    }
}

/// The HTTP client of one lane.
pub struct Http {
    client: Client,
    /// Runs on the thread of the lane, and only while a request is under way.
    runtime: Runtime,
    options: HttpOptions,
    nodes: Arc<Nodes>,
    /// The headers of all requests.
    headers: HeaderMap,
    stop: Stop,
    /// When the stop was first seen.
    stopped: Option<Instant>,
    /// The node of the last request, to which a connection is open.
    node: usize,
    /// Bytes of the last body, as it was sent.
    pub sent_bytes: usize,
    /// The body of the last response. The next one reuses its memory if nobody uses it any more.
    last: Bytes,
}

/// How long a request may go on after the run is asked to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a request under way checks whether the run is asked to stop.
const STOP_CHECK: Duration = Duration::from_millis(50);

impl Http {
    /// Makes a client for one lane. The lanes share what they know about the nodes.
    ///
    /// # Errors
    /// When a certificate or a key cannot be read.
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
            headers,
            stop,
            stopped: None,
            sent_bytes: 0,
            last: Bytes::new(),
        })
    }

    /// Sends a request to a node that seems to be up, and to the next one as long as none has read a byte of it.
    ///
    /// # Errors
    /// When there is no whole response.
    pub fn send(&mut self, request: Request) -> SendResult {
        // A header of the user wins.
        let Some(session) = self.options.session.clone().filter(|_| !self.headers.contains_key(AUTHORIZATION)) else {
            return self.send_with(request, None);
        };
        let token = match session.token(self, None) {
            Ok(token) => token,
            Err(result) => return result,
        };
        let result = self.send_with(request.clone(), Some(&token));
        if !result.as_ref().is_ok_and(|response| (session.is_refused)(response)) {
            return result;
        }
        match session.token(self, Some(&token)) {
            Ok(token) => self.send_with(request, Some(&token)),
            Err(result) => result,
        }
    }

    /// Whether compressed bodies were refused, so that all are sent as they are.
    pub fn refuses_gzip(&self) -> bool {
        self.nodes.refuses_gzip()
    }

    /// Whether requests are sent without a login.
    pub fn is_anonymous(&self) -> bool {
        self.options.session.is_none() && !self.headers.contains_key(AUTHORIZATION)
    }

    /// Sends a request with a token, or without one.
    ///
    /// # Errors
    /// As `send`.
    pub fn send_with(&mut self, mut request: Request, token: Option<&str>) -> SendResult {
        let mut body = std::mem::take(&mut request.body);
        let plain = body.clone();
        let compress = self.options.gzip && !body.is_empty() && !self.nodes.refuses_gzip();
        if compress {
            body = compressed(&body);
        }
        self.sent_bytes = body.len();
        let mut last = Err(SendError::NotSent { why: "no server".to_owned(), hopeless: true });
        for node in self.nodes.in_order(self.node) {
            let mut builder = self.builder(node, &request);
            if let Some(token) = token {
                builder = builder.bearer_auth(token);
            }
            if let Some(kind) = request.content_type {
                builder = builder.header(CONTENT_TYPE, kind);
            }
            if let Some(id) = request.id.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
                // It replaces a header of the user.
                let name = HeaderName::from_static(self.options.id_header);
                builder = builder.headers(HeaderMap::from_iter([(name, id)]));
            }
            if compress {
                builder = builder.header(CONTENT_ENCODING, "gzip");
            }
            if !body.is_empty() {
                builder = builder.body(body.clone());
            } else if request.method == Method::POST {
                // Without a length some servers wait for a body.
                builder = builder.header(CONTENT_LENGTH, "0");
            }
            self.node = node;
            let result = self.exchange(builder, &request);
            match &result {
                Ok(response) if !matches!(response.status, 502..=504) => self.nodes.mark_up(node),
                // Also a gateway without its server, or a node that shuts down: another one may do better.
                _ => self.nodes.mark_down(node),
            }
            let name = self.nodes.route(node);
            last = match result {
                Err(SendError::NotSent { why, hopeless }) => {
                    Err(SendError::NotSent { why: format!("{name}: {why}"), hopeless })
                }
                Err(SendError::NoResponse(why)) => return Err(SendError::NoResponse(format!("{name}: {why}"))),
                Err(SendError::TooLong(why)) => return Err(SendError::TooLong(format!("{name}: {why}"))),
                // It refuses the encoding of the body, and has read nothing of it.
                Ok(response) if compress && response.status == UNSUPPORTED => {
                    self.nodes.record_no_gzip();
                    return self.send_with(Request { body: plain, ..request }, token);
                }
                Ok(response) => return Ok(Response { node: name, ..response }),
            };
        }
        last
    }

    /// The name of a node, and of the proxy on the way, for messages about connections.
    pub fn route(&self, node: usize) -> String {
        self.nodes.route(node)
    }

    /// Sends a request to one node.
    ///
    /// # Errors
    /// When there is no whole response.
    pub fn send_to(&mut self, node: usize, request: &Request) -> SendResult {
        let response = self.exchange(self.builder(node, request), request)?;
        Ok(Response { node: self.nodes.route(node), ..response })
    }

    /// Begins a request to a node, with what all requests have.
    fn builder(&self, node: usize, request: &Request) -> RequestBuilder {
        let builder = self.client.request(request.method.clone(), self.nodes.url(node, &request.path));
        builder.headers(self.headers.clone()).timeout(request.timeout.unwrap_or(self.options.timeout))
    }

    /// Sends a request and reads the response. It does not outlive a stop for long.
    fn exchange(&mut self, http: RequestBuilder, request: &Request) -> SendResult {
        let mut http = http.build().map_err(|error| send_error(&error))?;
        if let Some(Login::Aws(signer)) = &self.options.login {
            signer.sign(&mut http).map_err(|why| SendError::NotSent { why, hopeless: true })?;
        }
        let client = self.client.clone();
        let (stop, stopped) = (&self.stop, &mut self.stopped);
        let buffer = std::mem::take(&mut self.last).try_into_mut().unwrap_or_default();
        let response = self.runtime.block_on(async {
            // A server may have closed its connection since the last exchange. These yields let the connection notice, so
            // that the request is not written to it.
            for _ in 0..3 {
                yield_now().await;
            }
            let mut exchange = pin!(async {
                let response = client.execute(http).await.map_err(|error| send_error(&error))?;
                read(response, request.max_response.unwrap_or(MAX_RESPONSE), buffer).await
            });
            loop {
                if let Ok(result) = timeout(STOP_CHECK, exchange.as_mut()).await {
                    return result;
                }
                if stop.is_requested() && stopped.get_or_insert_with(Instant::now).elapsed() > STOP_TIMEOUT {
                    return Err(SendError::NoResponse("no answer within 10 s of the stop".to_owned()));
                }
            }
        })?;
        self.last = response.body.clone();
        Ok(response)
    }
}

/// Compresses with gzip at its fastest level.
fn compressed(body: &[u8]) -> Bytes {
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
