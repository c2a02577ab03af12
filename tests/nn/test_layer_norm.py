"""layer_norm takes PyTorch's steps: the same bits, forward and back, however rows fall into chunks."""

import numpy as np
import pytest

import minitorch

SIZES = [1, 3, 4, 7, 8, 9, 20, 64, 127, 128, 129, 256, 300, 600, 1000, 1025, 5001]


def norm_and_gradients(torch, values, n, affine, dtype):
    x, g, w, b = (torch.from_numpy(values[k].astype(dtype)) for k in ("x", "g", "w", "b"))
    leaves = [t.requires_grad_() for t in ((x, w, b) if affine else (x,))]
    y = torch.nn.functional.layer_norm(x, (n,), w if affine else None, b if affine else None)
    return [t.detach().numpy() for t in (y, *torch.autograd.grad(y, leaves, g))]


def draw(n, rows=7):
    r = np.random.default_rng(n)
    return {
        "x": r.standard_normal((rows, n)) * 2 + 0.5,
        "g": r.standard_normal((rows, n)),
        "w": r.standard_normal(n),
        "b": r.standard_normal(n),
    }


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("n", SIZES)
def test_formula(n, dtype):
    v = draw(n)
    far = v["x"] - v["x"].mean(1, keepdims=True)
    scale = 1 / np.sqrt((far**2).mean(1, keepdims=True) + 1e-5)
    h = v["g"] * v["w"]
    back = scale * (h - h.mean(1, keepdims=True) - far * scale * (h * far * scale).mean(1, keepdims=True))
    want = [far * scale * v["w"] + v["b"], back, (v["g"] * far * scale).sum(0), v["g"].sum(0)]
    if n == 1:  # the way back is a difference of equal numbers, times 1 / sqrt(eps)
        want[1] = back * 0
    tolerance = 2e-4 if dtype == "f4" else 1e-9
    for got, right in zip(norm_and_gradients(minitorch, v, n, True, dtype), want, strict=True):
        np.testing.assert_allclose(got, right, rtol=tolerance, atol=tolerance * 10)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("n", SIZES)
def test_pytorchs_bits(pytorch_avx512, n, affine, dtype):
    got, want = (norm_and_gradients(t, draw(n), n, affine, dtype) for t in (minitorch, pytorch_avx512))
    for i in range(len(want) if n < 2000 else 2):  # gradients of weights of many rows add up in parts
        np.testing.assert_array_equal(got[i], want[i])


def test_numbers_that_are_not_finite_stay_in_their_row():
    x = minitorch.ones(3, 20)
    x[1, 3] = float("nan")
    x[2, 17] = float("inf")
    y = minitorch.nn.functional.layer_norm(x, (20,))
    assert y[0].tolist() == [0] * 20 and y[1].isnan().all() and y[2].isnan().all()
    assert minitorch.nn.functional.layer_norm(minitorch.ones(0, 5), (5,)).shape == (0, 5)
