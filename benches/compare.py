#!/usr/bin/env python3
"""The benchmarks: see README.md beside this. Sections run programs in turn, round by round, and compare medians of ratios."""

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench import Failed
from clients import PINNED as CLIENTS
from clients import all_clients, client_versions
from programs import all_programs, say, versions
from databases import Databases
from servers import server_script
from stores import Stores

MEMORY_MARK = 64  # MB (10^6 bytes)
STORES = ["big", "dups", "more", "update", "one", "actions", "ten", "cities", "flights", "memory", "startup"]
SERVERS = ["answer", "answer-ten", "opensearch", "arangodb"]
SECTIONS = STORES + SERVERS
OLD = ["big", "dups", "more", "update", "one", "actions", "cities", "flights", "answer", "opensearch", "arangodb"]  # sections that --old takes part in
BIG = {"ten", "answer-ten"}  # sections that need 3 GB of data


class Benchmarks(Stores, Databases):
    """All sections; what one finds is shown with what the others find."""


def program(path):
    """The whole path of a program that somebody named."""
    found = shutil.which(path)
    if not found:
        raise argparse.ArgumentTypeError(f"no program {path}")
    return os.path.abspath(found)


def parse():
    parser = argparse.ArgumentParser(prog="benches/run", description=__doc__, epilog="README.md beside it explains each section.")
    parser.add_argument("section", nargs="*", help=f"{' '.join(SECTIONS)} or all (default)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds of the fast programs (5)")
    parser.add_argument("--slow-rounds", type=int, default=1, metavar="N", help="rounds of the slow ones (1)")
    parser.add_argument("--big", action="store_true", help="all: also 10,000,000 documents, 3 GB of data, 5 GB of store")
    parser.add_argument("--without", default="", metavar="NAMES", help="leave out peers, or the floor (commas)")
    parser.add_argument("--only-ours", action="store_true", help="no peers, except curl and sqlite3 where a section needs them and they are there")
    parser.add_argument("--ours", type=program, metavar="PATH", help="our program, built already")
    parser.add_argument("--old", type=program, metavar="PATH", help=f"another build of ours, run beside it in {' '.join(OLD)}")
    parser.add_argument("--floor", type=program, metavar="PATH", help="the floor program, built already")
    parser.add_argument("--answer", type=program, metavar="PATH", help="the answering server, built already")
    parser.add_argument("--esbulk", type=program, metavar="PATH", help="esbulk, which no registry has")
    parser.add_argument("--opensearch", metavar="URL", help="a running OpenSearch without security, instead of starting one")
    parser.add_argument("--documents", type=int, default=200_000, metavar="N", help="how many go into OpenSearch a run (200000)")
    parser.add_argument("--tmp", metavar="FOLDER", help="where the stores go while it runs (the system's)")
    parser.add_argument("--timeout", type=int, default=1800, metavar="SECONDS", help="kills a program that runs longer (1800)")
    options = parser.parse_args()
    asked = options.section or ["all"]
    unknown = [name for name in asked if name not in [*SECTIONS, "all"]]
    if unknown:
        parser.error(f"no section {unknown[0]}: there are {' '.join(SECTIONS)}")
    if min(options.rounds, options.slow_rounds) < 1:
        parser.error("at least one round")
    chosen = [name for name in SECTIONS if name in asked or ("all" in asked and (options.big or name not in BIG))]
    if "opensearch" in chosen and "opensearch" not in asked and not (options.opensearch or server_script()):
        say("opensearch: left out, there is no server to start and --opensearch names none")
        chosen.remove("opensearch")
    return options, chosen


def machine(folder):
    """One line that says where this ran."""
    where = ""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        best = max((words for words in mounts if str(folder).startswith(words[1])), key=lambda words: len(words[1]))
        where = f", stores on {best[2]}"
    except (OSError, ValueError):
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f} at the start"
    return f"{platform.system()} {platform.release()} {platform.machine()}, {cores} cores{where}{load}"


def main():
    options, chosen = parse()
    without = {name.strip() for name in options.without.split(",") if name.strip()}
    if options.only_ours:
        without |= {"esbulk", "elasticdump", "espipe", *CLIENTS, *(() if shutil.which("sqlite3") else ("sqlite3",))}
    peers_in_big = "big" in chosen and not options.only_ours
    unused = set() if peers_in_big else {"floor", "duckdb", "sqlite-utils"}
    if not peers_in_big and set(chosen).isdisjoint({"flights", "startup"}):
        unused.add("sqlite3")
    programs = all_programs(options.ours, options.old, options.floor, without | unused)
    clients = all_clients(options.esbulk, without) if {"answer", "opensearch"} & set(chosen) else {}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="bulkimport-bench-", dir=options.tmp) as folder:
        free = shutil.disk_usage(folder).free / 1e9
        needed = 14 if "ten" in chosen else 3 if set(chosen) & set(STORES) else 1
        if free < needed:
            sys.exit(f"benches/run: {folder} has {free:.1f} GB free and {needed} GB are needed: --tmp names another folder")
        print(f"date: {time.strftime('%Y-%m-%d')}")
        print(machine(folder))
        for line in versions(programs) + client_versions(clients):
            print(line)
        bench = Benchmarks(options, programs, clients, folder)
        for name in chosen:
            try:
                getattr(bench, name.replace("-", "_"))()
            except Failed as error:
                bench.trouble.append(f"{name}: {error}")
                say(f"{name}: {error}")
    report(bench)
    sys.exit(1 if bench.trouble else 0)


def report(bench):
    if bench.peaks:
        worst = {}
        for what, peak in bench.peaks:
            worst[what] = max(peak, worst.get(what, 0))
        print("\npeak memory of ours, MB")
        for what, peak in worst.items():
            print(f"  {what:40} {peak:8.1f}")
        peak = max(worst.values())
        verdict = "reached" if peak < MEMORY_MARK else "missed"
        bench.found("memory", "peak memory of ours, the most of all", f"{peak:.1f} MB", f"at most {MEMORY_MARK} MB", verdict)
    if bench.comparisons:
        width = max(len(row[1]) for row in bench.comparisons)
        print(f"\n{'':10}  {'':{width}}  {'found':>9}  mark")
        for section, what, value, mark, verdict in bench.comparisons:
            print(f"{section:10}  {what:{width}}  {value:>9}  {mark:14} {verdict}".rstrip())
    for line in bench.trouble:
        print(f"trouble: {line}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
