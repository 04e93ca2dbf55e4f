//! Runs the built program as a user would, in a directory of its own, and holds every run to the identity of its counts.

pub mod scan;

use rusqlite::Connection;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A directory with a store in it.
pub struct Place {
    directory: TempDir,
}

/// What a run left behind.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The JSON summary; null for a run that did not begin.
    pub summary: Value,
}

/// One document as the store has it.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Row {
    pub key: String,
    pub version: i64,
    pub doc: String,
}

impl Place {
    pub fn new() -> Place {
        Place { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn store(&self) -> PathBuf {
        self.path("bulkimport.db")
    }

    /// Writes a file and returns its name, relative to the directory in which the program runs.
    pub fn file<'n>(&self, name: &'n str, bytes: impl AsRef<[u8]>) -> &'n str {
        std::fs::write(self.path(name), bytes).expect("a file in the temporary directory");
        name
    }

    /// The program, in this directory, with no variable of its own set.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulkimport"));
        for (name, _) in std::env::vars() {
            if name.starts_with("BULKIMPORT_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(self.directory.path());
        command
    }

    /// Runs it with nothing on stdin.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.pipe(arguments, b"")
    }

    /// Runs it with these bytes on stdin. The summary is asked for as JSON unless the arguments ask for another.
    pub fn pipe(&self, arguments: &[&str], stdin: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        if !arguments.contains(&"--summary") {
            command.args(["--summary", "json"]);
        }
        ran(start(&mut command), stdin)
    }

    /// Imports into collection `c` and returns the run.
    pub fn import(&self, arguments: &[&str]) -> Ran {
        self.run(&[&["-c", "c"], arguments].concat())
    }

    /// Imports these bytes from a file of that name into collection `c`.
    pub fn import_text(&self, name: &str, text: impl AsRef<[u8]>, arguments: &[&str]) -> Ran {
        self.file(name, text);
        self.import(&[arguments, &[name]].concat())
    }

    /// The documents of a collection in the order in which they were stored.
    pub fn rows(&self, collection: &str) -> Vec<Row> {
        let store = self.open();
        let mut select = store
            .prepare(&format!("SELECT _key, _version, doc FROM \"{collection}\" ORDER BY rowid"))
            .expect("the collection is there");
        let rows = select.query_map([], |row| Ok(Row { key: row.get(0)?, version: row.get(1)?, doc: row.get(2)? }));
        rows.expect("rows").map(|row| row.expect("a row")).collect()
    }

    /// The documents of collection `c`.
    pub fn docs(&self) -> Vec<String> {
        self.rows("c").into_iter().map(|row| row.doc).collect()
    }

    /// The documents of collection `c`, none if there is no such collection.
    pub fn docs_if_any(&self) -> Vec<String> {
        let table = "SELECT count(*) FROM sqlite_schema WHERE name = 'c'";
        let there: i64 = self.open().query_row(table, [], |row| row.get(0)).expect("a number");
        if there == 0 { Vec::new() } else { self.docs() }
    }

    /// How many documents of collection `c` another program sees now; 0 if it is not there or the store is locked.
    pub fn visible(&self) -> i64 {
        let count =
            || Connection::open(self.store())?.query_row("SELECT count(*) FROM c", [], |row| row.get::<_, i64>(0));
        if self.store().exists() { count().unwrap_or(0) } else { 0 }
    }

    /// The store through SQLite itself, after its own check.
    pub fn open(&self) -> Connection {
        let store = Connection::open(self.store()).expect("the store opens");
        let verdict: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
        assert_eq!(verdict, "ok");
        store
    }

    /// Whether nothing at all was written.
    pub fn is_untouched(&self) -> bool {
        !self.store().exists() && !self.path("bulkimport.db-lock").exists()
    }
}

pub fn start(command: &mut Command) -> Child {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("bulkimport starts");
    scan::watch(child.id(), command);
    child
}

/// Feeds a started program and takes what it says.
pub fn ran(mut child: Child, stdin: &[u8]) -> Ran {
    let mut pipe = child.stdin.take().expect("stdin is piped");
    let stdin = stdin.to_vec();
    // A program that ends early does not read its input, so the pipe may break.
    let feeder = std::thread::spawn(move || {
        let _ = pipe.write_all(&stdin);
    });
    let pid = child.id();
    let output = child.wait_with_output().expect("bulkimport ends");
    feeder.join().expect("the feeder ends");
    scan::search(pid, &output.stdout, &output.stderr);
    Ran::of(output.status.code(), &output.stdout, &output.stderr)
}

impl Ran {
    /// What a program that has ended left behind; its code is -1 if a signal killed it.
    pub fn of(code: Option<i32>, stdout: &[u8], stderr: &[u8]) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
        let ran = Ran {
            code: code.unwrap_or(-1),
            summary: serde_json::from_slice(stdout).unwrap_or(Value::Null),
            stderr: text(stderr),
            stdout: text(stdout),
        };
        ran.check();
        ran
    }

    /// Every record read is in exactly one bucket, the summary names the exit code, and nothing panicked.
    fn check(&self) {
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        if let Some(read) = self.summary["read"].as_u64() {
            let buckets = ["created", "updated", "ignored", "deleted", "errors", "unknown", "unsent"];
            let total: u64 = buckets.iter().map(|name| self.count(name)).sum();
            assert_eq!(read, total, "{}", self.summary);
            // A signal may come when the summary has been printed.
            if self.code >= 0 {
                assert_eq!(self.summary["exit_code"], self.code, "{}", self.summary);
            }
        }
    }

    pub fn count(&self, name: &str) -> u64 {
        self.summary[name].as_u64().unwrap_or_else(|| panic!("no {name} in {} / {}", self.stdout, self.stderr))
    }

    /// created, errors, updated, ignored.
    pub fn counts(&self) -> [u64; 4] {
        ["created", "errors", "updated", "ignored"].map(|name| self.count(name))
    }

    /// Asserts the exit code and created, errors, updated, ignored.
    #[track_caller]
    pub fn expect(&self, code: i32, counts: [u64; 4]) -> &Ran {
        assert_eq!((self.code, self.counts()), (code, counts), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stderr has these words.
    #[track_caller]
    pub fn prints(&self, words: &str) -> &Ran {
        assert!(self.stderr.contains(words), "{words:?} is not in:\n{}", self.stderr);
        self
    }
}

/// A file of the repository's testdata.
pub fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}
