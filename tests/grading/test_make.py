"""What make.py makes of the assignment's source: nothing that students should not have, the same every time.
Source: notebooks/assignment."""

import hashlib
import itertools
import json
import os
import re
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import pytest

from minitorch import wordhunt

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks" / "assignment"
SAMPLE = FOLDER / "sample"


def sources(text):
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"]]


# ---- words ----------------------------------------------------------------------------------------------


def test_any_two_words_differ_in_two_letters():
    words = [first + second for first, second in itertools.product(wordhunt.FIRST, wordhunt.SECOND)]
    assert len(words) == len(set(words)) == 4096
    seen = {}
    for word in words:
        assert word == wordhunt.normal(word)
        for i in range(len(word)):
            for near in (word[:i] + word[i + 1 :], word[:i] + "?" + word[i + 1 :]):
                assert seen.setdefault(near, word) == word
        assert seen.setdefault(word, word) == word


def test_words_are_of_one_student_one_term_and_one_answer():
    keys = [("a", "x@y.z", 1, 2.0), ("b", "x@y.z", 1, 2.0), ("a", "w@y.z", 1, 2.0), ("a", "x@y.z", 2, 2.0)]
    words = {wordhunt.earned(*key) for key in [*keys, ("a", "x@y.z", 1, 2.001)]}
    assert len(words) == 5


@pytest.mark.parametrize("answer", [..., None, "text", [], [1, ...], object(), {}])
def test_what_is_no_answer_earns_no_word(answer):
    assert wordhunt.earned("a", "x@y.z", 1, answer) is None


def test_float32_and_float64_earn_the_same_word(assignment):
    import numpy as np

    for stop, answers in assignment.checks.keys.items():
        rounded = [np.float32(a) if isinstance(a, float) else a for a in answers]
        assert wordhunt.earned("t", "x@y.z", stop, *answers) == wordhunt.earned("t", "x@y.z", stop, *rounded)


def test_an_answer_on_the_edge_is_noticed(make, assignment):
    text = (
        (FOLDER / "source.py")
        .read_text()
        .replace("earned_word(2, SLOPE)\n", "earned_word(2, 1.23450001)\n", 1)
    )
    with pytest.raises(SystemExit, match="too close"):
        make.Assignment(assignment.settings, text)


# ---- what students get -----------------------------------------------------------------------------------


def digests(text):
    data = text.encode()
    return [hashlib.new(kind, data).hexdigest() for kind in ("md5", "sha1", "sha256", "sha512")] + [
        f"{zlib.crc32(data):08x}"
    ]


def test_students_files_hold_no_word_digest_solution_or_check(make, assignment):
    import percent

    pages = assignment.pages()
    student = {name: text for name, text in pages.items() if name.startswith("student/")}
    assert len(student) == 2
    words = set(assignment.settings["words"].values()) | set(assignment.words(make.SOLUTION_EMAIL).values())
    hidden = {digest[:12] for word in words for digest in digests(word)}
    for answers in assignment.checks.keys.values():
        hidden |= {digest[:12] for digest in digests(wordhunt.canonical(list(answers)))}
        hidden |= {f"{number:.4f}" for number in answers if isinstance(number, float)}
    marks = {
        assignment.settings["seed"],
        "SOLUTION",
        "INSTEAD",
        "private-check",
        "question(",
        "is_word(",
        "judge(",
    }
    cells = json.loads(pages["student/assignment.ipynb"])["cells"]
    code = {line.strip() for cell in cells if cell["cell_type"] == "code" for line in cell["source"]}
    solved = set()
    for cell in percent.read((FOLDER / "source.py").read_text()):
        if make.PRIVATE in cell.tags:
            hidden |= {line.strip() for line in cell.source.splitlines()} - code
        for solution in re.findall(r"# BEGIN SOLUTION\n(.*?)# END SOLUTION", cell.source, re.S):
            solved |= {
                line.strip() for line in solution.splitlines() if "# INSTEAD" not in line and line.strip()
            }
    assert len(solved) > 35 and not solved & code
    # The text names the functions to call; what it must not have is a line that gives the answer.
    hidden |= {line for line in solved if re.search(r"\w = |^return ", line)}
    hidden = {text for text in hidden if len(text) > 11} - {"with torch.no_grad():"} | marks
    assert len(hidden) > 200
    for name, text in student.items():
        lines = "\n".join(sources(text)) if name.endswith(".ipynb") else text
        assert not [part for part in hidden if part in lines], name
        assert not [word for word in words if word in wordhunt.normal(text)], name


def test_a_word_in_the_text_is_noticed(make, assignment):
    settings = {**assignment.settings, "words": {"1": "tensor", "4": "lemonotter"}}
    with pytest.raises(SystemExit, match="tensor"):
        make.Assignment(settings).student()


def test_the_chain_rule_sheet_has_no_answers(assignment):
    pages = assignment.pages()
    questions, answers = pages["student/chain-rule.html"], pages["teacher/chain-rule-answers.html"]
    assert questions.count("<svg") == answers.count("<svg") == 5
    from minitorch._graph_svg import GRADIENT

    assert GRADIENT in answers and GRADIENT not in questions and "<title>" not in questions.split("<h1>")[1]
    assert questions.count(">?<") >= 12 and "explain" not in questions and "<pre>" not in questions


def test_words_are_pictures_that_can_be_read_aloud(make, assignment):
    import picture

    text = assignment.student()
    for word in assignment.settings["words"].values():
        spelled = " ".join(picture.SPELLING[letter] for letter in word)
        assert f"![a word, spelled: {spelled}](data:image/png;base64," in text
    data = picture.png("otter")
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">2I", data[16:24])
    assert width > 2 * height > 40
    assert len({tuple(map(tuple, picture.dots(letter))) for letter in picture.LETTERS}) == 26


def test_the_picture_is_a_png_that_others_read():
    import picture

    image = pytest.importorskip("PIL.Image").open(BytesIO(picture.png("zebra")))
    image.load()
    rows = picture.dots("zebra")
    assert image.size == (len(rows[0]) * picture.DOT, len(rows) * picture.DOT)
    middle = picture.DOT // 2
    for y, row in enumerate(rows):
        for x, dot in enumerate(row):
            assert bool(image.getpixel((x * picture.DOT + middle, y * picture.DOT + middle))) != dot


# ---- what teachers get -----------------------------------------------------------------------------------


def test_the_online_assignment_asks_one_thing_at_a_time(assignment):
    text = assignment.online()
    fields = re.findall(r"\[____\]\((.+?)\)", text)
    assert len(fields) == 6 == text.count("\n## ") - 5
    assert set(assignment.settings["words"].values()) <= set(fields)
    numbers = [re.fullmatch(r"=(-?[\d.]+)\+-([\d.]+)", field) for field in fields]
    assert [float(number[1]) for number in numbers if number] == pytest.approx([-8.23, 0.0214, 15, 30])


def test_chain_rule_answers_by_hand(assignment):
    """The first and the last graph, from the formula that stands in the question."""
    text = assignment.pages()["teacher/chain-rule-online.md"]
    found = re.findall(r"What is (.*)\?\n\n\[____\]\(=(-?[\d.]+)\+-0\)", text)
    answers = [(question, float(answer)) for question, answer in found]
    assert len(answers) == len(re.findall(r"^## [A-G]\d", text, re.M)) > 25
    assert all(number == int(number) for _, number in answers)
    (c, d, e, de_dc, de_dd, de_da, de_db), a = (number for _, number in answers[:7]), None
    b = d - 1
    a = c - b
    assert (e, de_dc, de_dd, de_da, de_db) == ((a + b) * (b + 1), b + 1, a + b, b + 1, (a + b) + (b + 1))
    assert text.count("(X)") == 3


def test_every_term_has_its_own_numbers_and_words(make, assignment):
    other = make.Assignment(
        {**assignment.settings, "seed": "another", "words": {"1": "bluemoon", "4": "redsun"}}
    )
    one, two = assignment.pages(), other.pages()
    assert one["teacher/chain-rule-online.md"] != two["teacher/chain-rule-online.md"]
    assert one["student/assignment.ipynb"] != two["student/assignment.ipynb"]
    assert "bluemoon" in two["teacher/online-assignment.md"]


def test_the_zip_is_the_same_bytes_every_time(make, tmp_path):
    secret = tmp_path / "secret.toml"
    wheel = tmp_path / "minitorch_c-0.1.0-cp311-cp311-linux_x86_64.whl"
    wheel.write_bytes(b"a wheel")
    sdist = tmp_path / "minitorch_c-0.1.0.tar.gz"
    sdist.write_bytes(b"a source distribution")
    packages = ["--package", str(wheel), "--package", str(sdist)]
    for out in ("one", "two"):
        # With the secret drawn the first time.
        make.main(["--secret", str(secret), "--out", str(tmp_path / out), *packages])
    one, two = ((tmp_path / out / "teacher" / "autograder.zip").read_bytes() for out in ("one", "two"))
    assert one == two
    with zipfile.ZipFile(BytesIO(one)) as archive:
        names = set(archive.namelist())
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert {
        "run_autograder",
        "setup.sh",
        "checks.py",
        "wordhunt.py",
        f"wheels/{wheel.name}",
        f"sdist/{sdist.name}",
    } <= names
    assert modes["run_autograder"] == modes["setup.sh"] == 0o755 and modes["grade.py"] == 0o644


def test_packages_are_written_without_times_and_names(make, tmp_path):
    import tarfile

    made = []
    for year in (2001, 2020):
        wheel, sdist = tmp_path / f"{year}.whl", tmp_path / f"{year}.tar.gz"
        with zipfile.ZipFile(wheel, "w") as archive:
            for name in ("b", "a") if year == 2001 else ("a", "b"):
                archive.writestr(zipfile.ZipInfo(name, (year, 2, 3, 4, 5, 6)), name * 100)
        with tarfile.open(sdist, "w:gz") as archive:
            entry = tarfile.TarInfo("a")
            entry.size, entry.mtime, entry.uname = 3, year * 1000, f"user {year}"
            archive.addfile(entry, BytesIO(b"abc"))
        for path in (wheel, sdist):
            make.same_every_time(path)
        made.append((wheel.read_bytes(), sdist.read_bytes()))
        assert zipfile.ZipFile(wheel).read("a") == b"a" * 100
        assert tarfile.open(sdist).extractfile("a").read() == b"abc"
    assert made[0] == made[1]


def test_the_sample_is_current(make):
    """After a change to the source: python notebooks/assignment/make.py --sample"""
    pages = make.Assignment(make.read_secret(FOLDER / "sample-secret.toml")).pages()
    for name, text in pages.items():
        assert (SAMPLE / name).read_text() == text, name


# ---- the notebooks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["student", "solution"])
def test_notebooks_run_in_jupyter(assignment, kind):
    nbformat = pytest.importorskip("nbformat", reason="needs pip install 'minitorch-c[notebooks]'")
    nbclient = pytest.importorskip("nbclient", reason="needs pip install 'minitorch-c[notebooks]'")
    pytest.importorskip("ipykernel", reason="needs pip install 'minitorch-c[notebooks]'")
    notebook = nbformat.reads(getattr(assignment, kind)(), as_version=4)
    nbformat.validate(notebook)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    text = json.dumps(notebook)
    if kind == "solution":
        for stop, word in assignment.words("solution@example.org").items():
            assert stop in assignment.settings["words"] or f"Your word number {stop} is: {word}" in text


def test_jupytext_reads_the_same_cells():
    jupytext = pytest.importorskip("jupytext", reason="needs pip install 'minitorch-c[notebooks]'")
    import percent

    text = (FOLDER / "source.py").read_text()
    theirs = jupytext.reads(text, fmt="py:percent").cells
    ours = percent.read(text)
    assert [(cell.kind, cell.source) for cell in ours] == [(cell.cell_type, cell.source) for cell in theirs]
    assert [list(cell.tags) for cell in ours] == [cell.metadata.get("tags", []) for cell in theirs]


def test_the_solution_is_pytorchs_code(assignment, capsys):
    """Every line but those of the hunt and the drawing runs in PyTorch, with the same answers."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    cells = json.loads(assignment.solution())["cells"]
    script = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for ours, theirs in (
        ("import minitorch as torch", "import torch"),
        ("from minitorch import nn", "from torch import nn"),
        ("from minitorch.utils.data", "from torch.utils.data"),
        ("moons = moons_split()", "moons = theirs(moons_split())"),
        ("display(minitorch.graph(first_loss, w=w, b=b, x=x, y=y))", "pass"),
    ):
        assert script.count(ours) == 1, ours
        script = script.replace(ours, theirs)

    def theirs(moons):
        import torch

        return type(moons)(*(torch.tensor(part.numpy()) for part in moons))

    exec(script, {"theirs": theirs, "__name__": "solution"})
    said = capsys.readouterr().out
    for stop, word in assignment.words("solution@example.org").items():
        assert stop in assignment.settings["words"] or f"Your word number {stop} is: {word}" in said
