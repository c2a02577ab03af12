"""arange and x ** number are rounded where PyTorch rounds them."""

from fractions import Fraction

import numpy as np
import pytest

import minitorch

RANDOM = np.random.default_rng(0)
RANGES = [
    (-3, 3.1, 0.1),
    (0, 1, 0.01),
    (0, 10, 0.3),
    (-1, 1, 0.001),
    (1, 50, 0.7),
    (3, -2, -0.17),
    (0, 0.5, 1),
    (2, -1, -0.0117),  # 257: a piece of numbers and one more
    (0, 1, 0.00006),  # 16667: more than a thread's share
]


def range_in_vectors(start, end, step, dtype):
    """Vectors of 32 bytes, two at a time: the first element of each is rounded before the rest is added."""

    def fma(a, b, c):
        return float(Fraction(a) * Fraction(b) + Fraction(c))

    n = int(np.ceil((end - start) / step))
    lanes = 32 // np.dtype(dtype).itemsize
    whole = n - n % (2 * lanes)
    out = []
    for i in range(0, whole, lanes):
        base = float(dtype(fma(step, i, start)))
        out += [dtype(fma(step, lane, base)) for lane in range(lanes)]
    return np.array(out + [dtype(fma(step, i, start)) for i in range(whole, n)], dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ends", RANGES)
def test_ranges_in_vectors(ends, dtype):
    got = minitorch.arange(*ends, dtype=getattr(minitorch, np.dtype(dtype).name)).numpy()
    np.testing.assert_array_equal(got, range_in_vectors(*map(float, ends), dtype))


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "uint8", "int8"])
@pytest.mark.parametrize("n", [0, 1, 255, 256, 257, 16384, 50001])
def test_ranges_of_integers(n, dtype):
    got = minitorch.arange(3, 3 - 7 * n, -7, dtype=getattr(minitorch, dtype)).numpy()
    np.testing.assert_array_equal(got, (3 - 7 * np.arange(n)).astype(dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 3, 255, 256, 257, 511, 513, 16385, 40000])
def test_numbers_between_two(n, dtype):
    """From both ends towards the middle, each rounded once."""
    start, end = dtype(-0.3), dtype(7.1)
    step = Fraction(float((end - start) / dtype(n - 1))) if n > 1 else 0
    got = minitorch.linspace(float(start), float(end), n, dtype=getattr(minitorch, dtype.__name__)).numpy()
    for i in {0, n // 2 - 1, n // 2, n - 1, *RANDOM.integers(0, n, 50).tolist()} - {-1}:
        first = i < n // 2 or n == 1
        exact = Fraction(float(start)) + i * step if first else Fraction(float(end)) - (n - 1 - i) * step
        assert got[i] == dtype(float(exact))


def test_stored_digits_of_a_range():
    x = minitorch.arange(-3, 3.1, 0.1)
    assert x[29:32].tolist() == [-0.10000002384185791, -2.3841858265427618e-08, 0.09999997913837433]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ranges_of_pytorch(pytorch, dtype):
    for _ in range(300):
        start, width, steps = RANDOM.normal(), RANDOM.uniform(0.1, 20), RANDOM.uniform(1, 300)
        want, got = (
            library.arange(start, start + width, width / steps, dtype=getattr(library, dtype)).numpy()
            for library in (pytorch, minitorch)
        )
        assert (want != got).sum() <= (dtype == "float32")


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("gap", [1, 3])
def test_powers_by_a_number(dtype, gap):
    x = np.append(RANDOM.standard_normal(999), [0.0, -0.0, np.inf, -np.inf, np.nan]).astype(dtype)[::gap]
    t = minitorch.from_numpy(x)
    one = np.dtype(dtype).type(1)
    with np.errstate(all="ignore"):
        want = {2: x * x, 3: x * x * x, -2: one / (x * x), 0: np.ones_like(x)}
    for exponent, value in want.items():
        np.testing.assert_array_equal((t**exponent).numpy(), value)
        np.testing.assert_array_equal(minitorch.pow(t, float(exponent)).numpy(), value)
    np.testing.assert_array_equal((t**0.5).numpy(), t.sqrt().numpy())
    np.testing.assert_array_equal((t**-0.5).numpy(), t.rsqrt().numpy())


def test_powers_by_many_numbers_are_rounded_once():
    x = RANDOM.uniform(0.1, 3, 2000).astype("f4")
    for exponent in (2.0, 3.0, 0.5):
        got = minitorch.from_numpy(x).pow(minitorch.full((2000,), exponent)).numpy()
        exact = x.astype("f8") ** exponent
        assert (np.abs(got - exact) <= 0.51 * np.spacing(exact.astype("f4"))).all()


@pytest.mark.parametrize("exponent", [2, 3, -2, 0.5, -0.5])
def test_powers_of_pytorch(pytorch_amd, exponent):
    x = RANDOM.standard_normal(5000).astype("f4")
    want, got = ((library.from_numpy(x) ** exponent).numpy() for library in (pytorch_amd, minitorch))
    np.testing.assert_array_equal(got, want)
