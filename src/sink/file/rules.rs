//! What can be written as a document, and what as a bulk line.

use crate::action::{Action, KeyRule, Line, Op, Rules, by_path, names_key, not_supported, own_metadata};
use crate::json::{Field, Scanner, Span, quote_into, same_name};
use crate::record::{Reason, Record};
use crate::sink::bulk_api::{plain, write_line};

/// The rules of documents: they stay as a store would keep them.
pub(super) struct DocumentRules {
    /// Memory for looking into a record.
    pub(super) scanner: Scanner,
}

impl Rules for DocumentRules {
    fn keys(&self) -> &'static KeyRule {
        KeyRule::TEXTS
    }

    fn check(&mut self, _: &Record<'_>, op: Op, _: [Span; 2], _: &mut String) -> Result<(), Reason> {
        if op == Op::Delete { Err(no_document("delete")) } else { Ok(()) }
    }

    fn metadata(&self, _: Op, name: &str, value: &str) -> Result<(), Reason> {
        own_metadata("a file of documents", name, value)
    }

    fn line<'a>(&mut self, line: Line<'a>, record: &Record<'a>, meta: &'a mut String) -> Result<Action<'a>, Reason> {
        meta.clear();
        match line.op {
            Op::Update | Op::Upsert => return Err(no_document("update")),
            Op::Delete => return Err(no_document("delete")),
            _ => {}
        }
        if line.has_id {
            self.write_key(line.key, record, meta)?;
        }
        Ok(Action { meta, ..line.action(record.text) })
    }
}

impl DocumentRules {
    /// Writes the key of an action line as a field, if the document does not have it.
    fn write_key(&mut self, key: &str, record: &Record<'_>, meta: &mut String) -> Result<(), Reason> {
        if !names_key(record.text, record.fields)? {
            meta.push_str("\"_key\":");
            quote_into(meta, key);
            return Ok(());
        }
        for name in ["_key", "_id"] {
            let found = by_path(record.text, record.fields, name, &mut self.scanner);
            if found.is_ok_and(|value| plain(value.of(record.text)).as_deref() != Some(key)) {
                let text = format!("\"{name}\" differs between the document and its action line");
                return Err(Reason::new("ambiguous_key", text));
            }
        }
        Ok(())
    }
}

fn no_document(what: &str) -> Reason {
    not_supported(format!("a file of documents cannot hold {what}s; --to bulk:PATH can"))
}

/// The rules of bulk lines: those that are read pass through, with the index and the id that they do not name.
pub(super) struct BulkRules {
    /// `--collection`.
    pub(super) index: Option<String>,
}

impl Rules for BulkRules {
    fn keys(&self) -> &'static KeyRule {
        KeyRule::IDS
    }

    fn line<'a>(&mut self, line: Line<'a>, record: &Record<'a>, meta: &'a mut String) -> Result<Action<'a>, Reason> {
        let text = &line.command.meta;
        let is_index = |field: &Field| same_name(field.name.of(text), field.escaped, "_index");
        let names = |field: &Field| is_index(field) && !matches!(field.value.of(text), "null" | "\"\"");
        let named = line.command.fields.iter().any(names);
        let index = self.index.as_deref().filter(|_| !named).map(|index| ("_index", index));
        let id = (!line.has_id).then_some(("_id", line.key));
        let added: Vec<(&str, &str)> = index.into_iter().chain(id).collect();
        write_line(line.command, &added, meta);
        Ok(line.as_it_is(meta, record.text))
    }
}
