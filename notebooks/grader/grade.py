"""Grades a submitted notebook in two stages, on Gradescope's contract.

First runner.py runs the notebook as an unprivileged user, limited in time and memory, in an empty folder; it
knows what to evaluate and nothing about what is right. Then this process, which runs no code of the
submission, judges the plain values that came through a pipe. As they come after every cell, a notebook that
ends badly keeps what it had earned before.

    AUTOGRADER_DIR/source        this folder: grader, checks.py, settings.json; only for root
    AUTOGRADER_DIR/submission    what was handed in
    AUTOGRADER_DIR/submission_metadata.json
    AUTOGRADER_DIR/results/results.json    what is written, in any case

Contract: https://gradescope-autograders.readthedocs.io/en/latest/specs/
Relies on scoring.py; grade_folder.py uses the same functions without Gradescope.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scoring import Checks

HERE = Path(__file__).resolve().parent
LIMITS = {"seconds": 240, "cell_seconds": 60, "probe_seconds": 5, "memory_mb": 600}
MOST_OUTPUT, MOST_VALUES, BIGGEST_NOTEBOOK = 20_000, 8 << 20, 50 << 20
PR_SET_CHILD_SUBREAPER = 36


class Unreadable(Exception):
    """A submission that cannot be graded; the text is for the student."""


def load_checks(folder=HERE):
    settings = json.loads((folder / "settings.json").read_text())
    return Checks((folder / "checks.py").read_text(), settings)


def find_notebook(folder):
    """The one notebook of a submission."""
    found = []
    for path in sorted(Path(folder).rglob("*.ipynb")):
        parts = path.relative_to(folder).parts
        if not any(part.startswith((".", "__MACOSX")) for part in parts) and not path.is_symlink():
            found.append(path)
    if len(found) != 1:
        names = ": " + ", ".join(path.name for path in found[:5]) if found else ""
        raise Unreadable(f"Please hand in exactly one notebook; found {len(found)}{names}.")
    return found[0]


def read_cells(path):
    """The code of a notebook's cells."""
    if path.stat().st_size > BIGGEST_NOTEBOOK:
        raise Unreadable(
            f"{path.name} is bigger than {BIGGEST_NOTEBOOK >> 20} MB: clear its outputs and save."
        )
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        return [source if isinstance(source, str) else "".join(source) for source in code]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unreadable(f"{path.name} is no notebook that Jupyter could read.") from None


# ---- the first stage ------------------------------------------------------------------------------------


class Run:
    """What a run of a notebook said: values, errors of cells, output, and how it ended."""

    def __init__(self, cells):
        self.cells, self.values, self.errors = cells, {}, {}
        self.output, self.cut, self.at, self.done, self.end = b"", False, None, False, ""
        self.rest, self.received = b"", 0

    def hear(self, data):
        """Lines of JSON from the runner. A submission can write them as well: nothing in them is trusted."""
        self.received += len(data)
        if self.received > MOST_VALUES:
            return
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            try:
                self.note(json.loads(line))
            except Exception:  # whatever a submission has thought of
                continue

    def note(self, said):
        if "begin" in said:
            self.at = int(said["begin"])
        elif "end" in said:
            self.at, cell = None, int(said["end"])
            self.errors.pop(cell, None)
            if said["error"]:
                self.errors[cell] = str(said["error"])[:300]
            for number, entries in said["values"].items():
                self.values.setdefault(number, {}).update(entries)
        elif said.get("done"):
            self.done = True

    def keep_output(self, data):
        room = MOST_OUTPUT - len(self.output)
        self.output += data[:room]
        self.cut = self.cut or len(data) > room

    def first_line(self, cell):
        lines = [line for line in self.cells[cell].splitlines() if line.strip()] or [""]
        return lines[0][:60]

    def report(self):
        """For the student: which cells failed, and how the run ended."""
        text = [self.end] if self.end else []
        for cell, error in sorted(self.errors.items())[:10]:
            if 0 <= cell < len(self.cells):
                text.append(f"Code cell {cell + 1} ({self.first_line(cell)}) raised {error}")
        if self.cut:
            text.append(f"The notebook's output was cut after {MOST_OUTPUT} characters.")
        return "\n".join(text)


def adopt_orphans():
    """From now on, processes that lose their parent below us become our children, so that we can end them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children():
    me, found = str(os.getpid()), []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == me:
            found.append(int(entry.parent.name))
    return found


def end_all(process):
    """Ends the runner and whatever it has started, also what has moved into a session of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    if sys.platform != "linux":
        return
    for _ in range(200):
        left = children()
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def unprivileged():
    """How to start a process without rights: as nobody, where we may choose."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def environment(box):
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for name in ("HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        env[name] = str(box)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MINITORCH_NUM_THREADS"):
        env[name] = "1"
    for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH"):
        if name in os.environ:
            env[name] = os.environ[name]
    return env


def can_run(python):
    """Can a process without rights start this Python and import what a notebook needs?"""
    command = [python, "-c", "import IPython, numpy, minitorch"]
    try:
        done = subprocess.run(
            command, cwd="/", env=environment("/tmp"), capture_output=True, **unprivileged()
        )
    except OSError:
        return False
    return done.returncode == 0


def run_notebook(cells, questions, limits, python=sys.executable):
    """Stage one: a Run with the values that the questions ask for."""
    limits = {**LIMITS, **limits}
    adopt_orphans()
    rights = unprivileged()
    box = Path(tempfile.mkdtemp(prefix="notebook-", dir="/tmp" if os.path.isdir("/tmp") else None))
    run = Run(cells)
    job = {
        "cells": cells,
        "questions": questions,
        "cell_seconds": limits["cell_seconds"],
        "probe_seconds": limits["probe_seconds"],
        "memory": int(limits["memory_mb"]) << 20,
    }
    try:
        if rights:
            os.chown(box, rights["user"], rights["group"])
        values_in, values_out = os.pipe()
        process = subprocess.Popen(
            [python, "-c", (HERE / "runner.py").read_text(), str(values_out)],
            cwd=box,
            env=environment(box),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[values_out],
            start_new_session=True,
            umask=0o077,
            **rights,
        )
        os.close(values_out)
        try:
            follow(run, process, values_in, json.dumps(job).encode(), limits["seconds"])
        finally:
            end_all(process)
            os.close(values_in)
            process.stdout.close()
    finally:
        shutil.rmtree(box, ignore_errors=True)
    return run


def follow(run, process, values, job, seconds):
    """Feeds the runner its job and reads what it says until it ends or its time is over."""
    deadline = time.monotonic() + seconds
    for fd in (values, process.stdin.fileno()):
        os.set_blocking(fd, False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE, "job")
        selector.register(process.stdout, selectors.EVENT_READ, "output")
        selector.register(values, selectors.EVENT_READ, "values")
        while time.monotonic() < deadline and not run.done:
            for key, _ in selector.select(min(1.0, deadline - time.monotonic())):
                if key.data == "job":
                    job = feed(process.stdin, job)
                    if not job:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                data = os.read(key.fd, 1 << 16)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.data == "values":
                    run.hear(data)
                else:
                    run.keep_output(data)
            # The pipe of values is at its end when the runner is, whoever else holds the output.
            if values not in selector.get_map():
                break
    os.set_blocking(process.stdout.fileno(), False)
    run.keep_output(process.stdout.read(MOST_OUTPUT + 1) or b"")
    run.end = ending(run, process, time.monotonic() >= deadline, seconds)


def feed(stdin, job):
    try:
        return job[os.write(stdin.fileno(), job[: 1 << 16]) :]
    except BrokenPipeError:
        return b""


def ending(run, process, late, seconds):
    """How a run ended, in words; nothing if all went well."""
    if run.done:
        return ""
    known = run.at is not None and 0 <= run.at < len(run.cells)
    where = f" in code cell {run.at + 1} ({run.first_line(run.at)})" if known else ""
    kept = " What stands above it has been graded."
    if late:
        return f"The notebook was stopped{where} after {seconds:g} s: is there an endless loop?{kept}"
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        code = 0
    name = signal.Signals(-code).name if code < 0 else f"status {code}"
    return f"Python itself came to an end{where} ({name}).{kept}"


# ---- the second stage -----------------------------------------------------------------------------------


def grade(notebook, emails, checks, python=sys.executable, seed=None):
    """Gradescope's results for a notebook, handed in by the people with these addresses."""
    started = time.monotonic()
    seed = secrets.randbits(32) if seed is None else seed
    jobs = checks.jobs(seed)
    run = run_notebook(read_cells(notebook), jobs, checks.settings.get("limits", {}), python)
    tests = checks.score(run.values, jobs, emails)
    result = results(sum(test["score"] for test in tests), run.report(), tests)
    result["execution_time"] = round(time.monotonic() - started, 1)
    result["extra_data"] = {"seed": seed, "output": run.output.decode("utf-8", "replace")[-4000:]}
    return result


def results(score, output, tests=()):
    return {
        "score": round(score, 2),
        "output": output,
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": list(tests),
    }


def main():
    root = Path(os.environ.get("AUTOGRADER_DIR", "/autograder"))
    try:
        metadata = json.loads((root / "submission_metadata.json").read_text())
        emails = [str(user.get("email", "")) for user in metadata.get("users", [])]
        result = grade(find_notebook(root / "submission"), emails, load_checks())
    except Unreadable as said:
        result = results(0, str(said))
    (root / "results").mkdir(exist_ok=True)
    (root / "results" / "results.json").write_text(json.dumps(result, indent=1, allow_nan=False))


if __name__ == "__main__":
    main()
