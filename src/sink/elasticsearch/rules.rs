//! The rules of Elasticsearch and OpenSearch: the key is metadata, bulk lines pass through as they are, and an update must
//! not change numbers.

use crate::action::{Action, BulkLine, KeyRule, Op, Rules, by_path};
use crate::json::{JsonKind, Scanner, Span, first_changed_by_double};
use crate::notes::Notes;
use crate::record::{Reason, Record};
use crate::sink::bulk_api::write_line;

pub(super) struct ElasticsearchRules {
    /// `--routing-field`.
    pub(super) routing: Option<String>,
    /// `--server-keys`: a record without a key is sent without one.
    pub(super) server_keys: bool,
    /// `--lossy`: numbers that the server will round are allowed.
    pub(super) lossy: bool,
    /// Whether the server has types, of which `_doc` is that of all new indices.
    pub(super) has_types: bool,
    /// Notes of the preparation.
    pub(super) notes: Notes,
    /// Reused to look into records.
    pub(super) scanner: Scanner,
}

impl Rules for ElasticsearchRules {
    fn keys(&self) -> &'static KeyRule {
        KeyRule::IDS
    }

    fn generates_keys(&self) -> bool {
        self.server_keys
    }

    fn notes(&self) -> Notes {
        self.notes.clone()
    }

    fn check(&mut self, record: &Record<'_>, op: Op, _: [Span; 2], meta: &mut String) -> Result<(), Reason> {
        if let Some(field) = &self.routing {
            write_routing(record, field, meta, &mut self.scanner)?;
        }
        if op == Op::Upsert && !self.lossy {
            ensure_doubles_hold(record)?;
        }
        Ok(())
    }

    /// A server with types takes any other for one that the index lacks; without one it takes that of the index.
    fn drops_type(&self, name: &str) -> bool {
        !self.has_types || name != "\"_doc\""
    }

    /// Unknown metadata of a line is left to the server.
    fn line<'a>(&mut self, line: BulkLine<'a>, record: &Record<'a>, buf: &'a mut String) -> Result<Action<'a>, Reason> {
        let id = (!line.has_id && !self.server_keys).then_some(("_id", line.key));
        write_line(line.command, id.as_slice(), buf);
        Ok(line.verbatim(buf, record.text))
    }
}

/// Writes `"routing":"…"` with the field that `--routing-field` names.
fn write_routing(record: &Record<'_>, field: &str, out: &mut String, scanner: &mut Scanner) -> Result<(), Reason> {
    let missing = |_| Reason::new("no_routing", format!("missing routing field \"{field}\""));
    let whole = record.whole();
    let value = by_path(whole.text, whole.fields, field, scanner).map_err(missing)?.of(whole.text);
    out.clear();
    out.push_str("\"routing\":");
    match JsonKind::of(value) {
        JsonKind::String => out.push_str(value),
        JsonKind::Number | JsonKind::Boolean => out.extend(["\"", value, "\""]),
        other => {
            let text = format!("routing field \"{field}\" is {}, not a plain value", other.name());
            return Err(Reason::new("no_routing", text));
        }
    }
    Ok(())
}

/// Refuses a document in which an update would change a number: Elasticsearch merges numbers as Java doubles and stores
/// those (contract of the bulk API, 3).
fn ensure_doubles_hold(record: &Record<'_>) -> Result<(), Reason> {
    let text = record.text;
    let values = record.fields.iter().map(|field| field.value);
    // Most values are strings.
    let mut others = values.filter(|value| text.as_bytes()[value.start as usize] != b'"');
    let changed = others.find_map(|value| first_changed_by_double(text, value));
    changed.map_or(Ok(()), |number| {
        let advice = "--lossy allows it, --on-duplicate replace keeps it";
        Err(Reason::new("lossy", format!("the server would change the number {number} in an update ({advice})")))
    })
}
