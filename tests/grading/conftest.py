"""A root as Gradescope makes it, in a temporary folder: the autograder unpacked, submissions handed in.

Where the tests run as root, notebooks run as the user nobody, who must be able to start Python: if this one
lies where nobody may look, it is copied (linked where possible) into the root, with what the grader needs.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

import pytest

import minitorch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "notebooks" / "assignment"))

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
PACKAGE = Path(minitorch.__file__).resolve().parent
SECRET = """
term = "tests"
seed = "of the tests"

[limits]
seconds = 60
cell_seconds = 1.5
probe_seconds = 1
memory_mb = 500
"""

pytest.importorskip(
    "IPython", reason="the grader runs cells with IPython (pip install 'minitorch-c[notebooks]')"
)
pytest.importorskip("pwd", reason="the grader is made for Linux")
if not (ROOT / "notebooks").is_dir():
    pytest.skip("a source distribution has no notebooks", allow_module_level=True)


@pytest.fixture(scope="session")
def make():
    import make

    return make


@pytest.fixture(scope="session")
def assignment(make, tmp_path_factory):
    secret = tmp_path_factory.mktemp("secret") / "secret.toml"
    secret.write_text(SECRET)
    return make.Assignment(make.read_secret(secret))


def as_nobody():
    return {"user": "nobody", "group": 65534, "extra_groups": []} if IS_ROOT else {}


def runs(python, env):
    """Can whoever runs notebooks start this Python and import what the grader needs?"""
    command = [python, "-c", "import IPython, numpy, minitorch"]
    try:
        return subprocess.run(command, cwd="/", env=env, capture_output=True, **as_nobody()).returncode == 0
    except OSError:
        return False


def link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def needed(names):
    """The distributions of these names and all that they need."""
    found, waiting = {}, list(names)
    while waiting:
        name = re.split(r"[^\w.-]", waiting.pop())[0].lower()
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        waiting += [text for text in found[name].requires or [] if "extra ==" not in text]
    return found.values()


def copy_python(target):
    """This Python, its library, and what the grader needs; the path of its program."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    lib = target / "lib" / version
    skipped = shutil.ignore_patterns(
        "site-packages", "test", "tests", "idlelib", "tkinter", "ensurepip", "config-*"
    )
    shutil.copytree(sysconfig.get_path("stdlib"), lib, ignore=skipped, copy_function=link)
    (target / "bin").mkdir()
    shutil.copy2(os.path.realpath(sys.executable), target / "bin" / "python")
    for shared in Path(sysconfig.get_config_var("LIBDIR") or "/").glob("libpython3*.so*"):
        shutil.copy2(shared, target / "lib")
    for distribution in needed(["numpy", "ipython"]):
        for file in distribution.files or []:
            if ".." not in file.parts and file.locate().is_file():
                place = lib / "site-packages" / file
                place.parent.mkdir(parents=True, exist_ok=True)
                if not place.exists():
                    link(file.locate(), place)
    shutil.copytree(PACKAGE, lib / "site-packages" / "minitorch", copy_function=link)
    return str(target / "bin" / "python")


class Gradescope:
    """The folder that Gradescope calls /autograder."""

    def __init__(self, folder, autograder):
        self.folder = folder
        folder.chmod(0o711)
        with zipfile.ZipFile(autograder) as archive:
            archive.extractall(folder / "source")
        (folder / "source" / "run_autograder").chmod(0o755)
        self.source, self.submission = folder / "source", folder / "submission"
        self.env = {**os.environ, "AUTOGRADER_DIR": str(folder)}
        self.env.pop("PYTHONPATH", None)
        env = {**self.env, "PYTHONPATH": str(PACKAGE.parent)}
        if runs(sys.executable, env):
            self.env, self.python = env, sys.executable
        else:
            self.python = copy_python(folder / "python")
            self.env["LD_LIBRARY_PATH"] = str(folder / "python" / "lib")
            # Debian's own Python does not look there by itself.
            self.env["PYTHONPATH"] = str(next(folder.glob("python/lib/python3*/site-packages")))
            assert runs(self.python, self.env), "nobody cannot start the copy of Python"
        self.env["GRADER_PYTHON"] = self.python

    def hand_in(self, files, emails):
        """Gradescope's part: the results for these files, {name: text}, of those with these addresses."""
        shutil.rmtree(self.submission, ignore_errors=True)
        self.submission.mkdir()
        for name, text in files.items():
            path = self.submission / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        users = [{"id": i, "email": email, "name": "A Student"} for i, email in enumerate(emails)]
        (self.folder / "submission_metadata.json").write_text(json.dumps({"id": 1, "users": users}))
        results = self.folder / "results" / "results.json"
        results.unlink(missing_ok=True)
        done = subprocess.run(
            [self.source / "run_autograder"],
            env=self.env,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.log = done.stdout + done.stderr
        return json.loads(results.read_text())


@pytest.fixture(scope="session")
def gradescope(assignment):
    folder = Path(tempfile.mkdtemp(prefix="autograder-"))
    try:
        (folder / "autograder.zip").write_bytes(assignment.autograder([]))
        yield Gradescope(folder, folder / "autograder.zip")
    finally:
        shutil.rmtree(folder)


class Paper:
    """A notebook to hand in: the solution or the students' file, and changes to it."""

    def __init__(self, text):
        self.notebook = json.loads(text)

    @property
    def cells(self):
        return self.notebook["cells"]

    def index(self, part):
        """Where the one cell of code with this part is."""
        found = [
            i for i, c in enumerate(self.cells) if c["cell_type"] == "code" and part in "".join(c["source"])
        ]
        assert len(found) == 1, (part, found)
        return found[0]

    def replace(self, old, new):
        cell = self.cells[self.index(old)]
        cell["source"] = "".join(cell["source"]).replace(old, new)
        return self

    def put(self, part, code):
        """Replaces the cell with this part."""
        self.cells[self.index(part)]["source"] = code
        return self

    def delete(self, part):
        del self.cells[self.index(part)]
        return self

    def move(self, part, where):
        self.cells.insert(where, self.cells.pop(self.index(part)))
        return self

    def insert(self, where, code):
        cell = {"cell_type": "code", "id": "new", "metadata": {}, "source": code}
        self.cells.insert(where % (len(self.cells) + 1), cell | {"outputs": [], "execution_count": None})
        return self

    def words(self, words):
        return self.put("words = {", f"words = {words!r}")

    def text(self):
        return json.dumps(self.notebook)


@pytest.fixture
def solution(assignment):
    return Paper(assignment.solution())


@pytest.fixture
def blank(assignment):
    return Paper(assignment.student())
