"""Copies of short rows, which go whole, and where the innermost dimension is short: against NumPy."""

import numpy as np
import pytest

import minitorch as mt

RNG = np.random.default_rng(3)
DTYPES = ["uint8", "bool", "int16", "float32", "int64", "float64", "complex64"]


def numbers(shape, dtype):
    x = RNG.integers(0, 2 if dtype == "bool" else 256, (*shape, np.dtype(dtype).itemsize), dtype=np.uint8)
    return x.view(dtype).reshape(shape)


def same(a, b):
    assert a.shape == b.shape
    assert a.numpy().tobytes() == np.ascontiguousarray(b).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_every_length(dtype, threads):
    x = numbers((37, 160), dtype)
    for n in [*range(1, 36), 63, 64, 65, 127, 128, 129]:
        y = mt.from_numpy(x)
        same(y[:, 3 : 3 + n].clone(memory_format=mt.contiguous_format), x[:, 3 : 3 + n])
        z, w = mt.from_numpy(x.copy()), x.copy()
        z[5:30:2, 1 : 1 + n] = y[2:15, 9 : 9 + n]
        w[5:30:2, 1 : 1 + n] = x[2:15, 9 : 9 + n]
        same(z, w)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", [(0, 2, 1, 3), (3, 1, 0, 2), (1, 3, 2, 0), (2, 0, 3, 1), (0, 1, 3, 2)])
@pytest.mark.parametrize("shape", [(2, 3, 40, 5), (17, 2, 3, 2), (1, 30, 2, 4), (70, 3, 50, 9)])
def test_permuted(shape, order, dtype, threads):
    x = numbers(shape, dtype)
    y = mt.from_numpy(x)
    same(y.permute(order).contiguous(), x.transpose(order))
    same(y[:, :, 1:].permute(order).contiguous(), x[:, :, 1:].transpose(order))
    same(y.permute(order).float(), x.transpose(order).astype("float32")) if dtype in (
        "int16",
        "bool",
    ) else None


def test_windows_that_overlap(threads):
    x = numbers((300, 400), "float32")
    want = np.lib.stride_tricks.sliding_window_view(x, 10, 1)[:, ::5]
    same(mt.from_numpy(x).unfold(1, 10, 5).clone(memory_format=mt.contiguous_format), want)


def test_over_itself_and_expanded(threads):
    x = numbers((200, 6), "float32")
    y, z = mt.from_numpy(x.copy()), x.copy()
    y[1:, :4] = y[:-1, 2:]
    z[1:, :4] = x[:-1, 2:]
    same(y, z)
    y[:, 1:4] = mt.from_numpy(x[:1, :3])
    z[:, 1:4] = x[:1, :3]
    same(y, z)
    y[:, 1:4] = mt.from_numpy(x[:, :1])
    z[:, 1:4] = x[:, :1]
    same(y, z)
    same(mt.from_numpy(x[:, :3])[:0].clone(), x[:0, :3])
