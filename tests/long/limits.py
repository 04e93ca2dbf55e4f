"""What a server refuses for reasons of its own, and `faults` checks after its steps: requests that it lacks memory for, by
their size; compressed bodies; and a block that is set in the middle of a run and lifted before the next."""

import gzip, json

from gateway import Gateway
from proxied import Account, Action, Kuzzle, bulkimport, directory

MANY, BATCH, BREAKER = 400, 40, 70_000
MODES = {"error": "create", "replace": "index", "update": "update"}


def actions(mode):
    """Documents of some kilobytes, so that a batch is too large for the breaker and half of it is not."""
    made = []
    for number in range(MANY):
        document = {"n": number, "pad": "x" * 2500}
        made.append(Action(MODES[mode], f"k{number}", {"doc": document, "doc_as_upsert": True} if mode == "update" else document))
    return made


def text_of(made):
    documents = [action.payload.get("doc", action.payload) for action in made]
    return "".join(json.dumps({"_key": action.key, **document}) + "\n" for action, document in zip(made, documents))


class Case:
    """One or two runs through a gateway, and the judgement of them."""

    def __init__(self, args, name, jobs, mode):
        self.args, self.name, self.jobs, self.mode = args, name, jobs, mode
        self.index = "limits-" + "-".join(name.split()) + f"-{jobs}-{mode}"
        self.actions, self.wrong, self.ran = actions(mode), [], None

    def run(self, gateway, flags=(), mode=None):
        gateway.kuzzle = isinstance(self.args.server, Kuzzle)
        gateway.arangodb = hasattr(self.args.server, "blocked")
        words = [*self.args.server.words(gateway.url, self.index), "-j", str(self.jobs), "--batch-size", str(BATCH)]
        words += ["-t", "jsonl", "--on-duplicate", mode or self.mode, "--retries", "4", *flags]
        with directory() as place:
            self.ran = bulkimport(self.args.program, words, text_of(self.actions), place)
        return self.ran.summary

    def judge(self, before, code):
        """Compares a run with what is there; it must end with this code. Returns what is there."""
        after = self.args.server.state(self.index)
        self.wrong += Account(self.actions, before, self.ran, after).wrong
        if self.ran.code != code:
            self.wrong.append(f"exit {self.ran.code} where {code} was due: {self.ran.summary['error']}")
        if code == 0 and len(after) != MANY:
            self.wrong.append(f"{len(after)} documents are there of {MANY}")
        if self.mode == "error" and any(version != 1 for _, version in after.values()):
            self.wrong.append("documents were written twice")
        return {key: source for key, (source, _) in after.items()}

    def line(self):
        summary = self.ran.summary
        counts = " ".join(f"{word} {summary[word]}" for word in ("created", "updated", "ignored", "errors", "unknown", "unsent") if summary[word])
        verdict = "" if not self.wrong else "  WRONG\n" + "\n".join(f"      {what}" for what in self.wrong[:5])
        return f"{self.name:34} {self.mode:8} -j{self.jobs} exit {self.ran.code}, requests {summary['requests']}: {counts}{verdict}"


def breaker(args, jobs, mode):
    case = Case(args, "circuit breaker by size", jobs, mode)
    args.server.fresh(case.index)
    with Gateway(args.server.url, breaker=BREAKER) as gateway:
        case.run(gateway)
        if not gateway.refused:
            case.wrong.append("no request was refused")
    case.judge({}, 0)
    args.server.remove(case.index)
    return case


def encoding(args, jobs, mode):
    case = Case(args, "415 to gzip", jobs, mode)
    args.server.fresh(case.index)
    with Gateway(args.server.url, plain=True) as gateway:
        summary = case.run(gateway, ["--compress-transfer", "gzip"])
        if not gateway.refused:
            case.wrong.append("no request was refused")
    notes = [note["type"] for note in summary["notes"]]
    if notes.count("plain_bodies") != 1:
        case.wrong.append(f"the notes are {notes}")
    case.judge({}, 0)
    args.server.remove(case.index)
    return case


def blocked_items(body):
    """Kuzzle's answer for a collection that is blocked in its storage."""
    if body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    error = {"type": "cluster_block_exception", "reason": "index [&faults.x] blocked by: [FORBIDDEN/8/index write (api)];"}
    heads = json.loads(body)["bulkData"][::2]
    items = [{op: {"_id": meta["_id"], "status": 403, "error": error}} for head in heads for op, meta in head.items()]
    return 200, {"status": 200, "error": None, "result": {"successes": [], "errors": items}}


def block(args, jobs, mode):
    """The third request finds the collection blocked. The run ends; when the block is lifted, the next one is whole."""
    case = Case(args, "block set and lifted", jobs, mode)
    server = args.server
    server.fresh(case.index)
    settings = f"/{case.index}/_settings"

    def set_block(number, body):
        if hasattr(server, "blocked") or isinstance(server, Kuzzle):
            answer = server.blocked if hasattr(server, "blocked") else blocked_items
            return answer(body) if number >= 3 else None
        if number == 3:
            server.ask("PUT", settings, {"index.blocks.write": True})
        return None

    with Gateway(server.url, on_bulk=set_block) as gateway:
        summary = case.run(gateway)
    cure = "index.blocks.write"
    if hasattr(server, "blocked"):
        cure = "/_admin/server/mode"
    elif not isinstance(server, Kuzzle):
        server.ask("PUT", settings, {"index.blocks.write": None})
    if cure not in (summary["error"] or "") or not summary["unsent"]:
        case.wrong.append(f"the run ended with {summary['error']}, {summary['unsent']} unsent")
    before = case.judge({}, 4)
    with Gateway(server.url) as gateway:
        case.run(gateway, mode="ignore" if mode == "error" else mode)
    case.judge(before, 0)
    server.remove(case.index)
    return case


def cases(args, of_case=None):
    """All of them; with --quick each twice. `of_case` makes the arguments of each, where it has a server of its own."""
    made = []
    for place, (name, case) in enumerate([("circuit breaker", breaker), ("415", encoding), ("block", block)]):
        whole = [(jobs, mode) for jobs in (1, 4) for mode in MODES]
        chosen = [whole[place % len(whole)], whole[(place + 3) % len(whole)]] if args.quick else whole
        made += [(name, lambda a=(jobs, mode), case=case: case(of_case() if of_case else args, *a)) for jobs, mode in chosen]
    return [(name, case) for name, case in made if not args.only or args.only in name]
