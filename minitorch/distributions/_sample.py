"""Gamma numbers with a derivative, behind the distributions that are made of them."""

import numpy as np

import minitorch
from minitorch import _C


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
        drawn = _C._standard_gamma(concentration.detach())
        ctx.save_for_backward(concentration, drawn)
        return drawn

    @staticmethod
    def backward(ctx, grad):
        a, x = (t.detach().contiguous().numpy().astype(np.float64) for t in ctx.saved_tensors)
        return grad * minitorch.from_numpy(_gamma_slopes(a, x)).to(grad.dtype)


def standard_gamma(concentration):
    """A gamma number of rate 1 for each element; gradients flow to the concentration."""
    return _StandardGamma.apply(concentration)
