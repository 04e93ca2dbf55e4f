//! Versions and sequence numbers of documents in a store: the same whichever way the records went, appended to an empty
//! collection whose index is built at the end, or applied one by one with the index in place.

use crate::support::Place;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One action; a document sets one of three fields to a number.
#[derive(Clone, Debug)]
enum Act {
    Index(u8, Fields),
    Create(u8, Fields),
    Update { key: u8, fields: Fields, as_upsert: bool, detect_noop: bool },
    Delete(u8),
}

type Fields = (u8, u8);

fn fields() -> impl Strategy<Value = Fields> {
    (0..2_u8, 0..2_u8)
}

/// Actions that a load may take.
fn storing() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..6_u8, fields()).prop_map(|(key, fields)| Act::Index(key, fields)),
        (0..6_u8, fields()).prop_map(|(key, fields)| Act::Create(key, fields)),
        (0..6_u8, fields(), prop::bool::weighted(0.9)).prop_map(|(key, fields, detect_noop)| Act::Update {
            key,
            fields,
            as_upsert: true,
            detect_noop
        }),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => storing(),
        1 => (0..6_u8, fields(), any::<bool>())
            .prop_map(|(key, fields, detect_noop)| Act::Update { key, fields, as_upsert: false, detect_noop }),
        1 => (0..6_u8).prop_map(Act::Delete),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    prop_oneof![prop::collection::vec(storing(), 0..40), prop::collection::vec(any_act(), 0..40)]
}

fn document((field, value): Fields) -> String {
    format!("{{\"f{field}\":{value}}}")
}

fn bulk_lines(acts: &[Act]) -> String {
    let lines = |act: &Act| match act {
        Act::Index(key, fields) => format!("{{\"index\":{{\"_id\":\"k{key}\"}}}}\n{}\n", document(*fields)),
        Act::Create(key, fields) => format!("{{\"create\":{{\"_id\":\"k{key}\"}}}}\n{}\n", document(*fields)),
        Act::Update { key, fields, as_upsert, detect_noop } => format!(
            "{{\"update\":{{\"_id\":\"k{key}\"}}}}\n{{\"doc\":{},\"doc_as_upsert\":{as_upsert},\"detect_noop\":{detect_noop}}}\n",
            document(*fields)
        ),
        Act::Delete(key) => format!("{{\"delete\":{{\"_id\":\"k{key}\"}}}}\n"),
    };
    acts.iter().map(lines).collect()
}

/// Version, sequence number and fields of each key.
type State = BTreeMap<String, (i64, i64, BTreeMap<String, u8>)>;

/// What a store must hold, by the rules of the bulk API.
#[derive(Default)]
struct Model {
    state: State,
    deleted: BTreeMap<String, i64>,
    next_seq: i64,
}

impl Model {
    fn apply(&mut self, act: &Act) {
        match act {
            Act::Index(key, fields) => self.store(&format!("k{key}"), only(*fields)),
            Act::Create(key, fields) => {
                let key = format!("k{key}");
                if !self.state.contains_key(&key) {
                    self.store(&key, only(*fields));
                }
            }
            Act::Update { key, fields, as_upsert, detect_noop } => {
                let key = format!("k{key}");
                match self.state.get(&key) {
                    None if *as_upsert => self.store(&key, only(*fields)),
                    None => {}
                    Some((_, _, old)) => {
                        let mut merged = old.clone();
                        merged.extend(only(*fields));
                        if !detect_noop || merged != *old {
                            self.store(&key, merged);
                        }
                    }
                }
            }
            Act::Delete(key) => {
                // A delete of what is missing makes a version and takes a number too.
                let key = format!("k{key}");
                let lived = self.state.remove(&key).map(|(version, ..)| version);
                let version = lived.or_else(|| self.deleted.get(&key).copied()).unwrap_or(0);
                self.deleted.insert(key, version + 1);
                self.next_seq += 1;
            }
        }
    }

    fn store(&mut self, key: &str, fields: BTreeMap<String, u8>) {
        let before = self.state.get(key).map(|(version, ..)| *version).or_else(|| self.deleted.get(key).copied());
        self.state.insert(key.to_owned(), (before.unwrap_or(0) + 1, self.next_seq, fields));
        self.next_seq += 1;
    }
}

fn only((field, value): Fields) -> BTreeMap<String, u8> {
    BTreeMap::from([(format!("f{field}"), value)])
}

/// What the store holds, and the sequence number that comes next.
fn stored(place: &Place) -> (State, i64) {
    let store = place.open();
    let mut select = store.prepare("SELECT _key, _version, _seq_no, doc FROM c").expect("the collection is there");
    let rows = select.query_map([], |row| {
        let doc: String = row.get(3)?;
        let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&doc).expect("JSON");
        fields.remove("_key");
        let fields = fields.into_iter().map(|(name, value)| (name, value.as_u64().expect("a number") as u8));
        Ok((row.get(0)?, (row.get(1)?, row.get(2)?, fields.collect())))
    });
    let state = rows.expect("rows").map(|row| row.expect("a row")).collect();
    let sql = "SELECT next_seq FROM bulkimport_collections WHERE name = 'c'";
    (state, store.query_row(sql, [], |row| row.get(0)).expect("a number"))
}

/// A document that is there before, so that the index is in place: all sequence numbers are one higher.
const SEED: &str = "{\"index\":{\"_id\":\"seed\"}}\n{}\n";

fn seeded(model: Model) -> (State, i64) {
    let moved = |(key, (version, seq, fields))| (key, (version, seq + 1, fields));
    let mut state: State = model.state.into_iter().map(moved).collect();
    state.insert("seed".to_owned(), (1, 0, BTreeMap::new()));
    (state, model.next_seq + 1)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bulk_lines_give_the_same_versions_with_and_without_the_index_in_place(
        acts in acts(),
        batch in prop::sample::select(vec!["1", "3", "5000"]),
        piped in any::<bool>(),
    ) {
        let mut model = Model::default();
        acts.iter().for_each(|act| model.apply(act));
        let text = bulk_lines(&acts);
        let arguments = ["-c", "c", "-t", "bulk", "--batch-size", batch, "--flush-interval", "1ms"];
        let import = |place: &Place| {
            place.file("a.bulk", &text);
            if piped { place.pipe(&arguments, text.as_bytes()) } else { place.run(&[&arguments[..], &["a.bulk"]].concat()) }
        };
        let place = Place::new();
        import(&place);
        if !acts.is_empty() {
            prop_assert_eq!(stored(&place), (model.state.clone(), model.next_seq), "an empty collection:\n{}", text);
        }
        let place = Place::new();
        place.import_text("seed.bulk", SEED, &["-t", "bulk"]).expect(0, [1, 0, 0, 0]);
        import(&place);
        prop_assert_eq!(stored(&place), seeded(model), "the index in place:\n{}", text);
    }

    #[test]
    fn records_give_the_same_versions_with_and_without_the_index_in_place(
        lines in prop::collection::vec((0..6_u8, fields()), 1..40),
        mode in prop::sample::select(vec!["error", "ignore", "replace", "update"]),
    ) {
        let mut model = Model::default();
        for (key, fields) in &lines {
            model.apply(&match mode {
                "replace" => Act::Index(*key, *fields),
                "update" => Act::Update { key: *key, fields: *fields, as_upsert: true, detect_noop: true },
                _ => Act::Create(*key, *fields),
            });
        }
        let record = |(key, (field, value)): &(u8, Fields)| format!("{{\"_key\":\"k{key}\",\"f{field}\":{value}}}\n");
        let text: String = lines.iter().map(record).collect();
        let place = Place::new();
        place.import_text("a.jsonl", &text, &["--on-duplicate", mode]);
        prop_assert_eq!(stored(&place), (model.state.clone(), model.next_seq), "an empty collection, {}:\n{}", mode, text);
        let place = Place::new();
        place.import_text("seed.bulk", SEED, &["-t", "bulk"]).expect(0, [1, 0, 0, 0]);
        place.import_text("a.jsonl", &text, &["--on-duplicate", mode]);
        prop_assert_eq!(stored(&place), seeded(model), "the index in place, {}:\n{}", mode, text);
    }
}

#[test]
fn an_update_that_detects_no_noop_makes_a_version_in_an_empty_collection_too() {
    let update = |doc: &str, more: &str| {
        format!("{{\"update\":{{\"_id\":\"1\"}}}}\n{{\"doc\":{doc},\"doc_as_upsert\":true{more}}}\n")
    };
    let same = update("{\"f0\":1}", "");
    let text = [
        same.clone(),
        same,
        update("{\"f0\":1}", ",\"detect_noop\":false"),
        update("{\"f0\":2}", ",\"detect_noop\":true"),
    ];
    let place = Place::new();
    place.import_text("a.bulk", text.concat(), &["-t", "bulk"]).expect(0, [1, 0, 3, 0]);
    let one = ("1".to_owned(), (3, 2, BTreeMap::from([("f0".to_owned(), 2)])));
    assert_eq!(stored(&place), (State::from([one]), 3));
}

#[test]
fn a_large_input_gives_the_same_versions_in_a_collection_that_holds_documents() {
    let place = Place::new();
    let lines = |from: u32, to: u32| -> String {
        (from..to).map(|key| format!("{{\"_key\":\"k{key}\",\"f0\":{}}}\n", key % 2)).collect()
    };
    place.import_text("before.jsonl", lines(0, 10), &[]);
    let text = [lines(10, 2300), lines(2200, 2250), lines(5, 8), lines(2300, 2310)].concat();
    place
        .import_text("a.jsonl", text, &["--on-duplicate", "ignore", "--batch-size", "100"])
        .expect(0, [2300, 0, 0, 53]);
    let (state, next_seq) = stored(&place);
    assert_eq!((state.len(), next_seq), (2310, 2310));
    for (key, (version, seq, _)) in state {
        assert_eq!((version, format!("k{seq}")), (1, key), "the sequence numbers have no gaps");
    }
}

#[test]
fn a_key_that_was_deleted_goes_on_with_its_versions_in_a_large_input_too() {
    let place = Place::new();
    place.import_text("before.jsonl", "{\"_key\":\"k0\"}\n{\"_key\":\"k1\"}\n", &[]).expect(0, [2, 0, 0, 0]);
    let new: String = (2..2300).map(|key| format!("{{\"index\":{{\"_id\":\"k{key}\"}}}}\n{{}}\n")).collect();
    let text = ["{\"delete\":{\"_id\":\"k0\"}}\n", &new, "{\"create\":{\"_id\":\"k0\"}}\n{}\n"].concat();
    place.import_text("a.bulk", text, &["-t", "bulk", "--batch-size", "100"]).expect(0, [2299, 0, 0, 0]);
    let (state, next_seq) = stored(&place);
    assert_eq!((state["k0"].0, state["k0"].1, next_seq), (3, 2301, 2302));
}
