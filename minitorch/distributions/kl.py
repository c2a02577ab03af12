"""Kullback-Leibler divergences: how far one distribution is from another.

Formulas: https://docs.pytorch.org/docs/2.13/distributions.html#module-torch.distributions.kl and M. Gil, "On
Renyi divergence measures for continuous alphabet sources" (2011).
"""

import math

import minitorch

from .bounded import ContinuousBernoulli
from .continuous import Beta, Dirichlet, Exponential, Gamma, Laplace, MultivariateNormal, Normal, Uniform
from .discrete import Bernoulli, Categorical, OneHotCategorical, Poisson
from .distribution import Independent, sum_rightmost
from .low_rank import LowRankMultivariateNormal
from .positive import Pareto

_rules: dict = {}


def register_kl(type_p, type_q):
    """A decorator: the function gives the divergence of two such distributions.

    >>> class Coin(Bernoulli):
    ...     pass
    >>> @register_kl(Coin, Coin)
    ... def coins(p, q):
    ...     return "heads"
    >>> kl_divergence(Coin(0.5), Coin(0.5))
    'heads'

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.kl.register_kl
    """

    def register(rule):
        _rules[type_p, type_q] = rule
        return rule

    return register


def kl_divergence(p, q):
    """The mean, under p, of log p(x) - log q(x); of the batch's shape.

    Raises NotImplementedError for a pair without a formula.

    >>> import minitorch
    >>> normal = minitorch.distributions.Normal
    >>> kl_divergence(normal(0.0, 1.0), normal(1.0, 1.0))
    tensor(0.5000)

    Source: https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.kl.kl_divergence
    """
    for type_p in type(p).__mro__:
        for type_q in type(q).__mro__:
            if (type_p, type_q) in _rules:
                return _rules[type_p, type_q](p, q)
    raise NotImplementedError(
        f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
    )


@register_kl(Normal, Normal)
def _normal(p, q):
    ratio = (p.scale / q.scale).pow(2)
    distance = ((p.loc - q.loc) / q.scale).pow(2)
    return 0.5 * (ratio + distance - 1 - ratio.log())


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p, q):
    softplus = minitorch.nn.functional.softplus
    yes = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    yes = yes.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0)
    no = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    no = no.masked_fill(q.probs == 1, math.inf).masked_fill(p.probs == 1, 0)
    return yes + no


@register_kl(Categorical, Categorical)
def _categorical(p, q):
    each = p.probs * (p.logits - q.logits)
    each = each.masked_fill((q.probs == 0).expand_as(each), math.inf)
    return each.masked_fill((p.probs == 0).expand_as(each), 0).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p, q):
    return _categorical(p._categorical, q._categorical)


@register_kl(Uniform, Uniform)
def _uniform(p, q):
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return result.masked_fill((q.low > p.low) | (q.high < p.high), math.inf)


@register_kl(Exponential, Exponential)
def _exponential(p, q):
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@register_kl(Laplace, Laplace)
def _laplace(p, q):
    ratio, away = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + away / q.scale + ratio * minitorch.exp(-away / p.scale) - 1


@register_kl(Poisson, Poisson)
def _poisson(p, q):
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Gamma, Gamma)
def _gamma(p, q):
    a, b = p.concentration, q.concentration
    return (
        b * (p.rate / q.rate).log()
        + minitorch.lgamma(b)
        - minitorch.lgamma(a)
        + (a - b) * minitorch.digamma(a)
        + (q.rate - p.rate) * (a / p.rate)
    )


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p, q):
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    return (
        minitorch.lgamma(total)
        - minitorch.lgamma(b.sum(-1))
        - (minitorch.lgamma(a) - minitorch.lgamma(b)).sum(-1)
        + ((a - b) * (minitorch.digamma(a) - minitorch.digamma(total).unsqueeze(-1))).sum(-1)
    )


@register_kl(Beta, Beta)
def _beta(p, q):
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p, q):
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Multivariate Normals with different event shapes cannot be computed"
        )
    solve = minitorch.linalg.solve_triangular
    trace = solve(q.scale_tril, p.scale_tril, upper=False).pow(2).flatten(-2).sum(-1)
    away = solve(q.scale_tril, (q.loc - p.loc).unsqueeze(-1), upper=False).squeeze(-1).pow(2).sum(-1)
    return q._half_log_det() - p._half_log_det() + 0.5 * (trace + away - p.event_shape[0])


@register_kl(Pareto, Pareto)
def _pareto(p, q):
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return result.masked_fill(p.scale < q.scale, math.inf)


@register_kl(Pareto, Exponential)
def _pareto_exponential(p, q):
    mean = p.alpha * p.scale / (p.alpha - 1)
    result = (p.alpha / (p.scale * q.rate)).log() - p.alpha.reciprocal() + mean * q.rate - 1
    return result.masked_fill(p.alpha <= 1, math.inf)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p, q):
    norms = p._log_norm() + minitorch.log1p(-p.probs) - q._log_norm() - minitorch.log1p(-q.probs)
    return p.mean * (p.logits - q.logits) + norms


@register_kl(Independent, Independent)
def _independent(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
