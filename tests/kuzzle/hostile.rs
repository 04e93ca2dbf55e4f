//! Documents that importers change, on the real Kuzzle: each arrives as the same values, or is refused by name. What Kuzzle
//! changes of one that `--lossy` lets pass is listed.

use crate::collection::Collection;
use crate::support::{Place, testdata};
use serde_json::Value;
use std::collections::BTreeMap;

/// Lines of hostile.jsonl that are errors in any case: key, and a part of the reason.
const REFUSED: &[(&str, &str)] = &[
    ("text-empty", "failed to parse"),
    ("name-empty", "failed to parse"),
    ("name-dots", "failed to parse"),
    ("name-like-prototype", "the field \"__proto__\""),
    ("shape-deep-600", "failed to parse"),
    ("name-like-action-create", "has only fields such as \"create\""),
    ("name-like-action-index", "has only fields such as \"index\""),
    ("name-like-action-delete", "has only fields such as \"delete\""),
    ("name-like-action-update", "a field \"script\""),
];

/// Lines that are errors unless `--lossy` lets them pass: key, a part of the reason, and what Kuzzle then stores where it is
/// not what was sent.
const LOSSY: &[(&str, &str, &[(&str, &str)])] = &[
    ("number-2-53", "9007199254740993", &[("/beyond", "9007199254740992"), ("/below", "-9007199254740992")]),
    (
        "number-2-63",
        "9223372036854775807",
        &[
            ("/max", "9223372036854776000"),
            ("/beyond", "9223372036854776000"),
            ("/min", "-9223372036854776000"),
            ("/below", "-9223372036854776000"),
        ],
    ),
    (
        "number-2-64",
        "18446744073709551615",
        &[("/max", "18446744073709552000"), ("/beyond", "18446744073709552000"), ("/far", "3.402823669209385e+38")],
    ),
    (
        "number-100-digits",
        "123456789012345678901234567890123456789012345678901234567890",
        &[("/n", "1.2345678901234567e+99"), ("/negative", "-9.876543210987655e+99")],
    ),
    ("number-too-large", "1e400", &[("/a", "null"), ("/b", "null"), ("/c", "null")]),
    ("number-too-small", "1e-400", &[("/a", "0"), ("/b", "0"), ("/d", "5e-324"), ("/e", "2.225073858507201e-308")]),
    (
        "number-digits",
        "0.1000000000000000055511151231257827",
        &[("/a", "0.1"), ("/b", "3.141592653589793"), ("/d", "12345678901234568")],
    ),
    ("number-alone-in-array", "9007199254740993", &[("/a/0", "9007199254740992"), ("/b/0/0", "18446744073709552000")]),
    ("name-twice", "the duplicate fields \"c\"", &[("/a", "3"), ("/b", "{\"c\":null}")]),
    ("name-twice-spelt-differently", "the duplicate fields \"a\"", &[("/a", "3")]),
];

/// How many those are.
const LENGTHS: [usize; 2] = [9, 10];

#[test]
fn the_lists_of_hostile_lines_are_as_long_as_agreed() {
    assert_eq!([REFUSED.len(), LOSSY.len()], LENGTHS);
}

/// A JSON text without looking at what its numbers and strings are: numbers as they are written, by their paths.
fn leaves(text: &str) -> BTreeMap<String, String> {
    fn walk(value: &serde_json::value::RawValue, path: &str, out: &mut BTreeMap<String, String>) {
        let text = value.get();
        match text.as_bytes()[0] {
            b'{' => {
                let mut deep = serde_json::Deserializer::from_str(text);
                let fields: Fields<'_> = serde::Deserialize::deserialize(&mut deep).expect("an object");
                if fields.0.is_empty() {
                    out.insert(path.to_owned(), "{}".to_owned());
                }
                for (name, value) in fields.0 {
                    walk(value, &format!("{path}/{name}"), out);
                }
            }
            b'[' => {
                let elements: Vec<&serde_json::value::RawValue> = serde_json::from_str(text).expect("an array");
                if elements.is_empty() {
                    out.insert(path.to_owned(), "[]".to_owned());
                }
                for (place, value) in elements.into_iter().enumerate() {
                    walk(value, &format!("{path}/{place}"), out);
                }
            }
            b'"' => drop(out.insert(path.to_owned(), string(text))),
            b'-' | b'0'..=b'9' => drop(out.insert(path.to_owned(), number(text))),
            _ => drop(out.insert(path.to_owned(), text.to_owned())),
        }
    }
    let mut out = BTreeMap::new();
    walk(serde_json::from_str(text).expect("JSON"), "", &mut out);
    out
}

/// Fields in order; of a name that is duplicate both.
struct Fields<'a>(Vec<(String, &'a serde_json::value::RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> serde::de::Visitor<'de> for All {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut all = Vec::new();
                while let Some((name, value)) =
                    map.next_entry::<&serde_json::value::RawValue, &'de serde_json::value::RawValue>()?
                {
                    all.push((string(name.get()), value));
                }
                Ok(Fields(all))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// A string, unescaped; an unpaired surrogate as its escape in lower case.
fn string(text: &str) -> String {
    match serde_json::from_str::<String>(text) {
        Ok(text) => text,
        Err(_) => text.to_ascii_lowercase(),
    }
}

/// The decimal value of a number, and not that of a double.
fn number(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |text| ("-", text));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let kept = digits.trim_end_matches('0').len();
    let exponent: i64 =
        exponent.parse::<i64>().expect("an exponent") - fraction.len() as i64 + (digits.len() - kept) as i64;
    match digits[..kept].trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => format!("{sign}{digits}e{exponent}"),
    }
}

fn compare(lossy: bool) {
    let text = std::fs::read_to_string(testdata("hostile.jsonl")).expect("hostile.jsonl");
    let collection = Collection::made();
    let (place, path) = (Place::new(), testdata("hostile.jsonl").display().to_string());
    let flag: &[&str] = if lossy { &["--lossy"] } else { &[] };
    let ran = collection.import_in(&place, &[&["--details", "--results", "results", &path], flag].concat());
    let results = std::fs::read_to_string(place.path("results")).expect("results");
    let results: BTreeMap<u64, Value> = results
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|result| (result["line"].as_u64().expect("a line"), result))
        .collect();
    let mut errors = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let mut expected = leaves(line);
        let key = expected.remove("/_key");
        let listed = LOSSY.iter().find(|(one, ..)| Some(*one) == key.as_deref());
        let reason = REFUSED.iter().find(|(one, _)| Some(*one) == key.as_deref()).map(|(_, reason)| reason);
        if let Some(reason) = reason.or(listed.filter(|_| !lossy).map(|(_, reason, _)| reason)) {
            errors += 1;
            let said = ran.stderr.lines().find(|said| said.contains(&format!("hostile.jsonl:{number}: ")));
            assert!(said.is_some_and(|said| said.contains(reason)), "{key:?}: {said:?}");
            continue;
        }
        let result = &results[&number];
        let id = result["id"].as_str().unwrap_or_else(|| panic!("{result}"));
        assert!(key.is_none_or(|key| key == id), "line {number}: {result}");
        let source = collection.source(id).unwrap_or_else(|| panic!("{id} is not there: {result}"));
        let mut stored = leaves(&source);
        stored.retain(|path, _| !path.starts_with("/_kuzzle_info/"));
        for (path, value) in listed.into_iter().flat_map(|(_, _, changes)| *changes) {
            let inside = format!("{path}/");
            expected.retain(|name, _| name != path && !name.starts_with(&inside));
            expected.extend(leaves(value).into_iter().map(|(below, value)| (format!("{path}{below}"), value)));
        }
        if expected.is_empty() {
            // Without its key it has no field left.
            stored.remove("");
        }
        expected.remove("");
        assert_eq!(stored, expected, "line {number}, {id}");
    }
    ran.expect(1, [76 - errors, errors, 0, 0]);
}

#[test]
fn hostile_documents_arrive_as_the_same_values_or_are_refused_by_name() {
    compare(false);
}

#[test]
fn what_kuzzle_changes_is_let_through_when_that_is_asked_for() {
    compare(true);
}
