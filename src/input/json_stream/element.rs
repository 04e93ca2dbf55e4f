//! Scans the elements of the stream, and handles invalid ones.

use super::skipping::Skip;
use super::{JsonStream, StreamState};
use crate::input::bad_value::BadValue;
use crate::input::mistakes::{CONTEXT, named, text_of};
use crate::input::window::LONG;
use crate::input::{More, NoRecord};
use crate::json::ScanError;
use crate::record::Reason;

impl JsonStream {
    /// Scans the element at the start of the window. `None` if it is too long. The scanner sees at most one byte more than
    /// the limit, so that its result does not depend on how many bytes a read returns.
    pub(super) fn element(&mut self, first: u8) -> Result<Option<Result<usize, ScanError>>, NoRecord> {
        loop {
            let available = self.window.bytes().len();
            if self.has_end_of_long() || available >= self.wanted || available > self.max || self.window.ended() {
                let bytes = &self.window.bytes()[..available.min(self.max + 1)];
                let mut scanned = match first {
                    b'{' => self.scanner.object(bytes),
                    _ => self.scanner.value(bytes, 0),
                };
                let mut is_open = match scanned {
                    // A number at the end of the buffer may be incomplete.
                    Ok(end) => end == bytes.len() && !matches!(first, b'{' | b'[' | b'"'),
                    Err(error) => error == ScanError::Incomplete,
                };
                let mut is_long = available > self.max && (is_open || scanned.is_ok_and(|end| end > self.max));
                if self.is_by_lines && is_over_lines(bytes, scanned) {
                    (scanned, is_open, is_long) = (Err(ScanError::Incomplete), false, false);
                }
                // The message may have the word at the error.
                let is_cut = matches!(scanned, Err(ScanError::Syntax { offset, .. }) if available < offset + CONTEXT);
                if is_long || !(is_open || is_cut) || self.window.ended() {
                    (self.wanted, self.long) = (0, None);
                    return Ok((!is_long).then_some(scanned));
                }
                // Rescanning from the start is cheap if each scan has twice the bytes of the previous one.
                self.wanted = if is_open { bytes.len() * 2 } else { available + 1 };
            }
            match self.window.more() {
                Ok(More::Later) => return Err(NoRecord::Idle),
                Ok(More::Idle) => {
                    // The available bytes may be a complete record by now: scan them next time.
                    self.wanted = 0;
                    return Err(NoRecord::Idle);
                }
                Ok(More::Data | More::End) => {}
                Err(error) => return self.fail(error.to_string()),
            }
        }
    }

    /// Whether the end of a long element was read, or cannot be found. So the window does not grow beyond it.
    fn has_end_of_long(&mut self) -> bool {
        let bytes = self.window.bytes();
        if bytes.len() <= LONG {
            return false;
        }
        let (skipper, searched) = self.long.get_or_insert_default();
        let end = skipper.end(&bytes[*searched..]);
        *searched = bytes.len();
        end != Ok(None)
    }

    /// Handles an invalid element: it is skipped if its end, or that of its line, can be found.
    pub(super) fn bad_element(&mut self, error: ScanError) -> Result<(), NoRecord> {
        let bytes = self.window.bytes();
        let incomplete = if self.is_by_lines { "unexpected end of line" } else { "unexpected end of input" };
        let incomplete = format!("{incomplete} in object");
        let (offset, text) = match error {
            ScanError::Syntax { offset, what } => (offset, named(bytes, offset, what)),
            ScanError::Incomplete => (bytes.len(), incomplete.clone()),
        };
        let reason = Reason::new("invalid_json", text_of(bytes, error, &incomplete));
        let byte = offset + 1;
        if self.state != StreamState::Stream {
            let broken = format!("broken JSON array: {text}, at byte {byte} of the element");
            if error == ScanError::Incomplete {
                // Where a line ends is not where the window ends.
                return self.broken(if self.is_by_lines { incomplete } else { broken });
            }
            self.skip_record(reason, Skip::Bad(BadValue::default(), broken));
            return Ok(());
        }
        if self.is_by_lines {
            self.skip_record(reason, Skip::Line);
            return Ok(());
        }
        let is_same_line = memchr::memchr(b'\n', &bytes[..offset]).is_none();
        if !self.line_start || !is_same_line {
            return self.fail(format!("broken JSON: {text}, at byte {byte} of the element"));
        }
        let text = format!("{text}, at byte {byte}");
        self.skip_record(Reason { text, ..reason }, Skip::Line);
        Ok(())
    }

    /// Expects what follows an element.
    pub(super) fn after_element(&mut self) {
        if matches!(self.state, StreamState::Element { .. }) {
            self.state = StreamState::Separator;
        }
    }
}

/// Whether a line break comes before the end of a value, or before its error.
fn is_over_lines(bytes: &[u8], scanned: Result<usize, ScanError>) -> bool {
    let end = match scanned {
        Ok(end) | Err(ScanError::Syntax { offset: end, .. }) => end,
        Err(ScanError::Incomplete) => bytes.len(),
    };
    memchr::memchr(b'\n', &bytes[..end]).is_some()
}
