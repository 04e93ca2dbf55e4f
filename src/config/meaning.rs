//! What a journal compares: the flags that change what an action means, with their values and without secrets.

use super::Config;
use crate::key_filter::hash_bytes;
use clap::ValueEnum;
use std::fmt::Debug;
use std::path::PathBuf;

impl Config {
    /// The flags and their values; `formats` are those of the inputs.
    pub fn meaning(&self, formats: &[String]) -> Vec<(String, String)> {
        let (wanted, input, shape) = (&self.wanted, &self.input, &self.shape);
        // Another content of a file is another meaning.
        let content = |path: &std::path::Path| {
            let digest = std::fs::read(path).map_or(0, |bytes| hash_bytes(&bytes));
            format!("{} ({digest:016x})", path.display())
        };
        let path = |path: &Option<PathBuf>| path.as_deref().map(|path| path.display().to_string());
        let mode = wanted.on_duplicate.to_possible_value().map(|value| value.get_name().to_owned());
        let bytes = (input.max_record_bytes, input.skip_lines, input.limit);
        let pairs: Vec<(&str, String)> = vec![
            ("--to", self.target.display(wanted)),
            ("the kind of --to", self.target.name().to_owned()),
            ("--collection", wanted.collections.join(" ")),
            ("--type", formats.join(" ")),
            ("--key", given(wanted.key.clone())),
            ("--server-keys", text(&wanted.server_keys)),
            ("--on-duplicate", given(mode)),
            ("--delete-keys", text(&wanted.delete_keys)),
            ("--overwrite", text(&wanted.overwrite)),
            ("--edge", text(&wanted.edge)),
            ("--records", given(input.records.clone())),
            ("--doc", given(input.doc.clone())),
            ("--encoding", given(input.encoding.map(|encoding| encoding.name().to_owned()))),
            ("one of --max-record-bytes, --skip-lines and --limit", text(&bytes)),
            ("one of the flags for CSV", text(&input.csv)),
            ("--headers-file", given(input.csv.headers_file.as_deref().map(content))),
            ("one of --translate, --remove-attribute, --merge-attributes and those for edges", text(shape)),
            ("--mapping", given(wanted.mapping.as_deref().map(content))),
            ("--unique", wanted.unique.join(" ")),
            ("--lossy", text(&wanted.lossy)),
            ("--routing-field", given(wanted.indexing.routing_field.clone())),
            ("--pipeline", given(wanted.indexing.pipeline.clone())),
            ("--require-alias", text(&wanted.indexing.require_alias)),
            ("--retarget", text(&wanted.retarget)),
            ("--results", given(path(&wanted.results))),
            ("--rejects", given(path(&wanted.rejects))),
        ];
        pairs.into_iter().map(|(flag, value)| (flag.to_owned(), crate::mask::mask(&value).into_owned())).collect()
    }
}

fn given(value: Option<String>) -> String {
    value.unwrap_or_else(|| "not given".to_owned())
}

/// A value for the journal.
fn text(value: &impl Debug) -> String {
    format!("{value:?}")
}
