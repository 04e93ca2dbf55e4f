//! The tree of `src` as a whole: its rooms, and the files within a room, use each other in one direction only.
//! It reads paths from the text of the sources, `use` lines and others, without their tests. A name that a module only
//! re-exports counts as a use of the module that it comes from; edges between a module and its own parent do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module by its path from the root of the crate: `["sink", "http"]`.
type Module = Vec<String>;

/// Rooms of `sink` that are no targets, but what targets share.
const SHARED: [&str; 3] = ["bulk_api", "http", "remote"];

/// The modules of `src`, each with the text of its file.
struct Tree {
    texts: BTreeMap<Module, String>,
    /// What `pub use` lines say: a name in a module is another path.
    exports: BTreeMap<(Module, String), Module>,
}

impl Tree {
    fn read() -> Tree {
        let mut texts = BTreeMap::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut Vec::new(), &mut texts);
        let mut tree = Tree { texts, exports: BTreeMap::new() };
        let mut exports = BTreeMap::new();
        for (module, text) in &tree.texts {
            for line in statements(text, "pub use ").chain(statements(text, "pub(crate) use ")) {
                for (path, name) in expanded(line) {
                    exports.insert((module.clone(), name), tree.absolute(module, &path));
                }
            }
        }
        tree.exports = exports;
        tree
    }

    /// A path as it is written in a module, from the root of the crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Module {
        let mut base = module.clone();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate" | "bulkimport") => (base, rest) = (Vec::new(), &path[1..]),
            Some("self") => rest = &path[1..],
            _ => {}
        }
        while rest.first().is_some_and(|word| word == "super") {
            base.pop();
            rest = &rest[1..];
        }
        base.extend(rest.iter().cloned());
        base
    }

    /// The module that a path from the root leads into.
    fn resolved(&self, path: &Module) -> Module {
        let mut module = Module::new();
        for (place, word) in path.iter().enumerate() {
            let below: Module = module.iter().chain([word]).cloned().collect();
            if self.texts.contains_key(&below) {
                module = below;
                continue;
            }
            return match self.exports.get(&(module.clone(), word.clone())) {
                Some(target) => self.resolved(&target.iter().chain(&path[place + 1..]).cloned().collect()),
                None => module,
            };
        }
        module
    }

    /// Who uses whom.
    fn edges(&self) -> BTreeSet<(Module, Module)> {
        let mut edges = BTreeSet::new();
        for (module, text) in &self.texts {
            let uses = statements(text, "use ").flat_map(expanded).map(|(path, _)| path);
            for path in uses.chain(paths(text)) {
                edges.insert((module.clone(), self.resolved(&self.absolute(module, &path))));
            }
        }
        edges
    }
}

fn collect(folder: &Path, module: &mut Module, texts: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            module.push(stem);
            collect(&path, module, texts);
            module.pop();
            continue;
        }
        if matches!(&*stem, "tests" | "fuzz") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("UTF-8");
        let is_root = matches!(&*stem, "mod" | "lib");
        let name = module.iter().cloned().chain((!is_root).then_some(stem)).collect();
        texts.insert(name, bare(&text));
    }
}

/// The text without comments, and without the tests at its end.
fn bare(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// What is between such words at the beginning of a line and the next semicolon.
fn statements<'t>(text: &'t str, begin: &'static str) -> impl Iterator<Item = &'t str> {
    text.match_indices(begin).filter_map(move |(at, _)| {
        let starts =
            text[..at].lines().last().is_none_or(|before| before.trim().is_empty()) || text[..at].ends_with('\n');
        let rest = &text[at + begin.len()..];
        starts.then(|| rest.split(';').next().unwrap_or_default())
    })
}

/// The single paths of a `use` line, each with the name that it gives.
fn expanded(line: &str) -> Vec<(Vec<String>, String)> {
    let line = line.trim();
    if let Some((before, inside)) = line.split_once('{') {
        let inside = inside.rsplit_once('}').map_or(inside, |(inside, _)| inside);
        let parts = split(inside);
        return parts.into_iter().flat_map(|part| expanded(&format!("{before}{part}"))).collect();
    }
    let (path, name) =
        line.split_once(" as ").map_or((line, None), |(path, name)| (path, Some(name.trim().to_owned())));
    let mut path: Vec<String> =
        path.split("::").map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect();
    if path.last().is_some_and(|word| word == "self") {
        path.pop();
    }
    let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
    vec![(path, name)]
}

/// Cuts at the commas outside braces.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Paths in the code that begin with `crate::` or `super::`.
fn paths(text: &str) -> impl Iterator<Item = Vec<String>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let begins = ["crate::", "super::", "bulkimport::"];
    begins.into_iter().flat_map(move |begin| text.match_indices(begin)).filter_map(move |(at, _)| {
        let is_whole = !text[..at].ends_with(is_word);
        let path: String = text[at..].chars().take_while(|c| is_word(*c)).collect();
        is_whole.then(|| path.split("::").filter(|word| !word.is_empty()).map(str::to_owned).collect())
    })
}

/// The children of one module that use each other, and by which files.
type Siblings = BTreeMap<Module, BTreeMap<String, BTreeSet<String>>>;

fn siblings(edges: &BTreeSet<(Module, Module)>) -> Siblings {
    let mut all = Siblings::new();
    for (from, to) in edges {
        let common = from.iter().zip(to).take_while(|(one, other)| one == other).count();
        if let (Some(one), Some(other)) = (from.get(common), to.get(common)) {
            let graph = all.entry(from[..common].to_vec()).or_default();
            graph.entry(one.clone()).or_default().insert(other.clone());
        }
    }
    all
}

/// Groups of siblings each of which leads to each other.
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<String>> {
    let reach = |from: &String| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(next) = open.pop() {
            for other in graph.get(next).into_iter().flatten() {
                if seen.insert(other.clone()) {
                    open.push(other);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|name| (name, reach(name))).collect();
    let mut found = BTreeSet::new();
    for (name, behind) in &reached {
        if behind.contains(*name) {
            let is_in = |other: &&&String| behind.contains(**other) && reached[**other].contains(*name);
            found.insert(reached.keys().filter(is_in).map(|name| (*name).clone()).collect());
        }
    }
    found
}

#[test]
fn neither_rooms_nor_files_use_each_other_in_circles() {
    let mut found = BTreeSet::new();
    for (parent, graph) in siblings(&Tree::read().edges()) {
        for circle in circles(&graph) {
            found.insert([parent.join("/"), circle.join(" ")].join(" ").trim().to_owned());
        }
    }
    assert_eq!(found, BTreeSet::new(), "circles of siblings below their parent");
}

#[test]
fn no_arrow_points_up() {
    let mut wrong = Vec::new();
    for (from, to) in Tree::read().edges() {
        let room = |module: &Module| module.first().cloned().unwrap_or_default();
        let (user, used) = (room(&from), room(&to));
        let is_top = |room: &str| matches!(room, "" | "main" | "run" | "config" | "cli");
        let in_sink = |module: &Module| Some(module.get(1)?.clone()).filter(|_| module[0] == "sink");
        let is_target = |room: &String| {
            let is_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sink").join(room).is_dir();
            is_folder && !SHARED.contains(&&**room)
        };
        let is_wrong = match () {
            () if !is_top(&user) && !used.is_empty() && is_top(&used) => true,
            () if user == "cli" => matches!(&*used, "config" | "run"),
            () if user == "config" => used == "run",
            () if user == "input" => used == "sink",
            () => match (in_sink(&from), in_sink(&to)) {
                (Some(one), Some(other)) if is_target(&other) => {
                    one != other && (is_target(&one) || SHARED.contains(&&*one))
                }
                _ => false,
            },
        };
        if is_wrong {
            wrong.push(format!("{} uses {}", from.join("/"), to.join("/")));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let text = "use super::{a, b::{self, C as D}};\nlet x = crate::e::f(super::g);";
    let used: Vec<String> = statements(text, "use ").flat_map(expanded).map(|(path, _)| path.join("/")).collect();
    assert_eq!(used, ["super/a", "super/b", "super/b/C"]);
    let found: Vec<String> = paths(text).map(|path| path.join("/")).collect();
    assert!(["crate/e/f", "super/g"].iter().all(|path| found.iter().any(|found| found == path)), "{found:?}");
    let graph = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("e", "e")]
        .map(|(one, other)| (one.to_owned(), BTreeSet::from([other.to_owned()])));
    let all: Vec<String> = circles(&graph.into()).iter().map(|circle| circle.join(" ")).collect();
    assert_eq!(all, ["a b c", "e"]);
}
