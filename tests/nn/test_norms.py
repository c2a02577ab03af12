"""layer_norm and group_norm have PyTorch's digits, also at the limits of their blocks."""

import numpy as np
import pytest

import minitorch as mt

RANDOM = np.random.default_rng(0)
# A chunk of a row is 16 lines of 8 numbers (4 in double), four chunks go abreast.
ROWS = [(6, 100), (5, 7), (3, 1000), (2, 33), (3, 128), (4, 129), (2, 512), (2, 1300)]
GROUPS = [
    (2, 8, 5, 2),
    (3, 16, 64, 4),
    (2, 44, 13, 2),
    (4, 35, 9, 5),
    (2, 6, 2, 3),
    (2, 30, 9, 10),
    (1, 4, 700, 2),
]


def run(library, shape, affine, dtype, graph=False):
    random = np.random.default_rng(1)
    x, g = (random.standard_normal(shape[:3]).astype(dtype) * 2 + 1 for _ in range(2))
    rows = len(shape) == 2
    w, b = (random.standard_normal(shape[1]).astype(dtype) for _ in range(2))
    leaves = [library.from_numpy(v).requires_grad_() for v in (x, w, b)[: affine + 1]]
    given = [*leaves[1:], None, None][:2]
    f = library.nn.functional
    y = f.layer_norm(leaves[0], shape[1:], *given) if rows else f.group_norm(leaves[0], shape[3], *given)
    return [y, *library.autograd.grad(y, leaves, library.from_numpy(g), create_graph=graph)]


@pytest.mark.parametrize("affine", [0, 1, 2])
@pytest.mark.parametrize("shape", ROWS + GROUPS)
def test_digits_of_pytorch(pytorch_avx512, shape, affine):
    for want, got in zip(
        *(run(library, shape, affine, "f4") for library in (pytorch_avx512, mt)), strict=True
    ):
        np.testing.assert_array_equal(got.detach().numpy(), want.detach().numpy())


@pytest.mark.parametrize("affine", [0, 2])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", ROWS + GROUPS)
def test_one_pass_is_the_rule(shape, dtype, affine):
    near = {"rtol": 2e-3, "atol": 2e-4} if dtype == "f4" else {"rtol": 1e-9, "atol": 1e-10}
    for fused, rule in zip(*(run(mt, shape, affine, dtype, graph) for graph in (False, True)), strict=True):
        np.testing.assert_allclose(fused.detach().numpy(), rule.detach().numpy(), **near)


@pytest.mark.parametrize("n", [1, 5, 8, 130, 600, 3000])
def test_moments_of_long_rows(n):
    x = RANDOM.standard_normal((3, n)) * 3 + 1e3
    want = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    got = mt.nn.functional.layer_norm(mt.from_numpy(x), (n,)).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-8)
    x[1, n // 2] = np.nan
    assert mt.nn.functional.layer_norm(mt.from_numpy(x), (n,)).isnan().all(1).tolist() == [False, True, False]


def test_threads_change_no_digit():
    before, found = mt.get_num_threads(), []
    for threads in (1, 4):
        mt.set_num_threads(threads)
        found.append([run(mt, shape, 2, "f4") for shape in ((600, 256), (8, 16, 900, 4), (8, 16, 900, 1))])
    mt.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        assert all((a == b).all() for a, b in zip(one, other, strict=True))
