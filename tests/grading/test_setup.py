"""setup.sh with stand-ins for the programs that it calls, and grade_folder.py. Source: notebooks/grader."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GRADER = ROOT / "notebooks" / "grader"
APT = """#!/bin/bash
echo "apt-get $*" >>"$LOG"
case "$*" in *python3.1*) [[ "$*" == *"python$PYTHON_HERE"* ]] || exit 100 ;; esac
"""
PYTHON = """#!/bin/bash
echo "python $*" >>"$LOG"
case "$*" in
"-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
*"--no-index"*) [ -n "$WHEEL_FITS" ] ;;
*"assert t.grad"*) [ -n "$WHEEL_FITS" ] || grep -q tar.gz "$LOG" ;;
esac
"""


@pytest.fixture
def setup(tmp_path):
    def run(python_here="3.11", fits=True):
        source, programs = tmp_path / "autograder" / "source", tmp_path / "bin"
        (source / "wheels").mkdir(parents=True)
        (source / "sdist").mkdir()
        programs.mkdir()
        (source / "wheels" / "minitorch_c-0.1.0-cp311-cp311-linux_x86_64.whl").touch()
        (source / "sdist" / "minitorch_c-0.1.0.tar.gz").touch()
        shutil.copy(GRADER / "setup.sh", source)
        shutil.copy(GRADER / "requirements.txt", source)
        for name, text in {"apt-get": APT, f"python{python_here}": PYTHON}.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        log = tmp_path / "log"
        env = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "AUTOGRADER_DIR": str(tmp_path / "autograder"),
            "LOG": str(log),
            "PYTHON_HERE": python_here,
            "WHEEL_FITS": "yes" if fits else "",
        }
        done = subprocess.run(["bash", source / "setup.sh"], env=env, capture_output=True, text=True)
        return done, log.read_text().splitlines()

    return run


def test_the_wheel_is_installed_by_path(setup):
    done, calls = setup()
    assert done.returncode == 0, done.stderr
    installs = [call for call in calls if "pip" in call and "install" in call]
    assert len(installs) == 2 and "--no-index --no-deps" in installs[1] and ".whl" in installs[1]
    assert not any("gcc" in call for call in calls)


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_a_wheel_that_does_not_fit_means_compiling(setup, python):
    done, calls = setup(python, fits=False)
    assert done.returncode == 0, done.stderr
    assert any("gcc" in call and f"python{python}-dev" in call for call in calls)
    assert any("--no-build-isolation" in call and "sdist/minitorch_c-0.1.0.tar.gz" in call for call in calls)


def test_an_image_without_a_python_says_so(setup):
    done, _ = setup("3.9")
    assert done.returncode != 0 and "no Python 3.11 or later" in done.stderr


def test_nothing_is_installed_by_our_name(setup):
    """On the package index, the name belongs to another project."""
    _, calls = setup(fits=False)
    assert not [call for call in calls if re.search(r"install.*\sminitorch", call)]
    for path in ROOT.joinpath("notebooks").rglob("*"):
        if path.suffix in (".py", ".sh", ".txt", ".md", ".ipynb", ".toml") and path.is_file():
            wrong = re.search(r"pip3? install (-\S+ )*minitorch\b(?!-c\b)", path.read_text())
            assert not wrong, path


def test_a_folder_of_submissions(assignment, gradescope, solution, blank, tmp_path):
    me, friend = "solution@example.org", "friend@example.org"
    folder = tmp_path / "submissions"
    for name in ("submission_1", "submission_2", "submission_3", "submission_4"):
        (folder / name).mkdir(parents=True)
    text = solution.text()
    (folder / f"{me}.ipynb").write_text(text)
    (folder / f"{friend}_late.ipynb").write_text(text)
    (folder / "submission_1" / "assignment.ipynb").write_text(text)
    (folder / "submission_2" / "assignment.ipynb").write_text(text)
    (folder / "submission_3" / "assignment.ipynb").write_text(blank.text())
    (folder / "notes.txt").write_text("not a submission")
    roster, out = tmp_path / "roster.csv", tmp_path / "marks.csv"
    roster.write_text(f"submission,email\nsubmission_2,{friend}\n")
    command = [sys.executable, GRADER / "grade_folder.py", gradescope.folder / "autograder.zip", folder]
    env = {**os.environ, **gradescope.env}
    python = ["--python", gradescope.python, "--roster", roster, "-o", out]
    done = subprocess.run([*command, *python], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with open(out, newline="") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert {name: (row["email"], row["address"], float(row["score"])) for name, row in rows.items()} == {
        f"{me}.ipynb": (me, "name", 100),
        f"{friend}_late.ipynb": (friend, "name", 88),
        "submission_1": (me, "notebook", 100),
        "submission_2": (friend, "roster", 88),
        "submission_3": ("", "notebook", 0),
        "submission_4": ("", "", 0),
    }
    assert rows["submission_2"]["W2"] == "0.0" and rows["submission_1"]["W2"] == "4.0"
    assert "exactly one notebook" in rows["submission_4"]["notes"]


def test_a_python_that_cannot_run_notebooks_is_told(gradescope, tmp_path):
    command = [sys.executable, GRADER / "grade_folder.py", gradescope.folder / "autograder.zip", tmp_path]
    command += ["--python", "/bin/false"]
    done = subprocess.run(command, env=gradescope.env, capture_output=True, text=True)
    assert done.returncode == 1 and "name another with --python" in done.stderr
