"""Every operator of tests/opinfo.py: values, types, shapes, layouts, forms and errors.

Against a formula in NumPy, and against PyTorch where it is installed. Breaks when csrc/ops, csrc/kernels
or the operators' schemas are wrong; derivatives are in test_ops_grad.py.
"""

import inspect
import warnings

import numpy as np
import pytest
from op_samples import LAYOUTS, Maker, function, results, to_numpy, torch
from opinfo import OPS

import minitorch as mt
from minitorch import _C

OPERATORS = (_C.Operator, type(_C.Tensor.sin))
TOLERANCE = {"float32": (1e-5, 2e-6), "float64": (1e-11, 1e-12), "complex128": (1e-11, 1e-12)}
each_op = pytest.mark.parametrize("op", OPS, ids=str)
needs_torch = pytest.mark.skipif(torch is None, reason="compares with PyTorch")
RANDOM = [op for op in OPS if op.seeded]
EXACT = [op for op in OPS if not op.seeded]


def registry():
    """Every operator that exists, by name: {name: object}."""
    found = {}
    for place in (vars(_C), vars(_C._nn), vars(_C._special), vars(_C._linalg), vars(_C.Tensor)):
        for value in place.values():
            if isinstance(value, OPERATORS):
                name = value.schemas[0].split("(")[0].split(".")[0]
                name = "where_method" if value.schemas[0].startswith("where(Tensor self") else name
                name = "unfold_method" if value.schemas[0].startswith("unfold(Tensor self, int") else name
                found.setdefault(name.removesuffix("_") if name.startswith("fill") else name, value)
    return found


def test_every_operator_has_an_opinfo():
    names = [op.name for op in OPS]
    assert len(names) == len(set(names))
    assert set(registry()) == set(names)


def call(op, sample, library=mt, **kw):
    m = Maker(sample, library, **kw)
    f = op.ref if library is None else function(op, library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f(*m.args, **m.kwargs)


def compare(op, got, expected, dtype, what):
    got, expected = results(got), results(expected)
    assert len(got) == len(expected), what
    for a, b in zip(got, expected, strict=True):
        a, b = to_numpy(a), to_numpy(b)
        assert a.shape == b.shape, f"{what}: shape {a.shape}, expected {b.shape}"
        if a.dtype.kind in "fc":
            rtol, atol = TOLERANCE[dtype] if dtype in TOLERANCE else (2e-6, 2e-6)
            rtol, atol = (1e-5, 2e-6) if a.dtype in (np.float32, np.complex64) else (rtol, atol)
            np.testing.assert_allclose(a, b, rtol=max(rtol, op.rtol), atol=max(atol, op.rtol), err_msg=what)
        else:
            np.testing.assert_array_equal(a, b.astype(a.dtype), err_msg=what)


# ---- values --------------------------------------------------------------------------------------


# Equal rows make their matrix singular.
NEED_FULL_RANK = "solve inv inv_ex inverse qr cond matrix_power solve_triangular pinv pinverse lstsq".split()


@pytest.mark.parametrize("op", [op for op in EXACT if op.ref], ids=str)
def test_values(op):
    with np.errstate(all="ignore"):
        for sample in op.calls():
            for dtype in op.dtypes:
                expected = call(op, sample, None, dtype=dtype)
                compare(op, call(op, sample, dtype=dtype), expected, dtype, f"{op}({sample}) {dtype}")
            for layout in LAYOUTS[1:]:
                if (
                    op.name.endswith("_")
                    and layout == "expanded"
                    or op.name in ("view", "view_as", "as_strided", "as_strided_", "view_as_complex")
                    or (layout == "expanded" and op.name in NEED_FULL_RANK)
                ):
                    continue
                expected = call(op, sample, None, dtype=op.dtypes[0], layout=layout)
                got = call(op, sample, dtype=op.dtypes[0], layout=layout)
                compare(op, got, expected, op.dtypes[0], f"{op}({sample}) {layout}")


@needs_torch
@each_op
def test_values_are_pytorchs(op):
    if op.name.startswith("_") or op.name == "log_sigmoid" or op.name == "empty":
        pytest.skip("no function of PyTorch's")
    for sample in op.calls():
        for dtype in op.dtypes:
            mt.manual_seed(5)
            torch.manual_seed(5)
            got, expected = call(op, sample, mt, dtype=dtype), call(op, sample, torch, dtype=dtype)
            for a, b in zip(results(got), results(expected), strict=True):
                what = f"{op}({sample}) {dtype}"
                assert str(a.dtype) == str(b.dtype), what
                assert tuple(a.shape) == tuple(b.shape), what
                strides = [(x, y) for x, y, n in zip(a.stride(), b.stride(), a.shape, strict=True) if n > 1]
                assert all(x == y for x, y in strides) or not b.is_contiguous(), what
            compare(op, got, expected, dtype, f"{op}({sample}) {dtype}")


POINTWISE = [
    op
    for op in EXACT
    if op.calls()[0] in ("r(3,4)", "p(3,4)", "d(3,4)") and "r()" in op.samples.replace("p(", "r(")
]
BINARY = [op for op in EXACT if op.calls()[0] in ("r(3,4), r(3,4)", "p(3,4), p(3,4)", "d(3,4), d(3,4)")]
STRANGE = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 88.0, -104.0, 1e-30, 1e30, 3.4e38, 1e-45]


@needs_torch
@pytest.mark.parametrize("op", [op for op in POINTWISE if "float32" in op.dtypes and op.ref], ids=str)
def test_strange_numbers(op):
    if function(op, torch) is None or op.name in ("byte", "char", "short", "int", "long", "gelu"):
        pytest.skip("no function of PyTorch's, or not defined there")
    for dtype in ("float32", "float64"):
        got, expected = (
            to_numpy(results(function(op, lib)(lib.tensor(STRANGE, dtype=getattr(lib, dtype))))[0])
            for lib in (mt, torch)
        )
        rtol = 1e-6 if dtype == "float32" else 1e-12
        if got.dtype.kind == "f":
            np.testing.assert_allclose(got, expected, rtol=rtol, atol=1e-38, err_msg=f"{op} {dtype}")
        else:
            np.testing.assert_array_equal(got, expected)


@needs_torch
@pytest.mark.parametrize("op", BINARY, ids=str)
def test_strange_pairs(op):
    if function(op, torch) is None or "loss" in op.name or "float32" not in op.dtypes or op.name == "copy_":
        pytest.skip("not pointwise")
    with np.errstate(all="ignore"):
        a, b = (x.ravel() for x in np.meshgrid(STRANGE, STRANGE))
        if op.name in (
            "remainder",
            "fmod",
        ):  # PyTorch's answer to large quotients depends on the length of the vector
            a, b = (x[~(np.abs(a / b) > 1e6) | np.isinf(a)] for x in (a, b))
    a, b = a.tolist(), b.tolist()
    got, expected = (to_numpy(function(op, lib)(lib.tensor(a), lib.tensor(b))) for lib in (mt, torch))
    if got.dtype.kind == "f":
        np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-38)
    else:
        np.testing.assert_array_equal(got, expected)


# ---- forms ---------------------------------------------------------------------------------------


def method_of(op, form=""):
    found = vars(_C.Tensor).get(op.name + form)
    return found if isinstance(found, OPERATORS) and not op.seeded else None


@pytest.mark.parametrize("op", [op for op in EXACT if method_of(op)], ids=str)
def test_method_is_function(op):
    for sample in op.calls():
        if sample.startswith("[") or op.name in ("where", "polygamma"):
            continue  # not the same order of arguments
        a, b = Maker(sample, dtype=op.dtypes[0]), Maker(sample, dtype=op.dtypes[0])
        got, expected = method_of(op)(*a.args, **a.kwargs), function(op)(*b.args, **b.kwargs)
        compare(op, got, expected, op.dtypes[0], f"{op}({sample})")


def inplace_of(op):
    if op.name == "polygamma":  # its tensor does not come first
        return None
    return method_of(op, "_") or vars(_C._nn).get(op.name + "_")


@pytest.mark.parametrize("op", [op for op in EXACT if inplace_of(op) and not op.name.endswith("_")], ids=str)
def test_in_place_is_out_of_place(op):
    for sample in op.calls():
        for layout in LAYOUTS[:3]:
            m = Maker(sample, dtype=op.dtypes[0], layout=layout)
            expected = results(function(op)(*m.args, **m.kwargs))[0]
            m = Maker(sample, dtype=op.dtypes[0], layout=layout)
            if tuple(expected.shape) != tuple(m.args[0].shape) or op.name in (
                "squeeze",
                "unsqueeze",
                "t",
                "transpose",
            ):
                continue
            version = m.args[0]._version
            got = inplace_of(op)(*m.args, **m.kwargs)
            assert got is m.args[0] and got._version > version
            compare(op, got, expected.to(got.dtype), op.dtypes[0], f"{op}_({sample}) {layout}")


def takes_out(op):
    try:
        return "out" in inspect.signature(function(op)).parameters
    except (TypeError, ValueError):
        return False


def overload_takes_out(op, m):
    """sum(x) has no out= form, sum(x, dim) has."""
    whole = len(m.args) == 1 and not m.kwargs or len(m.args) == 2 and isinstance(m.args[1], bool)
    return not (whole and op.name in "sum prod var std mean max min any all median nanmedian".split())


@pytest.mark.parametrize("op", [op for op in EXACT if takes_out(op)], ids=str)
def test_out(op):
    for sample in op.calls():
        m = Maker(sample, dtype=op.dtypes[0])
        expected = function(op)(*m.args, **m.kwargs)
        if isinstance(expected, tuple):
            out = tuple(mt.empty(0, dtype=e.dtype) for e in expected)
            got = function(op)(*m.args, **m.kwargs, out=out)
            assert all(g is o for g, o in zip(got, out, strict=True))
        else:
            if not overload_takes_out(op, m):
                continue
            for out in (
                mt.empty(0, dtype=expected.dtype),
                mt.empty_like(expected),
                mt.stack([expected] * 2, -1)[..., 0],
            ):
                got = function(op)(*m.args, **m.kwargs, out=out)
                assert got is out
                compare(op, got, expected, op.dtypes[0], f"{op}({sample}, out=)")


@each_op
def test_requires_grad(op):
    if "float32" not in op.dtypes or op.name == "detach" or op.grad is None:
        return
    for sample in op.calls():
        m = Maker(sample, dtype="float32", requires_grad=True)
        if not m.tensors:
            continue
        args = [a.clone() if i == 0 and op.name.endswith("_") else a for i, a in enumerate(m.args)]
        if op.seeded and op.name.endswith("_"):
            continue
        for y in results(function(op)(*args, **m.kwargs)):
            if isinstance(y, mt.Tensor):
                inexact = y.is_floating_point() or y.is_complex()
                assert y.requires_grad == (bool(op.grad) and inexact), f"{op}({sample})"
        with mt.no_grad():
            args = [a.clone() if i == 0 and op.name.endswith("_") else a for i, a in enumerate(m.args)]
            for y in results(function(op)(*args, **m.kwargs)):
                same = any(y is a for a in args)
                assert same or not isinstance(y, mt.Tensor) or not y.requires_grad, f"{op}({sample})"


@each_op
def test_documentation(op):
    if op.name.startswith("_"):
        return
    f = registry()[op.name]
    assert f.__doc__ and len(f.__doc__.strip().splitlines()) >= 1
    assert inspect.signature(f)
    assert f.stubs and f.schemas


# ---- errors --------------------------------------------------------------------------------------

ERRORS = [(op, error) for op in OPS for error in op.errors]


@pytest.mark.parametrize("op, error", ERRORS, ids=[f"{op}({error})" for op, error in ERRORS])
def test_errors(op, error):
    sample, kind = (part.strip() for part in error.rsplit("->", 1))
    with pytest.raises(getattr(__builtins__, kind, None) or eval(kind)) as mine:
        call(op, sample)
    if torch is None:
        return
    with pytest.raises(Exception) as theirs:
        call(op, sample, torch)
    assert type(mine.value).__name__ == type(theirs.value).__name__, str(theirs.value)
    first = str(theirs.value).split("\n")[0].split(". ")[0].split(" : ")[0]
    if kind != "TypeError":
        assert str(mine.value).startswith(first[:40]), f"{mine.value}\nexpected {theirs.value}"
