//! What ArangoDB would change of a document, and so is refused unless `--lossy` lets it.

use crate::json::{first_changed_by_double, same_name};
use crate::record::{Reason, Record};

/// Checks a document for a collection of documents, or of edges.
pub(super) fn ensure_kept(record: &Record<'_>, edge: bool) -> Result<(), Reason> {
    let is_end =
        |name: &str| record.members.iter().any(|member| same_name(member.name.of(record.text), member.escaped, name));
    if !edge && let Some(name) = ["_from", "_to"].into_iter().find(|name| is_end(name)) {
        let text = format!("a collection of documents drops `{name}` (--edge makes one of edges, --lossy lets it)");
        return Err(Reason::new("lossy", text));
    }
    match first_changed_by_double(record.text) {
        None => Ok(()),
        Some(number) => {
            Err(Reason::new("lossy", format!("the server would change the number {number} (--lossy lets it)")))
        }
    }
}
