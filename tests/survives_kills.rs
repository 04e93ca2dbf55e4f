//! `kill -9` at any moment: the store opens, is sound, holds all of the last commit, and the same command ends complete.
//! A bounded version; `tests/long/kill9` kills fifty times in a large import.

use crate::live::{Live, until};
use crate::support::Place;
use rusqlite::Connection;

fn documents(from: u64, to: u64) -> String {
    let pad = "x".repeat(200);
    (from..to).map(|n| format!("{{\"_key\":\"k{n}\",\"n\":{n},\"pad\":\"{pad}\"}}\n")).collect()
}

/// How many documents another program sees; `None` if there is no such collection yet.
fn visible(place: &Place) -> Option<u64> {
    let store = place.store().exists().then(|| Connection::open(place.store()).ok()).flatten()?;
    let count: Option<i64> = store.query_row("SELECT count(*) FROM c", [], |row| row.get(0)).ok();
    count.map(i64::unsigned_abs)
}

fn state(place: &Place) -> String {
    let select = "SELECT state FROM bulkimport_collections WHERE name = 'c'";
    place.open().query_row(select, [], |row| row.get(0)).expect("the collection")
}

#[test]
fn a_file_is_stored_whole_or_not_at_all() {
    const MANY: u64 = 40_000;
    let place = Place::new();
    place.file("a.jsonl", documents(0, MANY));
    // Bytes of the store at which the import is killed: before, in and after what its cache holds; the last comes when
    // the index is being built, or not at all.
    for bytes in [0, 1, 4_000_000, 8_500_000, 10_000_000] {
        let _ = std::fs::remove_file(place.store());
        let mut import = Live::start(&place, &["-c", "c", "a.jsonl"]);
        import.hear("importing into");
        let size = || std::fs::metadata(place.store()).map_or(0, |store| store.len());
        until("a store of that size", || size() >= bytes || !import.is_running());
        import.try_signal("KILL");
        let killed = import.wait().code == -1;

        let held = visible(&place).unwrap_or(0);
        assert!(held == if killed { 0 } else { MANY } || held == MANY, "{held} documents after {bytes} bytes");
        place.open();
        place.import(&["--on-duplicate", "ignore", "a.jsonl"]).expect(0, [MANY - held, 0, 0, held]);
        assert_eq!(place.rows("c").len() as u64, MANY);
        assert_eq!(state(&place), "ready");
    }
}

#[test]
fn what_a_pipe_had_made_lasting_is_kept_and_the_same_input_completes_it() {
    for (batches, existing) in [(1, true), (3, true), (1, false), (4, false)] {
        let place = Place::new();
        if existing {
            place.import_text("old.jsonl", "{\"_key\":\"old\"}\n", &[]).expect(0, [1, 0, 0, 0]);
        }
        let old = u64::from(existing);
        let mut import = Live::start(&place, &["-c", "c", "--flush-interval", "10ms"]);
        for batch in 0..batches {
            import.feed(documents(batch * 100, batch * 100 + 100));
            until("the batch", || visible(&place) == Some(old + batch * 100 + 100));
        }
        // Of these it is not known whether they come to the store.
        import.feed(documents(batches * 100, batches * 100 + 50));
        import.signal("KILL");
        assert_eq!(import.wait().code, -1);

        let held = visible(&place).expect("the collection") - old;
        assert!((batches * 100..=batches * 100 + 50).contains(&held), "{held}");
        assert_eq!(state(&place), if existing { "ready" } else { "loading" });
        let all = documents(0, 1_000);
        let ran = place.pipe(&["-c", "c", "--on-duplicate", "ignore"], all.as_bytes());
        ran.expect(0, [1_000 - held, 0, 0, held]);
        let docs: Vec<String> = place.docs().into_iter().skip(old as usize).collect();
        assert_eq!(docs, all.lines().collect::<Vec<_>>());
        assert_eq!(state(&place), "ready");
    }
}

/// Loads two documents of key `a` and one of `b` from a pipe in this mode, and kills the import.
fn killed_load(mode: &str) -> Place {
    let place = Place::new();
    let mut import = Live::start(&place, &["-c", "c", "--on-duplicate", mode, "--flush-interval", "10ms"]);
    import.feed("{\"_key\":\"a\",\"x\":1,\"y\":1}\n\noops\n{\"_key\":\"b\"}\n");
    until("two rows", || visible(&place) == Some(2));
    import.feed("{\"_key\":\"a\",\"x\":2}\n");
    until("three rows", || visible(&place) == Some(3));
    import.signal("KILL");
    assert_eq!(import.wait().code, -1);
    assert_eq!(state(&place), "loading");
    place
}

#[test]
fn the_next_run_finishes_an_interrupted_load_in_the_mode_of_that_load() {
    for (mode, version, a, said) in [
        ("error", 1, "{\"_key\":\"a\",\"x\":1,\"y\":1}", "0 updated, 0 ignored, 1 dropped as duplicates"),
        ("ignore", 1, "{\"_key\":\"a\",\"x\":1,\"y\":1}", "0 updated, 1 ignored, 0 dropped as duplicates"),
        ("replace", 2, "{\"_key\":\"a\",\"x\":2}", "1 updated, 0 ignored, 0 dropped as duplicates"),
        ("update", 2, "{\"_key\":\"a\",\"x\":2,\"y\":1}", "1 updated, 0 ignored, 0 dropped as duplicates"),
    ] {
        let place = killed_load(mode);
        // Its own mode is another one, and meets only what the first left.
        let ran = place.import_text(
            "next.jsonl",
            "{\"_key\":\"c\"}\n{\"_key\":\"b\",\"n\":1}\n",
            &["--on-duplicate", "ignore"],
        );
        ran.expect(0, [1, 0, 0, 1])
            .prints("collection \"c\": finished the index of an interrupted import")
            .prints(said);
        let rows = place.rows("c");
        let docs: Vec<&str> = rows.iter().map(|row| row.doc.as_str()).collect();
        assert_eq!(docs, [a, "{\"_key\":\"b\"}", "{\"_key\":\"c\"}"], "{mode}");
        assert_eq!(rows[0].version, version, "{mode}");
        assert_eq!(state(&place), "ready");
    }
}

#[test]
fn the_duplicates_of_an_interrupted_load_are_not_counted_in_the_next_run() {
    let place = killed_load("error");
    place.file("next.jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"b\"}\n{\"_key\":\"a\"}\n");
    let ran = place.run(&["-c", "other", "next.jsonl"]);
    ran.expect(1, [2, 1, 0, 0]).prints("next.jsonl:3: duplicate key \"a\"");
    assert_eq!(place.rows("other").len(), 2);
    assert_eq!(place.docs(), ["{\"_key\":\"a\",\"x\":1,\"y\":1}", "{\"_key\":\"b\"}"]);
}

#[test]
fn an_import_into_another_collection_finishes_it_too() {
    let place = killed_load("replace");
    place.file("next.jsonl", "{\"_key\":\"a\"}\n");
    place.run(&["-c", "other", "next.jsonl"]).expect(0, [1, 0, 0, 0]).prints("collection \"c\": finished the index");
    assert_eq!(place.docs(), ["{\"_key\":\"a\",\"x\":2}", "{\"_key\":\"b\"}"]);
}

#[test]
fn a_dry_run_or_a_run_without_a_good_record_leaves_an_interrupted_load_as_it_is() {
    let place = killed_load("error");
    place.import_text("next.jsonl", "{\"_key\":\"c\"}\n", &["-n"]).expect(0, [0, 0, 0, 0]);
    place.import_text("bad.jsonl", "oops\n", &["-t", "jsonl"]).expect(1, [0, 1, 0, 0]);
    assert_eq!(state(&place), "loading");
    assert_eq!(place.docs().len(), 3);
}

#[test]
fn a_killed_overwrite_keeps_the_old_documents() {
    let place = Place::new();
    place.import_text("old.jsonl", "{\"_key\":\"old\"}\n", &[]).expect(0, [1, 0, 0, 0]);
    place.file("a.jsonl", documents(0, 100_000));
    let import = Live::start(&place, &["-c", "c", "--overwrite", "a.jsonl"]);
    until("much written", || std::fs::metadata(place.store()).is_ok_and(|store| store.len() > 5_000_000));
    import.try_signal("KILL");
    assert_eq!(import.wait().code, -1);
    assert_eq!(place.docs(), ["{\"_key\":\"old\"}"]);
}

#[test]
fn an_update_of_what_exists_is_whole_or_not_at_all() {
    const MANY: u64 = 60_000;
    let old = Place::new();
    old.import_text("old.jsonl", documents(0, MANY), &[]).expect(0, [MANY, 0, 0, 0]);
    let place = Place::new();
    place.file("new.jsonl", documents(0, MANY).replace("\"pad\":\"x", "\"pad\":\"y"));
    let updated = |place: &Place| {
        let rows = "SELECT count(*) FROM c WHERE _version = 2 AND doc LIKE '%\"pad\":\"yx%'";
        place.open().query_row(rows, [], |row| row.get::<_, i64>(0)).expect("a number").unsigned_abs()
    };
    // Bytes of the journal, which has the old pages, at which the import is killed.
    for bytes in [0, 1, 2_000_000, 8_000_000, 12_000_000] {
        std::fs::copy(old.store(), place.store()).expect("a copy");
        let mut import = Live::start(&place, &["-c", "c", "--on-duplicate", "update", "new.jsonl"]);
        import.hear("importing into");
        let size = || std::fs::metadata(place.path("bulkimport.db-journal")).map_or(0, |journal| journal.len());
        until("a journal of that size", || size() >= bytes || !import.is_running());
        import.try_signal("KILL");
        let killed = import.wait().code == -1;

        let held = updated(&place);
        assert!(held == if killed { 0 } else { MANY } || held == MANY, "{held} documents after {bytes} bytes");
        place.import(&["--on-duplicate", "update", "new.jsonl"]).expect(0, [0, 0, MANY, 0]);
        assert_eq!((updated(&place), place.rows("c").len() as u64), (MANY, MANY));
    }
}
