"""Averaged weights beside PyTorch's.

Breaks when wrong: minitorch/optim/swa_utils.py.
"""

import warnings
from importlib import import_module

import numpy as np
import pytest

import minitorch
from minitorch.optim import swa_utils

FUNCTIONS = {
    "default": lambda s: {},
    "ema": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.9)},
    "ema one by one": lambda s: {"avg_fn": s.get_ema_avg_fn(0.9)},
    "swa one by one": lambda s: {"avg_fn": s.get_swa_avg_fn()},
    "with buffers": lambda s: {"use_buffers": True},
    "ema with buffers": lambda s: {"use_buffers": True, "multi_avg_fn": s.get_ema_multi_avg_fn(0.9)},
}
RATES = [
    {"swa_lr": 0.05},
    {"swa_lr": [0.05, 0.5], "anneal_epochs": 3},
    {"swa_lr": 0.05, "anneal_epochs": 0},
    {"swa_lr": 0.05, "anneal_epochs": 4, "anneal_strategy": "linear"},
]


@pytest.fixture(scope="module")
def pytorch():
    return pytest.importorskip("torch", reason="compares with PyTorch")


def averaged(library, utils, options):
    library.manual_seed(0)
    net = library.nn.Sequential(library.nn.Linear(3, 4), library.nn.BatchNorm1d(4))
    model = utils.AveragedModel(net, **options)
    optimizer = library.optim.SGD(net.parameters(), lr=0.1)
    x = library.randn(8, 3)
    for _ in range(4):
        optimizer.zero_grad()
        net(x).pow(3).mean().backward()
        optimizer.step()
        model.update_parameters(net)
    before = {key: value.tolist() for key, value in model.state_dict().items()}
    utils.update_bn([x[:4], (x[4:], 1)], model)
    return before, {key: value.tolist() for key, value in model.state_dict().items()}


@pytest.mark.parametrize("functions", FUNCTIONS)
def test_averages(pytorch, functions):
    torch_utils = import_module("torch.optim.swa_utils")
    ours = averaged(minitorch, swa_utils, FUNCTIONS[functions](swa_utils))
    theirs = averaged(pytorch, torch_utils, FUNCTIONS[functions](torch_utils))
    for a, b in zip(ours, theirs, strict=True):
        assert list(a) == list(b)
        for key in a:
            np.testing.assert_allclose(a[key], b[key], rtol=1e-5, atol=1e-6)


def rates(library, utils, options):
    groups = [{"params": [library.zeros(1, requires_grad=True)], "lr": lr} for lr in (0.3, 1.0)]
    optimizer = library.optim.SGD(groups, lr=0.1)
    scheduler = utils.SWALR(optimizer, **options)
    told = [scheduler.get_last_lr()]
    for _ in range(6):
        optimizer.step()
        scheduler.step()
        told.append(scheduler.get_last_lr())
    return told, scheduler.state_dict()


@pytest.mark.parametrize("options", RATES, ids=str)
def test_rates(pytorch, options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = rates(minitorch, swa_utils, options)
    assert ours == rates(pytorch, import_module("torch.optim.swa_utils"), options)


def test_errors():
    leaf = minitorch.zeros(1, requires_grad=True)
    for bad, text in (
        ({"anneal_strategy": "steps"}, "anneal_strategy must be one of 'cos' or 'linear'"),
        ({"anneal_epochs": -1}, "anneal_epochs must be equal or greater than 0, got -1"),
    ):
        with pytest.raises(ValueError, match=text):
            swa_utils.SWALR(minitorch.optim.SGD([leaf]), 0.1, **bad)
    with pytest.raises(ValueError, match="Invalid decay value 2"):
        swa_utils.get_ema_multi_avg_fn(2)
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        swa_utils.AveragedModel(minitorch.nn.Linear(1, 1), avg_fn=max, multi_avg_fn=max)
