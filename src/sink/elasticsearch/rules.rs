//! What Elasticsearch and OpenSearch take: the key is metadata, bulk lines pass through as they are, and an update must not
//! change a number.

use crate::action::{Action, KeyRule, Line, Op, Rules, by_path};
use crate::json::{Kind, Member, Scanner, Span, first_changed_by_double, quote_into, same_name};
use crate::record::{Command, Reason, Record, Verb};

/// The rules of Elasticsearch.
pub(super) struct ElasticsearchRules {
    /// `--routing-field`.
    pub(super) routing: Option<String>,
    /// `--lossy`: numbers that the server will round are let through.
    pub(super) lossy: bool,
    /// Memory for looking into a record.
    pub(super) scanner: Scanner,
}

impl Rules for ElasticsearchRules {
    fn keys(&self) -> KeyRule {
        KeyRule::Bulk
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

    /// What it does not know of a line is for the server to judge.
    fn line<'a>(&mut self, line: Line<'a>, record: &Record<'a>, meta: &'a mut String) -> Result<Action<'a>, Reason> {
        write_line(line.command, (!line.has_id).then_some(line.key), meta);
        Ok(line.as_it_is(meta, record.text))
    }
}

/// Writes `"routing":"…"` from the member that `--routing-field` names.
fn write_routing(record: &Record<'_>, field: &str, out: &mut String, scanner: &mut Scanner) -> Result<(), Reason> {
    let missing = |_| Reason::new("no_routing", format!("no `{field}`, which --routing-field names"));
    let value = by_path(record.text, record.members, field, scanner).map_err(missing)?.of(record.text);
    out.clear();
    out.push_str("\"routing\":");
    match Kind::of(value) {
        Kind::String => out.push_str(value),
        Kind::Number | Kind::Boolean => out.extend(["\"", value, "\""]),
        other => {
            let text = format!("`{field}`, which --routing-field names, is {}, not a plain value", other.name());
            return Err(Reason::new("no_routing", text));
        }
    }
    Ok(())
}

/// Writes an action line again, byte for byte but for the id that it did not have.
fn write_line(command: &Command, id: Option<&str>, out: &mut String) {
    let verb = match command.verb {
        Verb::Index => "{\"index\":",
        Verb::Create => "{\"create\":",
        Verb::Update => "{\"update\":",
        Verb::Delete => "{\"delete\":",
    };
    out.clear();
    out.push_str(verb);
    let meta = &command.meta;
    match id {
        None => out.push_str(meta),
        Some(id) => {
            out.push_str("{\"_id\":");
            quote_into(out, id);
            let is_id = |member: &&Member| same_name(member.name.of(meta), member.escaped, "_id");
            if !command.members.is_empty() && !command.members.iter().any(|member| is_id(&member)) {
                out.push(',');
                out.push_str(&meta[1..]);
                out.push('}');
                return;
            }
            // An `_id` that is there is null, and goes with the blanks between the others.
            for member in command.members.iter().filter(|m| !same_name(m.name.of(meta), m.escaped, "_id")) {
                out.push(',');
                out.push_str(&meta[member.name.start as usize - 1..member.value.end as usize]);
            }
            out.push('}');
        }
    }
    out.push('}');
}

/// Refuses a document of which an update would change a number: Elasticsearch merges it as Java's doubles and writes
/// those back (contract of the bulk API, 3).
fn ensure_doubles_hold(record: &Record<'_>) -> Result<(), Reason> {
    let text = record.text;
    let values = record.members.iter().map(|member| member.value);
    // Most of a document are strings.
    let mut others = values.filter(|value| text.as_bytes()[value.start as usize] != b'"');
    match others.find_map(|value| first_changed_by_double(text, value)) {
        None => Ok(()),
        Some(number) => Err(Reason::new(
            "lossy",
            format!(
                "the server would change the number {number} in an update (--lossy lets it, --on-duplicate replace keeps it)"
            ),
        )),
    }
}
