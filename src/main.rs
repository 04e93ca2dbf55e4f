//! TEMP
use bulkimport::*;
use std::time::Duration;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let mode = std::env::var("MODE").unwrap_or_default();
    let c = config::Config {
        store: a[1].clone().into(),
        collection: Some(a[2].clone()),
        files: a[3..].iter().map(Into::into).collect(),
        input: input::InputOptions {
            format: None,
            compression: None,
            skip_lines: 0,
            max_record_bytes: 100 << 20,
            csv: Default::default(),
        },
        limit: None,
        shape: Default::default(),
        key: None,
        delete_keys: mode == "delete",
        on_duplicate: match &*mode {
            "update" => sink::OnDuplicate::Update,
            "replace" => sink::OnDuplicate::Replace,
            "ignore" => sink::OnDuplicate::Ignore,
            _ => sink::OnDuplicate::Error,
        },
        edge: false,
        complete: false,
        overwrite: false,
        wait_for_sync: false,
        create_collection: None,
        unique: vec![],
        dry_run: mode == "dry",
        limits: batch::Limits { records: 5000, bytes: 5 << 20, interval: Duration::from_secs(1) },
        details: false,
        max_errors: None,
        summary: report::SummaryFormat::Text,
        quiet: false,
        verbose: false,
        progress: progress::ProgressMode::Auto,
        color: false,
    };
    match run::import(c, Box::new(std::io::stderr())) {
        Ok(s) => {
            use std::io::Write;
            let _ = std::io::stdout().write_all(s.text(report::SummaryFormat::Text).as_bytes());
            std::process::exit(s.exit.into())
        }
        Err(e) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{}", e.text);
            std::process::exit(e.exit.into())
        }
    }
}
