"""Products with few columns or rows and sums of columns: their values, and the order of additions."""

import numpy as np
import pytest

import minitorch as mt

RANDOM = np.random.default_rng(0)


def matrix(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def in_lanes(a, b, lanes):
    """a (m, k) b (n, k)^T for k a multiple of the lanes, every step rounded to float32."""
    terms = (a[:, None, :] * b[None]).reshape(len(a), len(b), a.shape[1] // lanes, lanes)
    sums = np.zeros(terms.shape[:2] + (lanes,), np.float32)
    for i in range(terms.shape[2]):
        sums += terms[:, :, i]
    while sums.shape[2] > 1:
        half = sums.shape[2] // 2
        sums = sums[:, :, :half] + sums[:, :, half:]
    return sums[:, :, 0]


def term_by_term(a, b):
    """a (m, k) b (k, n), every step rounded to float32."""
    total = np.zeros((len(a), b.shape[1]), np.float32)
    for i in range(a.shape[1]):
        total += a[:, i : i + 1] * b[i : i + 1]
    return total


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 10, 11])
def test_a_layer_adds_up_in_lanes(n):
    x, w, bias = matrix(32, 64), matrix(n, 64), matrix(n)
    fours = n // 4 * 4
    wanted = np.concatenate([in_lanes(x, w[:fours], 4), in_lanes(x, w[fours:], 8)], 1)
    got = mt.nn.functional.linear(*map(mt.from_numpy, (x, w, bias))).numpy()
    assert np.array_equal(got, wanted + bias)


@pytest.mark.parametrize(("m", "n", "k"), [(32, 2, 128), (32, 128, 4), (64, 20, 2), (120, 3, 40)])
def test_gradients_of_a_layer_add_up_term_by_term(m, n, k):
    x, w = (mt.from_numpy(matrix(*shape)).requires_grad_() for shape in ((m, k), (n, k)))
    g = matrix(m, n)
    mt.nn.functional.linear(x, w).backward(mt.from_numpy(g))
    if k <= 11 or n <= 3:
        assert np.array_equal(w.grad.numpy(), term_by_term(g.T, x.detach().numpy()))
    if k <= 11:
        assert np.array_equal(x.grad.numpy(), term_by_term(g, w.detach().numpy()))


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5, 70])
@pytest.mark.parametrize("n", [1, 2, 5, 11, 12, 70])
@pytest.mark.parametrize("k", [0, 1, 7, 9, 33])
def test_values_in_every_layout(m, n, k):
    a, b, c = matrix(m, k), matrix(k, n), matrix(m, n)
    exact = a.astype(float) @ b
    for left in (mt.from_numpy(a), mt.from_numpy(a.T.copy()).T, mt.from_numpy(a.repeat(2, 1))[:, ::2]):
        for right in (mt.from_numpy(b), mt.from_numpy(b.T.copy()).T, mt.from_numpy(b.repeat(2, 1))[:, ::2]):
            assert np.allclose((left @ right).numpy(), exact, atol=1e-4)
            added = mt.addmm(mt.from_numpy(c), left, right)
            assert np.allclose(added.numpy(), exact + c, atol=1e-4)


@pytest.mark.parametrize("n", [2, 4, 7, 8, 31, 32, 33, 100])
@pytest.mark.parametrize("m", [1, 3, 16, 50, 300])
def test_gradients_of_a_bias(m, n):
    g, bias = matrix(m, n), mt.zeros(n, requires_grad=True)
    mt.nn.functional.linear(mt.ones(m, 20), mt.ones(n, 20), bias).backward(mt.from_numpy(g))
    assert np.allclose(bias.grad.numpy(), g.astype(float).sum(0), atol=1e-4)
    if m == 50 and n == 32:
        sixteens = [g[i : i + 16] for i in (0, 16, 32)]
        sums = [term_by_term(np.ones((1, 16), np.float32), part)[0] for part in sixteens]
        rest = g[48] + g[49]
        assert np.array_equal(bias.grad.numpy(), rest + ((sums[0] + sums[1]) + sums[2]))
