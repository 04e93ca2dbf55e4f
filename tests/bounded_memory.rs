//! How much memory the longest record takes: at most three times its length, as read or as the document that it becomes, and
//! 64 MiB. Linux reports the largest amount that a process has had so far.

use crate::live::{Live, until};
use crate::support::Place;

/// A little above a power of two: whoever makes room by doubling makes twice as much as is needed.
const LENGTH: usize = 9 * 1024 * 1024;
/// Less than 64 MiB, because the record is short.
const BASE: usize = 32 * 1024 * 1024;

/// Imports a row with this cell, from a file or a pipe, and looks at the program's memory while it waits for more.
#[track_caller]
fn peak(cell: &str, from_pipe: bool) -> usize {
    let place = Place::new();
    let text = format!("_key,a\nk,{cell}\n");
    place.file("a.csv", &text);
    let files = if from_pipe { &["-"][..] } else { &["a.csv", "-"] };
    let mut import = Live::start(&place, &[&["-c", "c", "-t", "csv", "--flush-interval", "10ms"], files].concat());
    import.feed(if from_pipe { &text } else { "_key,a\n" });
    until("the document", || place.visible() == 1);
    let peak = import.peak_memory();
    import.end().expect(0, [1, 0, 0, 0]);
    peak
}

#[test]
fn a_long_cell_takes_three_times_its_length_and_no_more() {
    let plain = "x".repeat(LENGTH);
    let doubled = "\"\"".repeat(LENGTH / 2);
    for (what, cell, document) in [
        ("plain, quoted", format!("\"{plain}\""), LENGTH),
        ("plain, bare", plain, LENGTH),
        ("doubled quotes, quoted", format!("\"{doubled}\""), LENGTH),
        ("quotes, bare", format!("x{doubled}"), 2 * LENGTH),
        ("line breaks", format!("\"{}\"", "\n".repeat(LENGTH)), 2 * LENGTH),
    ] {
        for from_pipe in [false, true] {
            let peak = peak(&cell, from_pipe);
            assert!(peak < 3 * document + BASE, "{what}, from a pipe {from_pipe}: {} MiB", peak >> 20);
        }
    }
}

#[test]
fn the_room_of_a_long_cell_is_given_back() {
    let rows = |count| (0..count).map(|n| format!("\"k{n}\",1\n")).collect::<String>();
    let place = Place::new();
    place.file("a.csv", format!("_key,a\nk,{}\n{}", "x".repeat(LENGTH), rows(1000)));
    let mut import = Live::start(&place, &["-c", "c", "-t", "csv", "--flush-interval", "10ms", "a.csv", "-"]);
    import.feed("_key,a\n");
    until("the documents", || place.visible() == 1001);
    assert!(import.peak_memory() < 3 * LENGTH + BASE, "{} MiB", import.peak_memory() >> 20);
    import.end().expect(0, [1001, 0, 0, 0]);
}

#[test]
fn a_long_value_around_the_records_takes_no_room() {
    let place = Place::new();
    let junk = "x".repeat(4 * LENGTH);
    let records: String =
        (0..100_000).map(|n| format!("{{\"_key\":\"{n}\",\"a\":\"{}\"}},", "y".repeat(400))).collect();
    place.file(
        "a.json",
        format!("{{\"junk\":[\"{junk}\"],\"data\":[{records}{{\"_key\":\"k\"}}],\"more\":\"{junk}\"}}"),
    );
    let flags = ["-c", "c", "-t", "json", "--records", "data", "--flush-interval", "10ms", "a.json", "-"];
    let mut import = Live::start(&place, &flags);
    import.feed("{\"data\":[]}");
    until("the documents", || place.visible() == 100_001);
    assert!(import.peak_memory() < 2 * BASE, "{} MiB", import.peak_memory() >> 20);
    import.end().expect(0, [100_001, 0, 0, 0]);
}

#[test]
fn long_records_one_after_another_take_no_more_than_one() {
    // Longer than a batch.
    let length = 40 * 1024 * 1024;
    let long = "x".repeat(length);
    let flags = ["-c", "c", "--flush-interval", "10ms"];
    for (format, text, more) in [
        ("jsonl", format!("{{\"a\":\"{long}\"}}\n{{\"a\":\"{long}\"}}\n{{\"a\":\"{long}\"}}\n"), &[][..]),
        ("json", format!("[{{\"a\":\"{long}\"}},{{\"a\":\"{long}\"}},{{\"a\":\"{long}\"}}]"), &[]),
        ("json", format!("{{\"d\":[{{\"a\":\"{long}\"}},{{\"a\":\"{long}\"}},{{}}]}}"), &["--records", "d"]),
    ] {
        let place = Place::new();
        place.file("a", text);
        let mut import = Live::start(&place, &[&flags[..], &["-t", format], more, &["a", "-"]].concat());
        import.feed("\n".repeat(8));
        until("the documents", || place.visible() == 3);
        let peak = import.peak_memory();
        import.end().expect(0, [3, 0, 0, 0]);
        assert!(peak < 3 * length + BASE, "{format} {more:?}: {} MiB", peak >> 20);
    }
}

#[test]
fn updates_of_what_exists_take_no_more_than_a_load() {
    let documents = |count: u64, n: u8| {
        (0..count)
            .map(|key| format!("{{\"_key\":\"{key}\",\"n\":{n},\"pad\":\"{}\"}}\n", "x".repeat(250)))
            .collect::<String>()
    };
    let place = Place::new();
    place.import_text("old.jsonl", documents(150_000, 1), &[]).expect(0, [150_000, 0, 0, 0]);
    for (mode, version) in [("update", 2), ("replace", 3), ("error", 3)] {
        // The last document comes from a pipe, when all others are stored.
        place.file("new.jsonl", documents(150_000, version));
        let flags = ["-c", "c", "--on-duplicate", mode, "--flush-interval", "10ms", "new.jsonl", "-"];
        let mut import = Live::start(&place, &flags);
        import.feed(format!("{{\"_key\":\"last {mode}\"}}\n"));
        until("the last document", || {
            let store = place.store();
            let last = "SELECT count(*) FROM c WHERE _key LIKE 'last %'";
            let seen = || rusqlite::Connection::open(store)?.query_row(last, [], |row| row.get::<_, i64>(0));
            seen().is_ok_and(|count| count == i64::from(version) - 1 + i64::from(mode == "error"))
        });
        assert!(import.peak_memory() < 64 * 1000 * 1000, "{mode}: {} MiB", import.peak_memory() >> 20);
        import.end();
    }
}
