"""Numbers that are drawn by trial: gamma, Poisson and binomial ones, one after the other in Python.

They draw PyTorch's words in PyTorch's order: uniforms of 53 bits and normals of the generator, in double.
"""

import math

import numpy as np

import minitorch


def _uniform(generator):
    return minitorch.rand((), dtype=minitorch.float64, generator=generator).item()


def _normal(generator):
    return minitorch.randn((), dtype=minitorch.float64, generator=generator).item()


def _filled(draw, generator, *parameters):
    """A tensor of draw(..., generator) at every element of the parameters, in row-major order."""
    arrays = [p.detach().contiguous().numpy().astype(np.float64) for p in parameters]
    values = [
        draw(*numbers, generator) for numbers in zip(*(a.ravel().tolist() for a in arrays), strict=True)
    ]
    values = np.array(values, dtype=np.float64).reshape(arrays[0].shape)
    return minitorch.from_numpy(values).to(parameters[0].dtype)


# ---- gamma -----------------------------------------------------------------------------------------------


def _one_gamma(a, generator):
    """G. Marsaglia and W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000)."""
    scale = 1.0
    if a < 1.0:
        if a == 0.0:
            return 0.0
        scale *= (1 - _uniform(generator)) ** (1.0 / a)
        a += 1.0
    d = a - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        y = 0.0
        while y <= 0.0:
            x = _normal(generator)
            y = 1.0 + c * x
        v = y * y * y
        u = 1 - _uniform(generator)
        square = x * x
        if u < 1.0 - 0.0331 * square * square:
            return scale * d * v
        if math.log(u) < 0.5 * square + d * (1.0 - v + math.log(v)):
            return scale * d * v


def _gamma_slopes(a, x):
    """dx / da at a constant value of the distribution function F(x; a): -(dF/da) / (dF/dx).

    F = sum of t_n with t_n = x^(a + n) e^-x / Gamma(a + n + 1), and dt_n/da = t_n (log x - psi(a + n + 1)).
    """
    x = np.maximum(x, np.finfo(np.float64).tiny)
    log_x = np.log(x)
    psi = minitorch.digamma(minitorch.from_numpy(a + 1)).numpy()
    gammas = minitorch.lgamma(minitorch.from_numpy(a + 1)).numpy()
    term = np.exp(a * log_x - x - gammas)
    slope, n = term * (log_x - psi), 0
    while True:
        n += 1
        psi = psi + 1 / (a + n)
        term = term * x / (a + n)
        slope = slope + term * (log_x - psi)
        if np.all((term * (1 + np.abs(log_x - psi)) <= 1e-17 * np.abs(slope)) | (term < 1e-300)):
            break
    density = np.exp((a - 1) * log_x - x - (gammas - np.log(a)))
    return -slope / np.maximum(density, np.finfo(np.float64).tiny)


class _StandardGamma(minitorch.autograd.Function):
    """Gamma numbers of rate 1, with the derivative at constant probability (M. Figurnov et al., 2018)."""

    @staticmethod
    def forward(ctx, concentration):
        drawn = _filled(_one_gamma, None, concentration)
        drawn = drawn.clamp(min=minitorch.finfo(drawn.dtype).tiny)
        ctx.save_for_backward(concentration, drawn)
        return drawn

    @staticmethod
    def backward(ctx, grad):
        a, x = (t.detach().contiguous().numpy().astype(np.float64) for t in ctx.saved_tensors)
        return grad * minitorch.from_numpy(_gamma_slopes(a, x)).to(grad.dtype)


def standard_gamma(concentration):
    """A gamma number of rate 1 for each element; gradients flow to the concentration."""
    return _StandardGamma.apply(concentration)


# ---- counts ----------------------------------------------------------------------------------------------


def _one_poisson(rate, generator):
    """By multiplication below 10; else W. Hörmann, "The transformed rejection method for generating Poisson
    random variables", Insurance: Mathematics and Economics 12 (1993), algorithm PTRS."""
    if rate == 0:
        return 0.0
    if rate < 10:
        limit, product, k = math.exp(-rate), 1.0, 0
        while True:
            product *= _uniform(generator)
            if product <= limit:
                return float(k)
            k += 1
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    ratio = 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = _uniform(generator) - 0.5, _uniform(generator)
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= ratio:
            return float(k)
        if k < 0 or (us < 0.013 and v > us):
            continue
        log_v = math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if log_v <= -rate + k * math.log(rate) - math.lgamma(k + 1):
            return float(k)


def poisson(rate, generator=None):
    """A Poisson number for each rate."""
    return _filled(_one_poisson, generator, rate)


def _stirling_tail(k):
    """log k! without Stirling's formula up to log k."""
    return math.lgamma(k + 1) - ((k + 0.5) * math.log(k + 1) - (k + 1) + 0.5 * math.log(2 * math.pi))


def _one_binomial(n, p, generator):
    """By geometric gaps where n p < 10; else W. Hörmann, "The generation of binomial random variates", J. of
    Statistical Computation and Simulation 46 (1993), algorithm BTRS."""
    if n <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return n
    if p > 0.5:
        return n - _one_binomial(n, 1 - p, generator)
    if n * p < 10:
        total, k = 0.0, 0
        while True:
            total += math.ceil(math.log(_uniform(generator)) / math.log1p(-p))
            if total > n:
                return float(k)
            k += 1
    deviation = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = n * p + 0.5
    ratio, odds = 0.92 - 4.2 / b, p / (1 - p)
    alpha = (2.83 + 5.1 / b) * deviation
    m = math.floor((n + 1) * p)
    while True:
        u, v = _uniform(generator) - 0.5, _uniform(generator)
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + c)
        if us >= 0.07 and v <= ratio:
            return float(k)
        if k < 0 or k > n:
            continue
        bound = (
            (m + 0.5) * math.log((m + 1) / (odds * (n - m + 1)))
            + (n + 1) * math.log((n - m + 1) / (n - k + 1))
            + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
            + _stirling_tail(m)
            + _stirling_tail(n - m)
            - _stirling_tail(k)
            - _stirling_tail(n - k)
        )
        if math.log(v * alpha / (a / (us * us) + b)) <= bound:
            return float(k)


def binomial(count, probability, generator=None):
    """A binomial number for each count and probability."""
    return _filled(_one_binomial, generator, count, probability)
