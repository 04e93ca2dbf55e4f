//! A server that answers bulk requests, of ArangoDB's import API too, at once and stores nothing, so that a benchmark measures the client. It speaks as
//! much HTTP/1.1 and as much of the bulk API as the compared programs need, and counts what arrived.
//!
//! `answer [--port N] [--like opensearch|elasticsearch]` prints its URL and serves until it is stopped.
//! `GET /_answer/stats` says what it counted, `POST /_answer/reset` begins anew. It shares the machine with the client it
//! serves, so it computes nothing that an answer does not show: it does not look into documents at all.

#[path = "answer/import.rs"]
mod import;

use import::Import;
use memchr::{memchr, memmem};
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What one read asks for at most: documents are looked at while they are in the cache.
const WINDOW: usize = 256 * 1024;
/// Room before an answer's body for its head, so that both go out in one write.
const HEAD_ROOM: usize = 256;
const LONGEST_HEAD: usize = 64 * 1024;
/// Sequence numbers a connection takes at a time, so that two of them seldom touch the same counter.
const SEQ_NOS: u64 = 1000;

static COUNTS: Counts = Counts {
    connections: AtomicU64::new(0),
    requests: AtomicU64::new(0),
    documents: AtomicU64::new(0),
    bytes: AtomicU64::new(0),
    answered: AtomicU64::new(0),
    ids: AtomicU64::new(0),
    seq_no: AtomicU64::new(0),
};

/// What arrived since the last reset.
struct Counts {
    connections: AtomicU64,
    /// Bulk requests.
    requests: AtomicU64,
    /// Actions in them.
    documents: AtomicU64,
    /// Bytes of their bodies.
    bytes: AtomicU64,
    /// Bytes of the answers to them.
    answered: AtomicU64,
    /// A sum over the ids that were sent: whoever knows which ids should come knows what it must be.
    ids: AtomicU64,
    seq_no: AtomicU64,
}

impl Counts {
    fn reset(&self) {
        for count in
            [&self.connections, &self.requests, &self.documents, &self.bytes, &self.answered, &self.ids, &self.seq_no]
        {
            count.store(0, Relaxed);
        }
    }

    fn json(&self) -> String {
        format!(
            r#"{{"connections":{},"requests":{},"documents":{},"bytes":{},"answered":{},"ids":"{:016x}"}}"#,
            self.connections.load(Relaxed),
            self.requests.load(Relaxed),
            self.documents.load(Relaxed),
            self.bytes.load(Relaxed),
            self.answered.load(Relaxed),
            self.ids.load(Relaxed),
        )
    }
}

/// Which product it passes for: their own clients refuse the other's server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Like {
    OpenSearch,
    Elasticsearch,
}

impl Like {
    fn root(self) -> &'static str {
        match self {
            Like::OpenSearch => {
                r#"{"name":"answer","cluster_name":"answer","cluster_uuid":"answeranswer","version":{"distribution":"opensearch","number":"2.19.1","build_type":"tar","build_snapshot":false,"lucene_version":"9.12.1","minimum_wire_compatibility_version":"7.10.0","minimum_index_compatibility_version":"7.0.0"},"tagline":"The OpenSearch Project: https://opensearch.org/"}"#
            }
            Like::Elasticsearch => {
                r#"{"name":"answer","cluster_name":"answer","cluster_uuid":"answeranswer","version":{"number":"8.7.1","build_flavor":"default","build_type":"zip","build_snapshot":false,"lucene_version":"9.5.0","minimum_wire_compatibility_version":"7.17.0","minimum_index_compatibility_version":"7.0.0"},"tagline":"You Know, for Search"}"#
            }
        }
    }

    fn header(self) -> &'static str {
        match self {
            Like::OpenSearch => "",
            Like::Elasticsearch => "X-Elastic-Product: Elasticsearch\r\n",
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let (mut port, mut like, mut good) = (0, Like::OpenSearch, words.len().is_multiple_of(2));
    for pair in words.chunks_exact(2) {
        match (pair[0].as_str(), pair[1].as_str(), pair[1].parse()) {
            ("--port", _, Ok(number)) => port = number,
            ("--like", "opensearch", _) => like = Like::OpenSearch,
            ("--like", "elasticsearch", _) => like = Like::Elasticsearch,
            _ => good = false,
        }
    }
    if !good {
        let _ = writeln!(io::stderr(), "usage: answer [--port N] [--like opensearch|elasticsearch]");
        return ExitCode::from(2);
    }
    match serve(port, like) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "answer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(port: u16, like: Like) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    writeln!(io::stdout(), "http://{}", listener.local_addr()?)?;
    io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept()?;
        std::thread::spawn(move || {
            COUNTS.connections.fetch_add(1, Relaxed);
            if let Err(error) = Connection::new(stream, like).and_then(Connection::run)
                && !hung_up(error.as_ref())
            {
                let _ = writeln!(io::stderr(), "answer: {error}");
            }
        });
    }
}

/// Whether the client simply went away, as clients do.
fn hung_up(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    error.downcast_ref::<io::Error>().is_some_and(|e| matches!(e.kind(), BrokenPipe | ConnectionReset | UnexpectedEof))
}

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How many bytes of a body are still in the socket or the window.
enum Left {
    Bytes(u64),
    /// Until the chunk of length 0.
    Chunks,
}

/// What the head of a request says.
struct Head {
    method: String,
    path: String,
    query: String,
    left: Left,
    expects: bool,
    encoded: bool,
    keep: bool,
}

impl Head {
    fn parse(head: &[u8]) -> Outcome<Head> {
        let text = std::str::from_utf8(head)?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Err("not a request".into());
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut head = Head {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            left: Left::Bytes(0),
            expects: false,
            encoded: false,
            keep: version == "HTTP/1.1",
        };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.left = Left::Bytes(value.parse()?),
                "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => head.left = Left::Chunks,
                "content-encoding" => head.encoded = !value.eq_ignore_ascii_case("identity"),
                "expect" => head.expects = value.eq_ignore_ascii_case("100-continue"),
                "connection" => head.keep = !value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        Ok(head)
    }
}

/// One client's connection; its buffers live as long as it does.
struct Connection {
    stream: TcpStream,
    like: Like,
    /// `buffer[start..end]` has arrived and was not used yet.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The answer, behind `HEAD_ROOM` bytes.
    answer: Vec<u8>,
    bulk: Bulk,
    /// The request, where it is one to the import API.
    import: Option<Import>,
}

impl Connection {
    fn new(stream: TcpStream, like: Like) -> Outcome<Connection> {
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            like,
            buffer: vec![0; WINDOW],
            start: 0,
            end: 0,
            answer: vec![0; HEAD_ROOM],
            bulk: Bulk::default(),
            import: None,
        })
    }

    fn run(mut self) -> Outcome<()> {
        while let Some(head) = self.head()? {
            let keep = head.keep;
            self.request(head)?;
            if !keep {
                break;
            }
        }
        Ok(())
    }

    /// Reads at most `most` bytes behind those at hand, which move to the front when there is no room.
    fn more(&mut self, most: u64) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.end == self.buffer.len() {
                self.buffer.resize(self.end * 2, 0);
            }
        }
        let room = usize::try_from(most).unwrap_or(usize::MAX).min(self.buffer.len() - self.end);
        let count = self.stream.read(&mut self.buffer[self.end..self.end + room])?;
        self.end += count;
        Ok(count)
    }

    /// The next request's head; `None` when the client is done.
    fn head(&mut self) -> Outcome<Option<Head>> {
        loop {
            if let Some(length) = memmem::find(&self.buffer[self.start..self.end], b"\r\n\r\n") {
                let head = Head::parse(&self.buffer[self.start..self.start + length])?;
                self.start += length + 4;
                return Ok(Some(head));
            }
            if self.end - self.start > LONGEST_HEAD {
                return Err("the head of a request is too long".into());
            }
            if self.more(u64::MAX)? == 0 {
                return if self.start == self.end { Ok(None) } else { Err("a request was cut off".into()) };
            }
        }
    }

    fn request(&mut self, head: Head) -> Outcome<()> {
        if head.expects {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        self.answer.truncate(HEAD_ROOM);
        self.import = Import::of(&head.method, &head.path, &head.query).filter(|_| !head.encoded);
        if self.import.is_some() {
            return self.imported(head.left);
        }
        let index = match head.path.strip_suffix("/_bulk") {
            Some(index) if !head.encoded && matches!(head.method.as_str(), "POST" | "PUT") => {
                index.trim_start_matches('/')
            }
            _ => {
                self.bulk.begin("", "");
                self.body(head.left)?;
                let (status, text) = if head.encoded {
                    ("415 Unsupported Media Type", error(415, "compressed bodies are not read here"))
                } else {
                    self.other(&head.method, &head.path)
                };
                self.answer.extend_from_slice(text.as_bytes());
                return self.send(status, head.method == "HEAD");
            }
        };
        self.bulk.begin(index, &head.query);
        self.bulk.open(&mut self.answer);
        let bytes = self.body(head.left)?;
        let bad = self.bulk.close(&mut self.answer);
        if let Some(bad) = bad {
            self.answer.truncate(HEAD_ROOM);
            self.answer.extend_from_slice(error(400, bad).as_bytes());
            return self.send("400 Bad Request", false);
        }
        // Counted before the answer is sent: who has the answer may ask for the counts.
        COUNTS.requests.fetch_add(1, Relaxed);
        COUNTS.documents.fetch_add(self.bulk.documents, Relaxed);
        COUNTS.ids.fetch_add(self.bulk.ids, Relaxed);
        COUNTS.bytes.fetch_add(bytes, Relaxed);
        COUNTS.answered.fetch_add((self.answer.len() - HEAD_ROOM) as u64, Relaxed);
        self.send("200 OK", false)
    }

    /// Answers a request to the import API.
    fn imported(&mut self, left: Left) -> Outcome<()> {
        let bytes = self.body(left)?;
        let mut import = self.import.take().unwrap_or_default();
        self.answer.extend_from_slice(import.answer().as_bytes());
        COUNTS.requests.fetch_add(1, Relaxed);
        COUNTS.documents.fetch_add(import.documents, Relaxed);
        COUNTS.ids.fetch_add(import.ids, Relaxed);
        COUNTS.bytes.fetch_add(bytes, Relaxed);
        COUNTS.answered.fetch_add((self.answer.len() - HEAD_ROOM) as u64, Relaxed);
        self.send("201 Created", false)
    }

    /// Hands a body to the bulk reader piece by piece, and says how long it was.
    fn body(&mut self, left: Left) -> Outcome<u64> {
        match left {
            Left::Bytes(length) => self.piece(length),
            Left::Chunks => {
                let mut length = 0;
                loop {
                    let line = self.line()?;
                    let size = u64::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)?;
                    if size == 0 {
                        while !self.line()?.is_empty() {}
                        return Ok(length);
                    }
                    length += self.piece(size)?;
                    if !self.line()?.is_empty() {
                        return Err("a chunk does not end where it should".into());
                    }
                }
            }
        }
    }

    /// Hands over `length` bytes. What the bulk reader leaves is the beginning of a line, which it keeps for itself.
    fn piece(&mut self, length: u64) -> Outcome<u64> {
        let mut left = length;
        while left > 0 {
            if self.start == self.end && self.more(left)? == 0 {
                return Err("a body was cut off".into());
            }
            let count = (self.end - self.start).min(usize::try_from(left).unwrap_or(usize::MAX));
            let bytes = &self.buffer[self.start..self.start + count];
            match &mut self.import {
                Some(import) => import.take(bytes),
                None => self.bulk.take(bytes, &mut self.answer),
            }
            self.start += count;
            left -= count as u64;
        }
        Ok(length)
    }

    /// A line of the chunked framing.
    fn line(&mut self) -> Outcome<String> {
        loop {
            if let Some(length) = memmem::find(&self.buffer[self.start..self.end], b"\r\n") {
                let line = String::from_utf8(self.buffer[self.start..self.start + length].to_vec())?;
                self.start += length + 2;
                return Ok(line);
            }
            if self.end - self.start > LONGEST_HEAD || self.more(u64::MAX)? == 0 {
                return Err("a chunk was cut off".into());
            }
        }
    }

    /// Sends the answer whose body is behind the room for its head.
    fn send(&mut self, status: &str, bodiless: bool) -> Outcome<()> {
        let product = self.like.header();
        let length = self.answer.len() - HEAD_ROOM;
        let head = format!(
            "HTTP/1.1 {status}\r\n{product}content-type: application/json; charset=UTF-8\r\ncontent-length: {length}\r\n\r\n"
        );
        let start = HEAD_ROOM - head.len();
        self.answer[start..HEAD_ROOM].copy_from_slice(head.as_bytes());
        let end = if bodiless { HEAD_ROOM } else { self.answer.len() };
        Ok(self.stream.write_all(&self.answer[start..end])?)
    }

    /// What is not a bulk request, answered so that no client minds.
    fn other(&self, method: &str, path: &str) -> (&'static str, String) {
        if let Some(about) = import::about(path) {
            return ("200 OK", about.to_owned());
        }
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (index, api) = match parts.as_slice() {
            [] => return ("200 OK", self.like.root().to_owned()),
            [first, ..] if first.starts_with('_') => ("", *first),
            [index] => (*index, ""),
            [index, api, ..] => (*index, *api),
        };
        let reads = matches!(method, "GET" | "HEAD");
        let text = match api {
            "_answer" if parts == ["_answer", "reset"] && !reads => {
                COUNTS.reset();
                COUNTS.json()
            }
            "_answer" if parts == ["_answer", "stats"] => COUNTS.json(),
            "" | "_settings" | "_mapping" | "_mappings" | "_alias" | "_aliases" if reads => format!(
                r#"{{"{index}":{{"aliases":{{}},"mappings":{{}},"settings":{{"index":{{"number_of_shards":"1","number_of_replicas":"1","provided_name":"{index}","uuid":"answer","version":{{"created":"136408127"}}}}}}}}}}"#
            ),
            "" if method == "PUT" => format!(r#"{{"acknowledged":true,"shards_acknowledged":true,"index":"{index}"}}"#),
            "_count" => {
                let count = COUNTS.documents.load(Relaxed);
                format!(r#"{{"count":{count},"_shards":{{"total":1,"successful":1,"skipped":0,"failed":0}}}}"#)
            }
            "_refresh" | "_flush" | "_forcemerge" => r#"{"_shards":{"total":2,"successful":1,"failed":0}}"#.to_owned(),
            "_tasks" => r#"{"nodes":{}}"#.to_owned(),
            "_nodes" => {
                let address = self.stream.local_addr().map(|address| address.to_string()).unwrap_or_default();
                format!(
                    r#"{{"_nodes":{{"total":1,"successful":1,"failed":0}},"cluster_name":"answer","nodes":{{"answer":{{"name":"answer","version":"2.19.1","roles":["data","ingest"],"http":{{"publish_address":"{address}","max_content_length_in_bytes":104857600}}}}}}}}"#
                )
            }
            "_cluster" if parts.get(1) == Some(&"health") => {
                r#"{"cluster_name":"answer","status":"green","timed_out":false,"number_of_nodes":1}"#.to_owned()
            }
            "_cluster" => r#"{"persistent":{},"transient":{},"defaults":{}}"#.to_owned(),
            _ if reads => return ("404 Not Found", error(404, "not served here")),
            _ => r#"{"acknowledged":true}"#.to_owned(),
        };
        ("200 OK", text)
    }
}

fn error(status: u16, reason: &str) -> String {
    let cause = format!(r#""type":"illegal_argument_exception","reason":"{reason}""#);
    format!(r#"{{"error":{{"root_cause":[{{{cause}}}],{cause}}},"status":{status}}}"#)
}

/// Reads a bulk body as it arrives and writes an item for each action.
#[derive(Default)]
struct Bulk {
    /// The index that the path names.
    index: String,
    shape: Shape,
    next: Next,
    /// The beginning of an action line whose end has not arrived.
    cut: Vec<u8>,
    last: Last,
    documents: u64,
    ids: u64,
    seq_nos: std::ops::Range<u64>,
    bad: Option<&'static str>,
}

/// What the next line of a body is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Next {
    /// Bodies of requests that are not bulk are passed over.
    #[default]
    Nothing,
    Action,
    Document,
}

/// The action line before: clients write them all alike, so the next one is mostly found by comparing.
#[derive(Default)]
struct Last {
    /// Of the line, up to the id and from the quote behind it.
    before: Vec<u8>,
    after: Vec<u8>,
    /// The whole line, if it had no id.
    keyless: Vec<u8>,
    verb: Verb,
    /// Of the item, between what differs from item to item.
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Verb {
    #[default]
    Create,
    Index,
    Update,
    Delete,
}

impl Verb {
    fn of(line: &[u8]) -> Option<Verb> {
        let open = memchr(b'"', line)? + 1;
        let name = &line[open..open + memchr(b'"', &line[open..])?];
        Some(match name {
            b"create" => Verb::Create,
            b"index" => Verb::Index,
            b"update" => Verb::Update,
            b"delete" => Verb::Delete,
            _ => return None,
        })
    }

    /// Its name, what it says it did, and its status.
    fn words(self) -> [&'static str; 3] {
        match self {
            Verb::Create => ["create", "created", "201"],
            Verb::Index => ["index", "created", "201"],
            Verb::Update => ["update", "updated", "200"],
            Verb::Delete => ["delete", "deleted", "200"],
        }
    }
}

enum Piece {
    Text(Vec<u8>),
    Id,
    SeqNo,
}

/// What `filter_path` asks for.
#[derive(Clone, Default)]
struct Shape {
    /// Empty: everything.
    paths: Vec<String>,
}

impl Shape {
    fn of(query: &str) -> Shape {
        let filter = query.split('&').find_map(|pair| pair.strip_prefix("filter_path=")).unwrap_or_default();
        let filter = filter.replace("%2C", ",").replace("%2c", ",").replace("%2A", "*").replace("%2a", "*");
        Shape { paths: filter.split(',').filter(|path| !path.is_empty()).map(str::to_owned).collect() }
    }

    /// Whether a field at this place is wanted: a path names it, or something that holds it.
    fn wants(&self, place: &[&str]) -> bool {
        let mut included = self.paths.iter().all(|path| path.starts_with('-'));
        for path in &self.paths {
            let (name, out) = path.strip_prefix('-').map_or((path.as_str(), false), |name| (name, true));
            let mut names = name.split('.');
            let matches =
                place.iter().all(|part| names.next().is_none_or(|name| name == "*" || name == "**" || name == *part));
            if matches && names.next().is_none() {
                if out {
                    return false;
                }
                included = true;
            }
        }
        included
    }
}

impl Bulk {
    /// Begins a request; an empty index and query mean one that is not bulk.
    fn begin(&mut self, index: &str, query: &str) {
        let shape = Shape::of(query);
        if shape.paths != self.shape.paths || index != self.index {
            self.last = Last::default();
            self.index = index.to_owned();
        }
        self.shape = shape;
        self.next = Next::Nothing;
        self.cut.clear();
        (self.documents, self.ids, self.bad) = (0, 0, None);
    }

    fn open(&mut self, answer: &mut Vec<u8>) {
        self.next = Next::Action;
        answer.push(b'{');
        for (name, value) in [("took", "1"), ("errors", "false")] {
            if self.shape.wants(&[name]) {
                answer.extend_from_slice(format!("\"{name}\":{value},").as_bytes());
            }
        }
        answer.extend_from_slice(b"\"items\":[");
    }

    /// Ends the answer; says what was wrong with the request, if anything was.
    fn close(&mut self, answer: &mut Vec<u8>) -> Option<&'static str> {
        if self.bad.is_some() {
            return self.bad;
        }
        if self.next == Next::Document {
            self.bad = Some("the last document is missing or does not end with a line feed");
        } else if !self.cut.is_empty() {
            self.bad = Some("the bulk request must be terminated by a newline");
        } else if self.documents == 0 {
            self.bad = Some("request body is required");
        }
        let comma = answer.last() == Some(&b',');
        if comma {
            answer.pop();
            answer.extend_from_slice(b"]}");
        } else {
            // No field of an item was asked for; then there are no items at all.
            answer.truncate(answer.len() - "\"items\":[".len());
            if answer.last() == Some(&b',') {
                answer.pop();
            }
            answer.push(b'}');
        }
        self.bad
    }

    /// Takes bytes of the body.
    fn take(&mut self, mut bytes: &[u8], answer: &mut Vec<u8>) {
        while !bytes.is_empty() && self.next != Next::Nothing {
            let Some(length) = memchr(b'\n', bytes) else {
                if self.next == Next::Action {
                    self.cut.extend_from_slice(bytes);
                }
                return;
            };
            if self.next == Next::Document {
                self.next = Next::Action;
            } else if self.cut.is_empty() {
                self.action(&bytes[..length], answer);
            } else {
                let mut line = std::mem::take(&mut self.cut);
                line.extend_from_slice(&bytes[..length]);
                self.action(&line, answer);
                line.clear();
                self.cut = line;
            }
            bytes = &bytes[length + 1..];
        }
    }

    fn action(&mut self, line: &[u8], answer: &mut Vec<u8>) {
        if !line.is_empty() && self.last.keyless == line {
            self.item(None, answer);
            return;
        }
        let before = self.last.before.len();
        if before > 0 && line.len() > before && line.starts_with(&self.last.before) {
            let rest = &line[before..];
            // A quote that belongs to the id is followed by more than what followed the last id.
            if let Some(length) = memchr(b'"', rest)
                && rest[length..] == self.last.after
            {
                self.item(Some(&rest[..length]), answer);
                return;
            }
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let Some(verb) = Verb::of(line) else {
            self.bad = Some("malformed action/metadata line");
            self.next = Next::Nothing;
            return;
        };
        let id = value_of(line, b"\"_id\"");
        let index = value_of(line, b"\"_index\"").map_or(self.index.as_bytes(), |range| &line[range]);
        self.last.pieces = pieces(&self.shape, verb, index);
        self.last.verb = verb;
        self.last.before.clear();
        self.last.after.clear();
        self.last.keyless.clear();
        match id.clone() {
            Some(range) if line[range.start - 1] == b'"' => {
                self.last.before.extend_from_slice(&line[..range.start]);
                self.last.after.extend_from_slice(&line[range.end..]);
            }
            Some(_) => {}
            None => self.last.keyless.extend_from_slice(line),
        }
        self.item(id.map(|range| &line[range]), answer);
    }

    fn item(&mut self, id: Option<&[u8]>, answer: &mut Vec<u8>) {
        self.next = if self.last.verb == Verb::Delete { Next::Action } else { Next::Document };
        self.documents += 1;
        if self.seq_nos.is_empty() {
            let first = COUNTS.seq_no.fetch_add(SEQ_NOS, Relaxed);
            self.seq_nos = first..first + SEQ_NOS;
        }
        let seq_no = self.seq_nos.next().unwrap_or_default();
        if let Some(id) = id {
            let end = id.last_chunk::<8>().map_or(0, |end| u64::from_le_bytes(*end));
            self.ids = self.ids.wrapping_add(end);
        }
        for piece in &self.last.pieces {
            match (piece, id) {
                (Piece::Text(text), _) => answer.extend_from_slice(text),
                (Piece::Id, Some(id)) => answer.extend_from_slice(id),
                (Piece::Id, None) => made_up(seq_no, answer),
                (Piece::SeqNo, _) => decimal(seq_no, answer),
            }
        }
    }
}

/// Where the value of a field of an action line lies: a string's content, or a number's digits.
fn value_of(line: &[u8], name: &[u8]) -> Option<std::ops::Range<usize>> {
    let skip = |at: usize| line[at..].iter().position(|byte| !byte.is_ascii_whitespace()).map(|blanks| at + blanks);
    // In valid JSON these bytes are a whole string, and one before a colon is a name.
    let mut from = 0;
    let colon = loop {
        let at = from + memmem::find(&line[from..], name)?;
        from = at + name.len();
        let colon = skip(from)?;
        if line[colon] == b':' {
            break colon;
        }
    };
    let start = skip(colon + 1)?;
    if line[start] != b'"' {
        let length = line[start..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        return (length > 0).then_some(start..start + length);
    }
    let mut end = start + 1;
    loop {
        match line.get(end)? {
            b'"' => return Some(start + 1..end),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}

/// The parts of an item, with what is the same in all of them joined.
fn pieces(shape: &Shape, verb: Verb, index: &[u8]) -> Vec<Piece> {
    let [name, result, status] = verb.words();
    let index = String::from_utf8_lossy(index);
    let fields = [
        ("_index", format!(r#""{index}""#)),
        ("_id", "\"@\"".to_owned()),
        ("_version", "1".to_owned()),
        ("result", format!(r#""{result}""#)),
        ("_shards", r#"{"total":2,"successful":1,"failed":0}"#.to_owned()),
        ("_seq_no", "@".to_owned()),
        ("_primary_term", "1".to_owned()),
        ("status", status.to_owned()),
    ];
    let mut pieces = Vec::new();
    let mut text = format!(r#"{{"{name}":{{"#);
    let mut any = false;
    for (field, value) in fields {
        if !shape.wants(&["items", name, field]) {
            continue;
        }
        if std::mem::replace(&mut any, true) {
            text.push(',');
        }
        text.push_str(&format!(r#""{field}":"#));
        if !matches!(field, "_id" | "_seq_no") {
            text.push_str(&value);
            continue;
        }
        // The sign marks what differs from item to item.
        let (before, after) = value.split_once('@').unwrap_or_default();
        text.push_str(before);
        pieces.push(Piece::Text(std::mem::take(&mut text).into_bytes()));
        pieces.push(if field == "_id" { Piece::Id } else { Piece::SeqNo });
        text.push_str(after);
    }
    if !any {
        return Vec::new();
    }
    text.push_str("}},");
    pieces.push(Piece::Text(text.into_bytes()));
    pieces
}

/// Writes an id as long as those that servers make.
fn made_up(number: u64, answer: &mut Vec<u8>) {
    let mut id = *b"answered000000000000";
    let mut left = number;
    for digit in id.iter_mut().rev() {
        if left == 0 {
            break;
        }
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
    }
    answer.extend_from_slice(&id);
}

fn decimal(number: u64, answer: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    answer.extend_from_slice(&digits[at..]);
}
