# ruff: noqa: E501
"""Operators that work element by element and are not in the oldest part of the table, tests/opinfo.py, which says how
these lines are read."""

import math

import numpy as np
from opline import AB, NN, PP, XY, A, F, Op, P, U, X


def lgamma(x):
    return np.vectorize(math.lgamma, otypes=[float])(x)


def erfc(x):
    return np.vectorize(math.erfc, otypes=[float])(x)


def lerp(x, end, w):
    return x + w * (end - x)


def logit(x, eps=None):
    x = x if eps is None else np.clip(x, eps, 1 - eps)
    return np.log(x / (1 - x))


def xlogy(x, y):
    return np.where(x == 0, 0, x * np.log(y))


def polygamma(n, x):
    """200 terms of the series, and the rest by Euler and Maclaurin."""
    terms, rest = ((x[..., None] + np.arange(200)) ** -(n + 1.0)).sum(-1), x + 200
    rest = rest**-n / n + 0.5 * rest ** -(n + 1.0) + (n + 1) / 12 * rest ** -(n + 2.0)
    return (-1) ** (n + 1) * math.factorial(n) * (terms + rest)


TENSORS = XY.split("; r(3,4), 2")[0]
ABOVE_1 = "g(3,4); g(); g(0,3); g(2,1,3)"

OPS = [
    Op("tan", X.replace("r(", "u("), np.tan, F),
    Op("asin", U, np.arcsin, F),
    Op("acos", U, np.arccos, F),
    Op("atan", X, np.arctan, AB),
    Op("sinh", X, np.sinh, F),
    Op("cosh", X, np.cosh, F),
    Op("asinh", X, np.arcsinh, AB),
    Op("acosh", ABOVE_1, np.arccosh, F),
    Op("atanh", U, np.arctanh, F),
    Op("log2", P, np.log2, F),
    Op("log10", P, np.log10, F),
    Op("exp2", X, np.exp2, F),
    Op("erfc", X, erfc, AB),
    Op("deg2rad", X, np.deg2rad, AB),
    Op("rad2deg", X, np.rad2deg, AB),
    Op("lgamma", P, lgamma, F),
    Op("digamma", P, None, F),
    Op(
        "polygamma",
        "1, p(3); 2, p(2,3); 1, c([1.0, 0.5, -0.5, 11.0, -11.25])",
        polygamma,
        F,
        rtol=1e-8,
        errors=["-1, p(2) -> RuntimeError"],
    ),
    Op("mvlgamma", "g(3), 3; g(2), 1", None, F, errors=["p(2), 0 -> RuntimeError"]),
    Op("erfinv", U, None, F),
    Op("sinc", "r(2,3); r(); r(0,3)", np.sinc, F),
    Op("i0", X, np.i0, F),
    Op("logit", "q(3,4); q(); q(0,3); q(9), 0.2", logit, F),
    Op("frac", X, lambda x: x - np.trunc(x), F, errors=["i(2,n=3) -> NotImplementedError"]),
    Op("positive", X, np.positive, A, errors=["b(2) -> RuntimeError"]),
    Op("sgn", X, np.sign, A, grad=None),
    Op("signbit", X, np.signbit, A, grad=False),
    Op(
        "nan_to_num",
        f"{X}; c([float('nan'), float('inf'), -float('inf')]), 1.0, 2.0, 3.0",
        lambda x, nan=0, posinf=None, neginf=None: np.nan_to_num(x, True, nan, posinf, neginf),
        F,
    ),
    Op("fmod", PP, np.fmod, F, errors=NN[:1]),
    Op("float_power", PP, np.power, ["float64", *A]),
    Op("xlogy", PP, xlogy, F, errors=NN[:1]),
    Op("copysign", "r(3,4), r(4); r(), r(3); r(0,3), r(3); r(3), -2.0", np.copysign, F),
    Op("nextafter", "r(3,4), r(3,4); r(3), r()", None, F, grad=None),
    Op("heaviside", "r(3,4), r(3,4); c([0.0, -1.0, 2.0]), r(3)", np.heaviside, F, grad=None),
    Op("atan2", TENSORS, np.arctan2, F, errors=NN),
    Op("hypot", TENSORS, np.hypot, F, errors=[*NN, "i(2,n=2), i(2,n=2) -> NotImplementedError"]),
    Op("logaddexp", TENSORS, np.logaddexp, F, errors=NN),
    Op("logaddexp2", "r(3,4), r(4); r(), r(3); r(0,3), r(3)", np.logaddexp2, F, errors=NN[:1]),
    Op("ldexp", "r(3,4), r(4); r(), r(3); r(0,3), r(3)", lambda x, y: x * 2.0**y, F),
    Op(
        "addcmul",
        "r(3,4), r(4), r(3,1); r(), r(3), r(); r(3), r(3), r(3), value=2",
        lambda x, a, b, value=1: x + value * a * b,
        F,
    ),
    Op(
        "addcdiv",
        "r(3,4), r(4), p(3,1); r(), r(3), p(); r(3), r(3), p(3), value=2",
        lambda x, a, b, value=1: x + value * a / b,
        F,
        errors=["i(2,n=3), i(2,n=3), i(2,n=3) -> RuntimeError"],
    ),
    Op(
        "lerp",
        "r(3,4), r(4), 0.3; r(), r(3), 0.75; r(3), r(3), q(3); r(0,3), r(3), 0.5",
        lerp,
        F,
        errors=["i(2,n=3), i(2,n=3), 0.5 -> NotImplementedError"],
    ),
    Op("zeta", "c([2, 3, 4]), p(3)", None, F),
    Op("xlog1py", PP, lambda x, y: x * np.log1p(y), F),
    Op("ndtr", X, None, F),
    Op("ndtri", "q(3,4); q()", None, F),
    Op("log_ndtr", X, None, F),
    Op("erfcx", X, None, F),
    Op("entr", P, lambda x: -x * np.log(x), F),
    Op("i0e", X, lambda x: np.i0(x) * np.exp(-np.abs(x)), F),
    Op("i1", X, None, F),
    Op("i1e", X, None, F),
    Op("fmax", "d(3,4), d(3,4); d(3,4), d(4); d(2,1), d(1,3); d(), d(3); d(0,3), d(3)", np.fmax, AB),
    Op("fmin", "d(3,4), d(3,4); d(3,4), d(4); d(2,1), d(1,3); d(), d(3); d(0,3), d(3)", np.fmin, AB),
    Op("isposinf", f"{X}; c([float('inf'), 1.0])", np.isposinf, F, grad=False),
    Op("isneginf", f"{X}; c([float('-inf'), 1.0])", np.isneginf, F, grad=False),
    Op("isreal", X, np.isreal, AB, grad=False),
    Op("frexp", "r(3,4); r(); r(0,3)", lambda x: tuple(np.frexp(x)), F, grad=None),
    Op(
        "gcd",
        "i(3,4,n=60), i(4,n=60); c(0), c([0, -4])",
        np.gcd,
        ["int64"],
        grad=False,
        errors=["r(2), r(2) -> NotImplementedError"],
    ),
    Op("lcm", "i(3,4,n=60), i(4,n=60); c(0), c([0, -4])", np.lcm, ["int64"], grad=False),
]
