//! Which records can be written as documents, and which as bulk lines.

use crate::action::{Action, BulkLine, KeyRule, Op, Rules, by_path, check_metadata, has_key_field, not_supported};
use crate::json::{Field, Scanner, Span, quote_into, same_name};
use crate::record::{Reason, Record};
use crate::sink::bulk_api::{plain_text, write_line};

/// The rules of documents, the same as in a store.
pub(super) struct DocumentRules {
    /// Buffers for scanning a record.
    pub(super) scanner: Scanner,
}

impl Rules for DocumentRules {
    fn keys(&self) -> &'static KeyRule {
        KeyRule::TEXTS
    }

    /// They are not written.
    fn keeps_generated_keys(&self) -> bool {
        false
    }

    fn check(&mut self, _: &Record<'_>, op: Op, _: [Span; 2], _: &mut String) -> Result<(), Reason> {
        if op == Op::Delete { Err(no_document("delete")) } else { Ok(()) }
    }

    fn outer_key(&mut self, key: &str, record: &Record<'_>, meta: &mut String) -> Result<(), Reason> {
        self.write_key(key, record, meta, "the record around it")
    }

    fn drops_type(&self, _: &str) -> bool {
        true
    }

    fn metadata(&self, _: Op, name: &str, value: &str) -> Result<(), Reason> {
        check_metadata("a file of documents", name, value)
    }

    fn line<'a>(&mut self, line: BulkLine<'a>, record: &Record<'a>, buf: &'a mut String) -> Result<Action<'a>, Reason> {
        buf.clear();
        match line.op {
            Op::Update | Op::Upsert => return Err(no_document("update")),
            Op::Delete => return Err(no_document("delete")),
            _ => {}
        }
        if line.has_id {
            self.write_key(line.key, record, buf, "its action line")?;
        }
        Ok(Action { meta: buf, ..line.action(record.text) })
    }
}

impl DocumentRules {
    /// Adds the key from outside the document as a field, if the document lacks it.
    fn write_key(&mut self, key: &str, record: &Record<'_>, meta: &mut String, outside: &str) -> Result<(), Reason> {
        if !has_key_field(record.text, record.fields)? {
            meta.push_str("\"_key\":");
            quote_into(meta, key);
            return Ok(());
        }
        for name in ["_key", "_id"] {
            let found = by_path(record.text, record.fields, name, &mut self.scanner);
            if found.is_ok_and(|value| plain_text(value.of(record.text)).as_deref() != Some(key)) {
                let text = format!("\"{name}\" differs between the document and {outside}");
                return Err(Reason::new("ambiguous_key", text));
            }
        }
        Ok(())
    }
}

fn no_document(what: &str) -> Reason {
    not_supported(format!("a file of documents cannot hold {what}s; --to bulk:PATH can"))
}

/// The rules of bulk lines: they pass through, and get the index and the id that they lack.
pub(super) struct BulkRules {
    /// `--collection`.
    pub(super) index: Option<String>,
}

impl Rules for BulkRules {
    fn keys(&self) -> &'static KeyRule {
        KeyRule::IDS
    }

    fn line<'a>(&mut self, line: BulkLine<'a>, record: &Record<'a>, buf: &'a mut String) -> Result<Action<'a>, Reason> {
        let text = &line.command.meta;
        let is_index = |field: &Field| same_name(field.name.of(text), field.escaped, "_index");
        let names = |field: &Field| is_index(field) && !matches!(field.value.of(text), "null" | "\"\"");
        let named = line.command.fields.iter().any(names);
        let index = self.index.as_deref().filter(|_| !named).map(|index| ("_index", index));
        let id = (!line.has_id).then_some(("_id", line.key));
        let added: Vec<(&str, &str)> = index.into_iter().chain(id).collect();
        write_line(line.command, &added, buf);
        Ok(line.verbatim(buf, record.text))
    }
}
