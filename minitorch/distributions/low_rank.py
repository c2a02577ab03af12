"""Normal vectors of many dimensions, few of which hang together. Read next: kl.py.

Source: https://docs.pytorch.org/docs/2.13/distributions.html
"""

import math

import minitorch
from minitorch import Size

from . import constraints
from .distribution import Distribution, standard_normal


class LowRankMultivariateNormal(Distribution):
    """Normal vectors of the covariance cov_factor cov_factor^T + diag(cov_diag).

    loc: (..., n); cov_factor: (..., n, m), where m is small; cov_diag: (..., n), positive.
    Densities take time in proportion to n m^2, for they are computed by Woodbury's identity.

    >>> import minitorch
    >>> d = LowRankMultivariateNormal(minitorch.zeros(2), minitorch.ones(2, 1), minitorch.ones(2))
    >>> d.covariance_matrix
    tensor([[2., 1.],
            [1., 2.]])

    Raises ValueError for shapes that do not fit.

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#lowrankmultivariatenormal
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc, cov_factor, cov_diag, validate_args=None):
        batch, n = self._fit(loc, cov_factor, cov_diag), loc.shape[-1:]
        self.loc = loc.expand(Size((*batch, *n)))
        self.cov_factor = cov_factor.expand(Size((*batch, *cov_factor.shape[-2:])))
        self.cov_diag = cov_diag.expand(Size((*batch, *n)))
        super().__init__(batch, n, validate_args=validate_args)

    @staticmethod
    def _fit(loc, factor, diag):
        """The shape of the batch."""
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        if factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch dimensions"
            )
        n = loc.shape[-1:]
        if factor.shape[-2:-1] != n:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {n[0]} x m")
        if diag.shape[-1:] != n:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {n}")
        try:
            return minitorch.broadcast_shapes(loc.shape[:-1], factor.shape[:-2], diag.shape[:-1])
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {factor.shape}, "
                f"cov_diag {diag.shape}"
            ) from error

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)
    variance = property(lambda self: self.cov_factor.pow(2).sum(-1) + self.cov_diag)

    @property
    def covariance_matrix(self):
        """The covariance, (..., n, n)."""
        return self.cov_factor @ self.cov_factor.mT + minitorch.diag_embed(self.cov_diag)

    @property
    def precision_matrix(self):
        """Its inverse."""
        solved = minitorch.linalg.solve_triangular(self._small, self._weighted(), upper=False)
        return minitorch.diag_embed(self.cov_diag.reciprocal()) - solved.mT @ solved

    @property
    def scale_tril(self):
        """Its Cholesky factor."""
        root = self.cov_diag.sqrt().unsqueeze(-1)
        inner = self.cov_factor / root
        return root * minitorch.linalg.cholesky(inner @ inner.mT + minitorch.eye(inner.size(-2)).to(root))

    def _weighted(self):
        return self.cov_factor.mT / self.cov_diag.unsqueeze(-2)

    @property
    def _small(self):
        """The Cholesky factor of 1 + W^T D^-1 W, (..., m, m)."""
        m = self.cov_factor.size(-1)
        return minitorch.linalg.cholesky(self._weighted() @ self.cov_factor + minitorch.eye(m).to(self.loc))

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        common = standard_normal((*shape[:-1], self.cov_factor.size(-1)), self.loc)
        own = standard_normal(shape, self.loc)
        return self.loc + (self.cov_factor @ common.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * own

    def _half_log_det(self):
        inner = self._small.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return inner + 0.5 * self.cov_diag.log().sum(-1)

    def log_prob(self, value):
        self._validate_sample(value)
        away = value - self.loc
        inner = (self._weighted() @ away.unsqueeze(-1)).squeeze(-1).unsqueeze(-1)
        solved = minitorch.linalg.solve_triangular(self._small, inner, upper=False).squeeze(-1)
        square = (away.pow(2) / self.cov_diag).sum(-1) - solved.pow(2).sum(-1)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + square) - self._half_log_det()

    def entropy(self):
        n = self._event_shape[0]
        return 0.5 * n * (1.0 + math.log(2 * math.pi)) + self._half_log_det()
