//! Reads a JSON array of a response, at most as many elements as were asked for: a server that sends millions of empty items
//! would otherwise fill the memory.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// Reads an array of at most `max` elements.
///
/// # Errors
/// When it is something else, or longer.
pub(in crate::sink) fn read_list<'a, T: Deserialize<'a>>(
    raw: &'a RawValue,
    max: usize,
) -> Result<Vec<T>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(raw.get());
    AtMost { max, element: PhantomData }.deserialize(&mut deserializer)
}

struct AtMost<T> {
    max: usize,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for AtMost<T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtMost<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {} elements", self.max)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = elements.next_element()? {
            if all.len() == self.max {
                return Err(A::Error::invalid_length(self.max + 1, &self));
            }
            all.push(element);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_read_up_to_its_maximum_length() {
        let read = |text: &'static str| {
            let raw: &RawValue = serde_json::from_str(text).expect("JSON");
            read_list::<u32>(raw, 2).map_err(|error| error.to_string())
        };
        assert_eq!(read("[]"), Ok(vec![]));
        assert_eq!(read("[1,2]"), Ok(vec![1, 2]));
        assert!(read("[1,2,3]").is_err_and(|why| why.contains("at most 2 elements")));
        assert!(read("{}").is_err());
    }
}
