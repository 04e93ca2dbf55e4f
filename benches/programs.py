"""The programs that are compared: how each is built or installed, what it calls itself, and how it is made to load a file."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bulkimport-bench"
PINNED = {"duckdb": "2.0.0", "sqlite-utils": "4.2.1"}


@dataclass
class Program:
    name: str
    words: Callable[[str, str], list]  # input, store -> command line
    what: str  # for the reader
    slow: bool = False
    count: Optional[Callable[[str], list]] = None  # store -> command that prints the number of rows


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def environment():
    """Ours without the variables of this user's: they would change what is run."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BULKIMPORT_")}


def said(*words):
    """What a program prints, or None if it cannot be run."""
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, text=True, cwd=ROOT)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def cargo(*target):
    """Builds one target in release mode; the path of what was built, or None with the reason said."""
    words = ["cargo", "build", "--release", *target, "--message-format=json-render-diagnostics"]
    say("building:", *words[:-1])
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    except FileNotFoundError:
        say("cargo is not installed")
        return None
    built = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    # The program itself is built too, in whatever order.
    mine = [message for message in built if message.get("executable") and message["target"]["name"] in (target[-1:] or ("bulkimport",))]
    paths = [message["executable"] for message in mine]
    if done.returncode or not paths:
        say(f"cargo build {' '.join(target)} did not give a program")
        return None
    return paths[-1]


def python_with(pinned):
    """The python of a virtual environment that has these from PyPI: made on first use; None where that fails."""
    folder = CACHE / ("peers-" + "-".join(f"{name}-{version}" for name, version in sorted(pinned.items())))
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return str(python)
    say(f"installing {', '.join(f'{name} {version}' for name, version in pinned.items())} into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    wanted = [f"{name}=={version}" for name, version in pinned.items()]
    for words in ([sys.executable, "-m", "venv", folder], [python, "-m", "pip", "install", "-q", *wanted]):
        words = [str(word) for word in words]
        if subprocess.run(words, stdout=sys.stderr).returncode:
            say("did not work:", *words)
            return None
    (folder / "ready").touch()
    return str(python)


def sqlite3_shell():
    found = shutil.which("sqlite3")
    if not found and shutil.which("apt-get") and os.geteuid() == 0:
        say("installing sqlite3 with apt-get")
        for words in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "sqlite3"]):
            subprocess.run(words, stdout=sys.stderr, stderr=subprocess.STDOUT)
        found = shutil.which("sqlite3")
    if not found:
        say("sqlite3 is not on the PATH: its lines are left out")
    return found


def versions(programs):
    """Lines that say what was run."""
    lines = [f"ours: {said(programs['ours'].words('', '')[0], '--version') or 'does not run'}" if "ours" in programs else "ours: not built"]
    if "old" in programs:
        path = programs["old"].words("", "")[0]
        lines.append(f"the old build: {said(path, '--version') or 'does not run'}, {path}")
    if "sqlite3" in programs:
        lines.append(f"sqlite3: {said('sqlite3', '--version').split()[0]}")
    if "duckdb" in programs:
        lines.append(f"duckdb: {PINNED['duckdb']} (its Python module, all cores)")
    if "sqlite-utils" in programs:
        lines.append(f"sqlite-utils: {PINNED['sqlite-utils']}")
    commit = said("git", "rev-parse", "--short", "HEAD")
    changed = said("git", "status", "--porcelain", "--untracked-files=no")
    lines.append(f"commit: {commit or 'none'}{' with changes' if changed else ''}, {said('rustc', '--version') or 'no rustc'}")
    return lines


def all_programs(ours=None, old=None, floor=None, without=()):
    """Those that can be had here, by name."""
    found = {}
    ours = ours or cargo("--bin", "bulkimport")
    if ours:
        found["ours"] = Program("ours", lambda i, s: [ours, "--to", s, "-c", "big", i], "bulkimport")
    if old:
        found["old"] = Program("old", lambda i, s: [old, "--to", s, "-c", "big", i], "the old build")
    if "floor" not in without:
        floor = floor or cargo("--bench", "floor")
        if floor:
            found["floor"] = Program("floor", lambda i, s: [floor, i, s], "the floor, SQLite's default pages")
            found["floor-16k"] = Program("floor-16k", lambda i, s: [floor, i, s, "16384"], "the floor, pages of 16 KB")
    if "sqlite3" not in without and sqlite3_shell():
        peer = HERE / "peers" / "sqlite3"
        found["sqlite3"] = Program("sqlite3", lambda i, s: [str(peer), i, s, "first"], "sqlite3 .import, unique index first", slow=True)
        found["sqlite3-late"] = Program("sqlite3-late", lambda i, s: [str(peer), i, s, "last"], "the same, unique index last", slow=True)
    wanted = [name for name in PINNED if name not in without]
    python = python_with(PINNED) if wanted else None
    if python and "duckdb" in wanted:
        script = str(HERE / "peers" / "duckdb_typed.py")
        found["duckdb"] = Program(
            "duckdb", lambda i, s: [python, "-B", script, i, s], "DuckDB, typed, primary key", count=lambda s: [python, "-B", script, "--count", s]
        )
    if python and "sqlite-utils" in wanted:
        tool = str(Path(python).parent / "sqlite-utils")
        found["sqlite-utils"] = Program(
            "sqlite-utils", lambda i, s: [tool, "insert", s, "big", i, "--nl", "--pk", "_key", "--silent"], "sqlite-utils insert --nl --pk", slow=True
        )
    return found
