//! The output file. A regular or new file is written under a temporary name and then renamed; stdout, a device or a pipe is
//! written in place. With compression each write ends a frame, so that everything written before can be read whatever
//! happens later.

use crate::error::refused;
use crate::sink::paths::{folder, followed};
use crate::sink::wanted::Wanted;
use crate::stop::Stop;
use anyhow::Result;
use flate2::write::GzEncoder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zstd::bulk::Compressor;

/// Whether a path is stdout.
pub(super) fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// Its name for messages.
pub(super) fn display_name(path: &Path) -> String {
    if is_stdout(path) { "stdout".to_owned() } else { path.display().to_string() }
}

/// Whether it is written in place.
pub(super) fn is_in_place(path: &Path) -> bool {
    is_stdout(path) || fs::metadata(path).is_ok_and(|about| !about.is_file())
}

/// The compression of the output.
enum Compression {
    None,
    Gzip,
    Zstd(Compressor<'static>),
}

impl Compression {
    /// By the extension of the path.
    fn of(path: &Path) -> io::Result<Compression> {
        Ok(match path.extension().and_then(|end| end.to_str()) {
            Some("gz") => Compression::Gzip,
            Some("zst") => {
                let mut compressor = Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL)?;
                compressor.include_checksum(true)?;
                Compression::Zstd(compressor)
            }
            _ => Compression::None,
        })
    }

    /// The text as a whole frame, or unchanged without compression.
    fn compress<'t>(&mut self, text: &'t [u8]) -> io::Result<Cow<'t, [u8]>> {
        match self {
            Compression::None => Ok(Cow::Borrowed(text)),
            Compression::Gzip => {
                let mut compressed = GzEncoder::new(Vec::with_capacity(text.len() / 2), flate2::Compression::default());
                compressed.write_all(text)?;
                compressed.finish().map(Cow::Owned)
            }
            Compression::Zstd(compressor) => compressor.compress(text).map(Cow::Owned),
        }
    }
}

/// A file that has a temporary name until it is complete; removed when dropped before.
struct TempFile {
    temporary: PathBuf,
    path: PathBuf,
    overwrite: bool,
    /// Whether the next try of the run goes on with it.
    is_kept: bool,
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // After the rename there is no file of this name.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// A write that failed.
pub(super) struct WriteError {
    /// Bytes of the text that were written before the error.
    pub(super) written: usize,
    pub(super) error: io::Error,
}

/// An output that is open.
pub(super) struct Output {
    name: String,
    file: File,
    compression: Compression,
    temp_file: Option<TempFile>,
    /// Bytes of complete writes.
    length: u64,
    wait_for_sync: bool,
    /// Ends the wait for a reader. `None` if nobody need read for a write to end.
    stop: Option<Stop>,
}

impl Output {
    /// Opens it. Opening a pipe waits for a reader.
    pub(super) fn open(path: &Path, wanted: &Wanted, stop: &Stop) -> Result<Output> {
        let name = display_name(path);
        let compression = Compression::of(path)?;
        let opened = if is_stdout(path) {
            io::stdout().as_fd().try_clone_to_owned().map(|stdout| (File::from(stdout), None))
        } else if is_in_place(path) {
            File::options().write(true).open(path).map(|file| (file, None))
        } else if wanted.restart.is_resumed {
            earlier_file(path, wanted)
        } else {
            temp_file(path, wanted).map(|(file, temp_file)| (file, Some(temp_file)))
        };
        let (file, temp_file) = opened.map_err(|error| refused(error_text(&name, &error)))?;
        let length = if wanted.restart.is_resumed { wanted.restart.output } else { 0 };
        let has_reader = !file.metadata().is_ok_and(|about| about.is_file());
        let stop = has_reader.then(|| stop.clone());
        Ok(Output { name, file, compression, temp_file, length, wait_for_sync: wanted.wait_for_sync, stop })
    }

    /// Its name for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of complete writes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether it gets its final name only at the end.
    pub(super) fn is_renamed_at_the_end(&self) -> bool {
        self.temp_file.is_some()
    }

    /// Writes a text. Later errors do not remove it.
    pub(super) fn write(&mut self, text: &[u8]) -> Result<(), WriteError> {
        let compressed = self.compression.compress(text).map_err(|error| WriteError { written: 0, error })?;
        match write_all(&mut self.file, &compressed, self.stop.as_ref()) {
            Ok(()) => self.length += compressed.len() as u64,
            // A partial frame cannot be read.
            Err(failed) if matches!(compressed, Cow::Owned(_)) => return Err(WriteError { written: 0, ..failed }),
            Err(failed) => return Err(failed),
        }
        Ok(())
    }

    /// After a failed write: keeps only the first `whole` bytes of its text.
    pub(super) fn truncate(&mut self, whole: usize) -> io::Result<()> {
        self.length += whole as u64;
        if self.temp_file.is_some() { self.file.set_len(self.length) } else { Ok(()) }
    }

    /// Gives it its final name. Without a single good record, an existing file is kept.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if self.length == 0
            && self.temp_file.as_ref().is_some_and(|temp_file| temp_file.overwrite && temp_file.path.exists())
        {
            return Ok(());
        }
        if self.length == 0 {
            // An empty file would be no valid compressed file.
            let end = self.compression.compress(b"")?;
            write_all(&mut self.file, &end, self.stop.as_ref()).map_err(|failed| failed.error)?;
        }
        let Some(temp_file) = &self.temp_file else { return Ok(()) };
        if self.wait_for_sync {
            self.file.sync_all()?;
        }
        if !temp_file.overwrite && fs::symlink_metadata(&temp_file.path).is_ok() {
            return Err(io::Error::other("another program created this file meanwhile"));
        }
        fs::rename(&temp_file.temporary, &temp_file.path)?;
        if self.wait_for_sync {
            File::open(folder(&temp_file.path))?.sync_all()?;
        }
        Ok(())
    }
}

/// The temporary name of a run's output.
fn temporary_name(path: &Path, wanted: &Wanted) -> PathBuf {
    folder(path).join(format!(".bulkimport-{}", wanted.run.trim_end_matches('-')))
}

/// Opens what an earlier try of this run has written, and keeps what is settled of it. It has its final name if the try came
/// so far.
fn earlier_file(path: &Path, wanted: &Wanted) -> io::Result<(File, Option<TempFile>)> {
    let (path, length) = (followed(path)?, wanted.restart.output);
    let temporary = temporary_name(&path, wanted);
    let open = |path: &Path| File::options().write(true).open(path);
    let (mut file, temp_file) = match open(&temporary) {
        Ok(file) => (file, Some(TempFile { temporary, path, overwrite: wanted.overwrite, is_kept: true })),
        // Nothing is settled, so the try may have ended before it made the file.
        Err(_) if length == 0 => return self::temp_file(&path, wanted).map(|(file, temp)| (file, Some(temp))),
        Err(_) => (open(&path)?, None),
    };
    if file.metadata()?.len() < length {
        return Err(io::Error::other("it is shorter than the journal records"));
    }
    file.set_len(length)?;
    file.seek(SeekFrom::End(0))?;
    Ok((file, temp_file))
}

/// Creates a temporary file next to the target of a path, with the permissions of an existing file.
fn temp_file(path: &Path, wanted: &Wanted) -> io::Result<(File, TempFile)> {
    let path = followed(path)?;
    let permissions = fs::metadata(&path).ok().map(|about| about.permissions());
    let temporary = temporary_name(&path, wanted);
    let is_kept = wanted.restart.is_journaled;
    if is_kept && !wanted.overwrite && permissions.is_some() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    // An earlier try that has sent nothing may have left one.
    let file = if is_kept { File::create(&temporary)? } else { File::create_new(&temporary)? };
    let temp_file = TempFile { temporary, path, overwrite: wanted.overwrite, is_kept };
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    Ok((file, temp_file))
}

/// What a pipe with any room takes without waiting.
const PIECE: usize = 4096;
/// How long after a stop a reader may pause before it is given up.
const READER_PAUSE: Duration = Duration::from_secs(1);
/// How often a wait for a reader checks for a stop.
const STOP_CHECK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Writes all bytes; an error has the number of bytes written. With `stop`, waits for a reader.
fn write_all(file: &mut File, bytes: &[u8], stop: Option<&Stop>) -> Result<(), WriteError> {
    let mut written = 0;
    while written < bytes.len() {
        let mut end = bytes.len();
        if let Some(stop) = stop {
            wait_for_reader(file, stop).map_err(|error| WriteError { written, error })?;
            end = end.min(written + PIECE);
        }
        match file.write(&bytes[written..end]) {
            Ok(0) => return Err(WriteError { written, error: ErrorKind::WriteZero.into() }),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another process has made the pipe non-blocking.
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => return Err(WriteError { written, error }),
        }
    }
    Ok(())
}

/// Waits until the reader makes room. After a stop, a reader that does nothing is not waited for.
fn wait_for_reader(file: &File, stop: &Stop) -> io::Result<()> {
    let mut since = None;
    loop {
        match poll(&mut [PollFd::new(file, PollFlags::OUT)], Some(&STOP_CHECK)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if stop.is_requested() && since.get_or_insert_with(Instant::now).elapsed() > READER_PAUSE {
            return Err(ErrorKind::TimedOut.into());
        }
    }
}

/// The message of an error while writing.
pub(super) fn error_text(name: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull => format!("{name}: no space left on the disk"),
        ErrorKind::QuotaExceeded => format!("{name}: the disk quota is used up"),
        ErrorKind::TimedOut => format!("{name}: the reader has stopped reading"),
        ErrorKind::FileTooLarge => format!("{name}: the file is too large"),
        ErrorKind::AlreadyExists => format!("{name}: already exists, and is not of this journal's run"),
        ErrorKind::NotFound => format!("{name}: no such directory"),
        _ => format!("{name}: cannot be written: {error}"),
    }
}

/// Whether the reader of the output has closed it.
pub(super) fn has_no_reader(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}
