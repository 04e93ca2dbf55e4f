//! Elasticsearch bulk lines on the store.

use crate::support::{Place, Ran, testdata};

/// Imports bulk lines into collection `c`.
fn bulk(place: &Place, lines: &[&str]) -> Ran {
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    place.import_text("a.bulk", text, &["-t", "bulk"])
}

/// Key, version and document of every row.
fn rows(place: &Place, collection: &str) -> Vec<(String, i64, String)> {
    place.rows(collection).into_iter().map(|row| (row.key, row.version, row.doc)).collect()
}

fn row(key: &str, version: i64, doc: &str) -> (String, i64, String) {
    (key.to_owned(), version, doc.to_owned())
}

#[test]
fn index_stores_whatever_is_there() {
    let place = Place::new();
    let ran = bulk(
        &place,
        &["{\"index\":{\"_id\":\"a\"}}", "{ \"n\" : 1.0 }", "{\"index\":{\"_id\":\"a\"}}", "{\"m\":2, \"_key\":9}"],
    );
    ran.expect(0, [1, 0, 1, 0]);
    assert_eq!(rows(&place, "c"), [row("a", 2, "{\"m\":2, \"_key\":9}")]);
}

#[test]
fn create_keeps_what_is_there_and_is_an_error() {
    let place = Place::new();
    let ran = bulk(&place, &["{\"create\":{\"_id\":\"a\"}}", "{\"n\":1}", "{\"create\":{\"_id\":\"a\"}}", "{\"n\":2}"]);
    ran.expect(1, [1, 1, 0, 0]).prints("a.bulk:3: duplicate key \"a\"");
    assert_eq!(rows(&place, "c"), [row("a", 1, "{\"n\":1}")]);
}

#[test]
fn delete_removes_and_ignores_what_is_missing() {
    let place = Place::new();
    let ran = bulk(
        &place,
        &[
            "{\"index\":{\"_id\":\"a\"}}",
            "{\"n\":1}",
            "{\"delete\":{\"_id\":\"a\"}}",
            "{\"delete\":{\"_id\":\"a\"}}",
            "{\"index\":{\"_id\":\"b\"}}",
            "{}",
        ],
    );
    ran.expect(0, [2, 0, 0, 1]);
    assert_eq!(ran.count("deleted"), 1);
    assert_eq!(rows(&place, "c"), [row("b", 1, "{}")]);
}

#[test]
fn update_merges_a_doc_into_what_is_there() {
    let place = Place::new();
    bulk(
        &place,
        &["{\"index\":{\"_id\":\"a\"}}", "{\"o\":{\"x\":1.0,\"y\":2},\"l\":[1,2],\"k\":12345678901234567890}"],
    )
    .expect(0, [1, 0, 0, 0]);
    let ran = bulk(
        &place,
        &[
            "{\"update\":{\"_id\":\"a\"}}",
            "{\"doc\":{\"o\":{\"y\":null,\"z\":3},\"l\":[9]}}",
            "{\"update\":{\"_id\":\"b\"}}",
            "{\"doc\":{\"n\":1}}",
        ],
    );
    ran.expect(1, [0, 1, 1, 0]).prints("a.bulk:3: no document with key \"b\" to update");
    let merged = "{\"o\":{\"x\":1.0,\"y\":null,\"z\":3},\"l\":[9],\"k\":12345678901234567890}";
    assert_eq!(rows(&place, "c"), [row("a", 2, merged)]);
}

#[test]
fn an_update_that_changes_nothing_keeps_the_version_unless_detect_noop_is_off() {
    let place = Place::new();
    bulk(&place, &["{\"index\":{\"_id\":\"a\"}}", "{\"n\":1}"]);
    bulk(&place, &["{\"update\":{\"_id\":\"a\"}}", "{\"doc\":{\"n\":1}}"]).expect(0, [0, 0, 1, 0]);
    assert_eq!(rows(&place, "c"), [row("a", 1, "{\"n\":1}")]);
    bulk(&place, &["{\"update\":{\"_id\":\"a\"}}", "{\"doc\":{\"n\":1},\"detect_noop\":false}"])
        .expect(0, [0, 0, 1, 0]);
    assert_eq!(rows(&place, "c"), [row("a", 2, "{\"n\":1}")]);
}

#[test]
fn doc_as_upsert_and_upsert_store_what_is_missing() {
    let place = Place::new();
    let lines = [
        "{\"update\":{\"_id\":\"a\"}}",
        "{\"doc\":{\"n\":1},\"doc_as_upsert\":true}",
        "{\"update\":{\"_id\":\"b\"}}",
        "{\"doc\":{\"n\":1},\"upsert\":{\"fresh\":true}}",
    ];
    bulk(&place, &lines).expect(0, [2, 0, 0, 0]);
    assert_eq!(rows(&place, "c"), [row("a", 1, "{\"n\":1}"), row("b", 1, "{\"fresh\":true}")]);
    bulk(&place, &lines).expect(0, [0, 0, 2, 0]);
    assert_eq!(rows(&place, "c"), [row("a", 1, "{\"n\":1}"), row("b", 2, "{\"fresh\":true,\"n\":1}")]);
}

#[test]
fn an_action_without_an_id_gets_a_generated_one_if_it_can() {
    let place = Place::new();
    let ran = bulk(
        &place,
        &[
            "{\"index\":{}}",
            "{\"n\":1}",
            "{\"create\":{\"_id\":null}}",
            "{\"n\":2}",
            "{\"update\":{}}",
            "{\"doc\":{}}",
            "{\"delete\":{}}",
        ],
    );
    ran.expect(1, [2, 2, 0, 0])
        .prints("a.bulk:5: missing \"_id\" in the action line")
        .prints("a.bulk:7: missing \"_id\" in the action line");
    assert_eq!(place.docs(), ["{\"n\":1}", "{\"n\":2}"]);
}

#[test]
fn ids_may_be_any_text_of_up_to_512_bytes() {
    let place = Place::new();
    let (longest, too_long) = ("ü".repeat(256), "x".repeat(513));
    let ids = ["a b/c", "ü☃", "\\u0061\\n\\\"", "007", &longest, "", &too_long];
    let lines: Vec<String> =
        ids.iter().flat_map(|id| [format!("{{\"index\":{{\"_id\":\"{id}\"}}}}"), "{}".to_owned()]).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).chain(["{\"index\":{\"_id\":17}}", "{}"]).collect();
    let ran = bulk(&place, &lines);
    ran.expect(1, [6, 2, 0, 0])
        .prints("a.bulk:11: ")
        .prints("a.bulk:13: the id is too long: 513 bytes, the maximum is 512");
    let keys: Vec<String> = place.rows("c").into_iter().map(|row| row.key).collect();
    assert_eq!(keys, ["a b/c", "ü☃", "a\n\"", "007", &longest, "17"]);
}

#[test]
fn what_no_server_takes_either_is_an_error_of_its_item() {
    let place = Place::new();
    let mut lines = Vec::new();
    let meta = ["\"pipeline\":\"p\"", "\"require_alias\":true", "\"_type\":\"t\"", "\"nonsense\":1"];
    for meta in meta {
        lines.extend([format!("{{\"index\":{{\"_id\":\"bad\",{meta}}}}}"), "{}".to_owned()]);
    }
    for source in ["{\"doc\":{},\"script\":\"x\"}", "{\"n\":1}", "{}", "{\"doc\":1}"] {
        lines.extend(["{\"update\":{\"_id\":\"bad\"}}".to_owned(), source.to_owned()]);
    }
    lines.extend([
        "{\"index\":{\"_id\":\"good\",\"routing\":\"\",\"require_alias\":false}}".to_owned(),
        "{}".to_owned(),
    ]);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let ran = bulk(&place, &lines);
    ran.expect(1, [1, 8, 0, 0])
        .prints("a.bulk:1: illegal_argument_exception: pipeline with id [p] does not exist")
        .prints("a.bulk:3: index_not_found_exception: no such index [c] and [require_alias] request flag is [true]")
        .prints("a.bulk:5: illegal_argument_exception: Action/metadata line [5] contains an unknown parameter [_type]")
        .prints("a.bulk:9: action_request_validation_exception: Validation Failed: 1: can't provide both script and doc;")
        .prints("a.bulk:11: x_content_parse_exception: [1:2] [UpdateRequest] unknown field [n]")
        .prints("a.bulk:13: action_request_validation_exception: Validation Failed: 1: script or doc is missing;")
        .prints("a.bulk:15: x_content_parse_exception: [1:8] [UpdateRequest] doc doesn't support values of type: VALUE_NUMBER");
    assert_eq!(rows(&place, "c"), [row("good", 1, "{}")]);
}

#[test]
fn a_source_that_is_missing_or_broken_costs_its_action() {
    let place = Place::new();
    let ran = bulk(
        &place,
        &[
            "{\"index\":{\"_id\":\"a\"}}",
            "",
            "{\"index\":{\"_id\":\"b\"}}",
            "{oops",
            "{\"index\":{\"_id\":\"c\"}}",
            "{}",
            "{\"create\":{\"_id\":\"d\"}}",
        ],
    );
    ran.expect(1, [1, 3, 0, 0])
        .prints("a.bulk:1: the source on line 2 is blank")
        .prints("a.bulk:3: the source on line 4:")
        .prints("a.bulk:7: unexpected end of input before the source of this action");
    assert_eq!(rows(&place, "c"), [row("c", 1, "{}")]);
}

#[test]
fn an_unknown_action_costs_its_source_too() {
    let place = Place::new();
    let ran = bulk(
        &place,
        &[
            "{\"upsert\":{\"_id\":\"a\"}}",
            "{\"n\":1}",
            "{\"index\":{\"_id\":\"b\"}}",
            "{\"n\":2}",
            "{\"index\":7}",
            "{\"n\":3}",
        ],
    );
    ran.expect(1, [1, 2, 0, 0])
        .prints("a.bulk:1: unknown action \"upsert\" (expected index, create, update or delete)")
        .prints("a.bulk:5: the metadata of the action is a number");
    assert_eq!(rows(&place, "c"), [row("b", 1, "{\"n\":2}")]);
}

#[test]
fn a_line_that_may_be_an_action_or_a_source_stops_the_run() {
    let place = Place::new();
    let ran = bulk(&place, &["{\"index\":{\"_id\":\"a\"}}", "{}", "{\"x\":{}}", "{\"delete\":{\"_id\":\"a\"}}"]);
    ran.expect(5, [1, 1, 0, 0]).prints("a.bulk:4").prints("line 4 may be an action");
    assert_eq!(rows(&place, "c"), [row("a", 1, "{}")]);
}

#[test]
fn lines_that_name_their_own_collections_need_none() {
    let place = Place::new();
    let text = "{\"index\":{\"_index\":\"films\",\"_id\":\"1\"}}\n{\"a\":1}\n{\"create\":{\"_index\":\"people\",\"_id\":\"1\"}}\n{\"a\":2}\n\
                {\"index\":{\"_id\":\"2\"}}\n{\"a\":3}\n{\"index\":{\"_index\":\"sqlite_x\",\"_id\":\"1\"}}\n{\"a\":4}\n{\"delete\":{\"_index\":\"people\",\"_id\":\"1\"}}\n";
    place.file("a.bulk", text);
    let ran = place.run(&["-t", "bulk", "a.bulk"]);
    ran.expect(1, [2, 2, 0, 0])
        .prints("a.bulk:5: missing \"_index\" in the action line, and no --collection")
        .prints("a.bulk:7: collection \"sqlite_x\"");
    assert_eq!(ran.count("deleted"), 1);
    assert_eq!(rows(&place, "films"), [row("1", 1, "{\"a\":1}")]);
    assert_eq!(rows(&place, "people"), []);
}

#[test]
fn a_line_that_names_a_collection_beats_the_command_line() {
    let place = Place::new();
    let ran = bulk(
        &place,
        &[
            "{\"index\":{\"_index\":\"other\",\"_id\":\"1\"}}",
            "{\"a\":1}",
            "{\"index\":{\"_id\":\"1\"}}",
            "{\"a\":2}",
            "{\"index\":{\"_index\":\"c\",\"_id\":\"1\"}}",
            "{\"a\":3}",
        ],
    );
    ran.expect(0, [2, 0, 1, 0]);
    assert_eq!(rows(&place, "other"), [row("1", 1, "{\"a\":1}")]);
    assert_eq!(rows(&place, "c"), [row("1", 2, "{\"a\":3}")]);
}

#[test]
fn a_collection_may_be_spelt_with_escapes() {
    let place = Place::new();
    let lines = [
        "{\"index\":{\"_index\":\"caf\\u00e9\",\"_id\":\"1\"}}",
        "{}",
        "{\"index\":{\"_index\":\"\\u0063\",\"_id\":\"\\u0032\"}}",
        "{}",
        "{\"index\":{\"_index\":\"\\ud800\",\"_id\":\"1\"}}",
        "{}",
        "{\"index\":{\"_index\":\"\\u0000\",\"_id\":\"1\"}}",
        "{}",
    ];
    bulk(&place, &lines).expect(1, [2, 2, 0, 0]).prints("a.bulk:5: \"_index\" has an unpaired surrogate");
    assert_eq!(rows(&place, "café"), [row("1", 1, "{}")]);
    assert_eq!(rows(&place, "c"), [row("2", 1, "{}")]);
}

#[test]
fn the_actions_on_one_id_are_applied_in_their_order() {
    let place = Place::new();
    let lines = [
        "{\"delete\":{\"_id\":\"a\"}}",
        "{\"create\":{\"_id\":\"a\"}}",
        "{\"n\":1}",
        "{\"update\":{\"_id\":\"a\"}}",
        "{\"doc\":{\"m\":2}}",
        "{\"delete\":{\"_id\":\"a\"}}",
        "{\"create\":{\"_id\":\"a\"}}",
        "{\"n\":3}",
    ];
    let ran = bulk(&place, &lines);
    ran.expect(0, [2, 0, 1, 1]);
    assert_eq!(ran.count("deleted"), 1);
    // The delete of what is missing makes a version too, as in Elasticsearch.
    assert_eq!(rows(&place, "c"), [row("a", 5, "{\"n\":3}")]);
}

#[test]
fn flags_that_bulk_lines_decide_themselves_are_refused() {
    for flag in [&["--on-duplicate", "update"][..], &["--key", "k"], &["--delete-keys"], &["--overwrite"]] {
        let place = Place::new();
        let ran = place.import_text("a.bulk", "{\"index\":{}}\n{}\n", &[&["-t", "bulk"], flag].concat());
        assert_eq!(ran.code, 2);
        ran.prints("and --type bulk cannot be used together");
        assert!(place.is_untouched());
    }
}

#[test]
fn films_take_the_long_way() {
    let place = Place::new();
    let films = testdata("films.bulk");
    let ran = place.import(&["-t", "bulk", films.to_str().expect("UTF-8")]);
    ran.expect(0, [13, 0, 3, 1]);
    assert_eq!((ran.count("deleted"), ran.count("read"), place.docs().len()), (1, 18, 12));
}

#[test]
fn line_ends_blank_lines_and_a_byte_order_mark_are_no_part_of_an_action() {
    let place = Place::new();
    let text = "\u{feff}{\"index\":{\"_id\":\"a\"}}\r\n {\"n\":1} \r\n\r\n{\"delete\":{\"_id\":\"b\"}}\r\n\n{\"create\":{\"_id\":\"c\"}}\n{}";
    let ran = place.import_text("a.bulk", text, &["-t", "bulk"]);
    ran.expect(0, [2, 0, 0, 1]);
    assert_eq!(ran.count("empty"), 2);
    assert_eq!(rows(&place, "c"), [row("a", 1, "{\"n\":1}"), row("c", 1, "{}")]);
}

#[test]
fn the_limit_counts_actions_and_not_lines() {
    let place = Place::new();
    let text = "# two lines\n\n{\"index\":{\"_id\":\"a\"}}\n{}\n{\"delete\":{\"_id\":\"z\"}}\n{\"index\":{\"_id\":\"b\"}}\n{}\n";
    let ran = place.import_text("a.bulk", text, &["-t", "bulk", "--skip-lines", "2", "--limit", "2"]);
    ran.expect(0, [1, 0, 0, 1]);
}

#[test]
fn a_record_of_another_format_may_look_like_an_action() {
    let place = Place::new();
    let lines = "{\"delete\":{\"_id\":\"a\"}}\n{\"_key\":\"a\"}\n";
    place.import_text("a.jsonl", lines, &["-t", "jsonl"]).expect(0, [2, 0, 0, 0]);
    assert_eq!(place.docs(), lines.lines().collect::<Vec<_>>());
}
