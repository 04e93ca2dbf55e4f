//! Records inside of JSON values (`--records`), and documents inside of records (`--doc`).

use crate::support::Place;

const PAGE: &str = r#"{"total":2,"data":[{"_key":"a","n":1.0},{"_key":"b","n":9007199254740993}],"next":null}"#;
const DOCS: [&str; 2] = [r#"{"_key":"a","n":1.0}"#, r#"{"_key":"b","n":9007199254740993}"#];

#[test]
fn the_elements_of_an_array_in_one_object_are_records_as_they_were_written() {
    for (name, text) in [
        ("a.json", PAGE.to_owned()),
        ("a.jsonl", format!("{PAGE}\n")),
        ("a", PAGE.replace("{\"total\"", "\n{\n\"total\"").replace(",{", "\n,\n{")),
        ("a.json", format!("[{PAGE}]")),
        ("a.json", PAGE.replace("\"total\":2", "\"total\":[[\"]\\\"}\"],{\"data\":[1]}]")),
        ("a.json", PAGE.replace("\"data\"", "\"d\\u0061ta\"")),
    ] {
        let place = Place::new();
        place.import_text(name, &text, &["--records", "data"]).expect(0, [2, 0, 0, 0]);
        assert_eq!(place.docs(), DOCS, "{name}: {text}");
    }
}

#[test]
fn several_values_come_one_after_another() {
    for (name, text) in [
        ("a.jsonl", format!("{PAGE}\n{{\"data\":[]}}\n{{\"data\":[{{\"_key\":\"c\"}}]}}\n")),
        ("a.json", format!("{PAGE}{{\"data\":[]}} {{\"data\":\n[{{\"_key\":\"c\"}}]}}")),
        ("a.json", format!("[{PAGE},\n{{\"data\":[]}},{{\"data\":[{{\"_key\":\"c\"}}]}}]")),
    ] {
        let place = Place::new();
        place.import_text(name, &text, &["--records", "data"]).expect(0, [3, 0, 0, 0]);
        assert_eq!(place.docs().len(), 3, "{text}");
    }
}

#[test]
fn a_path_leads_through_objects_and_names_with_dots() {
    for text in [
        r#"{"hits":{"total":1,"hits":[{"_key":"a"}],"max":1}}"#,
        r#"{"hits.hits":[{"_key":"a"}]}"#,
        r#"{"hits":{"x":{"hits":[1]}},"x":[{"hits":{"hits":[2]}}],"hits":{"hits":[{"_key":"a"}]}}"#,
    ] {
        let place = Place::new();
        place.import_text("a.json", text, &["--records", "hits.hits"]).expect(0, [1, 0, 0, 0]);
        assert_eq!(place.docs(), [r#"{"_key":"a"}"#], "{text}");
    }
}

#[test]
fn a_value_without_the_array_is_one_error_and_reading_goes_on() {
    for (bad, said) in [
        ("{}", "missing array \"data\" (--records)"),
        ("{\"date\":[{\"_key\":\"x\"}]}", "missing array \"data\" (--records)"),
        ("{\"data\":{\"a\":[1]}}", "\"data\" (--records) is an object, not an array"),
        ("{\"data\":\"x]\"}", "\"data\" (--records) is a string, not an array"),
        ("{\"data\":null}", "\"data\" (--records) is null, not an array"),
        ("17", "expected an object, found a number"),
    ] {
        for (name, text) in [
            ("a.jsonl", format!("{PAGE}\n{bad}\n{{\"data\":[{{\"_key\":\"c\"}}]}}\n")),
            ("a.json", format!("[{PAGE},\n{bad},{{\"data\":[{{\"_key\":\"c\"}}]}}]")),
        ] {
            let place = Place::new();
            let ran = place.import_text(name, &text, &["--records", "data"]);
            ran.expect(1, [3, 1, 0, 0]).prints(&format!("{name}:2 (record 3): {said}"));
        }
    }
}

#[test]
fn a_second_array_of_that_name_is_an_error_and_not_lost_in_silence() {
    let place = Place::new();
    let text = r#"{"data":[{"_key":"a"}],"data":[{"_key":"b"}]}"#;
    let ran = place.import_text("a.json", text, &["--records", "data"]);
    ran.expect(1, [1, 1, 0, 0]).prints("duplicate field \"data\" (--records)");
}

#[test]
fn a_bad_element_inside_a_value_is_one_error() {
    for bad in ["{\"v\":NaN}", "17", "{\"v\":\"\u{1}\"}", "{\"a\":007}"] {
        for name in ["a.jsonl", "a.json"] {
            let place = Place::new();
            let text = format!("{{\"data\":[{{\"_key\":\"a\"}},{bad},{{\"_key\":\"c\"}}]}}\n");
            place.import_text(name, text, &["--records", "data"]).expect(1, [2, 1, 0, 0]);
        }
    }
}

#[test]
fn a_line_that_is_cut_costs_its_rest_only() {
    for cut in [
        "{\"data\":[{\"_key\":\"x\"",
        "{\"data\":[{\"_key\":",
        "{\"da",
        "{\"data\"",
        "{\"data\":[",
        "{\"a\":\"x",
        "{\"a\":[1",
    ] {
        let place = Place::new();
        let text = format!("{PAGE}\n{cut}\n{{\"data\":[{{\"_key\":\"c\"}}]}}\n");
        let ran = place.import_text("a.jsonl", text, &["--records", "data"]);
        ran.expect(1, [3, 1, 0, 0]).prints("a.jsonl:2");
    }
}

#[test]
fn broken_json_around_the_records_stops_the_run() {
    for text in
        ["{\"data\":[{\"_key\":\"a\"}", "{\n\"data\":[{\"_key\":\"a\"}]\n,}", "{\n\"data\":[{\"_key\":\"a\"}] \"x\"}"]
    {
        let place = Place::new();
        place.import_text("a.json", text, &["-t", "json", "--records", "data"]).expect(5, [1, 0, 0, 0]);
    }
}

#[test]
fn a_pretty_printed_object_around_records_in_a_jsonl_file_needs_a_type() {
    let place = Place::new();
    let text = "{\n \"data\": [\n  {\"_key\":\"a\"}\n ]\n}\n";
    let ran = place.import_text("a.jsonl", text, &["--records", "data"]);
    ran.expect(5, [0, 0, 0, 0]).prints("the object goes on over several lines\nhint: write `-t json`");
    place.import_text("a.jsonl", text, &["-t", "json", "--records", "data"]).expect(0, [1, 0, 0, 0]);
}

#[test]
fn records_are_for_json_only() {
    let place = Place::new();
    let ran = place.import_text("a.csv", "_key\n1\n", &["--records", "data"]);
    assert_eq!(ran.code, 2);
    ran.prints("error: --records requires JSON input\nhint: write `-t json` if an input is JSON\n");
    let ran = place.import(&["-t", "csv", "--records", "data", "a.csv"]);
    ran.prints("error: --records requires JSON input, not csv\n");
    let ran = place.import(&["--records", "data..x", "a.csv"]);
    ran.prints("error: invalid value \"data..x\" for --records: not a path of field names");
    let ran = place.import(&["-t", "bulk", "--doc", "x", "a.csv"]);
    ran.prints("error: --doc and --type bulk cannot be used together\n");
}

#[test]
fn the_document_is_a_field_and_the_key_is_beside_it() {
    let place = Place::new();
    let line = r#"{"_index":"old","_id":"p-1","_score":1,"_source":{ "n":9007199254740993,"x":1.0 }}"#;
    place.import_text("a.jsonl", line, &["--doc", "_source", "--key", "_id"]).expect(0, [1, 0, 0, 0]);
    let rows = place.rows("c");
    assert_eq!((&*rows[0].key, &*rows[0].doc), ("p-1", r#"{ "n":9007199254740993,"x":1.0 }"#));
}

#[test]
fn without_key_the_key_is_in_the_record_or_else_in_the_document() {
    let place = Place::new();
    let text =
        "{\"_id\":\"a\",\"d\":{\"_key\":\"x\"}}\n{\"d\":{\"_key\":\"b\"}}\n{\"_key\":7,\"d\":{}}\n{\"d\":{\"n\":1}}\n";
    place.import_text("a.jsonl", text, &["--doc", "d"]).expect(0, [4, 0, 0, 0]);
    let rows = place.rows("c");
    assert_eq!([&*rows[0].key, &*rows[1].key, &*rows[2].key], ["a", "b", "7"]);
    assert_eq!(rows[0].doc, "{\"_key\":\"x\"}");
    assert_eq!(rows[3].doc, "{\"n\":1}");
}

#[test]
fn a_record_without_the_document_is_an_error() {
    let place = Place::new();
    let text =
        "{\"_id\":\"a\"}\n{\"_id\":\"b\",\"d\":[1]}\n{\"_id\":\"c\",\"d\":{}}\n{\"_id\":\"e\",\"d\":{},\"d\":{}}\n";
    let ran = place.import_text("a.jsonl", text, &["--doc", "d"]);
    ran.expect(1, [1, 3, 0, 0])
        .prints("a.jsonl:1: missing field \"d\" (--doc)\n")
        .prints("a.jsonl:2: \"d\" (--doc) is an array, not an object\n")
        .prints("a.jsonl:4: duplicate field \"d\"\n");
}

#[test]
fn shaping_applies_to_the_document() {
    let place = Place::new();
    let text = "{\"id\":\"a\",\"d\":{\"id\":1,\"n\":2}}\n";
    let flags = ["--doc", "d", "--key", "id", "--translate", "n=m", "--remove-attribute", "id"];
    place.import_text("a.jsonl", text, &flags).expect(0, [1, 0, 0, 0]);
    let rows = place.rows("c");
    assert_eq!((&*rows[0].key, &*rows[0].doc), ("a", "{\"m\":2}"));
}

#[test]
fn a_file_of_documents_gets_the_key_from_the_record() {
    let place = Place::new();
    let text = "{\"_id\":\"a\",\"d\":{\"n\":1}}\n{\"_id\":\"b\",\"d\":{}}\n{\"_id\":\"c\",\"d\":{\"_key\":\"c\"}}\n{\"d\":{\"n\":2}}\n";
    place.file("a.jsonl", text);
    let ran = place.run(&["-c", "c", "--doc", "d", "--to", "-", "a.jsonl"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\"}\n{\"_key\":\"c\"}\n{\"n\":2}\n");
    let ran = place.run(&["-c", "c", "--doc", "d", "--to", "bulk:-", "--limit", "1", "a.jsonl"]);
    assert_eq!(ran.stdout, "{\"create\":{\"_index\":\"c\",\"_id\":\"a\"}}\n{\"n\":1}\n");
}

#[test]
fn a_document_may_be_a_path_and_records_and_documents_work_together() {
    let place = Place::new();
    let text = "{\"pages\":{\"items\":[{\"meta\":{\"id\":\"k\"},\"body\":{\"doc\":{\"n\":1}}}]}}";
    let flags = ["--records", "pages.items", "--doc", "body.doc", "--key", "meta.id"];
    place.import_text("a.json", text, &flags).expect(0, [1, 0, 0, 0]);
    let rows = place.rows("c");
    assert_eq!((&*rows[0].key, &*rows[0].doc), ("k", "{\"n\":1}"));
}
