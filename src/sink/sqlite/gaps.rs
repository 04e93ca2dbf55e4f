//! Closes the gaps that a load leaves between sequence numbers.
//!
//! A load gives every row a number as it comes. Of rows whose key repeats some turn out to have changed nothing (a duplicate,
//! an update without effect), and with the index in place they would have had none. Those numbers are taken back, so that it
//! makes no difference which way a record went.

use super::schema::{Entry, quoted};
use rusqlite::Connection;

/// Makes the tables in which the numbers are noted.
pub fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    // A temporary table hides one of the same name, so these have names that no collection has.
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS bulkimport_unused (seq INTEGER PRIMARY KEY);
         CREATE TEMP TABLE IF NOT EXISTS bulkimport_gaps (seq INTEGER PRIMARY KEY, below INTEGER);",
    )
}

/// The SQL that notes the number of the row `?1` as unused.
pub fn note_sql(table: &str) -> String {
    format!("INSERT OR IGNORE INTO temp.bulkimport_unused SELECT _seq_no FROM {table} WHERE rowid = ?1")
}

/// Takes the noted numbers back, once all duplicates are settled.
pub fn close(connection: &Connection, entry: &mut Entry) -> rusqlite::Result<()> {
    // `below` counts the unused numbers up to each of them.
    let many = connection.execute(
        "INSERT INTO temp.bulkimport_gaps SELECT seq, row_number() OVER (ORDER BY seq) FROM temp.bulkimport_unused",
        [],
    )?;
    if many > 0 {
        connection.execute(
            &format!(
                "UPDATE {} SET _seq_no = _seq_no -
                   (SELECT below FROM temp.bulkimport_gaps WHERE seq < _seq_no ORDER BY seq DESC LIMIT 1)
                 WHERE _seq_no > (SELECT min(seq) FROM temp.bulkimport_gaps)",
                quoted(&entry.name)
            ),
            [],
        )?;
        entry.next_seq -= many as i64;
    }
    connection.execute_batch("DELETE FROM temp.bulkimport_unused; DELETE FROM temp.bulkimport_gaps;")
}
