"""The steps of `faults` in which the index, and not the proxy, makes it hard to say what became of a lost request: one that
does not keep documents as they were sent, and a name that leads to another index when the request is sent again.
"""

import json, os, threading, time, urllib.parse

from proxied import Proxy, bulkimport, bucket, directory

# What an index may do to documents: its body, and whether what is there can still be compared.
KEPT = [
    ("whole", {}, True),
    ("excludes", {"mappings": {"_source": {"excludes": ["n"]}}}, False),
    ("includes", {"mappings": {"_source": {"includes": ["t*"]}}}, False),
    ("disabled", {"mappings": {"_source": {"enabled": False}}}, False),
]
# What a name may be.
NAMES = ["data stream", "alias", "alias that is moved", "date"]
LOST = ["reset-after", "status-after:502", "half-close"]
UNSENT = ["reset-before", "status:503"]
MANY = 30


class Case:
    """One import of documents with the keys k0, k1, ...; `wrong` says what is not as it is reported."""

    number = 0

    def __init__(self, args, name, jobs, script, mode):
        Case.number += 1
        self.args, self.name, self.jobs, self.script, self.mode = args, name, jobs, script, mode
        self.index = f"faults-{os.getpid()}-m{Case.number}"
        self.wrong = []

    def ask(self, method, path, body=None, good=(200, 201, 404)):
        return self.args.server.ask(method, path, body, good=good)

    def run(self, words, act=lambda log: None):
        """Runs the import, and beside it what `act` does to the index."""
        lines = [json.dumps({"_key": f"k{n}", "n": n, "@timestamp": "2024-05-01T10:00:00Z"}) for n in range(MANY)]
        with directory() as place, Proxy(self.args.proxy, self.args.server.url, self.script, place) as proxy:
            actor = threading.Thread(target=act, args=(proxy.log_so_far,))
            actor.start()
            more = [*words, "-j", str(self.jobs), "--batch-size", "10", "--on-duplicate", self.mode, "-t", "jsonl"]
            self.ran = bulkimport(self.args.program, ["--to", f"elasticsearch+{proxy.url}", *more], "\n".join(lines) + "\n", place)
            actor.join()
            self.log = proxy.log()

    def said(self, number):
        return bucket(self.ran.results[number + 1])

    def judge(self, there):
        """`there`: how often each key is in the server. A name with a second in it may be refused: its index is a second old."""
        summary = self.ran.summary
        for n in range(MANY):
            said, many = self.said(n), there.get(f"k{n}", 0)
            good = {"created": many == 1, "updated": many == 1, "unknown": True, "errors": many == 0}.get(said, False)
            if not good:
                self.wrong.append(f"k{n}: {said}, and {many} of it in the server: {self.ran.results[n + 1]}")
        twice = [key for key, many in there.items() if many > 1]
        unknown = {f"k{n}" for n in range(MANY) if self.said(n) == "unknown"}
        if set(twice) - unknown:
            self.wrong.append(f"stored twice and not reported: {sorted(set(twice) - unknown)[:5]}")
        if self.ran.code != (1 if summary["unknown"] or summary["errors"] else 0):
            self.wrong.append(f"exit code {self.ran.code} with {summary['unknown']} unknown and {summary['errors']} errors")
        if all(entry["step"] == "pass" for entry in self.log):
            self.wrong.append("no request was harmed")
        del self.wrong[5:]
        return self

    def line(self):
        summary = self.ran.summary
        counts = " ".join(f"{word} {summary[word]}" for word in ("created", "updated", "ignored", "errors", "unknown") if summary[word])
        verdict = "" if not self.wrong else "  WRONG\n" + "\n".join(f"      {what}" for what in self.wrong)
        return f"{self.name:44} {self.mode:8} -j{self.jobs} exit {self.ran.code}: {counts}{verdict}"


def ids(case, names):
    """How often each id is in these indices. An index that is written to directly is refreshed first."""
    case.ask("POST", f"/{names}/_refresh?ignore_unavailable=true")
    hits = case.ask("POST", f"/{names}/_search?ignore_unavailable=true", {"size": 10 * MANY, "_source": False})
    there = {}
    for hit in hits["hits"]["hits"]:
        there[hit["_id"]] = there.get(hit["_id"], 0) + 1
    return there


def kept(args, what, body, comparable, step, jobs, mode):
    """An index of this kind, and requests of which nobody knows whether they were carried out."""
    case = Case(args, f"{step}, _source {what}", jobs, f"pass {step} pass", mode)
    case.ask("DELETE", f"/{case.index}")
    case.ask("PUT", f"/{case.index}", {**body, "settings": {"number_of_replicas": 0}})
    case.run(["-c", case.index])
    case.judge(ids(case, case.index))
    unknown = case.ran.summary["unknown"]
    if comparable and unknown:
        case.wrong.append(f"{unknown} unknown, where each can be compared")
    if not comparable and mode in ("error", "ignore") and not unknown:
        case.wrong.append("nothing is unknown, where nothing can be compared")
    case.ask("DELETE", f"/{case.index}")
    return case


class Name:
    """A name of some kind that can be made to lead to another index."""

    def __init__(self, case, kind):
        self.case, self.kind, self.name = case, kind, case.index
        if kind == "data stream":
            template = {"index_patterns": [self.name], "data_stream": {}, "priority": 500, "template": {"settings": {"number_of_replicas": 0}}}
            case.ask("PUT", f"/_index_template/{self.name}", template)
            case.ask("PUT", f"/_data_stream/{self.name}")
        elif kind == "date":
            # A name with a date in it leads elsewhere every second.
            self.name = f"<{case.index}-{{now/s{{yyyy.MM.dd-HH.mm.ss}}}}>"
        else:
            writes = {"is_write_index": True} if kind == "alias" else {}
            case.ask("PUT", f"/{self.name}-000001", {"aliases": {self.name: writes}, "settings": {"number_of_replicas": 0}})

    def roll(self):
        if self.kind != "date":
            self.case.ask("POST", f"/{self.name}/_rollover")

    def there(self):
        return ids(self.case, self.case.index if self.kind == "data stream" else f"{self.case.index}-*")

    def remove(self):
        if self.kind == "data stream":
            self.case.ask("DELETE", f"/_data_stream/{self.name}")
            return self.case.ask("DELETE", f"/_index_template/{self.name}")
        for index in self.case.ask("GET", f"/{self.case.index}-*?filter_path=*.settings.index.uuid"):
            self.case.ask("DELETE", f"/{index}")


def moved(args, kind, step, jobs, mode):
    """A name that leads elsewhere when a lost request is sent again: the server is busy until it does."""
    script = f"pass {step} status:503:retry-after=2 pass"
    case = Case(args, f"{step}, {kind} rolled over", jobs, script, mode)
    name = Name(case, kind)

    def act(log):
        # The lost request has been answered, so what is tried next comes after this.
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if any(entry["step"] != "pass" for entry in log()):
                return name.roll()
            time.sleep(0.02)

    case.run(["-c", name.name], act)
    case.judge(name.there())
    name.remove()
    return case


def cases(args):
    """All of them; with --quick each kind of index and of name once."""
    made = []
    for place, (what, body, comparable) in enumerate(KEPT):
        for step in LOST[place % 3:][:1] if args.quick else LOST:
            for jobs, mode in [(1, "error")] if args.quick else [(1, "error"), (4, "ignore"), (1, "replace"), (4, "update")]:
                made.append((f"{step} kept {what}", lambda a=(what, body, comparable, step, jobs, mode): kept(args, *a)))
    for place, kind in enumerate(NAMES):
        for step in LOST[place % 3:][:1] if args.quick else LOST + UNSENT:
            for jobs, mode in [(1, "error")] if args.quick else [(1, "error"), (4, "ignore"), (1, "replace"), (4, "update")]:
                # A data stream takes new documents only.
                if kind != "data stream" or mode in ("error", "ignore"):
                    made.append((f"{step} moved {kind}", lambda a=(kind, step, jobs, mode): moved(args, *a)))
    return [(name, case) for name, case in made if not args.only or args.only in name]
