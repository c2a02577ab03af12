# ruff: noqa: E501
"""In-place writes and history: random programs of views and writes against PyTorch; rules and their errors.

Breaks when csrc/graph/inplace.c, node.c or the view operators' rules are wrong.
"""

import random

import numpy as np
import pytest

import minitorch as mt

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="compares with PyTorch")

VIEWS = [
    lambda t, r: t[r.randrange(t.shape[0])] if t.dim() else t.view(1),
    lambda t, r: t[r.randrange(t.shape[0]) :] if t.dim() else t.reshape(()),
    lambda t, r: t.t() if t.dim() == 2 else t.unsqueeze(0),
    lambda t, r: t[::2] if t.dim() else t.view(1, 1),
    lambda t, r: t.unsqueeze(-1).squeeze(-1),
    lambda t, r: t.detach() if r.random() < 0.2 else t[...],
    lambda t, r: t.transpose(0, -1) if t.dim() else t.unsqueeze(0),
    lambda t, r: t.view(-1) if t.is_contiguous() else t[...],
]
WRITES = [
    lambda t, s, r: t.mul_(r.choice([2.0, -1.5])),
    lambda t, s, r: t.add_(s.sum()),
    lambda t, s, r: t.sin_(),
    lambda t, s, r: t.copy_(s.mean() * t),
    lambda t, s, r: t.zero_(),
    lambda t, s, r: t.sigmoid_(),
    lambda t, s, r: t.clamp_(-0.5, 0.5),
    lambda t, s, r: t.mul_(s.exp().mean()),
    lambda t, s, r: t.fill_(0.5),
    lambda t, s, r: t.sub_(0.25),
]


def program(T, seed):
    """What happens: numbers and gradients, or the kind of the first error and how it starts."""
    r = random.Random(seed)
    leaf = T.tensor([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]], dtype=T.float64, requires_grad=True)
    other = T.tensor([0.3, 0.7], dtype=T.float64, requires_grad=True)
    pool = [leaf * 1, other * 2]
    if r.random() < 0.15:
        pool.append(leaf)
    try:
        for _ in range(r.randrange(3, 12)):
            t = r.choice(pool)
            if r.random() < 0.5:
                pool.append(r.choice(VIEWS)(t, r))
            else:
                r.choice(WRITES)(t, r.choice(pool), r)
            if r.random() < 0.3:
                pool.append(r.choice(pool).cos())
        total = sum((t * t).sum() for t in pool)
        grads = T.autograd.grad(total, [leaf, other], allow_unused=True)
        values = [t.detach().numpy().copy() for t in pool]
        return values, [None if g is None else g.numpy() for g in grads]
    except (RuntimeError, IndexError, ValueError) as error:
        return type(error).__name__, " ".join(str(error).split()[:8])


@needs_torch
@pytest.mark.parametrize("part", range(10))
def test_random_programs(part):
    numbers = 0
    for seed in range(part * 100, part * 100 + 100):
        mine, theirs = program(mt, seed), program(torch, seed)
        if isinstance(theirs[0], str) or isinstance(mine[0], str):
            assert mine == theirs, f"program {seed}"
            continue
        numbers += 1
        for a, b in zip(mine[0], theirs[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=f"program {seed}")
        for a, b in zip(mine[1], theirs[1], strict=True):
            assert (a is None) == (b is None), f"program {seed}"
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12, err_msg=f"program {seed}")
    assert numbers > 20


# ---- rules, with the texts that PyTorch 2.13 has -------------------------------------------------------------

ERRORS = {
    "x.add_(1)": "a leaf Variable that requires grad is being used in an in-place operation.",
    "x[0].add_(1)": "a view of a leaf Variable that requires grad is being used in an in-place operation.",
    "x.view(3)[1:].zero_()": "a view of a leaf Variable that requires grad is being used in an in-place operation.",
    "x.detach().unsqueeze(0).expand(2, 3).add_(1)": "unsupported operation: more than one element of the "
    "written-to tensor refers to a single memory location.",
    "x.exp().backward()": "grad can be implicitly created only for scalar outputs",
    "x.detach().sum().backward()": "element 0 of tensors does not require grad and does not have a grad_fn",
    "twice(x.exp().sum())": "Trying to backward through the graph a second time (or directly access saved tensors "
    "after they have already been freed).",
    "T.autograd.grad(x.sum(), y)": "The differentiated Tensor at index 0 appears to not have been used in the graph.",
    "T.autograd.grad(x.sum(), x.detach())": "One of the differentiated Tensors does not require grad",
    "T.arange(3).requires_grad_()": "only Tensors of floating point",
    "(x * 2).requires_grad_(False)": "you can only change requires_grad flags of leaf variables.",
    "spoil(x * 1)": "one of the variables needed for gradient computation has been modified by an inplace operation:",
    "x.sum().backward(T.ones(2))": "Mismatch in shape: grad_output[0] has a shape of",
    "x.detach().register_hook(print)": "cannot register a hook on a tensor that doesn't require gradient",
    "x.detach().retain_grad()": "can't retain_grad on Tensor that has requires_grad=False",
    "setattr(x, 'grad', T.ones(2))": "attempting to assign a gradient of size '[2]' to a tensor of size '[3]'",
}


def environment(T):
    def twice(y):
        y.backward()
        y.backward()

    def spoil(t):
        y = t.exp()
        y.add_(1)
        y.sum().backward()

    x, y = (T.tensor([1.0, 2.0, 3.0], requires_grad=True) for _ in range(2))
    return {"T": T, "x": x, "y": y, "twice": twice, "spoil": spoil}


@pytest.mark.parametrize("code", ERRORS)
def test_errors(code):
    with pytest.raises(RuntimeError) as mine:
        eval(code, environment(mt))
    text = str(mine.value)
    if torch is not None:
        with pytest.raises(RuntimeError) as theirs:
            eval(code, environment(torch))
        start = str(theirs.value)
        assert text[: min(60, len(start))] == start[:60]
    else:
        assert text.startswith(ERRORS[code])


# ---- what stays allowed ----------------------------------------------------------------------------------------


def leaf():
    return mt.tensor([1.0, 2.0, 3.0], requires_grad=True)


def test_leaf_under_no_grad():
    x = leaf()
    with mt.no_grad():
        x.add_(1)
        x[0] = 7
    assert x.tolist() == [7, 3, 4] and x.is_leaf and x.requires_grad and x._version == 2


def test_no_grad_view():
    x = leaf()
    with mt.no_grad():
        v = x[1:]
    assert not v.requires_grad
    with mt.no_grad():
        v.zero_()
    assert x.tolist() == [1, 0, 0]


def test_detach_shares_memory_and_version():
    x = leaf()
    y = x * 2
    d = y.detach()
    z = (y * y).sum()
    d.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_data():
    x = leaf()
    x.data.mul_(3)
    assert x.tolist() == [3, 6, 9]
    x.data = mt.zeros(2)
    assert x.shape == (2,) and x.requires_grad


def test_written_views_and_bases():
    x = leaf()
    base = x * 2
    view, late = base[1:], base[:2]
    view.mul_(10)
    (late.sum() + base.sum()).backward()
    assert x.grad.tolist() == [4, 40, 20]


def test_copy_of_other_type_and_shape():
    x = leaf()
    y = mt.zeros(2, 3, dtype=mt.float64)
    y.copy_(x)
    y.sum().backward()
    assert x.grad.tolist() == [2, 2, 2] and x.grad.dtype == mt.float32


def test_integer_index_write():
    x = leaf()
    y = mt.zeros(4)
    y[mt.tensor([0, 2, 3])] = x * 2
    y[1] = x.sum()
    y.sum().backward()
    assert x.grad.tolist() == [3, 3, 3]
