"""Distributions made of others: functions of samples, and mixtures. Read next: kl.py.

Source: https://docs.pytorch.org/docs/2.13/distributions.html
"""

import math

import minitorch
from minitorch.nn.functional import softplus

from . import constraints
from .continuous import Normal, Uniform
from .discrete import Categorical
from .distribution import EULER, Distribution, broadcast_all, sum_rightmost


class Transform:
    """A function that can be undone: ``t(x)``, ``t.inv(y)``, ``t.log_abs_det_jacobian(x, y)``.

    A subclass writes _call, _inverse and log_abs_det_jacobian.

    >>> import minitorch
    >>> ExpTransform().inv(minitorch.tensor(1.0))
    tensor(0.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.transforms.Transform
    """

    event_dim = 0
    bijective = True
    domain = codomain = constraints.real

    def __init__(self, cache_size=0):
        self._cache_size = cache_size

    @property
    def inv(self):
        """The transform back."""
        return _Inverse(self)

    def __call__(self, x):
        return self._call(x)

    def _call(self, x):
        raise NotImplementedError

    def _inverse(self, y):
        raise NotImplementedError

    def log_abs_det_jacobian(self, x, y):
        """log |dy/dx|, where y = t(x)."""
        raise NotImplementedError

    def __repr__(self):
        return type(self).__name__ + "()"


class _Inverse(Transform):
    """A transform backwards."""

    def __init__(self, transform):
        super().__init__()
        self._transform = transform
        self.domain, self.codomain = transform.codomain, transform.domain
        self.event_dim = transform.event_dim

    @property
    def inv(self):
        return self._transform

    def _call(self, y):
        return self._transform._inverse(y)

    def _inverse(self, x):
        return self._transform(x)

    def log_abs_det_jacobian(self, y, x):
        return -self._transform.log_abs_det_jacobian(x, y)


class ExpTransform(Transform):
    """y = exp(x)

    >>> import minitorch
    >>> ExpTransform()(minitorch.tensor(0.0))
    tensor(1.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.transforms.ExpTransform
    """

    codomain = constraints.positive

    def _call(self, x):
        return x.exp()

    def _inverse(self, y):
        return y.log()

    def log_abs_det_jacobian(self, x, y):
        return x


class SigmoidTransform(Transform):
    """y = 1 / (1 + exp(-x))

    >>> import minitorch
    >>> SigmoidTransform()(minitorch.tensor(0.0))
    tensor(0.5000)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.transforms.SigmoidTransform
    """

    codomain = constraints.unit_interval

    def _call(self, x):
        limits = minitorch.finfo(x.dtype)
        return minitorch.sigmoid(x).clamp(min=limits.tiny, max=1.0 - limits.eps)

    def _inverse(self, y):
        limits = minitorch.finfo(y.dtype)
        y = y.clamp(min=limits.tiny, max=1.0 - limits.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x, y):
        return -softplus(-x) - softplus(x)


class TanhTransform(Transform):
    """y = tanh(x)

    >>> import minitorch
    >>> TanhTransform()(minitorch.tensor(0.0))
    tensor(0.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.transforms.TanhTransform
    """

    codomain = constraints.interval(-1.0, 1.0)

    def _call(self, x):
        return x.tanh()

    def _inverse(self, y):
        return minitorch.atanh(y)

    def log_abs_det_jacobian(self, x, y):
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class AffineTransform(Transform):
    """y = loc + scale x; the last event_dim dimensions are one event.

    >>> import minitorch
    >>> AffineTransform(1.0, 2.0)(minitorch.tensor(3.0))
    tensor(7.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.transforms.AffineTransform
    """

    def __init__(self, loc, scale, event_dim=0, cache_size=0):
        super().__init__(cache_size)
        self.loc, self.scale, self.event_dim = loc, scale, event_dim

    def _call(self, x):
        return self.loc + self.scale * x

    def _inverse(self, y):
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x, y):
        scale = self.scale if isinstance(self.scale, minitorch.Tensor) else minitorch.tensor(self.scale)
        each = scale.abs().log().to(x.dtype).expand(x.shape)
        return sum_rightmost(each, self.event_dim)


class TransformedDistribution(Distribution):
    """Samples of a distribution, put through transforms one after the other.

    transforms: a Transform or a list of them.

    >>> import minitorch
    >>> log_normal = TransformedDistribution(Normal(0.0, 1.0), [ExpTransform()])
    >>> log_normal.log_prob(minitorch.tensor(1.0))
    tensor(-0.9189)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#transformeddistribution
    """

    _inner = ("base_dist",)

    def __init__(self, base_distribution, transforms, validate_args=None):
        self.base_dist = base_distribution
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        if not all(isinstance(t, Transform) for t in self.transforms):
            raise ValueError(f"transforms must be a Transform or a list of Transforms, but was {transforms}")
        super().__init__(
            base_distribution.batch_shape, base_distribution.event_shape, validate_args=validate_args
        )

    @property
    def has_rsample(self):
        """Do gradients flow through samples?"""
        return self.base_dist.has_rsample

    @property
    def support(self):
        """Where samples lie."""
        last = self.transforms[-1].codomain if self.transforms else self.base_dist.support
        missing = len(self.event_shape) - last.event_dim
        return constraints.independent(last, missing) if missing else last

    def _through(self, x):
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape=()):
        with minitorch.no_grad():
            return self._through(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=()):
        return self._through(self.base_dist.rsample(sample_shape))

    def log_prob(self, value):
        self._validate_sample(value)
        event_dim, total, y = len(self.event_shape), 0.0, value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            jacobian = transform.log_abs_det_jacobian(x, y)
            total = total - sum_rightmost(jacobian, event_dim - transform.event_dim)
            y = x
        return total + sum_rightmost(self.base_dist.log_prob(y), event_dim - len(self.base_dist.event_shape))


class LogNormal(TransformedDistribution):
    """exp of a normal number.

    >>> LogNormal(0.0, 1.0).mean
    tensor(1.6487)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#lognormal
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}

    def __init__(self, loc, scale, validate_args=None):
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args=validate_args)

    loc = property(lambda self: self.base_dist.loc)
    scale = property(lambda self: self.base_dist.scale)
    mean = property(lambda self: (self.loc + self.scale.pow(2) / 2).exp())
    mode = property(lambda self: (self.loc - self.scale.square()).exp())

    @property
    def variance(self):
        square = self.scale.pow(2)
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self):
        return self.base_dist.entropy() + self.loc


class HalfNormal(Distribution):
    """The absolute value of a normal number of mean 0.

    >>> HalfNormal(1.0).mean
    tensor(0.7979)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#halfnormal
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _inner = ("_normal",)

    def __init__(self, scale, validate_args=None):
        self._normal = Normal(0.0, scale, validate_args)
        super().__init__(self._normal.batch_shape, validate_args=validate_args)

    scale = property(lambda self: self._normal.scale)
    mean = property(lambda self: self.scale * math.sqrt(2 / math.pi))
    mode = property(lambda self: minitorch.zeros_like(self.scale))
    variance = property(lambda self: self.scale.pow(2) * (1 - 2 / math.pi))

    def sample(self, sample_shape=()):
        return self._normal.sample(sample_shape).abs()

    def rsample(self, sample_shape=()):
        return self._normal.rsample(sample_shape).abs()

    def log_prob(self, value):
        self._validate_sample(value)
        density = self._normal.log_prob(value) + math.log(2)
        return minitorch.where(value >= 0, density, -math.inf)

    def entropy(self):
        return self._normal.entropy() - math.log(2)


class Gumbel(Distribution):
    """exp(-(z + exp(-z))) / scale with z = (x - loc) / scale.

    >>> Gumbel(0.0, 1.0).mean
    tensor(0.5772)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#gumbel
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.size(), validate_args=validate_args)

    mean = property(lambda self: self.loc + self.scale * EULER)
    mode = property(lambda self: self.loc)
    stddev = property(lambda self: (math.pi / math.sqrt(6)) * self.scale)
    variance = property(lambda self: self.stddev.pow(2))

    def rsample(self, sample_shape=()):
        limits = minitorch.finfo(self.loc.dtype)
        ends = minitorch.full_like(self.loc, limits.tiny), minitorch.full_like(self.loc, 1 - limits.eps)
        uniform = Uniform(*ends, validate_args=False).sample(sample_shape)
        return self.loc - self.scale * (-uniform.log()).log()

    def log_prob(self, value):
        self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return (y - y.exp()) - self.scale.log()

    def entropy(self):
        return self.scale.log() + (1 + EULER)


class MixtureSameFamily(Distribution):
    """Samples of one of K distributions of a family, chosen by a Categorical.

    mixture_distribution: a Categorical of shape (..., K); component_distribution: of batch shape (..., K).

    >>> import minitorch
    >>> choice = Categorical(minitorch.tensor([0.5, 0.5]))
    >>> MixtureSameFamily(choice, Normal(minitorch.tensor([0.0, 2.0]), 1.0)).mean
    tensor(1.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#mixturesamefamily
    """

    _inner = ("_mixture_distribution", "_component_distribution")

    def __init__(self, mixture_distribution, component_distribution, validate_args=None):
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an  instance of torch.distributions.Categorical"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution need to be an instance of torch.distributions.Distribution"
            )
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        batch = component_distribution.batch_shape
        if mixture_distribution.param_shape[-1] != batch[-1]:
            raise ValueError(
                "`mixture_distribution component` does not equal `component_distribution.batch_shape[-1]`"
            )
        super().__init__(batch[:-1], component_distribution.event_shape, validate_args=validate_args)

    mixture_distribution = property(lambda self: self._mixture_distribution)
    component_distribution = property(lambda self: self._component_distribution)
    support = property(lambda self: self._component_distribution.support)

    def expand(self, batch_shape):
        k = self._component_distribution.batch_shape[-1]
        return MixtureSameFamily(
            self._mixture_distribution.expand(batch_shape),
            self._component_distribution.expand((*batch_shape, k)),
        )

    def _weights(self):
        probs = self._mixture_distribution.probs
        return probs.reshape(*probs.shape, *[1] * len(self.event_shape))

    @property
    def mean(self):
        return (self._weights() * self._component_distribution.mean).sum(-1 - len(self.event_shape))

    @property
    def variance(self):
        k = -1 - len(self.event_shape)
        within = (self._weights() * self._component_distribution.variance).sum(k)
        away = self._component_distribution.mean - self.mean.unsqueeze(k)
        return within + (self._weights() * away.pow(2.0)).sum(k)

    def sample(self, sample_shape=()):
        with minitorch.no_grad():
            chosen = self._mixture_distribution.sample(sample_shape)
            drawn = self._component_distribution.sample(sample_shape)
            index = chosen.reshape(*chosen.shape, 1, *[1] * len(self.event_shape))
            index = index.expand((*chosen.shape, 1, *self.event_shape))
            return drawn.gather(len(chosen.shape), index).squeeze(len(chosen.shape))

    def __repr__(self):
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"

    def log_prob(self, value):
        self._validate_sample(value)
        densities = self._component_distribution.log_prob(value.unsqueeze(-1 - len(self.event_shape)))
        weights = minitorch.log_softmax(self._mixture_distribution.logits, dim=-1)
        return minitorch.logsumexp(densities + weights, dim=-1)

    def cdf(self, value):
        probabilities = self._component_distribution.cdf(value.unsqueeze(-1 - len(self.event_shape)))
        return (probabilities * self._mixture_distribution.probs).sum(-1)
