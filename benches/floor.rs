//! The floor that the benchmarks measure us against: the least a program must do to get lines of JSON into a table with a
//! unique key. One thread; `memchr` finds the lines, `serde_json` checks each and lends its key, one prepared insert, the
//! unique index built last. It is not a program to use: nothing is counted, a duplicate ends it, and a kill ruins the store.
//!
//! `floor INPUT STORE [PAGE_SIZE]` prints the pragmas it ran with. It uses nothing of ours, so that we cannot slow it down.

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use serde::Deserialize;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

const PRAGMAS: &str = "pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive;";
const SHOWN: [&str; 6] = ["journal_mode", "synchronous", "locking_mode", "page_size", "cache_size", "temp_store"];
const WINDOW: usize = 1 << 20;

/// A document, of which only the key is kept; the rest is parsed and dropped.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(rename = "_key")]
    key: &'a str,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let page_size = words.get(2).map_or(Ok(4096), |size| size.parse::<u32>());
    let ([input, store] | [input, store, _], Ok(page_size)) = (words.as_slice(), page_size) else {
        let _ = writeln!(io::stderr(), "usage: floor INPUT STORE [PAGE_SIZE]; benches/run calls it");
        return ExitCode::from(2);
    };
    match load(input, store, page_size) {
        Ok(said) => {
            let _ = io::stdout().write_all(said.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn load(input: &str, store: &str, page_size: u32) -> Result<String, Box<dyn Error>> {
    let mut file = File::open(input)?;
    let db = Connection::open(store)?;
    db.execute_batch(&format!("pragma page_size = {page_size}; {PRAGMAS}"))?;
    db.execute_batch("create table big (_key text not null, _version integer, _seq_no integer, doc text); begin")?;
    let mut insert = db.prepare("insert into big values (?1, 1, ?2, ?3)")?;
    let mut rows = 0_i64;
    each_line(&mut file, |line| {
        let text = std::str::from_utf8(line)?;
        let key = serde_json::from_str::<Document>(text)?.key;
        insert.execute(params![key, rows, text])?;
        rows += 1;
        Ok(())
    })?;
    drop(insert);
    db.execute_batch("create unique index big_key on big (_key); commit")?;
    let mut said = format!("rows: {rows}\nsqlite: {}\n", rusqlite::version());
    for name in SHOWN {
        let value = db.query_row(&format!("pragma {name}"), [], |row| row.get(0))?;
        said.push_str(&match value {
            Value::Text(text) => format!("{name}: {text}\n"),
            Value::Integer(number) => format!("{name}: {number}\n"),
            other => format!("{name}: {other:?}\n"),
        });
    }
    Ok(said)
}

/// Calls `take` for each line that is not empty, in a window that is moved, not grown, unless a line is longer.
fn each_line(file: &mut File, mut take: impl FnMut(&[u8]) -> Result<(), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let mut window = vec![0; WINDOW];
    let mut filled = 0;
    loop {
        let read = file.read(&mut window[filled..])?;
        let end = filled + read;
        let mut start = 0;
        for newline in memchr::memchr_iter(b'\n', &window[..end]) {
            if newline > start {
                take(&window[start..newline])?;
            }
            start = newline + 1;
        }
        if read == 0 {
            return if start < end { take(&window[start..end]) } else { Ok(()) };
        }
        window.copy_within(start..end, 0);
        filled = end - start;
        if filled == window.len() {
            window.resize(filled * 2, 0);
        }
    }
}
