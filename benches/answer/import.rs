//! As much of ArangoDB as a benchmark of clients needs: bodies of the import API are counted, and what a client asks first
//! is answered.

use memchr::{memchr, memmem};

/// A request to the import API while its body arrives.
#[derive(Default)]
pub struct Import {
    /// Whether the body is one array, which some clients send, and not a document a line.
    array: bool,
    /// The beginning of a line, or the array so far.
    cut: Vec<u8>,
    pub documents: u64,
    /// A sum over the last eight bytes of each key.
    pub ids: u64,
}

impl Import {
    /// The request with this path and query, if it is one.
    pub fn of(method: &str, path: &str, query: &str) -> Option<Import> {
        let path = in_database(path);
        let is_import = method == "POST" && path == "/_api/import";
        is_import.then(|| Import { array: !query.contains("type=documents"), ..Import::default() })
    }

    /// Takes bytes of the body.
    pub fn take(&mut self, mut bytes: &[u8]) {
        if self.array {
            return self.cut.extend_from_slice(bytes);
        }
        while let Some(length) = memchr(b'\n', bytes) {
            if self.cut.is_empty() {
                self.document(&bytes[..length]);
            } else {
                let mut line = std::mem::take(&mut self.cut);
                line.extend_from_slice(&bytes[..length]);
                self.document(&line);
                line.clear();
                self.cut = line;
            }
            bytes = &bytes[length + 1..];
        }
        self.cut.extend_from_slice(bytes);
    }

    /// The answer, when all of the body has arrived.
    pub fn answer(&mut self) -> String {
        let rest = std::mem::take(&mut self.cut);
        if self.array {
            for at in memmem::find_iter(&rest, b"\"_key\"") {
                self.document(&rest[at..]);
            }
        } else if !rest.is_empty() {
            self.document(&rest);
        }
        let created = self.documents;
        format!(r#"{{"error":false,"created":{created},"errors":0,"empty":0,"updated":0,"ignored":0,"details":[]}}"#)
    }

    /// Counts a document that begins with its key.
    fn document(&mut self, line: &[u8]) {
        self.documents += 1;
        let Some(at) = memmem::find(&line[..line.len().min(16)], b"\"_key\"") else { return };
        let value = &line[at + 6..];
        let Some(start) = memchr(b'"', value) else { return };
        let Some(length) = memchr(b'"', &value[start + 1..]) else { return };
        if let Some(last) = value[start + 1..start + 1 + length].last_chunk() {
            self.ids = self.ids.wrapping_add(u64::from_le_bytes(*last));
        }
    }
}

/// The path without the database before it.
fn in_database(path: &str) -> &str {
    let Some(rest) = path.strip_prefix("/_db/") else { return path };
    rest.find('/').map_or("/", |at| &rest[at..])
}

/// What is said of the server, its collections and their indexes; `None` for other paths.
pub fn about(path: &str) -> Option<&'static str> {
    let path = in_database(path);
    Some(match path {
        "/_api/version" => r#"{"server":"arango","license":"community","version":"3.12.4"}"#,
        "/_api/index" => {
            r#"{"error":false,"code":200,"indexes":[{"fields":["_key"],"id":"big/0","name":"primary","type":"primary","unique":true}]}"#
        }
        _ if path.starts_with("/_api/collection/") => {
            r#"{"error":false,"code":200,"id":"1","name":"big","type":2,"status":3,"keyOptions":{"allowUserKeys":true,"type":"traditional","lastValue":0}}"#
        }
        _ => return None,
    })
}
