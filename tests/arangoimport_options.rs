//! Every option of arangoimport is one of ours, or is refused with a sentence that says what to use instead.

use crate::support::Place;

/// Options that work here as they are, or under a hidden alias.
const SAME: [(&str, &str); 19] = [
    ("--file", "in.csv"),
    ("--type", "csv"),
    ("--collection", "c"),
    ("--on-duplicate", "update"),
    ("--from-collection-prefix", "v"),
    ("--to-collection-prefix", "v"),
    ("--threads", "2"),
    ("--max-errors", "20"),
    ("--separator", ";"),
    ("--quote", "'"),
    ("--headers-file", "h.csv"),
    ("--skip-lines", "1"),
    ("--datatype", "a=string"),
    ("--translate", "a=b"),
    ("--remove-attribute", "a"),
    ("--merge-attributes", "n=[a]"),
    ("--overwrite=true", ""),
    ("--ignore-missing=true", ""),
    ("--backslash-escape=true", ""),
];

/// Options that are refused, and a part of what is said.
const OTHERS: [(&str, &str); 43] = [
    ("--create-collection true", "`--create-collection=true`"),
    ("--overwrite true", "`--overwrite=true`"),
    ("--overwrite-collection-prefix false", "`--overwrite-collection-prefix=false`"),
    ("--create-collection-type edge", "`--edge`"),
    ("--create-database true", "create it first"),
    ("--batch-size 4194304 --server.username root", "`--batch-bytes SIZE`"),
    ("--auto-rate-limit true", "a busy server gets less at once"),
    ("--convert false", "`--convert none`"),
    ("--skip-validation true", "the schema of a collection holds"),
    ("--progress true", "`--progress auto` is the default"),
    ("--latency true", "leave it out"),
    ("--compress-request-threshold 100", "`--compress-transfer gzip`"),
    ("--server.endpoint tcp://127.0.0.1:8529", "`--to arangodb+http://HOST:8529/_db/NAME`"),
    ("--server.database shop", "`--to arangodb+http://HOST:8529/_db/NAME`"),
    ("--server.username root", "`--user NAME`"),
    ("--server.password x", "BULKIMPORT_PASSWORD"),
    ("--server.authentication false", "without `--user` nobody logs in"),
    ("--server.connection-timeout 5", "`--connect-timeout TIME`"),
    ("--server.request-timeout 5", "`--timeout TIME`"),
    ("--server.max-packet-size 5", "`--batch-bytes SIZE`"),
    ("--server.jwt-renewal-threshold 300", "renewed when it has expired"),
    ("--tls.protocol 5", "`--cacert`"),
    ("--ssl.protocol 5", "`--cacert`"),
    ("--encryption.keyfile x", "leave it out"),
    ("--encryption.key-generator x", "leave it out"),
    ("--configuration x", "BULKIMPORT_FLAG"),
    ("--define x=y", "write the value itself"),
    ("--log.level debug", "`-v`"),
    ("--log.file x", "`-v`"),
    ("--temp.path x", "leave it out"),
    ("--use-splice-syscall true", "leave it out"),
    ("--honor-nsswitch true", "leave it out"),
    ("--random.generator 1", "leave it out"),
    ("--check-configuration true", "`--dry-run`"),
    ("--dump-options true", "`--help`"),
    ("--dump-dependencies true", "leave it out"),
    ("--version-json true", "`--version`"),
    ("--custom-query x", "`--translate`"),
    ("--custom-query-file x", "`--translate`"),
    ("--custom-query-bindvars x", "`--translate`"),
    ("--ignore-missing false", "`--ignore-missing=false`"),
    ("--backslash-escape false", "`--backslash-escape=false`"),
    ("--convert true", "`--convert auto`"),
];

#[test]
fn options_of_arangoimport_that_are_ours_are_taken() {
    for (option, value) in SAME {
        let place = Place::new();
        place.file("in.csv", "a,b\n1,2\n");
        place.file("h.csv", "a,b\n");
        let mut words = vec!["--to", "arangodb+http://127.0.0.1:1", option];
        words.extend(Some(value).filter(|value| !value.is_empty()));
        for (flag, value) in [("--collection", "c"), ("--type", "csv"), ("--file", "in.csv")] {
            words.extend((flag != option).then_some([flag, value]).into_iter().flatten());
        }
        let ran = place.run(&words);
        // Nobody listens there: the command line was taken.
        assert_eq!(ran.code, 4, "{option}: {}", ran.stderr);
    }
}

#[test]
fn every_other_option_of_arangoimport_has_its_hint() {
    for (option, said) in OTHERS {
        let place = Place::new();
        let words = ["--to", "arangodb+http://127.0.0.1:1", "-c", "c", "-t", "csv"];
        let ran = place.run(&[&words[..], &option.split(' ').collect::<Vec<_>>()].concat());
        assert_eq!(ran.code, 2, "{option}: {}", ran.stderr);
        assert!(ran.stderr.contains("hint: ") && ran.stderr.contains(said), "{option}: {}", ran.stderr);
    }
}
