//! What `--on-duplicate` means to a target when a key exists already: the table of modes, a column a target.

use crate::action::Op;

/// `--on-duplicate`: what happens when a document with the same key exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// The operation that the store performs.
    pub fn on_store(self) -> Op {
        match self {
            OnDuplicate::Error => Op::Create,
            OnDuplicate::Ignore => Op::CreateOrIgnore,
            OnDuplicate::Replace => Op::Index,
            OnDuplicate::Update => Op::Upsert,
        }
    }

    /// The operation that ArangoDB performs: `onDuplicate` has the same four words.
    pub fn on_arangodb(self) -> Op {
        match self {
            OnDuplicate::Error => Op::Create,
            OnDuplicate::Ignore => Op::CreateOrIgnore,
            OnDuplicate::Replace => Op::Index,
            OnDuplicate::Update => Op::Upsert,
        }
    }

    /// The operation that Elasticsearch and OpenSearch perform: `create`, whose 409 is an error or ignored, `index`, and
    /// `update` with `doc_as_upsert`.
    pub fn on_elasticsearch(self) -> Op {
        match self {
            OnDuplicate::Error => Op::Create,
            OnDuplicate::Ignore => Op::CreateOrIgnore,
            OnDuplicate::Replace => Op::Index,
            OnDuplicate::Update => Op::Upsert,
        }
    }
    /// The operation that Kuzzle performs, in the words of its storage: `create`, whose 409 is an error or ignored, `index`,
    /// and `update` with `doc_as_upsert`.
    pub fn on_kuzzle(self) -> Op {
        match self {
            OnDuplicate::Error => Op::Create,
            OnDuplicate::Ignore => Op::CreateOrIgnore,
            OnDuplicate::Replace => Op::Index,
            OnDuplicate::Update => Op::Upsert,
        }
    }
}
