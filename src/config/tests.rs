//! Whole command lines and their configurations.

use super::*;
use crate::action::Op;
use crate::error;
use crate::input::csv::EmptyCell;
use crate::report::{MaxErrors, SummaryFormat};
use crate::shape::MergePart;
use crate::sink::http::Login;
use std::ffi::OsString;
use std::fs;
use std::time::Duration;

/// Checks a line whose words are separated by blanks, with variables `NAME=value`.
fn checked(line: &str, variables: &[&str]) -> Result<Config> {
    let argv: Vec<OsString> =
        std::iter::once("bulkimport").chain(line.split_whitespace()).map(OsString::from).collect();
    let env = variables.iter().filter_map(|pair| pair.split_once('='));
    let env = env.map(|(name, value)| (OsString::from(format!("BULKIMPORT_{name}")), OsString::from(value)));
    match parse(&argv, &env.collect::<Vec<_>>())? {
        Request::Run(config) => Ok(*config),
        Request::Print(text) => Err(anyhow!(text)),
    }
}

fn config(line: &str, variables: &[&str]) -> Config {
    checked(line, variables).unwrap_or_else(|error| panic!("{line}: {error:#}"))
}

fn said(line: &str, variables: &[&str]) -> String {
    format!("error: {}", error::text(&checked(line, variables).expect_err(line)))
}

#[test]
fn defaults_are_those_of_the_design() {
    let config = config("-c products", &[]);
    assert_eq!(config.wanted.name(), "bulkimport.db");
    assert_eq!((config.input.format, config.input.compression), (None, None));
    assert_eq!((config.limits.records, config.limits.bytes), (5000, 1 << 20));
    assert_eq!(config.limits.interval, Duration::from_secs(1));
    assert_eq!(config.input.max_record_bytes, 100 << 20);
    assert_eq!((config.wanted.on_duplicate, config.output.progress), (Op::Create, ProgressMode::Auto));
    assert_eq!((config.output.summary, config.errors.max_errors), (SummaryFormat::Text, None));
    assert_eq!(
        (config.input.limit, config.input.skip_lines, config.wanted.batches.jobs, config.wanted.create_collection),
        (None, 0, None, None)
    );
    assert_eq!(
        (config.input.csv.separator, config.input.csv.quote, config.input.csv.empty),
        (None, None, EmptyCell::Omit)
    );
    let switches = [
        config.wanted.edge,
        config.wanted.complete,
        config.wanted.overwrite,
        config.wanted.wait_for_sync,
        config.wanted.dry_run,
        config.errors.details,
    ];
    assert!(
        !switches.contains(&true)
            && !config.output.quiet
            && !config.output.verbose
            && !config.color
            && !config.wanted.delete_keys
    );
    assert!(config.files.is_empty() && config.csv_flags.is_empty() && !config.input.csv.keep_strings);
}

#[test]
fn every_flag_arrives() {
    let config = config(
        "--to x.sqlite -c c -t csv --compression gzip --skip-lines 2 --limit 3 --max-record-bytes 1k --separator ; --quote ' \
         --backslash-escape --convert none --datatype a=json --empty null --ignore-missing --nested --translate a=b \
         --remove-attribute x --merge-attributes n=[p]-[q][p] --key k --edge --from-prefix f/ --to-prefix t \
         --overwrite-collection-prefix --on-duplicate replace --complete --overwrite --wait-for-sync --create-collection=false \
         --unique u --unique v -n --batch-size 7 --batch-bytes 8 -j 2 --flush-interval 9ms --details --max-errors 1% \
         --summary json -v --progress plain --color always one - --file two",
        &[],
    );
    assert_eq!(config.wanted.name(), "x.sqlite");
    assert_eq!(config.files, ["one", "-", "two"].map(PathBuf::from));
    assert_eq!((config.input.format, config.input.skip_lines, config.input.limit), (Some(Format::Csv), 2, Some(3)));
    let csv = &config.input.csv;
    assert_eq!((csv.separator, csv.quote, csv.backslash_escape), (Some(b';'), Some(Some(b'\'')), true));
    assert_eq!((csv.keep_strings, csv.empty, csv.ignore_missing), (true, EmptyCell::Null, true));
    assert_eq!(csv.merged, ["p", "q"]);
    assert_eq!(config.csv_flags.len(), 8);
    assert_eq!(config.shape.translate, [("a".to_owned(), "b".to_owned())]);
    assert_eq!(config.shape.merge[0].parts[1], MergePart::Literal("-".into()));
    assert_eq!(config.shape.from_prefix.as_deref(), Some("f"));
    assert!(
        config.shape.nested
            && config.shape.overwrite_prefix
            && config.wanted.edge
            && config.wanted.complete
            && config.wanted.overwrite
    );
    assert_eq!((config.wanted.key.as_deref(), config.wanted.on_duplicate), (Some("k"), Op::Index));
    assert_eq!(
        (config.wanted.create_collection, config.wanted.unique.len(), config.wanted.dry_run),
        (Some(false), 2, true)
    );
    assert_eq!((config.limits.records, config.limits.bytes, config.wanted.batches.jobs), (7, 8, Some(2)));
    assert_eq!((config.errors.max_errors, config.output.summary), (Some(MaxErrors::Percent(1.0)), SummaryFormat::Json));
    assert!(config.errors.details && config.output.verbose && config.color && config.wanted.wait_for_sync);
    assert_eq!(config.output.progress, ProgressMode::Plain);
}

#[test]
fn without_a_collection_the_files_name_theirs() {
    for (line, variables, names, collection, files, of_files) in [
        ("d/a.2024.jsonl.gz", &[][..], &["a.2024"][..], Some("a.2024"), "d/a.2024.jsonl.gz", &[0][..]),
        ("a.csv x/a.json", &[], &["a"], Some("a"), "a.csv x/a.json", &[0, 0]),
        ("b.csv a.csv c/b.csv", &[], &["b", "a"], None, "b.csv c/b.csv a.csv", &[0, 0, 1]),
        ("-c c b.csv a.csv", &[], &["c"], Some("c"), "b.csv a.csv", &[0, 0]),
        ("b.csv a.csv", &["COLLECTION=v"], &["v"], Some("v"), "b.csv a.csv", &[0, 0]),
        ("-t bulk b.ndjson", &[], &[], None, "b.ndjson", &[0]),
    ] {
        let config = config(line, variables);
        assert_eq!(config.wanted.collections, names, "{line}");
        assert_eq!(config.wanted.collection.as_deref(), collection, "{line}");
        assert_eq!(config.files, files.split(' ').map(PathBuf::from).collect::<Vec<_>>(), "{line}");
        assert_eq!(config.collection_of_file, of_files, "{line}");
    }
}

#[test]
fn flags_that_cannot_be_supported_are_named() {
    let cases = [
        ("", "missing --collection\nhint: write `--collection NAME`"),
        ("-t jsonl", "missing --collection"),
        ("-", "missing --collection"),
        ("a.jsonl -", "missing --collection"),
        ("/dev/stdin", "missing --collection"),
        ("--unique x a.csv b.csv", "--unique requires one collection, and the files name 2"),
        ("--to es+http://h --mapping m a.csv b.csv", "--mapping requires one collection, and the files name 2"),
        ("--to arangodb+http://h --complete a.csv b.csv", "--complete requires one collection, and the files name 2"),
        ("--to jsonl:o --complete a.csv b.csv", "--complete requires one collection, and the files name 2"),
        (
            "--to es+http://h a.csv B.csv",
            "invalid value \"B\" for --collection (from the file name): uppercase letters are not allowed\nhint: write `--collection NAME`",
        ),
        ("-c c -t jsonl --separator ;", "--separator requires CSV or TSV input, not jsonl"),
        ("-c c -t documents --nested", "--nested requires CSV or TSV input, not jsonl"),
        ("-c c -t json --convert none", "--convert requires CSV or TSV input, not json"),
        ("-c c -t arrays --datatype a=json", "--datatype requires CSV or TSV input, not arrays"),
        ("-t bulk --ignore-missing", "--ignore-missing requires CSV or TSV input, not bulk"),
        ("-t bulk --headers-file h", "--headers-file requires CSV or TSV input, not bulk"),
        ("-t bulk --on-duplicate error", "--on-duplicate and --type bulk cannot be used together"),
        ("-t bulk --delete-keys", "--delete-keys and --type bulk cannot be used together"),
        ("-t bulk --key sku", "--key and --type bulk cannot be used together"),
        ("-t bulk --overwrite", "--overwrite and --type bulk cannot be used together"),
        ("-c c --delete-keys --on-duplicate ignore", "--on-duplicate and --delete-keys cannot be used together"),
        ("-c c --delete-keys --drop", "--overwrite and --delete-keys cannot be used together"),
        ("-c c --delete-keys --edge", "--edge and --delete-keys cannot be used together"),
        ("-c c --overwrite-collection-prefix", "--overwrite-collection-prefix requires --from-prefix or --to-prefix"),
        ("-c c -q --progress bar", "--quiet and --progress cannot be used together"),
        ("-c c -qv", "--quiet and --verbose cannot be used together"),
        ("-c c --separator ; --quote ;", "--quote and --separator must differ"),
        ("-c c --separator \"", "--quote and --separator must differ"),
        ("-c c -t csv --quote ,", "--quote and --separator must differ"),
        ("-c c --quote \\ --backslash-escape", "--quote '\\' and --backslash-escape cannot be used together"),
        ("-c c --translate a=b --translate a=c", "--translate: duplicate name \"a\""),
        ("-c c --translate a=b --remove-attribute a", "\"a\" is removed by --remove-attribute"),
        ("-c c --datatype a=json --datatype a=string", "--datatype: duplicate name \"a\""),
        ("-c c --merge-attributes a=[b] --merge-attributes a=[c]", "--merge-attributes: duplicate name \"a\""),
        ("-c c --headers-file /nowhere/h.csv", "--headers-file: /nowhere/h.csv: "),
        (
            "-c c --overwrite true x.json",
            "no such file\nhint: `--overwrite true`: a switch takes its value after =, `--overwrite=true`",
        ),
        ("-c c http://me:secret@h/x.json", "http://***@h/x.json: an input must be a file or stdin"),
    ];
    for (line, part) in cases {
        let said = said(line, &[]);
        assert!(said.contains(part) && said.starts_with("error: ") && !said.contains("secret"), "{line}: {said}");
    }
}

#[test]
fn what_does_not_contradict_is_fine() {
    for line in [
        "-c c -t arrays --ignore-missing --nested",
        "-c c -t jsonl --nested=false --details=false",
        "-c c --separator ; --nested x.csv",
        "-t bulk --complete --unique a",
        "-t bulk -c c --overwrite=false",
        "-c c --delete-keys --complete --key a --translate a=b",
        "-c c -q --progress none --details",
        "-c c -q --color never",
        "-c c -t tsv --quote ,",
        "-c c --complete -",
        "-nqc c",
        "-c c --details --details=false",
    ] {
        config(line, &[]);
    }
    assert!(!config("-c c --details --details=false", &[]).errors.details);
}

#[test]
fn variables_stand_for_flags_and_the_command_line_wins() {
    let found = config("-c c", &["TO=a.db", "BATCH_SIZE=7", "DETAILS=1", "TRANSLATE=a=b\nc=d", "KEY=", "NESTED=false"]);
    assert_eq!((&*found.wanted.name(), found.limits.records, found.errors.details), ("a.db", 7, true));
    assert_eq!((found.shape.translate.len(), found.wanted.key, found.shape.nested), (2, None, false));
    let found = config("--to b.db -c c --details=false --translate x=y", &["TO=a.db", "DETAILS=1", "TRANSLATE=a=b"]);
    assert_eq!((&*found.wanted.name(), found.errors.details), ("b.db", false));
    assert_eq!(found.shape.translate, [("x".to_owned(), "y".to_owned())]);
    assert_eq!(config("", &["COLLECTION=c", "CREATE_COLLECTION=0"]).wanted.create_collection, Some(false));
}

#[test]
fn a_variable_gives_way_where_a_flag_would_be_an_error() {
    let found = config("-t bulk", &["KEY=sku", "ON_DUPLICATE=update", "SEPARATOR=;", "NESTED=1"]);
    assert_eq!((found.wanted.key, found.wanted.on_duplicate, found.shape.nested), (None, Op::Create, false));
    assert_eq!(config("-c c --delete-keys", &["ON_DUPLICATE=update"]).wanted.on_duplicate, Op::Create);
    assert!(!config("-c c --delete-keys", &["EDGE=1"]).wanted.edge && config("-c c", &["EDGE=1"]).wanted.edge);
    assert!(config("-c c -t jsonl", &["HEADERS_FILE=/nowhere"]).input.csv.headers.is_none());
    let loud = config("-c c -v", &["QUIET=1"]);
    assert!(loud.output.verbose && !loud.output.quiet);
    assert_eq!(config("-c c -q", &["PROGRESS=bar"]).output.progress, ProgressMode::None);
    assert_eq!(config("-c c --progress bar", &["QUIET=1"]).output.progress, ProgressMode::Bar);
}

#[test]
fn a_wrong_variable_is_named() {
    let cases = [
        (
            "TO=localhost:9200",
            "error: invalid value \"localhost:9200\" for BULKIMPORT_TO: not a store name and not a URL",
        ),
        ("TOO=a.db", "error: BULKIMPORT_TOO: unknown variable\nhint: the nearest is BULKIMPORT_TO;"),
        (
            "TYPE=xml",
            "error: invalid value \"xml\" for BULKIMPORT_TYPE (expected auto, jsonl, json, csv, tsv, arrays or bulk)",
        ),
        ("DETAILS=yes", "error: invalid value \"yes\" for BULKIMPORT_DETAILS (expected true or false)"),
        ("BATCH_BYTES=5X", "error: invalid value \"5X\" for BULKIMPORT_BATCH_BYTES: not a size\nhint: "),
        ("OVERWRITE=1", "error: BULKIMPORT_OVERWRITE: --overwrite destroys documents"),
    ];
    for (variable, start) in cases {
        let said = said("-c c", &[variable]);
        assert!(said.starts_with(start), "{said}");
    }
}

#[test]
fn keys_and_ends_of_edges_stay_strings() {
    let strings = |line: &str| config(line, &[]).input.csv.string_columns;
    assert_eq!(strings("-c c --translate a=_key --translate b=_from --translate c=d"), ["a", "b"]);
    assert_eq!(strings("-c c --key sku --translate n=sku --translate x=_to"), ["x"]);
    assert!(strings("-c c").is_empty());
}

#[test]
fn the_key_column_is_the_one_that_becomes_the_key_field() {
    let column = |line: &str| config(&format!("-c c {line}"), &[]).input.csv.key_column;
    for (line, expected) in [
        ("", None),
        ("--key sku", Some("sku")),
        ("--key sku --translate n=sku", Some("n")),
        ("--key sku --translate sku=n", None),
        ("--key sku --remove-attribute sku", None),
        ("--key sku --merge-attributes sku=[a]-[b]", None),
    ] {
        assert_eq!(column(line).as_deref(), expected, "{line}");
    }
}

#[test]
fn a_headers_file_is_one_record_in_the_dialect_of_the_data() {
    let dir = tempfile::tempdir().expect("is a directory");
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let headers = |line: String| config(&line, &[]).input.csv.headers.expect("headers");
    assert_eq!(headers(format!("-c c --headers-file {}", file("a.csv", "\u{feff}a,b\n"))), ["a", "b"]);
    assert_eq!(headers(format!("-c c --separator ; --headers-file {}", file("b.csv", "a;b"))), ["a", "b"]);
    let tabs = file("t", "a\tb\n");
    assert_eq!(headers(format!("-c c -t tsv --headers-file {tabs}")), ["a", "b"]);
    assert_eq!(headers(format!("-c c x.tsv.gz --headers-file {tabs}")), ["a", "b"]);
    for (name, text, cause) in [
        ("two", "a,b\nc,d\n", "the headers file has more than one line"),
        ("none", " \n", "missing header line"),
        ("long", &"x".repeat(1 << 21), "longer than 1 MiB"),
    ] {
        let path = file(name, text);
        let said = said(&format!("-c c --headers-file {path}"), &[]);
        assert!(said.starts_with(&format!("error: --headers-file: {path}: {cause}")), "{said}");
    }
}

#[test]
fn csv_flags_need_an_input_with_cells() {
    let found = config("-c c --separator ; a b", &[]);
    assert!(found.ensure_csv_flags_are_used(&[Format::Jsonl, Format::Csv]).is_ok());
    let error = found.ensure_csv_flags_are_used(&[Format::Jsonl, Format::Json]).expect_err("no cells");
    assert_eq!(error::message(&error), "--separator requires CSV or TSV input");
    assert!(config("-c c", &[]).ensure_csv_flags_are_used(&[Format::Jsonl]).is_ok());
}

#[test]
fn kuzzle_has_limits_and_logins_of_its_own() {
    let config = config("--to kuzzle+http://me:secret@h:7512/shop -c products", &[]);
    assert_eq!(config.wanted.name(), "http://h:7512/shop");
    assert_eq!((config.limits.bytes, config.limits.distinct), (800 << 10, true));
    assert_eq!(config.wanted.http.login, Some(Login::Basic("me".to_owned(), "secret".to_owned())));
    assert!(!format!("{:?}", config.wanted).contains("secret"));
    assert_eq!(self::config("--to kuzzle+http://h/shop -c products", &[]).wanted.http.login, None);
    for (line, word) in [
        ("--to kuzzle+http://h/shop -c Products", "uppercase letters are not allowed"),
        ("--to kuzzle+http://h/_all -c a", "this name is reserved"),
        ("--to kuzzle+http://h/a.b -c a", ", + # : . & % are not allowed"),
        ("--to kuzzle+http://h/shop -t bulk", "missing --collection"),
        (
            "--to kuzzle+http://h/shop --to http://h -c a",
            "--to: Kuzzle and a server without a scheme cannot be used together",
        ),
    ] {
        assert!(said(line, &[]).contains(word), "{line}: {}", said(line, &[]));
    }
}
