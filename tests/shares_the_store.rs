//! The store between programs: two imports, readers, other writers, and files that are no store or cannot take more.

use crate::live::Live;
use crate::support::{Place, Ran};
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

const TWO: &str = "{\"_key\":\"a\"}\n{\"_key\":\"b\"}\n";

/// So many documents with keys of their own.
fn documents(prefix: &str, count: u64) -> String {
    (0..count).map(|n| format!("{{\"_key\":\"{prefix}{n}\",\"pad\":\"{}\"}}\n", "x".repeat(200))).collect()
}

#[test]
fn two_imports_at_once_both_succeed_and_the_second_prints_that_it_waits() {
    let place = Place::new();
    let mut first = Live::start(&place, &["-c", "c"]);
    first.feed("{\"_key\":\"first\"}\n").hear("importing into");
    place.file("two.jsonl", TWO);
    let mut second = Live::start(&place, &["-c", "c", "two.jsonl"]);
    // The first holds the store until its input ends.
    second.hear("waiting for another import into bulkimport.db");
    assert!(second.is_running() && first.is_running());
    first.feed("{\"_key\":\"last\"}\n");
    first.end().expect(0, [2, 0, 0, 0]);
    second.end().expect(0, [2, 0, 0, 0]);
    let keys: Vec<String> = place.rows("c").into_iter().map(|row| row.key).collect();
    assert_eq!(keys, ["first", "last", "a", "b"]);
    assert!(!place.path("bulkimport.db-lock").exists());
}

#[test]
fn many_imports_at_once_lose_nothing() {
    let place = Place::new();
    let running: Vec<Live> = (0..6)
        .map(|n| {
            let name = format!("{n}.jsonl");
            place.file(&name, documents(&format!("k{n}-"), 500));
            Live::start(&place, &["-c", "c", &name])
        })
        .collect();
    for live in running {
        live.end().expect(0, [500, 0, 0, 0]);
    }
    assert_eq!(place.rows("c").len(), 3_000);
}

#[test]
fn a_reader_sees_the_old_state_or_that_the_store_is_locked() {
    let place = Place::new();
    place.import_text("old.jsonl", documents("old", 100), &[]).expect(0, [100, 0, 0, 0]);
    // More than SQLite's cache, so that the file itself changes before the commit.
    place.file("new.jsonl", documents("new", 60_000));
    let mut import = Live::start(&place, &["-c", "c", "new.jsonl"]);
    let (mut old, mut locked, mut done) = (0, 0, 0);
    while import.is_running() {
        let reader = Connection::open(place.store()).expect("a reader");
        reader.busy_timeout(Duration::ZERO).expect("a timeout");
        match reader.query_row("SELECT count(*), sum(length(doc)) FROM c", [], |row| row.get::<_, i64>(0)) {
            Ok(100) => old += 1,
            Ok(60_100) => done += 1,
            Ok(other) => panic!("{other} documents were seen"),
            Err(rusqlite::Error::SqliteFailure(cause, _)) => {
                assert_eq!(cause.code, rusqlite::ErrorCode::DatabaseBusy);
                locked += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    import.end().expect(0, [60_000, 0, 0, 0]);
    assert!(old + locked > 0, "the reader came too late: {done}");
    assert_eq!(place.rows("c").len(), 60_100);
}

#[test]
fn a_reader_is_waited_for() {
    let place = Place::new();
    place.import_text("old.jsonl", documents("old", 100), &[]).expect(0, [100, 0, 0, 0]);
    let reader = Connection::open(place.store()).expect("a reader");
    let count = || reader.query_row("SELECT count(*) FROM c", [], |row| row.get::<_, i64>(0)).expect("a count");
    reader.execute_batch("BEGIN").expect("SQL");
    assert_eq!(count(), 100);
    // More than fits SQLite's cache.
    place.file("new.jsonl", documents("new", 60_000));
    let mut import = Live::start(&place, &["-c", "c", "new.jsonl"]);
    import.hear("bulkimport.db: locked by another program, waiting for it");
    assert_eq!(count(), 100);
    reader.execute_batch("COMMIT").expect("SQL");
    import.end().expect(0, [60_000, 0, 0, 0]);
    assert_eq!(count(), 60_100);
}

#[test]
fn another_writer_that_stays_ends_the_import_with_4_and_everything_unsent() {
    let place = Place::new();
    place.import_text("old.jsonl", TWO, &[]).expect(0, [2, 0, 0, 0]);
    let writer = Connection::open(place.store()).expect("a writer");
    writer.execute_batch("BEGIN IMMEDIATE").expect("SQL");
    let ran = place.import_text("new.jsonl", "{\"_key\":\"c\"}\noops\n{\"_key\":\"d\"}\n", &[]);
    ran.expect(4, [0, 1, 0, 0]).prints("bulkimport.db: locked by another program (waited 1");
    assert_eq!(ran.count("unsent"), 2);
    writer.execute_batch("COMMIT").expect("SQL");
    assert_eq!(place.rows("c").len(), 2);
    place.import(&["new.jsonl"]).expect(1, [2, 1, 0, 0]);
}

#[test]
fn another_writer_that_goes_in_time_is_waited_for() {
    let place = Place::new();
    place.import_text("old.jsonl", TWO, &[]).expect(0, [2, 0, 0, 0]);
    let writer = Connection::open(place.store()).expect("a writer");
    writer.execute_batch("BEGIN IMMEDIATE; CREATE TABLE theirs (x)").expect("SQL");
    let mut import = Live::start(&place, &["-c", "c"]);
    import.feed("{\"_key\":\"c\"}\n").hear("locked by another program, waiting for it");
    writer.execute_batch("COMMIT").expect("SQL");
    import.end().expect(0, [1, 0, 0, 0]);
    assert_eq!(place.rows("c").len(), 3);
}

#[test]
fn a_signal_ends_the_wait_for_another_writer() {
    let place = Place::new();
    place.import_text("old.jsonl", TWO, &[]).expect(0, [2, 0, 0, 0]);
    let writer = Connection::open(place.store()).expect("a writer");
    writer.execute_batch("BEGIN IMMEDIATE").expect("SQL");
    place.file("new.jsonl", "{\"_key\":\"c\"}\n");
    let mut import = Live::start(&place, &["-c", "c", "--progress", "none", "new.jsonl"]);
    import.hear("locked by another program, waiting for it");
    import.signal("TERM");
    let ran = import.wait();
    ran.expect(143, [0, 0, 0, 0]);
    assert_eq!(ran.count("unsent"), 1);
}

/// Asserts that an import into this store was refused, and that it is what it was.
#[track_caller]
fn refused(place: &Place, store: &str, words: &str) {
    let before = std::fs::read(place.path(store)).ok();
    place.file("two.jsonl", TWO);
    for arguments in [&["--to", store][..], &["--to", store, "--overwrite"]] {
        let ran = place.run(&[&["-c", "c"], arguments, &["two.jsonl"]].concat());
        assert_eq!(ran.code, 4, "{arguments:?}: {}", ran.stderr);
        ran.prints(words);
        assert_eq!(ran.summary["exit_code"], 4);
        assert_eq!(std::fs::read(place.path(store)).ok(), before);
        assert!(!place.path(&format!("{store}-lock")).exists());
    }
}

#[test]
fn a_store_of_a_newer_format_is_left_alone() {
    let place = Place::new();
    place.import_text("two.jsonl", TWO, &[]).expect(0, [2, 0, 0, 0]);
    place.open().execute_batch("UPDATE bulkimport_format SET version = version + 1").expect("SQL");
    refused(&place, "bulkimport.db", "store format 2 is not supported (this bulkimport supports 1; use a newer one)");
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let place = Place::new();
    place.file(
        "text.db",
        "this is a text, and long enough to be taken for the header of a database file; or so. ".repeat(20),
    );
    refused(&place, "text.db", "text.db: not a SQLite database");
}

#[test]
fn a_damaged_store_is_left_alone() {
    let place = Place::new();
    place.import_text("two.jsonl", documents("k", 1_000), &[]).expect(0, [1_000, 0, 0, 0]);
    let mut bytes = std::fs::read(place.store()).expect("the store");
    bytes[100..200].fill(0xff);
    place.file("damaged.db", bytes);
    refused(&place, "damaged.db", "damaged.db: ");
}

#[test]
fn a_store_in_a_place_that_is_not_there_is_refused() {
    let place = Place::new();
    refused(&place, "missing/shop.db", "missing/shop.db: no such directory: missing");
    place.file("file", "");
    refused(&place, "file/shop.db", "file/shop.db: cannot lock the store: Not a directory");
}

#[test]
fn a_directory_is_no_store() {
    let place = Place::new();
    std::fs::create_dir(place.path("shop.db")).expect("a directory");
    place.file("two.jsonl", TWO);
    let ran = place.run(&["-c", "c", "--to", "shop.db", "two.jsonl"]);
    assert_eq!(ran.code, 2);
    ran.prints("directory");
}

#[test]
fn a_database_of_somebody_else_keeps_its_tables() {
    let place = Place::new();
    let theirs = Connection::open(place.store()).expect("a database");
    theirs
        .execute_batch(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT UNIQUE); INSERT INTO orders VALUES (1, 'x'), (2, 'y');
             CREATE VIEW seen AS SELECT * FROM orders; PRAGMA user_version = 7;",
        )
        .expect("SQL");
    drop(theirs);
    place.import_text("two.jsonl", TWO, &["--overwrite", "--unique", "u", "--on-duplicate", "ignore"]);
    for name in ["orders", "seen"] {
        let ran = place.run(&["-c", name, "--overwrite", "two.jsonl"]);
        assert_eq!(ran.code, 2);
        ran.prints("that is not a collection");
    }
    let ours = place.open();
    let count: i64 = ours.query_row("SELECT count(*) FROM seen", [], |row| row.get(0)).expect("their view");
    let version: i64 = ours.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("their version");
    assert_eq!((count, version), (2, 7));
    assert_eq!(place.rows("c").len(), 2);
}

#[test]
fn a_store_in_wal_mode_works_too() {
    let place = Place::new();
    place.import_text("two.jsonl", TWO, &[]).expect(0, [2, 0, 0, 0]);
    let mode: String = place.open().query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "wal");
    place.import_text("more.jsonl", documents("k", 5_000), &[]).expect(0, [5_000, 0, 0, 0]);
    assert_eq!(place.rows("c").len(), 5_002);
}

/// Imports with no file allowed to grow beyond so many blocks of 512 bytes: what a full disk is like. The signal that
/// comes with it is ignored, so that the write fails instead.
#[cfg(unix)]
fn on_a_full_disk(place: &Place, blocks: u32, arguments: &str, input: &Path) -> Ran {
    let program = env!("CARGO_BIN_EXE_bulkimport");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} -c c --summary json {arguments}");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).current_dir(place.path(""));
    shell.stdin(std::fs::File::open(input).expect("the input")).stdout(std::process::Stdio::piped());
    let output = shell.stderr(std::process::Stdio::piped()).output().expect("a shell");
    Ran::of(output.status.code(), &output.stdout, &output.stderr)
}

#[test]
#[cfg(unix)]
fn a_full_disk_ends_the_import_with_4_and_nothing_half_done() {
    let place = Place::new();
    place.import_text("old.jsonl", documents("old", 100), &[]).expect(0, [100, 0, 0, 0]);
    let before = place.rows("c");
    place.file("new.jsonl", documents("new", 60_000));
    for (blocks, arguments) in
        [(2_000, "new.jsonl"), (200, "new.jsonl"), (2_000, "--overwrite new.jsonl"), (2_000, "--complete")]
    {
        let ran = on_a_full_disk(&place, blocks, arguments, &place.path("new.jsonl"));
        assert_eq!(ran.code, 4, "{arguments}: {}\n{}", ran.stderr, ran.stdout);
        assert_eq!((ran.count("created"), ran.count("errors")), (0, 0));
        assert!(ran.count("unsent") > 0);
        assert_eq!(place.rows("c"), before, "{arguments}");
    }
    place.import(&["new.jsonl"]).expect(0, [60_000, 0, 0, 0]);
}

#[test]
#[cfg(unix)]
fn a_full_disk_keeps_what_a_pipe_had_made_lasting() {
    let place = Place::new();
    place.import_text("old.jsonl", documents("old", 100), &[]).expect(0, [100, 0, 0, 0]);
    place.file("new.jsonl", documents("new", 60_000));
    // Commits after every batch.
    let arguments = "--flush-interval 1ms --batch-size 100";
    let ran = on_a_full_disk(&place, 4_000, arguments, &place.path("new.jsonl"));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let created = ran.count("created");
    assert!(created > 0 && ran.count("unsent") > 0, "{}", ran.stdout);
    // In order, and what counts as created is all that is there.
    let keys: Vec<String> = place.rows("c").into_iter().skip(100).map(|row| row.key).collect();
    assert_eq!(keys, (0..created).map(|n| format!("new{n}")).collect::<Vec<_>>());
}

#[test]
#[cfg(unix)]
fn a_full_disk_during_the_load_of_a_pipe_leaves_what_the_next_run_finishes() {
    let place = Place::new();
    place.file("new.jsonl", documents("new", 60_000));
    let arguments = "--flush-interval 1ms --batch-size 100";
    let ran = on_a_full_disk(&place, 4_000, arguments, &place.path("new.jsonl"));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    // A part is there, but which of these records it has is not said.
    assert!(ran.count("created") == 0 && ran.count("unknown") > 0, "{}", ran.stdout);
    let again = place.import(&["--on-duplicate", "ignore", "new.jsonl"]);
    again.prints("finished the index of an interrupted import");
    assert_eq!(again.count("created") + again.count("ignored"), 60_000);
    assert!(again.count("ignored") > 0);
    assert_eq!(place.rows("c").len(), 60_000);
}

#[test]
#[cfg(unix)]
fn a_device_is_no_store() {
    let place = Place::new();
    place.file("a.jsonl", "{}\n");
    let ran = place.run(&["--to", "sqlite:/dev/null", "-c", "c", "a.jsonl"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("/dev/null: not a regular file");
}

#[test]
#[cfg(unix)]
fn a_store_behind_a_link_to_nothing_yet_has_one_lock() {
    let place = Place::new();
    std::os::unix::fs::symlink("real.db", place.path("link.db")).expect("a link");
    let mut first = crate::support::start(&mut place.command(&["--to", "link.db", "-c", "c", "--verbose"]));
    let mut pipe = first.stdin.take().expect("stdin is piped");
    std::io::Write::write_all(&mut pipe, b"{\"_key\":\"1\"}\n").expect("the pipe takes a line");
    while !place.path("real.db-lock").exists() {
        assert!(first.try_wait().expect("a state").is_none(), "the first import ended without the lock of real.db");
        std::thread::yield_now();
    }
    drop(pipe);
    assert!(first.wait().expect("the first import ends").success());
    place.file("b.jsonl", "{\"_key\":\"1\"}\n{\"_key\":\"2\"}\n");
    place.run(&["--to", "real.db", "-c", "c", "b.jsonl"]).expect(1, [1, 1, 0, 0]);
}

#[test]
fn a_lock_file_with_something_in_it_is_left_alone() {
    let place = Place::new();
    place.file("bulkimport.db-lock", "precious");
    place.import_text("a.jsonl", "{}\n", &[]).expect(0, [1, 0, 0, 0]);
    assert_eq!(std::fs::read(place.path("bulkimport.db-lock")).expect("still there"), b"precious");
}

#[test]
fn a_table_dropped_while_its_load_was_interrupted_stops_no_other_collection() {
    let place = Place::new();
    place.import_text("a.jsonl", "{}\n", &[]).expect(0, [1, 0, 0, 0]);
    let store = place.open();
    store.execute_batch("UPDATE bulkimport_collections SET state = 'loading'; DROP TABLE c").expect("a dropped table");
    drop(store);
    place.run(&["-c", "other", "a.jsonl"]).expect(0, [1, 0, 0, 0]);
}

#[test]
#[cfg(unix)]
fn a_full_disk_during_updates_leaves_the_old_documents() {
    let place = Place::new();
    place.import_text("old.jsonl", documents("k", 60_000), &[]).expect(0, [60_000, 0, 0, 0]);
    let before = place.rows("c");
    let longer = documents("k", 60_000).replace('}', &format!(",\"more\":\"{}\"}}", "x".repeat(300)));
    place.file("new.jsonl", longer);
    let size = std::fs::metadata(place.store()).expect("the store").len();
    for (blocks, mode) in [(size / 512 + 100, "update"), (2_000, "replace"), (size / 512 + 9_000, "replace")] {
        let arguments = format!("--on-duplicate {mode} new.jsonl");
        let ran = on_a_full_disk(&place, blocks as u32, &arguments, &place.path("new.jsonl"));
        assert_eq!(ran.code, 4, "{arguments}: {}\n{}", ran.stderr, ran.stdout);
        assert_eq!((ran.count("updated"), ran.count("errors")), (0, 0));
        assert!(ran.count("unsent") > 0);
        assert_eq!(place.rows("c"), before, "{arguments}");
    }
}
