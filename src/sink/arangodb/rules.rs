//! What ArangoDB would change of a document, and so is refused unless `--lossy` lets it: it keeps integers of 64 bits, other
//! numbers as doubles, one of several members of a name, whole characters, and no ends of edges in a collection of documents.
//! It reads at most 200 levels (contract of the import API, 1.4), and one is that of the array in which documents are sent.

use super::key;
use crate::action::{Action, Key, KeyRule, Line, Op, Rules, Update, names_key, not_supported, own_metadata};
use crate::json::{Member, Scanner, Span, Token, Walk, holds_as_double, repeated, same_name, string_end, unescape};
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
        if op == Op::Delete {
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
        Err(not_supported("`_index` names another collection than --collection"))
    }

    /// A bulk line as an action on the one collection; what that cannot honour is an error of the item.
    fn line<'a>(&mut self, line: Line<'a>, record: &Record<'a>, meta: &'a mut String) -> Result<Action<'a>, Reason> {
        if line.op != Op::Update {
            return self.document(line, record.text, record.members, record, meta);
        }
        let update = Update::read(record, "ArangoDB")?;
        if update.upsert.is_some() {
            return Err(not_supported("ArangoDB cannot honour `upsert` of an update, `doc_as_upsert` it can"));
        }
        let mut scanner = std::mem::take(&mut self.scanner);
        let _ = scanner.object(update.doc.as_bytes());
        let action = self.document(Line { op: update.op, ..line }, update.doc, scanner.members(), record, meta);
        self.scanner = scanner;
        action
    }
}

impl ArangodbRules {
    fn document<'a>(
        &mut self,
        line: Line<'a>,
        doc: &'a str,
        members: &[Member],
        record: &Record<'a>,
        meta: &mut String,
    ) -> Result<Action<'a>, Reason> {
        if line.op == Op::Delete {
            return Ok(line.action(""));
        }
        if names_key(doc, members)? {
            let text = "the document has a `_key` or an `_id`, and its action line says the key";
            return Err(Reason::new("ambiguous_key", text));
        }
        let document = Record { text: doc, members, ..*record };
        self.check(&document, line.op, [Span::default(); 2], meta)?;
        Ok(line.action(doc))
    }
}

/// Refuses a document that the server cannot read.
pub(super) fn ensure_read(text: &str) -> Result<(), Reason> {
    // Most are too short for so many brackets.
    if text.len() <= 2 * LEVELS || text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).nth(LEVELS).is_none() {
        return Ok(());
    }
    let mut level = 0;
    for token in Walk::new(text, [Span::default(); 2]) {
        match token {
            Token::Open => level += 1,
            Token::Close => level -= 1,
            _ => {}
        }
        if level > LEVELS {
            return Err(Reason::new(
                "too_deep",
                format!("nested deeper than {LEVELS} levels, the most that ArangoDB reads"),
            ));
        }
    }
    Ok(())
}

/// Checks a document for a collection of documents, or of edges. `cut` leaves out what becomes metadata.
pub(super) fn ensure_kept(record: &Record<'_>, cut: [Span; 2], edge: bool, names: &mut Names) -> Result<(), Reason> {
    let lossy = |text: String| Err(Reason::new("lossy", text));
    let ends = record.members.iter().filter_map(|member| end_of_edge(record.text, member));
    if !edge && let Some(end) = ends.min() {
        return lossy(format!(
            "a collection of documents drops `{end}` (a collection of edges, `--edge`, keeps it; --lossy lets it)"
        ));
    }
    match change_of_members(record, cut, names) {
        Some(what) => lossy(format!("the server would {what} (--lossy lets it)")),
        None => Ok(()),
    }
}

/// Which end of an edge a member is.
#[inline]
fn end_of_edge(text: &str, member: &Member) -> Option<&'static str> {
    // Most names are told by their first byte.
    let may_be = member.escaped || text.as_bytes()[member.name.start as usize] == b'_';
    let is = |end: &&str| may_be && same_name(member.name.of(text), member.escaped, end);
    ["_from", "_to"].into_iter().find(is)
}

/// The same as `change`, by the members of a record: most values are told by their first byte.
fn change_of_members(record: &Record<'_>, cut: [Span; 2], names: &mut Names) -> Option<String> {
    let (text, members) = (record.text, record.members);
    let has_escapes = memchr::memchr(b'\\', text.as_bytes()).is_some();
    if has_escapes || members.len() > FEW || has_twice(text, members) {
        return change(text, cut, names);
    }
    let is_left_out = |member: &Member| cut.iter().any(|cut| cut.range().contains(&(member.name.start as usize)));
    members.iter().find_map(|member| {
        let is_kept = match text.as_bytes()[member.value.start as usize] {
            b'{' | b'[' => is_plain(text.as_bytes(), member.value.start as usize),
            b'-' | b'0'..=b'9' => is_short(member.value.of_bytes(text)) || is_left_out(member),
            _ => true,
        };
        if is_kept { None } else { change(member.value.of(text), [Span::default(); 2], names) }
    })
}

/// Whether the object or the array at `start`, without escapes, certainly comes out as it is; one with others inside is left
/// to `change`. It is looked at where it is, because a string before many others is read faster than one before an end.
fn is_plain(bytes: &[u8], start: usize) -> bool {
    let is_object = bytes[start] == b'{';
    let (mut names, mut count, mut at, mut is_name) = ([Span::default(); FEW_INSIDE], 0, start + 1, is_object);
    loop {
        match bytes[at] {
            b'"' => {
                let (end, _) = string_end(bytes, at);
                if is_name {
                    let name = Span::new(at, end);
                    if count == FEW_INSIDE || names[..count].iter().any(|other| is_same(bytes, *other, name)) {
                        return false;
                    }
                    (names[count], is_name) = (name, false);
                    count += 1;
                }
                at = end;
            }
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &&u8| !matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
                let length = bytes[at..].iter().take_while(is_part).count();
                if !is_short(&bytes[at..at + length]) {
                    return false;
                }
                at += length;
            }
            b'{' | b'[' => return false,
            b'}' | b']' => return true,
            byte => {
                is_name |= is_object && byte == b',';
                at += 1;
            }
        }
    }
}

/// Whether a number has so few digits that a double and 64 bits both hold it.
fn is_short(number: &[u8]) -> bool {
    number.len() <= 16 && number.iter().all(|byte| matches!(byte, b'-' | b'.' | b'0'..=b'9'))
}

/// Members that are compared with each other, in a record and in an object in it.
const FEW: usize = 24;
const FEW_INSIDE: usize = 8;

fn has_twice(text: &str, members: &[Member]) -> bool {
    // One bit for names of a length and a first byte, or a few of these: most have theirs alone.
    let mut met = 0_u64;
    members.iter().enumerate().any(|(place, one)| {
        let first = u32::from(text.as_bytes()[one.name.start as usize]);
        let bit = 1 << (((one.name.end - one.name.start) * 8 + first) % 64);
        let may_be = met & bit != 0;
        met |= bit;
        may_be && members[..place].iter().any(|other| is_same(text.as_bytes(), other.name, one.name))
    })
}

/// Whether two names are the same. Most are told by their lengths.
#[inline(always)]
fn is_same(bytes: &[u8], one: Span, other: Span) -> bool {
    one.end - one.start == other.end - other.start && bytes[one.range()] == bytes[other.range()]
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
                    return Some(format!("keep only one of the members called {name:?}"));
                }
                names.all.truncate(from);
            }
            Token::Name { inside, escaped: true } if is_half(inside.of(text)) => {
                return Some("change a name with half of a surrogate pair".to_owned());
            }
            Token::Name { inside, escaped } => names.all.push((inside, escaped)),
            Token::Number(span) if !holds(span.of(text)) => {
                let number: String = span.of(text).chars().take(60).collect();
                return Some(format!("change the number {number}"));
            }
            Token::Word(span) if has_half(&text[span.range()]) => {
                return Some("change a string with half of a surrogate pair".to_owned());
            }
            Token::Number(_) | Token::Word(_) => {}
        }
    }
    None
}

/// Whether a string has half of a surrogate pair, which is no character.
fn has_half(word: &str) -> bool {
    word.starts_with('"') && is_half(&word[1..word.len() - 1])
}

fn is_half(inside: &str) -> bool {
    memchr::memchr(b'\\', inside.as_bytes()).is_some() && unescape(inside).is_none()
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
    use crate::record::Origin;

    /// By its members, and as a whole: both ways must say the same.
    fn changed(text: &str) -> Option<String> {
        let mut scanner = Scanner::default();
        scanner.object(text.as_bytes()).expect("an object");
        let (origin, uncut) = (Origin::default(), [Span::default(); 2]);
        let record = Record::of(text, &scanner, origin);
        let whole = change(text, uncut, &mut Names::default());
        assert_eq!(change_of_members(&record, uncut, &mut Names::default()), whole, "{text}");
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
    fn both_ways_of_looking_say_the_same() {
        let (mut seed, values) = (
            7_u64,
            ["1", "-2.50", "\"x\"", "true", "{}", "[]", "1e400", "12345678901234567890123", "null", "\"\\ud800\""],
        );
        let mut next = |limit: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % limit
        };
        for _ in 0..20_000 {
            let mut text = String::from("{");
            for place in 0..next(5) {
                let name = ["a", "b", "c", "d", "\\u0061"][next(5)];
                let value = match next(4) {
                    0 => format!(
                        "{{ \"{}\":{} ,\"{}\": {}}}",
                        ["p", "q"][next(2)],
                        values[next(10)],
                        ["p", "r"][next(2)],
                        values[next(10)]
                    ),
                    1 => format!("[{}, {} ]", values[next(10)], values[next(10)]),
                    _ => values[next(10)].to_owned(),
                };
                text.push_str(&format!("{}\"{name}\":{value}", if place > 0 { "," } else { "" }));
            }
            text.push('}');
            // Which of several changes is named first may differ, whether there is one may not.
            let mut scanner = Scanner::default();
            scanner.object(text.as_bytes()).expect("an object");
            let (origin, uncut) = (Origin::default(), [Span::default(); 2]);
            let record = Record::of(&text, &scanner, origin);
            let by_members = change_of_members(&record, uncut, &mut Names::default());
            assert_eq!(by_members.is_some(), change(&text, uncut, &mut Names::default()).is_some(), "{text}");
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
            assert_eq!(changed(twice), Some("keep only one of the members called \"a\"".to_owned()), "{twice}");
        }
    }
}
