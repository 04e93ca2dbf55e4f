//! Records that were applied and may still be rolled back (`--complete`): if they are, they belong to the rejects. They are in a
//! temporary file without a name, because their number is not bounded.

use crate::record::Origin;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

/// The records of a lane, in order.
#[derive(Default)]
pub(super) struct HeldRecords {
    file: Option<BufWriter<File>>,
    count: u64,
    /// Records that were rejected: the file and the number of each.
    rejected: HashSet<(u32, u64)>,
}

impl HeldRecords {
    /// Leaves out a record that is one of the rejects already, or will be.
    pub(super) fn leave_out(&mut self, origin: Origin) {
        self.rejected.insert((origin.file, origin.record));
    }

    /// Adds a record of a collection, unless it was rejected.
    pub(super) fn add(&mut self, collection: usize, origin: Origin, raw: &[u8]) -> io::Result<()> {
        if self.rejected.contains(&(origin.file, origin.record)) {
            return Ok(());
        }
        let out = match &mut self.file {
            Some(out) => out,
            None => self.file.insert(BufWriter::new(unnamed()?)),
        };
        self.count += 1;
        let numbers = [collection as u64, u64::from(origin.file), origin.line, origin.record, origin.offset];
        for number in numbers.into_iter().chain([raw.len() as u64]) {
            out.write_all(&number.to_le_bytes())?;
        }
        out.write_all(raw)
    }

    /// Forgets all records: they are stored.
    pub(super) fn clear(&mut self) {
        *self = HeldRecords::default();
    }

    /// Passes each record that was not rejected to `take`, and forgets all.
    pub(super) fn drain(&mut self, mut take: impl FnMut(usize, Origin, Vec<u8>)) -> io::Result<()> {
        let HeldRecords { file, count, rejected } = std::mem::take(self);
        let Some(file) = file else { return Ok(()) };
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        let mut records = BufReader::new(file);
        for _ in 0..count {
            let mut number = || {
                let mut bytes = [0; 8];
                records.read_exact(&mut bytes).map(|()| u64::from_le_bytes(bytes))
            };
            let (collection, file) = (number()? as usize, number()? as u32);
            let origin = Origin { file, line: number()?, record: number()?, offset: number()? };
            let mut raw = vec![0; number()? as usize];
            records.read_exact(&mut raw)?;
            if !rejected.contains(&(origin.file, origin.record)) {
                take(collection, origin, raw);
            }
        }
        Ok(())
    }
}

/// A temporary file for this process alone, which has no name any more.
fn unnamed() -> io::Result<File> {
    for number in 0.. {
        let path = std::env::temp_dir().join(format!("bulkimport-{}-{number}", std::process::id()));
        let mut options = File::options();
        match options.read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return fs::remove_file(path).map(|()| file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_unless_they_are_rejected() {
        let origin = |record| Origin { file: 1, line: record, record, offset: 7 };
        let mut held = HeldRecords::default();
        for record in 1..=4 {
            held.add(record as usize, origin(record), record.to_string().as_bytes()).expect("a temporary file");
        }
        // A duplicate that is found late has no offset.
        held.leave_out(Origin { offset: 0, ..origin(2) });
        let mut found = Vec::new();
        held.drain(|collection, origin, raw| found.push((collection as u64, origin, raw))).expect("a temporary file");
        assert_eq!(found, [1, 3, 4].map(|record| (record, origin(record), record.to_string().into_bytes())));
        held.drain(|_, _, _| panic!("nothing is left")).expect("nothing");
    }
}
