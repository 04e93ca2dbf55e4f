"""The sections that load files into stores on this machine: us, the floor, sqlite3, DuckDB, sqlite-utils."""

import re
import shutil
import sqlite3
import statistics
import subprocess
import time

from bench import Bench, Failed
from programs import HERE, environment, say


class Stores(Bench):
    """Each section makes its stores anew and removes them."""

    def store(self, name):
        """The path of a store that is not there yet."""
        for old in self.folder.glob(f"{name}.db*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        return str(self.folder / f"{name}.db")

    def peer(self, name, words, store, rows, table="big", count=None):
        """One run of a peer, which must have stored every row."""
        run = self.run(words)
        if run.code:
            reason = run.err.strip().splitlines()[-1:] or ["nothing on stderr"]
            raise Failed(f"{name}: exit {run.code}; {reason[0]}")
        if count:
            found = int(subprocess.run(count(store), stdout=subprocess.PIPE, check=True).stdout)
        else:
            with sqlite3.connect(store) as db:
                found = db.execute(f'select count(*) from "{table}"').fetchone()[0]
            db.close()
        if found != rows:
            raise Failed(f"{name}: {found} rows instead of {rows}")
        return run

    def big(self):
        """1,000,000 documents into a new store: ours, the floor, the peers."""
        data, pragmas = self.data("big.jsonl"), {}
        peers = {} if self.options.only_ours else {name: peer for name, peer in self.programs.items() if name not in ("ours", "old")}

        def ours(build):
            run = self.ours(self.store(f"big-{build}"), "big", data, created=1_000_000, what="big.jsonl, 300 MB", build=build)
            self.store(f"big-{build}")
            return run

        cases = self.both("ours", "bulkimport", ours)
        for name, program in peers.items():
            store = f"big-{name}"

            def once(name=name, program=program, store=store):
                path = self.store(store)
                run = self.peer(name, program.words(data, path), path, 1_000_000, count=program.count)
                if name.startswith("floor"):
                    pragmas[name] = run.out.split("\n", 1)[1].strip().replace("\n", ", ")
                self.store(store)
                return run

            cases.append((name, program.what, program.slow, once))
        runs = self.rounds("big", cases)
        for name, text in pragmas.items():
            print(f"  {name}: {text}")
        marks = {"floor": 0.9, "floor-16k": None, "sqlite3": 0.15, "sqlite3-late": None, "duckdb": 0.4, "sqlite-utils": None}
        for name, mark in marks.items():
            if name in peers:
                self.compare("big", f"ours / {peers[name].what}", runs, "ours", name, mark)
        self.compare_builds("big", cases, runs)

    def dups(self):
        """The same with 0.1 % duplicate keys, each reported with its line."""
        plain, dups = self.data("big.jsonl"), self.data("big-dups.jsonl")

        def without(build):
            return self.ours(self.store("dups"), "big", plain, created=1_000_000, build=build)

        def with_them(build):
            what = "with 1,000 duplicates"
            run = self.ours(self.store("dups"), "big", dups, "--details", created=999_000, errors=1000, what=what, build=build)
            named = len(set(re.findall(r"big-dups\.jsonl:(\d+):", run.err)))
            if named != 1000:
                raise Failed(f"{build} names {named} lines of 1000 duplicates")
            return run

        cases = [*self.both("plain", "all keys differ", without), *self.both("dups", "1,000 keys twice, --details", with_them)]
        runs = self.rounds("dups", cases)
        self.store("dups")
        self.compare("dups", "with 0.1 % duplicates / without", runs, "dups", "plain", 2)
        self.compare_builds("dups", cases, runs)

    def more(self):
        """1,000,000 more documents into a collection of 1,000,000."""
        first, second = self.data("big.jsonl"), self.data("big-more.jsonl")

        def into_new(build):
            return self.ours(self.store(f"more-{build}"), "big", first, created=1_000_000, build=build)

        def into_filled(build):
            store = str(self.folder / f"more-{build}.db")
            return self.ours(store, "big", second, created=1_000_000, what="1,000,000 into 1,000,000", build=build)

        cases = [*self.both("first", "the first million", into_new), *self.both("second", "a million more", into_filled)]
        runs = self.rounds("more", cases)
        self.store("more-ours")
        self.store("more-old")
        self.compare("more", "the second million / the first", runs, "second", "first", 2.5)
        self.compare_builds("more", cases, runs)

    def update(self):
        """1,000,000 existing documents again in every mode, beside their first import."""
        data = {name: self.data(f"{name}.jsonl") for name in ("big", "big-changed", "big-shuffled")}

        def first(build):
            return self.ours(self.store(f"kept-{build}"), "big", data["big"], created=1_000_000, build=build)

        def again(mode, name):
            counts = {"error": {"errors": 1_000_000}, "ignore": {}}.get(mode, {"updated": 1_000_000})

            def once(build):
                kept = self.folder / f"kept-{build}.db"
                if not kept.exists():
                    raise Failed("no store to update")
                store = self.store("update")
                shutil.copyfile(kept, store)
                words = ["--on-duplicate", mode, data[name]]
                run = self.ours(store, "big", *words, created=0, what=f"{mode}, {name}", build=build, **counts)
                self.store("update")
                return run

            return once

        rows = [
            ("update", "big-changed", "two values changed in each", 3.2),
            ("update", "big-shuffled", "changed, in another order", 5.5),
            ("update", "big", "nothing changed", None),
            ("replace", "big-changed", "the same order", 2.3),
            ("replace", "big-shuffled", "another order", 4),
            ("ignore", "big", "all exist", 1.1),
            ("error", "big", "all exist", 1.3),
        ]
        cases = self.both("first", "the first import", first)
        for mode, name, what, _ in rows:
            cases += self.both(f"{mode} {name}", f"{mode}: {what}", again(mode, name))
        runs = self.rounds("update", cases)
        self.store("kept-ours")
        self.store("kept-old")
        for mode, name, what, mark in rows:
            self.compare("update", f"{mode} / first import: {what}", runs, f"{mode} {name}", "first", mark)
        self.compare_builds("update", cases, runs)

    def one(self):
        """One key 800,000 times into a new store, in every mode, beside the first import of 1,000,000 documents."""
        big, repeated = self.data("big.jsonl"), self.data("big-one.jsonl")

        def first(build):
            return self.ours(self.store("one"), "big", big, created=1_000_000, build=build)

        def again(mode):
            counts = {"error": {"errors": 799_999}, "ignore": {}}.get(mode, {"updated": 799_999})

            def once(build):
                words = ["--on-duplicate", mode, repeated]
                run = self.ours(self.store("one"), "big", *words, created=1, what=f"one key, {mode}", build=build, **counts)
                self.store("one")
                return run

            return once

        marks = {"error": 1.5, "ignore": 1.5, "replace": 1.5, "update": 2.5}
        cases = self.both("first", "1,000,000 keys", first)
        for mode in marks:
            cases += self.both(mode, f"one key 800,000 times: {mode}", again(mode))
        runs = self.rounds("one", cases)
        for mode, mark in marks.items():
            self.compare("one", f"one key 800,000 times, {mode} / first import", runs, mode, "first", mark)
        self.compare_builds("one", cases, runs)

    def actions(self):
        """200,000 bulk lines: versions and conditions beside plain ones, updates by a script beside such by a document."""
        folder = self.data("big-actions")

        def once(name, filled):
            counts = {"created": 0, "updated": 200_000} if filled else {"created": 200_000}

            def go(build):
                store = self.store("actions")
                if filled:
                    kept = self.folder / f"filled-{build}.db"
                    if not kept.exists():
                        self.ours(str(kept), "big", "-t", "bulk", f"{folder}/plain.bulk", created=200_000, build=build)
                    shutil.copyfile(kept, store)
                run = self.ours(store, "big", "-t", "bulk", f"{folder}/{name}.bulk", build=build, what=f"{name}.bulk", **counts)
                self.store("actions")
                return run

            return go

        cases = [
            *self.both("plain", "index, into an empty collection", once("plain", False)),
            *self.both("versions", "the same with external versions", once("versions", False)),
            *self.both("again", "index of existing documents", once("plain", True)),
            *self.both("conditions", "the same with if_seq_no", once("conditions", True)),
            *self.both("doc", "update by a document", once("doc", True)),
            *self.both("script", "the same update by a script", once("script", True)),
        ]
        runs = self.rounds("actions", cases)
        self.store("filled-ours")
        self.store("filled-old")
        self.compare("actions", "plain / with versions", runs, "plain", "versions", least=0.7)
        self.compare("actions", "plain / with conditions", runs, "again", "conditions", least=0.7)
        self.compare("actions", "script / doc", runs, "script", "doc", 6)
        self.compare_builds("actions", cases, runs)

    def ten(self):
        """10,000,000 documents beside 1,000,000 (needs 8 GB)."""
        small, large = self.data("big.jsonl"), self.data("big-10m.jsonl")

        def once(data, count, what, keep=False):
            def go():
                run = self.ours(self.store("ten"), "big", data, created=count, what=what)
                if not keep:
                    self.store("ten")
                return run

            return go

        def updated():
            run = self.ours(str(self.folder / "ten.db"), "big", "--on-duplicate", "update", large, created=0, updated=10_000_000, what="updating 10,000,000")
            self.store("ten")
            return run

        cases = [
            ("one", "1,000,000 documents", False, once(small, 1_000_000, "big.jsonl, 300 MB")),
            ("ten", "10,000,000 documents", True, once(large, 10_000_000, "big-10m.jsonl, 3 GB", keep=True)),
            ("updated", "the same again, update", True, updated),
        ]
        runs = self.rounds("ten", cases, times=self.options.slow_rounds)
        self.compare("ten", "10,000,000 / 1,000,000", runs, "ten", "one", 13)
        self.compare("ten", "update of 10,000,000 / their import", runs, "updated", "ten", None)
        peaks = [run and run.peak for name in ("ten", "one") for run in runs[name][:1]]
        if all(peaks):
            self.found("ten", "peak memory, 10,000,000 / 1,000,000", f"{peaks[0] / peaks[1]:.2f}", None, "")

    def cities(self):
        """171,075 places in one JSON array beside the same as lines."""

        def once(name):
            data = self.data(name)
            return lambda build: self.ours(self.store("cities"), "cities", data, created=171_075, what=name, build=build)

        names = ("cities.json", "cities.jsonl", "cities-keyless.jsonl")
        cases = [case for name in names for case in self.both(name, name, once(name))]
        runs = self.rounds("cities", cases, times=3 * self.options.rounds)
        self.store("cities")
        self.compare("cities", "cities.json / cities.jsonl (has keys)", runs, "cities.json", "cities.jsonl", 1.3)
        self.compare("cities", "cities.json / its elements as lines", runs, "cities.json", "cities-keyless.jsonl", 1.3)
        self.compare_builds("cities", cases, runs)

    def flights(self):
        """336,776 rows of CSV: ours makes documents with keys, the sqlite3 shell a plain table of text."""
        data = self.data("flights.csv")

        def ours(build):
            return self.ours(self.store("flights"), "flights", data, created=336_776, what="flights.csv", build=build)

        def shell():
            store = self.store("flights-shell")
            peer = str(HERE / "peers" / "sqlite3-csv")
            return self.peer("sqlite3", [peer, data, store, "flights"], store, 336_776, table="flights")

        cases = self.both("ours", "bulkimport", ours)
        if "sqlite3" in self.programs:
            cases.append(("sqlite3", "sqlite3 .import --csv", False, shell))
        runs = self.rounds("flights", cases, times=2 * self.options.rounds)
        self.store("flights")
        self.store("flights-shell")
        self.compare("flights", "ours / sqlite3 .import of the CSV", runs, "ours", "sqlite3", 1)
        self.compare_builds("flights", cases, runs)

    def memory(self):
        """Peak memory of inputs of other kinds; those of the other sections count too."""
        data, array = self.data("big.jsonl"), self.data("big-array.json")

        def once(what, *words):
            def go():
                run = self.ours(self.store("memory"), "big", *words, created=1_000_000, what=what)
                self.store("memory")
                return run

            return go

        def piped():
            with subprocess.Popen(["cat", data], stdout=subprocess.PIPE) as cat:
                try:
                    run = self.ours(self.store("memory"), "big", created=1_000_000, stdin=cat.stdout, what="big.jsonl from a pipe")
                finally:
                    cat.stdout.close()
            self.store("memory")
            return run

        cases = [
            ("lines", "big.jsonl", False, once("big.jsonl, 300 MB", data)),
            ("array", "as one array on one line", False, once("big-array.json, one line of 300 MB", array)),
            ("pipe", "from a pipe", False, piped),
            ("small", "--batch-size 1000", False, once("big.jsonl, --batch-size 1000", "--batch-size", "1000", data)),
        ]
        self.rounds("memory", cases, times=1)

    def startup(self):
        """Start to exit of a one-document import beside the sqlite3 shell doing one insert."""
        if "sqlite3" not in self.programs:
            raise Failed("sqlite3 is not there")
        one = self.folder / "one.jsonl"
        one.write_text('{"_key":"a","n":1}\n')
        table = "create table one (_key text not null, _version integer, _seq_no integer, doc text);"
        index = "create unique index one_key on one (_key);"
        insert = """insert into one values ('%s', 1, 0, '{"_key":"a","n":1}');"""
        shell, program = shutil.which("sqlite3"), self.programs.get("ours") and self.programs["ours"].words("", "")[0]
        self.ours(self.store("one-old"), "one", str(one), created=1)
        old_shell = self.store("one-shell-old")
        subprocess.run([shell, old_shell, table + index], check=True)
        times = {name: [] for name in ("ours, new store", "sqlite3, new store", "ours, old store", "sqlite3, old store")}
        say("startup: 40 rounds")
        for n in range(40):
            one.write_text('{"_key":"%d","n":1}\n' % n)
            ours = [program, "-q", "-c", "one", str(one), "--to"]
            for name, words in (
                ("ours, new store", [*ours, self.store("one")]),
                ("sqlite3, new store", [shell, self.store("one-shell"), table + index + insert % n]),
                ("ours, old store", [*ours, str(self.folder / "one-old.db")]),
                ("sqlite3, old store", [shell, old_shell, insert % n]),
            ):
                started = time.perf_counter()
                done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment())
                times[name].append((time.perf_counter() - started) * 1000)
                if done.returncode:
                    raise Failed(f"{name}: exit {done.returncode}")
        print(f"\nstartup\n  {'':20}  median ms    from      to")
        for name, all_ in times.items():
            print(f"  {name:20} {statistics.median(all_):10.1f} {min(all_):7.1f} {max(all_):7.1f}")
        for kind in ("new", "old"):
            pairs = zip(times[f"ours, {kind} store"], times[f"sqlite3, {kind} store"])
            extra = statistics.median(a - b for a, b in pairs)
            verdict = "reached" if extra <= 15 else "missed"
            self.found("startup", f"ours - sqlite3, one document, {kind} store", f"{extra:+.1f} ms", "at most 15 ms", verdict)
