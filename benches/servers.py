"""The sections that send documents to a server: one that answers at once and stores nothing, and a real OpenSearch."""

import json
import shutil
import statistics
import subprocess
import sys
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from bench import Bench, Failed, old
from clients import INDEX
from programs import ROOT, cargo, say

MILLION = 1_000_000
KEY_AT = slice(len('{"_key":"'), len('{"_key":"') + 32)  # in a line of big.jsonl
# Every field of big.jsonl given beforehand, so that no run pays for another's guesses; else the server's defaults.
MAPPING = {
    "settings": {"number_of_shards": 1, "number_of_replicas": 0},
    "mappings": {
        "dynamic": False,
        "properties": {
            "n": {"type": "long"},
            "price": {"type": "double"},
            "stock": {"type": "integer"},
            "tags": {"type": "keyword"},
            "address": {"properties": {"city": {"type": "keyword"}, "zip": {"type": "keyword"}}},
            "title": {"type": "text"},
            "active": {"type": "boolean"},
        },
    },
}
SERVER_PORT = 19290


def server_script():
    """What starts a real server, where the project's companion folder lies beside the checkout."""
    script = ROOT.parent / "shared" / "servers" / "opensearch"
    return script if script.exists() else None


def call(method, url, body=None, timeout=120):
    """One request; the answer as JSON, or `Failed`."""
    data = body and json.dumps(body).encode()
    request = Request(url, data=data, method=method, headers={"content-type": "application/json"})
    try:
        with urlopen(request, timeout=timeout) as answer:
            return json.loads(answer.read() or b"null")
    except HTTPError as error:
        raise Failed(f"{method} {url}: {error.code} {error.read(300).decode(errors='replace')}") from None
    except (URLError, OSError, ValueError) as error:
        raise Failed(f"{method} {url}: {error}") from None


class Servers(Bench):
    """Every run is checked by asking the server how many documents came."""

    # --- what is sent ------------------------------------------------------------------------------------------------

    def files(self, documents, clients):
        """The first so many documents in the form of each kind: name -> path."""
        names = {"plain": "big.jsonl", "id": "big-id.jsonl", "dump": "big-dump.jsonl", "bodies": "big-bodies"}
        used = {"plain"} | {client.data for client in clients.values()}
        return {kind: self.beginning(self.data(name), documents) for kind, name in names.items() if kind in used}

    def beginning(self, path, documents):
        """The first so many documents of a file, or of a folder of bodies of 5,000."""
        if documents >= MILLION:
            return path
        short = self.folder / f"{documents}-{Path(path).name}"
        if short.exists():
            return str(short)
        if Path(path).is_dir():
            short.mkdir()
            for body in sorted(Path(path).iterdir())[: documents // 5000]:
                shutil.copyfile(body, short / body.name)
        else:
            with open(path, "rb") as whole, open(short, "wb") as out:
                out.writelines(islice(whole, documents))
        return str(short)

    def sender(self, client, files, url, setting):
        """A function that sends all documents once and gives the Run."""
        words = [str(word) for word in client.words(url, files[client.data], *setting)]

        def send():
            run = self.run(words)
            if run.code:
                reason = (run.err.strip() or run.out.strip()).splitlines()[-1:] or ["nothing on stderr"]
                raise Failed(f"{client.what}: exit {run.code}; {reason[0][:300]}")
            return run

        return send

    # --- the answering server ----------------------------------------------------------------------------------------

    @contextmanager
    def answering(self):
        """The URL of an answering server that ends with the block."""
        program = self.options.answer or cargo("--bench", "answer")
        if not program:
            raise Failed("the answering server is not there")
        with subprocess.Popen([program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as server:
            try:
                yield server.stdout.readline().strip()
            finally:
                server.terminate()

    def answered(self, url, send, documents, ids=None):
        """Sends, and checks what the answering server counted; `ids` is the sum that their own keys have."""
        call("POST", f"{url}/_answer/reset")
        run = send()
        counts = call("GET", f"{url}/_answer/stats")
        if counts["documents"] != documents:
            raise Failed(f"{counts['documents']} documents arrived instead of {documents}")
        if ids is not None and counts["ids"] != f"{ids:016x}":
            raise Failed(f"{documents} documents arrived, but not under their own keys")
        return run

    def jobs(self, ours):
        """Cases of ours with so many requests at once."""
        return [(f"ours-{n}", f"bulkimport --jobs {n}", False, lambda n=n: ours("--jobs", str(n))) for n in (1, 2, 4)]

    def answer(self):
        """1,000,000 documents to a server that answers at once: ours, curl with ready bodies, the peers."""
        files = self.files(MILLION, self.clients)
        with open(files["plain"], "rb") as lines:
            ids = sum(int.from_bytes(line[KEY_AT][-8:], "little") for line in lines) % (1 << 64)
        with self.answering() as url:

            def ours(*words, build="ours"):
                what = None if words else "big.jsonl to a server"  # the mark for memory is one for the defaults
                words = [f"elasticsearch+{url}", INDEX, *words, files["plain"]]
                return self.answered(url, lambda: self.ours(*words, created=MILLION, what=what, build=build), MILLION, ids)

            def dry():
                words = ["--dry-run", "--to", str(self.folder / "none.db"), files["plain"]]
                return self.run([self.programs["ours"].words("", "")[0], "-c", INDEX, *words])

            cases = [*self.both("ours", "bulkimport", lambda build: ours(build=build)), *self.jobs(ours)]
            cases.append(("dry", "bulkimport --dry-run: reading alone", False, dry))
            for name, client in self.clients.items():
                size, at_once = client.settings[0]
                what = client.what if name == "curl" else f"{client.what}, {size} x {at_once}"
                send = self.sender(client, files, url, client.settings[0])
                slow = name not in ("curl", "esbulk-keyless")
                once = lambda send=send, client=client: self.answered(url, send, MILLION, ids if client.keys else None)
                cases.append((name, what, slow, once))
            runs = self.rounds("answer", cases)
        for name, most in {"curl": 1.6, "esbulk-keyless": 0.4}.items():
            if name in self.clients:
                self.compare("answer", f"ours / {self.clients[name].what}", runs, "ours", name, most)
        for name in self.clients.keys() - {"curl", "esbulk-keyless"}:
            self.compare("answer", f"ours / {self.clients[name].what}", runs, "ours", name)
        self.compare("answer", "reading alone / curl", runs, "dry", "curl")
        self.compare_builds("answer", cases, runs)

    def answer_ten(self):
        """10,000,000 documents to the answering server beside 1,000,000: time and memory."""
        sizes = {"one": ("big.jsonl", MILLION), "ten": ("big-10m.jsonl", 10 * MILLION)}
        with self.answering() as url:

            def once(name, documents):
                data, what = self.data(name), f"{name} to a server"
                target = f"elasticsearch+{url}"
                return lambda: self.answered(
                    url, lambda: self.ours(target, INDEX, data, created=documents, what=what), documents
                )

            cases = [(name, f"{count:,} documents", False, once(file, count)) for name, (file, count) in sizes.items()]
            runs = self.rounds("answer-ten", cases, times=self.options.slow_rounds)
        self.compare("answer-ten", "10,000,000 / 1,000,000", runs, "ten", "one", 13)
        peaks = [run and run.peak for name in ("ten", "one") for run in runs[name][:1]]
        if all(peaks):
            self.found("answer-ten", "peak memory, 10,000,000 / 1,000,000", f"{peaks[0] / peaks[1]:.2f}", None, "")

    # --- a real server -----------------------------------------------------------------------------------------------

    @contextmanager
    def real(self):
        """The URL of an OpenSearch: the one that was named, else one that is started and ends with the block."""
        if self.options.opensearch:
            yield self.options.opensearch.rstrip("/")
            return
        script = server_script()
        if not script:
            raise Failed("there is no OpenSearch to start; --opensearch names a running one")
        say("opensearch: starting a server")
        started = subprocess.run([script, "start", str(SERVER_PORT)], stdout=subprocess.PIPE, text=True)
        if started.returncode:
            raise Failed("the server did not start")
        try:
            yield started.stdout.strip().splitlines()[-1]
        finally:
            subprocess.run([script, "stop", str(SERVER_PORT)], stdout=sys.stderr)

    def stored(self, url, send, documents):
        """Sends into a new index, and counts what is in it."""
        try:
            call("DELETE", f"{url}/{INDEX}")
        except Failed:
            pass  # it was not there
        call("PUT", f"{url}/{INDEX}", MAPPING)
        run = send()
        call("POST", f"{url}/{INDEX}/_refresh")
        count = call("GET", f"{url}/{INDEX}/_count")["count"]
        if count != documents:
            raise Failed(f"{count} documents in the index instead of {documents}")
        return run

    def opensearch(self):
        """Documents into a real OpenSearch: first every setting of every program, then ours beside the best of each peer."""
        documents = min(self.options.documents - self.options.documents % 5000, MILLION)
        peers = {} if self.options.only_ours else self.clients
        files = self.files(documents, peers)
        with self.real() as url:

            def ours(*words, build="ours"):
                what = None if words else f"{documents:,} documents to OpenSearch"
                words = [f"opensearch+{url}", INDEX, *words, files["plain"]]
                return self.stored(url, lambda: self.ours(*words, created=documents, what=what, build=build), documents)

            mine = [*self.both("ours", "bulkimport", lambda build: ours(build=build)), *self.jobs(ours)]
            tried = {}
            for name, client in peers.items():
                for size, at_once in client.settings:
                    send = self.sender(client, files, url, (size, at_once))
                    what = client.what if name == "curl" else f"{client.what}, {size} x {at_once}"
                    once = lambda send=send: self.stored(url, send, documents)
                    tried[(name, size, at_once)] = (f"{name} {size} x {at_once}", what, False, once)
            say("opensearch: runs that do not count, while the server compiles its code")
            for case in [*mine[:1] * 3, *tried.values()][:4]:
                case[3]()
            runs = self.rounds("opensearch, every setting", [*mine, *tried.values()], times=2) if tried else {}
            best = {}
            for (name, _, _), case in tried.items():
                run = min((run for run in runs[case[0]] if run), key=lambda run: run.wall, default=None)
                if run and (name not in best or run.wall < best[name][0].wall):
                    best[name] = (run, case)
            finals = [(name, case[1], False, case[3]) for name, (_, case) in best.items()]
            runs = self.rounds("opensearch", [*mine, *finals], times=max(3, self.options.slow_rounds))
        walls = {name: [run.wall for run in runs[name] if run] for name in best}
        # A server looks nothing up for a document without a key, and curl has its bodies made for it: they do less.
        equals = [name for name in best if walls[name] and name != "curl" and self.clients[name].keys]
        fastest = min(equals, key=lambda name: statistics.median(walls[name]), default=None)
        for name in best:
            what = self.clients[name].what + (", the best peer" if name == fastest else "")
            self.compare("opensearch", f"documents a second, ours / {what}", runs, name, "ours", least=0.95 if name == fastest else None)
        for name in best:
            most = 0.1 if name == "elasticsearch" else None
            self.compare("opensearch", f"processor time, ours / {self.clients[name].what}", runs, "ours", name, most, of="cpu")
        if old("ours") in runs:
            self.compare("opensearch", "documents a second, ours / the old build", runs, old("ours"), "ours")
            self.compare("opensearch", "processor time, ours / the old build", runs, "ours", old("ours"), of="cpu")
