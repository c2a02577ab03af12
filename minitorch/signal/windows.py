"""Windows of M points, symmetric; with sym=False periodic: the first M points of a symmetric one of M + 1.

Every function takes dtype (float32 or float64), layout, device and requires_grad as minitorch.zeros does,
raises ValueError for a negative M and for other types, and gives a tensor of shape (M).

Source: https://docs.pytorch.org/docs/2.13/signal.html
"""

from __future__ import annotations

import math

import minitorch
from minitorch._windows import bessel, cosines, sample, triangle

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming",
    "hamming", "hann", "kaiser", "nuttall",
]  # fmt: skip


def _window(name, shape, length, sym, options):
    dtype = options.get("dtype") or minitorch.get_default_dtype()
    if length < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={length}")
    if dtype not in (minitorch.float32, minitorch.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    return sample(shape, length, sym, **options)


def _distance(length, sym, center=None):
    """How far from the centre a point is, as a function of t from 0 to 1."""
    steps = length - 1 if sym else length
    middle = steps / 2 if center is None else center
    return lambda t: t * steps - middle


def bartlett(M, *, sym=True, **options):
    """A triangle from 0 to 1 and back.

    >>> bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.signal.windows.bartlett.html
    """
    return _window("bartlett", triangle, M, sym, options)


def blackman(M, *, sym=True, **options):
    """0.42 - 0.5 cos(2 pi t) + 0.08 cos(4 pi t).

    >>> blackman(5)[1:3]
    tensor([0.3400, 1.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.signal.windows.blackman.html
    """
    return _window("blackman", cosines(0.42, 0.5, 0.08), M, sym, options)


def cosine(M, *, sym=True, **options):
    """Half a wave of the sine, from between two points to between two points.

    >>> cosine(4)
    tensor([0.3827, 0.9239, 0.9239, 0.3827])

    https://docs.pytorch.org/docs/2.13/generated/torch.signal.windows.cosine.html
    """
    points, steps = (M, M - 1) if sym else (M + 1, M)
    return _window("cosine", lambda t: minitorch.sin(math.pi / points * (t * steps + 0.5)), M, sym, options)


def exponential(M, *, center=None, tau=1.0, sym=True, **options):
    """exp(-distance from the centre / tau). Only a periodic window may have a centre that is not its middle.

    >>> exponential(4)
    tensor([0.2231, 0.6065, 0.6065, 0.2231])

    https://docs.pytorch.org/docs/2.13/generated/torch.signal.windows.exponential.html
    """
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    distance = _distance(M, sym, center)
    return _window("exponential", lambda t: minitorch.exp(-distance(t).abs() / tau), M, sym, options)


def gaussian(M, *, std=1.0, sym=True, **options):
    """exp(-(distance from the centre / std)^2 / 2).

    >>> gaussian(4)
    tensor([0.3247, 0.8825, 0.8825, 0.3247])

    https://docs.pytorch.org/docs/2.13/generated/torch.signal.windows.gaussian.html
    """
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    distance = _distance(M, sym)
    return _window("gaussian", lambda t: minitorch.exp(-((distance(t) / std) ** 2) / 2), M, sym, options)


def general_cosine(M, *, a, sym=True, **options):
    """a[0] - a[1] cos(2 pi t) + a[2] cos(4 pi t) - ...

    TypeError if a is no list or tuple, ValueError if it is empty.

    >>> general_cosine(5, a=[0.4, 0.3, 0.3])
    tensor([0.4000, 0.1000, 1.0000, 0.1000, 0.4000])

    https://docs.pytorch.org/docs/2.13/generated/torch.signal.windows.general_cosine.html
    """
    if not isinstance(a, (list, tuple)):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    return _window("general_cosine", cosines(*a), M, sym, options)


def general_hamming(M, *, alpha=0.54, sym=True, **options):
    """alpha - (1 - alpha) cos(2 pi t).

    >>> general_hamming(5)
    tensor([0.0800, 0.5400, 1.0000, 0.5400, 0.0800])

    https://docs.pytorch.org/docs/2.13/generated/torch.signal.windows.general_hamming.html
    """
    return general_cosine(M, a=[alpha, 1.0 - alpha], sym=sym, **options)


def hamming(M, *, sym=True, **options):
    """0.54 - 0.46 cos(2 pi t).

    >>> hamming(5)
    tensor([0.0800, 0.5400, 1.0000, 0.5400, 0.0800])

    https://docs.pytorch.org/docs/2.13/generated/torch.signal.windows.hamming.html
    """
    return general_hamming(M, sym=sym, **options)


def hann(M, *, sym=True, **options):
    """0.5 - 0.5 cos(2 pi t).

    >>> hann(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.signal.windows.hann.html
    """
    return general_hamming(M, alpha=0.5, sym=sym, **options)


def kaiser(M, *, beta=12.0, sym=True, **options):
    """I0(beta sqrt(1 - (2 t - 1)^2)) / I0(beta), I0 the modified Bessel function. ValueError if beta < 0.

    >>> kaiser(3, beta=0.0)
    tensor([1., 1., 1.])

    https://docs.pytorch.org/docs/2.13/generated/torch.signal.windows.kaiser.html
    """
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _window("kaiser", bessel(float(beta)), M, sym, options)


def nuttall(M, *, sym=True, **options):
    """A sum of four cosines with side lobes below 93 dB (A. H. Nuttall, IEEE Trans. ASSP 29, 1981).

    >>> nuttall(5)[1:3]
    tensor([0.2270, 1.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.signal.windows.nuttall.html
    """
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, **options)
