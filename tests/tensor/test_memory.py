"""Every allocation of an operation fails in turn: MemoryError or success, and nothing is left behind."""

import copy
import gc
import pickle

import numpy as np
import pytest

import minitorch
from minitorch import _C

X = minitorch.arange(24.0).reshape(2, 3, 4)
MASK = X > 5
INDEX = minitorch.tensor([[0, 1], [1, 0]])


def write(key, value):
    x = X.clone()
    x[key] = value


def train():
    x = minitorch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = x[:, 0] * 2 + x[[0, 0]].sum()
    y[0] = 1.0
    (1 - y).pow(2).sum().backward()
    return x.grad


def kept():
    """What the nodes of a layer show of their saved values."""
    x, w = minitorch.ones(2, 3, requires_grad=True), minitorch.ones(4, 3, requires_grad=True)
    y = minitorch.nn.functional.linear(x * 2, w)
    for node in (y.grad_fn, y.tanh().grad_fn, (y * y).grad_fn):
        for name in dir(node):
            if name.startswith("_saved_"):
                getattr(node, name)


OPERATIONS = {
    "tensor": lambda: minitorch.tensor([[1.0, 2.0], [3.0, 4.0]]),
    "tensor of array": lambda: minitorch.tensor(np.ones((2, 3))),
    "from_numpy": lambda: minitorch.from_numpy(np.ones(3)) + 1,
    "legacy": lambda: minitorch.Tensor([1, 2]),
    "select": lambda: X[1],
    "slices": lambda: X[0, 1:, None, ..., ::2],
    "mask": lambda: X[MASK],
    "index": lambda: X[INDEX, :, 1],
    "write": lambda: write(0, 5.0),
    "write mask": lambda: write(MASK, 5.0),
    "write index": lambda: write((slice(None), INDEX), minitorch.ones(2, 2, 4)),
    "numbers": lambda: 1 / (2 - X * 3) ** 2,
    "bits": lambda: ~(INDEX & 1) | 4,
    "to": lambda: X.to(minitorch.float64).numpy(),
    "repr": lambda: repr(X),
    "iterate": lambda: list(X),
    "deepcopy": lambda: copy.deepcopy(X),
    "pickle": lambda: pickle.loads(pickle.dumps(X)),
    "generator": lambda: minitorch.Generator().clone_state().get_state(),
    "train": train,
    "channels last": lambda: minitorch.empty(1, 2, 3, 4, memory_format=minitorch.channels_last),
    "kept": kept,
}


@pytest.fixture(autouse=True)
def quick_collections():
    """Leaves what is there already out of the many collections to come: beside PyTorch each takes long."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_failing_allocation(name, persistent):
    run = OPERATIONS[name]
    run()
    gc.collect()
    before = _C._live()[:3]
    for n in range(1, 200):
        _C._fail_alloc_after(n, persistent)
        try:
            run()
            failed = False
        except MemoryError:
            failed = True
        finally:
            asked = _C._fail_alloc_after(0)
        gc.collect()
        assert _C._live()[:3] == before, n
        if asked < n:
            assert not failed
            break
    else:
        pytest.fail("more allocations than expected")
    run()


def test_nothing_stays():
    for run in OPERATIONS.values():
        run()
    gc.collect()
    before = _C._live()
    for _ in range(50):
        for run in OPERATIONS.values():
            run()
    gc.collect()
    assert _C._live() == before


def test_to_takes_a_tensor_back_to_plain_order():
    x = minitorch.arange(120.0).reshape(2, 3, 4, 5)
    last = x.contiguous(memory_format=minitorch.channels_last)
    assert last.stride() == (60, 1, 15, 3) and last.to(memory_format=minitorch.preserve_format) is last
    plain = last.to(memory_format=minitorch.contiguous_format)
    assert plain.stride() == (60, 20, 5, 1) and plain.equal(x)
    assert x.to(memory_format=minitorch.contiguous_format) is x
