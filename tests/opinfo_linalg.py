# ruff: noqa: E501
"""Writing by index, statistics and linear algebra: a part of the table in tests/opinfo.py, which says how these lines are
read. What has free signs or needs symmetric matrices is tested in tests/test_linalg.py."""

import numpy as np
from opline import A, F, Op

SQUARE = "r(3,3); r(2,3,3); r(0,0); r(1,1)"


def index_fill(x, dim, index, value):
    y = np.moveaxis(x.copy(), dim, 0)
    y[index] = np.moveaxis(value, dim, 0) if isinstance(value, np.ndarray) and value.ndim == x.ndim else value
    return np.moveaxis(y, 0, dim)


def masked_scatter(x, mask, source):
    y = np.array(np.broadcast_to(x, np.broadcast_shapes(x.shape, mask.shape)))
    y[np.broadcast_to(mask, y.shape)] = source.ravel()[: np.broadcast_to(mask, y.shape).sum()]
    return y


def put(x, index, source, accumulate=False):
    y = x.copy().ravel()
    if accumulate:
        np.add.at(y, index.ravel(), source.ravel())
    else:
        y[index.ravel()] = source.ravel()
    return y.reshape(x.shape)


def take_along(x, index, dim=None):
    return np.take_along_axis(x, index, dim).ravel() if dim is None else np.take_along_axis(x, index, dim)


def scatter_reduce(x, dim, index, src, reduce, include_self=True):
    y = x.copy()
    for to in np.ndindex(*x.shape):
        line = [slice(to[d], to[d] + 1) for d in range(x.ndim)]
        line[dim] = slice(None)
        line = tuple(line)
        if any(s.start is not None and s.start >= index.shape[d] for d, s in enumerate(line)):
            continue
        found = list(src[tuple(slice(n) for n in index.shape)][line][index[line] == to[dim]])
        if found:
            values = np.array(found + [x[to]] * include_self)
            y[to] = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}[reduce](
                values
            )
    return y


def nan_reduction(f):
    return lambda x, dim=None, keepdim=False: f(x, axis=dim, keepdims=keepdim)


def with_mean(f):
    def of(x, dim=None, unbiased=True, keepdim=False, correction=None):
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        ddof = int(unbiased) if correction is None else correction
        return f(x, axis=dim, ddof=ddof, keepdims=keepdim), x.mean(dim, keepdims=keepdim)

    return of


def aminmax(x, dim=None, keepdim=False):
    return x.min(axis=dim, keepdims=keepdim), x.max(axis=dim, keepdims=keepdim)


def cov(x, correction=1, fweights=None, aweights=None):
    return np.cov(x, ddof=correction, fweights=fweights, aweights=aweights)


def solve(a, b, left=True):
    if not left:
        return np.swapaxes(solve(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2)), -1, -2)
    return np.linalg.inv(a) @ b


def norm(x, ord=None, dim=None, keepdim=False):
    return np.linalg.norm(x, ord, dim, keepdim)


def vector_norm(x, ord=2, dim=None, keepdim=False):
    return np.linalg.norm(x.ravel(), ord) if dim is None else np.linalg.norm(x, ord, dim, keepdim)


def matrix_norm(x, ord="fro", dim=(-2, -1), keepdim=False):
    return np.linalg.norm(x, ord, dim, keepdim)


def triangular(a, b, upper, left=True, unitriangular=False):
    t = np.triu(a) if upper else np.tril(a)
    if unitriangular:
        t = t - np.diag(np.diag(t)) + np.eye(len(t))
    return solve(t, b, left)


def cdist(x, y, p=2.0):
    return np.linalg.norm(x[..., :, None, :] - y[..., None, :, :], p, -1)


def pdist(x, p=2.0):
    first, second = np.triu_indices(len(x), 1)
    return np.linalg.norm(x[first] - x[second], p, -1)


def matrix_exp(x):
    y = term = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    for k in range(1, 60):
        term = term @ x / k
        y = y + term
    return y


def histogram(x, bins, range=None, weight=None, density=False):
    return np.histogram(x, bins, range, density=density, weights=weight)


OPS = [
    # ---- writing by index -----------------------------------------------------------------------------
    Op("index_fill", "r(3,4), 1, c([0,2]), 2.0; r(3,4), 0, c([1,1]), r(); r(3), 0, c([2]), 1", index_fill, A),
    Op(
        "index_copy",
        "r(3,4), 1, c([0,2]), r(3,2); r(3), 0, c([2,0]), r(2)",
        index_fill,
        A,
        errors=["r(3), 0, c([0]), r(2) -> IndexError", "r(3,2), 0, c([0]), r(1,3) -> RuntimeError"],
    ),
    Op(
        "masked_scatter",
        "r(3,4), b(3,4), r(12); r(3,4), b(4), r(3,4)",
        masked_scatter,
        errors=["r(3), c([True,True,True]), r(2) -> RuntimeError"],
    ),
    Op(
        "put",
        "r(3,4), c([1,5]), r(2); r(3), c([[0],[2]]), r(2,1), True",
        put,
        errors=["r(3), c([0]), r(2) -> IndexError"],
    ),
    Op(
        "take_along_dim",
        "r(3,4), i(3,2,n=4), 1; r(3,4), i(1,4,n=3), 0; r(2,3), i(5,n=6)",
        lambda x, i, d=None: np.take_along_axis(x.ravel() if d is None else x, i, d or 0),
        errors=["r(3), i(2,2,n=2), 0 -> RuntimeError"],
    ),
    Op(
        "scatter_reduce",
        "r(3,4), 1, i(3,2,n=4), r(3,2), 'sum'; r(3,4), 0, i(3,4,n=3), r(3,4), 'mean'; p(3), 0, c([0,0,2]), p(3), 'prod'; "
        "d(5), 0, c([0,0,2,4,4]), d(5), 'amax'; d(5), 0, c([0,0,2,4,4]), d(5), 'amin', include_self=False; r(3), 0, c([0,0]), r(2), 'mean', include_self=False",
        scatter_reduce,
        errors=["r(3), 0, c([0]), r(1), 'no' -> RuntimeError"],
    ),
    # ---- statistics -----------------------------------------------------------------------------------
    Op("nansum", "r(3,4); r(3,4), 1; r(3,4), 0, True; r(0)", nan_reduction(np.nansum), F),
    Op(
        "nanmean",
        "r(3,4); r(3,4), 1; r(3,4), 0, True",
        nan_reduction(np.nanmean),
        F,
        errors=["i(2,n=3) -> RuntimeError"],
    ),
    Op(
        "var_mean",
        "r(3,4); r(3,4), 1; r(3,4), 0, correction=0, keepdim=True; r(3,4), False",
        with_mean(np.var),
        rtol=1e-5,
    ),
    Op(
        "std_mean",
        "r(3,4); r(3,4), 1; r(3,4), 0, correction=0, keepdim=True; r(3,4), False",
        with_mean(np.std),
        rtol=1e-5,
    ),
    Op(
        "aminmax",
        "d(3,4); d(3,4), dim=1; d(3,4), dim=0, keepdim=True",
        aminmax,
        A,
        errors=["r(0) -> RuntimeError"],
    ),
    Op(
        "cov",
        "r(3,5); r(5); r(3,5), correction=0; r(3,4), fweights=c([1,2,1,3]), aweights=w(4)",
        cov,
        errors=["r(2,2,2) -> RuntimeError"],
    ),
    Op("corrcoef", "r(3,5); r(5)", np.corrcoef),
    Op(
        "bincount",
        "c([0,1,3,1]); c([2,2]), c([0.5, 0.25]); c([1]), minlength=4",
        lambda x, w=None, minlength=0: np.bincount(x, w, minlength),
        grad=False,
        errors=["c([-1]) -> RuntimeError"],
    ),
    Op(
        "histc",
        "r(20), 5; r(20), 4, -1, 1",
        lambda x, bins, min=0, max=0: np.histogram(x, bins, (min, max) if min != max else None)[0],
        F,
        grad=False,
        errors=["r(3), 0 -> RuntimeError"],
    ),
    Op(
        "searchsorted",
        "c([1.0, 2.0, 4.0]), r(2,3); c([1, 2, 2, 4]), c([2, 5]), right=True; c([1.0, 2.0]), 1.5",
        lambda s, v, right=False: np.searchsorted(s, v, "right" if right else "left"),
        grad=False,
        errors=["c([1.0]), c([1.0]), side='up' -> RuntimeError"],
    ),
    Op(
        "bucketize",
        "r(2,3), c([-1.0, 0.0, 1.0]); c([1, 2]), c([1, 2]), right=True",
        lambda v, s, right=False: np.searchsorted(s, v, "right" if right else "left"),
        grad=False,
    ),
    Op(
        "isin",
        "i(3,4,n=5), c([1, 3]); c([1, 2, 3]), 2; c([1, 2]), c([2]), invert=True",
        lambda x, t, invert=False: np.isin(x, t, invert=invert),
        grad=False,
    ),
    # ---- linear algebra -------------------------------------------------------------------------------
    Op(
        "solve",
        "r(3,3), r(3,2); r(3,3), r(3); r(2,3,3), r(3,1); r(3,3), r(2,3), left=False",
        solve,
        rtol=1e-4,
        errors=["r(2,3), r(2) -> RuntimeError", "r(3,3), r(2,2) -> RuntimeError"],
    ),
    Op("inv", SQUARE, np.linalg.inv, rtol=1e-4, errors=["r(2,3) -> RuntimeError", "r(3) -> RuntimeError"]),
    Op("inverse", SQUARE, np.linalg.inv, rtol=1e-4),
    Op("det", SQUARE, np.linalg.det, rtol=1e-5, errors=["r(2,3) -> RuntimeError"]),
    Op("slogdet", SQUARE, lambda x: tuple(np.linalg.slogdet(x)), rtol=1e-5),
    Op("logdet", "p(1,1)", lambda x: np.linalg.slogdet(x)[1], rtol=1e-5),
    Op("cholesky", "p(1,1)", np.linalg.cholesky, grad=None),
    Op("qr", "r(3,3); r(4,2); r(2,4); r(2,3,2)", lambda x: tuple(np.linalg.qr(x)), rtol=1e-4),
    Op("eigh", "r(0,0)", None, grad=None),
    Op("eigvalsh", "r(1,1)", np.linalg.eigvalsh, grad=None),
    Op("svd", "r(0,3)", None, grad=None),
    Op("svdvals", "r(3,4); r(2,4,2)", lambda x: np.linalg.svd(x, compute_uv=False), rtol=1e-5),
    Op(
        "vector_norm",
        "r(3,4); r(3,4), 1; r(3,4), 3, 1; r(3,4), float('inf'), 0, True; r(3,4), 0.5",
        vector_norm,
        rtol=1e-5,
    ),
    Op(
        "matrix_norm",
        "r(3,4); r(2,3,4), 'nuc'; r(3,4), 2; r(3,4), -2; r(3,4), 1; r(3,4), float('inf'); r(3,4), -1",
        matrix_norm,
        rtol=1e-5,
        errors=["r(3) -> RuntimeError", "r(3,3), 'no' -> RuntimeError"],
    ),
    Op("pinv", "r(3,4); r(4,2); r(2,3,2)", np.linalg.pinv, rtol=1e-4),
    Op("pinverse", "r(3,4); r(4,2)", np.linalg.pinv, rtol=1e-4),
    Op("matrix_rank", "r(3,4); r(2,4,2)", np.linalg.matrix_rank, grad=False),
    Op("cond", "r(3,3)", np.linalg.cond, rtol=1e-3),
    Op("lstsq", "r(4,2), r(4,1); r(3,3), r(3,2)", None, rtol=1e-3, grad=None),
    Op("matrix_power", "r(3,3), 3; r(2,3,3), 2; r(3,3), 0; r(3,3), -1", np.linalg.matrix_power, rtol=1e-4),
    Op(
        "solve_triangular",
        "r(3,3), r(3,2), upper=True; r(3,3), r(2,3), upper=False, left=False; r(3,3), r(3,2), upper=False, unitriangular=True",
        triangular,
        rtol=1e-3,
    ),
    Op("cholesky_solve", "r(3,2), r(3,3)", None, rtol=1e-2, grad=None),
    # ---- products -------------------------------------------------------------------------------------
    Op(
        "dist",
        "r(3,4), r(3,4); r(3), r(3), 1; r(3), r(3), 3",
        lambda x, y, p=2: np.linalg.norm((x - y).ravel(), p),
    ),
    Op("inner", "r(3), r(3); r(2,3), r(4,3); r(), r(3)", np.inner, errors=["r(2), r(3) -> RuntimeError"]),
    Op("vdot", "r(3), r(3)", np.vdot),
    Op("vecdot", "r(2,3), r(2,3); r(3,2), r(3,2), dim=0", lambda x, y, dim=-1: (x * y).sum(dim)),
    Op("kron", "r(2,3), r(3,2); r(2), r(2,2)", np.kron),
    Op(
        "cross",
        "r(3), r(3); r(2,3), r(2,3), 1; r(3,4), r(3,4)",
        lambda x, y, dim=None: np.cross(x, y, axis=dim if dim is not None else 0),
        errors=["r(2), r(2) -> RuntimeError"],
    ),
    Op(
        "addr",
        "r(3,4), r(3), r(4); r(4), r(3), r(4), beta=2, alpha=0.5",
        lambda m, x, y, beta=1, alpha=1: beta * m + alpha * np.outer(x, y),
    ),
    Op(
        "addbmm",
        "r(2,4), r(3,2,3), r(3,3,4); r(4), r(3,2,3), r(3,3,4), beta=0.5, alpha=2",
        lambda m, x, y, beta=1, alpha=1: beta * m + alpha * (x @ y).sum(0),
    ),
    Op(
        "cdist",
        "r(3,2), r(4,2); r(2,3,2), r(2,1,2), 1.0; r(3,2), r(4,2), 3.0",
        cdist,
        rtol=1e-5,
        errors=["r(2,3), r(2,2) -> RuntimeError"],
    ),
    Op(
        "pdist",
        "r(4,3); r(3,17); r(1,2); r(4,2), 1.0; r(4,2), 3.0",
        pdist,
        rtol=1e-5,
        errors=["r(3) -> RuntimeError"],
    ),
    Op("norm", "r(3,4); r(3,4), 1, 1; r(3,4), 2, 0, True", None, rtol=1e-5),
    Op(
        "index_reduce",
        "d(4), 0, c([0,2,2]), d(3), 'amax'; d(3,4), 1, c([0,3]), d(3,2), 'amin', include_self=False; p(3), 0, c([1,1]), p(2), 'prod'; r(3), 0, c([1,1]), r(2), 'mean'",
        None,
        errors=["r(3), 0, c([0]), r(1), 'sum' -> RuntimeError"],
    ),
    Op(
        "inv_ex",
        "r(3,3); r(2,3,3)",
        lambda x: (np.linalg.inv(x), np.zeros(x.shape[:-2], "int32")),
        rtol=1e-4,
        grad=None,
    ),
    Op("cholesky_ex", "p(1,1); c([[-1.0]])", None, grad=None),
    Op("lu_factor_ex", "r(3,3); r(2,4,2); r(2,4); c([[0.0]])", None, rtol=1e-4, grad=None),
    Op(
        "lu_factor",
        "r(3,3); r(2,4,2); r(2,4)",
        None,
        rtol=1e-4,
        grad=None,
        errors=["c([[0.0]]) -> RuntimeError", "r(3,3), pivot=False -> RuntimeError"],
    ),
    Op("lu", "r(3,3); r(2,4,2); r(2,4)", None, rtol=1e-4, grad=None),
    Op("lu_unpack", "r(3,3), c([1,3,3]).int()", None, grad=None, errors=["r(2,2), c([1,2]) -> RuntimeError"]),
    Op("lu_solve", "r(3,3), c([1,3,3]).int(), r(3,2)", None, grad=None),
    Op(
        "renorm",
        "r(3,4), 2, 0, 1.0; r(2,3,2), 1, 1, 0.5; r(3,2), float('inf'), 1, 0.5",
        None,
        rtol=1e-5,
        errors=["r(3), 2, 0, 1.0 -> RuntimeError", "r(3,2), 0, 0, 1.0 -> RuntimeError"],
    ),
    Op("cholesky_inverse", "p(1,1)", lambda x, upper=False: 1 / (x * x), grad=None, rtol=1e-5),
    Op("matrix_exp", "r(3,3); r(2,2,2); r(0,0)", matrix_exp, rtol=1e-4),
    Op(
        "vander",
        "r(3); r(2,3), N=4; r(3), N=2",
        lambda x, N=None: x[..., None] ** np.arange(N or x.shape[-1]),
        F,
        errors=["r(3), N=1 -> RuntimeError"],
    ),
    Op(
        "multi_dot",
        "[r(2,3), r(3,4)]; [r(3), r(3,4), r(4,1), r(1,2)]; [r(3), r(3,2), r(2)]",
        np.linalg.multi_dot,
        errors=["[r(2)] -> RuntimeError"],
    ),
    Op(
        "histogram",
        "r(20), 5; r(20), 4, range=(-1.0, 1.0); r(3,4), 3, weight=w(3,4), density=True",
        histogram,
        F,
        grad=False,
        rtol=1e-5,
        errors=["r(3), 0 -> RuntimeError", "i(3,n=3), 2 -> NotImplementedError"],
    ),
]
