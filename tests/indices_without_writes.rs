//! What no record can cure: a closed or blocked index, a missing pipeline, an alias without a write index, a limit of the
//! cluster. It ends a run at once, names the index, and says what cures it. For bulk lines that name another index it is an
//! error, and the run fails as a whole only if nothing can be written to any index.

use crate::support::{Place, Ran};
use crate::wire::kuzzle::into_kuzzle;
use crate::wire::{Reply, Request, Wire, bulk, created, documents, failed, import, unfit};
use serde_json::json;

const CLOSED: (u16, &str, &str) = (400, "index_closed_exception", "closed");

/// What a server says of an index, and what is printed about it.
const REFUSALS: [((u16, &str, &str), &str, &str); 11] = [
    (CLOSED, "index [c] is closed", "`POST /c/_open` opens the index"),
    (
        (400, "illegal_argument_exception", "pipeline with id [nope] does not exist"),
        "pipeline with id [nope] does not exist",
        "`PUT /_ingest/pipeline/nope`",
    ),
    (
        (
            400,
            "illegal_argument_exception",
            "no write index is defined for alias [c]. The write index may be explicitly disabled using is_write_index=false",
        ),
        "no write index is defined for alias [c]",
        r#"`POST /_aliases {"actions":[{"add":{"index":"INDEX","alias":"c","is_write_index":true}}]}`"#,
    ),
    (
        (
            404,
            "index_not_found_exception",
            "no such index [c] and [action.auto_create_index] contains [-c*] which forbids automatic creation of the index",
        ),
        "no such index [c]",
        "`--create-collection` creates the index",
    ),
    ((404, "index_not_found_exception", "no such index [c]"), "no such index [c]", "`--create-collection`"),
    (
        (
            400,
            "validation_exception",
            "Validation Failed: 1: this action would add [2] total shards, but this cluster currently has [999]/[1000] maximum shards open;",
        ),
        "[999]/[1000] maximum shards open",
        "`cluster.max_shards_per_node`",
    ),
    (
        (403, "cluster_block_exception", "index [c] blocked by: [FORBIDDEN/5/index read-only (api)];"),
        "read-only (api)",
        r#"`PUT /c/_settings {"index.blocks.read_only":null}`"#,
    ),
    (
        (403, "cluster_block_exception", "index [c] blocked by: [FORBIDDEN/8/index write (api)];"),
        "index write (api)",
        r#"`PUT /c/_settings {"index.blocks.write":null}`"#,
    ),
    (
        (
            429,
            "cluster_block_exception",
            "index [c] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];",
        ),
        "flood-stage",
        r#"free space there; `PUT /c/_settings {"index.blocks.read_only_allow_delete":null}`"#,
    ),
    (
        (403, "cluster_block_exception", "blocked by: [FORBIDDEN/6/cluster read-only (api)];"),
        "cluster read-only",
        "`PUT /_cluster/settings ",
    ),
    (
        (400, "illegal_argument_exception", "Number of documents in the index can't exceed [2147483519]"),
        "2147483519",
        "with more shards",
    ),
];

/// Asserts the end of a run that stopped after its first response.
fn stopped(ran: &Ran, text: &str, hint: &str, counts: [u64; 2]) {
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ran.prints(text);
    let line = ran.stderr.lines().find(|line| line.starts_with("hint: ")).unwrap_or_default();
    assert!(line.contains(hint), "{hint}: {}", ran.stderr);
    assert_eq!([ran.count("created"), ran.count("unsent")], counts, "{}", ran.stderr);
    assert_eq!(ran.count("errors"), 0, "{}", ran.stderr);
}

#[test]
fn an_index_that_takes_no_writes_stops_the_run_at_once_and_by_name() {
    for ((status, kind, reason), text, hint) in REFUSALS {
        let (place, wire) = (Place::new(), Wire::start());
        wire.bulk(&[created(), failed(status, kind, reason), failed(status, kind, reason)]);
        stopped(&import(&place, &wire, &documents(3), &[]), text, hint, [1, 2]);
        wire.done();
    }
}

#[test]
fn a_whole_request_for_such_an_index_stops_the_run_too() {
    for ((status, kind, reason), text, hint) in REFUSALS.into_iter().filter(|((status, ..), ..)| *status != 404) {
        let (place, wire) = (Place::new(), Wire::start());
        let cause = json!({"type": kind, "reason": reason, "index": "c"});
        wire.expect(bulk().reply(Reply::json(status, json!({"error": cause, "status": status}))));
        stopped(&import(&place, &wire, &documents(3), &[]), text, hint, [0, 3]);
        wire.done();
    }
}

#[test]
fn flags_that_no_record_can_satisfy_stop_the_run_too() {
    let alias = "no such index [c] and [require_alias] request flag is [true] and [c] is not an alias";
    let stream = "only write ops with an op_type of create are allowed in data streams";
    for (arguments, status, kind, reason, hint) in [
        (&["--require-alias"][..], 404, "index_not_found_exception", alias, "leave out `--require-alias`"),
        (&["--on-duplicate", "replace"], 400, "illegal_argument_exception", stream, "`--on-duplicate error`"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.bulk(&[failed(status, kind, reason), failed(status, kind, reason)]);
        stopped(&import(&place, &wire, &documents(2), arguments), reason, hint, [0, 2]);
    }
}

#[test]
fn kuzzle_names_the_index_of_its_storage() {
    for (status, kind, reason, hint) in [
        (
            403,
            "cluster_block_exception",
            "index [&i.c] blocked by: [FORBIDDEN/8/index write (api)];",
            "/%26i.c/_settings",
        ),
        (400, "index_closed_exception", "index [&i.c] is closed", "`POST /%26i.c/_open` opens the index"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.import(&[failed(status, kind, reason), failed(status, kind, reason)]);
        stopped(&into_kuzzle(&place, &wire, &documents(2), &[]), "[&i.c]", hint, [0, 2]);
    }
}

/// Bulk lines for these indices, one document each.
fn lines(indices: &[&str]) -> String {
    let line =
        |(id, index): (usize, &&str)| format!("{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"{id}\"}}}}\n{{}}\n");
    indices.iter().enumerate().map(line).collect()
}

/// A server on which these indices are closed.
fn with_closed(wire: &Wire, closed: &'static [&'static str]) {
    wire.standing("GET", "*", |_| Reply::refused(404, "index_not_found_exception", "no such index"));
    wire.standing("POST", "_bulk", |request: &Request| {
        let item = |index: &str| if closed.contains(&index) { failed(CLOSED.0, CLOSED.1, CLOSED.2) } else { created() };
        Reply::bulk(request, &request.actions().iter().map(|action| item(&action.index)).collect::<Vec<_>>())
    });
}

#[test]
fn bulk_lines_that_name_another_index_are_errors() {
    let (place, wire) = (Place::new(), Wire::start());
    with_closed(&wire, &["shut"]);
    place.file("in", lines(&["shut", "c", "open", "shut"]));
    let ran = place.run(&["--to", &wire.to(), "-c", "c", "-t", "bulk", "in"]);
    ran.expect(1, [2, 2, 0, 0]).prints("in:1: index_closed_exception: index [shut] is closed");
}

#[test]
fn bulk_lines_stop_the_run_if_they_go_to_its_own_index() {
    let (place, wire) = (Place::new(), Wire::start());
    with_closed(&wire, &["c"]);
    place.file("in", lines(&["c", "open", "c"]));
    let ran = place.run(&["--to", &wire.to(), "-c", "c", "-t", "bulk", "-j", "1", "in"]);
    stopped(&ran, "index [c] is closed", "`POST /c/_open`", [1, 2]);
}

#[test]
fn a_run_whose_every_index_is_closed_fails_as_a_whole_whichever_lane_found_it() {
    for jobs in ["1", "4"] {
        let (place, wire) = (Place::new(), Wire::start());
        with_closed(&wire, &["one", "two"]);
        place.file("in", lines(&["one", "two", "one", "two", "one"]));
        let ran = place.run(&["--to", &wire.to(), "-t", "bulk", "-j", jobs, "--batch-size", "1", "in"]);
        ran.expect(4, [0, 5, 0, 0]).prints("error: no index can be written to: index_closed_exception: index [");
        ran.prints("/_open` opens the index");
        let (place, wire) = (Place::new(), Wire::start());
        with_closed(&wire, &["one"]);
        place.file("in", lines(&["one", "one", "one", "two", "one"]));
        let ran = place.run(&["--to", &wire.to(), "-t", "bulk", "-j", jobs, "--batch-size", "1", "in"]);
        ran.expect(1, [1, 4, 0, 0]);
        assert!(!ran.stderr.contains("error: "), "{}", ran.stderr);
    }
}

#[test]
fn a_pipeline_that_a_line_names_is_the_error_of_that_line() {
    let (place, wire) = (Place::new(), Wire::start());
    let missing = failed(400, "illegal_argument_exception", "pipeline with id [nope] does not exist");
    wire.bulk(&[created(), missing, unfit()]);
    let text = "{\"index\":{\"_id\":\"1\"}}\n{}\n{\"index\":{\"_id\":\"2\",\"pipeline\":\"nope\"}}\n{}\n{\"index\":{\"_id\":\"3\"}}\n{}\n";
    place.file("in", text);
    place.run(&["--to", &wire.to(), "-c", "c", "-t", "bulk", "in"]).expect(1, [1, 2, 0, 0]);
}

#[test]
fn a_delete_from_a_missing_index_does_not_end_the_run() {
    let (place, wire) = (Place::new(), Wire::start());
    wire.bulk(&[failed(404, "index_not_found_exception", "no such index [c]"), created()]);
    place.file("in", "{\"delete\":{\"_id\":\"1\"}}\n{\"index\":{\"_id\":\"2\"}}\n{}\n");
    place.run(&["--to", &wire.to(), "-c", "c", "-t", "bulk", "in"]).expect(1, [1, 1, 0, 0]);
}

#[test]
fn flags_that_create_an_index_are_refused_for_the_name_of_a_data_stream() {
    for (arguments, hint) in [
        (&["--create-collection"][..], "hint: leave it out; the first document creates the data stream"),
        (&["--mapping", "m.json"], "hint: leave it out, and put the mapping into the index template"),
        (&["--bulk-mode"], "hint: leave it out; the index template has the settings of a data stream"),
    ] {
        let (place, wire) = (Place::new(), Wire::start());
        wire.standing("GET", "/c", |_| Reply::refused(404, "index_not_found_exception", "no such index [c]"));
        let reason = "cannot create index with name [c], because it matches with template [t] that creates data streams \
                      only, use create data stream api instead";
        wire.standing("PUT", "/c", move |_| Reply::refused(400, "illegal_argument_exception", reason));
        place.file("m.json", "{\"properties\":{\"n\":{\"type\":\"long\"}}}");
        let ran = import(&place, &wire, &documents(1), arguments);
        assert_eq!(ran.code, 4, "{}", ran.stderr);
        ran.prints(&format!("error: {}: \"c\" is a data stream by its index template", arguments[0])).prints(hint);
    }
}
