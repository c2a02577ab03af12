"""What was wrong once: the tail of gelu, the sign of a zero, a weight that is a vector, rrelu in place."""

import numpy as np
import pytest

import minitorch as mt
from minitorch.nn import functional as F


def test_gelu_keeps_its_digits_in_the_tail():
    """Exact values from 60-digit arithmetic; x / 2 (1 + erf(x / sqrt 2)) has lost 3e-4 at -4."""
    x = mt.tensor([-2.0, -4.0, -6.0, 3.0])
    exact = [-0.04550026389635839, -1.2668496733421868e-4, -5.919525850588e-9, 2.9959503058920845]
    assert np.allclose(F.gelu(x).numpy(), exact, rtol=2e-6, atol=0)


def test_erfc_keeps_its_digits_everywhere():
    x = mt.tensor([0.0, -0.0, 0.25, 0.75, 2.0, 5.0, 9.0, -1.0, float("inf"), -float("inf")])
    wide = mt.erfc(x.double())
    assert mt.allclose(mt.erfc(x).double(), wide, rtol=1e-6, atol=0)
    assert mt.erfc(mt.tensor(float("nan"))).isnan()


@pytest.mark.parametrize("dtype", [mt.float32, mt.float64])
def test_softshrink_keeps_the_sign_of_zero(dtype):
    y = F.softshrink(mt.tensor([-0.0, 0.2, -0.2, -3.0, float("nan")], dtype=dtype))
    assert mt.signbit(y).tolist()[:4] == [True, False, True, True] and y[4].isnan()


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3), (0, 3)])
def test_linear_with_a_vector(shape):
    x = mt.randn(shape, dtype=mt.float64, requires_grad=True)
    w = mt.randn(3, dtype=mt.float64, requires_grad=True)
    assert mt.allclose(F.linear(x, w), x @ w) and F.linear(x, w).shape == shape[:-1]
    mt.autograd.gradcheck(F.linear, (x, w))
    mt.autograd.gradgradcheck(F.linear, (x, w))


def test_linear_with_a_vector_refuses():
    with pytest.raises(RuntimeError, match=r"size mismatch, got input \(2\), mat \(2x3\), vec \(4\)"):
        F.linear(mt.ones(2, 3), mt.ones(4))
    with pytest.raises(RuntimeError, match="mat2 must be a matrix, got 1-D tensor"):
        F.linear(mt.ones(2, 3), mt.ones(3), mt.ones(1))


@pytest.mark.parametrize("training", [False, True])
def test_rrelu_in_place_has_its_gradient(training):
    x = mt.linspace(-2, 2, 8, dtype=mt.float64).requires_grad_()
    y = x * 1
    z = F.rrelu(y, 0.1, 0.3, training, True)
    assert z is y
    z.sum().backward()
    assert mt.allclose(x.grad * x, z) and x.grad[4:].equal(mt.ones(4, dtype=mt.float64))


def test_shrinks_write_to_out():
    x, out = mt.linspace(-1, 1, 5), mt.empty(5)
    for f in (F.hardshrink, F.softshrink):
        assert f(x, 0.6, out=out) is out and out.equal(f(x, 0.6))
