"""Makes a term's assignment: python notebooks/assignment/make.py --secret FILE --out FOLDER

From source.py and the term's secret come

    student/assignment.ipynb         what students get
    student/chain-rule.html          the questions before the lecture
    teacher/solution.ipynb
    teacher/autograder.zip           for Gradescope, or for grade_folder.py
    teacher/online-assignment.md     for a Gradescope online assignment, in place of the notebook's upload
    teacher/chain-rule-online.md     the questions before the lecture, for Gradescope, with answers
    teacher/chain-rule-answers.html
    teacher/words.txt                the words in the text, for who cannot see or hear them

The secret is a TOML file (sample-secret.toml shows it); if there is none of that name, a new one is drawn.
What is made depends on the source, the secret and the packages alone: made twice, it is the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import math
import re
import secrets
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GRADER = HERE.parent / "grader"
sys.path[:0] = [str(ROOT), str(GRADER), str(HERE)]

from minitorch import wordhunt  # noqa: E402

sys.modules["wordhunt"] = wordhunt  # in the autograder it is a file of its own


import percent  # noqa: E402
import picture  # noqa: E402
import prelecture  # noqa: E402
import scoring  # noqa: E402

SOLUTION_EMAIL = "solution@example.org"
PRIVATE, ONLINE, ABOUT = "private-check", "online", "about"
LONG_AGO = (2020, 1, 1, 0, 0, 0)
NEW_SECRET = """\
# The secret of a term's assignment: keep it where students cannot see it, till the end of the term.
term = "{term}"  # changes the earned words; students see it
seed = "{seed}"  # chooses the words in the text and the numbers of the chain-rule questions

# When students see whether their words are right: visible, after_due_date, after_published, hidden.
words_visible = "after_due_date"

# Words of your own for the text (small letters a to z), in place of drawn ones.
# [words]
# 1 = "..."
# 4 = "..."

# [limits]
# seconds = 240        # for the whole notebook
# cell_seconds = 60
# memory_mb = 600
"""


def read_secret(path):
    """The settings of a term, with the words that stand in the text."""
    if not path.exists():
        path.write_text(NEW_SECRET.format(term=path.stem, seed=secrets.token_hex(16)))
        print(f"{path}: drawn anew; keep it")
    settings = tomllib.loads(path.read_text())
    source = (HERE / "source.py").read_text()
    stops = sorted(set(re.findall(r"\{\{WORD:(\d)\}\}", source)))
    drawn = {stop: wordhunt.word_of(f"text|{settings['seed']}|{settings['term']}|{stop}") for stop in stops}
    settings["words"] = drawn | {str(stop): word for stop, word in settings.get("words", {}).items()}
    for stop, word in settings["words"].items():
        if word != wordhunt.normal(word) or not word:
            raise SystemExit(f"word {stop} in {path}: only small letters a to z, not {word!r}")
    return settings


class Assignment:
    """The assignment of one term."""

    def __init__(self, settings, source=None):
        self.settings = settings
        self.cells = percent.read(source or (HERE / "source.py").read_text())
        self.checks_text = "\n\n\n".join(cell.source for cell in self.cells if PRIVATE in cell.tags) + "\n"
        public = {
            name: settings[name] for name in ("term", "words", "words_visible", "limits") if name in settings
        }
        self.grader_settings = public
        self.checks = scoring.Checks(self.checks_text, public)
        self._check_margins()

    def _check_margins(self):
        """No answer that a word depends on may lie where another computer could round it the other way."""
        unit = 10.0**-wordhunt.DECIMALS
        for stop, answers in self.checks.keys.items():
            for number in _flat(answers):
                part = number / unit % 1
                if abs(part - 0.5) < 0.1 and not math.isclose(part, 0):
                    raise SystemExit(
                        f"word {stop}: {number!r} is too close to where it would round otherwise"
                    )

    def words(self, email):
        """All words of a student."""
        earned = {
            s: wordhunt.earned(self.settings["term"], email, int(s), *a) for s, a in self.checks.keys.items()
        }
        return dict(sorted((earned | self.settings["words"]).items()))

    def _fill(self, text, email, answers, word):
        text = text.replace("{{TERM}}", self.settings["term"]).replace("{{EMAIL}}", email)
        text = re.sub(r"\{\{ANSWER:(\d)\}\}", lambda found: answers.get(found[1], ""), text)
        text = re.sub(r"\{\{WORD:(\d)\}\}", lambda found: word(self.settings["words"][found[1]]), text)
        return re.sub(r"\{\{([A-Z_]+)\}\}", lambda found: f"{self.checks.names[found[1]]:.4f}", text)

    def _notebook(self, change, email, answers):
        cells = []
        for cell in self.cells:
            if not {PRIVATE, ONLINE, ABOUT} & set(cell.tags):
                text = change(cell.source) if cell.kind == "code" else cell.source
                cells.append(cell._replace(source=self._fill(text, email, answers, picture.markdown)))
        return percent.notebook(cells)

    def student(self):
        text = self._notebook(percent.without_solution, "", {})
        for word in self.settings["words"].values():
            if word in wordhunt.normal(text):
                raise SystemExit(f"the word {word} would stand in the students' notebook for all to find")
        return text

    def solution(self):
        return self._notebook(percent.with_solution, SOLUTION_EMAIL, self.words(SOLUTION_EMAIL))

    def online(self):
        parts = [cell.source for cell in self.cells if ONLINE in cell.tags]
        return (
            "# From tensors to trained nets: the words, and a few questions\n\n"
            + self._fill("\n\n".join(parts), "", {}, str)
            + "\n"
        )

    def word_list(self):
        lines = [f"{stop}: {word}" for stop, word in sorted(self.settings["words"].items())]
        return (
            "The words that stand in the assignment's text. Not for students, but for who reads to them.\n"
            + "".join(line + "\n" for line in lines)
        )

    def pages(self):
        """All but the zip: {path: text}."""
        seed = f"{self.settings['seed']} {self.settings['term']}"
        return {
            "student/assignment.ipynb": self.student(),
            "student/chain-rule.html": prelecture.questions_page(seed),
            "teacher/solution.ipynb": self.solution(),
            "teacher/online-assignment.md": self.online(),
            "teacher/chain-rule-online.md": prelecture.online(seed),
            "teacher/chain-rule-answers.html": prelecture.answers_page(seed),
            "teacher/words.txt": self.word_list(),
        }

    def autograder(self, packages):
        """The bytes of autograder.zip; packages: paths of wheels and of a source distribution."""
        files = {name: (GRADER / name).read_bytes() for name in GRADER_FILES}
        files["wordhunt.py"] = (ROOT / "minitorch" / "wordhunt.py").read_bytes()
        files["checks.py"] = self.checks_text.encode()
        files["settings.json"] = (json.dumps(self.grader_settings, indent=1, sort_keys=True) + "\n").encode()
        for path in packages:
            folder = "wheels" if path.suffix == ".whl" else "sdist"
            files[f"{folder}/{path.name}"] = path.read_bytes()
        return zipped(files)


GRADER_FILES = ("run_autograder", "setup.sh", "grade.py", "runner.py", "scoring.py", "requirements.txt")


def _flat(answers):
    for answer in answers:
        yield from _flat(answer) if isinstance(answer, (list, tuple)) else [float(answer)]


def zipped(files):
    """A zip of {name: bytes}, sorted, with a fixed time; scripts may be run."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.external_attr = (0o755 if name in ("run_autograder", "setup.sh") else 0o644) << 16
            entry.create_system = 3
            archive.writestr(entry, files[name])
    return made.getvalue()


def same_every_time(path):
    """Writes a wheel or a source distribution again, without the times and names of who built it."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(files):
                archive.writestr(zipfile.ZipInfo(name, LONG_AGO), files[name], zipfile.ZIP_DEFLATED)
        path.write_bytes(made.getvalue())
        return
    made = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            content = old.extractfile(member) if member.isfile() else None
            clean = tarfile.TarInfo(member.name)
            clean.size, clean.type, clean.mtime = member.size, member.type, 1577836800
            clean.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(clean, content)
    path.write_bytes(gzip.compress(made.getvalue(), mtime=0))


def build_packages(folder):
    """A wheel and a source distribution of this checkout."""
    wheel = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    sdist = ["-c", f"from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})"]
    for command in (wheel, sdist):
        done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            hint = "the build needs: pip install 'setuptools>=77' wheel 'numpy>=2', and a C compiler"
            raise SystemExit(f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}\n{hint}")
    built = sorted(path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz")))
    for path in built:
        same_every_time(path)
    return built


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--secret", type=Path, help="the term's secret; drawn if there is none")
    parser.add_argument("--out", type=Path, help="the folder to write to")
    parser.add_argument("--sample", action="store_true", help="write the files in sample/ anew, nothing else")
    package = "a wheel or source distribution to ship (may be repeated), in place of building them now"
    parser.add_argument("--package", type=Path, action="append", help=package)
    parser.add_argument("--no-zip", action="store_true", help="everything but the autograder")
    given = parser.parse_args(arguments)
    if given.sample:
        given.secret, given.out, given.no_zip = HERE / "sample-secret.toml", HERE / "sample", True
    if not given.secret or not given.out:
        parser.error("--secret and --out are needed")
    assignment = Assignment(read_secret(given.secret))
    write(given.out, assignment.pages())
    if not given.no_zip:
        with tempfile.TemporaryDirectory() as folder:
            packages = given.package or build_packages(Path(folder))
            write(given.out, {"teacher/autograder.zip": assignment.autograder(packages)})
    print(f"{given.out}: {assignment.checks.points} points in {len(assignment.checks.questions)} questions")


if __name__ == "__main__":
    main()
