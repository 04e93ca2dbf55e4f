//! The metadata of a bulk line's action (contract of the bulk API, 1.5).

use super::super::item::ItemError;
use super::fetch::Fetch;
use super::values::{beyond, boolean, long, text, token};
use crate::json::{JsonKind, Scanner, unescape};
use std::borrow::Cow;

/// How a version is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum VersionType {
    #[default]
    Internal,
    External,
    ExternalGte,
}

impl VersionType {
    fn read(name: &str) -> Result<VersionType, ItemError> {
        Ok(match name {
            "internal" => VersionType::Internal,
            "external" | "external_gt" => VersionType::External,
            "external_gte" => VersionType::ExternalGte,
            _ => return Err(ItemError::argument(format!("No version type match [{name}]"))),
        })
    }

    /// Its name in the server's messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            VersionType::Internal => "INTERNAL",
            VersionType::External => "EXTERNAL",
            VersionType::ExternalGte => "EXTERNAL_GTE",
        }
    }
}

/// A condition on the stored document's sequence number and primary term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) seq: Option<i64>,
    /// 0 is the server's word for none.
    pub(super) term: i64,
}

impl Condition {
    /// Takes `if_seq_no` or `if_primary_term`.
    pub(super) fn set(&mut self, name: &str, value: i64) -> Result<(), ItemError> {
        if name == "if_seq_no" {
            // -2 is the server's word for none.
            if value < 0 && value != -2 {
                return Err(ItemError::argument(format!("sequence numbers must be non negative. got [{value}].")));
            }
            self.seq = Some(value).filter(|value| *value >= 0);
        } else {
            if value < 0 {
                return Err(ItemError::argument(format!("primary term must be non negative. got [{value}]")));
            }
            self.term = value;
        }
        Ok(())
    }
}

/// The metadata beside key and index, which `action` has read.
#[derive(Debug, Default)]
pub(super) struct Meta<'a> {
    pub(super) routing: Option<Cow<'a, str>>,
    pub(super) version: Option<i64>,
    pub(super) version_type: VersionType,
    pub(super) condition: Condition,
    pub(super) retries: i64,
    pub(super) pipeline: Option<Cow<'a, str>>,
    pub(super) source: Option<Fetch>,
    pub(super) require_alias: bool,
    /// Whether `_index` is a text without a character.
    pub(super) has_empty_index: bool,
}

impl<'a> Meta<'a> {
    /// Reads a metadata object, which is valid JSON without duplicate names; `number` is its line's.
    pub(super) fn read(head: &'a str, number: u64, scanner: &mut Scanner) -> Result<Meta<'a>, ItemError> {
        let mut meta = Meta::default();
        // The reader has scanned it.
        _ = scanner.object(head.as_bytes());
        for field in scanner.fields() {
            let value = field.value.of(head);
            let written = field.name.of(head);
            if value == "null" {
                continue;
            }
            let name = unescape(written).unwrap_or(Cow::Borrowed(written));
            let is_source = name == "_source" && JsonKind::of(value) == JsonKind::Object;
            if matches!(JsonKind::of(value), JsonKind::Object | JsonKind::Array) && !is_source {
                let token = token(value);
                return Err(ItemError::argument(format!(
                    "Malformed action/metadata line [{number}], expected a simple value for field [{name}] but found [{token}]"
                )));
            }
            meta.field(&name, value, number)?;
        }
        Ok(meta)
    }

    fn field(&mut self, name: &str, value: &'a str, number: u64) -> Result<(), ItemError> {
        match name {
            "_index" => self.has_empty_index = value == "\"\"",
            "_id" | "op_type" => {}
            "routing" => self.routing = Some(text(value)?).filter(|routing| !routing.is_empty()),
            "version" => self.version = Some(long(value)?),
            "version_type" => self.version_type = VersionType::read(&text(value)?)?,
            "if_seq_no" | "if_primary_term" => self.condition.set(name, long(value)?)?,
            "retry_on_conflict" => self.retries = retries(value)?,
            "pipeline" => self.pipeline = Some(text(value)?),
            "_source" => self.source = Some(Fetch::read(value)?),
            "require_alias" => self.require_alias = boolean(value)?,
            _ => {
                let reason = format!("Action/metadata line [{number}] contains an unknown parameter [{name}]");
                return Err(ItemError::argument(reason));
            }
        }
        Ok(())
    }
}

fn retries(value: &str) -> Result<i64, ItemError> {
    let text = text(value)?;
    match text.parse::<f64>() {
        Ok(_) => match long(value)? {
            number if i32::try_from(number).is_ok() => Ok(number),
            _ => Err(beyond(&text, "int", i32::MIN.into(), i32::MAX.into())),
        },
        Err(_) => Err(ItemError::new(400, "number_format_exception", format!("For input string: \"{text}\""))),
    }
}
