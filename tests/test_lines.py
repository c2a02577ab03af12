"""Scans, orders and extrema of lines whose lengths lie around the blocks that their loops take at once."""

import numpy as np
import pytest

import minitorch as mt

# (size, dim): lines of neighbours, by fours and left over; few and many beside each other; several in front.
LINES = [((3, 1), 1), ((4, 7), 1), ((9, 600), 1), ((5, 3), 0), ((17, 4), 0), ((40, 5), 0)]
LINES += [((33, 300), 0), ((3, 9, 257), 1), ((2, 8, 3), 1), ((70001,), 0), ((0, 3), 0), ((3, 0), 1)]
TYPES = {
    "float32": np.float64,
    "float64": np.float64,
    "int64": np.int64,
    "int32": np.int64,
    "uint8": np.int64,
}


def numbers(size, dtype="float32", odd=False):
    x = np.random.default_rng(len(size)).integers(1, 9, size).astype(dtype)
    if dtype.startswith("float"):
        x = (x / 8 + 0.4).astype(dtype)
        x.reshape(-1)[7::53] *= np.nan if odd else 1
        x.reshape(-1)[5::31] *= -0.0 if odd else 1
    return x


def layouts(x):
    """The same numbers as they stand, transposed in memory, and with gaps."""
    yield mt.from_numpy(x.copy())
    yield mt.from_numpy(x.T.copy()).permute(*reversed(range(x.ndim)))
    yield mt.from_numpy(np.repeat(x, 2, -1))[..., ::2]


def same(got, want):
    np.testing.assert_array_equal(got.numpy(), want)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("size, dim", LINES)
def test_running_sums_and_products(size, dim, dtype):
    x = numbers(size, dtype, odd=True)
    wide = x.astype(TYPES[dtype])
    kept = np.int64 if TYPES[dtype] is np.int64 else dtype
    with np.errstate(all="ignore"):
        sums, products = np.cumsum(wide, dim).astype(kept), np.cumprod(wide, dim).astype(kept)
    for t in layouts(x):
        same(t.cumsum(dim), sums)
        same(t.cumprod(dim), products)
    if kept == dtype:
        t = mt.from_numpy(x.copy())
        same(t.cumsum_(dim), sums)


@pytest.mark.parametrize("dtype", [*TYPES, "bool"])
@pytest.mark.parametrize("size, dim", LINES)
def test_running_extrema_and_their_places(size, dim, dtype):
    x = numbers(size, dtype, odd=True)
    for t in layouts(x):
        for better, found in ((np.greater_equal, t.cummax(dim)), (np.less_equal, t.cummin(dim))):
            lines = np.moveaxis(x, dim, 0)
            places = np.zeros(lines.shape, np.int64)
            for i in range(1, len(lines)):
                old = np.take_along_axis(lines, places[i - 1 : i], 0)[0]
                over = (lines[i] != lines[i]) | ((old == old) & better(lines[i], old))
                places[i] = np.where(over, i, places[i - 1])
            best = np.take_along_axis(lines, places, 0)
            same(found.indices, np.moveaxis(places, 0, dim))
            assert found.values.numpy().tobytes() == np.moveaxis(best, 0, dim).tobytes()  # -0.0 too


@pytest.mark.parametrize(
    "size, dim", [((9, 60), 1), ((33, 300), 0), ((3, 9, 25), 1), ((700,), 0), ((1, 1), 0)]
)
def test_running_gradients_in_one_pass(size, dim):
    """The fused rules, against the composed ones, which a graph of the gradient asks for."""
    for name in ("cumsum", "cumprod"):
        x = mt.from_numpy(numbers(size)).requires_grad_()
        g = mt.from_numpy(numbers(size)[::-1].copy())
        y = getattr(x, name)(dim)
        (fused,) = mt.autograd.grad(y, x, g, retain_graph=True)
        (composed,) = mt.autograd.grad(y, x, g, create_graph=True)
        assert fused.equal(composed)
        (fused,) = mt.autograd.grad(y, x, g[:1].expand(size))
        assert fused.shape == size


# Around counting of ranks (20), insertion (80), digits of 8 and 11 bits (16384), and what has few values.
COUNTS = [1, 2, 20, 21, 79, 81, 300, 16383, 16385, 40000]


def values_of(kind, n):
    r = np.random.default_rng(n)
    if kind == "float32":
        x = r.standard_normal(n).astype("float32")
        x[::7] = np.round(x[::7])
        x[3::41] = -0.0
        x[5::97] = np.nan
        return x
    if kind == "float64":  # many that differ in their last bits alone
        return np.where(r.random(n) < 0.5, 1 + r.integers(0, 99, n) * 2.0**-52, r.standard_normal(n))
    if kind == "wide":
        return r.integers(-(2**62), 2**62, n) | (r.integers(0, 2, n) << 62)
    low, high = {"int64": (-3, 5), "int32": (-(2**31), 2**31), "int16": (-999, 999), "int8": (-9, 9)}[kind]
    return r.integers(low, high, n).astype(kind)


@pytest.mark.parametrize("kind", ["float32", "float64", "wide", "int64", "int32", "int16", "int8"])
@pytest.mark.parametrize("n", COUNTS)
def test_orders(n, kind):
    x = values_of(kind, n)
    t = mt.from_numpy(x)
    order = np.argsort(x, kind="stable")
    found = t.sort(stable=True)
    same(found.indices, order)
    assert found.values.numpy().tobytes() == x[order].tobytes()
    turned = np.argsort(x[::-1], kind="stable")[::-1]  # of the reversed: equal ones stand as they stood
    same(t.sort(stable=True, descending=True).indices, n - 1 - turned)
    for k in {1, min(n, 5), min(n, 17), n // 3, n - 1, n} - {0}:
        same(t.topk(k).indices, n - 1 - turned[:k])
        same(t.topk(k, largest=False).indices, order[:k])
        assert t.kthvalue(k).indices.item() == order[k - 1]
    nan = int((x != x).sum())
    assert t.median(0).indices.item() == order[n - nan if nan else (n - 1) // 2]
    assert t.nanmedian(0).indices.item() == order[(n - nan - 1) // 2]
    values, inverse, counts = t.unique(return_inverse=True, return_counts=True)
    want = np.unique(x, return_inverse=True, return_counts=True, equal_nan=False)
    for got, expected in zip((values, counts), want[::2], strict=True):
        same(got, expected)
    if not nan:
        same(inverse, want[1])
    same(values[inverse], x)


@pytest.mark.parametrize("threads", [1, 3])
def test_orders_of_lines_on_threads(threads):
    x = values_of("float32", 60 * 700).reshape(60, 700)
    before = mt.get_num_threads()
    mt.set_num_threads(threads)
    try:
        for dim in (0, 1):
            for t in layouts(x):
                same(t.sort(stable=True, dim=dim).indices, np.argsort(x, dim, kind="stable"))
                same(t.kthvalue(9, dim).indices, np.argsort(x, dim, kind="stable").take(8, dim))
    finally:
        mt.set_num_threads(before)


@pytest.mark.parametrize("dtype", [*TYPES, "bool"])
@pytest.mark.parametrize("size, dim", LINES[:-2])
def test_extrema_and_their_places(size, dim, dtype):
    x = numbers(size, dtype)
    for odd in (0.0, -0.0, np.nan, np.inf, -np.inf) if dtype.startswith("float") else (1,):
        x.reshape(-1)[3::17] = odd
        if dtype.startswith("float"):
            x.reshape(-1)[4::17] *= -1
        for t in layouts(x):
            for name, place in (("max", np.argmax(x, dim)), ("min", np.argmin(x, dim))):
                best = np.take_along_axis(x, np.expand_dims(place, dim), dim).squeeze(dim)
                found = getattr(t, name)(dim)
                same(found.indices, place)
                assert found.values.numpy().tobytes() == best.tobytes()  # the first of 0.0 and -0.0
                same(getattr(t, "a" + name)(dim), best)
                same(getattr(t, name)(), getattr(np, name)(x))
                if dtype != "bool":
                    same(getattr(t, "arg" + name)(dim), place)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extrema_by_bits(dtype, sign):
    for n in (1, 2, 15, 64, 1000):
        x = sign * numbers((n,), dtype)
        t = mt.from_numpy(x)
        assert (t.amax().item(), t.amin().item()) == (x.max(), x.min())
        for nan in (np.nan, np.copysign(np.nan, -1)):
            x[n // 2] = nan
            assert np.isnan(t.amax().item()) and np.isnan(t.amin().item())
    zeros = mt.tensor([-0.0, 0.0, -0.0])
    assert str(zeros.amax()) == "tensor(0.)" and str(zeros.amin()) == "tensor(-0.)"


@pytest.mark.parametrize("odd", [0.0, np.nan, np.inf])
def test_sums_without_nan(odd):
    x = numbers((60, 300), "float64")
    x[3, 5:200], x[4, 7] = odd, -np.inf
    t = mt.from_numpy(x).requires_grad_()
    for dim in (None, 0, 1):
        with np.errstate(all="ignore"):
            want = np.nansum(x, dim)
        np.testing.assert_allclose(t.nansum(dim).detach().numpy(), want, rtol=1e-12)
        (slope,) = mt.autograd.grad(t.nansum(dim).sum(), t)
        same(slope, np.where(np.isnan(x), 0.0, 1.0))


@pytest.mark.parametrize("dim", [None, 0, 1])
def test_slopes_of_products_with_and_without_zeros(dim):
    for zeros in (0, 1, 2):
        x = numbers((3, 4), "float64")
        x[1, :zeros] = 0
        t = mt.from_numpy(x).requires_grad_()
        product = t.prod() if dim is None else t.prod(dim)
        want = np.empty((3, 4))
        for i, j in np.ndindex(3, 4):
            others = x.copy()
            others[i, j] = 1
            want[i, j] = others.prod() if dim is None else others.prod(dim)[j if dim == 0 else i]
        (slope,) = mt.autograd.grad(product.sum(), t, create_graph=True)
        np.testing.assert_allclose(slope.detach().numpy(), want, rtol=1e-12)
        assert mt.autograd.grad(slope.sum(), t)[0].isfinite().all()


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("kind", ["float32", "float64", "wide", "int8"])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 9, 100])
def test_places_among_ordered_numbers(n, kind, right):
    ordered = np.sort(values_of(kind, n))
    x = np.concatenate([values_of(kind, 4099), ordered])
    want = np.searchsorted(ordered, x, "right" if right else "left")
    line, t = mt.from_numpy(ordered), mt.from_numpy(x)
    same(mt.searchsorted(line, t, right=right), want)
    same(mt.bucketize(t, line, right=right, out_int32=True), want)
    same(mt.searchsorted(line.expand(3, n), t[:99].expand(3, 99), right=right), np.stack([want[:99]] * 3))
    turned = mt.arange(n - 1, -1, -1) if n else mt.arange(0)
    same(mt.searchsorted(line.flip(0), t[:99], right=right, sorter=turned), want[:99])


@pytest.mark.parametrize("most", [1, 1023, 1024, 1025])
def test_counts_of_few_and_many_numbers(most):
    for n in (0, 1, 2, 999):
        x = np.random.default_rng(n).integers(0, most, n)
        same(mt.from_numpy(x).bincount(minlength=most), np.bincount(x, minlength=most))


@pytest.mark.parametrize("dtype", [*TYPES, "int16", "bool"])
@pytest.mark.parametrize("size, dim", LINES)
def test_flips(size, dim, dtype):
    x = numbers(size, dtype)
    for t in layouts(x):
        same(t.flip(dim), np.flip(x, dim))
        same(t.flip(tuple(range(x.ndim))), np.flip(x))


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 1])
@pytest.mark.parametrize("size", [(1,), (1000,), (7, 9), (3, 1, 5), (2, 0)])
def test_places_of_true_elements(size, share):
    x = np.random.default_rng(len(size)).random(size) < share
    for t in layouts(x):
        same(t.nonzero(), np.argwhere(x))
        same(t.flip(0)[t], np.flip(x, 0)[x])
    room = mt.full((x.sum() + 1, x.ndim), -7)
    mt.nonzero(mt.from_numpy(x), out=room[:-1])
    assert room[-1].tolist() == [-7] * x.ndim  # what stands behind the last one stays


@pytest.mark.parametrize("n", [1, 3, 4, 7, 8, 9, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_norms_of_lines(dtype, n):
    x = numbers((5, n), dtype)
    for t in layouts(x):
        np.testing.assert_allclose(t.norm(2, 1).numpy(), np.sqrt((x.astype("float64") ** 2).sum(1)), 1e-6)
        assert t.norm(2, 1).equal(mt.stack([row.norm(2, 0) for row in t.contiguous()]))


def on_threads(count, f):
    before = mt.get_num_threads()
    mt.set_num_threads(count)
    try:
        return [part.clone() for part in f()]
    finally:
        mt.set_num_threads(before)


@pytest.mark.parametrize("size", [(130, 900), (900, 130), (3, 40, 999)])
def test_threads_change_nothing(size):
    t = mt.from_numpy(numbers(size, odd=True))
    line = t[..., 0].reshape(-1).sort().values

    def results():
        for dim in range(t.ndim):
            yield from (t.cumsum(dim), t.cumprod(dim), t.logcumsumexp(dim), *t.cummax(dim), *t.cummin(dim))
            yield from (*t.max(dim), *t.min(dim), t.argmax(dim), *t.sort(dim), *t.topk(3, dim), t.flip(dim))
        yield from (mt.searchsorted(line, t), t.amax(), t.nansum(), t.median())

    for one, many in zip(on_threads(1, results), on_threads(3, results), strict=True):
        assert one.numpy().tobytes() == many.numpy().tobytes()


@pytest.mark.parametrize("rows", [(700, 301), (3, 70001), (5000, 17)])
def test_threads_cut_no_row_of_a_view(rows):
    """The last elements of a row go another way than whole vectors: a thread's share begins with a row."""
    wide = np.random.default_rng(0).standard_normal((rows[0], rows[1] + 3))
    t = mt.from_numpy(wide.astype("float32"))[:, 1:-2]

    def results():
        yield from (getattr(t, name)() for name in ("sigmoid", "exp", "tanh", "sin", "erf", "expm1"))

    for one, many in zip(on_threads(1, results), on_threads(3, results), strict=True):
        assert one.numpy().tobytes() == many.numpy().tobytes()
