"""L-BFGS beside PyTorch's: the same evaluations, the same places, states that are exchanged in between.

Breaks when wrong: minitorch/optim/lbfgs.py.
"""

import numpy as np
import pytest

import minitorch

OPTIONS = [
    {},
    {"lr": 0.5, "history_size": 2},
    {"line_search_fn": "strong_wolfe"},
    {"max_iter": 4, "line_search_fn": "strong_wolfe", "lr": 5.0},
    {"line_search_fn": "strong_wolfe", "max_eval": 7},
]


def problem(library, options, seed=1):
    """A small regression: the optimizer, its closure, and the losses so far."""
    numbers = np.random.RandomState(seed)
    w, b, x, y = (library.tensor(numbers.randn(*shape)) for shape in ((2, 3), (3,), (10, 2), (10, 3)))
    parameters = [w.requires_grad_(True), b.requires_grad_(True)]
    optimizer = library.optim.LBFGS(parameters, **options)
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = ((library.tanh(x @ w + b) - y) ** 2).mean() + (w**4).sum() * 0.01
        loss.backward()
        losses.append(loss.item())
        return loss

    return optimizer, closure, losses


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_losses_are_those_of_torch(options):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    runs = []
    for library in (minitorch, torch):
        optimizer, closure, losses = problem(library, options)
        for _ in range(3):
            optimizer.step(closure)
        runs.append(losses)
    assert len(runs[0]) == len(runs[1])
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-9)


def moved(library, value):
    """A state dict, its tensors made those of another library."""
    if isinstance(value, dict):
        return {key: moved(library, v) for key, v in value.items()}
    if isinstance(value, list):
        return [moved(library, v) for v in value]
    return library.tensor(value.detach().numpy()) if hasattr(value, "detach") else value


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("options", OPTIONS[1:4], ids=str)
def test_a_run_goes_on_in_the_other_library(options, ours_first):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    first, second = (minitorch, torch) if ours_first else (torch, minitorch)
    optimizer, closure, losses = problem(first, options)
    optimizer.step(closure)
    other, other_closure, other_losses = problem(second, options)
    other.load_state_dict(moved(second, optimizer.state_dict()))
    for p, q in zip(optimizer.param_groups[0]["params"], other.param_groups[0]["params"], strict=True):
        q.data.copy_(second.tensor(p.detach().numpy()))
    del losses[:]
    optimizer.step(closure)
    other.step(other_closure)
    np.testing.assert_allclose(losses, other_losses, rtol=1e-9)
    optimizer.step(closure)
    other.step(other_closure)
    np.testing.assert_allclose(losses, other_losses, rtol=1e-9)


def test_errors():
    leaf = minitorch.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="^LBFGS doesn't support per-parameter options"):
        minitorch.optim.LBFGS([{"params": leaf}, {"params": minitorch.ones(1, requires_grad=True)}])
    with pytest.raises(ValueError, match="^Invalid learning rate: -1"):
        minitorch.optim.LBFGS([leaf], lr=-1)
    optimizer = minitorch.optim.LBFGS([leaf], line_search_fn="armijo")

    def closure():
        optimizer.zero_grad()
        loss = (leaf * leaf).sum()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match="^only 'strong_wolfe' is supported"):
        optimizer.step(closure)
    with pytest.raises(TypeError):
        optimizer.step()
