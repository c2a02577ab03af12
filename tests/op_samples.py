"""Makes the tensors that the samples of tests/opinfo.py ask for, in any library, type and memory layout.

The numbers depend on the sample alone, so NumPy, PyTorch and minitorch see the same ones.
"""

import math
import sys
import zlib

import numpy as np

import minitorch as mt
import minitorch.nn.functional as F
from minitorch import _C

try:
    import torch
except ImportError:
    torch = None

LAYOUTS = ["plain", "transposed", "sliced", "expanded"]


def function(op, library=mt):
    """The operator in a library: a function, or a method that takes the tensor first."""
    name = op.name.removesuffix("_method")
    if op.name != name:
        return getattr(library.Tensor, name)
    private = vars(_C._nn).get(name)
    places = [library, library.Tensor, library.special, library.linalg]
    if name in vars(_C._linalg) and name not in vars(_C):
        places.insert(0, library.linalg)
    if private is not None:
        places.insert(0, F if library is mt else library.nn.functional)
    if library is mt:
        places += [_C, _C._nn]
    for place in places:
        found = getattr(place, name, None)
        if callable(found):
            return found
    return None


class Maker:
    """The namespace in which a sample is evaluated. library None: NumPy, the floats in float64."""

    def __init__(self, sample, library=mt, dtype="float32", layout="plain", requires_grad=False):
        self.random = np.random.default_rng(zlib.crc32(sample.encode()))
        self.library, self.dtype, self.layout, self.requires_grad = library, dtype, layout, requires_grad
        self.tensors = []
        self.args, self.kwargs = eval(f"call({sample})", {**self.names(), "call": lambda *a, **k: (a, k)})

    def names(self):
        return {name: getattr(self, name) for name in "rpgudqwbic"}

    def numbers(self, values, wanted=True):
        kind = np.dtype(self.dtype).kind
        if kind in "iu":
            values = np.round(3 * values)
        values = np.abs(values) if kind == "u" else values > 0 if kind == "b" else values
        if kind == "c":
            values = values + 1j * self.random.permutation(np.ravel(values)).reshape(np.shape(values))
        values = np.asarray(values).astype(self.dtype)
        if self.layout == "expanded" and values.ndim and values.shape[0] > 1:
            values = np.broadcast_to(values[:1], values.shape)
        if self.library is None:
            return values.astype({"f": "float64", "c": "complex128"}.get(kind, "int64"))
        made = self.laid_out(values)
        if self.requires_grad and wanted and kind in "fc":
            made = made.detach().requires_grad_()
        self.tensors.append(made)
        return made

    def laid_out(self, a):
        def new(x):
            return self.library.tensor(x.tolist(), dtype=getattr(self.library, self.dtype)).reshape(x.shape)

        if a.ndim == 0 or self.layout == "plain":
            return new(a)
        if self.layout == "transposed":
            return new(a.transpose()).permute(tuple(reversed(range(a.ndim))))
        if self.layout == "sliced":
            return new(np.repeat(a, 2, axis=-1))[..., 1::2]
        return new(a[:1]).expand(a.shape)

    def r(self, *shape):
        return self.numbers(self.random.standard_normal(shape))

    def p(self, *shape):
        return self.numbers(self.random.uniform(0.4, 2, shape))

    def g(self, *shape):
        return self.numbers(self.random.uniform(1.2, 3, shape))

    def u(self, *shape):
        return self.numbers(self.random.uniform(-0.9, 0.9, shape))

    def q(self, *shape):
        return self.numbers(self.random.uniform(0.05, 0.95, shape))

    def w(self, *shape):
        return self.numbers(self.random.uniform(0.4, 2, shape), wanted=False)

    def d(self, *shape):
        """No two are equal, in two tensors of floats neither."""
        self.shift = 0.1 - getattr(self, "shift", 0)
        return self.numbers(self.random.permutation(math.prod(shape)).reshape(shape) / 3 - 1 + self.shift)

    def plain(self, values):
        values = np.asarray(values)
        return (
            values
            if self.library is None
            else self.library.tensor(values.tolist())
            .reshape(values.shape)
            .to(getattr(self.library, sys.intern(values.dtype.name)))  # else the interpreter's cache keeps it
        )

    def b(self, *shape):
        return self.plain(self.random.random(shape) < 0.6)

    def i(self, *shape, n):
        return self.plain(self.random.integers(0, n, shape))

    def c(self, values):
        values = np.asarray(values)
        return self.numbers(values) if values.dtype.kind == "f" else self.plain(values)


def results(value):
    """The tensors or numbers of a result, which may be a list or a named tuple, as a flat list."""
    return list(value) if isinstance(value, tuple | list) else [value]


def to_numpy(value):
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":  # NumPy has no such type
        value = value.float()
    if getattr(value, "is_conj", bool)():
        value = value.resolve_conj()
    return value.detach().numpy() if hasattr(value, "detach") else np.asarray(value)
