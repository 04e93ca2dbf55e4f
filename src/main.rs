//! Parses the command line, runs the import, prints the summary and sets the exit code.

use bulkimport::config::{self, Request};
use bulkimport::error;
use bulkimport::mask::mask;
use bulkimport::messages::Messages;
use bulkimport::report::SummaryFormat;
use bulkimport::stop;
use std::ffi::OsString;
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    panic::set_hook(Box::new(|panic| {
        let line = format!("error: this is a bug in bulkimport, please report it: {panic}").replace('\n', " ");
        let _ = writeln!(io::stderr(), "{}", mask(&line));
    }));
    panic::catch_unwind(|| run(&args, &variables)).unwrap_or_else(|_| {
        let json = config::wants_json(&args, &variables);
        ExitCode::from(print_json_error("a bug in bulkimport ended the run", BUG, json, false))
    })
}

/// The exit code of a bug: the target can no longer be used.
const BUG: u8 = 4;

fn run(args: &[OsString], variables: &[(OsString, OsString)]) -> ExitCode {
    let _ = stop::survive_file_size_limit();
    if config::is_bare(args, variables) {
        let _ = io::stderr().write_all(config::USAGE.as_bytes());
        return ExitCode::from(2);
    }
    config::remember_secrets(args, variables);
    let color = config::wants_color(args, variables);
    let exit = match config::parse(args, variables) {
        Ok(Request::Print(text)) => print(&text, 0, false),
        Ok(Request::Run(config)) => {
            let (format, stdout_is_taken) = (config.output.summary, config.uses_stdout());
            match bulkimport::run::import(*config, messages(color)) {
                Ok(summary) => print(&summary.text(format), summary.exit, stdout_is_taken),
                Err(error) => print_error(&error, format == SummaryFormat::Json, color, stdout_is_taken),
            }
        }
        Err(error) => {
            let json = config::wants_json(args, variables);
            print_error(&error, json, color, config::wants_stdout(args, variables))
        }
    };
    ExitCode::from(exit)
}

fn messages(color: bool) -> Messages {
    Messages::new(Box::new(io::stderr()), color)
}

/// Prints why nothing was done: on stderr, and for `--summary json` also as JSON in place of the summary.
fn print_error(error: &anyhow::Error, json: bool, color: bool, stdout_is_taken: bool) -> u8 {
    let exit = error::exit_code(error);
    messages(color).with_hints(&format!("error: {}", error::text(error)));
    print_json_error(&error::message(error), exit, json, stdout_is_taken)
}

/// Prints an error in place of the summary, if that is wanted as JSON. Returns the exit code.
fn print_json_error(error: &str, exit: u8, json: bool, stdout_is_taken: bool) -> u8 {
    if json {
        let line = serde_json::json!({ "schema": 1, "exit_code": exit, "error": mask(error) });
        print(&format!("{line}\n"), exit, stdout_is_taken);
    }
    exit
}

/// Prints a result on stdout, or on stderr if stdout is taken. A closed pipe is no error; a full disk is one.
fn print(text: &str, exit: u8, stdout_is_taken: bool) -> u8 {
    if stdout_is_taken {
        let _ = io::stderr().write_all(text.as_bytes());
        return exit;
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            messages(false).line(&format!("error: cannot print the result: {error}"));
            exit.max(1)
        }
        _ => exit,
    }
}
