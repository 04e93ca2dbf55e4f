//! Scripts of bulk updates on the store, as people write them. `agrees_with_opensearch` runs the same on a real server.

#[path = "agrees/written.rs"]
mod written;

use crate::live::{Live, until};
use crate::outcome::{self, on_the_store};
use crate::support::Place;
use rusqlite::Connection;
use serde_json::json;

#[test]
fn scripts_as_people_write_them_do_what_a_server_did() {
    let all = written::all();
    assert!(all.len() >= 50, "only {} scripts", all.len());
    let mut wrong = String::new();
    for script in &all {
        if let Err(why) = script.check(&on_the_store(&script.list, "", "c")) {
            wrong += &format!("{}: {why}\n", script.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_the_page_calls_unsupported_is_an_error_that_names_it() {
    let all = written::unsupported();
    assert!(all.len() >= 40, "only {} scripts", all.len());
    let place = Place::new();
    let ran = place.import_text("a.bulk", outcome::text(&all.concat()), &["-t", "bulk", "--details"]);
    let many = all.len() as u64;
    ran.expect(1, [1, many, many - 1, 0]);
    assert_eq!(ran.stderr.matches(" is not supported in scripts here").count(), all.len(), "{}", ran.stderr);
}

/// Sources that never end, go too deep, or take more and more memory.
const BOMBS: &[&str] = &[
    "while (true) { }",
    "for (;;) { ctx._source.n++ }",
    "do { ctx._source.n = 1 } while (true)",
    // Deep recursion: values in each other, and a source of very many levels.
    "def l = []; for (int i = 0; i < 100000; i++) { def k = []; k.add(l); l = k } ctx._source.x = l",
    "def l = []; for (int i = 0; i < 100000; i++) { def k = []; k.add(l); l = k } ctx._source.x = l.toString()",
    "def m = [:]; m.m = m; ctx._source.x = m.hashCode()",
    "ctx._source.x = ctx._source",
    // Memory: a few steps double it.
    "def l = [1]; while (true) { l.addAll(l) }",
    "def l = []; for (int i = 0; i < 60; i++) { l = [l, l] } ctx._source.x = l",
    "def s = 'x'; for (int i = 0; i < 16; i++) { s += s } for (int i = 0; i < 9999; i++) { ctx._source['k' + i] = s + i }",
    // Huge strings.
    "String s = 'x'; while (true) { s += s }",
    "def s = 'x'; while (true) { s = s.replace('x', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') }",
    "def s = 'a,'; for (int i = 0; i < 20; i++) { s += s } while (true) { s.splitOnToken(',') }",
];

#[test]
fn a_script_that_takes_too_much_costs_its_item_alone() {
    let update = |source: &str| format!("{{\"update\":{{\"_id\":\"a\"}}}}\n{}\n", json!({ "script": source }));
    let deep = format!("ctx._source.n = {}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let mut text = "{\"index\":{\"_id\":\"a\"}}\n{\"n\":1}\n".to_owned();
    let bombs: Vec<&str> = BOMBS.iter().copied().chain([&*deep]).collect();
    bombs.iter().for_each(|source| text += &(update(source) + &update("ctx._source.n++")));
    let place = Place::new();
    let mut import = Live::start(&place, &["-c", "c", "-t", "bulk", "--results", "results", "-"]);
    import.feed(&text);
    let bad = bombs.len() as u64;
    let last = format!("{{\"n\":{}}}", bad + 1);
    // While the import writes, the store is locked.
    let document =
        || Connection::open(place.store())?.query_row("SELECT doc FROM c", [], |row| row.get::<_, String>(0));
    until("the last document", || place.store().exists() && document().is_ok_and(|document| document == last));
    let peak = import.peak_memory();
    import.end().expect(1, [1, bad, bad, 0]);
    let results = std::fs::read_to_string(place.path("results")).expect("results");
    for (source, line) in bombs.iter().zip(results.lines().skip(1).step_by(2)) {
        assert!(line.contains("\"error\":{"), "{source}: {line}");
    }
    assert!(peak < 256 << 20, "{} MiB", peak >> 20);
}
