"""cdist and pdist: the product of matrices, the plain sums, and PyTorch's digits of both."""

import numpy as np
import pytest

import minitorch as mt

F = mt.nn.functional
RANDOM = np.random.default_rng(0)


def numbers(*shape):
    return RANDOM.standard_normal(shape)


@pytest.mark.parametrize("mode", [None, "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"])
@pytest.mark.parametrize(
    "x,y", [((3, 2), (4, 2)), ((26, 5), (3, 5)), ((2, 30, 1), (3, 1)), ((2, 0, 3), (40, 3))]
)
def test_cdist(x, y, mode):
    x, y = (mt.tensor(numbers(*shape), requires_grad=True) for shape in (x, y))
    wide = (x.unsqueeze(-2) - y.unsqueeze(-3)).square().sum(-1).sqrt()
    far = mt.cdist(x, y, compute_mode=mode)
    assert mt.allclose(far, wide, rtol=1e-9)
    g = mt.tensor(numbers(*far.shape))
    for a, b in zip(*(mt.autograd.grad(d, (x, y), g) for d in (far, wide)), strict=True):
        assert mt.allclose(a, b, rtol=1e-9)


def test_cdist_twice_differentiable_and_at_zero():
    x, y = (mt.tensor(numbers(n, 3), requires_grad=True) for n in (4, 3))
    mode = "use_mm_for_euclid_dist"
    mt.autograd.gradgradcheck(lambda x, y: mt.cdist(x, y, compute_mode=mode), (x, y))
    z = mt.ones(30, 2, requires_grad=True)
    (gz,) = mt.autograd.grad(mt.cdist(z, z).sum(), z, create_graph=True)
    assert (gz == 0).all() and (mt.autograd.grad(gz.sum(), z)[0] == 0).all()
    with pytest.raises(ValueError, match="x is not a valid value for compute_mode"):
        mt.cdist(z, z, compute_mode="x")


@pytest.mark.parametrize("n,m", [(0, 3), (1, 3), (2, 0), (7, 5), (5, 8), (40, 33), (9, 70)])
def test_pdist(n, m):
    x = mt.tensor(numbers(m, n), requires_grad=True)
    first, second = np.triu_indices(n, 1)
    way = x.t()[mt.tensor(first)] - x.t()[mt.tensor(second)]
    far, wanted = F.pdist(x.t()), mt.linalg.vector_norm(way, 2, -1) if m else way.sum(-1)
    assert mt.allclose(far, wanted, rtol=1e-12)
    g = mt.tensor(numbers(2 * len(first)))[::2]
    for a, b in ((far, wanted), (F.pdist(x.t(), 1.0), way.abs().sum(-1))):
        a, b = (mt.autograd.grad(d, x, g, retain_graph=True)[0] for d in (a, b))
        assert mt.allclose(a, b, rtol=1e-9)


def test_pdist_twice_differentiable_and_at_zero():
    mt.autograd.gradgradcheck(F.pdist, mt.tensor(numbers(4, 3), requires_grad=True))
    x = mt.ones(4, 2, requires_grad=True)
    for graph in (False, True):
        (g,) = mt.autograd.grad(F.pdist(x).sum(), x, create_graph=graph)
        assert (g == 0).all()
    x = mt.tensor([[1.0], [float("nan")], [float("inf")]])
    assert F.pdist(x).isnan().tolist() == [True, False, True]


def test_pdist_refuses():
    with pytest.raises(RuntimeError, match="pdist only supports 2D tensors, got: 1D"):
        F.pdist(mt.ones(3))
    with pytest.raises(RuntimeError, match="pdist only supports floating-point dtypes"):
        F.pdist(mt.ones(3, 2, dtype=mt.int64))
    with pytest.raises(RuntimeError, match="pdist only supports non-negative p values"):
        F.pdist(mt.ones(3, 2), -1.0)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("n,m", [(2, 3), (30, 5), (27, 8), (40, 16), (33, 17), (20, 100)])
def test_digits_of_pytorch(pytorch_avx512, n, m, dtype):
    x, y = numbers(n, m).astype(dtype), numbers(n + 3, m).astype(dtype)
    x[1] = x[0]
    results = []
    for library in (pytorch_avx512, mt):
        a, b = (library.from_numpy(v.copy()).requires_grad_() for v in (x, y))
        rows = [library.nn.functional.pdist(a)]
        if n > 25 and dtype == "f4":
            rows.append(library.cdist(a, b))
        row = [far.detach().numpy() for far in rows]
        for far in rows:
            g = library.arange(far.numel(), dtype=far.dtype).reshape(far.shape) / far.numel()
            row += [
                v.numpy() for v in library.autograd.grad(far, (a, b), g, allow_unused=True) if v is not None
            ]
        results.append(row)
    for want, got in zip(*results, strict=True):
        np.testing.assert_array_equal(got, want)
