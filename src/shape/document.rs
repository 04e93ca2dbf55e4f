//! Takes the document out of a record (`--doc`). The record stays around it, for the key and the routing.

use crate::action::by_path;
use crate::json::{JsonKind, Scanner};
use crate::record::{Reason, Record};

#[derive(Debug)]
pub(super) struct Document {
    /// The name of the field, or a dotted path.
    field: String,
    /// The fields of the document.
    scanner: Scanner,
    /// For looking into the record.
    path_scanner: Scanner,
}

impl Document {
    pub(super) fn new(field: String) -> Document {
        Document { field, scanner: Scanner::default(), path_scanner: Scanner::default() }
    }

    /// The document of a record.
    ///
    /// # Errors
    /// If the record lacks the field, or it is not an object.
    pub(super) fn of<'a>(&'a mut self, record: &Record<'a>) -> Result<Record<'a>, Reason> {
        let field = &self.field;
        let bad = |text: String| Reason::new("no_document", text);
        let found = by_path(record.text, record.fields, field, &mut self.path_scanner);
        let value = found.map_err(|reason| match &*reason.kind {
            "no_key" => bad(format!("missing field \"{field}\" (--doc)")),
            _ => bad(reason.text),
        })?;
        let text = value.of(record.text);
        if JsonKind::of(text) != JsonKind::Object {
            return Err(bad(format!("\"{field}\" (--doc) is {}, not an object", JsonKind::of(text).name())));
        }
        let _ = self.scanner.object(text.as_bytes());
        Ok(Record { text, fields: self.scanner.fields(), outer: Some(record.whole()), ..*record })
    }
}
