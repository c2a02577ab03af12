"""Sums and norms of floats are added up in PyTorch's order, so that they have its bits.

The order is that of aten/src/ATen/native/cpu/SumKernel.cpp; it is spelled out here in NumPy, and compared
with PyTorch itself, one thread, where that is installed.
"""

import itertools

import numpy as np
import pytest

import minitorch as torch
import minitorch.nn.functional as F


def cascade(x):
    """The sum over the first axis: groups of rows, the sums of groups, and so on for four levels."""
    rows = len(x)
    power = max(4, (rows - 1).bit_length() // 4 if rows > 1 else 0)
    level = np.zeros((4, *x.shape[1:]), x.dtype)
    for i, row in enumerate(x, 1):
        level[0] += row
        for up in range(1, 4):
            if i % (1 << up * power):
                break
            if i > rows >> power << power:
                break
            level[up] += level[up - 1]
            level[up - 1] = 0
    return ((level[0] + level[1]) + level[2]) + level[3]


def by_fourths(x):
    part = list(cascade(x[: len(x) // 4 * 4].reshape(-1, 4, *x.shape[1:])))
    for row in x[len(x) // 4 * 4 :]:
        part[0] = part[0] + row
    return ((part[0] + part[1]) + part[2]) + part[3]


def line(x):
    """Neighbours: chunks of 32 bytes, then what is left, then the numbers of the chunk."""
    chunk = 32 // x.itemsize
    if len(x) < chunk:
        return by_fourths(x)
    whole = len(x) // chunk * chunk
    total = x.dtype.type(0)
    for number in [*x[whole:], *by_fourths(x[:whole].reshape(-1, chunk))]:
        total = total + number
    return total


def columns(x):
    """The sums of the columns of a contiguous matrix."""
    chunk, n = 32 // x.itemsize, x.shape[1]
    straight = n // (4 * chunk) * 4 * chunk if n >= chunk else n // 4 * 4
    return np.concatenate([cascade(x[:, :straight]), by_fourths(x[:, straight:])])


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(
    "n", [0, 1, 4, 5, 7, 8, 9, 31, 32, 33, 100, 360, 512, 1023, 4096, 10_000, 131_072, 300_001]
)
def test_line(n, dtype, random):
    x = random.standard_normal(n).astype(dtype)
    assert torch.from_numpy(x).sum().item() == line(x)
    gaps = np.stack([x, x], 1)[:, 0]
    assert torch.from_numpy(gaps).sum().item() == by_fourths(x)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [(3, 2), (17, 3), (33, 5), (64, 10), (300, 70), (5000, 45), (2, 500)])
def test_columns(shape, dtype, random):
    x = random.standard_normal(shape).astype(dtype)
    np.testing.assert_array_equal(torch.from_numpy(x).sum(0).numpy(), columns(x))
    np.testing.assert_array_equal(torch.from_numpy(x).sum(1).numpy(), [line(row) for row in x])


def test_rows_of_rows(random):
    """Two reduced dims that do not lie behind each other: the second one is added up number by number."""
    x = random.standard_normal((9, 3, 30)).astype("f4")
    want = np.zeros(3, "f4")
    for row in x:
        want += [line(r) for r in row]
    np.testing.assert_array_equal(torch.from_numpy(x).sum((0, 2)).numpy(), want)


def test_a_sum_that_ought_to_be_zero(random):
    """The digits that show the order: what is left of numbers and their negatives."""
    x = random.standard_normal(180).astype("f4")
    x = np.concatenate([x, -x])
    random.shuffle(x)
    assert torch.from_numpy(x).sum().item() == line(x) != 0


@pytest.mark.parametrize("n", [0, 1, 5, 8, 9, 100, 513, 16_384, 16_385, 100_000])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_losses_are_sums_of_their_elements(n, dtype, random):
    x, y = (torch.from_numpy(random.standard_normal(n).astype(dtype)) for _ in range(2))
    total = F.mse_loss(x, y, reduction="none").sum()
    assert F.mse_loss(x, y, reduction="sum").item() == total.item()
    np.testing.assert_equal(F.mse_loss(x, y).numpy(), (total / n).numpy())


def norm(x):
    """A chunk of sums of squares, added up one by one; fours; the last three by fused multiply-adds."""
    chunk = 32 // x.itemsize
    part, whole = np.zeros(chunk, x.dtype), len(x) // chunk * chunk
    for row in x[:whole].reshape(-1, chunk):
        part += row * row
    total = np.add.accumulate(part)[-1]
    fours = len(x) // 4 * 4
    for number in x[whole:fours]:
        total = total + number * number
    for number in x[fours:].astype("f8"):
        total = x.dtype.type(number * number + total)
    return np.sqrt(total)


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 7, 8, 9, 20, 33, 100, 1023, 5000])
def test_norm(n, random):
    x = random.standard_normal(n).astype("f4")
    assert torch.from_numpy(x).norm().item() == norm(x)
    assert torch.dist(torch.from_numpy(x), torch.zeros(n)).item() == norm(x)
    rows = np.stack([x, 2 * x])
    assert torch.linalg.vector_norm(torch.from_numpy(rows), dim=1).tolist() == [norm(x), 2 * norm(x)]
    assert torch.nn.utils.get_total_norm([torch.from_numpy(x)]).item() == norm(x)


def test_norms_in_pytorch(random):
    pytorch = pytest.importorskip("torch")
    for n in (3, 7, 8, 31, 100, 777):
        x = random.standard_normal((5, n)).astype("f4")
        for arguments in ({}, {"dim": 1}):
            want = pytorch.linalg.vector_norm(pytorch.from_numpy(x), **arguments).numpy()
            np.testing.assert_array_equal(
                torch.linalg.vector_norm(torch.from_numpy(x), **arguments).numpy(), want
            )


def test_names_of_norms():
    x = torch.ones(3, 2, requires_grad=True)
    assert x.norm().grad_fn.name() == "LinalgVectorNormBackward0"
    assert x.norm(p=3, dim=1).grad_fn.name() == "LinalgVectorNormBackward0"
    assert torch.dist(x, 2 * x).grad_fn.name() == "DistBackward0"
    assert torch.cdist(x, x).grad_fn.name() == "CdistBackward0"


def layouts(x):
    """Views of an array, from which every order of strides comes."""
    for order in itertools.permutations(range(x.ndim)):
        yield x.transpose(order)
    yield x[..., ::2]
    yield x[1:, ..., 1:]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [(20, 33), (7, 5, 18), (3, 4, 5, 6), (40, 2, 1, 9), (2, 900, 33)])
def test_layouts_as_in_pytorch(shape, dtype, random):
    pytorch = pytest.importorskip("torch")
    threads = pytorch.get_num_threads()
    pytorch.set_num_threads(1)
    try:
        for x in layouts(random.standard_normal(shape).astype(dtype)):
            for n in range(1, x.ndim + 1):
                for dims in itertools.combinations(range(x.ndim), n):
                    want = pytorch.from_numpy(x).sum(dims).numpy()
                    np.testing.assert_array_equal(torch.from_numpy(x).sum(dims).numpy(), want)
    finally:
        pytorch.set_num_threads(threads)


def test_threads_do_not_change_sums(random):
    x = torch.from_numpy(random.standard_normal((700, 1000)).astype("f4"))
    threads = torch.get_num_threads()
    results = []
    for n in (1, 2, 5):
        torch.set_num_threads(n)
        results.append([x.sum().item(), *x.sum(0).tolist(), *x.sum(1).tolist()])
    torch.set_num_threads(threads)
    assert results[0] == results[1] == results[2]
