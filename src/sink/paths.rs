//! What a path is, whatever links lead to it; the file that it names need not be there.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The folder that a path lies in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What a path leads to, which need not be there.
///
/// # Errors
/// When more links lead on than Linux follows.
pub(super) fn followed(path: &Path) -> io::Result<PathBuf> {
    /// Links that Linux follows.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match std::fs::read_link(&path) {
            Ok(to) => path = folder(&path).join(to),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// A path by which a file is known, whatever it is called by; the file need not be there.
pub(super) fn real(path: &Path) -> PathBuf {
    let path = followed(path).unwrap_or_else(|_| path.to_owned());
    match (folder(&path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// What a file or a pipe is known by, whatever its names are.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    let about = path.metadata().ok()?;
    (about.is_file() || about.file_type().is_fifo()).then(|| (about.dev(), about.ino()))
}
