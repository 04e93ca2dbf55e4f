//! Finds what Kuzzle would refuse, or change when it parses a document with JavaScript (contract of Kuzzle, 1.4 and 1.5).
//! This happens before a record gets into a batch, because one such record makes Kuzzle refuse the whole request.

use crate::action::{Action, BulkLine, KeyRule, Op, Rules, distinct, not_supported};
use crate::json::{
    Field, JsonKind, Scanner, Span, Token, Tokens, duplicate_name, holds_as_double, quote_into, same_name, unescape,
};
use crate::notes::Notes;
use crate::record::{Reason, Record};
use crate::sink::bulk_api::{field, verb};
use std::borrow::Cow;

/// Kuzzle takes an element for an action if its first field has one of these names.
const ACTIONS: [&str; 4] = ["index", "create", "update", "delete"];
/// Metadata that Kuzzle passes on to its storage.
const PASSED_ON: [&str; 8] = [
    "routing",
    "pipeline",
    "version",
    "version_type",
    "if_seq_no",
    "if_primary_term",
    "retry_on_conflict",
    "dynamic_templates",
];

/// Whether a field has one of these names.
fn is_one_of(names: &[&str], text: &str, field: &Field) -> bool {
    names.iter().any(|name| same_name(field.name.of(text), field.escaped, name))
}

/// Whether the first field may have the name of an action, by the first byte of its name.
fn may_be_action(document: &[u8]) -> bool {
    let mut rest = document.iter().skip(1).skip_while(|byte| matches!(**byte, b' ' | b'\t' | b'\r' | b'\n'));
    rest.next() == Some(&b'"') && matches!(rest.next(), Some(b'i' | b'c' | b'u' | b'd' | b'\\'))
}

/// The document with its leading fields moved to the end, if they have names of actions; `None` if it begins with another
/// field. Of duplicate fields Kuzzle keeps the last one, so a leading field with a duplicate is dropped.
pub(super) fn reorder_action_fields(document: &str) -> Option<String> {
    if !may_be_action(document.as_bytes()) {
        return None;
    }
    let mut scanner = Scanner::default();
    scanner.object(document.as_bytes()).ok()?;
    let fields = scanner.fields();
    let leading = fields.iter().take_while(|field| is_one_of(&ACTIONS, document, field)).count();
    if leading == 0 || leading == fields.len() {
        return None;
    }
    let text = |field: &Field| &document[field.name.start as usize - 1..field.value.end as usize];
    let name = |field: &Field| unescape(field.name.of(document)).map(Cow::into_owned);
    let (moved, others) = fields.split_at(leading);
    let has_duplicate = |field: &&Field| others.iter().any(|other| name(other) == name(field));
    let order = others.iter().chain(moved.iter().filter(|field| !has_duplicate(field)));
    let parts: Vec<&str> = order.map(text).collect();
    Some(format!("{{{}}}", parts.join(",")))
}

/// Refuses a document that Kuzzle would take for an action in any order of its fields.
fn ensure_no_action(text: &str, fields: &[Field], cut: [Span; 2]) -> Result<(), Reason> {
    let is_cut = |field: &&Field| cut.iter().any(|cut| cut.range().contains(&(field.name.start as usize)));
    let mut left = fields.iter().filter(|field| !is_cut(field)).peekable();
    let Some(first) = left.peek().map(|field| field.name.of(text)) else { return Ok(()) };
    if left.all(|field| is_one_of(&ACTIONS, text, field)) {
        let text = format!("Kuzzle takes a document that has only fields such as \"{first}\" for an action");
        return Err(Reason::new("reserved", text));
    }
    Ok(())
}

/// A check of all names and numbers in a document.
struct DocumentCheck<'a> {
    text: &'a str,
    lossy: bool,
    /// The depth at which `_kuzzle_info` is reserved.
    info_depth: usize,
    /// The offset up to which Kuzzle does not look for scripts.
    skipped_until: usize,
}

impl DocumentCheck<'_> {
    fn run(text: &str, cut: [Span; 2], lossy: bool, info_depth: usize) -> Result<(), Reason> {
        let mut check = DocumentCheck { text, lossy, info_depth, skipped_until: 0 };
        let mut tokens = Tokens::new(text, cut);
        let (mut names, mut levels): (Vec<(Span, bool)>, Vec<usize>) = (Vec::new(), Vec::new());
        while let Some(token) = tokens.next() {
            match token {
                Token::Open => levels.push(names.len()),
                Token::Close => {
                    let from = levels.pop().unwrap_or_default();
                    // JavaScript keeps the last one.
                    if !lossy && let Some(name) = duplicate_name(text, &names[from..]) {
                        return Err(lossy_reason(format!(
                            "Kuzzle would keep only the last of the duplicate fields {name:?} (--lossy allows it)"
                        )));
                    }
                    names.truncate(from);
                }
                Token::Name { inside, escaped } => {
                    check.check_name((inside, escaped), tokens.offset(), levels.len())?;
                    names.push((inside, escaped));
                }
                Token::Number(span) if !lossy && !holds_as_double(span.of(text)) => {
                    let number: String = span.of(text).chars().take(60).collect();
                    return Err(lossy_reason(format!("Kuzzle would change the number {number} (--lossy allows it)")));
                }
                Token::Number(_) | Token::Literal(_) => {}
            }
        }
        Ok(())
    }

    /// Refuses names that Kuzzle reserves.
    fn check_name(&mut self, (inside, escaped): (Span, bool), offset: usize, depth: usize) -> Result<(), Reason> {
        let name = inside.of(self.text);
        // The first byte rules out most names.
        if !escaped && !matches!(name.as_bytes().first(), Some(b'_' | b's' | b'c')) {
            return Ok(());
        }
        let is = |own: &str| same_name(name, escaped, own);
        if depth == self.info_depth && !self.lossy && is("_kuzzle_info") {
            let text = "Kuzzle would replace the field \"_kuzzle_info\" (--remove-attribute _kuzzle_info removes it, --lossy allows it)";
            return Err(lossy_reason(text.to_owned()));
        }
        let script = ["script", "_script"].iter().find(|own| is(own)).filter(|_| offset >= self.skipped_until);
        if let Some(own) = script {
            let value = value_after(self.text, offset);
            if !may_be_script(value) {
                let text = format!(
                    "Kuzzle refuses a field \"{own}\", at any depth, that holds more than \"id\" and \"params\""
                );
                return Err(Reason::new("reserved", text));
            }
            // Kuzzle does not look into an allowed value.
            let mut scanner = Scanner::default();
            self.skipped_until = self.text.len() - value.len() + scanner.value(value.as_bytes(), 0).unwrap_or_default();
        }
        // The client of the storage refuses to parse names that could change JavaScript's own objects (secure-json-parse).
        let is_refused = |own| own == "__proto__" || field(value_after(self.text, offset), "prototype").is_some();
        let Some(own) = ["__proto__", "constructor"].into_iter().find(|own| is(own) && is_refused(*own)) else {
            return Ok(());
        };
        let text = format!(
            "Kuzzle could not read a document with the field \"{own}\" again, and searches that find it would fail"
        );
        Err(Reason::new("reserved", text))
    }
}

fn lossy_reason(text: String) -> Reason {
    Reason::new("lossy", text)
}

/// The value of the field whose name ends before `offset`.
fn value_after(text: &str, offset: usize) -> &str {
    text[offset..].trim_start_matches([' ', '\t', '\r', '\n', ':'])
}

/// Whether Kuzzle allows this value in a field called `script`. It checks the names of an object; of any other value, what
/// are names in JavaScript.
fn may_be_script(value: &str) -> bool {
    match JsonKind::of(value) {
        JsonKind::Object => {
            let mut scanner = Scanner::default();
            let _ = scanner.object(value.as_bytes());
            scanner.fields().iter().all(|field| is_one_of(&["id", "params"], value, field))
        }
        JsonKind::Array => value[1..].trim_start_matches([' ', '\t', '\r', '\n']).starts_with(']'),
        JsonKind::String => value.starts_with("\"\""),
        JsonKind::Number | JsonKind::Boolean => true,
        JsonKind::Null => false,
    }
}

pub(super) struct KuzzleRules {
    /// `--lossy`: what Kuzzle will change is allowed.
    pub(super) lossy: bool,
    /// Notes of the preparation.
    pub(super) notes: Notes,
}

impl Rules for KuzzleRules {
    fn keys(&self) -> &'static KeyRule {
        KeyRule::IDS
    }

    fn notes(&self) -> Notes {
        self.notes.clone()
    }

    fn check(&mut self, record: &Record<'_>, op: Op, cut: [Span; 2], _: &mut String) -> Result<(), Reason> {
        match op {
            Op::Delete => return Ok(()),
            Op::Upsert => {}
            _ => ensure_no_action(record.text, record.fields, cut)?,
        }
        DocumentCheck::run(record.text, cut, self.lossy, 1)
    }

    fn metadata(&self, op: Op, name: &str, value: &str) -> Result<(), Reason> {
        let is_plain = !matches!(JsonKind::of(value), JsonKind::Object | JsonKind::Array);
        match name {
            "op_type" if op == Op::Index && matches!(value, "\"create\"" | "\"index\"") => Ok(()),
            // This makes the storage refuse the whole request.
            "routing" if !is_plain => Err(not_supported("\"routing\" in an action line must be a plain value")),
            "version" | "version_type" if op == Op::Update => {
                Err(not_supported(format!("an update cannot have \"{name}\"")))
            }
            // Kuzzle writes to an alias.
            "require_alias" if matches!(value, "true" | "false") => Ok(()),
            _ if PASSED_ON.contains(&name) => {
                DocumentCheck::run(value, [Span::default(); 2], false, 0).map_err(|reason| not_supported(reason.text))
            }
            _ => Err(not_supported(format!("\"{name}\" in an action line is not supported by Kuzzle"))),
        }
    }

    fn drops_type(&self, _: &str) -> bool {
        true
    }

    fn other_collection(&self) -> Result<(), Reason> {
        Err(not_supported("\"_index\" and --collection differ: Kuzzle takes one collection at a time")
            .with_hint(Some("`--retarget` sends all lines to --collection")))
    }

    /// The action line is written again with its id as a string, because Kuzzle would read a number as a double.
    fn line<'a>(&mut self, line: BulkLine<'a>, record: &Record<'a>, buf: &'a mut String) -> Result<Action<'a>, Reason> {
        match line.op {
            Op::Update => ensure_update(record, self.lossy)?,
            op => self.check(record, op, [Span::default(); 2], buf)?,
        }
        write_line(&line, buf);
        Ok(line.verbatim(buf, record.text))
    }
}

fn write_line(line: &BulkLine<'_>, out: &mut String) {
    let meta = &line.command.meta;
    out.clear();
    out.extend(["{\"", verb(line.op), "\":{\"_id\":"]);
    quote_into(out, line.key);
    let is_passed_on = |field: &&Field| field.value.of(meta) != "null" && is_one_of(&PASSED_ON, meta, field);
    for field in line.command.fields.iter().filter(is_passed_on) {
        out.extend([",", &meta[field.name.start as usize - 1..field.value.end as usize]]);
    }
    out.push_str("}}");
}

/// Checks the source line of an update: without a `doc` or a script the storage refuses the whole request.
fn ensure_update(record: &Record<'_>, lossy: bool) -> Result<(), Reason> {
    let mut has_change = false;
    for (index, field) in record.fields.iter().enumerate() {
        let name = &*distinct(record.text, &record.fields[..=index])?;
        let expected = match name {
            "doc" | "script" | "upsert" => JsonKind::Object,
            "doc_as_upsert" | "detect_noop" | "scripted_upsert" => JsonKind::Boolean,
            _ => return Err(not_supported(format!("\"{name}\" in an update is not supported by Kuzzle"))),
        };
        if JsonKind::of(field.value.of(record.text)) != expected {
            return Err(Reason::new("bad_action", format!("\"{name}\" in an update has the wrong type")));
        }
        has_change |= matches!(name, "doc" | "script");
    }
    if !has_change {
        return Err(Reason::new("bad_action", "missing field \"doc\" in an update"));
    }
    DocumentCheck::run(record.text, [Span::default(); 2], lossy, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Decider;
    use crate::record::Origin;

    fn error(op: Op, lossy: bool, text: &str) -> Option<String> {
        let mut scanner = Scanner::default();
        scanner.object(text.as_bytes()).expect("an object");
        let record = Record::of(text, &scanner, Origin::default());
        let mut decider =
            Decider::new(op, None, Box::new(KuzzleRules { lossy, notes: Notes::default() }), "run-".to_owned(), None);
        decider.decide(&record, 7).err().map(|reason| reason.text)
    }

    #[test]
    fn what_kuzzle_would_change_is_an_error_unless_lossy() {
        for (text, word) in [
            (r#"{"n":9007199254740993}"#, "9007199254740993"),
            (r#"{"a":[{"n":-1e400}]}"#, "-1e400"),
            (r#"{"n":0.12345678901234567890}"#, "0.12345678901234567890"),
            (r#"{"a":1,"b":2,"a":1}"#, "\"a\""),
            (r#"{"x":[{"a":1,"\u0061":1}]}"#, "\"a\""),
            (r#"{"_kuzzle_info":{}}"#, "_kuzzle_info"),
        ] {
            for op in [Op::Create, Op::CreateOrIgnore, Op::Index, Op::Upsert] {
                assert!(error(op, false, text).is_some_and(|error| error.contains(word)), "{op:?} {text}");
                assert_eq!(error(op, true, text), None, "{text}");
            }
            assert!(error(Op::Delete, false, r#"{"_key":"a","n":9007199254740993,"n":1}"#).is_none());
        }
        let wide: String = (0..40).map(|n| format!("\"m{n}\":{n},")).collect();
        assert_eq!(error(Op::Create, false, &format!("{{{wide}\"x\":1}}")), None);
        assert!(error(Op::Create, false, &format!("{{{wide}\"m7\":1}}")).is_some_and(|error| error.contains("\"m7\"")));
    }

    #[test]
    fn what_kuzzle_keeps_is_accepted() {
        for text in [
            r#"{"n":9007199254740992,"a":1.10,"b":-0,"c":1e21,"d":0.1}"#,
            r#"{"_key":12345678901234567890,"n":1}"#,
            r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}"#,
            r#"{"in":{"_kuzzle_info":1}}"#,
            r#"{"_key":"index","index":1,"a":1}"#,
            r#"{"script":5,"x":{"_script":{}},"y":[{"script":""}],"z":{"script":{"id":1,"params":{"script":"x"}}}}"#,
            r#"{"constructor":1,"x":{"constructor":{"name":1}},"prototype":2}"#,
            "{}",
        ] {
            assert_eq!(error(Op::Create, false, text), None, "{text}");
        }
    }

    #[test]
    fn what_kuzzle_would_refuse_or_could_not_read_is_always_an_error() {
        for (op, text, word) in [
            (Op::Create, r#"{"index":5}"#, "\"index\""),
            (Op::Index, r#"{"_key":"a","create":{},"delete":1,"_id":"a"}"#, "\"create\""),
            (Op::Upsert, r#"{"script":"x"}"#, "\"script\""),
            (Op::Create, r#"{"a":[{"script" : null}]}"#, "\"script\""),
            (Op::Create, r#"{"_script":[1]}"#, "\"_script\""),
            (Op::Create, r#"{"\u0073cript":{"source":1}}"#, "script"),
            (Op::Create, r#"{"a":{"__proto__":1}}"#, "\"__proto__\""),
            (Op::Create, r#"{"constructor":{"prototype":1}}"#, "\"constructor\""),
        ] {
            for lossy in [false, true] {
                assert!(error(op, lossy, text).is_some_and(|error| error.contains(word)), "{text}");
            }
        }
        assert_eq!(error(Op::Upsert, false, r#"{"index":5}"#), None, "a doc in an update is taken for nothing else");
    }

    #[test]
    fn leading_fields_with_names_of_actions_are_moved_to_the_end() {
        for (document, sent) in [
            (r#"{"index":5,"v":1}"#, Some(r#"{"v":1,"index":5}"#)),
            (
                r#"{ "create" : {"a": 1} , "delete":2, "v" : [1, 2] , "w":3 }"#,
                Some(r#"{"v" : [1, 2],"w":3,"create" : {"a": 1},"delete":2}"#),
            ),
            (r#"{"\u0069ndex":5,"v":1}"#, Some(r#"{"v":1,"\u0069ndex":5}"#)),
            (r#"{"index":1,"v":1,"index":2}"#, Some(r#"{"v":1,"index":2}"#)),
            (r#"{"index":1,"index":2,"v":1}"#, Some(r#"{"v":1,"index":1,"index":2}"#)),
            (r#"{"indices":5,"v":1}"#, None),
            (r#"{"v":1,"index":5}"#, None),
            ("{}", None),
        ] {
            assert_eq!(reorder_action_fields(document).as_deref(), sent, "{document}");
        }
    }
}
