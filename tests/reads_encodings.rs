//! Text in other encodings than UTF-8.

use crate::support::Place;

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn utf16_with_a_byte_order_mark_is_decoded() {
    let text = "\u{feff}{\"_key\":\"a\",\"n\":\"Zürich 😀\"}\r\n{\"_key\":\"b\"}\r\n";
    for bytes in [utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes)] {
        let place = Place::new();
        place.import_text("a.jsonl", &bytes, &[]).expect(0, [2, 0, 0, 0]);
        assert_eq!(place.docs(), ["{\"_key\":\"a\",\"n\":\"Zürich 😀\"}", "{\"_key\":\"b\"}"]);
        let place = Place::new();
        place.pipe(&["-c", "c"], &bytes).expect(0, [2, 0, 0, 0]);
        let place = Place::new();
        place.import_text("a.jsonl.zst", zstd::encode_all(&bytes[..], 1).expect("zstd"), &[]).expect(0, [2, 0, 0, 0]);
    }
    let place = Place::new();
    place.import_text("a.csv", utf16("\u{feff}_key,n\n1,é\n", u16::to_le_bytes), &[]).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"_key\":\"1\",\"n\":\"é\"}"]);
}

#[test]
fn utf16_without_a_byte_order_mark_needs_its_name() {
    for (to_bytes, label) in [(u16::to_le_bytes as fn(u16) -> [u8; 2], "utf-16le"), (u16::to_be_bytes, "utf-16be")] {
        let place = Place::new();
        let bytes = utf16("{\"_key\":\"a\"}\n", to_bytes);
        let ran = place.import_text("a.jsonl", &bytes, &[]);
        assert_eq!(ran.code, 5);
        ran.prints(&format!("UTF-16 without a byte order mark\nhint: write `--encoding {label}`\n"));
        place.import_text("a.jsonl", &bytes, &["--encoding", label]).expect(0, [1, 0, 0, 0]);
    }
}

#[test]
fn utf32_is_named() {
    for (bytes, label) in [
        (b"\xff\xfe\0\0a\0\0\0,\0\0\0".to_vec(), "UTF-32"),
        (b"\0\0\xfe\xff\0\0\0a".to_vec(), "UTF-32"),
        (b"a\0\0\0,\0\0\0".to_vec(), "UTF-32LE"),
        (b"\0\0\0a\0\0\0,".to_vec(), "UTF-32BE"),
    ] {
        let ran = Place::new().import_text("a.csv", &bytes, &[]);
        assert_eq!(ran.code, 5);
        ran.prints("UTF-32 is not supported\n")
            .prints(&format!("hint: `iconv -f {label} -t UTF-8 FILE | bulkimport ...`"));
        assert_eq!(Place::new().pipe(&["-c", "c", "-t", "csv"], &bytes).code, 5);
    }
}

#[test]
fn invalid_utf8_names_the_likely_encoding_and_the_hint_works() {
    for (bytes, label, document) in [
        (&b"_key,name\n1,Z\xfcrich\n2,ok\n"[..], "windows-1252", "Zürich"),
        (b"_key,name\n1,\"quote \x93x\x94\"\n", "windows-1252", "quote “x”"),
        (b"_key,name\n1,\xcc\xee\xf1\xea\xe2\xe0\n", "windows-1251", "Москва"),
        (b"_key,name\n1,\x83g\x83\x88\x83^\n", "shift_jis", "トヨタ"),
        (b"_key,name\n1,\xa5\xc8\xa5\xe8\xa5\xbf\n", "euc-jp", "トヨタ"),
        (b"_key,name\n1,\xbc\xad\xbf\xef\n", "euc-kr", "서울"),
        (b"_key,name\n1,\xb1\xb1\xbe\xa9\xca\xd0\n", "gb18030", "北京市"),
    ] {
        let place = Place::new();
        let ran = place.import_text("a.csv", bytes, &[]);
        assert_eq!(ran.code, 1);
        ran.prints("a.csv:2: invalid UTF-8 at byte ").prints(&format!("\nhint: write `--encoding {label}`\n"));
        let place = Place::new();
        let ran = place.import_text("a.csv", bytes, &["--encoding", label]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(place.docs()[0], format!("{{\"_key\":\"1\",\"name\":\"{}\"}}", document.replace('"', "\\\"")));
    }
}

#[test]
fn a_header_and_lines_of_json_name_the_likely_encoding_too() {
    let place = Place::new();
    let ran = place.import_text("a.csv", b"_key,na\xefve\n1,x\n", &[]);
    assert_eq!(ran.code, 5);
    ran.prints("a.csv:1: invalid header: invalid UTF-8 at byte 8\nhint: write `--encoding windows-1252`\n");
    place.import_text("a.csv", b"_key,na\xefve\n1,x\n", &["--encoding", "windows-1252"]).expect(0, [1, 0, 0, 0]);
    assert_eq!(place.docs(), ["{\"_key\":\"1\",\"naïve\":\"x\"}"]);
    let place = Place::new();
    let lines = b"{\"_key\":\"a\",\"n\":\"Z\xfcrich\"}\n{\"_key\":\"b\",\"n\":\"\xfc\"}\n{\"_key\":\"c\"}\n";
    let ran = place.import_text("a.jsonl", lines, &[]);
    ran.expect(1, [1, 2, 0, 0]).prints("hint: write `--encoding windows-1252`\n");
    assert_eq!(ran.stderr.matches("hint: ").count(), 1, "a hint is printed once: {}", ran.stderr);
}

#[test]
fn bytes_that_an_encoding_does_not_have_are_an_error_of_their_record() {
    let place = Place::new();
    let text = b"{\"_key\":\"a\",\"n\":\"\x83g\"}\n{\"_key\":\"b\",\"n\":\"\xfd\"}\n{\"_key\":\"c\"}\n";
    let ran = place.import_text("a.jsonl", text, &["--encoding", "shift_jis"]);
    ran.expect(1, [2, 1, 0, 0]).prints("a.jsonl:2: invalid UTF-8");
    assert!(!ran.stderr.contains("hint: "), "{}", ran.stderr);
    assert_eq!(place.docs(), ["{\"_key\":\"a\",\"n\":\"ト\"}", "{\"_key\":\"c\"}"]);
}

#[test]
fn an_encoding_works_for_pipes_and_long_texts() {
    let lines: String =
        (0..20_000).map(|n| format!("{{\"_key\":\"{n}\",\"n\":\"äöü{}\"}}\n", "é".repeat(n % 50))).collect();
    let bytes: Vec<u8> = lines.chars().map(|char| char as u8).collect();
    for from_pipe in [false, true] {
        let place = Place::new();
        let flags = ["-c", "c", "--encoding", "latin1"];
        let ran =
            if from_pipe { place.pipe(&flags, &bytes) } else { place.import_text("a.jsonl", &bytes, &flags[2..]) };
        ran.expect(0, [20_000, 0, 0, 0]);
        assert_eq!(place.docs(), lines.lines().collect::<Vec<_>>());
    }
}

#[test]
fn an_unknown_encoding_is_refused() {
    let ran = Place::new().import_text("a.jsonl", "{}", &["--encoding", "cp850"]);
    assert_eq!(ran.code, 2);
    ran.prints(
        "error: invalid value \"cp850\" for --encoding: unknown encoding\nhint: `iconv -f cp850 -t UTF-8 FILE | ",
    );
}

#[test]
fn utf8_that_is_damaged_is_not_taken_for_another_encoding() {
    for text in [&b"_key,n\n1,\xd0\x9f\xd0\n"[..], b"_key,n\n1,\xc3\xa4\xff\n"] {
        let ran = Place::new().import_text("a.csv", text, &[]);
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains("invalid UTF-8") && !ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
}

#[test]
fn capitals_with_an_accent_before_a_letter_are_latin() {
    for text in
        [&b"_key,n\n1,\xc4rger\n"[..], b"_key,n\n1,\xc9cole\n", b"_key,n\n1,ma\xf1ana\n", b"_key,n\n1,\xdcberma\xdf\n"]
    {
        Place::new().import_text("a.csv", text, &[]).prints("hint: write `--encoding windows-1252`\n");
    }
}
