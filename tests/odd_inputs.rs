//! Inputs that are not what their name or a flag says, each with the words that help.

use crate::support::{Place, testdata};

/// A run that stores nothing, with this exit code and these words.
#[track_caller]
fn refused(name: &str, text: impl AsRef<[u8]>, arguments: &[&str], code: i32, words: &str) {
    let place = Place::new();
    let ran = place.import_text(name, text, arguments);
    assert_eq!(ran.code, code, "{}", ran.stderr);
    ran.prints(words);
    assert!(place.docs_if_any().is_empty(), "{}", ran.stderr);
}

#[test]
fn lz4_parquet_tar_and_gzip_in_gzip_are_named() {
    let lz4 = b"\x04\x22\x4d\x18\x64\x40\xa7";
    refused("a.jsonl.lz4", lz4, &[], 5, "LZ4 is not supported\nhint: `lz4 -dc FILE | bulkimport ...` decompresses it");
    refused("a.parquet", "PAR1xxxxPAR1", &[], 5, "Parquet is not supported\nhint: export it as JSON lines or CSV");
    let inner = std::fs::read(testdata("films.jsonl.gz")).expect("testdata");
    refused("a.jsonl.gz", gzip(&inner), &[], 5, "gzip data, not text");
    refused("a.jsonl.gz", [b"\xef\xbb\xbf", &inner[..]].concat(), &[], 5, "gzip data, not text");
    let mut tar = b"films.jsonl".to_vec();
    tar.resize(257, 0);
    tar.extend(b"ustar  \0");
    tar.resize(1024, 0);
    refused("a.tar.gz", gzip(&tar), &[], 5, "tar archives are not supported\nhint: `tar -xOf FILE` unpacks it");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("gzip")
}

#[test]
fn text_of_single_bytes_is_not_utf16() {
    for (name, text) in [("a.csv", "_key,name\n1,Zoe\n"), ("a.jsonl", "{\"_key\":\"1\"}\n")] {
        refused(name, text, &["--encoding", "utf-16"], 5, "the text is not UTF-16 (--encoding): it has no zero bytes");
    }
    let place = Place::new();
    // Its first characters have no zero byte.
    let text: Vec<u8> = "字楷,_key\n1,a\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    place.import_text("a.csv", text, &["--encoding", "utf-16le"]).expect(0, [1, 0, 0, 0]);
    place.import_text("empty.csv", "", &["--encoding", "utf-16le"]).expect(0, [0, 0, 0, 0]);
}

#[test]
fn a_headers_file_has_the_encoding_of_the_data() {
    let place = Place::new();
    place.file("names", b"_key,Gr\xf6\xdfe\n");
    let flags = ["--headers-file", "names", "--encoding", "windows-1252"];
    place.import_text("a.csv", b"1,Z\xfcrich\n", &flags).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), [r#"{"_key":"1","Größe":"Zürich"}"#]);
    place.run(&["-c", "c", "--headers-file", "names", "a.csv"]).prints("error: --headers-file: names: not UTF-8\n");
}

#[test]
fn a_quoted_word_may_be_a_null_too() {
    let place = Place::new();
    let text = "a,b,c\n\"NA\",NA,\"\"\n";
    place.import_text("a.csv", text, &["--null", "\"NA\""]).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), [r#"{"b":"NA","c":""}"#]);
}

#[test]
fn a_first_line_that_is_a_comment_names_the_flag() {
    let text = "# made by a tool\na,b\n1,2\n";
    let place = Place::new();
    let ran = place.import_text("a.csv", text, &[]);
    ran.prints("a.csv:2: 2 fields, but the header has 1 (--comment '#' skips lines that begin with it)");
    Place::new().import_text("a.csv", text, &["--comment", "#"]).expect(0, [1, 0, 0, 0]);
}

#[test]
fn an_array_read_as_lines_names_json() {
    let text = "[{\"a\":1},\n{\"a\":2}]\n";
    let ran = Place::new().import_text("a.json", text, &["-t", "jsonl"]);
    ran.prints("a.json:1: not a JSON object\nhint: write `-t json`\n");
    Place::new().import_text("a.json", text, &["-t", "json"]).expect(0, [2, 0, 0, 0]);
}

#[test]
fn hints_name_what_to_change() {
    let place = Place::new();
    place.file("a.csv", "a\n1\n");
    for (arguments, words) in [
        (&["-c", "c", "--comment", "//", "a.csv"][..], "not exactly one byte\nhint: write `/`\n"),
        (
            &["-c", "c", "import", "a.csv"],
            "error: import: no such file\nhint: there are no subcommands; write the line without `import`\n",
        ),
        (&["-c", "c", "--doc", "x", "-t", "bulk", "a.csv"], "hint: `--doc`: leave it out; each bulk line has its own"),
    ] {
        place.run(arguments).prints(words);
    }
    assert!(place.is_untouched());
}
