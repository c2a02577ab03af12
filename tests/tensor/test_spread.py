"""var and std: sums in double, rounded once; their derivatives in PyTorch's steps."""

import numpy as np
import pytest

import minitorch

RANDOM = np.random.default_rng(0)
SHAPES = [(1,), (7,), (1000,), (5, 3), (100, 2), (64, 100), (4, 3, 14, 14), (20000,)]
CALLS = {
    "std": lambda x: x.std(),
    "var": lambda x: x.var(),
    "std of columns": lambda x: x.std(0),
    "var, kept": lambda x: x.var(0, keepdim=True),
    "biased std of rows": lambda x: x.std(-1, unbiased=False),
    "var, corrected by 2": lambda x: x.var(dim=-1, correction=2),
    "std of ends": lambda x: x.std((0, -1)) if x.ndim > 1 else x.std(),
}


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_rounded_once(shape, offset):
    x = (RANDOM.standard_normal(shape) + offset).astype("f4")
    t, wide = minitorch.from_numpy(x), x.astype("f8")
    for dim in [None, *range(len(shape))]:
        if dim is not None and shape[dim] == 1:
            continue
        want = np.var(wide, axis=dim, ddof=1)
        np.testing.assert_allclose(t.var(dim).numpy(), want, rtol=6.1e-8)
        np.testing.assert_allclose(t.std(dim).numpy(), np.sqrt(want), rtol=6.1e-8)
        np.testing.assert_allclose(t.double().var(dim).numpy(), want, rtol=1e-13)
    views = minitorch.from_numpy(np.ascontiguousarray(x.T)).permute(*reversed(range(len(shape))))
    np.testing.assert_array_equal(views.var(0).numpy(), t.var(0).numpy())


def test_gradients_in_steps():
    x = RANDOM.standard_normal((6, 5)).astype("f4")
    g = RANDOM.standard_normal(5).astype("f4")
    t = minitorch.from_numpy(x).requires_grad_()
    y = t.std(0)
    y.backward(minitorch.from_numpy(g))
    y, far = y.detach().numpy(), x - minitorch.from_numpy(x).mean(0).numpy()
    np.testing.assert_array_equal(t.grad.numpy(), np.float32(2 / 5) * (g / (y * 2)) * far)


def test_second_derivatives():
    x = minitorch.randn(4, 3, dtype=minitorch.float64, requires_grad=True)
    for f in CALLS.values():
        assert minitorch.autograd.gradcheck(f, (x,))
        assert minitorch.autograd.gradgradcheck(f, (x,))


def test_no_freedom_is_told_and_nan():
    for name in ("std", "var"):
        with pytest.warns(
            UserWarning, match=rf"{name}\(\): degrees of freedom is <= 0\. Correction should be"
        ):
            assert getattr(minitorch.ones(1), name)().isnan()
        with pytest.warns(UserWarning):
            assert getattr(minitorch.ones(0, 3), name)(0).isnan().tolist() == [True] * 3
    x = minitorch.ones(3, requires_grad=True)
    x.std().backward()
    assert x.grad.tolist() == [0, 0, 0]


@pytest.mark.filterwarnings("ignore:.*degrees of freedom:UserWarning")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("shape", SHAPES)
def test_digits_of_pytorch(pytorch, call, shape):
    x, results = RANDOM.standard_normal(shape).astype("f4"), []
    for library in (pytorch, minitorch):
        leaf = library.from_numpy(x.copy()).requires_grad_()
        y = CALLS[call](leaf)
        y.backward(library.full(y.shape, 0.7))
        results.append((y.detach().numpy(), leaf.grad.numpy()))
    for want, got in zip(*results, strict=True):
        np.testing.assert_array_equal(got, want)
