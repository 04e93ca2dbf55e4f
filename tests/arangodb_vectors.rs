//! Runs the vectors of ArangoDB: every answer is read, and whatever is about documents is imported into the model of the
//! server and into a store, which must then hold and say what the vector does. Those of arangoimport run on the model too.
//!
//! The vectors and the model are not part of the repository: `BULKIMPORT_TEST_VECTORS` names the vectors' directory,
//! `BULKIMPORT_TEST_ARANGODB` the model's URL.

#[path = "vectors/case.rs"]
mod case;
#[path = "arangodb_vectors/decode.rs"]
mod decode;
#[path = "vectors/differences.rs"]
mod differences;
#[path = "arangodb_vectors/hostile.rs"]
mod hostile;
#[allow(dead_code, reason = "another test binary uses all of it")]
mod http;
#[path = "arangodb_vectors/import_api.rs"]
mod import_api;
#[path = "arangodb_vectors/lists.rs"]
mod lists;

use differences::DIFFERENCES;
use http::Server;
use serde_json::Value;
use std::fmt::Write as _;

/// The vectors of a file.
fn vectors(file: &str) -> Vec<Value> {
    let directory =
        std::env::var("BULKIMPORT_TEST_VECTORS").expect("BULKIMPORT_TEST_VECTORS names the vectors' directory");
    let text = std::fs::read_to_string(format!("{directory}/{file}")).expect(file);
    text.lines().map(|line| serde_json::from_str(line).expect("a vector is JSON")).collect()
}

fn model() -> Server {
    Server::of_variable("BULKIMPORT_TEST_ARANGODB")
}

/// A name for a database that no other case has.
fn database(of: &str, number: usize) -> String {
    format!("{of}-{}-{number}", std::process::id())
}

/// Holds what cases did against the list of differences: name, what we do, why.
fn judge(title: &str, done: Vec<(String, Result<(), String>)>, listed: &[(&str, &str, &str)]) {
    let (mut wrong, mut differed) = (String::new(), 0);
    for (name, _, _) in listed {
        assert!(done.iter().any(|(done, _)| done == name), "{name} is listed here and is no vector");
    }
    let many = done.len();
    for (name, result) in done {
        match (result, listed.iter().find(|(listed, ..)| *listed == name)) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => _ = writeln!(wrong, "{name}: is listed as a difference and is none"),
            (Err(why), None) => _ = writeln!(wrong, "{name}: {why}"),
            (Err(why), Some((_, said, _))) if why == *said => differed += 1,
            (Err(why), Some((_, said, _))) => _ = writeln!(wrong, "{name}:\n  listed {said}\n  ours   {why}"),
        }
    }
    println!("{title}: {many} vectors ran, {differed} of them differ on purpose");
    assert!(wrong.is_empty(), "{title}\n{wrong}");
}

#[test]
fn the_lists_of_differences_are_as_long_as_agreed() {
    assert_eq!(lists::ON_THE_MODEL.len(), lists::ON_THE_MODEL_LENGTH);
    assert_eq!(lists::ON_THE_STORE.len(), lists::ON_THE_STORE_LENGTH);
    assert!(lists::ON_THE_MODEL_LENGTH <= 30 && lists::ON_THE_STORE_LENGTH <= 45);
    assert_eq!(DIFFERENCES.len(), 12, "those of arangoimport, which a store has as well");
}

#[test]
fn every_answer_is_read_as_it_is_meant() {
    let done =
        vectors("arangodb.jsonl").iter().map(|vector| (import_api::name(vector), decode::check(vector))).collect();
    judge("decode", done, &[]);
}

#[test]
fn what_the_import_api_does_to_its_own_bodies_it_does_through_us() {
    let server = model();
    let done = vectors("arangodb.jsonl")
        .iter()
        .enumerate()
        .map(|(number, vector)| {
            (import_api::name(vector), import_api::on_model(vector, &server, &database("http", number)))
        })
        .collect();
    judge("on the model", done, lists::ON_THE_MODEL);
}

#[test]
fn what_the_import_api_does_the_store_does() {
    let done = vectors("arangodb.jsonl")
        .iter()
        .map(|vector| (import_api::name(vector), import_api::on_store(vector)))
        .collect();
    judge("on the store", done, lists::ON_THE_STORE);
}

#[test]
fn command_lines_of_arangoimport_do_on_the_model_what_they_do_on_a_server() {
    let server = model();
    let run = |(number, vector): (usize, &Value)| {
        let place = case::Place::Database(&server, database("cli", number));
        let (ours, theirs) = (case::Case::new(vector, place).run(), case::expected(vector));
        (import_api::name(vector), if ours == theirs { Ok(()) } else { Err(ours) })
    };
    let done = vectors("arangoimport.jsonl").iter().enumerate().map(run).collect();
    judge("arangoimport on the model", done, DIFFERENCES);
}

#[test]
fn hostile_documents_come_out_as_they_went_in_or_are_refused_by_name() {
    let server = model();
    hostile::check(&server, |number| database("hostile", number));
}
