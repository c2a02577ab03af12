"""Submissions of every kind, and the exact marks they get. Source: notebooks/grader, notebooks/assignment."""

import json
import os
import time
from pathlib import Path

import pytest

from minitorch import wordhunt

ME = "solution@example.org"
FRIEND = "friend@example.org"
TRAINING = "final_loss = by_hand_loss().item()"  # question 3d
FOREVER = "while True:\n    pass\n"
SWALLOWS = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a notebook as another user")


def failed(result):
    return {test["number"] for test in result["tests"] if test["score"] < test["max_score"]}


@pytest.fixture
def grade(gradescope):
    def hand_in(paper, *emails):
        return gradescope.hand_in({"assignment.ipynb": paper.text()}, emails or (ME,))

    return hand_in


def test_the_solution_has_full_marks_in_time(grade, solution):
    began = time.monotonic()
    result = grade(solution)
    assert result["score"] == 100 and not failed(result) and not result["output"]
    assert time.monotonic() - began < 60


def test_a_blank_notebook_has_none(grade, blank):
    result = grade(blank)
    assert result["score"] == 0
    # Nothing in it raises before there are answers.
    assert not result["output"]


def test_gradescopes_form(grade, solution):
    result = grade(solution.delete(TRAINING))
    assert set(result) >= {"score", "output", "execution_time", "stdout_visibility", "tests"}
    assert result["score"] == pytest.approx(sum(test["score"] for test in result["tests"]))
    assert sum(test["max_score"] for test in result["tests"]) == 100
    for test in result["tests"]:
        assert 0 <= test["score"] <= test["max_score"] and test["status"] in ("passed", "failed")
        assert test["visibility"] == ("after_due_date" if test["number"].startswith("W") else "visible")


def test_a_wrong_gradient_costs_its_points_and_its_words(grade, solution, assignment):
    solution.replace("slope = w.grad.item()", "slope = -w.grad.item()")
    answers = assignment.checks.keys
    slope = -answers["2"][0]
    words = assignment.words(ME)
    words["2"] = wordhunt.earned("tests", ME, 2, slope)
    words["5"] = wordhunt.earned("tests", ME, 5, slope, *answers["5"][1:])
    result = grade(solution.words(words))
    assert failed(result) == {"2b", "W2", "W5"} and result["score"] == 100 - 4 - 2 * 4
    assert "the sign is wrong" in next(test["output"] for test in result["tests"] if test["number"] == "2b")


SLIPS = {  # question: (what the solution says, what this one says, points, a word of the hint)
    "1a": (".reshape(3, 4).float()", ".reshape(3, 4).double()", 1, "float32"),
    "1d": ("unbiased=False", "unbiased=True", 3, "n - 1"),
    "1e": ("copy = torch.tensor(numbers)", "copy = torch.from_numpy(numbers)", 2, "alias"),
    "2c": ("return -2 * (y", "return 2 * (y", 3, "minus"),
    "2d": ("w.grad.zero_()\nb.grad", "b.grad", 2, "zero_()"),
    "2e": ("(f(w + h) - f(w - h)) / (2 * h)", "(f(w + h) - f(w)) / h", 2, "one side"),
    "3d": ("range(20)", "range(21)", 4, "21 steps"),
    "4b": ("torch.relu(self.first(x))", "self.first(x)", 2, "relu between"),
    "5a": ("nn.Tanh(), nn.Linear(8, 1)", "nn.ReLU(), nn.Linear(8, 1)", 3, "Tanh"),
    "6a": ("return self.x[i], self.y[i]", "return self.y[i], self.x[i]", 1, "pair"),
}


def test_known_slips_get_part_of_the_points_and_a_hint(grade, solution):
    for right, wrong, _, _ in SLIPS.values():
        solution.replace(right, wrong)
    tests = {test["number"]: test for test in grade(solution)["tests"]}
    for number, test in tests.items():
        if number in SLIPS:
            assert (number, test["score"]) == (number, SLIPS[number][2])
            assert SLIPS[number][3] in test["output"]
        else:
            assert (number, test["score"]) == (number, test["max_score"])


def test_a_friends_words(grade, solution, assignment):
    result = grade(solution.words(assignment.words(FRIEND)))
    assert failed(result) == {"W2", "W3", "W5"} and result["score"] == 88


def test_the_right_words_under_another_account(grade, solution):
    result = grade(solution, FRIEND)
    assert failed(result) == {"W2", "W3", "W5"} and result["score"] == 88


def test_a_group_hands_in_the_words_of_one(grade, solution):
    assert grade(solution, FRIEND, ME.upper())["score"] == 100


def test_words_are_compared_without_case_and_spaces(grade, solution, assignment):
    words = {stop: f" {word.upper()}. " for stop, word in assignment.words(ME).items()}
    assert grade(solution.words(words))["score"] == 100


def test_a_cell_that_raises(grade, solution):
    result = grade(solution.replace("alias = torch.from_numpy(numbers)", "raise ValueError('oh')"))
    assert failed(result) == {"1e"} and result["score"] == 96
    assert "raised ValueError: oh" in result["output"]


def test_an_endless_loop_costs_its_cell(grade, solution):
    result = grade(solution.replace(TRAINING, FOREVER + TRAINING))
    assert failed(result) == {"3d"} and result["score"] == 94
    assert "OutOfTime" in result["output"]


def test_an_endless_loop_in_a_function_that_is_asked_for(grade, solution):
    solution.replace("return torch.clamp(x, min=0)", "\n".join(["while torch.is_tensor(x):", "        pass"]))
    result = grade(solution)
    # The function's own cell, and training, which calls it, run out of time as well.
    assert failed(result) == {"3b", "3d"} and result["score"] == 100 - 2 - 6


def test_a_loop_that_swallows_everything_ends_with_the_time(grade, solution, gradescope, assignment):
    path = gradescope.source / "settings.json"
    kept = path.read_text()
    settings = json.loads(kept)
    settings["limits"]["seconds"] = 10
    path.write_text(json.dumps(settings))
    try:
        result = grade(solution.replace(TRAINING, SWALLOWS + TRAINING))
    finally:
        path.write_text(kept)
    # Steps 1 and 2 and what of step 3 stands above; the words are in the last cell.
    assert result["score"] == 18 + 20 + 10
    assert "was stopped in code cell" in result["output"] and "after 10 s" in result["output"]


def test_a_memory_hog(grade, solution):
    hog = "hog = []\nwhile True:\n    hog.append(bytearray(1 << 27))\n"
    result = grade(solution.replace(TRAINING, hog + TRAINING))
    assert failed(result) == {"3d"} and result["score"] == 94
    assert "MemoryError" in result["output"]


@pytest.mark.parametrize(("crash", "name"), [("os.abort()", "SIGABRT"), ("ctypes.string_at(0)", "SIGSEGV")])
def test_a_crash_in_c_costs_what_follows(grade, solution, crash, name):
    at = solution.index(TRAINING)
    result = grade(solution.insert(at + 1, f"import ctypes, os\n{crash}"))
    assert result["score"] == 18 + 20 + 16
    assert name in result["output"] and "import ctypes" in result["output"]


def test_ending_the_process(grade, solution):
    at = solution.index(TRAINING)
    result = grade(solution.insert(at + 1, "import os\nos._exit(0)"))
    assert result["score"] == 18 + 20 + 16 and "status 0" in result["output"]


def test_sys_exit_ends_a_cell(grade, solution):
    assert grade(solution.insert(3, "import sys\nsys.exit(1)"))["score"] == 100


def test_moved_cells(grade, solution):
    """One to the end, one above what it needs: that one is run once more, at the end."""
    solution.move("def standardise", len(solution.cells) - 1).move(TRAINING, 1)
    assert grade(solution)["score"] == 100


def test_deleted_cells(grade, solution):
    result = grade(solution.delete("def standardise").delete("class Points"))
    assert failed(result) == {"1d", "6a", "6b"} and result["score"] == 100 - 5 - 6


def test_names_used_again_and_deleted_later(grade, solution):
    assert (
        grade(solution.insert(-1, "del slope, final_loss\nx = loss = b = 'something else'"))["score"] == 100
    )


def test_magics_and_shell_lines(grade, solution):
    code = "%timeit -n 1 -r 1 1 + 1\n!echo hello\n%whos"
    assert grade(solution.insert(2, code))["score"] == 100


def test_pytorchs_name_means_minitorch(grade, solution):
    assert grade(solution.replace("import minitorch as torch", "import torch"))["score"] == 100


def test_input_has_no_answer(grade, solution):
    result = grade(solution.insert(2, "input('your name? ')"))
    assert result["score"] == 100 and "code cell" in result["output"].lower()


def attack(code):
    """Code that notes what it could not do, and goes on."""
    return f"try:\n    {code}\nexcept OSError as error:\n    print('refused:', error)\n"


@only_root
def test_one_that_rewrites_the_tests(grade, blank, gradescope):
    before = {path.name: path.read_bytes() for path in gradescope.source.iterdir() if path.is_file()}
    root = gradescope.folder
    for path in (
        root / "source" / "checks.py",
        root / "results" / "results.json",
        root / "source" / "new.py",
    ):
        blank.insert(1, attack(f"open({str(path)!r}, 'w').write('everybody passes')"))
    result = grade(blank)
    assert result["score"] == 0
    assert result["extra_data"]["output"].count("refused:") == 3
    assert before == {path.name: path.read_bytes() for path in gradescope.source.iterdir() if path.is_file()}


def test_one_that_patches_the_helper(grade, blank):
    blank.insert(
        1, "import minitorch.wordhunt as w\nw.earned = w.word_of = w.normal = lambda *a: 'amberotter'\n"
    )
    blank.insert(-1, "import json, numpy\njson.dumps = numpy.allclose = lambda *a, **k: True")
    assert grade(blank.words({i: "amberotter" for i in range(1, 6)}))["score"] == 0


@only_root
def test_one_that_reads_the_graders_files(grade, solution, gradescope, assignment):
    root = gradescope.folder
    for path in (
        "source/checks.py",
        "source/settings.json",
        "submission_metadata.json",
        "submission/assignment.ipynb",
    ):
        solution.insert(-1, attack(f"print(open({str(root / path)!r}).read())"))
    solution.insert(-1, attack(f"import os; print(os.listdir({str(root / 'source')!r}))"))
    solution.insert(-1, attack("import os; print(open(f'/proc/{os.getppid()}/environ').read())"))
    solution.insert(-1, attack("import os; print(open(f'/proc/{os.getppid()}/mem', 'rb').read(1))"))
    solution.insert(-1, attack("import os; print('I am', os.getuid(), os.getgroups())"))
    result = grade(solution.words({}))
    said = result["extra_data"]["output"]
    assert result["score"] == 80 and said.count("refused:") == 7 and "I am 65534 []" in said
    assert not [word for word in assignment.settings["words"].values() if word in json.dumps(result)]


def test_a_huge_output_is_cut(grade, solution, gradescope):
    result = grade(solution.insert(1, "for _ in range(20):\n    print('x' * 5_000_000)"))
    assert result["score"] == 100
    assert "was cut" in result["output"] and len(json.dumps(result)) < 50_000


def test_a_huge_value_is_refused(grade, solution):
    result = grade(solution.insert(-1, "alias = torch.zeros(10_000_000)\nslope = 'x' * 10_000_000"))
    # The tensor is no answer, so what was there before counts; the text is one, and a wrong one.
    assert failed(result) == {"2b"} and result["score"] == 96


FORGERY = """
import os, sys
for fd in range(3, 20):
    for line in ('[]', '{"end": 0, "error": null, "values": {"1a": 5, "2b": {"slope": 1}}}', '{"end": 1e999}',
                 '{"begin": -7}', '{"begin": 99999}', '{"end": 3}', 'nonsense', '[' * 100000):
        try:
            os.write(fd, (line + '\\n').encode())
        except OSError:
            pass
"""


def test_nonsense_on_the_graders_pipe(grade, solution):
    assert grade(solution.insert(1, FORGERY))["score"] == 100


STAYS = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("/dev/null")
        time.sleep(3600)
    os._exit(0)
mark = os.getpid()
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
def test_nothing_stays_behind(grade, solution):
    def asleep():
        found = set()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if "runs the cells of a submitted notebook" in path.read_text(errors="replace").lower():
                    found.add(path.parent.name)
            except OSError:
                pass
        return found

    before = asleep()
    assert grade(solution.insert(3, STAYS))["score"] == 100
    assert asleep() <= before


def test_odd_values_are_wrong_answers_and_no_more(grade, solution):
    solution.insert(-1, "slope, twice, column_means = float('nan'), 1e400, 'four'")
    solution.insert(-1, "final_loss, batch_sizes = [[], [[]]], {1: 2}\nwords_ = 1\nmodel = 5")
    result = grade(solution)
    assert failed(result) == {"1b", "2b", "2d", "3d", "6b"} and result["score"] == 100 - 3 - 4 - 2 - 6 - 3


def test_two_notebooks(gradescope, solution):
    text = solution.text()
    result = gradescope.hand_in({"a.ipynb": text, "b/b.ipynb": text}, [ME])
    assert result["score"] == 0 and "exactly one notebook; found 2: a.ipynb, b.ipynb" in result["output"]


def test_copies_that_jupyter_makes_do_not_count(gradescope, solution):
    text = solution.text()
    files = {"a.ipynb": text, ".ipynb_checkpoints/a-checkpoint.ipynb": text, "__MACOSX/._a.ipynb": ""}
    assert gradescope.hand_in(files, [ME])["score"] == 100


@pytest.mark.parametrize("files", [{}, {"readme.txt": "later"}])
def test_no_notebook(gradescope, files):
    result = gradescope.hand_in(files, [ME])
    assert result["score"] == 0 and "found 0" in result["output"]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"cells": 5}', '{"cells": [{"cell_type": "code"}]}', "[" * 100000]
)
def test_what_is_no_notebook(gradescope, text):
    result = gradescope.hand_in({"a.ipynb": text}, [ME])
    assert result["score"] == 0 and "no notebook that Jupyter could read" in result["output"]


def test_a_grader_that_fails_leaves_results(gradescope, solution):
    kept = gradescope.env["GRADER_PYTHON"]
    gradescope.env["GRADER_PYTHON"] = "/bin/false"
    try:
        result = gradescope.hand_in({"a.ipynb": solution.text()}, [ME])
    finally:
        gradescope.env["GRADER_PYTHON"] = kept
    assert result["score"] == 0 and "grader itself failed" in result["output"]
