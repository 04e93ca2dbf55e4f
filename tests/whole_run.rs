//! Flags that hold for all records together: --complete, --overwrite, --dry-run, --unique, --create-collection, and which
//! names a collection may have.

use crate::support::{Place, Ran};
use rusqlite::Connection;

const TWO: &str = "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\",\"n\":2}\n";
const THIRD: &str = "{\"_key\":\"c\"}\n";

/// A place in which collection `c` holds `TWO`.
fn with_two() -> Place {
    let place = Place::new();
    place.import_text("two.jsonl", TWO, &[]).expect(0, [2, 0, 0, 0]);
    place
}

/// Asserts that collection `c` holds `TWO` and nothing else, under their first versions.
#[track_caller]
fn still_two(place: &Place) {
    assert_eq!(place.docs(), TWO.lines().collect::<Vec<_>>());
    assert!(place.rows("c").iter().all(|row| row.version == 1));
}

#[test]
fn complete_stores_all_when_all_are_good() {
    for stdin in [false, true] {
        let place = Place::new();
        place.file("a.jsonl", TWO);
        let ran = match stdin {
            true => place.pipe(&["-c", "c", "--complete"], TWO.as_bytes()),
            false => place.import(&["--complete", "a.jsonl"]),
        };
        ran.expect(0, [2, 0, 0, 0]);
        still_two(&place);
    }
}

#[test]
fn complete_stores_nothing_when_one_record_is_bad() {
    for (mode, bad) in [
        ("error", "oops\n"),
        ("error", "{\"_key\":\"a\"}\n"),
        ("error", "{\"_key\":\"new\"}\n{\"_key\":\"new\"}\n"),
        ("update", "{\"_key\":\"a\",\"n\":9}\n[]\n"),
        ("ignore", "{\"_key\":\"not a key\\u0000\"}\n"),
    ] {
        for stdin in [false, true] {
            let place = with_two();
            let text = format!("{THIRD}{bad}{{\"_key\":\"d\"}}\n");
            place.file("a.jsonl", &text);
            let arguments = ["-c", "c", "--complete", "--on-duplicate", mode, "--batch-size", "1"];
            let ran = match stdin {
                true => place.pipe(&arguments, text.as_bytes()),
                false => place.run(&[&arguments[..], &["a.jsonl"]].concat()),
            };
            ran.expect(6, [0, 1, 0, 0]).prints("error: everything was rolled back, because of --complete");
            assert_eq!(ran.count("unsent"), text.lines().count() as u64 - 1, "{text}");
            still_two(&place);
        }
    }
}

#[test]
fn complete_is_not_disturbed_by_ignored_duplicates_and_blank_lines() {
    let place = with_two();
    let text = format!("\n{TWO}\n{THIRD}");
    place.import_text("a.jsonl", text, &["--complete", "--on-duplicate", "ignore"]).expect(0, [1, 0, 0, 2]);
    assert_eq!(place.docs().len(), 3);
}

#[test]
fn complete_stores_nothing_of_a_broken_input() {
    let place = with_two();
    let ran = place.import_text("a.json", "[{\"_key\":\"x\"},{\"_key\":\"y\"},", &["--complete"]);
    ran.expect(6, [0, 0, 0, 0]).prints("a.json:1").prints("rolled back");
    assert_eq!(ran.count("unsent"), 2);
    still_two(&place);
}

#[test]
fn complete_stores_nothing_when_an_error_comes_last_of_many() {
    let place = with_two();
    let mut text: String = (0..6_000).map(|n| format!("{{\"_key\":\"n{n}\"}}\n")).collect();
    text.push_str("{\"_key\":\"n5\"}\n");
    for stdin in [false, true] {
        place.file("a.jsonl", &text);
        let ran = match stdin {
            true => place.pipe(&["-c", "c", "--complete"], text.as_bytes()),
            false => place.import(&["--complete", "a.jsonl"]),
        };
        ran.expect(6, [0, 1, 0, 0]).prints(":6001: duplicate key \"n5\"");
        assert_eq!(ran.count("unsent"), 6_000);
        still_two(&place);
    }
}

#[test]
fn complete_leaves_a_new_store_without_the_collection() {
    let place = Place::new();
    place.import_text("a.jsonl", format!("{TWO}{TWO}"), &["--complete"]).expect(6, [0, 2, 0, 0]);
    assert_eq!(tables(&place.open()), Vec::<String>::new());
    place.import_text("a.jsonl", TWO, &["--complete"]).expect(0, [2, 0, 0, 0]);
    still_two(&place);
}

fn tables(store: &Connection) -> Vec<String> {
    let mut select = store.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").expect("SQL");
    let names = select.query_map([], |row| row.get(0)).expect("rows");
    names.map(|name| name.expect("a name")).collect()
}

#[test]
fn overwrite_empties_the_collection_and_no_other() {
    let place = with_two();
    place.run(&["-c", "other", "two.jsonl"]).expect(0, [2, 0, 0, 0]);
    place
        .import_text("a.jsonl", format!("oops\n{THIRD}{THIRD}"), &["-t", "jsonl", "--overwrite"])
        .expect(1, [1, 2, 0, 0]);
    assert_eq!(place.docs(), [THIRD.trim_end()]);
    assert_eq!(place.rows("other").len(), 2);
}

#[test]
fn overwrite_keeps_everything_when_nothing_good_comes() {
    for text in ["", "\n\n", "oops\n[]\n"] {
        let place = with_two();
        let ran = place.import_text("a.jsonl", text, &["-t", "jsonl", "--overwrite"]);
        assert_eq!(ran.count("created"), 0, "{text:?}");
        still_two(&place);
    }
    let place = with_two();
    assert_eq!(place.import(&["--overwrite", "missing.jsonl"]).code, 5);
    still_two(&place);
}

#[test]
fn overwrite_and_complete_bring_the_old_documents_back() {
    let place = with_two();
    let ran = place.import_text("a.jsonl", format!("{THIRD}oops\n"), &["--overwrite", "--complete"]);
    ran.expect(6, [0, 1, 0, 0]);
    still_two(&place);
}

#[test]
fn overwrite_makes_a_collection_that_is_not_there() {
    let place = Place::new();
    place.import_text("two.jsonl", TWO, &["--overwrite"]).expect(0, [2, 0, 0, 0]);
    still_two(&place);
    place.import(&["--overwrite", "two.jsonl"]).expect(0, [2, 0, 0, 0]);
    still_two(&place);
}

#[test]
fn a_dry_run_writes_nothing_at_all() {
    let place = Place::new();
    let ran = place.import_text("a.jsonl", TWO, &["--dry-run", "--overwrite"]);
    ran.expect(0, [0, 0, 0, 0]).prints("dry run");
    assert_eq!(ran.count("unsent"), 2);
    assert!(place.is_untouched());

    let place = with_two();
    let before = std::fs::read(place.store()).expect("the store");
    let ran = place.import_text("a.jsonl", format!("{TWO}oops\n"), &["-n", "--overwrite", "--unique", "n"]);
    ran.expect(1, [0, 1, 0, 0]);
    assert_eq!(std::fs::read(place.store()).expect("the store"), before);
}

#[test]
fn a_dry_run_finds_what_the_run_would_refuse() {
    let place = with_two();
    assert_eq!(place.run(&["-c", "C", "-n", "two.jsonl"]).code, 2);
    assert_eq!(place.run(&["-c", "d", "-n", "--create-collection=false", "two.jsonl"]).code, 2);
}

#[test]
fn wait_for_sync_stores_the_same() {
    let place = Place::new();
    place.import_text("two.jsonl", TWO, &["--wait-for-sync"]).expect(0, [2, 0, 0, 0]);
    still_two(&place);
    place.pipe(&["-c", "c", "--wait-for-sync"], THIRD.as_bytes()).expect(0, [1, 0, 0, 0]);
}

#[test]
fn a_missing_collection_is_made_unless_that_is_forbidden() {
    let place = Place::new();
    place.file("two.jsonl", TWO);
    let ran = place.import(&["--create-collection=false", "two.jsonl"]);
    assert_eq!(ran.code, 2);
    ran.prints("collection \"c\" not found");
    assert!(place.is_untouched());
    place.import(&["--create-collection", "two.jsonl"]).expect(0, [2, 0, 0, 0]);
    place.import(&["--create-collection=false", "--on-duplicate", "ignore", "two.jsonl"]).expect(0, [0, 0, 0, 2]);
}

#[test]
fn a_collection_of_documents_takes_no_edge_flags_and_one_of_edges_asks_for_ends() {
    let place = with_two();
    let edge = "{\"_key\":\"e\",\"_from\":\"x/1\",\"_to\":\"x/2\"}\n";
    place.file("edges.jsonl", format!("{edge}{{\"_key\":\"f\"}}\n"));
    let ran = place.import(&["--edge", "edges.jsonl"]);
    assert_eq!(ran.code, 2);
    ran.prints("--edge: collection \"c\" exists and holds documents");
    still_two(&place);

    place.run(&["-c", "e", "--edge", "edges.jsonl"]).expect(1, [1, 1, 0, 0]).prints("edges.jsonl:2: ");
    // The kind is the collection's from then on, said or not.
    place.run(&["-c", "e", "--on-duplicate", "ignore", "edges.jsonl"]).expect(1, [0, 1, 0, 1]);
    let ends: (String, String) =
        place.open().query_row("SELECT _from, _to FROM e", [], |row| Ok((row.get(0)?, row.get(1)?))).expect("the edge");
    assert_eq!(ends, ("x/1".to_owned(), "x/2".to_owned()));
}

/// One document a value, with keys k0, k1, ...
fn values(values: &[&str]) -> String {
    values.iter().enumerate().map(|(n, value)| format!("{{\"_key\":\"k{n}\"{value}}}\n")).collect()
}

#[test]
fn unique_distinguishes_values_by_type_and_numbers_by_value() {
    let place = Place::new();
    let different = [
        ",\"u\":1",
        ",\"u\":\"1\"",
        ",\"u\":true",
        ",\"u\":\"true\"",
        ",\"u\":null",
        ",\"u\":\"null\"",
        ",\"u\":0",
        ",\"u\":false",
        ",\"u\":\"\"",
        ",\"u\":[]",
        ",\"u\":{}",
        ",\"u\":[1]",
        ",\"u\":{\"a\":1}",
        ",\"u\":\"[]\"",
        ",\"u\":\"a\"",
        ",\"u\":\"A\"",
        ",\"u\":18446744073709551616",
        ",\"u\":18446744073709551617",
    ];
    let many = different.len() as u64;
    place.import_text("a.jsonl", values(&different), &["--unique", "u"]).expect(0, [many, 0, 0, 0]);
    for (n, same) in [
        ",\"u\":1",
        ",\"u\":1.0",
        ",\"u\":10e-1",
        ",\"u\":\"\\u0031\"",
        ",\"u\":true",
        ",\"u\":-0.0",
        ",\"u\": [ ]",
        ",\"u\":{ \"a\" : 1 }",
    ]
    .into_iter()
    .enumerate()
    {
        let ran = place.import_text("b.jsonl", format!("{{\"_key\":\"same{n}\"{same}}}"), &[]);
        assert_eq!(ran.counts(), [0, 1, 0, 0], "{same}");
        ran.prints("b.jsonl:1: another document has the same \"u\"");
    }
    let missing = values(&[",\"u\":null", "", ",\"u\":null", ""]).replace(":\"k", ":\"missing");
    place.import_text("c.jsonl", missing, &[]).expect(0, [4, 0, 0, 0]);
}

/// Imports k0 with u=1 and k1 with u=2 into a collection with a unique u, then these lines.
fn on_unique(mode: &str, text: &str) -> (Place, Ran) {
    let place = Place::new();
    place.import_text("a.jsonl", values(&[",\"u\":1", ",\"u\":2"]), &["--unique", "u"]).expect(0, [2, 0, 0, 0]);
    let ran = place.import_text("b.jsonl", text, &["--unique", "u", "--on-duplicate", mode]);
    (place, ran)
}

#[test]
fn a_value_that_another_document_has_is_an_error_in_all_modes_but_ignore() {
    let new = "{\"_key\":\"new\",\"u\":1}\n";
    for mode in ["error", "update", "replace"] {
        let (place, ran) = on_unique(mode, new);
        ran.expect(1, [0, 1, 0, 0]).prints("b.jsonl:1: another document has the same \"u\"");
        assert_eq!(place.docs().len(), 2);
    }
    let (place, ran) = on_unique("ignore", new);
    ran.expect(0, [0, 0, 0, 1]);
    assert_eq!(place.docs().len(), 2);
}

#[test]
fn only_the_key_decides_what_is_updated_or_replaced() {
    for mode in ["update", "replace"] {
        // Its own value again, a free one, and then the one of the other.
        let text = "{\"_key\":\"k0\",\"u\":1}\n{\"_key\":\"k0\",\"u\":3}\n{\"_key\":\"k0\",\"u\":2}\n{\"_key\":\"n\",\"u\":1}\n";
        let (place, ran) = on_unique(mode, text);
        ran.expect(1, [1, 1, 2, 0]).prints("b.jsonl:3: another document has the same \"u\"");
        let docs = ["{\"_key\":\"k0\",\"u\":3}", "{\"_key\":\"k1\",\"u\":2}", "{\"_key\":\"n\",\"u\":1}"];
        assert_eq!(place.docs(), docs);
    }
}

#[test]
fn documents_without_a_key_are_unique_by_their_value() {
    for (mode, code, counts) in [("error", 1, [1, 1, 0, 0]), ("ignore", 0, [1, 0, 0, 1]), ("update", 1, [1, 1, 0, 0])] {
        let (_, ran) = on_unique(mode, "{\"u\":1}\n{\"u\":7}\n");
        ran.expect(code, counts);
    }
}

#[test]
fn unique_holds_within_an_input_and_along_a_path() {
    let place = Place::new();
    let text = "{\"_key\":\"a\",\"o\":{\"u\":1}}\n{\"_key\":\"b\",\"o\":{\"u\":1}}\n{\"_key\":\"c\",\"u\":1}\n";
    let ran = place.import_text("a.jsonl", text, &["--unique", "o.u"]);
    ran.expect(1, [2, 1, 0, 0]).prints("a.jsonl:2: another document has the same \"o.u\"");
}

#[test]
fn unique_fields_may_have_any_name() {
    for name in ["a\"b", "a'b", "a\\b", "$", "größe", "a b", "_unique_", "u[0]", "*"] {
        let place = Place::new();
        let name_in_json = serde_json::to_string(name).expect("JSON");
        let text =
            format!("{{\"_key\":\"a\",{name_in_json}:1}}\n{{\"_key\":\"b\",{name_in_json}:1}}\n{{\"_key\":\"c\"}}\n");
        let ran = place.import_text("a.jsonl", text, &["--unique", name]);
        ran.expect(1, [2, 1, 0, 0]).prints(&format!("a.jsonl:2: another document has the same \"{name}\""));
    }
    let place = Place::new();
    let text = "{\"_key\":\"a\",\"u\":1}\n{\"_key\":\"b\",\"\\u0075\":1}\n";
    place.import_text("a.jsonl", text, &["--unique", "u"]).expect(1, [1, 1, 0, 0]);
}

#[test]
fn unique_fields_may_differ_in_case_only() {
    let place = Place::new();
    let text = "{\"_key\":\"a\",\"u\":1,\"U\":1}\n{\"_key\":\"b\",\"u\":2,\"U\":1}\n{\"_key\":\"c\",\"u\":1,\"U\":2}\n";
    let ran = place.import_text("a.jsonl", text, &["--unique", "u", "--unique", "U"]);
    ran.expect(1, [1, 2, 0, 0]).prints("a.jsonl:2: another document has the same \"U\"").prints("same \"u\"");
}

#[test]
fn unique_fields_of_one_collection_do_not_touch_another() {
    let place = Place::new();
    place.file("a.jsonl", "{\"_key\":\"a\",\"x_key\":1}\n{\"_key\":\"b\",\"x_key\":1}\n");
    place.run(&["-c", "c_unique_x", "a.jsonl"]).expect(0, [2, 0, 0, 0]);
    place.import(&["--unique", "x_key", "a.jsonl"]).expect(1, [1, 1, 0, 0]);
    place.run(&["-c", "c_unique_x", "--overwrite", "a.jsonl"]).expect(0, [2, 0, 0, 0]);
    place.import_text("b.jsonl", "{\"_key\":\"n\",\"x_key\":1}", &[]).expect(1, [0, 1, 0, 0]);
}

#[test]
fn unique_is_refused_where_stored_documents_contradict_it() {
    let place = Place::new();
    place.import_text("a.jsonl", values(&[",\"u\":1", ",\"u\":1"]), &[]).expect(0, [2, 0, 0, 0]);
    let before = place.docs();
    let ran = place.import_text("b.jsonl", "{\"_key\":\"new\",\"u\":2}", &["--unique", "u"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_eq!(ran.count("unsent"), 1);
    ran.prints("--unique u");
    assert_eq!(place.docs(), before);
}

#[test]
fn a_document_that_a_unique_index_cannot_read_is_an_error_in_every_mode() {
    let deep = format!("{{\"_key\":\"a\",\"u\":1,\"d\":{}{}}}\n", "[".repeat(1_500), "]".repeat(1_500));
    for mode in ["error", "ignore", "replace", "update"] {
        let place = Place::new();
        let arguments = ["--unique", "u", "--on-duplicate", mode];
        let ran = place.import_text("a.jsonl", format!("{deep}{THIRD}"), &arguments);
        ran.expect(1, [1, 1, 0, 0]).prints("a.jsonl:1: SQLite cannot read this document");
    }
}

#[test]
fn names_that_sqlite_would_confuse_are_refused() {
    let place = Place::new();
    place.file("two.jsonl", TWO);
    let other = Connection::open(place.store()).expect("a database");
    other.execute_batch("CREATE TABLE Foreign_Table (x); CREATE INDEX an_index ON Foreign_Table (x)").expect("SQL");
    drop(other);
    place.run(&["-c", "products", "two.jsonl"]).expect(0, [2, 0, 0, 0]);
    for (name, why) in [
        ("Products", "\"products\", and SQLite ignores case"),
        ("Foreign_Table", "that is not a collection"),
        ("foreign_table", "SQLite ignores case"),
        ("an_index", "that is not a collection"),
        ("sqlite_mine", "sqlite_"),
        ("SQLite_Mine", "sqlite_"),
        ("bulkimport_collections", "bulkimport_"),
        ("Bulkimport_x", "bulkimport_"),
        ("", "blank"),
    ] {
        let before = std::fs::read(place.store()).expect("the store");
        let ran = place.run(&["-c", name, "two.jsonl"]);
        assert_eq!(ran.code, 2, "{name}: {}", ran.stderr);
        ran.prints(why);
        assert_eq!(std::fs::read(place.store()).expect("the store"), before, "{name}");
    }
}

#[test]
fn reserved_names_are_refused_before_there_is_a_store() {
    for name in ["sqlite_x", "bulkimport_x"] {
        let place = Place::new();
        place.file("two.jsonl", TWO);
        assert_eq!(place.run(&["-c", name, "two.jsonl"]).code, 2);
        assert!(place.is_untouched(), "{name}");
    }
}

#[test]
fn a_collection_may_have_any_other_name() {
    let odd = ["a b", "a\"b", "a'b", "a;DROP TABLE c;--", "größe", "商品", "select", "a.b", "a\\b", "%", "$(x)", "-x"];
    let place = with_two();
    place.file("a.jsonl", format!("{TWO}{TWO}"));
    for name in odd {
        let collection = format!("--collection={name}");
        place.run(&[&collection, "a.jsonl"]).expect(1, [2, 2, 0, 0]);
        place.run(&[&collection, "--on-duplicate", "update", "--unique", "n", "a.jsonl"]).expect(0, [0, 0, 4, 0]);
        place.run(&[&collection, "--overwrite", "--unique", "n", "two.jsonl"]).expect(0, [2, 0, 0, 0]);
        place.run(&[&collection, "--delete-keys", "two.jsonl"]).expect(0, [0, 0, 0, 0]);
        assert!(place.rows(&name.replace('"', "\"\"")).is_empty(), "{name}");
    }
    still_two(&place);
}
