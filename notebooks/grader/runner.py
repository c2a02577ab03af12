"""Runs the cells of a submitted notebook, and says after each what the questions' expressions give.

This is the process that a submission lives in: that of a user without rights, limited in time and memory. It
knows which expressions are asked for and nothing about what is right. Only plain values leave it, as lines of
JSON on a file descriptor; values that were said stay said when a later cell brings the process down.

Relies on IPython (cells may hold its magics) and on minitorch. Started by grade.py, which is to be read next.
"""

import json
import numbers
import os
import random
import resource
import signal
import sys

import numpy
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import minitorch
from minitorch._launcher import install

MOST_NUMBERS, MOST_TEXT, DEEPEST = 4096, 300, 6


class OutOfTime(BaseException):
    """Not an Exception: a cell's own except clauses are not to swallow it."""


class NoAnswer(Exception):
    """Where an answer should be, an ellipsis still is."""


def alarm(seconds):
    # Again and again after the first time, for whoever swallows even this.
    signal.setitimer(signal.ITIMER_REAL, seconds, min(0.5, seconds))


def calm():
    signal.setitimer(signal.ITIMER_REAL, 0)


def on_alarm(number, frame):
    raise OutOfTime("ran for too long")


def plain(value, depth=0):
    """Numbers, text, lists and dicts of them; of anything else what type it is."""
    if value is None or isinstance(value, (bool, str)):
        return value[:MOST_TEXT] if isinstance(value, str) else value
    if value is ...:
        raise NoAnswer("no answer yet")
    if isinstance(value, numbers.Integral):
        return int(value) if abs(int(value)) < 2**53 else float(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if hasattr(value, "tolist"):
        if getattr(value, "size", 0) and count(value) > MOST_NUMBERS:
            raise ValueError(f"more than {MOST_NUMBERS} numbers")
        return plain(value.tolist(), depth)
    if depth < DEEPEST and isinstance(value, (list, tuple)) and len(value) <= MOST_NUMBERS:
        return [plain(part, depth + 1) for part in value]
    if depth < DEEPEST and isinstance(value, dict) and len(value) <= MOST_NUMBERS:
        return {str(key)[:MOST_TEXT]: plain(part, depth + 1) for key, part in value.items()}
    raise TypeError(f"a {type(value).__name__} is no plain value")


def count(value):
    return value.numel() if hasattr(value, "numel") else value.size


class Probes:
    """The questions' expressions, evaluated in the notebook's names."""

    def __init__(self, jobs, seconds):
        self.jobs, self.seconds, self.said, self.slow = jobs, seconds, {}, {}

    def changed(self, names):
        """{question: {name: {"value" or "error"}}} of all that differs from what was said before."""
        found = {}
        for number, job in self.jobs.items():
            for name, code in job["collect"].items():
                key = (number, name)
                if self.slow.get(key, 0) >= 2:
                    continue
                entry = self.evaluate(key, code, job["given"], names)
                # A value stays when its name is gone or broken later on.
                if ("value" in entry or "value" not in self.said.get(key, {})) and entry != self.said.get(
                    key
                ):
                    self.said[key] = entry
                    found.setdefault(number, {})[name] = entry
        return found

    def evaluate(self, key, code, given, names):
        here = {name: minitorch.tensor(v) if isinstance(v, list) else v for name, v in given.items()}
        here = {**names, "torch": minitorch, **here}
        alarm(self.seconds)
        try:
            if "\n" in code:
                exec(code, here)
                value = here["out"]
            else:
                value = eval(code, here)
            return {"value": plain(value)}
        except NoAnswer as error:
            return {"error": str(error)}
        except OutOfTime:
            self.slow[key] = self.slow.get(key, 0) + 1
            return {"error": f"took longer than {self.seconds:g} s"}
        except BaseException as error:
            return {"error": describe(error)}
        finally:
            calm()


def describe(error):
    try:
        return f"{type(error).__name__}: {error}"[:MOST_TEXT]
    except BaseException:
        return "an error that cannot be shown"


class Dice:
    """The state of all random numbers, so that looking at a notebook does not change what it draws."""

    SOURCES = (
        (random.getstate, random.setstate),
        (numpy.random.get_state, numpy.random.set_state),
        (minitorch.get_rng_state, minitorch.set_rng_state),
    )

    def __enter__(self):
        self.kept = [get() for get, _ in self.SOURCES]

    def __exit__(self, *error):
        for (_, put), state in zip(self.SOURCES, self.kept, strict=True):
            put(state)


def shell():
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    return InteractiveShell.instance(config=config)


def run_cell(ipython, source, seconds):
    """The error of a cell, None if there was none."""
    alarm(seconds)
    try:
        result = ipython.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
    except BaseException as escaped:
        error = escaped
    finally:
        calm()
    return error


def flush():
    try:
        sys.stdout.flush()
    except BaseException:
        pass


def limit(memory):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    # Counted for the user in the whole machine: no obstacle, only an end to a flood.
    resource.setrlimit(resource.RLIMIT_NPROC, (2000, 2000))


def main():
    # Another process started from here is not to hold the pipe open.
    pipe = int(sys.argv[1])
    os.set_inheritable(pipe, False)
    job = json.loads(sys.stdin.buffer.read())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGALRM, on_alarm)
    # Somebody may have written "import torch"; there is no PyTorch here, and the code is the same.
    install()
    ipython, probes = shell(), Probes(job["questions"], job["probe_seconds"])
    limit(job["memory"])

    def say(**what):
        data = (json.dumps(what) + "\n").encode()
        while data:
            data = data[os.write(pipe, data) :]

    def step(i):
        say(begin=i)
        error = run_cell(ipython, job["cells"][i], job["cell_seconds"])
        flush()
        with Dice():
            values = probes.changed(ipython.user_ns)
        say(end=i, error=None if error is None else describe(error), values=values)
        return error

    # A cell that stands above what it needs gets a second chance, as in a notebook run out of order.
    late = [i for i in range(len(job["cells"])) if isinstance(step(i), NameError)]
    for i in late:
        step(i)
    say(done=True)
    os._exit(0)


if __name__ == "__main__":
    main()
