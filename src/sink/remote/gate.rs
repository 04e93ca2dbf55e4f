//! How many lanes send at once: fewer after the server was busy, one more after each round that it took (additive
//! increase, multiplicative decrease). Lanes wait here; which lane a key belongs to never changes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Shared by the lanes of a run.
#[derive(Debug)]
pub struct Gate {
    max: f64,
    state: Mutex<State>,
    free: Condvar,
}

#[derive(Debug)]
struct State {
    allowed: f64,
    inside: usize,
    /// Nothing is sent any more.
    closed: bool,
    /// Somebody waits until nobody is inside.
    closing: bool,
}

/// A lane's turn; it ends when this is dropped.
#[derive(Debug)]
pub struct Turn<'g>(&'g Gate);

impl Gate {
    /// Lets `lanes` lanes send at once for a start; that is also the most.
    pub fn new(lanes: usize) -> Gate {
        let max = lanes.max(1) as f64;
        Gate {
            max,
            state: Mutex::new(State { allowed: max, inside: 0, closed: false, closing: false }),
            free: Condvar::new(),
        }
    }

    /// Waits for a turn; `None` once the gate is closed.
    pub fn enter(&self) -> Option<Turn<'_>> {
        let has_room = |state: &State| !state.closing && (state.inside as f64) < state.allowed.floor();
        let mut state = self.lock_when(|state| state.closed || has_room(state));
        if state.closed {
            return None;
        }
        state.inside += 1;
        Some(Turn(self))
    }

    /// Waits until nobody is inside.
    pub fn wait_until_empty(&self) {
        self.close_if(|| false);
    }

    /// Closes it for good if `holds` when nobody is inside, and says whether it is closed.
    pub fn close_if(&self, holds: impl FnOnce() -> bool) -> bool {
        // From here on nobody else comes in.
        self.lock_when(|state| !state.closing).closing = true;
        let mut state = self.lock_when(|state| state.inside == 0);
        state.closed = state.closed || holds();
        state.closing = false;
        self.free.notify_all();
        state.closed
    }

    /// The server was busy: half as many.
    pub fn shrink(&self) {
        let mut state = self.lock();
        state.allowed = (state.allowed / 2.0).max(1.0);
    }

    /// The server took a request: after a round of them, one more.
    pub fn grow(&self) {
        let mut state = self.lock();
        state.allowed = (state.allowed + 1.0 / state.allowed).min(self.max);
        self.free.notify_all();
    }

    fn lock_when(&self, ready: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        self.free.wait_while(self.lock(), |state| !ready(state)).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().inside -= 1;
        self.0.free.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_busy_server_gets_fewer_at_once_and_more_again_when_it_takes_them() {
        let gate = Gate::new(4);
        let allowed = || gate.lock().allowed.floor() as usize;
        assert_eq!(allowed(), 4);
        gate.shrink();
        assert_eq!(allowed(), 2);
        for _ in 0..5 {
            gate.shrink();
        }
        assert_eq!(allowed(), 1);
        let mut rounds = 0;
        while allowed() < 4 {
            gate.grow();
            rounds += 1;
        }
        assert_eq!(rounds, 7);
        gate.grow();
        assert_eq!(allowed(), 4);
    }

    #[test]
    fn a_turn_ends_when_it_is_dropped() {
        let gate = Gate::new(1);
        drop(gate.enter());
        let turn = gate.enter();
        assert_eq!(gate.lock().inside, 1);
        drop(turn);
        assert_eq!(gate.lock().inside, 0);
    }

    #[test]
    fn it_is_closed_when_nobody_is_inside_and_only_if_there_is_still_a_reason() {
        let (gate, accepted) = (Gate::new(2), AtomicBool::new(false));
        let turn = gate.enter();
        std::thread::scope(|scope| {
            let closer = scope.spawn(|| gate.close_if(|| !accepted.load(Ordering::SeqCst)));
            while !gate.lock().closing {
                std::thread::yield_now();
            }
            accepted.store(true, Ordering::SeqCst);
            drop(turn);
            assert!(!closer.join().expect("no panic"));
        });
        assert!(gate.enter().is_some() && gate.close_if(|| true) && gate.enter().is_none());
    }
}
