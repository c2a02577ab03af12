"""Probability distributions: drawing from them, and the probabilities of values.

For the same seed, samples are PyTorch's. Read first: distribution.py.

Source: https://docs.pytorch.org/docs/2.13/distributions.html
"""

import sys as _sys
from importlib.machinery import ModuleSpec as _ModuleSpec
from types import ModuleType as _ModuleType

from minitorch._once import mark_loaded as _mark_loaded

from . import constraints, transforms
from .bounded import ContinuousBernoulli, Kumaraswamy, LogisticNormal, VonMises
from .continuous import (
    Beta,
    Cauchy,
    Chi2,
    Dirichlet,
    Exponential,
    Gamma,
    Laplace,
    MultivariateNormal,
    Normal,
    StudentT,
    Uniform,
)
from .discrete import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    Multinomial,
    NegativeBinomial,
    OneHotCategorical,
    Poisson,
)
from .distribution import Distribution, Independent
from .kl import kl_divergence, register_kl
from .low_rank import LowRankMultivariateNormal
from .positive import FisherSnedecor, HalfCauchy, InverseGamma, Pareto, Weibull
from .relaxed import (
    ExpRelaxedCategorical,
    LogitRelaxedBernoulli,
    OneHotCategoricalStraightThrough,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
)
from .transformed import (
    AffineTransform,
    ExpTransform,
    Gumbel,
    HalfNormal,
    LogNormal,
    MixtureSameFamily,
    SigmoidTransform,
    TanhTransform,
    Transform,
    TransformedDistribution,
)

__all__ = [
    "AffineTransform", "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2",
    "ContinuousBernoulli", "Dirichlet", "Distribution", "ExpTransform", "Exponential", "FisherSnedecor",
    "Gamma", "Geometric", "Gumbel", "HalfCauchy", "HalfNormal", "Independent", "InverseGamma",
    "Kumaraswamy", "Laplace", "LogNormal", "LogisticNormal", "LowRankMultivariateNormal",
    "MixtureSameFamily", "Multinomial", "MultivariateNormal", "NegativeBinomial", "Normal",
    "OneHotCategorical", "OneHotCategoricalStraightThrough", "Pareto", "Poisson", "RelaxedBernoulli",
    "RelaxedOneHotCategorical", "SigmoidTransform", "StudentT", "TanhTransform", "Transform",
    "TransformedDistribution", "Uniform", "VonMises", "Weibull", "constraints", "kl_divergence",
    "register_kl", "transforms",
]  # fmt: skip

# PyTorch has a module for each class: torch.distributions.categorical and the like.
for _name in """
    bernoulli.Bernoulli beta.Beta binomial.Binomial categorical.Categorical cauchy.Cauchy chi2.Chi2
    dirichlet.Dirichlet exponential.Exponential gamma.Gamma geometric.Geometric gumbel.Gumbel
    half_normal.HalfNormal independent.Independent laplace.Laplace log_normal.LogNormal
    mixture_same_family.MixtureSameFamily multinomial.Multinomial multivariate_normal.MultivariateNormal
    continuous_bernoulli.ContinuousBernoulli fishersnedecor.FisherSnedecor half_cauchy.HalfCauchy
    inverse_gamma.InverseGamma kumaraswamy.Kumaraswamy logistic_normal.LogisticNormal
    lowrank_multivariate_normal.LowRankMultivariateNormal von_mises.VonMises
    negative_binomial.NegativeBinomial pareto.Pareto weibull.Weibull
    normal.Normal one_hot_categorical.OneHotCategorical poisson.Poisson relaxed_bernoulli.RelaxedBernoulli
    relaxed_categorical.RelaxedOneHotCategorical studentT.StudentT
    transformed_distribution.TransformedDistribution uniform.Uniform
    """.split():
    _module, _, _class = _name.partition(".")
    _sys.modules[f"{__name__}.{_module}"] = _made = _ModuleType(f"{__name__}.{_module}")
    setattr(_made, _class, globals()[_class])
    _made.__file__ = __file__
    _made.__spec__ = _ModuleSpec(_made.__name__, None, origin=__file__)  # _mark_loaded() gives it a loader
    globals()[_module] = _made
relaxed_bernoulli.LogitRelaxedBernoulli = LogitRelaxedBernoulli  # noqa: F821
relaxed_categorical.ExpRelaxedCategorical = ExpRelaxedCategorical  # noqa: F821
one_hot_categorical.OneHotCategoricalStraightThrough = OneHotCategoricalStraightThrough  # noqa: F821

_mark_loaded()
