//! How the answers of Elasticsearch and OpenSearch are read: item by item, by position and by key, and nothing that is not
//! a whole answer is ever taken for success.

use crate::support::{Place, Ran};
use crate::wire::{
    Harm, Item, Reply, Request, Wire, bulk, busy, created, deleted, documents, duplicate, failed, import, multi_get,
    noop, not_found, unfit, updated,
};
use serde_json::{Value, json};

/// The results file, one object for each record.
fn results(place: &Place) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path("results")).expect("the results");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of the results is JSON")).collect()
}

/// Their lines in the order of the input, with this field.
fn column(place: &Place, field: &str) -> Vec<Value> {
    let mut all = results(place);
    all.sort_by_key(|result| result["record"].as_u64().or(result["line"].as_u64()));
    all.iter().map(|result| result[field].clone()).collect()
}

/// The kinds of errors that the summary counts.
fn kinds(ran: &Ran) -> Vec<(String, u64)> {
    let kinds = ran.summary["error_kinds"].as_array().expect("error_kinds");
    let kind = |kind: &Value| {
        (kind["type"].as_str().unwrap_or_default().to_owned(), kind["count"].as_u64().unwrap_or_default())
    };
    kinds.iter().map(kind).collect()
}

#[test]
fn results_of_each_action_end_in_their_buckets() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), updated(), noop(), created(), deleted(), not_found(), updated()]);
    let lines = [
        r#"{"index":{"_id":"1"}}"#,
        "{}",
        r#"{"index":{"_id":"2"}}"#,
        "{}",
        r#"{"update":{"_id":"3"}}"#,
        r#"{"doc":{}}"#,
        r#"{"create":{"_id":"4"}}"#,
        "{}",
        r#"{"delete":{"_id":"5"}}"#,
        r#"{"delete":{"_id":"6"}}"#,
        r#"{"update":{"_id":"7"}}"#,
        r#"{"doc":{"n":1}}"#,
    ];
    let ran = import(&place, &wire, &lines.join("\n"), &["-t", "bulk"]);
    ran.expect(0, [2, 0, 3, 1]);
    assert_eq!((ran.count("deleted"), ran.count("read")), (1, 7));
    let expected = ["created", "updated", "noop", "created", "deleted", "not_found", "updated"];
    assert_eq!(column(&place, "result"), expected);
    assert_eq!(column(&place, "status"), [201, 200, 200, 201, 200, 404, 200]);
    assert_eq!(column(&place, "id"), ["1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(column(&place, "line"), [1, 3, 5, 7, 9, 10, 11]);
    assert_eq!(column(&place, "op"), ["index", "index", "update", "create", "delete", "delete", "update"]);
    assert!(results(&place).iter().all(|result| result["index"] == "c" && result["file"] == "in"));
}

#[test]
fn a_key_that_exists_is_an_error_or_ignored_as_asked() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), duplicate(), created()]);
    let ran = import(&place, &wire, &documents(3), &[]);
    ran.expect(1, [2, 1, 0, 0]).prints("in:2: duplicate key \"2\"");
    assert_eq!(results(&place)[1]["status"], 409);
    assert_eq!(results(&place)[1]["error"]["type"], "version_conflict_engine_exception");

    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), duplicate(), created()]);
    import(&place, &wire, &documents(3), &["--on-duplicate", "ignore"]).expect(0, [2, 0, 0, 1]);
}

#[test]
fn an_item_that_failed_is_an_error_with_the_servers_reason() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), unfit(), created()]);
    let ran = import(&place, &wire, &documents(3), &[]);
    ran.expect(1, [2, 1, 0, 0])
        .prints("in:2: ")
        .prints("failed to parse field [n] of type [long] in document with id '2'");
    assert_eq!(kinds(&ran), [("mapper_parsing_exception".to_owned(), 1)]);
    assert_eq!(column(&place, "status"), [201, 400, 201]);
    assert_eq!(
        results(&place)[1]["error"]["reason"],
        "failed to parse field [n] of type [long] in document with id '2'. Preview of field's value: 'x'"
    );
}

#[test]
fn the_cause_of_an_error_is_said_too() {
    let (place, wire) = (Place::new(), Wire::start());
    let error = json!({"type": "mapper_parsing_exception", "reason": "failed to parse",
        "caused_by": {"type": "illegal_argument_exception", "reason": "Limit of total fields [3] has been exceeded"}});
    wire.bulk(&[Item::Raw(json!({"create": {"_index": "c", "_id": "1", "status": 400, "error": error}}))]);
    import(&place, &wire, &documents(1), &[])
        .expect(1, [0, 1, 0, 0])
        .prints("Limit of total fields [3] has been exceeded");
    assert_eq!(results(&place)[0]["error"], error);
}

#[test]
fn a_failed_item_counts_though_errors_is_false() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply_with(|request| {
        let mut reply = Reply::bulk(request, &[created(), unfit()]);
        let body = String::from_utf8(reply.body).expect("UTF-8").replace("\"errors\":true", "\"errors\":false");
        reply.body = body.into_bytes();
        reply
    }));
    import(&place, &wire, &documents(2), &[]).expect(1, [1, 1, 0, 0]);
}

#[test]
fn a_permanent_500_of_an_item_is_an_error_and_sent_once() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), failed(500, "fail_processor_exception", "not today")]);
    import(&place, &wire, &documents(2), &[]).expect(1, [1, 1, 0, 0]).prints("not today");
    wire.done();
}

#[test]
fn a_document_that_a_pipeline_dropped_is_an_error() {
    let (place, wire) = (Place::new(), Wire::start());
    let dropped = |op: &str, version: i64| {
        Item::Raw(json!({op: {"_index": "c", "_id": "2", "_version": version, "result": "noop",
            "_shards": {"total": 0, "successful": 0, "failed": 0}, "status": 200}}))
    };
    wire.bulk(&[created(), dropped("create", -4)]);
    let ran = import(&place, &wire, &documents(2), &[]);
    ran.expect(1, [1, 1, 0, 0]).prints("in:2: ");
    assert_eq!(kinds(&ran), [("dropped_by_pipeline".to_owned(), 1)]);

    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), dropped("index", -3)]);
    let ran = import(&place, &wire, &documents(2), &["--on-duplicate", "replace"]);
    ran.expect(1, [1, 1, 0, 0]);
    assert_eq!(kinds(&ran), [("dropped_by_pipeline".to_owned(), 1)]);
}

#[test]
fn a_document_in_the_failure_store_is_an_error() {
    let (place, wire) = (Place::new(), Wire::start());
    let item = |used: &str| {
        json!({"create": {"_index": ".fs-c-000001", "_id": "2", "_version": 1, "result": "created", "_seq_no": 0, "_primary_term": 1,
            "failure_store": used, "status": 201}})
    };
    wire.bulk(&[created(), Item::Raw(item("used"))]);
    let ran = import(&place, &wire, &documents(2), &[]);
    ran.expect(1, [1, 1, 0, 0]).prints("in:2: ");
    assert_eq!(kinds(&ran), [("failure_store".to_owned(), 1)]);

    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), Item::Raw(item("not_applicable_or_unknown"))]);
    import(&place, &wire, &documents(2), &[]).expect(0, [2, 0, 0, 0]);
}

#[test]
fn a_scripted_upsert_that_declines_is_ignored() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[Item::Raw(
        json!({"update": {"_index": "c", "_id": "1", "_version": -1, "result": "noop", "get": {"found": false},
        "_shards": {"total": 1, "successful": 1, "failed": 0}, "status": 200}}),
    )]);
    let text = "{\"update\":{\"_id\":\"1\"}}\n{\"script\":\"ctx.op='none'\",\"upsert\":{},\"scripted_upsert\":true}\n";
    import(&place, &wire, text, &["-t", "bulk"]).expect(0, [0, 0, 0, 1]);
}

#[test]
fn a_script_that_deletes_counts_as_deleted() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[deleted()]);
    let ran =
        import(&place, &wire, "{\"update\":{\"_id\":\"1\"}}\n{\"script\":\"ctx.op='delete'\"}\n", &["-t", "bulk"]);
    ran.expect(0, [0, 0, 0, 0]);
    assert_eq!(ran.count("deleted"), 1);
}

#[test]
fn conditions_that_do_not_hold_are_errors_and_no_duplicates() {
    let (place, wire) = (Place::new(), Wire::start());
    let conflict = |reason: &str| failed(409, "version_conflict_engine_exception", reason);
    wire.bulk(&[
        conflict("[{id}]: version conflict, required seqNo [3], primary term [1]. current document has seqNo [0] and primary term [1]"),
        conflict("[{id}]: version conflict, current version [5] is higher or equal to the one provided [5]"),
        conflict("[{id}]: version conflict, required seqNo [9], primary term [1]. but no document was found"),
        conflict("[{id}]: version conflict, required seqNo [9], primary term [1]. current document has seqNo [0] and primary term [1]"),
    ]);
    let lines = [
        r#"{"index":{"_id":"1","if_seq_no":3,"if_primary_term":1}}"#,
        "{}",
        r#"{"index":{"_id":"2","version":5,"version_type":"external"}}"#,
        "{}",
        r#"{"delete":{"_id":"3","if_seq_no":9,"if_primary_term":1}}"#,
        r#"{"update":{"_id":"4","if_seq_no":9,"if_primary_term":1}}"#,
        r#"{"doc":{}}"#,
    ];
    let ran = import(&place, &wire, &lines.join("\n"), &["-t", "bulk"]);
    ran.expect(1, [0, 4, 0, 0]).prints("required seqNo [3]");
    assert!(!ran.stderr.contains("duplicate key"), "{}", ran.stderr);
}

#[test]
fn a_concurrent_writer_is_waited_for() {
    let (place, wire) = (Place::new(), Wire::start());
    let conflict = failed(
        409,
        "version_conflict_engine_exception",
        "[{id}]: version conflict, required seqNo [3], primary term [1]. current document has seqNo [4] and primary term [1]",
    );
    wire.bulk(&[updated(), conflict]).expect(bulk().ids(&["2"]).answers(&[updated()]));
    import(&place, &wire, &documents(2), &["--on-duplicate", "update"]).expect(0, [0, 0, 2, 0]);
    wire.done();
}

#[test]
fn an_update_of_a_missing_document_is_an_error() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[failed(404, "document_missing_exception", "[{id}]: document missing")]);
    import(&place, &wire, "{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{}}\n", &["-t", "bulk"])
        .expect(1, [0, 1, 0, 0])
        .prints("in:1: ")
        .prints("document missing");
}

#[test]
fn a_delete_in_a_missing_index_is_an_error_and_of_a_missing_document_is_not() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[failed(404, "index_not_found_exception", "no such index [c]"), not_found()]);
    import(&place, &wire, &documents(2), &["--delete-keys"]).expect(1, [0, 1, 0, 1]).prints("no such index [c]");
}

#[test]
fn items_out_of_order_are_paired_by_their_ids() {
    let (place, wire) = (Place::new(), Wire::start());
    // As OpenSearch does when a pipeline drops and fails documents: sent 1 to 5, answered 1, 3, 2, 4, 5.
    wire.expect(bulk().reply_with(|request| {
        let dropped = |id: &str| json!({"index": {"_index": "c", "_id": id, "_version": -3, "result": "noop", "status": 200}});
        let fail = |id: &str| {
            json!({"index": {"_index": "c", "_id": id, "status": 500, "error": {"type": "fail_processor_exception", "reason": format!("no {id}")}}})
        };
        assert_eq!(request.ids(), ["1", "2", "3", "4", "5"]);
        let good = json!({"index": {"_index": "c", "_id": "4", "_version": 1, "result": "created", "_seq_no": 0, "_primary_term": 1, "status": 201}});
        Reply::items(vec![dropped("1"), dropped("3"), fail("2"), good, fail("5")])
    }));
    let ran = import(&place, &wire, &documents(5), &["--on-duplicate", "replace", "--pipeline", "p", "--details"]);
    ran.expect(1, [1, 4, 0, 0]).prints("in:2: ").prints("no 2").prints("no 5");
    assert_eq!(column(&place, "status")[3], 201);
    assert_eq!(column(&place, "error")[1]["reason"], "no 2");
    assert_eq!(column(&place, "error")[4]["reason"], "no 5");
    let line =
        |id: &str| ran.stderr.lines().find(|line| line.contains(&format!("no {id}"))).unwrap_or_default().to_owned();
    assert!(line("2").contains("in:2:") && line("5").contains("in:5:"), "{}", ran.stderr);
}

#[test]
fn items_that_name_other_ids_are_no_success() {
    let (place, wire) = (Place::new(), Wire::start());
    let stranger = json!({"create": {"_index": "c", "_id": "stranger", "_version": 1, "result": "created", "_seq_no": 0, "_primary_term": 1, "status": 201}});
    wire.standing("POST", "_bulk", move |request| match request.ids().contains(&"2".to_owned()) {
        true => Reply::items(vec![stranger.clone(); request.actions().len()]),
        false => Reply::bulk(request, &vec![created(); request.actions().len()]),
    });
    wire.standing("POST", "_mget", |request| Reply::documents(request, &[]));
    let ran = import(&place, &wire, &documents(2), &["--retries", "1"]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert_eq!(ran.count("created"), 0, "{}", ran.summary);
    assert_eq!(ran.count("unknown"), 2, "{}", ran.summary);
}

#[test]
fn an_upsert_that_lost_its_name_is_still_blamed_for_its_failure() {
    // OpenSearch, then Elasticsearch 8.
    for index in [json!("c"), Value::Null] {
        let (place, wire) = (Place::new(), Wire::start());
        let nameless = json!({"index": {"_index": index, "_id": null, "status": 400,
            "error": {"type": "illegal_argument_exception", "reason": "pipeline with id [nope] does not exist"}}});
        wire.bulk(&[
            created(),
            Item::Raw(nameless),
            failed(404, "document_missing_exception", "[{id}]: document missing"),
        ]);
        let lines = [
            r#"{"update":{"_id":"1"}}"#,
            r#"{"doc":{"a":1},"doc_as_upsert":true}"#,
            r#"{"update":{"_id":"2"}}"#,
            r#"{"doc":{"a":1},"upsert":{"u":1}}"#,
            r#"{"update":{"_id":"3"}}"#,
            r#"{"doc":{"a":1}}"#,
        ];
        let ran = import(&place, &wire, &lines.join("\n"), &["-t", "bulk", "--details"]);
        ran.expect(1, [1, 2, 0, 0]).prints("in:3: ").prints("pipeline with id [nope] does not exist");
        assert_eq!(column(&place, "status"), [201, 400, 404]);
    }
}

#[test]
fn an_alias_may_be_answered_by_the_name_of_its_index() {
    let (place, wire) = (Place::new(), Wire::start());
    let item = json!({"create": {"_index": "c-000001", "_id": "1", "_version": 1, "result": "created", "_seq_no": 0, "_primary_term": 1, "status": 201}});
    wire.bulk(&[Item::Raw(item)]);
    import(&place, &wire, &documents(1), &[]).expect(0, [1, 0, 0, 0]);
    wire.done();
}

/// Answers that are none: what is answered to three creates, and why that proves nothing.
#[test]
fn what_is_no_whole_answer_is_never_success() {
    let good = |request: &Request| Reply::bulk(request, &[created(), created(), created()]);
    type Making = Box<dyn Fn(&Request) -> Reply + Send + Sync>;
    let answers: Vec<(&str, Making)> = vec![
        ("an HTML page", Box::new(|_| Reply::html(200, "Welcome"))),
        ("no JSON", Box::new(|_| Reply::text(200, "ok"))),
        ("nothing", Box::new(|_| Reply::new(200))),
        ("an empty object", Box::new(|_| Reply::json(200, json!({})))),
        ("an array", Box::new(|_| Reply::json(200, json!([])))),
        ("no items", Box::new(|_| Reply::json(200, json!({"took": 1, "errors": false})))),
        ("empty items", Box::new(|_| Reply::json(200, json!({"took": 1, "errors": false, "items": []})))),
        ("items that are no list", Box::new(|_| Reply::json(200, json!({"took": 1, "errors": false, "items": {}})))),
        ("items without a status", Box::new(|_| Reply::items(vec![json!({"create": {}}), json!({}), json!(7)]))),
        (
            "an item too few",
            Box::new(|request| {
                let actions = request.actions();
                let item = |id: &str| json!({"create": {"_index": "c", "_id": id, "_version": 1, "result": "created", "_seq_no": 0, "_primary_term": 1, "status": 201}});
                Reply::items(
                    actions.iter().skip(1).map(|action| item(action.id.as_deref().unwrap_or_default())).collect(),
                )
            }),
        ),
        (
            "an item too many",
            Box::new(move |request| {
                let mut items: Value = serde_json::from_slice(&good(request).body).expect("JSON");
                let first = items["items"][0].clone();
                items["items"].as_array_mut().expect("items").push(first);
                Reply::json(200, items)
            }),
        ),
        (
            "an error of its own",
            Box::new(|_| Reply::json(200, json!({"error": {"type": "x", "reason": "y"}, "status": 400}))),
        ),
        ("a cut answer", Box::new(move |request| good(request).harm(Harm::CutAfter(60)))),
        (
            "an answer cut at its last byte",
            Box::new(move |request| {
                let reply = good(request);
                let length = reply.body.len();
                reply.harm(Harm::CutAfter(length - 1))
            }),
        ),
        (
            "a short Content-Length",
            Box::new(move |request| {
                let reply = good(request);
                let length = reply.body.len();
                reply.harm(Harm::ContentLength(length - 1))
            }),
        ),
        (
            "a long Content-Length",
            Box::new(move |request| {
                let reply = good(request);
                let length = reply.body.len();
                reply.harm(Harm::ContentLength(length + 1))
            }),
        ),
        ("another 2xx", Box::new(|_| Reply::json(202, json!({"acknowledged": true})))),
        ("no content", Box::new(|_| Reply::new(204))),
    ];
    for (what, answer) in answers {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().reply_with(answer));
        let ran = import(&place, &wire, &documents(3), &["--retries", "0"]);
        assert!([1, 4].contains(&ran.code), "{what}: {} {}", ran.code, ran.stderr);
        assert_eq!((ran.count("created"), ran.count("unknown")), (0, 3), "{what}: {}\n{}", ran.summary, ran.stderr);
        wire.done();
    }
}

#[test]
fn after_such_an_answer_the_documents_are_read_back() {
    for answer in [Reply::html(200, "Welcome"), Reply::json(200, json!({"took": 1, "errors": false, "items": []}))] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.expect(bulk().reply(answer));
        wire.expect(bulk().ids(&["1", "2"]).answers(&[duplicate(), created()]));
        wire.expect(multi_get().reply_with(|request| Reply::documents(request, &[("1", r#"{"n":1}"#)])));
        import(&place, &wire, &documents(2), &[]).expect(0, [2, 0, 0, 0]);
        wire.done();
    }
}

/// Answers bulk requests as a server that refuses whole requests in which one of these ids is.
fn refuses(wire: &Wire, status: u16, bad: &[&str], kind: &str, reason: &str) {
    let bad: Vec<String> = bad.iter().map(|id| (*id).to_owned()).collect();
    let (kind, reason) = (kind.to_owned(), reason.to_owned());
    wire.standing("POST", "_bulk", move |request| match request.ids().iter().find(|id| bad.contains(id)) {
        Some(id) => Reply::refused(status, &kind, &reason.replace("{id}", id)),
        None => Reply::bulk(request, &vec![created(); request.actions().len()]),
    });
    wire.standing("POST", "_mget", |request| Reply::documents(request, &[]));
}

#[test]
fn one_bad_item_never_takes_a_request_down() {
    // A 400 is said before anything is done, a 500 with a body may come for input that the server did not foresee.
    let kinds_of_refusal = [
        (400, "action_request_validation_exception", "Validation Failed: 1: id is missing;"),
        (
            400,
            "illegal_argument_exception",
            "Malformed action/metadata line [3], expected FIELD_NAME but found [END_OBJECT]",
        ),
        (500, "null_pointer_exception", "id must not be null"),
    ];
    for (status, kind, reason) in kinds_of_refusal {
        for bad in ["1", "6", "11"] {
            let (place, wire) = (Place::new(), Wire::start());
            refuses(&wire, status, &[bad], kind, reason);
            let ran = import(&place, &wire, &documents(11), &[]);
            ran.expect(1, [10, 1, 0, 0]).prints(&format!("in:{bad}: ")).prints(reason);
            assert_eq!(kinds(&ran), [(kind.to_owned(), 1)]);
            let requests = wire.bulks();
            assert!(requests.len() <= 12, "{} requests for eleven documents", requests.len());
            // Whatever was taken was taken once.
            let taken: Vec<String> =
                requests.iter().map(Request::ids).filter(|ids| !ids.contains(&bad.to_owned())).flatten().collect();
            assert_eq!(taken.len(), 10, "{taken:?}");
            let errors: Vec<Value> = column(&place, "error").into_iter().filter(|error| !error.is_null()).collect();
            assert_eq!(errors.iter().map(|error| &error["reason"]).collect::<Vec<_>>(), [reason]);
        }
    }
}

#[test]
fn several_bad_items_with_reasons_of_their_own_are_found_each() {
    let (place, wire) = (Place::new(), Wire::start());
    refuses(&wire, 400, &["3", "9"], "illegal_argument_exception", "cannot take [{id}]");
    let ran = import(&place, &wire, &documents(12), &["--details"]);
    ran.expect(1, [10, 2, 0, 0]).prints("in:3: ").prints("cannot take [3]").prints("in:9: ").prints("cannot take [9]");
}

#[test]
fn a_refusal_of_every_item_is_the_requests_and_ends_the_run() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("POST", "_bulk", |_| {
        Reply::refused(400, "illegal_argument_exception", "request [/_bulk] contains unrecognized parameter: [foo]")
    });
    let ran = import(&place, &wire, &documents(64), &[]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("unrecognized parameter: [foo]");
    assert_eq!(ran.count("created"), 0);
    assert!(wire.bulks().len() <= 20, "{} requests to find out", wire.bulks().len());
}

#[test]
fn a_body_that_is_too_large_is_halved_and_the_limit_remembered() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("POST", "_bulk", |request| match request.body.len() > 1000 {
        true => Reply::new(413),
        false => Reply::bulk(request, &vec![created(); request.actions().len()]),
    });
    let text: String = (0..64).map(|key| format!("{{\"_key\":\"{key}\",\"text\":\"{}\"}}\n", "x".repeat(60))).collect();
    let ran = import(&place, &wire, &text, &["--batch-size", "32"]);
    ran.expect(0, [64, 0, 0, 0]);
    let bulks = wire.bulks();
    let refused = bulks.iter().filter(|request| request.body.len() > 1000).count();
    assert!(
        (1..=4).contains(&refused),
        "{refused} bodies were too large, though the limit could be known after the first batch"
    );
    let taken: usize =
        bulks.iter().filter(|request| request.body.len() <= 1000).map(|request| request.actions().len()).sum();
    assert_eq!(taken, 64, "each was taken once");
}

#[test]
fn a_document_that_is_too_large_alone_is_an_error() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("POST", "_bulk", |request| match request.body.len() > 1000 {
        true => Reply::html(413, "413 Request Entity Too Large"),
        false => Reply::bulk(request, &vec![created(); request.actions().len()]),
    });
    let text =
        format!("{{\"_key\":\"1\"}}\n{{\"_key\":\"2\",\"text\":\"{}\"}}\n{{\"_key\":\"3\"}}\n", "x".repeat(1200));
    let ran = import(&place, &wire, &text, &[]);
    ran.expect(1, [2, 1, 0, 0]).prints("in:2: ").prints("too large");
    assert_eq!(kinds(&ran), [("too_large".to_owned(), 1)]);
    assert_eq!(results(&place).len(), 3);
}

#[test]
fn who_is_not_let_in_ends_the_run_with_advice() {
    let refusals = [
        (
            Reply::refused(401, "security_exception", "missing authentication credentials for REST request [/_bulk]"),
            "missing authentication credentials",
            "password",
        ),
        (Reply::text(401, "Unauthorized"), "401", "password"),
        (
            Reply::refused(
                403,
                "security_exception",
                "action [indices:data/write/bulk] is unauthorized for user [reader]",
            ),
            "is unauthorized for user [reader]",
            "",
        ),
        (Reply::json(403, json!({"Message": "User: x is not authorized"})), "User: x is not authorized", ""),
        (Reply::html(404, "404 Not Found"), "404", ""),
        (
            Reply::json(
                405,
                json!({"error": "Incorrect HTTP method for uri [/_bulk] and method [POST]", "status": 405}),
            ),
            "Incorrect HTTP method",
            "",
        ),
        (
            Reply::json(406, json!({"error": "Content-Type header [] is not supported", "status": 406})),
            "is not supported",
            "",
        ),
        (Reply::new(302).header("Location", "https://elsewhere.example/_bulk"), "https://elsewhere.example/_bulk", ""),
        (Reply::new(308).header("Location", "https://elsewhere.example/_bulk"), "https://elsewhere.example/_bulk", ""),
    ];
    for (reply, reason, advice) in refusals {
        let (place, wire) = (Place::new(), Wire::start());
        let status = reply.status;
        wire.expect(bulk().reply(reply));
        let ran = import(&place, &wire, &documents(3), &[]);
        assert_eq!(ran.code, 4, "{status}: {}", ran.stderr);
        ran.prints(reason).prints(advice);
        assert_eq!((ran.count("created"), ran.count("unsent")), (0, 3), "{status}: {}", ran.summary);
        // Not asked again.
        wire.done();
    }
}

#[test]
fn a_full_disk_is_reported_to_the_operator_and_not_waited_for() {
    let reason = "index [c] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];";
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[
        created(),
        failed(429, "cluster_block_exception", reason),
        failed(429, "cluster_block_exception", reason),
    ]);
    let ran = import(&place, &wire, &documents(3), &[]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("flood-stage");
    assert_eq!(
        (ran.count("created"), ran.count("created") + ran.count("unsent") + ran.count("errors")),
        (1, 3),
        "{}",
        ran.summary
    );
    wire.done();

    let (place, wire) = (Place::new(), Wire::start());
    wire.expect(bulk().reply(Reply::refused(429, "cluster_block_exception", reason)));
    let ran = import(&place, &wire, &documents(3), &[]);
    assert_eq!((ran.code, ran.count("unsent")), (4, 3), "{}", ran.stderr);
    ran.prints("flood-stage");
    wire.done();
}

#[test]
fn an_index_closed_to_writes_is_reported_to_the_operator() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[failed(403, "cluster_block_exception", "index [c] blocked by: [FORBIDDEN/8/index write (api)];")]);
    let ran = import(&place, &wire, &documents(1), &[]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints("FORBIDDEN/8/index write (api)");
    wire.done();
}

#[test]
fn too_many_errors_stop_the_run() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("POST", "_bulk", |request| Reply::bulk(request, &vec![unfit(); request.actions().len()]));
    let ran = import(&place, &wire, &documents(5000), &["--batch-size", "5", "--max-errors", "7"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.count("errors") < 5000, "{}", ran.summary);
}

#[test]
fn the_results_hold_each_record_once_also_those_never_sent() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[created(), busy(), unfit()]).bulk(&[created()]);
    let text = "{\"_key\":\"a\"}\n{\"_key\":\"b\"}\nnot JSON\n{\"_key\":\"c\"}\n";
    import(&place, &wire, text, &[]).expect(1, [2, 2, 0, 0]);
    let mut lines: Vec<u64> = results(&place).iter().filter_map(|result| result["line"].as_u64()).collect();
    lines.sort_unstable();
    assert_eq!(lines, [1, 2, 3, 4]);
    let stdout = Place::new();
    stdout.file("in", "{\"_key\":\"a\"}\n");
    wire.bulk(&[created()]);
    let ran = stdout.run(&["--to", &wire.to(), "-c", "c", "-t", "jsonl", "--results", "-", "--summary", "text", "in"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let result: Value = serde_json::from_str(&ran.stdout).expect("stdout has the results alone");
    assert_eq!((&result["id"], &result["result"]), (&json!("a"), &json!("created")));
    ran.prints("created: 1");
}

#[test]
fn two_clusters_are_not_taken_for_nodes_of_one() {
    let (place, one, other) = (Place::new(), Wire::start(), Wire::start());
    for (wire, id) in [(&one, "one"), (&other, "other")] {
        let about = json!({ "cluster_name": "c", "cluster_uuid": id, "version": { "number": "8.7.1" } });
        wire.standing("GET", "/", move |_| Reply::json(200, about.clone()));
    }
    place.file("in", documents(9));
    let ran = place.run(&["--to", &one.to(), "--to", &other.to(), "-c", "c", "-t", "jsonl", "in"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    ran.prints(other.address()).prints("belongs to another cluster").prints("hint: run once for each cluster");
}

#[test]
fn an_index_in_the_address_gets_a_hint_where_it_belongs() {
    for (status, body) in
        [(200, json!({ "films": { "mappings": {} } })), (404, json!({ "error": "no", "status": 404 }))]
    {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("GET", "/films/", move |_| Reply::json(status, body.clone()));
        place.file("in", documents(1));
        let to = format!("{}/films", wire.to());
        let ran = place.run(&["--to", &to, "-c", "films", "-t", "jsonl", "in"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints("not the address of a cluster").prints("hint: an index is named with `--collection films`");
    }
}

#[test]
fn an_index_that_cannot_be_emptied_gets_nothing_from_any_lane() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.standing("HEAD", "/c", |_| Reply::new(200));
    wire.standing("GET", "/c", |_| Reply::json(200, json!({ "c": { "mappings": {}, "settings": {}, "aliases": {} } })));
    wire.standing("POST", "/c/_refresh", |_| Reply::refused(500, "oops", "it is broken"));
    place.file("in", documents(64));
    let arguments = ["--to", &wire.to(), "-c", "c", "-t", "jsonl", "--overwrite", "-j", "8", "--batch-size", "1", "in"];
    let ran = place.run(&arguments);
    assert_eq!((ran.code, ran.count("unsent")), (4, ran.count("read")), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("it is broken").count(), 1, "{}", ran.stderr);
    assert!(wire.bulks().is_empty());
}

#[test]
fn an_alias_beside_its_index_does_not_mix_up_two_actions_on_one_key() {
    let (place, wire) = (Place::new(), Wire::start());
    let item = |index: &str, status: u16, rest: Value| {
        let mut item = json!({ "_index": index, "_id": "k", "status": status });
        item.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
        Item::Raw(json!({ "create": item }))
    };
    let refused = json!({ "error": { "type": "es_rejected_execution_exception", "reason": "busy" } });
    let exists = json!({ "error": { "type": "version_conflict_engine_exception", "reason": "exists" } });
    // What was carried out names the index behind the alias, what was not names the alias.
    wire.bulk(&[item("real", 201, json!({ "result": "created", "_version": 1 })), item("alias", 429, refused)]);
    wire.bulk(&[item("real", 409, exists)]);
    let lines: String =
        (1..=2).map(|n| format!("{{\"create\":{{\"_index\":\"alias\",\"_id\":\"k\"}}}}\n{{\"n\":{n}}}\n")).collect();
    import(&place, &wire, &lines, &["-t", "bulk"]).expect(1, [1, 1, 0, 0]).prints("in:3: duplicate key \"k\"");
}
