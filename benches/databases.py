"""The section that sends documents to ArangoDB's import API, answered by the server that stores nothing."""

import os
import shutil

from clients import INDEX
from programs import HERE, python_with
from servers import KEY_AT, MILLION, Servers

PYTHON_ARANGO = "8.3.7"


class Databases(Servers):
    """Every run is checked by asking the server how many documents came, and under which keys."""

    def arangodb(self):
        """1,000,000 documents to an import API that answers at once: ours, curl with ready bodies, python-arango."""
        plain, bodies = self.data("big.jsonl"), self.data("big-lines")
        with open(plain, "rb") as lines:
            ids = sum(int.from_bytes(line[KEY_AT][-8:], "little") for line in lines) % (1 << 64)
        with self.answering() as url:

            def ours(*words, build="ours"):
                what = None if words else "big.jsonl to ArangoDB"
                words = [f"arangodb+{url}", INDEX, *words, plain]
                return self.answered(url, lambda: self.ours(*words, created=MILLION, what=what, build=build), MILLION, ids)

            def other(*words):
                return lambda: self.answered(url, lambda: self.run([str(word) for word in words]), MILLION, ids)

            cases = self.both("ours", "bulkimport", lambda build: ours(build=build))
            cases.append(("ours-1", "bulkimport --jobs 1", False, lambda: ours("--jobs", "1")))
            if shutil.which("curl"):
                last = len(os.listdir(bodies)) - 1
                path = f"{url}/_api/import?collection={INDEX}&type=documents&onDuplicate=error&details=true"
                head = ["curl", "-sS", "--fail", "-o", os.devnull, "-X", "POST", "-H", "content-type: application/json", "-H", "expect:"]
                cases.append(("curl", "curl, ready bodies", False, other(*head, "-T", f"{bodies}/[0000-{last:04d}]", path)))
            python = None if self.options.only_ours else python_with({"python-arango": PYTHON_ARANGO})
            if python:
                script = HERE / "peers" / "import_bulk.py"
                cases.append(("python-arango", "python-arango import_bulk", True, other(python, "-B", script, url, INDEX, plain, "5000")))
            runs = self.rounds("arangodb", cases)
        self.compare("arangodb", "ours / curl, ready bodies", runs, "ours", "curl", 1.8)
        if not self.options.only_ours:
            self.compare("arangodb", "python-arango import_bulk / ours", runs, "python-arango", "ours", least=20)
        self.compare_builds("arangodb", cases, runs)
