//! Parses, runs, prints the summary and turns it into an exit code. The only file that prints the summary.

use bulkimport::color::painted;
use bulkimport::config::{self, Request};
use bulkimport::error;
use bulkimport::report::SummaryFormat;
use bulkimport::run;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let json = config::wants_json(&words, &variables);
    let color = config::wants_color(&words, &variables);
    let stdout_is_taken = config::wants_stdout(&words, &variables);
    match config::parse(words, variables) {
        Ok(Request::Print(text)) => ExitCode::from(print(&text, 0)),
        Ok(Request::Run(config)) => {
            let format = config.summary;
            let stdout_is_taken = config.uses_stdout();
            match run::import(*config, Box::new(io::stderr())) {
                Ok(summary) if stdout_is_taken => {
                    let _ = write!(io::stderr(), "{}", summary.text(format));
                    ExitCode::from(summary.exit)
                }
                Ok(summary) => ExitCode::from(print(&summary.text(format), summary.exit)),
                Err(error) => refuse(&error, format == SummaryFormat::Json, color, stdout_is_taken),
            }
        }
        Err(error) => refuse(&error, json, color, stdout_is_taken),
    }
}

/// Says why nothing was done: to a person on stderr, and as JSON where that was asked for and the summary would be.
fn refuse(error: &anyhow::Error, json: bool, color: bool, stdout_is_taken: bool) -> ExitCode {
    let exit = error::exit_code(error);
    let line = format!("error: {}", error::text(error));
    let _ = writeln!(io::stderr(), "{}", painted(&line, color));
    if json {
        let error = error::message(error);
        let line = format!("{}\n", serde_json::json!({ "schema": 1, "exit_code": exit, "error": error }));
        if stdout_is_taken {
            let _ = write!(io::stderr(), "{line}");
        } else {
            print(&line, exit);
        }
    }
    ExitCode::from(exit)
}

/// Prints a result on stdout. A reader that has gone is no failure of ours; a full disk behind stdout is one.
fn print(text: &str, exit: u8) -> u8 {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "error: cannot print the result: {error}");
            if exit == 0 { 1 } else { exit }
        }
        _ => exit,
    }
}
