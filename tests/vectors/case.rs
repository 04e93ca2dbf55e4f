//! A vector of arangoimport's: what it expects, and what our words for its command line do to a store or to a database.

use crate::http::Server;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a vector expects, in the words of `Case::run`.
pub fn expected(case: &Value) -> String {
    let expect = &case["expect"];
    let count = |name: &str| expect["summary"][name].as_u64();
    let Some(created) = count("created") else {
        return format!("refused; {}", documents_text(expect["documents"].as_array().map_or(&[][..], Vec::as_slice)));
    };
    let refused = expect["log_contains"].as_array().is_some_and(|lines| {
        lines.iter().any(|line| {
            let line = line.as_str().unwrap_or_default();
            line.contains("unable to access") || line.contains("more than a single line") || line.contains("too big")
        })
    });
    let documents = match (&expect["documents"], expect["count"].as_u64()) {
        (Value::Array(documents), _) => documents_text(documents),
        (_, Some(count)) => format!("{count} documents"),
        _ => "0 documents".to_owned(),
    };
    if refused {
        return format!("refused; {documents}");
    }
    format!(
        "created {created}, errors {}, updated {}, ignored {}; {documents}",
        count("warnings/errors").unwrap_or(0),
        count("updated/replaced").unwrap_or(0),
        count("ignored").unwrap_or(0)
    )
}

/// Documents in an order of their own, without what the store makes.
pub fn documents_text(documents: &[Value]) -> String {
    let mut texts: Vec<String> = documents.iter().map(|document| normal(document).to_string()).collect();
    texts.sort();
    if texts.is_empty() {
        return "0 documents".to_owned();
    }
    format!("[{}]", texts.join(","))
}

/// Numbers compare by value: the store keeps `10e4` as it was written.
fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => Value::from(float as i64),
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), normal(value))).collect(),
        other => other.clone(),
    }
}

/// Where a case runs.
#[allow(dead_code, reason = "each test binary runs cases in one of the places")]
pub enum Place<'c> {
    /// On a store of its own.
    Store,
    /// In a database of this name on a server.
    Database(&'c Server, String),
}

pub struct Case<'c> {
    case: &'c Value,
    directory: tempfile::TempDir,
    place: Place<'c>,
}

impl<'c> Case<'c> {
    pub fn new(case: &'c Value, place: Place<'c>) -> Case<'c> {
        Case { case, directory: tempfile::tempdir().expect("a temporary directory"), place }
    }

    fn to(&self) -> String {
        match &self.place {
            Place::Store => self.store().display().to_string(),
            Place::Database(server, name) => format!("arangodb+{}/_db/{name}", server.url),
        }
    }

    fn store(&self) -> PathBuf {
        self.directory.path().join("vectors.db")
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        let mut bytes = text.as_bytes().to_vec();
        if name.ends_with(".gz") {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(&bytes).expect("gzip to memory");
            bytes = packer.finish().expect("gzip to memory");
        }
        std::fs::write(&path, bytes).expect("a file in the temporary directory");
        path
    }

    fn bulkimport(&self, arguments: &[String], stdin: &str) -> (Option<i32>, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bulkimport"))
            .args(["--to".to_owned(), self.to(), "--summary".to_owned(), "json".to_owned()])
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("bulkimport starts");
        // A run that is refused at once does not read its input.
        let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
        let output = child.wait_with_output().expect("bulkimport ends");
        (output.status.code(), String::from_utf8(output.stdout).expect("the summary is UTF-8"))
    }

    /// Sets up what is there before; the flags that the case needs then.
    fn setup(&self) -> Vec<String> {
        if let Place::Database(server, name) = &self.place {
            server.post("/_api/database", &json!({"name": name}));
            for collection in self.case["setup"]["collections"].as_array().into_iter().flatten() {
                let kind = if collection["type"] == "edge" { 3 } else { 2 };
                server
                    .post(&format!("/_db/{name}/_api/collection"), &json!({"name": collection["name"], "type": kind}));
            }
        }
        let mut flags = Vec::new();
        for collection in self.case["setup"]["collections"].as_array().map_or(&[][..], Vec::as_slice) {
            if collection["type"] == "edge" {
                flags.push("--edge".to_owned());
            }
            for fields in collection["uniqueIndexes"].as_array().map_or(&[][..], Vec::as_slice) {
                flags.extend(["--unique".to_owned(), fields[0].as_str().expect("a field").to_owned()]);
            }
        }
        for doc in self.case["setup"]["docs"].as_array().map_or(&[][..], Vec::as_slice) {
            let collection = doc["collection"].as_str().expect("a collection").to_owned();
            let arguments = ["-c".to_owned(), collection, "-t".to_owned(), "jsonl".to_owned()];
            assert_eq!(self.bulkimport(&arguments, &doc["doc"].to_string()).0, Some(0), "set up");
        }
        flags
    }

    /// Runs the case's command line in our words and reports what came of it.
    pub fn run(&self) -> String {
        let mut arguments = self.setup();
        let input = self.case["input"].as_str().unwrap_or_default();
        let file = match self.case["input_name"].as_str() {
            Some(name) if name != "-" => Some(self.write(name, input)),
            _ => None,
        };
        let mut words = self.case["args"].as_array().expect("a vector has arguments").iter().map(|word| {
            let word = word.as_str().expect("an argument is a string");
            match (word.strip_prefix('{').and_then(|word| word.strip_suffix('}')), &file) {
                (Some("input"), Some(file)) => file.display().to_string(),
                (Some(extra), _) if extra != "input" => {
                    let text = self.case["extra_files"][extra].as_str().expect("an extra file");
                    self.write(extra, text).display().to_string()
                }
                _ => word.to_owned(),
            }
        });
        while let Some(word) = words.next() {
            let mut value = || words.next().expect("a value");
            match word.as_str() {
                "--create-collection"
                | "--overwrite"
                | "--backslash-escape"
                | "--ignore-missing"
                | "--overwrite-collection-prefix" => arguments.push(format!("{word}={}", value())),
                "--create-collection-type" => {
                    if value() == "edge" {
                        arguments.push("--edge".to_owned());
                    }
                }
                "--convert" => {
                    let convert = if value() == "true" { "auto" } else { "none" };
                    arguments.extend([word.clone(), convert.to_owned()]);
                }
                "--batch-size" => arguments.extend(["--batch-bytes".to_owned(), value()]),
                _ => arguments.push(word.clone()),
            }
        }
        let stdin = if self.case["stdin"] == true { input } else { "" };
        let (code, summary) = self.bulkimport(&arguments, stdin);
        self.reported(code, &summary)
    }

    fn reported(&self, code: Option<i32>, summary: &str) -> String {
        let documents = self.documents();
        let summary: Value = serde_json::from_str(summary).unwrap_or(Value::Null);
        let Some(read) = summary["read"].as_u64() else {
            assert!(matches!(code, Some(2 | 4 | 5)), "a run that did not begin ended with {code:?}");
            return format!("refused; {documents}");
        };
        let count = |name: &str| summary[name].as_u64().expect("a count");
        let buckets = ["created", "updated", "ignored", "deleted", "errors", "unknown", "unsent"];
        assert_eq!(read, buckets.map(count).iter().sum::<u64>(), "every record is in one bucket");
        let errors = count("errors");
        let reported = format!(
            "created {}, errors {errors}, updated {}, ignored {}; {documents}",
            count("created"),
            count("updated"),
            count("ignored")
        );
        match code {
            Some(0) if errors == 0 => reported,
            Some(1) if errors > 0 => reported,
            _ => format!("exit {}; {reported}", code.expect("an exit code")),
        }
    }

    /// The documents of collection `c`, without the keys that the store made.
    fn documents(&self) -> String {
        let documents = match &self.place {
            Place::Store => self.stored(),
            Place::Database(server, name) => {
                let dump = server.get(&format!("/_db/{name}/_model/dump/c?bare=1"));
                let text = if dump.status == 200 { dump.text() } else { String::new() };
                text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
            }
        };
        if self.case["expect"]["documents"].is_null() && !documents.is_empty() {
            return format!("{} documents", documents.len());
        }
        // A key that was made here says nothing.
        let made = |key: &Value| key.as_str().is_some_and(|key| key.len() == 27 && key.as_bytes()[16] == b'-');
        let documents: Vec<Value> = documents
            .into_iter()
            .map(|mut document| {
                if made(&document["_key"]) {
                    document.as_object_mut().expect("an object").remove("_key");
                }
                document
            })
            .collect();
        documents_text(&documents)
    }

    fn stored(&self) -> Vec<Value> {
        if !self.store().exists() {
            return Vec::new();
        }
        let store = rusqlite::Connection::open(self.store()).expect("the store opens");
        let Ok(mut select) = store.prepare("SELECT doc FROM c") else { return Vec::new() };
        let documents = select.query_map([], |row| row.get::<_, String>(0)).expect("documents");
        documents.map(|doc| serde_json::from_str(&doc.expect("text")).expect("JSON")).collect()
    }
}
