"""Derivatives of every operator of tests/opinfo.py: against finite differences, first and second; the
fused way back against the recorded one; what a node keeps.

Breaks when a rule in csrc/ops or include/minitorch/*.def is wrong, or csrc/autograd is.
"""

import numpy as np
import pytest
from op_samples import Maker, function, results, to_numpy, torch
from opinfo import OPS

import minitorch as mt
from minitorch.autograd import gradcheck, gradgradcheck

DIFFERENTIABLE = [op for op in OPS if op.grad]
SINGLE = ("float", "half", "bfloat16", "cfloat")  # too coarse for finite differences
each_op = pytest.mark.parametrize("op", DIFFERENTIABLE, ids=str)


class Problem:
    """One sample as a function of those of its tensors that want a gradient."""

    def __init__(self, op, sample, library=mt, layout="plain", dtype="float64"):
        if "float32" not in op.dtypes and "complex64" in op.dtypes:
            dtype = {"float32": "complex64", "float64": "complex128"}[dtype]
        made = Maker(sample, library, dtype, layout, requires_grad=True)
        self.op, self.args, self.kwargs, self.library = op, made.args, made.kwargs, library
        self.inputs = tuple(t for t in made.tensors if t.requires_grad)

    def __call__(self, *inputs):
        new = {id(old): x for old, x in zip(self.inputs, inputs, strict=True)}
        swap = lambda a: [swap(e) for e in a] if isinstance(a, list) else new.get(id(a), a)  # noqa: E731
        args = [swap(a) for a in self.args]
        if self.op.name.endswith("_"):
            args[0] = args[0].clone()
        self.library.manual_seed(3)
        found = function(self.op, self.library)(*args, **{k: swap(v) for k, v in self.kwargs.items()})
        return tuple(y for y in results(found) if y.is_floating_point() or y.is_complex())


def problems(op, layout="plain"):
    for sample in [] if op.name in SINGLE else op.calls():
        p = Problem(op, sample, layout=layout)
        if p.inputs:
            yield sample, p


@each_op
def test_gradient(op):
    checked = 0
    for sample, p in problems(op):
        assert gradcheck(p, p.inputs), sample
        checked += 1
    for sample, p in problems(op, "transposed"):
        if op.name in ("view", "view_as", "as_strided", "unflatten", "view_as_complex"):
            continue
        assert gradcheck(p, p.inputs), f"{sample} transposed"
    assert checked or op.name in SINGLE


@each_op
def test_second_derivative(op):
    for sample, p in list(problems(op))[:4]:
        assert gradgradcheck(p, p.inputs), sample


def gradients(p, create_graph):
    outputs = p(*p.inputs)
    rng = np.random.default_rng(1)
    gs = [
        mt.tensor(rng.standard_normal(tuple(y.shape)).tolist(), dtype=y.dtype).reshape(y.shape)
        for y in outputs
    ]
    return mt.autograd.grad(outputs, p.inputs, gs, create_graph=create_graph, allow_unused=True)


@each_op
def test_fused_is_composed(op):
    """Where the way back is to be recorded, a rule is made of operators; else it may be one fused kernel."""
    for layout in ("plain", "sliced"):
        for sample, p in problems(op, layout):
            if op.name in ("view", "view_as", "as_strided", "view_as_complex") and layout == "sliced":
                continue
            for a, b in zip(gradients(p, False), gradients(p, True), strict=True):
                if a is None or b is None:
                    assert a is b, sample
                    continue
                assert a.shape == b.shape and not a.requires_grad
                np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=1e-12, atol=1e-12, err_msg=sample)


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@each_op
def test_gradients_are_pytorchs(op):
    """In float32, and where derivatives are a matter of convention: at kinks and between equals."""
    if op.name.startswith("_") or op.name == "log_sigmoid":
        pytest.skip("no function of PyTorch's")
    for sample in op.calls():
        found = []
        for library in (mt, torch):
            p = Problem(op, sample, library, dtype="float32")
            if not p.inputs:
                break
            outputs = [library.view_as_real(y.resolve_conj()) if y.is_complex() else y for y in p(*p.inputs)]
            total = sum((y * y).sum() + y.sum() for y in outputs)
            found.append(library.autograd.grad(total, p.inputs, allow_unused=True))
        for a, b in zip(*found, strict=True) if found else ():
            assert (a is None) == (b is None), sample
            if a is not None:
                np.testing.assert_allclose(
                    to_numpy(a), to_numpy(b), rtol=2e-4, atol=2e-5, err_msg=f"{op}({sample})"
                )


KINKS = "relu abs sign leaky_relu hardtanh relu6 hardshrink softshrink threshold clamp elu celu selu"
TIES = "max min amax amin maximum minimum sqrt pow prod softplus huber_loss smooth_l1_loss l1_loss clamp_min"


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@pytest.mark.parametrize("name", KINKS.split() + TIES.split() + ["hardsigmoid", "hardswish", "clamp_max"])
def test_conventions(name):
    values = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 6.0, 3.0, -3.0, 20.0, 1.0, 6.0]
    extra = {
        "threshold": (0.5, 7),
        "clamp": (-1.0, 1.0),
        "pow": (2.0,),
        "clamp_min": (1.0,),
        "clamp_max": (1.0,),
    }
    op = next(op for op in OPS if op.name == name)
    pairs = name in "maximum minimum huber_loss smooth_l1_loss l1_loss".split()
    found = []
    for library in (mt, torch):
        x = library.tensor(values, requires_grad=True)
        args = (library.tensor(values[:6] + values[:6]),) if pairs else extra.get(name, ())
        function(op, library)(x, *args).sum().backward()
        found.append(to_numpy(x.grad))
    np.testing.assert_allclose(*found, rtol=1e-6)


# ---- what a node keeps -------------------------------------------------------------------------------------


def spoilt_by(op, sample, library):
    """For every input and output: does writing to it afterwards spoil the way back?"""
    found = []
    count = len(Problem(op, sample, library, dtype="float32").inputs)
    for k in range(count + 1):
        p = Problem(op, sample, library, dtype="float32")
        copies = [x * 1 for x in p.inputs]
        outputs = p(*copies)
        target = copies[k] if k < count else outputs[0]
        try:
            target.add_(0.0)
            sum(y.sum() for y in outputs if y.requires_grad).backward()
            found.append(False)
        except RuntimeError as error:
            found.append("modified by an inplace operation" in str(error))
    return found


# x - tanh(x) is one operator here, which keeps x; in PyTorch it is two, the second of which keeps nothing.
# Others are composed differently.
MORE_KEPT = "tanhshrink ldexp ndtr ndtri log_ndtr inv inverse qr svdvals matrix_norm cond kron".split()


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@each_op
def test_keeps_no_more_than_pytorch(op):
    """What PyTorch does not keep, we do not keep: it would cost memory and forbid writes."""
    if op.name.startswith("_") or op.name == "log_sigmoid" or op.name in MORE_KEPT:
        pytest.skip("no function of PyTorch's, or known to keep more")
    for sample in op.calls()[:3]:
        ours, theirs = spoilt_by(op, sample, mt), spoilt_by(op, sample, torch)
        assert all(b or not a for a, b in zip(ours, theirs, strict=True)), f"{op}({sample}): {ours}, {theirs}"
