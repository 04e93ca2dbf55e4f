//! The command for clap, and what is printed about it: short and long help, completions, the man page.

use super::Arguments;
use crate::sink::targets;
use clap::{Arg, ArgAction, Command, CommandFactory, ValueHint};

/// Printed if there is nothing to do.
pub const USAGE: &str = "\
usage: bulkimport [OPTIONS] [FILE]...
  bulkimport -c films films.jsonl                          into bulkimport.db
  bulkimport --to shop.db -c films -t csv < films.csv      into another store
  bulkimport --to es+http://localhost:9200 -c films films.jsonl
-h shows the common options, --help shows all
";

/// Printed below `-h`.
pub const SHORT_EXAMPLES: &str = "\
No FILE, or -, is stdin. --help shows all flags, and more examples.
  bulkimport --to es+http://localhost:9200 -c products products.jsonl.gz
  curl -fsSL URL | bulkimport --to geo.db -c cities -t csv --key id";

/// Printed below `--help` and in the man page; lines have at most 80 characters.
pub const EXAMPLES: &str = "\
Switches and variables:
  A switch takes its value after =: --details=false. Flags have variables:
  BULKIMPORT_BATCH_SIZE=1000 means --batch-size 1000. The command line
  wins. A flag that may be repeated takes one value per line, a switch 1, 0,
  true or false; an empty variable is ignored. --overwrite, --delete-keys,
  --insecure, --file and flags that print something and exit have no variable.
  BULKIMPORT_PASSWORD, BULKIMPORT_API_KEY and BULKIMPORT_BEARER hold secrets.
  A misspelt BULKIMPORT_ variable is an error.

Examples:
  Import documents into a collection of bulkimport.db; where the key exists,
  merge them into what is there:
    bulkimport --collection products --on-duplicate update products.jsonl
  Import several files, each into the collection of its name:
    bulkimport --to shop.db seed/*
  Import a compressed array from stdin, and stop when more than 1 % is bad:
    bulkimport -c products -t json --max-errors 1% < products.json.gz
  Import a CSV file into another store, with a column as the key:
    bulkimport --to geo.db -c cities --key id --datatype zip=string cities.csv
  Build keys from two columns:
    bulkimport -c flights --merge-attributes \"_key=[carrier]-[id]\" flights.csv
  Import edges between cities:
    bulkimport -c roads --edge --translate a=_from --translate b=_to \\
        --from-prefix cities --to-prefix cities roads.csv
  Replay Elasticsearch bulk lines, on a store and on two nodes of a cluster:
    bulkimport --to shop.db -t bulk actions.ndjson
    bulkimport --to es+https://h1:9200 --to es+https://h2:9200 \\
        --user me -t bulk actions.ndjson
  Delete the documents that a file names:
    bulkimport -c products --delete-keys --key sku deleted.csv
  Check a file without storing anything:
    bulkimport -c products --dry-run --details products.jsonl

Exit codes:
  0         every record was stored, deleted, or ignored as requested
  1         finished, but some records were rejected or are unknown
  2         mistake in the command line; nothing was done
  3         stopped: more errors than --max-errors
  4         stopped: the target cannot be reached or written, or denies access
  5         an input cannot be read, or has fewer records than --min-records
  6         rolled back (--complete)
  129, 130, 131, 143
            stopped by SIGHUP, SIGINT, SIGQUIT, SIGTERM";

/// Sections of the man page alone.
const MAN_FILES: &str = "\
Files:
  bulkimport.db       the store that is written without --to
  bulkimport.db-lock  locks a store during an import, and is then removed";

const MAN_SEE_ALSO: &str = "\
See also:
  curl(1), iconv(1), jq(1), sqlite3(1)";

/// The common flags, which `-h` shows, and FILE.
#[rustfmt::skip]
const COMMON: [&str; 15] = [
    "to", "collection", "user", "format", "key", "on_duplicate", "complete", "overwrite", "dry_run", "details", "max_errors", "summary",
    "quiet", "help", "files",
];

/// Returns the command as help and completions show it: switches have no value.
pub fn command() -> Command {
    Arguments::command().mut_args(|mut arg| {
        if arg.get_id() == "to" {
            arg = arg.help(targets::brief()).long_help(targets::help());
        }
        let has_value = arg.get_action().takes_values();
        // So that `--limit -1` is an invalid number, not an unknown option.
        let may_be_negative = has_value && !arg.is_positional();
        let is_common = COMMON.contains(&arg.get_id().as_str());
        // So that completions offer no files for what is not a file.
        if has_value && arg.get_value_hint() == ValueHint::Unknown {
            arg = arg.value_hint(ValueHint::Other);
        }
        arg.hide_short_help(!is_common).hide_possible_values(has_value).allow_negative_numbers(may_be_negative)
    })
}

/// Returns the command for parsing: a switch may have a value after `=`, and the last of several equal switches wins.
pub fn parser() -> Command {
    command().mut_args(|arg| if is_switch(&arg) { with_value(arg) } else { arg })
}

/// Whether a flag of `command` is a switch.
pub fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

fn with_value(arg: Arg) -> Arg {
    let id = arg.get_id().clone();
    arg.action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .default_value("false")
        .value_parser(crate::values::switch)
        .overrides_with(id)
}

/// Returns the text of `-h`, without groups and with few defaults, so that it fits a terminal of 24 rows.
pub fn short() -> String {
    short_command().render_help().to_string()
}

fn short_command() -> Command {
    let command = command().mut_args(|arg| {
        let hides = arg.get_action().takes_values() && arg.get_id() != "to";
        arg.help_heading("Options").hide_default_value(hides)
    });
    command.mut_arg("files", |arg| arg.hide(true))
}

/// Returns the text of `--help`.
pub fn long() -> String {
    command().render_long_help().to_string()
}

/// Returns the text of `--version`, with the commit if it is known.
pub fn version() -> String {
    let commit = option_env!("BUILD_COMMIT").map_or(String::new(), |commit| format!("commit {commit}, "));
    format!("bulkimport {} ({commit}SQLite {})\n", env!("CARGO_PKG_VERSION"), rusqlite::version())
}

/// Returns the man page, as roff.
pub fn man_page() -> String {
    // clap_mangen omits the help of flags that `-h` does not show.
    let command = command().mut_args(|arg| arg.hide_short_help(false));
    let man = clap_mangen::Man::new(command);
    let mut page = Vec::new();
    let rendered = man
        .render_title(&mut page)
        .and_then(|()| man.render_name_section(&mut page))
        .and_then(|()| man.render_synopsis_section(&mut page))
        .and_then(|()| man.render_description_section(&mut page))
        .and_then(|()| man.render_options_section(&mut page));
    rendered.expect("writing to memory does not fail");
    String::from_utf8_lossy(&page).into_owned()
        + &EXAMPLES.split("\n\n").chain([MAN_FILES, MAN_SEE_ALSO]).map(man_section).collect::<String>()
}

/// A section with its line breaks; clap_mangen would join the lines.
fn man_section(text: &str) -> String {
    let (title, lines) = text.split_once(":\n").unwrap_or((text, ""));
    let title = match title {
        "Switches and variables" => "Environment",
        "Exit codes" => "Exit status",
        other => other,
    };
    let lines = lines.replace('\\', "\\e").replace('-', "\\-");
    format!(".SH {}\n.nf\n{lines}\n.fi\n", title.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_help_fits_a_screen() {
        let text = short_command().term_width(80).render_help().to_string();
        assert!(text.lines().count() <= 23, "{} lines", text.lines().count());
        let shown = text.lines().filter(|line| line.trim_start().starts_with('-')).count();
        let wrapped = text.lines().filter(|line| line.starts_with("              ")).count();
        assert!(shown == COMMON.len() - 1 && wrapped == 0, "{shown} flags\n{text}");
    }

    #[test]
    fn the_long_help_shows_every_flag_and_no_value_of_a_variable() {
        let text = command().term_width(80).render_long_help().to_string();
        for arg in command().get_arguments().filter(|arg| !arg.is_hide_set()) {
            let long = arg.get_long().map(|long| format!("--{long}"));
            assert!(long.is_none_or(|long| text.contains(&long)), "{}", arg.get_id());
        }
        assert!(!text.contains("[env") && !text.contains("--threads"));
        assert!(EXAMPLES.lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn the_command_is_sound() {
        parser().debug_assert();
        command().debug_assert();
    }

    #[test]
    fn the_man_page_has_its_sections_and_no_markup_of_ours() {
        let page = man_page();
        assert!(page.contains(".TH bulkimport 1") && page.contains(".SH EXIT STATUS\n.nf\n"));
        assert!(page.contains("Take \\\\\" and") && !page.contains("EXTRA"), "{page}");
    }
}
