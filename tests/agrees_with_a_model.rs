//! Random inputs, and what a model of a few lines says must come of them, whatever the way into the store.

use crate::support::{Place, Row};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One line of an input.
#[derive(Clone, Debug)]
enum Line {
    /// A document with this key that sets one of three fields to a number.
    Document(u8, u8, u8),
    Bad,
    Blank,
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        8 => (0..8_u8, 0..3_u8, 0..3_u8).prop_map(|(key, field, value)| Line::Document(key, field, value)),
        1 => Just(Line::Bad),
        1 => Just(Line::Blank),
    ]
}

fn text(lines: &[Line]) -> String {
    let text = |line: &Line| match line {
        Line::Document(key, field, value) => format!("{{\"_key\":\"k{key}\",\"m{field}\":{value}}}\n"),
        Line::Bad => "oops\n".to_owned(),
        Line::Blank => "\n".to_owned(),
    };
    lines.iter().map(text).collect()
}

/// Version and fields of each key.
type State = BTreeMap<u8, (i64, BTreeMap<u8, u8>)>;

/// What the store should do; counts are created, errors, updated, ignored.
#[derive(Default)]
struct Model {
    state: State,
    counts: [u64; 4],
    empty: u64,
}

impl Model {
    fn import(&mut self, lines: &[Line], mode: &str) {
        for line in lines {
            match line {
                Line::Blank => self.empty += 1,
                Line::Bad => self.counts[1] += 1,
                Line::Document(key, field, value) => self.document(*key, *field, *value, mode),
            }
        }
    }

    fn document(&mut self, key: u8, field: u8, value: u8, mode: &str) {
        let Some((version, fields)) = self.state.get_mut(&key) else {
            self.state.insert(key, (1, BTreeMap::from([(field, value)])));
            self.counts[0] += 1;
            return;
        };
        match mode {
            "error" => self.counts[1] += 1,
            "ignore" => self.counts[3] += 1,
            "replace" => {
                *fields = BTreeMap::from([(field, value)]);
                *version += 1;
                self.counts[2] += 1;
            }
            _ => {
                let changes = fields.insert(field, value) != Some(value);
                *version += i64::from(changes);
                self.counts[2] += 1;
            }
        }
    }
}

fn stored(rows: Vec<Row>) -> State {
    let field =
        |doc: &serde_json::Value, field: u8| doc[format!("m{field}")].as_u64().map(|value| (field, value as u8));
    rows.into_iter()
        .map(|Row { key, version, doc }| {
            let doc: serde_json::Value = serde_json::from_str(&doc).expect("JSON");
            assert_eq!(doc["_key"], key.as_str());
            let number = key[1..].parse().expect("a key of ours");
            (number, (version, (0..3).filter_map(|n| field(&doc, n)).collect()))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_and_documents_are_those_of_the_model(
        existing in prop::collection::vec(line(), 0..6),
        first in prop::collection::vec(line(), 0..30),
        second in prop::collection::vec(line(), 0..10),
        mode in prop::sample::select(vec!["error", "ignore", "replace", "update"]),
        batch in prop::sample::select(vec!["1", "2", "7", "5000"]),
        piped in any::<bool>(),
    ) {
        let place = Place::new();
        let mut model = Model::default();
        model.import(&existing, "update");
        place.import_text("old.jsonl", text(&existing), &["-t", "jsonl", "--on-duplicate", "update"]);
        (model.counts, model.empty) = ([0; 4], 0);

        model.import(&first, mode);
        model.import(&second, mode);
        place.file("a.jsonl", text(&first));
        place.file("b.jsonl", text(&second));
        let arguments = ["-c", "c", "-t", "jsonl", "--on-duplicate", mode, "--batch-size", batch];
        let ran = match piped {
            true => place.pipe(&[&arguments[..], &["a.jsonl", "-"]].concat(), text(&second).as_bytes()),
            false => place.run(&[&arguments[..], &["a.jsonl", "b.jsonl"]].concat()),
        };
        prop_assert_eq!(ran.counts(), model.counts, "{}", ran.stderr);
        prop_assert_eq!(ran.count("empty"), model.empty);
        prop_assert_eq!(ran.code, i32::from(model.counts[1] > 0));
        if !model.state.is_empty() {
            prop_assert_eq!(stored(place.rows("c")), model.state);
        }
    }
}
