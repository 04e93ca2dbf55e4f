//! With a journal, the progress of a run is committed with its data: a table has a row for each run, with the position in
//! the input and the outcomes of the last transaction. So a restart knows exactly what is stored, whatever the journal
//! itself did not get to know any more.

use crate::sink::restart::{Kept, Restart, Restored};
use crate::sink::{Bucket, Counts, Held, Ledger, Outcome, OutcomeWishes};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The progress of a run.
#[derive(Debug)]
pub(super) struct Progress {
    run: String,
    /// The number of the last commit.
    commit: u64,
    /// Collections that this run has used before it was interrupted.
    pub(super) used: Vec<String>,
    /// What the store has of earlier tries, until somebody takes it.
    pub(super) restored: Option<Restored>,
}

const COLUMNS: &str = "upto, digest, number, collections, held, outcomes";

impl Progress {
    /// Reads the progress of a run; none without a journal.
    pub(super) fn read(
        connection: Option<&Connection>,
        run: &str,
        restart: &Restart,
    ) -> rusqlite::Result<Option<Progress>> {
        if !restart.is_journaled {
            return Ok(None);
        }
        let found = match connection.filter(|connection| has_table(connection)) {
            Some(connection) => {
                let sql = format!("SELECT {COLUMNS} FROM bulkimport_journal WHERE run = ?1");
                connection.query_row(&sql, [run], |row| Ok((restored(row)?, from_json(row, 3)?))).optional()?
            }
            None => None,
        };
        let (restored, used) = found.unwrap_or_default();
        Ok(Some(Progress { run: run.to_owned(), commit: restored.commit, used, restored: Some(restored) }))
    }

    /// Writes it; before a commit. `is_durable`: whether everything that was applied is final with it.
    pub(super) fn save(
        &mut self,
        connection: &Connection,
        used: Vec<String>,
        out: &Ledger,
        is_durable: bool,
    ) -> rusqlite::Result<()> {
        let (outcomes, held) = out.preview(is_durable);
        for name in used {
            if !self.used.contains(&name) {
                self.used.push(name);
            }
        }
        let number = self.commit + 1;
        let (collections, held, outcomes) = (to_json(&self.used)?, to_json(&held)?, to_json(&[(number, outcomes)])?);
        let (upto, digest) = out.position;
        create(connection)?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO bulkimport_journal VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute(params![self.run, upto as i64, digest as i64, number as i64, collections, held, outcomes])?;
        Ok(())
    }

    /// Whether the run has rows in a load whose index is not built.
    pub(super) fn has_held(&self) -> bool {
        self.restored.as_ref().is_some_and(|restored| restored.held.total() > 0)
    }

    /// After a commit.
    pub(super) fn committed(&mut self) {
        self.commit += 1;
    }

    /// The last commit.
    pub(super) fn kept(&mut self) -> Kept {
        Kept { commit: self.commit, output: 0 }
    }
}

fn has_table(connection: &Connection) -> bool {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'bulkimport_journal')";
    super::value(connection, sql, []).unwrap_or(false)
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS bulkimport_journal (run TEXT NOT NULL PRIMARY KEY, upto INTEGER NOT NULL,
           digest INTEGER NOT NULL, number INTEGER NOT NULL, collections TEXT NOT NULL, held TEXT NOT NULL,
           outcomes TEXT NOT NULL) WITHOUT ROWID",
    )
}

fn restored(row: &Row<'_>) -> rusqlite::Result<Restored> {
    let number = |column| row.get::<_, i64>(column).map(|number| number as u64);
    let (held, outcomes) = (from_json(row, 4)?, from_json(row, 5)?);
    Ok(Restored { position: (number(0)?, number(1)?), commit: number(2)?, outcomes, held })
}

fn to_json(value: &(impl Serialize + ?Sized)) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// After another run has finished the load of an interrupted one with a journal: its records are final now, and rows that
/// were resolved count as what they are.
pub(super) fn load_finished(connection: &Connection, collection: &str, deleted: &Counts) -> rusqlite::Result<()> {
    if !has_table(connection) {
        return Ok(());
    }
    let mut select = connection.prepare(&format!("SELECT {COLUMNS}, run FROM bulkimport_journal"))?;
    let rows = select.query_map([], |row| Ok((restored(row)?, from_json::<Vec<String>>(row, 3)?, row.get(6)?)))?;
    let runs: Vec<(Restored, Vec<String>, String)> = rows.collect::<rusqlite::Result<_>>()?;
    for (Restored { held, mut outcomes, commit, .. }, used, run) in runs {
        if held.total() == 0 || used.iter().all(|name| name != collection) {
            continue;
        }
        // What is held of several collections is not told apart here: then the run cannot go on.
        if used.len() > 1 {
            connection.execute("DELETE FROM bulkimport_journal WHERE run = ?1", [run])?;
            continue;
        }
        outcomes.push((commit + 1, final_outcomes(connection, collection, held, deleted)?));
        let sql = "UPDATE bulkimport_journal SET held = ?2, outcomes = ?3, number = ?4 WHERE run = ?1";
        let (none, outcomes) = (to_json(&Held::default())?, to_json(&outcomes)?);
        connection.execute(sql, params![run, none, outcomes, commit as i64 + 1])?;
    }
    Ok(())
}

/// The outcomes of what was held, after the load was finished.
fn final_outcomes(
    connection: &Connection,
    collection: &str,
    held: Held,
    deleted: &Counts,
) -> rusqlite::Result<Vec<Outcome>> {
    let mut ledger = Ledger::new(0, OutcomeWishes::default(), Box::new(drop));
    ledger.keep(held);
    super::duplicates::report(connection, collection, &mut ledger)?;
    ledger.move_created(collection, Bucket::Updated, deleted[Bucket::Updated]);
    ledger.move_created(collection, Bucket::Ignored, deleted[Bucket::Ignored]);
    ledger.durable();
    Ok(ledger.take_kept())
}
