//! Mistakes of the command line and of variables: what is said, the exit code, and that nothing at all is written.

use crate::follows_hints::follow;
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
    let wrong = follow(&place, variables, &words(line), &ran.stderr, stdin);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn an_address_is_no_target() {
    let said = "not a store name and not a URL
hint: write a server as a URL, such as `elasticsearch+http://localhost:9200`; other schemes: arangodb+http, kuzzle+http
";
    refused(
        "--to localhost:9200 -c films films.jsonl",
        &[],
        b"",
        2,
        &format!("error: invalid value \"localhost:9200\" for --to: {said}"),
    );
    let to = [("TO", "localhost:9200")];
    refused(
        "-c films films.jsonl",
        &to,
        b"",
        2,
        &format!("error: invalid value \"localhost:9200\" for BULKIMPORT_TO: {said}"),
    );
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
fn a_variable_that_is_like_no_other_is_a_note() {
    let place = films();
    let ran = with_variables(&place, &[("HOMEPAGE", "secret")], &["-c", "films", "films.jsonl"], b"");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("note: BULKIMPORT_HOMEPAGE: unknown variable, ignored\n"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("secret"));
    let quiet = with_variables(&place, &[("HOMEPAGE", "secret")], &["-q", "-c", "again", "films.jsonl"], b"");
    assert_eq!((quiet.stderr.as_str(), quiet.code), ("", 0));
}

#[test]
fn nothing_at_all_shows_the_usage() {
    let place = films();
    let ran = with_variables(&place, &[], &[], b"");
    assert!(ran.code == 2 && ran.stdout.is_empty() && place.is_untouched(), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("usage: bulkimport ") && ran.stderr.lines().count() == 5, "{}", ran.stderr);
    let ran = with_variables(&place, &[], &[], b"{}\n");
    assert!(ran.stderr.starts_with("error: missing --collection\n"), "{}", ran.stderr);
    let ran = with_variables(&place, &[("COLLECTION", "c")], &[], b"{}\n");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn help_is_a_word_too_where_no_file_has_that_name() {
    let place = films();
    let ran = with_variables(&place, &[], &["help"], b"");
    assert_eq!((ran.code, ran.stdout), (0, with_variables(&place, &[], &["--help"], b"").stdout));
    place.file("help", "{}\n");
    let ran = with_variables(&place, &[], &["help"], b"");
    assert!(ran.stderr.starts_with("importing into bulkimport.db, collection help\n"), "{}", ran.stderr);
}

#[test]
fn a_missing_file_is_found_before_anything_is_stored() {
    refused("-c films films.jsonl missing.jsonl", &[], b"", 5, "error: missing.jsonl: no such file\n");
    refused("-c films films.jsonl .", &[], b"", 5, "error: .: is a directory\n");
}

#[test]
fn a_web_page_is_no_input() {
    let page = b"<!DOCTYPE html>\n<html><body>503 Service Unavailable</body></html>\n";
    let said = "error: stdin: HTML and XML are not supported\n";
    refused("-c films", &[], page, 5, said);
}

#[test]
fn bulk_lines_must_be_asked_for() {
    let bulk = std::fs::read(testdata("films.bulk")).expect("testdata");
    let said =
        "the first line looks like an Elasticsearch bulk action\nhint: write `-t bulk`, or `-t jsonl` for documents\n";
    refused("-c films", &[], &bulk, 2, &format!("error: stdin: {said}"));
    refused("-c films films.bulk", &[], b"", 2, &format!("error: films.bulk: {said}"));
}

#[test]
fn csv_on_stdin_must_be_asked_for() {
    let csv = std::fs::read(testdata("films.csv")).expect("testdata");
    let said = "error: stdin: not JSON\nhint: write `-t csv` or `-t tsv` if it is CSV\n";
    refused("-c films", &[], &csv, 2, said);
    let said = "error: stdin: unknown format\nhint: write `-t jsonl`, or json, csv, tsv, arrays or bulk\n";
    refused("-c films", &[], b"hello\n", 2, said);
}

#[test]
fn a_store_or_another_binary_file_is_no_input() {
    refused("-c films", &[], b"SQLite format 3\0\x10\0\x01\x01,", 5, "error: stdin: binary data, not text\n");
    let packed = std::fs::read(testdata("films.jsonl.gz")).expect("testdata");
    refused("-c films --compression none", &[], &packed, 5, "error: stdin: binary data, not text\n");
}

#[test]
fn archives_and_parquet_are_no_input_whatever_their_names_are() {
    let mut tar = vec![b'a'; 257];
    tar.extend(b"ustar  ");
    let place = films();
    for (bytes, said) in [
        (b"PK\x03\x04\x14\0\0\0".to_vec(), "zip archives and spreadsheets are not supported\nhint: unpack it"),
        (b"PAR1\x15\x04\x15".to_vec(), "Parquet is not supported\nhint: export it as JSON lines or CSV"),
        (tar, "tar archives are not supported\nhint: `tar -xOf FILE` unpacks it"),
    ] {
        for (name, flags) in [("x.jsonl", &[][..]), ("x.csv", &[]), ("x.data", &[]), ("x", &["-t", "json"])] {
            place.file(name, &bytes);
            let ran = place.run(&[&["-c", "c", name], flags].concat());
            assert!(ran.stderr.starts_with(&format!("error: {name}: {said}")), "{}", ran.stderr);
            assert_eq!(ran.code, 5, "{name}");
        }
    }
    assert!(place.is_untouched());
    place.import_text("names.csv", "PAR1,_key\n1,a\n", &[]).expect(0, [1, 0, 0, 0]);
}

#[test]
fn arrays_must_be_asked_for() {
    let said = "error: films.arrays: the first line looks like a header for lines of arrays\nhint: write `-t arrays`, or `-t json` for JSON\n";
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
    let said = "error: invalid value \"k.pem\" for --key: looks like a file name
hint: write the field that is the key of a record, as in `--key sku`; for the key of a TLS client write `--client-key FILE`
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
error: collection \"Products\": the store has a collection \"products\", and SQLite ignores case
";
    assert_eq!((ran.stderr.as_str(), ran.stdout.as_str(), ran.code), (said, "", 2));
    assert_eq!(std::fs::read(place.store()).expect("the store"), before);
}

#[test]
fn an_unset_variable_is_no_file() {
    let place = films();
    let ran = place.run(&["-c", "films", ""]);
    assert_eq!(
        (ran.stderr.as_str(), ran.code),
        ("error: the name of an input is empty\nhint: write `-` for stdin\n", 2)
    );
    assert!(place.is_untouched());
    place.pipe(&["-c", "films", "-"], b"{\"_key\":\"a\"}\n").expect(0, [1, 0, 0, 0]);
}

/// Lines that are wrong, and how what is said begins.
const LINES: &[(&str, &str)] = &[
    (
        "films.jsonl -",
        "error: missing --collection\nhint: write `--collection NAME`; stdin has no name that could be the collection\n",
    ),
    ("-c", "error: missing value for --collection\n"),
    ("-c a -c b", "error: --collection cannot be used more than once\n"),
    (
        "-c sqlite_x",
        "error: invalid value \"sqlite_x\" for --collection: names that begin with sqlite_ are reserved for SQLite\n",
    ),
    (
        "-c BULKIMPORT_x",
        "error: invalid value \"BULKIMPORT_x\" for --collection: names that begin with bulkimport_ are reserved for bulkimport\n",
    ),
    ("-c a --colection b", "error: unknown option '--colection'\nhint: did you mean `--collection`?\n"),
    ("-c a -x", "error: unknown option '-x'\n"),
    ("-c a --to", "error: missing value for --to\n"),
    (
        "-c a --to products",
        "error: invalid value \"products\" for --to: not a store name and not a URL\nhint: a new store's name ends in .db, .sqlite or .sqlite3; for any other name write `sqlite:products`\n",
    ),
    ("-c a --to .", "error: invalid value \".\" for --to: is a directory\nhint: name a file in it, ending in `.db`\n"),
    (
        "-c a --to http://localhost:9200?q=hidden",
        "error: invalid value \"http://localhost:9200?***\" for --to: a query is not supported\nhint: leave it out; parameters are flags, such as `--refresh true`\n",
    ),
    (
        "-c a --to kuzzle+http://me:hidden@h:7512",
        "error: invalid value \"kuzzle+http://***@h:7512\" for --to: missing index\nhint: write `kuzzle+http://HOST:7512/INDEX`, and the collection with `--collection`\n",
    ),
    ("-c a --to kuzzle+http://h/Shop", "error: invalid index \"Shop\" in --to: uppercase letters are not allowed\n"),
    (
        "-c a --to es+http://me:hidden@h:9200 --complete",
        "error: --complete is not supported for Elasticsearch and OpenSearch\n",
    ),
    (
        "-c A --to es+http://me:hidden@h:9200",
        "error: invalid value \"A\" for --collection: uppercase letters are not allowed\n",
    ),
    ("-c a --to es+http://h:9200 --retry-on-conflict 3", "error: --retry-on-conflict requires --on-duplicate update\n"),
    (
        "-c a --to es+http://h:9200 --pipeline p --on-duplicate update",
        "error: --pipeline and --on-duplicate update cannot be used together\nhint: `--on-duplicate replace` sends documents through the pipeline\n",
    ),
    (
        "-c a --to es+http://h:9200 --bulk-mode --refresh wait_for",
        "error: --refresh wait_for and --bulk-mode cannot be used together\nhint: leave it out; `--bulk-mode` refreshes the index when the load ends\n",
    ),
    (
        "-c a -t bulk --to es+http://h:9200 --wait-for-sync",
        "error: --wait-for-sync and --type bulk cannot be used together\n",
    ),
    (
        "-c a --to es+http://me:1/hidden@h:9200",
        "error: invalid value \"es+http://***@h:9200\" for --to: \"/\", \"#\" or \"?\" before \"@\"\nhint: write `--to es+http://HOST:PORT --user NAME:PASS`\n",
    ),
    ("-c a --to es+http://h:9200 --to a.db", "error: --to: a store and a server cannot be used together\n"),
    ("-c a --to es+http://h:9200 -H hidden", "error: invalid value for --header: missing colon\n"),
    ("-c a --refresh true films.jsonl", "error: --refresh is not supported for a store\n"),
    ("-c a --to postgres://h/d", "error: invalid value \"postgres://h/d\" for --to: unknown scheme \"postgres\"\n"),
    (
        "-c a --to tcp://h:8529",
        "error: invalid value \"tcp://h:8529\" for --to: unknown scheme \"tcp\"\nhint: a store is written `bulkimport.db`, a server `elasticsearch+http://HOST:9200`, `opensearch+https://HOST:9200`, `arangodb+http://HOST:8529/_db/NAME` or `kuzzle+http://HOST:7512/INDEX`, a file `jsonl:PATH` or `bulk:PATH`\n",
    ),
    (
        "-c a --to file:a.db",
        "error: invalid value \"file:a.db\" for --to: URIs are not supported\nhint: write `sqlite:PATH` with a plain path\n",
    ),
    ("-c a --to sqlite:", "error: invalid value \"sqlite:\" for --to: missing path after sqlite:\n"),
    (
        "-c a --to sqlite::memory:",
        "error: invalid value \"sqlite::memory:\" for --to: in-memory stores are not supported\n",
    ),
    (
        "-c a --to sqlite:///a.db",
        "error: invalid value \"sqlite:///a.db\" for --to (expected a path after sqlite:, not a URL)\n",
    ),
    (
        "-c a -t jsonll",
        "error: invalid value \"jsonll\" for --type (expected auto, jsonl, json, csv, tsv, arrays or bulk)\nhint: did you mean `jsonl`?\n",
    ),
    (
        "-c a --compression rar",
        "error: invalid value \"rar\" for --compression (expected auto, none, gzip, zstd, bzip2 or xz)\n",
    ),
    ("-c a --skip-lines x", "error: invalid value \"x\" for --skip-lines: not a whole number\n"),
    ("-c a --limit -1", "error: invalid value \"-1\" for --limit: not a whole number\n"),
    (
        "-c a --limit 99999999999999999999",
        "error: invalid value \"99999999999999999999\" for --limit: not a whole number\n",
    ),
    ("-c a --max-record-bytes 2G", "error: invalid value \"2G\" for --max-record-bytes: not between 1 byte and 1GiB\n"),
    (
        "-c a --max-record-bytes 5X",
        "error: invalid value \"5X\" for --max-record-bytes: not a size\nhint: sizes are written `5MiB`, `5MB`, `500k` or `1000`\n",
    ),
    (
        "-c a --separator ;;",
        "error: invalid value \";;\" for --separator: not exactly one byte\nhint: write a tab as `'\\t'`, others as `'\\x01'` to `'\\x7f'`\n",
    ),
    (
        "-c a --quote ''",
        "error: invalid value \"''\" for --quote: not exactly one byte\nhint: write `''` for no quotes\n",
    ),
    ("-c a -t csv --quote ,", "error: --quote and --separator must differ\n"),
    ("-c a --quote \\ --backslash-escape", "error: --quote '\\' and --backslash-escape cannot be used together\n"),
    ("-c a -t csv --headers-file nowhere", "error: --headers-file: nowhere: no such file\n"),
    ("-c a --convert maybe", "error: invalid value \"maybe\" for --convert (expected auto or none)\n"),
    (
        "-c a --datatype zip",
        "error: invalid value \"zip\" for --datatype (expected COL=TYPE)\nhint: types are string, number, boolean, null and json\n",
    ),
    ("-c a --datatype zip=date", "error: invalid value \"zip=date\" for --datatype (expected COL=TYPE)\n"),
    ("-c a --datatype z=json --datatype z=null", "error: --datatype: duplicate name \"z\"\n"),
    ("-c a --empty maybe", "error: invalid value \"maybe\" for --empty (expected omit, null or string)\n"),
    (
        "-c a -t jsonl --separator ;",
        "error: --separator requires CSV or TSV input, not jsonl\nhint: write `-t csv`, or leave it out\n",
    ),
    ("-c a -t json --nested", "error: --nested requires CSV or TSV input, not json\n"),
    ("-c a -t arrays --datatype a=json", "error: --datatype requires CSV or TSV input, not arrays\n"),
    (
        "-c a --separator ; films.jsonl",
        "error: --separator requires CSV or TSV input\nhint: write `-t csv` if an input is CSV\n",
    ),
    ("-c a --translate a", "error: invalid value \"a\" for --translate (expected FROM=TO)\n"),
    ("-c a --translate a=b --translate a=c", "error: --translate: duplicate name \"a\"\n"),
    ("-c a --translate a=b --remove-attribute a", "error: --translate: \"a\" is removed by --remove-attribute\n"),
    (
        "-c a --merge-attributes foo",
        "error: invalid value \"foo\" for --merge-attributes (expected exactly one \"=\")\nhint: write it as `full=[first] [last]`\n",
    ),
    ("-c a --merge-attributes x=[a", "error: invalid value \"x=[a\" for --merge-attributes: unbalanced brackets\n"),
    (
        "-c a --merge-attributes x=[x]",
        "error: invalid value \"x=[x]\" for --merge-attributes: a field cannot be merged into itself\n",
    ),
    ("-c a --merge-attributes n=[a] --merge-attributes n=[b]", "error: --merge-attributes: duplicate name \"n\"\n"),
    ("-c a --key films.jsonl", "error: invalid value \"films.jsonl\" for --key: looks like a file name\n"),
    (
        "-c a --overwrite-collection-prefix",
        "error: --overwrite-collection-prefix requires --from-prefix or --to-prefix\n",
    ),
    ("-c a --from-prefix /", "error: invalid value \"/\" for --from-prefix: a collection name cannot be blank\n"),
    (
        "-c a --on-duplicate upsert",
        "error: invalid value \"upsert\" for --on-duplicate (expected error, update, replace or ignore)\nhint: `--on-duplicate upsert`: write `--on-duplicate update` to merge, `--on-duplicate replace` to replace\n",
    ),
    (
        "-c a --on-duplicate skip",
        "error: invalid value \"skip\" for --on-duplicate (expected error, update, replace or ignore)\nhint: `--on-duplicate skip`: write `--on-duplicate ignore`\n",
    ),
    ("-c a --delete-keys --on-duplicate ignore", "error: --on-duplicate and --delete-keys cannot be used together\n"),
    ("-c a --delete-keys --overwrite", "error: --overwrite and --delete-keys cannot be used together\n"),
    ("-c a --delete-keys --edge", "error: --edge and --delete-keys cannot be used together\n"),
    (
        "-t bulk --on-duplicate update",
        "error: --on-duplicate and --type bulk cannot be used together\nhint: leave it out; each bulk line has its own action and key\n",
    ),
    ("-t bulk --overwrite", "error: --overwrite and --type bulk cannot be used together\n"),
    ("-t bulk --key sku", "error: --key and --type bulk cannot be used together\n"),
    ("-c a --unique x --unique x", "error: --unique: duplicate name \"x\"\n"),
    ("-c a --batch-size 0", "error: invalid value \"0\" for --batch-size: not between 1 and 1000000\n"),
    (
        "-c a --batch-size 5MB",
        "error: invalid value \"5MB\" for --batch-size: not a whole number\nhint: this counts records; for bytes write `--batch-bytes 5MB`\n",
    ),
    ("-c a --batch-bytes 0", "error: invalid value \"0\" for --batch-bytes: not between 1 byte and 1GiB\n"),
    ("-c a --jobs 0", "error: invalid value \"0\" for --jobs: not between 1 and 256\n"),
    (
        "-c a --flush-interval 1",
        "error: invalid value \"1\" for --flush-interval: not a time\nhint: times are written `1s`, `500ms` or `2m`\n",
    ),
    ("-c a --flush-interval 2h", "error: invalid value \"2h\" for --flush-interval: not between 1ms and 1h\n"),
    (
        "-c a --max-errors 101%",
        "error: invalid value \"101%\" for --max-errors: not a number of records or a percentage up to 100%\n",
    ),
    ("-c a --summary xml", "error: invalid value \"xml\" for --summary (expected text or json)\n"),
    ("-c a --details=maybe", "error: invalid value \"maybe\" for --details (expected true or false)\n"),
    ("-c a -qv", "error: --quiet and --verbose cannot be used together\n"),
    ("-c a -q --progress bar", "error: --quiet and --progress cannot be used together\n"),
    ("-c a --progress fast", "error: invalid value \"fast\" for --progress (expected auto, bar, plain or none)\n"),
    ("-c a --color red", "error: invalid value \"red\" for --color (expected auto, always or never)\n"),
    (
        "--completions tcsh",
        "error: invalid value \"tcsh\" for --completions (expected bash, elvish, fish, powershell or zsh)\n",
    ),
    (
        "-c a http://h/films.json",
        "error: http://h/films.json: an input must be a file or stdin\nhint: `curl -fsSL URL | bulkimport ...` reads from a server\n",
    ),
    ("-c a - -", "error: stdin (-) can be named only once\n"),
    (
        "-c a --edge --create-collection=false films.jsonl",
        "importing into bulkimport.db, collection a\nerror: collection \"a\" not found (--create-collection=false)\n",
    ),
    (
        "-c a --from-prefix x films.jsonl",
        "importing into bulkimport.db, collection a\nerror: --from-prefix and --to-prefix require an edge collection: add --edge to make \"a\" one\n",
    ),
    (
        "-c a --to - --from-prefix x films.jsonl",
        "error: --from-prefix and --to-prefix require --edge\nhint: add `--edge`\n",
    ),
    ("-c a --max-rate 0 films.jsonl", "error: invalid value \"0\" for --max-rate: not between 1 and 1000000000\n"),
    ("-c a --max-rate=5/min films.jsonl", "error: invalid value \"5/min\" for --max-rate: not a whole number\n"),
    (
        "-c a -u me:hidden films.jsonl",
        "error: --user is not supported for a store\nhint: `--to elasticsearch+http://HOST:9200` writes to a server\n",
    ),
    (
        "insert a.db films films.jsonl --pk sku --nl",
        "error: unknown option '--pk'\nhint: `--pk` of sqlite-utils: write `--key FIELD`\n",
    ),
    (
        "--input=films.json --output=http://h:9200/films",
        "error: unknown option '--input'\nhint: `--input` of elasticdump: write the name of the file alone\n",
    ),
    ("-c a --force films.jsonl", "error: unknown option '--force'\nhint: `--force`: "),
    ("-c a --atomic films.jsonl", "error: unknown option '--atomic'\nhint: `--atomic`: "),
    ("-c a --export films.jsonl", "error: unknown option '--export'\nhint: `--export`: "),
    ("-c a --validate films.jsonl", "error: unknown option '--validate'\nhint: `--validate`: "),
    ("-c a --columns=a,b films.csv", "error: unknown option '--columns'\nhint: `--columns`: "),
    ("-c a --where=x films.jsonl", "error: unknown option '--where'\nhint: `--where`: "),
    ("-c a --head=5 films.jsonl", "error: unknown option '--head'\nhint: `--head`: "),
    (
        "-c a --wait films.jsonl",
        "error: invalid value \"films.jsonl\" for --wait: not a time\nhint: times are written ",
    ),
    ("-c a --id=sku films.jsonl", "error: unknown option '--id'\nhint: `--id`: "),
    ("-c a --json films.jsonl", "error: unknown option '--json'\nhint: `--json`: "),
    ("-c a --rename=a=b films.jsonl", "error: unknown option '--rename'\nhint: `--rename`: "),
    ("-c a --workers=2 films.jsonl", "error: unknown option '--workers'\nhint: `--workers`: "),
    ("-c a --primary-key=sku films.jsonl", "error: unknown option '--primary-key'\nhint: `--primary-key`: "),
    ("-c a --offset=1 films.jsonl", "error: unknown option '--offset'\nhint: `--offset`: "),
    ("-c a --stats films.jsonl", "error: unknown option '--stats'\nhint: `--stats`: "),
    ("-c a --fail-fast films.jsonl", "error: unknown option '--fail-fast'\nhint: `--fail-fast`: "),
    ("-c a --jsonl films.jsonl", "error: unknown option '--jsonl'\nhint: `--jsonl`: "),
    ("-c a --config=x films.jsonl", "error: unknown option '--config'\nhint: `--config`: "),
    ("-c a --debug films.jsonl", "error: unknown option '--debug'\nhint: `--debug`: "),
    ("-c a -f films.jsonl", "error: unknown option '-f'\nhint: `-f`: "),
    ("-c a -o films.jsonl", "error: unknown option '-o'\nhint: `-o`: "),
    ("-c a -s films.jsonl", "error: unknown option '-s'\nhint: `-s`: "),
    ("-c a -i films.jsonl", "error: unknown option '-i'\nhint: `-i`: "),
    (
        "-c a --to es+http://me:hid#den@h:9200 films.jsonl",
        "error: invalid value \"es+http://***@h:9200\" for --to: \"/\", \"#\" or \"?\" before \"@\"\nhint: write `--to es+http://HOST:PORT --user NAME:PASS`\n",
    ),
    (
        "-c a --to localhost films.jsonl",
        "error: invalid value \"localhost\" for --to: not a store name and not a URL\nhint: write a server as a URL, such as `elasticsearch+http://localhost:9200`; other schemes: arangodb+http, kuzzle+http\n",
    ),
    (
        "-c a --to ::1 films.jsonl",
        "error: invalid value \"::1\" for --to: not a store name and not a URL\nhint: write a server as a URL, such as `elasticsearch+http://[::1]:9200`",
    ),
    (
        "-c a --to es+127.0.0.1:9200 films.jsonl",
        "error: invalid value \"es+127.0.0.1:9200\" for --to: not a store name and not a URL\nhint: write a server as a URL, such as `es+http://127.0.0.1:9200`",
    ),
    (
        "-c a --to http://localhost:9200/_bulk films.jsonl",
        "error: invalid value \"http://localhost:9200/_bulk\" for --to: a path that ends in /_bulk\nhint: write `--to http://localhost:9200`\n",
    ),
    (
        "-c a --to :memory: films.jsonl",
        "error: invalid value \":memory:\" for --to: in-memory stores are not supported\nhint: write `sqlite:shop.db`",
    ),
    (
        "-c a --datatype Director=int films.csv",
        "error: invalid value \"Director=int\" for --datatype (expected COL=TYPE)\nhint: write `Director=number`; types are string, number, boolean, null and json\n",
    ),
    ("-c a --tpye jsonl films.jsonl", "error: unknown option '--tpye'\nhint: did you mean `--type`?\n"),
    ("-c a --nothing films.jsonl", "error: unknown option '--nothing'\nhint: see `--help`\n"),
    (
        "-c a -t CSV films.csv",
        "error: invalid value \"CSV\" for --type (expected auto, jsonl, json, csv, tsv, arrays or bulk)\nhint: did you mean `csv`?\n",
    ),
];

#[test]
fn every_wrong_line_is_reported_and_writes_nothing() {
    let place = films();
    let mut wrong = String::new();
    for (line, start) in LINES {
        // Something to read on stdin, so that nothing but the mistake is in the way.
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
fn every_hint_works_when_it_is_followed() {
    let (place, mut wrong) = (films(), String::new());
    for (line, _) in LINES {
        let stdin = b"{\"_key\":\"a\"}\n";
        let ran = with_variables(&place, &[], &words(line), stdin);
        wrong += &follow(&place, &[], &words(line), &ran.stderr, stdin);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_store_that_is_a_store_of_other_things_is_reported() {
    let place = films();
    place.run(&["-c", "c", "films.jsonl"]).expect(0, [12, 0, 0, 0]);
    place.open().execute_batch("CREATE TABLE other (x); CREATE VIEW seen AS SELECT 1").expect("a table");
    let before = std::fs::read(place.store()).expect("the store");
    let cases = [
        (["-c", "other", "films.jsonl"], "error: the store has a table \"other\" that is not a collection\n"),
        (
            ["-c", "Seen", "films.jsonl"],
            "error: collection \"Seen\": the store has the view \"seen\", and SQLite ignores case\n",
        ),
        (["-cc", "--edge", "films.jsonl"], "error: --edge: collection \"c\" exists and holds documents\n"),
    ];
    for (arguments, said) in cases {
        let ran = place.run(&arguments);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.prints(said);
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
    assert!(said.ends_with("error: missing input: name a file, or pipe data to stdin\n"), "{said}");
    assert_eq!(output.status.code(), Some(2));
    assert!(place.is_untouched());
}

#[test]
fn a_wrong_variable_is_named_and_the_flag_beside_it_is_not() {
    let cases = [
        (
            "TYPE",
            "xml",
            "invalid value \"xml\" for BULKIMPORT_TYPE (expected auto, jsonl, json, csv, tsv, arrays or bulk)\n",
        ),
        (
            "COMPRESSION",
            "rar",
            "invalid value \"rar\" for BULKIMPORT_COMPRESSION (expected auto, none, gzip, zstd, bzip2 or xz)\n",
        ),
        (
            "COLLECTION",
            "sqlite_x",
            "invalid value \"sqlite_x\" for BULKIMPORT_COLLECTION: names that begin with sqlite_ are reserved for SQLite\n",
        ),
        ("SKIP_LINES", "x", "invalid value \"x\" for BULKIMPORT_SKIP_LINES: not a whole number\n"),
        ("LIMIT", "-1", "invalid value \"-1\" for BULKIMPORT_LIMIT: not a whole number\n"),
        ("MAX_RECORD_BYTES", "5X", "invalid value \"5X\" for BULKIMPORT_MAX_RECORD_BYTES: not a size\n"),
        ("SEPARATOR", "tab", "invalid value \"tab\" for BULKIMPORT_SEPARATOR: not exactly one byte\n"),
        ("QUOTE", "''", "invalid value \"''\" for BULKIMPORT_QUOTE: not exactly one byte\n"),
        ("CONVERT", "true", "invalid value \"true\" for BULKIMPORT_CONVERT (expected auto or none)\n"),
        ("DATATYPE", "a=string\nb=date", "invalid value \"b=date\" for BULKIMPORT_DATATYPE (expected COL=TYPE)\n"),
        ("EMPTY", "x", "invalid value \"x\" for BULKIMPORT_EMPTY (expected omit, null or string)\n"),
        ("TRANSLATE", "a=b\nc", "invalid value \"c\" for BULKIMPORT_TRANSLATE (expected FROM=TO)\n"),
        ("MERGE_ATTRIBUTES", "x", "invalid value \"x\" for BULKIMPORT_MERGE_ATTRIBUTES (expected exactly one \"=\")\n"),
        (
            "REMOVE_ATTRIBUTE",
            " ",
            "invalid value \" \" for BULKIMPORT_REMOVE_ATTRIBUTE: a field name cannot be blank\n",
        ),
        ("KEY", "k.pem", "invalid value \"k.pem\" for BULKIMPORT_KEY: looks like a file name\n"),
        ("FROM_PREFIX", "/", "invalid value \"/\" for BULKIMPORT_FROM_PREFIX: a collection name cannot be blank\n"),
        ("TO_PREFIX", "/", "invalid value \"/\" for BULKIMPORT_TO_PREFIX: a collection name cannot be blank\n"),
        (
            "ON_DUPLICATE",
            "merge",
            "invalid value \"merge\" for BULKIMPORT_ON_DUPLICATE (expected error, update, replace or ignore)\n",
        ),
        ("UNIQUE", " ", "invalid value \" \" for BULKIMPORT_UNIQUE: a field name cannot be blank\n"),
        ("BATCH_SIZE", "0", "invalid value \"0\" for BULKIMPORT_BATCH_SIZE: not between 1 and 1000000\n"),
        ("BATCH_BYTES", "x", "invalid value \"x\" for BULKIMPORT_BATCH_BYTES: not a size\n"),
        ("JOBS", "many", "invalid value \"many\" for BULKIMPORT_JOBS: not a whole number\n"),
        ("FLUSH_INTERVAL", "1", "invalid value \"1\" for BULKIMPORT_FLUSH_INTERVAL: not a time\n"),
        (
            "MAX_ERRORS",
            "all",
            "invalid value \"all\" for BULKIMPORT_MAX_ERRORS: not a number of records or a percentage up to 100%\n",
        ),
        ("SUMMARY", "xml", "invalid value \"xml\" for BULKIMPORT_SUMMARY (expected text or json)\n"),
        ("PROGRESS", "x", "invalid value \"x\" for BULKIMPORT_PROGRESS (expected auto, bar, plain or none)\n"),
        ("COLOR", "x", "invalid value \"x\" for BULKIMPORT_COLOR (expected auto, always or never)\n"),
    ];
    let place = films();
    for (name, value, said) in cases {
        let arguments = if name == "COLLECTION" { &["films.jsonl"][..] } else { &["-c", "films", "films.jsonl"] };
        let ran = with_variables(&place, &[(name, value)], arguments, b"");
        let start = format!("error: {said}");
        assert!(ran.code == 2 && ran.stderr.starts_with(&start), "{name}: {}", ran.stderr);
    }
    for flag in ["OVERWRITE", "DELETE_KEYS"] {
        let ran = with_variables(&place, &[(flag, "1")], &["-c", "films", "films.jsonl"], b"");
        let start = format!("error: BULKIMPORT_{flag}: --");
        assert!(ran.code == 2 && ran.stderr.starts_with(&start), "{}", ran.stderr);
        ran.prints("destroys documents and is not taken from a variable\nhint: write `--");
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
        let said = format!("error: invalid value \"yes\" for BULKIMPORT_{name} (expected true or false)\n");
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
    ("KEY", "sku", "jsonl", "{\"_key\":\"a\"}\n", "missing key field \"sku\""),
    ("EDGE", "1", "jsonl", "{\"_key\":\"a\"}\n", "errors: 1\n"),
    ("ON_DUPLICATE", "ignore", "jsonl", "{\"_key\":\"a\"}\n{\"_key\":\"a\"}\n", "ignored: 1\n"),
    ("COMPLETE", "1", "jsonl", "{\"_key\":\"a\"}\n{oops}\n", "rolled back"),
    ("CREATE_COLLECTION", "0", "jsonl", "{\"_key\":\"a\"}\n", "not found (--create-collection=false)"),
    (
        "UNIQUE",
        "n",
        "jsonl",
        "{\"_key\":\"a\",\"n\":1}\n{\"_key\":\"b\",\"n\":1}\n",
        "another document has the same \"n\"",
    ),
    ("DRY_RUN", "1", "jsonl", "{\"_key\":\"a\"}\n", "valid: 1\n"),
    ("DETAILS", "1", "jsonl", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n", "stdin:11: "),
    ("MAX_ERRORS", "0", "jsonl", "{oops}\n", "more errors than --max-errors allows"),
    ("SUMMARY", "json", "jsonl", "{\"_key\":\"a\"}\n", "\"created\":1"),
    ("VERBOSE", "1", "jsonl", "{\"_key\":\"a\"}\n", "stdin is read as jsonl\n"),
    ("COLOR", "always", "jsonl", "{oops", "\u{1b}[1;31merror:"),
];

#[test]
fn the_variable_of_each_flag_does_what_the_flag_does() {
    for (name, value, format, text, reported) in VARIABLES {
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
        assert!(with.contains(reported), "{name}: {with}");
        assert!(!without.contains(reported), "{name}: {without}");
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
fn the_version_names_sqlite_and_the_commit_if_it_is_known() {
    let ran = with_variables(&films(), &[], &["--version"], b"");
    let start = concat!("bulkimport ", env!("CARGO_PKG_VERSION"), " (");
    let (commit, sqlite) = ran.stdout.strip_prefix(start).and_then(|rest| rest.split_once("SQLite 3.")).expect("both");
    assert!(commit.is_empty() || commit.starts_with("commit ") && commit.ends_with(", "), "{}", ran.stdout);
    assert!(sqlite.ends_with(")\n") && ran.code == 0, "{}", ran.stdout);
}

#[test]
fn the_man_page_has_the_usual_sections() {
    let page = with_variables(&films(), &[], &["--man"], b"").stdout;
    for section in
        ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "EXAMPLES", "EXIT STATUS", "FILES", "SEE ALSO"]
    {
        assert!(
            page.contains(&format!("\n.SH {section}\n")) || page.contains(&format!("\n.SH \"{section}\"\n")),
            "{section}"
        );
    }
}

#[test]
fn the_short_help_fits_a_screen() {
    let ran = Place::new().run(&["-h", "--summary", "text"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.lines().count() <= 40, "{} lines", ran.stdout.lines().count());
    let longest = ran.stdout.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{longest:?}");
    assert!(ran.stdout.contains("--help shows all flags"), "{}", ran.stdout);
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
