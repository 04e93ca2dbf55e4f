//! Mistakes of the command line and of variables: what is said, the exit code, and that nothing at all is written.

use crate::support::{Place, Ran, ran, start, testdata};

/// A directory with the films in it.
fn films() -> Place {
    let place = Place::new();
    for name in ["films.jsonl", "films.csv", "films.bulk", "films.json", "films.arrays"] {
        std::fs::copy(testdata(name), place.path(name)).expect("a copy");
    }
    place
}

fn with_variables(place: &Place, variables: &[(&str, &str)], arguments: &[&str], stdin: &[u8]) -> Ran {
    let mut command = place.command(arguments);
    command.envs(variables.iter().map(|(name, value)| (format!("BULKIMPORT_{name}"), value)));
    ran(start(&mut command), stdin)
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Runs a line that is wrong: all that is said, on stderr alone, with nothing written.
#[track_caller]
fn refused(line: &str, variables: &[(&str, &str)], stdin: &[u8], code: i32, said: &str) {
    let place = films();
    let ran = with_variables(&place, variables, &words(line), stdin);
    assert_eq!((ran.stderr.as_str(), ran.code), (said, code), "{line}");
    assert_eq!(ran.stdout, "", "{line}");
    assert!(place.is_untouched(), "{line}");
}

#[test]
fn an_address_is_no_target() {
    let said = "\"localhost:9200\" is neither a store nor a URL
hint: servers are written as URLs, such as `elasticsearch+http://localhost:9200`; there are arangodb+http and kuzzle+http too
";
    refused("--to localhost:9200 -c films films.jsonl", &[], b"", 2, &format!("error: --to: {said}"));
    let to = [("TO", "localhost:9200")];
    refused("-c films films.jsonl", &to, b"", 2, &format!("error: BULKIMPORT_TO: {said}"));
}

#[test]
fn a_misspelt_variable_names_the_nearest() {
    let cases = [
        ("TOO", "BULKIMPORT_TO"),
        ("T0", "BULKIMPORT_TO"),
        ("COLECTION", "BULKIMPORT_COLLECTION"),
        ("ON_DUPLICATES", "BULKIMPORT_ON_DUPLICATE"),
        ("on_duplicate", "BULKIMPORT_ON_DUPLICATE"),
        ("BATCHSIZE", "BULKIMPORT_BATCH_SIZE"),
    ];
    for (name, nearest) in cases {
        let said = format!(
            "error: BULKIMPORT_{name}: unknown variable\nhint: the nearest is {nearest}; `bulkimport --help` shows all flags\n"
        );
        refused("-c films films.jsonl", &[(name, "products.db")], b"", 2, &said);
    }
}

#[test]
fn a_missing_file_is_found_before_anything_is_stored() {
    refused("-c films films.jsonl missing.jsonl", &[], b"", 5, "error: missing.jsonl: no such file\n");
    refused("-c films films.jsonl .", &[], b"", 5, "error: .: is a directory\n");
}

#[test]
fn a_web_page_is_no_input() {
    let page = b"<!DOCTYPE html>\n<html><body>503 Service Unavailable</body></html>\n";
    let said = "error: stdin: this looks like HTML or XML, which is no format of ours\n";
    refused("-c films", &[], page, 2, said);
}

#[test]
fn bulk_lines_must_be_asked_for() {
    let bulk = std::fs::read(testdata("films.bulk")).expect("testdata");
    let said =
        "the first line looks like an Elasticsearch bulk action: write `-t bulk`, or `-t jsonl` to mean documents\n";
    refused("-c films", &[], &bulk, 2, &format!("error: stdin: {said}"));
    refused("-c films films.bulk", &[], b"", 2, &format!("error: films.bulk: {said}"));
}

#[test]
fn csv_on_stdin_must_be_asked_for() {
    let csv = std::fs::read(testdata("films.csv")).expect("testdata");
    let said = "error: stdin: this is not JSON; if it is CSV, write `-t csv` (or `-t tsv`)\n";
    refused("-c films", &[], &csv, 2, said);
    let said = "error: stdin: cannot tell the format of this; say it with `-t jsonl|json|csv|tsv|arrays|bulk`\n";
    refused("-c films", &[], b"hello\n", 2, said);
}

#[test]
fn a_store_or_another_binary_file_is_no_input() {
    refused("-c films", &[], b"SQLite format 3\0\x10\0\x01\x01,", 2, "error: stdin: this is binary, not text\n");
    let packed = std::fs::read(testdata("films.jsonl.gz")).expect("testdata");
    refused("-c films --compression none", &[], &packed, 2, "error: stdin: this is binary, not text\n");
}

#[test]
fn arrays_must_be_asked_for() {
    let said = "error: films.arrays: the first line looks like a header for lines of arrays: write `-t arrays`, or `-t json` to mean an array of strings\n";
    refused("-c films films.arrays", &[], b"", 2, said);
}

#[test]
fn a_switch_does_not_take_the_next_word() {
    let said = "error: true: no such file
hint: `--create-collection true`: a switch takes its value after =, `--create-collection=true`
";
    refused("-c films --create-collection true films.jsonl", &[], b"", 2, said);
}

#[test]
fn the_key_of_a_record_is_no_tls_key() {
    let said = "error: --key: \"k.pem\" looks like a file
hint: --key names the field of the records that is their key; the key of a TLS client is `--client-key FILE`
";
    refused("-c films --key k.pem films.jsonl", &[], b"", 2, said);
}

#[test]
fn a_pasted_line_of_arangoimport_is_translated() {
    let line = "--server.endpoint tcp://127.0.0.1:8529 --server.username root --server.password secret --server.database shop \
                --file films.jsonl --type jsonl --collection films --create-collection true --on-duplicate update \
                --batch-size 16777216 --threads 4 --progress true";
    let said = "error: unknown option '--server.endpoint'
hint: `--server.endpoint`, `--server.database` of arangoimport: write `--to arangodb+http://HOST:8529/_db/NAME`, or `--to FILE.db` for a store
hint: `--server.username`, `--server.password` of arangoimport: write `--user NAME`, with the password in BULKIMPORT_PASSWORD or `--password-file`
hint: `--create-collection true`: a switch takes its value after =, `--create-collection=true`
hint: `--progress true`: leave it out, `--progress auto` is the default
hint: `--batch-size` of arangoimport counts bytes: write `--batch-bytes SIZE`
";
    refused(line, &[], b"", 2, said);
}

#[test]
fn a_pasted_line_of_mongoimport_is_translated() {
    let line = "--uri mongodb://me:secret@localhost:27017 --db shop --collection films --type json --file films.json \
                --jsonArray --drop --mode upsert --upsertFields sku --numInsertionWorkers 4";
    let said = "error: unknown option '--uri'
hint: `--uri`, `--db` of mongoimport: write `--to FILE.db` for a store, `--to elasticsearch+http://HOST:9200` for a server
hint: `--jsonArray` of mongoimport: write `--type json`
hint: `--mode` of mongoimport: write `--on-duplicate error` for insert, `replace` for upsert, `update` for merge; `--delete-keys` for delete
hint: `--upsertFields` of mongoimport: write `--key FIELD` and `--on-duplicate replace`
hint: `--numInsertionWorkers` of mongoimport: write `--jobs N`
";
    refused(line, &[], b"", 2, said);
}

#[test]
fn names_that_differ_in_case_only_are_one_table_to_sqlite() {
    let place = films();
    place.run(&["-c", "products", "films.jsonl"]).expect(0, [12, 0, 0, 0]);
    let before = std::fs::read(place.store()).expect("the store");
    let ran = place.run(&["--summary", "text", "-c", "Products", "films.jsonl"]);
    let said = "importing into bulkimport.db, collection Products
error: collection \"Products\": the store has a collection \"products\", and SQLite does not tell the two names apart
";
    assert_eq!((ran.stderr.as_str(), ran.stdout.as_str(), ran.code), (said, "", 2));
    assert_eq!(std::fs::read(place.store()).expect("the store"), before);
}

/// Lines that are wrong, and how what is said begins.
const LINES: &[(&str, &str)] = &[
    ("films.jsonl", "error: no collection is named\nhint: say `--collection films`;"),
    ("-c", "error: --collection: needs a value\n"),
    ("-c a -c b", "error: --collection: given more than once\n"),
    ("-c sqlite_x", "error: --collection: \"sqlite_x\": names that begin with sqlite_ belong to SQLite itself\n"),
    (
        "-c BULKIMPORT_x",
        "error: --collection: \"BULKIMPORT_x\": names that begin with bulkimport_ belong to bulkimport",
    ),
    ("-c a --colection b", "error: unknown option '--colection'\nhint: did you mean `--collection`?\n"),
    ("-c a -x", "error: unknown option '-x'\n"),
    ("-c a --to", "error: --to: needs a value\n"),
    ("-c a --to products", "error: --to: \"products\" is neither a store nor a URL\nhint: a new store's name ends in"),
    ("-c a --to .", "error: --to: \".\" is a directory\nhint: name a file in it"),
    (
        "-c a --to http://localhost:9200?q=hidden",
        "error: --to: \"http://localhost:9200?***\": an address has no query\nhint: parameters have flags",
    ),
    (
        "-c a --to kuzzle+http://me:hidden@h:7512",
        "error: --to: \"kuzzle+http://***@h:7512\": names no index\nhint: write `kuzzle+http://HOST:7512/INDEX`",
    ),
    ("-c a --to kuzzle+http://h/Shop", "error: --to: \"Shop\": the name of an index has no upper-case letters\n"),
    (
        "-c a --to es+http://me:hidden@h:9200 --complete",
        "error: --complete is not supported for Elasticsearch and OpenSearch\n",
    ),
    ("-c A --to es+http://me:hidden@h:9200", "error: --collection: \"A\": an index has no upper-case letters\n"),
    ("-c a --to es+http://h:9200 --retry-on-conflict 3", "error: --retry-on-conflict: only `--on-duplicate update`"),
    (
        "-c a --to es+http://h:9200 --pipeline p --on-duplicate update",
        "error: --pipeline: not with `--on-duplicate update`: the server merges a document as it is\nhint: ",
    ),
    ("-c a -t bulk --to es+http://h:9200 --wait-for-sync", "error: --wait-for-sync: not with bulk lines"),
    ("-c a --to es+http://me:1/hidden@h:9200", "error: --to: \"es+http://***@h:9200\": "),
    ("-c a --to es+http://h:9200 --to a.db", "error: --to: a store and a server\n"),
    ("-c a --to es+http://h:9200 -H hidden", "error: --header: a header without a colon\n"),
    ("-c a --refresh true films.jsonl", "error: --refresh is not supported for a store\n"),
    ("-c a --to postgres://h/d", "error: --to: \"postgres://h/d\" has the unknown scheme \"postgres\"\n"),
    (
        "-c a --to tcp://h:8529",
        "error: --to: \"tcp://h:8529\" has the unknown scheme \"tcp\"\nhint: a store is written",
    ),
    ("-c a --to file:a.db", "error: --to: \"file:a.db\" is a URI\nhint: write `sqlite:PATH`"),
    ("-c a --to sqlite:", "error: --to: no path after `sqlite:`\n"),
    ("-c a --to sqlite::memory:", "error: --to: a store in memory would be gone at once\n"),
    ("-c a --to sqlite:///a.db", "error: --to: two slashes after `sqlite:`"),
    (
        "-c a -t jsonll",
        "error: --type: \"jsonll\" is none of auto, jsonl, json, csv, tsv, arrays, bulk\nhint: did you mean",
    ),
    ("-c a --compression rar", "error: --compression: \"rar\" is none of auto, none, gzip, zstd, bzip2, xz\n"),
    ("-c a --skip-lines x", "error: --skip-lines: \"x\" is not a whole number\n"),
    ("-c a --limit -1", "error: --limit: \"-1\" is not a whole number\n"),
    ("-c a --limit 99999999999999999999", "error: --limit: \"99999999999999999999\" is not a whole number\n"),
    ("-c a --max-record-bytes 2G", "error: --max-record-bytes: \"2G\" is not between 1 byte and 1GiB\n"),
    ("-c a --max-record-bytes 5X", "error: --max-record-bytes: \"5X\" is not a size\nhint: sizes are written"),
    ("-c a --separator ;;", "error: --separator: \";;\" is not exactly one byte\nhint: a tab is written"),
    ("-c a --quote ''", "error: --quote: \"''\" is not exactly one byte\nhint: `''` is for no quotes"),
    ("-c a -t csv --quote ,", "error: --quote and --separator: both are the same byte\n"),
    ("-c a --quote \\ --backslash-escape", "error: --quote and --backslash-escape: both are the backslash\n"),
    ("-c a -t csv --headers-file nowhere", "error: --headers-file nowhere: "),
    ("-c a --convert maybe", "error: --convert: \"maybe\" is none of auto, none\n"),
    ("-c a --datatype zip", "error: --datatype: \"zip\" is not COL=TYPE\nhint: types are"),
    ("-c a --datatype zip=date", "error: --datatype: \"zip=date\" is not COL=TYPE\n"),
    ("-c a --datatype z=json --datatype z=null", "error: --datatype: \"z\" is named twice\n"),
    ("-c a --empty maybe", "error: --empty: \"maybe\" is none of omit, null, string\n"),
    (
        "-c a -t jsonl --separator ;",
        "error: --separator: supported only for csv and tsv, and the type is jsonl\nhint: say",
    ),
    ("-c a -t json --nested", "error: --nested: supported only for csv and tsv, and the type is json\n"),
    ("-c a -t arrays --datatype a=json", "error: --datatype: supported only for csv and tsv, and the type is arrays\n"),
    ("-c a --separator ; films.jsonl", "error: --separator: no input is CSV or TSV\nhint: say `-t csv` if one is\n"),
    ("-c a --translate a", "error: --translate: \"a\" is not FROM=TO\n"),
    ("-c a --translate a=b --translate a=c", "error: --translate: \"a\" is named twice\n"),
    ("-c a --translate a=b --remove-attribute a", "error: --translate: \"a\" is dropped by --remove-attribute\n"),
    (
        "-c a --merge-attributes foo",
        "error: --merge-attributes: wrong syntax in \"foo\": there must be exactly one =\nhint: ",
    ),
    ("-c a --merge-attributes x=[a", "error: --merge-attributes: wrong syntax in \"x=[a\": unbalanced brackets\n"),
    ("-c a --merge-attributes x=[x]", "error: --merge-attributes: wrong syntax in \"x=[x]\": a field cannot be merged"),
    ("-c a --merge-attributes n=[a] --merge-attributes n=[b]", "error: --merge-attributes: \"n\" is named twice\n"),
    ("-c a --key films.jsonl", "error: --key: \"films.jsonl\" looks like a file\n"),
    (
        "-c a --overwrite-collection-prefix",
        "error: --overwrite-collection-prefix: there is no prefix to overwrite with\n",
    ),
    ("-c a --from-prefix /", "error: --from-prefix: the name of a collection cannot be blank\n"),
    (
        "-c a --on-duplicate upsert",
        "error: --on-duplicate: \"upsert\" is none of error, update, replace, ignore\nhint: `--on-dup",
    ),
    (
        "-c a --on-duplicate skip",
        "error: --on-duplicate: \"skip\" is none of error, update, replace, ignore\nhint: `--on-dup",
    ),
    (
        "-c a --delete-keys --on-duplicate ignore",
        "error: --on-duplicate: not with --delete-keys, which stores nothing\n",
    ),
    ("-c a --delete-keys --overwrite", "error: --overwrite: not with --delete-keys, which stores nothing\n"),
    ("-c a --delete-keys --edge", "error: --edge: not with --delete-keys, which stores nothing\n"),
    ("-t bulk --on-duplicate update", "error: --on-duplicate: not with bulk lines\nhint: each bulk line says itself"),
    ("-t bulk --overwrite", "error: --overwrite: not with bulk lines\n"),
    ("-t bulk --key sku", "error: --key: not with bulk lines\n"),
    ("-c a --unique x --unique x", "error: --unique: \"x\" is named twice\n"),
    ("-c a --batch-size 0", "error: --batch-size: \"0\" is not between 1 and 1000000\n"),
    (
        "-c a --batch-size 5MB",
        "error: --batch-size: \"5MB\" is not a whole number\nhint: this counts records; in bytes it is",
    ),
    ("-c a --batch-bytes 0", "error: --batch-bytes: \"0\" is not between 1 byte and 1GiB\n"),
    ("-c a --jobs 0", "error: --jobs: \"0\" is not between 1 and 256\n"),
    ("-c a --flush-interval 1", "error: --flush-interval: \"1\" is not a time\nhint: times are written"),
    ("-c a --flush-interval 2h", "error: --flush-interval: \"2h\" is not between 1ms and 1h\n"),
    (
        "-c a --max-errors 101%",
        "error: --max-errors: \"101%\" is neither a number of records nor a percentage up to 100%\n",
    ),
    ("-c a --summary xml", "error: --summary: \"xml\" is none of text, json\n"),
    ("-c a --details=maybe", "error: --details: \"maybe\" is neither true nor false\n"),
    ("-c a -qv", "error: --quiet and --verbose cannot be used together\n"),
    ("-c a -q --progress bar", "error: --quiet and --progress cannot be used together\n"),
    ("-c a --progress fast", "error: --progress: \"fast\" is none of auto, bar, plain, none\n"),
    ("-c a --color red", "error: --color: \"red\" is none of auto, always, never\n"),
    ("--completions tcsh", "error: --completions: \"tcsh\" is none of bash, elvish, fish, powershell, zsh\n"),
    ("-c a http://h/films.json", "error: http://h/films.json: an input is a file or stdin\nhint: `curl -s URL |"),
    ("-c a - -", "error: stdin (`-`) can be named only once\n"),
    (
        "-c a --edge --create-collection=false films.jsonl",
        "importing into bulkimport.db, collection a\nerror: collection \"a\" does not exist",
    ),
    (
        "-c a --from-prefix x films.jsonl",
        "importing into bulkimport.db, collection a\nerror: prefixes need an edge collection: add --edge",
    ),
    (
        "-c a --journal x films.jsonl",
        "error: unknown option '--journal'\nhint: `--journal`: not in this version of bulkimport\n",
    ),
    (
        "-c a --rejects=x films.jsonl",
        "error: unknown option '--rejects'\nhint: `--rejects`: not in this version of bulkimport\n",
    ),
    (
        "-c a -u me:hidden films.jsonl",
        "error: --user is not supported for a store\nhint: `--to elasticsearch+http://HOST:9200` writes to a server\n",
    ),
    (
        "insert a.db films films.jsonl --pk sku --nl",
        "error: unknown option '--pk'\nhint: `--pk` of sqlite-utils: write `--key",
    ),
    (
        "--input=films.json --output=http://h:9200/films",
        "error: unknown option '--input'\nhint: `--input` of elasticdump",
    ),
];

#[test]
fn every_wrong_line_is_told_and_writes_nothing() {
    let place = films();
    let mut wrong = String::new();
    for (line, start) in LINES {
        // Something to read on stdin, so that nothing but the mistake stands in the way.
        let ran = with_variables(&place, &[], &words(line), b"{\"_key\":\"a\"}\n");
        let fine = ran.code == 2 && ran.stderr.starts_with(start) && ran.stdout.is_empty() && place.is_untouched();
        let tidy =
            ran.stderr.lines().all(|line| ["error: ", "hint: ", "importing "].iter().any(|s| line.starts_with(s)));
        if !fine || !tidy || ran.stderr.contains("hidden") {
            wrong += &format!("{line}\nexit {}\n{}\n", ran.code, ran.stderr);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_store_that_is_a_store_of_other_things_is_told() {
    let place = films();
    place.run(&["-c", "c", "films.jsonl"]).expect(0, [12, 0, 0, 0]);
    place.open().execute_batch("CREATE TABLE other (x); CREATE VIEW seen AS SELECT 1").expect("a table");
    let before = std::fs::read(place.store()).expect("the store");
    let cases = [
        (
            ["-c", "other", "films.jsonl"],
            "error: the store has a table \"other\" that is no collection of bulkimport\n",
        ),
        (
            ["-c", "KeyFilter", "films.jsonl"],
            "error: collection \"KeyFilter\": the store has the view \"seen\", and SQLite does not",
        ),
        (["-cc", "--edge", "films.jsonl"], "error: --edge: collection \"c\" exists and holds documents\n"),
    ];
    for (arguments, said) in cases {
        let ran = place.run(&arguments);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.says(said);
    }
    assert_eq!(std::fs::read(place.store()).expect("the store"), before);
}

#[test]
fn a_silent_terminal_is_no_input() {
    // `script` gives the program a terminal; where there is none, the program's own test of it cannot be had.
    let place = films();
    let program = env!("CARGO_BIN_EXE_bulkimport");
    let mut command = std::process::Command::new("script");
    command
        .args(["-qec", &format!("{program} -c films"), "/dev/null"])
        .env("NO_COLOR", "1")
        .current_dir(place.path("."));
    let Ok(output) = command.output() else { return };
    let said = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    assert!(said.ends_with("error: no input: name a file, or pipe data to stdin\n"), "{said}");
    assert_eq!(output.status.code(), Some(2));
    assert!(place.is_untouched());
}

#[test]
fn a_wrong_variable_is_named_and_the_flag_beside_it_is_not() {
    let cases = [
        ("TYPE", "xml", "\"xml\" is none of auto, jsonl, json, csv, tsv, arrays, bulk\n"),
        ("COMPRESSION", "rar", "\"rar\" is none of"),
        ("COLLECTION", "sqlite_x", "\"sqlite_x\": names that begin"),
        ("SKIP_LINES", "x", "\"x\" is not a whole number\n"),
        ("LIMIT", "-1", "\"-1\" is not a whole number\n"),
        ("MAX_RECORD_BYTES", "5X", "\"5X\" is not a size\n"),
        ("SEPARATOR", "tab", "\"tab\" is not exactly one byte\n"),
        ("QUOTE", "''", "\"''\" is not exactly one byte\n"),
        ("CONVERT", "true", "\"true\" is none of auto, none\n"),
        ("DATATYPE", "a=string\nb=date", "\"b=date\" is not COL=TYPE\n"),
        ("EMPTY", "x", "\"x\" is none of omit, null, string\n"),
        ("TRANSLATE", "a=b\nc", "\"c\" is not FROM=TO\n"),
        ("MERGE_ATTRIBUTES", "x", "wrong syntax in \"x\""),
        ("REMOVE_ATTRIBUTE", " ", "the name of a field cannot be blank\n"),
        ("KEY", "k.pem", "\"k.pem\" looks like a file\n"),
        ("FROM_PREFIX", "/", "the name of a collection cannot be blank\n"),
        ("TO_PREFIX", "/", "the name of a collection cannot be blank\n"),
        ("ON_DUPLICATE", "merge", "\"merge\" is none of error, update, replace, ignore\n"),
        ("UNIQUE", " ", "the name of a field cannot be blank\n"),
        ("BATCH_SIZE", "0", "\"0\" is not between 1 and 1000000\n"),
        ("BATCH_BYTES", "x", "\"x\" is not a size\n"),
        ("JOBS", "many", "\"many\" is not a whole number\n"),
        ("FLUSH_INTERVAL", "1", "\"1\" is not a time\n"),
        ("MAX_ERRORS", "all", "\"all\" is neither"),
        ("SUMMARY", "xml", "\"xml\" is none of text, json\n"),
        ("PROGRESS", "x", "\"x\" is none of auto, bar, plain, none\n"),
        ("COLOR", "x", "\"x\" is none of auto, always, never\n"),
    ];
    let place = films();
    for (name, value, said) in cases {
        let arguments = if name == "COLLECTION" { &["films.jsonl"][..] } else { &["-c", "films", "films.jsonl"] };
        let ran = with_variables(&place, &[(name, value)], arguments, b"");
        let start = format!("error: BULKIMPORT_{name}: {said}");
        assert!(ran.code == 2 && ran.stderr.starts_with(&start), "{name}: {}", ran.stderr);
    }
    for flag in ["OVERWRITE", "DELETE_KEYS"] {
        let ran = with_variables(&place, &[(flag, "1")], &["-c", "films", "films.jsonl"], b"");
        let start = format!("error: BULKIMPORT_{flag}: --");
        assert!(ran.code == 2 && ran.stderr.starts_with(&start), "{}", ran.stderr);
        ran.says("destroys documents and is not taken from a variable\nhint: write `--");
    }
    assert!(place.is_untouched());
}

#[test]
fn switches_take_1_0_true_false_and_empty_from_variables() {
    let switches = [
        "BACKSLASH_ESCAPE",
        "IGNORE_MISSING",
        "NESTED",
        "EDGE",
        "COMPLETE",
        "WAIT_FOR_SYNC",
        "CREATE_COLLECTION",
        "DRY_RUN",
        "DETAILS",
        "QUIET",
        "VERBOSE",
    ];
    let edge = b"{\"_key\":\"a\",\"_from\":\"x/1\",\"_to\":\"x/2\"}\n";
    for name in switches {
        for value in ["1", "0", "true", "false", ""] {
            // A collection that is not made is no surprise here.
            let code = if name == "CREATE_COLLECTION" && matches!(value, "0" | "false") { 2 } else { 0 };
            let ran = with_variables(&Place::new(), &[(name, value)], &["-c", "c"], edge);
            assert_eq!(ran.code, code, "{name}={value}: {}", ran.stderr);
        }
        let ran = with_variables(&Place::new(), &[(name, "yes")], &["-c", "c"], edge);
        let said = format!("error: BULKIMPORT_{name}: \"yes\" is neither true nor false\n");
        assert_eq!((ran.code, ran.stderr), (2, said));
    }
}

/// A variable, its value, the input's format and text, and what is stored or said then and not without it.
const VARIABLES: &[(&str, &str, &str, &str, &str)] = &[
    ("TYPE", "bulk", "auto", "{\"index\":{\"_id\":\"a\"}}\n{\"n\":1}\n", "{\"n\":1}"),
    ("COMPRESSION", "gzip", "jsonl", "{\"_key\":\"a\"}\n", "error:"),
    ("SKIP_LINES", "1", "jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"b\"}\n", "created: 1\n"),
    ("LIMIT", "1", "jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"b\"}\n", "created: 1\n"),
    ("MAX_RECORD_BYTES", "5", "jsonl", "{\"_key\":\"a\"}\n", "longer than --max-record-bytes (5 bytes)"),
    ("SEPARATOR", ";", "csv", "_key;n\na;1\n", "\"n\":1"),
    ("QUOTE", "'", "csv", "_key,n\na,'x,y'\n", "\"n\":\"x,y\""),
    ("BACKSLASH_ESCAPE", "1", "csv", "_key,n\na,\"x\\\"y\"\n", "\"n\":\"x\\\"y\""),
    ("HEADERS_FILE", "headers", "csv", "a,1\n", "\"n\":1"),
    ("CONVERT", "none", "csv", "_key,n\na,1\n", "\"n\":\"1\""),
    ("DATATYPE", "n=string\nm=boolean", "csv", "_key,n,m\na,1,1\n", "\"n\":\"1\",\"m\":true"),
    ("EMPTY", "null", "csv", "_key,n\na,\n", "\"n\":null"),
    ("IGNORE_MISSING", "1", "csv", "_key,n\na\n", "created: 1\n"),
    ("NESTED", "1", "csv", "_key,n.m\na,1\n", "\"n\":{\"m\":1}"),
    ("TRANSLATE", "n=p\nm=q", "jsonl", "{\"_key\":\"a\",\"n\":1,\"m\":2}\n", "\"p\":1,\"q\":2"),
    ("REMOVE_ATTRIBUTE", "n\nm", "jsonl", "{\"_key\":\"a\",\"n\":1,\"m\":2}\n", "{\"_key\":\"a\"}"),
    ("MERGE_ATTRIBUTES", "x=[n]-[m]", "jsonl", "{\"_key\":\"a\",\"n\":1,\"m\":2}\n", "\"x\":\"1-2\""),
    ("KEY", "sku", "jsonl", "{\"_key\":\"a\"}\n", "no `sku`, which --key names"),
    ("EDGE", "1", "jsonl", "{\"_key\":\"a\"}\n", "errors: 1\n"),
    ("ON_DUPLICATE", "ignore", "jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"a\"}\n", "ignored: 1\n"),
    ("COMPLETE", "1", "jsonl", "{\"_key\":\"a\"}\n{oops}\n", "rolled back"),
    (
        "CREATE_COLLECTION",
        "0",
        "jsonl",
        "{\"_key\":\"a\"}\n",
        "does not exist, and --create-collection=false was given",
    ),
    (
        "UNIQUE",
        "n",
        "jsonl",
        "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\",\"n\":1}\n",
        "another document has the same `n`",
    ),
    ("DRY_RUN", "1", "jsonl", "{\"_key\":\"a\"}\n", "unsent: 1\n"),
    ("DETAILS", "1", "jsonl", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n", "stdin:11: "),
    ("MAX_ERRORS", "0", "jsonl", "{oops}\n", "more errors than --max-errors allows"),
    ("SUMMARY", "json", "jsonl", "{\"_key\":\"a\"}\n", "\"created\":1"),
    ("VERBOSE", "1", "jsonl", "{\"_key\":\"a\"}\n", "stdin is read as jsonl\n"),
    ("COLOR", "always", "jsonl", "{oops", "\u{1b}[1;31merror:"),
];

#[test]
fn the_variable_of_each_flag_does_what_the_flag_does() {
    for (name, value, format, text, told) in VARIABLES {
        // Colour shows only where something is wrong.
        let more = if *name == "COLOR" { &["--max-errors", "0"][..] } else { &[] };
        let all = |variables: &[(&str, &str)]| {
            let place = Place::new();
            place.file("headers", "_key,n\n");
            let format = if *name == "TYPE" { &[][..] } else { &["-t", *format] };
            let ran = with_variables(&place, variables, &[&["-c", "c"], format, more].concat(), text.as_bytes());
            let docs = if place.store().exists() { place.docs_if_any() } else { Vec::new() };
            format!("{}{}{}", ran.stderr, ran.stdout, docs.concat())
        };
        let (with, without, empty) = (all(&[(name, value)]), all(&[]), all(&[(name, "")]));
        assert!(with.contains(told), "{name}: {with}");
        assert!(!without.contains(told), "{name}: {without}");
        assert_eq!(without, empty, "an empty {name} is none");
    }
}

#[test]
fn variables_name_the_target_and_a_flag_wins() {
    let place = films();
    let variables = [("TO", "shop.db"), ("COLLECTION", "films"), ("QUIET", "1"), ("SUMMARY", "json")];
    let ran = with_variables(&place, &variables, &["films.jsonl"], b"");
    assert_eq!((ran.stderr.as_str(), ran.code), ("", 0));
    assert_eq!((&ran.summary["target"], &ran.summary["collection"]), (&"shop.db".into(), &"films".into()));
    let ran = with_variables(&place, &variables, &["--to", "other.db", "-c", "c", "films.jsonl"], b"");
    assert_eq!((&ran.summary["target"], &ran.summary["collection"]), (&"other.db".into(), &"c".into()));
    assert!(place.path("shop.db").exists() && place.path("other.db").exists() && place.is_untouched());
    let edges = [("FROM_PREFIX", "p"), ("TO_PREFIX", "q"), ("OVERWRITE_COLLECTION_PREFIX", "1")];
    let edge = b"{\"_key\":\"a\",\"_from\":\"x/1\",\"_to\":\"2\"}\n";
    with_variables(&place, &edges, &["-c", "c", "--edge"], edge);
    assert_eq!(place.docs(), ["{\"_key\":\"a\",\"_from\":\"p/1\",\"_to\":\"q/2\"}"]);
}

#[test]
fn the_short_help_fits_a_screen() {
    let ran = Place::new().run(&["-h", "--summary", "text"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.lines().count() <= 40, "{} lines", ran.stdout.lines().count());
    let longest = ran.stdout.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{longest:?}");
}

#[test]
fn the_long_help_shows_every_flag_and_no_value_of_a_variable() {
    let place = Place::new();
    let secret = [("KEY", "my-secret"), ("TO", "my-secret.db"), ("NONSENSE", "my-secret")];
    let ran = with_variables(&place, &secret, &["--help"], b"");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(!ran.stdout.contains("my-secret") && !ran.stdout.contains("[env"));
    let completions = place.run(&["--completions", "fish", "--summary", "text"]);
    let flags = completions.stdout.lines().filter_map(|line| line.split(" -l ").nth(1)?.split(' ').next());
    let flags: Vec<&str> = flags.collect();
    assert!(flags.len() > 45, "{flags:?}");
    for flag in flags.into_iter().filter(|flag| *flag != "file") {
        assert!(ran.stdout.contains(&format!("--{flag}")), "--{flag} is not in --help");
    }
}
