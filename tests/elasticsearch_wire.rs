//! What goes over the wire to Elasticsearch or OpenSearch: actions, documents to the byte, headers, and never a secret elsewhere.

use crate::support::{Place, Ran};
use crate::wire::{Item, Reply, Request, Sent, Wire, bulk, created, deleted, not_found, updated};
use serde_json::{Value, json};

/// Imports this text as a file into collection `c` of the server, on one connection.
fn import(place: &Place, wire: &Wire, name: &str, text: impl AsRef<[u8]>, arguments: &[&str]) -> Ran {
    place.file(name, text);
    place.run(&[&["--to", &wire.to(), "-c", "c", "-j", "1"], arguments, &[name]].concat())
}

/// The actions of the only bulk request of an import that must end with this code.
#[track_caller]
fn sent(name: &str, text: &str, arguments: &[&str], items: &[Item]) -> Vec<Sent> {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(items);
    let ran = import(&place, &wire, name, text, arguments);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let actions = wire.bulks().remove(0).actions();
    assert!(actions.iter().all(|action| action.index == "c"), "{actions:?}");
    actions
}

/// Operation, id and document of each action, as one text.
fn reported(actions: &[Sent]) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    actions
        .iter()
        .map(|action| format!("{} {} {}", action.op, text(&action.id), text(&action.doc)).trim_end().to_owned())
        .collect()
}

const TWO: &str = "{\"_key\":\"a\",\"n\":1.0}\n{\"n\":12345678901234567890,\"_key\":\"b\"}\n";

#[test]
fn error_and_ignore_send_create_and_replace_sends_index() {
    for (arguments, op) in [
        (&[][..], "create"),
        (&["--on-duplicate", "error"], "create"),
        (&["--on-duplicate", "ignore"], "create"),
        (&["--on-duplicate", "replace"], "index"),
    ] {
        let actions = sent("in.jsonl", TWO, arguments, &[created(), created()]);
        assert_eq!(
            reported(&actions),
            [format!(r#"{op} a {{"n":1.0}}"#), format!(r#"{op} b {{"n":12345678901234567890}}"#)]
        );
    }
}

#[test]
fn update_sends_the_document_to_be_merged_or_inserted() {
    let actions = sent("in.jsonl", TWO, &["--on-duplicate", "update"], &[created(), updated()]);
    for (action, (id, document)) in actions.iter().zip([("a", r#"{"n":1.0}"#), ("b", r#"{"n":12345678901234567890}"#)])
    {
        assert_eq!((action.op.as_str(), action.id.as_deref()), ("update", Some(id)));
        let line = action.doc.as_deref().expect("an update has a payload");
        let payload: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(payload["doc_as_upsert"], true, "{line}");
        assert!(line.contains(&format!("\"doc\":{document}")), "{line}");
        assert_eq!(payload.as_object().map(serde_json::Map::len), Some(2), "{line}");
    }
}

#[test]
fn delete_keys_sends_deletes_without_documents() {
    let text = "{\"_key\":\"a\",\"n\":1}\n{\"_id\":\"b\"}\n";
    let actions = sent("in.jsonl", text, &["--delete-keys"], &[deleted(), not_found()]);
    assert_eq!(reported(&actions), ["delete a", "delete b"]);
}

#[test]
fn delete_keys_from_a_missing_index_stops_before_the_first_record() {
    for arguments in [&["--delete-keys"][..], &["--delete-keys", "--dry-run"]] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("GET", "/c", |_| Reply::refused(404, "index_not_found_exception", "no such index [c]"));
        let ran = import(&place, &wire, "a.jsonl", "{\"_key\":\"1\"}\n", arguments);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains("error: index \"c\" not found: there is nothing to delete\n"), "{}", ran.stderr);
        assert!(wire.bulks().is_empty());
    }
}

#[test]
fn a_wait_for_a_refresh_that_never_comes_is_refused() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("GET", "/c", |_| {
        Reply::json(200, json!({"c": {"settings": {"index": {"refresh_interval": "-1", "uuid": "u"}}}}))
    });
    let ran = import(&place, &wire, "a.jsonl", "{\"_key\":\"1\"}\n", &["--refresh", "wait_for"]);
    assert_eq!(ran.code, 2);
    let error = "error: --refresh wait_for: index \"c\" is never refreshed (refresh_interval is -1)\n\
                 hint: `--refresh true` refreshes it after each request\n";
    assert!(ran.stderr.contains(error), "{}", ran.stderr);
    wire.bulk(&[created()]);
    import(&place, &wire, "a.jsonl", "{\"_key\":\"1\"}\n", &["--refresh", "true"]).expect(0, [1, 0, 0, 0]);
}

#[test]
fn delete_keys_takes_keys_from_a_csv() {
    let actions = sent("in.csv", "sku\n007\n8\n", &["--delete-keys", "--key", "sku"], &[deleted(), deleted()]);
    assert_eq!(reported(&actions), ["delete 007", "delete 8"]);
}

#[test]
fn key_and_id_are_taken_out_of_documents_and_nothing_else_is_touched() {
    let text = [
        r#"{"_key":"a"}"#,
        r#"{"_id":"b","x":[1,{"_id":"inner"}]}"#,
        r#"{"x":"\u00e9\/","_id":{"$oid":"5f50c31e8a7b4a0001c3f0a1"},"y":1e2}"#,
        r#"{ "n" : 1.10 , "_key" : "d" , "n" : -0 }"#,
        r#"{"\u005fkey":"e","_id":"e"}"#,
        r#"{"_id":7,"z":null}"#,
    ];
    let actions = sent("in.jsonl", &text.join("\n"), &[], &[const { Item::Done("created", 1) }; 6]);
    let mut reported = reported(&actions);
    // Which blanks go with the field is left open.
    reported[3] = reported[3].replace(' ', "");
    let expected = [
        "create a {}",
        r#"create b {"x":[1,{"_id":"inner"}]}"#,
        r#"create 5f50c31e8a7b4a0001c3f0a1 {"x":"\u00e9\/","y":1e2}"#,
        r#"created{"n":1.10,"n":-0}"#,
        "create e {}",
        r#"create 7 {"z":null}"#,
    ];
    assert_eq!(reported, expected);
}

#[test]
fn an_id_is_sent_as_a_whole() {
    let text = [
        r#"{"_id":"2023/jan","n":1}"#,
        r#"{"_id":"c/a b","_key":"a b","n":2}"#,
        r#"{"_id":"https://ex.org/?q=\"é\"&x=%20\n","n":3}"#,
    ];
    let actions = sent("in.jsonl", &text.join("\n"), &[], &[const { Item::Done("created", 1) }; 3]);
    let expected =
        [r#"create 2023/jan {"n":1}"#, r#"create a b {"n":2}"#, "create https://ex.org/?q=\"é\"&x=%20\n {\"n\":3}"];
    assert_eq!(reported(&actions), expected);
    let actions = sent("in.jsonl", "{\"_id\":\"c/b\"}\n", &["--delete-keys"], &[deleted()]);
    assert_eq!(reported(&actions), ["delete c/b"]);
}

#[test]
fn a_key_named_by_a_flag_stays_in_the_document() {
    let text = "{\"sku\":7.50,\"n\":1}\n{\"n\":2,\"sku\":\"x\"}\n";
    let actions = sent("in.jsonl", text, &["--key", "sku"], &[created(), created()]);
    assert_eq!(reported(&actions), [r#"create 7.50 {"sku":7.50,"n":1}"#, r#"create x {"n":2,"sku":"x"}"#]);
}

#[test]
fn documents_without_a_key_get_ids_of_their_own_that_grow() {
    let actions = sent("in.jsonl", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n", &[], &[created(), created(), created()]);
    let ids: Vec<String> = actions.iter().map(|action| action.id.clone().unwrap_or_default()).collect();
    assert!(ids.iter().all(|id| !id.is_empty() && id.len() <= 512), "{ids:?}");
    assert!(ids[0] < ids[1] && ids[1] < ids[2], "{ids:?}");
    assert!(actions.iter().all(|action| action.op == "create"));
    assert_eq!(actions[0].doc.as_deref(), Some(r#"{"n":1}"#));
}

#[test]
fn bulk_lines_go_byte_for_byte() {
    let lines = [
        r#"{"index":{"_id":"1","routing":"r","pipeline":"p","if_seq_no":3,"if_primary_term":1}}"#,
        r#"{ "n" : 1.0 , "_id" : "kept" }"#,
        r#"{"create":{ "_id" : "2" , "routing":"\u0072" }}"#,
        r#"{}"#,
        r#"{"update":{"_id":"3","retry_on_conflict":2,"_source":["a"]}}"#,
        r#"{"doc":{"a":1e2},"detect_noop":false}"#,
        r#"{"update":{"_id":"4"}}"#,
        r#"{"script":{"source":"ctx._source.n += params.n","params":{"n":1}},"upsert":{"n":0}}"#,
        r#"{"delete":{"_id":"5","version":7,"version_type":"external"}}"#,
        r#"{"index":{"_index":"c","_id":6}}"#,
        r#"{"s":"\ud83d\ude00 \u2028"}"#,
    ];
    let items = [created(), created(), updated(), updated(), deleted(), created()];
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().answers(&items));
    let text = lines.join("\n") + "\n";
    let ran = import(&place, &wire, "in.bulk", &text, &["-t", "bulk"]);
    ran.expect(0, [3, 0, 2, 0]);
    assert_eq!(ran.count("deleted"), 1);
    let request = wire.bulks().remove(0);
    let line = |line: &str| line.trim_end().to_owned();
    let came: Vec<String> = request.text().lines().map(line).collect();
    assert_eq!(came, lines);
}

#[test]
fn a_generated_id_is_spliced_into_bulk_lines_that_name_none() {
    let lines = [
        r#"{"index":{}}"#,
        r#"{"n":1}"#,
        r#"{"create":{"routing":"r" , "pipeline":"p"}}"#,
        r#"{"n":2}"#,
        r#"{"index":{"_id":null,"routing":"r"}}"#,
        r#"{"n":3}"#,
    ];
    let actions = sent("in.bulk", &lines.join("\n"), &["-t", "bulk"], &[created(), created(), created()]);
    let mut ids: Vec<&str> = actions.iter().map(|action| action.id.as_deref().expect("an id")).collect();
    assert!(ids.iter().all(|id| !id.is_empty()), "{ids:?}");
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert_eq!((&actions[1].meta["routing"], &actions[1].meta["pipeline"]), (&json!("r"), &json!("p")));
    assert_eq!(actions[2].meta["routing"], "r");
    let documents: Vec<&str> = actions.iter().filter_map(|action| action.doc.as_deref()).collect();
    assert_eq!(documents, [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#]);
}

#[test]
fn bulk_lines_that_all_name_their_index_need_no_collection() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), deleted()]);
    place.file(
        "in.bulk",
        "{\"index\":{\"_index\":\"films\",\"_id\":\"1\"}}\n{}\n{\"delete\":{\"_index\":\"old-films\",\"_id\":\"1\"}}\n",
    );
    let ran = place.run(&["--to", &wire.to(), "-t", "bulk", "-j", "1", "in.bulk"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let indexes: Vec<String> = wire.bulks().remove(0).actions().into_iter().map(|action| action.index).collect();
    assert_eq!(indexes, ["films", "old-films"]);
}

#[test]
fn an_element_over_several_lines_becomes_one_line() {
    let text = "[\n  {\n    \"_key\": \"a\",\r\n    \"text\": \"one\\ntwo\\r\",\n    \"list\": [\n      1.0,\r\n      2\n    ]\n  },\n  {\"_key\":\"b\"}\n]\n";
    for mode in ["error", "replace", "update"] {
        let actions = sent("in.json", text, &["--on-duplicate", mode], &[created(), created()]);
        let line = actions[0].doc.as_deref().expect("a document");
        let document: Value = serde_json::from_str(line).expect("JSON");
        let document = if mode == "update" { document["doc"].clone() } else { document };
        assert_eq!(document, json!({"text": "one\ntwo\r", "list": [1.0, 2]}), "{mode}");
        assert!(line.contains("1.0"), "{line}");
    }
}

#[test]
fn carriage_returns_at_line_ends_are_no_part_of_a_document() {
    let actions =
        sent("in.jsonl", "{\"_key\":\"a\",\"n\":1}\r\n{\"_key\":\"b\",\"n\":2}\r\n", &[], &[created(), created()]);
    assert_eq!(reported(&actions), [r#"create a {"n":1}"#, r#"create b {"n":2}"#]);
    let text = "{\"index\":{\"_id\":\"a\"}}\r\n{\"n\":1}\r\n\r\n{\"delete\":{\"_id\":\"b\"}}\r\n";
    let actions = sent("in.bulk", text, &["-t", "bulk"], &[created(), deleted()]);
    assert_eq!(reported(&actions), [r#"index a {"n":1}"#, "delete b"]);
}

#[test]
fn rows_of_a_csv_become_documents() {
    let actions = sent("in.csv", "_key,n,s\n1,1.10,x\n2,,\"5\"\n", &[], &[created(), created()]);
    assert_eq!(reported(&actions), [r#"create 1 {"n":1.10,"s":"x"}"#, r#"create 2 {"s":"5"}"#]);
}

#[test]
fn ids_of_every_kind_are_escaped_as_json_needs_it() {
    let text = "{\"_key\":\"\\u00e9 \\\"\\\\/\\u0001\"}\n{\"_key\":\"\u{1f600}\"}\n";
    let actions = sent("in.jsonl", text, &[], &[created(), created()]);
    let ids: Vec<&str> = actions.iter().filter_map(|action| action.id.as_deref()).collect();
    assert_eq!(ids, ["\u{e9} \"\\/\u{1}", "\u{1f600}"]);
}

#[test]
fn an_id_over_512_bytes_is_found_before_it_is_sent() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().ids(&["short", "in between"]).answers(&[created(), created()]));
    let long = "\u{20ac}".repeat(171);
    let text = format!("{{\"_key\":\"short\"}}\n{{\"_key\":\"{long}\"}}\n{{\"_key\":\"in between\"}}\n");
    import(&place, &wire, "in.jsonl", text, &[])
        .expect(1, [2, 1, 0, 0])
        .prints("in.jsonl:2: ")
        .prints("the maximum is 512");
    wire.done();
}

#[test]
fn batches_are_as_long_as_asked_and_share_a_connection() {
    let (place, wire) = (Place::new(), Wire::start());
    for _ in 0..3 {
        wire.bulk(&[created(), created()]);
    }
    let text: String = (0..6).map(|n| format!("{{\"_key\":\"{n}\"}}\n")).collect();
    import(&place, &wire, "in.jsonl", text, &["--batch-size", "2"]).expect(0, [6, 0, 0, 0]);
    let bulks = wire.bulks();
    assert_eq!(bulks.iter().map(Request::ids).collect::<Vec<_>>(), [["0", "1"], ["2", "3"], ["4", "5"]]);
    assert!(bulks.iter().all(|request| request.connection == bulks[0].connection), "one lane uses one connection");
    let mut names: Vec<&str> = bulks.iter().filter_map(|request| request.header("x-opaque-id")).collect();
    names.dedup();
    assert_eq!(names.len(), 3, "each batch has a name of its own: {names:?}");
}

#[test]
fn batch_bytes_bound_a_body() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("POST", "_bulk", |request| Reply::bulk(request, &vec![created(); request.actions().len()]));
    let text: String = (0..40).map(|n| format!("{{\"_key\":\"{n}\",\"text\":\"{}\"}}\n", "x".repeat(200))).collect();
    import(&place, &wire, "in.jsonl", text, &["--batch-bytes", "2KiB"]).expect(0, [40, 0, 0, 0]);
    let bulks = wire.bulks();
    assert!(bulks.len() >= 5 && bulks.iter().all(|request| request.body.len() <= 2048 + 300), "{}", bulks.len());
}

#[test]
fn bodies_are_packed_when_asked() {
    for (arguments, encoding) in
        [(["--compress-transfer", "gzip"], Some("gzip")), (["--compress-transfer", "none"], None)]
    {
        let (place, wire) = (Place::new(), Wire::start());
        wire.bulk(&[created(), created()]);
        import(&place, &wire, "in.jsonl", TWO, &arguments).expect(0, [2, 0, 0, 0]);
        let request = wire.bulks().remove(0);
        assert_eq!(request.header("content-encoding"), encoding);
        assert_eq!(request.actions()[0].doc.as_deref(), Some(r#"{"n":1.0}"#));
    }
}

#[test]
fn settings_of_the_whole_request_are_in_its_query() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), created()]);
    let flags = ["--refresh", "wait_for", "--pipeline", "clean", "--wait-for-active-shards", "all", "--require-alias"];
    import(&place, &wire, "in.jsonl", TWO, &flags).expect(0, [2, 0, 0, 0]);
    let request = wire.bulks().remove(0);
    assert_eq!(request.parameter("refresh"), Some("wait_for"));
    assert_eq!(request.parameter("wait_for_active_shards"), Some("all"));
    for action in request.actions() {
        let of_item = |name: &str| action.meta[name].as_str().map(str::to_owned);
        assert_eq!(of_item("pipeline").as_deref().or(request.parameter("pipeline")), Some("clean"));
        assert!(action.meta["require_alias"] == true || request.parameter("require_alias") == Some("true"));
    }
}

#[test]
fn a_routing_field_and_retries_on_conflict_are_in_the_action_line() {
    let text = "{\"_key\":\"a\",\"shop\":\"north\"}\n{\"_key\":\"b\",\"shop\":7}\n";
    let flags = ["--on-duplicate", "update", "--routing-field", "shop", "--retry-on-conflict", "3"];
    let actions = sent("in.jsonl", text, &flags, &[created(), created()]);
    let routings: Vec<&Value> = actions.iter().map(|action| &action.meta["routing"]).collect();
    assert_eq!(routings, ["north", "7"]);
    assert!(actions.iter().all(|action| action.meta["retry_on_conflict"] == 3), "{actions:?}");
    assert!(actions[0].doc.as_deref().is_some_and(|doc| doc.contains("\"shop\":\"north\"")), "the field stays");
}

/// Runs an import with these flags and variables against a server that must see this Authorization, and one that refuses it,
/// and looks for the secrets in all that either run says.
fn secret(flags: &[&str], variables: &[(&str, &str)], authorization: &str, secrets: &[&str]) {
    for refused in [false, true] {
        let (place, wire) = (Place::new(), Wire::start());
        place.file("password", "s3cret-in-file\n");
        place.file("in.jsonl", TWO);
        let exchange = bulk().has("authorization", authorization);
        wire.expect(match refused {
            false => exchange.answers(&[created(), created()]),
            true => exchange.reply(Reply::refused(401, "security_exception", "unable to authenticate user")),
        });
        let to = wire.to().replace(
            "http://",
            &flags
                .first()
                .filter(|flag| flag.ends_with('@'))
                .map_or("http://".to_owned(), |user| format!("http://{user}")),
        );
        let flags: Vec<&str> = flags.iter().copied().filter(|flag| !flag.ends_with('@')).collect();
        let mut command = place.command(
            &[
                &["--to", &to, "-c", "c", "-j", "1", "-v", "--details", "--summary", "json"],
                &flags[..],
                &["--results", "results", "in.jsonl"],
            ]
            .concat(),
        );
        let ran = crate::support::ran(crate::support::start(command.envs(variables.iter().copied())), b"");
        assert_eq!(ran.code, if refused { 4 } else { 0 }, "{}", ran.stderr);
        for request in wire.done() {
            assert_eq!(request.header("authorization"), Some(authorization), "{} {}", request.method, request.path);
        }
        let results = std::fs::read_to_string(place.path("results")).unwrap_or_default();
        let said = format!("{}{}{results}", ran.stdout, ran.stderr);
        for secret in secrets {
            assert!(!said.contains(secret), "{secret} in {said}");
        }
    }
}

#[test]
fn a_user_and_password_go_as_basic_authorization_and_nowhere_else() {
    // base64 of elastic:s3cret-word
    let (basic, word) = ("Basic ZWxhc3RpYzpzM2NyZXQtd29yZA==", "s3cret-word");
    let secrets = [word, "ZWxhc3RpYzpzM2NyZXQtd29yZA"];
    secret(&["-u", "elastic:s3cret-word"], &[], basic, &secrets);
    secret(&["-u", "elastic"], &[("BULKIMPORT_PASSWORD", word)], basic, &secrets);
    secret(&["elastic:s3cret-word@"], &[], basic, &secrets);
    // base64 of elastic:s3cret-in-file, without the newline that ends the file
    secret(
        &["-u", "elastic", "--password-file", "password"],
        &[],
        "Basic ZWxhc3RpYzpzM2NyZXQtaW4tZmlsZQ==",
        &["s3cret-in-file"],
    );
    // base64 of e@x:p@ss:w/ord, escaped in the URL
    secret(&["e%40x:p%40ss%3Aw%2Ford@"], &[], "Basic ZUB4OnBAc3M6dy9vcmQ=", &["p@ss:w/ord", "p%40ss"]);
}

#[test]
fn api_keys_and_tokens_go_as_authorization_and_nowhere_else() {
    let secrets = ["s3cret-in-file", "s3cret-word"];
    secret(&["--api-key-file", "password"], &[], "ApiKey s3cret-in-file", &secrets);
    secret(&[], &[("BULKIMPORT_API_KEY", "s3cret-word")], "ApiKey s3cret-word", &secrets);
    secret(&["--bearer-file", "password"], &[], "Bearer s3cret-in-file", &secrets);
    secret(&[], &[("BULKIMPORT_BEARER", "s3cret-word")], "Bearer s3cret-word", &secrets);
    secret(&["-H", "Authorization: Custom s3cret-word"], &[], "Custom s3cret-word", &secrets);
}

#[test]
fn without_credentials_there_is_no_authorization() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().without("authorization").without("cookie").answers(&[created(), created()]));
    import(&place, &wire, "in.jsonl", TWO, &[]).expect(0, [2, 0, 0, 0]);
    wire.done();
}

#[test]
fn a_header_goes_with_every_request() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().has("x-tenant", "north").has("x-trace", "a: b").answers(&[created(), created()]));
    let flags = ["-H", "X-Tenant: north", "--header", "X-Trace:a: b"];
    import(&place, &wire, "in.jsonl", TWO, &flags).expect(0, [2, 0, 0, 0]);
    for request in wire.done() {
        assert_eq!(request.header("x-tenant"), Some("north"), "{} {}", request.method, request.path);
    }
}

#[test]
fn two_ways_to_sign_in_are_a_usage_error_and_nothing_is_sent() {
    let (place, wire) = (Place::new(), Wire::start());
    place.file("password", "s3cret-in-file\n");
    let ran = import(&place, &wire, "in.jsonl", TWO, &["-u", "elastic:s3cret-word", "--bearer-file", "password"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    assert!(wire.done().is_empty());
}

#[test]
fn a_dry_run_sends_no_document() {
    let (place, wire) = (Place::new(), Wire::start());
    let ran = import(&place, &wire, "in.jsonl", TWO, &["--dry-run"]);
    ran.expect(0, [0, 0, 0, 0]);
    assert_eq!(ran.count("unsent"), 2);
    assert!(wire.bulks().is_empty());
}

#[test]
fn a_plain_url_asks_the_server_what_it_is() {
    for root in ["es7", "es8", "opensearch2"] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("GET", "/", move |_| Reply::file(200, &format!("elasticsearch/root-{root}.json")));
        wire.bulk(&[created(), created()]);
        place.file("in.jsonl", TWO);
        let to = format!("http://{}", wire.address());
        place.run(&["--to", &to, "-c", "c", "-j", "1", "in.jsonl"]).expect(0, [2, 0, 0, 0]);
        assert!(wire.done().iter().any(|request| request.method == "GET" && request.path == "/"));
    }
}

#[test]
fn the_summary_counts_requests_and_bytes() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created()]).bulk(&[created()]);
    let ran = import(&place, &wire, "in.jsonl", TWO, &["--batch-size", "1"]);
    ran.expect(0, [2, 0, 0, 0]);
    let bytes: usize = wire.bulks().iter().map(|request| request.body.len()).sum();
    assert_eq!(ran.count("requests"), 2, "{}", ran.summary);
    assert_eq!(ran.count("retried"), 0, "{}", ran.summary);
    assert_eq!(ran.count("bytes_sent"), bytes as u64, "{}", ran.summary);
    assert_eq!(ran.summary["collection"], "c");
    assert!(ran.summary["target"].as_str().is_some_and(|target| target.contains(wire.address())), "{}", ran.summary);
}
