"""The programs that send documents to a server: how each is installed, and how it is made to send a file."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Callable

from programs import CACHE, HERE, python_with, said, say

# elasticsearch 7.13 is the last that talks to an OpenSearch; later ones refuse it.
PINNED = {"elasticsearch": "7.13.4", "opensearch-py": "3.2.0"}
ELASTICDUMP, ESPIPE = "6.125.1", "0.7.0"
INDEX = "big"


@dataclass
class Client:
    what: str  # for the reader
    data: str  # the kind of file it reads: see Servers.files
    words: Callable[[str, str, int, int], list]  # url, file, documents a request, requests at once -> command line
    settings: list  # (documents a request, requests at once); the first is for the answering server
    keys: bool = True  # whether it sends the documents' own keys
    mark: str = ""  # what our time is compared with, where the goals name it


def ready(name, *commands):
    """Installs something into a folder of its own on first use; the folder, or None where that fails."""
    folder = CACHE / name
    if (folder / "ready").exists():
        return folder
    say(f"installing {name} into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in commands:
        words = [str(word) for word in command(folder)]
        try:
            good = subprocess.run(words, stdout=sys.stderr).returncode == 0
        except FileNotFoundError:
            good = False
        if not good:
            say("did not work:", *words)
            return None
    (folder / "ready").touch()
    return folder


def elasticdump():
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix"]
    folder = ready(f"elasticdump-{ELASTICDUMP}", lambda folder: [*npm, folder, f"elasticdump@{ELASTICDUMP}"])
    return folder and folder / "node_modules" / ".bin" / "elasticdump"


def espipe():
    cargo = ["cargo", "install", "--quiet", "--locked", "--version", ESPIPE, "espipe", "--root"]
    folder = ready(f"espipe-{ESPIPE}", lambda folder: [*cargo, folder])
    return folder and folder / "bin" / "espipe"


def curl_words(url, bodies, *_):
    """All bodies over one connection, each sent as it is read from its file."""
    last = len(os.listdir(bodies)) - 1
    head = ["curl", "-sS", "--fail", "-o", os.devnull, "-X", "POST", "-H", "content-type: application/x-ndjson", "-H", "expect:"]
    return [*head, "-T", f"{bodies}/[0000-{last:04d}]", f"{url}/{INDEX}/_bulk"]


def all_clients(esbulk=None, without=()):
    """Those that can be had here, by name."""
    found = {}
    if "curl" not in without and shutil.which("curl"):
        found["curl"] = Client("curl, ready bodies", "bodies", curl_words, [(5000, 1)])
    if esbulk and "esbulk" not in without:

        def esbulk_words(*key):
            return lambda url, file, size, at_once: [
                esbulk, "-server", url, "-index", INDEX, "-optype", "create", *key, "-size", str(size), "-w", str(at_once), file
            ]

        settings = [(1000, 2), (1000, 1), (5000, 2)]
        found["esbulk-keyless"] = Client("esbulk without keys", "plain", esbulk_words(), settings, keys=False)
        found["esbulk"] = Client("esbulk -id", "plain", esbulk_words("-id", "_key"), settings)
    if "elasticdump" not in without and (dump := elasticdump()):
        found["elasticdump"] = Client(
            "elasticdump",
            "dump",
            lambda url, file, size, at_once: [
                dump, f"--input={file}", f"--output={url}/{INDEX}", "--type=data", "--bulkAction=create", "--noRefresh", "--quiet",
                f"--limit={size}", f"--concurrency={at_once}",
            ],
            [(5000, 1), (1000, 1), (1000, 2)],
        )
    if "espipe" not in without and (pipe := espipe()):
        found["espipe"] = Client(
            "espipe",
            "id",
            lambda url, file, size, at_once: [
                pipe, file, f"{url}/{INDEX}", "--action", "create", "--uncompressed",
                "--batch-size", str(size), "--max-requests", str(at_once),
            ],
            [(5000, 16), (5000, 2), (500, 4)],
        )
    wanted = {name: version for name, version in PINNED.items() if name not in without}
    python = wanted and python_with(wanted)
    for name in wanted if python else ():

        def python_words(url, file, size, at_once, module=name.replace("-py", "py")):
            return [python, "-B", HERE / "peers" / "parallel_bulk.py", module, url, INDEX, file, str(size), str(at_once)]

        settings = [(5000, 2), (500, 1), (500, 2), (500, 4), (5000, 1), (5000, 4)]
        found[name] = Client(f"{name} parallel_bulk", "plain", python_words, settings)
    return found


def client_versions(clients):
    """Lines that say what was run."""
    lines = [f"{name}: {version}" for name, version in PINNED.items() if name in clients]
    if "curl" in clients:
        lines.append(f"curl: {said('curl', '--version').split()[1]}")
    if "esbulk" in clients:
        lines.append(f"esbulk: {said(clients['esbulk'].words('', '', 0, 0)[0], '-v') or 'does not run'}")
    if "elasticdump" in clients:
        lines.append(f"elasticdump: {ELASTICDUMP}, node {said('node', '--version')}")
    if "espipe" in clients:
        lines.append(f"espipe: {ESPIPE}")
    return lines
