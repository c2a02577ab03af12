"""minitorch.compare and %%compare: two runs of the same work, their differences, what is shown of them."""

import importlib.util
import math
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import minitorch as mt
from minitorch._compare import _Magic
from minitorch._compare_show import curve_svg, difference, shown

TRAINING = """
import torch
import torch.nn.functional
from torch import optim as how
from torch.utils.data import DataLoader, TensorDataset

x = torch.rand(40, 2)
y = (x.sum(dim=1, keepdim=True) > 1).float()
model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
optim = how.SGD(model.parameters(), lr=0.5)
losses = []
for epoch in range(5):
    for inputs, labels in DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True):
        optim.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), labels)
        loss.backward()
        optim.step()
    losses.append(loss.item())
print("trained")
x.mean()
"""


@pytest.fixture
def without(monkeypatch):
    """PyTorch is not installed."""
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.fixture
def beside():
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")


class Shell:
    """As much of IPython as the magic uses."""

    def __init__(self, **names):
        self.user_ns = names

    def register_magic_function(self, function, kind, name):
        self.magic = (kind, name)
        self.run = function


def test_a_training_beside_pytorch(beside):
    found = mt.compare(TRAINING)
    assert [row.name for row in found.rows] == ["model", "x", "y", "losses", "loss", "the last line"]
    assert found.agree() and found.rows[1].verdict == "identical"
    assert "both print:\ntrained" in repr(found) and "PyTorch 2" in repr(found)
    assert found.seconds["torch"] > 0 and found.seconds["minitorch"] > 0
    page = found._repr_html_()
    assert page.count("<svg") == 1 and "losses" in page
    ET.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    assert len(found.plot().get_lines()) == 2


def test_without_pytorch_the_column_says_so(without):
    found = mt.compare(TRAINING)
    text = repr(found)
    assert "not installed" in text and "pip install torch" in text and found.agree()
    assert found.rows[3].name == "losses" and found.seconds["torch"] is None
    assert "pip install torch" in found._repr_html_() and "<svg" in found._repr_html_()


def test_differences_are_found(beside):
    found = mt.compare("a = torch.arange(3) if torch.__name__ == 'torch' else torch.arange(3) + 1")
    assert found.rows[0].difference == 1 and not found.agree()
    found = mt.compare("a = torch.zeros(3 if torch.__name__ == 'torch' else 4)")
    assert "other shapes" in found.rows[0].verdict and not found.agree()


def test_both_runs_begin_with_the_same_random_numbers(beside):
    found = mt.compare(
        "import random\na = torch.randn(9)\nb = np.random.rand(3)\nc = random.random()", seed=3
    )
    assert [row.verdict for row in found.rows] == ["identical"] * 3


def test_errors_stand_side_by_side(beside, monkeypatch):
    found = mt.compare("torch.ones(2, 3) @ torch.ones(2, 3)")
    assert type(found.minitorch.error) is RuntimeError and "both say" in repr(found)
    with pytest.raises(ZeroDivisionError):
        mt.compare("1 / 0 if torch.__name__ == 'minitorch' else 1")
    found = mt.compare("1 / 0 if torch.__name__ == 'torch' else 1")
    assert "ZeroDivisionError" in repr(found) and not found.agree()


def test_an_error_is_raised_without_pytorch(without):
    with pytest.raises(RuntimeError):
        mt.compare("torch.ones(2, 3) @ torch.ones(2, 3)")
    with pytest.raises(SyntaxError):
        mt.compare("a = = 1")


def test_functions_get_the_library_and_copies(without):
    x = mt.ones(3, requires_grad=True)

    def work(torch, t, numbers):
        t.data.zero_()
        return {"type": torch.__name__, "grad": t.requires_grad, "sum": sum(numbers)}

    found = mt.compare(work, x, [1, 2])
    assert [row.minitorch for row in found.rows] == ["minitorch", "True", "3"] and x.sum().item() == 3
    with pytest.raises(TypeError, match="must be source or a function"):
        mt.compare(3)
    with pytest.raises(TypeError, match="args are for a function"):
        mt.compare("1", x)


def test_names_are_converted(beside):
    names = {"t": mt.ones(2), "p": mt.nn.Parameter(mt.zeros(2)), "Layer": mt.nn.Linear, "kind": mt.float64}
    found = mt.compare(
        "a = t + 1\nmodule = type(t).__module__\nb = p\nc = Layer(1, 1)\nd = str(kind)", names=names
    )
    assert found.torch.values["module"] == "torch" and found.minitorch.values["module"] == "minitorch"
    assert [row.difference for row in found.rows if row.name in "abc"] == [0, 0, 0]
    assert found.torch.values["d"] == "torch.float64"


def test_repeating_keeps_the_shortest_time(without):
    assert mt.compare("a = torch.ones(2)", repeat=3).seconds["minitorch"] > 0


def test_the_magic_keeps_names_for_later_cells(beside):
    shell = Shell(t=mt.ones(2), number=4)
    mt.load_ipython_extension(shell)
    assert shell.magic == ("cell", "compare") and isinstance(shell.run, _Magic)
    first = shell.run("", "class Net(nn.Module):\n    pass\nnet = nn.Linear(2, 2)\na = t * number\n")
    assert first.agree() and shell.user_ns["a"].tolist() == [4, 4]
    second = shell.run("--repeat 2 --seed 5", "Net()\nb = net(a)\n")
    assert second.agree() and second.rows[0].name == "net"
    shell.user_ns["a"] = mt.zeros(2)  # the notebook's own, from now on
    assert shell.run("", "c = a").rows[0].torch == "[0, 0]"
    for wrong in ("--repeat", "--repeat x", "-n 3"):
        with pytest.raises(ValueError, match="usage"):
            shell.run(wrong, "1")


def test_the_magic_says_where_names_come_from(without):
    class Mine:
        pass

    Mine.__module__ = "__main__"
    shell = Shell(Mine=Mine)
    mt.load_ipython_extension(shell)
    found = shell.run("", "Mine()")
    assert isinstance(found.minitorch.error, NameError)
    assert "defined in a %%compare cell" in found.minitorch.error.__notes__[0]


def test_values_as_text():
    assert shown(3.14159265) == "3.14159" and shown([1.0, 0.5, 0.25]) == "1 → 0.25 (3 values)"
    assert shown(mt.ones(2, 2)) == "[2, 2], norm 2" and shown(mt.tensor([1, 2])) == "[1, 2]"
    assert shown(mt.ones(2, dtype=mt.bfloat16)) == "[1, 1]" and shown(object()) == "object"
    assert shown(mt.nn.Linear(1, 1, bias=False)).startswith("1 parameters")


def test_the_largest_difference():
    nan = float("nan")
    assert difference([1.0, nan], [1.0, nan])[0] == 0 and difference(1.0, nan)[0] == math.inf
    assert difference(np.array([1, 2]), np.array([1, 4]))[0] == 2
    assert difference("a", "b")[0] == math.inf and difference(object(), object()) == (None, "")
    assert difference(math.inf, math.inf)[0] == 0 and difference(1j, 1j + 1)[0] == 1


def test_curves_may_be_flat_or_broken():
    for numbers in ([1.0, 1.0, 1.0], [math.nan] * 3, [math.inf, 2.0, 1.0]):
        ET.fromstring(curve_svg("a < b", {"torch": ("PyTorch", numbers), "minitorch": ("m", numbers[:2])}))
