"""Schedulers: rates over 40 epochs, state dicts, warnings."""

import copy
import math
import warnings

import pytest

import minitorch

# name, arguments, rates after each of 6 epochs from lr = 1 (stored, from PyTorch 2.13)
STORED = [
    ("StepLR", (2,), [1.0, 0.1, 0.1, 0.01, 0.01, 0.001]),
    ("MultiStepLR", ([2, 3],), [1.0, 0.1, 0.01, 0.01, 0.01, 0.01]),
    ("ExponentialLR", (0.5,), [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]),
    ("ConstantLR", (0.5, 3), [0.5, 0.5, 1.0, 1.0, 1.0, 1.0]),
    ("LinearLR", (0.5, 1.0, 5), [0.6, 0.7, 0.8, 0.9, 1.0, 1.0]),
    ("PolynomialLR", (4,), [0.75, 0.5, 0.25, 0.0, 0.0, 0.0]),
    ("CosineAnnealingLR", (4,), [(1 + math.cos(math.pi * t / 4)) / 2 for t in range(1, 7)]),
    ("CosineAnnealingWarmRestarts", (2,), [0.5, 1.0, 0.5, 1.0, 0.5, 1.0]),
]

SCHEDULERS = [
    *[(name, args, {}) for name, args, _ in STORED],
    ("LambdaLR", (lambda t: 0.95**t,), {}),
    ("LambdaLR", ([lambda t: 0.5**t, lambda t: t],), {}),
    ("MultiplicativeLR", (lambda t: 0.9,), {}),
    ("CosineAnnealingLR", (10,), {"eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", (3,), {"T_mult": 2, "eta_min": 0.01}),
    ("CyclicLR", (0.01, 0.1), {"step_size_up": 4}),
    ("CyclicLR", (0.01, 0.1), {"step_size_up": 4, "step_size_down": 7, "mode": "triangular2"}),
    (
        "CyclicLR",
        (0.01, 0.1),
        {"step_size_up": 4, "mode": "exp_range", "gamma": 0.9, "cycle_momentum": False},
    ),
    ("OneCycleLR", (0.1,), {"total_steps": 50}),
    (
        "OneCycleLR",
        (0.1,),
        {"epochs": 10, "steps_per_epoch": 5, "anneal_strategy": "linear", "three_phase": True},
    ),
]


def identify(case):
    return f"{case[0]}{case[1]}"


def optimizer(torch, **kwargs):
    a, b = (torch.ones(1).requires_grad_(True) for _ in range(2))
    return torch.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.4}], lr=1.0, **kwargs)


def run(opt, scheduler, epochs):
    rates = []
    for _ in range(epochs):
        opt.step()
        scheduler.step()
        rates.append([(g["lr"], g["momentum"]) for g in opt.param_groups])
        assert [g["lr"] for g in opt.param_groups] == scheduler.get_last_lr()
    return rates


@pytest.mark.parametrize("case", STORED, ids=identify)
def test_stored_rates(case):
    name, args, want = case
    opt = optimizer(minitorch)
    scheduler = getattr(minitorch.optim.lr_scheduler, name)(opt, *args)
    assert [rates[0][0] for rates in run(opt, scheduler, 6)] == pytest.approx(want, abs=1e-15)


@pytest.mark.parametrize("case", SCHEDULERS, ids=identify)
def test_rates_and_state_are_those_of_torch(case):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    results = []
    for t in (minitorch, torch):
        opt = optimizer(t, momentum=0.5)
        scheduler = getattr(t.optim.lr_scheduler, case[0])(opt, *case[1], **case[2])
        rates = run(opt, scheduler, 40)
        results.append((rates, scheduler.last_epoch, sorted(scheduler.state_dict())))
    assert results[0] == results[1]


@pytest.mark.parametrize("case", SCHEDULERS, ids=identify)
def test_state_dict_resumes(case):
    def make():
        opt = optimizer(minitorch, momentum=0.5)
        return opt, getattr(minitorch.optim.lr_scheduler, case[0])(opt, *case[1], **case[2])

    opt, scheduler = make()
    run(opt, scheduler, 15)
    saved, groups = copy.deepcopy(scheduler.state_dict()), copy.deepcopy(opt.state_dict())
    other, resumed = make()
    other.load_state_dict(groups)
    resumed.load_state_dict(saved)
    assert run(opt, scheduler, 15) == run(other, resumed, 15)


def test_plateau():
    opt = optimizer(minitorch)
    scheduler = minitorch.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=1, factor=0.5, cooldown=1)
    rates = []
    for measure in [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.5, 0.5]:
        scheduler.step(minitorch.tensor(measure))
        rates.append(opt.param_groups[0]["lr"])
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]


def test_combinations():
    schedulers = minitorch.optim.lr_scheduler
    opt = optimizer(minitorch)
    one = schedulers.ConstantLR(opt, factor=0.5, total_iters=20)
    scheduler = schedulers.SequentialLR(opt, [one, schedulers.ExponentialLR(opt, 0.5)], milestones=[2])
    assert [r[0][0] for r in run(opt, scheduler, 4)] == [0.5, 1.0, 0.5, 0.25]
    opt = optimizer(minitorch)
    parts = [schedulers.ExponentialLR(opt, 0.5), schedulers.StepLR(opt, 2, 0.1)]
    assert [r[0][0] for r in run(opt, schedulers.ChainedScheduler(parts), 2)] == [0.5, 0.025]


def test_tensor_rates_stay_the_same_tensor():
    p = minitorch.ones(1).requires_grad_(True)
    lr = minitorch.tensor(1.0)
    opt = minitorch.optim.SGD([p], lr=lr)
    scheduler = minitorch.optim.lr_scheduler.ExponentialLR(opt, 0.5)
    opt.step()
    scheduler.step()
    assert opt.param_groups[0]["lr"] is lr and lr.item() == 0.5
    assert scheduler.get_last_lr()[0] is not lr


def test_warns_if_it_runs_ahead():
    opt = optimizer(minitorch)
    scheduler = minitorch.optim.lr_scheduler.StepLR(opt, 2)
    with pytest.warns(UserWarning, match="Detected call of `lr_scheduler.step\\(\\)` before `optimizer.step"):
        scheduler.step()
    opt = optimizer(minitorch)
    scheduler = minitorch.optim.lr_scheduler.StepLR(opt, 2)
    opt.step = lambda closure=None: None
    with pytest.warns(UserWarning, match="Seems like `optimizer.step\\(\\)` has been overridden"):
        scheduler.step()
    with pytest.warns(UserWarning, match="please use `get_last_lr\\(\\)`"):
        scheduler.get_lr()


class WithoutInit(minitorch.optim.Optimizer):
    """A wrapper of an optimizer, as libraries write them."""

    def __init__(self, inner):
        self.inner = inner
        self.param_groups = inner.param_groups
        self.defaults = inner.defaults

    def step(self, closure=None):
        return self.inner.step(closure)


@pytest.mark.parametrize("wrap", [lambda o: o, WithoutInit], ids=["ours", "wrapped"])
def test_no_warning_in_the_right_order(wrap):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opt = wrap(optimizer(minitorch))
        scheduler = minitorch.optim.lr_scheduler.StepLR(opt, 2)
        run(opt, scheduler, 3)


def test_errors():
    schedulers = minitorch.optim.lr_scheduler
    with pytest.raises(TypeError, match="^str is not an Optimizer$"):
        schedulers.StepLR("optimizer", 2)
    with pytest.raises(KeyError, match="param 'initial_lr' is not specified in param_groups\\[0\\]"):
        schedulers.StepLR(optimizer(minitorch), 2, last_epoch=3)
    with pytest.raises(ValueError, match="^Expected 2 lr_lambdas, but got 1$"):
        schedulers.LambdaLR(optimizer(minitorch), [lambda t: 1])
    with pytest.raises(ValueError, match="^Factor should be < 1.0.$"):
        schedulers.ReduceLROnPlateau(optimizer(minitorch), factor=1.0)


def test_resuming_with_last_epoch():
    opt = optimizer(minitorch)
    run(opt, minitorch.optim.lr_scheduler.StepLR(opt, 2), 3)
    scheduler = minitorch.optim.lr_scheduler.StepLR(opt, 2, last_epoch=3)
    assert scheduler.last_epoch == 4 and scheduler.base_lrs == [1.0, 0.4]
