//! Reads the usual answer fast: compact JSON in which nothing failed. Whatever is not exactly that is left to the reader
//! that takes any JSON, so that this one has to know little and can never be wrong about the rest.

use crate::sink::bulk_api::{Item, Named};
use std::borrow::Cow;
use std::ops::Range;

/// Takes the items of an answer, one after the other.
pub(super) trait Takes<'a> {
    /// Takes an item; false ends the reading.
    fn take(&mut self, item: &Named<'a>) -> bool;

    /// The id by which the next item has to differ from the last one to be taken by `take_alike`, if it may be at all.
    fn next_id(&self) -> Option<&str>;

    /// Takes an item that is like the last one but for its id.
    fn take_alike(&mut self);
}

/// Hands each item of the answer to `taker`. `None` if the answer is not of the usual kind, or an item was refused.
pub(super) fn items<'a>(body: &'a str, taker: &mut impl Takes<'a>) -> Option<()> {
    let mut text = Text { bytes: body.as_bytes(), body, at: 0, id: 0..0 };
    text.word(b"{")?;
    let mut found = false;
    loop {
        match text.name()? {
            "items" if !found => {
                found = true;
                text.items(taker)?;
            }
            "took" | "ingest_took" => drop(text.number()?),
            "errors" => {
                // An answer with an error in it is not the usual one.
                text.word(b"false")?;
            }
            _ => return None,
        }
        match text.next()? {
            b',' => {}
            b'}' if found && text.at == text.bytes.len() => return Some(()),
            _ => return None,
        }
    }
}

/// JSON text and a place in it.
struct Text<'a> {
    body: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Where the id read last lies.
    id: Range<usize>,
}

impl<'a> Text<'a> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        rest.starts_with(word).then(|| self.at += word.len())
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.word(b"\"")?;
        let start = self.at;
        loop {
            match self.next()? {
                b'"' => return Some(&self.body[start..self.at - 1]),
                b'\\' | 0..0x20 => return None,
                _ => {}
            }
        }
    }

    /// A name and its colon.
    fn name(&mut self) -> Option<&'a str> {
        let name = self.string()?;
        self.word(b":")?;
        Some(name)
    }

    /// An integer of at most eighteen digits.
    fn number(&mut self) -> Option<i64> {
        let negative = self.word(b"-").is_some();
        let start = self.at;
        let mut number = 0;
        while let Some(digit) = self.bytes.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            number = number * 10 + i64::from(digit - b'0');
            self.at += 1;
            if self.at - start > 18 {
                return None;
            }
        }
        let leading_zero = self.bytes.get(start) == Some(&b'0') && self.at > start + 1;
        (self.at > start && !leading_zero).then_some(if negative { -number } else { number })
    }

    fn items(&mut self, taker: &mut impl Takes<'a>) -> Option<()> {
        self.word(b"[")?;
        let mut last = Around::default();
        loop {
            if !self.alike(&last, taker) {
                let start = self.at;
                self.word(b"{")?;
                let op = Cow::Borrowed(self.name()?);
                let named = Named { op, item: self.item()? };
                self.word(b"}")?;
                if !taker.take(&named) {
                    return None;
                }
                last.set(&self.bytes[start..self.id.start], &self.bytes[self.id.end..self.at]);
            }
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Takes items for as long as they differ from the last one in nothing but their ids. False if it stops at the
    /// beginning of an item, true if behind one.
    fn alike(&mut self, last: &Around, taker: &mut impl Takes<'a>) -> bool {
        let Some(mut rest) = self.bytes[self.at..].strip_prefix(last.before()) else { return false };
        while let Some(behind) = taker.next_id().and_then(|id| rest.strip_prefix(id.as_bytes())) {
            if let Some(next) = behind.strip_prefix(last.between()) {
                taker.take_alike();
                rest = next;
            } else if let Some(end) = behind.strip_prefix(last.behind()) {
                taker.take_alike();
                self.at = self.bytes.len() - end.len();
                return true;
            } else {
                break;
            }
        }
        self.at = self.bytes.len() - rest.len() - last.before().len();
        false
    }

    fn item(&mut self) -> Option<Item<'a>> {
        let mut item = Item::default();
        self.word(b"{")?;
        loop {
            match self.name()? {
                "_index" => item.index = Some(Cow::Borrowed(self.string()?)),
                "_id" => {
                    let id = self.string()?;
                    self.id = self.at - 1 - id.len()..self.at - 1;
                    item.id = Some(Cow::Borrowed(id));
                }
                "result" => item.result = Some(Cow::Borrowed(self.string()?)),
                "_version" => item.version = Some(self.number()?),
                "status" => item.status = u16::try_from(self.number()?).ok()?,
                _ => return None,
            }
            match self.next()? {
                b',' => {}
                b'}' => return Some(item),
                _ => return None,
            }
        }
    }
}

/// What stands around the id of the last item. Mostly all others look the same, and are compared at once.
#[derive(Default)]
struct Around {
    /// What stands behind the id, a comma, and what stands before the next one.
    between: Vec<u8>,
    /// Where the comma is.
    comma: usize,
}

impl Around {
    fn set(&mut self, before: &[u8], behind: &[u8]) {
        self.between.clear();
        [behind, b",", before].into_iter().for_each(|part| self.between.extend_from_slice(part));
        self.comma = behind.len();
    }

    fn between(&self) -> &[u8] {
        &self.between
    }

    fn behind(&self) -> &[u8] {
        &self.between[..self.comma]
    }

    fn before(&self) -> &[u8] {
        self.between.get(self.comma + 1..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes what it takes; ids from `expected` may be taken as alike.
    #[derive(Default)]
    struct Ids {
        expected: Vec<String>,
        taken: Vec<String>,
        alike: usize,
    }

    impl<'a> Takes<'a> for Ids {
        fn take(&mut self, named: &Named<'a>) -> bool {
            self.taken.push(format!("{}:{}", named.op, named.item.id.as_deref().unwrap_or("-")));
            true
        }

        fn next_id(&self) -> Option<&str> {
            (!self.taken.is_empty()).then(|| self.expected.get(self.taken.len()).map(String::as_str))?
        }

        fn take_alike(&mut self) {
            self.alike += 1;
            self.taken.push(format!("alike:{}", self.expected[self.taken.len()]));
        }
    }

    fn ids(body: &str) -> Option<Vec<String>> {
        let mut ids = Ids::default();
        items(body, &mut ids)?;
        Some(ids.taken)
    }

    const ITEM: &str = r#"{"index":{"_index":"t","_id":"a","_version":1,"result":"created","status":201}}"#;

    #[test]
    fn the_usual_answer_is_read() {
        let body = format!(r#"{{"took":3,"errors":false,"items":[{ITEM},{}]}}"#, ITEM.replace('a', "ü"));
        assert_eq!(ids(&body), None, "the name of a member is no longer known");
        let body = format!(r#"{{"took":3,"errors":false,"items":[{ITEM},{}]}}"#, ITEM.replace("\"a\"", "\"ü\""));
        assert_eq!(ids(&body), Some(vec!["index:a".to_owned(), "index:ü".to_owned()]));
        let body = format!(r#"{{"items":[{ITEM}],"ingest_took":-2,"took":0}}"#);
        assert_eq!(ids(&body).map(|ids| ids.len()), Some(1));
    }

    #[test]
    fn an_item_like_the_last_one_is_taken_for_its_id() {
        let item = |id: &str, status: &str| ITEM.replace("\"a\"", &format!("\"{id}\"")).replace("201", status);
        let taken = |items_of: &[String], expected: &[&str]| {
            let expected = expected.iter().map(|id| (*id).to_owned()).collect();
            let mut ids = Ids { expected, ..Ids::default() };
            items(&format!("{{\"items\":[{}]}}", items_of.join(",")), &mut ids).expect("a usual answer");
            ids.taken.join(" ")
        };
        let same = |ids: &[&str]| ids.iter().map(|id| item(id, "201")).collect::<Vec<_>>();
        assert_eq!(taken(&same(&["a", "bb", "c"]), &["a", "bb", "c"]), "index:a alike:bb alike:c");
        assert_eq!(taken(&same(&["a", "bb", "c"]), &["a", "b", "c"]), "index:a index:bb alike:c");
        assert_eq!(taken(&same(&["a", "b"]), &["a", "bb"]), "index:a index:b");
        assert_eq!(
            taken(&[item("a", "201"), item("b", "200"), item("c", "200")], &["a", "b", "c"]),
            "index:a index:b alike:c"
        );
    }

    #[test]
    fn every_other_answer_is_left_to_the_other_reader() {
        let body = format!(r#"{{"took":3,"errors":false,"items":[{ITEM}]}}"#);
        assert!(ids(&body).is_some());
        for end in 0..body.len() {
            assert_eq!(ids(&body[..end]), None, "{}", &body[..end]);
        }
        for other in [
            body.replace("false", "true"),
            body.replace("\"a\"", "\"\\u0061\""),
            body.replace("\"a\"", "null"),
            body.replace("201", "0201"),
            body.replace("201", "201.0"),
            body.replace("201", "99999"),
            body.replace("\"_version\"", "\"error\""),
            body.replace("[{", "[ {"),
            format!("{body} "),
            format!("{body}{body}"),
            body.replace(ITEM, ""),
        ] {
            assert_eq!(ids(&other), None, "{other}");
        }
    }
}
