"""Distributions of real numbers and vectors. Formulas as in N. Johnson, S. Kotz and N. Balakrishnan,
"Continuous Univariate Distributions" (1994); draws in PyTorch's order. Read next: discrete.py.

Source: https://docs.pytorch.org/docs/2.13/distributions.html
"""

import math

import minitorch
from minitorch import Size

from . import constraints
from ._sample import standard_gamma
from .distribution import Distribution, broadcast_all, standard_normal


class Normal(Distribution):
    """exp(-(x - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    >>> import minitorch
    >>> Normal(0.0, 1.0).log_prob(minitorch.tensor(0.0))
    tensor(-0.9189)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#normal
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.size(), validate_args=validate_args)

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)
    stddev = property(lambda self: self.scale)
    variance = property(lambda self: self.stddev.pow(2))

    def sample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        with minitorch.no_grad():
            return minitorch.normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape=()):
        return self.loc + standard_normal(self._extended_shape(sample_shape), self.loc) * self.scale

    def log_prob(self, value):
        self._validate_sample(value)
        square = (value - self.loc) ** 2 / (2 * self.scale**2)
        return -square - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value):
        self._validate_sample(value)
        return 0.5 * (1 + minitorch.erf((value - self.loc) * self.scale.reciprocal() / math.sqrt(2)))

    def icdf(self, value):
        return self.loc + self.scale * minitorch.erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self):
        return 0.5 + 0.5 * math.log(2 * math.pi) + minitorch.log(self.scale)


class Uniform(Distribution):
    """1 / (high - low) from low to high. ValueError unless low < high.

    >>> import minitorch
    >>> Uniform(0.0, 4.0).variance
    tensor(1.3333)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#uniform
    """

    has_rsample = True

    def __init__(self, low, high, validate_args=None):
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.size(), validate_args=validate_args)

    @property
    def arg_constraints(self):
        """Where the parameters must lie."""
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    support = property(lambda self: constraints.interval(self.low, self.high))
    mean = property(lambda self: (self.high + self.low) / 2)
    mode = property(lambda self: minitorch.full_like(self.high, math.nan))
    stddev = property(lambda self: (self.high - self.low) / 12**0.5)
    variance = property(lambda self: (self.high - self.low).pow(2) / 12)

    def rsample(self, sample_shape=()):
        part = minitorch.rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + part * (self.high - self.low)

    def log_prob(self, value):
        self._validate_sample(value)
        inside = (self.low <= value) & (self.high > value)
        return minitorch.log(inside.type_as(self.low)) - minitorch.log(self.high - self.low)

    def cdf(self, value):
        self._validate_sample(value)
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value):
        return value * (self.high - self.low) + self.low

    def entropy(self):
        return minitorch.log(self.high - self.low)


class Exponential(Distribution):
    """rate exp(-rate x) for x >= 0.

    >>> import minitorch
    >>> Exponential(2.0).mean
    tensor(0.5000)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#exponential
    """

    arg_constraints = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, rate, validate_args=None):
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.size(), validate_args=validate_args)

    mean = property(lambda self: self.rate.reciprocal())
    mode = property(lambda self: minitorch.zeros_like(self.rate))
    stddev = property(lambda self: self.rate.reciprocal())
    variance = property(lambda self: self.rate.pow(-2))

    def rsample(self, sample_shape=()):
        drawn = minitorch.empty(self._extended_shape(sample_shape), dtype=self.rate.dtype)
        return drawn.exponential_() / self.rate

    def log_prob(self, value):
        self._validate_sample(value)
        return self.rate.log() - self.rate * value

    def cdf(self, value):
        self._validate_sample(value)
        return 1 - minitorch.exp(-self.rate * value)

    def icdf(self, value):
        return -minitorch.log1p(-value) / self.rate

    def entropy(self):
        return 1.0 - minitorch.log(self.rate)


class Laplace(Distribution):
    """exp(-|x - loc| / scale) / (2 scale).

    >>> import minitorch
    >>> Laplace(0.0, 1.0).log_prob(minitorch.tensor(1.0))
    tensor(-1.6931)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#laplace
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.size(), validate_args=validate_args)

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)
    stddev = property(lambda self: 2**0.5 * self.scale)
    variance = property(lambda self: 2 * self.scale.pow(2))

    def rsample(self, sample_shape=()):
        low = minitorch.finfo(self.loc.dtype).eps - 1
        u = minitorch.empty(self._extended_shape(sample_shape), dtype=self.loc.dtype).uniform_(low, 1)
        return self.loc - self.scale * u.sign() * minitorch.log1p(-u.abs())

    def log_prob(self, value):
        self._validate_sample(value)
        return -minitorch.log(2 * self.scale) - minitorch.abs(value - self.loc) / self.scale

    def cdf(self, value):
        self._validate_sample(value)
        away = value - self.loc
        return 0.5 - 0.5 * away.sign() * minitorch.expm1(-away.abs() / self.scale)

    def icdf(self, value):
        away = value - 0.5
        return self.loc - self.scale * away.sign() * minitorch.log1p(-2 * away.abs())

    def entropy(self):
        return 1 + minitorch.log(2 * self.scale)


class Cauchy(Distribution):
    """1 / (pi scale (1 + ((x - loc) / scale)^2)), which has no mean.

    >>> import minitorch
    >>> Cauchy(0.0, 1.0).log_prob(minitorch.tensor(0.0))
    tensor(-1.1447)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#cauchy
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.size(), validate_args=validate_args)

    mean = property(lambda self: minitorch.full_like(self.loc, math.nan))
    mode = property(lambda self: self.loc)
    variance = property(lambda self: minitorch.full_like(self.loc, math.inf))

    def rsample(self, sample_shape=()):
        drawn = minitorch.empty(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + drawn.cauchy_() * self.scale

    def log_prob(self, value):
        self._validate_sample(value)
        square = ((value - self.loc) / self.scale) ** 2
        return -math.log(math.pi) - self.scale.log() - square.log1p()

    def cdf(self, value):
        self._validate_sample(value)
        return minitorch.atan((value - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value):
        return minitorch.tan(math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self):
        return math.log(4 * math.pi) + self.scale.log()


class Gamma(Distribution):
    """rate^a x^(a - 1) exp(-rate x) / Gamma(a), a being the concentration.

    >>> import minitorch
    >>> Gamma(3.0, 2.0).mean
    tensor(1.5000)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#gamma
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, concentration, rate, validate_args=None):
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.size(), validate_args=validate_args)

    mean = property(lambda self: self.concentration / self.rate)
    mode = property(lambda self: ((self.concentration - 1) / self.rate).clamp(min=0))
    variance = property(lambda self: self.concentration / self.rate.pow(2))

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        value = standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        value.detach().clamp_(min=minitorch.finfo(value.dtype).tiny)
        return value

    def log_prob(self, value):
        value = minitorch.as_tensor(value, dtype=self.rate.dtype)
        self._validate_sample(value)
        return (
            minitorch.xlogy(self.concentration, self.rate)
            + minitorch.xlogy(self.concentration - 1, value)
            - self.rate * value
            - minitorch.lgamma(self.concentration)
        )

    def entropy(self):
        a = self.concentration
        return a - minitorch.log(self.rate) + minitorch.lgamma(a) + (1.0 - a) * minitorch.digamma(a)


class Chi2(Gamma):
    """The sum of df squares of standard normal numbers: Gamma(df / 2, 1 / 2).

    >>> import minitorch
    >>> Chi2(3.0).mean
    tensor(3.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#chi2
    """

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df, validate_args=None):
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    df = property(lambda self: self.concentration * 2)


class StudentT(Distribution):
    """Student's t with df degrees of freedom, moved and scaled.

    >>> import minitorch
    >>> StudentT(3.0).variance
    tensor(3.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#studentt
    """

    arg_constraints = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True
    _inner = ("_chi2",)

    def __init__(self, df, loc=0.0, scale=1.0, validate_args=None):
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.size(), validate_args=validate_args)

    mode = property(lambda self: self.loc)

    @property
    def mean(self):
        return minitorch.where(self.df > 1, self.loc, math.nan)

    @property
    def variance(self):
        finite = self.scale.pow(2) * self.df / (self.df - 2)
        return minitorch.where(self.df > 2, finite, minitorch.where(self.df > 1, math.inf, math.nan)).to(
            self.df.dtype
        )

    def rsample(self, sample_shape=()):
        x = standard_normal(self._extended_shape(sample_shape), self.df)
        z = self._chi2.rsample(sample_shape)
        return self.loc + self.scale * (x * minitorch.rsqrt(z / self.df))

    def log_prob(self, value):
        self._validate_sample(value)
        y = (value - self.loc) / self.scale
        z = (
            self.scale.log()
            + 0.5 * self.df.log()
            + 0.5 * math.log(math.pi)
            + minitorch.lgamma(0.5 * self.df)
            - minitorch.lgamma(0.5 * (self.df + 1.0))
        )
        return -0.5 * (self.df + 1.0) * minitorch.log1p(y**2.0 / self.df) - z

    def entropy(self):
        half, more = 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = minitorch.lgamma(half) + math.lgamma(0.5) - minitorch.lgamma(half + 0.5)
        slopes = minitorch.digamma(more) - minitorch.digamma(half)
        return self.scale.log() + more * slopes + 0.5 * self.df.log() + log_beta


class Dirichlet(Distribution):
    """Vectors of positive parts of 1: the density is in proportion to prod x_i^(concentration_i - 1).

    Gradients flow through the gamma numbers whose parts the samples are.

    >>> import minitorch
    >>> Dirichlet(minitorch.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#dirichlet
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration, validate_args=None):
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    mean = property(lambda self: self.concentration / self.concentration.sum(-1, True))

    @property
    def mode(self):
        above = (self.concentration - 1).clamp(min=0.0)
        mode = above / above.sum(-1, True)
        flat = (self.concentration < 1).all(-1)
        if flat.any():
            n = self.concentration.size(-1)
            corner = minitorch.nn.functional.one_hot(mode.argmax(-1), n).to(mode.dtype)
            mode = minitorch.where(flat.unsqueeze(-1), corner, mode)
        return mode

    @property
    def variance(self):
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape=()):
        drawn = standard_gamma(self.concentration.expand(self._extended_shape(sample_shape)).double())
        parts = (drawn / drawn.sum(-1, True)).to(self.concentration.dtype)
        info = minitorch.finfo(parts.dtype)
        parts.detach().clamp_(info.tiny, 1 - info.eps / 2)
        return parts

    def log_prob(self, value):
        self._validate_sample(value)
        a = self.concentration
        powers = minitorch.xlogy(a - 1.0, value).sum(-1)
        return powers + minitorch.lgamma(a.sum(-1)) - minitorch.lgamma(a).sum(-1)

    def entropy(self):
        a = self.concentration
        k, total = a.size(-1), a.sum(-1)
        return (
            minitorch.lgamma(a).sum(-1)
            - minitorch.lgamma(total)
            - (k - total) * minitorch.digamma(total)
            - ((a - 1.0) * minitorch.digamma(a)).sum(-1)
        )


class Beta(Distribution):
    """x^(a - 1) (1 - x)^(b - 1) / B(a, b), with a = concentration1 and b = concentration0.

    >>> import minitorch
    >>> Beta(1.0, 3.0).mean
    tensor(0.2500)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#beta
    """

    arg_constraints = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True
    _inner = ("_dirichlet",)

    def __init__(self, concentration1, concentration0, validate_args=None):
        both = minitorch.stack(broadcast_all(concentration1, concentration0), -1)
        self._dirichlet = Dirichlet(both, validate_args=validate_args)
        super().__init__(self._dirichlet.batch_shape, validate_args=validate_args)

    concentration1 = property(lambda self: self._dirichlet.concentration[..., 0])
    concentration0 = property(lambda self: self._dirichlet.concentration[..., 1])

    mode = property(lambda self: self._dirichlet.mode[..., 0])

    @property
    def mean(self):
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def variance(self):
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape=()):
        return self._dirichlet.rsample(sample_shape).select(-1, 0)

    def log_prob(self, value):
        self._validate_sample(value)
        return self._dirichlet.log_prob(minitorch.stack([value, 1.0 - value], -1))

    def entropy(self):
        return self._dirichlet.entropy()


class MultivariateNormal(Distribution):
    """Normal vectors with a mean and one of: covariance matrix, its inverse, its Cholesky factor.

    loc: (..., n); the matrices: (..., n, n). ValueError unless just one matrix is given.

    >>> import minitorch
    >>> MultivariateNormal(minitorch.zeros(2), minitorch.eye(2)).log_prob(minitorch.zeros(2))
    tensor(-1.8379)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#multivariatenormal
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None
    ):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        matrices = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        given = [name for name, matrix in matrices.items() if matrix is not None]
        if len(given) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
            )
        matrix = matrices[given[0]]
        if matrix.dim() < 2:
            raise ValueError(
                f"{given[0]} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch = minitorch.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        n = loc.shape[-1:]
        self.loc = loc.expand(Size((*batch, *n)))
        matrix = matrix.expand(Size((*batch, *matrix.shape[-2:])))
        setattr(self, given[0], matrix)  # the one that is checked and shown; see __getattr__ for the others
        super().__init__(batch, n, validate_args=validate_args)
        if given[0] == "scale_tril":
            self._tril = matrix
        elif given[0] == "covariance_matrix":
            self._tril = minitorch.linalg.cholesky(matrix)
        else:
            self._tril = minitorch.linalg.cholesky(minitorch.linalg.inv(matrix))

    def __getattr__(self, name):
        if name == "scale_tril":
            return self._tril
        if name == "covariance_matrix":
            return self._tril @ self._tril.mT
        if name == "precision_matrix":
            return minitorch.linalg.inv(self._tril @ self._tril.mT)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)
    variance = property(lambda self: self._tril.pow(2).sum(-1))

    def rsample(self, sample_shape=()):
        eps = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + (self._tril @ eps.unsqueeze(-1)).squeeze(-1)

    def _half_log_det(self):
        return self._tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value):
        self._validate_sample(value)
        difference = (value - self.loc).unsqueeze(-1)
        solved = minitorch.linalg.solve_triangular(self._tril, difference, upper=False)
        square = solved.squeeze(-1).pow(2).sum(-1)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + square) - self._half_log_det()

    def entropy(self):
        n = self._event_shape[0]
        return 0.5 * n * (1.0 + math.log(2 * math.pi)) + self._half_log_det()
