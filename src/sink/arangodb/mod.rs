//! ArangoDB, as a [`Protocol`]: the import API, and the document API where the outcome of each document is needed, because
//! the import API only counts successes (contract of the import API, 1.5 and 1.6).

mod answer;
mod complete;
mod counts;
mod each;
mod errors;
mod key;
mod login;
mod open;
mod read_back;
mod request;
mod rules;
mod target;
mod whole;

pub use target::Arangodb;

use super::ItemDetails;
use super::http::{Request, Response};
use super::remote::destination::Location;
use super::remote::{Fidelity, Group, Protocol, StoredDoc, Verdict};
use crate::action::Op;
use crate::batch::BatchAction;

/// The collection of a run, and the options of its requests.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    /// Its name.
    pub name: String,
    /// The fields of its unique indexes, other than the index on the keys.
    pub unique: Vec<String>,
    /// `--wait-for-sync`.
    pub wait_for_sync: bool,
}

impl Collection {
    /// Whether these actions go to the document API, which responds for each document.
    fn answers_each(&self, group: Group<'_>) -> bool {
        // With another unique index, the import API does not tell which index was violated.
        group.per_item || !self.unique.is_empty() || matches!(group.key(0).1, Op::Delete | Op::Update)
    }
}

impl Protocol for Collection {
    fn request(&self, group: Group<'_>, id: String) -> Request {
        request::of(self, group, id)
    }

    fn read_response(&self, group: Group<'_>, reply: &Response, detail: bool) -> Verdict {
        answer::read(self, group, reply, detail)
    }

    fn is_idempotent(&self, action: &BatchAction<'_>) -> bool {
        !action.key.is_empty()
    }

    fn is_idempotent_in_sequence(&self, action: &BatchAction<'_>) -> bool {
        !action.key.is_empty() && matches!(action.op, Op::Index | Op::Upsert | Op::Delete)
    }

    fn is_of_one_kind(&self) -> bool {
        true
    }

    fn is_globally_ordered(&self) -> bool {
        !self.unique.is_empty()
    }

    fn details(&self, action: &BatchAction<'_>) -> ItemDetails {
        ItemDetails { op: request::mode(action.op).to_owned(), index: self.name.clone(), ..ItemDetails::default() }
    }

    fn read_back_request(&self, group: Group<'_>, _: &[Location]) -> Request {
        read_back::request(self, group)
    }

    fn compare(&self, group: Group<'_>, reply: &Response) -> Option<Vec<StoredDoc>> {
        read_back::compare(group, reply)
    }

    fn fidelity_request(&self, _: Group<'_>, _: &[Location]) -> Request {
        Request::get(open::properties_path(&self.name))
    }

    fn read_fidelity(&self, _: &str, reply: &Response) -> Fidelity {
        read_back::read_fidelity(reply)
    }
}
