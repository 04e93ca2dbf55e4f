//! What other importers call things. When a command line is wrong, each of its words that belongs to another importer,
//! or to a later version of ours, gets a hint: a pasted line is translated at once. Values are never repeated: some of
//! them are passwords.

use crate::cli::help::is_switch;
use clap::{Arg, Command};
use std::ffi::OsString;

const STORE: &str = "write `--to FILE.db` for a store, `--to elasticsearch+http://HOST:9200` for a server";
const DATABASE: &str = "write `--to arangodb+http://HOST:8529/_db/NAME`, or `--to FILE.db` for a store";
const LOGIN: &str = "write `--user NAME`, with the password in BULKIMPORT_PASSWORD or `--password-file`";
const TLS: &str = "write `--cacert`, `--cert`, `--client-key` or `--insecure`";
const ALWAYS: &str = "leave it out, it is always so";
const NONE: &str = "leave it out, there is nothing like it here";

/// A flag of another importer, the importer, and what stands for it here.
type Foreign = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const FOREIGN: &[Foreign] = &[
    ("--server.endpoint", "arangoimport", DATABASE),
    ("--server.database", "arangoimport", DATABASE),
    ("--server.request-timeout", "arangoimport", "write `--timeout TIME`"),
    ("--server.connection-timeout", "arangoimport", "write `--connect-timeout TIME`"),
    ("--server.max-packet-size", "arangoimport", "write `--batch-bytes SIZE`"),
    ("--server.authentication", "arangoimport", "leave it out, without `--user` nobody logs in"),
    ("--server.jwt-renewal-threshold", "arangoimport", "leave it out, a token is renewed when it has expired"),
    ("--server.", "arangoimport", LOGIN),
    ("--create-collection-type", "arangoimport", "write `--edge` for edges, and leave it out for documents"),
    ("--create-database", "arangoimport", "make it first, `db._createDatabase(\"NAME\")` in arangosh; a store is made when it is missing"),
    ("--auto-rate-limit", "arangoimport", "leave it out, a store sets its own pace, and a busy server gets less at once"),
    ("--skip-validation", "arangoimport", "leave it out, the schema of a collection holds; arangosh can take it away for a while"),
    ("--latency", "arangoimport", NONE),
    ("--compress-request-threshold", "arangoimport", "write `--compress-transfer gzip`"),
    ("--custom-query-file", "arangoimport", "write `--translate`, `--remove-attribute` and `--merge-attributes`"),
    ("--custom-query-bindvars", "arangoimport", "write `--translate`, `--remove-attribute` and `--merge-attributes`"),
    ("--custom-query", "arangoimport", "write `--translate`, `--remove-attribute` and `--merge-attributes`"),
    ("--configuration", "arangoimport", "write a variable BULKIMPORT_FLAG for each flag"),
    ("--log.", "arangoimport", "write `-q`, `-v` or `--details`"),
    ("--tls.", "arangoimport", TLS),
    ("--ssl.", "arangoimport", TLS),
    ("--encryption.", "arangoimport", NONE),
    ("--define", "arangoimport", "write the value itself"),
    ("--check-configuration", "arangoimport", "write `--dry-run`"),
    ("--dump-options", "arangoimport", "write `--help`"),
    ("--dump-dependencies", "arangoimport", NONE),
    ("--use-splice-syscall", "arangoimport", NONE),
    ("--honor-nsswitch", "arangoimport", NONE),
    ("--random.", "arangoimport", NONE),
    ("--temp.", "arangoimport", NONE),
    ("--version-json", "arangoimport", "write `--version`"),
    ("--uri", "mongoimport", STORE),
    ("--db", "mongoimport", STORE),
    ("-d", "mongoimport", STORE),
    ("--host", "mongoimport", STORE),
    ("--port", "mongoimport", STORE),
    ("--jsonArray", "mongoimport", "write `--type json`"),
    ("--headerline", "mongoimport", "leave it out, the first row is the header, unless `--headers-file FILE` has it"),
    ("--fields", "mongoimport", "write `--headers-file FILE` with the names in one row"),
    ("-f", "mongoimport", "write `--headers-file FILE` with the names in one row"),
    ("--fieldFile", "mongoimport", "write `--headers-file FILE` with the names in one row"),
    ("--ignoreBlanks", "mongoimport", "leave it out, it is so, unless `--empty null` or `--empty string`"),
    ("--columnsHaveTypes", "mongoimport", "write `--datatype COL=TYPE` for each column"),
    ("--parseGrace", "mongoimport", "leave it out, a cell that does not fit stays a string"),
    ("--useArrayIndexFields", "mongoimport", "write `--nested`"),
    ("--upsert", "mongoimport", "write `--on-duplicate replace`"),
    ("--upsertFields", "mongoimport", "write `--key FIELD` and `--on-duplicate replace`"),
    ("--mode", "mongoimport", "write `--on-duplicate error` for insert, `replace` for upsert, `update` for merge; `--delete-keys` for delete"),
    ("--stopOnError", "mongoimport", "write `--max-errors 0` (batches under way are still stored), or `--complete` (an error stores nothing)"),
    ("--maintainInsertionOrder", "mongoimport", ALWAYS),
    ("--numInsertionWorkers", "mongoimport", "write `--jobs N`"),
    ("--writeConcern", "mongoimport", "write `--wait-for-sync`"),
    ("--bypassDocumentValidation", "mongoimport", "leave it out, there is nothing like it here"),
    ("--legacy", "mongoimport", "leave it out, documents are stored as they are written"),
    ("--username", "mongoimport", LOGIN),
    ("--password", "mongoimport", LOGIN),
    ("--authenticationDatabase", "mongoimport", NONE),
    ("--authenticationMechanism", "mongoimport", NONE),
    ("--ssl", "mongoimport", TLS),
    ("--input", "elasticdump", "write the name of the file alone"),
    ("--output", "elasticdump", STORE),
    ("--input-index", "elasticdump", NONE),
    ("--output-index", "elasticdump", "write `--collection NAME`"),
    ("--transform", "elasticdump", "write `--translate`, `--remove-attribute` and `--merge-attributes`"),
    ("--fsCompress", "elasticdump", "leave it out, compressed files are recognised"),
    ("--noRefresh", "elasticdump", "leave it out, it is so unless `--refresh true`"),
    ("--ignore-errors", "elasticdump", "leave it out, reading goes on after an error, and the exit code is 1"),
    ("--csvFirstRowAsHeaders", "elasticdump", "leave it out, the first row is the header"),
    ("--csvDelimiter", "elasticdump", "write `--separator BYTE`"),
    ("--csvIdColumn", "elasticdump", "write `--key FIELD`"),
    ("-index", "esbulk", "write `--collection NAME`"),
    ("-id", "esbulk", "write `--key FIELD`"),
    ("-size", "esbulk", "write `--batch-size DOCS`"),
    ("-w", "esbulk", "write `--jobs N`"),
    ("-z", "esbulk", "leave it out, compressed files are recognised"),
    ("-server", "esbulk", STORE),
    ("-verbose", "esbulk", "write `--verbose`"),
    ("-purge", "esbulk", "write `--overwrite`"),
    ("-optype", "esbulk", "write `--on-duplicate error` for create, `replace` for index, `update` for update"),
    ("--pk", "sqlite-utils", "write `--key FIELD`"),
    ("--nl", "sqlite-utils", "write `--type jsonl`"),
    ("--csv", "sqlite-utils", "write `--type csv`"),
    ("--tsv", "sqlite-utils", "write `--type tsv`"),
    ("--delimiter", "sqlite-utils", "write `--separator BYTE`"),
    ("--quotechar", "sqlite-utils", "write `--quote BYTE`"),
    ("--ignore", "sqlite-utils", "write `--on-duplicate ignore`"),
    ("--replace", "sqlite-utils", "write `--on-duplicate replace`"),
    ("--truncate", "sqlite-utils", "write `--overwrite`"),
    ("--alter", "sqlite-utils", "leave it out, a collection has no columns to add"),
    ("--flatten", "sqlite-utils", NONE),
    ("--detect-types", "sqlite-utils", "leave it out, `--convert auto` is the default"),
    ("--no-detect-types", "sqlite-utils", "write `--convert none`"),
    ("--no-headers", "sqlite-utils", "write `--headers-file FILE` with the names in one row"),
    ("--silent", "sqlite-utils", "write `--quiet`"),
    ("--batch-docs", "another importer", "write `--batch-size DOCS`"),
    ("--format", "another importer", "write `--type TYPE`"),
    ("--table", "another importer", "write `--collection NAME`"),
];

/// Flags of the whole design that this version does not have yet.
#[rustfmt::skip]
const LATER: &[&str] = &["--max-rate", "--rejects", "--journal"];

/// Words of ours with a value that only another importer gives them.
const VALUES: &[(&str, &str, &str)] = &[
    ("--on-duplicate", "upsert", "write `--on-duplicate update` to merge, `--on-duplicate replace` to replace"),
    ("--on-duplicate", "merge", "write `--on-duplicate update`"),
    ("--on-duplicate", "overwrite", "write `--on-duplicate replace`"),
    ("--on-duplicate", "skip", "write `--on-duplicate ignore`"),
    ("--convert", "true", "write `--convert auto`"),
    ("--convert", "false", "write `--convert none`"),
    ("--progress", "true", "leave it out, `--progress auto` is the default"),
    ("--progress", "false", "write `--progress none`"),
    ("--type", "data", "leave it out, bulkimport imports documents only"),
];

/// Returns a hint for each word of the command line that another importer, or a later version, has; words with the same
/// hint share it.
pub fn for_words(argv: &[OsString], command: &Command) -> Vec<String> {
    let words: Vec<&str> = argv.iter().skip(1).map(|word| word.to_str().unwrap_or_default()).collect();
    let words = words.split(|word| *word == "--").next().unwrap_or_default();
    let mut hints: Vec<(Vec<String>, String)> = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let next = words.get(place + 1).copied();
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

/// Whether `--batch-size` stands among words of arangoimport.
fn means_bytes(words: &[&str]) -> bool {
    let mut flags = words.iter().map(|word| word.split('=').next().unwrap_or_default());
    let is_arango = |flag| foreign_word(flag).is_some_and(|(_, importer, _)| *importer == "arangoimport");
    flags.clone().any(|flag| flag == "--batch-size") && flags.any(is_arango)
}

/// Returns what is hinted at, and the hint that follows it.
fn hint(flag: &str, value: Option<&str>, is_apart: bool, command: &Command) -> Option<(String, String)> {
    if let Some((_, importer, advice)) = foreign_word(flag) {
        return Some((format!("`{flag}`"), format!(" of {importer}: {advice}")));
    }
    if LATER.contains(&flag) {
        return Some((format!("`{flag}`"), ": not in this version of bulkimport".to_owned()));
    }
    let value = value?;
    if let Some((.., advice)) = VALUES.iter().find(|(name, foreign, _)| *name == flag && *foreign == value) {
        return Some((format!("`{flag} {value}`"), format!(": {advice}")));
    }
    let switch = command.get_arguments().find(|arg| is_switch(arg) && is_called(arg, flag))?.get_long()?;
    let is_apart = is_apart && matches!(value, "true" | "false");
    is_apart.then(|| (format!("`{flag} {value}`"), format!(": a switch takes its value after =, `--{switch}={value}`")))
}

/// A name that ends in a dot stands for all that begin with it.
fn foreign_word(flag: &str) -> Option<&'static Foreign> {
    let is = |name: &str| flag == name || (name.ends_with('.') && flag.starts_with(name));
    FOREIGN.iter().find(|(name, ..)| flag.starts_with('-') && is(name))
}

/// Whether a flag of ours has this name, also a hidden one.
fn is_called(arg: &Arg, flag: &str) -> bool {
    match (flag.strip_prefix("--"), flag.strip_prefix('-')) {
        (Some(long), _) => {
            arg.get_long() == Some(long) || arg.get_all_aliases().is_some_and(|names| names.contains(&long))
        }
        (None, Some(short)) => arg.get_short().is_some_and(|name| short == name.to_string()),
        (None, None) => false,
    }
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
    fn a_line_of_arangoimport_is_translated_at_once() {
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
    fn a_line_of_mongoimport_is_translated_at_once() {
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
    fn our_own_words_have_no_hint() {
        let line = "bulkimport -c x --on-duplicate update --batch-size 7 --details=true --to a.db -t json -j 2 f";
        assert!(hints(line).is_empty());
        for arg in help::command().get_arguments() {
            let long = arg.get_long().map(|long| format!("--{long}"));
            let short = arg.get_short().map(|short| format!("-{short}"));
            for flag in long.into_iter().chain(short) {
                assert!(foreign_word(&flag).is_none() && !LATER.contains(&flag.as_str()), "{flag}");
            }
        }
    }

    #[test]
    fn later_flags_values_and_switches_have_their_hints() {
        let cases = [
            ("--journal=x", "`--journal`: not in this version of bulkimport"),
            ("--rejects x --max-rate 5", "`--rejects`, `--max-rate`: not in this version of bulkimport"),
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
