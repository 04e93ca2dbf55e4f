//! ArangoDB's error numbers, for a document and for a whole request (contract of the import API, 1.12).

use crate::action::Op;
use crate::record::Reason;
use crate::sink::remote::{ItemOutcome, Unwritable};

/// Error texts of the import API, and the numbers that the document API has for them.
const TEXTS: [(&str, u32); 17] = [
    ("unique constraint violated", 1210),
    ("conflict", 1200),
    ("illegal document key", 1221),
    ("unexpected document key", 1222),
    ("out of keys", 1225),
    ("invalid document type", 1227),
    ("edge attribute missing or invalid", 1233),
    ("schema validation failed", 1620),
    ("document too large", 1216),
    ("resource limit exceeded", 32),
    ("lock timeout", 18),
    ("write-throttling timeout", 1236),
    ("read only", 1004),
    ("collection is read-only", 1004),
    ("forbidden", 11),
    ("invalid JSON object", 600),
    ("internal error", 4),
];

/// The number of an error by its text; 0 if it is not known.
pub(super) fn number_of(text: &str) -> u32 {
    TEXTS.iter().find(|(known, _)| text == *known).map_or(0, |(_, number)| *number)
}

/// The kind of an error in reports.
pub(super) fn kind(number: u32) -> String {
    match number {
        1210 => "unique_constraint".to_owned(),
        1221 | 1222 => "illegal_key".to_owned(),
        1227 => "not_an_object".to_owned(),
        1233 => "bad_edge".to_owned(),
        1620 => "schema_validation".to_owned(),
        1216 => "too_large".to_owned(),
        600 => "invalid_json".to_owned(),
        0 => "refused".to_owned(),
        number => format!("error_{number}"),
    }
}

/// Whether an error text of the document API names the index on the keys.
pub(super) fn names_primary(text: &str) -> bool {
    text.contains("of type primary")
}

/// The reason why a document was rejected.
pub(super) fn reason(number: u32, text: &str) -> Reason {
    let number_text = if number == 0 { String::new() } else { format!(" ({number})") };
    Reason::new(kind(number), format!("{text}{number_text}"))
}

/// The outcome of an action with an error. `unique` are the fields of further unique indexes; the document API names the
/// index.
pub(super) fn outcome(number: u32, text: &str, op: Op, unique: &[String]) -> ItemOutcome {
    let creates = matches!(op, Op::Create | Op::CreateOrIgnore);
    match number {
        1210 if creates && (unique.is_empty() || names_primary(text)) => ItemOutcome::Exists,
        1210 => {
            let fields = unique.iter().map(|field| format!("\"{field}\"")).collect::<Vec<_>>().join(" or ");
            let text = match text.split_once("; conflicting key: ") {
                Some((_, key)) => format!("the document {key:?} has the same {fields}"),
                None if fields.is_empty() => text.to_owned(),
                None => format!("another document has the same {fields}"),
            };
            // If a lost request of ours stored it, its key conflicts, and that is checked first.
            if creates {
                ItemOutcome::Conflict(reason(1210, &text))
            } else {
                ItemOutcome::Rejected(reason(1210, &text))
            }
        }
        1202 if op == Op::Delete => ItemOutcome::NotFound,
        1200 | 18 | 32 | 1236 | 21003 | 21004 => ItemOutcome::Busy(format!("{text} ({number})")),
        11 => ItemOutcome::Unwritable(Unwritable::new(Reason::new("forbidden", forbidden(text)))),
        READ_ONLY => ItemOutcome::Unwritable(read_only(text)),
        _ => ItemOutcome::Rejected(reason(number, text)),
    }
}

/// The number of the error of a server that takes no writes, or none from this user.
pub(super) const READ_ONLY: u32 = 1004;

/// The error with that number, with what to do.
pub(super) fn read_only(text: &str) -> Unwritable {
    Unwritable {
        reason: Reason::new("read_only", forbidden(text)),
        hint: "if the server is read-only, `PUT /_admin/server/mode {\"mode\":\"default\"}` ends that".to_owned(),
    }
}

/// The error of missing rights, with what to do.
pub(super) fn forbidden(text: &str) -> String {
    format!("{text}; the user needs the right to write (rw) to this database and collection")
}
