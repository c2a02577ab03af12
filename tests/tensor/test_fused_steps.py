"""add and sub with alpha, rsub, lerp, addcmul and addcdiv round where PyTorch rounds: once, as a fused
multiply-add, but for addcdiv."""

import numpy as np
import pytest

import minitorch as torch

RANDOM = np.random.default_rng(0)


def fma(a, b, c):
    """The product of two float32 is exact in float64, and their sum with a third nearly always."""
    return (np.float64(a) * np.float64(b) + np.float64(c)).astype("f4")


F4 = np.float32
CASES = {
    "add": (lambda a, b, c: a.add(b, alpha=0.1), lambda a, b, c: fma(b, F4(0.1), a)),
    "add_": (lambda a, b, c: a.clone().add_(b, alpha=0.1), lambda a, b, c: fma(b, F4(0.1), a)),
    "sub": (lambda a, b, c: a.sub(b, alpha=0.1), lambda a, b, c: fma(b, -F4(0.1), a)),
    "rsub": (lambda a, b, c: torch.rsub(a, b, alpha=0.7), lambda a, b, c: fma(a, -F4(0.7), b)),
    "lerp, near": (lambda a, b, c: a.lerp(b, 0.1), lambda a, b, c: fma(F4(0.1), b - a, a)),
    "lerp, far": (lambda a, b, c: a.lerp(b, 0.6), lambda a, b, c: fma(F4(0.6) - 1, b - a, b)),
    "addcmul": (lambda a, b, c: a.addcmul(b, c, value=0.3), lambda a, b, c: fma(F4(0.3) * b, c, a)),
    "addcmul, 1": (lambda a, b, c: a.addcmul(b, c), lambda a, b, c: fma(b, c, a)),
    "addcdiv": (lambda a, b, c: a.addcdiv(b, c, value=0.3), lambda a, b, c: a + F4(0.3) * b / c),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("n", [0, 1, 7, 33, 1000])
def test_rounding(name, n):
    ours, wanted = CASES[name]
    arrays = [RANDOM.standard_normal(n).astype("f4") for _ in range(3)]
    got = ours(*map(torch.from_numpy, arrays)).numpy()
    np.testing.assert_array_equal(got, wanted(*arrays))
    gaps = [torch.from_numpy(np.repeat(x, 2))[::2] for x in arrays]
    np.testing.assert_array_equal(ours(*gaps).numpy(), wanted(*arrays))


def test_broadcast_types_and_gradients():
    x, y = torch.randn(3, 1, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    leaves = [x.requires_grad_(), y.requires_grad_(), torch.randn(3, 4, dtype=torch.float64).requires_grad_()]
    for f in (
        lambda a, b, c: torch.add(a, b, alpha=2.5),
        lambda a, b, c: torch.sub(a, b, alpha=2.5),
        lambda a, b, c: torch.lerp(c, a.expand(3, 4), 0.3),
        lambda a, b, c: torch.lerp(c, a.expand(3, 4), b),
        lambda a, b, c: torch.addcmul(c, a, b, value=-2),
        lambda a, b, c: torch.addcdiv(c, a, b.abs() + 1, value=-2),
    ):
        assert torch.autograd.gradcheck(f, leaves) and torch.autograd.gradgradcheck(f, leaves)
    assert torch.add(torch.tensor([1, 2]), torch.tensor([3, 4]), alpha=2).tolist() == [7, 10]
    assert torch.add(torch.tensor([1, 2]), torch.tensor([0.5, 1]), alpha=2).tolist() == [2, 4]
    assert torch.add(torch.ones(2).half(), torch.ones(2), alpha=2).dtype == torch.float32
    assert torch.sub(torch.ones(2).half(), torch.ones(2).half(), alpha=2).tolist() == [-1, -1]


def test_names_in_the_graph():
    x = torch.ones(2, requires_grad=True)
    names = [
        torch.add(x, x, alpha=2),
        torch.sub(x, x, alpha=2),
        torch.rsub(x, 1.0, alpha=2),
        torch.lerp(x, x, 0.1),
        torch.lerp(x, x, x),
        torch.addcmul(x, x, x, value=2),
        torch.addcdiv(x, x, x, value=2),
    ]
    assert [y.grad_fn.name() for y in names] == [
        "AddBackward0",
        "SubBackward0",
        "RsubBackward1",
        "LerpBackward0",
        "LerpBackward1",
        "AddcmulBackward0",
        "AddcdivBackward0",
    ]
