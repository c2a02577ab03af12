"""What distributions have in common: shapes, checks, and parameters that are broadcast together.

A distribution has a batch of parameters of shape batch_shape, and samples of shape
sample_shape + batch_shape + event_shape. Read next: continuous.py.

Source: https://docs.pytorch.org/docs/2.13/distributions.html
"""

import copy
from numbers import Number

import minitorch
from minitorch import Size, Tensor

from . import constraints

EULER = 0.57721566490153286060  # Euler's constant: the mean of a standard Gumbel number


def broadcast_all(*values):
    """Tensors of one shape of tensors and numbers; numbers take the first tensor's dtype."""
    for v in values:
        if not isinstance(v, (Tensor, Number)):
            raise ValueError(
                "Input arguments must all be instances of Number, torch.Tensor or objects implementing "
                "__torch_function__."
            )
    dtype = next((v.dtype for v in values if isinstance(v, Tensor)), minitorch.get_default_dtype())
    return minitorch.broadcast_tensors(
        *[v if isinstance(v, Tensor) else minitorch.tensor(v, dtype=dtype) for v in values]
    )


def sum_rightmost(value, dim):
    """The sum over the last dim dimensions."""
    return value.reshape(*value.shape[: value.dim() - dim], -1).sum(-1) if dim else value


def clamp_probs(probs):
    """Probabilities kept away from 0 and 1."""
    eps = minitorch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def standard_normal(shape, like):
    """Normal numbers of a tensor's dtype, drawn in PyTorch's order."""
    zeros = minitorch.zeros(shape, dtype=like.dtype)
    return minitorch.normal(zeros, minitorch.ones_like(zeros))


class Distribution:
    """Base of distributions: sample, rsample (with gradients), log_prob, mean, variance, entropy.

    validate_args: check parameters now and values later; on unless set_default_validate_args(False).

    Raises ValueError for parameters and values where they cannot be.

    >>> Distribution(Size([3]), Size([2])).batch_shape
    torch.Size([3])

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#distribution
    """

    has_rsample = False
    has_enumerate_support = False
    arg_constraints: dict = {}
    support: object = None
    _validate_args = __debug__
    _inner: tuple = ()  # attributes that are distributions of the same batch

    @staticmethod
    def set_default_validate_args(value):
        """Are parameters and values checked, where validate_args does not say?"""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(self, batch_shape=(), event_shape=(), validate_args=None):
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                if name in self.__dict__:
                    self._check_parameter(name, constraint)

    def _check_parameter(self, name, constraint):
        value = getattr(self, name)
        if not constraint.check(value).all():
            raise ValueError(
                f"Expected parameter {name} "
                f"({type(value).__name__} of shape {tuple(value.shape)}) "
                f"of distribution {self!r} "
                f"to satisfy the constraint {constraint!r}, "
                f"but found invalid values:\n{value}"
            )

    @property
    def batch_shape(self):
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self):
        """The shape of one sample."""
        return self._event_shape

    def _extended_shape(self, sample_shape=()):
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def expand(self, batch_shape):
        """The same distribution with its parameters expanded to batch_shape."""
        new, n = copy.copy(self), len(self._batch_shape)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(new, name, value.expand(Size((*batch_shape, *value.shape[n:]))))
            elif name in self._inner:
                setattr(new, name, value.expand(Size(batch_shape)))
        new._batch_shape = Size(batch_shape)
        return new

    # ---- what a distribution says -----------------------------------------------------------------------

    def sample(self, sample_shape=()):
        """Samples of shape sample_shape + batch_shape + event_shape, without gradients."""
        with minitorch.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=()):
        """Samples through which gradients flow to the parameters."""
        raise NotImplementedError

    def sample_n(self, n):
        """n samples; the older form of sample((n,))."""
        return self.sample(Size((n,)))

    def log_prob(self, value):
        """The logarithm of the density, or probability, at a value."""
        raise NotImplementedError

    def cdf(self, value):
        """The probability of no more than a value."""
        raise NotImplementedError

    def icdf(self, value):
        """The value up to which there is a given probability."""
        raise NotImplementedError

    def enumerate_support(self, expand=True):
        """All values, in a new first dimension."""
        raise NotImplementedError

    def _enumerated(self, values, expand):
        values = values.view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values

    def entropy(self):
        """The entropy, in nats."""
        raise NotImplementedError

    @property
    def mean(self):
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self):
        """The most probable value."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self):
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self):
        """The standard deviation."""
        return self.variance.sqrt()

    def perplexity(self):
        """exp(entropy())"""
        return minitorch.exp(self.entropy())

    def _validate_sample(self, value):
        """ValueError for a value of a shape, or in a place, where it cannot be."""
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        first = value.dim() - len(self._event_shape)
        if value.size()[first:] != self._event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {value.size()} vs {self._event_shape}."
            )
        wanted = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.size()), reversed(wanted), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {value.size()} vs {wanted}."
                )
        support = self.support
        if support is not None and not support.check(value).all():
            raise ValueError(
                "Expected value argument "
                f"({type(value).__name__} of shape {tuple(value.shape)}) "
                f"to be within the support ({support!r}) "
                f"of the distribution {self!r}, "
                f"but found invalid values:\n{value}"
            )

    def __repr__(self):
        names = [name for name in self.arg_constraints if name in self.__dict__]
        values = [(name, self.__dict__[name]) for name in names]
        text = ", ".join(f"{name}: {v if v.numel() == 1 else v.size()}" for name, v in values)
        return f"{type(self).__name__}({text})"


class Independent(Distribution):
    """A distribution whose last batch dimensions are taken for dimensions of an event.

    >>> import minitorch
    >>> rows = Independent(minitorch.distributions.Normal(minitorch.zeros(3, 2), 1.0), 1)
    >>> rows.batch_shape, rows.event_shape, rows.log_prob(minitorch.zeros(3, 2)).shape
    (torch.Size([3]), torch.Size([2]), torch.Size([3]))

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#independent
    """

    def __init__(self, base_distribution, reinterpreted_batch_ndims, validate_args=None):
        n = reinterpreted_batch_ndims
        if n > len(base_distribution.batch_shape):
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), "
                f"actual {n} vs {len(base_distribution.batch_shape)}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, n
        shape = base_distribution.batch_shape + base_distribution.event_shape
        first = len(base_distribution.batch_shape) - n
        super().__init__(shape[:first], shape[first:], validate_args=validate_args)

    @property
    def has_rsample(self):
        """Do gradients flow through samples?"""
        return self.base_dist.has_rsample

    @property
    def support(self):
        """Where samples lie."""
        return constraints.independent(self.base_dist.support, self.reinterpreted_batch_ndims)

    def expand(self, batch_shape):
        n = self.reinterpreted_batch_ndims
        base = self.base_dist.expand(Size((*batch_shape, *self.event_shape[:n])))
        return Independent(base, n, validate_args=self._validate_args)

    mean = property(lambda self: self.base_dist.mean)
    mode = property(lambda self: self.base_dist.mode)
    variance = property(lambda self: self.base_dist.variance)

    def sample(self, sample_shape=()):
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape=()):
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value):
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self):
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def __repr__(self):
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
