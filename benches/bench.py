"""What all sections share: running programs in turn, round by round, and comparing medians of ratios."""

import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

from measure import measure
from programs import HERE, environment, say

MAKERS = {
    "big.jsonl": "big",
    "big-dups.jsonl": "dups",
    "big-more.jsonl": "more",
    "big-changed.jsonl": "changed",
    "big-shuffled.jsonl": "shuffled",
    "big-one.jsonl": "one",
    "big-array.json": "array",
    "big-10m.jsonl": "ten",
    "big-id.jsonl": "id",
    "big-dump.jsonl": "dump",
    "big-bodies": "bodies",
    "big-lines": "lines",
    "big-actions": "actions",
    "flights.csv": "flights",
}


class Failed(Exception):
    """A program did not do what it was asked to; the section says so and the others go on."""


def old(name):
    """What is shown for a case that the old build runs."""
    return f"{name} (old build)"


class Bench:
    """What all sections share: the programs, the folder for what they make, how often to run, what was found."""

    def __init__(self, options, programs, clients, folder):
        self.options, self.programs, self.clients, self.folder = options, programs, clients, Path(folder)
        self.comparisons = []  # (section, what, ratio text, mark text, verdict)
        self.peaks = []  # (what, MB) of ours
        self.trouble = []

    # --- one run -----------------------------------------------------------------------------------------------------

    def data(self, name):
        """The path of a data file, made first where it is not there."""
        maker = MAKERS.get(name, "cities")
        made = subprocess.run([sys.executable, "-B", HERE / "data", maker], stdout=subprocess.PIPE, text=True)
        if made.returncode:
            raise Failed(f"benches/data {maker} failed")
        return str(Path(made.stdout.strip()) / name)

    def run(self, words, env=None, stdin=subprocess.DEVNULL):
        """One measured run. What earlier runs left to write is written before it starts."""
        if hasattr(os, "sync"):
            os.sync()
        return measure(words, self.folder / "out", self.folder / "err", stdin=stdin, env=env, seconds=self.options.timeout)

    def ours(self, target, collection, *words, created=None, updated=0, errors=0, stdin=subprocess.DEVNULL, what=None, build="ours"):
        """One run of ours (or of the old build) whose summary must say what it should."""
        if build not in self.programs:
            raise Failed("our program is not there")
        program = self.programs[build].words("", "")[0]
        run = self.run([program, "--to", target, "-c", collection, *words], env=environment(), stdin=stdin)
        said = {name: int(count) for name, count in re.findall(r"^(\w+): (\d+)$", run.out, re.M)}
        wanted = {"updated": updated, "errors": errors, **({} if created is None else {"created": created})}
        wrong = [f"{name}: {said.get(name)} instead of {count}" for name, count in wanted.items() if said.get(name) != count]
        if run.code != (1 if errors else 0) or wrong:
            reason = run.err.strip().splitlines()[-1:] or ["nothing on stderr"]
            raise Failed(f"{build} on {' '.join(words)}: exit {run.code}; {'; '.join(wrong)}; {reason[0]}")
        if what and build == "ours":
            self.peaks.append((what, run.peak))
        return run

    # --- rounds ------------------------------------------------------------------------------------------------------

    def both(self, name, what, function):
        """A case of ours and, right behind it, the same of the old build where there is one; the function takes `ours` or `old`."""
        cases = [(name, what, False, lambda: function("ours"))]
        if "old" in self.programs:
            cases.append((old(name), old(what), False, lambda: function("old")))
        return cases

    def turn(self, cases, round_):
        """The cases in the order of a round: every second time the old build goes before ours, so that neither is always first."""
        order = list(cases)
        for n in range(1, len(cases)) if round_ % 2 else ():
            if cases[n][0] == old(cases[n - 1][0]):
                order[n - 1 : n + 1] = cases[n], cases[n - 1]
        return order

    def rounds(self, section, cases, times=None):
        """Runs cases round by round, each a (name, what, slow, function giving a Run), and prints a table of them."""
        times = times or self.options.rounds
        runs = {name: [] for name, _, _, _ in cases}
        dead = set()
        for round_ in range(times):
            for name, _, slow, function in self.turn(cases, round_):
                if name in dead or (slow and round_ >= self.options.slow_rounds):
                    runs[name].append(None)
                    continue
                say(f"{section}: round {round_ + 1} of {times}: {name}")
                try:
                    runs[name].append(function())
                except Failed as error:
                    self.trouble.append(f"{section}: {error}")
                    say(f"{section}: {error}")
                    dead.add(name)
                    runs[name].append(None)
        self.table(section, cases, runs)
        return runs

    def table(self, section, cases, runs):
        width = max(len(what) for _, what, _, _ in cases)
        print(f"\n{section}\n  {'':{width}}   wall s     from   to       processor s   peak MB   runs")
        for name, what, _, _ in cases:
            done = [run for run in runs[name] if run]
            if not done:
                print(f"  {what:{width}}   failed")
                continue
            walls = [run.wall for run in done]
            print(
                f"  {what:{width}} {statistics.median(walls):8.3f} {min(walls):8.3f} {max(walls):8.3f} "
                f"{statistics.median(run.cpu for run in done):11.3f} {max(run.peak for run in done):9.1f} {len(done):6}"
            )
        sys.stdout.flush()

    def compare(self, section, what, runs, one, other, most=None, least=None, of="wall"):
        """The median, over the rounds in which both ran, of one's time through the other's; by default their wall times."""
        pairs = [(getattr(a, of), getattr(b, of)) for a, b in zip(runs.get(one, []), runs.get(other, [])) if a and b]
        mark = f"at most {most:g}" if most is not None else f"at least {least:g}" if least is not None else None
        if not pairs:
            return self.found(section, what, "-", mark, "not measured")
        ratio = statistics.median(a / b for a, b in pairs)
        good = ratio <= most if most is not None else ratio >= least if least is not None else None
        self.found(section, what, f"{ratio:.2f}", mark, {None: "", True: "reached", False: "missed"}[good])

    def compare_builds(self, section, cases, runs):
        """Ours beside the old build, in each case that both run."""
        shared = [(name, what) for name, what, _, _ in cases if old(name) in runs]
        for name, what in shared:
            which = f", {what}" if len(shared) > 1 else ""
            self.compare(section, f"ours / the old build{which}", runs, name, old(name))

    def found(self, section, what, value, mark, verdict):
        self.comparisons.append((section, what, value, mark or "", verdict))
