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
const POLL_INTERVAL: Duration = Duration::from_millis(20);

impl StoreLock {
    /// Waits for the lock on the store at `store`; `on_wait` is called once if it is not free.
    ///
    /// # Errors
    /// When the lock file cannot be made: the directory is missing or may not be written.
    pub fn take(store: &Path, on_wait: impl FnOnce()) -> io::Result<StoreLock> {
        let mut name = store.as_os_str().to_owned();
        name.push("-lock");
        let path = PathBuf::from(name);
        let mut on_wait = Some(on_wait);
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            match file.try_lock() {
                Ok(()) if is_same_file(&path, &file) => return Ok(StoreLock { path, file }),
                // Its last holder removed it between our open and our lock.
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

fn is_same_file(path: &Path, file: &File) -> bool {
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
