//! Decodes text in another encoding than UTF-8, and guesses which one it may be.
//! A byte sequence that the encoding does not have becomes a byte that UTF-8 does not have, so that its record is an error.

use super::reject_line;
use crate::error::{Exit, hint};
use anyhow::{Result, anyhow};
use encoding_rs::WINDOWS_1251;
use encoding_rs::{Decoder, DecoderResult, EUC_JP, EUC_KR, Encoding, GB18030, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE};
use std::io::{self, Read};

/// Parses `--encoding`: a label of the WHATWG's Encoding Standard.
///
/// # Errors
/// For an unknown label.
pub fn label(text: &str) -> Result<&'static Encoding, String> {
    let found = Encoding::for_label_no_replacement(text.as_bytes());
    found.ok_or_else(|| format!("unknown encoding\nhint: `iconv -f {text} -t UTF-8 FILE | bulkimport ...` converts it"))
}

/// The encoding of the first four bytes of a text, if they begin with the byte order mark of UTF-16.
pub(super) fn of_start(start: &[u8]) -> Option<&'static Encoding> {
    match start {
        // UTF-32.
        [0xff, 0xfe, 0, 0, ..] => None,
        [0xff, 0xfe, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] => Some(UTF_16BE),
        _ => None,
    }
}

/// Checks that the first bytes of a text are not in an encoding that is not read.
///
/// # Errors
/// If they are.
pub(super) fn ensure_supported(start: &[u8]) -> Result<()> {
    let utf32 = ("UTF-32 is not supported", "`iconv -f UTF-32 -t UTF-8 FILE | bulkimport ...` converts it");
    let utf16 = "UTF-16 without a byte order mark";
    let is_text: Vec<bool> = start.iter().take(4).map(|byte| *byte != 0).collect();
    let (text, advice) = match (start, &is_text[..]) {
        ([0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..], _) => utf32,
        (_, [true, false, false, false]) => (utf32.0, "`iconv -f UTF-32LE -t UTF-8 FILE | bulkimport ...` converts it"),
        (_, [false, false, false, true]) => (utf32.0, "`iconv -f UTF-32BE -t UTF-8 FILE | bulkimport ...` converts it"),
        (_, [true, false, true, false] | [true, false]) => (utf16, "write `--encoding utf-16le`"),
        (_, [false, true, false, true] | [false, true]) => (utf16, "write `--encoding utf-16be`"),
        (_, [false, ..] | [_, false, ..]) => return Err(anyhow!("binary data, not text").context(Exit(5))),
        _ => return Ok(()),
    };
    Err(anyhow!(text).context(hint(advice)).context(Exit(5)))
}

/// Decodes `raw`: from `encoding`, or from UTF-16 if it begins with its byte order mark.
pub(super) fn decoded(
    mut raw: impl Read + Send + 'static,
    encoding: Option<&'static Encoding>,
) -> io::Result<Box<dyn Read + Send>> {
    let mut start = Vec::new();
    raw.by_ref().take(if encoding.is_some() { reject_line::MAX_BEGIN } else { 4 }).read_to_end(&mut start)?;
    // A file of rejects has the text of another input, already decoded.
    let encoding = encoding.filter(|_| reject_line::begins(&start) != Some(true));
    if encoding.is_some_and(|encoding| encoding == UTF_16LE || encoding == UTF_16BE) {
        ensure_utf16(&mut start, &mut raw)?;
    }
    let is_utf32 = matches!(start[..], [0xff, 0xfe, 0, 0]);
    let encoding = encoding.or_else(|| of_start(&start)).filter(|encoding| *encoding != UTF_8 && !is_utf32);
    let raw = io::Cursor::new(start).chain(raw);
    Ok(match encoding {
        None => Box::new(raw),
        Some(encoding) => Box::new(Decoded {
            raw,
            decoder: encoding.new_decoder(),
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            is_last: false,
            is_done: false,
        }),
    })
}

/// Checks that a text may be UTF-16: some character of a line, such as its break, has a zero byte. Reads more of it if needed.
/// Text of single bytes would become characters that nobody wrote.
fn ensure_utf16(start: &mut Vec<u8>, raw: &mut impl Read) -> io::Result<()> {
    while !start.is_empty() && !start.contains(&0) && of_start(start).is_none() {
        if start.len() > MAX_LOOK || raw.by_ref().take(64).read_to_end(start)? == 0 {
            return Err(io::Error::other("the text is not UTF-16 (--encoding): it has no zero bytes"));
        }
    }
    Ok(())
}

const BUFFER: usize = 64 * 1024;

/// A byte that never occurs in UTF-8.
const INVALID: u8 = 0xff;

struct Decoded<R> {
    raw: R,
    decoder: Decoder,
    /// Bytes that are not decoded yet.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Whether the buffer has the last bytes.
    is_last: bool,
    is_done: bool,
}

impl<R: Read> Read for Decoded<R> {
    /// `out` is a buffer of many bytes.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written == 0 && !self.is_done {
            if self.start == self.end && !self.is_last {
                (self.start, self.end) = (0, self.raw.read(&mut self.buffer)?);
                self.is_last = self.end == 0;
            }
            let (bytes, room) = (&self.buffer[self.start..self.end], out.len() - 1);
            let (result, read, count) =
                self.decoder.decode_to_utf8_without_replacement(bytes, &mut out[..room], self.is_last);
            self.start += read;
            written = count;
            match result {
                DecoderResult::Malformed(..) => {
                    out[written] = INVALID;
                    written += 1;
                }
                DecoderResult::InputEmpty => self.is_done = self.is_last,
                DecoderResult::OutputFull => {}
            }
        }
        Ok(written)
    }
}

/// Maximum bytes of a text that are looked at for its likely encoding.
const MAX_LOOK: usize = 4096;

/// Advice for text that is not UTF-8 from this byte on: the encoding that it probably has.
pub(super) fn likely(bytes: &[u8], valid: usize) -> Option<&'static str> {
    let (before, bytes) = bytes.split_at(valid);
    let bytes = if bytes.len() > MAX_LOOK { &bytes[..MAX_LOOK] } else { bytes };
    // Without a part of a character at the end.
    let bytes = bytes.iter().rposition(u8::is_ascii).map_or(bytes, |last| &bytes[..=last]);
    // What `Decoded` wrote.
    if bytes.iter().filter(|byte| **byte >= 0xf8).all(|byte| *byte == INVALID) && is_otherwise_utf8(bytes) {
        return None;
    }
    let is_kana = |char| matches!(char, '\u{3041}'..='\u{30ff}');
    let is_hangul = |char| matches!(char, '\u{ac00}'..='\u{d7a3}');
    let is_cyrillic = |char| matches!(char, '\u{410}'..='\u{44f}' | 'ё' | 'Ё' | 'і' | 'ї' | 'є');
    let is_chinese = |char| matches!(char, '\u{4e00}'..='\u{9fa5}');
    let has_word = || bytes.windows(3).any(|three| three.iter().all(|byte| *byte >= 0xc0));
    Some(match () {
        () if has_share(bytes, EUC_JP, is_kana, 50) => "write `--encoding euc-jp`",
        () if has_share(bytes, SHIFT_JIS, is_kana, 50) => "write `--encoding shift_jis`",
        () if has_word() && has_share(bytes, WINDOWS_1251, is_cyrillic, 90) => "write `--encoding windows-1251`",
        () if has_pairs_only(bytes) && has_share(bytes, EUC_KR, is_hangul, 90) => "write `--encoding euc-kr`",
        () if has_pairs_only(bytes) && has_share(bytes, GB18030, is_chinese, 50) => "write `--encoding gb18030`",
        // UTF-8 that was cut or damaged.
        () if !before.is_ascii() || has_utf8_character(bytes) => return None,
        () => "write `--encoding windows-1252`",
    })
}

/// Whether the bytes are valid in an encoding, and more than so many percent of their characters beyond ASCII are such ones.
fn has_share(bytes: &[u8], encoding: &'static Encoding, is_such: fn(char) -> bool, percent: usize) -> bool {
    let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) else { return false };
    let others = || text.chars().filter(|char| !char.is_ascii());
    others().filter(|char| is_such(*char)).count() * 100 > others().count() * percent
}

/// Whether the bytes are UTF-8 if invalid ones of `Decoded` are left out.
fn is_otherwise_utf8(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == INVALID).all(|part| std::str::from_utf8(part).is_ok())
}

/// Whether some character beyond ASCII is valid UTF-8.
fn has_utf8_character(bytes: &[u8]) -> bool {
    bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii())
}

/// Whether bytes above ASCII come in pairs, at least two pairs in a row: an accented letter of a Latin text is alone.
fn has_pairs_only(bytes: &[u8]) -> bool {
    let mut runs = bytes.split(|byte| byte.is_ascii()).filter(|run| !run.is_empty());
    runs.all(|run| run.len() >= 4 && run.len().is_multiple_of(2))
}
