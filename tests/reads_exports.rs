//! Exports of other programs: recognised by their first record, and read with the flags of the hint.

use crate::support::Place;

/// Asserts that a file is refused with these flags in the hint, that the flags read it, and that its type reads it as it is.
#[track_caller]
fn reads(name: &str, text: &str, flags: &str, keys: &[&str], docs: &[&str]) {
    let place = Place::new();
    let ran = place.import_text(name, text, &[]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    ran.prints(&format!("hint: write `{flags}`, or `-t "));
    assert!(place.is_untouched());
    let as_it_is = ran.stderr.split("`-t ").nth(1).and_then(|rest| rest.split('`').next()).expect("a type");
    let words: Vec<&str> = flags.split(' ').collect();
    place.import_text(name, text, &words).expect(0, [keys.len() as u64, 0, 0, 0]);
    let rows = place.rows("c");
    assert_eq!(rows.iter().map(|row| &*row.key).collect::<Vec<_>>(), keys);
    assert_eq!(rows.iter().map(|row| &*row.doc).collect::<Vec<_>>(), docs);
    let ran = Place::new().import_text(name, text, &["-t", as_it_is]);
    assert_eq!((ran.code, ran.count("errors")), (0, 0), "{}", ran.stderr);
}

const HITS: [&str; 2] = [
    r#"{"_index":"old","_type":"_doc","_id":"a","_score":1,"_source":{"n":9007199254740993}}"#,
    r#"{"_index":"old","_type":"_doc","_id":"b","_score":1,"_source":{"n":1.0}}"#,
];
const SOURCES: [&str; 2] = [r#"{"n":9007199254740993}"#, r#"{"n":1.0}"#];

#[test]
fn lines_of_elasticdump() {
    reads("a.json", &HITS.join("\n"), "--doc _source --key _id", &["a", "b"], &SOURCES);
    reads("a.json", &format!("[{}]", HITS.join(",\n")), "--doc _source --key _id", &["a", "b"], &SOURCES);
}

#[test]
fn a_saved_search_response() {
    let head = r#"{"took":3,"timed_out":false,"_shards":{"total":1},"hits":{"total":{"value":2},"hits":["#;
    let flags = "--records hits.hits --doc _source --key _id";
    let line = format!("{head}{}]}}}}", HITS.join(","));
    reads("answer.json", &line, flags, &["a", "b"], &SOURCES);
    reads("answer", &line.replace("\"took\"", "\n  \"took\""), flags, &["a", "b"], &SOURCES);
}

#[test]
fn a_search_response_that_is_longer_than_what_is_looked_at() {
    let hit = format!(r#"{{"_index":"i","_id":"a","_source":{{"x":"{}"}}}}"#, "x".repeat(3 << 20));
    let text = format!(r#"{{"took":3,"timed_out":false,"_shards":{{}},"hits":{{"hits":[{hit}]}}}}"#);
    let ran = Place::new().import_text("a.json", text, &[]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    ran.prints("hint: write `--records hits.hits --doc _source --key _id`, or `-t json`");
}

#[test]
fn an_export_of_kuzzle() {
    for head in [
        r#"{"type":"collection","index":"nyc","collection":"taxi"}"#,
        r#"{"collection":"taxi","index":"nyc","type":"collection"}"#,
    ] {
        let text = format!("{head}\n{{\"_id\":\"a\",\"body\":{{\"n\":1.0}}}}\n{{\"_id\":\"b\",\"body\":{{}}}}\n");
        reads("documents.jsonl", &text, "--skip-lines 1 --doc body --key _id", &["a", "b"], &["{\"n\":1.0}", "{}"]);
    }
}

#[test]
fn a_dump_of_arangodb() {
    let docs = [r#"{"_id":"c/a","_key":"a","_rev":"_x","n":1.0}"#, r#"{"_id":"c/b","_key":"b","_rev":"_y"}"#];
    let text = docs.map(|doc| format!("{{\"type\":2300,\"data\":{doc}}}\n")).concat();
    reads("c_4a8a08f09d37b73795649038408b5f33.data.json", &text, "--doc data", &["a", "b"], &docs);
}

#[test]
fn documents_with_some_of_these_fields_are_documents() {
    for text in [
        r#"{"_index":"a","n":1}"#,
        r#"{"_index":1,"_source":{}}"#,
        r#"{"_index":"a","_source":"web"}"#,
        r#"{"took":3,"hits":{}}"#,
        r#"{"type":"collection","index":"a","collection":"b","n":1}"#,
        r#"{"type":2300,"data":"x"}"#,
        r#"{"type":"x","data":{}}"#,
    ] {
        let place = Place::new();
        place.import_text("a.jsonl", text, &[]).expect(0, [1, 0, 0, 0]);
    }
}

#[test]
fn the_first_record_comes_late_from_a_pipe_and_is_recognised_all_the_same() {
    let place = Place::new();
    let text = HITS[0].replace("\"_source\":", "\n\n\"_source\":");
    let ran = place.pipe(&["-c", "c"], text.as_bytes());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    ran.prints("or `-t json` for the records as they are");
}
