//! ItemOutcomes in the order of the actions. Mostly all of them are the same, and then one says it for all: a batch is settled by
//! its size instead of item by item.

use super::{ItemOutcome, ItemResult};

/// Collects outcomes.
#[derive(Debug, Default)]
pub struct ItemOutcomes {
    /// The outcome of all so far, and how many there are.
    all: Option<(ItemOutcome, usize)>,
    /// The outcome of each, from the first one on that differs.
    each: Vec<ItemResult>,
}

impl ItemOutcomes {
    /// Adds the outcome of the next actions.
    pub fn push(&mut self, outcome: ItemOutcome, more: usize) {
        match &mut self.all {
            Some((all, many)) if std::mem::discriminant(all) == std::mem::discriminant(&outcome) => {
                return *many += more;
            }
            None if self.each.is_empty() && outcome.can_be_common() => return self.all = Some((outcome, more)),
            _ => {}
        }
        if let Some((all, many)) = self.all.take() {
            self.each = all.repeated(many).collect();
        }
        self.each.extend(outcome.repeated(more));
    }

    /// Adds the last outcome once more.
    #[inline(always)]
    pub fn repeat_last(&mut self) {
        if let Some((_, many)) = &mut self.all {
            *many += 1;
        } else if let Some(last) = self.each.last() {
            self.each.push(ItemResult { outcome: last.outcome.clone(), details: None });
        }
    }

    /// The outcome of all of them, if it is one.
    pub fn common(&self) -> Option<&ItemOutcome> {
        self.all.as_ref().map(|(outcome, _)| outcome)
    }

    /// The outcome of each.
    pub fn into_results(self) -> Vec<ItemResult> {
        match self.all {
            Some((outcome, many)) => outcome.repeated(many).collect(),
            None => self.each,
        }
    }
}

impl From<Vec<ItemResult>> for ItemOutcomes {
    fn from(each: Vec<ItemResult>) -> ItemOutcomes {
        ItemOutcomes { all: None, each }
    }
}

impl ItemOutcome {
    /// Whether it says nothing that is one action's own, so that others can have the same.
    pub fn can_be_common(&self) -> bool {
        let stored = matches!(self, ItemOutcome::Created | ItemOutcome::Updated | ItemOutcome::Unchanged);
        stored || matches!(self, ItemOutcome::Ignored | ItemOutcome::Deleted | ItemOutcome::NotFound)
    }

    /// Whether the action may be sent again.
    pub(super) fn is_retryable(&self) -> bool {
        matches!(self, ItemOutcome::Busy(_) | ItemOutcome::Raced(_))
    }

    fn repeated(self, many: usize) -> impl Iterator<Item = ItemResult> {
        std::iter::repeat_n(self, many).map(|outcome| ItemResult { outcome, details: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(outcomes: &[(ItemOutcome, usize)]) -> String {
        let mut all = ItemOutcomes::default();
        for (outcome, more) in outcomes {
            all.push(outcome.clone(), *more);
        }
        let sum = outcomes.iter().map(|(_, more)| more).sum::<usize>();
        let as_one = all.common().map(|outcome| format!("{outcome:?} for "));
        let each: Vec<String> = all.into_results().iter().map(|told| format!("{:?}", told.outcome)).collect();
        assert_eq!(each.len(), sum);
        as_one.unwrap_or_default() + &each.join(" ")
    }

    #[test]
    fn equal_outcomes_are_kept_as_one() {
        assert_eq!(words(&[]), "");
        assert_eq!(
            words(&[(ItemOutcome::Created, 3), (ItemOutcome::Created, 2)]),
            "Created for Created Created Created Created Created"
        );
        assert_eq!(
            words(&[(ItemOutcome::Created, 2), (ItemOutcome::Updated, 1), (ItemOutcome::Updated, 1)]),
            "Created Created Updated Updated"
        );
        assert_eq!(words(&[(ItemOutcome::Exists, 2)]), "Exists Exists");
        assert_eq!(
            words(&[(ItemOutcome::Created, 1), (ItemOutcome::Busy("x".to_owned()), 1), (ItemOutcome::Created, 1)]),
            "Created Busy(\"x\") Created"
        );
    }

    #[test]
    fn the_last_outcome_is_repeated() {
        let mut outcomes = ItemOutcomes::default();
        outcomes.push(ItemOutcome::Created, 1);
        outcomes.repeat_last();
        outcomes.push(ItemOutcome::Updated, 1);
        outcomes.repeat_last();
        let words: Vec<String> = outcomes.into_results().iter().map(|told| format!("{:?}", told.outcome)).collect();
        assert_eq!(words, ["Created", "Created", "Updated", "Updated"]);
    }
}
