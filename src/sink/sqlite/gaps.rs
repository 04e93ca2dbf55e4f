//! Makes the sequence numbers of a load those that its records would have had with the index in place.
//!
//! Only what changes a document has a number, and while rows are loaded that is a guess. A row that is a duplicate where its
//! key is not new is *held*: it gets no number, and a negative one says which it would have been. The others get one each.
//! Where a guess was wrong, held rows that are new get their number after all, those of rows that changed nothing are taken
//! back, and the numbers behind move. All of that is one more pass over the rows, so the guess is worth its trouble: of a
//! million documents with a thousand duplicates none moves (with a number for each row, 1.2 s of processor time more).

use super::schema::{Entry, quoted};
use rusqlite::Connection;

/// The number that stands for "held, and it would have been `next`"; the same again makes it `next`.
pub fn held(next: i64) -> i64 {
    -1 - next
}

/// Makes the tables in which rows and numbers are noted.
pub fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    // A temporary table hides one of the same name, so these have names that no collection has.
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS bulkimport_held (row INTEGER PRIMARY KEY, seq INTEGER);
         CREATE TEMP TABLE IF NOT EXISTS bulkimport_late (seq INTEGER PRIMARY KEY, so_far INTEGER);
         CREATE TEMP TABLE IF NOT EXISTS bulkimport_unused (seq INTEGER PRIMARY KEY);
         CREATE TEMP TABLE IF NOT EXISTS bulkimport_gaps (seq INTEGER PRIMARY KEY, so_far INTEGER);",
    )
}

/// Notes the rows that are held.
pub fn note_held(connection: &Connection, collection: &str) -> rusqlite::Result<()> {
    prepare(connection)?;
    let rows = format!("SELECT rowid, -1 - _seq_no FROM {} WHERE _seq_no < 0", quoted(collection));
    connection.execute(&format!("INSERT INTO temp.bulkimport_held {rows}"), [])?;
    Ok(())
}

/// The SQL for a row `?1` that changed nothing: it gives up its number, or that which it is held for.
pub fn give_up_sql(table: &str) -> [String; 2] {
    [
        format!(
            "INSERT OR IGNORE INTO temp.bulkimport_unused SELECT _seq_no FROM {table} WHERE rowid = ?1 AND _seq_no >= 0"
        ),
        "DELETE FROM temp.bulkimport_held WHERE row = ?1".to_owned(),
    ]
}

/// Sets the numbers right, once all duplicates are settled.
pub fn close(connection: &Connection, entry: &mut Entry) -> rusqlite::Result<()> {
    // With each number, how many were given up so far, and how many rows that were held have come so far.
    let gaps = connection.execute(
        "INSERT INTO temp.bulkimport_gaps SELECT seq, row_number() OVER (ORDER BY seq) FROM temp.bulkimport_unused",
        [],
    )?;
    let late = "SELECT seq, sum(count(*)) OVER (ORDER BY seq) FROM temp.bulkimport_held GROUP BY seq";
    connection.execute(&format!("INSERT INTO temp.bulkimport_late {late}"), [])?;
    let first: Option<i64> = connection.query_row(
        "SELECT min(seq) FROM (SELECT min(seq) AS seq FROM temp.bulkimport_gaps
                               UNION ALL SELECT min(seq) FROM temp.bulkimport_late)",
        [],
        |row| row.get(0),
    )?;
    if let Some(first) = first {
        move_numbers(connection, &quoted(&entry.name), first)?;
        let held: i64 = connection.query_row("SELECT count(*) FROM temp.bulkimport_held", [], |row| row.get(0))?;
        entry.next_seq += held - gaps as i64;
    }
    connection.execute_batch(
        "DELETE FROM temp.bulkimport_held; DELETE FROM temp.bulkimport_late;
         DELETE FROM temp.bulkimport_unused; DELETE FROM temp.bulkimport_gaps;",
    )
}

/// Moves all numbers from `first` on, then gives the rows that were held theirs.
fn move_numbers(connection: &Connection, table: &str, first: i64) -> rusqlite::Result<()> {
    const GAPS: &str = "ifnull((SELECT so_far FROM temp.bulkimport_gaps WHERE seq < {} ORDER BY seq DESC LIMIT 1), 0)";
    const LATE: &str = "ifnull((SELECT so_far FROM temp.bulkimport_late WHERE seq <= {} ORDER BY seq DESC LIMIT 1), 0)";
    let of = |sql: &str, number: &str| sql.replace("{}", number);
    // The first one is a parameter: with a subquery in its place SQLite would make two passes.
    connection.execute(
        &format!(
            "UPDATE {table} SET _seq_no = _seq_no - {} + {} WHERE _seq_no >= ?1",
            of(GAPS, "_seq_no"),
            of(LATE, "_seq_no")
        ),
        [first],
    )?;
    // One whose document was replaced meanwhile has another number, and its own is used up all the same.
    let number = format!("held.seq - {} + row_number() OVER (ORDER BY held.seq, held.row) - 1", of(GAPS, "held.seq"));
    connection.execute(
        &format!(
            "UPDATE {table} SET _seq_no = late.number
             FROM (SELECT row, {number} AS number FROM temp.bulkimport_held AS held) AS late
             WHERE {table}.rowid = late.row AND _seq_no < 0"
        ),
        [],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::load::{self, Load, NewRow, append_sql};
    use super::super::schema;
    use super::*;
    use crate::action::Op;
    use crate::record::Origin;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Key, operation, value, and whether a new key is taken for one that perhaps repeats.
    type Row = (u8, Op, u8, bool);

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let op = prop::sample::select(vec![Op::Create, Op::CreateOrIgnore, Op::Index, Op::Upsert]);
        prop::collection::vec((0..12_u8, op, 0..2_u8, prop::bool::weighted(0.4)), 0..40)
    }

    /// Version and number of each key, and the next number.
    type Numbers = (BTreeMap<String, (i64, i64)>, i64);

    fn expected(rows: &[Row]) -> Numbers {
        let (mut all, mut next) = (BTreeMap::<u8, (i64, i64, u8)>::new(), 0);
        for (key, op, value, _) in rows {
            let before = all.get(key).copied();
            let changes = match (before, op) {
                (None, _) | (_, Op::Index) => true,
                (Some((.., old)), Op::Upsert) => old != *value,
                _ => false,
            };
            if changes {
                all.insert(*key, (before.map_or(1, |(version, ..)| version + 1), next, *value));
                next += 1;
            }
        }
        (all.into_iter().map(|(key, (version, seq, _))| (key.to_string(), (version, seq))).collect(), next)
    }

    /// Loads the rows; an interrupted load is finished by somebody who knows only what the store says.
    fn loaded(rows: &[Row], interrupted: bool) -> rusqlite::Result<Numbers> {
        let connection = Connection::open_in_memory()?;
        schema::create(&connection)?;
        let mut entry = schema::make(&connection, "c", false)?;
        let mut load = Load::begin(&connection, &mut entry)?;
        let mut insert = connection.prepare(&append_sql("c"))?;
        let mut keys = std::collections::BTreeSet::new();
        for (place, (key, op, value, perhaps)) in rows.iter().enumerate() {
            let (key, doc) = (key.to_string(), format!("{{\"v\":{value}}}"));
            let repeats = !keys.insert(key.clone()) || *perhaps;
            let origin = Origin { line: place as u64, record: place as u64, ..Origin::default() };
            let new = NewRow { op: *op, origin, key: &key, doc: &doc, repeats };
            assert!(load.append(&connection, &mut entry, &mut insert, new, &[])?.is_ok());
        }
        load.save(&connection, &entry, &[])?;
        load::finish(&connection, &mut entry, (!interrupted).then_some(&load))?;
        let mut select = connection.prepare("SELECT _key, _version, _seq_no FROM c")?;
        let all = select.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
        Ok((all.collect::<rusqlite::Result<_>>()?, entry.next_seq))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn numbers_are_those_of_what_changed_a_document(rows in rows()) {
            for interrupted in [false, true] {
                let numbers = loaded(&rows, interrupted).expect("the store works");
                prop_assert_eq!(&numbers, &expected(&rows), "interrupted: {}", interrupted);
            }
        }
    }
}
