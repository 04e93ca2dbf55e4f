//! The request to stop a run early: a flag that every thread checks.

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Shared by the threads of a run; clones see the same state.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    signal: Arc<AtomicUsize>,
    requested: Arc<AtomicBool>,
    /// Whether nothing more is read; without it, what is left is read to be accounted for.
    reading_is_over: Arc<AtomicBool>,
    /// Whether nothing more is sent.
    sending_is_over: Arc<AtomicBool>,
}

/// The signals that stop a run, and their names.
const SIGNALS: [(i32, &str); 4] = [(SIGHUP, "SIGHUP"), (SIGINT, "SIGINT"), (SIGQUIT, "SIGQUIT"), (SIGTERM, "SIGTERM")];

impl Stop {
    /// Turns signals into a request to stop; the second one ends the process at once.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn on_signals(&self) -> io::Result<()> {
        for (signal, _) in SIGNALS {
            // Under `nohup`, and in the background of a script, these do not reach the program.
            if matches!(signal, SIGHUP | SIGQUIT) && is_ignored(signal) {
                continue;
            }
            // The order matters: the first signal finds `reading_is_over` false here and sets it below.
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, self.reading_is_over.clone())?;
            signal_hook::flag::register_usize(signal, self.signal.clone(), signal as usize)?;
            signal_hook::flag::register(signal, self.requested.clone())?;
            signal_hook::flag::register(signal, self.reading_is_over.clone())?;
        }
        Ok(())
    }

    /// Requests the run to stop.
    pub fn request(&self) {
        self.requested.store(true, Ordering::SeqCst);
        self.reading_is_over.store(true, Ordering::SeqCst);
    }

    /// Requests that nothing more is sent. Reading goes on, so that what is not sent is known.
    pub fn end_sending(&self) {
        self.sending_is_over.store(true, Ordering::SeqCst);
        self.requested.store(true, Ordering::SeqCst);
    }

    /// Whether nothing more is read.
    pub fn is_reading_over(&self) -> bool {
        self.reading_is_over.load(Ordering::Relaxed)
    }

    /// Whether nothing more is sent.
    pub fn is_sending_over(&self) -> bool {
        self.sending_is_over.load(Ordering::Relaxed)
    }

    /// Whether the run was requested to stop, by a signal or otherwise.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// The signal that was received, if any.
    pub fn signal(&self) -> Option<i32> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal as i32),
        }
    }

    /// The name of the signal that was received, if any.
    pub fn signal_name(&self) -> Option<&'static str> {
        let signal = self.signal()?;
        SIGNALS.iter().find(|(number, _)| *number == signal).map(|(_, name)| *name)
    }
}

/// Makes a write above the limit on the size of files fail, like one on a full disk. By default, its signal ends the process.
///
/// # Errors
/// When the handler cannot be installed.
pub fn survive_file_size_limit() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// Whether the process was started with a signal ignored. Where that cannot be read, it is assumed: then the signal does
/// what it does by default.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
}
