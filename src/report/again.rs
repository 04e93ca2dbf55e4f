//! What an interrupted run says last: how many records were kept, and how to go on.

use crate::progress::grouped;
use crate::sink::{Bucket, Counts};

/// The command that imports the records that an interrupted run left out, and none of them twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// The same command.
    Always,
    /// The same command, if all records have keys.
    WithKeys,
    /// The same command with `--on-duplicate ignore`, if all records have keys.
    WithIgnore,
    /// There is none.
    Unknown,
}

const SAME: &str = "run the same command again";

impl Again {
    /// The message.
    pub(super) fn text(self, counts: &Counts, has_generated_keys: bool) -> String {
        let kept = counts[Bucket::Created] + counts[Bucket::Updated] + counts[Bucket::Deleted];
        let advice = match self {
            Again::Unknown => None,
            _ if kept + counts[Bucket::Unknown] == 0 => Some(SAME),
            Again::Always => Some(SAME),
            Again::WithKeys if !has_generated_keys => Some(SAME),
            Again::WithIgnore if !has_generated_keys => Some("run again with --on-duplicate ignore"),
            _ => None,
        };
        let kept = kept_text(counts);
        advice.map_or_else(|| format!("interrupted: {kept}"), |advice| format!("interrupted: {kept}; {advice}"))
    }
}

/// How many records were kept.
pub(super) fn kept_text(counts: &Counts) -> String {
    let kept = counts[Bucket::Created] + counts[Bucket::Updated] + counts[Bucket::Deleted];
    match (kept, counts[Bucket::Deleted] == kept) {
        (0, _) => "no records were kept".to_owned(),
        (1, true) => "1 record was deleted".to_owned(),
        (1, false) => "1 record was kept".to_owned(),
        (_, true) => format!("{} records were deleted", grouped(kept)),
        (_, false) => format!("{} records were kept", grouped(kept)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_makes_no_document_twice() {
        let text = |again: Again, bucket: Bucket, count, has_generated_keys| {
            let mut counts = Counts::default();
            counts[bucket] = count;
            again.text(&counts, has_generated_keys)
        };
        let ignore = "interrupted: 214,568 records were kept; run again with --on-duplicate ignore";
        assert_eq!(text(Again::WithIgnore, Bucket::Created, 214_568, false), ignore);
        assert_eq!(text(Again::WithIgnore, Bucket::Created, 2, true), "interrupted: 2 records were kept");
        let same = "interrupted: 1 record was kept; run the same command again";
        assert_eq!(text(Again::WithKeys, Bucket::Updated, 1, false), same);
        assert_eq!(text(Again::WithKeys, Bucket::Updated, 1, true), "interrupted: 1 record was kept");
        assert_eq!(text(Again::Always, Bucket::Created, 1, true), same);
        let deleted = "interrupted: 3 records were deleted; run the same command again";
        assert_eq!(text(Again::WithKeys, Bucket::Deleted, 3, false), deleted);
        assert_eq!(text(Again::Unknown, Bucket::Created, 5, false), "interrupted: 5 records were kept");
        let none = "interrupted: no records were kept; run the same command again";
        assert_eq!(text(Again::WithIgnore, Bucket::Error, 5, true), none);
        assert_eq!(text(Again::WithIgnore, Bucket::Unknown, 5, true), "interrupted: no records were kept");
        // The file exists then.
        assert_eq!(text(Again::Unknown, Bucket::Error, 5, false), "interrupted: no records were kept");
    }
}
