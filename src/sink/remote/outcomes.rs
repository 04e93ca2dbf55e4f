//! The outcomes of actions, in order. Mostly all of them are the same: then a batch is settled by its size instead of item
//! by item.

use super::{ItemOutcome, ItemResult};

/// Collects outcomes.
#[derive(Debug, Default)]
pub struct ItemOutcomes {
    /// The outcome of all actions so far, and their number.
    common: Option<(ItemOutcome, usize)>,
    /// The outcome of each action, once one of them differs.
    each: Vec<ItemResult>,
}

impl ItemOutcomes {
    /// Adds the outcome of the next `count` actions.
    pub fn push(&mut self, outcome: ItemOutcome, count: usize) {
        match &mut self.common {
            Some((common, total)) if std::mem::discriminant(common) == std::mem::discriminant(&outcome) => {
                return *total += count;
            }
            None if self.each.is_empty() && outcome.can_be_common() => return self.common = Some((outcome, count)),
            _ => {}
        }
        if let Some((common, total)) = self.common.take() {
            self.each = common.repeated(total).collect();
        }
        self.each.extend(outcome.repeated(count));
    }

    /// Adds the last outcome once more.
    #[inline(always)]
    pub fn repeat_last(&mut self) {
        if let Some((_, total)) = &mut self.common {
            *total += 1;
        } else if let Some(last) = self.each.last() {
            self.each.push(ItemResult { outcome: last.outcome.clone(), details: None });
        }
    }

    /// The outcome of all actions, if it is the same.
    pub fn common(&self) -> Option<&ItemOutcome> {
        self.common.as_ref().map(|(outcome, _)| outcome)
    }

    /// The outcome of each action.
    pub fn into_results(self) -> Vec<ItemResult> {
        match self.common {
            Some((outcome, total)) => outcome.repeated(total).collect(),
            None => self.each,
        }
    }
}

impl From<Vec<ItemResult>> for ItemOutcomes {
    fn from(each: Vec<ItemResult>) -> ItemOutcomes {
        ItemOutcomes { common: None, each }
    }
}

impl ItemOutcome {
    /// Whether several actions can share it, because it holds nothing about a single one.
    pub fn can_be_common(&self) -> bool {
        let stored = matches!(self, ItemOutcome::Created | ItemOutcome::Updated | ItemOutcome::Unchanged);
        stored || matches!(self, ItemOutcome::Ignored | ItemOutcome::Deleted | ItemOutcome::NotFound)
    }

    /// Whether the action may be retried.
    pub(super) fn is_retryable(&self) -> bool {
        matches!(self, ItemOutcome::Busy(_) | ItemOutcome::Raced(_))
    }

    fn repeated(self, count: usize) -> impl Iterator<Item = ItemResult> {
        std::iter::repeat_n(self, count).map(|outcome| ItemResult { outcome, details: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(outcomes: &[(ItemOutcome, usize)]) -> String {
        let mut all = ItemOutcomes::default();
        for (outcome, count) in outcomes {
            all.push(outcome.clone(), *count);
        }
        let sum = outcomes.iter().map(|(_, count)| count).sum::<usize>();
        let as_one = all.common().map(|outcome| format!("{outcome:?} for "));
        let each: Vec<String> = all.into_results().iter().map(|result| format!("{:?}", result.outcome)).collect();
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
        let words: Vec<String> = outcomes.into_results().iter().map(|result| format!("{:?}", result.outcome)).collect();
        assert_eq!(words, ["Created", "Created", "Updated", "Updated"]);
    }
}
