//! What the store does with bulk lines that say more than a key and a document, and the items that `--results` shows of them.

use crate::support::{Place, Ran};
use serde_json::{Value, json};

/// Imports bulk lines into collection `c` and returns the run and its items, each as operation, status, result or type of
/// error, version and sequence number.
fn items(place: &Place, lines: &[&str]) -> (Ran, Vec<Value>) {
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    let ran = place.import_text("a.bulk", text, &["-t", "bulk", "--results", "results"]);
    let item = |line: Value| {
        let outcome = if line["result"].is_null() { &line["error"]["type"] } else { &line["result"] };
        json!([line["op"], line["status"], outcome, line["version"], line["seq_no"]])
    };
    (ran, results(place).into_iter().map(item).collect())
}

fn results(place: &Place) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path("results")).expect("results");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of the results is JSON")).collect()
}

const CONFLICT: &str = "version_conflict_engine_exception";

#[test]
fn each_action_has_the_item_that_a_server_would_give() {
    let place = Place::new();
    let lines = [
        "{\"index\":{\"_id\":\"a\"}}",
        "{\"n\":1}",
        "{\"create\":{\"_id\":\"a\"}}",
        "{}",
        "{\"update\":{\"_id\":\"a\"}}",
        "{\"doc\":{\"n\":2}}",
        "{\"update\":{\"_id\":\"a\"}}",
        "{\"doc\":{\"n\":2}}",
        "{\"update\":{\"_id\":\"b\"}}",
        "{\"doc\":{}}",
        "{\"delete\":{\"_id\":\"a\"}}",
        "{\"delete\":{\"_id\":\"a\"}}",
    ];
    let (ran, items) = items(&place, &lines);
    ran.expect(1, [1, 2, 2, 1]);
    let expected = [
        json!(["index", 201, "created", 1, 0]),
        json!(["create", 409, CONFLICT, null, null]),
        json!(["update", 200, "updated", 2, 1]),
        json!(["update", 200, "noop", 2, 1]),
        json!(["update", 404, "document_missing_exception", null, null]),
        json!(["delete", 200, "deleted", 3, 2]),
        json!(["delete", 404, "not_found", 4, 3]),
    ];
    assert_eq!(items, expected);
    let error = json!({"type": CONFLICT, "reason": "[a]: version conflict, document already exists (current version [1])", "index": "c"});
    assert_eq!(results(&place)[1]["error"], error);
}

#[test]
fn documents_of_any_format_have_items_too() {
    let place = Place::new();
    let text = "{\"_key\":\"a\"}\n{\"_key\":\"a\"}\noops\n{\"_key\":\"b\"}\n";
    let ran = place.import_text("a.jsonl", text, &["--results", "results"]);
    ran.expect(1, [2, 2, 0, 0]).prints("a.jsonl:2: duplicate key \"a\"");
    let shown: Vec<Value> = results(&place)
        .into_iter()
        .map(|line| json!([line["line"], line["counted"], line["id"], line["status"]]))
        .collect();
    let expected = [
        json!([3, "error", null, null]),
        json!([1, "created", "a", 201]),
        json!([2, "error", "a", 409]),
        json!([4, "created", "b", 201]),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_condition_on_the_sequence_number_must_hold() {
    let place = Place::new();
    let lines = [
        "{\"index\":{\"_id\":\"a\"}}",
        "{}",
        "{\"index\":{\"_id\":\"a\",\"if_seq_no\":0,\"if_primary_term\":1}}",
        "{\"n\":1}",
        "{\"index\":{\"_id\":\"a\",\"if_seq_no\":0,\"if_primary_term\":1}}",
        "{\"n\":2}",
        "{\"update\":{\"_id\":\"a\",\"if_seq_no\":1,\"if_primary_term\":2}}",
        "{\"doc\":{\"n\":3}}",
        "{\"delete\":{\"_id\":\"b\",\"if_seq_no\":1,\"if_primary_term\":1}}",
        "{\"update\":{\"_id\":\"a\"}}",
        "{\"doc\":{\"n\":4},\"if_seq_no\":1,\"if_primary_term\":1}",
    ];
    let (ran, items) = items(&place, &lines);
    ran.expect(1, [1, 3, 2, 0])
        .prints("required seqNo [0], primary term [1]. current document has seqNo [1] and primary term [1]")
        .prints("[b]: version conflict, required seqNo [1], primary term [1]. but no document was found");
    let conflict = |op: &str| json!([op, 409, CONFLICT, null, null]);
    let expected = [
        json!(["index", 201, "created", 1, 0]),
        json!(["index", 200, "updated", 2, 1]),
        conflict("index"),
        conflict("update"),
        conflict("delete"),
        json!(["update", 200, "updated", 3, 2]),
    ];
    assert_eq!(items, expected);
}

#[test]
fn external_versions_only_grow_also_over_a_delete() {
    let place = Place::new();
    let external = |op: &str, version: u64, kind: &str| {
        format!("{{\"{op}\":{{\"_id\":\"a\",\"version\":{version},\"version_type\":\"{kind}\"}}}}")
    };
    let lines = [
        &external("index", 5, "external"),
        "{}",
        &external("index", 5, "external"),
        "{}",
        &external("index", 5, "external_gte"),
        "{}",
        &external("delete", 9, "external"),
        &external("index", 8, "external_gte"),
        "{}",
        "{\"index\":{\"_id\":\"a\"}}",
        "{}",
    ];
    let (ran, items) = items(&place, &lines);
    ran.expect(1, [2, 2, 1, 0]).prints("current version [9] is higher than the one provided [8]");
    let conflict = json!(["index", 409, CONFLICT, null, null]);
    let expected = [
        json!(["index", 201, "created", 5, 0]),
        conflict.clone(),
        json!(["index", 200, "updated", 5, 1]),
        json!(["delete", 200, "deleted", 9, 2]),
        conflict,
        json!(["index", 201, "created", 10, 3]),
    ];
    assert_eq!(items, expected);
}

#[test]
fn lines_with_versions_fill_an_empty_collection() {
    let place = Place::new();
    let versioned = |key: &str, version: u64| {
        format!(
            "{{\"index\":{{\"_id\":\"{key}\",\"version\":{version},\"version_type\":\"external\"}}}}\n{{\"v\":{version}}}\n"
        )
    };
    let plain = |key: &str| format!("{{\"index\":{{\"_id\":\"{key}\"}}}}\n{{\"v\":0}}\n");
    let text = [
        versioned("a", 7),
        plain("b"),
        versioned("c", 0),
        // A plain line goes on from the version that is there, and a lower version is a conflict.
        plain("a"),
        versioned("a", 8),
        versioned("d", 3),
        versioned("b", 5),
    ]
    .concat();
    let ran = place.import_text("a.bulk", &text, &["-t", "bulk"]);
    ran.expect(1, [4, 1, 2, 0]).prints("a.bulk:9: version_conflict_engine_exception: [a]: version conflict");
    let mut rows: Vec<(String, i64, String)> =
        place.rows("c").into_iter().map(|row| (row.key, row.version, row.doc)).collect();
    rows.sort();
    let row = |key: &str, version: i64, value: i64| (key.to_owned(), version, format!("{{\"v\":{value}}}"));
    assert_eq!(rows, [row("a", 8, 0), row("b", 5, 5), row("c", 0, 0), row("d", 3, 3)]);
}

#[test]
fn a_deleted_version_is_kept_from_one_run_to_the_next() {
    let place = Place::new();
    items(&place, &["{\"index\":{\"_id\":\"a\"}}", "{}", "{\"delete\":{\"_id\":\"a\"}}"]);
    place.open().execute("UPDATE bulkimport_tombstones SET deleted_at = 0", []).expect("a tombstone");
    let (_, items) = items(&place, &["{\"index\":{\"_id\":\"a\"}}", "{}"]);
    assert_eq!(items, [json!(["index", 201, "created", 3, 2])]);
}

#[test]
fn a_routing_is_stored_beside_its_document() {
    let place = Place::new();
    // A collection from before has no column for it.
    place.import_text("old.jsonl", "{\"_key\":\"old\"}\n", &[]);
    let lines = [
        "{\"index\":{\"_id\":\"a\",\"routing\":\"r\"}}",
        "{}",
        "{\"index\":{\"_id\":\"b\",\"routing\":7}}",
        "{}",
        "{\"update\":{\"_id\":\"a\"}}",
        "{\"script\":\"ctx._source.r = ctx._routing\"}",
        "{\"index\":{\"_id\":\"b\"}}",
        "{}",
    ];
    let (ran, _) = items(&place, &lines);
    ran.expect(0, [2, 0, 2, 0]);
    let store = place.open();
    let mut select = store.prepare("SELECT _key, _routing, doc FROM c ORDER BY _key").expect("a column for routings");
    let rows: Vec<(String, Option<String>, String)> = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("rows")
        .map(|row| row.expect("a row"))
        .collect();
    let row =
        |key: &str, routing: Option<&str>, doc: &str| (key.to_owned(), routing.map(str::to_owned), doc.to_owned());
    let expected = [row("a", Some("r"), "{\"r\":\"r\"}"), row("b", None, "{}"), row("old", None, "{\"_key\":\"old\"}")];
    assert_eq!(rows, expected);
}

#[test]
fn an_update_shows_the_fields_that_it_is_asked_for() {
    let place = Place::new();
    let doc = "{\"a\":1,\"o\":{\"x\":12345678901234567890,\"y\":2},\"l\":[{\"x\":1,\"y\":2}]}";
    let wanted = [
        ("true", doc),
        ("\"a\"", "{\"a\":1}"),
        ("[\"o.x\",\"a\"]", "{\"a\":1,\"o\":{\"x\":12345678901234567890}}"),
        ("[\"*.y\"]", "{\"o\":{\"y\":2},\"l\":[{\"y\":2}]}"),
        ("{\"includes\":\"o\",\"excludes\":[\"o.x\"]}", "{\"o\":{\"y\":2}}"),
        ("{\"excludes\":[\"o\",\"l\"]}", "{\"a\":1}"),
    ];
    let mut lines = vec!["{\"index\":{\"_id\":\"a\"}}".to_owned(), doc.to_owned()];
    for (source, _) in wanted {
        lines.extend(["{\"update\":{\"_id\":\"a\"}}".to_owned(), format!("{{\"doc\":{{}},\"_source\":{source}}}")]);
    }
    lines.extend([
        "{\"update\":{\"_id\":\"a\",\"_source\":false}}".to_owned(),
        "{\"doc\":{},\"_source\":true}".to_owned(),
    ]);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    items(&place, &lines).0.expect(0, [1, 0, 7, 0]);
    let text = std::fs::read_to_string(place.path("results")).expect("results");
    let shown: Vec<&str> = text.lines().skip(1).collect();
    for ((_, fields), line) in wanted.iter().zip(&shown) {
        let get = format!("\"get\":{{\"_seq_no\":0,\"_primary_term\":1,\"found\":true,\"_source\":{fields}}}");
        assert!(line.contains(&get), "{line}\n{get}");
    }
    assert!(!shown[6].contains("\"get\""), "what the action line says wins: {}", shown[6]);
}

#[test]
fn fields_of_a_document_of_very_many_levels_are_not_shown() {
    let place = Place::new();
    let deep = |levels: usize| {
        format!("{{\"doc\":{{\"a\":{}{}}},\"_source\":[\"a.b\"]}}", "[".repeat(levels), "]".repeat(levels))
    };
    let (some, many) = (deep(400), deep(100_000));
    let line = "{\"update\":{\"_id\":\"a\"}}";
    let (ran, items) = items(&place, &["{\"index\":{\"_id\":\"a\"}}", "{}", line, &some, line, &many]);
    ran.expect(1, [1, 1, 1, 0]).prints("nested deeper than 500 levels");
    assert_eq!(items[1], json!(["update", 200, "updated", 2, 1]));
}

#[test]
fn scripts_change_delete_or_leave_documents() {
    let place = Place::new();
    let script = |source: &str| {
        format!("{{\"script\":{{\"source\":\"{source}\",\"params\":{{\"by\":2}}}},\"upsert\":{{\"n\":1}}}}")
    };
    let update = "{\"update\":{\"_id\":\"a\"}}";
    let (add, none, delete) =
        (script("ctx._source.n += params.by"), script("ctx.op = 'none'"), script("ctx.op = 'delete'"));
    let declines = "{\"script\":\"ctx.op = 'none'\",\"scripted_upsert\":true,\"upsert\":{}}";
    let lines = [update, &add, update, &add, update, &none, update, &delete, update, declines];
    let (ran, items) = items(&place, &lines);
    ran.expect(0, [1, 0, 2, 1]);
    assert_eq!(ran.count("deleted"), 1);
    let expected = [
        json!(["update", 201, "created", 1, 0]),
        json!(["update", 200, "updated", 2, 1]),
        json!(["update", 200, "noop", 2, 1]),
        json!(["update", 200, "deleted", 3, 2]),
        json!(["update", 200, "noop", -1, null]),
    ];
    assert_eq!(items, expected);
}

#[test]
fn a_script_that_fails_or_never_ends_costs_its_action_alone() {
    let place = Place::new();
    let mut lines = vec!["{\"index\":{\"_id\":\"a\"}}".to_owned(), "{\"n\":1}".to_owned()];
    let sources = [
        "while (true) { }",
        "ctx._source.x.y = 1",
        "this is bad",
        "def l = []; while (true) { l.add('xxxxxxxxxxxxxxxx') }",
        "String s = 'x'; for (int i = 0; i < 100; i++) { s += s } ctx._source.s = s",
    ];
    for source in sources {
        lines.extend(["{\"update\":{\"_id\":\"a\"}}".to_owned(), json!({ "script": source }).to_string()]);
    }
    lines.extend(["{\"update\":{\"_id\":\"a\"}}".to_owned(), "{\"script\":\"ctx._source.n++\"}".to_owned()]);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    items(&place, &lines)
        .0
        .expect(1, [1, 5, 1, 0])
        .prints("a.bulk:3: illegal_argument_exception: failed to execute script");
    assert_eq!(place.docs(), ["{\"n\":2}"]);
}

#[test]
fn an_update_of_equal_values_is_no_change_however_they_are_written() {
    let place = Place::new();
    let doc = "{\"d\":1.0,\"s\":\"a\",\"o\":{\"x\":[{\"p\":1,\"q\":2}]}}";
    let update = |doc: &str| format!("{{\"doc\":{doc}}}");
    let same = update("{\"d\":1.00,\"s\":\"\\u0061\",\"o\":{\"x\":[{\"q\":2,\"p\":1}]}}");
    let other = update("{\"d\":1}");
    let line = "{\"update\":{\"_id\":\"a\"}}";
    let (ran, items) = items(&place, &["{\"index\":{\"_id\":\"a\"}}", doc, line, &same, line, &other]);
    ran.expect(0, [1, 0, 2, 0]);
    assert_eq!(items[1..], [json!(["update", 200, "noop", 1, 0]), json!(["update", 200, "updated", 2, 1])]);
}

#[test]
fn an_update_that_repeats_a_field_is_an_error() {
    let place = Place::new();
    let update = "{\"update\":{\"_id\":\"a\"}}";
    let lines = [
        "{\"index\":{\"_id\":\"a\"}}",
        "{\"q\":1,\"q\":2}",
        update,
        "{\"doc\":{\"a\":1,\"a\":2}}",
        update,
        "{\"doc\":{\"l\":[{\"x\":1,\"\\u0078\":2}]}}",
        update,
        "{\"doc\":{},\"upsert\":{\"a\":{\"b\":\"c\",\"b\":2}}}",
        update,
        "{\"script\":{\"source\":\"ctx._source.n = 1\",\"params\":{\"a\":1,\"a\":2}}}",
        update,
        "{\"doc\":{\"a\":{\"x\":\"\\n\"},\"b\":{\"x\":1e2}}}",
    ];
    let (ran, _) = items(&place, &lines);
    ran.expect(1, [1, 4, 1, 0]).prints(
        "a.bulk:3: x_content_parse_exception: [1:13] [UpdateRequest] failed to parse field [doc]; caused by: Duplicate field 'a'",
    );
    let causes: Vec<Value> = results(&place)
        .iter()
        .filter(|line| !line["error"].is_null())
        .map(|line| json!([line["error"]["reason"], line["error"]["caused_by"]["reason"]]))
        .collect();
    let expected = [
        json!(["[1:13] [UpdateRequest] failed to parse field [doc]", "Duplicate field 'a'"]),
        json!(["[1:19] [UpdateRequest] failed to parse field [doc]", "Duplicate field 'x'"]),
        json!(["[1:30] [UpdateRequest] failed to parse field [upsert]", "Duplicate field 'b'"]),
        json!(["[1:55] [UpdateRequest] failed to parse field [script]", "Duplicate field 'a'"]),
    ];
    assert_eq!(causes, expected);
    assert_eq!(place.docs(), ["{\"q\":1,\"q\":2,\"a\":{\"x\":\"\\n\"},\"b\":{\"x\":1e2}}"]);
}

#[test]
fn an_empty_name_of_a_collection_is_an_error() {
    let place = Place::new();
    let lines = [
        "{\"index\":{\"_id\":\"a\",\"_index\":\"\"}}",
        "{}",
        "{\"update\":{\"_id\":\"a\",\"_index\":\"\"}}",
        "{\"doc\":{},\"doc_as_upsert\":true}",
        "{\"delete\":{\"_id\":\"a\",\"_index\":\"\"}}",
        "{\"index\":{\"_id\":\"b\",\"_index\":null}}",
        "{}",
    ];
    let (ran, items) = items(&place, &lines);
    ran.expect(1, [1, 3, 0, 0]);
    let refused = |op: &str| json!([op, 400, "invalid_index_name_exception", null, null]);
    let missing = json!(["delete", 404, "index_not_found_exception", null, null]);
    assert_eq!(items, [refused("index"), refused("update"), missing, json!(["index", 201, "created", 1, 0])]);
}

#[test]
fn odd_fields_of_updates_are_taken_as_a_server_takes_them() {
    let place = Place::new();
    let update = "{\"update\":{\"_id\":\"a\"}}";
    let lines = [
        update,
        "{\"doc\":{},\"doc_as_upsert\":\"\"}",
        update,
        "{\"doc\":{},\"upsert\":{\"n\":1}}",
        update,
        "{\"script\":{\"source\":\"ctx._source.n = 2\",\"inline\":\"ctx._source.n = 3\"}}",
    ];
    let (ran, items) = items(&place, &lines);
    ran.expect(1, [1, 2, 0, 0]).prints("must only use one of [source, id] when specifying a script");
    let expected = [
        json!(["update", 404, "document_missing_exception", null, null]),
        json!(["update", 201, "created", 1, 0]),
        json!(["update", 400, "x_content_parse_exception", null, null]),
    ];
    assert_eq!(items, expected);
}

#[test]
fn a_delete_makes_no_collection_and_other_actions_do() {
    let place = Place::new();
    let text = "{\"delete\":{\"_index\":\"x\",\"_id\":\"1\"}}\n{\"update\":{\"_index\":\"y\",\"_id\":\"1\"}}\n{\"doc\":{}}\n\
                {\"delete\":{\"_index\":\"z\",\"_id\":\"1\",\"version\":3,\"version_type\":\"external\"}}\n";
    place.file("a.bulk", text);
    let ran = place.run(&["-t", "bulk", "--results", "results", "a.bulk"]);
    ran.expect(1, [0, 2, 0, 1]).prints("a.bulk:1: index_not_found_exception: no such index [x]");
    let names = place
        .open()
        .prepare("SELECT name FROM bulkimport_collections ORDER BY name")
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>());
    assert_eq!(names.expect("names"), ["y", "z"]);
}

#[test]
fn a_dry_run_finds_what_is_wrong_with_a_line() {
    let place = Place::new();
    let text = "{\"index\":{\"_id\":\"a\",\"if_seq_no\":1}}\n{}\n{\"index\":{\"_id\":\"a\",\"routing\":\"r\"}}\n{}\n\
                {\"update\":{\"_id\":\"a\"}}\n{\"n\":1}\n";
    let ran = place.import_text("a.bulk", text, &["-t", "bulk", "--dry-run"]);
    assert_eq!((ran.code, ran.count("errors"), ran.count("unsent")), (1, 2, 1));
    ran.prints(
        "a.bulk:1: action_request_validation_exception: Validation Failed: 1: ifSeqNo is set, but primary term is [0];",
    )
    .prints("a.bulk:5: x_content_parse_exception: [1:2] [UpdateRequest] unknown field [n]");
    assert!(place.is_untouched());
}

#[test]
fn results_of_a_run_that_is_undone_cannot_be_had() {
    let place = Place::new();
    let ran = place.import_text("a.jsonl", "{}\n", &["--complete", "--results", "results"]);
    assert_eq!(ran.code, 2);
    ran.prints("--results: not with --complete");
    assert!(place.is_untouched());
}
