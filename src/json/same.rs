//! Compares JSON values, however they are written.

use super::{Kind, same_number, unescape};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Whether two JSON texts are the same value: members in any order, numbers digit for digit, strings by what they say.
/// Objects that nest deeper than serde_json goes are never the same.
pub fn same_value(one: &str, other: &str) -> bool {
    let kind = Kind::of(one);
    if kind != Kind::of(other) {
        return false;
    }
    match kind {
        Kind::Object => match (members(one), members(other)) {
            (Some(one), Some(other)) => {
                one.len() == other.len()
                    && one.iter().zip(&other).all(|((name, value), (other_name, other_value))| {
                        name == other_name && same_value(value.get(), other_value.get())
                    })
            }
            _ => false,
        },
        Kind::Array => {
            let elements = |text| serde_json::from_str::<Vec<&RawValue>>(text).ok();
            match (elements(one), elements(other)) {
                (Some(one), Some(other)) => {
                    one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| same_value(a.get(), b.get()))
                }
                _ => false,
            }
        }
        Kind::Number => same_number(one, other),
        Kind::String => {
            let text = |text: &str| unescape(&text[1..text.len() - 1]).map(Cow::into_owned);
            one == other || text(one).is_some_and(|one| text(other) == Some(one))
        }
        Kind::Boolean | Kind::Null => one == other,
    }
}

/// The members of an object; `None` for a name that stands twice, of which a server may keep either.
fn members(text: &str) -> Option<BTreeMap<Cow<'_, str>, &RawValue>> {
    let list: Pairs<'_> = serde_json::from_str(text).ok()?;
    let count = list.0.len();
    let map: BTreeMap<Cow<'_, str>, &RawValue> = list.0.into_iter().collect();
    (map.len() == count).then_some(map)
}

struct Pairs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> serde::de::Visitor<'de> for All {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    pairs.push((name.0, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(All)
    }
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_however_they_are_written() {
        for (one, other, same) in [
            (r#"{"a":1,"b":[1.10,"\u0061"]}"#, r#"{"b":[1.1,"a"],"a":1}"#, true),
            (r#"{"n":9007199254740993}"#, r#"{"n":9007199254740992}"#, false),
            (r#"{"n":123456789012345678901234567890}"#, r#"{"n":123456789012345678901234567891}"#, false),
            (r#"{"n":1e2}"#, r#"{"n":100.0}"#, true),
            (r#"{"n":-0}"#, r#"{"n":0}"#, true),
            (r#"{"n":-1}"#, r#"{"n":1}"#, false),
            (r#"{"a":null}"#, "{}", false),
            (r#"{"a":1,"a":1}"#, r#"{"a":1}"#, false),
            ("[1,2]", "[2,1]", false),
            (r#"{"a":"1"}"#, r#"{"a":1}"#, false),
        ] {
            assert_eq!(same_value(one, other), same, "{one} {other}");
        }
    }
}
