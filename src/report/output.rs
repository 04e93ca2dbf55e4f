//! A file that a run writes beside its target: `--results`, `--rejects`. It is for its owner only, because servers repeat what
//! they were sent, secrets among it. An older one is emptied at the first write, so that a run that does not start destroys
//! nothing. After an error it ends with what was complete before.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The file, or stdout.
pub struct OutputFile {
    /// Its name, for messages.
    pub name: String,
    target: OutputTarget,
    /// What was written since the last flush.
    buffer: Vec<u8>,
    /// Bytes that were flushed, or are kept of an older file.
    len: u64,
    /// Whether what is not kept of an older file still has to be removed.
    is_untouched: bool,
}

enum OutputTarget {
    Stdout,
    File(File),
}

/// Bytes that are collected before they are written.
const BUFFER: usize = 64 * 1024;

/// Maximum bytes of the first line of an older file that are looked at.
const MAX_FIRST: u64 = 1 << 20;

impl OutputFile {
    /// Opens the file `path`, where `-` is stdout. A file that is not empty must have a first line that `is_ours` accepts; it
    /// gets at most the first MiB of it.
    ///
    /// # Errors
    /// When it cannot be written, or holds something other than `what`.
    pub fn open(path: &Path, what: &str, is_ours: fn(&[u8]) -> bool) -> Result<OutputFile> {
        let mut output = OutputFile {
            name: "stdout".to_owned(),
            target: OutputTarget::Stdout,
            buffer: Vec::new(),
            len: 0,
            is_untouched: false,
        };
        if path.as_os_str() != "-" {
            output.name = path.display().to_string();
            let context = || format!("--{what}: {}", output.name);
            let line = first_line(path);
            let is_free = line.is_empty() || is_ours(&line);
            ensure!(is_free, "--{what}: {} already exists and does not hold {what}", output.name);
            let mut options = File::options();
            options.write(true).create(true).truncate(false).mode(0o600);
            output.target = OutputTarget::File(options.open(path).with_context(context)?);
            output.is_untouched = true;
        }
        Ok(output)
    }

    /// The length of what is in the file for certain, whatever happens to this process.
    pub fn length(&self) -> u64 {
        self.len
    }

    /// Keeps the first bytes of an older file, and goes on behind them.
    ///
    /// # Errors
    /// When the file is shorter, or its size cannot be read.
    pub fn keep(&mut self, len: u64) -> Result<()> {
        if let OutputTarget::File(file) = &self.target {
            let found = file.metadata().with_context(|| self.name.clone())?.len();
            ensure!(found >= len, "{} has {found} bytes, and had {len}", self.name);
        }
        self.len = len;
        Ok(())
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        match &mut self.target {
            OutputTarget::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(&self.buffer)?;
                out.flush()
            }
            OutputTarget::File(file) => {
                let is_regular = file.metadata()?.is_file();
                if std::mem::take(&mut self.is_untouched) && is_regular {
                    file.set_len(self.len)?;
                    file.seek(SeekFrom::Start(self.len))?;
                }
                let written = file.write_all(&self.buffer);
                if written.is_err() && is_regular {
                    // Not half a line.
                    let _ = file.set_len(self.len);
                }
                written
            }
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    /// A run that writes nothing leaves an empty file.
    fn flush(&mut self) -> io::Result<()> {
        let written = self.write_buffer();
        self.len += if written.is_ok() { self.buffer.len() as u64 } else { 0 };
        self.buffer.clear();
        written
    }
}

/// The first line of a regular file, or its first bytes; empty if there is none, or it cannot be read.
fn first_line(path: &Path) -> Vec<u8> {
    let mut line = Vec::new();
    // Opening a pipe would wait for its other end.
    if std::fs::metadata(path).is_ok_and(|about| about.is_file())
        && let Ok(file) = File::open(path)
    {
        let _ = BufReader::new(file).take(MAX_FIRST).read_until(b'\n', &mut line);
    }
    line
}

/// Whether a line is one of `--results`.
pub fn is_result(line: &[u8]) -> bool {
    let read: Option<Value> = serde_json::from_slice(line).ok();
    read.is_some_and(|read| read.get("counted").is_some() && read.get("line").is_some())
}
