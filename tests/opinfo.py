# ruff: noqa: E501, E741
"""The table of operators: one line each, which drives test_ops.py and test_ops_grad.py.

    Op("atan", "r(2,3)", np.arctan)
       name    samples   the same in NumPy

name     where the operator is found: minitorch.name, nn.functional.name or Tensor.name
samples  arguments, one call after the other, separated by ";". They are Python, with makers for tensors:
             r(2,3)  normal numbers      p(2,3)  positive       u(2,3)  within (-1, 1), away from the ends
             b(2,3)  True or False       i(2,3,n=4)  integers in [0, n), of type int64
             d(2,3)  distinct numbers    q(2,3)  within (0, 1)      g(2,3)  greater than 1
             w(3)  positive, never with a gradient
             c([1, 2])  these numbers
         A sample may be () and may have keyword arguments: "r(2,3), 1, keepdim=True".
ref      a function of NumPy arrays with the same arguments, computed in float64; None: PyTorch alone knows
dtypes   the types r, p, q, u and d are made in: F floats, A all numbers, I integers, B with bool
grad     False: the result does not require grad; None: it may, but has no derivative
errors   calls that fail, with the exception: "r(2), 5 -> IndexError"
"""

import math

import numpy as np
import opinfo_arrange
import opinfo_complex
import opinfo_linalg
import opinfo_nn
import opinfo_pointwise
from opline import AB, NN, PP, XY, A, F, I, Op, P, X


def erf(x):
    return np.vectorize(math.erf, otypes=[float])(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x, beta=1, threshold=20):
    return np.where(x * beta > threshold, x, np.log1p(np.exp(np.minimum(x * beta, threshold))) / beta)


def elu(x, alpha=1, scale=1, divisor=1):
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / divisor))


def softmax(x, dim=-1):
    if x.ndim == 0:
        return np.ones_like(x)
    e = np.exp(x - x.max(dim, keepdims=True)) if x.size else x
    return e / e.sum(dim, keepdims=True)


def log_softmax(x, dim=-1):
    return np.log(softmax(x, dim))


def axes(dim):
    return tuple(dim) if isinstance(dim, list | tuple) else dim


def reduction(f):
    """torch's (x, dim, keepdim) from NumPy's (x, axis, keepdims); an empty list of dims means all."""
    return lambda x, dim=None, keepdim=False, **kw: f(
        x, axis=axes(dim) if dim != [] else None, keepdims=keepdim
    )


def moment(f):
    def of(x, dim=None, unbiased=True, keepdim=False, correction=None):
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        ddof = correction if correction is not None else int(unbiased)
        return f(x, axis=axes(dim) or None if dim in ([], None) else axes(dim), ddof=ddof, keepdims=keepdim)

    return of


def extremum(full, arg):
    def of(x, dim=None, keepdim=False):
        if dim is None:
            return full(x)
        if isinstance(dim, np.ndarray):
            return (np.maximum if full is np.max else np.minimum)(x, dim)
        return full(x, axis=dim, keepdims=keepdim), arg(x, axis=dim, keepdims=keepdim)

    return of


def argument(f):
    def of(x, dim=None, keepdim=False):
        return f(x, axis=dim, keepdims=keepdim)

    return of


def reduced(values, how, weight=None):
    if how == "none":
        return values
    total = values.sum()
    return total if how == "sum" else total / (values.size if weight is None else weight)


def loss(f):
    return lambda x, y, reduction="mean", **kw: reduced(f(x, y, **kw), reduction)


def huber(x, y, delta=1.0):
    z = np.abs(x - y)
    return np.where(z < delta, 0.5 * z * z, delta * (z - 0.5 * delta))


def bce(x, y, weight=None, reduction="mean"):
    with np.errstate(divide="ignore"):
        v = -(y * np.maximum(np.log(x), -100) + (1 - y) * np.maximum(np.log1p(-x), -100))
    return reduced(v if weight is None else v * weight, reduction)


def bce_logits(x, y, weight=None, pos_weight=None, reduction="mean"):
    positive = 1 if pos_weight is None else pos_weight
    v = positive * y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x)
    return reduced(v if weight is None else v * weight, reduction)


def nll(x, t, weight=None, ignore_index=-100, reduction="mean"):
    w = np.ones(x.shape[-1]) if weight is None else weight
    safe = np.where(t == ignore_index, 0, t)
    w = np.where(t == ignore_index, 0, w[safe])
    v = -np.take_along_axis(x, safe[..., None], -1)[..., 0] * w
    return reduced(v, reduction, w.sum())


def cross_entropy(x, t, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    logp = log_softmax(x)
    if t.dtype.kind == "f":
        t = t * (1 - label_smoothing) + label_smoothing / x.shape[-1]
        v = -(logp * t * (1 if weight is None else weight)).sum(-1)
        return reduced(v, reduction)
    hard = nll(logp, t, weight, ignore_index, "none")
    w = np.ones(x.shape[-1]) if weight is None else weight
    keep = t != ignore_index
    v = (1 - label_smoothing) * hard + label_smoothing / x.shape[-1] * np.where(keep, -(logp * w).sum(-1), 0)
    return reduced(v, reduction, np.where(keep, w[np.where(keep, t, 0)], 0).sum())


def batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    around = (0, *range(2, x.ndim))
    shape = [1, -1] + [1] * (x.ndim - 2)
    if training:
        mean, var = x.mean(around), x.var(around)
    y = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    y = y if weight is None else y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def pool(f):
    return lambda self, *args, **kw: f(self, *args, **kw)


def scatter(x, dim, index, src, add=False):
    y = x.copy()
    for at in np.ndindex(*index.shape):
        to = list(at)
        to[dim] = index[at]
        value = src[at] if isinstance(src, np.ndarray) else src
        y[tuple(to)] = y[tuple(to)] + value if add else value
    return y


def index_add(x, dim, index, source, alpha=1):
    y = np.moveaxis(x.copy(), dim, 0)
    np.add.at(y, index, alpha * np.moveaxis(source, dim, 0))
    return np.moveaxis(y, 0, dim)


def split(x, size, dim=0):
    if isinstance(size, list | tuple):
        return np.split(x, np.cumsum(size)[:-1], dim)
    return np.split(x, range(size, x.shape[dim], size), dim)


def chunk(x, n, dim=0):
    return split(x, -(-x.shape[dim] // n), dim)


def div(x, y, rounding_mode=None):
    q = np.asarray(x) / y
    return q if rounding_mode is None else np.floor(q) if rounding_mode == "floor" else np.trunc(q)


def clamp(x, min=None, max=None):
    x = x if min is None else np.maximum(x, min)
    return x if max is None else np.minimum(x, max)


def squeeze(x, dim=None):
    if dim is None:
        return np.squeeze(x)
    dims = [d % x.ndim for d in (dim if isinstance(dim, list | tuple) else [dim])] if x.ndim else []
    return x.reshape([s for d, s in enumerate(x.shape) if d not in dims or s != 1])


def flatten(x, start_dim=0, end_dim=-1):
    if x.ndim == 0:
        return x.reshape(1)
    start, end = start_dim % x.ndim, end_dim % x.ndim
    return x.reshape(*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])


def size_of(args):
    return args[0] if args and isinstance(args[0], list | tuple) else args


def cast(dtype):
    return lambda x: x.astype(dtype)


def cast_bfloat16(x):
    """Rounded to the nearest of these numbers, as float32."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).view(np.float32)


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def glu(x, dim=-1):
    a, b = np.split(x, 2, dim)
    return a * sigmoid(b)


def prelu(x, w):
    return np.where(x > 0, x, x * (w.reshape([1, -1] + [1] * (x.ndim - 2)) if w.size > 1 else w))


OPS = [
    *opinfo_nn.OPS,
    *opinfo_pointwise.OPS,
    *opinfo_arrange.OPS,
    *opinfo_complex.OPS,
    *opinfo_linalg.OPS,
    # ---- one input ------------------------------------------------------------------------------------
    Op("exp", X, np.exp, AB),
    Op("log", P, np.log, F),
    Op("log1p", P, np.log1p, AB),
    Op("sqrt", P, np.sqrt, F),
    Op("rsqrt", P, lambda x: 1 / np.sqrt(x), F),
    Op("sin", X, np.sin, AB),
    Op("cos", X, np.cos, AB),
    Op("tanh", X, np.tanh, AB),
    Op("sigmoid", X, sigmoid, AB),
    Op("reciprocal", P, lambda x: 1 / x, F),
    Op("neg", X, np.negative, A, errors=["b(2) -> RuntimeError"]),
    Op("abs", X, np.abs, A),
    Op("square", X, np.square, A),
    Op("relu", X, lambda x: np.maximum(x, 0), A),
    Op("sign", X, np.sign, A),
    Op("floor", X, np.floor, A),
    Op("ceil", X, np.ceil, A),
    Op("round", X, np.round, A),
    Op("trunc", X, np.trunc, A),
    Op("isnan", X, np.isnan, AB, grad=False),
    Op("isinf", X, np.isinf, AB, grad=False),
    Op("isfinite", X, np.isfinite, AB, grad=False),
    Op("logical_not", X, np.logical_not, AB, grad=False),
    Op("logical_not_", X, lambda x: (x == 0).astype(x.dtype), AB, grad=None),
    Op("expm1", X, np.expm1, AB),
    Op("erf", X, erf, AB),
    Op("log_sigmoid", X, lambda x: -np.logaddexp(0, -x)),
    Op("silu", X, lambda x: x * sigmoid(x)),
    Op("mish", X, lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    Op("selu", X, lambda x: elu(x, 1.6732632423543772, 1.0507009873554805)),
    Op("hardsigmoid", X, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    Op("hardswish", X, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    Op("softsign", X, lambda x: x / (1 + np.abs(x))),
    Op("tanhshrink", X, lambda x: x - np.tanh(x)),
    Op("leaky_relu", f"{X}; r(3), 0.2", lambda x, s=0.01: np.where(x > 0, x, s * x)),
    Op("softplus", f"{X}; r(9), 3, 1", softplus),
    Op("elu", f"{X}; r(9), 2", elu),
    Op("celu", f"{X}; r(9), 2", lambda x, a=1: elu(x, a, 1, a)),
    Op("hardtanh", f"{X}; r(9), -0.5, 2", lambda x, a=-1, b=1: np.clip(x, a, b)),
    Op("relu6", X, lambda x: np.clip(x, 0, 6)),
    Op("threshold", "r(3,4), 0.1, 20; r(), 0, 1", lambda x, t, v: np.where(x <= t, v, x)),
    Op("hardshrink", f"{X}; r(9), 0.2", lambda x, a=0.5: np.where(np.abs(x) <= a, 0, x)),
    Op("softshrink", f"{X}; r(9), 0.2", lambda x, a=0.5: np.sign(x) * np.maximum(np.abs(x) - a, 0)),
    Op("gelu", f"{X}; r(9), approximate='tanh'", gelu, errors=["r(2), approximate='a' -> RuntimeError"]),
    Op("glu", "r(4); r(3,4); r(4,3), 0; r(2,4,3), 1", glu, errors=["r(3) -> RuntimeError"]),
    Op("prelu", "r(2,3,2), p(3); r(2,3), p(1); r(4), p(1)", prelu),
    # ---- two inputs -----------------------------------------------------------------------------------
    Op("add", f"{XY}; r(3), r(3), alpha=2", lambda x, y, alpha=1: x + alpha * y, A, errors=NN),
    Op("sub", f"{XY}; r(3), r(3), alpha=2", lambda x, y, alpha=1: x - alpha * y, A, errors=NN),
    Op("rsub", f"{XY}; r(3), r(3), alpha=2", lambda x, y, alpha=1: y - alpha * x, A),
    Op("mul", XY, np.multiply, A, errors=NN),
    Op(
        "div",
        f"{PP}; p(3), p(3), rounding_mode='floor'; p(3), 2, rounding_mode='trunc'",
        div,
        F,
        errors=["r(2), r(2), rounding_mode='up' -> RuntimeError"],
    ),
    Op("pow", PP, np.power, F),
    Op("maximum", "d(3,4), d(3,4); d(3,4), d(4); d(2,1), d(1,3); d(), d(3); d(0,3), d(3)", np.maximum, AB),
    Op("minimum", "d(3,4), d(3,4); d(3,4), d(4); d(2,1), d(1,3); d(), d(3); d(0,3), d(3)", np.minimum, AB),
    Op("remainder", PP, np.mod, F),
    Op("floor_divide", PP, np.floor_divide, F, grad=None),
    Op("eq", XY, np.equal, A, grad=False),
    Op("ne", XY, np.not_equal, A, grad=False),
    Op("lt", XY, np.less, A, grad=False),
    Op("le", XY, np.less_equal, A, grad=False),
    Op("gt", XY, np.greater, A, grad=False),
    Op("ge", XY, np.greater_equal, A, grad=False),
    Op("logical_and", "r(3,4), r(4); b(3), b(3); r(), r()", np.logical_and, AB, grad=False),
    Op("logical_or", "r(3,4), r(4); b(3), b(3); r(), r()", np.logical_or, AB, grad=False),
    Op("logical_xor", "r(3,4), r(4); b(3), b(3); r(), r()", np.logical_xor, AB, grad=False),
    Op("bitwise_and", "r(3,4), r(4); r(3), 5; r(0), r(0)", np.bitwise_and, I, grad=False),
    Op("bitwise_or", "r(3,4), r(4); r(3), 5", np.bitwise_or, I, grad=False),
    Op("bitwise_xor", "r(3,4), r(4); r(3), 5", np.bitwise_xor, I, grad=False),
    Op("bitwise_not", X, np.invert, I, grad=False),
    Op("bitwise_left_shift", "i(3,4,n=9), i(4,n=5); i(3,n=9), 2", np.left_shift, ["int64"], grad=False),
    Op("bitwise_right_shift", "i(3,4,n=99), i(4,n=5); i(3,n=99), 2", np.right_shift, ["int64"], grad=False),
    Op("where", "b(3,4), r(3,4), r(4); b(2,1), r(1,3), 2.0; b(), r(), r(3)", np.where, F),
    Op("where_method", "r(3,4), b(3,4), r(4); r(1,3), b(2,1), 2.0", lambda x, c, y: np.where(c, x, y), F),
    Op(
        "clamp",
        "r(3,4), -0.5, 0.5; r(3), max=0.2; r(3), min=0.1; r(3), r(3), p(3); r(0), 0, 1",
        clamp,
        F,
        errors=["r(2) -> RuntimeError"],
    ),
    Op("clamp_min", "r(3,4), -0.5; r(3), r(3)", np.maximum, F),
    Op("clamp_max", "r(3,4), 0.5; r(3), r(3)", np.minimum, F),
    Op("masked_fill", "r(3,4), b(3,4), 2.0; r(3,4), b(4), r()", lambda x, m, v: np.where(m, v, x), F),
    Op(
        "isclose",
        "r(3,4), r(4); r(3), r(3), 0.5, 0.5",
        lambda x, y, r=1e-5, a=1e-8: np.isclose(x, y, r, a),
        F,
        grad=False,
    ),
    Op("copy_", "r(3,4), r(3,4); r(3,4), r(4); r(2), i(2,n=5)", lambda x, y: x * 0 + y, F),
    Op("fill", "r(3,4), 2.5; r(2), r(); r(), 1; r(0), 1", lambda x, v: x * 0 + v, F),
    Op("zero_", X, lambda x: x * 0, AB),
    # ---- copies and types -----------------------------------------------------------------------------
    Op("clone", X, np.copy, AB),
    Op("detach", X, np.copy, AB, grad=False),
    Op("contiguous", X, np.copy, AB),
    Op("float", X, cast("float32"), AB),
    Op("double", X, cast("float64"), AB),
    Op("half", X, cast("float16"), AB),
    Op("bfloat16", X, cast_bfloat16, AB),
    Op("long", X, cast("int64"), AB, grad=False),
    Op("int", X, cast("int32"), AB, grad=False),
    Op("short", X, cast("int16"), AB, grad=False),
    Op("char", X, cast("int8"), AB, grad=False),
    Op("byte", "p(3,4); p(); p(0)", cast("uint8"), AB, grad=False),
    Op("bool", X, cast("bool"), AB, grad=False),
    Op("type_as", "r(3,4), r(1); r(2), c([1.0])", lambda x, y: x, F),
    # ---- views ----------------------------------------------------------------------------------------
    Op(
        "view",
        "r(3,4), 12; r(3,4), -1, 2; r(3,4), (2,6); r(0,3), (3,0); r(), (1,1)",
        lambda x, *s: x.reshape(size_of(s)),
        AB,
        errors=["r(6), 4 -> RuntimeError", "r(6), -1, -1 -> RuntimeError"],
    ),
    Op("view_as", "r(3,4), r(2,6)", lambda x, y: x.reshape(y.shape)),
    Op(
        "reshape",
        "r(3,4), (12,); r(3,4), (-1, 2); r(0,3), (3,0); r(), (1,1)",
        lambda x, s: x.reshape(s),
        AB,
        errors=["r(6), (4,) -> RuntimeError"],
    ),
    Op("reshape_as", "r(3,4), r(2,6)", lambda x, y: x.reshape(y.shape)),
    Op(
        "flatten",
        "r(3,4); r(2,3,4), 1; r(2,3,4), 0, 1; r(); r(0,3)",
        flatten,
        AB,
        errors=["r(2), 2 -> IndexError"],
    ),
    Op(
        "unflatten",
        "r(6,2), 0, (2,3); r(2,6), -1, (2,-1)",
        lambda x, d, s: x.reshape(
            *x.shape[: d % x.ndim], *[3 if k == -1 else k for k in s], *x.shape[d % x.ndim + 1 :]
        ),
    ),
    Op(
        "transpose",
        "r(3,4), 0, 1; r(2,3,4), -1, 0; r(), 0, 0; r(0,3), 0, 1",
        lambda x, a, b: np.swapaxes(x, a, b) if x.ndim else x,
        AB,
        errors=["r(2), 0, 1 -> IndexError"],
    ),
    Op("transpose_", "r(3,4), 0, 1; r(2,3,4), -1, 0", np.swapaxes),
    Op("t", "r(3,4); r(3); r(); r(0,3)", np.transpose, AB, errors=["r(2,2,2) -> RuntimeError"]),
    Op("t_", "r(3,4); r(3); r()", np.transpose),
    Op(
        "permute",
        "r(2,3,4), (2,0,1); r(), (); r(3,4), (-1,0)",
        np.transpose,
        AB,
        errors=["r(2,3), (0,0) -> RuntimeError", "r(2,3), (0,) -> RuntimeError"],
    ),
    Op("movedim", "r(2,3,4), 0, 2; r(2,3,4), (0,1), (1,2)", np.moveaxis),
    Op(
        "squeeze",
        "r(1,3,1); r(); r(1,3,1), 0; r(1,3,1), 1; r(1,3,1), (0,2)",
        squeeze,
        AB,
        errors=["r(2), 3 -> IndexError"],
    ),
    Op("squeeze_", "r(1,3,1); r(1,3,1), 0; r(1,3,1), (0,2)", squeeze),
    Op(
        "unsqueeze",
        "r(3), 0; r(3), -1; r(), 0; r(3,4), 1",
        np.expand_dims,
        AB,
        errors=["r(2), 2 -> IndexError"],
    ),
    Op("unsqueeze_", "r(3), 0; r(3), -1", np.expand_dims),
    Op(
        "expand",
        "r(3,1), 3, 4; r(3), 2, -1; r(), (2,2); r(1), 0",
        lambda x, *s: np.broadcast_to(
            x, [x.shape[k - len(size_of(s))] if v == -1 else v for k, v in enumerate(size_of(s))]
        ),
        AB,
        errors=["r(2), 3 -> RuntimeError"],
    ),
    Op("expand_as", "r(3,1), r(3,4)", lambda x, y: np.broadcast_to(x, y.shape)),
    Op("broadcast_to", "r(3,1), (3,4); r(), (2,)", np.broadcast_to),
    Op(
        "select",
        "r(3,4), 0, 1; r(3,4), -1, -2; r(4), 0, 0",
        lambda x, d, i: np.take(x, i, d),
        AB,
        errors=["r(2), 0, 2 -> IndexError", "r(), 0, 0 -> IndexError"],
    ),
    Op(
        "narrow",
        "r(3,4), 1, 1, 2; r(4), 0, 0, 0; r(3,4), 1, c(1), 2",
        lambda x, d, s, n: np.take(x, range(int(s), int(s) + n), d),
        AB,
        errors=["r(3), 0, 2, 2 -> RuntimeError"],
    ),
    Op(
        "as_strided",
        "r(6), (2,2), (2,1); r(6), (2,2), (2,1), 1",
        lambda x, s, st, o=0: np.lib.stride_tricks.as_strided(x[o:], s, [k * x.itemsize for k in st]),
    ),
    Op("unbind", "r(3,4); r(3,4), 1", lambda x, d=0: [np.take(x, i, d) for i in range(x.shape[d])]),
    Op("split", "r(5,2), 2; r(5,2), [2,3]; r(2,6), 4, 1", split, errors=["r(3), [1,1] -> RuntimeError"]),
    Op("split_with_sizes", "r(5,2), [2,3]; r(2,5), (1,4), -1", split),
    Op("chunk", "r(5,2), 2; r(2,6), 3, 1; r(5), 4", chunk, errors=["r(3), 0 -> RuntimeError"]),
    # ---- joining, repeating ---------------------------------------------------------------------------
    Op(
        "cat",
        "[r(2,3), r(1,3)]; [r(2,3), r(2,1), r(2,3)], 1; [r(3)]",
        lambda l, d=0: np.concatenate(l, d),
        AB,
        errors=["[r(2), r(2,2)] -> RuntimeError", "[] -> ValueError"],
    ),
    Op(
        "stack",
        "[r(2,3), r(2,3)]; [r(2), r(2), r(2)], 1; [r()]; [r(2), r(2)], -1",
        lambda l, d=0: np.stack(l, d),
        AB,
        errors=["[r(2), r(3)] -> RuntimeError"],
    ),
    Op("repeat", "r(2,3), 2, 2; r(3), (2,2); r(), 3; r(2), 0", lambda x, *s: np.tile(x, size_of(s))),
    Op("flip", "r(2,3), (0,); r(2,3), (0,1); r(2,3), (-1,)", np.flip),
    Op("outer", "r(3), r(4)", np.outer),
    # ---- reductions -----------------------------------------------------------------------------------
    Op(
        "sum",
        "r(3,4); r(3,4), 1; r(2,3,4), (0,2), True; r(); r(0,3); r(0,3), 0; r(0,3), 1",
        reduction(np.sum),
        AB,
        errors=["r(2), 1 -> IndexError"],
    ),
    Op(
        "mean",
        "r(3,4); r(3,4), 1; r(2,3,4), (0,2), True; r()",
        reduction(np.mean),
        F,
        errors=["i(2,n=3) -> RuntimeError"],
    ),
    Op("prod", "r(3,4); r(3,4), 1; r(3,4), 0, True; r(); r(0)", reduction(np.prod), F),
    Op(
        "max",
        "d(3,4); d(3,4), 1; d(3,4), 0, True; d(3), d(3); d()",
        extremum(np.max, np.argmax),
        A,
        errors=["r(0) -> RuntimeError"],
    ),
    Op(
        "min",
        "d(3,4); d(3,4), 1; d(3,4), 0, True; d(3), d(3); d()",
        extremum(np.min, np.argmin),
        A,
        errors=["r(0) -> RuntimeError"],
    ),
    Op(
        "argmax",
        "d(3,4); d(3,4), 1; d(3,4), 0, True; d()",
        argument(np.argmax),
        A,
        grad=False,
        errors=["r(0), 0 -> IndexError"],
    ),
    Op("argmin", "d(3,4); d(3,4), 1; d(3,4), 0, True; d()", argument(np.argmin), A, grad=False),
    Op("amax", "d(3,4); d(3,4), 1; d(3,4), (0,1), True", reduction(np.max), A),
    Op("amin", "d(3,4); d(3,4), 1; d(3,4), (0,1), True", reduction(np.min), A),
    Op("any", "r(3,4); b(3,4), 1; b(3,4), 0, True; r(0); b(0,3), 0", reduction(np.any), F, grad=False),
    Op("all", "r(3,4); b(3,4), 1; b(3,4), 0, True; r(0); b(0,3), 0", reduction(np.all), F, grad=False),
    Op(
        "var",
        "r(3,4); r(3,4), 1; r(3,4), (0,1), keepdim=True; r(3,4), 0, correction=0; r(3,4), False; "
        "r(3,4), 1, False, True",
        moment(np.var),
        rtol=1e-5,
    ),
    Op(
        "std",
        "r(3,4); r(3,4), 1; r(3,4), (0,1), keepdim=True; r(3,4), 0, correction=0; r(3,4), False; "
        "r(3,4), 1, False, True",
        moment(np.std),
        rtol=1e-5,
    ),
    Op(
        "logsumexp",
        "r(3,4), 1; r(3,4), (0,1); r(3,4), 0, True; r(), 0",
        lambda x, d, k=False: np.log(np.exp(x).sum(axes(d) if x.ndim else None, keepdims=k)),
    ),
    Op(
        "cumsum", "r(3,4), 0; r(3,4), -1; r(), 0; r(0,3), 1", lambda x, d: np.cumsum(x, d) if x.ndim else x, A
    ),
    Op(
        "count_nonzero",
        "r(3,4); b(3,4), 1",
        lambda x, dim=None: np.count_nonzero(x, axis=dim),
        AB,
        grad=False,
    ),
    # ---- indices --------------------------------------------------------------------------------------
    Op(
        "gather",
        "r(3,4), 1, i(3,2,n=4); r(3,4), 0, i(2,4,n=3); r(4), 0, i(9,n=4)",
        lambda x, d, i: np.take_along_axis(x, i, d),
        errors=["r(2), 0, c([5]) -> RuntimeError"],
    ),
    Op(
        "scatter",
        "r(3,4), 1, c([[0,2],[1,3],[3,0]]), r(3,2); r(3), 0, c([2,0]), 1.5",
        scatter,
        errors=["r(2), 0, c([5]), 1.0 -> RuntimeError"],
    ),
    Op(
        "scatter_add",
        "r(3,4), 1, i(3,2,n=4), r(3,2); r(3), 0, i(5,n=3), r(5)",
        lambda x, d, i, s: scatter(x, d, i, s, True),
    ),
    Op(
        "index_select",
        "r(3,4), 1, i(2,n=4); r(3,4), 0, i(5,n=3); r(4), 0, i(2,n=4)",
        lambda x, d, i: np.take(x, i, d),
        errors=["r(2), 0, c([5]) -> IndexError"],
    ),
    Op("index_add", "r(3,4), 0, i(2,n=3), r(2,4); r(4), 0, i(5,n=4), r(5), alpha=2", index_add),
    Op("masked_select", "r(3,4), b(3,4); r(3,4), b(4)", lambda x, m: x[np.broadcast_to(m, x.shape)]),
    Op("take", "r(3,4), i(5,n=12); r(3,4), i(2,2,n=12)", lambda x, i: x.reshape(-1)[i]),
    Op("argwhere", "b(3,4); r(2); r()", np.argwhere, grad=False),
    Op("_nonzero", "b(3,4); r(2)", np.argwhere, grad=False),
    # ---- products -------------------------------------------------------------------------------------
    Op(
        "mm",
        "r(2,3), r(3,4); r(2,0), r(0,3); r(1,3), r(3,1)",
        np.matmul,
        errors=["r(2,3), r(2,3) -> RuntimeError", "r(2), r(2) -> RuntimeError"],
    ),
    Op(
        "bmm",
        "r(2,3,4), r(2,4,2); r(0,2,3), r(0,3,2)",
        np.matmul,
        errors=["r(2,2,3), r(3,3,2) -> RuntimeError"],
    ),
    Op("mv", "r(2,3), r(3)", np.matmul, errors=["r(2,3), r(2) -> RuntimeError"]),
    Op("dot", "r(3), r(3); r(0), r(0)", np.dot, errors=["r(3), r(2) -> RuntimeError"]),
    Op(
        "matmul",
        "r(2,3), r(3,4); r(3), r(3); r(3), r(3,2); r(2,3), r(3); r(5,1,2,3), r(4,3,2); r(2,3,4), r(4)",
        np.matmul,
        errors=["r(2,3), r(2,3) -> RuntimeError", "r(), r(2) -> RuntimeError"],
    ),
    Op(
        "linear",
        "r(5,3), r(2,3), r(2); r(5,3), r(2,3); r(3), r(2,3), r(2); r(2,2,3), r(4,3), r(4)",
        lambda x, w, b=None: x @ w.T + (0 if b is None else b),
        errors=["r(2,3), r(2,4) -> RuntimeError"],
    ),
    Op(
        "addmm",
        "r(2,4), r(2,3), r(3,4); r(4), r(2,3), r(3,4), beta=0.5, alpha=2",
        lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b),
    ),
    Op(
        "addmv",
        "r(2), r(2,3), r(3); r(2), r(2,3), r(3), beta=0.5, alpha=2",
        lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b),
    ),
    Op("baddbmm", "r(2,2,4), r(2,2,3), r(2,3,4)", lambda c, a, b: c + a @ b),
    # ---- softmax and losses ---------------------------------------------------------------------------
    Op(
        "softmax",
        "r(3,4), 1; r(3,4), 0; r(2,3,4), 1; r(), 0; r(0,3), 1",
        softmax,
        errors=["r(2), 1 -> IndexError"],
    ),
    Op(
        "log_softmax",
        "r(3,4), 1; r(3,4), 0; r(2,3,4), -2; r(), 0",
        log_softmax,
        errors=["r(2), 1 -> IndexError"],
    ),
    Op(
        "mse_loss",
        "r(3,4), r(3,4); r(3), r(3), reduction='sum'; r(3), r(3), reduction='none'; r(3), r(3), reduction='mean'",
        loss(lambda x, y: (x - y) ** 2),
        errors=["r(2), r(2), reduction='avg' -> ValueError"],
    ),
    Op(
        "l1_loss",
        "r(3,4), r(3,4); r(3), r(3), reduction='sum'; r(3), r(3), reduction='none'",
        loss(lambda x, y: np.abs(x - y)),
    ),
    Op(
        "smooth_l1_loss",
        "r(3,4), r(3,4); r(9), r(9), beta=0.5, reduction='sum'; r(3), r(3), beta=2.0, reduction='none'",
        loss(lambda x, y, beta=1.0: huber(x, y, beta) / beta),
    ),
    Op(
        "huber_loss",
        "r(3,4), r(3,4); r(9), r(9), delta=0.5, reduction='sum'; r(3), r(3), delta=2.0, reduction='none'",
        loss(huber),
    ),
    Op(
        "binary_cross_entropy",
        "q(3,4), q(3,4); q(3), q(3), w(3), reduction='sum'; q(3), q(3), reduction='none'",
        bce,
        errors=["c([2.0]), c([1.0]) -> RuntimeError"],
    ),
    Op(
        "binary_cross_entropy_with_logits",
        "r(3,4), q(3,4); r(3), q(3), weight=w(3); r(2,3), q(2,3), pos_weight=w(3), reduction='none'; "
        "r(3), q(3), reduction='sum'",
        bce_logits,
    ),
    Op(
        "nll_loss",
        "r(3,4), i(3,n=4); r(3,4), i(3,n=4), w(4), ignore_index=-100, reduction='sum'; r(4), c(2); r(3,4), c([1,-100,0]); "
        "r(3,4), c([1,2,0]), w(4), ignore_index=2, reduction='none'",
        nll,
        errors=["r(2,3), c([0,3]) -> IndexError"],
    ),
    Op(
        "cross_entropy",
        "r(3,4), i(3,n=4); r(3,4), i(3,n=4), w(4), ignore_index=-100, reduction='sum'; r(4), c(2); r(3,4), c([1,-100,0]); "
        "r(3,4), i(3,n=4), w(4), ignore_index=-100, label_smoothing=0.1; r(3,4), i(3,n=4), None, ignore_index=-100, reduction='none', label_smoothing=0.2",
        cross_entropy,
        errors=["r(2,3), c([0,3]) -> IndexError"],
    ),
    Op(
        "batch_norm",
        "r(4,3), w(3), w(3); r(4,3,2), None, None, p(3), r(3), True; r(4,3), w(3), w(3), p(3), r(3)",
        batch_norm,
        rtol=1e-4,
    ),
    # ---- creation -------------------------------------------------------------------------------------
    Op("empty", "0; (0,3)", lambda *s: np.empty(size_of(s)), grad=False),
    Op(
        "zeros", "2, 3; (2,3); ()", lambda *s: np.zeros(size_of(s)), grad=False, errors=["-1 -> RuntimeError"]
    ),
    Op("ones", "2, 3; (2,3); ()", lambda *s: np.ones(size_of(s)), grad=False),
    Op("full", "(2,3), 1.5; (), 2.0", np.full, grad=False),
    Op("empty_like", "r(0,3)", np.empty_like, AB, grad=False),
    Op("zeros_like", X, np.zeros_like, AB, grad=False),
    Op("ones_like", X, np.ones_like, AB, grad=False),
    Op("full_like", "r(2,3), 3; r(), 1", np.full_like, A, grad=False),
    Op("new_empty", "r(2), (0,)", lambda x, s: np.empty(s, x.dtype), AB, grad=False),
    Op("new_zeros", "r(2), (2,3)", lambda x, s: np.zeros(s, x.dtype), AB, grad=False),
    Op("new_ones", "r(2), (2,3)", lambda x, s: np.ones(s, x.dtype), AB, grad=False),
    Op("new_full", "r(2), (2,3), 5", lambda x, s, v: np.full(s, v, x.dtype), A, grad=False),
    Op(
        "arange",
        "5; 1, 4; 1, 10, 3; 0.0, 1.0, 0.25; 5, 0, -2",
        np.arange,
        grad=False,
        errors=["1, 0 -> RuntimeError", "0, 1, 0 -> RuntimeError"],
    ),
    Op(
        "range",
        "1, 4; 0, 1, 0.25; 5, 1, -2",
        lambda a, b, s=1: np.arange(a, b + s / 2, s),
        grad=False,
        errors=["1, 0 -> RuntimeError", "0, 1, 0 -> RuntimeError"],
    ),
    Op(
        "linspace",
        "0, 1, 5; 3, -3, 4; 1, 1, 1; 0, 1, 0",
        np.linspace,
        grad=False,
        errors=["0, 1, -1 -> RuntimeError"],
    ),
    Op(
        "logspace",
        "0, 1, 5; 0, 3, 4, 2.0",
        lambda a, b, n, base=10.0: np.logspace(a, b, n, base=base),
        grad=False,
    ),
    Op("eye", "3; 2, 3; 0", np.eye, grad=False, errors=["-1 -> RuntimeError"]),
    Op("_broadcast_tensors", "[r(2,1), r(3)]", lambda l: list(np.broadcast_arrays(*l))),
    Op(
        "_meshgrid",
        "[r(2), r(3)], indexing='ij'; [r(2), r(3)], indexing='xy'",
        lambda l, indexing: list(np.meshgrid(*l, indexing=indexing)),
    ),
    Op("_equal", "r(2,3), r(2,3); r(2), r(3)", np.array_equal, grad=False),
    # ---- random: equal to PyTorch's after the same seed (tests/test_random_streams.py has more) ---------
    Op("rand", "20; (2,3)", grad=False, seeded=True),
    Op("randn", "20; (2,3)", grad=False, seeded=True),
    Op("rand_like", "r(2,3)", grad=False, seeded=True),
    Op("randn_like", "r(2,3)", grad=False, seeded=True),
    Op("randint", "5, (9,); -3, 3, (9,)", grad=False, seeded=True, errors=["3, 3, (2,) -> RuntimeError"]),
    Op("randint_like", "r(9), 5; r(9), -3, 3", grad=False, seeded=True),
    Op("randperm", "9; 0", grad=False, seeded=True),
    Op("normal", "r(9), p(9); r(9), 2.0; 1.0, p(9); 0.0, 1.0, (9,)", grad=None, seeded=True),
    Op("bernoulli", "q(9); q(9), 0.3", grad=None, seeded=True, errors=["c([2.0]) -> RuntimeError"]),
    Op(
        "multinomial", "p(4), 2; p(2,4), 9, True", grad=False, seeded=True, errors=["p(4), 5 -> RuntimeError"]
    ),
    Op("poisson", "p(9); p(2,3)", grad=None, seeded=True, errors=["c([-1.0]) -> RuntimeError"]),
    Op("binomial", "c([9.0,40]), q(2); c([[5.0],[60]]), q(3)", grad=None, seeded=True),
    Op("_standard_gamma", "p(9); p(2,3)", grad=False, seeded=True),
    Op("dropout", "r(20); r(20), 0.3; r(20), 0.3, False", seeded=True, errors=["r(2), 2.0 -> ValueError"]),
    Op("uniform_", "r(9); r(9), -2, 3", grad=False, seeded=True, errors=["r(2), 3, 2 -> RuntimeError"]),
    Op("normal_", "r(20); r(9), 1, 3", grad=False, seeded=True, errors=["r(2), 0, -1 -> RuntimeError"]),
    Op("log_normal_", "r(9)", grad=False, seeded=True, rtol=1e-6),
    Op("random_", "r(9); r(9), 5; r(9), 2, 8", grad=False, seeded=True),
    Op("bernoulli_", "r(9); r(9), 0.3; r(9), q(9)", grad=False, seeded=True),
    Op("exponential_", "r(9); r(9), 2", grad=False, seeded=True, rtol=1e-6),
    Op("cauchy_", "r(9); r(9), 1, 2", grad=False, seeded=True, rtol=1e-5),
    Op("geometric_", "r(9), 0.3", grad=False, seeded=True, rtol=1e-6),
]
