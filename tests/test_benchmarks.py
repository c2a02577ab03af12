"""The workloads of benchmarks/ run, and train: a broken one is found here, not when a figure is wanted."""

import importlib.util
from pathlib import Path

import pytest

import minitorch

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "against_torch.py"


def load():
    spec = importlib.util.spec_from_file_location("against_torch", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BENCHMARKS = load()


@pytest.mark.parametrize("name", BENCHMARKS.WORKLOADS)
def test_workload_runs(name):
    minitorch.manual_seed(0)
    work, steps = BENCHMARKS.WORKLOADS[name](minitorch)
    assert steps > 0
    work()


def test_a_training_workload_trains():
    minitorch.manual_seed(0)
    model = BENCHMARKS.mlp(8, 16, 3)(minitorch)
    inputs, labels, loss_fn = BENCHMARKS.images(32, 8, classes=3)(minitorch)
    optim = minitorch.optim.SGD(model.parameters(), lr=0.1)
    before = loss_fn(model(inputs), labels).item()
    BENCHMARKS.epochs(minitorch, model, [(inputs, labels)], loss_fn, optim, 20)()
    assert loss_fn(model(inputs), labels).item() < before
