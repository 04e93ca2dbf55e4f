use super::*;
use crate::input::Source;
use proptest::prelude::*;

/// A record: its line, its cells and whether each is bare, and its error.
type Record = (u64, Vec<(Vec<u8>, bool)>, Option<&'static str>);

/// A simple second implementation, byte by byte, of the rules after the first LF. Returns the records, and the line of an
/// unclosed quote.
fn parse_simply(text: &[u8], dialect: Dialect) -> (Vec<Record>, Option<u64>) {
    let mut records = Vec::new();
    let (mut offset, mut line) = (0, 1);
    while offset < text.len() {
        let mut record: Record = (line, Vec::new(), None);
        loop {
            let (opened, start) = (line, offset);
            let ends = |offset: usize| match text[offset..] {
                [] | [b'\n', ..] | [b'\r', b'\n', ..] => true,
                [byte, ..] => byte == dialect.separator,
            };
            if opens_behind_blanks(&text[offset..], dialect) {
                record.2.get_or_insert("blank_before_quote");
            }
            let (mut bare, mut open) = (true, false);
            let mut unquoted = Vec::new();
            if text.get(offset).is_some() && text.get(offset).copied() == dialect.quote {
                (bare, open) = (false, true);
                offset += 1;
            }
            while open {
                let Some(byte) = text.get(offset).copied() else { return (records, Some(opened)) };
                let next = text.get(offset + 1).copied();
                line += u64::from(byte == b'\n');
                offset += 1;
                let mut literal = byte;
                if Some(byte) == dialect.quote {
                    open = next == dialect.quote;
                    offset += usize::from(open);
                } else if let (b'\\', true, Some(next)) = (byte, dialect.backslash_escape, next)
                    && (Some(next) == dialect.quote || next == b'\\')
                {
                    literal = next;
                    offset += 1;
                }
                if open {
                    unquoted.push(literal);
                }
            }
            while !bare && !ends(offset) && matches!(text[offset], b' ' | b'\t') {
                offset += 1;
            }
            if !bare && text[offset..] == *b"\r" {
                offset += 1;
            }
            if !bare && !ends(offset) {
                record.2.get_or_insert("text_after_quote");
            }
            while !ends(offset) {
                offset += 1;
            }
            record.1.push((if bare { text[start..offset].to_vec() } else { unquoted }, bare));
            if text.get(offset) != Some(&dialect.separator) {
                break;
            }
            offset += 1;
        }
        offset += if text[offset.min(text.len())..].starts_with(b"\r") { 2 } else { 1 };
        line += 1;
        records.push(record);
    }
    (records, None)
}

/// Whether a cell has blanks before its quote.
fn opens_behind_blanks(cell: &[u8], dialect: Dialect) -> bool {
    let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t') && **byte != dialect.separator;
    let blanks = cell.iter().take_while(is_blank).count();
    blanks > 0 && cell.get(blanks).is_some() && cell.get(blanks).copied() == dialect.quote
}

fn dialect(separator: u8, quote: Option<u8>, backslash_escape: bool) -> Dialect {
    Dialect { separator, quote, backslash_escape, trim: false, comment: None }
}

fn read_all(pieces: Vec<Vec<u8>>, dialect: Dialect) -> (Vec<Record>, Option<u64>) {
    let mut rows = Rows::new(Window::new(Source::Pieces(pieces)), 0, 0, (1 << 20, 100), dialect);
    let mut records = Vec::new();
    loop {
        match rows.next() {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(NoRecord::Idle | NoRecord::End) => return (records, None),
            Err(NoRecord::Failed(error)) => return (records, Some(error.origin.line)),
        }
        if rows.cells.is_blank() {
            records.push((rows.origin.line, vec![(Vec::new(), true)], None));
            continue;
        }
        let cells = rows.cells.kept().map(|(text, is_bare)| (text.to_vec(), is_bare));
        let flaw = rows.cells.flaw.clone().map(|reason| reason.static_kind());
        records.push((rows.origin.line, cells.collect(), flaw));
    }
}

/// Drops the texts of an invalid record: they are not used.
fn without_texts((line, cells, flaw): Record) -> Record {
    let keep = |(text, is_bare)| (if flaw.is_some() { Vec::new() } else { text }, is_bare);
    (line, cells.into_iter().map(keep).collect(), flaw)
}

fn in_pieces(text: &[u8], size: usize) -> Vec<Vec<u8>> {
    text.chunks(size).map(<[u8]>::to_vec).collect()
}

#[test]
fn a_record_that_is_too_long_is_discarded_while_it_is_read() {
    let dialect = dialect(b',', Some(b'"'), false);
    for piece in ["abcdefghij", "abcdefghi,", "a,\"b\nc\" ,", "\"b,\nc\",d,"] {
        let window = Window::new(Source::Pieces(vec![piece.as_bytes().to_vec(); 1000]));
        let mut rows = Rows::new(window, 0, 0, (25, 3), dialect);
        assert!(matches!(rows.next(), Ok(Err(_))), "{piece}");
        assert!(rows.window.bytes().len() < 50, "{piece}");
        assert_eq!((rows.origin.line, rows.origin.offset), (1, 0), "{piece}");
    }
}

#[test]
fn cells_above_the_maximum_are_only_counted() {
    let dialect = dialect(b',', None, false);
    let record = [b"abc,".repeat(1000), b"\n".to_vec()].concat();
    let mut rows = Rows::new(Window::new(Source::Pieces(vec![record])), 0, 0, (5000, 3), dialect);
    assert!(matches!(rows.next(), Ok(Ok(4000))));
    assert_eq!((rows.cells.kept().count(), rows.cells.count), (3, 1001));
}

/// What the crate `csv` reads. It skips blank lines.
fn read_with_csv_crate(text: &[u8], dialect: Dialect) -> Vec<Vec<Vec<u8>>> {
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(dialect.separator);
    builder.quoting(dialect.quote.is_some()).quote(dialect.quote.unwrap_or(b'"'));
    let mut reader = builder.escape(dialect.backslash_escape.then_some(b'\\')).from_reader(text);
    reader.byte_records().map(|record| record.expect("memory").iter().map(<[u8]>::to_vec).collect()).collect()
}

fn dialects() -> impl Strategy<Value = Dialect> {
    let quotes = prop::sample::select(vec![Some(b'"'), Some(b'"'), Some(b'\''), None]);
    (prop::sample::select(b",\t;".to_vec()), quotes, any::<bool>())
        .prop_map(|(separator, quote, backslash_escape)| dialect(separator, quote, backslash_escape))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn records_are_those_of_the_simple_parser(
        text in prop::collection::vec(prop::sample::select(b",,,,;'\"\"\"\n\n\r\\ \tabcdef".to_vec()), 0..120),
        dialect in dialects(),
        size in 1usize..150,
    ) {
        let text = [b"h\n", &text[..]].concat();
        let (found, open) = read_all(in_pieces(&text, size), dialect);
        let (expected, expected_open) = parse_simply(&text, dialect);
        prop_assert_eq!(open, expected_open);
        let alike = |records: Vec<Record>| records.into_iter().map(without_texts).collect::<Vec<_>>();
        prop_assert_eq!(alike(found), alike(expected));
    }

    #[test]
    fn valid_records_are_those_of_the_csv_crate(
        text in prop::collection::vec(prop::sample::select(b",,,;'\"\"\n\n\\ \tabcdef".to_vec()), 0..120),
        dialect in dialects(),
        size in 1usize..150,
    ) {
        let (found, open) = read_all(in_pieces(&text, size), dialect);
        let theirs = read_with_csv_crate(&text, dialect);
        let ours: Vec<_> = found.into_iter().filter(|(_, cells, _)| *cells != [(Vec::new(), true)]).collect();
        // The crate drops a backslash that escapes nothing; we keep it.
        let comparable = |text: &[u8]| -> Vec<u8> {
            text.iter().filter(|byte| **byte != b'\\' || !dialect.backslash_escape).copied().collect()
        };
        // The crate returns the text after an unclosed quote as a record.
        prop_assert_eq!(theirs.len(), ours.len() + usize::from(open.is_some()));
        for ((_, cells, flaw), theirs) in ours.iter().zip(&theirs) {
            prop_assert_eq!(cells.len(), theirs.len());
            for ((text, is_bare), theirs) in cells.iter().zip(theirs) {
                let (text, theirs) = (&comparable(text), &comparable(theirs));
                // The crate keeps blanks after a closing quote.
                let rest = theirs.strip_prefix(&text[..]);
                let blanks = rest.is_some_and(|rest| rest.iter().all(|byte| b" \t".contains(byte)));
                prop_assert!(flaw.is_some() || text == theirs || !is_bare && blanks, "{:?} {:?}", text, theirs);
            }
        }
    }

    #[test]
    fn what_the_csv_crate_writes_is_read_back(
        rows in prop::collection::vec(prop::collection::vec("[a-c1,;'\"\\\\ \té\n\r]{0,12}", 1..4), 1..8),
        always: bool,
        crlf: bool,
        size in 1usize..150,
    ) {
        let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().flexible(true).quote_style(style).terminator(end).from_writer(Vec::new());
        rows.iter().for_each(|row| writer.write_record(row).expect("memory"));
        let text = writer.into_inner().expect("memory");
        let dialect = dialect(b',', Some(b'"'), false);
        let (found, open) = read_all(in_pieces(&text, size), dialect);
        prop_assert_eq!(open, None);
        let texts = |(_, cells, flaw): Record| (cells.into_iter().map(|(text, _)| text).collect::<Vec<_>>(), flaw);
        let expected: Vec<_> =
            rows.iter().map(|row| (row.iter().map(|cell| cell.as_bytes().to_vec()).collect::<Vec<_>>(), None)).collect();
        prop_assert_eq!(found.into_iter().map(texts).collect::<Vec<_>>(), expected);
    }
}
