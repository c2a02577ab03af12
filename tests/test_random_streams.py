"""The random streams: PyTorch's numbers, bit for bit.

Golden values and hashes stand on their own; where PyTorch is installed, a wide set of calls is compared with
it as well, numbers and generator state. What breaks here when C is wrong: csrc/base/random.c (the engine and
its state), csrc/tensor/sample.c (distributions), csrc/ops/random*.c (operators, order of elements). What
they refuse is in test_random_errors.py.
"""

import hashlib
import inspect
import struct
import threading

import numpy as np
import pytest

import minitorch as mt
import minitorch.nn.functional as F

FIRST_SEED = 67280421310721


def numbers(tensor):
    """The elements of a tensor in row-major order, as Python numbers."""
    return np.ascontiguousarray(tensor.detach().numpy()).ravel().tolist()


def digest(tensor):
    """The first 16 hexadecimal digits of the SHA-256 of the elements' bytes."""
    return hashlib.sha256(np.ascontiguousarray(tensor.detach().numpy()).tobytes()).hexdigest()[:16]


# ---- golden values ------------------------------------------------------------------------------------

WEIGHTS = [0.1, 0.9, 0.4, 0.7, 3, 0.6]

GOLDEN_FLOAT32 = {
    "rand": (lambda: mt.rand(5), [0.4962566, 0.7682218, 0.08847743, 0.13203049, 0.30742282]),
    "uniform_": (
        lambda: mt.empty(5).uniform_(-0.037, 0.051),
        [0.0066705793, 0.030603517, -0.029213987, -0.025381317, -0.009946792],
    ),
    "randn scalar": (lambda: mt.randn(5), [1.5409961, -0.2934289, -2.1787894, 0.56843126, -1.0845224]),
    "randn 16": (
        lambda: mt.randn(16)[:5],
        [-1.1258398, -1.1523602, -0.25057858, -0.4338788, 0.84871036],
    ),
    "randn 16 second half": (
        lambda: mt.randn(16)[8:13],
        [0.32227492, -1.2633348, 0.3499832, 0.30813393, 0.11984151],
    ),
    "randn 17": (
        lambda: mt.randn(17)[:5],
        [-1.1258398, -1.6959312, 0.5666506, 0.79350835, 0.59883946],
    ),
    "randn 17 tail": (
        lambda: mt.randn(17)[12:],
        [1.3893661, 1.5863342, 0.94629836, -0.84367675, 0.9318266],
    ),
    "normal_": (
        lambda: mt.empty(20).normal_(0.3, 1.7)[:5],
        [-1.6139277, -1.6590124, -0.1259836, -0.437594, 1.3180271],
    ),
    "random_": (
        lambda: mt.empty(5).random_(),
        [8.325664e06, 1.2888472e07, 1.484222e06, 2.214888e06, 5.157545e06],
    ),
    "bernoulli_ number": (
        lambda: mt.empty(20).bernoulli_(0.5),
        [0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0],
    ),
    "bernoulli tensor": (
        lambda: mt.bernoulli(mt.full((20,), 0.5)),
        [1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1],
    ),
    "dropout": (
        lambda: (F.dropout(mt.ones(20), 0.1) != 0).float(),
        [0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ),
    "exponential_": (
        lambda: mt.empty(5).exponential_(1.3),
        [2.6987123, 0.9464498, 0.47311085, 1.9500912, 0.7966965],
    ),
    "cauchy_": (
        lambda: mt.empty(5).cauchy_(0.2, 1.3),
        [13.977048, 1.1941974, 0.033210855, 5.3129954, 0.8369856],
    ),
    "geometric_": (lambda: mt.empty(5).geometric_(0.3), [1, 1, 3, 1, 2]),
    "log_normal_": (
        lambda: mt.empty(5).log_normal_(0.4, 1.1),
        [8.126219, 1.0802885, 0.13578694, 2.7878604, 0.4524968],
    ),
    "normal of tensors": (
        lambda: mt.normal(mt.tensor([1.0, 2, 3, 4, 5]), mt.tensor([0.1, 0.2, 0.3, 0.4, 0.5])),
        [1.1540996, 1.9413142, 2.346363, 4.2273726, 4.457739],
    ),
    "Linear weight": (
        lambda: mt.nn.Linear(4, 3).weight.flatten()[:5],
        [-0.00374341, 0.2682218, -0.41152257, -0.3679695, -0.19257718],
    ),
    "Linear bias": (lambda: mt.nn.Linear(4, 3).bias, [-0.47767425, -0.33114105, -0.20611155]),
    "trunc_normal_, likely": (
        lambda: mt.nn.init.trunc_normal_(mt.empty(100), std=1)[:5],
        [-1.1258398, -1.1523602, -0.25057858, -0.4338788, 0.84871036],
    ),
    "trunc_normal_, unlikely": (
        lambda: mt.nn.init.trunc_normal_(mt.empty(10), 0.1, 1.3, 2, 3)[:5],
        [2.4962566, 2.7010803, 2.0884774, 2.1320305, 2.3074229],
    ),
}

GOLDEN_INTEGERS = {
    "randint": (lambda: mt.randint(0, 10, (5,)), [4, 9, 3, 0, 3]),
    "randint wide": (
        lambda: mt.randint(-5, 2**28, (5,)),
        [1139187, 17684937, 51010772, 28339662, 187606631],
    ),
    "random_ int64": (
        lambda: mt.empty(5, dtype=mt.int64).random_(),
        [
            900450186894289455,
            3969543146641149120,
            1895649597198586619,
            827948490035658087,
            7815051614634499795,
        ],
    ),
    "random_ int32": (
        lambda: mt.empty(5, dtype=mt.int32).random_(),
        [209652396, 398764591, 924231285, 1478610112, 441365315],
    ),
    "randperm": (lambda: mt.randperm(10), [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]),
    "multinomial": (lambda: mt.multinomial(mt.tensor(WEIGHTS), 5, False), [4, 1, 2, 5, 3]),
    "multinomial with replacement": (
        lambda: mt.multinomial(mt.tensor(WEIGHTS), 10, True),
        [5, 4, 4, 5, 4, 4, 2, 3, 4, 3],
    ),
}

# The last bits of these come from the C library's logarithm and sine: the values are those of glibc.
GOLDEN_FLOAT64 = {
    "rand": (
        lambda: mt.rand(5, dtype=mt.float64),
        [
            0.9700530018065531,
            0.707819864399788,
            0.45938294312745087,
            0.9207476841219603,
            0.6450241201227648,
        ],
    ),
    "uniform_": (
        lambda: mt.empty(5, dtype=mt.float64).uniform_(-0.037, 0.051),
        [
            0.04836466415897667,
            0.025288148067181337,
            0.003425698995215676,
            0.0440257962027325,
            0.0197621225708033,
        ],
    ),
    "randn": (
        lambda: mt.randn(5, dtype=mt.float64),
        [
            1.5409961082440433,
            -0.2934289057609464,
            -2.1787893820745574,
            0.5684312772806678,
            -1.084522342424021,
        ],
    ),
    "normal_": (
        lambda: mt.empty(5, dtype=mt.float64).normal_(0.3, 1.7),
        [
            2.9196933840148738,
            -0.19882913979360883,
            -3.4039419495267476,
            1.266333171377135,
            -1.5436879821208356,
        ],
    ),
    "randn 16": (
        lambda: mt.randn(16, dtype=mt.float64)[:5],
        [
            -2.310411800234176,
            -0.3732508612577643,
            -1.0608166785462863,
            0.9995093547811761,
            -0.8840250045832653,
        ],
    ),
    "exponential_": (
        lambda: mt.empty(5, dtype=mt.float64).exponential_(1.3),
        [
            2.6987124513135705,
            0.9464498185997513,
            0.4731108414569319,
            1.9500912647814472,
            0.7966964890944676,
        ],
    ),
    "log_normal_": (
        lambda: mt.empty(5, dtype=mt.float64).log_normal_(0.4, 1.1),
        [
            8.126218767077424,
            1.0802885740753503,
            0.13578692900665035,
            2.7878603584611588,
            0.45249680498829903,
        ],
    ),
}

HASHES = {
    "rand 1000": (lambda: mt.rand(1000), "20221bec9830215c"),
    "rand 1000 float64": (lambda: mt.rand(1000, dtype=mt.float64), "c59b53ef72076721"),
    "uniform_": (lambda: mt.empty(1000).uniform_(-0.037, 0.051), "5305295c87d3bfa0"),
    "randn 15": (lambda: mt.randn(15), "feb39d97c8afee24"),
    "randn 16": (lambda: mt.randn(16), "7648137a31024642"),
    "randn 17": (lambda: mt.randn(17), "6d2169852e19b6d1"),
    "randn 31": (lambda: mt.randn(31), "cc1d58695e923901"),
    "randn 32": (lambda: mt.randn(32), "7e488a9f00762edc"),
    "randn 33": (lambda: mt.randn(33), "889b8aa5f10412de"),
    "randn 1000": (lambda: mt.randn(1000), "43678415636bbad8"),
    "randn 1000000": (lambda: mt.randn(1_000_000), "46aae2c14787e572"),
    "normal_": (lambda: mt.empty(1000).normal_(0.3, 1.7), "dd46283c81d98cfc"),
    "randperm": (lambda: mt.randperm(1000), "cee4a88ef6120e8e"),
    "randint": (lambda: mt.randint(0, 1000, (1000,)), "0d830c8245bf33e5"),
    "bernoulli_": (lambda: mt.empty(1000).bernoulli_(0.3), "23f60bc641a0332d"),
    "exponential_": (lambda: mt.empty(1000).exponential_(), "4df57e50cde188d7"),
    "Linear": (lambda: mt.nn.Linear(100, 50).weight, "8cc5370dd141ea20"),
    "state after seeding": (mt.get_rng_state, "1ccf17250133dec5"),
    "state after randn(3)": (lambda: (mt.randn(3), mt.get_rng_state())[1], "5f273c33f4160de6"),
    "state after rand(700)": (lambda: (mt.rand(700), mt.get_rng_state())[1], "f912cc5bd4fc9a7d"),
}


@pytest.mark.parametrize("name", GOLDEN_FLOAT32)
def test_golden_float32(name):
    call, want = GOLDEN_FLOAT32[name]
    mt.manual_seed(0)
    got = call()
    assert got.dtype == mt.float32
    assert numbers(got) == np.array(want, np.float32).tolist()


@pytest.mark.parametrize("name", GOLDEN_FLOAT64)
def test_golden_float64(name):
    call, want = GOLDEN_FLOAT64[name]
    mt.manual_seed(0)
    assert numbers(call()) == want


@pytest.mark.parametrize("name", GOLDEN_INTEGERS)
def test_golden_integers(name):
    call, want = GOLDEN_INTEGERS[name]
    mt.manual_seed(0)
    assert numbers(call()) == want


@pytest.mark.parametrize("name", HASHES)
def test_hash(name):
    call, want = HASHES[name]
    mt.manual_seed(0)
    assert digest(call()) == want


def test_golden_loading():
    from minitorch.utils.data import DataLoader, RandomSampler, WeightedRandomSampler, random_split

    mt.manual_seed(0)
    loader = DataLoader(range(10), 10, shuffle=True)
    epochs = [numbers(batch) for _ in range(2) for batch in loader]
    assert epochs == [[6, 7, 1, 4, 2, 0, 9, 8, 3, 5], [2, 4, 7, 0, 8, 9, 5, 3, 6, 1]]
    loader = DataLoader(range(10), 10, shuffle=True, generator=mt.Generator().manual_seed(0))
    epochs = [numbers(batch) for _ in range(2) for batch in loader]
    assert epochs == [[3, 7, 5, 2, 0, 8, 1, 6, 9, 4], [1, 3, 2, 7, 5, 9, 0, 6, 4, 8]]
    mt.manual_seed(0)
    parts = [list(part.indices) for part in random_split(range(10), [7, 3])]
    assert parts == [[4, 1, 7, 5, 3, 9, 0], [8, 6, 2]]
    mt.manual_seed(0)
    assert list(RandomSampler(range(10), replacement=True)) == [6, 0, 4, 3, 9, 5, 7, 8, 9, 1]
    mt.manual_seed(0)
    assert list(WeightedRandomSampler(WEIGHTS, 10)) == [5, 4, 4, 5, 4, 4, 2, 3, 4, 3]


# ---- the same calls in PyTorch ---------------------------------------------------------------------------

SIZES = [(), (0,), (1,), (7,), (15,), (16,), (17,), (31, 2), (3, 5, 7), (700,), (2000,)]
FLOATS = ["float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64", "bool"]


def calls(t):
    """Pairs of a name and a call that takes a size and a dtype, for module t."""
    return {
        "rand": lambda s, d: t.rand(s, dtype=d),
        "randn": lambda s, d: t.randn(s, dtype=d),
        "rand_like": lambda s, d: t.rand_like(t.zeros(s, dtype=d)),
        "randn_like": lambda s, d: t.randn_like(t.zeros(s, dtype=d)),
        "uniform_": lambda s, d: t.empty(s, dtype=d).uniform_(-3, 0.1),
        "uniform_ narrow": lambda s, d: t.empty(s, dtype=d).uniform_(1, 1 + 2**-22),
        "normal_": lambda s, d: t.empty(s, dtype=d).normal_(-1, 0.02),
        "log_normal_": lambda s, d: t.empty(s, dtype=d).log_normal_(),
        "exponential_": lambda s, d: t.empty(s, dtype=d).exponential_(0.7),
        "cauchy_": lambda s, d: t.empty(s, dtype=d).cauchy_(1, 2),
        "normal float float": lambda s, d: t.normal(0.5, 3.0, s, dtype=d),
        "normal tensor float": lambda s, d: t.normal(t.ones(s, dtype=d), 0.3),
        "normal float tensor": lambda s, d: t.normal(2.0, t.full(s, 0.3, dtype=d)),
        "normal tensor tensor": lambda s, d: t.normal(t.ones(s, dtype=d), t.full(s, 0.3, dtype=d)),
        "bernoulli": lambda s, d: t.bernoulli(t.full(s, 0.3, dtype=d)),
        "dropout": lambda s, d: t.nn.functional.dropout(t.full(s, 3, dtype=d), 0.3),
        "dropout inplace": lambda s, d: t.nn.functional.dropout(t.full(s, 3, dtype=d), 0.7, inplace=True),
    }


def calls_any(t):
    """The same for calls that take every dtype."""
    return {
        "random_": lambda s, d: t.empty(s, dtype=d).random_(),
        "random_ to": lambda s, d: t.empty(s, dtype=d).random_(2),
        "random_ from": lambda s, d: t.empty(s, dtype=d).random_(1, None),
        "random_ from to": lambda s, d: t.empty(s, dtype=d).random_(0, 2),
        "randint": lambda s, d: t.randint(2, s, dtype=d),
        "randint low": lambda s, d: t.randint(1, 2, s, dtype=d),
        "randint_like": lambda s, d: t.randint_like(t.ones(s, dtype=d), 2),
        "randint_like low": lambda s, d: t.randint_like(t.ones(s, dtype=d), 0, 2),
        "bernoulli_": lambda s, d: t.empty(s, dtype=d).bernoulli_(0.3),
        "bernoulli_ default": lambda s, d: t.empty(s, dtype=d).bernoulli_(),
        "bernoulli_ tensor": lambda s, d: t.empty(s, dtype=d).bernoulli_(t.full(s, 0.3)),
        "bernoulli_ doubles": lambda s, d: t.empty(s, dtype=d).bernoulli_(t.full(s, 0.3, dtype=t.float64)),
        "bernoulli p": lambda s, d: t.bernoulli(t.ones(s, dtype=d), 0.8),
    }


def assert_same_stream(torch, call):
    """call(minitorch) and call(torch), from the same state: numbers, types and the state after are equal."""
    mt.manual_seed(20)
    torch.manual_seed(20)
    mt.randn(3), torch.randn(3)  # a cached normal is part of the state
    a, b = call(mt), call(torch)
    assert str(a.dtype).split(".")[1] == str(b.dtype).split(".")[1]
    assert tuple(a.shape) == tuple(b.shape)
    assert np.ascontiguousarray(a.detach().numpy()).tobytes() == b.detach().contiguous().numpy().tobytes()
    assert a.stride() == b.stride() or a.numel() == 0
    assert mt.get_rng_state().numpy().tobytes() == torch.get_rng_state().numpy().tobytes()


@pytest.fixture(scope="module")
def torch():
    """PyTorch, whose numbers these are; tests that ask for it are skipped without it."""
    return pytest.importorskip("torch")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", calls(mt))
def test_same_as_torch(torch, name, dtype):
    for size in SIZES:
        assert_same_stream(torch, lambda t, size=size: calls(t)[name](size, getattr(t, dtype)))


@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.parametrize("name", calls_any(mt))
def test_same_as_torch_any_dtype(torch, name, dtype):
    for size in SIZES:
        assert_same_stream(torch, lambda t, size=size: calls_any(t)[name](size, getattr(t, dtype)))


@pytest.mark.filterwarnings("ignore:.*is out of bounds")
@pytest.mark.parametrize("dtype", FLOATS + ["int16", "int32", "int64"])
def test_ranges_same_as_torch(torch, dtype):
    wide = dtype not in ("int16",)
    bounds = [(0, 1), (-3, 5), (-30000, 30000)]
    if wide:
        bounds += [(0, 2**28 - 1), (0, 2**28), (-(2**31), 2**31 - 1), (2**24 - 1, 2**24 + 3)]
    if dtype not in ("int16", "int32"):
        bounds += [(0, 2**32), (-(2**63), 2**63 - 1), (0, 2**63 - 1), (-(2**40), 3)]
        bounds += [(-(2**63), None)]
    if dtype == "float64":
        bounds += [(2**53 + 1, 2**53 + 9)]
    bounds += [(0, None), (17, None)]
    for low, high in bounds:
        assert_same_stream(
            torch, lambda t, low=low, high=high: t.empty(100, dtype=getattr(t, dtype)).random_(low, high)
        )


def test_geometric_same_as_torch(torch):
    for dtype in FLOATS + ["uint8", "int16", "int32", "int64"]:
        assert_same_stream(
            torch, lambda t, dtype=dtype: t.empty(100, dtype=getattr(t, dtype)).geometric_(0.2)
        )


def test_randperm_same_as_torch(torch):
    for n, dtype in [
        (0, "int64"),
        (1, "int64"),
        (2, "int32"),
        (256, "uint8"),
        (5000, "float32"),
        (128, "int8"),
    ]:
        assert_same_stream(torch, lambda t, n=n, dtype=dtype: t.randperm(n, dtype=getattr(t, dtype)))


def multinomials(t):
    """Calls of multinomial that differ in shape, type, layout and replacement."""
    w = t.arange(1, 13, dtype=t.float32)
    return [
        lambda: t.multinomial(w, 1),
        lambda: t.multinomial(w, 1, True),
        lambda: t.multinomial(w, 12),
        lambda: t.multinomial(w.reshape(3, 4), 2),
        lambda: t.multinomial(w.reshape(3, 4), 1),
        lambda: t.multinomial(w.reshape(3, 4), 9, True),
        lambda: t.multinomial(w.reshape(3, 4).t(), 3),
        lambda: t.multinomial(w.reshape(3, 4).t(), 5, True),
        lambda: t.multinomial(w.double(), 5, True),
        lambda: t.multinomial(w.double().reshape(2, 6), 5),
        lambda: t.multinomial(t.arange(1, 3001, dtype=t.float32).reshape(3, 1000), 700),
        lambda: t.multinomial(t.arange(1, 3001, dtype=t.float64).reshape(3, 1000).t(), 2),
        lambda: w.multinomial(4),
    ]


@pytest.mark.parametrize("number", range(len(multinomials(mt))))
def test_multinomial_same_as_torch(torch, number):
    assert_same_stream(torch, lambda t: multinomials(t)[number]())


def trials(t, d):
    """Calls that draw by trial, with parameters on both sides of where the method changes."""
    few, rates = [0.0, 0.3, 3.0, 9.99, 10.0, 12.5, 1e4], [1e-3, 0.05, 0.99, 1.0, 1.5, 30.0, 1e5]
    counts, p = [0.0, 5.0, 19.0, 100.0, 1e6], [[0.0], [0.01], [0.5], [0.51], [0.99], [1.0]]

    def each(numbers):
        return t.tensor(numbers, dtype=d).expand(60, len(numbers))

    def gamma(a):
        return t.distributions.Gamma(a, t.ones((), dtype=d)).sample()

    return {
        "poisson": lambda: t.poisson(each(few)),
        "poisson transposed": lambda: t.poisson(each(few).t()),
        "gamma": lambda: gamma(each(rates)),
        "gamma sliced": lambda: gamma(each(rates)[::3, 1::2]),
        "binomial": lambda: t.binomial(each(counts).unsqueeze(1).expand(60, 6, 5), t.tensor(p, dtype=d)),
        "Dirichlet": lambda: t.distributions.Dirichlet(each(rates)).sample(),
        "nothing": lambda: t.poisson(t.ones(2, 0, dtype=d)),
    }


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", trials(mt, mt.float32))
def test_trials_same_as_torch(torch, name, dtype):
    assert_same_stream(torch, lambda t: trials(t, getattr(t, dtype))[name]())


def test_trials_that_would_never_end():
    nan, inf = float("nan"), float("inf")
    assert numbers(mt.poisson(mt.tensor([inf]))) == [inf]
    with pytest.raises(RuntimeError, match="expected rate to be non-negative"):
        mt.poisson(mt.tensor([1.0, nan]))
    assert numbers(mt._C._standard_gamma(mt.tensor([inf, 0.0]))) == [inf, mt.finfo(mt.float32).tiny]
    assert mt._C._standard_gamma(mt.tensor([nan, -1.0])).isnan().all()
    drawn = mt.binomial(mt.tensor([inf, nan, 5.0]), mt.tensor([0.5, 0.5, nan]))
    assert drawn[0] == inf and drawn[1:].isnan().all()


def layouts(t):
    """Tensors of the same shape whose elements lie in different orders."""
    return {
        "transposed": lambda: t.zeros(6, 8).t(),
        "permuted": lambda: t.zeros(3, 4, 5).permute(2, 0, 1),
        "sliced": lambda: t.zeros(8, 10)[::2, 1::3],
        "sliced and transposed": lambda: t.zeros(8, 10)[1:7, 2:9].t(),
        "column": lambda: t.zeros(30, 3)[:, 1],
        "offset": lambda: t.zeros(50)[3:40],
    }


IN_PLACE = {
    "uniform_": lambda x: x.uniform_(-1, 2),
    "normal_": lambda x: x.normal_(1, 2),
    "random_": lambda x: x.random_(),
    "random_ from": lambda x: x.random_(-4, 100),
    "bernoulli_": lambda x: x.bernoulli_(0.4),
    "exponential_": lambda x: x.exponential_(2),
    "log_normal_": lambda x: x.log_normal_(0, 1),
    "geometric_": lambda x: x.geometric_(0.5),
}


@pytest.mark.parametrize("layout", layouts(mt))
@pytest.mark.parametrize("name", IN_PLACE)
def test_memory_order(torch, layout, name):
    assert_same_stream(torch, lambda t: IN_PLACE[name](layouts(t)[layout]()))


@pytest.mark.parametrize("layout", layouts(mt))
def test_memory_order_of_results(torch, layout):
    for call in (
        lambda t, x: t.rand_like(x),
        lambda t, x: t.randn_like(x),
        lambda t, x: t.randint_like(x, 100),
        lambda t, x: t.nn.functional.dropout(x + 1, 0.5),
        lambda t, x: t.nn.functional.dropout(x, 0.5),
        lambda t, x: t.bernoulli(x + 0.5),
        lambda t, x: t.bernoulli(x, 0.5),
        lambda t, x: x.bernoulli_(t.linspace(0, 1, x.shape[-1])),
        lambda t, x: t.normal(x, 2.0),
    ):
        assert_same_stream(torch, lambda t, call=call: call(t, layouts(t)[layout]()))


def test_out_same_as_torch(torch):
    for call in (
        lambda t: t.rand(3, 4, out=t.empty(0)),
        lambda t: t.randn(20, out=t.empty(20, dtype=t.float64)),
        lambda t: t.randint(0, 9, (5,), out=t.empty(0)),
        lambda t: t.randperm(7, out=t.empty(0, dtype=t.int32)),
        lambda t: t.multinomial(t.ones(4), 3, out=t.empty(0, dtype=t.int64)),
    ):
        assert_same_stream(torch, call)


# ---- generators ------------------------------------------------------------------------------------------


def test_default_and_private_generators():
    mt.manual_seed(3)
    want = mt.rand(5)
    g = mt.Generator().manual_seed(3)
    mt.rand(1)
    assert numbers(mt.rand(5, generator=g)) == numbers(want)
    assert mt.manual_seed(3) is mt.default_generator
    assert numbers(mt.rand(5, generator=mt.default_generator)) == numbers(want)
    assert numbers(mt.rand(5, generator=None)) != numbers(want)


def test_first_seed():
    g = mt.Generator()
    assert g.initial_seed() == FIRST_SEED
    assert numbers(mt.rand(3, generator=g)) == numbers(
        mt.rand(3, generator=mt.Generator().manual_seed(FIRST_SEED))
    )


def test_seeds_wrap_and_collide():
    assert mt.manual_seed(-1).initial_seed() == 2**64 - 1
    assert mt.initial_seed() == 2**64 - 1
    assert mt.Generator().manual_seed(2**64 - 1).initial_seed() == 2**64 - 1
    assert mt.Generator().manual_seed(-(2**63)).initial_seed() == 2**63
    a, b = mt.Generator().manual_seed(5), mt.Generator().manual_seed(5 + 2**32)
    assert a.initial_seed() != b.initial_seed()
    assert numbers(mt.randn(50, generator=a)) == numbers(mt.randn(50, generator=b))
    mt.manual_seed(2.7)  # the module's function takes what int() takes
    assert mt.initial_seed() == 2


@pytest.mark.parametrize("words", [0, 1, 2, 100, 623, 624, 625, 3000])
def test_state_round_trip(words):
    mt.manual_seed(9)
    mt.rand(words)
    mt.randn(3)
    state = mt.get_rng_state()
    assert state.dtype == mt.uint8 and state.shape == (5056,)
    want = numbers(mt.randn(5)) + numbers(mt.rand(700))
    mt.set_rng_state(state)
    assert numbers(mt.randn(5)) + numbers(mt.rand(700)) == want
    g = mt.Generator()
    g.set_state(state)
    assert g.initial_seed() == 9
    assert digest(g.get_state()) == digest(state)
    copy = g.clone_state()
    assert numbers(mt.randn(5, generator=copy)) == want[:5] == numbers(mt.randn(5, generator=g))


def test_states_exchanged_with_torch(torch):
    mt.manual_seed(4), mt.randn(5), mt.rand(100)
    theirs = torch.Generator()
    theirs.set_state(torch.from_numpy(mt.get_rng_state().numpy()))
    assert numbers(mt.randn(30)) == torch.randn(30, generator=theirs).tolist()
    mt.set_rng_state(mt.from_numpy(theirs.get_state().numpy()))
    assert numbers(mt.randn(3)) == torch.randn(3, generator=theirs).tolist()


def test_hand_made_state():
    """left and next that contradict each other are accepted, as PyTorch does, and read no foreign memory."""
    mt.manual_seed(0)
    raw = bytearray(mt.get_rng_state().numpy().tobytes())
    struct.pack_into("<i", raw, 8, 624)
    struct.pack_into("<Q", raw, 16, 600)
    g = mt.Generator()
    g.set_state(mt.from_numpy(np.frombuffer(bytes(raw), np.uint8).copy()))
    assert all(0 <= x < 1 for x in numbers(mt.rand(3000, generator=g)))


def test_fork_rng():
    mt.manual_seed(8)
    want = numbers(mt.rand(3))
    mt.manual_seed(8)
    with mt.random.fork_rng():
        mt.manual_seed(1)
    assert numbers(mt.rand(3)) == want
    with mt.random.fork_rng(enabled=False):
        mt.manual_seed(8)
    assert numbers(mt.rand(3)) == want


def test_seed_differs():
    g = mt.Generator()
    assert g.seed() != g.seed()
    assert mt.seed() != mt.seed()


def test_empty_draws_nothing():
    mt.manual_seed(0)
    for size in [(0,), (3, 0)]:
        mt.rand(size), mt.randn(size), mt.randint(5, size), F.dropout(mt.ones(size), 0.5)
        mt.empty(size).random_(), mt.empty(size).bernoulli_(), mt.bernoulli(mt.empty(size))
    mt.randperm(0), mt.randperm(1)
    assert digest(mt.get_rng_state()) == HASHES["state after seeding"][1]


def test_signatures():
    """`from` is a keyword of Python's: signatures write from_, a dict passes it."""
    assert str(inspect.signature(mt.Tensor.uniform_)) == "(self, from_=0, to=1, *, generator=None)"
    assert "from_" in str(inspect.signature(mt.Tensor.random_))
    assert numbers(mt.zeros(3).uniform_(**{"from": 1, "to": 1})) == [1, 1, 1]
    assert str(inspect.signature(F.dropout)) == "(input, p=0.5, training=True, inplace=False)"


def test_threads_take_turns():
    """Threads that draw from one generator share out one stream: no number comes twice."""
    mt.manual_seed(0)
    want = sorted(mt.randint(0, 2**62, (1_200_000,)).numpy().tolist())
    mt.manual_seed(0)
    got = []

    def draw():
        got.extend(mt.randint(0, 2**62, (150_000,)).numpy().tolist())

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(got) == want


# ---- autograd ---------------------------------------------------------------------------------------------


def test_dropout_gradient():
    mt.manual_seed(1)
    x = mt.ones(50, requires_grad=True)
    y = F.dropout(x, 0.25)
    y.sum().backward()
    assert numbers(x.grad) == numbers(y)  # both are the mask
    assert set(numbers(y)) == {0.0, float(np.float32(1) / np.float32(0.75))}


def test_dropout_keeps_its_input():
    x = mt.ones(5, requires_grad=True)
    assert F.dropout(x, 0.0) is x and F.dropout(x, 0.5, training=False) is x
    assert numbers(F.dropout(x, 1.0)) == [0] * 5
    y = mt.ones(40)
    mt.manual_seed(2)
    z = F.dropout(y, 0.5, inplace=True)
    assert z is y and 0 in numbers(y)
    mt.manual_seed(2)
    assert numbers(F.dropout(mt.ones(40), 0.5)) == numbers(y)


def test_drawing_over_a_result_stops_its_gradient():
    x = mt.ones(3, requires_grad=True)
    y = x * 2
    y.normal_()
    assert y.requires_grad
    y.sum().backward()
    assert numbers(x.grad) == [0, 0, 0]


def test_normal_has_zero_gradients():
    mean, std = mt.zeros(3, requires_grad=True), mt.ones(3, requires_grad=True)
    mt.normal(mean, std).sum().backward()
    assert numbers(mean.grad) == numbers(std.grad) == [0, 0, 0]


def test_leaf_is_not_overwritten():
    x = mt.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"):
        x.normal_()
    with mt.no_grad():
        x.normal_()
    assert x.is_leaf and x.requires_grad
