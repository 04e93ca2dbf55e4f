//! Where the bytes go. A regular file, or a new one, is written beside its place and renamed; what else there is (stdout, a
//! device, a pipe) is written in place. What is compressed closes a frame with each write: whatever happens later, what was
//! written before can be read.

use crate::error::refused;
use crate::sink::paths::{folder, followed};
use crate::sink::wanted::Wanted;
use anyhow::Result;
use flate2::write::GzEncoder;
use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zstd::bulk::Compressor;

/// Whether a path is stdout.
pub(super) fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// Its name for a person.
pub(super) fn shown(path: &Path) -> String {
    if is_stdout(path) { "stdout".to_owned() } else { path.display().to_string() }
}

/// Whether it is written in place.
pub(super) fn is_in_place(path: &Path) -> bool {
    is_stdout(path) || fs::metadata(path).is_ok_and(|about| !about.is_file())
}

/// How it is compressed.
enum Packing {
    None,
    Gzip,
    Zstd(Compressor<'static>),
}

impl Packing {
    /// By the end of its name.
    fn of(path: &Path) -> io::Result<Packing> {
        Ok(match path.extension().and_then(|end| end.to_str()) {
            Some("gz") => Packing::Gzip,
            Some("zst") => {
                let mut compressor = Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL)?;
                compressor.include_checksum(true)?;
                Packing::Zstd(compressor)
            }
            _ => Packing::None,
        })
    }

    /// A whole frame of its own; the text itself if it is not compressed.
    fn pack<'t>(&mut self, text: &'t [u8]) -> io::Result<Cow<'t, [u8]>> {
        match self {
            Packing::None => Ok(Cow::Borrowed(text)),
            Packing::Gzip => {
                let mut packed = GzEncoder::new(Vec::with_capacity(text.len() / 2), flate2::Compression::default());
                packed.write_all(text)?;
                packed.finish().map(Cow::Owned)
            }
            Packing::Zstd(compressor) => compressor.compress(text).map(Cow::Owned),
        }
    }
}

/// A file that has another name until it is whole; it goes if it never is.
struct Beside {
    temporary: PathBuf,
    path: PathBuf,
    overwrite: bool,
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Once it is renamed there is none of this name.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// A write that failed.
pub(super) struct Failed {
    /// Bytes of the text that are in the output all the same.
    pub(super) written: usize,
    pub(super) error: io::Error,
}

/// An output that is open.
pub(super) struct Output {
    name: String,
    file: File,
    packing: Packing,
    beside: Option<Beside>,
    /// Bytes of the file that are whole.
    length: u64,
    sync: bool,
}

impl Output {
    /// Opens it. A pipe is waited for until somebody reads it.
    pub(super) fn open(path: &Path, wanted: &Wanted) -> Result<Output> {
        let name = shown(path);
        let packing = Packing::of(path)?;
        let opened = if is_stdout(path) {
            io::stdout().as_fd().try_clone_to_owned().map(|stdout| (File::from(stdout), None))
        } else if is_in_place(path) {
            File::options().write(true).open(path).map(|file| (file, None))
        } else {
            beside(path, wanted).map(|(file, beside)| (file, Some(beside)))
        };
        let (file, beside) = opened.map_err(|error| refused(why(&name, &error)))?;
        Ok(Output { name, file, packing, beside, length: 0, sync: wanted.wait_for_sync })
    }

    /// Its name for a person.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has its name only at the end.
    pub(super) fn is_renamed_at_the_end(&self) -> bool {
        self.beside.is_some()
    }

    /// Writes a text, which then is where nothing later on takes it away.
    pub(super) fn write(&mut self, text: &[u8]) -> Result<(), Failed> {
        let packed = self.packing.pack(text).map_err(|error| Failed { written: 0, error })?;
        match write_all(&mut self.file, &packed) {
            Ok(()) => self.length += packed.len() as u64,
            // A part of a frame is nothing.
            Err(failed) if matches!(packed, Cow::Owned(_)) => return Err(Failed { written: 0, ..failed }),
            Err(failed) => return Err(failed),
        }
        Ok(())
    }

    /// After a write that failed: cuts off what lies behind so many bytes of its text.
    pub(super) fn cut(&mut self, whole: usize) -> io::Result<()> {
        self.length += whole as u64;
        if self.beside.is_some() { self.file.set_len(self.length) } else { Ok(()) }
    }

    /// Gives it its name. Without a good record the file that is there is kept.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if self.length == 0 && self.beside.as_ref().is_some_and(|beside| beside.overwrite && beside.path.exists()) {
            return Ok(());
        }
        if self.length == 0 {
            // An empty file is not a compressed one.
            write_all(&mut self.file, &self.packing.pack(b"")?).map_err(|failed| failed.error)?;
        }
        let Some(beside) = &self.beside else { return Ok(()) };
        if self.sync {
            self.file.sync_all()?;
        }
        if !beside.overwrite && fs::symlink_metadata(&beside.path).is_ok() {
            return Err(io::Error::other("another program created this file meanwhile"));
        }
        fs::rename(&beside.temporary, &beside.path)?;
        if self.sync {
            File::open(folder(&beside.path))?.sync_all()?;
        }
        Ok(())
    }
}

/// Makes a file beside the place that a path leads to, with the rights of the one that is there.
fn beside(path: &Path, wanted: &Wanted) -> io::Result<(File, Beside)> {
    let path = followed(path)?;
    let rights = fs::metadata(&path).ok().map(|about| about.permissions());
    let temporary = folder(&path).join(format!(".bulkimport-{}", wanted.run.trim_end_matches('-')));
    let file = File::create_new(&temporary)?;
    let beside = Beside { temporary, path, overwrite: wanted.overwrite };
    if let Some(rights) = rights {
        file.set_permissions(rights)?;
    }
    Ok((file, beside))
}

/// Writes all bytes, or says how many were written.
fn write_all(file: &mut File, bytes: &[u8]) -> Result<(), Failed> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return Err(Failed { written, error: ErrorKind::WriteZero.into() }),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Somebody else made the pipe one that does not wait.
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => return Err(Failed { written, error }),
        }
    }
    Ok(())
}

/// Why it cannot be written, in a person's words.
pub(super) fn why(name: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull => format!("{name}: no space left on the disk"),
        ErrorKind::QuotaExceeded => format!("{name}: the disk quota is used up"),
        ErrorKind::FileTooLarge => format!("{name}: the file is too large"),
        ErrorKind::NotFound => format!("{name}: no such directory"),
        _ => format!("{name}: cannot be written: {error}"),
    }
}

/// Whether nobody reads the output any more.
pub(super) fn has_no_reader(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}
