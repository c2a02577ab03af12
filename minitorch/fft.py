"""Discrete Fourier transforms, computed by numpy.fft, with derivatives of any order.

The transform of x (n numbers) is y[k] = sum_j x[j] exp(-2 pi i j k / n), its inverse has +2 pi i and is
divided by n. Everything here is made of three operators and what surrounds them: complex to complex, real
to complex (which drops the half that is the conjugate of the other), complex to real (which supplies it). All
are linear, so a gradient is the adjoint transform, and the three serve each other as rules.

norm: "backward" (or None) divides the inverse by n, "forward" the forward transform, "ortho" both by sqrt(n).
n and s are lengths to which the input is cut, or filled up with zeros, before. float32 gives complex64,
float64 complex128; integers are computed in the default type.

Raises RuntimeError for lengths below 1, an unknown norm, a complex input where a real one is due; IndexError
for a dim that does not exist. Cooley and Tukey, "An algorithm for the machine calculation of complex Fourier
series", 1965.

Source: https://docs.pytorch.org/docs/stable/fft.html
"""

import math

import numpy as np

import minitorch
from minitorch import _C
from minitorch.autograd import Function

__all__ = """
    fft ifft rfft irfft hfft ihfft fft2 ifft2 rfft2 irfft2 hfft2 ihfft2 fftn ifftn rfftn irfftn hfftn ihfftn
    fftfreq rfftfreq fftshift ifftshift
""".split()

# ---- the three operators ------------------------------------------------------------------------------


def _transformed(transform, x, dtype, count, scale, norms, **how):
    """transform(x, ...) over count numbers, times scale, as a tensor of dtype.

    norms: those with which transform divides by count, and does not. Without a divisor NumPy computes float32
    in double, several times slower: there it divides, and the factor makes up for it. Older ones compute all
    in double.
    """
    single = x.dtype in (minitorch.float32, minitorch.complex64)
    array = transform(x.detach().numpy(), norm=norms[0 if single else 1], **how)
    y = minitorch.from_numpy(np.require(array, requirements="CW")).to(dtype)
    factor = scale * count if single else scale
    if factor != 1:
        (minitorch.view_as_real(y) if y.is_complex() else y).mul_(factor)
    return y


_FORWARD, _INVERSE = ("forward", "backward"), ("backward", "forward")


def _count(x, dims):
    return math.prod(x.shape[d] for d in dims)


class FftC2C(Function):
    """Complex to complex along dims, not divided by anything but times scale."""

    @staticmethod
    def forward(ctx, x, dims, scale, forward):
        ctx.rest = dims, scale, forward
        transform, norms = (np.fft.fftn, _FORWARD) if forward else (np.fft.ifftn, _INVERSE)
        return _transformed(transform, x, x.dtype, _count(x, dims), scale, norms, axes=dims)

    @staticmethod
    def backward(ctx, g):
        dims, scale, forward = ctx.rest
        return FftC2C.apply(g, dims, scale, not forward), None, None, None


class FftR2C(Function):
    """Real to complex along dims; of the last one the first half is kept, or all (whole) if it is alone."""

    @staticmethod
    def forward(ctx, x, dims, scale, whole):
        n = x.shape[dims[-1]]
        ctx.rest = dims, scale, n
        y = _transformed(np.fft.rfftn, x, x.dtype.to_complex(), _count(x, dims), scale, _FORWARD, axes=dims)
        if not whole:
            return y
        mirrored = y.narrow(dims[0], 1, (n - 1) // 2).flip(dims).conj_physical()
        return minitorch.cat([y, mirrored], dims[0])

    @staticmethod
    def backward(ctx, g):
        dims, scale, n = ctx.rest
        return FftC2C.apply(_resized(g, dims[-1:], (n,)), dims, scale, False).real, None, None, None


class FftC2R(Function):
    """The inverse of it: complex to real along dims, of the last one to n numbers."""

    @staticmethod
    def forward(ctx, z, dims, scale, n):
        ctx.rest = dims, scale, n
        lengths = [*(z.shape[d] for d in dims[:-1]), n]
        how = {"s": lengths, "axes": dims}
        return _transformed(np.fft.irfftn, z, z.dtype.to_real(), math.prod(lengths), scale, _INVERSE, **how)

    @staticmethod
    def backward(ctx, g):
        """What was supplied as a conjugate counts twice."""
        dims, scale, n = ctx.rest
        half = n // 2 + 1
        weight = minitorch.ones(half, dtype=g.dtype)
        weight[1 : 1 + n - half] = 2
        shape = [1] * g.dim()
        shape[dims[-1]] = half
        return FftR2C.apply(g, dims, scale, False) * weight.view(shape), None, None, None


# ---- what surrounds them ------------------------------------------------------------------------------


def _checked(name, x, dtypes="any", text="a real"):
    """A tensor that can be transformed; dtypes: "any", "real", "complex" (made so)."""
    if not isinstance(x, _C.Tensor):
        raise TypeError(f"fft_{name}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")
    if dtypes == "real" and x.is_complex():
        kind = "ComplexFloat" if x.dtype == minitorch.complex64 else "ComplexDouble"
        raise RuntimeError(f"{name} expects {text} input tensor, but got {kind}")
    if x.dtype in (minitorch.float16, minitorch.bfloat16):
        raise RuntimeError(f"Unsupported dtype {'Half' if x.dtype == minitorch.float16 else 'BFloat16'}")
    if not (x.is_floating_point() or x.is_complex()):
        x = x.to(minitorch.get_default_dtype())
    return x.to(x.dtype.to_complex()) if dtypes == "complex" else x


def _wrapped(dim, x):
    if x.dim() == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    if not -x.dim() <= dim < x.dim():
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-x.dim()}, {x.dim() - 1}], but got {dim})"
        )
    return dim % x.dim()


def _whole(name, n):
    if n is not None and (isinstance(n, bool | float) or not hasattr(n, "__index__")):
        raise TypeError(f"fft_{name}(): argument 'n' (position 2) must be int, not {type(n).__name__}")
    return n


def _dims(x, s, dim):
    """The dims to transform, and the lengths wanted there."""
    s = [s] if isinstance(s, int) else s
    dim = [dim] if isinstance(dim, int) else dim
    if dim is not None:
        dims = [_wrapped(d, x) for d in dim]
        if len(set(dims)) < len(dims):
            raise RuntimeError("FFT dims must be unique")
        if s is not None and len(s) != len(dims):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    elif s is not None:
        if len(s) > x.dim():
            raise RuntimeError(
                f"Got shape with {len(s)} values but input tensor only has {x.dim()} dimensions."
            )
        dims = list(range(x.dim() - len(s), x.dim()))
    else:
        dims = list(range(x.dim()))
    lengths = [x.shape[d] for d in dims] if s is None else list(s)
    return tuple(dims), [x.shape[d] if n == -1 else n for d, n in zip(dims, lengths, strict=True)]


def _need(n):
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    return n


def _resized(x, dims, lengths):
    """Cut at the end, or filled up there with zeros."""
    for d, n in zip(dims, lengths, strict=True):
        have = x.shape[d]
        if n < have:
            x = x.narrow(d, 0, n)
        elif n > have:
            shape = list(x.shape)
            shape[d] = n - have
            x = minitorch.cat([x, minitorch.zeros(shape, dtype=x.dtype)], d)
    return x


def _scale(norm, n, forward):
    """The factor of a transform over n numbers."""
    if norm not in (None, "backward", "forward", "ortho"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if norm == "ortho":
        return 1 / math.sqrt(n)
    return 1 / n if forward == (norm == "forward") else 1.0


def _give(name, result, out):
    if out is None:
        return result
    if out.is_complex() != result.is_complex():
        kind = "complex" if result.is_complex() else "floating point"
        raise RuntimeError(f"{name} expects a {kind} output tensor, but got {out.type()[6:-6]}")
    if out.requires_grad or result.requires_grad:
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of "
            "the arguments requires grad."
        )
    return out.resize_(result.shape).copy_(result)


def _complex(name, x, dims, lengths, norm, forward):
    """The plain transform of all of dims."""
    for n in lengths:
        _need(n)
    scale = _scale(norm, math.prod(lengths), forward)
    x = _resized(x, dims, lengths)
    if forward and len(dims) == 1 and not x.is_complex():
        return FftR2C.apply(x, dims, scale, True)
    x = x.to(x.dtype.to_complex())
    return FftC2C.apply(x, dims, scale, forward) if dims else x


def _to_half(name, x, dims, lengths, norm, forward):
    """Of real numbers; not forward is ihfft: the conjugate of the forward transform."""
    for n in lengths:
        _need(n)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    scale = _scale(norm, math.prod(lengths), forward)
    y = FftR2C.apply(_resized(x, dims, lengths), dims, scale, False)
    return y if forward else y.conj()


def _from_half(name, x, dims, lengths, given, norm, forward):
    """To real numbers; forward is hfft. given: was the last length asked for?"""
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    n = _need(lengths[-1] if given else 2 * (lengths[-1] - 1))
    for m in lengths[:-1]:
        _need(m)
    scale = _scale(norm, math.prod(lengths[:-1]) * n, forward)
    x = _resized(x, dims, [*lengths[:-1], n // 2 + 1])
    return FftC2R.apply(x.conj() if forward else x, dims, scale, n)


# ---- along one dimension ------------------------------------------------------------------------------


def _along(name, dtypes, run, forward):
    def transform(input, n=None, dim=-1, norm=None, *, out=None):
        x = _checked(name, input, dtypes)
        dims = (_wrapped(dim, x),)
        n = _whole(name, n)
        lengths = [x.shape[dims[0]] if n is None else n]
        if run is _from_half:
            y = run(name, x, dims, lengths, n is not None, norm, forward)
        else:
            y = run(name, x, dims, lengths, norm, forward)
        return _give(name, y, out)

    return transform


def _over(name, dtypes, run, forward, text="a real-valued", last=None):
    def transform(input, s=None, dim=last, norm=None, *, out=None):
        x = _checked(name, input, dtypes, text)
        dims, lengths = _dims(x, s, dim)
        if run is _from_half:
            given = s is not None and not (isinstance(s, tuple | list) and s[-1:] == [-1])
            y = run(name, x, dims, lengths, given, norm, forward)
        else:
            y = run(name, x, dims, lengths, norm, forward)
        return _give(name, y, out)

    return transform


_TEXTS = {
    "fft": "The transform along dim, of real or complex numbers.",
    "ifft": "The inverse of fft along dim.",
    "rfft": "The transform of real numbers along dim: the first n // 2 + 1, whose conjugates the others are.",
    "irfft": "The inverse of rfft: n real numbers (2 (m - 1) of m where not given).",
    "hfft": "The transform along dim of what is symmetric (x[-k] = conj(x[k])), given its first half: real.",
    "ihfft": "The inverse of hfft: of real numbers, the first half of what is symmetric.",
}
_EXAMPLES = {
    "fft": ("tensor([1.0, 2.0, 3.0, 4.0])", "tensor([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j])"),
    "ifft": ("tensor([10 + 0j, -2 + 2j, -2 + 0j, -2 - 2j])", "tensor([1.+0.j, 2.+0.j, 3.+0.j, 4.+0.j])"),
    "rfft": ("tensor([1.0, 2.0, 3.0, 4.0])", "tensor([10.+0.j, -2.+2.j, -2.+0.j])"),
    "irfft": ("tensor([10 + 0j, -2 + 2j, -2 + 0j])", "tensor([1., 2., 3., 4.])"),
    "hfft": ("tensor([10 + 0j, -2 - 2j, -2 + 0j])", "tensor([ 4.,  8., 12., 16.])"),
    "ihfft": ("tensor([4.0, 8.0, 12.0, 16.0])", "tensor([10.-0.j, -2.-2.j, -2.-0.j])"),
}
_KINDS = {
    "fft": ("any", _complex, True),
    "ifft": ("any", _complex, False),
    "rfft": ("real", _to_half, True),
    "irfft": ("complex", _from_half, False),
    "hfft": ("complex", _from_half, True),
    "ihfft": ("real", _to_half, False),
}


def _make():
    for kind, (dtypes, run, forward) in _KINDS.items():
        for ending in ("", "2", "n"):
            name = kind + ending
            if ending:
                f = _over(name, dtypes, run, forward, last=(-2, -1) if ending == "2" else None)
                where = "the last two dimensions" if ending == "2" else "all dimensions, or those of dim"
                text = f"{kind} over {where}: real parts are halved along the last one, if any is.\n\n"
                text += "Shapes: (...) to the same, or with the lengths s."
                call = f"{name}(minitorch.zeros(2, 4)).shape"
                size = {"rfft": 3, "ihfft": 3, "irfft": 6, "hfft": 6}.get(kind, 4)
                shown = f"torch.Size([2, {size}])"
            else:
                f = _along(name, dtypes, run, forward)
                text = _TEXTS[kind] + "\n\nShapes: any; the result has the length n along dim."
                value, shown = _EXAMPLES[kind]
                call = f"{name}(minitorch.{value})"
            f.__name__ = f.__qualname__ = name
            f.__doc__ = (
                f"{text} Types, norm and errors: see minitorch.fft.\n\n>>> import minitorch\n"
                f">>> minitorch.fft.{call}\n{shown}\n\n"
                f"Source: https://docs.pytorch.org/docs/stable/generated/torch.fft.{name}.html\n"
            )
            globals()[name] = f


_make()

# ---- frequencies and their order ----------------------------------------------------------------------


def fftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """The frequencies of what fft gives: 0, 1, ..., -2, -1 over n d, where d is the step of time.

    >>> import minitorch
    >>> minitorch.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])

    Source: https://docs.pytorch.org/docs/stable/generated/torch.fft.fftfreq.html
    """
    dtype = dtype or minitorch.get_default_dtype()
    k = minitorch.arange(n, dtype=dtype, device=device)
    k[(n + 1) // 2 :] -= n
    result = k.mul_(1.0 / (n * d) if n else 1.0)
    return _give("fftfreq", result, out).requires_grad_(requires_grad)


def rfftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """The frequencies that the results of rfft belong to: 0, 1, ..., n // 2 over n d.

    >>> import minitorch
    >>> minitorch.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])

    Source: https://docs.pytorch.org/docs/stable/generated/torch.fft.rfftfreq.html
    """
    dtype = dtype or minitorch.get_default_dtype()
    result = minitorch.arange(n // 2 + 1, dtype=dtype, device=device).mul_(1.0 / (n * d) if n else 1.0)
    return _give("rfftfreq", result, out).requires_grad_(requires_grad)


def _shifted(x, dim, sign):
    dims = range(x.dim()) if dim is None else [dim] if isinstance(dim, int) else dim
    dims = [_wrapped(d, x) for d in dims]
    shifts = [x.shape[d] // 2 if sign > 0 else (x.shape[d] + 1) // 2 for d in dims]
    return minitorch.roll(x, shifts, dims) if dims else x


def fftshift(input, dim=None):
    """Results of fft in the order of their frequencies, 0 in the middle, along all dimensions or some.

    >>> import minitorch
    >>> minitorch.fft.fftshift(minitorch.fft.fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])

    Source: https://docs.pytorch.org/docs/stable/generated/torch.fft.fftshift.html
    """
    return _shifted(input, dim, 1)


def ifftshift(input, dim=None):
    """The inverse of fftshift.

    >>> import minitorch
    >>> minitorch.fft.ifftshift(minitorch.arange(5))
    tensor([2, 3, 4, 0, 1])

    Source: https://docs.pytorch.org/docs/stable/generated/torch.fft.ifftshift.html
    """
    return _shifted(input, dim, -1)
