"""Distributions of numbers between 0 and 1, of parts of 1, and of angles. Read next: low_rank.py.

Source: https://docs.pytorch.org/docs/2.13/distributions.html
"""

import math
from functools import cached_property

import minitorch
from minitorch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, pad

from . import constraints
from .continuous import Normal
from .discrete import _ByProbability
from .distribution import EULER, Distribution, broadcast_all, clamp_probs


class Kumaraswamy(Distribution):
    """Like a Beta, but with a simple P(X <= x) = 1 - (1 - x^a)^b; a, b: concentration1, concentration0.

    >>> import minitorch
    >>> Kumaraswamy(1.0, 2.0).cdf(minitorch.tensor(0.5))
    tensor(0.7500)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#kumaraswamy
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1, concentration0, validate_args=None):
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        super().__init__(self.concentration1.size(), validate_args=validate_args)

    def _moment(self, n):
        """The mean of X^n: b Beta(1 + n / a, b)."""
        b, c = self.concentration0, 1 + n / self.concentration1
        return b * (minitorch.lgamma(c) + minitorch.lgamma(b) - minitorch.lgamma(c + b)).exp()

    mean = property(lambda self: self._moment(1))
    variance = property(lambda self: self._moment(2) - self.mean.pow(2))

    @property
    def mode(self):
        a, b = self.concentration1, self.concentration0
        inner = (-b).log1p() / b - (-a * b).log1p()
        return minitorch.where((a < 1) | (b < 1), math.nan, inner.exp())

    def rsample(self, sample_shape=()):
        u = minitorch.rand(self._extended_shape(sample_shape), dtype=self.concentration0.dtype)
        above = u.pow(self.concentration0.reciprocal())
        return (1.0 - above).pow(self.concentration1.reciprocal())

    def log_prob(self, value):
        self._validate_sample(value)
        a, b = self.concentration1, self.concentration0
        return (a * b).log() + (a - 1) * value.log() + (b - 1) * (-value.pow(a)).log1p()

    def cdf(self, value):
        self._validate_sample(value)
        return 1 - (1 - value.pow(self.concentration1)).pow(self.concentration0)

    def icdf(self, value):
        above = (1 - value).pow(self.concentration0.reciprocal())
        return (1 - above).pow(self.concentration1.reciprocal())

    def entropy(self):
        a, b = self.concentration1, self.concentration0
        harmonic = minitorch.digamma(b + 1) + EULER
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic - a.log() - b.log()


class ContinuousBernoulli(_ByProbability):
    """Density in proportion to probs^x (1 - probs)^(1 - x): a Bernoulli for pixels of any grey.

    probs, logits: one of them; probs is not the mean.
    lims: between these probs, where the formulas cancel, their Taylor series around 1/2 stand in.

    >>> ContinuousBernoulli(0.5).variance
    tensor(0.0833)

    Formulas: G. Loaiza-Ganem and J. Cunningham, "The continuous Bernoulli" (2019)
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#continuousbernoulli
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, probs=None, logits=None, lims=(0.499, 0.501), validate_args=None):
        self._read(probs, logits)
        if probs is not None:
            if validate_args is not None and not constraints.unit_interval.check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self.probs = self._param = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(self._param.size(), validate_args=validate_args)

    @cached_property
    def probs(self):
        """The parameter between 0 and 1."""
        return clamp_probs(minitorch.sigmoid(self.logits))

    def _far(self):
        """Where the formulas do not cancel."""
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut(self):
        """probs where the formulas hold, elsewhere a number for which they do."""
        return minitorch.where(self._far(), self.probs, self._lims[0])

    def _log_norm(self):
        """log of 2 artanh(1 - 2 p) / (1 - 2 p), the factor that makes the density one."""
        p, x = self._cut(), (self.probs - 0.5).pow(2)
        norm = (minitorch.log1p(-p) - p.log()).abs().log() - (1.0 - 2.0 * p).abs().log()
        return minitorch.where(self._far(), norm, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self):
        p, x = self._cut(), self.probs - 0.5
        mean = p / (2.0 * p - 1.0) + (minitorch.log1p(-p) - p.log()).reciprocal()
        return minitorch.where(self._far(), mean, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)

    @property
    def variance(self):
        p, x = self._cut(), (self.probs - 0.5).pow(2)
        variance = p * (p - 1.0) / (1.0 - 2.0 * p).pow(2) + (minitorch.log1p(-p) - p.log()).pow(-2)
        return minitorch.where(self._far(), variance, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def rsample(self, sample_shape=()):
        return self.icdf(minitorch.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype))

    def log_prob(self, value):
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return self._log_norm() - binary_cross_entropy_with_logits(logits, value, reduction="none")

    def cdf(self, value):
        self._validate_sample(value)
        p = self._cut()
        inside = (p.pow(value) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        return minitorch.where(self._far(), inside, value).clamp(min=0.0, max=1.0)

    def icdf(self, value):
        p = self._cut()
        low = minitorch.log1p(-p)
        inside = (minitorch.log1p(-p + value * (2.0 * p - 1.0)) - low) / (p.log() - low)
        return minitorch.where(self._far(), inside, value)

    def entropy(self):
        no, yes = minitorch.log1p(-self.probs), minitorch.log(self.probs)
        return self.mean * (no - yes) - self._log_norm() - no


class LogisticNormal(Distribution):
    """K parts of 1 from K - 1 normal numbers, each of which says how much of the rest is taken.

    loc, scale: of shape (..., K - 1).

    >>> import minitorch
    >>> LogisticNormal(minitorch.zeros(2), minitorch.ones(2)).sample().sum()
    tensor(1.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#logisticnormal
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        normal = Normal(loc, scale, validate_args=validate_args)
        self._normal = normal if normal.batch_shape else normal.expand((1,))
        *batch, n = self._normal.batch_shape
        super().__init__(batch, (n + 1,), validate_args=validate_args)

    loc = property(lambda self: self._normal.loc)
    scale = property(lambda self: self._normal.scale)

    def expand(self, batch_shape):
        new = super().expand(batch_shape)
        new._normal = self._normal.expand((*batch_shape, self.event_shape[0] - 1))
        return new

    def _offsets(self):
        """log K - 1, ..., log 1: with normal numbers of 0 all parts are alike."""
        return minitorch.arange(self.event_shape[0] - 1, 0, -1, dtype=self.loc.dtype).log()

    def _break(self, x):
        limits = minitorch.finfo(x.dtype)
        taken = minitorch.sigmoid(x - self._offsets()).clamp(min=limits.tiny, max=1.0 - limits.eps)
        rest = (1 - taken).cumprod(-1)
        return pad(taken, [0, 1], value=1) * pad(rest, [1, 0], value=1)

    def sample(self, sample_shape=()):
        with minitorch.no_grad():
            return self._break(self._normal.sample(sample_shape))

    def rsample(self, sample_shape=()):
        return self._break(self._normal.rsample(sample_shape))

    def log_prob(self, value):
        self._validate_sample(value)
        parts = value[..., :-1]
        rest = (1 - parts.cumsum(-1)).clamp(min=minitorch.finfo(value.dtype).tiny)
        odds = parts.log() - rest.log()
        slope = (logsigmoid(odds) - odds + parts.log()).sum(-1)
        return self._normal.log_prob(odds + self._offsets()).sum(-1) - slope


class VonMises(Distribution):
    """Angles around loc: the density is in proportion to exp(concentration cos(x - loc)).

    Mean and variance are those of directions: the latter is 1 - E cos(x - loc).

    >>> VonMises(0.0, 1.0).variance
    tensor(0.5536)

    Draws: D. Best and N. Fisher, "Efficient simulation of the von Mises distribution" (1979)
    Source: https://docs.pytorch.org/docs/2.13/distributions.html#vonmises
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real

    def __init__(self, loc, concentration, validate_args=None):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)

    @property
    def variance(self):
        k = self.concentration
        return 1 - minitorch.special.i1e(k) / minitorch.special.i0e(k)

    def log_prob(self, value):
        self._validate_sample(value)
        k = self.concentration
        log_bessel = minitorch.special.i0e(k).log() + k
        return k * minitorch.cos(value - self.loc) - math.log(2 * math.pi) - log_bessel

    def sample(self, sample_shape=()):
        """Drawn in double precision, in which small concentrations come to an end."""
        with minitorch.no_grad():
            angle = self._draw(self._extended_shape(sample_shape), self.concentration.double())
            turned = (angle + math.pi + self.loc.double()) % (2 * math.pi) - math.pi
            return turned.to(self.loc.dtype)

    @staticmethod
    def _draw(shape, k):
        """Angles around 0 of a wrapped Cauchy number, drawn until each has been accepted once."""
        tau = 1 + (1 + 4 * k**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * k)
        r = minitorch.where(k < 1e-5, 1 / k + k, (1 + rho**2) / (2 * rho))
        angle, done = minitorch.zeros(shape, dtype=k.dtype), minitorch.zeros(shape, dtype=minitorch.bool)
        while not done.all():
            u, chance, side = minitorch.rand((3, *shape), dtype=k.dtype).unbind()
            z = minitorch.cos(math.pi * u)
            f = (1 + r * z) / (r + z)
            c = k * (r - f)
            accept = (c * (2 - c) - chance > 0) | ((c / chance).log() + 1 - c >= 0)
            angle = minitorch.where(accept, (side - 0.5).sign() * f.acos(), angle)
            done = done | accept
        return angle
