//! One importer at a time: a lock file beside the store, held for the whole run.
//! SQLite's own locks cover one transaction; a run may have many, and nobody must find the index missing in between.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The lock on a store, released when dropped. The operating system releases it when the process dies.
#[derive(Debug)]
pub struct StoreLock {
    path: PathBuf,
    file: File,
}

/// How long to wait before another look at a lock that somebody holds.
const PAUSE: Duration = Duration::from_millis(20);

impl StoreLock {
    /// Waits for the lock on the store at `store`; `waiting` is called once if it is not free.
    ///
    /// # Errors
    /// When the lock file cannot be made: the directory is missing or may not be written.
    pub fn take(store: &Path, waiting: impl FnOnce()) -> io::Result<StoreLock> {
        let mut name = store.as_os_str().to_owned();
        name.push("-lock");
        let path = PathBuf::from(name);
        let mut waiting = Some(waiting);
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            match file.try_lock() {
                Ok(()) if still_there(&path, &file) => return Ok(StoreLock { path, file }),
                // Its last holder removed it between our open and our lock.
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) => {
                    if let Some(waiting) = waiting.take() {
                        waiting();
                    }
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

fn still_there(path: &Path, file: &File) -> bool {
    match (std::fs::metadata(path), file.metadata()) {
        (Ok(there), Ok(ours)) => there.ino() == ours.ino() && there.dev() == ours.dev(),
        _ => false,
    }
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        // Removed while still locked: who waits for it notices and makes a new one.
        // What is not empty is somebody else's file of that name.
        if self.file.metadata().is_ok_and(|about| about.len() == 0) {
            let _ = std::fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}
