//! Cells that are read in another way (`--null`, `--decimal`, `--thousands`). Most files have none.

use super::number::{NumberSigns, is_number};
use super::{CsvOptions, Datatype};
use crate::json;

#[derive(Debug)]
pub(super) struct Flavour {
    /// Bare cells that count as empty.
    null_texts: Vec<Vec<u8>>,
    /// The text of quoted cells that do too.
    quoted_nulls: Vec<Vec<u8>>,
    signs: Option<NumberSigns>,
    /// A number as JSON.
    number: Vec<u8>,
}

/// What a cell with another sign in numbers is.
pub(super) enum Rewritten {
    /// Read as usual.
    No,
    /// A number: see `Flavour::number`.
    Number,
    /// No number.
    NoNumber,
}

impl Flavour {
    /// `None` if no option asks for it.
    pub(super) fn new(options: &CsvOptions) -> Option<Flavour> {
        let signs = NumberSigns { decimal: options.decimal.unwrap_or(b'.'), thousands: options.thousands };
        let signs = (options.decimal.is_some() || options.thousands.is_some()).then_some(signs);
        if signs.is_none() && options.null_texts.is_empty() {
            return None;
        }
        let quote = options.quote.unwrap_or(Some(b'"')).map_or('"', char::from);
        let inside = |text: &String| Some(text.strip_prefix(quote)?.strip_suffix(quote)?.as_bytes().to_vec());
        let quoted_nulls = options.null_texts.iter().filter_map(inside).collect();
        let null_texts = options.null_texts.iter().map(|text| text.clone().into_bytes()).collect();
        Some(Flavour { null_texts, quoted_nulls, signs, number: Vec::new() })
    }

    /// Whether a cell counts as empty.
    pub(super) fn is_null(&self, cell: &[u8], is_bare: bool) -> bool {
        let texts = if is_bare { &self.null_texts } else { &self.quoted_nulls };
        texts.iter().any(|text| text == cell)
    }

    /// Rewrites a cell that is read as a number.
    pub(super) fn rewrite(&mut self, cell: &[u8], is_bare: bool, datatype: Option<Datatype>) -> Rewritten {
        let is_number = match datatype {
            None if is_bare && matches!(cell, [b'-' | b'0'..=b'9', ..]) => is_number,
            Some(Datatype::Number) if !is_bare || !matches!(cell, b"" | b"null") => json::is_number,
            _ => return Rewritten::No,
        };
        let Some(signs) = self.signs else { return Rewritten::No };
        signs.rewrite(cell, &mut self.number);
        if is_number(&self.number) { Rewritten::Number } else { Rewritten::NoNumber }
    }

    /// The number that was rewritten.
    pub(super) fn number(&self) -> &str {
        std::str::from_utf8(&self.number).unwrap_or("null")
    }
}
