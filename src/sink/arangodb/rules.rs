//! What ArangoDB would change of a document, and so is refused unless `--lossy` lets it: it keeps integers of 64 bits, other
//! numbers as doubles, one of several fields of a name, whole characters, and no ends of edges in a collection of documents.
//! It reads at most 200 levels (contract of the import API, 1.4), and one is that of the array in which documents are sent.

use super::key;
use crate::action::{Action, Key, KeyRule, Line, Op, Rules, Update, names_key, not_supported, own_metadata};
use crate::json::{Field, NameBits, Scanner, Span, Token, Walk, holds_as_double, repeated, same_name, unescape};
use crate::record::{Reason, Record};

/// Levels of a document that the server reads, in whichever form it is sent: a lost one has to be sent in another.
const LEVELS: usize = 199;

/// Names of the objects around a place in a document; kept from one document to the next for its memory.
#[derive(Debug, Default)]
pub struct Names {
    all: Vec<(Span, bool)>,
    /// Where the names of each object around begin.
    levels: Vec<usize>,
}

/// The rules of ArangoDB.
#[derive(Default)]
pub(super) struct ArangodbRules {
    /// Whether the collection holds edges.
    pub(super) edge: bool,
    /// `--server-keys`: a record without a key is sent without one.
    pub(super) server_keys: bool,
    /// `--lossy`: what the server will change is let through.
    pub(super) lossy: bool,
    /// Memory for looking into documents.
    pub(super) names: Names,
    pub(super) scanner: Scanner,
}

impl Rules for ArangodbRules {
    fn keys(&self) -> &'static KeyRule {
        key::RULE
    }

    fn key_of_id<'a>(&self, text: &'a str, id: Key<'a>, collection: &str) -> Result<Key<'a>, Reason> {
        key::of_id(text, id, collection)
    }

    fn makes_keys(&self) -> bool {
        self.server_keys
    }

    fn check(&mut self, record: &Record<'_>, op: Op, cut: [Span; 2], _: &mut String) -> Result<(), Reason> {
        if op == Op::Delete || is_kept(record.text, record.fields, self.edge, &mut self.names) {
            return Ok(());
        }
        ensure_read(record.text)?;
        if self.lossy {
            return Ok(());
        }
        ensure_kept(record, cut, self.edge, &mut self.names)
    }

    fn metadata(&self, _: Op, name: &str, value: &str) -> Result<(), Reason> {
        own_metadata("ArangoDB", name, value)
    }

    fn other_collection(&self) -> Result<(), Reason> {
        Err(not_supported("\"_index\" and --collection differ"))
    }

    /// A bulk line as an action on the one collection; what that does not support is an error of the item.
    fn line<'a>(&mut self, line: Line<'a>, record: &Record<'a>, meta: &'a mut String) -> Result<Action<'a>, Reason> {
        if line.op != Op::Update {
            return self.document(line, record.text, record.fields, record, meta);
        }
        let update = Update::read(record, "ArangoDB")?;
        if update.upsert.is_some() {
            return Err(not_supported("\"upsert\" in an update is not supported by ArangoDB, only \"doc_as_upsert\""));
        }
        let mut scanner = std::mem::take(&mut self.scanner);
        let _ = scanner.object(update.doc.as_bytes());
        let action = self.document(Line { op: update.op, ..line }, update.doc, scanner.fields(), record, meta);
        self.scanner = scanner;
        action
    }
}

impl ArangodbRules {
    fn document<'a>(
        &mut self,
        line: Line<'a>,
        doc: &'a str,
        fields: &[Field],
        record: &Record<'a>,
        meta: &mut String,
    ) -> Result<Action<'a>, Reason> {
        if line.op == Op::Delete {
            return Ok(line.action(""));
        }
        if names_key(doc, fields)? {
            let text = "the document has \"_key\" or \"_id\", and its action line has the key";
            return Err(Reason::new("ambiguous_key", text));
        }
        let document = Record { text: doc, fields, ..*record };
        self.check(&document, line.op, [Span::default(); 2], meta)?;
        Ok(line.action(doc))
    }
}

/// Refuses a document that the server cannot read.
fn ensure_read(text: &str) -> Result<(), Reason> {
    // Most are too short for so many brackets.
    if text.len() <= 2 * LEVELS || text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).nth(LEVELS).is_none() {
        return Ok(());
    }
    let mut level = 0;
    let is_too_deep = Walk::new(text, [Span::default(); 2]).any(|token| {
        match token {
            Token::Open => level += 1,
            Token::Close => level -= 1,
            _ => {}
        }
        level > LEVELS
    });
    if is_too_deep {
        let text = format!("nested deeper than {LEVELS} levels, the maximum of ArangoDB");
        return Err(Reason::new("too_deep", text));
    }
    Ok(())
}

/// Fields of a record that are compared with each other.
const FEW: usize = 24;

/// Whether the server certainly reads a document, and keeps it as it is. So it is with most.
fn is_kept(text: &str, fields: &[Field], edge: bool, names: &mut Names) -> bool {
    let mut bits = NameBits::default();
    let is_kept = |(place, one): (usize, &Field)| {
        let name = one.name.of_bytes(text);
        let is_same = |other: &Field| other.name.of_bytes(text) == name;
        !one.escaped
            && (one.is_simple || is_value_kept(one.value.of(text), names))
            && (edge || !matches!(name, b"_from" | b"_to"))
            && (bits.is_new(text.as_bytes(), one.name) || !fields[..place].iter().any(is_same))
    };
    fields.len() <= FEW && fields.iter().enumerate().all(is_kept)
}

/// Whether the server certainly reads and keeps a value of which no scan has said that it is simple.
fn is_value_kept(value: &str, names: &mut Names) -> bool {
    let may_be_deep = value.len() >= 2 * LEVELS && value.starts_with(['{', '[']);
    !may_be_deep && change(value, [Span::default(); 2], names).is_none()
}

/// Checks a document for a collection of documents, or of edges. `cut` leaves out what becomes metadata.
fn ensure_kept(record: &Record<'_>, cut: [Span; 2], edge: bool, names: &mut Names) -> Result<(), Reason> {
    let lossy = |text: String| Err(Reason::new("lossy", text));
    let ends = record.fields.iter().filter_map(|field| end_of_edge(record.text, field));
    if !edge && let Some(end) = ends.min() {
        return lossy(format!(
            "a collection of documents drops \"{end}\" (an edge collection, --edge, keeps it; --lossy allows it)"
        ));
    }
    match change(record.text, cut, names) {
        Some(what) => lossy(format!("the server would {what} (--lossy allows it)")),
        None => Ok(()),
    }
}

/// Which end of an edge a field is.
#[inline]
fn end_of_edge(text: &str, field: &Field) -> Option<&'static str> {
    // Most names are told by their first byte.
    let may_be = field.escaped || text.as_bytes()[field.name.start as usize] == b'_';
    let is = |end: &&str| may_be && same_name(field.name.of(text), field.escaped, end);
    ["_from", "_to"].into_iter().find(is)
}

/// What the server does to the first part of a document that it does not keep.
pub fn change(text: &str, cut: [Span; 2], names: &mut Names) -> Option<String> {
    names.all.clear();
    names.levels.clear();
    for token in Walk::new(text, cut) {
        match token {
            Token::Open => names.levels.push(names.all.len()),
            Token::Close => {
                let from = names.levels.pop().unwrap_or_default();
                if let Some(name) = repeated(text, &names.all[from..]) {
                    return Some(format!("keep only one of the duplicate fields {name:?}"));
                }
                names.all.truncate(from);
            }
            Token::Name { inside, escaped: true } if is_half(inside.of(text)) => {
                return Some("change a field name with an unpaired surrogate".to_owned());
            }
            Token::Name { inside, escaped } => names.all.push((inside, escaped)),
            Token::Number(span) if !holds(span.of(text)) => {
                let number: String = span.of(text).chars().take(60).collect();
                return Some(format!("change the number {number}"));
            }
            Token::Word(span) if has_half(&text[span.range()]) => {
                return Some("change a string with an unpaired surrogate".to_owned());
            }
            Token::Number(_) | Token::Word(_) => {}
        }
    }
    None
}

/// Whether a string has an unpaired surrogate, which is no character.
fn has_half(word: &str) -> bool {
    word.starts_with('"') && is_half(&word[1..word.len() - 1])
}

fn is_half(inside: &str) -> bool {
    memchr::memchr(b'\\', inside.as_bytes()).is_some() && unescape(inside).is_none()
}

/// Whether a number has so few digits that a double and 64 bits both hold it.
fn is_short(number: &[u8]) -> bool {
    number.len() <= 16 && number.iter().all(|byte| matches!(byte, b'-' | b'.' | b'0'..=b'9'))
}

/// Whether a number is still the same in VelocyPack: a signed or unsigned integer of 64 bits, or a double.
fn holds(number: &str) -> bool {
    if is_short(number.as_bytes()) {
        return true;
    }
    let is_integer = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    (is_integer && (number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok())) || holds_as_double(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Scanner;

    /// Also by its fields, as most documents are looked at.
    fn changed(text: &str) -> Option<String> {
        let mut scanner = Scanner::default();
        scanner.object(text.as_bytes()).expect("an object");
        let whole = change(text, [Span::default(); 2], &mut Names::default());
        assert!(whole.is_none() || !is_kept(text, scanner.fields(), true, &mut Names::default()), "{text}");
        whole
    }

    #[test]
    fn integers_of_64_bits_and_doubles_are_kept() {
        for kept in
            ["18446744073709551615", "-9223372036854775808", "1.0", "0.1", "1e300", "100000000000000000000", "-0"]
        {
            assert_eq!(changed(&format!("{{\"a\":[{{\"b\":{kept}}}]}}")), None, "{kept}");
        }
        for other in ["18446744073709551617", "-9223372036854775809", "1e400", "0.12345678901234567890"] {
            assert_eq!(changed(&format!("{{\"a\":[{{\"b\":{other}}}]}}")), Some(format!("change the number {other}")));
        }
    }

    #[test]
    fn what_is_kept_by_its_fields_is_not_changed() {
        let (mut seed, values, mut kept) = (
            7_u64,
            ["1", "-2.50", "\"x\"", "true", "{}", "[]", "1e400", "12345678901234567890123", "null", "\"\\ud800\""],
            0,
        );
        let mut next = |limit: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % limit
        };
        for _ in 0..50_000 {
            let mut text = String::from("{");
            for place in 0..next(5) {
                let name = ["a", "b", "c", "d", "\\u0061"][next(5)];
                let value = match next(5) {
                    0 => format!(
                        "{{ \"{}\":{} ,\"{}\": {}}}",
                        ["p", "q"][next(2)],
                        values[next(10)],
                        ["p", "r"][next(2)],
                        values[next(10)]
                    ),
                    1 => format!("[{}, {} ]", values[next(10)], values[next(10)]),
                    2 => format!(
                        "{{\"p\":[{{\"{}\":{}}},{{\"p\":{}}}],\"{}\":1}}",
                        ["p", "q"][next(2)],
                        values[next(10)],
                        values[next(10)],
                        ["p", "q"][next(2)]
                    ),
                    _ => values[next(10)].to_owned(),
                };
                text.push_str(&format!("{}\"{name}\":{value}", if place > 0 { "," } else { "" }));
            }
            text.push('}');
            let mut scanner = Scanner::default();
            scanner.object(text.as_bytes()).expect("an object");
            if is_kept(&text, scanner.fields(), false, &mut Names::default()) {
                assert_eq!(change(&text, [Span::default(); 2], &mut Names::default()), None, "{text}");
                kept += 1;
            }
        }
        assert!(kept > 5_000, "{kept}");
    }

    #[test]
    fn most_documents_are_kept_by_their_fields() {
        let is_kept = |text: &str, edge: bool| {
            let mut scanner = Scanner::default();
            scanner.object(text.as_bytes()).expect("an object");
            super::is_kept(text, scanner.fields(), edge, &mut Names::default())
        };
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        for kept in [
            "{}",
            r#"{"_key":"k","n":-12.50,"s":"a long text of more than sixteen bytes","e":{},"f":[]}"#,
            r#"{"a":"\n","b":{"c":1e2},"d":12345678901234567,"e":{"b":{"c":1},"b2":2}}"#,
            &nested(LEVELS - 1),
        ] {
            assert!(is_kept(kept, false), "{kept}");
        }
        for other in [r#"{"\u0061":1}"#, r#"{"a":1,"a":2}"#, r#"{"a":{"b":{},"b":2}}"#, &nested(LEVELS)] {
            assert!(!is_kept(other, false), "{other}");
        }
        for end in [r#"{"_from":"a/b"}"#, r#"{"_to":"a/b"}"#] {
            assert!(is_kept(end, true) && !is_kept(end, false), "{end}");
        }
    }

    #[test]
    fn a_level_less_than_two_hundred_is_read() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(ensure_read(&nested(LEVELS)).is_ok());
        assert!(ensure_read(&nested(LEVELS + 1)).is_err());
        assert!(ensure_read(&format!("{{\"a\":[{}1]}}", "[],".repeat(300))).is_ok());
    }

    #[test]
    fn half_a_character_is_not_kept() {
        assert_eq!(changed(r#"{"a":"\ud83d\ude00 \\ud800"}"#), None);
        for half in [r#"{"a":"\ud800"}"#, r#"{"\udc00x":1}"#, r#"{"a":["\ude00\ud83d"]}"#] {
            assert!(changed(half).is_some(), "{half}");
        }
    }

    #[test]
    fn a_name_may_stand_once_in_each_object() {
        assert_eq!(changed(r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}"#), None);
        for twice in [r#"{"a":1,"\u0061":2}"#, r#"{"x":[{"a":1,"b":{},"a":2}]}"#] {
            assert_eq!(changed(twice), Some("keep only one of the duplicate fields \"a\"".to_owned()), "{twice}");
        }
    }
}
