"""Convolutions and wide products add up in the order of PyTorch's libraries, oneDNN and MKL.

The orders are spelled out in NumPy: one fused multiply-add after the other, from 0, in the blocks the
libraries cut. Where PyTorch is installed, its own digits are compared too.
"""

import numpy as np
import pytest

import minitorch as torch

F = torch.nn.functional
pytestmark = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() == "BASELINE",
    reason="kernels without a fused multiply-add round twice",
)


def arrays(*shapes):
    random = np.random.default_rng(0)
    return [random.standard_normal(shape).astype("f4") for shape in shapes]


def chain(terms, shape):
    """The fused multiply-adds of pairs (a, b) that broadcast to a shape, each rounded once."""
    total = np.zeros(shape, "f4")
    for a, b in terms:
        total = (np.float64(a) * np.float64(b) + np.float64(total)).astype("f4")
    return total


def cuts(k):
    """Where a sum of k terms is cut."""
    step = k if k <= 192 else k // 2 if k < 384 else 192
    return [(i, min(k, i + step)) for i in range(0, k, step)]


@pytest.mark.parametrize("k", [40, 192, 193, 300, 383, 384, 400, 784])
def test_products(k):
    x, w, bias = arrays((24, k), (36, k), 36)
    want = np.broadcast_to(bias, (24, 36))
    for start, stop in cuts(k):
        want = want + chain(((x[:, i, None], w[None, :, i]) for i in range(start, stop)), (24, 36))
    got = F.linear(*map(torch.from_numpy, (x, w, bias)))
    np.testing.assert_array_equal(got.numpy(), want)


CONVOLUTIONS = [  # batch, channels, image, out, kernel, stride, padding
    (2, 1, (12, 12), 6, (5, 5), 1, 0),
    (2, 3, (9, 11), 16, (3, 3), 2, 1),
    (2, 6, (8, 8), 16, (5, 5), 1, 0),
    (2, 16, (7, 7), 8, (5, 5), 1, 2),
    (2, 20, (6, 7), 12, (3, 3), 1, 1),
    (2, 40, (6, 6), 12, (3, 3), 1, 1),
    (2, 24, (6, 6), 12, (1, 1), 1, 0),
    (2, 10, (7,), 16, (3,), 1, 0),
    (2, 16, (5,), 32, (3,), 1, 0),
    (1, 3, (20, 20), 8, (5, 5), 1, 0),
]


def convolve(x, w, bias, stride, padding):
    """In 16 channels at a time: places of the window, at each the channels; the bias to the first sum."""
    n, spread = x.ndim - 2, [(0, 0), (0, 0)] + [(padding, padding)] * (x.ndim - 2)
    x = np.pad(x, spread)
    size = [(x.shape[i + 2] - w.shape[i + 2]) // stride + 1 for i in range(n)]
    shape = (len(x), len(w), *size)
    block = 16 if w[0, 0].size > 1 else w.shape[1]

    def term(channel, place):
        window = tuple(slice(p, p + stride * (s - 1) + 1, stride) for p, s in zip(place, size, strict=True))
        return (
            w[(slice(None), channel, *place)].reshape(1, -1, *[1] * n),
            x[(slice(None), slice(channel, channel + 1), *window)],
        )

    total = None
    for first in range(0, w.shape[1], block):
        channels = range(first, min(first + block, w.shape[1]))
        part = chain((term(c, place) for place in np.ndindex(*w.shape[2:]) for c in channels), shape)
        total = part + bias.reshape(1, -1, *[1] * n) if total is None else total + part
    return total


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions(case):
    batch, channels, image, out, kernel, stride, padding = case
    x, w, bias = arrays((batch, channels, *image), (out, channels, *kernel), out)
    function = F.conv2d if len(image) == 2 else F.conv1d
    got = function(*map(torch.from_numpy, (x, w, bias)), stride=stride, padding=padding)
    np.testing.assert_array_equal(got.numpy(), convolve(x, w, bias, stride, padding))


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolutions(stride):
    """They begin with the bias."""
    x, w, bias = arrays((2, 5, 9, 9), (5, 1, 3, 3), 5)
    padded, size = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]), (9 - 1) // stride + 1
    want = np.broadcast_to(bias.reshape(1, -1, 1, 1), (2, 5, size, size))
    for i, j in np.ndindex(3, 3):
        window = padded[
            :, :, i : i + stride * (size - 1) + 1 : stride, j : j + stride * (size - 1) + 1 : stride
        ]
        term = np.float64(window) * np.float64(w[:, 0, i, j].reshape(1, -1, 1, 1))
        want = (term + np.float64(want)).astype("f4")
    got = F.conv2d(*map(torch.from_numpy, (x, w, bias)), stride=stride, padding=1, groups=5)
    np.testing.assert_array_equal(got.numpy(), want)


@pytest.mark.parametrize(
    "case",
    [  # channels, image, out, kernel, stride, padding, dilation, groups
        (16, (20, 21), 40, 3, 1, 1, 1, 1),
        (12, (9, 9), 12, 3, 1, 1, 1, 12),
        (16, (15, 15), 8, 3, 1, 2, 2, 1),
        (20, (9, 9), 36, 3, 2, 1, 1, 1),
        (20, (16, 16), 36, 4, 2, 1, 1, 1),
        (3, (24, 24), 20, 7, 2, 3, 1, 1),
        (9, (100,), 33, 4, 2, 1, 1, 1),
        (8, (32, 32), 16, 3, 2, 1, 2, 1),
    ],
)
def test_gradients_of_convolutions_in_pytorch(pytorch, case):
    """Those in x, and so transposed convolutions, have its digits, too."""
    channels, image, out, kernel, stride, padding, dilation, groups = case
    n = len(image)
    x, w = arrays((3, channels, *image), (out, channels // groups, *[kernel] * n))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    results = []
    for library in (pytorch, torch):
        leaf, weight = library.from_numpy(x).requires_grad_(), library.from_numpy(w)
        y = getattr(library.nn.functional, f"conv{n}d")(leaf, weight, **options)
        (g,) = arrays(y.shape)
        y.backward(library.from_numpy(g))
        results.append(leaf.grad.numpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-4)
    if pytorch.backends.mkldnn.is_available() and pytorch.backends.cpu.get_cpu_capability() == "AVX512":
        np.testing.assert_array_equal(results[1], results[0])


@pytest.mark.parametrize(
    "shape", [(64, 784, 128), (20, 300, 300), (32, 500, 12), (16, 40, 40), (100, 250, 33)]
)
def test_layers_in_pytorch(pytorch, shape):
    m, k, n = shape
    x, w, bias, g = arrays((m, k), (n, k), n, (m, n))
    results = []
    for library in (pytorch, torch):
        leaves = [library.from_numpy(v.copy()).requires_grad_() for v in (x, w, bias)]
        y = library.nn.functional.linear(*leaves)
        y.backward(library.from_numpy(g))
        results.append([y.detach().numpy(), *(v.grad.numpy() for v in leaves)])
    for want, got in zip(*results, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
    if pytorch.backends.mkl.is_available() and pytorch.backends.cpu.get_cpu_capability() == "AVX512":
        for want, got in zip(*results, strict=True):
            np.testing.assert_array_equal(got, want)
