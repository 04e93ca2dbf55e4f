//! ArangoDB's keys, and the key in an `_id`.

use crate::action::{ActionKey, KeyRule};
use crate::json::Span;
use crate::record::Reason;

/// 1 to 254 bytes of letters, digits and ``_-:.@()+,=;$!*'%`` (ArangoDB's `KeyGenerator.cpp`).
pub(super) const RULE: &KeyRule = &KeyRule {
    names: ["key"; 2],
    max_bytes: 254,
    allows: |key| is_plain(key) || key.bytes().all(|byte| ALLOWED[byte as usize]),
    characters: "a key may contain only letters, digits and _-:.@()+,=;$!*'%",
    keeps_fields: false,
};

/// Whether a key has only letters, digits and `-`, as most do. There is no early exit, so that the loop is vectorized.
fn is_plain(key: &str) -> bool {
    key.bytes().fold(true, |plain, byte| plain & (byte.is_ascii_alphanumeric() | (byte == b'-')))
}

/// The bytes that a key may have.
const ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        allowed[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"_-:.@()+,=;$!*'%";
    let mut index = 0;
    while index < others.len() {
        allowed[others[index] as usize] = true;
        index += 1;
    }
    allowed
};

/// The key in an `_id`, which is `COLLECTION/KEY`. An `_id` of another collection or of another form is an error: cut at the
/// slash, two of them could become one key.
pub(super) fn of_id<'a>(text: &'a str, id: ActionKey<'a>, collection: &str) -> Result<ActionKey<'a>, Reason> {
    let whole = id.of(text);
    let Some(key) = whole.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/')) else {
        let hint = match RULE.check(whole, false) {
            Ok(()) => " (--key _id takes it as the key)",
            Err(_) => "",
        };
        let text = format!(
            "invalid \"_id\" {whole:?}: without \"_key\" it must be COLLECTION/KEY of the collection {collection:?}{hint}"
        );
        return Err(Reason::new("illegal_key", text));
    };
    Ok(match id {
        ActionKey::Text(_) => ActionKey::Text(key),
        ActionKey::InDoc(span) => ActionKey::InDoc(Span { start: span.end - key.len() as u32, ..span }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Decider, Op};
    use crate::json::Scanner;
    use crate::record::{Origin, Record};
    use crate::sink::arangodb::rules::ArangodbRules;

    #[test]
    fn keys_have_letters_digits_and_some_other_characters() {
        for byte in 0..=255 {
            let is_allowed = u8::is_ascii_alphanumeric(&byte) || b"_-:.@()+,=;$!*'%".contains(&byte);
            assert_eq!(ALLOWED[byte as usize], is_allowed, "{byte:#x}");
            let key = format!("a-long-key-of-letters-and-digits-0-{}", char::from(byte));
            assert_eq!(RULE.check(&key, false).is_ok(), is_allowed, "{key}");
        }
    }

    #[test]
    fn an_id_contains_the_collection() {
        for (text, key) in [
            (r#"{"_id":"shop/a"}"#, Ok("a")),
            (r#"{"_id":"shop\/a"}"#, Ok("a")),
            (r#"{"_id":"other/a","_key":"a"}"#, Ok("a")),
            (r#"{"_id":{"$oid":"5f"}}"#, Ok("5f")),
            (r#"{"_id":"other/a"}"#, Err("illegal_key")),
            (r#"{"_id":"shop2/a"}"#, Err("illegal_key")),
            (r#"{"_id":"shop/a/b"}"#, Err("illegal_key")),
            (r#"{"_id":"shop/"}"#, Err("illegal_key")),
            (r#"{"_id":"a"}"#, Err("illegal_key")),
            (r#"{"_id":7}"#, Err("illegal_key")),
            (r#"{"_key":"shop/a"}"#, Err("illegal_key")),
            (r#"{"_key":"a b"}"#, Err("illegal_key")),
        ] {
            let mut scanner = Scanner::default();
            scanner.object(text.as_bytes()).expect("an object");
            let record = Record::of(text, &scanner, Origin::default());
            // `--lossy`: what else the server would change of the document does not matter here.
            let rules = Box::new(ArangodbRules { lossy: true, ..ArangodbRules::default() });
            let mut decider = Decider::new(Op::Create, None, rules, "run-".to_owned(), Some("shop".to_owned()));
            let found = decider.decide(&record, 7).map(|action| action.key_text().to_owned());
            assert_eq!(found.map_err(Reason::static_kind), key.map(str::to_owned), "{text}");
        }
    }
}
