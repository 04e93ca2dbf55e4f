#!/usr/bin/env python3
"""Runs one program and says what it took: wall time, processor time, peak memory.

    benches/measure.py PROGRAM [ARGUMENT...]

Linux counts in a child's peak memory what the process that started it held at that moment (its memory is shared until the
program is loaded). A peak below that is therefore read from /proc while the program runs, every few milliseconds.
"""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

LOOK_EVERY = 0.005  # seconds
SLACK = 2_000_000  # bytes: the kernel's two figures differ by this much at most


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


def program_loaded(pid, own):
    try:
        return os.readlink(f"/proc/{pid}/exe") != own
    except OSError:
        return False


def watch(pid, done, seen):
    """Keeps the highest peak; a look before the program is loaded would see the starting process."""
    own = os.readlink("/proc/self/exe") if os.path.exists("/proc/self/exe") else ""
    while not done.wait(LOOK_EVERY):
        peak = high_water(pid)
        if peak and program_loaded(pid, own):
            seen[0] = max(seen[0], peak)


def measure(words, out, err, stdin=subprocess.DEVNULL, env=None, seconds=3600):
    """Runs a program with its output in two files; it is killed after so many seconds."""
    with open(out, "w+b") as stdout, open(err, "w+b") as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(words, stdin=stdin, stdout=stdout, stderr=stderr, env=env)
        done, seen = threading.Event(), [0]
        watcher = threading.Thread(target=watch, args=(process.pid, done, seen), daemon=True)
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
        process.returncode = code = os.waitstatus_to_exitcode(status) if hasattr(os, "waitstatus_to_exitcode") else status >> 8
        watcher.join()
        unit = 1 if sys.platform == "darwin" else 1024
        total = used.ru_maxrss * unit
        if seen[0] and total <= high_water(os.getpid()) * 1024 + SLACK:
            total = seen[0] * 1024
        texts = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read(1 << 20).decode(errors="replace"))
    return Run(wall, used.ru_utime + used.ru_stime, total / 1e6, code, *texts)


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
