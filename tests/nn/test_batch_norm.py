"""Batch norm: PyTorch's digits, spelled out in NumPy, and its one-pass derivative beside the composed one."""

import numpy as np
import pytest

import minitorch as torch
import minitorch.nn.functional as F

SHAPES = [
    (2, 3, 4, 4),
    (50, 32, 5, 5),
    (16, 8, 63),
    (8, 4, 33),
    (20, 10),
    (64, 40),
    (4, 30, 1),
    (3, 5, 2, 2, 2),
]


def arrays(shape, dtype="f4"):
    random = np.random.default_rng(0)
    x, g = (random.standard_normal(shape).astype(dtype) * 2 + dtype_one(dtype) for _ in range(2))
    w, b, mean = (random.standard_normal(shape[1]).astype(dtype) for _ in range(3))
    return x, g, w, b, mean, random.random(shape[1]).astype(dtype) + dtype_one(dtype) / 10


def dtype_one(dtype):
    return np.dtype(dtype).type(1)


def fma(a, b, c):
    """a b + c of float32, rounded once but for ties."""
    return (np.float64(a) * np.float64(b) + np.float64(c)).astype("f4")


def moments(x):
    """Mean and sum of squared deviations of every channel: in float64, but float32 where it is a column."""
    if x.ndim > 2 and x[0, 0].size > 1:
        flat = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
        mean = (flat.sum(1, dtype="f8") / flat.shape[1]).astype("f4")
        return mean, ((flat - mean[:, None]) ** 2).sum(1, dtype="f8").astype("f4")
    rows = x.reshape(len(x), -1)
    mean, squares = np.zeros((2, x.shape[1]), "f4")
    for row in rows:
        mean = mean + row
    mean = (mean.astype("f8") / len(x)).astype("f4")
    for row in rows:
        squares = fma(row - mean, row - mean, squares)
    return mean, squares


@pytest.mark.parametrize("shape", SHAPES)
def test_digits(shape):
    x, _, w, b, running_mean, running_var = arrays(shape)
    n, rate = np.float32(x.size // shape[1]), np.float32(0.3)
    mean, squares = moments(x)
    scale = (1 / np.sqrt((squares / n).astype("f8") + 1e-5)).astype("f4")
    alpha = scale * w
    beta = fma(-mean, alpha, b)
    wide = (1, -1) + (1,) * (x.ndim - 2)
    moved = [torch.from_numpy(v.copy()) for v in (running_mean, running_var)]
    y = F.batch_norm(torch.from_numpy(x), *moved, torch.from_numpy(w), torch.from_numpy(b), True, 0.3)
    np.testing.assert_array_equal(y.numpy(), fma(x, alpha.reshape(wide), beta.reshape(wide)))
    np.testing.assert_array_equal(moved[0].numpy(), rate * mean + (1 - rate) * running_mean)
    np.testing.assert_array_equal(moved[1].numpy(), fma(rate, squares / (n - 1), (1 - rate) * running_var))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [True, False])
def test_one_pass_and_composed(shape, training):
    """create_graph takes the rule made of operators; without it there is the kernel."""
    x, g, w, b, mean, var = (torch.from_numpy(v) for v in arrays(shape, "f8"))
    for parameters in ((), (w,), (w, b)):
        inputs = [v.clone().requires_grad_() for v in (x, *parameters)]
        given = [*inputs[1:], *[None] * (3 - len(inputs))]
        y = F.batch_norm(inputs[0], mean.clone(), var.clone(), *given, training)
        composed = torch.autograd.grad(y, inputs, g.requires_grad_(), create_graph=True)
        fused = torch.autograd.grad(y, inputs, g)
        for a, b in zip(composed, fused, strict=True):
            assert a.requires_grad and torch.allclose(a, b, rtol=1e-10, atol=1e-12)


def test_only_what_is_asked_for():
    x, g, w, b, mean, var = (torch.from_numpy(v) for v in arrays((8, 4, 5)))
    inputs = [v.requires_grad_() for v in (x, w, b)]
    y = F.batch_norm(x, mean, var, w, b, True)
    all_of_them = torch.autograd.grad(y, inputs, g, retain_graph=True)
    for i, want in zip(inputs, all_of_them, strict=True):
        assert torch.equal(torch.autograd.grad(y, i, g, retain_graph=True)[0], want)


def test_strided_input_and_gradient():
    x, g, w, b, mean, var = (torch.from_numpy(v) for v in arrays((6, 4, 5, 3)))
    results = []
    for data in (x.transpose(2, 3), x.transpose(2, 3).contiguous()):
        leaf = data.detach().requires_grad_()
        y = F.batch_norm(leaf, mean.clone(), var.clone(), w, b, True)
        y.backward(g.transpose(2, 3))
        results.append((y, leaf.grad))
    assert all(torch.equal(p, q) for p, q in zip(*results, strict=True))


def test_the_running_ones_may_move_before_backward():
    x = torch.randn(6, 3, requires_grad=True)
    mean, var = torch.zeros(3), torch.ones(3)
    first = F.batch_norm(x, mean, var, training=False)
    F.batch_norm(x, mean, var, training=True)
    first.sum().backward()
    assert torch.allclose(x.grad, torch.full((6, 3), (1 + 1e-5) ** -0.5))


@pytest.mark.parametrize("shape", SHAPES)
def test_digits_of_pytorch(shape):
    pytorch = pytest.importorskip("torch")
    threads = pytorch.get_num_threads()
    pytorch.set_num_threads(1)
    x, g, w, b, mean, var = arrays(shape)
    results = []
    for library in (pytorch, torch):
        leaves = [library.from_numpy(v.copy()).requires_grad_() for v in (x, w, b)]
        moved = [library.from_numpy(v.copy()) for v in (mean, var)]
        norm = library.nn.functional.batch_norm
        y = norm(leaves[0], *moved, *leaves[1:], training=True)
        y.backward(library.from_numpy(g))
        evaluated = norm(leaves[0], *moved, *leaves[1:], training=False)
        results.append([t.detach().numpy() for t in (y, *moved, evaluated, *(v.grad for v in leaves))])
    pytorch.set_num_threads(threads)
    *exact, gx, gw, gb = zip(*results, strict=True)
    for want, got in (*exact, gw, gb):
        np.testing.assert_array_equal(got, want)
    np.testing.assert_allclose(gx[1], gx[0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("parameters", ["float32", "narrow"])
def test_narrow_inputs(dtype, parameters):
    """In float32, the result rounded once; the running ones move, whatever their type."""
    torch.manual_seed(0)
    narrow = getattr(torch, dtype)
    x, norm = torch.randn(6, 3, 4).to(narrow), torch.nn.BatchNorm1d(3)
    if parameters == "narrow":
        norm = norm.to(narrow)
    wide = torch.nn.BatchNorm1d(3)
    want = wide(x.float())
    leaf = x.clone().requires_grad_()
    y = norm(leaf)
    assert y.dtype == narrow and torch.equal(y, want.to(narrow))
    kept = norm.weight.dtype
    assert torch.equal(norm.running_mean, wide.running_mean.to(kept))
    assert torch.equal(norm.running_var, wide.running_var.to(kept))
    y.sum().backward()
    assert leaf.grad.dtype == narrow and norm.weight.grad.dtype == kept
    with pytest.raises(RuntimeError, match="mixed dtype"):
        F.batch_norm(x, torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64))
