//! With `--results` each line is applied with the unique index in place. Without, rows are loaded first while that gives the
//! same. Random lists must leave the same both ways.

#[path = "agrees/random.rs"]
pub mod random;
#[path = "agrees/scripts.rs"]
mod scripts;

use crate::outcome::{Act, filled, text};
use crate::support::Place;
use random::Random;
use std::collections::BTreeMap;

/// Lines that only write, of which a load takes many: plain ones and such with versions, on keys that are mostly new.
fn writes(random: &mut Random) -> Vec<Act> {
    let line = |_| {
        let key = random.below(20);
        let version = format!(
            ",\"version\":{},\"version_type\":\"{}\"",
            random.below(4),
            random.pick(&["external", "external", "external_gte"])
        );
        let (op, meta) = match random.below(10) {
            0..4 => ("index", ""),
            4..6 => ("create", ""),
            6 => ("index", ",\"routing\":\"r\""),
            _ => ("index", &*version),
        };
        let line = format!("{{\"{op}\":{{\"_id\":\"§k{key}\"{meta}}}}}");
        Act { line, source: Some(format!("{{\"n\":{}}}", random.below(3))) }
    };
    (0..12).map(line).collect()
}

/// Version, sequence number and document of each key.
type Rows = BTreeMap<String, (i64, i64, String)>;

/// The counts of a run, and what it leaves.
fn left(input: &str, results: &[&str]) -> (Vec<u64>, Rows) {
    let place = Place::new();
    place.file("in.bulk", input);
    let ran = place.import(&[results, &["-t", "bulk", "in.bulk"]].concat());
    let counts = ["created", "updated", "deleted", "ignored", "errors"].map(|name| ran.count(name)).to_vec();
    let store = place.open();
    let mut select = store.prepare("SELECT _key, _version, _seq_no, doc FROM c").expect("the collection is there");
    let rows = select.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?)))).expect("rows");
    (counts, rows.map(|row| row.expect("a row")).collect())
}

#[test]
fn random_lists_leave_the_same_with_results_and_without() {
    for seed in 1..=60 {
        let random = &mut Random::new(seed);
        let mut list = writes(random);
        if random.percent(50) {
            list.extend(random::list(random));
        }
        let input = filled(&text(&list), "", 0);
        assert_eq!(left(&input, &[]), left(&input, &["--results", "results"]), "seed {seed}:\n{input}");
    }
}
