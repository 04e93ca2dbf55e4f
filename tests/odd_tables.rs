//! Odd tables, each with the documents, the exit code and the words that are right for it.

use crate::support::Place;

/// A name, the file, the arguments, the exit code, the documents, and words of the messages.
type OddTable =
    (&'static str, &'static str, &'static [&'static str], i32, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const TABLES: &[OddTable] = &[
    ("bom before sep", "\u{feff}sep=;\na;b\n1;2\n", &[], 0, &["{\"a\":1,\"b\":2}"], &[]),
    ("sep line then comment then blank", "sep=;\n#c\n\na;b\n1;2\n", &["--comment", "#"], 0, &["{\"a\":1,\"b\":2}"], &[]),
    ("skip-lines then sep", "junk\nsep=;\na;b\n1;2\n", &["--skip-lines", "1"], 0, &["{\"a\":1,\"b\":2}"], &[]),
    ("header of blanks only trimmed", "  ,  \n1,2\n", &["--trim"], 5, &[], &["the header line is empty"]),
    ("trim with nbsp kept", "a,b\n\u{a0}1,2\n", &["--trim"], 0, &["{\"a\":\"\u{a0}1\",\"b\":2}"], &[]),
    ("trim tab separator", "a\tb\n 1 \t 2 \n", &["--trim", "--separator", "\\t"], 0, &["{\"a\":1,\"b\":2}"], &[]),
    ("trim quote then text", "a,b\n \"x\" y,2\n", &["--trim"], 1, &[], &["text after the closing quote of field 1"]),
    ("null text with spaces", "a,b\nn/a x,2\n", &["--null", "n/a x"], 0, &["{\"b\":2}"], &[]),
    ("null number", "a,b\n-999,2\n-999.0,1\n", &["--null", "-999"], 0, &["{\"b\":2}", "{\"a\":-999.0,\"b\":1}"], &[]),
    ("null quoted word not null", "a,b\n\"NA\",2\n", &["--null", "NA"], 0, &["{\"a\":\"NA\",\"b\":2}"], &[]),
    ("key col duplicated via translate", "x,_key\n1,2\n", &["--translate", "x=_key"], 1, &[], &["duplicate field"]),
    ("mixed-case header repeat is data", "Id,A\nid,a\n", &[], 0, &["{\"Id\":\"id\",\"A\":\"a\"}"], &[]),
    ("header repeat with trim", "id, a\n1,2\nid,a\n", &["--trim"], 1, &["{\"id\":1,\"a\":2}"], &["a.csv:3: repeats the header"]),
    ("header repeat quoted", "id,a\n1,2\n\"id\",\"a\"\n", &[], 1, &["{\"id\":1,\"a\":2}"], &["a.csv:3: repeats the header"]),
    ("decimal in exponent", "a\n1,5e3\n", &["--separator", ";", "--decimal", ","], 0, &["{\"a\":1.5e3}"], &[]),
    ("thousands space", "a;b\n1 234 567;-12 345,5\n", &["--separator", ";", "--decimal", ",", "--thousands", " "], 0, &["{\"a\":1234567,\"b\":-12345.5}"], &[]),
    ("thousands apostrophe swiss", "a;b\n1'234.50;'5\n", &["--separator", ";", "--thousands", "'"], 0, &["{\"a\":1234.50,\"b\":\"'5\"}"], &[]),
    ("big grouped int beyond i64 stays text", "a;b\n9.999.999.999.999.999.999;1\n", &["--separator", ";", "--decimal", ",", "--thousands", "."], 0, &["{\"a\":\"9.999.999.999.999.999.999\",\"b\":1}"], &[]),
    ("date with points not number", "a;b\n01.02.2024;1.2.3\n", &["--separator", ";", "--decimal", ",", "--thousands", "."], 0, &["{\"a\":\"01.02.2024\",\"b\":\"1.2.3\"}"], &[]),
    ("ip is not number", "a;b\n192.168.100.200;127.0.0.1\n", &["--separator", ";", "--decimal", ",", "--thousands", "."], 0, &["{\"a\":192168100200,\"b\":\"127.0.0.1\"}"], &[]),
    ("decimal with datatype json untouched", "a;b\n[1.5];1\n", &["--separator", ";", "--decimal", ",", "--datatype", "a=json"], 0, &["{\"a\":[1.5],\"b\":1}"], &[]),
    ("e id negative number", "a,b\n-12e3,12e-3\n", &[], 0, &["{\"a\":-12e3,\"b\":12e-3}"], &[]),
    ("uuid-like", "a,b\n1e5,11E7\n", &[], 0, &["{\"a\":1e5,\"b\":\"11E7\"}"], &[]),
    ("key e-id", "id,b\n12e3,1\n", &["--key", "id"], 0, &["{\"id\":\"12e3\",\"b\":1}"], &[]),
    ("key with json datatype object", "id,b\n\"{\"\"x\"\":1}\",1\n", &["--key", "id", "--datatype", "id=json"], 0, &["{\"id\":{\"x\":1},\"b\":1}"], &[]),
    ("key null datatype", "id,b\n5,1\n", &["--key", "id", "--datatype", "id=null"], 0, &["{\"b\":1}"], &[]),
    ("duplicates by key across types", "id,b\n1,1\n\"1\",2\n", &["--key", "id"], 1, &["{\"id\":1,\"b\":1}"], &["duplicate key"]),
    ("nested generated name", "a.b,,a.b\n1,2,3\n", &["--nested"], 0, &["{\"a\":{\"b\":1,\"b_2\":3},\"column_2\":2}"], &[]),
    ("unnamed but typed", ",a\n1,2\n", &["--datatype", "column_1=string"], 0, &["{\"column_1\":\"1\",\"a\":2}"], &[]),
    ("remove a generated column", ",a\n1,2\n", &["--remove-attribute", "column_1"], 0, &["{\"a\":2}"], &[]),
    ("lone quote EOF after header", "a,b\n\"", &[], 5, &[], &["a.csv:2: unexpected end of input"]),
    ("cr file with comment and blank", "#x\r\ra,b\r1,2\r", &["--comment", "#"], 0, &["{\"a\":1,\"b\":2}"], &[]),
    ("header newline in quotes", "\"a\nb\",c\n1,2\n", &[], 0, &["{\"a\\nb\":1,\"c\":2}"], &[]),
    ("html inside csv after header ok", "a,b\n<html>,<!DOCTYPE html>\n", &[], 0, &["{\"a\":\"<html>\",\"b\":\"<!DOCTYPE html>\"}"], &[]),
    ("ragged with trailing commas and ignore", "a,b\n1,2,,,\n", &["--ignore-missing"], 0, &["{\"a\":1,\"b\":2}"], &["3 cells dropped"]),
    ("esc char in header", "a\u{1b}[31m,b\n1,2\n", &[], 5, &[], &["U+001B"]),
    ("del char", "a\u{7f},b\n1,2\n", &[], 5, &[], &["U+007F"]),
    ("header as often |", "a|b|c,d,e\n1,2,3\n", &[], 5, &[], &["'|' as often as ','"]),
    ("headers longer than row", "1,2\n", &["--headers", "a,b,c"], 1, &[], &["2 fields, but the header has 3"]),
    ("headers with BOM data", "\u{feff}1,2\n", &["--headers", "a,b"], 0, &["{\"a\":1,\"b\":2}"], &[]),
    ("headers unicode", "1,2\n", &["--headers", "größe,π"], 0, &["{\"größe\":1,\"π\":2}"], &[]),
    ("min-records with limit", "a\n1\n2\n3\n", &["--limit", "2", "--min-records", "3"], 5, &["{\"a\":1}", "{\"a\":2}"], &["2 records were read, fewer than --min-records 3"]),
    ("min-records 0", "", &["--min-records", "0"], 0, &[], &["no records were read"]),
    ("backslash at end of quoted", "a,b\n\"x\\\",1\n", &["--backslash-escape"], 5, &[], &["not closed"]),
    ("backslash + multibyte", "a,b\n\"\\é\\\\ü\",1\n", &["--backslash-escape"], 0, &["{\"a\":\"\\\\é\\\\ü\",\"b\":1}"], &[]),
    ("translate matches column without rows", "a,b\n", &["--translate", "c=d"], 2, &[], &["--translate c=d: no such column"]),
    ("dry run header flag", "a,b\n1,2\n", &["-n", "--remove-attribute", "c"], 2, &[], &["no such column"]),
    ("unique dotted missing", "a,b\n1,2\n3,4\n", &["--unique", "x.y"], 0, &["{\"a\":1,\"b\":2}", "{\"a\":3,\"b\":4}"], &["2 records without a value in \"x.y\""]),
    ("empty names quoted", "\"\",b\n1,2\n", &[], 0, &["{\"column_1\":1,\"b\":2}"], &["column_1"]),
    ("comment equals first header byte", "#id,b\n1,2\n", &[], 0, &["{\"#id\":1,\"b\":2}"], &[]),
    ("sep line only CR", "sep=;\ra;b\r1;2\r", &[], 0, &["{\"a\":1,\"b\":2}"], &[]),
    ("sep of a space", "sep= \na b\n1 2\n", &[], 0, &["{\"a\":1,\"b\":2}"], &[]),
    ("sep= without byte", "sep=\nx\n", &[], 0, &["{\"sep=\":\"x\"}"], &[]),
    ("null of empty text", "a,b\n,1\n\"\",2\n", &["--null", ""], 0, &["{\"b\":1}", "{\"a\":\"\",\"b\":2}"], &[]),
    ("null twice the same", "a,b\nx,1\n", &["--null", "x", "--null", "x"], 0, &["{\"b\":1}"], &[]),
    ("null all cells", "a,b\nx,x\n", &["--null", "x", "--empty", "null"], 0, &["{\"a\":null,\"b\":null}"], &[]),
    ("null and merge", "a,b\nNA,1\n", &["--null", "NA", "--merge-attributes", "m=[a]-[b]"], 0, &["{\"b\":1,\"m\":\"-1\"}"], &[]),
    ("bare null and merge", "a,b\nnull,1\n", &["--merge-attributes", "m=[a]-[b]"], 0, &["{\"b\":1,\"m\":\"null-1\"}"], &[]),
    ("dropped column and merge", "a,b\nx,1\n", &["--datatype", "a=null", "--merge-attributes", "m=[a]-[b]"], 0, &["{\"b\":1,\"m\":\"null-1\"}"], &[]),
    ("comment in the middle of a CRLF file", "a,b\r\n1,2\r\n#x\r\n3,4\r\n", &["--comment", "#"], 0, &["{\"a\":1,\"b\":2}", "{\"a\":3,\"b\":4}"], &[]),
    ("comment byte after a blank is data", "a,b\n #x,2\n", &["--comment", "#"], 0, &["{\"a\":\" #x\",\"b\":2}"], &[]),
    ("comment byte after a blank under trim is data", "a,b\n #x,2\n", &["--comment", "#", "--trim"], 0, &["{\"a\":\"#x\",\"b\":2}"], &[]),
    ("semicolon comment", "; ini\na,b\n1,2\n", &["--comment", ";"], 0, &["{\"a\":1,\"b\":2}"], &[]),
    ("header repeated three times", "a,b\na,b\na,b\na,b\n", &[], 1, &[], &["a.csv:2: repeats the header"]),
    ("header repeated in another case is data", "a,b\nA,B\n", &[], 0, &["{\"a\":\"A\",\"b\":\"B\"}"], &[]),
    ("row equal to header numbers", "1,2\n1,2\n", &[], 1, &[], &["repeats the header"]),
    ("key with spaces trimmed", "id,n\n a ,1\na,2\n", &["--trim", "--key", "id"], 1, &["{\"id\":\"a\",\"n\":1}"], &["duplicate key \"a\""]),
    ("key of quoted text with comma", "id,n\n\"a,b\",1\n", &["--key", "id"], 0, &["{\"id\":\"a,b\",\"n\":1}"], &[]),
    ("key below nested", "a.id,n\n7,1\n", &["--nested", "--key", "a.id"], 0, &["{\"a\":{\"id\":7},\"n\":1}"], &[]),
    ("key with empty null", "id,n\n,1\n", &["--key", "id", "--empty", "null"], 1, &[], &["the key is null"]),
    ("decimal comma with commas as separators", "a,b\n\"1,5\",2\n1,2\n", &["--decimal", ",", "--datatype", "a=number"], 0, &["{\"a\":1.5,\"b\":2}", "{\"a\":1,\"b\":2}"], &[]),
    ("negative zero decimal", "a;b\n-0,0;-0\n", &["--separator", ";", "--decimal", ","], 0, &["{\"a\":-0.0,\"b\":-0}"], &[]),
    ("decimal only sign", "a;b\n,;-,\n", &["--separator", ";", "--decimal", ","], 0, &["{\"a\":\",\",\"b\":\"-,\"}"], &[]),
    ("leading zeros with decimal", "a;b\n007,5;00\n", &["--separator", ";", "--decimal", ","], 0, &["{\"a\":\"007,5\",\"b\":\"00\"}"], &[]),
    ("huge decimal", "a;b\n1,5e400;1\n", &["--separator", ";", "--decimal", ","], 0, &["{\"a\":\"1,5e400\",\"b\":1}"], &[]),
    ("id-like with thousands", "a;b\n1.234e5;1\n", &["--separator", ";", "--decimal", ",", "--thousands", "."], 0, &["{\"a\":\"1.234e5\",\"b\":1}"], &[]),
    ("quoted decimal stays", "a;b\n\"1,5\";1\n", &["--separator", ";", "--decimal", ","], 0, &["{\"a\":\"1,5\",\"b\":1}"], &[]),
    ("decimal on jsonl from mixed", "a;b\n1,5;1\n", &["--separator", ";", "--decimal", ",", "--convert", "none"], 2, &[], &["--decimal has no effect"]),
    ("unnamed with ignore-missing", "a,\n1\n1,2,3\n", &["--ignore-missing"], 0, &["{\"a\":1}", "{\"a\":1,\"column_2\":2}"], &["1 cell dropped"]),
    ("names with blanks are different", "a, a\n1,2\n", &[], 0, &["{\"a\":1,\" a\":2}"], &[]),
    ("names that are equal after trim", "a, a\n1,2\n", &["--trim"], 0, &["{\"a\":1,\"a_2\":2}"], &["named a_2"]),
    ("datatype of a repeated name", "a,a\n1,2\n", &["--datatype", "a=string"], 0, &["{\"a\":\"1\",\"a_2\":2}"], &[]),
    ("remove one of two", "a,a\n1,2\n", &["--remove-attribute", "a"], 0, &["{\"a_2\":2}"], &[]),
    ("quote eats to end with crlf", "a,b\r\n1,\"x\r\n2,y\r\n", &[], 5, &[], &["a.csv:2: unexpected end of input: the quote that opens here is not closed (lines 2-3)"]),
    ("typed cell in multi-line row", "a,b\n\"x\ny\",z\n", &["--datatype", "b=number"], 1, &[], &["(lines 2-3)"]),
    ("html in upper and bom", "\u{feff}<!doctype HTML><html></html>", &[], 5, &[], &["HTML and XML are not supported"]),
    ("less-than header", "<b>,<c>\n1,2\n", &[], 0, &["{\"<b>\":1,\"<c>\":2}"], &[]),
    ("lfs like text", "version https://example.org,b\n1,2\n", &[], 0, &["{\"version https://example.org\":1,\"b\":2}"], &[]),
    ("header with a pipe fewer than commas", "a|b,c,d\n1,2,3\n", &[], 0, &["{\"a|b\":1,\"c\":2,\"d\":3}"], &[]),
    ("headers and comment and blank", "\n#x\n1,2\n", &["--headers", "a,b", "--comment", "#"], 0, &["{\"a\":1,\"b\":2}"], &[]),
    ("headers and trim", " 1 , x \n", &["--headers", " a,b", "--trim"], 0, &["{\"a\":1,\"b\":\"x\"}"], &[]),
    ("max-record under trim", "a,b\n                                                  1,2\n", &["--trim", "--max-record-bytes", "20"], 1, &[], &["longer than"]),
    ("translate removed", "a,b\n1,2\n", &["--translate", "a=b", "--remove-attribute", "b"], 0, &["{\"b\":1}"], &[]),
    ("unmatched with headers-less json file", "a,b\n1,2\n", &["--translate", "A=x"], 2, &[], &["--translate A=x: no such column (the header has: a, b)"]),
    ("unique with csv null", "a,b\n,1\n,2\n", &["--unique", "a"], 0, &["{\"b\":1}", "{\"b\":2}"], &["2 records without a value in \"a\""]),
    ("min-records counts bad", "a,b\n1\n", &["--min-records", "1"], 1, &[], &[]),
];

#[test]
fn odd_tables_become_what_a_person_would_expect() {
    for (name, text, arguments, code, docs, words) in TABLES {
        let place = Place::new();
        let ran = place.import_text("a.csv", text, arguments);
        let found = if place.store().exists() { place.docs_if_any() } else { Vec::new() };
        assert_eq!(
            (ran.code, found),
            (*code, docs.iter().map(|doc| (*doc).to_owned()).collect()),
            "{name}: {}",
            ran.stderr
        );
        for word in *words {
            ran.prints(word);
        }
    }
}
