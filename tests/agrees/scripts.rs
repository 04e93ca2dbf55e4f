//! Scripts for random updates: the kinds that people write, some of which fail on some documents.

use super::random::Random;
use serde_json::json;

/// Sources; `$` is a small number, and `params` has `k`, a number, and `w`, a word.
const SOURCES: &[&str] = &[
    "ctx._source.n += params.k",
    "ctx._source.n++",
    "ctx._source.n = (ctx._source.n == null ? 0 : ctx._source.n) + $",
    "if (ctx._source.n == null) { ctx._source.n = $ } else { ctx._source.n -= params.k }",
    "ctx._source.n *= $",
    "ctx._source.d = ctx._source.n / 2.0",
    "ctx._source.n = ctx._source.n % $",
    "if (ctx._source.n > $) { ctx.op = 'none' }",
    "if (ctx._source.n instanceof Integer && ctx._source.n < $) { ctx.op = 'delete' } else { ctx._source.n = 0 }",
    "ctx.op = 'delete'",
    "ctx.op = 'noop'",
    "ctx.op = \"none\"",
    "ctx.op = 'bogus'",
    "ctx.op = ctx._source.containsKey('n') ? 'index' : 'delete'",
    "if (ctx._source.t == null) { ctx._source.t = [params.w] } else { ctx._source.t.add(params.w) }",
    "if (!ctx._source.t.contains(params.w)) { ctx._source.t.add(params.w) } else { ctx.op = 'none' }",
    "if (ctx._source.t.contains(params.w)) { ctx._source.t.remove(ctx._source.t.indexOf(params.w)) }",
    "ctx._source.t.removeIf(x -> x == params.w)",
    "int sum = 0; for (x in ctx._source.t) { sum += x } ctx._source.n = sum",
    "for (int i = 0; i < $; i++) { ctx._source.n += i }",
    "ctx._source.o.x = params.k",
    "ctx._source.o.y = ['x': ctx._source.n, 'z': [1, 2.5, 'a', null]]",
    "ctx._source.remove('n')",
    "ctx._source.remove(params.w)",
    "ctx._source.s = ctx._source.s + params.w",
    "ctx._source.s = ctx._source.s.toUpperCase()",
    "ctx._source.s = ctx._source.s.length() > 0 ? ctx._source.s.substring(0, 1) : 'empty'",
    "ctx._source.v = ctx._version",
    "ctx._source.i = ctx._id.length() > 0; ctx._source.r = ctx._routing",
    "ctx._source.op = ctx.op",
    "ctx._source.o = params.o",
    "ctx._source = ['whole': $]",
    "ctx._source.n = Math.max(ctx._source.n, $)",
    "def m = ctx._source.o; if (m != null) { m.x = (m.x == null ? 0 : m.x) + 1 }",
    "if (ctx._source.o?.x == 1) { ctx._source.o.x = 'one' }",
    "ctx._source.t.sort(null)",
    "ctx._source.n = Integer.parseInt(ctx._source.s)",
    "ctx._source.n = ctx._source.n + 2147483647",
    "long l = $; ctx._source.n = l * 3000000000L",
    "ctx._source.n = 7 / ctx._source.n",
    "ctx._source.x.y = 1",
    "this is bad",
    "ctx._source.n = params.nothing.length()",
    "ctx._id = 'other'; ctx._version = 9; ctx._source.n = $",
    "return; ctx._source.n = 1",
    "String s = 'it' + $; if (s.equals('it1')) { ctx._source.s = s } else if (s == 'it2') { ctx._source.s = null }",
    "ctx._source.keys = ctx._source.keySet().size()",
    "int i = 0; while (i < $) { i++ } ctx._source.i = i",
];

/// The `script` field of an update.
pub fn field(random: &mut Random) -> String {
    let number = random.below(4).to_string();
    let source = random.pick(SOURCES).replace('$', &number);
    let script = if source.contains("params") || random.percent(30) {
        let word = random.pick(&["a", "b", "n"]);
        json!({"source": source, "lang": "painless", "params": {"k": random.below(3), "w": word, "o": {"x": 1, "l": [1, {}]}}})
    } else {
        json!(source)
    };
    if random.percent(2) {
        return random
            .pick(&["\"script\":{\"id\":\"none-such\"}", "\"script\":{\"source\":\"x\",\"lang\":\"nope\"}"])
            .to_owned();
    }
    format!("\"script\":{script}")
}
