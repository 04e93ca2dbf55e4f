//! Goes on with a run whose journal says that a batch may have been sent: it is treated like one whose response was lost.

use super::memory::KeyState;
use super::settle::{Abort, Settling};
use crate::sink::wanted::Wanted;

impl Settling<'_> {
    /// Prepares a batch that an earlier try of the run may have sent. Requests of that try are waited for.
    pub(super) fn begin_again(&mut self, requests: &str) -> Result<(), Abort> {
        let mut all: Vec<u32> = (0..self.batch.len() as u32).collect();
        self.count_sent(&all);
        self.mark_unconfirmed(&all);
        self.wait_until_finished(requests, &all)?;
        self.give_up_unrepeatable(&mut all);
        Ok(())
    }

    /// Leaves out what is settled already.
    pub(super) fn retain_unsettled(&mut self) {
        let Settling { waiting, states, .. } = self;
        waiting.iter_mut().for_each(|part| part.retain(|index| !states[*index as usize].settled));
        waiting.retain(|part| !part.is_empty());
    }
}

impl super::memory::Memory {
    /// The memory of a run of which earlier tries have done a part.
    pub(super) fn of(wanted: &Wanted) -> super::memory::Memory {
        let restart = &wanted.restart;
        let mut memory = super::memory::Memory::default();
        if restart.has_stored {
            memory.record_accepted();
        }
        for (key, state) in restart.keys.iter() {
            memory.record("", *key, KeyState::of_number(*state));
        }
        if restart.is_resumed && wanted.is_bulk {
            memory.forget_collections();
        }
        memory
    }
}

impl KeyState {
    /// Its number in the journal.
    pub(super) fn number(self) -> u8 {
        match self {
            KeyState::Stored => 0,
            KeyState::Missing => 1,
            KeyState::Unclear => 2,
        }
    }

    fn of_number(number: u8) -> KeyState {
        match number {
            0 => KeyState::Stored,
            1 => KeyState::Missing,
            _ => KeyState::Unclear,
        }
    }
}
