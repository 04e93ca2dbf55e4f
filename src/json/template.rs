//! What the documents of one source have in common: the names of their members, the order of those and the punctuation
//! between the values. A document is compared with that text instead of being scanned name by name; only its values are
//! looked at. Whatever does not match is left to the scanner, which decides alone what is JSON: a match can only be found
//! where the scanner would find the same members.

use super::scan::{Member, Scanner, Span};
use super::usual::{LANES, chunk, value};
use std::sync::atomic::{AtomicU64, Ordering};
use wide::u8x16;

/// Pieces of a template: a document with more of them is scanned.
const MOST: usize = 256;

/// Documents that are scanned at most before another template is tried.
const LONGEST_PAUSE: u32 = 63;

/// Numbers of templates: no two of the program have the same.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// Text that is the same in each document, at most sixteen bytes of it.
#[derive(Clone, Copy, Debug)]
struct Piece {
    text: [u8; LANES],
    /// A bit for each byte of `text` that counts.
    mask: u32,
    length: u32,
    /// The name of the member of the outermost object whose value begins behind it; `start` is 0 if there is none.
    name: Name,
    /// Whether the value of a member of the outermost object ends before it: the piece is what joins two of them, or ends the
    /// document.
    joins: bool,
    /// Whether a value follows that differs from document to document.
    value: bool,
}

/// How far a name lies before the value.
#[derive(Clone, Copy, Debug, Default)]
struct Name {
    start: u32,
    end: u32,
    escaped: bool,
}

/// The text of documents without their values.
#[derive(Debug, Default)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    /// How many members it has.
    members: usize,
    /// Tells it from those before; 0 for none.
    number: u64,
    /// Whether a line break is in it.
    has_break: bool,
    /// Whether a document was learnt from, or could not be.
    has_learnt: bool,
    /// Documents to scan before the next one is learnt from.
    pause: u32,
    /// How long the last pause was.
    paused: u32,
}

/// How a document agrees with the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// One past the document's closing brace.
    pub(super) end: usize,
    /// Whether it has every member of the template.
    pub(super) is_whole: bool,
    /// Whether all its values are of the usual kinds.
    pub(super) is_plain: bool,
}

impl Template {
    /// The number of the template; 0 if there is none.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether a document is to be compared with it.
    #[inline(always)]
    pub(super) fn is_of_use(&self, in_line: bool) -> bool {
        self.pause == 0 && self.number != 0 && !(in_line && self.has_break)
    }

    /// Compares the document at the beginning of `bytes` and notes its members. `scan` is told where a value begins that is
    /// not of the usual kinds, and says where it ends.
    #[inline(always)]
    pub(super) fn compare(
        &mut self,
        bytes: &[u8],
        members: &mut Vec<Member>,
        mut scan: impl FnMut(usize) -> Option<usize>,
    ) -> Option<Match> {
        // Room for every member, which a document like the last one has already.
        members.resize(self.members, Member::default());
        let places = members.as_mut_slice();
        let (mut at, mut count, mut is_whole, mut is_plain) = (0u32, 0usize, true, true);
        let mut pieces = self.pieces.iter();
        while let Some(mut piece) = pieces.next() {
            if piece.joins {
                places.get_mut(count.wrapping_sub(1))?.value.end = at;
            }
            let there = chunk(bytes, at)?;
            if !piece.is(there) {
                piece = behind_missing(piece, &mut pieces, there)?;
                is_whole = false;
            }
            at += piece.length;
            let Name { start, end, escaped } = piece.name;
            if start > 0 {
                let name = Span { start: at - start, end: at - end };
                *places.get_mut(count)? = Member { name, value: Span { start: at, end: at }, escaped };
                count += 1;
            }
            if piece.value {
                at = match value(bytes, at) {
                    Some(end) => end,
                    None => {
                        is_plain = false;
                        scan(at as usize)? as u32
                    }
                };
            }
        }
        members.truncate(count);
        self.paused /= 2;
        Some(Match { end: at as usize, is_whole, is_plain })
    }

    /// Takes in that a document did not match, or that there is nothing yet to match: learns from the document, unless too
    /// many of the last ones were unlike each other. Says whether it did.
    #[inline(never)]
    pub(super) fn learn(&mut self, document: &[u8]) -> bool {
        if self.pause > 0 {
            self.pause -= 1;
            return false;
        }
        if std::mem::replace(&mut self.has_learnt, true) {
            self.paused = (self.paused * 2 + 1).min(LONGEST_PAUSE);
            self.pause = self.paused;
        }
        let mut lesson =
            Lesson { document, from: 0, name: None, ends: false, pieces: std::mem::take(&mut self.pieces) };
        lesson.pieces.clear();
        self.number = if lesson.read().is_some() { NUMBERS.fetch_add(1, Ordering::Relaxed) } else { 0 };
        self.pieces = lesson.pieces;
        self.members = self.pieces.iter().filter(|piece| piece.name.start > 0).count();
        self.has_break = self.pieces.iter().any(|piece| piece.text.contains(&b'\n'));
        self.number != 0
    }
}

impl Piece {
    #[inline(always)]
    fn is(&self, chunk: &[u8; LANES]) -> bool {
        u8x16::new(*chunk).simd_eq(u8x16::new(self.text)).to_bitmask() & self.mask == self.mask
    }
}

/// The piece that does match where `piece` does not: members may be missing, the last ones too.
#[cold]
fn behind_missing<'p>(
    piece: &Piece,
    pieces: &mut std::slice::Iter<'p, Piece>,
    there: &[u8; LANES],
) -> Option<&'p Piece> {
    if piece.joins { pieces.find(|piece| piece.joins && piece.is(there)) } else { None }
}

/// A document from which a template is made.
struct Lesson<'a> {
    document: &'a [u8],
    /// Where the text begins that is in no piece yet.
    from: usize,
    /// The name of the outermost object's member that was read last.
    name: Option<(Span, bool)>,
    /// Whether the value of such a member has just ended.
    ends: bool,
    pieces: Vec<Piece>,
}

impl Lesson<'_> {
    /// Reads a document that the scanner has accepted.
    fn read(&mut self) -> Option<()> {
        let mut scanner = Scanner::default();
        let (mut at, mut depth, mut is_name) = (0, 0, false);
        loop {
            match self.document[at] {
                b'{' => {
                    (depth, is_name) = (depth + 1, true);
                    at += 1;
                }
                b'}' => {
                    (depth, is_name) = (depth - 1, false);
                    at += 1;
                    if depth == 0 {
                        self.cut(at, None, false)?;
                        return Some(());
                    }
                    if depth == 1 {
                        self.cut(at, None, false)?;
                        self.ends = true;
                    }
                }
                b'"' if is_name => {
                    let end = scanner.value(self.document, at).ok()?;
                    if depth == 1 {
                        let escaped = self.document[at..end].contains(&b'\\');
                        self.name = Some((Span::new(at + 1, end - 1), escaped));
                    }
                    (at, is_name) = (end, false);
                }
                byte @ (b' ' | b'\t' | b'\r' | b'\n' | b',' | b':') => {
                    is_name |= byte == b',';
                    at += 1;
                }
                _ => return None,
            }
            // A value begins behind a colon and its blanks.
            if !is_name && self.document[at - 1] == b':' {
                let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
                at += self.document[at..].iter().take_while(blank).count();
                let name = self.name.take();
                if self.document[at] == b'{' {
                    if name.is_some() {
                        self.cut(at, name, false)?;
                    }
                    continue;
                }
                self.cut(at, name, true)?;
                at = scanner.value(self.document, at).ok()?;
                self.from = at;
                self.ends = depth == 1;
            }
        }
    }

    /// Makes pieces of the text up to `end`.
    fn cut(&mut self, end: usize, name: Option<(Span, bool)>, value: bool) -> Option<()> {
        let first = self.pieces.len();
        while self.from < end {
            let length = (end - self.from).min(LANES);
            let mut text = [0; LANES];
            text[..length].copy_from_slice(&self.document[self.from..self.from + length]);
            let mask = ((1u64 << length) - 1) as u32;
            let joins = std::mem::take(&mut self.ends);
            let (length, name) = (length as u32, Name::default());
            self.pieces.push(Piece { text, mask, length, name, joins, value: false });
            self.from += length as usize;
        }
        let last = self.pieces[first..].last_mut()?;
        last.value = value;
        if let Some((span, escaped)) = name {
            let before = |place: u32| end as u32 - place;
            last.name = Name { start: before(span.start), end: before(span.end), escaped };
        }
        (self.pieces.len() <= MOST).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::Facts;
    use super::*;
    use proptest::prelude::*;

    /// What follows a document in a window: enough to compare sixteen bytes anywhere in it.
    const BEHIND: &str = "\n{\"and\":\"so on, and so on\"}\n";

    /// Scans documents one after the other; each has to be scanned as it is alone.
    fn facts<T: AsRef<[u8]>>(documents: &[T], in_line: bool) -> Vec<Option<Facts>> {
        let mut scanner = Scanner::of_documents();
        let mut all = Vec::new();
        for document in documents {
            let bytes = [document.as_ref(), BEHIND.as_bytes()].concat();
            let mut alone = Scanner::default();
            let (end, expected) = match in_line {
                true => (scanner.object_in_line(&bytes), alone.object_in_line(&bytes)),
                false => (scanner.object(&bytes).ok(), alone.object(&bytes).ok()),
            };
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(end, expected, "{text}");
            if end.is_some() {
                assert_eq!(scanner.members(), alone.members(), "{text}");
            }
            all.push(end.map(|_| scanner.facts()));
        }
        all
    }

    fn is_matched(documents: &[&str]) -> bool {
        let facts = facts(documents, true);
        let (first, last) = (facts[0].expect("a document"), facts[documents.len() - 1].expect("a document"));
        last.names() == first.names() && last.is_plain()
    }

    #[test]
    fn documents_with_the_same_names_match() {
        let first =
            r#"{"_key":"a","n":1,"in":{"x":true,"y":{}},"tags":["a"],"a rather long name, longer than a piece":null}"#;
        for other in [
            r#"{"_key":"bb","n":-2.50,"in":{"x":"yes","y":{}},"tags":[],"a rather long name, longer than a piece":"é"}"#,
            r#"{"_key":7,"n":"seven","in":{"x":[1, 2],"y":{}},"tags":["a","b", "c"],"a rather long name, longer than a piece":0}"#,
            r#"{"_key":"bb","in":{"x":false,"y":{}},"tags":["a",null],"a rather long name, longer than a piece":"é"}"#,
            r#"{"_key":"bb","n":3}"#,
        ] {
            assert!(is_matched(&[first, other]), "{other}");
        }
        for other in [
            r#"{"n":1,"_key":"a"}"#,
            r#"{"_key":"a","n":1,"m":2}"#,
            r#"{"_key":"a","n":1e3}"#,
            r#"{"_key":"a","n":1234567890123456}"#,
            r#"{"_key":"a\n","n":1}"#,
            r#"{"_key":"a","n":{"x":1}}"#,
            r#"{"_key":"a","n":[{}]}"#,
        ] {
            assert!(!is_matched(&[first, other]), "{other}");
        }
    }

    #[test]
    fn a_source_of_two_kinds_of_documents_is_mostly_scanned_and_then_matched_again() {
        let (one, other) = (r#"{"a":1,"b":2}"#, r#"{"b":1,"a":2}"#);
        let mixed: Vec<&str> = (0..400).map(|n| if n % 2 == 0 { one } else { other }).chain([one; 200]).collect();
        let all = facts(&mixed, true);
        assert!(all[500..].iter().all(|facts| facts.is_some_and(|facts| facts.is_plain() && facts.is_whole())));
    }

    #[test]
    fn a_document_of_very_many_names_is_scanned() {
        let document = (0..2_000).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(",");
        let document = format!("{{{document}}}");
        let none = Some(Facts::default());
        assert_eq!(facts(&[&document, &document, &document], false), [none, none, none]);
    }

    fn value(depth: u32) -> BoxedStrategy<String> {
        let plain = prop_oneof![
            "[0-9]{1,3}|-?[0-9]{1,17}|-?[0-9]\\.[0-9]{1,15}|1e5|0\\.|-|00",
            r#""[a-zé ]{0,40}""#,
            r#""[a-c"\\n]{0,6}""#,
            "true|false|null|nul",
        ];
        if depth == 0 {
            return plain.boxed();
        }
        let array = prop::collection::vec(value(depth - 1), 0..3).prop_map(|all| format!("[{}]", all.join(",")));
        prop_oneof![4 => plain, 1 => array, 1 => object(depth - 1)].boxed()
    }

    fn object(depth: u32) -> BoxedStrategy<String> {
        let names = ["_key", "n", "price of one", "in", "\\u0061", "a rather long name, a long one"];
        let member = (any::<bool>(), value(depth), prop_oneof![3 => Just(""), 1 => Just(" "), 1 => Just("\n ")]);
        prop::collection::vec(member, names.len())
            .prop_map(move |members| {
                let members: Vec<String> = members
                    .into_iter()
                    .zip(names)
                    .filter(|((is_there, ..), _)| *is_there)
                    .map(|((_, value, blank), name)| format!("{blank}\"{name}\":{blank}{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            })
            .boxed()
    }

    fn names(scanner: &Scanner, text: &str) -> Vec<String> {
        scanner.members().iter().map(|member| member.name.of(text).to_owned()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]
        #[test]
        fn a_document_is_scanned_as_if_it_were_alone(
            documents in prop::collection::vec(object(2), 1..6),
            damage in prop::option::of((0usize..6, 0usize..200, any::<u8>())),
            in_line in any::<bool>(),
        ) {
            // The same documents twice: the second time most have a template.
            let mut documents: Vec<Vec<u8>> = documents.iter().flat_map(|text| [text, text]).map(|text| text.clone().into_bytes()).collect();
            if let Some((which, at, byte)) = damage {
                let count = documents.len();
                if let Some(place) = documents[which % count].get_mut(at) {
                    *place = byte;
                }
            }
            facts(&documents, in_line);
        }

        #[test]
        fn what_is_said_of_a_document_is_true(documents in prop::collection::vec(object(1), 1..8)) {
            let mut scanner = Scanner::of_documents();
            let mut known: Vec<(u64, Vec<String>)> = Vec::new();
            for text in documents.iter().flat_map(|text| [text, text]) {
                let bytes = [text.as_bytes(), BEHIND.as_bytes()].concat();
                if scanner.object(&bytes).is_err() {
                    continue;
                }
                let facts = scanner.facts();
                let names = names(&scanner, text);
                if facts.is_plain() {
                    let inner: Vec<&str> = scanner.members().iter().map(|member| member.value.of(text)).collect();
                    for value in inner {
                        let is_number = value.starts_with(|first: char| first == '-' || first.is_ascii_digit());
                        prop_assert!(!is_number || (value.len() <= 15 && !value.contains('e')), "{}", text);
                        prop_assert!(!value.starts_with('"') || !value.contains('\\'), "{}", text);
                        prop_assert!(!value.starts_with('[') || !value.contains('{'), "{}", text);
                    }
                }
                if facts.names() == 0 {
                    continue;
                }
                match known.iter().find(|(number, _)| *number == facts.names()) {
                    None => {
                        prop_assert!(facts.is_whole(), "{}", text);
                        known.push((facts.names(), names));
                    }
                    Some((_, all)) if facts.is_whole() => prop_assert_eq!(all, &names, "{}", text),
                    Some((_, all)) => {
                        let mut rest = all.iter();
                        prop_assert!(names.iter().all(|name| rest.any(|other| other == name)), "{}", text);
                    }
                }
            }
        }
    }
}
