//! What the store takes: documents as they are, and bulk lines. Plain ones become actions here, which is the fast way; all
//! others go on as lines.

use super::bulk;
use crate::action::{Action, BulkLine, KeyRule, Op, Rules, Update};
use crate::json::{self, Field, Span, repeated_name};
use crate::notes::Notes;
use crate::record::{Reason, Record};

/// The rules of the store.
pub(crate) struct StoreRules {
    /// Whether lines are checked here, because a dry run hands them to nobody.
    pub(super) checks_lines: bool,
    /// Documents that are nested too deep for SQLite's functions.
    pub(super) deep: u64,
}

/// Maximum levels of nesting that SQLite's JSON functions read.
const MAX_LEVELS: usize = 1000;

impl Rules for StoreRules {
    fn keys(&self) -> &'static KeyRule {
        KeyRule::TEXTS
    }

    fn notes(&self) -> Notes {
        let mut notes = Notes::default();
        let text = "{count} document{s} nested deeper than 1,000 levels, which SQLite's JSON functions do not read";
        notes.add("deep_documents", self.deep, text);
        notes
    }

    fn check(&mut self, record: &Record<'_>, _: Op, _: [Span; 2], _: &mut String) -> Result<(), Reason> {
        self.see(record);
        Ok(())
    }

    /// The room `bulk` judges it.
    fn metadata(&self, _: Op, _: &str, _: &str) -> Result<(), Reason> {
        Ok(())
    }

    /// What is more than a key and a document goes to the room `bulk` as it is written.
    fn line<'a>(&mut self, line: BulkLine<'a>, record: &Record<'a>, _: &'a mut String) -> Result<Action<'a>, Reason> {
        self.see(record);
        let command = line.command;
        let is_plain = |field: &Field| match (field.name.of(&command.meta), field.value.of(&command.meta)) {
            (_, "null") => true,
            ("_index", "\"\"") => false,
            (name, _) => PLAIN.contains(&name),
        };
        if !command.fields.iter().all(is_plain) {
            return self.whole(line, record);
        }
        Ok(match line.op {
            Op::Delete => line.action(""),
            Op::Update => match Update::read(record, "the store") {
                Ok(_) if record.fields.iter().any(|field| repeats_names(field, record.text)) => {
                    return self.whole(line, record);
                }
                Ok(Update { op, doc, upsert, detect_noop }) => Action { op, upsert, detect_noop, ..line.action(doc) },
                Err(_) => return self.whole(line, record),
            },
            _ => line.action(record.text),
        })
    }
}

impl StoreRules {
    /// Counts a document that is nested too deep. Only a long value can be.
    fn see(&mut self, record: &Record<'_>) {
        let may_be_deep = |field: &Field| !field.is_simple && field.value.range().len() >= 2 * MAX_LEVELS;
        if record.text.len() > 2 * MAX_LEVELS && record.fields.iter().any(may_be_deep) {
            self.deep += u64::from(json::levels(record.text) > MAX_LEVELS);
        }
    }

    /// The line as it is written.
    fn whole<'a>(&self, line: BulkLine<'a>, record: &Record<'a>) -> Result<Action<'a>, Reason> {
        let head = &line.command.meta;
        let fault = self.checks_lines.then(|| bulk::fault(line.op, head, record.text, record.origin.line)).flatten();
        fault.map_or(Ok(line.verbatim(head, record.text)), Err)
    }
}

/// Whether a value has an object with fields of the same name, which in an update is an error.
fn repeats_names(field: &Field, text: &str) -> bool {
    !field.is_simple && repeated_name(field.value.of(text)).is_some()
}

/// Metadata that `action` has read.
const PLAIN: [&str; 3] = ["_index", "_id", "op_type"];
