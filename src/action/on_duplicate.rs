//! What is done when a key exists already: `--on-duplicate`, and the operation that it makes of a record.

use super::Op;
use clap::ValueEnum;

/// `--on-duplicate`: what happens when a document with the same key exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OnDuplicate {
    /// The stored document stays, ours is an error.
    #[default]
    Error,
    /// Ours is merged in.
    Update,
    /// Ours takes its place.
    Replace,
    /// The stored document stays, ours is ignored.
    Ignore,
}

impl OnDuplicate {
    /// The operation, the same for every target.
    pub fn op(self) -> Op {
        match self {
            OnDuplicate::Error => Op::Create,
            OnDuplicate::Ignore => Op::CreateOrIgnore,
            OnDuplicate::Replace => Op::Index,
            OnDuplicate::Update => Op::Upsert,
        }
    }
}
