"""Choices that gradients flow through: relaxed to numbers between 0 and 1, or passed straight through.

C. Maddison, A. Mnih, Y. Teh, "The Concrete Distribution", 2017, and E. Jang, S. Gu, B. Poole, "Categorical
Reparameterization with Gumbel-Softmax", 2017. The lower the temperature, the nearer samples come to choices.

Source: https://docs.pytorch.org/docs/2.13/distributions.html
"""

import minitorch

from . import constraints
from .discrete import Categorical, OneHotCategorical, _ByProbability
from .distribution import Distribution, clamp_probs
from .transformed import ExpTransform, SigmoidTransform, TransformedDistribution


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """A OneHotCategorical whose samples hand their gradient on to the probabilities.

    >>> import minitorch
    >>> p = minitorch.tensor([0.0, 1.0], requires_grad=True)
    >>> OneHotCategoricalStraightThrough(p).rsample().sum().requires_grad
    True

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#onehotcategorical
    """

    has_rsample = True

    def rsample(self, sample_shape=()):
        return self.sample(sample_shape) + (self.probs - self.probs.detach())


class LogitRelaxedBernoulli(_ByProbability):
    """The log-odds of a RelaxedBernoulli.

    >>> import minitorch
    >>> LogitRelaxedBernoulli(minitorch.tensor(1.0), 0.5).log_prob(minitorch.tensor(0.0)).exp()
    tensor(0.2500)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#logitrelaxedbernoulli
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    has_rsample = True

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        self._read(probs, logits)
        self._temperature = (temperature,)  # of all: it is not expanded with the parameters
        super().__init__(self._param.size(), validate_args=validate_args)

    temperature = property(lambda self: self._temperature[0])

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        p, u = (
            clamp_probs(self.probs.expand(shape)),
            clamp_probs(minitorch.rand(shape, dtype=self._param.dtype)),
        )
        return (u.log() - (-u).log1p() + p.log() - (-p).log1p()) / self.temperature

    def log_prob(self, value):
        self._validate_sample(value)
        logits, value = minitorch.broadcast_tensors(self.logits, value)
        rest = logits - value * self.temperature
        return minitorch.as_tensor(self.temperature).log() + rest - 2 * rest.exp().log1p()


class RelaxedBernoulli(TransformedDistribution):
    """Numbers between 0 and 1, near 1 with probability probs.

    >>> import minitorch
    >>> RelaxedBernoulli(minitorch.tensor(0.5), minitorch.tensor([0.1, 0.9])).sample().shape
    torch.Size([2])

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#relaxedbernoulli
    """

    arg_constraints = LogitRelaxedBernoulli.arg_constraints
    support = constraints.unit_interval

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        base = LogitRelaxedBernoulli(temperature, probs, logits)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)

    temperature = property(lambda self: self.base_dist.temperature)
    logits = property(lambda self: self.base_dist.logits)
    probs = property(lambda self: self.base_dist.probs)


class ExpRelaxedCategorical(Distribution):
    """The logarithms of a RelaxedOneHotCategorical.

    >>> import minitorch
    >>> ExpRelaxedCategorical(minitorch.tensor(1.0), minitorch.ones(3)).sample().exp().sum().round()
    tensor(1.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#relaxedonehotcategorical
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True
    _inner = ("_categorical",)

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        self._categorical = Categorical(probs, logits)
        self._temperature = (temperature,)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    temperature = property(lambda self: self._temperature[0])
    logits = property(lambda self: self._categorical.logits)
    probs = property(lambda self: self._categorical.probs)

    def rsample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        u = clamp_probs(minitorch.rand(shape, dtype=self.logits.dtype))
        scores = (self.logits.expand(shape) - (-u.log()).log()) / self.temperature
        return scores - scores.logsumexp(dim=-1, keepdim=True)

    def log_prob(self, value):
        self._validate_sample(value)
        n = self.event_shape[0]
        logits, value = minitorch.broadcast_tensors(self.logits, value)
        temperature = minitorch.as_tensor(self.temperature)
        scale = minitorch.full_like(temperature, float(n)).lgamma() + (n - 1) * temperature.log()
        score = logits - value * temperature
        return (score - score.logsumexp(dim=-1, keepdim=True)).sum(-1) + scale


class RelaxedOneHotCategorical(TransformedDistribution):
    """Positive numbers whose sum is 1, one of them near 1: that of class k with its probability.

    >>> import minitorch
    >>> RelaxedOneHotCategorical(minitorch.tensor(0.5), minitorch.ones(3)).sample().sum().round()
    tensor(1.)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#relaxedonehotcategorical
    """

    arg_constraints = ExpRelaxedCategorical.arg_constraints
    support = constraints.simplex

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        base = ExpRelaxedCategorical(temperature, probs, logits)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    temperature = property(lambda self: self.base_dist.temperature)
    logits = property(lambda self: self.base_dist.logits)
    probs = property(lambda self: self.base_dist.probs)
