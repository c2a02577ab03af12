"""Lazy modules: what they become, how they are saved and loaded, and what they refuse."""

import copy

import pytest

import minitorch as mt
from minitorch import nn

SHAPES = {1: (2, 4, 5), 2: (2, 4, 5, 6), 3: (2, 4, 5, 6, 3)}
CASES = [("Linear", (3,), (2, 4))]
for d in (1, 2, 3):
    CASES += [(f"Conv{d}d", (6, 2), SHAPES[d]), (f"ConvTranspose{d}d", (6, 2), SHAPES[d])]
    CASES += [(f"{kind}Norm{d}d", (), SHAPES[d]) for kind in ("Batch", "Instance")]


@pytest.mark.parametrize("name, args, shape", CASES, ids=[case[0] for case in CASES])
def test_becomes_its_module(same, name, args, shape):
    def program(library):
        module = getattr(library.nn, "Lazy" + name)(*args)
        before = repr(module)
        library.manual_seed(0)
        y = module(library.ones(*shape))
        assert type(module) is getattr(library.nn, name)
        state = module.state_dict()
        return [before, repr(module), y, list(state), [v + 0 for v in state.values()]]

    same(program, close=True)


def test_shapes_come_from_a_state_dict():
    lazy, full = nn.LazyLinear(3), nn.Linear(4, 3)
    assert lazy.has_uninitialized_params()
    lazy.load_state_dict(full.state_dict())
    assert not lazy.has_uninitialized_params() and lazy.weight.shape == (3, 4)
    assert lazy(mt.ones(1, 4)).tolist() == full(mt.ones(1, 4)).tolist()
    assert type(lazy) is nn.Linear and lazy.in_features == 4


def test_copies_and_types():
    lazy = copy.deepcopy(nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d()).double())
    assert nn.parameter.is_lazy(lazy[0].weight) and repr(lazy[0].weight) == "<UninitializedParameter>"
    assert lazy(mt.ones(2, 4, dtype=mt.float64)).dtype == mt.float64


@pytest.mark.parametrize(
    "program",
    [
        lambda t: t.nn.LazyLinear(3).weight.shape,
        lambda t: t.nn.LazyConv2d(3, 2)(t.ones(2, 2)),
        lambda t: t.nn.LazyConv1d(4, 2, groups=2)(t.ones(1, 3, 4)),
        lambda t: t.nn.Linear(2, 3).load_state_dict(t.nn.LazyLinear(3).state_dict()),
    ],
)
def test_refusals(same, program):
    same(program)
