//! One import at a time: a lock file next to the store, held for the whole run.
//! SQLite's locks cover one transaction. A run may have many, and between them no other import may see a missing index.

use rustix::fs::OFlags;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The lock on a store, released when dropped. The operating system releases it when the process dies.
#[derive(Debug)]
pub struct StoreLock {
    path: PathBuf,
    file: File,
}

/// The pause between tries to get the lock.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

impl StoreLock {
    /// Waits for the lock on the store at `store`; calls `on_wait` once if it is taken.
    ///
    /// # Errors
    /// When the lock file cannot be created: the directory is missing or not writable.
    pub fn take(store: &Path, on_wait: impl FnOnce()) -> io::Result<StoreLock> {
        let mut name = store.as_os_str().to_owned();
        name.push("-lock");
        let path = PathBuf::from(name);
        let mut on_wait = Some(on_wait);
        loop {
            let file = open(&path)?;
            match file.try_lock() {
                Ok(()) if is_same_file(&path, &file) => return Ok(StoreLock { path, file }),
                // Its last owner removed it between our open and our lock.
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) => {
                    if let Some(on_wait) = on_wait.take() {
                        on_wait();
                    }
                    std::thread::sleep(POLL_INTERVAL);
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

/// Opens the lock file. A link could lead to a file of somebody else, and a pipe would wait for its other end.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let opened = OpenOptions::new().create(true).truncate(false).write(true).custom_flags(flags).open(path);
    let about = std::fs::symlink_metadata(path);
    match about {
        Ok(about) if !about.is_file() => Err(io::Error::other(format!("{}: not a regular file", path.display()))),
        _ => opened,
    }
}

fn is_same_file(path: &Path, file: &File) -> bool {
    match (std::fs::metadata(path), file.metadata()) {
        (Ok(there), Ok(ours)) => there.ino() == ours.ino() && there.dev() == ours.dev(),
        _ => false,
    }
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        // Removed while still locked: whoever waits for it notices, and creates a new one.
        // A file that is not empty is not a lock file of ours.
        if self.file.metadata().is_ok_and(|about| about.len() == 0) {
            let _ = std::fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}
