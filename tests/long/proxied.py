"""What `faults` and `order` share: a server looked at without the program, the fault proxy before it, and a model of
what the actions that a run reports as done must have made of the documents.

The model follows one key at a time. An action that is reported as an error was not applied. One that is unknown may
have been or not, so a key has a set of possible states; a report that fits none of them is a lie.
"""

import collections, http.client, json, os, signal, socket, subprocess, sys, tempfile, time, urllib.parse

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def default_servers():
    """The directory of the proxy: beside the checkout."""
    return os.environ.get("BULKIMPORT_TEST_SERVERS") or os.path.join(REPOSITORY, "..", "shared", "servers")


CHILDREN = set()


def end(*_):
    """Leaves nothing running behind a program that is asked to end."""
    for child in list(CHILDREN):
        child.kill()
    os._exit(143)


def start(words, **how):
    """Starts a child of which `end` knows."""
    child = subprocess.Popen(words, text=True, **how)
    CHILDREN.add(child)
    return child


def arguments(parser, needs_server=True):
    """What all programs are given."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, end)
    if needs_server:
        parser.add_argument("--to", default=os.environ.get("BULKIMPORT_TEST_OPENSEARCH"), metavar="URL",
                            help="an OpenSearch (default: $BULKIMPORT_TEST_OPENSEARCH), or kuzzle+http://HOST:PORT")
    parser.add_argument("--servers", default=default_servers(), metavar="DIR", help="where fault-proxy is (default: %(default)s)")
    parser.add_argument("--program", default=os.path.join(REPOSITORY, "target", "release", "bulkimport"))
    args = parser.parse_args()
    if needs_server and not args.to:
        sys.exit("error: --to or BULKIMPORT_TEST_OPENSEARCH must name a server")
    args.proxy = os.path.join(args.servers, "fault-proxy")
    for path in (args.proxy, args.program):
        if not os.access(path, os.X_OK):
            sys.exit(f"error: {path} cannot be run")
    if needs_server:
        args.server = Kuzzle(args.to.removeprefix("kuzzle+")) if args.to.startswith("kuzzle+") else Server(args.to)
        args.server.ask("GET", "/")
    return args


class Server:
    """The server itself, not through the proxy."""

    token = None

    def __init__(self, url):
        self.url = url.rstrip("/")

    def words(self, url, index):
        """What makes the program import into an index by way of this address."""
        return ["--to", f"elasticsearch+{url}", "-c", index]

    def remove(self, index):
        self.ask("DELETE", f"/{index}")

    def ask(self, method, path, body=None, kind="application/json", good=(200, 201)):
        at = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(at.hostname, at.port or 80, timeout=120)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            headers = {"Content-Type": kind} if data is not None else {"Content-Length": "0"}
            if self.token:
                headers["Authorization"] = f"Bearer {self.token}"
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if good and answer.status not in good:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text) if text else None

    def lines(self, path):
        """The answer, a JSON value a line."""
        at = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(at.hostname, at.port or 80, timeout=120)
        try:
            connection.request("GET", path)
            return [json.loads(line) for line in connection.getresponse().read().splitlines()]
        finally:
            connection.close()

    def fresh(self, index, documents=()):
        """Makes an index anew, with these documents in it."""
        self.ask("DELETE", f"/{index}", good=(200, 404))
        settings = {"number_of_shards": 1, "number_of_replicas": 0}
        self.ask("PUT", f"/{index}", {"settings": settings, "mappings": {"dynamic": False}})
        lines = []
        for key, document in documents:
            lines += [json.dumps({"index": {"_id": key}}), json.dumps(document)]
        if lines:
            answer = self.ask("POST", f"/{index}/_bulk", ("\n".join(lines) + "\n").encode(), "application/x-ndjson")
            if answer["errors"]:
                raise RuntimeError(f"cannot fill {index}")

    def state(self, index):
        """All documents: id -> (source, version)."""
        self.ask("POST", f"/{index}/_refresh")
        answer = self.ask("POST", f"/{index}/_search?scroll=5m", {"size": 5000, "version": True, "sort": ["_doc"]})
        documents = {}
        while answer["hits"]["hits"]:
            for hit in answer["hits"]["hits"]:
                documents[hit["_id"]] = (hit["_source"], hit["_version"])
            answer = self.ask("POST", "/_search/scroll", {"scroll": "5m", "scroll_id": answer["_scroll_id"]})
        self.ask("DELETE", "/_search/scroll", {"scroll_id": [answer["_scroll_id"]]}, good=None)
        return documents


class Kuzzle(Server):
    """A real Kuzzle, whose collections lie in one index."""

    INDEX = "faults"

    def __init__(self, url):
        super().__init__(url)
        self.who = [os.environ[f"BULKIMPORT_TEST_KUZZLE_{name}"] for name in ("USER", "PASSWORD")]
        answer = self.ask("POST", "/_login/local?expiresIn=1d", dict(zip(("username", "password"), self.who)))
        self.token = answer["result"]["jwt"]
        self.ask("POST", f"/{self.INDEX}/_create", good=(200, 412))

    def words(self, url, index):
        return ["--to", f"kuzzle+{url}/{self.INDEX}", "-c", index, "-u", ":".join(self.who)]

    def remove(self, index):
        self.ask("DELETE", f"/{self.INDEX}/{index}")

    def fresh(self, index, documents=()):
        self.ask("DELETE", f"/{self.INDEX}/{index}", good=(200, 412))
        self.ask("PUT", f"/{self.INDEX}/{index}", {})
        if documents:
            documents = [{"_id": key, "body": document} for key, document in documents]
            self.ask("POST", f"/{self.INDEX}/{index}/_mWrite?strict", {"documents": documents})

    def state(self, index):
        self.ask("POST", f"/{self.INDEX}/{index}/_refresh")
        ids = [hit["_id"] for hit in self.ask("POST", f"/{self.INDEX}/{index}/_search?size=10000", {})["result"]["hits"]]
        documents = {}
        for start in range(0, len(ids), 1000):
            answer = self.ask("POST", f"/{self.INDEX}/{index}/_mGet", {"ids": ids[start:start + 1000]})
            for found in answer["result"]["successes"]:
                found["_source"].pop("_kuzzle_info", None)
                documents[found["_id"]] = (found["_source"], found["_version"])
        return documents


class Proxy:
    """A fault proxy with a script, for the time of a `with`."""

    def __init__(self, program, to, script, directory, seed=0):
        self.log_path = os.path.join(directory, "proxy.ndjson")
        words = [program, "--to", to, "--script", script, "--seed", str(seed), "--log", self.log_path]
        self.child = start(words, stdout=subprocess.PIPE)
        self.url = self.child.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"the proxy does not start with {script!r}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()
        self.child.stdout.close()
        CHILDREN.discard(self.child)

    def log_so_far(self):
        """The bulk requests that are over."""
        with open(self.log_path, encoding="utf-8") as lines:
            # The last line may be half written.
            entries = [json.loads(line) for line in lines if line.endswith("\n")]
        return [entry for entry in entries if entry["n"] is not None]

    def log(self, seconds=60):
        """The bulk requests, once all that have arrived are over.

        The proxy writes the line of a request after its reply, so the program may have ended before. A request of our
        own takes the next number; the log is whole when it has this number and all below it.
        """
        at, deadline = urllib.parse.urlsplit(self.url), time.monotonic() + seconds
        with self.connect(at, deadline) as probe:
            probe.sendall(b"GET /_bulk-probe HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n")
            while True:
                entries = self.log_so_far()
                ours = [entry["n"] for entry in entries if entry["path"] == "/_bulk-probe"]
                if ours and len({entry["n"] for entry in entries if entry["n"] <= ours[0]}) == ours[0]:
                    return [entry for entry in entries if entry["path"] != "/_bulk-probe"]
                if time.monotonic() > deadline:
                    raise RuntimeError(f"requests to the proxy are still under way after {seconds} s")
                time.sleep(0.01)

    @staticmethod
    def connect(at, deadline):
        """A connection to the proxy, which may be down for a moment by its script."""
        while True:
            try:
                return socket.create_connection((at.hostname, at.port), timeout=5)
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


Ran = collections.namedtuple("Ran", "code summary results stderr")


def bulkimport(program, words, text, directory, each=True):
    """Runs an import of this text; its results by the number of the record, from 1, unless `each` says that none are wanted."""
    path, results = os.path.join(directory, "in"), os.path.join(directory, "results")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    if os.path.exists(results):
        os.remove(results)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BULKIMPORT_")}
    command = [program, *words, *(["--results", results] if each else []), "--summary", "json", path]
    child = start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    stdout, stderr = child.communicate()
    CHILDREN.discard(child)
    try:
        summary = json.loads(stdout)
    except ValueError:
        raise RuntimeError(f"exit {child.returncode}, no summary: {stderr[-2000:]}") from None
    if "read" not in summary:
        raise RuntimeError(f"exit {child.returncode}, the run did not begin: {stderr[-2000:]}")
    by_record = {}
    if not each:
        return Ran(child.returncode, summary, by_record, stderr)
    with open(results, encoding="utf-8") as lines:
        for result in map(json.loads, lines):
            if result["record"] in by_record:
                raise RuntimeError(f"record {result['record']} twice in the results")
            by_record[result["record"]] = result
    return Ran(child.returncode, summary, by_record, stderr)


def merge(old, new):
    """What an update makes of a document."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return {**old, **{name: merge(old[name], value) if name in old else value for name, value in new.items()}}


ABSENT = "absent"
SCRIPT = "ctx._source.c = (ctx._source.c == null ? 0 : ctx._source.c) + 1"


class Action:
    """One action of the input: `op` as in a bulk line, `key` or None for a generated one, and its payload."""

    __slots__ = ("op", "key", "payload")

    def __init__(self, op, key, payload=None):
        self.op, self.key, self.payload = op, key, payload

    def line(self):
        head = json.dumps({self.op: {} if self.key is None else {"_id": self.key}})
        return head + "\n" if self.op == "delete" else head + "\n" + json.dumps(self.payload) + "\n"

    def apply(self, state):
        """The state after it, and whether it succeeds there. A state is ABSENT or a document as text."""
        old = None if state == ABSENT else json.loads(state)
        text = lambda document: json.dumps(document, sort_keys=True)
        if self.op == "index":
            return text(self.payload), True
        if self.op == "create":
            return (text(self.payload), True) if old is None else (state, False)
        if self.op == "delete":
            return ABSENT, True
        if old is None:
            if self.payload.get("doc_as_upsert"):
                return text(self.payload["doc"]), True
            return (text(self.payload["upsert"]), True) if "upsert" in self.payload else (state, False)
        if "script" in self.payload:
            return text({**old, "c": old.get("c", 0) + 1}), True
        return text(merge(old, self.payload["doc"])), True


BUCKETS = ("created", "updated", "ignored", "deleted", "errors", "unknown", "unsent")


def bucket(result):
    """The bucket in which a result says that its record was counted."""
    return {"error": "errors"}.get(result["counted"], result["counted"])


def kind(result):
    return (result.get("error") or {}).get("type", "")


class Account:
    """Compares what a run reported with what the server holds."""

    def __init__(self, actions, before, ran, after):
        self.actions, self.before, self.ran, self.after = actions, before, ran, after
        self.wrong = []
        self.unknown_keys = set()
        self.kinds = collections.Counter({kind["type"]: kind["count"] for kind in ran.summary["error_kinds"]})
        self.check_counts()
        self.check_documents()

    def say(self, what):
        if len(self.wrong) < 6:
            self.wrong.append(what)

    def check_counts(self):
        summary, results = self.ran.summary, self.ran.results
        if summary["read"] != sum(summary[name] for name in BUCKETS):
            self.say(f"the summary does not balance: {summary}")
        if summary["exit_code"] != self.ran.code:
            self.say(f"exit code {self.ran.code}, the summary says {summary['exit_code']}")
        counted = collections.Counter(bucket(result) for result in results.values())
        for name in BUCKETS:
            # A record that was not sent need not have a result.
            if counted[name] != summary[name] and not (name == "unsent" and counted[name] == 0):
                self.say(f"{name}: {summary[name]} in the summary, {counted[name]} in the results")
        strange = [name for name in counted if name not in BUCKETS]
        if strange:
            self.say(f"results that say {strange}")
        if summary["read"] == len(self.actions):
            missing = [number for number in range(1, len(self.actions) + 1) if number not in results]
            if len(missing) > summary["unsent"]:
                self.say(f"no result for records {missing[:5]}")

    def check_documents(self):
        by_key, created = collections.defaultdict(list), set()
        for number, action in enumerate(self.actions, 1):
            result = self.ran.results.get(number)
            said = bucket(result) if result else "unsent"
            if action.key is not None:
                by_key[action.key].append((number, action, said, result))
                continue
            # A generated key: the result names it, and the document must be there once.
            if said == "created":
                if result["id"] in created:
                    self.say(f"record {number}: the id {result['id']} was given twice")
                created.add(result["id"])
                by_key[result["id"]].append((number, Action("create", result["id"], action.payload), said, result))
            elif said == "unknown" and result.get("id"):
                by_key[result["id"]].append((number, Action("create", result["id"], action.payload), said, result))
        for key, story in by_key.items():
            self.follow(key, story)
        for key in self.before:
            if key not in by_key and key not in self.after:
                self.say(f"{key}: a document that was there before is gone")
        strangers = [key for key in self.after if key not in by_key and key not in self.before]
        if strangers:
            self.say(f"{len(strangers)} documents that no report accounts for, such as {strangers[0]}: {self.after[strangers[0]]}")

    def follow(self, key, story):
        states = {json.dumps(self.before[key], sort_keys=True) if key in self.before else ABSENT}
        for number, action, said, result in story:
            possible = set()
            for state in states:
                then, succeeds = action.apply(state)
                if said == "unsent" or (said == "errors" and kind(result) not in FAILS_FOR_THE_STATE):
                    possible.add(state)
                elif action.op == "delete" and said == "ignored":
                    possible |= {state} if state == ABSENT else set()
                elif said == "unknown":
                    self.unknown_keys.add(key)
                    possible |= {state, then} if succeeds else {state}
                elif said == "errors" or (said == "ignored" and action.op == "create"):
                    # The report says that the state forbade it.
                    possible |= set() if succeeds else {state}
                elif succeeds:
                    possible.add(then)
            if not possible:
                self.say(f"{key}: record {number}, {action.op}: {said} {json.dumps(result)[:300]} fits none of {sorted(states)[:3]}")
                return
            states = possible
        there = self.after.get(key)
        there = ABSENT if there is None else json.dumps(there[0], sort_keys=True)
        if there not in states:
            reported = "; ".join(f"{number} {action.op} {said}" for number, action, said, _ in story[-6:])
            self.say(f"{key}: the server has {there[:200]}, which is none of {[state[:200] for state in sorted(states)[:3]]} ({reported})")


# Errors that say how the document stood.
FAILS_FOR_THE_STATE = {"version_conflict_engine_exception", "duplicate", "duplicate_key", "document_missing_exception"}


def directory():
    return tempfile.TemporaryDirectory(prefix="bulkimport-faults-")
