//! Files as a target: documents and bulk lines, on stdout, in new files, pipes and devices. Both are valid input again.

use crate::live::{Live, until};
use crate::support::{Place, Ran, ran, start, testdata};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

fn data(name: &str) -> String {
    testdata(name).to_str().expect("UTF-8").to_owned()
}

impl Place {
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file that was written")
    }

    /// The names in the directory, without those of a store.
    fn names(&self) -> Vec<String> {
        let all = fs::read_dir(self.path("")).expect("the directory");
        let mut names: Vec<String> =
            all.map(|one| one.expect("a name").file_name().into_string().expect("UTF-8")).collect();
        names.retain(|name| !name.starts_with("bulkimport.db"));
        names.sort();
        names
    }

    /// Runs it with the documents on stdout; they, and the run with the summary that is the last line of stderr.
    fn to_stdout(&self, arguments: &[&str], stdin: &str) -> (String, Ran) {
        let Ran { code, stdout, stderr, .. } = self.pipe(&[&["-c", "c"], arguments].concat(), stdin.as_bytes());
        let summary = stderr.lines().last().unwrap_or_default().to_owned();
        (stdout, Ran::of(Some(code), summary.as_bytes(), stderr.as_bytes()))
    }
}

/// What such flags write of such an input.
#[track_caller]
fn written(arguments: &[&str], stdin: &str) -> String {
    let (stdout, run) = Place::new().to_stdout(arguments, stdin);
    assert_eq!(run.code, 0, "{}", run.stderr);
    stdout
}

/// The keys and documents of collection `c`.
fn stored(place: &Place) -> Vec<(String, String)> {
    place.rows("c").into_iter().map(|row| (row.key, row.doc)).collect()
}

/// The same as values, without the fields that name the key.
fn contents(place: &Place) -> Vec<(String, Value)> {
    let content = |(key, doc): (String, String)| {
        let mut doc: Value = serde_json::from_str(&doc).expect("JSON");
        let fields = doc.as_object_mut().expect("an object");
        fields.retain(|name, _| name != "_key" && name != "_id");
        (key, doc)
    };
    stored(place).into_iter().map(content).collect()
}

const FORMATS: [(&str, &[&str]); 6] = [
    ("films.jsonl", &[]),
    ("films.json", &[]),
    ("films-pretty.json", &[]),
    ("films.csv", &[]),
    ("films.tsv", &[]),
    ("films.arrays", &["-t", "arrays"]),
];

#[test]
fn documents_of_every_format_come_back_as_from_the_input_itself() {
    for (name, arguments) in FORMATS {
        let (direct, place) = (Place::new(), Place::new());
        let path = data(name);
        let input = [arguments, &[&*path]].concat();
        direct.import(&input).expect(0, [12, 0, 0, 0]);
        place.import(&[&["--to", "jsonl:out.jsonl"], &*input].concat()).expect(0, [12, 0, 0, 0]);
        place.import(&["out.jsonl"]).expect(0, [12, 0, 0, 0]);
        let lines = |place: &Place| -> Vec<(String, String)> {
            stored(place).into_iter().map(|(key, doc)| (key, doc.replace('\n', " "))).collect()
        };
        assert_eq!(stored(&place), lines(&direct), "{name}");
    }
}

#[test]
fn bulk_lines_of_every_format_make_the_documents_of_the_input_itself() {
    for (name, arguments) in FORMATS {
        let (direct, place) = (Place::new(), Place::new());
        let path = data(name);
        let input = [arguments, &[&*path]].concat();
        direct.import(&input).expect(0, [12, 0, 0, 0]);
        place.import(&[&["--to", "bulk:out.ndjson"], &*input].concat()).expect(0, [12, 0, 0, 0]);
        assert_eq!(place.read("out.ndjson").lines().count(), 24);
        // No collection is named: each line names it.
        place.run(&["-t", "bulk", "out.ndjson"]).expect(0, [12, 0, 0, 0]);
        assert_eq!(contents(&place), contents(&direct), "{name}");
        assert!(stored(&place).iter().all(|(_, doc)| !doc.contains("_key")), "{name}");
    }
}

#[test]
fn bulk_lines_that_went_through_a_file_do_what_they_did() {
    let (direct, place) = (Place::new(), Place::new());
    direct.import(&["-t", "bulk", &data("films.bulk")]).expect(0, [13, 0, 3, 1]);
    let run = place.import(&["--to", "bulk:out.ndjson", "-t", "bulk", &data("films.bulk")]);
    assert_eq!(run.expect(0, [12, 0, 4, 0]).count("deleted"), 2);
    place.run(&["-t", "bulk", "out.ndjson"]).expect(0, [13, 0, 3, 1]);
    assert_eq!(place.rows("c"), direct.rows("c"));
}

#[test]
fn hostile_lines_come_out_of_a_file_of_documents_to_the_byte() {
    let hostile = fs::read_to_string(testdata("hostile.jsonl")).expect("testdata");
    assert_eq!(written(&["--to", "jsonl:-"], &hostile), hostile);
    assert_eq!(written(&["--to", "-", "--batch-size", "1"], &hostile), hostile);
    assert_eq!(written(&["--to", "-", "-t", "json"], &hostile), hostile);
}

#[test]
fn hostile_lines_go_through_bulk_lines_into_a_store_as_they_are() {
    let hostile = fs::read_to_string(testdata("hostile.jsonl")).expect("testdata");
    let lines = written(&["--to", "bulk:-"], &hostile);
    let (direct, place) = (Place::new(), Place::new());
    direct.import_text("in.jsonl", &hostile, &[]).expect(0, [76, 0, 0, 0]);
    place.pipe(&["-t", "bulk"], lines.as_bytes()).expect(0, [76, 0, 0, 0]);
    for ((key, doc), (own_key, whole)) in stored(&place).iter().zip(stored(&direct)) {
        // Generated keys end in the number of the record.
        let is_generated = own_key.len() == 27 && !whole.contains(&own_key);
        assert!(*key == own_key || is_generated && key[17..] == own_key[17..], "{key} and {own_key}");
        // What is left when the field of the key is taken out.
        let is_split = |at: usize| whole.starts_with(&doc[..at]) && whole.ends_with(&doc[at..]);
        let mut places = (0..=doc.len()).filter(|at| doc.is_char_boundary(*at));
        assert!(places.any(is_split), "{doc} of {whole}");
        assert_eq!(*doc == whole, is_generated, "{whole}");
    }
}

#[test]
fn the_summary_is_the_last_thing_on_stderr_when_documents_are_on_stdout() {
    let place = Place::new();
    let output =
        ran(start(place.command(&["-c", "c", "--to", "-"]).args(["--summary", "text"])), b"{\"_key\":\"a\"}\n");
    assert_eq!(output.stdout, "{\"_key\":\"a\"}\n");
    assert_eq!(output.stderr, "importing into stdout, collection c\ncreated: 1\nerrors: 0\nupdated: 0\nignored: 0\n");
    let (stdout, run) = place.to_stdout(&["--to", "bulk:-"], "{\"_key\":\"a\"}\n7\n");
    assert_eq!(stdout, "{\"create\":{\"_index\":\"c\",\"_id\":\"a\"}}\n{}\n");
    run.expect(1, [1, 1, 0, 0]);
    assert_eq!(run.summary["target"], "stdout");
}

#[test]
fn a_run_that_does_not_begin_is_reported_beside_the_documents() {
    let (stdout, run) = Place::new().to_stdout(&["--to", "-", "missing.jsonl"], "");
    assert_eq!((&*stdout, run.code, &run.summary["exit_code"]), ("", 5, &Value::from(5)), "{}", run.stderr);
    for line in ["--to - --no-such-flag", "--to=bulk:- --refresh true", "--to - --results -", "--to - --to bulk:-"] {
        let (stdout, run) = Place::new().to_stdout(&line.split(' ').collect::<Vec<_>>(), "");
        assert_eq!((&*stdout, run.code, &run.summary["exit_code"]), ("", 2, &Value::from(2)), "{line}: {}", run.stderr);
    }
}

#[test]
fn a_key_is_where_the_form_has_it() {
    let bulk = |arguments: &[&str], input: &str| written(&[&["--to", "bulk:-"], arguments].concat(), input);
    let docs = |arguments: &[&str], input: &str| written(&[&["--to", "-"], arguments].concat(), input);
    let csv = "sku,n\n007,1\n";
    assert_eq!(docs(&["-t", "csv", "--key", "sku"], csv), "{\"sku\":\"007\",\"n\":1}\n");
    let lines = "{\"create\":{\"_index\":\"c\",\"_id\":\"007\"}}\n{\"sku\":\"007\",\"n\":1}\n";
    assert_eq!(bulk(&["-t", "csv", "--key", "sku"], csv), lines);
    let both = "{\"n\":1,\"_id\":\"a\\u0022\",\"_key\":\"a\\\"\"}\n";
    assert_eq!(docs(&[], both), both);
    assert_eq!(bulk(&[], both), "{\"create\":{\"_index\":\"c\",\"_id\":\"a\\\"\"}}\n{\"n\":1}\n");
    // A generated one is made anew by whoever reads the documents, and named in a bulk line.
    assert_eq!(docs(&[], "{\"n\":1}"), "{\"n\":1}\n");
    let made = bulk(&[], "{\"n\":1}");
    let line: Value = serde_json::from_str(made.lines().next().expect("a line")).expect("JSON");
    assert_eq!(line["create"]["_id"].as_str().map(str::len), Some(27), "{made}");
    assert_eq!(made.lines().nth(1), Some("{\"n\":1}"));
}

#[test]
fn a_name_of_an_index_is_quoted() {
    let place = Place::new();
    let run = place.pipe(&["-c", "a\"ü\\", "--to", "bulk:out"], b"{\"_key\":\"k\"}\n");
    run.expect(0, [1, 0, 0, 0]);
    assert_eq!(place.read("out"), "{\"create\":{\"_index\":\"a\\\"ü\\\\\",\"_id\":\"k\"}}\n{}\n");
}

#[test]
fn a_record_over_several_lines_becomes_one() {
    let input = "[{\n \"_key\": \"a\",\n \"n\": [1,\n2]\n}\n]\n";
    assert_eq!(written(&["--to", "-"], input), "{  \"_key\": \"a\",  \"n\": [1, 2] }\n");
    let lines = "{\"create\":{\"_index\":\"c\",\"_id\":\"a\"}}\n{\"n\": [1, 2] }\n";
    assert_eq!(written(&["--to", "bulk:-"], input).replace("{  ", "{"), lines);
}

#[test]
fn lines_count_as_what_they_ask_for_and_nothing_is_looked_up() {
    let input = "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"a\",\"n\":2}\n";
    for (mode, verb, counts) in [
        ("error", "create", [2, 0, 0, 0]),
        ("ignore", "create", [2, 0, 0, 0]),
        ("replace", "index", [2, 0, 0, 0]),
        ("update", "update", [0, 0, 2, 0]),
    ] {
        let place = Place::new();
        let (stdout, run) = place.to_stdout(&["--to", "bulk:-", "--on-duplicate", mode], input);
        run.expect(0, counts);
        let line = |n: u8| match mode {
            "update" => format!("{{\"doc\":{{\"n\":{n}}},\"doc_as_upsert\":true}}"),
            _ => format!("{{\"n\":{n}}}"),
        };
        let head = format!("{{\"{verb}\":{{\"_index\":\"c\",\"_id\":\"a\"}}}}");
        assert_eq!(stdout, format!("{head}\n{}\n{head}\n{}\n", line(1), line(2)), "{mode}");
    }
    let (stdout, run) = Place::new().to_stdout(&["--to", "-"], input);
    run.expect(0, [2, 0, 0, 0]);
    assert_eq!(stdout, input);
}

#[test]
fn deletes_are_bulk_lines_without_a_document() {
    let (stdout, run) =
        Place::new().to_stdout(&["--to", "bulk:-", "--delete-keys"], "{\"_key\":\"a\",\"n\":1}\n{\"n\":1}\n");
    assert_eq!(run.expect(1, [0, 1, 0, 0]).count("deleted"), 1);
    assert_eq!(stdout, "{\"delete\":{\"_index\":\"c\",\"_id\":\"a\"}}\n");
}

#[test]
fn bulk_lines_keep_their_metadata_and_get_the_index_and_the_id_that_they_lack() {
    for (input, output) in [
        ("{\"index\":{\"_index\":\"x\", \"_id\":7,\"routing\":\"r\"}}\n{\"_id\":1}\n", None),
        ("{\"delete\":{\"_index\":\"c\",\"_id\":\"a\",\"if_seq_no\":3}}\n", None),
        ("{\"update\":{\"_index\":\"y\",\"_id\":\"a\"}}\n{\"script\":{\"source\":\"x\"},\"upsert\":{}}\n", None),
        (
            "{\"create\":{\"_id\":\"a\",\"pipeline\": \"p\"}}\n{}\n",
            Some("{\"create\":{\"_index\":\"c\",\"_id\":\"a\",\"pipeline\": \"p\"}}\n{}\n"),
        ),
        (
            "{\"index\":{ \"_index\":null, \"version\":1, \"_id\":\"a\" }}\n{}\n",
            Some("{\"index\":{\"_index\":\"c\",\"version\":1,\"_id\":\"a\"}}\n{}\n"),
        ),
    ] {
        assert_eq!(written(&["--to", "bulk:-", "-t", "bulk"], input), output.unwrap_or(input));
    }
    let output = written(&["--to", "bulk:-", "-t", "bulk"], "{\"index\":{}}\n{\"n\":1}\n");
    assert!(
        output.starts_with("{\"index\":{\"_index\":\"c\",\"_id\":\"") && output.ends_with("\"}}\n{\"n\":1}\n"),
        "{output}"
    );
}

#[test]
fn a_document_gets_the_key_of_its_bulk_line() {
    let lines = "{\"index\":{\"_id\":\"a\\\"\"}}\n{\"n\":1}\n{\"create\":{\"_id\":7}}\n{ }\n{\"index\":{}}\n{\"n\":2}\n\
                 {\"index\":{\"_id\":\"b\"}}\n{\"n\":3,\"_id\":\"b\"}\n{\"index\":{\"_id\":\"b\"}}\n{\"_key\":\"c\"}\n";
    let (stdout, run) = Place::new().to_stdout(&["--to", "-", "-t", "bulk"], lines);
    run.expect(1, [4, 1, 0, 0]).prints("stdin:9: \"_key\" differs between the document and its action line");
    let expected = ["{\"_key\":\"a\\\"\",\"n\":1}", "{\"_key\":\"7\" }", "{\"n\":2}", "{\"n\":3,\"_id\":\"b\"}"];
    assert_eq!(stdout.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_no_document_can_hold_is_an_error_of_its_line() {
    for (line, what) in [
        ("{\"update\":{\"_id\":\"a\"}}\n{\"doc\":{}}\n", "a file of documents cannot hold updates; --to bulk:PATH can"),
        ("{\"delete\":{\"_id\":\"a\"}}\n", "a file of documents cannot hold deletes; --to bulk:PATH can"),
        ("{\"index\":{\"_id\":\"a\",\"routing\":\"r\"}}\n{}\n", "\"routing\""),
    ] {
        let (stdout, run) = Place::new().to_stdout(&["--to", "-", "-t", "bulk"], line);
        run.expect(1, [0, 1, 0, 0]).prints("stdin:1: ").prints(what);
        assert_eq!(stdout, "");
    }
}

#[test]
fn names_of_several_collections_that_documents_do_not_keep_are_noted() {
    let line = |index: &str| format!("{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"{index}\"}}}}\n{{}}\n");
    let place = Place::new();
    let run = place.pipe(&["--to", "jsonl:two", "-t", "bulk"], (line("x") + &line("y")).as_bytes());
    run.expect(0, [2, 0, 0, 0]).prints("note: two: the lines name several collections").prints("--to bulk:PATH does");
    assert_eq!(place.read("two"), "{\"_key\":\"x\"}\n{\"_key\":\"y\"}\n");
    let run = place.pipe(&["--to", "jsonl:one", "-t", "bulk"], (line("x") + &line("x")).as_bytes());
    assert!(!run.expect(0, [2, 0, 0, 0]).stderr.contains("note"), "{}", run.stderr);
}

#[test]
fn edges_get_their_prefixes_and_need_both_ends() {
    let edges = ["--edge", "--from-prefix", "p", "--to-prefix", "q"];
    let input = "{\"_from\":\"1\",\"_to\":\"2\"}\n{\"_from\":\"1\"}\n";
    let (stdout, run) = Place::new().to_stdout(&[&["--to", "-"], &edges[..]].concat(), input);
    run.expect(1, [1, 1, 0, 0]).prints("stdin:2: ");
    assert_eq!(stdout, "{\"_from\":\"p/1\",\"_to\":\"q/2\"}\n");
}

#[test]
fn records_are_shaped_before_they_are_written() {
    let input = "a,b,c\n1,x,9\n";
    let shape = ["-t", "csv", "--translate", "a=_key", "--remove-attribute", "c", "--merge-attributes", "d=[b]-[a]"];
    let docs = written(&[&["--to", "-"], &shape[..]].concat(), input);
    let lines = written(&[&["--to", "bulk:-"], &shape[..]].concat(), input);
    let doc: Value = serde_json::from_str(&docs).expect("JSON");
    assert_eq!(doc, serde_json::json!({ "_key": doc["_key"], "b": "x", "d": "x-1" }));
    assert!(lines.starts_with("{\"create\":{\"_index\":\"c\",\"_id\":\"1\"}}\n"), "{lines}");
}

#[test]
fn the_end_of_the_name_compresses() {
    for name in ["jsonl:out.jsonl.gz", "bulk:out.gz", "jsonl:out.zst", "bulk:out.ndjson.zst"] {
        for sizes in ["5000", "1"] {
            let (place, plain) = (Place::new(), Place::new());
            let (form, file) = name.split_once(':').expect("a form");
            place.import(&["--to", name, "--batch-size", sizes, &data("films.csv")]).expect(0, [12, 0, 0, 0]);
            plain.import(&["--to", &format!("{form}:out"), &data("films.csv")]).expect(0, [12, 0, 0, 0]);
            let packed = fs::read(place.path(file)).expect("a file");
            let mut text = String::new();
            match file.ends_with(".gz") {
                true => flate2::read::MultiGzDecoder::new(&*packed).read_to_string(&mut text).expect("gzip"),
                false => {
                    zstd::stream::read::Decoder::new(&*packed).expect("zstd").read_to_string(&mut text).expect("zstd")
                }
            };
            assert_eq!(text, plain.read("out"), "{name} {sizes}");
            let kind = if form == "bulk" { "bulk" } else { "auto" };
            place.import(&["-t", kind, file]).expect(0, [12, 0, 0, 0]);
        }
    }
}

#[test]
fn an_input_without_records_makes_an_empty_file_that_can_be_read() {
    let place = Place::new();
    place.pipe(&["-c", "c", "--to", "jsonl:out"], b"").expect(0, [0; 4]);
    assert_eq!(place.read("out"), "");
    for name in ["out.gz", "out.zst"] {
        place.pipe(&["-c", "c", "--to", &format!("jsonl:{name}")], b"").expect(0, [0; 4]);
        assert!(!fs::read(place.path(name)).expect("a file").is_empty(), "{name}");
        place.import(&["-t", "jsonl", name]).expect(0, [0; 4]);
    }
}

#[test]
fn a_file_that_exists_is_replaced_only_when_that_is_asked_for() {
    let place = Place::new();
    place.file("out", "old");
    fs::set_permissions(place.path("out"), fs::Permissions::from_mode(0o640)).expect("rights");
    let run = place.pipe(&["-c", "c", "--to", "jsonl:out"], b"{}");
    assert_eq!(run.code, 2, "{}", run.stderr);
    run.prints("error: --to: out already exists\nhint: `--overwrite` replaces it");
    assert_eq!(place.read("out"), "old");
    place.pipe(&["-c", "c", "--to", "jsonl:out", "--overwrite"], b"{}").expect(0, [1, 0, 0, 0]);
    assert_eq!(place.read("out"), "{}\n");
    assert_eq!(fs::metadata(place.path("out")).expect("a file").permissions().mode() & 0o777, 0o640);
    assert_eq!(place.names(), ["out"]);
    // With bulk lines and deletes too, which have no collection that it could empty.
    place.pipe(&["-t", "bulk", "--to", "bulk:out", "--overwrite"], b"").expect(0, [0; 4]);
    place.pipe(&["-c", "c", "--delete-keys", "--to", "bulk:out", "--overwrite"], b"{\"_key\":\"a\"}").expect(0, [0; 4]);
}

#[test]
fn a_file_is_not_replaced_when_there_is_no_good_record() {
    let place = Place::new();
    for name in ["out", "out.gz"] {
        place.file(name, "old");
        let to = format!("jsonl:{name}");
        place.pipe(&["-c", "c", "-t", "jsonl", "--to", &to, "--overwrite"], b"").expect(0, [0; 4]);
        place.pipe(&["-c", "c", "-t", "jsonl", "--to", &to, "--overwrite"], b"[1]\n").expect(1, [0, 1, 0, 0]);
        assert_eq!(place.read(name), "old");
        place.pipe(&["-c", "c", "-t", "jsonl", "--to", &to, "--overwrite"], b"[1]\n{}\n").expect(1, [1, 1, 0, 0]);
        assert_ne!(std::fs::read(place.path(name)).expect("a file"), b"old");
    }
    assert_eq!(place.names(), ["out", "out.gz"]);
}

#[test]
fn a_file_that_appears_during_the_run_is_not_replaced() {
    let place = Place::new();
    let mut import = Live::start(&place, &["-c", "c", "--to", "jsonl:out", "--flush-interval", "10ms"]);
    import.feed("{\"n\":1}\n");
    until("the first record", || is_begun(&place));
    place.file("out", "another's");
    let run = import.end();
    run.expect(4, [0; 4]).prints("another program created this file meanwhile");
    assert_eq!((run.count("unsent"), place.read("out")), (1, "another's".to_owned()));
    assert_eq!(place.names(), ["out"]);
}

/// Whether a file that is not whole yet has any text.
fn is_begun(place: &Place) -> bool {
    let hidden: Vec<PathBuf> =
        place.names().iter().filter(|name| name.starts_with(".bulkimport-")).map(|name| place.path(name)).collect();
    hidden.iter().any(|path| fs::metadata(path).is_ok_and(|about| about.len() > 0))
}

#[test]
fn a_link_is_followed() {
    let place = Place::new();
    fs::create_dir(place.path("dir")).expect("a directory");
    place.file("dir/old", "old");
    symlink("dir/old", place.path("link")).expect("a link");
    symlink("link", place.path("chain")).expect("a link");
    symlink("dir/new", place.path("dangling")).expect("a link");
    let to = |name: &str| place.pipe(&["-c", "c", "--overwrite", "--to", &format!("jsonl:{name}")], b"{}");
    to("chain").expect(0, [1, 0, 0, 0]);
    to("dangling").expect(0, [1, 0, 0, 0]);
    assert_eq!((place.read("dir/old"), place.read("dir/new")), ("{}\n".to_owned(), "{}\n".to_owned()));
    for name in ["chain", "link", "dangling"] {
        assert!(fs::symlink_metadata(place.path(name)).expect("a link").is_symlink(), "{name}");
    }
}

#[test]
fn devices_are_written_in_place() {
    let place = Place::new();
    place.import(&["--to", "bulk:/dev/null", &data("films.csv")]).expect(0, [12, 0, 0, 0]);
    let run = place.import(&["--to", "jsonl:/dev/full", &data("films.csv")]);
    run.expect(4, [0; 4]).prints("error: /dev/full: no space left on the disk");
    assert_eq!(
        (run.count("unsent"), &run.summary["error"]),
        (12, &Value::from("/dev/full: no space left on the disk"))
    );
    // What is stdout by another name is stdout.
    let (stdout, run) = place.to_stdout(&["--to", "jsonl:/dev/stdout"], "{}");
    run.expect(0, [1, 0, 0, 0]);
    assert_eq!(stdout, "{}\n");
}

#[test]
fn a_named_pipe_is_written_in_place() {
    for (name, lines) in [("pipe", 3), ("pipe.gz", 3)] {
        let place = Place::new();
        assert!(Command::new("mkfifo").arg(place.path(name)).status().expect("mkfifo").success());
        let pipe = place.path(name);
        let reader = std::thread::spawn(move || fs::read(pipe).expect("the pipe"));
        let input = "{\"n\":1}\n".repeat(lines);
        place.pipe(&["-c", "c", "--to", &format!("jsonl:{name}")], input.as_bytes()).expect(0, [3, 0, 0, 0]);
        let bytes = reader.join().expect("the reader ends");
        let mut text = String::new();
        match name.ends_with(".gz") {
            true => flate2::read::MultiGzDecoder::new(&*bytes).read_to_string(&mut text).expect("gzip"),
            false => (&*bytes).read_to_string(&mut text).expect("UTF-8"),
        };
        assert_eq!(text, input);
        assert_eq!(place.names(), [name]);
    }
}

/// Runs it until its reader has seen a line of stdout and has gone.
fn until_a_line(place: &Place, arguments: &[&str]) -> (String, Ran) {
    let mut import = start(&mut place.command(&[&["-c", "c", "--summary", "json"], arguments].concat()));
    let mut line = String::new();
    BufReader::new(import.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    let output = import.wait_with_output().expect("it ends");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    let summary = stderr.lines().last().unwrap_or_default().to_owned();
    (line, Ran::of(output.status.code(), summary.as_bytes(), stderr.as_bytes()))
}

#[test]
fn a_reader_that_has_enough_ends_the_run_without_an_error() {
    let place = Place::new();
    let lines: String = (0..300_000).map(|n| format!("{{\"_key\":\"{n}\"}}\n")).collect();
    place.file("in.jsonl", &lines);
    for form in ["jsonl:-", "bulk:-"] {
        let (line, run) = until_a_line(&place, &["--to", form, "in.jsonl"]);
        assert!(line.contains("\"0\""), "{line}");
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.count("unsent") > 0 && run.count("read") < 300_000, "{}", run.summary);
        assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
    }
    // Errors that were found before are still errors.
    place.file("in.jsonl", format!("7\n{lines}"));
    let (_, run) = until_a_line(&place, &["--to", "-", "in.jsonl"]);
    assert_eq!((run.code, run.count("errors")), (1, 1), "{}", run.stderr);
}

#[test]
fn a_full_disk_keeps_the_records_that_fitted() {
    for (name, ignored) in [("out.jsonl", "trap '' XFSZ; "), ("out.jsonl.zst", "trap '' XFSZ; "), ("out.jsonl", "")] {
        let place = Place::new();
        let lines: String =
            (0..20_000).map(|n| format!("{{\"_key\":\"{n}\",\"x\":\"{}\"}}\n", n * 7_919 % 10_007)).collect();
        place.file("in.jsonl", &lines);
        let program = env!("CARGO_BIN_EXE_bulkimport");
        let script = format!(
            "{ignored}ulimit -f 8; exec {program} -c c --summary json --batch-size 200 --to jsonl:{name} in.jsonl"
        );
        let run = ran(start(Command::new("sh").args(["-c", &script]).current_dir(place.path(""))), b"");
        assert_eq!(run.code, 4, "{}", run.stderr);
        run.prints(&format!("error: {name}: the file is too large; the records that fitted are kept"));
        let created = run.count("created");
        assert!(created > 0 && run.count("unsent") > 0, "{}", run.summary);
        assert_eq!(place.names(), ["in.jsonl", name]);
        place.import(&["-t", "jsonl", name]).expect(0, [created, 0, 0, 0]);
    }
}

#[test]
fn a_signal_keeps_what_was_written() {
    for (signal, code) in [("HUP", 129), ("INT", 130), ("QUIT", 131), ("TERM", 143)] {
        let place = Place::new();
        let mut import = Live::start(&place, &["-c", "c", "--to", "jsonl:out", "--flush-interval", "10ms"]);
        import.feed("{\"n\":1}\n{\"n\":2}\n");
        until("two records", || is_begun(&place));
        assert!(!place.path("out").exists());
        import.signal(signal);
        import.wait().expect(code, [2, 0, 0, 0]);
        assert_eq!(place.read("out"), "{\"n\":1}\n{\"n\":2}\n");
        assert_eq!(place.names(), ["out"]);
    }
}

#[test]
fn a_signal_ends_a_run_whose_reader_does_not_read() {
    let place = Place::new();
    let number = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let lines: String = (0..200_000).map(|n| format!("{{\"_key\":\"{n}\",\"x\":{}}}\n", number(n))).collect();
    place.file("in.jsonl", lines);
    for name in ["", "pipe", "pipe.zst"] {
        let to = if name.is_empty() { "-".to_owned() } else { format!("jsonl:{name}") };
        let fifo = (!name.is_empty()).then(|| {
            assert!(Command::new("mkfifo").arg(place.path(name)).status().expect("mkfifo").success());
            File::options().read(true).write(true).open(place.path(name)).expect("the pipe")
        });
        let mut import = start(&mut place.command(&["-c", "c", "--to", &to, "in.jsonl"]));
        let mut stdout = import.stdout.take().expect("stdout");
        let mut byte = [0];
        // It has begun to write, and a pipe takes less than all of it.
        match &fifo {
            Some(fifo) => (&*fifo).read_exact(&mut byte),
            None => stdout.read_exact(&mut byte),
        }
        .expect("a byte");
        let kill = format!("kill -INT {}", import.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
        let output = import.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{to}: {stderr}");
        assert!(stderr.contains("the reader has stopped reading"), "{stderr}");
    }
}

#[test]
fn a_slow_pipe_is_passed_on_as_it_comes() {
    let place = Place::new();
    let mut import = place.command(&["-c", "c", "--to", "-", "--flush-interval", "10ms", "-t", "jsonl"]);
    let mut import = start(&mut import);
    let mut stdin = import.stdin.take().expect("stdin");
    let mut lines = BufReader::new(import.stdout.take().expect("stdout")).lines();
    for n in 0..3 {
        std::io::Write::write_all(&mut stdin, format!("{{\"n\":{n}}}\n").as_bytes()).expect("it reads");
        assert_eq!(lines.next().expect("a line").expect("UTF-8"), format!("{{\"n\":{n}}}"));
    }
    drop(stdin);
    assert!(import.wait().expect("it ends").success());
}

#[test]
fn a_run_that_stops_early_keeps_what_was_written() {
    let place = Place::new();
    let run = place.pipe(&["-c", "c", "--to", "jsonl:broken", "-t", "json"], b"[{\"n\":1},{\"n\":2}");
    assert_eq!((run.code, run.count("created"), place.read("broken")), (5, 2, "{\"n\":1}\n{\"n\":2}\n".to_owned()));
    let run = place.pipe(&["-c", "c", "--to", "jsonl:many", "--max-errors", "0"], b"{\"n\":1}\n7\n");
    assert_eq!((run.code, run.count("created"), place.read("many")), (3, 1, "{\"n\":1}\n".to_owned()));
}

#[test]
fn all_or_nothing_makes_a_file_or_none() {
    let place = Place::new();
    place.file("old", "old");
    for (name, more) in [("out", &[][..]), ("old", &["--overwrite"])] {
        let to = format!("jsonl:{name}");
        let arguments = [&["-c", "c", "--complete", "--to", &to], more].concat();
        let run = place.pipe(&arguments, b"{\"n\":1}\n7\n");
        run.expect(6, [0, 1, 0, 0]).prints("error: everything was rolled back, because of --complete");
        assert_eq!(run.count("unsent"), 1);
    }
    assert_eq!((place.names(), place.read("old")), (vec!["old".to_owned()], "old".to_owned()));
    place
        .pipe(&["-c", "c", "--complete", "--wait-for-sync", "--to", "jsonl:out"], b"{\"n\":1}\n")
        .expect(0, [1, 0, 0, 0]);
    assert_eq!(place.read("out"), "{\"n\":1}\n");
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::new();
    for to in ["jsonl:out", "bulk:out", "jsonl:/dev/full"] {
        let run = place.import(&["--to", to, "-n", &data("films.csv")]);
        assert_eq!(run.expect(0, [0; 4]).count("unsent"), 12);
    }
    let (stdout, run) = place.to_stdout(&["--to", "-", "-n"], "{}");
    assert_eq!((&*stdout, run.code, run.count("unsent")), ("", 0, 1));
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn results_name_each_line() {
    let place = Place::new();
    let run = place.pipe(&["-c", "c", "--to", "bulk:out", "--results", "results"], b"{\"_key\":\"a\"}\n7\n");
    run.expect(1, [1, 1, 0, 0]);
    let lines: Vec<Value> =
        place.read("results").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let good = lines.iter().find(|line| line["counted"] == "created").expect("the good one");
    assert_eq!((&good["id"], &good["op"], &good["index"]), (&"a".into(), &"create".into(), &"c".into()));
    assert_eq!(lines.len(), 2);
}

#[test]
fn an_output_is_no_input() {
    let place = Place::new();
    place.file("in.jsonl", "{\"n\":1}\n");
    fs::hard_link(place.path("in.jsonl"), place.path("hard.jsonl")).expect("a link");
    symlink("in.jsonl", place.path("soft.jsonl")).expect("a link");
    for name in ["in.jsonl", "hard.jsonl", "soft.jsonl", "./in.jsonl"] {
        let run = place.import(&["--overwrite", "--to", &format!("jsonl:{name}"), "in.jsonl"]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        run.prints(&format!("error: --to: {name} is also an input"));
    }
    for redirected in ["bulkimport --to - -c c in.jsonl >> in.jsonl", "bulkimport --to - -c c < in.jsonl >> in.jsonl"] {
        let script = redirected.replace("bulkimport", env!("CARGO_BIN_EXE_bulkimport"));
        let run = ran(start(Command::new("sh").args(["-c", &script]).current_dir(place.path(""))), b"");
        assert_eq!(run.code, 2, "{}", run.stderr);
        run.prints("error: --to: stdout is also an input");
    }
    assert_eq!(place.read("in.jsonl"), "{\"n\":1}\n");
}

#[test]
fn what_a_file_cannot_do_is_a_usage_error() {
    let place = Place::new();
    place.file("in.jsonl", "{\"n\":1}\n");
    for (line, said) in [
        ("--to - --to bulk:out", "--to: more than one file\nhint: run once for each"),
        ("--to - --to x.db", "--to: a store and a file cannot be used together"),
        ("--to - --results -", "--results and --to are the same file: stdout"),
        ("--to jsonl:out --results out", "--results and --to are the same file: out"),
        ("--to jsonl:out --results /proc/self/cwd/out", "--results and --to are the same file: out"),
        ("--to jsonl:out --complete --results r", "--results and --complete cannot be used together"),
        ("--to jsonl:out -j 2", "--jobs above 1 is not supported for a file"),
        (
            "--to jsonl:out --on-duplicate replace",
            "--on-duplicate is not supported for a file of documents\nhint: `--to bulk:out`",
        ),
        (
            "--to - --on-duplicate update",
            "--on-duplicate is not supported for a file of documents\nhint: `--to bulk:-`",
        ),
        ("--to - --delete-keys", "--delete-keys is not supported for a file of documents\nhint: `--to bulk:-`"),
        ("--to - --overwrite", "--overwrite is not supported for stdout"),
        ("--to - --complete", "--complete: stdout is not a regular file"),
        ("--to bulk:/dev/null --complete", "--complete: /dev/null is not a regular file"),
        ("--to - --wait-for-sync", "--wait-for-sync: stdout is not a regular file"),
        ("--to bulk:out --refresh true", "--refresh is not supported for a file\nhint: "),
        ("--to bulk:out --retries 3", "--retries is not supported for a file\nhint: "),
        ("--to bulk:out -u me", "--user is not supported for a file\nhint: "),
        ("--to bulk:out --mapping in.jsonl", "--mapping is not supported for a file\nhint: "),
        ("--to bulk:out --unique n", "--unique is not supported for a file\nhint: "),
        ("--to bulk:out --lossy", "--lossy is not supported for a file\nhint: "),
        ("--to bulk:out --create-collection", "--create-collection is not supported for a file\nhint: "),
        ("--to bulk:out --server-keys", "--server-keys is not supported for a file\nhint: "),
        ("--to out.jsonl", "hint: write `jsonl:out.jsonl` for documents"),
        ("--to bulk:out.bz2", "unsupported compression (only .gz and .zst)"),
        ("--to bulk:", "missing path after bulk:"),
        ("--to jsonl:.", "is a directory"),
    ] {
        let run = place.import(&[&line.split(' ').collect::<Vec<_>>()[..], &["in.jsonl"]].concat());
        assert_eq!(run.code, 2, "{line}: {}", run.stderr);
        run.prints(said);
        assert_eq!(place.names(), ["in.jsonl"], "{line}");
    }
}

#[test]
fn one_writer_may_be_asked_for_and_a_variable_gives_way() {
    let place = Place::new();
    place.pipe(&["-c", "c", "--to", "jsonl:one", "-j", "1"], b"{}").expect(0, [1, 0, 0, 0]);
    let mut command = place.command(&["-c", "c", "--to", "jsonl:two", "--summary", "json"]);
    command.envs([("BULKIMPORT_JOBS", "4"), ("BULKIMPORT_ON_DUPLICATE", "update"), ("BULKIMPORT_REFRESH", "true")]);
    ran(start(&mut command), b"{}").expect(0, [1, 0, 0, 0]);
    assert_eq!(place.read("two"), "{}\n");
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let place = Place::new();
    let run = place.pipe(&["-c", "c", "--to", "jsonl:no/such/out"], b"{}");
    assert_eq!(run.code, 4, "{}", run.stderr);
    run.prints("error: no/such/out: no such directory");
    place.file("plain", "");
    let run = place.pipe(&["-c", "c", "--to", "jsonl:plain/out"], b"{}");
    assert_eq!(run.code, 4, "{}", run.stderr);
}

#[test]
fn a_file_called_like_an_address_is_no_store() {
    let place = Place::new();
    place.file("-", "precious");
    let (stdout, run) = place.to_stdout(&["--to", "-"], "{}");
    run.expect(0, [1, 0, 0, 0]);
    assert_eq!((stdout, place.read("-")), ("{}\n".to_owned(), "precious".to_owned()));
}
