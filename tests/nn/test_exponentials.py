"""sigmoid, silu, softmax, log-softmax and the losses on classes have PyTorch's digits.

The powers of e are spelled out in NumPy as the two libraries have them that PyTorch takes: Sleef's expf in
vectors, the C library's for what is left over; so is the order of every sum. Where PyTorch is installed,
its own digits are compared too.
"""

import numpy as np
import pytest

import minitorch as torch

F = torch.nn.functional
CAPABILITY = torch.backends.cpu.get_cpu_capability()
BLOCK = {"AVX512": 32, "AVX2": 16}.get(CAPABILITY)
needs_blocks = pytest.mark.skipif(BLOCK is None, reason="kernels without blocks of vectors")
RANDOM = np.random.default_rng(0)


def numbers(*shape, scale=2):
    return (RANDOM.standard_normal(shape) * scale).astype("f4")


def fma(a, b, c):
    """Rounded once: the product of two float32 is exact in float64, the sum nearly always."""
    return (np.float64(a) * np.float64(b) + np.float64(c)).astype("f4")


def sleef_exp(x):
    n = np.rint(x * np.float32(1.442695040888963))
    r = fma(n, np.float32(-1.428606765330187e-06), fma(n, np.float32(-0.693145751953125), x))
    q = np.full_like(r, 0.00019852761761285365)
    for c in (0.0013930435525253415, 0.008333360776305199, 0.041666485369205475, 0.16666667163372040, 0.5):
        q = fma(q, r, np.float32(c))
    return np.ldexp(1 + fma(r * r, q, r), n.astype(int)).astype("f4")


def library_exp(x):
    """The C library's: within 0.002 of exactly rounded, so let nearly all of them be that."""
    return np.exp(np.float64(x)).astype("f4")


def sleef_log(d):
    """e ln 2 + 2 artanh((m - 1) / (m + 1)), the small parts in float64."""
    m, e = np.frexp(d.astype("f8"))
    m, e = np.where(m < 0.75, 2 * m, m), np.where(m < 0.75, e - 1, e)
    return (e * np.log(2.0) + np.log1p(m - 1)).astype("f4")


def row_sum(x):
    """In turn, or from 16 columns on in 16 lanes that meet in halves."""
    n = x.shape[1]
    if n < 16:
        lanes = x[:, :1]
        for i in range(1, n):
            lanes = lanes + x[:, i : i + 1]
        return lanes
    lanes = np.zeros((len(x), 16), "f4")
    for i in range(0, n, 16):
        lanes[:, : min(16, n - i)] += x[:, i : i + 16]
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    return lanes


def class_sum(terms):
    """Sixteens, sixteens of sixteens, ...; the first term goes to the top at once."""
    levels = np.zeros(8, "f4")
    for i, term in enumerate(terms):
        levels[0] += term
        for j in range(7):
            if i & (15 << (4 * j)):
                break
            levels[j + 1] += levels[j]
            levels[j] = 0
    total = np.float32(0)
    for level in levels:
        total += level
    return total


@needs_blocks
@pytest.mark.parametrize("n", [1, 7, 8, 31, 32, 33, 100, 4096])
def test_sigmoid_and_silu(n):
    x = numbers(n, scale=4)
    whole = n // BLOCK * BLOCK
    power = np.concatenate([sleef_exp(-x[:whole]), library_exp(-x[whole:])])
    sigmoid, silu = torch.sigmoid(torch.from_numpy(x)).numpy(), F.silu(torch.from_numpy(x)).numpy()
    differ = sigmoid != 1 / (1 + power)
    assert not differ[:whole].any() and differ.sum() <= 1
    differ = silu != x / (1 + power)
    assert not differ[:whole].any() and differ.sum() <= 1


@needs_blocks
def test_elements_with_gaps_are_left_over():
    x = numbers(320, 3)
    got = torch.sigmoid(torch.from_numpy(x)[:, 1]).numpy()
    assert (got != 1 / (1 + library_exp(-x[:, 1]))).sum() <= 2
    assert (got != 1 / (1 + sleef_exp(-x[:, 1]))).sum() > 5


def test_sigmoid_at_the_ends():
    x = torch.tensor([float("inf"), -float("inf"), float("nan"), 0.0, 200.0, -200.0, 88.0, -88.0, -95.0])
    for y in (torch.sigmoid(x), torch.sigmoid(x.repeat(8))[:9]):
        assert y[0] == 1 and y[1] == 0 and y[2].isnan() and y[3] == 0.5 and y[4] == 1 and y[5] == 0
        assert y[6] == 1 and 6.0e-39 < y[7].item() < 6.1e-39 and y[8] == 0


@pytest.mark.parametrize("n", [1, 2, 5, 10, 15, 16, 17, 31, 32, 100, 300])
def test_softmax_of_rows(n):
    x, g = numbers(200, n), numbers(200, n, scale=1)
    power = sleef_exp(x - x.max(1, keepdims=True))
    leaf = torch.from_numpy(x).requires_grad_()
    y = leaf.softmax(-1)
    y.backward(torch.from_numpy(g))
    y = y.detach().numpy()
    np.testing.assert_array_equal(y, power * (1 / row_sum(power)))
    products, whole = g * y, n if n < 16 else n // 16 * 16
    lanes = products if n < 16 else products[:, :whole]
    if whole < n:  # the last lanes take their terms in one rounding
        sums = lanes.reshape(200, -1, 16).copy()
        total = sums[:, 0]
        for i in range(1, sums.shape[1]):
            total = total + sums[:, i]
        total[:, : n - whole] = fma(g[:, whole:], y[:, whole:], total[:, : n - whole])
        lanes = total
    np.testing.assert_array_equal(leaf.grad.numpy(), y * (g - row_sum(lanes)))


@pytest.mark.parametrize("n", [1, 2, 5, 10, 15, 16, 17, 31, 32, 100, 300])
def test_log_softmax_of_rows(n):
    x, g = numbers(200, n), numbers(200, n, scale=1)
    shifted = x - x.max(1, keepdims=True)
    leaf = torch.from_numpy(x).requires_grad_()
    y = leaf.log_softmax(-1)
    y.backward(torch.from_numpy(g))
    y = y.detach().numpy()
    wanted = shifted - sleef_log(row_sum(sleef_exp(shifted)))
    assert (y != wanted).mean() < 0.02  # of the logarithm, not all are exactly rounded
    np.testing.assert_array_equal(leaf.grad.numpy(), fma(-sleef_exp(y), row_sum(g), g))


# n numbers below one another in each of `inner` columns: 16 are a vector, blocks have 16 to 256, bands 256.
COLUMNS = [(1, 16), (3, 1), (5, 15), (7, 33), (50, 300), (700, 100), (2100, 40), (10, 513)]


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("n,inner", COLUMNS)
def test_softmax_of_columns(n, inner, log):
    x, g = numbers(2, n, inner), numbers(2, n, inner, scale=1)
    whole = inner // 16 * 16
    leaf = torch.from_numpy(x).requires_grad_()
    y = (leaf.log_softmax if log else leaf.softmax)(1)
    y.backward(torch.from_numpy(g))
    y, slope = y.detach().numpy()[..., :whole], leaf.grad.numpy()[..., :whole]
    x, g = x[..., :whole], g[..., :whole]
    shifted = x - x.max(1, keepdims=True)
    total, dot = np.zeros((2, 1, whole), "f4"), np.zeros((2, 1, whole), "f4")
    for k in range(n):
        total += sleef_exp(shifted[:, k : k + 1])
        dot = dot + g[:, k : k + 1] if log else fma(g[:, k : k + 1], y[:, k : k + 1], dot)
    if log:
        assert (y != shifted - sleef_log(total)).sum() <= 0.03 * y.size
        np.testing.assert_array_equal(slope, fma(-sleef_exp(y), dot, g))
    else:
        np.testing.assert_array_equal(y, sleef_exp(shifted) / total)
        np.testing.assert_array_equal(slope, y * (g - dot))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("n,inner", COLUMNS)
def test_softmax_of_columns_is_that_of_rows(n, inner, dtype):
    x, g = numbers(3, n, inner).astype(dtype), numbers(3, n, inner).astype(dtype)
    x[0, 0, 0], x[1, :, -1], x[2, n // 2, inner // 2] = -np.inf, -np.inf, np.nan
    for name in ("softmax", "log_softmax"):
        one, other = torch.from_numpy(x).requires_grad_(), torch.from_numpy(x).mT.requires_grad_()
        y, wanted = getattr(one, name)(1), getattr(other, name)(2).mT
        y.backward(torch.from_numpy(g)[:, :1].expand(3, n, inner))
        wanted.backward(torch.from_numpy(g)[:, :1].expand(3, n, inner))
        near = {"rtol": 1e-3, "atol": 3e-4} if dtype == "f4" else {"rtol": 1e-11, "atol": 1e-12}
        np.testing.assert_allclose(y.detach().numpy(), wanted.detach().numpy(), **near)
        np.testing.assert_allclose(one.grad.numpy(), other.grad.mT.numpy(), **near)


@pytest.mark.parametrize("n,inner", COLUMNS)
def test_columns_have_the_digits_of_pytorch(pytorch_avx512, n, inner):
    x, g, target = numbers(3, n, inner), numbers(3, n, inner), RANDOM.integers(0, n, (3, inner))
    target[:, ::7] = -100
    results = []
    for library in (pytorch_avx512, torch):
        row = []
        for f in ("softmax", "log_softmax", "cross_entropy"):
            leaf = library.from_numpy(x.copy()).requires_grad_()
            if f == "cross_entropy":
                y = library.nn.functional.cross_entropy(leaf, library.from_numpy(target))
            else:
                y = getattr(leaf, f)(1)
            y.backward(library.from_numpy(g) if y.ndim else None)
            row += [y.detach().numpy(), leaf.grad.numpy()]
        results.append(row)
    for want, got in zip(*results, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("n", [1, 2, 16, 17, 18, 100, 257, 1000])
def test_the_sum_of_a_loss_on_classes(n):
    y, target = numbers(n, 5), RANDOM.integers(0, 5, n)
    terms = -y[np.arange(n), target]
    total = class_sum(terms)
    args = torch.from_numpy(y), torch.from_numpy(target)
    assert F.nll_loss(*args, reduction="sum").item() == total
    assert F.nll_loss(*args).item() == total / np.float32(n)
    weight = np.arange(1, 6, dtype="f4") / 7
    total = class_sum(terms * weight[target]) / class_sum(weight[target])
    assert F.nll_loss(*args, weight=torch.from_numpy(weight)).item() == total


@pytest.mark.parametrize("n", [1, 2, 3, 8, 10, 15, 16, 17, 33, 64, 100])
def test_digits_of_pytorch(pytorch_avx512, n):
    x, g, target = numbers(150, n, scale=3), numbers(150, n), RANDOM.integers(0, n, 150)
    target[::7] = -100
    weight = RANDOM.uniform(0.1, 2, n).astype("f4")
    results = []
    for library in (pytorch_avx512, torch):
        row = []
        for f in ("sigmoid", "softmax", "log_softmax", "cross_entropy", "weighted"):
            leaf = library.from_numpy(x.copy()).requires_grad_()
            if f == "sigmoid":
                y = leaf.sigmoid()
            elif f in ("softmax", "log_softmax"):
                y = getattr(leaf, f)(-1)
            else:
                w = library.from_numpy(weight) if f == "weighted" else None
                y = library.nn.functional.cross_entropy(leaf, library.from_numpy(target), weight=w)
            y.backward(library.from_numpy(g) if y.ndim else None)
            row += [y.detach().numpy(), leaf.grad.numpy()]
        row += [library.nn.functional.silu(library.from_numpy(x)).numpy()]
        results.append(row)
    for want, got in zip(*results, strict=True):
        np.testing.assert_array_equal(got, want)


def train(library, sizes, activation, loss_function, momentum, batch):
    """The weights and losses of a small net on the two moons' kind of data."""
    library.manual_seed(0)
    random = np.random.default_rng(1)
    x = random.standard_normal((128, sizes[0])).astype("f4")
    nn, layers = library.nn, []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(n_in, n_out), getattr(nn, activation)()]
    classes = loss_function == "CrossEntropyLoss"
    net = nn.Sequential(*layers[:-1], *([] if classes else [nn.Sigmoid()]))
    wanted = (x[:, 0] * x[:, 1] > 0) if classes else (x[:, :1] * x[:, 1:] > 0)
    y = library.from_numpy(wanted.astype("i8" if classes else "f4"))
    data = library.utils.data.TensorDataset(library.from_numpy(x), y)
    loader = library.utils.data.DataLoader(data, batch_size=batch, shuffle=True)
    optimizer = library.optim.SGD(net.parameters(), lr=0.3, momentum=momentum)
    criterion, losses = getattr(nn, loss_function)(), []
    for _ in range(3):
        for a, b in loader:
            optimizer.zero_grad()
            loss = criterion(net(a), b)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses, [p.detach().numpy() for p in net.parameters()]


@pytest.mark.parametrize("activation", ["Sigmoid", "ReLU", "SiLU"])
@pytest.mark.parametrize("batch", [1, 8, 30])
def test_training_is_the_same_to_the_last_bit(pytorch_avx512, activation, batch):
    import torch.utils.data  # noqa: F401

    for sizes, loss in (
        ((2, 4, 1), "MSELoss"),
        ((2, 8, 8, 1), "MSELoss"),
        ((2, 4, 4, 4, 1), "MSELoss"),
        ((2, 20, 7, 1), "MSELoss"),
        ((2, 16, 3), "CrossEntropyLoss"),
        ((2, 30, 10), "CrossEntropyLoss"),
    ):
        for momentum in (0, 0.9):
            want = train(pytorch_avx512, sizes, activation, loss, momentum, batch)
            got = train(torch, sizes, activation, loss, momentum, batch)
            np.testing.assert_array_equal(got[0], want[0])
            for p, q in zip(got[1], want[1], strict=True):
                np.testing.assert_array_equal(p, q)
