//! Resolves paths and compares files. A path need not exist.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The directory of a path.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Follows symbolic links; the last target need not exist.
///
/// # Errors
/// When there are more links than Linux follows.
pub(super) fn followed(path: &Path) -> io::Result<PathBuf> {
    const MAX_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match std::fs::read_link(&path) {
            Ok(to) => path = folder(&path).join(to),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// The canonical path of a file, which need not exist.
pub(super) fn real(path: &Path) -> PathBuf {
    let path = followed(path).unwrap_or_else(|_| path.to_owned());
    match (folder(&path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Whether two paths are one file. Neither need exist.
pub(crate) fn same_file(one: &Path, other: &Path) -> bool {
    identity(one).is_some() && identity(one) == identity(other) || real(one) == real(other)
}

/// The device and inode of a file or a pipe, which identify it under any name.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    let about = path.metadata().ok()?;
    (about.is_file() || about.file_type().is_fifo()).then(|| (about.dev(), about.ino()))
}
