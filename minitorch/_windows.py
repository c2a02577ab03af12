"""Windows of signal processing: weights that fall to both sides, for cutting a piece out of a signal.

F. J. Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", Proceedings
of the IEEE 66 (1978). A periodic window of n points is a symmetric one of n + 1 without its last point, and
is what a Fourier transform wants; n = 0 gives none, n = 1 a one.
"""

from __future__ import annotations

import math

import minitorch
from minitorch import _C

Tensor = _C.Tensor


def check(name: str, length: int, dtype) -> None:
    if dtype is not None and not dtype.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if length < 0:
        message = f"{name} requires non-negative window_length, got window_length={length}"
        raise RuntimeError(message)


def sample(shape, length: int, symmetric: bool, *, dtype=None, device=None, requires_grad=False, layout=None):
    """shape(t) at length points t from 0 to 1, computed in double and rounded once."""
    dtype = dtype or minitorch.get_default_dtype()
    if length <= 1:
        return minitorch.ones(length, dtype=dtype, device=device, requires_grad=requires_grad)
    steps = length - 1 if symmetric else length
    t = minitorch.arange(length, dtype=minitorch.float64) / steps
    return shape(t).to(device=device, dtype=dtype).requires_grad_(requires_grad)


def cosines(*weights: float):
    """sum over k of (-1)^k a_k cos(2 pi k t)."""
    signed = [a if k % 2 == 0 else -a for k, a in enumerate(weights)]
    return lambda t: sum(a * minitorch.cos(2 * math.pi * k * t) for k, a in enumerate(signed))


def triangle(t):
    return 1 - (2 * t - 1).abs()


def bessel(beta: float):
    """I0(beta sqrt(1 - (2 t - 1)^2)) / I0(beta): J. F. Kaiser's window."""
    whole = minitorch.special.i0(minitorch.tensor(beta, dtype=minitorch.float64))
    return lambda t: minitorch.special.i0(beta * (1 - (2 * t - 1) ** 2).clamp(min=0).sqrt()) / whole


def bartlett_window(window_length: int, periodic: bool = True, **options) -> Tensor:
    """A triangle, from 0 up to 1 and down to 0.

    Shapes: (window_length). RuntimeError for negative lengths and types that are not floating.
    Options: dtype, layout, device, requires_grad, as in minitorch.zeros.

    >>> import minitorch
    >>> minitorch.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])

    https://docs.pytorch.org/docs/2.13/generated/torch.bartlett_window.html
    """
    check("bartlett_window", window_length, options.get("dtype"))
    return sample(triangle, window_length, not periodic, **options)


def blackman_window(window_length: int, periodic: bool = True, **options) -> Tensor:
    """0.42 - 0.5 cos(2 pi t) + 0.08 cos(4 pi t).

    Shapes: (window_length). Options and errors as in bartlett_window.

    >>> import minitorch
    >>> minitorch.blackman_window(5, periodic=False)[1:3]
    tensor([0.3400, 1.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.blackman_window.html
    """
    check("blackman_window", window_length, options.get("dtype"))
    return sample(cosines(0.42, 0.5, 0.08), window_length, not periodic, **options)


def hann_window(window_length: int, periodic: bool = True, **options) -> Tensor:
    """0.5 - 0.5 cos(2 pi t).

    Shapes: (window_length). Options and errors as in bartlett_window.

    >>> import minitorch
    >>> minitorch.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])

    https://docs.pytorch.org/docs/2.13/generated/torch.hann_window.html
    """
    check("hann_window", window_length, options.get("dtype"))
    return sample(cosines(0.5, 0.5), window_length, not periodic, **options)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, **options
) -> Tensor:
    """alpha - beta cos(2 pi t).

    Shapes: (window_length). Options and errors as in bartlett_window.

    >>> import minitorch
    >>> minitorch.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])

    https://docs.pytorch.org/docs/2.13/generated/torch.hamming_window.html
    """
    check("hamming_window", window_length, options.get("dtype"))
    return sample(cosines(alpha, beta), window_length, not periodic, **options)


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, **options) -> Tensor:
    """I0(beta sqrt(1 - (2 t - 1)^2)) / I0(beta), with the modified Bessel function I0.

    Shapes: (window_length). Options and errors as in bartlett_window.

    >>> import minitorch
    >>> minitorch.kaiser_window(4, beta=0.0)
    tensor([1., 1., 1., 1.])

    https://docs.pytorch.org/docs/2.13/generated/torch.kaiser_window.html
    """
    check("kaiser_window", window_length, options.get("dtype"))
    return sample(bessel(beta), window_length, not periodic, **options)
