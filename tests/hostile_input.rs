//! Files that are not what they seem: links and pipes in place of files, stores that somebody has changed, compressed data
//! that asks for all memory. Nothing hangs, nothing else is touched, and a sentence says what is wrong.

use crate::live::Live;
use crate::reads_compressed::XZ;
use crate::support::{Place, ran, start};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

/// The file of `reads_compressed`, whose header asks for another size of dictionary.
fn xz_with_dictionary(code: u8) -> Vec<u8> {
    let mut bytes = XZ.to_vec();
    // The header of the first block: its size in words, flags, the filter, the size of its properties, and those.
    let (start, end) = (12, 12 + 4 * usize::from(XZ[12]));
    assert_eq!(bytes[start + 2..start + 4], [0x21, 1], "an LZMA2 filter with one property");
    bytes[start + 4] = code;
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[start..end]);
    bytes[end..end + 4].copy_from_slice(&crc.sum().to_le_bytes());
    bytes
}

#[test]
fn a_dictionary_above_128_mib_is_refused_with_what_to_do() {
    Place::new().import_text("in.xz", xz_with_dictionary(30), &[]).expect(0, [2, 0, 0, 0]);
    for code in [31, 37, 40] {
        let place = Place::new();
        let run = place.import_text("in.xz", xz_with_dictionary(code), &[]);
        assert_eq!(run.code, 5, "{}", run.stderr);
        run.prints("in.xz: the xz dictionary is larger than 128 MiB\nhint: `xz -dc FILE | bulkimport ...`");
        assert!(place.is_untouched());
    }
}

#[test]
fn a_lock_file_that_is_no_file_is_neither_followed_nor_waited_for() {
    let place = Place::new();
    place.file("in.jsonl", "{}\n");
    place.file("precious", "");
    let lock = place.path("bulkimport.db-lock");
    symlink(place.path("precious"), &lock).expect("a link");
    place.import(&["in.jsonl"]).prints("cannot lock the store: ").prints("bulkimport.db-lock: not a regular file");
    symlink(place.path("nothing"), place.path("other.db-lock")).expect("a link");
    let run = place.import(&["--to", "other.db", "in.jsonl"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(!place.path("nothing").exists() && place.path("precious").exists());
    fs::remove_file(&lock).expect("the link");
    make_pipe(&lock);
    let run = place.import(&["in.jsonl"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    run.prints("bulkimport.db-lock: not a regular file");
    assert!(!place.store().exists());
}

#[test]
fn a_store_with_a_catalogue_that_cannot_be_is_refused() {
    for (change, words) in [
        ("UPDATE bulkimport_format SET version = 0", "store format \"0\" does not exist"),
        ("UPDATE bulkimport_format SET version = -1", "store format \"-1\" does not exist"),
        ("UPDATE bulkimport_format SET version = 'x'", "store format \"x\" does not exist"),
        ("UPDATE bulkimport_format SET version = 7", "store format 7 is not supported"),
        ("DELETE FROM bulkimport_format", "the store's catalogue is damaged: bulkimport_format has 0 rows"),
        ("INSERT INTO bulkimport_format VALUES (1)", "the store's catalogue is damaged: bulkimport_format has 2 rows"),
        ("DROP TABLE bulkimport_format", "the store's catalogue is damaged: no such table: bulkimport_format"),
        (
            "DROP TABLE bulkimport_collections",
            "the store's catalogue is damaged: no such table: bulkimport_collections",
        ),
        ("DROP TABLE bulkimport_origins", "the store's catalogue is damaged: no such table: bulkimport_origins"),
        ("DROP TABLE bulkimport_tombstones", "the store's catalogue is damaged: no such table: bulkimport_tombstones"),
        ("ALTER TABLE bulkimport_collections DROP COLUMN next_seq", "the store's catalogue is damaged: no such column"),
        ("DELETE FROM bulkimport_collections", "the store has a table \"c\" that is not a collection"),
    ] {
        let place = Place::new();
        place.import_text("in.jsonl", "{\"_key\":\"a\"}\n", &[]).expect(0, [1, 0, 0, 0]);
        place.open().execute_batch(change).expect(change);
        let before = fs::read(place.store()).expect("the store");
        let run = place.import(&["in.jsonl"]);
        assert!(matches!(run.code, 2 | 4), "{change}: {}", run.stderr);
        run.prints(words);
        assert!(fs::read(place.store()).expect("the store") == before, "{change}: the store was changed");
    }
}

#[test]
fn what_a_trigger_swallows_is_not_counted_as_stored() {
    let ignore = "SELECT RAISE(IGNORE) WHERE NEW._key = 'b'";
    for (trigger, arguments, counts) in [
        (format!("BEFORE INSERT ON c BEGIN {ignore}; END"), &[][..], [2, 1, 0, 0]),
        (
            "AFTER INSERT ON c WHEN NEW._key = 'b' BEGIN DELETE FROM c WHERE _key = 'b'; END".to_owned(),
            &[],
            [2, 1, 0, 0],
        ),
        (format!("BEFORE INSERT ON c BEGIN {ignore}; END"), &["--on-duplicate", "replace"], [2, 1, 0, 0]),
        (format!("BEFORE INSERT ON c BEGIN {ignore}; END"), &["--on-duplicate", "ignore"], [2, 1, 0, 0]),
        (format!("BEFORE INSERT ON c BEGIN {ignore}; END"), &["--on-duplicate", "update"], [2, 1, 0, 0]),
    ] {
        for is_empty in [true, false] {
            let place = Place::new();
            place.import_text("old.jsonl", "{\"_key\":\"z\"}\n", &[]).expect(0, [1, 0, 0, 0]);
            if is_empty {
                place.open().execute_batch("DELETE FROM c").expect("an empty table");
            }
            place.open().execute_batch(&format!("CREATE TRIGGER t {trigger}")).expect(&trigger);
            let text = "{\"_key\":\"a\"}\n{\"_key\":\"b\"}\n{\"_key\":\"c\"}\n";
            let run = place.import_text("in.jsonl", text, arguments);
            run.expect(1, counts).prints("in.jsonl:2: \"b\": a trigger in the store prevented or undid it");
            assert_eq!(place.rows("c").len(), 3 - usize::from(is_empty));
        }
    }
}

#[test]
fn a_trigger_that_keeps_an_old_document_makes_its_update_an_error() {
    for (event, arguments) in [
        ("BEFORE UPDATE ON c BEGIN SELECT RAISE(IGNORE); END", &["--on-duplicate", "replace"][..]),
        ("BEFORE UPDATE ON c BEGIN SELECT RAISE(IGNORE); END", &["--on-duplicate", "update"]),
    ] {
        let place = Place::new();
        place.import_text("in.jsonl", "{\"_key\":\"a\",\"n\":1}\n", &[]).expect(0, [1, 0, 0, 0]);
        place.open().execute_batch(&format!("CREATE TRIGGER t {event}")).expect(event);
        place.import_text("in.jsonl", "{\"_key\":\"a\",\"n\":2}\n", arguments).expect(1, [0, 1, 0, 0]);
    }
    for arguments in [&["--delete-keys"][..], &["--overwrite"]] {
        let place = Place::new();
        place.import_text("in.jsonl", "{\"_key\":\"a\",\"n\":1}\n", &[]).expect(0, [1, 0, 0, 0]);
        let trigger = "CREATE TRIGGER t BEFORE DELETE ON c BEGIN SELECT RAISE(IGNORE); END";
        place.open().execute_batch(trigger).expect("a trigger");
        let run = place.import(&[arguments, &["in.jsonl"]].concat());
        assert!(run.code != 0, "{arguments:?}: {}", run.summary);
        run.prints("a trigger in the store");
        assert_eq!(place.rows("c").len(), 1);
    }
}

#[test]
fn a_pipe_in_place_of_a_file_that_was_looked_at_is_not_waited_for() {
    let place = Place::new();
    let names: Vec<String> = (0..140).map(|n| format!("{n}.jsonl")).collect();
    names.iter().for_each(|name| fs::write(place.path(name), "{\"a\":1}\n").expect("a file"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut import = Live::start(&place, &[&["-c", "c", "-t", "jsonl", "-"], &names[..]].concat());
    import.feed("{\"a\":1}\n").hear("importing into");
    fs::remove_file(place.path("139.jsonl")).expect("the file");
    make_pipe(&place.path("139.jsonl"));
    let run = import.end();
    assert_eq!(run.code, 5, "{}", run.stderr);
    run.prints("139.jsonl:1: the file was replaced after it was opened");
}

#[test]
fn results_are_for_their_owner_only() {
    let place = Place::new();
    place.import_text("in.jsonl", "{}\n", &["--results", "results"]).expect(0, [1, 0, 0, 0]);
    let mode = fs::metadata(place.path("results")).expect("results").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_is_read_for_something_else_is_not_written() {
    let place = Place::new();
    place.file("in.csv", "1,2\n");
    for (flag, name) in [("--headers-file", "names.jsonl"), ("--mapping", "map.jsonl")] {
        place.file(name, "{\"mappings\":{}}\n");
        let to = format!("jsonl:{name}");
        let run = place.import(&["--to", &to, "--overwrite", flag, name, "in.csv"]);
        assert_eq!(run.code, 2, "{flag}: {}", run.stderr);
        assert_eq!(fs::read_to_string(place.path(name)).expect("the file"), "{\"mappings\":{}}\n");
    }
    place.file("names.csv", "a,b\n");
    let run = place.import(&["--to", "jsonl:names.csv", "--overwrite", "--headers-file", "names.csv", "in.csv"]);
    run.prints("--headers-file and --to are the same file: names.csv");
}

/// Whether a process may be limited to one thread: `setpriv` gives root another user, of whom there is no process.
fn limited(script: &str) -> Command {
    let mut command = Command::new("sh");
    let is_root = fs::metadata("/proc/self").is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0);
    let run_as = if is_root { "setpriv --reuid=54321 --clear-groups --inh-caps=-all --bounding-set=-all " } else { "" };
    command.args(["-c", &format!("ulimit -p 1 2>/dev/null || ulimit -u 1; exec {run_as}{script}")]);
    command
}

#[test]
#[cfg(target_os = "linux")]
fn a_system_without_threads_left_is_reported_in_a_sentence() {
    for (input, bytes) in [("in.jsonl", b"{}\n".to_vec()), ("in.xz", XZ.to_vec())] {
        let place = Place::new();
        fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o777)).expect("a directory for all");
        place.file(input, bytes);
        let program = env!("CARGO_BIN_EXE_bulkimport");
        // The program itself, where any user may start it.
        fs::copy(program, place.path("bulkimport")).expect("a copy");
        let script = format!("./bulkimport -c c --summary json {input}");
        let run = ran(start(limited(&script).current_dir(place.path(""))), b"");
        assert_eq!(run.code, 4, "{input}: {}", run.stderr);
        run.prints("cannot start").prints("a limit of processes may be reached (ulimit -u)");
        assert_eq!(run.summary["exit_code"], 4, "{}", run.stdout);
        assert!(!place.store().exists());
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_like_a_full_disk() {
    let place = Place::new();
    let lines: String = (0..20_000).map(|n| format!("{{\"_key\":\"{n}\",\"x\":\"{}\"}}\n", "y".repeat(100))).collect();
    place.file("in.jsonl", lines);
    let program = env!("CARGO_BIN_EXE_bulkimport");
    let script = format!("ulimit -f 200; exec {program} -c c --summary json in.jsonl");
    let run = ran(start(Command::new("sh").args(["-c", &script]).current_dir(place.path(""))), b"");
    run.expect(4, [0, 0, 0, 0]).prints("a limit on the size of files may be reached (ulimit -f)");
    place.import(&["in.jsonl"]).expect(0, [20_000, 0, 0, 0]);
}
