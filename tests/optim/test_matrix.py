"""Adafactor and Muon, which treat matrices as such: numbers, state, errors, formulas."""

import numpy as np
import pytest

import minitorch

CONFIGS = [
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.3, "weight_decay": 0.1, "d": 2.0}),
    ("Adafactor", {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-3, 1e-2), "maximize": True}),
    ("Muon", {}),
    ("Muon", {"lr": 0.05, "weight_decay": 0.0, "nesterov": False, "momentum": 0.5}),
    ("Muon", {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3}),
]
SHAPES = [(6, 4), (3, 5), (1, 3)]


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="compares with PyTorch")


def problem(lib, config, dtype="float32"):
    """Parameters and their optimizer; Adafactor's also of one and of three dimensions."""
    name, options = config
    shapes = SHAPES + ([(5,), (2, 3, 4)] if name == "Adafactor" else [])
    rng = np.random.default_rng(5)
    params = [lib.tensor(rng.standard_normal(s).astype(dtype), requires_grad=True) for s in shapes]
    return params, getattr(lib.optim, name)(params, **options)


def train(lib, params, opt, steps, begin=0):
    for t in range(begin, begin + steps):
        for p in params:
            x = p.detach().numpy()
            p.grad = lib.tensor((x + np.cos(t + np.arange(x.size)).reshape(x.shape)).astype(x.dtype))
        opt.step()
    return [p.detach().numpy() for p in params]


def near(config, got, want):
    """Muon's steps have the eight bits of bfloat16, whose products may be summed in another order."""
    rtol, atol = (1e-5, 1e-6) if config[0] == "Adafactor" else (1e-5, 0.1 * config[1].get("lr", 1e-3))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_trajectories_are_pytorchs(torch, config):
    near(config, *(train(lib, *problem(lib, config), 10) for lib in (minitorch, torch)))


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_states_can_be_exchanged(torch, config):
    """PyTorch goes on where minitorch stopped, and the other way round."""
    (mine, my), (theirs, their) = (problem(lib, config) for lib in (minitorch, torch))
    train(minitorch, mine, my, 3), train(torch, theirs, their, 3)
    for got, want in zip(
        my.state_dict()["state"].values(), their.state_dict()["state"].values(), strict=True
    ):
        assert list(got) == list(want)
        assert all(tuple(got[k].shape) == tuple(want[k].shape) for k in got)
    assert my.state_dict()["param_groups"] == their.state_dict()["param_groups"]

    def moved(state, lib):
        return {i: {k: lib.tensor(v.numpy()) for k, v in s.items()} for i, s in state["state"].items()}

    a, b = my.state_dict(), their.state_dict()
    my.load_state_dict({**b, "state": moved(b, minitorch)})
    their.load_state_dict({**a, "state": moved(a, torch)})
    for p, q in zip(mine, theirs, strict=True):
        q.data = torch.tensor(p.detach().numpy())
    near(config, train(minitorch, mine, my, 3, 3), train(torch, theirs, their, 3, 3))


def test_adafactor_of_a_number_by_hand():
    """One number x: the first step is lr max(eps2, |x|), for g / sqrt(g^2) is 1."""
    p = minitorch.tensor([2.0], requires_grad=True)
    p.grad = minitorch.tensor([-5.0])
    opt = minitorch.optim.Adafactor([p], lr=0.1, weight_decay=0.5)
    opt.step()
    assert p.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5) + 0.1 * 2.0)
    assert opt.state[p]["variance"].tolist() == [25.0] and opt.state[p]["step"].item() == 1


def test_adafactor_keeps_a_row_and_a_column():
    p = minitorch.ones(3, 4, requires_grad=True)
    p.grad = minitorch.arange(12.0).reshape(3, 4)
    opt = minitorch.optim.Adafactor([p])
    opt.step()
    square = p.grad.numpy() ** 2
    np.testing.assert_allclose(opt.state[p]["row_var"].numpy(), square.mean(1, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(opt.state[p]["col_var"].numpy(), square.mean(0, keepdims=True), rtol=1e-6)


@pytest.mark.parametrize("shape", [(8, 3), (3, 8), (4, 4)])
def test_muons_steps_are_nearly_orthogonal(shape):
    rng = np.random.default_rng(2)
    u, _, v = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    p = minitorch.zeros(shape, requires_grad=True)
    p.grad = minitorch.tensor((u * np.linspace(1, 3, u.shape[1])) @ v).float()
    minitorch.optim.Muon([p], lr=1.0, weight_decay=0.0).step()
    step = -p.detach().numpy() / np.sqrt(max(1, shape[0] / shape[1]))
    singular = np.diagonal(u.T @ step @ v.T)
    assert ((singular > 0.6) & (singular < 1.3)).all()
    assert np.abs(u.T @ step @ v.T - np.diag(singular)).max() < 0.05


@pytest.mark.parametrize(
    "make",
    [
        lambda lib, p: lib.optim.Adafactor(p, lr=-1.0),
        lambda lib, p: lib.optim.Adafactor(p, beta2_decay=1.0),
        lambda lib, p: lib.optim.Adafactor(p, eps=(-1.0, 1.0)),
        lambda lib, p: lib.optim.Adafactor(p, eps=(None, -1.0)),
        lambda lib, p: lib.optim.Adafactor(p, d=0.5),
        lambda lib, p: lib.optim.Adafactor(p, weight_decay=-0.5),
        lambda lib, p: lib.optim.Adafactor(p, lr=lib.ones(2)),
        lambda lib, p: lib.optim.Muon(p, lr=-1.0),
        lambda lib, p: lib.optim.Muon(p, momentum=-1.0),
        lambda lib, p: lib.optim.Muon(p, weight_decay=-1.0),
        lambda lib, p: lib.optim.Muon(p, adjust_lr_fn="other"),
        lambda lib, p: lib.optim.Muon([lib.ones(3, requires_grad=True)]),
        lambda lib, p: one_step(lib.optim.Muon(p, ns_steps=100), lib, p),
        lambda lib, p: one_step(lib.optim.Muon(p, ns_coefficients=(1.0, 2.0)), lib, p),
    ],
)
def test_errors(torch, make):
    told = []
    for lib in (minitorch, torch):
        with pytest.raises(ValueError) as error:
            make(lib, [lib.ones(2, 2, requires_grad=True)])
        told.append(str(error.value))
    assert told[0] == told[1]


def one_step(opt, lib, params):
    params[0].grad = lib.ones(2, 2)
    opt.step()
