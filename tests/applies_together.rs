//! Actions on a collection that exists are collected and applied in the order of the store. With `--results` each batch is
//! applied on its own, one action after the other. Random inputs must leave the same both ways: counts, messages, documents,
//! versions, sequence numbers, deleted keys.

use crate::loads_and_applies::random::{self, Random};
use crate::outcome::{Act, filled, text};
use crate::support::{Place, Ran};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// What a run leaves.
#[derive(Debug, PartialEq)]
struct Left {
    code: i32,
    counts: Vec<u64>,
    messages: Vec<String>,
    /// Version, sequence number and document of each key.
    rows: BTreeMap<String, (i64, i64, String)>,
    deleted: BTreeMap<String, i64>,
    next_seq: i64,
}

fn left(place: &Place, ran: &Ran) -> Left {
    let store = place.open();
    // Bad lines are reported before what is collected.
    let mut messages: Vec<String> =
        ran.stderr.lines().filter(|line| line.starts_with("in.")).map(str::to_owned).collect();
    messages.sort_unstable();
    let counts = ["created", "updated", "deleted", "ignored", "errors", "unsent"].map(|name| ran.count(name)).to_vec();
    Left {
        code: ran.code,
        counts,
        messages,
        rows: pairs(&store, "SELECT _key, _version, _seq_no, doc FROM c", |row| {
            (row.get_unwrap(1), row.get_unwrap(2), row.get_unwrap(3))
        }),
        deleted: pairs(&store, "SELECT _key, _version FROM bulkimport_tombstones", |row| row.get_unwrap(1)),
        next_seq: store
            .query_row("SELECT next_seq FROM bulkimport_collections WHERE name = 'c'", [], |row| row.get(0))
            .expect("the collection"),
    }
}

fn pairs<T>(store: &Connection, sql: &str, read: fn(&rusqlite::Row<'_>) -> T) -> BTreeMap<String, T> {
    let mut select = store.prepare(sql).expect("the table is there");
    let rows = select.query_map([], |row| Ok((row.get(0)?, read(row)))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// A store whose collection is so large beside the input that this is not loaded.
fn existing(documents: &str, more: &[&str]) -> Place {
    let place = Place::new();
    let large =
        format!("{{\"_key\":\"large\",\"_from\":\"a/1\",\"_to\":\"a/2\",\"pad\":\"{}\"}}\n", "x".repeat(100_000));
    let words = [&["-t", "jsonl", "--on-duplicate", "replace"], more].concat();
    assert_eq!(place.import_text("old.jsonl", large + documents, &words).code, 0);
    place
}

/// Imports an input both ways, in small batches, and compares.
#[track_caller]
fn check(seed: u64, documents: &str, (name, input): (&str, &str), words: &[&str], piped: bool) {
    let random = &mut Random::new(seed);
    let size = random.pick(&["1", "2", "5", "17"]);
    let more: &[&str] = if words.contains(&"--edge") { &["--edge"] } else { &[] };
    let [together, one_by_one] = [&[][..], &["--results", "results"]].map(|results| {
        let place = existing(documents, more);
        place.file(name, input);
        let words = [&["-c", "c", "--batch-size", size, "--details"], words, results].concat();
        let ran = match piped {
            true => place.pipe(&[&words[..], &["-"]].concat(), input.as_bytes()),
            false => place.run(&[&words[..], &[name]].concat()),
        };
        left(&place, &ran)
    });
    assert_eq!(together, one_by_one, "seed {seed}, batches of {size}, {words:?}:\n{input}");
}

/// Old documents of some of the keys k0 to k19.
fn some(random: &mut Random) -> String {
    let keys = (0..20).filter(|_| random.percent(40)).collect::<Vec<_>>();
    keys.iter()
        .map(|key| format!("{{\"_key\":\"k{key}\",\"_from\":\"a/1\",\"_to\":\"a/2\",\"n\":{}}}\n", key % 3))
        .collect()
}

#[test]
fn documents_in_every_mode() {
    for seed in 1..=60 {
        let random = &mut Random::new(seed);
        let mode = random.pick(&["error", "ignore", "replace", "update"]);
        let document = |_| match random.below(20) {
            0 => "oops\n".to_owned(),
            _ => {
                let (key, field, value) = (random.below(20), random.pick(&["n", "m"]), random.below(3));
                format!("{{\"_key\":\"k{key}\",\"_from\":\"a/1\",\"_to\":\"a/2\",\"{field}\":{value}}}\n")
            }
        };
        let input: String = (0..60).map(document).collect();
        let more: &[&str] = random.pick(&[&[][..], &["--edge"], &["--unique", "u"], &["--delete-keys"]]);
        let mut words = vec!["-t", "jsonl"];
        words.extend(more);
        if !more.contains(&"--delete-keys") {
            words.extend(["--on-duplicate", mode]);
        }
        check(seed, &some(random), ("in.jsonl", &input), &words, random.percent(30));
    }
}

/// A bulk line; most are plain ones, which can be applied together.
fn line(random: &mut Random) -> Act {
    let key = random.below(20);
    let meta = match random.below(40) {
        0 => format!(",\"version\":{},\"version_type\":\"external\"", random.below(6)),
        1 => format!(",\"if_seq_no\":{},\"if_primary_term\":1", random.below(40)),
        2 => ",\"routing\":\"r\"".to_owned(),
        _ => String::new(),
    };
    let doc = format!("{{\"{}\":{}}}", random.pick(&["n", "m"]), random.below(3));
    let (op, source) = match random.below(10) {
        0..3 => ("index", Some(doc)),
        3..5 => ("create", Some(doc)),
        5..7 => ("delete", None),
        7 => ("update", Some(format!("{{\"doc\":{doc}}}"))),
        8 => ("update", Some(format!("{{\"doc\":{doc},\"upsert\":{{\"u\":1}}}}"))),
        _ => ("update", Some(format!("{{\"doc\":{doc},\"doc_as_upsert\":true,\"detect_noop\":false}}"))),
    };
    Act { line: format!("{{\"{op}\":{{\"_id\":\"§k{key}\"{meta}}}}}"), source }
}

#[test]
fn bulk_lines_with_deletes_versions_and_conditions() {
    for seed in 1..=60 {
        let random = &mut Random::new(seed);
        let mut list: Vec<Act> = (0..50).map(|_| line(random)).collect();
        if random.percent(30) {
            list.extend(random::list(random));
        }
        let input = filled(&text(&list), "", 0);
        check(seed, &some(random), ("in.bulk", &input), &["-t", "bulk"], random.percent(30));
    }
}

#[test]
fn a_file_that_repeats_its_keys_is_applied_and_not_kept_as_a_whole() {
    for (mode, keys) in
        [("error", 1), ("ignore", 1), ("replace", 1), ("update", 1), ("update", 9_000), ("error", 9_000)]
    {
        let random = &mut Random::new(keys);
        let document = |_| format!("{{\"_key\":\"k{}\",\"n\":{}}}\n", random.below(keys), random.below(2));
        let input: String = (0..40_000).map(document).collect();
        let [loaded, one_by_one] = [&[][..], &["--results", "results"]].map(|results| {
            let place = Place::new();
            let words = [&["--on-duplicate", mode, "--batch-size", "1000"], results].concat();
            let ran = place.import_text("in.jsonl", &input, &words);
            let size = std::fs::metadata(place.store()).expect("the store").len();
            assert!(keys > 1 || !results.is_empty() || size < 1_200_000, "{size} bytes");
            left(&place, &ran)
        });
        // Duplicates that a load finds are reported when it ends, which is not among the others.
        let ([loaded, one_by_one], sorted) = ([loaded, one_by_one], |mut left: Left| {
            left.messages.sort_unstable();
            left
        });
        assert_eq!(sorted(loaded), sorted(one_by_one), "{mode}, {keys} keys");
    }
}

#[test]
fn an_error_in_the_midst_rolls_everything_back_with_complete() {
    let place = existing("{\"_key\":\"a\",\"n\":1}\n", &[]);
    let before = left(&place, &place.import_text("none.jsonl", "", &["-t", "jsonl"]));
    let text: String =
        (0..50).map(|n| format!("{{\"_key\":\"{}\"}}\n", if n == 30 { "a".into() } else { n.to_string() })).collect();
    let ran = place.import_text("in.jsonl", &text, &["--complete", "--batch-size", "4"]);
    ran.prints("in.jsonl:31: duplicate key \"a\"");
    assert_eq!((ran.code, ran.count("errors"), ran.count("unsent")), (6, 1, 49));
    assert_eq!(left(&place, &ran).rows, before.rows);
    let ran = place.import_text("in.jsonl", &text, &["--complete", "--batch-size", "4", "--on-duplicate", "update"]);
    assert_eq!((ran.code, ran.counts()), (0, [49, 0, 1, 0]));
}

#[test]
fn collections_take_turns() {
    let place = Place::new();
    let documents = |value: u64| (0..40).map(|n| format!("{{\"_key\":\"{n}\",\"n\":{value}}}\n")).collect::<String>();
    for name in ["a.jsonl", "b.jsonl"] {
        place.file(name, documents(1) + &format!("{{\"_key\":\"large\",\"pad\":\"{}\"}}\n", "x".repeat(100_000)));
    }
    place.run(&["a.jsonl", "b.jsonl"]).expect(0, [82, 0, 0, 0]);
    place.file("a.jsonl", documents(2) + "{\"_key\":\"new\"}\n");
    place.file("b.jsonl", documents(1));
    let ran = place.run(&["--on-duplicate", "update", "--batch-size", "7", "a.jsonl", "b.jsonl"]);
    ran.expect(0, [1, 0, 80, 0]);
    for (created, name) in [(1, "a"), (0, "b")] {
        let rest = "\"unknown\":0,\"unsent\":0,\"updated\":40}";
        let counts =
            format!("{{\"created\":{created},\"deleted\":0,\"errors\":0,\"ignored\":0,\"name\":\"{name}\",{rest}");
        assert!(ran.stdout.contains(&counts), "{}", ran.stdout);
    }
    assert!(place.rows("a").iter().filter(|row| row.version == 2).count() == 40);
    assert!(place.rows("b").iter().all(|row| row.version == 1));
}
