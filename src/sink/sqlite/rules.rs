//! What the store takes: documents as they are, and bulk lines as far as it can carry them out.

use crate::action::{Action, BulkLine, KeyRule, Op, Rules, Update, check_metadata};
use crate::record::{Reason, Record};

/// The rules of the store.
pub(crate) struct StoreRules;

impl Rules for StoreRules {
    fn keys(&self) -> &'static KeyRule {
        KeyRule::TEXTS
    }

    fn metadata(&self, _: Op, name: &str, value: &str) -> Result<(), Reason> {
        check_metadata("the store", name, value)
    }

    fn line<'a>(&mut self, line: BulkLine<'a>, record: &Record<'a>, _: &'a mut String) -> Result<Action<'a>, Reason> {
        match line.op {
            Op::Delete => Ok(line.action("")),
            Op::Update => {
                let Update { op, doc, upsert, detect_noop } = Update::read(record, "the store")?;
                Ok(Action { op, upsert, detect_noop, ..line.action(doc) })
            }
            _ => Ok(line.action(record.text)),
        }
    }
}
