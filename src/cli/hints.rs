//! Hints for the flags of other importers. If a command line has a mistake, each of its flags that belongs to another
//! importer, or to a later version of this one, gets a hint. Values are never repeated, because they may be passwords.

use crate::cli::help::is_switch;
use clap::{Arg, Command};
use std::ffi::OsString;

const STORE: &str = "write `--to FILE.db` for a store, `--to elasticsearch+http://HOST:9200` for a server";
const DATABASE: &str = "write `--to arangodb+http://HOST:8529/_db/NAME`, or `--to FILE.db` for a store";
const LOGIN: &str = "write `--user NAME`, with the password in BULKIMPORT_PASSWORD or `--password-file`";
const TLS: &str = "write `--cacert`, `--cert`, `--client-key` or `--insecure`";
const SHAPE: &str = "write `--translate`, `--remove-attribute` and `--merge-attributes`";
const NONE: &str = "leave it out, there is nothing like it here";

/// Flags, possibly with a value, and the hint for them.
type Advice = (&'static [&'static str], &'static str);

/// Hints by importer, in the order of look-up; the last ones are for values, and for a later version of this program. A flag
/// that ends in a dot is a prefix.
#[rustfmt::skip]
const FOREIGN: &[(&str, &[Advice])] = &[
    (" of arangoimport", &[
        (&["--server.endpoint", "--server.database"], DATABASE),
        (&["--server.request-timeout"], "write `--timeout TIME`"),
        (&["--server.connection-timeout"], "write `--connect-timeout TIME`"),
        (&["--server.max-packet-size"], "write `--batch-bytes SIZE`"),
        (&["--server.authentication"], "leave it out, without `--user` nobody logs in"),
        (&["--server.jwt-renewal-threshold"], "leave it out, a token is renewed when it has expired"),
        (&["--server."], LOGIN),
        (&["--create-collection-type"], "write `--edge` for edges, and leave it out for documents"),
        (&["--create-database"], "create it first, `db._createDatabase(\"NAME\")` in arangosh; a store is created when it is missing"),
        (&["--auto-rate-limit"], "leave it out, a busy server gets less at once; `--max-rate DOCS/s` sets a limit"),
        (&["--skip-validation"], "leave it out, the schema of a collection holds; arangosh can take it away for a while"),
        (&["--latency", "--encryption.", "--random.", "--temp."], NONE),
        (&["--dump-dependencies", "--use-splice-syscall", "--honor-nsswitch"], NONE),
        (&["--compress-request-threshold"], "write `--compress-transfer gzip`"),
        (&["--custom-query-file", "--custom-query-bindvars", "--custom-query"], SHAPE),
        (&["--configuration"], "write a variable BULKIMPORT_FLAG for each flag"),
        (&["--log."], "write `-q`, `-v` or `--details`"),
        (&["--tls.", "--ssl."], TLS),
        (&["--define"], "write the value itself"),
        (&["--check-configuration"], "write `--dry-run`"),
        (&["--dump-options"], "write `--help`"),
        (&["--version-json"], "write `--version`"),
    ]),
    (" of mongoimport", &[
        (&["--uri", "--db", "-d", "--host", "--port"], STORE),
        (&["--jsonArray"], "write `--type json`"),
        (&["--headerline"], "leave it out, the first row is the header, unless `--headers NAMES` has it"),
        (&["--fields"], "write `--headers NAMES`"),
        (&["--fieldFile"], "write `--headers-file FILE` with the names in one row"),
        (&["--ignoreBlanks"], "leave it out, it is so, unless `--empty null` or `--empty string`"),
        (&["--columnsHaveTypes"], "write `--datatype COL=TYPE` for each column"),
        (&["--parseGrace"], "leave it out, a cell that does not fit stays a string"),
        (&["--useArrayIndexFields"], "write `--nested`"),
        (&["--upsert"], "write `--on-duplicate replace`"),
        (&["--upsertFields"], "write `--key FIELD` and `--on-duplicate replace`"),
        (&["--mode"], "write `--on-duplicate error` for insert, `replace` for upsert, `update` for merge; `--delete-keys` for delete"),
        (&["--stopOnError"], "write `--max-errors 0` (batches under way are still stored), or `--complete` (an error stores nothing)"),
        (&["--maintainInsertionOrder"], "leave it out, it is always so"),
        (&["--numInsertionWorkers"], "write `--jobs N`"),
        (&["--writeConcern"], "write `--wait-for-sync`"),
        (&["--bypassDocumentValidation", "--authenticationDatabase", "--authenticationMechanism"], NONE),
        (&["--legacy"], "leave it out, documents are stored as they are written"),
        (&["--username", "--password"], LOGIN),
        (&["--ssl"], TLS),
    ]),
    (" of elasticdump", &[
        (&["--input"], "write the name of the file alone"),
        (&["--output"], STORE),
        (&["--input-index"], NONE),
        (&["--output-index"], "write `--collection NAME`"),
        (&["--transform"], SHAPE),
        (&["--fsCompress"], "leave it out, compressed files are recognised"),
        (&["--noRefresh"], "leave it out, it is so unless `--refresh true`"),
        (&["--ignore-errors"], "leave it out, reading goes on after an error, and the exit code is 1"),
        (&["--csvFirstRowAsHeaders"], "leave it out, the first row is the header"),
        (&["--csvDelimiter"], "write `--separator BYTE`"),
        (&["--csvIdColumn"], "write `--key FIELD`"),
    ]),
    (" of esbulk", &[
        (&["-index"], "write `--collection NAME`"),
        (&["-id"], "write `--key FIELD`"),
        (&["-size"], "write `--batch-size DOCS`"),
        (&["-w"], "write `--jobs N`"),
        (&["-z"], "leave it out, compressed files are recognised"),
        (&["-server"], STORE),
        (&["-verbose"], "write `--verbose`"),
        (&["-purge"], "write `--overwrite`"),
        (&["-optype"], "write `--on-duplicate error` for create, `replace` for index, `update` for update"),
    ]),
    (" of sqlite-utils", &[
        (&["--pk"], "write `--key FIELD`"),
        (&["--nl"], "write `--type jsonl`"),
        (&["--csv"], "write `--type csv`"),
        (&["--tsv"], "write `--type tsv`"),
        (&["--delimiter"], "write `--separator BYTE`"),
        (&["--quotechar"], "write `--quote BYTE`"),
        (&["--ignore"], "write `--on-duplicate ignore`"),
        (&["--replace"], "write `--on-duplicate replace`"),
        (&["--truncate"], "write `--overwrite`"),
        (&["--alter"], "leave it out, a collection has no columns to add"),
        (&["--flatten"], NONE),
        (&["--detect-types"], "leave it out, `--convert auto` is the default"),
        (&["--no-detect-types"], "write `--convert none`"),
        (&["--no-headers"], "write `--headers NAMES`"),
        (&["--silent"], "write `--quiet`"),
    ]),
    (" of another importer", &[
        (&["--batch-docs"], "write `--batch-size DOCS`"),
        (&["--format"], "write `--type TYPE`"),
        (&["--table"], "write `--collection NAME`"),
    ]),
    ("", &[
        (&["--force"], "write `--overwrite` to empty the collection first, `--on-duplicate replace` to replace documents"),
        (&["--atomic"], "write `--complete`"),
        (&["--export"], "leave it out, bulkimport only imports"),
        (&["--validate"], "write `--dry-run`"),
        (&["--columns"], "write `--headers NAMES` with a comma between them"),
        (&["--charset"], "write `--encoding LABEL`"),
        (&["--nullstr"], "write `--null TEXT`"),
        (&["--decimal-separator"], "write `--decimal BYTE`"),
        (&["--skip"], "write `--skip-lines N`"),
        (&["--where"], "leave it out and filter the input, as with `jq -c 'select(.price > 9)'`"),
        (&["--head"], "write `--limit N`"),
        (&["--id", "--primary-key"], "write `--key FIELD`"),
        (&["--json"], "write `--summary json` for the summary, `--type json` for the input"),
        (&["--jsonl"], "write `--type jsonl`"),
        (&["--rename"], "write `--translate FROM=TO`"),
        (&["--workers"], "write `--jobs N`"),
        (&["--offset"], "write `--skip-lines N`"),
        (&["--stats"], "leave it out, a summary is always printed"),
        (&["--fail-fast"], "write `--max-errors 0`"),
        (&["--config"], "write a variable BULKIMPORT_FLAG for each flag"),
        (&["--debug"], "write `--verbose`"),
        (&["-o"], STORE),
        (&["-s"], "write `--quiet`"),
        (&["-f"], "write the name of the file alone; `--headers-file FILE` names fields"),
        (&["-i"], "write the name of the file alone"),
        (&["--on-duplicate upsert"], "write `--on-duplicate update` to merge, `--on-duplicate replace` to replace"),
        (&["--on-duplicate merge"], "write `--on-duplicate update`"),
        (&["--on-duplicate overwrite"], "write `--on-duplicate replace`"),
        (&["--on-duplicate skip"], "write `--on-duplicate ignore`"),
        (&["--convert true"], "write `--convert auto`"),
        (&["--convert false"], "write `--convert none`"),
        (&["--progress true"], "leave it out, `--progress auto` is the default"),
        (&["--progress false"], "write `--progress none`"),
        (&["--type data"], "leave it out, bulkimport imports documents only"),
    ]),
];

/// Returns hints for the flags of a command line that belong to another importer or a later version; flags with the same
/// hint share it.
pub fn for_words(argv: &[OsString], command: &Command) -> Vec<String> {
    let words: Vec<&str> = argv.iter().skip(1).map(|word| word.to_str().unwrap_or_default()).collect();
    let words = words.split(|word| *word == "--").next().unwrap_or_default();
    let mut hints: Vec<(Vec<String>, String)> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).copied();
        let (flag, value, is_apart) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value), false),
            None => (*word, next, true),
        };
        let Some((about, advice)) = hint(flag, value, is_apart, command) else { continue };
        match hints.iter_mut().find(|(_, known)| *known == advice) {
            Some((all, _)) if all.contains(&about) => {}
            Some((all, _)) => all.push(about),
            None => hints.push((vec![about], advice)),
        }
    }
    if means_bytes(words) {
        let advice = " of arangoimport counts bytes: write `--batch-bytes SIZE`";
        hints.push((vec!["`--batch-size`".to_owned()], advice.to_owned()));
    }
    hints.into_iter().map(|(about, advice)| about.join(", ") + &advice).collect()
}

/// Whether `--batch-size` is used together with flags of arangoimport.
fn means_bytes(words: &[&str]) -> bool {
    let mut flags = words.iter().map(|word| word.split('=').next().unwrap_or_default());
    let is_arango = |flag| foreign(flag).is_some_and(|(_, advice)| advice.starts_with(" of arangoimport"));
    flags.clone().any(|flag| flag == "--batch-size") && flags.any(is_arango)
}

/// Returns the flag, and the hint for it.
fn hint(flag: &str, value: Option<&str>, is_apart: bool, command: &Command) -> Option<(String, String)> {
    if let Some(known) = foreign(flag) {
        return Some(known);
    }
    let value = value?;
    let words = format!("{flag} {value}");
    if let Some(known) = foreign(&words) {
        return Some(known);
    }
    let switch = command.get_arguments().find(|arg| is_switch(arg) && is_called(arg, flag))?.get_long()?;
    let is_apart = is_apart && matches!(value, "true" | "false");
    is_apart.then(|| (format!("`{words}`"), format!(": a switch takes its value after =, `--{switch}={value}`")))
}

/// The hint for flags in the table.
fn foreign(words: &str) -> Option<(String, String)> {
    let is = |name: &&str| words == *name || (name.ends_with('.') && words.starts_with(name));
    FOREIGN.iter().find_map(|(whose, all)| {
        let (_, advice) = all.iter().find(|(names, _)| names.iter().any(is))?;
        Some((format!("`{words}`"), format!("{whose}: {advice}")))
    })
}

/// Whether an argument has this name or alias.
fn is_called(arg: &Arg, flag: &str) -> bool {
    let longs = arg.get_long().into_iter().chain(arg.get_all_aliases().into_iter().flatten());
    let mut names = longs.map(|long| format!("--{long}")).chain(arg.get_short().map(|short| format!("-{short}")));
    names.any(|name| name == flag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::help;

    fn hints(line: &str) -> Vec<String> {
        let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        for_words(&argv, &help::command())
    }

    #[test]
    fn every_flag_of_arangoimport_gets_a_hint() {
        let said = hints(
            "arangoimport --server.endpoint tcp://h:8529 --server.database d --server.password secret --create-collection true \
             --create-collection-type edge --batch-size 16777216 --convert false --threads 4 --log.level=debug --file a.csv",
        );
        assert_eq!(
            said,
            [
                "`--server.endpoint`, `--server.database` of arangoimport: write `--to arangodb+http://HOST:8529/_db/NAME`, or `--to FILE.db` for a store",
                "`--server.password` of arangoimport: write `--user NAME`, with the password in BULKIMPORT_PASSWORD or `--password-file`",
                "`--create-collection true`: a switch takes its value after =, `--create-collection=true`",
                "`--create-collection-type` of arangoimport: write `--edge` for edges, and leave it out for documents",
                "`--convert false`: write `--convert none`",
                "`--log.level` of arangoimport: write `-q`, `-v` or `--details`",
                "`--batch-size` of arangoimport counts bytes: write `--batch-bytes SIZE`",
            ]
        );
    }

    #[test]
    fn every_flag_of_mongoimport_gets_a_hint() {
        let line =
            "mongoimport --uri=mongodb://u:secret@h --db test -c films --jsonArray --drop --upsertFields a,b x.json";
        assert_eq!(
            hints(line),
            [
                "`--uri`, `--db` of mongoimport: write `--to FILE.db` for a store, `--to elasticsearch+http://HOST:9200` for a server",
                "`--jsonArray` of mongoimport: write `--type json`",
                "`--upsertFields` of mongoimport: write `--key FIELD` and `--on-duplicate replace`",
            ]
        );
    }

    #[test]
    fn our_own_flags_have_no_hint() {
        let line = "bulkimport -c x --on-duplicate update --batch-size 7 --details=true --to a.db -t json -j 2 f";
        assert!(hints(line).is_empty());
        for arg in help::command().get_arguments() {
            let long = arg.get_long().map(|long| format!("--{long}"));
            let short = arg.get_short().map(|short| format!("-{short}"));
            for flag in long.into_iter().chain(short) {
                assert!(foreign(&flag).is_none(), "{flag}");
            }
        }
    }

    #[test]
    fn later_flags_values_and_switches_have_hints() {
        let cases = [
            ("--drop true", "`--drop true`: a switch takes its value after =, `--overwrite=true`"),
            ("-n false", "`-n false`: a switch takes its value after =, `--dry-run=false`"),
            (
                "--stopOnError",
                "`--stopOnError` of mongoimport: write `--max-errors 0` (batches under way are still stored), or `--complete` (an error stores nothing)",
            ),
            ("--on-duplicate=skip", "`--on-duplicate skip`: write `--on-duplicate ignore`"),
        ];
        for (line, hint) in cases {
            assert_eq!(hints(&format!("bulkimport {line}")), [hint]);
        }
        assert!(hints("bulkimport -- --uri").is_empty());
    }
}
