//! Rejects documents that ArangoDB would change, unless `--lossy` allows it. ArangoDB stores 64-bit integers, other numbers
//! as doubles, one of duplicate fields, no unpaired surrogates, and no `_from` and `_to` in a collection of documents.
//! It reads at most 200 levels (contract of the import API, 1.4); the array in which documents are sent is one of them.

use super::key;
use crate::action::{
    Action, ActionKey, BulkLine, KeyRule, Op, Rules, Update, check_metadata, has_key_field, not_supported,
};
use crate::json::{
    Field, NameBits, Scanner, Span, Token, Tokens, duplicate_name, holds_as_double, same_name, unescape,
};
use crate::record::{Reason, Record};

/// Maximum number of levels of a document, whichever API it is sent to: a lost one is sent again to the other.
const MAX_DEPTH: usize = 199;

/// Names of the fields in the open objects while a document is scanned; reused for its memory.
#[derive(Debug, Default)]
pub struct Names {
    all: Vec<(Span, bool)>,
    /// The index of the first name of each open object.
    levels: Vec<usize>,
}

/// The rules of ArangoDB.
#[derive(Default)]
pub(super) struct ArangodbRules {
    /// Whether the collection holds edges.
    pub(super) edge: bool,
    /// `--server-keys`: a record without a key is sent without one.
    pub(super) server_keys: bool,
    /// `--lossy`: documents that the server will change are allowed.
    pub(super) lossy: bool,
    /// Buffers for scanning documents.
    pub(super) names: Names,
    pub(super) scanner: Scanner,
}

impl Rules for ArangodbRules {
    fn keys(&self) -> &'static KeyRule {
        key::RULE
    }

    fn key_of_id<'a>(&self, text: &'a str, id: ActionKey<'a>, collection: &str) -> Result<ActionKey<'a>, Reason> {
        key::of_id(text, id, collection)
    }

    fn generates_keys(&self) -> bool {
        self.server_keys
    }

    fn check(&mut self, record: &Record<'_>, op: Op, cut: [Span; 2], _: &mut String) -> Result<(), Reason> {
        if op == Op::Delete || is_kept(record.text, record.fields, self.edge, &mut self.names) {
            return Ok(());
        }
        ensure_not_too_deep(record.text)?;
        if self.lossy {
            return Ok(());
        }
        ensure_kept(record, cut, self.edge, &mut self.names)
    }

    fn metadata(&self, _: Op, name: &str, value: &str) -> Result<(), Reason> {
        check_metadata("ArangoDB", name, value)
    }

    fn drops_type(&self, _: &str) -> bool {
        true
    }

    fn other_collection(&self) -> Result<(), Reason> {
        Err(not_supported("\"_index\" and --collection differ")
            .with_hint(Some("`--retarget` sends all lines to --collection")))
    }

    /// Turns a bulk line into an action on the collection; what ArangoDB does not support is an error of the record.
    fn line<'a>(&mut self, line: BulkLine<'a>, record: &Record<'a>, buf: &'a mut String) -> Result<Action<'a>, Reason> {
        if line.op != Op::Update {
            return self.document(line, record.text, record.fields, record, buf);
        }
        let update = Update::read(record, "ArangoDB")?;
        if update.upsert.is_some() {
            return Err(not_supported("\"upsert\" in an update is not supported by ArangoDB, only \"doc_as_upsert\""));
        }
        let mut scanner = std::mem::take(&mut self.scanner);
        let _ = scanner.object(update.doc.as_bytes());
        let action = self.document(BulkLine { op: update.op, ..line }, update.doc, scanner.fields(), record, buf);
        self.scanner = scanner;
        action
    }
}

impl ArangodbRules {
    fn document<'a>(
        &mut self,
        line: BulkLine<'a>,
        doc: &'a str,
        fields: &[Field],
        record: &Record<'a>,
        meta: &mut String,
    ) -> Result<Action<'a>, Reason> {
        if line.op == Op::Delete {
            return Ok(line.action(""));
        }
        if has_key_field(doc, fields)? {
            let text = "the document has \"_key\" or \"_id\", and its action line has the key";
            return Err(Reason::new("ambiguous_key", text));
        }
        let document = Record { text: doc, fields, ..*record };
        self.check(&document, line.op, [Span::default(); 2], meta)?;
        Ok(line.action(doc))
    }
}

/// Rejects a document that is nested deeper than the server reads.
fn ensure_not_too_deep(text: &str) -> Result<(), Reason> {
    // Most documents have too few brackets.
    if text.len() <= 2 * MAX_DEPTH || text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).nth(MAX_DEPTH).is_none() {
        return Ok(());
    }
    let mut level = 0;
    let is_too_deep = Tokens::new(text, [Span::default(); 2]).any(|token| {
        match token {
            Token::Open => level += 1,
            Token::Close => level -= 1,
            _ => {}
        }
        level > MAX_DEPTH
    });
    if is_too_deep {
        let text = format!("nested deeper than {MAX_DEPTH} levels, the maximum of ArangoDB");
        return Err(Reason::new("too_deep", text));
    }
    Ok(())
}

/// Maximum number of fields whose names are compared pairwise.
const MAX_COMPARED: usize = 24;

/// A fast check whether the server reads a document and stores it unchanged, as it does with most. May return false for one
/// that passes the full check.
fn is_kept(text: &str, fields: &[Field], edge: bool, names: &mut Names) -> bool {
    let mut bits = NameBits::default();
    let is_kept = |(index, one): (usize, &Field)| {
        let name = one.name.of_bytes(text);
        let is_same = |other: &Field| other.name.of_bytes(text) == name;
        !one.escaped
            && (one.is_simple || is_value_kept(one.value.of(text), names))
            && (edge || !matches!(name, b"_from" | b"_to"))
            && (bits.is_new(text.as_bytes(), one.name) || !fields[..index].iter().any(is_same))
    };
    fields.len() <= MAX_COMPARED && fields.iter().enumerate().all(is_kept)
}

/// Whether the server certainly reads and keeps a value of which no scan has said that it is simple: numbers in rows mostly.
fn is_value_kept(value: &str, names: &mut Names) -> bool {
    let may_be_deep = value.len() >= 2 * MAX_DEPTH && value.starts_with(['{', '[']);
    !may_be_deep && first_change(value, [Span::default(); 2], names).is_none()
}

/// Checks a document for a collection of documents, or of edges. `cut` leaves out what becomes metadata.
fn ensure_kept(record: &Record<'_>, cut: [Span; 2], edge: bool, names: &mut Names) -> Result<(), Reason> {
    let lossy = |text: String| Err(Reason::new("lossy", text));
    let ends = record.fields.iter().filter_map(|field| edge_end(record.text, field));
    if !edge && let Some(end) = ends.min() {
        return lossy(format!(
            "a collection of documents drops \"{end}\" (an edge collection, --edge, keeps it; --lossy allows it)"
        ));
    }
    match first_change(record.text, cut, names) {
        Some(what) => lossy(format!("the server would {what} (--lossy allows it)")),
        None => Ok(()),
    }
}

/// Whether a field is `_from` or `_to`, and which.
fn edge_end(text: &str, field: &Field) -> Option<&'static str> {
    // The first byte rules out most names.
    let may_be = field.escaped || text.as_bytes()[field.name.start as usize] == b'_';
    let is = |end: &&str| may_be && same_name(field.name.of(text), field.escaped, end);
    ["_from", "_to"].into_iter().find(is)
}

/// The first change that the server would make to a document.
pub fn first_change(text: &str, cut: [Span; 2], names: &mut Names) -> Option<String> {
    names.all.clear();
    names.levels.clear();
    for token in Tokens::new(text, cut) {
        match token {
            Token::Open => names.levels.push(names.all.len()),
            Token::Close => {
                let from = names.levels.pop().unwrap_or_default();
                if let Some(name) = duplicate_name(text, &names.all[from..]) {
                    return Some(format!("keep only one of the duplicate fields {name:?}"));
                }
                names.all.truncate(from);
            }
            Token::Name { inside, escaped: true } if is_unpaired_surrogate(inside.of(text)) => {
                return Some("change a field name with an unpaired surrogate".to_owned());
            }
            Token::Name { inside, escaped } => names.all.push((inside, escaped)),
            Token::Number(span) if !fits_number(span.of(text)) => {
                let number: String = span.of(text).chars().take(60).collect();
                return Some(format!("change the number {number}"));
            }
            Token::Literal(span) if has_unpaired_surrogate(&text[span.range()]) => {
                return Some("change a string with an unpaired surrogate".to_owned());
            }
            Token::Number(_) | Token::Literal(_) => {}
        }
    }
    None
}

/// Whether a literal is a string with an unpaired surrogate.
fn has_unpaired_surrogate(word: &str) -> bool {
    word.starts_with('"') && is_unpaired_surrogate(&word[1..word.len() - 1])
}

fn is_unpaired_surrogate(inside: &str) -> bool {
    memchr::memchr(b'\\', inside.as_bytes()).is_some() && unescape(inside).is_none()
}

/// Whether a number has so few digits that a double and a 64-bit integer both represent it.
fn is_short(number: &[u8]) -> bool {
    number.len() <= 16 && number.iter().all(|byte| matches!(byte, b'-' | b'.' | b'0'..=b'9'))
}

/// Whether VelocyPack represents a number exactly: a signed or unsigned 64-bit integer, or a double.
fn fits_number(number: &str) -> bool {
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

    /// The change; also checks that the fast check agrees.
    fn changed(text: &str) -> Option<String> {
        let mut scanner = Scanner::default();
        scanner.object(text.as_bytes()).expect("an object");
        let whole = first_change(text, [Span::default(); 2], &mut Names::default());
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
    fn the_fast_check_accepts_no_changed_document() {
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
            for index in 0..next(5) {
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
                text.push_str(&format!("{}\"{name}\":{value}", if index > 0 { "," } else { "" }));
            }
            text.push('}');
            let mut scanner = Scanner::default();
            scanner.object(text.as_bytes()).expect("an object");
            if is_kept(&text, scanner.fields(), false, &mut Names::default()) {
                assert_eq!(first_change(&text, [Span::default(); 2], &mut Names::default()), None, "{text}");
                kept += 1;
            }
        }
        assert!(kept > 5_000, "{kept}");
    }

    #[test]
    fn the_fast_check_accepts_most_documents() {
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
            &nested(MAX_DEPTH - 1),
        ] {
            assert!(is_kept(kept, false), "{kept}");
        }
        for other in [r#"{"\u0061":1}"#, r#"{"a":1,"a":2}"#, r#"{"a":{"b":{},"b":2}}"#, &nested(MAX_DEPTH)] {
            assert!(!is_kept(other, false), "{other}");
        }
        for end in [r#"{"_from":"a/b"}"#, r#"{"_to":"a/b"}"#] {
            assert!(is_kept(end, true) && !is_kept(end, false), "{end}");
        }
    }

    #[test]
    fn at_most_199_levels_are_read() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(ensure_not_too_deep(&nested(MAX_DEPTH)).is_ok());
        assert!(ensure_not_too_deep(&nested(MAX_DEPTH + 1)).is_err());
        assert!(ensure_not_too_deep(&format!("{{\"a\":[{}1]}}", "[],".repeat(300))).is_ok());
    }

    #[test]
    fn an_unpaired_surrogate_is_not_kept() {
        assert_eq!(changed(r#"{"a":"\ud83d\ude00 \\ud800"}"#), None);
        for text in [r#"{"a":"\ud800"}"#, r#"{"\udc00x":1}"#, r#"{"a":["\ude00\ud83d"]}"#] {
            assert!(changed(text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_name_may_occur_once_in_each_object() {
        assert_eq!(changed(r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}"#), None);
        for twice in [r#"{"a":1,"\u0061":2}"#, r#"{"x":[{"a":1,"b":{},"a":2}]}"#] {
            assert_eq!(changed(twice), Some("keep only one of the duplicate fields \"a\"".to_owned()), "{twice}");
        }
    }
}
