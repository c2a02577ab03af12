"""Convolutions and pools in float32 take other paths than in float64: both must agree."""

import numpy as np
import pytest

import minitorch as torch

F = torch.nn.functional
RANDOM = np.random.default_rng(0)

CASES = [  # x, weight, options
    ((2, 3, 9, 11), (8, 3, 3, 3), {"padding": 1}),
    ((2, 16, 12, 12), (24, 16, 3, 3), {"padding": 1}),
    ((1, 40, 30, 30), (20, 40, 5, 5), {"padding": 2}),  # more than 400 terms of 16 channels
    ((2, 3, 70, 130), (9, 3, 7, 7), {"stride": 2, "padding": 3}),  # several bands
    ((1, 70, 50, 61), (33, 70, 3, 3), {"padding": 1}),
    ((3, 48, 4, 4), (64, 48, 3, 3), {"padding": 1}),  # the channels last
    ((19, 24, 2, 3), (40, 24, 2, 3), {"padding": 1}),
    ((2, 12, 9, 9), (12, 1, 3, 3), {"padding": 1, "groups": 12}),
    ((2, 12, 9, 10), (12, 1, 5, 3), {"padding": 2, "groups": 12, "stride": (2, 3), "dilation": (1, 2)}),
    ((2, 12, 9, 9), (24, 4, 3, 3), {"padding": 1, "groups": 3}),
    ((2, 5, 13, 40), (7, 5, 2, 4), {"padding": (1, 3), "stride": (1, 3), "dilation": (3, 1)}),
    ((2, 16, 15, 15), (16, 16, 3, 3), {"padding": 2, "dilation": 2}),
    ((2, 16, 16, 16), (8, 16, 3, 3), {"padding": 1, "stride": 5}),  # more images than it is taken apart into
    ((2, 16, 16, 16), (8, 16, 3, 3), {"padding": 1, "stride": 4}),
    ((3, 20, 1, 1), (20, 20, 1, 3), {"padding": (0, 1)}),
    ((4, 32, 4, 4), (5, 32, 4, 4), {}),
    ((2, 17, 101), (19, 17, 5), {"padding": 2, "stride": 3}),
    ((2, 3, 7, 8, 9), (6, 3, 3, 2, 3), {"padding": 1, "stride": (2, 1, 2)}),
    ((0, 3, 9, 9), (8, 3, 3, 3), {"padding": 1}),
    ((2, 3, 5, 5), (8, 3, 3, 3), {"padding": 10**9, "dilation": 10**9}),  # no frame for these
]
TRANSPOSED = [
    ((2, 16, 9, 9), (16, 8, 4, 4), {"stride": 2, "padding": 1}),
    ((3, 32, 4, 4), (32, 48, 4, 4), {"stride": 2, "padding": 1}),
    ((2, 20, 7, 5), (20, 6, 3, 3), {"stride": (3, 2), "padding": (1, 0), "output_padding": (2, 1)}),
    ((2, 8, 6, 6), (8, 3, 2, 2), {"stride": 3, "output_padding": 2}),  # some places nothing reaches
    ((2, 8, 6, 6), (8, 3, 3, 3), {"padding": 2, "dilation": 2, "groups": 2}),
    ((5, 20, 1, 1), (20, 7, 4, 4), {}),
    ((2, 8, 33), (8, 4, 4), {"stride": 2, "padding": 1}),
    ((1, 4, 3, 4, 5), (4, 3, 3, 4, 3), {"stride": 2, "padding": 1}),
]


def results(function, arrays, options):
    """y and the gradients in all arrays."""
    leaves = [torch.from_numpy(a).requires_grad_() for a in arrays]
    y = function(*leaves, **options)
    g = np.random.default_rng(1).random(tuple(y.shape)).astype(arrays[0].dtype)
    y.backward(torch.from_numpy(g))
    return [y.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)]


def check(function, arrays, options):
    got = results(function, arrays, options)
    want = results(function, [a.astype("f8") for a in arrays], options)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        scale = np.nanmax(np.abs(b), initial=1e-30)
        np.testing.assert_allclose(a / scale, b / scale, atol=1e-5)


@pytest.mark.parametrize("hole", [False, True], ids=["numbers", "nan"])
@pytest.mark.parametrize("case", CASES + TRANSPOSED, ids=lambda c: "x".join(map(str, c[0] + c[1])))
def test_convolution(case, hole):
    x, w, options = case
    transposed = case in TRANSPOSED
    function = getattr(F, f"conv_transpose{len(x) - 2}d" if transposed else f"conv{len(x) - 2}d")
    out = w[1] * options.get("groups", 1) if transposed else w[0]
    arrays = [RANDOM.standard_normal(size).astype("f4") for size in (x, w, (out,))]
    if hole and arrays[0].size:
        arrays[0].flat[arrays[0].size // 3] = np.nan  # it must not reach what its windows do not
    check(function, arrays, options)


def test_a_convolution_is_the_same_for_every_number_of_threads():
    x, w = (RANDOM.standard_normal(size).astype("f4") for size in ((8, 16, 40, 40), (32, 16, 3, 3)))
    before, seen = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        seen.append(results(F.conv2d, [x, w], {"padding": 1}))
    torch.set_num_threads(before)
    for other in seen[1:]:
        for a, b in zip(seen[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("size", [7, 8, 9, 15, 16, 17, 33, 50, 71])
@pytest.mark.parametrize("window", [(2, 2, 0, 1), (3, 1, 1, 1), (3, 2, 1, 1), (2, 3, 0, 1), (3, 2, 1, 2)])
def test_largest_elements(size, window):
    kernel, stride, padding, dilation = window
    x = RANDOM.choice([-np.inf, -1.0, -0.0, 0.0, 1.0, 2.0, np.inf, np.nan], (2, 3, 8, size)).astype("f4")
    options = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    want, places = F.max_pool2d(torch.from_numpy(x.astype("f8")), **options, return_indices=True)
    got, at = F.max_pool2d(torch.from_numpy(x), **options, return_indices=True)
    alone = F.max_pool2d(torch.from_numpy(x), **options)
    np.testing.assert_array_equal(at.numpy(), places.numpy())
    for y in (got, alone):
        np.testing.assert_array_equal(y.numpy(), want.numpy().astype("f4"))
        np.testing.assert_array_equal(np.signbit(y.numpy()), np.signbit(want.numpy()))


def test_one_mean_of_all_is_the_mean():
    x = torch.randn(3, 4, 9, 7)
    assert F.adaptive_avg_pool2d(x, 1).equal(x.mean((-1, -2), keepdim=True))
    assert F.adaptive_avg_pool1d(x[0], 1).equal(x[0].mean(-1, keepdim=True))
