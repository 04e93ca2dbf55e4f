use super::options::datatype;
use super::*;
use crate::input::Source;
use crate::json::Scanner;
use crate::record::BadRecord;
use crate::record::Origin;
use proptest::prelude::*;

const MAX: usize = 1 << 20;

/// What the reader returns for pieces of input: one line per step, with its origin.
fn steps(pieces: Vec<Vec<u8>>, max: usize, options: &CsvOptions, dialect: Dialect) -> Vec<String> {
    let mut csv = Csv::new(Window::new(Source::Pieces(pieces)), 0, 0, max, options, dialect);
    let mut found = Vec::new();
    let mut empty = 0;
    loop {
        let step = match csv.next() {
            Ok(ReadStep::Record(record)) => {
                let mut scanner = Scanner::default();
                assert_eq!(scanner.object(record.text.as_bytes()), Ok(record.text.len()), "{}", record.text);
                assert_eq!(scanner.fields(), record.fields, "{}", record.text);
                let mut both = scanner.fields().iter().zip(record.fields);
                assert!(both.all(|(scanned, written)| scanned.is_simple || !written.is_simple), "{}", record.text);
                let Origin { line, record: number, offset, .. } = record.origin;
                format!("{line} #{number} @{offset} {} {:?}", record.text, record.nulls)
            }
            Ok(ReadStep::Bad(BadRecord { origin: Origin { line, record, offset, .. }, reason, .. })) => {
                format!("{line} #{record} @{offset} {}: {}", reason.kind, reason.text)
            }
            Ok(ReadStep::Header { .. }) => continue,
            Ok(ReadStep::Empty) => {
                empty += 1;
                continue;
            }
            Ok(other) => panic!("{other:?}"),
            Err(NoRecord::Idle) => "idle".to_owned(),
            Err(NoRecord::End) => {
                found.push(format!("end, {} empty", empty));
                return found;
            }
            Err(NoRecord::Failed(error)) => {
                found.push(format!("{} broken: {}", error.origin.line, error.text));
                return found;
            }
        };
        found.push(step);
    }
}

/// The objects and errors, each with its line, for input in one piece.
fn read(text: &str, options: &CsvOptions) -> Vec<String> {
    read_as(text.as_bytes(), options, Dialect::csv(options))
}

fn read_as(text: &[u8], options: &CsvOptions, dialect: Dialect) -> Vec<String> {
    let found = steps(vec![text.to_vec()], MAX, options, dialect);
    let short = |step: &String| {
        let step = step.strip_suffix(" []").unwrap_or(step);
        let mut words = step.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some(line), Some(number), Some(_), Some(rest)) if number.starts_with('#') => format!("{line} {rest}"),
            _ => step.to_owned(),
        }
    };
    found.iter().map(short).filter(|step| step != "end, 0 empty").collect()
}

/// The value of the column `v`, or its error, for each cell.
fn values(cells: &str, options: &CsvOptions) -> Vec<String> {
    let text = format!("v,w\n{}", cells.lines().map(|cell| format!("{cell},\n")).collect::<String>());
    let options = CsvOptions { empty: options.empty, ..options.clone() };
    read(&text, &options)
        .iter()
        .map(|step| {
            let step = step.split_once(' ').map_or("", |(_, rest)| rest);
            step.strip_prefix("{\"v\":").and_then(|rest| rest.strip_suffix('}')).unwrap_or(step).to_owned()
        })
        .collect()
}

fn plain() -> CsvOptions {
    CsvOptions::default()
}

fn typed(datatype: Datatype) -> CsvOptions {
    CsvOptions { datatypes: vec![("v".to_owned(), datatype)], ..plain() }
}

#[test]
fn bare_cells_are_converted_and_quoted_cells_are_strings() {
    let text = "\"id\",\"a\",\"b\",\"c\",\"d\",\"e\"\n1,\"1\",1,\"1.3\",null,-5\n2,null,\"\",3.1,-2.5,\"ddd \"\" ' ffd\"\n\
                3,\"this\",\"is\"\n5,9999999999999999999999999999999999,test,-99999999,true,-888.4434\n\
                6,1e4,20.5,-42, null ,false\n";
    assert_eq!(
        read(text, &plain()),
        [
            r#"2 {"id":1,"a":"1","b":1,"c":"1.3","e":-5}"#,
            r#"3 {"id":2,"b":"","c":3.1,"d":-2.5,"e":"ddd \" ' ffd"}"#,
            "4 wrong_number_of_fields: 3 fields, but the header has 6",
            r#"5 {"id":5,"a":"9999999999999999999999999999999999","b":"test","c":-99999999,"d":true,"e":-888.4434}"#,
            r#"6 {"id":6,"a":1e4,"b":20.5,"c":-42,"d":" null ","e":false}"#,
        ]
    );
}

#[test]
fn what_is_not_a_json_number_stays_a_string() {
    let cells = "007\n+5\n.8\n-.5\n1.\n5e6\n2e309\n9223372036854775807\n9223372036854775808\n True\n";
    let expected = [
        r#""007""#,
        r#""+5""#,
        r#"".8""#,
        r#""-.5""#,
        r#""1.""#,
        "5e6",
        r#""2e309""#,
        "9223372036854775807",
        r#""9223372036854775808""#,
        r#"" True""#,
    ];
    assert_eq!(values(cells, &plain()), expected);
}

#[test]
fn without_conversion_every_cell_but_an_empty_one_is_a_string() {
    let options = CsvOptions { keep_strings: true, ..plain() };
    assert_eq!(
        values("null\n\"null\"\nfalse\n1\n\n\"\"\n       \n", &options),
        [r#""null""#, r#""null""#, r#""false""#, r#""1""#, "{}", r#""""#, r#""       ""#,]
    );
}

#[test]
fn empty_cells_become_what_the_option_says() {
    let cells = "\nnull\n\"\"\n\"null\"\n";
    let with = |empty| CsvOptions { empty, ..plain() };
    let read = |empty| {
        read(&format!("a,v\n{}", cells.lines().map(|cell| format!("1,{cell}\n")).collect::<String>()), &with(empty))
    };
    assert_eq!(
        read(EmptyCell::Omit),
        [r#"2 {"a":1}"#, r#"3 {"a":1}"#, r#"4 {"a":1,"v":""}"#, r#"5 {"a":1,"v":"null"}"#]
    );
    assert_eq!(
        read(EmptyCell::Null),
        [r#"2 {"a":1,"v":null}"#, r#"3 {"a":1,"v":null}"#, r#"4 {"a":1,"v":""}"#, r#"5 {"a":1,"v":"null"}"#]
    );
    assert_eq!(
        read(EmptyCell::String),
        [r#"2 {"a":1,"v":""}"#, r#"3 {"a":1,"v":""}"#, r#"4 {"a":1,"v":""}"#, r#"5 {"a":1,"v":"null"}"#]
    );
}

#[test]
fn keys_are_always_strings() {
    let text = "_key,_id,_from,_to,sku,other\n007,1,2,3,815,4\nnull,true,1,1,,5\n";
    let options = CsvOptions { string_columns: vec!["sku".to_owned(), "absent".to_owned()], ..plain() };
    assert_eq!(
        read(text, &options),
        [
            r#"2 {"_key":"007","_id":"1","_from":"2","_to":"3","sku":"815","other":4}"#,
            r#"3 {"_key":"null","_id":"true","_from":"1","_to":"1","other":5}"#,
        ]
    );
}

#[test]
fn a_string_column_keeps_every_text() {
    assert_eq!(
        values("null\n-1\n\"0\"\n\"\"\n\" \"\ntrue\n", &typed(Datatype::String)),
        [r#""null""#, r#""-1""#, r#""0""#, r#""""#, r#"" ""#, r#""true""#,]
    );
}

#[test]
fn a_boolean_column_takes_known_words_only() {
    let cells = "null\nfalse\ntrue\n0\n1\n\"0\"\n\"\"\n\"null\"\n\"false\"\nOFF\n\"Y\"\n1.0\n";
    assert_eq!(
        values(cells, &typed(Datatype::Boolean)).join(" "),
        "{} false true false true false {} {} false false true true"
    );
    for cell in ["-1", "\"foo\"", "\" \"", "null ", "00", "1.00", "NULL", "truee", "ja"] {
        let text = cell.trim_matches('"');
        let found = values(cell, &typed(Datatype::Boolean)).join(" ");
        assert!(found.starts_with(&format!("invalid_boolean: column \"v\": {text:?} is not a boolean (")), "{found}");
    }
}

#[test]
fn a_number_column_takes_json_numbers_only() {
    assert_eq!(
        values("1.50\n\"-2\"\n18446744073709551616\n1e400\nnull\n", &typed(Datatype::Number)),
        ["1.50", "-2", "18446744073709551616", "1e400", "{}",]
    );
    for cell in ["007", "+5", ".8", "\"\"", "foo", "\"null\"", "true"] {
        let text = cell.trim_matches('"');
        assert_eq!(
            values(cell, &typed(Datatype::Number)),
            [format!("invalid_number: column \"v\": {text:?} is not a JSON number")]
        );
    }
}

#[test]
fn a_null_column_is_dropped_and_a_json_column_is_json() {
    assert_eq!(values("1\nx\n\"\"\n\n", &typed(Datatype::Null)), ["{}", "{}", "{}", "{}"]);
    assert_eq!(
        values("1\n\"{\"\"a\"\": [1, 2]}\"\n\" [] \"\nnull\n", &typed(Datatype::Json)),
        ["1", r#"{"a": [1, 2]}"#, "[]", "null",]
    );
    assert_eq!(values("\"{\"\n", &typed(Datatype::Json)), [r#"invalid_json: column "v": "{" is not one JSON value"#]);
    assert_eq!(values("1 2\n", &typed(Datatype::Json)), [r#"invalid_json: column "v": "1 2" is not one JSON value"#]);
}

#[test]
fn a_datatype_must_name_a_column() {
    let options = CsvOptions { datatypes: vec![("prise".to_owned(), Datatype::Number)], ..plain() };
    assert_eq!(
        read("name,price\na,1\n", &options),
        ["1 broken: --datatype prise=number: no such column (the header has: name, price)",]
    );
    let options = CsvOptions { datatypes: vec![("_key".to_owned(), Datatype::Number)], ..plain() };
    assert_eq!(
        read("_key\n1\n", &options),
        ["1 broken: --datatype _key=number: keys and ends of edges are always strings",]
    );
}

#[test]
fn the_last_datatype_of_a_column_counts() {
    let mut options = typed(Datatype::Null);
    options.datatypes.push(("v".to_owned(), Datatype::Boolean));
    assert_eq!(values("0\n", &options), ["false"]);
}

#[test]
fn nulls_are_reported_for_merged_columns_only() {
    let options = CsvOptions { merged: vec!["a".to_owned(), "c".to_owned()], ..plain() };
    assert_eq!(
        read("a,b,c\nnull,null,null\nnull,1,\n\"null\",2,3\n", &options),
        [r#"2 {} ["a", "c"]"#, r#"3 {"b":1} ["a"]"#, r#"4 {"a":"null","b":2,"c":3}"#,]
    );
}

#[test]
fn quoted_cells_may_contain_separators_line_breaks_and_quotes() {
    let text = "\"name\",\"password\"\n\"Bar\",\"wow!\nthis is a\r\nmultiline\rpassword!\"\n\"Bart \"\"B\"\" S\",\"a,b\"\n\"F\",\"r4\\\\n\"\"1!\"\n";
    assert_eq!(
        read(text, &plain()),
        [
            r#"2 {"name":"Bar","password":"wow!\nthis is a\r\nmultiline\rpassword!"}"#,
            r#"5 {"name":"Bart \"B\" S","password":"a,b"}"#,
            r#"6 {"name":"F","password":"r4\\\\n\"1!"}"#,
        ]
    );
}

#[test]
fn a_quote_counts_only_at_the_start_of_a_cell() {
    assert_eq!(
        read("a,b\n5\" disk,1\n x\"y\",2\n", &plain()),
        [r#"2 {"a":"5\" disk","b":1}"#, r#"3 {"a":" x\"y\"","b":2}"#]
    );
}

#[test]
fn blanks_are_kept_around_bare_cells_and_dropped_after_quotes() {
    let options = CsvOptions { separator: Some(b';'), backslash_escape: true, ..plain() };
    let text = "\"name\";\"password\"\n\"foo\t\";\"wow \t   \r\nthis is \t\ra\" \n\"bar\" \t;\"foo\"   \n a ; b \n\n\n";
    assert_eq!(
        read(text, &options),
        [
            r#"2 {"name":"foo\t","password":"wow \t   \r\nthis is \t\ra"}"#,
            r#"4 {"name":"bar","password":"foo"}"#,
            r#"5 {"name":" a ","password":" b "}"#,
            "end, 2 empty",
        ]
    );
}

#[test]
fn text_after_a_closing_quote_is_an_error_of_its_record() {
    assert_eq!(
        read("a,b\n\"x\"y,1\n\"x\" y \"z\n\",2\nz,2\n", &plain()),
        [
            "2 text_after_quote: unexpected text after the closing quote of field 1",
            "3 text_after_quote: unexpected text after the closing quote of field 1",
            "4 broken: unexpected end of input: the quote that opens here is not closed (lines 4-5)",
        ]
    );
    assert_eq!(
        read("a,b\n1,\"x\"\"\"y\n2,z\n", &plain()),
        ["2 text_after_quote: unexpected text after the closing quote of field 2", r#"3 {"a":2,"b":"z"}"#,]
    );
}

#[test]
fn backslashes_escape_quotes_and_backslashes_if_enabled() {
    let options = CsvOptions { backslash_escape: true, ..plain() };
    assert_eq!(
        read("a\n\"x\\\"y\\\\\"\nx\\\\y\n\"x\"\"y\"\n\"x\\n\"\n1\n", &options),
        [r#"2 {"a":"x\"y\\"}"#, r#"3 {"a":"x\\\\y"}"#, r#"4 {"a":"x\"y"}"#, r#"5 {"a":"x\\n"}"#, r#"6 {"a":1}"#,]
    );
}

#[test]
fn an_unclosed_quote_stops_the_run_and_its_line_is_reported() {
    assert_eq!(
        read("a,b\n1,x\n\"2\n\",\"oops\n3,y\n", &plain()),
        [
            r#"2 {"a":1,"b":"x"}"#,
            "4 broken: unexpected end of input: the quote that opens here is not closed (lines 4-5)",
        ]
    );
    assert_eq!(
        read("a,b\r1,x\r\"2\r\",\"oops", &plain()),
        [r#"2 {"a":1,"b":"x"}"#, "4 broken: unexpected end of input: the quote that opens here is not closed",]
    );
}

#[test]
fn records_end_with_lf_crlf_or_cr_or_the_input() {
    for text in [
        "a,b\n1,x\n2,\"y\"\n",
        "a,b\r\n1,x\r\n2,\"y\"\r\n",
        "a,b\r1,x\r2,\"y\"\r",
        "a,b\r1,x\n2,\"y\"",
        "a,b\r1,x\r\n2,\"y\" ",
        "a,b\n1,x\n2,\"y\"\r",
    ] {
        assert_eq!(read(text, &plain()), [r#"2 {"a":1,"b":"x"}"#, r#"3 {"a":2,"b":"y"}"#], "{text:?}");
    }
    assert_eq!(read("a,b\n1,", &plain()), [r#"2 {"a":1}"#]);
}

#[test]
fn a_lone_cr_in_quotes_is_a_line_where_lone_crs_end_records() {
    assert_eq!(read("a\r\"1\r\"\r2\r", &plain()), [r#"2 {"a":"1\r"}"#, r#"4 {"a":2}"#]);
    assert_eq!(read("a\r\"1\r\n\"\r2\r", &plain()), [r#"2 {"a":"1\r\n"}"#, r#"4 {"a":2}"#]);
    assert_eq!(read("a\n\"1\r\"\n2\n", &plain()), [r#"2 {"a":"1\r"}"#, r#"3 {"a":2}"#]);
}

#[test]
fn blank_records_are_only_counted() {
    let expected = [r#"2 {"a":1}"#, r#"4 {"a":""}"#, r#"5 {"a":2}"#, "end, 2 empty"];
    assert_eq!(read("a\n1\n\n\"\"\n2\n\n", &plain()), expected);
    assert_eq!(read("a,b\n\r\n,\n", &plain()), ["3 {}", "end, 1 empty"]);
}

#[test]
fn missing_and_extra_cells_can_be_ignored() {
    let options = CsvOptions { ignore_missing: true, ..plain() };
    let text = "a,b,c\n1,2,3\n1,2\n1\n1,2,3,4,5\n\n";
    assert_eq!(
        read(text, &options),
        [r#"2 {"a":1,"b":2,"c":3}"#, r#"3 {"a":1,"b":2}"#, r#"4 {"a":1}"#, r#"5 {"a":1,"b":2,"c":3}"#, "end, 1 empty",]
    );
    assert_eq!(
        read(text, &plain()),
        [
            r#"2 {"a":1,"b":2,"c":3}"#,
            "3 wrong_number_of_fields: 2 fields, but the header has 3",
            "4 wrong_number_of_fields: 1 field, but the header has 3",
            "5 wrong_number_of_fields: 5 fields, but the header has 3",
            "end, 1 empty",
        ]
    );
}

#[test]
fn a_header_must_have_names_and_a_key_of_its_own() {
    for (text, what) in [
        (",\n1,2\n", "the header line is empty"),
        ("\"\"\n1,2\n", "the header line is empty"),
        ("_key,b,_key\n", "duplicate column \"_key\" in the header, which is a key"),
        ("\"a\"b,c\n", "invalid header: unexpected text after the closing quote of field 1"),
    ] {
        assert_eq!(read(text, &plain()), [format!("1 broken: {what}")]);
    }
    assert_eq!(
        read_as(b"a,\xff\n1,2\n", &plain(), Dialect::csv(&plain())),
        ["1 broken: invalid header: invalid UTF-8 at byte 3",]
    );
    assert_eq!(read("\"a\n", &plain()), ["1 broken: unexpected end of input: the quote that opens here is not closed"]);
    assert_eq!(read("\"a\n", &plain()), ["1 broken: unexpected end of input: the quote that opens here is not closed"]);
}

#[test]
fn empty_input_is_no_error() {
    assert!(read("", &plain()).is_empty());
    assert!(read("a,b", &plain()).is_empty());
}

#[test]
fn with_given_headers_the_first_line_is_data() {
    let options = CsvOptions { headers: Some(vec!["a".to_owned(), "b".to_owned()]), ..plain() };
    assert_eq!(read("1,x\n2,y\n", &options), [r#"1 {"a":1,"b":"x"}"#, r#"2 {"a":2,"b":"y"}"#]);
    let options = CsvOptions { headers: Some(vec![]), ..plain() };
    assert_eq!(read("1,x\n", &options), ["1 broken: the header line is empty"]);
}

#[test]
fn a_headers_file_has_one_line() {
    let names = |text: &[u8]| header_names(text, Dialect::csv(&plain()), "the headers file");
    let expected = Ok(vec!["a".to_owned(), "b \"c\"".to_owned()]);
    assert_eq!(names(b"a,\"b \"\"c\"\"\"\n"), expected);
    assert_eq!(names(b"\xef\xbb\xbfa,\"b \"\"c\"\"\"\r\n\r\n"), expected);
    assert_eq!(names(b"a,b\nc,d"), Err("the headers file has more than one line".to_owned()));
    assert_eq!(names(b""), Err("the headers file is empty".to_owned()));
    assert_eq!(names(b"\n"), Err("the header line is empty".to_owned()));
}

#[test]
fn tsv_has_tabs_and_no_quotes() {
    let text = "the quick\tbrown  \t  fox\n jumped over\t the lazy\tdog\n\"'.,;\t\"\"\"\t end\n";
    assert_eq!(
        read_as(text.as_bytes(), &plain(), Dialect::tsv(&plain())),
        [
            r#"2 {"the quick":" jumped over","brown  ":" the lazy","  fox":"dog"}"#,
            r#"3 {"the quick":"\"'.,;","brown  ":"\"\"\"","  fox":" end"}"#,
        ]
    );
    let options = CsvOptions { quote: Some(Some(b'"')), ..plain() };
    assert_eq!(read_as(b"a\tb\n\"1\t\"\t2\n", &options, Dialect::tsv(&options)), [r#"2 {"a":"1\t","b":2}"#]);
}

#[test]
fn quotes_can_be_changed_or_disabled() {
    let options = CsvOptions { quote: Some(Some(b'\'')), ..plain() };
    assert_eq!(read("a,b\n'x, y','it''s'\n", &options), [r#"2 {"a":"x, y","b":"it's"}"#]);
    let options = CsvOptions { quote: Some(None), ..plain() };
    assert_eq!(read("a,b\n\"x\",1\n", &options), [r#"2 {"a":"\"x\"","b":1}"#]);
}

#[test]
fn invalid_utf8_is_an_error_of_its_record() {
    for options in [plain(), CsvOptions { ignore_missing: true, ..plain() }, typed(Datatype::Null)] {
        for row in [&b"\xff,1\n"[..], b"\xff\n,1\n", b"1,1,\xff\n"] {
            let text = [b"v,w\n", row, b"\xc3\xa9,2\n"].concat();
            let found = read_as(&text, &options, Dialect::csv(&options));
            assert!(found[0].contains(": invalid UTF-8 at byte ") || found[0].contains("wrong_number"), "{found:?}");
            assert!(!found[found.len() - 1].contains("invalid"), "{found:?}");
        }
    }
}

#[test]
fn a_separator_inside_a_character_is_an_error_of_each_record() {
    let options = CsvOptions { separator: Some(0xa9), headers: Some(vec!["a".into(), "b".into()]), ..plain() };
    assert_eq!(read("é\n", &options), ["1 invalid_utf8: the separator or the quote splits a character"]);
}

#[test]
fn a_long_record_is_one_error_and_a_long_quoted_cell_stops_the_run() {
    let text = |row: &str| format!("a,b\n{row}\n3,4\n").into_bytes();
    let found = |row: &str, max| steps(vec![text(row)], max, &plain(), Dialect::csv(&plain()));
    assert_eq!(
        found("12345678,9", 10),
        [r#"2 #1 @4 {"a":12345678,"b":9} []"#, r#"3 #2 @15 {"a":3,"b":4} []"#, "end, 0 empty",]
    );
    assert_eq!(
        found("12345678,90", 10),
        [
            "2 #1 @4 record_too_long: longer than --max-record-bytes (10 bytes)",
            r#"3 #2 @16 {"a":3,"b":4} []"#,
            "end, 0 empty",
        ]
    );
    assert_eq!(
        found("\"12\n456\",\"\n0\"", 10),
        [
            "2 #1 @4 record_too_long: longer than --max-record-bytes (10 bytes)",
            r#"5 #2 @18 {"a":3,"b":4} []"#,
            "end, 0 empty",
        ]
    );
    assert!(found("\"1234567890\"", 10)[0].contains("record_too_long"));
    assert!(found("\"12345678901\"", 10)[0].contains("broken: the quoted field that begins here is longer"));
    assert_eq!(
        found("1,\"\n23456789012345", 10)[0],
        "2 broken: the quoted field that begins here is longer than --max-record-bytes (10 bytes); is its quote closed?"
    );
}

/// Random bytes, mostly significant ones.
fn random_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => prop::sample::select(b",,,\"\"\"\n\n\r\\ \t".to_vec()),
        4 => prop::sample::select(b"a1-.\xc3\xa9\xff".to_vec()),
    ];
    prop::collection::vec(byte, 0..80)
}

fn dialects() -> impl Strategy<Value = Dialect> {
    let signs = (
        prop::sample::select(b",,\t ".to_vec()),
        prop::sample::select(vec![Some(b'"'), Some(b'"'), Some(b'\''), None]),
        any::<bool>(),
    );
    (signs, (any::<bool>(), prop::sample::select(vec![None, None, Some(b'1'), Some(b'a')]))).prop_map(
        |((separator, quote, backslash_escape), (trim, comment))| Dialect {
            separator,
            quote,
            backslash_escape,
            trim,
            comment,
        },
    )
}

fn cut(text: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, more) = rest.split_at((*size).min(rest.len()));
        pieces.push(piece.to_vec());
        rest = more;
    }
    pieces
}

#[test]
fn a_line_of_blanks_above_the_limit_does_not_take_the_next_line_with_it() {
    let options = CsvOptions { headers: Some(vec!["a".into(), "b".into()]), trim: true, ..plain() };
    let dialect = Dialect::csv(&options);
    for text in ["\t\t\n,", "a\n\t\t\n,", "a,,,\n\t\t\t\r\n,\n"] {
        let whole = steps(vec![text.into()], 1, &options, dialect);
        for size in 1..5 {
            assert_eq!(
                steps(cut(text.as_bytes(), &[size]), 1, &options, dialect),
                whole,
                "{text:?} in pieces of {size}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn how_reads_are_split_does_not_matter(
        text in random_bytes(),
        sizes in prop::collection::vec(1usize..9, 1..6),
        max in prop_oneof![Just(MAX), 1usize..20],
        dialect in dialects(),
        ignore_missing: bool,
    ) {
        let options = CsvOptions { ignore_missing, headers: Some(vec!["a".into(), "b".into()]), ..plain() };
        let whole = steps(vec![text.clone()], max, &options, dialect);
        prop_assert_eq!(steps(cut(&text, &sizes), max, &options, dialect), whole);
    }

    #[test]
    fn line_numbers_are_those_of_an_editor(text in random_bytes()) {
        let text: Vec<u8> = text.into_iter().filter(|byte| *byte != b'\r').collect();
        let options = CsvOptions { headers: Some(vec!["a".into()]), ..plain() };
        for step in steps(vec![text.clone()], MAX, &options, Dialect::csv(&options)) {
            let words: Vec<_> = step.split(' ').collect();
            if let Some(offset) = words.get(2).and_then(|word| word.strip_prefix('@')) {
                let offset: usize = offset.parse().expect("an offset");
                let line = 1 + text[..offset].iter().filter(|byte| **byte == b'\n').count();
                prop_assert_eq!(words[0].parse::<usize>().expect("a line"), line);
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        rows in prop::collection::vec(prop::collection::vec(("[a-c1.,;'\"\\\\ \té\n\r]{0,24}", any::<bool>()), 3), 1..6),
        sizes in prop::collection::vec(1usize..40, 1..4),
        crlf: bool,
    ) {
        let options = CsvOptions { headers: Some(vec!["a".into(), "b".into(), "c".into()]), keep_strings: true, empty: EmptyCell::String, ..plain() };
        let mut text = String::new();
        let mut expected = Vec::new();
        for row in &rows {
            let cells: Vec<String> = row.iter().map(|(cell, quoted)| {
                let bare = !quoted && !cell.trim_start_matches([' ', '\t']).starts_with('"') && !cell.contains([',', '\n', '\r']);
                if bare { cell.clone() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
            }).collect();
            text += &cells.join(",");
            text += if crlf { "\r\n" } else { "\n" };
            let texts: Vec<_> = row.iter().map(|(cell, _)| cell.as_str()).collect();
            expected.push(serde_json::json!({"a": texts[0], "b": texts[1], "c": texts[2]}));
        }
        let mut csv = Csv::new(Window::new(Source::Pieces(cut(text.as_bytes(), &sizes))), 0, 0, MAX, &options, Dialect::csv(&options));
        let is_header = matches!(csv.next(), Ok(ReadStep::Header { .. }));
        prop_assert!(is_header);
        for row in expected {
            match csv.next() {
                Ok(ReadStep::Record(record)) => prop_assert_eq!(serde_json::from_str::<serde_json::Value>(record.text).expect("JSON"), row),
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert!(matches!(csv.next(), Err(NoRecord::End)));
    }
}

#[test]
fn a_datatype_names_a_column_and_a_type() {
    assert_eq!(datatype("zip=string"), Ok(("zip".into(), Datatype::String)));
    assert_eq!(datatype("a=b=json"), Ok(("a=b".into(), Datatype::Json)));
    for text in ["a=date", "a=", "=string", "a", ""] {
        assert!(datatype(text).is_err(), "{text}");
    }
}
