"""Runs the C tests of tests/c: every program, built as `make -C csrc test` builds it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMPILER = os.environ.get("CC") or "gcc"
PROGRAMS = sorted(path.stem for path in (ROOT / "tests" / "c").glob("test_*.c"))

pytestmark = pytest.mark.skipif(
    not shutil.which(COMPILER.split()[0]) or not shutil.which("make"),
    reason="there is no C compiler or make",
)


@pytest.fixture(scope="module")
def library():
    run = subprocess.run(
        ["make", "-s", "-C", str(ROOT / "csrc"), "-j2", f"CC={COMPILER}", "library"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-3000:]


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(library, program):
    run = subprocess.run(
        ["make", "-s", "-C", str(ROOT / "csrc"), f"CC={COMPILER}", "test", f"ONLY={program}"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0 and " 0 failed" in run.stdout, run.stdout[-2000:] + run.stderr[-3000:]
