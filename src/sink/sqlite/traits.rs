//! What is true of a collection beside its rows, and so decides how actions are applied to it.

use super::{unique, value};
use rusqlite::Connection;

/// What is true of a collection beside its rows.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// Whether another unique index than that on the key may refuse a document.
    pub secondary: bool,
    /// Whether there is no index but that on the key, so that nothing else can be in the way of a document.
    pub plain: bool,
    /// Whether deleted keys are remembered, with their versions.
    pub tombstones: bool,
    /// Whether there is a column `_routing`: it is added with the first routing.
    pub routed: bool,
    /// Whether the table has triggers, which may undo what is written.
    pub triggers: bool,
    /// Whether items are shown, so that errors need the server's words too.
    pub shows: bool,
}

impl Traits {
    /// Reads them from the store.
    pub fn of(connection: &Connection, collection: &str, shows: bool) -> rusqlite::Result<Traits> {
        let exists = |sql: &str| value::<bool>(connection, &format!("SELECT EXISTS ({sql})"), [collection]);
        Ok(Traits {
            secondary: unique::any(connection, collection)?,
            plain: unique::is_only(connection, collection)?,
            tombstones: exists("SELECT 1 FROM bulkimport_tombstones WHERE collection = ?1")?,
            routed: exists("SELECT 1 FROM pragma_table_info(?1) WHERE name = '_routing'")?,
            triggers: exists("SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE")?,
            shows,
        })
    }

    /// Whether rows may be loaded: a load tells no versions, and knows nothing of those that deleted keys go on with, or of
    /// what triggers do.
    pub fn can_load(&self) -> bool {
        !(self.secondary || self.tombstones || self.routed || self.triggers || self.shows)
    }

    /// Whether actions may be applied in another order, as long as those on one key stay in theirs.
    pub fn can_sort(&self) -> bool {
        self.plain && !(self.routed || self.triggers || self.shows)
    }
}
