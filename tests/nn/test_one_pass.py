"""Gradients and blends that one loop makes, against the operators they stand for: around the ends of blocks,
over several threads' worth, on strides that the loop does not take."""

import numpy as np
import pytest

import minitorch as mt
import minitorch.nn.functional as F

try:
    import torch
except ImportError:
    torch = None

SIZES = [0, 1, 15, 16, 17, 33, 50_001]
SPECIAL = [
    0.0,
    -0.0,
    np.inf,
    -np.inf,
    np.nan,
    3.0,
    -3.0,
    6.0,
    0.5,
    -0.5,
    1.0,
    -1.0,
    88.0,
    -104.0,
    1e-30,
    1e30,
]
CURVES = {
    "relu6": lambda f, x: f.relu6(x),
    "hardtanh": lambda f, x: f.hardtanh(x, -0.7, 1.2),
    "threshold": lambda f, x: f.threshold(x, 0.5, 0.1),
    "hardshrink": lambda f, x: f.hardshrink(x, 0.6),
    "softshrink": lambda f, x: f.softshrink(x, 0.3),
    "leaky_relu": lambda f, x: f.leaky_relu(x, 0.03),
    "elu": lambda f, x: f.elu(x, 0.7),
    "celu": lambda f, x: f.celu(x, 0.7),
    "selu": lambda f, x: f.selu(x),
    "silu": lambda f, x: f.silu(x),
    "mish": lambda f, x: f.mish(x),
    "hardswish": lambda f, x: f.hardswish(x),
    "hardsigmoid": lambda f, x: f.hardsigmoid(x),
    "softplus": lambda f, x: f.softplus(x, 1.5, 10),
    "logsigmoid": lambda f, x: f.logsigmoid(x),
    "gelu": lambda f, x: f.gelu(x),
    "gelu_tanh": lambda f, x: f.gelu(x, approximate="tanh"),
}
# Rows whose functions have PyTorch's digits in float32, so that the gradient has, too.
EXACT = set(CURVES) - {"mish", "gelu", "gelu_tanh"}


def numbers(n, dtype, seed=0):
    x = 3 * np.random.default_rng(seed).standard_normal(n)
    return mt.tensor(x, dtype=dtype)


def gradients(f, inputs, g, **how):
    inputs = [x.detach().requires_grad_() for x in inputs]
    y = f(*inputs)
    return [d.detach() for d in mt.autograd.grad(y, inputs, g(y), **how)]


def ramp(y):
    return numbers(y.numel(), y.dtype, 9).view(y.shape) if y.dim() else mt.ones_like(y)


def both_ways(f, *inputs):
    """In one pass, and by the rule that can be differentiated again."""
    return gradients(f, inputs, ramp), gradients(f, inputs, ramp, create_graph=True)


def assert_near(got, want, dtype, scale=1):
    eps = 2e-6 if dtype == mt.float32 else 1e-7  # 1 / 6 and 1 / alpha are float32 in PyTorch's float64
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=30 * eps, atol=scale * eps)


@pytest.mark.parametrize("dtype", [mt.float32, mt.float64], ids=str)
@pytest.mark.parametrize("name", CURVES)
def test_a_curve_has_one_gradient(name, dtype):
    for n in SIZES:
        x = numbers(n, dtype)
        assert_near(*both_ways(lambda x: CURVES[name](F, x), x), dtype)
    wide = numbers(80, dtype).view(8, 10)
    for x in (wide.t(), wide[:, ::2], wide[0].expand(3, 10)):
        strided = gradients(lambda x: CURVES[name](F, x), [x], ramp)
        assert_near(strided, gradients(lambda x: CURVES[name](F, x), [x.contiguous()], ramp), dtype)


@pytest.mark.parametrize("name", CURVES)
def test_special_numbers_have_the_gradients_of_the_rule(name):
    for repeat in (1, 5):
        x = mt.tensor(SPECIAL * repeat)
        one, rule = both_ways(lambda x: CURVES[name](F, x), x)
        for i, special in enumerate(SPECIAL):
            a, b = one[0][i].item(), rule[0][i].item()
            assert a == pytest.approx(b, rel=1e-5, abs=1e-6, nan_ok=True) or abs(special) == np.inf, special


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.parametrize("name", sorted(EXACT))
def test_gradients_have_pytorchs_digits(name):
    x = np.random.default_rng(1).standard_normal(4096).astype(np.float32) * 3
    g = np.random.default_rng(2).standard_normal(4096).astype(np.float32)
    ours, theirs = mt.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    CURVES[name](F, ours).backward(mt.tensor(g))
    CURVES[name](torch.nn.functional, theirs).backward(torch.tensor(g))
    assert (ours.grad.numpy() == theirs.grad.numpy()).mean() > 0.999


@pytest.mark.parametrize("dtype", [mt.float32, mt.float64], ids=str)
@pytest.mark.parametrize(
    "shape, dim", [((4, 40), 1), ((40, 4), 0), ((6, 4, 9), 1), ((30, 200), -1), ((0, 4), 1)]
)
def test_glu(shape, dim, dtype):
    x = numbers(int(np.prod(shape)), dtype).view(shape)
    a, b = x.chunk(2, dim)
    assert mt.equal(F.glu(x, dim), a * mt.sigmoid(b))
    moved = x.transpose(0, 1).contiguous().transpose(0, 1)
    for t in (x, moved):
        assert_near(*both_ways(lambda x: F.glu(x, dim), t), dtype)
        assert_near(
            both_ways(lambda x: F.glu(x, dim), t)[0],
            both_ways(lambda x: x.chunk(2, dim)[0] * mt.sigmoid(x.chunk(2, dim)[1]), t)[0],
            dtype,
        )


@pytest.mark.parametrize("dtype", [mt.float32, mt.float64], ids=str)
@pytest.mark.parametrize(
    "shape, n", [((40,), 1), ((2, 3), 3), ((3, 5, 17), 5), ((2, 3, 40, 200), 3), ((7, 5), 1)]
)
def test_prelu(shape, n, dtype):
    x, w = numbers(int(np.prod(shape)), dtype).view(shape), numbers(n, dtype, 3)
    wide = w if n == 1 else w.view(1, n, *[1] * (len(shape) - 2))
    assert mt.equal(F.prelu(x, w), mt.where(x > 0, x, wide * x))
    one, rule = both_ways(F.prelu, x, w)
    assert_near(one, rule, dtype, scale=x.numel())
    assert mt.equal(one[0], both_ways(F.prelu, x, w)[1][0])
    moved = x.t() if x.dim() == 2 and n == 1 else x.transpose(0, -1).contiguous().transpose(0, -1)
    assert_near(*both_ways(F.prelu, moved, w), dtype, scale=x.numel())


BLENDS = {
    "addcmul": (lambda x, y, z: mt.addcmul(x, y, z, value=0.3), lambda x, y, z: x + 0.3 * y * z),
    "addcmul by 1": (mt.addcmul, lambda x, y, z: x + y * z),
    "addcdiv": (lambda x, y, z: mt.addcdiv(x, y, z, value=-2), lambda x, y, z: x - 2 * y / z),
    "lerp near": (lambda x, y, z: mt.lerp(x, y, 0.3), lambda x, y, z: x + 0.3 * (y - x)),
    "lerp far": (lambda x, y, z: mt.lerp(x, y, 1.7), lambda x, y, z: y + 0.7 * (y - x)),
    "nan_to_num": (lambda x, y, z: mt.nan_to_num(x * y, nan=1), lambda x, y, z: x * y),
    "frac": (lambda x, y, z: mt.frac(x), lambda x, y, z: x - x.trunc()),
}


@pytest.mark.parametrize("dtype", [mt.float32, mt.float64], ids=str)
@pytest.mark.parametrize("name", BLENDS)
def test_blends(name, dtype):
    blend, plain = BLENDS[name]
    for n in SIZES:
        x, y, z = (numbers(n, dtype, seed) for seed in range(3))
        z = z.abs() + 0.5
        assert_near([blend(x, y, z)], [plain(x, y, z)], dtype)
        inputs = [x, y, z]
        got = gradients(blend, inputs, ramp, allow_unused=True, materialize_grads=True)
        want = gradients(plain, inputs, ramp, allow_unused=True, materialize_grads=True)
        assert_near(got, want, dtype, scale=20)


def test_blends_into_a_place():
    x, y, z = (numbers(60, mt.float32, seed) for seed in range(3))
    for name, args in (
        ("addcmul", (y, z)),
        ("addcdiv", (y, z)),
        ("lerp", (y, 0.3)),
        ("nan_to_num", ()),
        ("frac", ()),
    ):
        want = getattr(mt, name)(x, *args)
        assert mt.equal(getattr(x.clone(), name + "_")(*args), want)
        spread = mt.zeros(60, 2)[:, 0]
        assert mt.equal(getattr(mt, name)(x, *args, out=spread), want) and mt.equal(spread, want)
        assert mt.equal(getattr(spread.copy_(x), name + "_")(*args), want)
        wide = mt.empty(60, dtype=mt.float64)
        assert mt.equal(getattr(mt, name)(x, *args, out=wide), want.double())
        leaf = x.clone().requires_grad_()
        getattr(leaf * 1, name + "_")(*args).sum().backward()
        assert leaf.grad.shape == (60,)
        with mt.no_grad():
            assert mt.equal(getattr(leaf.clone(), name + "_")(*args), want)
    assert mt.equal(y.clone().addcmul_(x, z, value=2), mt.addcmul(y, x, z, value=2))
    same = x.clone()
    assert mt.equal(same.addcmul_(same, same), mt.addcmul(x, x, x))


def test_nan_to_num_replaces_what_is_no_number():
    x = mt.tensor([np.nan, np.inf, -np.inf, 1.5, -0.0] * 7, requires_grad=True)
    y = mt.nan_to_num(x, nan=2, posinf=3)
    assert y.tolist() == [2, 3, np.finfo(np.float32).min, 1.5, 0] * 7
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 1, 1] * 7


@pytest.mark.parametrize("loss", [F.mse_loss, F.smooth_l1_loss, F.huber_loss])
def test_a_loss_of_a_difference_has_opposite_gradients(loss):
    for n in (1, 17, 40_000):
        x, y = numbers(n, mt.float32), numbers(n, mt.float32, 1)
        for how in ("mean", "sum"):
            one, rule = both_ways(lambda x, y, how=how: loss(x, y, reduction=how), x, y)
            assert_near(one, rule, mt.float32)
            assert mt.equal(one[0], -one[1])
            assert mt.equal(
                gradients(lambda y, x=x, how=how: loss(x, y, reduction=how), [y], mt.ones_like)[0], one[1]
            )


def test_rrelu_multiplies_by_its_slopes():
    x = mt.tensor([-2.0, 3.0, -0.0, 0.0, np.nan, -np.inf, np.inf] * 9, requires_grad=True)
    y = F.rrelu(x, 0.2, 0.4, training=True)
    assert mt.equal(y[x > 0], x[x > 0]) and y[4].isnan() and ((y[x < 0] / x[x < 0])[::2] < 0.4).all()
    y.sum().backward()
    assert ((x.grad == 1) == (x > 0) | x.isnan()).all() and ((x.grad >= 0.2) & (x.grad <= 1)).all()
    assert mt.equal(F.rrelu(x[:4], 0.2, 0.4), mt.tensor([-0.6, 3.0, 0.0, 0.0]))


@pytest.mark.parametrize("base", [2, 2.0, 0.5, 0.0, -2.0])
def test_a_power_of_a_number_has_the_gradient_of_a_power_of_a_tensor(base):
    x = mt.tensor([-2.0, -0.0, 0.0, 1.0, 3.0], requires_grad=True)
    wide = mt.full((5,), float(base))
    for n in (1, 2):
        one, two = (
            mt.autograd.grad(f(x), x, mt.arange(5.0), create_graph=True)[0]
            for f in (lambda x: base**x, lambda x: wide**x)
        )
        if n == 2:
            one, two = (mt.autograd.grad(d.sum(), x)[0] for d in (one, two))
        np.testing.assert_allclose(one.detach().numpy(), two.detach().numpy(), rtol=1e-6)
