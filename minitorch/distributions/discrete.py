"""Distributions of counts and choices. Read next: transformed.py.

Source: https://docs.pytorch.org/docs/2.13/distributions.html
"""

from functools import cached_property

import minitorch
from minitorch import Size, Tensor
from minitorch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, one_hot

from . import constraints
from .continuous import Gamma
from .distribution import Distribution, broadcast_all, clamp_probs


class _ByProbability(Distribution):
    """A distribution given by the probabilities of events, or by their log-odds (logits)."""

    def _read(self, probs, logits):
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        given = {"logits": logits} if probs is None else {"probs": probs}
        ((name, value),) = given.items()
        (value,) = broadcast_all(value)
        setattr(self, name, value)
        self._param = value

    def _read_counted(self, total_count, probs, logits):
        """The same of many trials: their number, as a tensor of the parameter's shape and type."""
        self._read(probs, logits)
        self.total_count, self._param = broadcast_all(total_count, self._param)
        self.total_count = self.total_count.type_as(self._param)
        setattr(self, "probs" if logits is None else "logits", self._param)

    @cached_property
    def logits(self):
        """The log-odds."""
        p = clamp_probs(self.probs)
        return minitorch.log(p) - minitorch.log1p(-p)

    @cached_property
    def probs(self):
        """The probabilities."""
        return minitorch.sigmoid(self.logits)


class Bernoulli(_ByProbability):
    """1 with probability probs, else 0.

    >>> import minitorch
    >>> Bernoulli(0.25).log_prob(minitorch.tensor(1.0)).exp()
    tensor(0.2500)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#bernoulli
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        self._read(probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)

    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    @property
    def mode(self):
        return minitorch.where(self.probs == 0.5, minitorch.nan, (self.probs >= 0.5).to(self.probs.dtype))

    def sample(self, sample_shape=()):
        with minitorch.no_grad():
            return minitorch.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        self._validate_sample(value)
        logits, value = minitorch.broadcast_tensors(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self):
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand=True):
        return self._enumerated(minitorch.arange(2, dtype=self._param.dtype), expand)


class Geometric(_ByProbability):
    """The number of failures before the first success, of probability probs.

    >>> Geometric(0.25).mean
    tensor(3.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#geometric
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs=None, logits=None, validate_args=None):
        self._read(probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            value = self.probs
            raise ValueError(
                "Expected parameter probs "
                f"({type(value).__name__} of shape {tuple(value.shape)}) "
                f"of distribution {self!r} "
                f"to be positive but found invalid values:\n{value[~(value > 0)]}"
            )

    mean = property(lambda self: 1.0 / self.probs - 1.0)
    mode = property(lambda self: minitorch.zeros_like(self.probs))
    variance = property(lambda self: (1.0 / self.probs - 1.0) / self.probs)

    def sample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        with minitorch.no_grad():
            u = minitorch.empty(shape, dtype=self.probs.dtype).uniform_()
            u = u.clamp(min=minitorch.finfo(u.dtype).tiny)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value):
        self._validate_sample(value)
        value, probs = minitorch.broadcast_tensors(value, self.probs)
        return minitorch.where((probs == 1) & (value == 0), 0.0, value * (-probs).log1p()) + self.probs.log()

    def entropy(self):
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs


class Categorical(Distribution):
    """One of K classes, 0 to K - 1.

    probs: (..., K), not negative, normalised to sum 1; or logits: their logarithms, up to a constant.

    >>> import minitorch
    >>> choice = Categorical(minitorch.tensor([1.0, 3.0]))
    >>> choice.probs, choice.log_prob(minitorch.tensor(1)).exp()
    (tensor([0.2500, 0.7500]), tensor(0.7500))

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#categorical
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        if probs is not None:
            if probs.dim() < 1:
                raise ValueError("`probs` parameter must be at least one-dimensional.")
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            if logits.dim() < 1:
                raise ValueError("`logits` parameter must be at least one-dimensional.")
            self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)
        self._param = probs if probs is not None else logits
        self._num_events = self._param.size(-1)
        super().__init__(self._param.size()[:-1], validate_args=validate_args)

    @cached_property
    def logits(self):
        """The logarithms of the probabilities."""
        return minitorch.log(clamp_probs(self.probs))

    @cached_property
    def probs(self):
        """The probabilities."""
        return minitorch.softmax(self.logits, -1)

    @property
    def support(self):
        """Where samples lie."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def param_shape(self):
        """The shape of the probabilities."""
        return self._param.size()

    mean = property(lambda self: minitorch.full(self.batch_shape, minitorch.nan, dtype=self.probs.dtype))
    variance = mean
    mode = property(lambda self: self.probs.argmax(dim=-1))

    def sample(self, sample_shape=()):
        if not isinstance(sample_shape, Size):
            sample_shape = Size(sample_shape)
        with minitorch.no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            drawn = minitorch.multinomial(rows, sample_shape.numel(), True).T
            return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value):
        self._validate_sample(value)
        value = value.long().unsqueeze(-1)
        shape = minitorch.broadcast_shapes(value.shape[:-1], self.logits.shape[:-1])
        logits = self.logits.expand(Size((*shape, self._num_events)))
        return logits.gather(-1, value.expand(Size((*shape, 1)))).squeeze(-1)

    def entropy(self):
        logits = self.logits.clamp(min=minitorch.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand=True):
        return self._enumerated(minitorch.arange(self._num_events), expand)


class OneHotCategorical(Distribution):
    """One of K classes, as a vector with a 1 at its place.

    >>> import minitorch
    >>> OneHotCategorical(minitorch.tensor([0.0, 1.0])).sample()
    tensor([0., 1.])

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#onehotcategorical
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    has_enumerate_support = True
    _inner = ("_categorical",)

    def __init__(self, probs=None, logits=None, validate_args=None):
        self._categorical = Categorical(probs, logits)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    probs = property(lambda self: self._categorical.probs)
    logits = property(lambda self: self._categorical.logits)
    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))
    mode = property(lambda self: one_hot(self.probs.argmax(-1), self.event_shape[0]).to(self.probs.dtype))

    def sample(self, sample_shape=()):
        drawn = self._categorical.sample(sample_shape)
        return one_hot(drawn, self.event_shape[0]).to(self.probs.dtype)

    def log_prob(self, value):
        self._validate_sample(value)
        return self._categorical.log_prob(value.max(-1)[1])

    def entropy(self):
        return self._categorical.entropy()

    def enumerate_support(self, expand=True):
        n = self.event_shape[0]
        values = minitorch.eye(n, dtype=self.probs.dtype)
        values = values.view((n,) + (1,) * len(self.batch_shape) + (n,))
        return values.expand((n, *self.batch_shape, n)) if expand else values


class Binomial(_ByProbability):
    """The number of successes in total_count trials.

    >>> Binomial(10, 0.25).mean
    tensor(2.5000)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#binomial
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        self._read_counted(total_count, probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)

    support = property(lambda self: constraints.integer_interval(0, self.total_count))
    mean = property(lambda self: self.total_count * self.probs)
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))
    mode = property(lambda self: ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count))

    def sample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        with minitorch.no_grad():
            return minitorch.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value):
        self._validate_sample(value)
        n, logits = self.total_count, self.logits
        ways = minitorch.lgamma(n + 1) - minitorch.lgamma(value + 1) - minitorch.lgamma(n - value + 1)
        positive = logits.clamp(min=0)
        return ways + value * logits - n * positive - n * minitorch.log1p(minitorch.exp(-logits.abs()))

    def entropy(self):
        n = int(self.total_count.max())
        if not (self.total_count == n).all():
            raise NotImplementedError("Inhomogeneous total count not supported by `entropy`.")
        densities = self.log_prob(self.enumerate_support(False))
        return -(minitorch.exp(densities) * densities).sum(0)

    def enumerate_support(self, expand=True):
        n = int(self.total_count.max())
        if not (self.total_count == n).all():
            raise NotImplementedError("Inhomogeneous total count not supported by `enumerate_support`.")
        return self._enumerated(minitorch.arange(1 + n, dtype=self._param.dtype), expand)


class NegativeBinomial(_ByProbability):
    """The number of successes before total_count failures; total_count need not be whole.

    probs, logits: one of them, of a success.

    >>> NegativeBinomial(3.0, 0.5).mean
    tensor(3.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#negativebinomial
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    def __init__(self, total_count, probs=None, logits=None, validate_args=None):
        self._read_counted(total_count, probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)

    mean = property(lambda self: self.total_count * minitorch.exp(self.logits))
    mode = property(lambda self: ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0))
    variance = property(lambda self: self.mean / minitorch.sigmoid(-self.logits))

    def sample(self, sample_shape=()):
        with minitorch.no_grad():
            rate = Gamma(self.total_count, minitorch.exp(-self.logits), validate_args=False)
            return minitorch.poisson(rate.sample(sample_shape))

    def log_prob(self, value):
        self._validate_sample(value)
        n = self.total_count
        powers = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        ways = minitorch.lgamma(n + value) - minitorch.lgamma(1.0 + value) - minitorch.lgamma(n)
        return powers + ways.masked_fill(n + value == 0.0, 0.0)


class Poisson(Distribution):
    """rate^k exp(-rate) / k!

    >>> Poisson(3.0).variance
    tensor(3.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#poisson
    """

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate, validate_args=None):
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.size(), validate_args=validate_args)

    mean = property(lambda self: self.rate)
    variance = property(lambda self: self.rate)
    mode = property(lambda self: self.rate.floor())

    def sample(self, sample_shape=()):
        with minitorch.no_grad():
            return minitorch.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        self._validate_sample(value)
        rate, value = minitorch.broadcast_tensors(self.rate, value)
        return minitorch.xlogy(value, rate) - rate - minitorch.lgamma(value + 1)


class Multinomial(Distribution):
    """How often each of K classes comes in total_count choices.

    >>> import minitorch
    >>> Multinomial(8, minitorch.tensor([1.0, 3.0])).mean
    tensor([2., 6.])

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#multinomial
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _inner = ("_categorical",)

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        if isinstance(total_count, Tensor):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    support = property(lambda self: constraints.multinomial(self.total_count))
    probs = property(lambda self: self._categorical.probs)
    logits = property(lambda self: self._categorical.logits)
    mean = property(lambda self: self.probs * self.total_count)
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def sample(self, sample_shape=()):
        chosen = self._categorical.sample(Size((self.total_count, *sample_shape)))
        counts = one_hot(chosen, self.event_shape[0]).sum(0)
        return counts.type_as(self.probs)

    def log_prob(self, value):
        self._validate_sample(value)
        logits, value = minitorch.broadcast_tensors(self.logits, value)
        ways = minitorch.lgamma(value.sum(-1) + 1) - minitorch.lgamma(value + 1).sum(-1)
        impossible = (value == 0) & (logits == -minitorch.inf)
        return ways + (logits.masked_fill(impossible, 0) * value).sum(-1)
