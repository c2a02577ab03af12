"""Distributions of positive numbers, many with heavy tails: large values are not rare.

Formulas as in N. Johnson, S. Kotz and N. Balakrishnan, "Continuous Univariate Distributions" (1994); draws in
PyTorch's order. Read next: bounded.py.

Source: https://docs.pytorch.org/docs/2.13/distributions.html
"""

import math

import minitorch

from . import constraints
from .continuous import Cauchy, Exponential, Gamma
from .distribution import EULER, Distribution, broadcast_all


class HalfCauchy(Distribution):
    """The absolute value of a Cauchy number around 0, which has no finite mean.

    >>> import minitorch
    >>> HalfCauchy(1.0).cdf(minitorch.tensor(1.0))
    tensor(0.5000)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#halfcauchy
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _inner = ("_cauchy",)

    def __init__(self, scale, validate_args=None):
        self._cauchy = Cauchy(0, scale, validate_args=False)
        super().__init__(self._cauchy.batch_shape, validate_args=validate_args)
        if self._validate_args:
            self._check_parameter("scale", constraints.positive)

    scale = property(lambda self: self._cauchy.scale)
    mean = property(lambda self: minitorch.full_like(self.scale, math.inf))
    mode = property(lambda self: minitorch.zeros_like(self.scale))
    variance = property(lambda self: self._cauchy.variance)

    def sample(self, sample_shape=()):
        return self._cauchy.sample(sample_shape).abs()

    def rsample(self, sample_shape=()):
        return self._cauchy.rsample(sample_shape).abs()

    def log_prob(self, value):
        self._validate_sample(value)
        density = self._cauchy.log_prob(value) + math.log(2)
        return minitorch.where(value >= 0, density, -math.inf)

    def cdf(self, value):
        self._validate_sample(value)
        return 2 * self._cauchy.cdf(value) - 1

    def icdf(self, value):
        return self._cauchy.icdf((value + 1) / 2)

    def entropy(self):
        return self._cauchy.entropy() - math.log(2)


class Pareto(Distribution):
    """alpha scale^alpha / x^(alpha + 1) for x >= scale: what few have most of.

    >>> Pareto(1.0, 3.0).mean
    tensor(1.5000)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#pareto
    """

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}
    has_rsample = True
    _inner = ("_exponential",)

    def __init__(self, scale, alpha, validate_args=None):
        self.scale, self.alpha = broadcast_all(scale, alpha)
        self._exponential = Exponential(self.alpha, validate_args=validate_args)
        super().__init__(self.scale.size(), validate_args=validate_args)

    support = property(lambda self: constraints.greater_than_eq(self.scale))
    mode = property(lambda self: self.scale)

    @property
    def mean(self):
        a = self.alpha.clamp(min=1)
        return a * self.scale / (a - 1)

    @property
    def variance(self):
        a = self.alpha.clamp(min=2)
        return self.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))

    def rsample(self, sample_shape=()):
        return self._exponential.rsample(sample_shape).exp() * self.scale

    def log_prob(self, value):
        self._validate_sample(value)
        return self.alpha.log() - self.alpha * (value / self.scale).log() - value.log()

    def cdf(self, value):
        self._validate_sample(value)
        return 1 - (self.scale / value) ** self.alpha

    def icdf(self, value):
        return self.scale * (-minitorch.log1p(-value) / self.alpha).exp()

    def entropy(self):
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())


class Weibull(Distribution):
    """A power of an exponential number: P(X > x) = exp(-(x / scale)^concentration).

    >>> Weibull(2.0, 1.0).mean
    tensor(2.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#weibull
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, scale, concentration, validate_args=None):
        self.scale, self.concentration = broadcast_all(scale, concentration)
        super().__init__(self.scale.size(), validate_args=validate_args)

    concentration_reciprocal = property(lambda self: self.concentration.reciprocal())
    mean = property(lambda self: self.scale * self._moment(1))
    variance = property(lambda self: self.scale.pow(2) * (self._moment(2) - self._moment(1) ** 2))

    def _moment(self, n):
        """The mean of X^n where scale is 1."""
        return minitorch.lgamma(1 + n * self.concentration_reciprocal).exp()

    @property
    def mode(self):
        part = (self.concentration - 1) / self.concentration
        return self.scale * part**self.concentration_reciprocal

    def rsample(self, sample_shape=()):
        drawn = Exponential(minitorch.ones_like(self.scale), validate_args=False).rsample(sample_shape)
        return drawn.pow(self.concentration_reciprocal) * self.scale

    def log_prob(self, value):
        self._validate_sample(value)
        k, x = self.concentration, value / self.scale
        return (k / self.scale).log() + (k - 1) * x.log() - x.pow(k)

    def cdf(self, value):
        self._validate_sample(value)
        return 1 - minitorch.exp(-(value / self.scale).pow(self.concentration))

    def icdf(self, value):
        return self.scale * (-minitorch.log1p(-value)).pow(self.concentration_reciprocal)

    def entropy(self):
        part = self.concentration_reciprocal
        return EULER * (1 - part) + minitorch.log(self.scale * part) + 1


class InverseGamma(Distribution):
    """1 / x of a gamma number x: the usual prior of a variance.

    >>> InverseGamma(3.0, 4.0).mean
    tensor(2.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#inversegamma
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _inner = ("_gamma",)

    def __init__(self, concentration, rate, validate_args=None):
        self._gamma = Gamma(concentration, rate, validate_args=validate_args)
        super().__init__(self._gamma.batch_shape, validate_args=validate_args)

    concentration = property(lambda self: self._gamma.concentration)
    rate = property(lambda self: self._gamma.rate)
    mode = property(lambda self: self.rate / (self.concentration + 1))

    @property
    def mean(self):
        finite = self.rate / (self.concentration - 1)
        return minitorch.where(self.concentration > 1, finite, math.inf)

    @property
    def variance(self):
        a = self.concentration
        return minitorch.where(a > 2, (self.rate / (a - 1)).square() / (a - 2), math.inf)

    def sample(self, sample_shape=()):
        with minitorch.no_grad():
            return self._invert(self._gamma.sample(sample_shape))

    def rsample(self, sample_shape=()):
        return self._invert(self._gamma.rsample(sample_shape))

    def _invert(self, x):
        return x.pow(-minitorch.ones((), dtype=x.dtype))  # rounds as PyTorch's power does

    def log_prob(self, value):
        self._validate_sample(value)
        return self._gamma.log_prob(value.reciprocal()) - 2 * value.log()

    def entropy(self):
        a = self.concentration
        return a + self.rate.log() + minitorch.lgamma(a) - (1 + a) * minitorch.digamma(a)


class FisherSnedecor(Distribution):
    """The F distribution: the ratio of two Chi2 numbers, each divided by its degrees of freedom.

    >>> FisherSnedecor(2.0, 4.0).mean
    tensor(2.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#fishersnedecor
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _inner = ("_gamma1", "_gamma2")

    def __init__(self, df1, df2, validate_args=None):
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1 = Gamma(self.df1 * 0.5, self.df1)
        self._gamma2 = Gamma(self.df2 * 0.5, self.df2)
        super().__init__(self.df1.size(), validate_args=validate_args)

    @property
    def mean(self):
        return minitorch.where(self.df2 > 2, self.df2 / (self.df2 - 2), math.nan)

    @property
    def mode(self):
        return minitorch.where(self.df1 > 2, (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2), math.nan)

    @property
    def variance(self):
        m, n = self.df1, self.df2
        finite = 2 * n.pow(2) * (m + n - 2) / (m * (n - 2).pow(2) * (n - 4))
        return minitorch.where(n > 4, finite, math.nan)

    def rsample(self, sample_shape=()):
        above, below = self._gamma1.rsample(sample_shape), self._gamma2.rsample(sample_shape)
        tiny = minitorch.finfo(below.dtype).tiny
        return (above / below.clamp(min=tiny)).clamp(min=tiny)

    def log_prob(self, value):
        self._validate_sample(value)
        m, n, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        log_beta = minitorch.lgamma(m) + minitorch.lgamma(n) - minitorch.lgamma(m + n)
        power = m * ratio.log() + (m - 1) * value.log()
        return power - (m + n) * minitorch.log1p(ratio * value) - log_beta
