//! Additional unique indexes on a collection (`--unique FIELD`). They work like ArangoDB's sparse persistent index: no two
//! documents have the same value, but any number may have null or no value.

use super::schema::{key_index, literal, quoted};
use crate::json::quote_into;
use rusqlite::Connection;

/// Creates the unique index on a field, a dotted path, unless it exists.
pub fn make(connection: &Connection, collection: &str, field: &str) -> rusqlite::Result<()> {
    let mut path = "$".to_owned();
    for name in field.split('.') {
        path.push('.');
        quote_into(&mut path, name);
    }
    let path = literal(&path);
    // Type and value, because SQL takes true for 1 and the text "null" for a null. An integer beyond 64 bits is compared by its
    // digits, because SQLite would round it. SQL NULLs never collide.
    connection.execute_batch(&format!(
        "CREATE UNIQUE INDEX IF NOT EXISTS {} ON {} (
           CASE json_type(doc, {path}) WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number'
             WHEN 'null' THEN NULL ELSE json_type(doc, {path}) END,
           CASE WHEN json_type(doc, {path}) = 'integer' AND typeof(json_extract(doc, {path})) = 'real'
             THEN doc -> {path} ELSE json_extract(doc, {path}) END)",
        quoted(&index(collection, field)),
        quoted(collection),
    ))
}

/// The text between the collection and the field in the name of an index.
const INFIX: &str = "_unique_";

/// The name of the index on a field. The field is in hexadecimal, so that each has a different name: SQLite ignores case in
/// names.
fn index(collection: &str, field: &str) -> String {
    let mut name = format!("bulkimport_{collection}{INFIX}");
    for byte in field.bytes() {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}

/// The field of the index that an error of SQLite names; `None` for other indexes.
pub fn field_of(error: &str) -> Option<String> {
    let (_, digits) = error.trim_end_matches('\'').rsplit_once(INFIX)?;
    let pairs = digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(pairs.collect::<Option<_>>()?).ok()
}

/// Whether a collection has unique indexes other than the one on its keys.
pub fn any(connection: &Connection, collection: &str) -> rusqlite::Result<bool> {
    // Not the pragma's table form: a collection may have that name.
    let mut list = connection.prepare(&format!("PRAGMA main.index_list({})", quoted(collection)))?;
    let mut indexes = list.query([])?;
    while let Some(index) = indexes.next()? {
        if index.get::<_, bool>("unique")? && index.get::<_, String>("name")? != key_index(collection) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a collection has no index but the one on its keys.
pub fn is_only(connection: &Connection, collection: &str) -> rusqlite::Result<bool> {
    let mut list = connection.prepare(&format!("PRAGMA main.index_list({})", quoted(collection)))?;
    let mut indexes = list.query([])?;
    while let Some(index) = indexes.next()? {
        if index.get::<_, String>("name")? != key_index(collection) {
            return Ok(false);
        }
    }
    Ok(true)
}
