//! Whether each flag that names a field has found one in the run. A flag that matches nothing is probably misspelt.

use super::{MergePart, ShapeOptions};
use crate::json::same_name;
use crate::notes::listed;
use crate::record::Record;

/// A flag that names a field of the input.
#[derive(Debug)]
struct NamingFlag {
    /// The flag, as it is written.
    label: String,
    /// The field.
    name: String,
    has_matched: bool,
}

/// All flags that name fields.
#[derive(Debug)]
pub(super) struct NamingFlags {
    flags: Vec<NamingFlag>,
    /// Those that name only columns, of rows.
    columns: Vec<NamingFlag>,
    all_matched: bool,
}

impl NamingFlags {
    pub(super) fn new(options: &ShapeOptions) -> NamingFlags {
        let mut flags = Vec::new();
        let mut add = |label: String, name: &str| {
            // A merge makes this field.
            let has_matched = options.merge.iter().any(|merge| merge.name == name);
            flags.push(NamingFlag { label, name: name.to_owned(), has_matched });
        };
        for merge in &options.merge {
            for part in &merge.parts {
                if let MergePart::Field(name) = part {
                    add(format!("--merge-attributes [{name}]"), name);
                }
            }
        }
        options.remove.iter().for_each(|name| add(format!("--remove-attribute {name}"), name));
        options.translate.iter().for_each(|(name, to)| add(format!("--translate {name}={to}"), name));
        let column = |(label, name): &(String, String)| NamingFlag {
            label: label.clone(),
            name: name.clone(),
            has_matched: false,
        };
        let columns = options.columns.iter().map(column).collect();
        NamingFlags { all_matched: flags.iter().all(|flag| flag.has_matched), flags, columns }
    }

    /// Compares them with a header. If they must match, the first that does not is an error.
    pub(super) fn expect_names(&mut self, names: &[String], must_match: bool) -> Result<(), String> {
        for flag in self.flags.iter_mut().chain(&mut self.columns) {
            flag.has_matched |= names.contains(&flag.name);
        }
        self.all_matched = self.flags.iter().all(|flag| flag.has_matched);
        match self.flags.iter().find(|flag| must_match && !flag.has_matched) {
            Some(flag) => Err(format!("{}: no such column (the header has: {})", flag.label, listed(names))),
            None => Ok(()),
        }
    }

    /// Compares them with a record.
    pub(super) fn see(&mut self, record: &Record<'_>) {
        if self.all_matched {
            return;
        }
        for flag in self.flags.iter_mut().filter(|flag| !flag.has_matched) {
            let mut fields = record.fields.iter();
            flag.has_matched = fields.any(|field| same_name(field.name.of(record.text), field.escaped, &flag.name));
        }
        self.all_matched = self.flags.iter().all(|flag| flag.has_matched);
    }

    /// Those that have matched nothing.
    pub(super) fn unmatched(&self) -> Vec<String> {
        let flags = self.flags.iter().chain(&self.columns);
        flags.filter(|flag| !flag.has_matched).map(|flag| flag.label.clone()).collect()
    }
}
