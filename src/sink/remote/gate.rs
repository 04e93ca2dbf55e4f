//! Limits how many lanes send at once: half as many after the server was busy, one more after each round that it accepted
//! (additive increase, multiplicative decrease). Lanes wait here for their turn; a key always stays in its lane.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Shared by the lanes of a run.
#[derive(Debug)]
pub struct Gate {
    max: f64,
    state: Mutex<GateState>,
    free: Condvar,
}

#[derive(Debug)]
struct GateState {
    allowed: f64,
    inside: usize,
    /// Nothing is sent any more.
    closed: bool,
    /// Somebody waits until no lane is inside; no other lane may enter.
    closing: bool,
}

/// A lane's turn; it ends when this is dropped.
#[derive(Debug)]
pub struct Turn<'g>(&'g Gate);

impl Gate {
    /// Lets `lanes` lanes send at once at first; that is also the maximum.
    pub fn new(lanes: usize) -> Gate {
        let max = lanes.max(1) as f64;
        Gate {
            max,
            state: Mutex::new(GateState { allowed: max, inside: 0, closed: false, closing: false }),
            free: Condvar::new(),
        }
    }

    /// Waits for a turn; `None` once the gate is closed.
    pub fn enter(&self) -> Option<Turn<'_>> {
        let has_room = |state: &GateState| !state.closing && (state.inside as f64) < state.allowed.floor();
        let mut state = self.lock_when(|state| state.closed || has_room(state));
        if state.closed {
            return None;
        }
        state.inside += 1;
        Some(Turn(self))
    }

    /// Waits until no lane is inside.
    pub fn wait_until_empty(&self) {
        self.close_if(|| false);
    }

    /// Closes it for good if the condition holds when no lane is inside. Returns whether it is closed.
    pub fn close_if(&self, condition: impl FnOnce() -> bool) -> bool {
        // From here on no lane enters.
        self.lock_when(|state| !state.closing).closing = true;
        let mut state = self.lock_when(|state| state.inside == 0);
        state.closed = state.closed || condition();
        state.closing = false;
        self.free.notify_all();
        state.closed
    }

    /// Halves the limit, because the server was busy.
    pub fn shrink(&self) {
        let mut state = self.lock();
        state.allowed = (state.allowed / 2.0).max(1.0);
    }

    /// Raises the limit by a part, because the server accepted a request: by one for each round.
    pub fn grow(&self) {
        let mut state = self.lock();
        state.allowed = (state.allowed + 1.0 / state.allowed).min(self.max);
        self.free.notify_all();
    }

    fn lock_when(&self, ready: impl Fn(&GateState) -> bool) -> MutexGuard<'_, GateState> {
        self.free.wait_while(self.lock(), |state| !ready(state)).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, GateState> {
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
    fn the_limit_shrinks_when_the_server_is_busy_and_grows_again_when_it_accepts_requests() {
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
    fn it_closes_when_no_lane_is_inside_and_only_if_the_condition_still_holds() {
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
