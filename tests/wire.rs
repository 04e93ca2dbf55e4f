//! A server that answers as a test scripts it, in the order in which it is asked, and holds the program to HTTP.
//!
//! A test scripts exchanges: what must be asked, and what is answered, or how the connection is harmed. What a client asks
//! to prepare itself (`GET /`, whether an index exists, `_tasks`) has standing answers that a test may replace. At the end,
//! all that was scripted must have been asked for, and nothing else.

pub mod arangodb;
mod exchange;
pub mod kuzzle;
mod reply;
mod request;

pub use exchange::{Exchange, ask, bulk, multi_get};
pub use reply::{Gate, Harm, Item, Reply, busy, created, deleted, duplicate, failed, noop, not_found, unfit, updated};
pub use request::{Request, Sent};

use crate::support::{Place, Ran};
use exchange::{Answer, fits};
use reply::send;
use request::{holds_to_http, parse_head, read_body, read_head, unescaped};
use serde_json::json;
use std::collections::VecDeque;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// How long a connection or a gate waits before the test is given up.
const READ_WAIT: Duration = Duration::from_secs(120);

/// The server. It listens on a free port of 127.0.0.1 and ends with the test.
pub struct Wire {
    address: String,
    state: Arc<State>,
}

/// Shared by the threads that serve one connection each.
struct State {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    script: VecDeque<Exchange>,
    standing: Vec<(String, String, Answer)>,
    seen: Vec<Request>,
    faults: Vec<String>,
    connections: usize,
    closing: bool,
}

impl Wire {
    /// Starts a server that says it is Elasticsearch 8.
    pub fn start() -> Wire {
        Wire::start_at("127.0.0.1:0")
    }

    /// Starts it at this address.
    pub fn start_at(address: &str) -> Wire {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = Arc::new(State { inner: Mutex::default(), changed: Condvar::new() });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                let number = {
                    let mut inner = shared.lock();
                    if inner.closing {
                        break;
                    }
                    inner.connections += 1;
                    inner.connections
                };
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.serve(stream, number));
            }
        });
        Wire { address, state }
    }

    /// The URL to give to `--to`.
    pub fn to(&self) -> String {
        format!("elasticsearch+http://{}", self.address)
    }

    /// The URL of its database of ArangoDB.
    pub fn to_arangodb(&self) -> String {
        format!("arangodb+http://{}/_db/shop", self.address)
    }

    /// HOST:PORT.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Adds an exchange to the script.
    pub fn expect(&self, exchange: Exchange) -> &Wire {
        self.state.lock().script.push_back(exchange);
        self
    }

    /// Adds a bulk request with as many actions as there are items, answered with these.
    #[track_caller]
    pub fn bulk(&self, items: &[Item]) -> &Wire {
        self.expect(bulk().answers(items))
    }

    /// Replaces the standing answer to what is asked without being scripted. `*` in a path matches one name, and a path
    /// without a slash for any that ends so.
    pub fn standing(
        &self,
        method: &str,
        path: &str,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> &Wire {
        self.state.lock().standing.insert(0, (method.to_owned(), path.to_owned(), Arc::new(answer)));
        self
    }

    /// Waits until so many requests have come, and returns those.
    #[track_caller]
    pub fn wait_for(&self, what: &str, come: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        let (seen, timed_out) = {
            let inner = self.state.lock();
            let waited = self.state.changed.wait_timeout_while(inner, READ_WAIT, |inner| !come(&inner.seen));
            let (inner, wait) = waited.expect("the server does not panic");
            (inner.seen.clone(), wait.timed_out())
        };
        assert!(!timed_out, "{what}: this never came, only {:#?}", summaries(&seen));
        seen
    }

    /// Asserts that all was asked that was scripted, and nothing that was not, and returns what was asked.
    #[track_caller]
    pub fn done(&self) -> Vec<Request> {
        let (left, faults, seen) = {
            let inner = self.state.lock();
            let left = inner.script.iter().map(|next| format!("{} {}", next.method, next.path)).collect::<Vec<_>>();
            (left, inner.faults.join("\n"), inner.seen.clone())
        };
        let asked = summaries(&seen);
        assert!(faults.is_empty(), "{faults}\nasked: {asked:#?}");
        assert!(left.is_empty(), "never asked: {left:?}\nasked: {asked:#?}");
        seen
    }

    /// Forgets the script and all complaints.
    pub fn forgive(&self) {
        *self.state.lock() = Inner::default();
    }

    /// The bulk requests of a script that was played to its end.
    #[track_caller]
    pub fn bulks(&self) -> Vec<Request> {
        self.done().into_iter().filter(|request| request.path.ends_with("/_bulk")).collect()
    }
}

/// A test that ends without asking `done` has it asked here.
impl Drop for Wire {
    fn drop(&mut self) {
        self.state.lock().closing = true;
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(&self.address);
        if !std::thread::panicking() {
            self.done();
        }
    }
}

fn summaries(requests: &[Request]) -> Vec<String> {
    requests
        .iter()
        .map(|request| {
            let body = String::from_utf8_lossy(&request.body);
            let body: String = body.chars().take(300).collect();
            format!("{} {} {:?} {body}", request.method, request.path, request.query)
        })
        .collect()
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A check that fails does so outside of the lock, so it is never poisoned by a test.
        self.inner.lock().expect("the server does not panic")
    }

    fn fault(&self, what: String) {
        self.lock().faults.push(what);
    }

    /// Serves a connection to its end.
    fn serve(&self, mut stream: TcpStream, number: usize) {
        let _ = stream.set_read_timeout(Some(READ_WAIT));
        let _ = stream.set_nodelay(true);
        while let Some(head) = read_head(&mut stream) {
            let mut request = match parse_head(&head, number) {
                Ok(request) => request,
                Err(why) => return self.fault(format!("not HTTP: {why}: {head:?}")),
            };
            // The script is asked with the head alone, because a harm may be to leave the body unread.
            let (exchange, standing) = self.next(&request);
            let answer = exchange.as_ref().map(|exchange| Arc::clone(&exchange.answer)).or(standing);
            if exchange.as_ref().is_some_and(|exchange| exchange.unread) {
                return self.saw(request);
            }
            if let Err(why) = read_body(&mut stream, &mut request) {
                return self.fault(format!("{} {}: {why}", request.method, request.path));
            }
            for fault in holds_to_http(&request) {
                self.fault(format!("{} {}: {fault}", request.method, request.path));
            }
            for check in exchange.iter().flat_map(|exchange| &exchange.checks) {
                if let Err(why) = catch_unwind(AssertUnwindSafe(|| check(&request))) {
                    self.fault(format!("{} {}: {}", request.method, request.path, panic_text(&*why)));
                }
            }
            let Some(answer) = answer else {
                self.fault(format!("nobody scripted {}", summaries(std::slice::from_ref(&request))[0]));
                self.saw(request);
                // Ends a program that would otherwise try again and again.
                let _ = send(&mut stream, &Reply::text(403, "not scripted"));
                return;
            };
            let reply = catch_unwind(AssertUnwindSafe(|| answer(&request)));
            self.saw(request);
            let reply = match reply {
                Ok(reply) => reply,
                Err(why) => return self.fault(format!("the answer could not be made: {}", panic_text(&*why))),
            };
            if reply.gate.as_ref().is_some_and(|gate| !gate.wait()) {
                return self.fault("nobody opened the gate".to_owned());
            }
            // A client that gave up earlier does not read it.
            if send(&mut stream, &reply).is_err() || reply.harm != Harm::None {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }

    /// The exchange that a request is for, or the standing answer.
    fn next(&self, request: &Request) -> (Option<Exchange>, Option<Answer>) {
        let mut inner = self.lock();
        if inner.script.front().is_some_and(|next| next.is_asked_by(request)) {
            return (inner.script.pop_front(), None);
        }
        let standing =
            inner.standing.iter().find(|(method, path, _)| *method == request.method && fits(path, &request.path));
        (None, standing.map(|(_, _, answer)| Arc::clone(answer)).or_else(|| usual(request)))
    }

    fn saw(&self, request: Request) {
        self.lock().seen.push(request);
        self.changed.notify_all();
    }
}

/// What a server answers to a client that prepares itself.
fn usual(request: &Request) -> Option<Answer> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/") => Some(Arc::new(|_| {
            Reply::file(200, "elasticsearch/root-es8.json").header("X-elastic-product", "Elasticsearch")
        })),
        ("GET", "/_db/shop/_api/version") => Some(Arc::new(|_| {
            Reply::json(200, json!({"server": "arango", "license": "community", "version": "3.12.4"}))
        })),
        ("GET", path) if fits("/_db/shop/_api/collection/*/properties", path) => Some(Arc::new(|_| {
            let keys = json!({"allowUserKeys": true, "type": "traditional", "lastValue": 0});
            Reply::json(200, json!({"error": false, "code": 200, "type": 2, "status": 3, "keyOptions": keys}))
        })),
        ("GET", "/_db/shop/_api/index") => Some(Arc::new(|_| {
            let primary =
                json!({"fields": ["_key"], "id": "c/0", "name": "primary", "type": "primary", "unique": true});
            Reply::json(200, json!({"error": false, "code": 200, "indexes": [primary]}))
        })),
        ("HEAD", path) if fits("/*", path) => Some(Arc::new(|_| Reply::new(200))),
        // Only what is no default is shown.
        ("GET", path) if fits("/*/_settings", path) => Some(Arc::new(|_| Reply::json(200, json!({})))),
        // An index with its defaults.
        ("GET", path) if fits("/*", path) && !path.starts_with("/_") => Some(Arc::new(|request: &Request| {
            let name = unescaped(request.path.trim_start_matches('/'));
            let settings = json!({"index": {"number_of_shards": "1", "number_of_replicas": "1", "provided_name": name, "uuid": "aAbBcCdDeEfFgGhHiIjJkK"}});
            Reply::json(200, json!({name: {"aliases": {}, "mappings": {}, "settings": settings}}))
        })),
        ("GET", path) if path == "/_tasks" || path.starts_with("/_tasks/") => Some(Arc::new(|request: &Request| {
            let flat = request.query.iter().any(|(name, value)| name == "group_by" && value == "none");
            Reply::json(200, if flat { json!({"tasks": []}) } else { json!({"nodes": {}}) })
        })),
        _ => kuzzle::usual(request).map(|reply| -> Answer { Arc::new(move |_| reply.clone()) }),
    }
}

pub fn panic_text(why: &(dyn std::any::Any + Send)) -> String {
    why.downcast_ref::<String>()
        .cloned()
        .or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

/// HOST:PORT where nobody listens.
pub fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").to_string()
}

/// The command line that imports file `in` into collection `c` of a server, on one connection and with results.
pub fn words<'w>(to: &'w str, arguments: &[&'w str]) -> Vec<&'w str> {
    let format = if arguments.contains(&"-t") { &[][..] } else { &["-t", "jsonl"] };
    [&["--to", to, "-c", "c", "-j", "1", "--results", "results"], format, arguments, &["in"]].concat()
}

/// Imports this text so.
pub fn import(place: &Place, wire: &Wire, text: &str, arguments: &[&str]) -> Ran {
    place.file("in", text);
    place.run(&words(&wire.to(), arguments))
}

/// So many documents, with keys from 1 on.
pub fn documents(many: usize) -> String {
    (1..=many).map(|key| format!("{{\"_key\":\"{key}\",\"n\":{key}}}\n")).collect()
}
