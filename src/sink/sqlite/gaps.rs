//! Corrects the sequence numbers of a load to those that its records would have had with the index in place.
//!
//! Only a change of a document has a sequence number. While rows are loaded, whether a row is a change is a guess. A row that
//! changes nothing if its key exists, and whose key may exist, is *held*: instead of a number it gets a negative placeholder
//! for the next one. All other rows get a number. Where a guess was wrong, a *correction* is recorded: 1 for a held row that
//! is new and needs a number, -1 for the number of a row that changed nothing; the numbers after it move. Corrections cost
//! one more pass over the rows, so guessing pays off: of a million documents with a thousand duplicates none moves (a number
//! for each row takes 1.2 s more of processor time).

use super::schema::{Entry, quoted};
use super::value;
use rusqlite::Connection;

/// The placeholder of a held row that would have got `next`; applied to a placeholder, returns `next`.
pub fn held(next: i64) -> i64 {
    -1 - next
}

/// Corrects the numbers, once all duplicates are resolved. `has_held`: whether rows may still be held.
pub fn close(connection: &Connection, entry: &mut Entry, has_held: bool) -> rusqlite::Result<()> {
    let table = quoted(&entry.name);
    if has_held {
        let rows = format!("SELECT -1 - _seq_no, rowid, 1 FROM {table} WHERE _seq_no < 0");
        connection.execute(&format!("INSERT INTO temp.bulkimport_corrections {rows}"), [])?;
    }
    let sums = "SELECT seq, row, sum(change) OVER (ORDER BY seq, row) FROM temp.bulkimport_corrections";
    connection.execute(&format!("INSERT INTO temp.bulkimport_moves {sums}"), [])?;
    let first: Option<i64> = value(connection, "SELECT min(seq) FROM temp.bulkimport_moves", [])?;
    let Some(first) = first else { return Ok(()) };
    // The first number is a parameter: with a subquery SQLite would make two passes.
    connection.execute(
        &format!(
            "UPDATE {table} SET _seq_no = _seq_no +
               (SELECT so_far FROM temp.bulkimport_moves WHERE seq <= _seq_no ORDER BY seq DESC, row DESC LIMIT 1)
             WHERE _seq_no >= ?1"
        ),
        [first],
    )?;
    // A row whose document was replaced has the number of the later row; its own number stays used.
    connection.execute(
        &format!(
            "UPDATE {table} SET _seq_no = seq + so_far - 1 FROM temp.bulkimport_moves
             WHERE {table}.rowid = row AND _seq_no < 0"
        ),
        [],
    )?;
    entry.next_seq += value::<i64>(connection, "SELECT sum(change) FROM temp.bulkimport_corrections", [])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::load::{self, Load, Loader};
    use super::super::schema;
    use super::*;
    use crate::action::Op;
    use crate::batch::BatchAction;
    use crate::record::Origin;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Key, operation, value, and whether a new key is taken for a possible duplicate.
    type Row = (u8, Op, u8, bool);

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let op = prop::sample::select(vec![Op::Create, Op::CreateOrIgnore, Op::Index, Op::Upsert]);
        prop::collection::vec((0..12_u8, op, 0..2_u8, prop::bool::weighted(0.4)), 0..40)
    }

    /// Version and sequence number of each key, and the next number.
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

    /// Loads the rows; an interrupted load is finished with only what is in the store.
    fn loaded(rows: &[Row], interrupted: bool) -> rusqlite::Result<Numbers> {
        let connection = Connection::open_in_memory()?;
        schema::create(&connection)?;
        let mut entry = schema::make(&connection, "c", false)?;
        let mut load = Load::begin(&connection, &mut entry, true, false)?;
        let mut loader = Loader::new(&connection, &mut entry, &mut load)?;
        let mut keys = std::collections::BTreeSet::new();
        for (index, (key, op, value, perhaps)) in rows.iter().enumerate() {
            let (key, doc) = (key.to_string(), format!("{{\"v\":{value}}}"));
            let repeats = !keys.insert(key.clone()) || *perhaps;
            let origin = Origin { line: index as u64, record: index as u64, ..Origin::default() };
            let (op, key, doc) = (*op, &*key, &*doc);
            let (collection, head, upsert, detect_noop, is_line) = ("", "", None, true, false);
            let action = BatchAction { op, collection, key, head, doc, upsert, detect_noop, is_line };
            assert!(loader.append(&action, 1, origin, repeats)?.is_ok());
        }
        drop(loader);
        load.save(&connection, &entry)?;
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
