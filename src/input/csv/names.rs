//! Names for columns: those that have none in the header, or the name of an earlier column, get another one, with a note.

use super::{CsvOptions, Datatype};
use crate::notes::{Notes, listed, shortened};
use crate::record::Origin;
use std::collections::HashSet;

/// Gives each column a name of its own.
///
/// # Errors
/// If no column has a name, or the key would be ambiguous.
pub(super) fn unique(
    written: &[String],
    options: &CsvOptions,
    origin: Origin,
    notes: &mut Notes,
) -> Result<Vec<String>, String> {
    if written.iter().all(String::is_empty) {
        return Err("the header line is empty".to_owned());
    }
    let mut taken: HashSet<String> = written.iter().filter(|name| !name.is_empty()).cloned().collect();
    if taken.len() == written.len() {
        return Ok(written.to_vec());
    }
    let (mut seen, mut unnamed, mut repeated) = (HashSet::new(), Vec::new(), Vec::new());
    let mut names = Vec::with_capacity(written.len());
    for (index, name) in written.iter().enumerate() {
        let is_new = !name.is_empty() && seen.insert(name.as_str());
        if is_new {
            names.push(name.clone());
            continue;
        }
        if is_key(name, options) {
            return Err(format!("duplicate column {:?} in the header, which is a key", shortened(name)));
        }
        let generated = match name.as_str() {
            "" => free("column", index + 1, &mut taken),
            name => free(name, 2, &mut taken),
        };
        if name.is_empty() { &mut unnamed } else { &mut repeated }.push(generated.clone());
        names.push(generated);
    }
    note(notes, origin, "unnamed_column", "without a name", &unnamed);
    note(notes, origin, "duplicate_column", "with the name of an earlier column", &repeated);
    Ok(names)
}

/// Whether the cells of this column are keys or ends of edges, which are always strings.
pub(super) fn is_string_column(name: &str, options: &CsvOptions) -> bool {
    matches!(name, "_key" | "_id" | "_from" | "_to") || options.string_columns.iter().any(|column| column == name)
}

fn is_key(name: &str, options: &CsvOptions) -> bool {
    is_string_column(name, options) || options.key_column.as_deref() == Some(name)
}

/// The name with the next number that is free.
fn free(name: &str, first: usize, taken: &mut HashSet<String>) -> String {
    let mut number = first;
    loop {
        let candidate = format!("{name}_{number}");
        if taken.insert(candidate.clone()) {
            return candidate;
        }
        number += 1;
    }
}

fn note(notes: &mut Notes, origin: Origin, kind: &'static str, what: &str, names: &[String]) {
    let text = format!("{{count}} column{{s}} {what}: named {}", listed(names));
    notes.add_at(origin, kind, names.len() as u64, text);
}

/// Checks `--datatype`. `is_first`: whether this is the first input. A column that only a later one lacks is no error.
pub(super) fn check_datatypes(names: &[String], options: &CsvOptions, is_first: bool) -> Result<(), String> {
    for (column, datatype) in &options.datatypes {
        let type_name = datatype.name();
        if !names.contains(column) && is_first {
            let listed = listed(names);
            return Err(format!("--datatype {column}={type_name}: no such column (the header has: {listed})"));
        }
        if *datatype != Datatype::String && is_string_column(column, options) {
            return Err(format!("--datatype {column}={type_name}: keys and ends of edges are always strings"));
        }
    }
    Ok(())
}
