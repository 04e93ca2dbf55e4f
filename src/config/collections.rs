//! Collections by file name: without `--collection`, the name of a file is its collection.
//! Files of one collection are read together, in the order in which the collections are first named.

use crate::cli::Arguments;
use crate::error::hint;
use crate::input::{Format, collections_of_rejects, stem};
use anyhow::{Result, anyhow};
use std::path::{Path, PathBuf};

/// The collections of a run, and its files in the order in which they are read.
#[derive(Debug, Default)]
pub(super) struct Collections {
    /// Their names; none for bulk lines without `--collection`.
    pub(super) names: Vec<String>,
    pub(super) files: Vec<PathBuf>,
    /// The collection of each file, as an index into `names`.
    pub(super) of_files: Vec<usize>,
    /// Whether the files name them.
    pub(super) by_file: bool,
}

/// Finds the collections of a run.
///
/// # Errors
/// When an input has no name.
pub(super) fn find(args: &Arguments) -> Result<Collections> {
    let files = args.files.clone();
    if args.target.collection.is_some() || args.input.format == Some(Format::Bulk) {
        let names = args.target.collection.iter().cloned().collect();
        return Ok(Collections { names, of_files: vec![0; files.len()], files, by_file: false });
    }
    if files.is_empty() {
        return Err(missing());
    }
    let mut found = Collections { by_file: true, ..Collections::default() };
    let mut numbered = Vec::with_capacity(files.len());
    for file in files {
        let names = match collections_of_rejects(&file) {
            Some(names) => names_of_rejects(names, &file)?,
            None => vec![name_of(&file).ok_or_else(missing)?],
        };
        for name in names {
            let number = found.names.iter().position(|other| *other == name).unwrap_or(found.names.len());
            if number == found.names.len() {
                found.names.push(name);
            }
            numbered.push((number, file.clone()));
        }
    }
    numbered.sort_by_key(|(number, _)| *number);
    (found.of_files, found.files) = numbered.into_iter().unzip();
    Ok(found)
}

/// The collections of a file of rejects, which is read once for each.
fn names_of_rejects(names: Vec<String>, file: &Path) -> Result<Vec<String>> {
    if names.is_empty() {
        let advice = "write `-t bulk` if they were bulk lines, and `--collection NAME` otherwise";
        return Err(anyhow!("{}: the rejects name no collection", file.display()).context(hint(advice)));
    }
    Ok(names)
}

/// The collection that a file names. Stdin and the files of /dev and /proc name none.
fn name_of(file: &Path) -> Option<String> {
    let is_device = ["/dev", "/proc"].iter().any(|folder| file.starts_with(folder));
    let name = file.file_name()?.to_str().filter(|name| !is_device && *name != "-")?;
    Some(stem(name)).filter(|stem| !stem.trim().is_empty()).map(str::to_owned)
}

fn missing() -> anyhow::Error {
    let advice = "write `--collection NAME`; stdin has no name that could be the collection";
    anyhow!("missing --collection").context(hint(advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_without_its_extension_is_the_collection() {
        for (file, name) in [
            ("products.jsonl.gz", Some("products")),
            ("seed/a.2024.jsonl.gz", Some("a.2024")),
            ("/x/Films.CSV.ZST", Some("Films")),
            ("dump", Some("dump")),
            ("dump.gz", Some("dump")),
            ("a b.json", Some("a b")),
            (".jsonl", None),
            (".jsonl.gz", None),
            (".gz", None),
            ("-", None),
            ("/dev/stdin", None),
            ("/dev/fd/63", None),
            ("/proc/self/fd/0", None),
            ("..", None),
        ] {
            assert_eq!(name_of(Path::new(file)).as_deref(), name, "{file}");
        }
    }
}
