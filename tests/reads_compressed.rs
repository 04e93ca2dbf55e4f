//! Compressed input, recognised by its first bytes wherever it comes from.

use crate::support::{Place, testdata};
use std::io::Write;

const LINES: &str = "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\",\"n\":2}\n";

/// `LINES`, as `xz --check=crc32` writes it.
pub const XZ: &[u8] = &[
    0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x01, 0x69, 0x22, 0xde, 0x36, 0x02, 0x00, 0x21, 0x01, 0x16, 0x00, 0x00,
    0x00, 0x74, 0x2f, 0xe5, 0xa3, 0xe0, 0x00, 0x25, 0x00, 0x1e, 0x5d, 0x00, 0x3d, 0x88, 0x87, 0xe6, 0xb3, 0x64, 0x98,
    0x30, 0xbc, 0x1c, 0xbb, 0x7a, 0x53, 0xc2, 0x47, 0x01, 0xdd, 0x2a, 0xd9, 0x09, 0x2e, 0x14, 0x25, 0xa0, 0x3d, 0xbb,
    0x74, 0x78, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc1, 0xe5, 0xb1, 0x3f, 0x00, 0x01, 0x36, 0x26, 0xa3, 0xa1, 0x97, 0x7b,
    0x90, 0x42, 0x99, 0x0d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x59, 0x5a,
];

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn bzip2(text: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 0).expect("memory")
}

fn kinds() -> [(&'static str, Vec<u8>); 4] {
    let lines = LINES.as_bytes();
    [("gzip", gzip(lines)), ("zstd", zstd(lines)), ("bzip2", bzip2(lines)), ("xz", XZ.to_vec())]
}

#[test]
fn compression_is_recognised_by_the_first_bytes_of_a_file_and_of_a_pipe() {
    for (kind, bytes) in kinds() {
        let place = Place::new();
        let ran = place.import_text("named-like-nothing", &bytes, &[]);
        ran.expect(0, [2, 0, 0, 0]);
        assert_eq!(place.docs(), LINES.lines().collect::<Vec<_>>(), "{kind}");
        assert_eq!(ran.count("bytes_read"), bytes.len() as u64, "{kind}: bytes as stored");
        let place = Place::new();
        place.pipe(&["-c", "c"], &bytes).expect(0, [2, 0, 0, 0]);
        assert_eq!(place.docs(), LINES.lines().collect::<Vec<_>>(), "{kind}");
    }
}

#[test]
fn compression_may_be_said() {
    for (kind, bytes) in kinds() {
        let place = Place::new();
        place.import_text("a", &bytes, &["--compression", kind]).expect(0, [2, 0, 0, 0]);
        let place = Place::new();
        place.pipe(&["-c", "c", "--compression", kind], &bytes).expect(0, [2, 0, 0, 0]);
    }
}

#[test]
fn several_compressed_pieces_one_after_another_are_one_input() {
    let (first, second) = LINES.split_at(25);
    let pieces = |packed: fn(&[u8]) -> Vec<u8>| [packed(first.as_bytes()), packed(second.as_bytes())].concat();
    for bytes in [pieces(gzip), pieces(zstd), pieces(bzip2)] {
        let place = Place::new();
        place.import_text("a.gz", bytes, &[]).expect(0, [2, 0, 0, 0]);
        assert_eq!(place.docs(), LINES.lines().collect::<Vec<_>>());
    }
}

#[test]
fn plain_and_compressed_files_mix() {
    let place = Place::new();
    place.file("a.gz", gzip(b"{\"_key\":\"a\"}\n"));
    place.file("b.jsonl", "{\"_key\":\"b\"}\n");
    place.file("c.csv.zst", zstd(b"_key\nc\n"));
    place.import(&["a.gz", "b.jsonl", "c.csv.zst"]).expect(0, [3, 0, 0, 0]);
}

/// Enough text that half of it compressed still holds many records: numbers that do not repeat.
fn long() -> String {
    let number = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..20_000).map(|n| format!("{{\"_key\":\"k{n}\",\"n\":{}}}\n", number(n))).collect()
}

#[test]
fn what_came_before_a_cut_is_stored_and_the_run_stops_with_5() {
    let text = long();
    for (kind, mut bytes) in [("gzip", gzip(text.as_bytes())), ("zstd", zstd(text.as_bytes()))] {
        bytes.truncate(bytes.len() / 2);
        for by_pipe in [false, true] {
            let place = Place::new();
            let ran = if by_pipe {
                place.pipe(&["-c", "c", "-t", "jsonl"], &bytes)
            } else {
                place.import_text("a.jsonl", &bytes, &[])
            };
            assert_eq!(ran.code, 5, "{kind}: {}", ran.stderr);
            ran.prints("unexpected end of compressed data");
            let docs = place.docs();
            assert_eq!(docs.len() as u64, ran.count("created"), "{kind}");
            assert!(docs.len() > 1000 && docs.len() < 19_000, "{kind}: {}", docs.len());
            assert!(docs.iter().eq(text.lines().take(docs.len())), "{kind}: the beginning of the file");
        }
    }
}

#[test]
fn damage_in_the_middle_is_never_stored() {
    let text = long();
    let mut bytes = gzip(text.as_bytes());
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xff);
    let place = Place::new();
    let ran = place.import_text("a.jsonl", bytes, &[]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    // Deflate may turn damage into other text before its checksum shows it, so only whole lines from before it are compared.
    assert!(place.docs().iter().zip(text.lines()).take(1000).all(|(doc, line)| doc == line));
}

#[test]
fn a_file_too_short_to_be_compressed_is_reported() {
    let place = Place::new();
    let ran = place.import_text("a.jsonl", &gzip(LINES.as_bytes())[..8], &[]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    ran.prints("a.jsonl: unexpected end of compressed data");
    assert!(place.is_untouched());
}

#[test]
fn the_wrong_compression_stops_before_anything_is_stored() {
    let [(_, gz), (_, zst), ..] = kinds();
    for (how, bytes) in
        [("gzip", LINES.as_bytes()), ("zstd", LINES.as_bytes()), ("bzip2", &gz), ("xz", &zst), ("gzip", &zst)]
    {
        let place = Place::new();
        let ran = place.import_text("a.jsonl", bytes, &["--compression", how]);
        assert_eq!(ran.code, 5, "{how}: {}", ran.stderr);
        ran.prints("a.jsonl");
        assert!(place.is_untouched(), "{how}");
    }
    let place = Place::new();
    let ran = place.import_text("a.jsonl", &gz, &["--compression", "none"]);
    assert_ne!(ran.code, 0);
    assert!(place.is_untouched());
}

#[test]
fn films_come_out_of_both_archives_to_the_byte() {
    let films = std::fs::read_to_string(testdata("films.jsonl")).expect("testdata");
    for name in ["films.jsonl.gz", "films.jsonl.zst"] {
        let bytes = std::fs::read(testdata(name)).expect("testdata");
        let place = Place::new();
        place.pipe(&["-c", "c"], &bytes).expect(0, [12, 0, 0, 0]);
        assert_eq!(place.docs(), films.lines().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn zero_bytes_after_a_gzip_file_are_ignored_and_others_are_named() {
    let packed = std::fs::read(testdata("films.jsonl.gz")).expect("testdata");
    let zeros = vec![0; 200_000];
    for (padding, count) in [(&[0][..], 12), (&zeros, 12), (&[&zeros[..], &packed].concat(), 24)] {
        let place = Place::new();
        let bytes = [&packed, padding].concat();
        place.import_text("a.jsonl.gz", &bytes, &["--on-duplicate", "replace"]);
        let ran = place.pipe(&["-c", "d", "--on-duplicate", "replace"], &bytes);
        assert_eq!((ran.code, ran.count("read")), (0, count), "{}", ran.stderr);
    }
    for padding in [&b"x"[..], b"\0\0garbage", b"\x1f"] {
        let place = Place::new();
        let ran = place.import_text("a.jsonl.gz", [&packed, padding].concat(), &[]);
        ran.expect(5, [12, 0, 0, 0]);
        assert!(ran.stderr.contains("gzip") || ran.stderr.contains("unexpected end"), "{}", ran.stderr);
    }
}

/// A zstd frame whose window has this many bytes, as a power of two, with one uncompressed block.
fn zstd_with_window(log: u8, text: &[u8]) -> Vec<u8> {
    let block = (text.len() as u32) << 3 | 1;
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3], &block.to_le_bytes()[..3], text].concat()
}

#[test]
fn a_zstd_window_may_have_128_mib_and_for_longer_ones_the_hint_says_what_to_do() {
    let text = b"{\"_key\":\"a\"}\n";
    for log in [10, 23, 27] {
        let place = Place::new();
        place.import_text("a.jsonl.zst", zstd_with_window(log, text), &[]).expect(0, [1, 0, 0, 0]);
    }
    let place = Place::new();
    let ran = place.import_text("a.jsonl.zst", zstd_with_window(31, text), &[]);
    assert_eq!(ran.code, 5);
    ran.prints("a.jsonl.zst: the zstd window is larger than 128 MiB\nhint: `zstd -dc --long=31 FILE | bulkimport ...`");
    let place = Place::new();
    place.pipe(&["-c", "c"], &zstd_with_window(31, text)).prints("hint: `zstd -dc --long=31 FILE | bulkimport ...`");
}
