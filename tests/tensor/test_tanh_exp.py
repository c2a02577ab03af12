"""tanh and exp of float32 have PyTorch's digits: polynomials and a table, found out from its results."""

import numpy as np
import pytest

import minitorch

RANDOM = np.random.default_rng(0)
LENGTHS = [1, 3, 8, 15, 16, 17, 31, 33, 100]
#: What PyTorch 2.13 gives where the exact value, correctly rounded, is another number.
TANH = {
    "0x1.584574p+2": "0x1.fffa6cp-1",
    "0x1.3fc38ap+1": "0x1.f91f12p-1",
    "0x1.4e86a2p+2": "0x1.fff872p-1",
    "0x1.02dd04p+1": "0x1.ee5fc6p-1",
    "0x1.1c60e4p+2": "0x1.ffdbc6p-1",
    "0x1.a36a50p+1": "0x1.fe8ae6p-1",
    "0x1.592710p+1": "0x1.fb5d18p-1",
    "0x1.73851ep+2": "0x1.fffd9ep-1",
}
EXP = {
    "0x1.1484a8p+4": "0x1.e8d69ep+24",
    "0x1.d56a40p+2": "0x1.7f1b84p+10",
    "-0x1.353140p+4": "0x1.165222p-28",
    "-0x1.4eb7a6p+3": "0x1.e0e0dap-16",
    "0x1.7d2634p+3": "0x1.22c950p+17",
    "-0x1.aac406p+2": "0x1.4d18f0p-10",
    "0x1.0fedf0p+4": "0x1.6ef41cp+24",
    "-0x1.5000cep+2": "0x1.57e26cp-8",
}


def every_exponent(n, low, high):
    """n numbers of either sign from 2^low on up to 2^high, as many of each exponent."""
    x = np.ldexp(RANDOM.uniform(1, 2, n), RANDOM.integers(low, high, n)).astype("f4")
    return x * RANDOM.choice(np.array([-1, 1], "f4"), n)


def ulps(got, exact):
    return np.abs(got - exact) / np.spacing(np.abs(exact.astype("f4"))).astype("f8")


def call(name, x):
    return getattr(minitorch, name)(minitorch.from_numpy(x)).numpy()


def exp_by_table(x):
    """x = (128 n + i) ln 2 / 128 + r; every step in float32."""
    f = np.float32
    k = np.rint(x * f(184.664965)).astype("f4")
    r = (x - k * f(float.fromhex("0x1.63p-8"))) - k * f(float.fromhex("-0x1.bd0106p-20"))
    q = r + r * r * f(0.5)
    power = np.exp2(k.astype("f8") % 128 / 128)
    high = power.astype("f4")
    low = (power - high).astype("f4")
    return np.ldexp(high + (low + high * q), (k // 128).astype(int)).astype("f4")


@pytest.fixture
def with_table(amd):
    if not amd or minitorch.backends.cpu.get_cpu_capability() != "AVX512":
        pytest.skip("exp goes by the table on AMD's processors with AVX-512")


def test_stored_digits_of_tanh():
    x = np.array([float.fromhex(s) for s in TANH], "f4")
    want = np.array([float.fromhex(s) for s in TANH.values()], "f4")
    assert (np.tanh(x.astype("f8")).astype("f4") != want).all()
    np.testing.assert_array_equal(call("tanh", x), want)
    np.testing.assert_array_equal(call("tanh", -x), -want)


def test_stored_digits_of_exp(with_table):
    x = np.array([float.fromhex(s) for s in EXP], "f4")
    want = np.array([float.fromhex(s) for s in EXP.values()], "f4")
    assert (np.exp(x.astype("f8")).astype("f4") != want).all()
    np.testing.assert_array_equal(call("exp", x), want)


def test_tanh_is_nearly_exactly_rounded():
    x = every_exponent(300_000, -30, 5)
    assert ulps(call("tanh", x), np.tanh(x.astype("f8"))).max() < 0.513
    tiny = every_exponent(10_000, -149, -60)
    np.testing.assert_array_equal(call("tanh", tiny), tiny)


def test_exp_in_every_step(with_table):
    x = every_exponent(300_000, -30, 6)
    np.testing.assert_array_equal(call("exp", x), exp_by_table(x))
    ends = RANDOM.uniform(87.34, 104, 20_000).astype("f4")
    ends = np.concatenate([-ends, ends[ends < 88.72]])
    np.testing.assert_array_equal(call("exp", ends), np.exp(ends.astype("f8")).astype("f4"))


def test_the_ends():
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 9.0, 9.02, 10.0, -100.0, 89.0, -104.0], "f4")
    near_one = np.float32(1 - 2**-24)
    want = np.array([0.0, -0.0, 1, -1, np.nan, 1e-45, near_one, 1, 1, -1, 1, -1], "f4")
    got = call("tanh", x)
    np.testing.assert_array_equal(got, want)
    assert np.signbit(got[1]) and not np.signbit(got[0])
    powers = call("exp", x)
    np.testing.assert_array_equal(powers[[0, 1, 2, 3, 4, 5, 10, 11]], [1, 1, np.inf, 0, np.nan, 1, np.inf, 0])


@pytest.mark.parametrize("name", ["tanh", "exp"])
@pytest.mark.parametrize("n", LENGTHS)
def test_wherever_an_element_stands(name, n):
    x = every_exponent(2 * n, -6, 5)
    whole = call(name, np.resize(x, 64 * n))[: 2 * n]
    np.testing.assert_array_equal(call(name, x), whole)
    np.testing.assert_array_equal(call(name, x[::2]), whole[::2])
    np.testing.assert_array_equal(call(name, x[1:]), whole[1:])
    inplace = minitorch.from_numpy(x.copy())
    getattr(inplace, name + "_")()
    np.testing.assert_array_equal(inplace.numpy(), whole)


@pytest.mark.parametrize("name", ["tanh", "exp"])
def test_digits_of_pytorch(pytorch_amd, name, request):
    if name == "exp":
        request.getfixturevalue("with_table")
    x = np.concatenate([every_exponent(500_000, -30, 7), RANDOM.standard_normal(500_000).astype("f4")])
    want = getattr(pytorch_amd, name)(pytorch_amd.from_numpy(x)).numpy()
    np.testing.assert_array_equal(call(name, x), want)


def test_gradient_of_tanh_is_rounded_after_the_product():
    y = np.tanh(RANDOM.standard_normal(999)).astype("f4")
    g = RANDOM.standard_normal(999).astype("f4")
    leaf = minitorch.from_numpy(np.arctanh(y.astype("f8")).astype("f4")).requires_grad_()
    out = leaf.tanh()
    out.backward(minitorch.from_numpy(g))
    out = out.detach().numpy().astype("f8")
    np.testing.assert_array_equal(leaf.grad.numpy(), g * (1 - out * out).astype("f4"))


@pytest.mark.parametrize("width", [8, 11, 13, 16])
def test_nets_with_tanh_train_to_the_same_bits(pytorch_amd, width):
    x = RANDOM.uniform(2, 8, (9, 1)).astype("f4")
    results = []
    for library in (pytorch_amd, minitorch):
        library.manual_seed(0)
        nn, data = library.nn, library.from_numpy(x)
        net = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, 1))
        step = library.optim.SGD(net.parameters(), lr=1e-3)
        for _ in range(200):
            loss = nn.functional.mse_loss(net(data), data * 3 - 17)
            step.zero_grad()
            loss.backward()
            step.step()
        results.append([loss.item()] + [p.detach().numpy() for p in net.parameters()])
    for want, got in zip(*results, strict=True):
        np.testing.assert_array_equal(got, want)
