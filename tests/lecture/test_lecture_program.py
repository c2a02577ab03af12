"""``python -m minitorch.lecture``: its data, what it prints, its pictures, its words for a missing extra."""

import doctest
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pytorch_twin import pytorch

import minitorch as torch
from minitorch import nn
from minitorch.lecture import line, moons
from minitorch.lecture.data import half_moons, line_data, moons_split
from minitorch.lecture.models import Perceptron, Run, SimpleLinearNN, network, train
from minitorch.lecture.report import Report, sizes_table, table

ROOT = str(Path(torch.__file__).resolve().parent.parent)
FAST = ("--epochs-scale", "0.01")


def lecture(*arguments, blocked=(), **options):
    """Run the program in a process of its own, in which the modules ``blocked`` cannot be imported."""
    code = (
        "import sys, runpy\n"
        f"sys.modules.update(dict.fromkeys({list(blocked)!r}))\n"
        f"sys.argv[1:] = {[str(a) for a in arguments]!r}\n"
        "runpy.run_module('minitorch.lecture', run_name='__main__', alter_sys=True)"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env=dict(os.environ, PYTHONPATH=os.environ.get("PYTHONPATH", ROOT)),
        capture_output=True,
        text=True,
        timeout=300,
        **options,
    )


def needs(module):
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")


# --- the data ----------------------------------------------------------------------------------------------


def test_line_data():
    data = line_data()
    assert data.x.shape == data.y.shape == (100, 1) and data.x.dtype == np.float64
    assert [data.x[0, 0], data.y[0, 0]] == pytest.approx([1.36961687, 3.91311174], abs=1e-7)
    assert np.polyfit(data.x[:, 0], data.y[:, 0], 1) == pytest.approx([data.w_ols, data.b_ols], rel=1e-9)


@needs("sklearn")
def test_half_moons_are_scikit_learns():
    from sklearn.datasets import make_moons
    from sklearn.model_selection import train_test_split

    x, y = half_moons()
    expected_x, expected_y = make_moons(500, random_state=0)
    assert np.array_equal(x, expected_x) and np.array_equal(y, expected_y)
    parts = train_test_split(expected_x, expected_y, test_size=0.1, random_state=0)
    ours = moons_split()
    for mine, theirs in zip((ours.train_x, ours.test_x, ours.train_y, ours.test_y), parts, strict=True):
        assert np.array_equal(mine.numpy(), theirs.reshape(mine.shape).astype(np.float32))


def test_half_moons_by_stored_values():
    x, y = half_moons()
    assert x.shape == (500, 2) and y.sum() == 250
    assert x[:2].ravel() == pytest.approx([0.421665133, 0.906751628, 0.00127320653, 0.449554068], abs=1e-7)
    assert "".join(map(str, y[:20])) == "01111011000111011100"
    split = moons_split()
    assert [tuple(t.shape) for t in split] == [(450, 2), (450, 1), (50, 2), (50, 1)]
    assert all(t.dtype is torch.float32 for t in split)
    assert len(split.loader()) == 57


@pytest.mark.parametrize("name", ["data", "line", "models", "moons", "report"])
def test_examples_in_the_docstrings(name):
    assert doctest.testmod(importlib.import_module(f"minitorch.lecture.{name}")).failed == 0


# --- the nets ----------------------------------------------------------------------------------------------


def test_numerical_gradient_and_autograd_agree():
    w, b = line.random_guess()
    x0, y0 = torch.tensor([1.3696]), torch.tensor([3.9131])
    slope = line.numerical_gradient(*(t.detach().double() for t in (w, b, x0, y0)))
    line.squared_loss(w, b, x0, y0).backward()
    assert f"{slope.item():.2f} {w.grad.item():.2f}" == "-8.23 -8.23"


def test_descent_by_hand_approaches_least_squares(capsys):
    lesson = line.teach(Report(quiet=True), 20)
    assert lesson.guess == pytest.approx((0.7704980, -0.1467144), abs=1e-6)
    assert lesson.slope == pytest.approx(-8.2301350, rel=1e-6)
    assert lesson.one_step == pytest.approx((0.7787281, -0.1407054), rel=1e-5)
    assert lesson.one_epoch == pytest.approx((3.0867715, 0.1020332), rel=1e-4)
    assert lesson.fitted == pytest.approx((lesson.data.w_ols, lesson.data.b_ols), abs=0.06)
    assert capsys.readouterr().out == ""


def test_a_stack_of_linear_neurons_collapses():
    torch.manual_seed(0)
    model = network([2, 4, 3, 1], None)
    weights, bias = moons.collapse(model)
    x = moons_split().test_x
    assert (x @ weights + bias).flatten().tolist() == pytest.approx(
        model(x).flatten().tolist(), rel=1e-4, abs=1e-5
    )


def test_networks_are_made_of_the_lectures_neurons():
    model = network([2, 4, 4, 4, 1], nn.ReLU)
    assert [type(layer.activation) for layer in model] == [nn.ReLU] * 3 + [nn.Sigmoid]
    assert all(isinstance(layer, Perceptron) for layer in model)
    assert [type(layer) for layer in network([2, 4, 1], None)] == [SimpleLinearNN] * 2


def test_training_stops_at_the_threshold():
    torch.manual_seed(0)
    data = moons_split()
    run = Run("ReLU", network([2, 4, 4, 4, 1], nn.ReLU), "BCE")
    train(run, data, nn.BCELoss(), moons.RATE, range(100), moons.evaluation(data), stop_at=moons.THRESHOLD)
    assert run.epochs == len(run.history) == 14 and run.steps == 14 * 57
    assert run.history[-1] <= moons.THRESHOLD < run.history[-2]
    assert run.test_accuracy == 1.0 and run.train_loss < 0.1


def test_the_least_evaluation_loss():
    """Faultless outputs: (ln 2 + ln(1 + 1/e)) / 2 for classes of equal size, hence a threshold of 0.52."""
    data = moons_split()
    labels = iter([data.test_y])
    share = data.test_y.mean().item()
    expected = (1 - share) * np.log(2) + share * np.log1p(np.exp(-1))
    assert moons.evaluation(data)(lambda inputs: next(labels)) == pytest.approx(expected, rel=1e-6)


def test_tables():
    torch.manual_seed(0)
    run = Run("2-4-1", network([2, 4, 1]), "BCE", 10, 570, 0.5, 0.25, 0.5, 0.75, 1.0, [0.6, 0.51])
    slow = Run("2-4-1", network([2, 4, 1]), "BCE", 20, history=[0.6, 0.55])
    assert table([run]).splitlines()[2].split() == [
        *("2-4-1", "10", "BCE", "0.2500", "0.5000", "75.0%", "100.0%", "0.50", "1,140")
    ]
    assert sizes_table({"2-4-1": [run, slow, run]}, 0.52).splitlines()[2].split() == [
        *("2-4-1", "17", "10,", ">", "20,", "10", "10")
    ]


# --- the program -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished():
    """One quick run of the whole program."""
    result = lecture(*FAST)
    assert result.returncode == 0, result.stderr
    return result


def test_it_goes_through_the_lecture_in_its_order(finished):
    steps = [
        "w = 0.7705, b = -0.1467",
        "(1.3696, 3.9131)",
        "-8.23 from its definition",
        "-8.23 from autograd",
        "one step",
        "one epoch",
        "linear 2-1",
        "linear 2-4-1",
        "stay linear",
        "sigmoid 2-1",
        "2-4-1",
        "2-8-8-1",
        "2-4-1 stopped",
        "ReLU 2-4-4-4-1",
        "Losses, accuracies and times",
        "Convergence by size",
        "The whole lecture took",
    ]
    at = 0
    for step in steps:
        at = finished.stdout.find(step, at)
        assert at >= 0, f"{step} is missing, or out of order"
    assert max(map(len, finished.stdout.splitlines())) <= 120


@needs("tqdm")
def test_progress_bars(finished):
    assert re.search(r"2-8-8-1 .*[0-9]+%\|", finished.stderr)


def test_without_tqdm_there_are_plain_lines():
    result = lecture(*FAST, blocked=["tqdm"])
    assert result.returncode == 0
    assert result.stderr.count("\n") == 1
    assert "tqdm is not installed" in result.stderr and "pip install '.[lecture]'" in result.stderr
    assert "2-8-8-1" in result.stdout


def test_quiet_prints_the_tables_only():
    result = lecture("--quiet", *FAST)
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout.startswith("net  ")
    assert len(result.stdout.splitlines()) == 2 + 9 + 2 + 6


def test_figures_without_matplotlib_say_what_to_install(tmp_path):
    result = lecture(
        "--figures", tmp_path, *FAST, blocked=["matplotlib", "matplotlib.figure", "matplotlib.colors"]
    )
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "--figures needs matplotlib" in result.stderr and "pip install '.[lecture]'" in result.stderr
    assert "pip install minitorch" not in result.stderr


@needs("matplotlib")
def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    result = lecture("--figures", tmp_path / "file" / "figures", *FAST)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert "cannot write to" in result.stderr


@needs("matplotlib")
def test_figures(tmp_path):
    result = lecture("--quiet", "--figures", tmp_path / "new" / "figures", *FAST)
    assert result.returncode == 0, result.stderr
    pictures = sorted((tmp_path / "new" / "figures").iterdir())
    assert [p.name[:2] for p in pictures] == [
        *(f"{i:02}" for i in range(1, 14)),
        "13",
        "14",
        "15",
        "si",
        "su",
    ]
    for picture in pictures:
        content = picture.read_bytes()
        assert content.startswith(b"\x89PNG") and len(content) > 10_000
    assert result.stdout.splitlines()[-1].startswith("18 pictures are in ")


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "x"])
def test_a_wrong_scale_is_refused(scale):
    result = lecture("--epochs-scale", scale)
    assert result.returncode == 2 and "--epochs-scale" in result.stderr


def test_no_extra_is_needed_and_no_pytorch():
    result = lecture("--quiet", *FAST, blocked=["tqdm", "matplotlib", "sklearn", "torch"])
    assert result.returncode == 0, result.stderr


def test_pytorch_has_the_same_random_guess():
    theirs = pytorch()
    theirs.manual_seed(0)
    w, b = theirs.empty(1, 1), theirs.empty(1, 1)
    theirs.nn.init.normal_(w, std=0.5)
    theirs.nn.init.normal_(b, std=0.5)
    ours = line.random_guess()
    assert [t.item() for t in ours] == [w.item(), b.item()]
