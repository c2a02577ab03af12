"""Eigenvalues of matrices that are not symmetric, by LAPACK as NumPy has it, with derivatives.

A V = V diag(L). With E_ij = conj(L_j - L_i), and G = V^H gV - V^H V Re(diag(V^H gV)), which takes out that
each column of V keeps its length, the gradient is

    gA = V^-H (diag(gL) + G / E off the diagonal) V^H

(Boeddeker et al., "On the computation of complex-valued gradients with application to statistically optimum
beamforming", 2017). Eigenvectors are known up to a phase: they have a gradient if the loss does not see it.
"""

from typing import Any, NamedTuple

import numpy as np

import minitorch
from minitorch import _C
from minitorch.autograd import Function


class linalg_eig(NamedTuple):
    """What eig returns."""

    eigenvalues: Any
    eigenvectors: Any

    def __repr__(self):
        return f"torch.return_types.linalg_eig(\neigenvalues={self[0]},\neigenvectors={self[1]})"


class LinalgEig(Function):
    """L and V of matrices (..., n, n)."""

    @staticmethod
    def forward(ctx, a):
        found = np.linalg.eig(a.detach().numpy())
        values, vectors = (minitorch.from_numpy(np.require(x, requirements="CW")) for x in found)
        values, vectors = values.to(a.dtype.to_complex()), vectors.to(a.dtype.to_complex())
        ctx.real = not a.is_complex()
        ctx.save_for_backward(values, vectors)
        return values, vectors

    @staticmethod
    def backward(ctx, g_values, g_vectors):
        values, v = ctx.saved_tensors
        middle = minitorch.diag_embed(g_values)
        if g_vectors is not None and g_vectors.numel():
            inner = v.mH @ g_vectors
            diagonal = inner.diagonal(0, -2, -1)
            if g_vectors.abs().max() > 0 and not (diagonal.imag.abs() < 1e-3 * (1 + diagonal.abs())).all():
                raise RuntimeError(
                    "linalg_eig_backward: The eigenvectors in the complex case are specified up to "
                    "multiplication by e^{i phi}. The specified loss function depends on this quantity, so "
                    "it is ill-defined."
                )
            inner = inner - (v.mH @ v) * diagonal.real.unsqueeze(-2)
            eye = minitorch.eye(v.shape[-1], dtype=minitorch.bool)
            gaps = (values.unsqueeze(-2) - values.unsqueeze(-1)).conj()
            middle = middle + (inner / gaps.masked_fill(eye, 1)).masked_fill(eye, 0)
        g = minitorch.linalg.solve(v.mH, middle @ v.mH)
        return g.real if ctx.real else g


def _checked(name, a):
    if not isinstance(a, _C.Tensor):
        raise TypeError(f"linalg_{name}(): argument 'A' (position 1) must be Tensor, not {type(a).__name__}")
    if a.dim() < 2:
        raise RuntimeError(f"linalg.{name}: The input tensor A must have at least 2 dimensions.")
    if a.shape[-1] != a.shape[-2]:
        raise RuntimeError(
            f"linalg.{name}: A must be batches of square matrices, but they are {a.shape[-2]} by "
            f"{a.shape[-1]} matrices"
        )
    a.dtype.to_complex()  # raises for integers
    if not a.isfinite().all():
        raise RuntimeError(f"torch.linalg.{name}: input tensor should not contain infs or NaNs.")
    return a


def eig(A, *, out=None):
    """The eigenvalues (..., n) and eigenvectors (..., n, n), in columns of length 1, of square matrices.

    Types: real or complex; the results are complex. The order of the eigenvalues is LAPACK's.

    Raises RuntimeError if A is not square, holds infinities or NaN, or integers.

    >>> import minitorch
    >>> minitorch.linalg.eig(minitorch.tensor([[0.0, 1.0], [-1.0, 0.0]])).eigenvalues
    tensor([0.+1.j, 0.-1.j])

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.eig.html
    """
    found = linalg_eig(*LinalgEig.apply(_checked("eig", A)))
    if out is None:
        return found
    return linalg_eig(*(to.resize_(x.shape).copy_(x) for to, x in zip(out, found, strict=True)))


def eigvals(A, *, out=None):
    """The eigenvalues (..., n) of square matrices, complex, in LAPACK's order. Raises as eig().

    >>> import minitorch
    >>> minitorch.linalg.eigvals(minitorch.tensor([[2.0, 0.0], [0.0, 3.0]]))
    tensor([2.+0.j, 3.+0.j])

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.eigvals.html
    """
    found = LinalgEig.apply(_checked("eigvals", A))[0]
    return found if out is None else out.resize_(found.shape).copy_(found)
