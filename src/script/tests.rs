//! What the server does, as `testdata/scripts.jsonl` (updates of OpenSearch 2.19.1) and `testdata/script_facts.jsonl`
//! (its painless, one construct a line) recorded it; and that no script takes more than its share.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Document, Phase, Result, Runtime, Script, ScriptError, ScriptRequest, Stored};

const STORED: Stored<'static> = Stored { index: "i", id: "1", routing: None, version: 1 };

fn run(source: &str, document: &Document<'_>, params: Option<&str>) -> Result<(String, String)> {
    let script = Script::compile(source)?;
    let mut runtime = Runtime::default();
    runtime.run(&script, document, params.map(str::as_bytes))?;
    let mut out = Vec::new();
    runtime.write_source(&mut out)?;
    Ok((runtime.op().to_string(), String::from_utf8_lossy(&out).into_owned()))
}

fn on(source: &str, document: &str) -> Result<(String, String)> {
    run(source, &Document { source: document.as_bytes(), stored: Some(STORED), now: 1000 }, None)
}

/// The document that a script leaves.
fn left(source: &str, document: &str) -> String {
    on(source, document).expect(source).1
}

fn error(source: &str) -> ScriptError {
    on(source, "{\"n\":1}").expect_err(source)
}

/// Numbers as doubles.
fn loose(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(loose).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), loose(value))).collect(),
        other => other.clone(),
    }
}

fn phase(error: &ScriptError) -> &'static str {
    match error.phase {
        Phase::Compile => "compile error",
        Phase::Run => "runtime error",
        Phase::Lookup => "lookup",
        Phase::Item => "item",
    }
}

fn text(name: &str) -> String {
    let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the file is there")
}

/// A field as it is written in the line.
fn raw<'a>(line: &'a str, field: &str) -> Option<&'a str> {
    let fields: BTreeMap<&str, &RawValue> = serde_json::from_str(line).expect(line);
    fields.get(field).map(|json| json.get())
}

#[test]
fn scripts_as_people_write_them_do_what_the_server_does() {
    let text = text("scripts.jsonl");
    assert!(text.lines().count() >= 50);
    for written in text.lines() {
        let line: Value = serde_json::from_str(written).expect(written);
        let stored = line.get("before").map(|_| Stored { version: line["version"].as_i64().unwrap_or(1), ..STORED });
        let before = raw(written, "before").or(raw(written, "upsert")).expect(written);
        let now = line["now"].as_i64().unwrap_or(1_800_000_000_000);
        let document = Document { source: before.as_bytes(), stored, now };
        let params = raw(written, "params");
        let (source, name) = (line["source"].as_str().unwrap_or(""), &line["name"]);
        match run(source, &document, params) {
            Err(error) => {
                assert_eq!(
                    (json!(error.kind), json!(phase(&error))),
                    (line["error"].clone(), line["phase"].clone()),
                    "{name}"
                );
            }
            Ok((op, after)) => {
                let result = match (op.as_str(), stored.is_some()) {
                    ("index", true) => "updated",
                    ("create", false) => "created",
                    ("delete", true) => "deleted",
                    _ => "noop",
                };
                assert_eq!(json!(result), line["result"], "{name}: {after}");
                if let Some(expected) = line.get("after") {
                    let after: Value = serde_json::from_str(&after).expect(source);
                    assert_eq!(loose(&after), loose(expected), "{name}");
                }
            }
        }
    }
}

#[test]
fn each_construct_does_what_the_server_does() {
    let before = json!({"n":1,"s":"abc","l":[3,1,2],"m":{"a":1,"b":2},"d":1.5,"L":5_000_000_000_i64,"t":true,
        "tags":["x","y","z"],"nested":{"list":[{"k":1},{"k":2}]},"e":[],"z":null});
    let params = json!({"p":1,"tag":"y","map":{"q":[1,2]}}).to_string();
    for line in text("script_facts.jsonl").lines() {
        let line: Value = serde_json::from_str(line).expect(line);
        let source = line["source"].as_str().unwrap_or("");
        let document = before.to_string();
        let document = Document { source: document.as_bytes(), stored: None, now: 1000 };
        let result = run(source, &document, Some(&params));
        if line.get("unsupported").is_some() {
            assert!(result.expect_err(source).unsupported, "{source}");
            continue;
        }
        match result {
            Err(error) => {
                let found = (json!(error.kind), json!(phase(&error)));
                assert_eq!(found, (line["error"].clone(), line["phase"].clone()), "{source}: {error}");
            }
            Ok((_, after)) => {
                let mut expected = before.clone();
                for (key, value) in line["set"].as_object().into_iter().flatten() {
                    expected[key] = value.clone();
                }
                for key in line["removed"].as_array().into_iter().flatten() {
                    expected.as_object_mut().expect("an object").remove(key.as_str().unwrap_or(""));
                }
                let after: Value = serde_json::from_str(&after).expect(source);
                assert_eq!(loose(&after), loose(&expected), "{source}");
            }
        }
    }
}

#[test]
fn what_is_not_touched_keeps_its_bytes() {
    let before =
        r#"{"a": 1.0,"b":1e3,"c":12345678901234567890, "d":"\u00e9\/","e":{"x" : [1.50, {"y":-0}]},"f":1,"f":2}"#;
    let after = left("ctx._source.n = ctx._source.e.x[0]", before);
    assert_eq!(
        after,
        r#"{"a":1.0,"b":1e3,"c":12345678901234567890,"d":"\u00e9\/","e":{"x":[1.50,{"y":-0}]},"f":1,"f":2,"n":1.5}"#
    );
    assert_eq!(left("ctx._source.f += 1", before).matches("\"f\":").count(), 2);
    assert_eq!(left("ctx._source.d += '!'", r#"{"d":"\u00e9"}"#), r#"{"d":"é!"}"#);
    assert_eq!(left("ctx._source['\u{e9}'] = 2", r#"{"\u00e9":1}"#), r#"{"\u00e9":2}"#);
    assert_eq!(left("ctx._source = ['t': '\"\\\\']", "{}"), r#"{"t":"\"\\"}"#);
}

#[test]
fn big_integers_and_not_a_number_are_as_on_the_server() {
    let document = r#"{"big":12345678901234567890}"#;
    assert_eq!(left("ctx._source.x = ctx._source.big + 1", document), r#"{"big":12345678901234567890,"x":-350287149}"#);
    let long = left("ctx._source.x = ctx._source.big + 1L", document);
    assert_eq!(long, r#"{"big":12345678901234567890,"x":-6101065172474983725}"#);
    let double = left("ctx._source.x = ctx._source.big * 1.0", document);
    assert_eq!(double, r#"{"big":12345678901234567890,"x":1.2345678901234567E19}"#);
    assert_eq!(left("ctx._source.x = [1.0/0, 0.0/0]", "{}"), r#"{"x":["Infinity","NaN"]}"#);
}

#[test]
fn ctx_shows_the_place_of_the_document_and_ignores_changes_to_it() {
    let source =
        "ctx._source.o = [ctx._index, ctx._id, ctx._version, ctx._routing, ctx.op, ctx._now, ctx._type]; ctx._id = '5'";
    assert_eq!(left(source, "{}"), r#"{"o":["i","1",1,null,"index",1000,null]}"#);
    let keys = left("ctx._source.o = ''; for (k in ctx.keySet()) ctx._source.o += k + ' '", "{}");
    assert_eq!(keys, r#"{"o":"_routing op _index _source _id _now _version "}"#);
    let upsert = Document { source: br#"{"zebra":1,"a":2,"q":3,"b":4,"c":5,"name":6}"#, stored: None, now: 1 };
    let source =
        "def o = ctx.size() + ' ' + ctx.op; for (k in ctx._source.keySet()) o += ' ' + k; ctx._source = ['o': o]";
    assert_eq!(run(source, &upsert, None).expect(source).1, r#"{"o":"3 create zebra a q b c name"}"#);
}

#[test]
fn documents_that_cannot_be_stored_are_errors_of_the_item() {
    for (source, kind, status) in [
        ("ctx._source = 5", "class_cast_exception", 500),
        ("ctx._source = null", "mapper_parsing_exception", 400),
        ("ctx.remove('_source')", "mapper_parsing_exception", 400),
        ("ctx.op = 5", "class_cast_exception", 500),
        ("ctx.op = null", "null_pointer_exception", 500),
        ("ctx._source.x = [1:2]", "class_cast_exception", 500),
        ("ctx._source.x = [null:2]", "illegal_argument_exception", 400),
        ("ctx._source.x = (char)'a'", "illegal_argument_exception", 400),
        ("ctx._source.x = ctx._source", "illegal_argument_exception", 400),
        ("ctx._source.x = ['a':1].entrySet()", "illegal_argument_exception", 400),
        ("ctx._source.x = [1].iterator()", "illegal_argument_exception", 400),
    ] {
        let found = error(source);
        assert_eq!((found.phase, found.kind, found.status()), (Phase::Item, kind, status), "{source}");
        assert_eq!(found.to_json(source)["type"], kind);
    }
}

#[test]
fn errors_have_the_shape_of_the_servers() {
    let json = error("ctx._source.x.y=1").to_json("ctx._source.x.y=1");
    assert_eq!(json["type"], "illegal_argument_exception");
    assert_eq!(json["reason"], "failed to execute script");
    let script = &json["caused_by"];
    assert_eq!((&script["type"], &script["reason"]), (&json!("script_exception"), &json!("runtime error")));
    assert_eq!(script["script_stack"], json!(["ctx._source.x.y=1", "             ^---- HERE"]));
    assert_eq!(script["position"], json!({"offset": 13, "start": 0, "end": 17}));
    assert_eq!(script["caused_by"]["type"], "null_pointer_exception");
    assert_eq!(error("throw new RuntimeException('x')").reason.as_deref(), Some("x"));
}

#[test]
fn the_script_field_is_read_as_the_server_reads_it() {
    let request = ScriptRequest::parse(br#" "ctx.op='none'" "#).expect("a text");
    assert_eq!((request.source.as_ref(), request.params), ("ctx.op='none'", None));
    let request =
        ScriptRequest::parse(br#"{"lang":"painless","params":{"a":1},"inline":"x = \"y\""}"#).expect("an object");
    assert_eq!((request.source.as_ref(), request.params), ("x = \"y\"", Some(&br#"{"a":1}"#[..])));
    for (json, kind, phase) in [
        (r#"{"source":"x","lang":"nope"}"#, "illegal_argument_exception", Phase::Lookup),
        (r#"{"id":"stored"}"#, "resource_not_found_exception", Phase::Lookup),
        (r#"{"id":"stored","lang":"painless"}"#, "x_content_parse_exception", Phase::Item),
        (r#"{"source":"x","id":"y"}"#, "x_content_parse_exception", Phase::Item),
        (r#"{"source":1}"#, "x_content_parse_exception", Phase::Item),
        (r#"{"source":"x","foo":1}"#, "x_content_parse_exception", Phase::Item),
        (r#"{"source":"x","params":5}"#, "x_content_parse_exception", Phase::Item),
        ("{}", "x_content_parse_exception", Phase::Item),
        ("5", "x_content_parse_exception", Phase::Item),
    ] {
        let found = ScriptRequest::parse(json.as_bytes()).expect_err(json);
        assert_eq!((found.kind, found.phase), (kind, phase), "{json}");
    }
    let long = format!("\"{}\"", "x".repeat(66_000));
    assert_eq!(ScriptRequest::parse(long.as_bytes()).expect_err("too long").phase, Phase::Lookup);
}

/// Runs a script that wants too much, on a thread as small as those of a program are.
fn stopped(source: &str) -> ScriptError {
    let source = source.to_string();
    let start = Instant::now();
    let shown: String = source.chars().take(80).collect();
    let thread = std::thread::spawn(move || on(&source, "{\"n\":1,\"l\":[1,2,3]}"));
    let result = thread.join().expect("no panic");
    assert!(start.elapsed() < Duration::from_secs(60), "{shown}: {:?}", start.elapsed());
    result.expect_err(&shown)
}

#[test]
fn endless_loops_stop() {
    for source in [
        "while (true) { ctx._source.n++ }",
        "for (;;) { ctx._source.n++; }",
        "do { ctx._source.n++ } while (true)",
        "for (int i = 0; i < 1000000; i++) { for (int j = 0; j < 1000000; j++) { ctx._source.n = j } }",
        "ctx._source.l.forEach(x -> { while (true) { ctx._source.n++ } })",
        "def l = []; for (int i = 0; i < 999999; i++) { l.add(i) } l.forEach(x -> { for (int i = 0; i < 999999; i++) { ctx._source.n = i } return 1 })",
        "def m = [:]; for (int i = 0; i < 900000; i++) { m['k' + i] = i }",
        "def l = []; for (int i = 0; i < 30000; i++) { l.add(i) } for (int i = 0; i < 30000; i++) { l.contains('x') }",
    ] {
        assert_eq!(stopped(source).kind, "painless_error", "{source}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    let parentheses = format!("ctx._source.x = {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    let lists = format!("ctx._source.x = {}{}", "[".repeat(10_000), "]".repeat(10_000));
    let minus = format!("ctx._source.x = {}1", "- ".repeat(10_000));
    let not = format!("ctx._source.x = {}true", "!".repeat(10_000));
    let sum = format!("ctx._source.x = 1{}", " + 1".repeat(10_000));
    let dots = format!("ctx._source{} = 1", ".x".repeat(10_000));
    let casts = format!("ctx._source.x = {}1", "(int)".repeat(10_000));
    let blocks = format!("{}ctx._source.x = 1;{}", "if (ctx._source.n == 1) {".repeat(10_000), "}".repeat(10_000));
    let elses = "if (ctx._source.n == 0) { ctx._source.x = 1 } else ".repeat(10_000) + "{ ctx._source.x = 2 }";
    let assigned = format!("ctx._source.x = {}1", "ctx._source.y = ".repeat(10_000));
    let conditions = format!("ctx._source.x = {}1", "ctx._source.n == 1 ? 1 : ".repeat(10_000));
    let elvis = format!("ctx._source.x = {}1", "ctx._source.n ?: ".repeat(10_000));
    let lambdas = format!("{}1{}", "ctx._source.l.forEach(x -> ".repeat(10_000), ")".repeat(10_000));
    for source in
        [parentheses, lists, minus, not, sum, dots, casts, blocks, elses, assigned, conditions, elvis, lambdas]
    {
        assert!(stopped(&source).unsupported);
    }
}

#[test]
fn nesting_up_to_the_limit_runs() {
    let inside = |open: &str, close: &str, count: usize| {
        format!("ctx._source.x = {}1{}", open.repeat(count), close.repeat(count))
    };
    let blocks = |open: &str, close: &str, count: usize| {
        format!("{}ctx._source.x = 1;{}", open.repeat(count), close.repeat(count))
    };
    let elses = "if (ctx._source.n == 0) { ctx._source.x = 1 } else ".repeat(90) + "{ ctx._source.x = 2 }";
    for source in [
        inside("(", ")", 30),
        inside("[", "]", 30),
        inside("['a':", "]", 30),
        inside("- ", "", 90),
        inside("(int)", "", 90),
        inside("ctx._source.y = ", "", 90),
        inside("ctx._source.n == 1 ? 1 : ", "", 30),
        inside("ctx._source.zz ?: ", "", 45),
        inside("Math.abs(", ")", 30),
        inside("", " + ctx._source.n", 140),
        inside("'a' + ", "", 140),
        blocks("if (ctx._source.n == 1) {", "}", 90),
        blocks("for (int q = 0; q < 1; q++) if (ctx._source.n == 1) {", "}", 1),
        blocks(
            "if (ctx._source.n == 1) { ctx._source.l.forEach(x -> { while (true) { if (x == 1) { break; } ",
            "} return 1 }) }",
            1,
        ),
        elses,
    ] {
        let thread =
            std::thread::spawn(move || on(&source, "{\"n\":1,\"l\":[1]}").map(|_| ()).map_err(|e| (source, e)));
        assert_eq!(thread.join().expect("no panic"), Ok(()));
    }
}

#[test]
fn memory_bombs_stop() {
    for source in [
        "String s = 'x'; while (true) { s += s }",
        "def s = 'xxxxxxxxxx'; for (int i = 0; i < 900000; i++) { s = s + s.length() + s }",
        "def s = 'x'; while (true) { s = s.replace('x', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') }",
        "def l = [1]; while (true) { l.addAll(l) }",
        "def l = []; for (int i = 0; i < 60; i++) { def k = [l, l]; l = k } ctx._source.x = l",
        "def l = []; for (int i = 0; i < 60; i++) { def k = [l, l]; l = k } ctx._source.x = l.toString()",
        "def l = []; for (int i = 0; i < 60; i++) { def k = [l, l]; l = k } ctx._source.x = l.hashCode()",
        "def l = []; def m = []; for (int i = 0; i < 60; i++) { l = [l, l]; m = [m, m] } ctx._source.x = l == m",
        "def m = [:]; for (int i = 0; i < 60; i++) { m = ['a': m, 'b': m] } ctx._source.x = m.toString()",
        "def l = []; for (int i = 0; i < 100000; i++) { def k = []; k.add(l); l = k } ctx._source.x = l",
        "def l = []; for (int i = 0; i < 100000; i++) { def k = []; k.add(l); l = k } ctx._source.x = l.toString()",
        "def l = []; l.add(l); def k = []; k.add(k); ctx._source.x = l == k",
        "def l = []; def k = [l]; l.add(k); ctx._source.x = l.toString()",
        "def l = []; def k = [l]; l.add(k); ctx._source.x = l.hashCode()",
        "for (int i = 0; i < 999999; i++) { def a = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]; def b = ['a': 1] }",
        "def s = 'a,'; for (int i = 0; i < 20; i++) { s += s } for (int i = 0; i < 100; i++) { s.splitOnToken(',') }",
        "while (true) { ctx._source.l.iterator() }",
    ] {
        let error = stopped(source);
        assert!(error.unsupported || error.kind == "painless_error", "{source}: {error}");
    }
}

#[test]
fn one_runtime_serves_many_documents_after_errors() {
    let mut runtime = Runtime::default();
    let good = Script::compile("ctx._source.n += params.by").expect("compiles");
    let bad = Script::compile("def l = [1]; while (true) { l.addAll(l) }").expect("compiles");
    let document = Document { source: b"{\"n\":1}", stored: Some(STORED), now: 0 };
    for _ in 0..3 {
        assert!(runtime.run(&bad, &document, None).is_err());
        runtime.run(&good, &document, Some(b"{\"by\":2}")).expect("runs");
        let mut out = Vec::new();
        runtime.write_source(&mut out).expect("writes");
        assert_eq!(out, b"{\"n\":3}");
    }
}

#[test]
fn a_script_can_be_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    fn moved<T: Send>() {}
    shared::<Script>();
    moved::<Runtime>();
}

#[test]
fn parameters_cannot_be_changed_at_the_top() {
    let document = Document { source: b"{}", stored: Some(STORED), now: 1 };
    for source in [
        "params.a = 1",
        "params.remove('x')",
        "params.clear()",
        "params.putAll([:])",
        "params.keySet().removeIf(k -> false)",
        "params.values().removeAll([])",
        "params.computeIfAbsent('q', k -> null)",
        "for (e in params.entrySet()) { e.setValue(1) }",
    ] {
        let error = run(source, &document, Some("{\"a\":[1]}")).expect_err(source);
        assert_eq!((error.kind, error.reason), ("unsupported_operation_exception", None), "{source}");
    }
    let changed = run("params.a.add(2); ctx._source.a = params.a", &document, Some("{\"a\":[1]}"));
    assert_eq!(changed.expect("runs").1, "{\"a\":[1,2]}");
}

#[test]
fn broken_documents_are_errors() {
    for document in ["", "{", "{\"n\":", "{\"n\" 1}", "{\"n\":1", "[1]", "5", "{\"n\":\"", "{\"n\":[1}"] {
        let result = on("ctx._source.n += 1", document);
        assert!(result.is_err(), "{document}");
    }
    assert!(on("ctx._source.s += 'a'", "{\"s\":\"\\ud800\"}").expect_err("unpaired").unsupported);
    assert_eq!(left("ctx._source.n = 1", "{\"s\":\"\\ud800\"}"), "{\"s\":\"\\ud800\",\"n\":1}");
}
