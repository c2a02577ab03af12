"""Operators that make complex numbers, or look at their parts: lines of the table of opinfo.py.

What all the other operators do with complex numbers is tested in tests/tensor/test_complex.py.
"""

import numpy as np
from opline import F, Op, X

C = ["complex64", "complex128"]
PARTS = "r(3,4), r(3,4); r(3,4), r(4); r(2,1), r(1,3); r(), r(3); r(), r(); r(0,3), r(3)"


def pairs(x):
    return np.stack([x.real, x.imag], -1)


OPS = [
    Op(
        "complex",
        PARTS,
        lambda x, y: x + 1j * y,
        errors=["r(2), r(3) -> RuntimeError", "c([1]), r(1) -> RuntimeError"],
    ),
    Op(
        "polar",
        "p(3,4), r(3,4); p(3,4), r(4); p(2,1), r(1,3); p(), r(3); p(0,3), r(3)",
        lambda r, phi: r * np.exp(1j * phi),
        errors=["c([1]), c([2]) -> RuntimeError"],
    ),
    Op("real", X, np.real, C),
    Op("imag", X, np.imag, C, errors=["r(2) -> RuntimeError"]),
    Op("view_as_real", X, pairs, C, errors=["r(2) -> RuntimeError"]),
    Op(
        "view_as_complex",
        "r(3,2); r(2); r(0,2); r(2,3,2)",
        lambda x: x[..., 0] + 1j * x[..., 1],
        errors=[
            "r(3) -> RuntimeError",
            "r() -> RuntimeError",
            "c([[1, 2]]) -> RuntimeError",
            "r(2,2).t() -> RuntimeError",
        ],
    ),
    Op("conj", X, np.conj, C),
    Op("conj_physical", X, np.conj, [*C, *F]),
    Op("resolve_conj", X, np.array, [*C, *F]),
    Op("resolve_neg", X, np.array, [*C, *F]),
    Op(
        "adjoint",
        "r(3,4); r(2,3,4); r(0,3)",
        lambda x: np.conj(np.swapaxes(x, -1, -2)),
        [*C, *F],
        errors=["r(3) -> RuntimeError"],
    ),
    Op("angle", X, np.angle, C),
    Op("cfloat", X, lambda x: x.astype("complex64"), [*C, *F]),
    Op("cdouble", X, lambda x: x.astype("complex128"), [*C, *F]),
]
