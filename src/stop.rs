//! The request to stop a run early: a flag that every thread checks.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Shared by the threads of a run; clones see the same state.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    signal: Arc<AtomicUsize>,
    requested: Arc<AtomicBool>,
}

impl Stop {
    /// Turns SIGINT and SIGTERM into a request to stop; the second one ends the process at once.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn on_signals(&self) -> io::Result<()> {
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // The order matters: the first signal finds `requested` false here and sets it below.
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, self.requested.clone())?;
            signal_hook::flag::register_usize(signal, self.signal.clone(), signal as usize)?;
            signal_hook::flag::register(signal, self.requested.clone())?;
        }
        Ok(())
    }

    /// Requests the run to stop.
    pub fn request(&self) {
        self.requested.store(true, Ordering::SeqCst);
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
}
