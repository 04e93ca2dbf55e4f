//! Fates in the order of the actions. Mostly all of them are the same, and then one says it for all: a batch is settled by
//! its size instead of item by item.

use super::{Fate, Told};

/// Collects fates.
#[derive(Debug, Default)]
pub struct Fates {
    /// The fate of all so far, and how many there are.
    all: Option<(Fate, usize)>,
    /// The fate of each, from the first one on that differs.
    each: Vec<Told>,
}

impl Fates {
    /// Adds the fate of the next actions.
    pub fn push(&mut self, fate: Fate, more: usize) {
        match &mut self.all {
            Some((all, many)) if std::mem::discriminant(all) == std::mem::discriminant(&fate) => return *many += more,
            None if self.each.is_empty() && fate.is_shared() => return self.all = Some((fate, more)),
            _ => {}
        }
        if let Some((all, many)) = self.all.take() {
            self.each = all.repeated(many).collect();
        }
        self.each.extend(fate.repeated(more));
    }

    /// Adds the last fate once more.
    #[inline(always)]
    pub fn push_again(&mut self) {
        if let Some((_, many)) = &mut self.all {
            *many += 1;
        } else if let Some(last) = self.each.last() {
            self.each.push(Told { fate: last.fate.clone(), shown: None });
        }
    }

    /// The fate of all of them, if it is one.
    pub fn of_all(&self) -> Option<&Fate> {
        self.all.as_ref().map(|(fate, _)| fate)
    }

    /// The fate of each.
    pub fn of_each(self) -> Vec<Told> {
        match self.all {
            Some((fate, many)) => fate.repeated(many).collect(),
            None => self.each,
        }
    }
}

impl From<Vec<Told>> for Fates {
    fn from(each: Vec<Told>) -> Fates {
        Fates { all: None, each }
    }
}

impl Fate {
    /// Whether it says nothing that is one action's own, so that others can have the same.
    pub fn is_shared(&self) -> bool {
        let stored = matches!(self, Fate::Created | Fate::Updated | Fate::Unchanged);
        stored || matches!(self, Fate::Ignored | Fate::Deleted | Fate::NotFound)
    }

    /// Whether the action may be sent again.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Fate::Busy(_) | Fate::Raced(_))
    }

    fn repeated(self, many: usize) -> impl Iterator<Item = Told> {
        std::iter::repeat_n(self, many).map(|fate| Told { fate, shown: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(fates: &[(Fate, usize)]) -> String {
        let mut all = Fates::default();
        for (fate, more) in fates {
            all.push(fate.clone(), *more);
        }
        let sum = fates.iter().map(|(_, more)| more).sum::<usize>();
        let as_one = all.of_all().map(|fate| format!("{fate:?} for "));
        let each: Vec<String> = all.of_each().iter().map(|told| format!("{:?}", told.fate)).collect();
        assert_eq!(each.len(), sum);
        as_one.unwrap_or_default() + &each.join(" ")
    }

    #[test]
    fn fates_are_told_as_one_while_they_are_the_same() {
        assert_eq!(words(&[]), "");
        assert_eq!(
            words(&[(Fate::Created, 3), (Fate::Created, 2)]),
            "Created for Created Created Created Created Created"
        );
        assert_eq!(
            words(&[(Fate::Created, 2), (Fate::Updated, 1), (Fate::Updated, 1)]),
            "Created Created Updated Updated"
        );
        assert_eq!(words(&[(Fate::Exists, 2)]), "Exists Exists");
        assert_eq!(
            words(&[(Fate::Created, 1), (Fate::Busy("x".to_owned()), 1), (Fate::Created, 1)]),
            "Created Busy(\"x\") Created"
        );
    }

    #[test]
    fn the_last_fate_is_said_again() {
        let mut fates = Fates::default();
        fates.push(Fate::Created, 1);
        fates.push_again();
        fates.push(Fate::Updated, 1);
        fates.push_again();
        let words: Vec<String> = fates.of_each().iter().map(|told| format!("{:?}", told.fate)).collect();
        assert_eq!(words, ["Created", "Created", "Updated", "Updated"]);
    }
}
