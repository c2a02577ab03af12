"""Largest elements of windows on lines shorter and longer than any vector: values and places, to the bit."""

import numpy as np
import pytest

import minitorch as mt
import minitorch.nn.functional as F

RNG = np.random.default_rng(7)
LINES = [3, 8, 9, 15, 16, 17, 24, 30, 31, 33, 34, 70]


def largest(x, o, kernel, stride, pad, dilation):
    """Value and place of the largest of window o of a line: the last NaN, or the first of equals."""
    at = [
        i for i in range(o * stride - pad, o * stride - pad + kernel * dilation, dilation) if 0 <= i < len(x)
    ]
    nan = [i for i in at if np.isnan(x[i])]
    best = nan[-1] if nan else max(at, key=lambda i: (x[i], -i))
    return x[best], best


def images(width, dtype, kind):
    x = RNG.standard_normal((3, 2, width))
    if kind == "wild":
        x[0] = np.round(x[0])  # equals, and zeros of both signs
        x[1, 0, ::3] = np.nan
        x[1, 1, 1::4] = -np.inf
        x[2] = -np.inf
        x[2, 1, width // 2] = np.inf
    return x.astype(dtype)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("kind", ["plain", "wild"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "window", [(2, 2, 0, 1), (3, 2, 1, 1), (3, 1, 1, 1), (2, 3, 0, 1), (3, 2, 1, 2), (2, 1, 1, 1)]
)
def test_lines(window, dtype, kind, threads):
    before = mt.get_num_threads()
    mt.set_num_threads(threads)
    try:
        for width in LINES:
            if width < (window[0] - 1) * window[3] + 1:
                continue
            x = images(width, dtype, kind)
            y, index = F.max_pool1d(mt.from_numpy(x), *window, return_indices=True)
            for plane in np.ndindex(3, 2):
                for o in range(y.shape[2]):
                    value, place = largest(x[plane], o, *window)
                    got = y.numpy()[(*plane, o)]
                    assert index[(*plane, o)].item() == place
                    assert got.tobytes() == value.tobytes()
            assert F.max_pool1d(mt.from_numpy(x), *window).numpy().tobytes() == y.numpy().tobytes()
    finally:
        mt.set_num_threads(before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [(9, 11), (20, 33), (16, 16), (5, 40)])
@pytest.mark.parametrize("out", [(2, 3), (4, 4), (5, 9)])
def test_shared_out(out, size, dtype):
    x = images(size[0] * size[1], dtype, "wild").reshape(3, 2, *size)
    y, index = F.adaptive_max_pool2d(mt.from_numpy(x), out, return_indices=True)
    for n, c, i, j in np.ndindex(3, 2, *out):
        rows = range(i * size[0] // out[0], -(-(i + 1) * size[0] // out[0]))
        columns = range(j * size[1] // out[1], -(-(j + 1) * size[1] // out[1]))
        at = [r * size[1] + k for r in rows for k in columns]
        line = x[n, c].reshape(-1)
        nan = [p for p in at if np.isnan(line[p])]
        best = nan[-1] if nan else max(at, key=lambda p: (line[p], -p))
        assert index[n, c, i, j].item() == best
        assert y.numpy()[n, c, i, j].tobytes() == line[best].tobytes()


@pytest.mark.parametrize("kind", ["plain", "wild"])
@pytest.mark.parametrize(
    "window", [(2, 2, 0, 1), (3, 2, 1, 1), (3, 1, 1, 1), (2, 3, 0, 1), (3, 2, 1, 2), (4, 2, 2, 1)]
)
def test_planes_of_floats_and_of_doubles_agree(window, kind):
    """Those of doubles go one by one, as in test_lines."""
    for height, width in [(3, 6), (5, 8), (8, 8), (10, 10), (14, 14), (7, 16), (24, 24), (6, 31), (4, 40)]:
        if min(height, width) < (window[0] - 1) * window[3] + 1:
            continue
        x = images(height * width, "float32", kind).reshape(3, 2, height, width)
        for threads in (1, 3):
            before = mt.get_num_threads()
            mt.set_num_threads(threads)
            try:
                y, index = F.max_pool2d(mt.from_numpy(x), *window, return_indices=True)
                z, places = F.max_pool2d(mt.from_numpy(x.astype("float64")), *window, return_indices=True)
                alone = F.max_pool2d(mt.from_numpy(x), *window)
            finally:
                mt.set_num_threads(before)
            assert mt.equal(index, places)
            assert y.numpy().tobytes() == z.float().numpy().tobytes()
            assert alone.numpy().tobytes() == y.numpy().tobytes()
