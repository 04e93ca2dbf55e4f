#!/usr/bin/env python3
"""Runs one program and says what it took: wall time, processor time, peak memory.

    benches/measure.py PROGRAM [ARGUMENT...]

Linux counts in a child's peak memory what the process that started it held at that moment (its memory is shared until the
program is loaded). A peak below that is therefore read from /proc while the program runs.
"""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

LOOK_FIRST, LOOK_LAST = 0.005, 0.05  # seconds between looks
SLACK = 2000  # kB: the kernel's two figures differ by this much at most


@dataclass
class Run:
    wall: float  # seconds
    cpu: float  # seconds, user and system
    peak: float  # MB (10^6 bytes) of resident memory
    code: int  # exit code; minus a signal's number
    out: str = ""
    err: str = ""


def high_water(pid):
    """The peak so far of a running process in kB, or 0 where /proc does not say."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            return next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)
    except OSError:
        return 0


def watch(pid, done, seen, enough):
    """Keeps the highest peak, ever less often, until it is so high that the kernel's own figure will do."""
    wait = LOOK_FIRST
    while not done.wait(wait) and seen[0] <= enough:
        seen[0] = max(seen[0], high_water(pid))
        wait = min(wait * 1.1, LOOK_LAST)


def measure(words, out, err, stdin=subprocess.DEVNULL, env=None, seconds=3600):
    """Runs a program with its output in two files; it is killed after so many seconds."""
    with open(out, "w+b") as stdout, open(err, "w+b") as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(words, stdin=stdin, stdout=stdout, stderr=stderr, env=env)  # the program is loaded when it returns
        done, seen, enough = threading.Event(), [0], high_water(os.getpid()) + SLACK
        watcher = threading.Thread(target=watch, args=(process.pid, done, seen, enough), daemon=True)
        killer = threading.Timer(seconds, process.kill)
        killer.daemon = True
        killer.start()
        watcher.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
        except BaseException:
            process.kill()
            raise
        finally:
            done.set()
            killer.cancel()
        process.returncode = code = os.waitstatus_to_exitcode(status)
        watcher.join()
        peak = used.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
        if seen[0] and peak <= enough:
            peak = seen[0]
        texts = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read(1 << 20).decode(errors="replace"))
    return Run(wall, used.ru_utime + used.ru_stime, peak * 1024 / 1e6, code, *texts)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: measure.py PROGRAM [ARGUMENT...]")
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        run = measure(sys.argv[1:], f"{folder}/out", f"{folder}/err", stdin=None)
    sys.stdout.write(run.out)
    sys.stderr.write(run.err)
    print(f"{run.wall:.3f} s wall, {run.cpu:.3f} s processor, {run.peak:.1f} MB, exit {run.code}", file=sys.stderr)
    sys.exit(run.code if run.code >= 0 else 128 - run.code)
