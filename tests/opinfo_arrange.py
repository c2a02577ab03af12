# ruff: noqa: E501
"""Operators that move, repeat, sort and select elements: a part of the table in tests/opinfo.py, which says how these
lines are read."""

import numpy as np
from opline import AB, A, F, Op

TRI = "r(3,4); r(3,4), 1; r(2,4,3), -1; r(0,3); r(3,3), -5"


def roll(x, shifts, dims=None):
    return np.roll(x, shifts, dims)


def unfold(x, d, size, step):
    windows = np.lib.stride_tricks.sliding_window_view(x, size, d)
    return np.take(windows, range(0, windows.shape[d], step), d)


def embed(x, offset=0, dim1=-2, dim2=-1):
    return (
        np.apply_along_axis(lambda line: np.diag(line, offset), -1, x) if x.ndim > 1 else np.diag(x, offset)
    )


def ordered(x, dim=-1, descending=False, stable=None):
    places = np.argsort(-x if descending else x, dim, kind="stable") if x.ndim else np.zeros((), int)
    return (np.take_along_axis(x, places, dim) if x.ndim else x), places


def topk(x, k, dim=-1, largest=True, sorted=True):
    return tuple(np.take(a, range(k), dim) for a in ordered(x, dim, largest))


def kth(x, k, dim=-1, keepdim=False):
    return tuple(np.take(a, [k - 1], dim) if keepdim else np.take(a, k - 1, dim) for a in ordered(x, dim))


def median(x, dim=None, keepdim=False):
    if dim is None:
        return np.sort(x.ravel())[(x.size - 1) // 2]
    return kth(x, (x.shape[dim] - 1) // 2 + 1, dim, keepdim)


def quantile(x, q, dim=None, keepdim=False, interpolation="linear"):
    return np.quantile(x, q, dim, method=interpolation, keepdims=keepdim)


def running(f):
    """Running extremes and the last place of each."""

    def of(x, dim):
        values, places = f(x, dim), np.zeros(x.shape, int)
        for at in np.ndindex(*x.shape):
            line = (*at[:dim], slice(None), *at[dim + 1 :])
            places[at] = np.flatnonzero(x[line][: at[dim] + 1] == values[at])[-1]
        return values, places

    return of


def diff(x, n=1, dim=-1, prepend=None, append=None):
    ends = {k: v for k, v in (("prepend", prepend), ("append", append)) if v is not None}
    return np.diff(x, n, dim, **ends)


def trapezoid(y, x=None, dx=1, dim=-1):
    return np.trapezoid(y, x, dx, dim) if hasattr(np, "trapezoid") else np.trapz(y, x, dx, dim)


def repeat_interleave(x, repeats=None, dim=None, output_size=None):
    return np.repeat(np.arange(len(x)), x) if repeats is None else np.repeat(x, repeats, dim)


def replaced(part, turned=lambda values, *args: values):
    """A copy with a view of it overwritten."""

    def of(x, values, *args):
        y = x.copy()
        part(y, *args)[...] = turned(values, *args)
        return y

    return of


def sum_to_size(x, size):
    x = x.sum(tuple(range(x.ndim - len(size))))
    return x.sum(tuple(d for d, n in enumerate(size) if n != x.shape[d]), keepdims=True)


OPS = [
    # ---- triangles and diagonals ----------------------------------------------------------------------
    Op("tril", TRI, np.tril, AB, errors=["r(2) -> RuntimeError"]),
    Op("triu", TRI, np.triu, AB, errors=["r(2) -> RuntimeError"]),
    Op(
        "tril_indices",
        "3, 4; 3, 3, 1; 0, 2",
        lambda m, n, k=0: np.stack(np.tril_indices(m, k, n)),
        grad=False,
    ),
    Op(
        "triu_indices",
        "3, 4; 3, 3, -1; 2, 0",
        lambda m, n, k=0: np.stack(np.triu_indices(m, k, n)),
        grad=False,
    ),
    Op(
        "diagonal",
        "r(3,4); r(3,4), 1; r(2,3,4), -1, 2, 0; r(0,3)",
        np.diagonal,
        AB,
        errors=["r(2,2), 0, 1, 1 -> RuntimeError", "r(2), 0 -> IndexError"],
    ),
    Op("diag_embed", "r(3); r(2,3), 1", embed, AB, errors=["r(2,2), 0, 1, 1 -> RuntimeError"]),
    Op("diag", "r(3); r(3,4); r(4,3), -1; r(3), 2", np.diag, AB, errors=["r(2,2,2) -> RuntimeError"]),
    Op("diagflat", "r(3); r(2,2), 1; r()", np.diagflat, AB),
    Op("trace", "r(3,4); r(0,3)", np.trace, A, errors=["r(2) -> RuntimeError"]),
    Op(
        "unfold_method",
        "r(6), 0, 3, 2; r(2,5), -1, 2, 1; r(4), 0, 4, 1",
        unfold,
        AB,
        errors=["r(3), 0, 4, 1 -> RuntimeError", "r(3), 0, 2, 0 -> RuntimeError"],
    ),
    Op(
        "as_strided_",
        "r(6), (2,2), (2,1)",
        lambda x, s, st, o=0: np.lib.stride_tricks.as_strided(x[o:], s, [k * x.itemsize for k in st]),
    ),
    # ---- moving and repeating -------------------------------------------------------------------------
    Op(
        "roll",
        "r(3,4), 1; r(3,4), (1, -2), (0, 1); r(3), 5, 0; r(0,3), 1, 0",
        roll,
        AB,
        errors=["r(2), (1, 2), 0 -> RuntimeError", "r(2), 1, 3 -> IndexError"],
    ),
    Op(
        "rot90",
        "r(3,4); r(3,4), 2; r(2,3,4), -1, (0, 2); r(3,4), 4",
        lambda x, k=1, dims=(0, 1): np.rot90(x, k, dims),
        AB,
        errors=["r(2,2), 1, (0, 0) -> RuntimeError"],
    ),
    Op("fliplr", "r(3,4); r(0,3)", np.fliplr, AB, errors=["r(2) -> RuntimeError"]),
    Op("flipud", "r(3,4); r(3)", np.flipud, AB, errors=["r() -> RuntimeError"]),
    Op("tile", "r(3,4), (2,); r(3), (2, 3); r(), (2,)", np.tile, AB),
    Op("ravel", "r(3,4); r(); r(0,3)", np.ravel, AB),
    Op("_atleast_1d", "r(); r(3)", np.atleast_1d),
    Op("_atleast_2d", "r(); r(3); r(2,3,4)", np.atleast_2d),
    Op("_atleast_3d", "r(); r(3); r(2,3)", np.atleast_3d),
    Op("hstack", "[r(2,3), r(2,1)]; [r(2), r(3)]; [r(), r()]", np.hstack, AB, errors=["[] -> RuntimeError"]),
    Op("vstack", "[r(2,3), r(1,3)]; [r(3), r(3)]; [r(), r()]", np.vstack, AB),
    Op("dstack", "[r(2,3), r(2,3)]; [r(3), r(3)]", np.dstack, AB),
    Op("column_stack", "[r(2,3), r(2)]; [r(3), r(3)]", np.column_stack, AB),
    Op(
        "tensor_split",
        "r(7,2), 3; r(2,6), (1, 4), 1; r(3), 5",
        np.array_split,
        AB,
        errors=["r(), 2 -> RuntimeError", "r(3), 0 -> RuntimeError"],
    ),
    Op("hsplit", "r(2,4), 2; r(4), (1, 2)", np.hsplit, errors=["r(2,3), 2 -> RuntimeError"]),
    Op("vsplit", "r(4,2), 2; r(4,3), (1, 2)", np.vsplit, errors=["r(3), 1 -> RuntimeError"]),
    Op("dsplit", "r(2,2,4), 2; r(2,2,4), (1, 2)", np.dsplit, errors=["r(2,3), 2 -> RuntimeError"]),
    Op(
        "repeat_interleave",
        "r(3,4), 2; r(3,4), 2, 1; r(3,2), c([1,0,2]), 0; c([2,0,1])",
        repeat_interleave,
        AB,
        errors=["r(3), c([1,2]), 0 -> RuntimeError", "r(3), c([1,2,-1]), 0 -> RuntimeError"],
    ),
    # ---- order ----------------------------------------------------------------------------------------
    Op(
        "sort",
        "d(3,4); d(3,4), 0; d(70), 0, True; r(0,3), 1; r()",
        ordered,
        ["float32", "float64", "int32", "int64"],
        errors=["r(2), 1 -> IndexError"],
    ),
    Op(
        "argsort",
        "d(3,4); d(3,4), 0, True; d(3,4), dim=0, stable=True",
        lambda *a, **k: ordered(*a, **k)[1],
        A,
        grad=False,
    ),
    Op("msort", "d(3,4); d(5)", lambda x: np.sort(x, 0), A),
    Op(
        "topk",
        "d(3,4), 2; d(3,4), 3, 0; d(7), 2, 0, False; d(3), 0",
        topk,
        F,
        errors=["r(3), 4 -> RuntimeError"],
    ),
    Op(
        "kthvalue",
        "d(3,4), 2; d(3,4), 3, 0, True; d(7), 7",
        kth,
        F,
        errors=["r(3), 4 -> RuntimeError", "r(0), 1 -> IndexError"],
    ),
    Op("median", "d(3,4); d(3,4), 1; d(3,4), 0, True; d(5)", median, F, errors=["r(0), 0 -> IndexError"]),
    Op("nanmedian", "d(3,4); d(3,4), 1; d(3,4), 0, True", median, F),
    Op("mode", "d(3,4); d(3,4), 0, True", None, A),
    Op(
        "quantile",
        "r(3,4), 0.3; r(3,4), q(3), 1; r(3,4), 0.5, 0, True; r(2,3,4), q(2), 1, True; r(5), 0.4, interpolation='lower'; "
        "r(5), 0.4, interpolation='higher'; r(5), 0.4, interpolation='midpoint'; r(5), 0.4, interpolation='nearest'",
        quantile,
        errors=[
            "r(0), 0.5 -> RuntimeError",
            "r(3), 1.5 -> RuntimeError",
            "r(3), 0.5, interpolation='no' -> RuntimeError",
        ],
    ),
    Op("nanquantile", "r(3,4), 0.3; r(3,4), q(3), 1; r(3,4), 0.5, 0, True", quantile),
    # ---- running results ------------------------------------------------------------------------------
    Op(
        "cumprod",
        "r(3,4), 0; r(3,4), -1; r(0,3), 1; c([2.0, 0.0, 3.0, 0.0, 4.0]), 0",
        lambda x, d: np.cumprod(x, d),
        A,
    ),
    Op("cummax", "d(3,4), 0; d(3,4), 1", running(np.maximum.accumulate), A),
    Op("cummin", "d(3,4), 0; d(3,4), 1", running(np.minimum.accumulate), A),
    Op(
        "logcumsumexp",
        "r(3,4), 0; r(3,4), -1",
        np.logaddexp.accumulate,
        rtol=1e-6,
        errors=["i(3,n=3), 0 -> NotImplementedError"],
    ),
    Op(
        "diff",
        "r(3,4); r(3,4), 2, 0; r(3), 1, 0, r(1), r(2); r(3), 5",
        diff,
        A,
        errors=["r() -> RuntimeError"],
    ),
    Op("trapezoid", "r(3,4); r(3,4), dx=2, dim=0; r(3,4), r(4); r(3,4), r(3,4), dim=0", trapezoid),
    Op("cumulative_trapezoid", "r(3,4); r(3,4), dx=2, dim=0; r(3,4), r(4)", None),
    # ---- parts replaced -------------------------------------------------------------------------------
    Op(
        "slice_scatter",
        "r(3,4), r(3,2), 1, 1, 3; r(5), r(3), 0, 0, 9, 2; r(3,4), r(3,4)",
        replaced(
            lambda y, d=0, a=None, b=None, s=1: np.moveaxis(y, d, 0)[a:b:s],
            lambda v, d=0, *k: np.moveaxis(v, d, 0),
        ),
        AB,
        errors=["r(3), r(2), 0, 0, 1 -> RuntimeError"],
    ),
    Op(
        "select_scatter",
        "r(3,4), r(3), 1, 2; r(3,4), r(4), 0, -1",
        replaced(lambda y, d, i: np.moveaxis(y, d, 0)[i]),
        AB,
        errors=["r(3,4), r(3), 0, 0 -> RuntimeError"],
    ),
    Op("diagonal_scatter", "r(3,4), r(3); r(3,4), r(2), -1; r(2,3,3), r(2,2), 1, 2, 1", None, AB),
    Op("as_strided_scatter", "r(6), r(2,2), (2,2), (2,1)", None, F, grad=None),
    Op(
        "narrow_copy", "r(3,4), 1, 1, 2; r(4), 0, 0, 0", lambda x, d, s, n: np.take(x, range(s, s + n), d), AB
    ),
    Op(
        "sum_to_size",
        "r(3,4), (1,4); r(2,3,4), (3,1); r(3), (3,); r(3), ()",
        sum_to_size,
        F,
        errors=["r(3), (2,) -> RuntimeError"],
    ),
    Op(
        "nonzero_static",
        "b(3,4), size=4; r(2), size=3, fill_value=7",
        None,
        AB,
        grad=False,
        errors=["r(2), size=-1 -> RuntimeError"],
    ),
    Op(
        "empty_strided",
        "(0,3), (1,1)",
        lambda s, st: np.empty(s),
        grad=False,
        errors=["(2,), (1,1) -> RuntimeError"],
    ),
    Op("new_empty_strided", "r(2), (0,3), (1,1)", lambda x, s, st: np.empty(s), grad=False),
    Op(
        "empty_permuted",
        "(0,3), (1,0)",
        lambda s, order: np.empty(s),
        grad=False,
        errors=["(2,), (1,) -> RuntimeError"],
    ),
]
