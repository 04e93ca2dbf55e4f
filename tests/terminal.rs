//! What a person sees in a terminal: the bar, the last line, and no byte that a file or a server could send to it.

use crate::pty::{Terminal, lines};
use crate::support::{Place, start};
use crate::wire::{Wire, failed, import};
use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

fn documents(count: usize) -> String {
    (0..count).map(|n| format!("{{\"_key\":\"k{n}\",\"text\":\"{}\"}}\n", "x".repeat(50))).collect()
}

fn mkfifo(place: &Place, name: &str) {
    assert!(Command::new("mkfifo").arg(place.path(name)).status().expect("mkfifo").success());
}

/// Imports a file in a terminal of this many columns into a pipe that nobody reads until the progress is shown, and
/// returns everything that was on the terminal.
fn watched(columns: u16, terminal: &str, arguments: &[&str], sees: &str) -> String {
    let place = Place::new();
    place.file("in.jsonl", documents(20_000));
    mkfifo(&place, "out");
    let arguments = [&["--to", "jsonl:out", "-c", "c"], arguments, &["in.jsonl"]].concat();
    let mut import = Terminal::start(columns, place.command(&arguments).env("TERM", terminal).env_remove("NO_COLOR"));
    let mut out = File::open(place.path("out")).expect("the pipe");
    import.wait_for(sees, |text| text.contains(sees));
    out.read_to_end(&mut Vec::new()).expect("the documents");
    let (status, text) = import.end();
    assert!(status.success(), "{text}");
    text
}

/// Whether this is `20,000 records in 12 ms, 1,234/s`.
fn is_last_line(line: &str, records: &str) -> bool {
    let rest = line.strip_prefix(records).and_then(|rest| rest.strip_prefix(" in "));
    rest.is_some_and(|rest| rest.contains("s, ") && rest.ends_with("/s"))
}

#[test]
fn the_bar_uses_the_width_of_the_terminal() {
    for columns in [80, 100, 200] {
        let text = watched(columns, "xterm", &[], "reading [");
        let lines = lines(&text);
        let bars: Vec<&String> = lines.iter().filter(|line| line.starts_with("reading [")).collect();
        for bar in &bars {
            assert_eq!(bar.chars().count(), usize::from(columns), "{bar}");
            assert!(bar.contains("%  ") && bar.contains(" records  ") && bar.contains("/s  0 errors"), "{bar}");
        }
        assert!(!bars.is_empty(), "{text:?}");
        let known =
            ["importing into ", "reading [", "20,000 records in ", "created: ", "errors: ", "updated: ", "ignored: "];
        let others = lines.iter().find(|line| !known.iter().any(|known| line.starts_with(known)));
        assert_eq!(others, None, "{text:?}");
        // The last line comes after the bar, and the summary after it.
        let end = lines.iter().position(|line| is_last_line(line, "20,000 records")).expect("a last line");
        assert_eq!(lines[end + 1], "created: 20000", "{lines:?}");
    }
}

#[test]
fn in_a_narrow_terminal_the_progress_stays_one_line() {
    for columns in [20, 40, 60] {
        let lines = lines(&watched(columns, "xterm", &[], "reading  "));
        let shown: Vec<&String> = lines.iter().filter(|line| line.starts_with("reading")).collect();
        assert!(shown.iter().all(|line| line.chars().count() <= usize::from(columns)), "{shown:?}");
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_plain_lines() {
    let place = Place::new();
    place.file("in.jsonl", documents(10) + "oops\n");
    for (term, no_color, arguments) in
        [("dumb", "", ""), ("xterm", "1", "--progress=none"), ("dumb", "", "--progress=bar")]
    {
        let mut command = place.command(&["-c", "c", "--on-duplicate", "ignore", "in.jsonl"]);
        command.args(Some(arguments).filter(|it| !it.is_empty())).env("TERM", term).env("NO_COLOR", no_color);
        let (status, text) = Terminal::start(80, &mut command).end();
        assert_eq!(status.code(), Some(1), "{text}");
        assert!(!text.contains('\u{1b}') && text.contains("in.jsonl:11: "), "{text:?}");
        let has_end = lines(&text).iter().any(|line| is_last_line(line, "11 records"));
        assert_eq!(has_end, arguments != "--progress=none", "{text}");
    }
}

#[test]
fn the_last_line_has_records_time_and_rate_where_progress_is_wanted() {
    let place = Place::new();
    place.file("in.jsonl", documents(1234));
    for (arguments, is_shown) in [
        (&["--progress", "plain"][..], true),
        (&["--progress", "bar"], true),
        (&[], false),
        (&["-q"], false),
        (&["--progress", "none"], false),
    ] {
        let ran = place.import(&[&["--on-duplicate", "ignore"], arguments, &["in.jsonl"]].concat());
        let last = ran.stderr.lines().last().unwrap_or_default();
        assert_eq!(is_last_line(last, "1,234 records"), is_shown, "{arguments:?}: {}", ran.stderr);
    }
    let silent = &mut place.command(&["-q", "-c", "c", "--on-duplicate", "ignore", "in.jsonl"]);
    let (_, text) = Terminal::start(80, silent).end();
    assert!(!text.contains("records in"), "{text}");
}

/// Characters that a terminal could take for commands, and others that change the direction of text.
const HOSTILE: &str = "\u{1b}]0;x\u{7}\r\u{8}\u{9b}2J\u{7f}\u{202e}\u{2066}";

#[track_caller]
fn assert_is_harmless(stderr: &str, escaped: &str) {
    let is_hostile = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2066}');
    assert!(!stderr.contains(is_hostile), "{stderr:?}");
    assert!(stderr.contains(escaped), "{escaped} is not in {stderr}");
}

#[test]
fn control_characters_of_names_and_keys_do_not_reach_the_terminal() {
    let place = Place::new();
    let name = format!("in{}.jsonl", HOSTILE);
    let key = format!("{{\"_key\":\"a{}\"}}\n", r"\u001b[2J\u009b\u202e");
    place.file(&name, key.repeat(2) + "oops\n" + HOSTILE + "\n");
    let verbose = place.import(&["-v", "--details", &name]);
    assert_is_harmless(&verbose.stderr, r"in\u{1b}]0;x\u{7}\u{d}\u{8}\u{9b}2J\u{7f}\u{202e}\u{2066}.jsonl:3: ");
    assert_is_harmless(&verbose.stderr, r"\u{1b}[2J");
    let ran = place.run(&["-c", &format!("c{HOSTILE}"), &name]);
    assert_is_harmless(&ran.stderr, "\\u{");
    let ran = place.run(&[&name]);
    assert_is_harmless(&ran.stderr, "\\u{");
    for arguments in
        [["-c", HOSTILE, "none\u{1b}[2J"], ["-c", "c", HOSTILE], ["--to", HOSTILE, &name], [HOSTILE, "--x\u{1b}", "-"]]
    {
        let ran = place.run(&arguments);
        assert_is_harmless(&ran.stderr, "");
    }
}

#[test]
fn the_text_of_a_server_is_escaped_and_cut_and_whole_in_the_results() {
    let (place, wire) = (Place::new(), Wire::start());
    let reason = format!("{HOSTILE}{}", "é".repeat(1000));
    wire.bulk(&[failed(400, "mapper_parsing_exception", &reason)]);
    let ran = import(&place, &wire, "{\"_id\":\"1\"}\n", &[]);
    assert_is_harmless(&ran.stderr, r"\u{1b}]0;x\u{7} \u{8}\u{9b}2J\u{7f}\u{202e}\u{2066}éé");
    let line = ran.stderr.lines().find(|line| line.contains("éé")).expect("the error");
    assert!(line.ends_with("é…") && line.matches('é').count() < 300, "{line}");
    let results = std::fs::read_to_string(place.path("results")).expect("the results");
    let result: serde_json::Value = serde_json::from_str(&results).expect("JSON");
    assert_eq!(result["error"]["reason"].as_str(), Some(&*reason));
}

#[test]
fn a_name_cannot_add_a_line() {
    let place = Place::new();
    let name = "a\nhint: run this\nerror: b.jsonl";
    place.file(name, "oops\n");
    let ran = place.import(&[name]);
    assert!(ran.stderr.lines().all(|line| !line.starts_with("hint:") && !line.starts_with("error:")), "{}", ran.stderr);
}

#[test]
fn several_runs_write_whole_lines_to_one_file() {
    const RUNS: usize = 4;
    let place = Place::new();
    let reason = place.import_text("0.jsonl", "oops\n", &["-n"]).stderr.lines().nth(1).expect("an error").to_owned();
    let reason = reason.strip_prefix("0.jsonl:1").expect("a line").to_owned();
    let log = place.path("log");
    let runs: Vec<_> = (0..RUNS)
        .map(|run| {
            let name = format!("{run}.jsonl");
            place.file(&name, "oops\n".repeat(2_000));
            let log = File::options().create(true).append(true).open(&log).expect("a log");
            let mut command = place.command(&["-c", "c", "--dry-run", "--details", "--color", "always", &name]);
            command.stdout(Stdio::null()).stderr(log).spawn().expect("it starts")
        })
        .collect();
    for mut run in runs {
        assert_eq!(run.wait().expect("it ends").code(), Some(1));
    }
    let log = std::fs::read_to_string(log).expect("the log");
    let mut next = [1; RUNS];
    for line in log.lines().filter(|line| !line.starts_with("importing into bulkimport.db, collection c")) {
        let run: usize = line[..1].parse().unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(line, format!("{run}.jsonl:{}{reason}", next[run]));
        next[run] += 1;
    }
    assert_eq!(next, [2_001; RUNS]);
}

#[test]
fn a_full_or_closed_stderr_changes_nothing_with_progress() {
    let place = Place::new();
    place.file("a.jsonl", documents(10));
    let program = env!("CARGO_BIN_EXE_bulkimport");
    for ends in ["2>/dev/full", "2>&-", ">&- 2>&-"] {
        let script = format!("{program} -c c --on-duplicate replace -v --progress plain a.jsonl {ends}");
        let output = Command::new("sh").args(["-c", &script]).current_dir(place.path("")).output().expect("a shell");
        assert_eq!(output.status.code(), Some(0), "{ends}");
        assert_eq!(place.rows("c").len(), 10, "{ends}");
    }
}

#[test]
fn a_pipe_has_no_bar_but_its_bytes() {
    let place = Place::new();
    mkfifo(&place, "in");
    let mut import = Terminal::start(80, place.command(&["-c", "c", "-t", "jsonl", "in"]).env("TERM", "xterm"));
    let mut pipe = File::options().write(true).open(place.path("in")).expect("the pipe");
    std::io::Write::write_all(&mut pipe, documents(100).as_bytes()).expect("it reads");
    import.wait_for("records", |text| text.contains("reading  ") && text.contains("  100 records  "));
    drop(pipe);
    let (status, text) = import.end();
    assert!(status.success() && lines(&text).iter().any(|line| is_last_line(line, "100 records")), "{text}");
}

#[test]
fn bars_and_messages_do_not_mix() {
    let place = Place::new();
    mkfifo(&place, "in");
    let arguments = ["-c", "c", "-t", "jsonl", "--details", "--flush-interval", "10ms", "in"];
    let mut import = Terminal::start(80, place.command(&arguments).env("TERM", "xterm"));
    let mut pipe = File::options().write(true).open(place.path("in")).expect("the pipe");
    for line in 1..=3 {
        std::io::Write::write_all(&mut pipe, b"not a record\n").expect("it reads");
        import.wait_for("an error", |text| lines(text).iter().any(|shown| shown.starts_with(&format!("in:{line}: "))));
        import.wait_for("the bar", |text| lines(text).last().is_some_and(|shown| shown.starts_with("reading  ")));
    }
    drop(pipe);
    assert_eq!(import.end().0.code(), Some(1));
}

#[test]
fn help_fits_a_terminal_of_24_rows_and_80_columns() {
    let place = Place::new();
    let (_, text) = Terminal::start(80, &mut place.command(&["-h"])).end();
    let rows: Vec<&str> = text.lines().collect();
    // The last row is for the prompt.
    assert!(rows.len() <= 23, "{} rows\n{text}", rows.len());
    assert!(rows.iter().all(|row| row.trim_end().chars().count() <= 80), "{text}");
    assert!(text.contains("--help") && text.contains("bulkimport --to "), "{text}");
    let piped = crate::support::ran(start(&mut place.command(&["-h"])), b"").stdout;
    assert_eq!(piped.lines().count(), rows.len());
}
