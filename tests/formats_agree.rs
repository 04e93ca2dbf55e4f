//! The same records, whatever they are, are the same documents in every format.

use crate::support::Place;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// The fields of a record besides its key, by column.
type Row = Vec<Option<Value>>;

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        (-1000..1000i32).prop_map(|n| Value::from(f64::from(n) / 8.0)),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(
            prop::sample::select(",;\"'\\\n\r\t {}[]:0a=é☃\u{1}\u{feff}𝄞".chars().collect::<Vec<_>>()),
            0..12
        )
        .prop_map(|text| Value::from(text.into_iter().collect::<String>())),
        prop::sample::select(vec!["null", "true", "17", "007", "", " ", "NULL"]).prop_map(Value::from),
    ]
}

fn object(columns: &[String], key: usize, row: &Row) -> Map<String, Value> {
    let fields = columns.iter().zip(row).filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    std::iter::once(("_key".to_owned(), Value::from(format!("k{key}")))).chain(fields).collect()
}

/// Text is quoted, so that it cannot be taken for anything else; numbers and booleans are bare.
fn cell(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => format!("\"{}\"", text.replace('"', "\"\"")),
        Some(other) => other.to_string(),
    }
}

fn csv(columns: &[String], rows: &[Row]) -> String {
    let name = |name: &String| cell(Some(&Value::from(name.as_str())));
    let header: Vec<String> = std::iter::once("_key".to_owned()).chain(columns.iter().map(name)).collect();
    let lines = rows.iter().enumerate().map(|(key, row)| {
        let cells = row.iter().map(|value| cell(value.as_ref()));
        std::iter::once(format!("k{key}")).chain(cells).collect::<Vec<_>>().join(",") + "\n"
    });
    header.join(",") + "\n" + &lines.collect::<String>()
}

fn arrays(columns: &[String], rows: &[Row]) -> String {
    let names: Vec<Value> =
        std::iter::once("_key").chain(columns.iter().map(String::as_str)).map(Value::from).collect();
    let lines = rows.iter().enumerate().map(|(key, row)| {
        let values = row.iter().map(|value| value.clone().unwrap_or(Value::Null));
        Value::Array(std::iter::once(Value::from(format!("k{key}"))).chain(values).collect())
    });
    std::iter::once(Value::Array(names)).chain(lines).map(|line| line.to_string() + "\n").collect()
}

fn stored(format: &str, text: &str) -> Vec<String> {
    let place = Place::new();
    let ran = place.pipe(&["-c", "c", "-t", format], text.as_bytes());
    assert_eq!(ran.code, 0, "{format}: {}\n{text}", ran.stderr);
    place.docs()
}

fn values(docs: &[String]) -> Vec<Value> {
    docs.iter().map(|doc| serde_json::from_str(doc).expect("JSON")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn records_are_the_same_documents_in_every_format(
        names in prop::collection::btree_set("[a-z.$\" ,é]{1,6}", 1..6),
        rows in prop::collection::vec(prop::collection::vec(prop::option::weighted(0.8, value()), 6), 1..30),
    ) {
        let columns: Vec<String> = names.into_iter().collect();
        let rows: Vec<Row> = rows.into_iter().map(|row| row[..columns.len()].to_vec()).collect();
        let objects: Vec<Value> = rows.iter().enumerate().map(|(key, row)| object(&columns, key, row).into()).collect();
        let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
        prop_assert_eq!(&stored("jsonl", &lines.join("\n")), &lines);
        prop_assert_eq!(&stored("json", &format!("[{}]", lines.join(",\n"))), &lines);
        prop_assert_eq!(&stored("json", &lines.concat()), &lines);
        prop_assert_eq!(&values(&stored("csv", &csv(&columns, &rows))), &objects);
        prop_assert_eq!(&values(&stored("arrays", &arrays(&columns, &rows))), &objects);
    }
}
