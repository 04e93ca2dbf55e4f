//! The file of a journal: one record per line, `CHECKSUM JSON`. It is only ever appended to. A process that dies may leave
//! a part of its last line behind, which counts as not written.

use super::records::Entry;
use crate::error::hint;
use crate::key_filter::hash_bytes;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// The first line.
const FIRST: &[u8] = b"bulkimport journal 1\n";

/// An open journal, locked until it is dropped or the process dies.
#[derive(Debug)]
pub(super) struct JournalFile {
    file: File,
    /// Bytes of complete records.
    length: u64,
    sync: bool,
    /// Whether a write has failed. Nothing is written after that.
    failed: bool,
}

impl JournalFile {
    /// Opens and locks it, and reads its records.
    pub(super) fn open(path: &Path, sync: bool) -> Result<(JournalFile, Vec<Entry>)> {
        let context = || format!("--journal: {}", path.display());
        let mut file = open(path).with_context(context)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(anyhow!("another run uses it")
                    .context(hint("wait for that run to end"))
                    .context(context()));
            }
            Err(TryLockError::Error(error)) => {
                return Err(anyhow!(error).context("cannot be locked").context(context()));
            }
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(context)?;
        let (entries, length) = read(&bytes).with_context(context)?;
        let journal = JournalFile { file, length: length as u64, sync, failed: false };
        // What is behind the last whole record was not written as far as anybody knows.
        if length < bytes.len() {
            journal.file.set_len(journal.length).with_context(context)?;
        }
        Ok((journal, entries))
    }

    /// Makes it the journal of a new run.
    pub(super) fn begin(&mut self, head: &Entry) -> Result<()> {
        self.file.set_len(0)?;
        self.length = 0;
        self.write(FIRST)?;
        self.append(head)?;
        Ok(())
    }

    /// Adds a record.
    pub(super) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        self.write(line(entry)?.as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier record could not be written"));
        }
        let written = self.file.write_all_at(bytes, self.length).and_then(|()| match self.sync {
            true => self.file.sync_data(),
            false => Ok(()),
        });
        match &written {
            Ok(()) => self.length += bytes.len() as u64,
            Err(_) => {
                self.failed = true;
                let _ = self.file.set_len(self.length);
            }
        }
        written
    }
}

/// For its owner only: it names keys and files.
fn open(path: &Path) -> Result<File> {
    if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        bail!("not a regular file");
    }
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    Ok(options.open(path)?)
}

/// A record as a line.
fn line(entry: &Entry) -> io::Result<String> {
    let json = serde_json::to_string(entry)?;
    Ok(format!("{:016x} {json}\n", hash_bytes(json.as_bytes())))
}

/// The records, and the number of bytes that they take.
fn read(bytes: &[u8]) -> Result<(Vec<Entry>, usize)> {
    let Some(rest) = bytes.strip_prefix(FIRST) else {
        ensure!(FIRST.starts_with(bytes), "already exists and is not a journal");
        return Ok((Vec::new(), 0));
    };
    let (mut entries, mut length, mut is_torn) = (Vec::new(), FIRST.len(), false);
    for line in rest.split_inclusive(|byte| *byte == b'\n') {
        match parsed(line) {
            // A whole record behind a broken one: no end of a process leaves that.
            Some(_) if is_torn => bail!("damaged at byte {length}"),
            Some(entry) => {
                entries.push(entry);
                length += line.len();
            }
            None => is_torn = true,
        }
    }
    if entries.is_empty() {
        return Ok((entries, 0));
    }
    Ok((entries, length))
}

fn parsed(line: &[u8]) -> Option<Entry> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, json) = line.split_at_checked(17)?;
    let sum = u64::from_str_radix(std::str::from_utf8(sum).ok()?.trim_end(), 16).ok()?;
    if sum != hash_bytes(json) { None } else { serde_json::from_slice(json).ok() }
}
