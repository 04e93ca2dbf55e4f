//! The head of a journal: what must be the same for a run to go on.

use crate::error::hint;
use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};

/// What identifies an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputIdentity {
    /// Its name.
    pub name: String,
    /// Its size; none if it is not a regular file.
    pub size: Option<u64>,
}

/// What a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The prefix of generated keys.
    pub run: String,
    /// The value of `--jobs`, which decides about the number of lanes.
    pub jobs: usize,
    /// The inputs.
    pub inputs: Vec<InputIdentity>,
    /// The flags that change what an action means, with their values.
    pub meaning: Vec<(String, String)>,
}

impl Head {
    /// Checks that a run with this head goes on with the run of `before`.
    ///
    /// # Errors
    /// With the first thing that differs.
    pub(super) fn ensure_continues(&self, before: &Head) -> Result<()> {
        let Some(what) = self.difference(before) else { return Ok(()) };
        let advice = "run the command that began it, or name another journal";
        Err(anyhow!("the journal is of a run with other {what}").context(hint(advice)))
    }

    fn difference(&self, before: &Head) -> Option<String> {
        let names = |head: &Head| head.inputs.iter().map(|input| input.name.clone()).collect::<Vec<_>>().join(" ");
        if names(self) != names(before) {
            return Some(format!("inputs: {:?}, now {:?}", names(before), names(self)));
        }
        let mut pairs = self.inputs.iter().zip(&before.inputs);
        if let Some((now, before)) = pairs.find(|(now, before)| now.size != before.size) {
            let size = |input: &InputIdentity| input.size.map_or("no size".to_owned(), |size| format!("{size} bytes"));
            return Some(format!("input: {} had {}, now {}", now.name, size(before), size(now)));
        }
        let value = |of: &Head, flag: &str| {
            let found = of.meaning.iter().find(|(name, _)| name == flag);
            found.map_or_else(|| "nothing".to_owned(), |(_, value)| value.clone())
        };
        let all = before.meaning.iter().chain(&self.meaning).map(|(flag, _)| flag);
        let differs = |flag: &&String| value(self, flag) != value(before, flag);
        let flag = { all }.find(differs)?;
        if flag.starts_with("one of ") {
            return Some(format!("flags: {flag}"));
        }
        Some(format!("flags: {flag} was {}, now {}", value(before, flag), value(self, flag)))
    }
}
