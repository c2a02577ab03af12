"""Quick forms of loops against the plain ones: the same numbers at every length, layout, count of threads."""

import numpy as np
import pytest

import minitorch as torch

INTEGERS = [np.uint8, np.int8, np.int16, np.int32, np.int64]
BITS = {"and": (torch.bitwise_and, np.bitwise_and), "or": (torch.bitwise_or, np.bitwise_or)}
BITS["xor"] = (torch.bitwise_xor, np.bitwise_xor)


def whole(dtype, n, seed=0):
    info = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(info.min, info.max, n, dtype=dtype, endpoint=True)


def same(got, want):
    got = got.numpy()
    assert got.dtype == want.dtype
    assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", BITS)
def test_bits_by_words(threads, dtype, name):
    ours, numpy = BITS[name]
    for n in (0, 1, 7, 8, 63, 64, 65, 1000, 70001):
        x, y = whole(dtype, n), whole(dtype, n, 1)
        a, b = torch.tensor(x), torch.tensor(y)
        number = dtype(x[-1] if n else 3)
        same(ours(a, b), numpy(x, y))
        same(~a, ~x)
        same(ours(a, torch.tensor(number)), numpy(x, number))
        same(ours(torch.tensor(number), b), numpy(number, y))
        same(ours(a[::2], b[: (n + 1) // 2]), numpy(x[::2], y[: (n + 1) // 2]))
        same(ours(a.flip(0)[1:], b[1:]), numpy(x[::-1][1:], y[1:]))
        target = a.clone()
        getattr(target, f"bitwise_{name}_")(b)
        same(target, numpy(x, y))


def test_bits_of_rows(threads):
    x, y = whole(np.int16, 300 * 41).reshape(300, 41), whole(np.int16, 41, 1)
    same(torch.tensor(x) & torch.tensor(y), x & y)
    same(torch.tensor(x).t() ^ torch.tensor(x[:, :1].T.copy()), x.T ^ x[:, :1].T)


FAR = [0, 1, -1, 2, 7, -7, 2**51 - 1, -(2**51), 2**51, -(2**51) - 1, 2**53 + 1, 2**62, 2**63 - 1, -(2**63)]


def floored(x, y):
    """By Python's own integers, whatever their size; modulo 2 ** 64."""
    pairs = [divmod(int(a), int(b)) for a, b in zip(x, y, strict=True)]
    quotient = [(q + 2**63) % 2**64 - 2**63 for q, _ in pairs]
    return np.array(quotient, np.int64), np.array([r for _, r in pairs], np.int64)


@pytest.mark.parametrize("bits", [4, 20, 50, 52, 63])
def test_whole_quotients(threads, bits):
    random = np.random.default_rng(bits)
    for n in (1, 2, 255, 256, 257, 3000, 40001):
        x = random.integers(-(2**bits), 2**bits - 1, n, endpoint=True)
        y = random.integers(-(2**bits), 2**bits - 1, n, endpoint=True) >> random.integers(0, bits, n)
        y[y == 0] = -3
        x[::5] = x[::5] // y[::5] * y[::5]  # exactly divisible, and one less
        x[1::5] = x[1::5] // y[1::5] * y[1::5] - 1
        quotient, rest = floored(x, y)
        a, b = torch.tensor(x), torch.tensor(y)
        same(a // b, quotient)
        same(a % b, rest)
        same(a[::2] // b[::2], quotient[::2].copy())
        same(a // b[0], floored(x, [y[0]] * n)[0])
        same(a[0] % b, floored([x[0]] * n, y)[1])
        same(a.clone().floor_divide_(b), quotient)
        same(torch.remainder(a, b, out=b), rest)


def test_far_whole_quotients(threads):
    x, y = (v.ravel() for v in np.meshgrid(np.array(FAR, np.int64), np.array(FAR[1:], np.int64)))
    quotient, rest = floored(x, y)
    same(torch.tensor(x) // torch.tensor(y), quotient)
    same(torch.tensor(x) % torch.tensor(y), rest)


def test_int32_quotients(threads):
    far = [0, 1, -1, 3, -3, 2**30, 2**31 - 1, -(2**31)]
    pairs = np.array([(x, y) for x in far for y in far if y], np.int32)
    for n in (1, 255, 256, 257, 40001):
        many = np.concatenate([pairs, whole(np.int32, 2 * n).reshape(n, 2)])
        many[:, 1] >>= np.arange(len(many)) % 20  # divisors of every size
        many[many[:, 1] == 0, 1] = 5
        x, y = (np.ascontiguousarray(column) for column in many.T)
        quotient, rest = (v.astype(np.int32) for v in floored(x, y))
        both, b = torch.tensor(many), torch.tensor(y)
        same(torch.tensor(x) // b, quotient)
        same(both[:, 0] // both[:, 1], quotient)
        same(both[:, 0] % b, rest)
        same(both[:, 0] % -7, floored(x, [-7] * len(x))[1].astype(np.int32))
        same(torch.floor_divide(both[:, 0], b, out=b), quotient)
        both[:, 0].remainder_(both[:, 1])
        same(both[:, 0].contiguous(), rest)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_a_zero_anywhere(threads, dtype):
    for n in (1, 5, 200000):
        x, y = torch.ones(n, dtype=dtype), torch.ones(n, 2, dtype=dtype)
        same(x // y[:, 0], np.ones(n, x.numpy().dtype))
        y[n // 2, 0] = 0
        for f in (torch.floor_divide, torch.remainder, torch.fmod):
            with pytest.raises(RuntimeError, match="ZeroDivisionError"):
                f(x, y[:, 0])
            f(x, y[:, 1])
    assert (torch.ones(0, dtype=dtype) // torch.ones(0, dtype=dtype)).numel() == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int16])
def test_columns_by_cache_lines(threads, dtype):
    """Products go from the first row to the last, extrema keep a NaN."""
    for rows, columns in ((5, 1), (40, 63), (40, 64), (40, 65), (700, 129), (1000, 1000), (3, 70001)):
        x = np.random.default_rng(columns).integers(1, 4, (rows, columns)).astype(dtype)
        if dtype in (np.float32, np.float64):
            x = x / dtype(1.9)
            x[rows // 2, columns // 2] = np.nan
        product = np.ones(columns, np.int64 if dtype in (np.int64, np.int16) else dtype)
        with np.errstate(all="ignore"):
            for row in x:
                product = product * row.astype(product.dtype)
        a = torch.tensor(x)
        got = a.prod(0).numpy()
        assert got.dtype == product.dtype
        np.testing.assert_array_equal(got, product)
        for name in ("amax", "amin"):
            np.testing.assert_array_equal(getattr(a, name)(0).numpy(), getattr(np, name)(x, 0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sums_of_far_lines(threads, dtype):
    """A number is the sum of its lines, one after the other, wherever it is kept meanwhile."""
    x = torch.randn(7, 45, 130, dtype=dtype)
    for part in (x, x[:, :1], x[:1], x[::2], x.double().to(dtype)[:, ::3], x[:, :, :40], x[:, :, :5]):
        lines, want = part.sum(2).numpy(), np.zeros(part.shape[1], x.numpy().dtype)
        for line in lines:
            want = want + line
        if part.shape[2] > 32 and part.shape[0] > 1:
            same(part.sum((0, 2)), want)
        np.testing.assert_allclose(part.sum((0, 2)).numpy(), part.numpy().sum((0, 2)), rtol=1e-3, atol=1e-3)
    x[3, 11, 17] = float("nan")
    assert x.sum((0, 2)).isnan().nonzero().tolist() == [[11]]


@pytest.mark.parametrize("eps", [None, 0.0, 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slope_of_logit(threads, dtype, eps):
    ends = [float("nan"), 0.0, -0.0, 1.0, 0.1, 0.9, 0.5, float("inf"), -1.0, 1.0000001]
    for n in (0, 1, 9, 70001):
        x = torch.cat([torch.rand(n, dtype=dtype) * 1.2 - 0.1, torch.tensor(ends, dtype=dtype)])
        g = torch.randn(n + len(ends), dtype=dtype)
        for view in (lambda t: t, lambda t: t[::2], lambda t: t[1:].flip(0)):
            a, b = view(x).detach().requires_grad_(), view(g)
            inside = (a >= (eps or 0.0)) & (a <= 1 - (eps or 0.0))
            want = torch.where(inside, b / (a * (1 - a)), float("nan") if eps is None else 0.0).detach()
            (once,) = torch.autograd.grad(torch.logit(a, eps), a, b)
            (twice,) = torch.autograd.grad(torch.logit(a, eps), a, b, create_graph=True)
            np.testing.assert_array_equal(once.numpy(), want.numpy())
            np.testing.assert_array_equal(twice.detach().numpy(), want.numpy())
            assert once.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_mean_with_and_without_nan(threads, dtype):
    """A NaN takes the long way, and the means without one stay, bit for bit."""
    x = torch.randn(333, 70, dtype=dtype)
    for dim in ((0,), (1,), (0, 1), None):
        for keepdim in (False, True):
            quick, beside = x.clone().requires_grad_(), x.clone()
            got = torch.nanmean(quick, dim, keepdim)
            n = x.numel() // got.numel()
            same(got.detach(), (x.sum(dim, keepdim) / torch.tensor(n, dtype=dtype)).numpy())
            (g,) = torch.autograd.grad(got.sum(), quick)
            same(g, (torch.ones_like(x) / torch.tensor(n, dtype=dtype)).numpy())
            beside[5, 7] = float("nan")
            long = torch.nanmean(beside.requires_grad_(), dim, keepdim)
            assert not long.isnan().any()
            kept = (long == got) | (long.numel() == 1)
            assert int((~kept).sum()) <= 1
            (g,) = torch.autograd.grad(long.sum(), beside)
            assert g[5, 7] == 0 and int((g == 0).sum()) == 1
    assert torch.nanmean(torch.full((3, 2), float("nan")), 0).isnan().all()
    assert (
        torch.nanmean(torch.ones(0, 2), 0).isnan().all() and torch.nanmean(torch.ones(2, 0), 0).numel() == 0
    )
    assert torch.nanmean(torch.tensor([float("inf"), -float("inf"), 1.0])).isnan()
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.nanmean(x, 2)
