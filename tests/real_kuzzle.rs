//! Small end-to-end facts on a real Kuzzle, whose URL is in `BULKIMPORT_TEST_KUZZLE`, with an administrator named by
//! `BULKIMPORT_TEST_KUZZLE_USER` and `BULKIMPORT_TEST_KUZZLE_PASSWORD`. A missing one is a failure. What Kuzzle holds is asked
//! with a client of the tests' own.

#[allow(dead_code, reason = "the other test binaries use all of it")]
mod http;
#[allow(dead_code, reason = "the other test binaries use all of it")]
mod live;
#[allow(dead_code, reason = "the other test binaries use all of it")]
mod support;
#[allow(dead_code, unused_imports, reason = "the other test binaries use all of it")]
mod wire;

#[path = "kuzzle/collection.rs"]
mod collection;
#[path = "kuzzle/hostile.rs"]
mod hostile;
#[path = "kuzzle/logins.rs"]
mod logins;

use collection::{Collection, INDEX, films};
use serde_json::json;
use support::{Place, testdata};

#[test]
fn films_arrive_from_every_format() {
    for name in [
        "films.jsonl",
        "films.json",
        "films-pretty.json",
        "films.csv",
        "films.tsv",
        "films.jsonl.zst",
        "films.arrays",
        "films.bulk",
    ] {
        let collection = Collection::made();
        let path = testdata(name).display().to_string();
        let format = name.strip_prefix("films.").filter(|ending| ["arrays", "bulk"].contains(ending)).unwrap_or("auto");
        let ran = collection.import(&["-t", format, &path]);
        if name == "films.bulk" {
            ran.expect(0, [13, 0, 3, 1]);
            assert_eq!(ran.count("deleted"), 1);
        } else {
            ran.expect(0, [12, 0, 0, 0]);
        }
        assert_eq!(collection.documents(), films(), "{name}");
    }
}

#[test]
fn what_happens_when_the_key_exists() {
    let old = "{\"_key\":\"a\",\"n\":1,\"in\":{\"x\":1}}\n{\"_key\":\"b\",\"n\":1}\n";
    let new = "{\"_key\":\"a\",\"in\":{\"y\":null},\"m\":2}\n{\"_key\":\"c\",\"n\":3}\n";
    let (a, c) = (json!({"n": 1, "in": {"x": 1}}), json!({"n": 3}));
    for (mode, code, counts, expected) in [
        ("error", 1, [1, 1, 0, 0], a.clone()),
        ("ignore", 0, [1, 0, 0, 1], a.clone()),
        ("replace", 0, [1, 0, 1, 0], json!({"in": {"y": null}, "m": 2})),
        ("update", 0, [1, 0, 1, 0], json!({"n": 1, "in": {"x": 1, "y": null}, "m": 2})),
    ] {
        let collection = Collection::made();
        collection.import_text("old.jsonl", old, &[]).expect(0, [2, 0, 0, 0]);
        let ran = collection.import_text("new.jsonl", new, &["--on-duplicate", mode]);
        ran.expect(code, counts);
        if mode == "error" {
            ran.prints("new.jsonl:1: duplicate key \"a\"");
        }
        let expected = [("a", expected), ("b", json!({"n": 1})), ("c", c.clone())];
        let expected = expected.map(|(key, document)| (key.to_owned(), document)).into();
        assert_eq!(collection.documents(), expected, "{mode}");
    }
}

#[test]
fn keys_are_deleted_and_missing_ones_ignored() {
    let collection = Collection::made();
    let old = "{\"_key\":\"a\"}\n{\"_key\":\"b\"}\n{\"_key\":\"c\"}\n";
    collection.import_text("old.jsonl", old, &[]).expect(0, [3, 0, 0, 0]);
    let ran = collection.import_text("keys.csv", "_key\na\nnone\nc\n", &["--delete-keys"]);
    ran.expect(0, [0, 0, 0, 1]);
    assert_eq!(ran.count("deleted"), 2);
    assert_eq!(collection.documents().into_keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn several_files_fill_several_collections_with_a_login() {
    let (film, edge, gone) = (Collection::made(), Collection::made(), Collection::named(INDEX));
    let place = Place::new();
    let (film_file, edge_file) = (format!("{}.jsonl", film.name), format!("{}.csv", edge.name));
    std::fs::copy(testdata("films.jsonl"), place.path(&film_file)).expect("a copy");
    std::fs::copy(testdata("edges.csv"), place.path(&edge_file)).expect("a copy");
    let user = format!("{}:{}", collection::user(), collection::password());
    let words = ["--to", &film.to(), "-u", &user];
    let run = |files: &[&str]| place.run(&[&words[..], files].concat());
    run(&[&film_file, &edge_file]).expect(0, [21, 0, 0, 0]);
    assert_eq!((film.documents(), edge.documents().len()), (films(), 9));
    run(&["--on-duplicate", "ignore", &film_file, &edge_file]).expect(0, [0, 0, 0, 21]);
    // A second collection that is missing stops the run before the first record.
    let missing = format!("{}.jsonl", gone.name);
    place.file(&missing, "{\"_key\":\"z\"}\n");
    let ran = run(&["--on-duplicate", "replace", &film_file, &missing]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let error = format!("error: collection \"{}\" not found in index", gone.name);
    assert!(ran.stderr.contains(&error), "{}", ran.stderr);
    run(&["--create-collection", &missing]).expect(0, [1, 0, 0, 0]);
    // A second file that breaks off keeps what came before it.
    let broken = place.file("broken.json", "[{\"_key\":\"a\"},{\"n\":");
    let as_edges = format!("{}.json", edge.name);
    std::fs::rename(place.path(broken), place.path(&as_edges)).expect("another name");
    run(&["--on-duplicate", "replace", &film_file, &as_edges, &missing]).expect(5, [1, 0, 12, 0]);
    assert_eq!((edge.documents().len(), gone.documents().len()), (10, 1));
}

#[test]
fn many_documents_arrive_over_several_connections_and_once() {
    let collection = Collection::made();
    let document = |n: u32| json!({"n": n, "text": "ščř ".repeat(n as usize % 40)});
    let line = |n: u32| {
        let mut document = document(n);
        document["_key"] = json!(format!("k{n}"));
        document.to_string() + "\n"
    };
    let text: String = (0..9000).map(line).collect();
    collection.import_text("in.jsonl", &text, &["-j", "4"]).expect(0, [9000, 0, 0, 0]);
    let expected = (0..9000).map(|n| (format!("k{n}"), document(n))).collect();
    assert!(collection.documents() == expected);
    collection.import_text("in.jsonl", &text, &["-j", "3"]).expect(1, [0, 9000, 0, 0]);
    collection.import_text("in.jsonl", &text, &["--on-duplicate", "replace"]).expect(0, [0, 0, 9000, 0]);
    assert!(collection.documents() == expected);
}

#[test]
fn rows_of_mixed_types_all_arrive_in_a_new_collection() {
    for arguments in
        [&[][..], &["-j", "4", "--batch-size", "1"], &["-j", "4", "--batch-size", "3"]].into_iter().cycle().take(9)
    {
        let collection = Collection::named(INDEX);
        collection.make(&json!({"mappings": {"dynamic": "true"}}));
        let prices = ["100.5", "50", "200.75", "7"].repeat(4);
        let text = format!("name,price\n{}", prices.iter().map(|price| format!("x,{price}\n")).collect::<String>());
        collection.import_text("in.csv", &text, arguments).expect(0, [16, 0, 0, 0]);
        assert_eq!(collection.documents().len(), 16);
    }
}

#[test]
fn the_last_record_of_a_key_wins() {
    let collection = Collection::made();
    let text: String = (0..500).map(|n| format!("{{\"_key\":\"k{}\",\"n\":{n}}}\n", n % 7)).collect();
    let ran = collection.import_text("in.jsonl", &text, &["--on-duplicate", "replace", "-j", "4"]);
    ran.expect(0, [7, 0, 493, 0]);
    let expected = (493..500).map(|n| (format!("k{}", n % 7), json!({"n": n}))).collect();
    assert_eq!(collection.documents(), expected);
}

#[test]
fn a_document_that_is_too_large_is_an_error_and_the_others_arrive() {
    let collection = Collection::made();
    let large = format!("{{\"_key\":\"b\",\"text\":\"{}\"}}\n", "x".repeat(3 << 20));
    let text = format!("{{\"_key\":\"a\"}}\n{large}{{\"_key\":\"c\"}}\n");
    let ran = collection.import_text("in.jsonl", &text, &["-j", "1", "--compress-transfer", "none"]);
    ran.expect(1, [2, 1, 0, 0])
        .prints("in.jsonl:2: too large for Kuzzle (server.maxRequestSize, 1 MB if it is not set): 3.1 MB");
    assert_eq!(collection.documents().into_keys().collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn batches_that_are_too_large_are_made_smaller() {
    let collection = Collection::made();
    let text: String = (0..60).map(|n| format!("{{\"_key\":\"{n}\",\"text\":\"{}\"}}\n", "x".repeat(50_000))).collect();
    let arguments = ["-j", "1", "--batch-bytes", "20MiB", "--compress-transfer", "none"];
    collection.import_text("in.jsonl", &text, &arguments).expect(0, [60, 0, 0, 0]);
    assert_eq!(collection.documents().len(), 60);
}

#[test]
fn what_kuzzle_limits_is_the_wire() {
    let collection = Collection::made();
    let text = format!("{{\"_key\":\"a\",\"text\":\"{}\"}}\n", "x".repeat(3 << 20));
    collection.import_text("in.jsonl", &text, &["--compress-transfer", "gzip"]).expect(0, [1, 0, 0, 0]);
}

#[test]
fn a_missing_collection_is_a_mistake_unless_it_is_to_be_made() {
    for index in [INDEX.to_owned(), format!("{INDEX}-none-{}", std::process::id())] {
        let collection = Collection::named(&index);
        let ran = collection.import_text("in.jsonl", "{}\n", &[]);
        assert_eq!((ran.code, ran.stdout.contains("created\":")), (2, false), "{}", ran.stderr);
        ran.prints(&format!("collection \"{}\" not found in index \"{index}\"", collection.name));
        ran.prints("hint: `--create-collection` creates both if they are missing");
        collection.import_text("in.jsonl", "{}\n", &["--create-collection", "-n"]).expect(0, [0, 0, 0, 0]);
        assert_eq!(collection.import_text("in.jsonl", "{}\n", &[]).code, 2, "a dry run makes nothing");
        collection.import_text("in.jsonl", "{}\n", &["--create-collection"]).expect(0, [1, 0, 0, 0]);
        collection.import_text("in.jsonl", "{}\n", &["--create-collection"]).expect(0, [1, 0, 0, 0]);
        assert_eq!(collection.documents().len(), 2);
        if index != INDEX {
            collection.server.delete(&format!("/{index}"));
        }
    }
}

#[test]
fn a_mapping_makes_the_collection_and_is_kept_when_it_is_emptied() {
    let collection = Collection::named(INDEX);
    let place = Place::new();
    place.file("mapping.json", r#"{"dynamic":"strict","properties":{"n":{"type":"integer"}}}"#);
    place.file("in.jsonl", "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\",\"n\":\"x\"}\n{\"_key\":\"c\",\"m\":1}\n");
    let ran = collection.import_in(&place, &["--mapping", "mapping.json", "in.jsonl"]);
    ran.expect(1, [1, 2, 0, 0])
        .prints("in.jsonl:2: mapper_parsing_exception")
        .prints("in.jsonl:3: strict_dynamic_mapping_exception");
    place.file("new.jsonl", "{\"_key\":\"b\",\"n\":2}\n{\"_key\":\"a\",\"n\":\"x\"}\n");
    let ran = collection.import_in(&place, &["--overwrite", "-j", "4", "--batch-size", "1", "new.jsonl"]);
    ran.expect(1, [1, 1, 0, 0]).prints(&format!("--overwrite: emptied {INDEX}/{}", collection.name));
    assert_eq!(collection.documents(), [("b".to_owned(), json!({"n": 2}))].into());
}

#[test]
fn overwrite_without_a_good_record_empties_nothing() {
    let collection = Collection::made();
    collection.import_text("old.jsonl", "{\"_key\":\"a\"}\n", &[]).expect(0, [1, 0, 0, 0]);
    collection.import_text("new.jsonl", "not JSON\n", &["--overwrite"]).expect(1, [0, 1, 0, 0]);
    assert_eq!(collection.documents().len(), 1);
}

#[test]
fn searches_see_what_is_waited_for() {
    let collection = Collection::made();
    let ran = collection.import_text("in.jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"b\"}\n", &["--refresh", "wait_for"]);
    ran.expect(0, [2, 0, 0, 0]);
    assert_eq!(collection.hits().len(), 2);
}

#[test]
fn a_storage_that_does_not_sync_is_refused_when_syncs_are_asked_for() {
    let (synced, lazy) = (Collection::made(), Collection::named(INDEX));
    lazy.make(&json!({"settings": {"translog": {"durability": "async"}}}));
    synced.import_text("in.jsonl", "{}\n", &["--wait-for-sync"]).expect(0, [1, 0, 0, 0]);
    let ran = lazy.import_text("in.jsonl", "{}\n", &["--wait-for-sync"]);
    assert_eq!(ran.code, 4);
    ran.prints("answers before it writes to the disk");
    assert_eq!(lazy.documents().len(), 0);
}

#[test]
fn bulk_lines_do_what_they_ask_for_or_are_errors_of_their_own() {
    let collection = Collection::made();
    let name = &collection.name;
    let lines = [
        (r#"{"index":{"_id":"a","_index":"NAME"}}"#, r#"{"n":1}"#, ""),
        (r#"{"create":{"_id":"a"}}"#, r#"{"n":2}"#, "duplicate key"),
        (r#"{"index":{"_id":"v","version":5,"version_type":"external"}}"#, r#"{"n":1}"#, ""),
        (
            r#"{"index":{"_id":"v","version":4,"version_type":"external"}}"#,
            r#"{"n":2}"#,
            "version_conflict_engine_exception",
        ),
        (
            r#"{"index":{"_id":"a","if_seq_no":9999,"if_primary_term":1}}"#,
            r#"{"n":3}"#,
            "version_conflict_engine_exception",
        ),
        (r#"{"index":{"_id":"o","bogus":1}}"#, r#"{"n":1}"#, "\"bogus\" in an action line is not supported"),
        (r#"{"index":{"_id":"o","_index":"other"}}"#, r#"{"n":1}"#, "\"_index\" and --collection differ"),
        (r#"{"update":{"_id":"o"}}"#, r#"{"detect_noop":true}"#, "missing field \"doc\" in an update"),
        (r#"{"update":{"_id":"none"}}"#, r#"{"doc":{"n":1}}"#, "document_missing_exception"),
        (r#"{"update":{"_id":"a"}}"#, r#"{"script":{"source":"ctx._source.n=5"}}"#, "a field \"script\""),
        (r#"{"update":{"_id":"u"}}"#, r#"{"doc":{"n":1},"upsert":{"n":7}}"#, ""),
        (r#"{"update":{"_id":"a","retry_on_conflict":3}}"#, r#"{"doc":{"m":1}}"#, ""),
        (r#"{"index":{"_id":7}}"#, r#"{"n":7}"#, ""),
        (r#"{"index":{"_id":12345678901234567890}}"#, r#"{"n":8}"#, ""),
        (r#"{"create":{}}"#, r#"{"index":1,"v":1}"#, ""),
        (r#"{"index":{"_id":"w","op_type":"create"}}"#, r#"{"n":1}"#, ""),
    ];
    let text: String =
        lines.iter().map(|(line, source, _)| format!("{}\n{source}\n", line.replace("NAME", name))).collect();
    let ran =
        collection.import_text("in.bulk", &(text + "{\"delete\":{\"_id\":\"w\"}}\n"), &["-t", "bulk", "--details"]);
    for (number, (_, _, error)) in lines.iter().enumerate().filter(|(_, (_, _, error))| !error.is_empty()) {
        // An action of two lines is known by the first of them.
        let line = ran.stderr.lines().find(|line| line.contains(&format!("in.bulk:{}: ", 2 * number + 1)));
        assert!(line.is_some_and(|line| line.contains(error)), "{error}: {}", ran.stderr);
    }
    ran.expect(1, [7, 8, 1, 0]);
    assert_eq!(ran.count("deleted"), 1);
    let mut documents = collection.documents();
    documents.retain(|key, _| key.len() < 24);
    let expected = [
        ("12345678901234567890", json!({"n": 8})),
        ("7", json!({"n": 7})),
        ("a", json!({"n": 1, "m": 1})),
        ("u", json!({"n": 7})),
        ("v", json!({"n": 1})),
    ];
    let expected = expected.map(|(key, document)| (key.to_owned(), document));
    documents.retain(|key, _| expected.iter().any(|(one, _)| one == key));
    assert_eq!(documents, expected.into());
    assert_eq!(collection.documents().len(), 6);
}

#[test]
fn what_kuzzle_adds_is_its_own() {
    let collection = Collection::made();
    let text =
        "{\"_key\":\"a\",\"_kuzzle_info\":{\"author\":\"somebody\"}}\n{\"_key\":\"b\",\"in\":{\"_kuzzle_info\":1}}\n";
    collection
        .import_text("in.jsonl", text, &[])
        .expect(1, [1, 1, 0, 0])
        .prints("in.jsonl:1: Kuzzle would replace the field \"_kuzzle_info\"");
    collection.import_text("in.jsonl", text, &["--on-duplicate", "ignore", "--lossy"]).expect(0, [1, 0, 0, 1]);
    let hits = collection.hits_after_refresh();
    for hit in &hits {
        assert_eq!(hit["_source"]["_kuzzle_info"]["author"], collection::user(), "{hit}");
    }
    assert_eq!(hits.len(), 2);
}

#[test]
fn a_document_with_which_kuzzle_cannot_cope_costs_one_record() {
    let collection = Collection::made();
    let deep = format!("{{\"_key\":\"deep\",\"a\":{}{}}}\n", "[".repeat(5000), "]".repeat(5000));
    let text = format!(
        "{{\"_key\":\"a\"}}\n{deep}{{\"_key\":\"b\"}}\n{{\"_key\":\"0\",\"9\":1,\"3\":2}}\n{{\"_key\":\"a/b ü%2e\\u0000\"}}\n"
    );
    let ran = collection.import_text("in.jsonl", &text, &["-j", "1"]);
    ran.expect(1, [4, 1, 0, 0]);
    // Where Kuzzle's own stack overflows, and so the error's id, differs from run to run.
    let reported = ran.stderr.lines().find(|line| line.starts_with("in.jsonl:2: "));
    assert!(reported.is_some_and(|line| line.contains("Maximum call stack size exceeded")), "{}", ran.stderr);
    assert_eq!(collection.documents().into_keys().collect::<Vec<_>>(), ["0", "a", "a/b ü%2e\0", "b"]);
}

#[test]
fn actions_and_documents_in_kuzzles_own_form_arrive() {
    let collection = Collection::made();
    let text = "{\"bulkData\":[\n{\"index\":{\"_id\":\"b1\",\"_type\":\"old\"}},{\"name\":\"x\"},\n{\"create\":{\"_index\":\"other\",\"_id\":\"b2\"}},{\"name\":\"y\"}\n]}";
    let ran = collection.import_text("in.json", text, &["-t", "bulk"]);
    ran.expect(1, [1, 1, 0, 0]).prints("hint: `--retarget` sends all lines to --collection");
    collection.import_text("in.json", text, &["-t", "bulk", "--retarget"]).expect(0, [1, 0, 1, 0]);
    let expected = [("b1", json!({"name": "x"})), ("b2", json!({"name": "y"}))];
    assert_eq!(collection.documents(), expected.map(|(key, document)| (key.to_owned(), document)).into());
}
