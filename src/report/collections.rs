//! The counts of each collection, for the summary of a run that fills several.

use crate::mask::mask;
use crate::messages::escaped;
use crate::sink::{Bucket, Counts, NamedCounts};
use serde_json::{Value, json};

/// The buckets in the order of the summary.
const BUCKETS: [(&str, Bucket); 7] = [
    ("created", Bucket::Created),
    ("errors", Bucket::Error),
    ("updated", Bucket::Updated),
    ("ignored", Bucket::Ignored),
    ("deleted", Bucket::Deleted),
    ("unknown", Bucket::Unknown),
    ("unsent", Bucket::Unsent),
];

/// The first of them are in every line.
const ALWAYS: usize = 4;

/// An object for each collection.
pub(super) fn json(names: &[String], counts: &[Counts], named: &NamedCounts) -> Vec<Value> {
    let object = |(name, counts): (&String, &Counts)| {
        let mut object = json!({ "name": mask(name) });
        BUCKETS.iter().for_each(|(word, bucket)| object[*word] = json!(counts[*bucket]));
        object
    };
    names.iter().zip(counts).chain(named.iter()).map(object).collect()
}

/// A line of the text summary for each collection.
pub(super) fn lines(collections: &Value) -> Vec<String> {
    collections.as_array().into_iter().flatten().map(line).collect()
}

fn line(collection: &Value) -> String {
    let counts = BUCKETS.iter().enumerate().map(|(index, (word, _))| (index, word, &collection[*word]));
    let shown = counts.filter(|(index, _, count)| *index < ALWAYS || **count != 0);
    let counts: Vec<String> = shown.map(|(_, word, count)| format!("{word} {count}")).collect();
    let name = escaped(collection["name"].as_str().unwrap_or_default());
    format!("collection {name}: {}\n", counts.join(", "))
}
