//! What a journal compares: the flags that change what an action means, with their values and without secrets.

use super::Config;
use crate::key_filter::hash_bytes;
use std::fmt::Debug;

impl Config {
    /// The flags and their values; `formats` are those of the inputs.
    pub fn meaning(&self, formats: &[String]) -> Vec<(String, String)> {
        let (wanted, input, shape) = (&self.wanted, &self.input, &self.shape);
        // Another content of a file is another meaning.
        let content = |path: &std::path::Path| {
            let digest = std::fs::read(path).map_or(0, |bytes| hash_bytes(&bytes));
            format!("{} ({digest:016x})", path.display())
        };
        let results = wanted.results.as_deref().map(|path| path.display().to_string());
        let bytes = (input.max_record_bytes, input.skip_lines, input.limit);
        let pairs: Vec<(&str, String)> = vec![
            ("--to", self.target.display(wanted)),
            ("the kind of --to", self.target.name().to_owned()),
            ("--collection", wanted.collections.join(" ")),
            ("--type", formats.join(" ")),
            ("--records", text(&input.records)),
            ("--doc", text(&input.doc)),
            ("--encoding", text(&input.encoding.map(|encoding| encoding.name()))),
            ("--max-record-bytes, --skip-lines, --limit", text(&bytes)),
            ("one of the flags for CSV", text(&input.csv)),
            ("--headers-file", text(&input.csv.headers_file.as_deref().map(content))),
            ("one of --translate, --remove-attribute, --merge-attributes or the prefixes", text(shape)),
            ("--key", text(&wanted.key)),
            ("--server-keys", text(&wanted.server_keys)),
            ("--edge", text(&wanted.edge)),
            ("--on-duplicate", format!("{:?}", wanted.on_duplicate).to_lowercase()),
            ("--delete-keys", text(&wanted.delete_keys)),
            ("--overwrite", text(&wanted.overwrite)),
            ("--mapping", text(&wanted.mapping.as_deref().map(content))),
            ("--unique", wanted.unique.join(" ")),
            ("--lossy", text(&wanted.lossy)),
            ("--routing-field", text(&wanted.indexing.routing_field)),
            ("--pipeline", text(&wanted.indexing.pipeline)),
            ("--require-alias", text(&wanted.indexing.require_alias)),
            ("--results", text(&results)),
        ];
        pairs.into_iter().map(|(flag, value)| (flag.to_owned(), crate::mask::mask(&value).into_owned())).collect()
    }
}

/// A value for the journal.
fn text(value: &impl Debug) -> String {
    format!("{value:?}")
}
