"""Factorizations whose signs are free, or that need symmetric matrices: the products give the matrix back,
and derivatives agree with finite differences.

Breaks when csrc/ops/matrices.c, householder.c, divide.c, spectral.c or the rules in linalg.c are wrong; what
has one right answer is in test_ops.py.
"""

import numpy as np
import pytest

import minitorch as mt
from minitorch.autograd import gradcheck, gradgradcheck

SHAPES = [(3, 3), (5, 3), (3, 5), (2, 4, 3), (1, 1), (30, 20), (2, 0, 3)]


def random(*shape, dtype="float64", seed=0):
    values = np.random.default_rng(seed).standard_normal(shape)
    return mt.from_numpy(values.astype(dtype))


def symmetric(a):
    return a + a.mT


def positive(a):
    return a @ a.mT + mt.eye(a.shape[-1], dtype=a.dtype)


def close(a, b, tolerance=1e-10):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=tolerance, rtol=tolerance)


def orthonormal(q, tolerance=1e-10):
    n = q.shape[-1]
    close(q.mT @ q, mt.eye(n, dtype=q.dtype).expand(*q.shape[:-2], n, n), tolerance)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("full", [False, True])
def test_svd(shape, full):
    a = random(*shape)
    u, s, vh = mt.linalg.svd(a, full)
    orthonormal(u)
    orthonormal(vh.mT)
    k = s.shape[-1]
    close(u[..., :k] * s.unsqueeze(-2) @ vh[..., :k, :], a)
    np.testing.assert_allclose(s.numpy(), np.linalg.svd(a.numpy(), compute_uv=False), atol=1e-12)


def test_svd_of_deficient_matrices():
    for a in (mt.zeros(3, 2, dtype=mt.float64), mt.ones(4, 4, dtype=mt.float64), mt.eye(3, dtype=mt.float64)):
        u, s, vh = mt.linalg.svd(a)
        orthonormal(u)
        orthonormal(vh.mT)
        k = len(s)
        close(u[:, :k] * s @ vh[:k], a)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 30])
def test_eigh(n):
    a = symmetric(random(2, n, n))
    w, v = mt.linalg.eigh(a)
    orthonormal(v)
    close(v * w.unsqueeze(-2) @ v.mT, a)
    np.testing.assert_allclose(w.numpy(), np.linalg.eigvalsh(a.numpy()), atol=1e-10)
    close(mt.linalg.eigvalsh(a, UPLO="U"), w)


def of_kind(kind, m, n):
    """Matrices whose singular values are easy, equal, tiny, or apart by many orders."""
    k, a = min(m, n), random(m, n).numpy()
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    values = {
        "random": s,
        "ones": np.r_[np.sqrt(m * n), np.zeros(k - 1)],
        "equal": np.resize([1.0, 2.0, 3.0], k),
        "graded": np.logspace(0, -30, k),
        "tiny": s * 1e-300,
        "huge": s * 1e300,
    }
    if kind == "ones":
        return np.ones((m, n))
    return np.triu(a, -1) * np.tri(m, n, 1) if kind == "banded" else u * values[kind] @ vh


KINDS = ["random", "ones", "equal", "graded", "tiny", "huge", "banded"]
# Around the sizes of blocks, and where rotations, reflections and a QR before them take turns.
LARGE = [(24, 24), (25, 25), (33, 32), (65, 65), (150, 130), (130, 150), (200, 30), (20, 100), (97, 60)]


def errors_of(n):
    return 20 * n * np.finfo(float).eps


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_singular_values_of_large_matrices(shape, kind):
    a, bound = of_kind(kind, *shape), errors_of(max(shape))
    norm = np.linalg.norm(a / np.abs(a).max(), 2) * np.abs(a).max()
    for full in (False, True):
        u, s, vh = (x.numpy() for x in mt.linalg.svd(mt.from_numpy(a), full))
        k = len(s)
        assert np.abs(u.T @ u - np.eye(u.shape[1])).max() < bound
        assert np.abs(vh @ vh.T - np.eye(vh.shape[0])).max() < bound
        assert np.abs((u[:, :k] * (s / norm)) @ vh[:k] - a / norm).max() < bound
        assert (np.diff(s) <= 0).all()
    values = mt.linalg.svdvals(mt.from_numpy(a)).numpy()
    assert np.abs(values - s).max() / norm < bound
    assert np.abs(values / norm - np.linalg.svd(a / norm, compute_uv=False)).max() < bound


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [24, 25, 33, 64, 65, 130])
def test_eigenvalues_of_large_matrices(n, kind):
    a = of_kind(kind, n, n)
    a, bound = a / 2 + a.T / 2, errors_of(n)
    norm = np.linalg.norm(a / np.abs(a).max(), 2) * np.abs(a).max()
    w, v = (x.numpy() for x in mt.linalg.eigh(mt.from_numpy(a)))
    assert np.abs(v.T @ v - np.eye(n)).max() < bound
    assert np.abs(v * (w / norm) @ v.T - a / norm).max() < bound
    assert (np.diff(w) >= 0).all()
    lower = np.tril(a) + np.triu(np.full_like(a, np.nan), 1)  # the other half is not read
    values = mt.linalg.eigvalsh(mt.from_numpy(lower)).numpy()
    assert np.abs(values - w).max() / norm < bound
    assert np.abs(values / norm - np.linalg.eigvalsh(a / norm)).max() < bound


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_large_matrices_that_are_not_finite(bad):
    a = random(40, 40).numpy()
    a[30, 3] = bad
    results = [*mt.linalg.svd(mt.from_numpy(a)), *mt.linalg.eigh(mt.from_numpy(a))]
    assert all(np.isnan(x.numpy()).all() for x in results)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 5), (9, 4), (4, 9), (60, 30), (2, 40, 50)], ids=str)
def test_pseudoinverses_and_least_squares(shape, dtype):
    """By QR where the rank is certainly full, by singular values where it may not be: both are least."""
    a, bound = random(*shape, dtype=dtype), 1e-12 if dtype == "float64" else 1e-4
    low = a.clone()
    low[..., -1, :] = low[..., 0, :] * 2  # a row and a column that depend on others
    low[..., -1] = low[..., 0] * 2
    for m in (a, low, a * 1e-30, a * 1e30):
        scale = m.abs().max()
        p, m = mt.linalg.pinv(m) * scale, m / scale
        want = np.linalg.pinv(m.numpy(), rcond=1e-5)
        np.testing.assert_allclose(p.numpy(), want, atol=bound * np.abs(want).max())
        for driver in (None, "gels", "gelsy", "gelsd", "gelss"):
            b = random(*shape[:-1], 3, dtype=dtype, seed=1)
            x, left, rank, s = mt.linalg.lstsq(m, b, rcond=1e-5, driver=driver)
            np.testing.assert_allclose(x.numpy(), want @ b.numpy(), atol=9 * bound * np.abs(want).max())
            ranks = np.linalg.matrix_rank(m.numpy(), rtol=1e-5)
            assert driver == "gels" or (rank.numpy() == ranks).all()
            assert left.numel() == 0 or ((m @ x - b) ** 2).sum(-2).allclose(left, atol=1e-3)
            assert (s.numel() > 0) == (driver in ("gelsd", "gelss"))
    recorded = mt.linalg.lstsq(a.clone().requires_grad_(), b)
    plain = mt.linalg.lstsq(a, b)
    close(recorded.solution, plain.solution, bound)
    assert (recorded.rank == plain.rank).all()


@pytest.mark.parametrize("n", [5, 40])
def test_values_alone_are_those_with_vectors(n):
    a, s = random(2, n, n + 3), symmetric(random(2, n, n))
    recorded = (
        mt.linalg.svdvals(a.clone().requires_grad_()),
        mt.linalg.eigvalsh(s.clone().requires_grad_(), "U"),
    )
    for x, y in zip((mt.linalg.svdvals(a), mt.linalg.eigvalsh(s, "U")), recorded, strict=True):
        assert y.requires_grad and not x.requires_grad
        close(x, y, 1e-12)


@pytest.mark.parametrize("mode", ["reduced", "complete", "r"])
@pytest.mark.parametrize("kind", ["random", "ones", "graded"])
@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_qr_of_large_matrices(shape, kind, mode):
    a, bound = of_kind(kind, *shape), errors_of(max(shape))
    q, r = (x.numpy() for x in mt.linalg.qr(mt.from_numpy(a), mode))
    if kind == "random":  # LAPACK's signs
        want = np.linalg.qr(a, mode)
        np.testing.assert_allclose(r, want if mode == "r" else want[1], atol=1e-12)
    assert (np.tril(r, -1) == 0).all()
    if mode != "r":
        assert np.abs(q.T @ q - np.eye(q.shape[1])).max() < bound
        assert np.abs(q @ r - a).max() / np.linalg.norm(a) < bound


@pytest.mark.parametrize("shape", [(17, 17), (16, 40), (40, 16), (65, 65), (130, 100), (100, 130)], ids=str)
def test_lu_of_large_matrices(shape):
    a = random(2, *shape)
    p, lower, upper = mt.linalg.lu(a)
    close(p @ lower @ upper, a)
    assert lower.abs().max() == 1 and (upper.tril(-1) == 0).all()
    low = mt.ones(*shape, dtype=mt.float64)
    assert mt.linalg.lu_factor_ex(low).info == 2


@pytest.mark.parametrize("n", [17, 64, 65, 130])
def test_triangles_and_factors_of_large_matrices(n):
    a, b = positive(random(n, n)), random(n, 5, seed=1)
    factor = mt.linalg.cholesky(a)
    close(factor @ factor.mT, a)
    assert (factor.triu(1) == 0).all()
    close(mt.linalg.cholesky(a, upper=True), factor.mT)
    a[n - 2, n - 2] = -1
    assert mt.linalg.cholesky_ex(a).info == n - 1
    for upper in (True, False):
        t = random(n, n) + n * mt.eye(n, dtype=mt.float64)
        for ones in (True, False):
            t = t / n if ones else t
            half = t.triu(int(ones)) if upper else t.tril(-int(ones))
            half = half + mt.eye(n, dtype=mt.float64) if ones else half
            x = mt.linalg.solve_triangular(t, b, upper=upper, unitriangular=ones)
            close(half @ x, b)
            x = mt.linalg.solve_triangular(t, b.mT, upper=upper, left=False, unitriangular=ones)
            close(x @ half, b.mT)


@pytest.mark.parametrize("mode", ["reduced", "complete"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_qr(shape, mode):
    a = random(*shape)
    q, r = mt.linalg.qr(a, mode)
    orthonormal(q)
    close(q @ r, a)
    close(r, r.triu())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_lu(shape):
    a = random(*shape)
    p, lower, upper = mt.linalg.lu(a)
    close(p @ lower @ upper, a)
    factors = mt.linalg.lu_factor(a)
    for x, y in zip((p, lower, upper), mt.lu_unpack(*factors), strict=True):
        close(x, y)


@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("left", [False, True])
def test_lu_solve(left, adjoint):
    a, b = random(2, 4, 4), random(2, 4, 4, seed=1)
    x = mt.linalg.lu_solve(*mt.linalg.lu_factor(a), b, left=left, adjoint=adjoint)
    m = a.mT if adjoint else a
    close(m @ x if left else x @ m, b)


def steps_of_small_system(a, b):
    """A^-1 b in the type of A: elimination by the pivot's reciprocal, dot products, every step rounded."""
    a, b, n, one = a.copy(), b.copy(), len(a), a.dtype.type(1)
    for k in range(n):
        p = k + int(np.argmax(np.abs(a[k:, k])))
        a[[k, p]], b[[k, p]] = a[[p, k]], b[[p, k]]
        below = a[k + 1 :, k]
        below[:] = below / a[k, k] if n < 5 and k == n - 2 else below * (one / a[k, k])
        a[k + 1 :, k + 1 :] -= below[:, None] * a[k, k + 1 :]
    for i in range(1, n):
        b[i] -= sum((a[i, j] * b[j] for j in range(1, i)), a[i, 0] * b[0])
    for i in reversed(range(n)):
        known = [a[i, j] * b[j] for j in reversed(range(i + 1, n))]
        b[i] = (b[i] - sum(known[1:], known[0]) if known else b[i]) * (one / a[i, i])
    return b


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("n", range(1, 8))
def test_steps_of_small_systems(n, dtype):
    for seed in range(20):
        draw = np.random.default_rng(seed)
        a, b = draw.standard_normal((n, n)).astype(dtype), draw.standard_normal((n, 3)).astype(dtype)
        x = mt.linalg.solve(mt.from_numpy(a), mt.from_numpy(b))
        np.testing.assert_array_equal(x.numpy(), steps_of_small_system(a, b))
        inverse = mt.linalg.inv(mt.from_numpy(a))
        np.testing.assert_array_equal(inverse.numpy(), steps_of_small_system(a, np.eye(n, dtype=dtype)))


def solved(torch, values, n):
    """What is asked of a library for the system of n unknowns whose numbers are values."""
    a, b = torch.from_numpy(values[:n, :n].copy()), torch.from_numpy(values[:n, n:].copy())
    results = [torch.linalg.lu_factor(a)[0], torch.linalg.det(a), torch.linalg.solve(a, b[:, 0])]
    if n <= 8:
        results += [torch.linalg.solve(a, b), torch.linalg.inv(a), torch.linalg.solve(a.mT, b)]
    if n <= 4:
        a.requires_grad_(), b.requires_grad_()
        torch.linalg.solve(a, b).backward(b.detach() + 1)
        results += [torch.linalg.solve(a, b.mT, left=False), a.grad, b.grad]
    return [x.detach().numpy() for x in results]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16])
def test_small_systems_have_pytorchs_digits(pytorch_amd, n, dtype):
    for seed in range(10):
        values = np.random.default_rng(seed).standard_normal((n, n + 3)).astype(dtype)
        for got, want in zip(solved(mt, values, n), solved(pytorch_amd, values, n), strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("n", [0, 1, 3, 5, 8, 9, 17, 30, 100])
@pytest.mark.parametrize("columns", [0, 1, 4, 9])
def test_systems_of_any_size(n, columns):
    a, b = random(2, n, n) + 3 * mt.eye(n, dtype=mt.float64), random(2, n, columns, seed=1)
    for exact in (True, False):
        m, right, tolerance = (a, b, 1e-10) if exact else (a.float(), b.float(), 2e-4)
        close(m @ mt.linalg.solve(m, right), right, tolerance)
        close(mt.linalg.solve(m, right.mT, left=False) @ m, right.mT, tolerance)
    np.testing.assert_allclose(mt.linalg.det(a).numpy(), np.linalg.det(a.numpy()), rtol=1e-9)


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("n", [2, 4, 6])
def test_derivatives_of_solutions(n, left):
    a, b = random(n, n).requires_grad_(), random(n, n, seed=1).requires_grad_()

    def solve(a, b):
        return mt.linalg.solve(a, b, left=left)

    assert gradcheck(solve, (a, b)) and gradgradcheck(solve, (a, b))


def test_info_of_what_fails():
    assert mt.linalg.inv_ex(mt.zeros(2, 2)).info == 1
    assert mt.linalg.cholesky_ex(-mt.eye(3)).info == 1
    assert mt.linalg.lu_factor_ex(mt.ones(3, 3)).info == 2


def test_a_triangle_with_a_zero_gives_inf():
    x = mt.linalg.solve_triangular(mt.zeros(1, 1), mt.ones(1, 1), upper=True)
    assert x.item() == float("inf")
    with pytest.raises(mt.linalg.LinAlgError, match="cholesky_inverse"):
        mt.cholesky_inverse(mt.zeros(2, 2))


def test_cholesky():
    a = positive(random(2, 4, 4))
    factor = mt.linalg.cholesky(a)
    close(factor, factor.tril())
    close(factor @ factor.mT, a)
    close(mt.linalg.cholesky(a, upper=True), factor.mT)
    b = random(2, 4, 1)
    close(a @ mt.cholesky_solve(b, factor), b, 1e-9)


def test_single_precision():
    a = random(6, 4, dtype="float32")
    u, s, vh = mt.linalg.svd(a, False)
    assert s.dtype == mt.float32
    close(u * s @ vh, a, 1e-5)


DIFFERENTIABLE = {
    "cholesky": lambda a: mt.linalg.cholesky(positive(a)),
    "eigh": lambda a: mt.linalg.eigh(symmetric(a)),
    "eigvalsh": lambda a: mt.linalg.eigvalsh(symmetric(a)),
    "svd": lambda a: mt.linalg.svd(a, False),
    "cholesky_solve": lambda a: mt.cholesky_solve(a[..., :2], mt.linalg.cholesky(positive(a))),
    "logdet": lambda a: mt.logdet(positive(a)),
    "lstsq": lambda a: mt.linalg.lstsq(a, a[..., :1] * 2 + 1).solution,
    "pinv": lambda a: mt.linalg.pinv(a),
    "lu": lambda a: mt.linalg.lu(a)[1:],
    "lu_factor": lambda a: mt.linalg.lu_factor(a)[0],
    "lu_solve": lambda a: mt.linalg.lu_solve(*mt.linalg.lu_factor(a), a[..., :2]),
    "cholesky_inverse": lambda a: mt.cholesky_inverse(mt.linalg.cholesky(positive(a))),
    "matrix_exp": mt.linalg.matrix_exp,
    "cond": lambda a: mt.linalg.cond(a),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives(name):
    for shape in [(3, 3), (2, 3, 3)] + (
        [(4, 3), (2, 4)] if name in ("svd", "pinv", "lu", "lu_factor") else []
    ):
        a = random(*shape, seed=2).requires_grad_()
        assert gradcheck(DIFFERENTIABLE[name], a)
        assert gradgradcheck(DIFFERENTIABLE[name], a)


def test_gradient_of_a_singular_determinant():
    a = mt.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=mt.float64, requires_grad=True)
    mt.linalg.det(a).backward()
    close(a.grad, mt.tensor([[4.0, -2.0], [-2.0, 1.0]], dtype=mt.float64))


@pytest.mark.parametrize("size", [1e-3, 0.7, 0.8, 30])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_exponentials(n, size):
    a = symmetric(random(3, n, n))
    a = a / a.abs().sum(-2).amax() * size
    a[1] = a[1] / 50  # scaled for itself
    w, v = np.linalg.eigh(a.numpy())
    want = (v * np.exp(w)[:, None]) @ v.swapaxes(1, 2)
    np.testing.assert_allclose(mt.linalg.matrix_exp(a).numpy(), want, atol=1e-13 * np.exp(w).max())
    assert mt.linalg.matrix_exp(a * float("nan")).isnan().all()


@pytest.mark.parametrize("n", [4, 40])
def test_stacks_of_systems(n):
    """Small ones are shared among the processors: the first singular one is named, whoever meets it."""
    a = random(3000 // n, n, n) + 3 * mt.eye(n, dtype=mt.float64)
    close(a @ mt.linalg.inv(a), mt.eye(n, dtype=mt.float64).expand(a.shape), 1e-8)
    for i in range(0, len(a), 8):
        assert (mt.linalg.inv(a)[i] == mt.linalg.inv(a[i])).all()
    a[70:, :, 1] = 0
    with pytest.raises(mt.linalg.LinAlgError, match="Batch element 70.*diagonal element 2 is zero"):
        mt.linalg.inv(a)


def test_errors():
    with pytest.raises(mt.linalg.LinAlgError, match="singular"):
        mt.linalg.inv(mt.zeros(2, 2))
    with pytest.raises(RuntimeError, match="singular"):
        mt.linalg.solve(mt.zeros(2, 2), mt.ones(2))
    with pytest.raises(RuntimeError, match="leading minor of order 2 is not positive-definite"):
        mt.linalg.cholesky(mt.tensor([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(RuntimeError, match="UPLO"):
        mt.linalg.eigh(mt.eye(2), "X")


def test_einsum_with_lists():
    a, b = random(3, 2, 5), random(3, 5, 4, seed=1)
    close(mt.einsum(a, [..., 0, 1], b, [..., 1, 30], [..., 0, 30]), a @ b)
    close(mt.einsum(a, [0, 1, 2], b, [0, 2, 3]), mt.einsum("abc,acd", a, b))
    close(mt.einsum(a, [2, 0, 1]), a.permute(1, 2, 0))
    with pytest.raises(ValueError, match=r"not within the valid range \[0, 52\)"):
        mt.einsum(a, [0, 1, 52])
    for missing in (("ij",), (a,), ()):
        with pytest.raises(ValueError, match="must specify the equation string"):
            mt.einsum(*missing)


def test_tensordot_names_dims_as_given():
    with pytest.raises(RuntimeError, match="size 2 in dim -2 and second has size 3 in dim 0"):
        mt.tensordot(random(3, 2, 5), random(3, 5, 4), dims=2)
    with pytest.raises(RuntimeError, match="size 3 in dim 0 and second has size 5 in dim -2"):
        mt.tensordot(random(3, 2, 5), random(3, 5, 4), dims=([0], [-2]))
