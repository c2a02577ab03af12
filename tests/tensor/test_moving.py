"""Moving elements in the large, against NumPy: loops cut for threads, and lines walked either way."""

import numpy as np
import pytest

import minitorch

RANDOM = np.random.default_rng(0)
# (shape, dim): lines longer and shorter than the other dimension, pieces of 256 columns and 16384 elements.
PLACES = [
    ((40000,), 0),
    ((300, 300), 0),
    ((300, 300), 1),
    ((3, 20000), 0),
    ((20000, 3), 0),
    ((20000, 3), 1),
    ((3, 20000), 1),
    ((5, 70, 60), 1),
    ((70, 5, 60), 0),
    ((4, 3, 5, 600), 2),
    ((1, 9, 1), 1),
]
TYPES = ["float32", "float64", "int64", "int32", "int16", "uint8", "bool"]


def values(shape, dtype):
    return RANDOM.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)


def indices(shape, dim):
    """As many places along dim as there are, and a third more."""
    size = list(shape)
    size[dim] += size[dim] // 3
    return RANDOM.integers(0, shape[dim], size)


def strided(a):
    """The same numbers, every other one in memory."""
    return minitorch.tensor(np.repeat(a, 2, axis=-1))[..., ::2]


def added(x, dim, index, source):
    """x with source added in the order of dim."""
    y, at = x.copy(), list(np.indices(index.shape, sparse=True))
    at[dim] = index
    np.add.at(y, tuple(at), source)
    return y


@pytest.mark.parametrize(("shape", "dim"), PLACES)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("view", [minitorch.tensor, strided], ids=["dense", "strided"])
def test_gather_and_scatter(shape, dim, dtype, view):
    x, index = values(shape, dtype), indices(shape, dim)
    source = values(index.shape, dtype)
    tx, ti, ts = view(x), view(index), view(source)
    np.testing.assert_array_equal(tx.gather(dim, ti), np.take_along_axis(x, index, dim))
    np.testing.assert_array_equal(tx.scatter_add(dim, ti, ts), added(x, dim, index, source))
    once = np.argsort(RANDOM.random(shape), dim)
    want = x.copy()
    np.put_along_axis(want, once, x, dim)
    np.testing.assert_array_equal(tx.scatter(dim, view(once), tx), want)


@pytest.mark.parametrize(("shape", "dim"), PLACES)
@pytest.mark.parametrize("dtype", TYPES)
def test_slices_by_number(shape, dim, dtype):
    x = values(shape, dtype)
    index = RANDOM.integers(0, shape[dim], shape[dim] + 5)
    spread = index.reshape([-1 if d == dim else 1 for d in range(len(shape))])
    for view in (minitorch.tensor, strided):
        tx, ti = view(x), view(index)
        picked = tx.index_select(dim, ti)
        np.testing.assert_array_equal(picked, np.take(x, index, dim))
        want = added(x, dim, np.broadcast_to(spread, picked.shape), picked.numpy())
        np.testing.assert_array_equal(tx.index_add(dim, ti, picked), want)
        expanded = ti.reshape(spread.shape).expand(picked.shape)
        np.testing.assert_array_equal(tx.scatter_add(dim, expanded, picked), want)
        np.testing.assert_array_equal(tx.index_select(dim, ti.int()), np.take(x, index, dim))


def test_sums_in_one_place_keep_their_order():
    """Floats that do not add up in any other order alike, at one place of each line."""
    source = RANDOM.normal(size=(2000, 40)).astype(np.float32)
    want = np.zeros(40, np.float32)
    for row in source:
        want += row
    zeros, place = minitorch.zeros(1, 40), minitorch.zeros(2000, dtype=minitorch.int64)
    rows = minitorch.tensor(source)
    np.testing.assert_array_equal(zeros.index_add(0, place, rows)[0], want)
    np.testing.assert_array_equal(zeros.scatter_add(0, place[:, None].expand(2000, 40), rows)[0], want)
    turned = rows.t().contiguous()
    np.testing.assert_array_equal(zeros.t().scatter_add(1, place.expand(40, 2000), turned)[:, 0], want)


@pytest.mark.parametrize("wrong", [-1, 300])
@pytest.mark.parametrize("dim", [0, 1])
def test_an_index_outside_is_found_anywhere(dim, wrong):
    x, index = minitorch.rand(300, 300), minitorch.tensor(indices((300, 300), dim))
    before = x.clone()
    index[-1, -1] = wrong
    message = f"index {wrong} is out of bounds for dimension {dim} with size 300"
    for call in (
        lambda: x.gather(dim, index),
        lambda: x.scatter_add(dim, index, index.float()),
        lambda: x.scatter_add_(dim, index, index.float()),
        lambda: x.scatter(dim, index, 1.0),
    ):
        with pytest.raises(RuntimeError, match=message):
            call()
    with pytest.raises(IndexError, match="index out of range in self"):
        x.index_select(dim, index.select(1 - dim, -1))
    line = index.select(1 - dim, -1).contiguous()
    with pytest.raises(IndexError, match="index out of range in self"):
        x.index_add_(dim, line, index.float())
    assert minitorch.equal(x, before)


PADS = [
    ((2, 3, 40), (3, 5)),
    ((2, 3, 40), (-3, 7)),
    ((3, 30000), (2, 1)),
    ((4, 6, 40, 36), (2, 3, 1, 4)),
    ((4, 6, 40, 36), (-2, 3, 5, -4)),
    ((2, 3, 9, 8, 7), (1, 2, 3, 4, 5, 6)),
]


@pytest.mark.parametrize(("mode", "numpy_mode"), [("reflect", "reflect"), ("replicate", "edge")])
@pytest.mark.parametrize(("shape", "pad"), PADS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int16", "uint8"])
def test_borders(shape, pad, dtype, mode, numpy_mode):
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    lines = [(0, 0)] * (len(shape) - len(pad) // 2) + [pad[i : i + 2] for i in range(0, len(pad), 2)][::-1]
    want = np.pad(x, [(max(b, 0), max(a, 0)) for b, a in lines], numpy_mode)
    want = want[tuple(slice(max(-b, 0), n - max(-a, 0)) for (b, a), n in zip(lines, want.shape, strict=True))]
    for view in (minitorch.tensor, strided):
        got = minitorch.nn.functional.pad(view(x), pad, mode=mode)
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(("mode", "name"), [("reflect", "Reflection"), ("replicate", "Replication")])
@pytest.mark.parametrize(("shape", "pad"), PADS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_borders_are_added_in_order(shape, pad, dtype, mode, name):
    places = minitorch.arange(np.prod(shape)).reshape(shape)
    source = minitorch.nn.functional.pad(places, pad, mode=mode).numpy()
    g = RANDOM.normal(size=source.shape).astype(dtype)
    want = np.zeros(np.prod(shape), dtype)
    np.add.at(want, source.ravel(), g.ravel())
    x = minitorch.zeros(shape, dtype=getattr(minitorch, dtype), requires_grad=True)
    y = minitorch.nn.functional.pad(x, pad, mode=mode)
    assert type(y.grad_fn).__name__ == f"{name}Pad{len(pad) // 2}DBackward0"
    y.backward(minitorch.tensor(g))
    np.testing.assert_array_equal(x.grad.numpy().ravel(), want)


SIZES = [(1,), (15,), (130001,), (7, 17), (200, 1003), (3, 33, 40), (60, 3, 5)]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("dtype", TYPES)
def test_roll_and_flip(shape, dtype):
    x, last = values(shape, dtype), len(shape) - 1
    for view in (minitorch.tensor, strided):
        tx = view(x)
        for shift in (0, 1, -3, 16, 500, 1 - x.size):
            np.testing.assert_array_equal(tx.roll(shift), np.roll(x, shift))
            np.testing.assert_array_equal(tx.roll(shift, -1), np.roll(x, shift, -1))
            both = ((shift, 2), (0, last))
            np.testing.assert_array_equal(tx.roll(*both), np.roll(x, *both))
        for dims in (0, last, tuple(range(last + 1))):
            np.testing.assert_array_equal(tx.flip(dims), np.flip(x, dims))


def test_the_gradient_of_roll_is_rolled_back():
    x = minitorch.rand(4, 5, requires_grad=True)
    y = x.roll((1, -2), (0, 1))
    assert type(y.grad_fn).__name__ == "RollBackward0"
    g = minitorch.rand(4, 5)
    (gx,) = minitorch.autograd.grad(y, x, g)
    assert minitorch.equal(gx, g.roll((-1, 2), (0, 1)))
    (gx,) = minitorch.autograd.grad(x.roll(7), x, g)
    assert minitorch.equal(gx, g.roll(-7))


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 1])
@pytest.mark.parametrize("shape", [(7,), (40003,), (200, 301), (5, 60, 17), (3000, 3)])
@pytest.mark.parametrize("dtype", TYPES)
def test_masks(shape, share, dtype):
    x, mask = values(shape, dtype), RANDOM.random(shape) < share
    tm = minitorch.tensor(mask)
    np.testing.assert_array_equal(tm.nonzero(), np.argwhere(mask))
    for view in (minitorch.tensor, strided):
        tx = view(x)
        np.testing.assert_array_equal(tx[tm], x[mask])
        if len(shape) > 1:
            rows = mask.reshape(shape[0], -1)[:, 0]
            np.testing.assert_array_equal(tx[minitorch.tensor(rows)], x[rows])
        for value in (1, values(int(mask.sum()), dtype)):
            want, got = x.copy(), tx.clone()
            want[mask] = value
            got[tm] = value if isinstance(value, int) else minitorch.tensor(value)
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", TYPES)
def test_take_and_lists_of_places(dtype):
    x = values((90, 333), dtype)
    index, rows = RANDOM.integers(-x.size, x.size, (3, 20000)), RANDOM.integers(-90, 90, 40000)
    columns = RANDOM.integers(-333, 333, 40000)
    ti, tr, tc = map(minitorch.tensor, (index, rows, columns))
    for view in (minitorch.tensor, strided):
        tx = view(x)
        np.testing.assert_array_equal(tx.take(ti), x.ravel()[index])
        np.testing.assert_array_equal(tx[tr, tc], x[rows, columns])
        np.testing.assert_array_equal(tx[:, tc.int()], x[:, columns])
        np.testing.assert_array_equal(tx[:, tc % 333], x[:, columns % 333])
        got, want = tx.clone(), x.copy()
        got[tr % 90] = tx[0]
        want[rows % 90] = x[0]
        np.testing.assert_array_equal(got, want)
        got = tx.index_put((tr % 90,), tx[-1], accumulate=True)
        np.add.at(want := x.copy(), rows % 90, x[-1])
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(tx[tr[:5, None], tc[:7]], x[rows[:5, None], columns[:7]])
    for wrong in (x.size, -x.size - 1):
        ti[-1, -1] = wrong
        with pytest.raises(IndexError, match=f"tried to access index {wrong} on a tensor of {x.size}"):
            tx.take(ti)


@pytest.mark.parametrize(("rows", "columns"), [(0, 3), (1, 1), (300, 200), (5, 900)])
@pytest.mark.parametrize("offset", [-1000, -2, 0, 1, 150])
def test_places_of_triangles(rows, columns, offset):
    for name in ("tril", "triu"):
        got = getattr(minitorch, name + "_indices")(rows, columns, offset)
        want = np.stack(getattr(np, name + "_indices")(rows, offset, columns))
        np.testing.assert_array_equal(got, want)
        narrow = getattr(minitorch, name + "_indices")(rows, columns, offset, dtype=minitorch.int32)
        np.testing.assert_array_equal(narrow, want)


@pytest.mark.parametrize("width", [0, 1, 3, 64])
def test_rows_of_a_table(width):
    table, index = values((50, width), "float32"), RANDOM.integers(0, 50, (40, 500))
    ti = minitorch.tensor(index)
    for view in (minitorch.tensor, strided):
        np.testing.assert_array_equal(minitorch.nn.functional.embedding(ti, view(table)), table[index])
