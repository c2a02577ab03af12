"""Parametrizations, weight norm, spectral norm and pruning beside PyTorch; loading both ways."""

import copy

import numpy as np
import pytest

import minitorch as mt
from minitorch import nn
from minitorch.nn.utils import parametrize

try:
    import torch
    import torch.nn.utils.prune
except ImportError:
    torch = None


def state(module):
    return [list(module.state_dict()), [v + 0 for v in module.state_dict().values()]]


def train(library, module, *shape):
    """Two steps; what is left afterwards."""
    x = library.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    losses = []
    for _ in range(2):
        loss = (module(x) ** 2).sum()
        module.zero_grad()
        loss.backward()
        with library.no_grad():
            for p in module.parameters():
                p -= 0.01 * p.grad
        losses.append(loss)
    return [losses, state(module), repr(module), [n for n, _ in module.named_parameters()]]


def with_old_weight_norm(library, dim):
    library.manual_seed(0)
    module = library.nn.utils.weight_norm(library.nn.Linear(4, 3), dim=dim)
    trained = train(library, module, 5, 4)
    library.nn.utils.remove_weight_norm(module)
    return [trained, state(module), repr(module)]


def with_old_spectral_norm(library):
    library.manual_seed(0)
    module = library.nn.utils.spectral_norm(library.nn.Conv2d(2, 3, 2), n_power_iterations=2)
    trained = train(library, module, 2, 2, 4, 4)
    library.nn.utils.remove_spectral_norm(module)
    return [trained, state(module), repr(module)]


def with_weight_norm(library):
    library.manual_seed(0)
    module = library.nn.utils.parametrizations.weight_norm(library.nn.Linear(4, 3))
    trained = train(library, module, 5, 4)
    library.nn.utils.parametrize.remove_parametrizations(module, "weight")
    return [trained, state(module), repr(module)]


def with_spectral_norm(library):
    library.manual_seed(0)
    module = library.nn.ConvTranspose1d(2, 3, 2)
    library.nn.utils.parametrizations.spectral_norm(module)
    trained = train(library, module, 2, 2, 4)
    with library.nn.utils.parametrize.cached():
        same = module.weight is module.weight
    return [trained, same, module.eval().weight]


def with_orthogonal(library, shape, kind):
    library.manual_seed(0)
    module = library.nn.Linear(*shape)
    module.weight.data = library.nn.init.orthogonal_(library.empty(*shape[::-1]))
    if shape[0] == shape[1]:
        library.nn.utils.parametrizations.orthogonal(module, orthogonal_map=kind)
        return train(library, module, 5, shape[0])
    library.nn.utils.parametrizations.orthogonal(module, orthogonal_map=kind, use_trivialization=False)
    return [module(library.ones(2, shape[0])).shape, repr(module)]


def test_old_norms(same):
    for dim in (0, 1, None):
        same(lambda library, dim=dim: with_old_weight_norm(library, dim), close=True)
    same(with_old_spectral_norm, close=True)


def test_norms(same):
    same(with_weight_norm, close=True)
    same(with_spectral_norm, close=True)


@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder"])
def test_orthogonal(same, kind):
    same(lambda library: with_orthogonal(library, (4, 4), kind), close=True)
    if kind != "householder":
        same(lambda library: with_orthogonal(library, (4, 3), kind), close=True)
    for shape in ((3, 5), (5, 3)):
        layer = nn.utils.parametrizations.orthogonal(nn.Linear(*shape), orthogonal_map=kind)
        q = layer.weight if shape[1] < shape[0] else layer.weight.mT
        np.testing.assert_allclose((q @ q.mT).detach().numpy(), np.eye(3), atol=1e-5)


def symmetric(library):
    class Symmetric(library.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).mT

        def right_inverse(self, x):
            return x.triu()

    return Symmetric()


def test_own_parametrization(same):
    def program(library):
        library.manual_seed(0)
        p = library.nn.utils.parametrize
        module = p.register_parametrization(library.nn.Linear(3, 3), "weight", symmetric(library))
        trained = train(library, module, 4, 3)
        module.weight = library.ones(3, 3)
        p.register_parametrization(module, "weight", library.nn.ReLU())
        asked = [p.is_parametrized(module), p.is_parametrized(module, "bias"), type(module).__name__]
        other = p.transfer_parametrizations_and_params(module, library.nn.Linear(3, 3))
        p.remove_parametrizations(module, "weight", leave_parametrized=False)
        return [trained, asked, module.weight, other.weight, p.is_parametrized(module), repr(other)]

    same(program, close=True)


@pytest.mark.parametrize(
    "program",
    [
        lambda t: t.nn.utils.parametrize.register_parametrization(t.nn.Linear(2, 2), "w", t.nn.ReLU()),
        lambda t: t.nn.utils.parametrize.register_parametrization(
            t.nn.Linear(2, 2), "weight", t.nn.Flatten(0)
        ),
        lambda t: t.nn.utils.parametrize.remove_parametrizations(t.nn.Linear(2, 2), "weight"),
        lambda t: t.nn.utils.parametrizations.orthogonal(t.nn.Linear(2, 2), "bias"),
        lambda t: t.nn.utils.parametrizations.orthogonal(t.nn.Linear(2, 2), orthogonal_map="x"),
        lambda t: t.nn.utils.parametrizations.spectral_norm(t.nn.Linear(2, 2), n_power_iterations=0),
        lambda t: t.nn.utils.remove_weight_norm(t.nn.Linear(2, 2)),
        lambda t: t.nn.utils.remove_spectral_norm(t.nn.Linear(2, 2)),
        lambda t: t.nn.utils.prune.remove(t.nn.Linear(2, 2), "weight"),
        lambda t: t.nn.utils.prune.l1_unstructured(t.nn.Linear(2, 2), "weight", 1.5),
        lambda t: t.nn.utils.prune.l1_unstructured(t.nn.Linear(2, 2), "weight", 5),
        lambda t: t.nn.utils.prune.ln_structured(t.nn.Linear(2, 2), "bias", 1, 2, 0),
    ],
)
def test_refusals(same, program):
    same(program)


def test_a_parametrized_module_is_copied():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    other = copy.deepcopy(layer)
    assert other.parametrizations.weight.original0 is not layer.parametrizations.weight.original0
    assert other.weight.tolist() == layer.weight.tolist()
    with pytest.raises(RuntimeError, match="Serialization of parametrized modules"):
        layer.__getstate__()


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
def test_old_names_are_loaded():
    with pytest.warns(FutureWarning):
        old = torch.nn.utils.weight_norm(torch.nn.Linear(2, 3))
    new = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    new.load_state_dict({k: mt.from_numpy(v.numpy().copy()) for k, v in old.state_dict().items()})
    np.testing.assert_allclose(new.weight.detach().numpy(), old.weight.detach().numpy(), rtol=1e-6)
    assert parametrize.type_before_parametrizations(new) is nn.Linear


def pruned(library):
    library.manual_seed(0)
    p = library.nn.utils.prune
    module = library.nn.Sequential(library.nn.Linear(4, 3), library.nn.Linear(3, 5))
    first, second = module
    p.l1_unstructured(first, "weight", 3)
    p.ln_structured(first, "weight", amount=1, n=2, dim=0)
    p.random_unstructured(second, "weight", amount=0.3)
    p.random_structured(second, "weight", amount=1, dim=1)
    p.global_unstructured([(first, "bias"), (second, "bias")], p.L1Unstructured, amount=3)
    found = [p.is_pruned(module), state(module), first.weight, second.weight]
    p.identity(library.nn.Linear(2, 2), "weight")
    found.append(train(library, module, 6, 4))
    for layer in module:
        p.remove(p.remove(layer, "weight"), "bias")
    return [found, p.is_pruned(module), state(module)]


def test_pruning(same):
    same(pruned, close=True)
