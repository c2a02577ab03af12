"""Distributions beside PyTorch's: the same draws from the same seed, densities, means and divergences.

Breaks when wrong: the class of minitorch/distributions that the test names.
"""

import numpy as np
import pytest

import minitorch

torch = pytest.importorskip("torch", reason="compares with PyTorch")

A, B = [0.5, 2.0, 3.5], [1.0, 0.4, 6.0]
P = [[0.2, 0.3, 0.5], [0.6, 0.0, 0.4]]
L = [[1.5, 0.0], [0.3, 2.0]]
M, C = [1.0, -2.0], [[2.0, 0.3], [0.3, 1.0]]

# name: how to make it of a library t, and whether its draws use the C library's functions
CASES = {
    "Normal": lambda t: t.distributions.Normal(t.tensor(A), t.tensor(B)),
    "Normal of many": lambda t: t.distributions.Normal(t.zeros(5, 7), 2.0),
    "Normal of numbers": lambda t: t.distributions.Normal(0.5, 2),
    "Uniform": lambda t: t.distributions.Uniform(t.tensor([0.0, -1.0]), t.tensor([1.0, 3.0])),
    "Exponential": lambda t: t.distributions.Exponential(t.tensor(B)),
    "Laplace": lambda t: t.distributions.Laplace(t.tensor(A), t.tensor(B)),
    "Cauchy": lambda t: t.distributions.Cauchy(t.tensor(A), t.tensor(B)),
    "Gamma": lambda t: t.distributions.Gamma(t.tensor(A), t.tensor(B)),
    "Chi2": lambda t: t.distributions.Chi2(t.tensor(A)),
    "StudentT": lambda t: t.distributions.StudentT(t.tensor(A), t.tensor(B), 2.0),
    "Beta": lambda t: t.distributions.Beta(t.tensor(A), t.tensor(B)),
    "Beta of numbers": lambda t: t.distributions.Beta(0.5, 2.0),
    "Dirichlet": lambda t: t.distributions.Dirichlet(t.tensor([A, B])),
    "MultivariateNormal": lambda t: t.distributions.MultivariateNormal(t.tensor(M), t.tensor(C)),
    "MultivariateNormal by factor": lambda t: t.distributions.MultivariateNormal(
        t.tensor([M, A[:2]]), scale_tril=t.tensor(L).tril()
    ),
    "MultivariateNormal by inverse": lambda t: t.distributions.MultivariateNormal(
        t.tensor(M), precision_matrix=t.tensor(C)
    ),
    "Bernoulli": lambda t: t.distributions.Bernoulli(t.tensor([0.1, 0.5, 1.0])),
    "Bernoulli by logits": lambda t: t.distributions.Bernoulli(logits=t.tensor([-1.0, 0.0, 3.0])),
    "Geometric": lambda t: t.distributions.Geometric(t.tensor([0.1, 0.5, 0.9])),
    "Categorical": lambda t: t.distributions.Categorical(t.tensor(P)),
    "Categorical by logits": lambda t: t.distributions.Categorical(logits=t.tensor(L)),
    "Categorical of one row": lambda t: t.distributions.Categorical(t.tensor(A)),
    "OneHotCategorical": lambda t: t.distributions.OneHotCategorical(t.tensor(P)),
    "OneHotCategoricalStraightThrough": lambda t: t.distributions.OneHotCategoricalStraightThrough(
        t.tensor(P)
    ),
    "RelaxedBernoulli": lambda t: t.distributions.RelaxedBernoulli(t.tensor(0.7), t.tensor([0.1, 0.5, 0.9])),
    "RelaxedBernoulli by logits": lambda t: t.distributions.RelaxedBernoulli(
        t.tensor(2.0), logits=t.tensor([-1.0, 0.0, 3.0])
    ),
    "RelaxedOneHotCategorical": lambda t: t.distributions.RelaxedOneHotCategorical(
        t.tensor(0.7), t.tensor(P)
    ),
    "Binomial": lambda t: t.distributions.Binomial(10, t.tensor([0.1, 0.5, 0.95])),
    "Binomial of large counts": lambda t: t.distributions.Binomial(100, t.tensor([0.3, 0.5, 0.8])),
    "Poisson": lambda t: t.distributions.Poisson(t.tensor([0.5, 3.0, 40.0])),
    "Multinomial": lambda t: t.distributions.Multinomial(6, t.tensor(P)),
    "LogNormal": lambda t: t.distributions.LogNormal(t.tensor(A), t.tensor(B)),
    "HalfNormal": lambda t: t.distributions.HalfNormal(t.tensor(B)),
    "Gumbel": lambda t: t.distributions.Gumbel(t.tensor(A), t.tensor(B)),
    "HalfCauchy": lambda t: t.distributions.HalfCauchy(t.tensor(B)),
    "HalfCauchy of a number": lambda t: t.distributions.HalfCauchy(2.0),
    "Pareto": lambda t: t.distributions.Pareto(t.tensor(B), t.tensor(A)),
    "Weibull": lambda t: t.distributions.Weibull(t.tensor(A), t.tensor(B) + 0.6),
    "InverseGamma": lambda t: t.distributions.InverseGamma(t.tensor(A), t.tensor(B)),
    "FisherSnedecor": lambda t: t.distributions.FisherSnedecor(t.tensor(B), t.tensor([1.5, 3.0, 9.0])),
    "FisherSnedecor of numbers": lambda t: t.distributions.FisherSnedecor(3.0, 5.0),
    "Kumaraswamy": lambda t: t.distributions.Kumaraswamy(t.tensor(A), t.tensor(B)),
    "NegativeBinomial": lambda t: t.distributions.NegativeBinomial(t.tensor(B), t.tensor([0.1, 0.5, 0.9])),
    "NegativeBinomial by logits": lambda t: t.distributions.NegativeBinomial(
        4, logits=t.tensor([-1.0, 0.0, 3.0])
    ),
    "ContinuousBernoulli": lambda t: t.distributions.ContinuousBernoulli(
        t.tensor([0.0, 0.1, 0.4995, 0.5, 0.5005, 0.9, 1.0])
    ),
    "ContinuousBernoulli by logits": lambda t: t.distributions.ContinuousBernoulli(
        logits=t.tensor([-3.0, 0.0, 0.001, 2.0])
    ),
    "LogisticNormal": lambda t: t.distributions.LogisticNormal(t.tensor([A, B]), t.tensor(B) * 0.2 + 0.1),
    "LogisticNormal of numbers": lambda t: t.distributions.LogisticNormal(0.5, 1.0),
    "VonMises": lambda t: t.distributions.VonMises(t.tensor(A), t.tensor(B)),
    "VonMises of small concentration": lambda t: t.distributions.VonMises(t.tensor(1.0), t.tensor(1e-6)),
    "LowRankMultivariateNormal": lambda t: t.distributions.LowRankMultivariateNormal(
        t.tensor([A, B]), t.tensor([[1.0], [0.5], [-2.0]]), t.tensor(B)
    ),
    "Independent": lambda t: t.distributions.Independent(t.distributions.Normal(t.tensor(L), 1.0), 1),
    "TransformedDistribution": lambda t: t.distributions.TransformedDistribution(
        t.distributions.Normal(t.tensor(A), 1.0),
        [
            t.distributions.transforms.AffineTransform(0.5, -2.0),
            t.distributions.transforms.SigmoidTransform(),
        ],
    ),
    "squashed": lambda t: t.distributions.TransformedDistribution(
        t.distributions.Normal(t.tensor(A), 1.0), t.distributions.transforms.TanhTransform()
    ),
    "MixtureSameFamily": lambda t: t.distributions.MixtureSameFamily(
        t.distributions.Categorical(t.tensor(A)), t.distributions.Normal(t.tensor(A), t.tensor(B))
    ),
    "MixtureSameFamily of vectors": lambda t: t.distributions.MixtureSameFamily(
        t.distributions.Categorical(t.tensor(A[:2])),
        t.distributions.MultivariateNormal(t.tensor(L), t.tensor(C)),
    ),
}
SHAPES = [(), (4,), (2, 30)]


def both(name):
    return CASES[name](minitorch), CASES[name](torch)


def close(a, b, rtol=1e-5, atol=1e-6):
    assert a.shape == b.shape and str(a.dtype) == str(b.dtype)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", CASES)
def test_draws(name):
    ours, theirs = both(name)
    for shape in SHAPES:
        for library in (minitorch, torch):
            library.manual_seed(3)
        close(ours.sample(shape), theirs.sample(shape))
        assert (minitorch.get_rng_state().numpy() == torch.get_rng_state().numpy()).all()


@pytest.mark.parametrize("name", CASES)
def test_densities(name):
    ours, theirs = both(name)
    torch.manual_seed(0)
    value = theirs.sample((5,))
    close(ours.log_prob(minitorch.tensor(value.numpy())), theirs.log_prob(value), 1e-4, 1e-5)


@pytest.mark.parametrize("what", ["mean", "variance", "stddev", "mode", "entropy", "support", "shapes"])
@pytest.mark.parametrize("name", CASES)
def test_properties(name, what):
    ours, theirs = both(name)
    if what == "shapes":
        assert ours.batch_shape == theirs.batch_shape and ours.event_shape == theirs.event_shape
        assert ours.has_rsample == theirs.has_rsample
        wide = (2, *ours.batch_shape)
        assert ours.expand(wide).sample((3,)).shape == theirs.expand(wide).sample((3,)).shape
        if not name.startswith(("Transformed", "squashed", "Mixture")):
            assert repr(ours) == repr(theirs)
        return
    try:
        wanted = getattr(theirs, what)
        wanted = wanted() if callable(wanted) else wanted
    except NotImplementedError:
        return
    if (name, what) == ("Multinomial", "entropy"):
        return  # is not there
    if what == "support":
        probe = minitorch.tensor(theirs.sample((2,)).numpy())
        assert ours.support.check(probe).all() and ours.support.event_dim == wanted.event_dim
        return
    try:
        got = getattr(ours, what)
        got = got() if callable(got) else got
    except NotImplementedError:
        pytest.fail(f"{name} has no {what}")
    close(got, wanted, 1e-4, 1e-5)


@pytest.mark.parametrize(
    "name",
    """Normal Laplace Exponential Uniform Cauchy MultivariateNormal Gamma Gumbel Pareto Weibull InverseGamma
    Kumaraswamy FisherSnedecor LogisticNormal LowRankMultivariateNormal""".split(),
)
def test_gradients_of_samples(name):
    grads = []
    for library in (minitorch, torch):
        library.manual_seed(1)
        place = library.distributions
        leaves = [library.tensor(v, requires_grad=True) for v in (A, B)]
        if name == "MultivariateNormal":
            leaves = [library.tensor(v, requires_grad=True) for v in (M, C)]
        if name == "LowRankMultivariateNormal":
            made = place.LowRankMultivariateNormal(leaves[0], leaves[1].unsqueeze(-1), leaves[1])
        elif name == "Uniform":
            made = place.Uniform(leaves[0], leaves[0] + leaves[1])
        elif name == "Exponential":
            made = place.Exponential(leaves[0] + leaves[1])
        else:
            made = getattr(place, name)(*leaves)
        drawn = made.rsample((50,))
        tame = drawn.log() if name in ("InverseGamma", "FisherSnedecor") else drawn.sin()
        tame.sum().backward()
        grads.append([leaf.grad.numpy() for leaf in leaves])
    for a, b in zip(*grads, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["HalfCauchy", "Pareto", "Weibull", "Kumaraswamy", "ContinuousBernoulli"])
def test_probabilities_below_a_value(name):
    """cdf beside PyTorch's; icdf is its inverse."""
    ours, theirs = both(name)
    p = [[0.01], [0.3], [0.75], [0.999]]
    mine = ours.icdf(minitorch.tensor(p))
    close(mine, theirs.icdf(torch.tensor(p)), 1e-4, 1e-5)
    close(ours.cdf(mine), theirs.cdf(torch.tensor(mine.numpy())), 1e-4, 1e-5)
    wide = minitorch.tensor(p).expand(mine.shape).numpy()
    np.testing.assert_allclose(ours.cdf(mine).numpy(), wide, atol=1e-3)


PAIRS = """Normal Uniform Exponential Laplace Gamma Beta Dirichlet MultivariateNormal Bernoulli Categorical
    OneHotCategorical Poisson Independent Pareto ContinuousBernoulli""".split()


@pytest.mark.parametrize("name", PAIRS)
def test_divergences(name):
    def other(t):
        d = t.distributions
        return {
            "Normal": lambda: d.Normal(t.tensor(B), t.tensor(A)),
            "Uniform": lambda: d.Uniform(t.tensor([-1.0, 0.0]), t.tensor([2.0, 4.0])),
            "Exponential": lambda: d.Exponential(t.tensor(A)),
            "Laplace": lambda: d.Laplace(t.tensor(B), t.tensor(A)),
            "Gamma": lambda: d.Gamma(t.tensor(B), t.tensor(A)),
            "Beta": lambda: d.Beta(t.tensor(B), t.tensor(A)),
            "Dirichlet": lambda: d.Dirichlet(t.tensor([B, A])),
            "MultivariateNormal": lambda: d.MultivariateNormal(t.zeros(2), t.eye(2) * 3),
            "Bernoulli": lambda: d.Bernoulli(t.tensor([0.5, 0.0, 0.2])),
            "Categorical": lambda: d.Categorical(t.tensor([[1.0, 0.0, 2.0], [1.0, 1.0, 1.0]])),
            "OneHotCategorical": lambda: d.OneHotCategorical(t.tensor([[1.0, 2.0, 2.0], [1.0, 1.0, 1.0]])),
            "Poisson": lambda: d.Poisson(t.tensor([1.0, 2.0, 30.0])),
            "Pareto": lambda: d.Pareto(t.tensor(A), t.tensor(B)),
            "ContinuousBernoulli": lambda: d.ContinuousBernoulli(t.tensor([0.3] * 7)),
            "Independent": lambda: d.Independent(d.Normal(t.zeros(2, 2), 2.0), 1),
        }[name]()

    ours = minitorch.distributions.kl_divergence(CASES[name](minitorch), other(minitorch))
    close(ours, torch.distributions.kl_divergence(CASES[name](torch), other(torch)), 1e-4, 1e-5)
    with pytest.raises(NotImplementedError):
        minitorch.distributions.kl_divergence(CASES["Cauchy"](minitorch), other(minitorch))


def low_rank(t, n, factor, diag, shape=None):
    return t.distributions.LowRankMultivariateNormal(t.zeros(n), t.ones(factor), t.full(shape or (n,), diag))


ERRORS = {
    "scale": lambda t: t.distributions.Normal(t.zeros(2), t.tensor([1.0, -1.0])),
    "not a number": lambda t: t.distributions.Normal(float("nan"), 1.0),
    "probability": lambda t: t.distributions.Bernoulli(1.5),
    "both": lambda t: t.distributions.Categorical(t.ones(2), t.ones(2)),
    "neither": lambda t: t.distributions.Categorical(),
    "0-d": lambda t: t.distributions.Categorical(t.tensor(1.0)),
    "negative weights": lambda t: t.distributions.Categorical(t.tensor([1.0, -1.0])),
    "nan logits": lambda t: t.distributions.Categorical(logits=t.tensor([float("nan"), 1.0])),
    "class": lambda t: t.distributions.Categorical(t.ones(2)).log_prob(t.tensor(5)),
    "low": lambda t: t.distributions.Uniform(1.0, 0.0),
    "outside": lambda t: t.distributions.Uniform(0.0, 1.0).log_prob(t.tensor(3.0)),
    "shape": lambda t: t.distributions.Normal(t.zeros(2), 1.0).log_prob(t.zeros(3)),
    "no tensor": lambda t: t.distributions.Normal(0.0, 1.0).log_prob(1.0),
    "text": lambda t: t.distributions.Normal("a", 1.0),
    "two matrices": lambda t: t.distributions.MultivariateNormal(t.zeros(2), t.eye(2), t.eye(2)),
    "not definite": lambda t: t.distributions.MultivariateNormal(t.zeros(2), -t.eye(2)),
    "HalfCauchy": lambda t: t.distributions.HalfCauchy(-1.0),
    "Pareto": lambda t: t.distributions.Pareto(1.0, t.tensor([1.0, -1.0])),
    "Pareto's scale": lambda t: t.distributions.Pareto(-1.0, 1.0),
    "below Pareto's scale": lambda t: t.distributions.Pareto(2.0, 1.0).log_prob(t.tensor(1.0)),
    "Weibull": lambda t: t.distributions.Weibull(0.0, 1.0),
    "Weibull's power": lambda t: t.distributions.Weibull(1.0, 0.0),
    "below Weibull": lambda t: t.distributions.Weibull(2.0, 1.0).log_prob(t.tensor(-1.0)),
    "InverseGamma": lambda t: t.distributions.InverseGamma(1.0, -1.0),
    "FisherSnedecor": lambda t: t.distributions.FisherSnedecor(-1.0, 1.0),
    "Kumaraswamy": lambda t: t.distributions.Kumaraswamy(-1.0, 1.0),
    "Kumaraswamy's value": lambda t: t.distributions.Kumaraswamy(1.0, 1.0).log_prob(t.tensor(1.5)),
    "NegativeBinomial": lambda t: t.distributions.NegativeBinomial(-1.0, 0.5),
    "NegativeBinomial's probability": lambda t: t.distributions.NegativeBinomial(1.0, 1.0),
    "NegativeBinomial of neither": lambda t: t.distributions.NegativeBinomial(1.0),
    "NegativeBinomial's value": lambda t: t.distributions.NegativeBinomial(1.0, 0.5).log_prob(t.tensor(0.5)),
    "ContinuousBernoulli": lambda t: t.distributions.ContinuousBernoulli(2.0, validate_args=True),
    "ContinuousBernoulli of both": lambda t: t.distributions.ContinuousBernoulli(0.5, 0.5),
    "LogisticNormal": lambda t: t.distributions.LogisticNormal(t.zeros(2), -t.ones(2)),
    "no parts": lambda t: t.distributions.LogisticNormal(t.zeros(2), 1.0).log_prob(t.ones(3)),
    "VonMises": lambda t: t.distributions.VonMises(0.0, -1.0),
    "low rank": lambda t: low_rank(t, 2, (2, 1), -3.0),
    "low rank of a number": lambda t: t.distributions.LowRankMultivariateNormal(
        t.tensor(0.0), t.ones(2, 1), t.ones(2)
    ),
    "factor of rank 1": lambda t: low_rank(t, 2, (2,), 1.0),
    "factor of other size": lambda t: low_rank(t, 2, (3, 1), 1.0),
    "batches": lambda t: low_rank(t, 2, (3, 2, 1), 1.0, (2, 2)),
    "diagonal": lambda t: low_rank(t, 2, (2, 1), 1.0, (3,)),
    "events": lambda t: t.distributions.Independent(t.distributions.Normal(0.0, 1.0), 1),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    with pytest.raises(Exception) as wanted:
        ERRORS[case](torch)
    with pytest.raises(type(wanted.value)) as got:
        ERRORS[case](minitorch)
    assert str(got.value).split("\n")[0] == str(wanted.value).split("\n")[0]


def test_checks_can_be_switched_off():
    minitorch.distributions.Normal(0.0, -1.0, validate_args=False)
    minitorch.distributions.Distribution.set_default_validate_args(False)
    try:
        minitorch.distributions.Normal(0.0, -1.0)
    finally:
        minitorch.distributions.Distribution.set_default_validate_args(True)


def test_policy_gradient():
    """The gradient of log_prob of what was sampled, as programs that learn from rewards take it."""
    logits = minitorch.zeros(3, requires_grad=True)
    minitorch.distributions.Categorical(logits=logits).log_prob(minitorch.tensor(1)).backward()
    np.testing.assert_allclose(logits.grad.numpy(), [-1 / 3, 2 / 3, -1 / 3], rtol=1e-6)


def test_low_rank_matrices_and_divergences():
    made = []
    for t in (minitorch, torch):
        narrow = CASES["LowRankMultivariateNormal"](t)
        wide = t.distributions.MultivariateNormal(narrow.loc + 1.0, t.eye(3) * 2.0)
        kl = t.distributions.kl_divergence
        other = t.distributions.LowRankMultivariateNormal(t.zeros(3), t.ones(3, 2), t.ones(3))
        made.append([
            narrow.covariance_matrix, narrow.precision_matrix, narrow.scale_tril,
            kl(narrow, wide), kl(wide, narrow), kl(narrow, other), kl(narrow, narrow),
        ])  # fmt: skip
    for got, want in zip(*made, strict=True):
        close(got, want, 1e-4, 2e-5)
    narrow = CASES["LowRankMultivariateNormal"](minitorch)
    same = minitorch.distributions.MultivariateNormal(narrow.loc, narrow.covariance_matrix)
    x = minitorch.randn(4, 2, 3)
    close(narrow.log_prob(x), same.log_prob(x), 1e-4, 1e-4)


def test_angles():
    """The density is one over a turn, and gradients reach the concentration."""
    k = minitorch.tensor(1.5, requires_grad=True)
    turn = minitorch.linspace(-np.pi, np.pi, 2001)
    density = minitorch.distributions.VonMises(0.5, k).log_prob(turn).exp()
    assert minitorch.trapezoid(density, turn).item() == pytest.approx(1.0, abs=1e-5)
    minitorch.distributions.VonMises(0.5, k).log_prob(minitorch.tensor(0.5)).backward()
    assert k.grad.item() == pytest.approx(1 - 0.5964, abs=1e-3)  # 1 - I1(k) / I0(k)


def test_formulas():
    """Stored numbers and identities, which need no PyTorch."""
    d, t = minitorch.distributions, minitorch.tensor
    x = t([0.2, 0.5, 0.9])
    assert minitorch.allclose(d.Kumaraswamy(1.0, 1.0).log_prob(x), minitorch.zeros(3), atol=1e-6)
    assert minitorch.allclose(d.Weibull(0.5, 1.0).log_prob(x), d.Exponential(2.0).log_prob(x))
    assert minitorch.allclose(
        d.HalfCauchy(2.0).log_prob(x).exp(), 2 / (2 * np.pi * (1 + (x / 2) ** 2)), atol=1e-6
    )
    assert minitorch.allclose(d.Pareto(0.1, 3.0).cdf(x), 1 - (0.1 / x) ** 3)
    assert minitorch.allclose(d.InverseGamma(1.0, 2.0).log_prob(x), np.log(2) - 2 * x.log() - 2 / x)
    assert minitorch.allclose(d.FisherSnedecor(2.0, 2.0).log_prob(x), -2 * (1 + x).log(), atol=1e-6)
    counts = d.NegativeBinomial(3.0, 0.25).log_prob(minitorch.arange(3.0)).exp()
    assert minitorch.allclose(counts, t([0.421875, 0.31640625, 0.158203125]))
    grey = d.ContinuousBernoulli(t([0.1, 0.4999, 0.8]))
    steps = minitorch.linspace(0, 1, 4001)[:, None]
    density = grey.log_prob(steps).exp()
    assert minitorch.allclose(minitorch.trapezoid(density, steps, dim=0), minitorch.ones(3), atol=1e-4)
    assert minitorch.allclose(minitorch.trapezoid(density * steps, steps, dim=0), grey.mean, atol=1e-4)
    even = d.LogisticNormal(minitorch.zeros(1), minitorch.ones(1)).log_prob(t([0.5, 0.5])).exp()
    assert minitorch.allclose(even, t(4 / np.sqrt(2 * np.pi)).float())


def test_modules_of_single_classes():
    from minitorch.distributions.categorical import Categorical
    from minitorch.distributions.multivariate_normal import MultivariateNormal

    assert Categorical is minitorch.distributions.Categorical
    assert minitorch.distributions.multivariate_normal.MultivariateNormal is MultivariateNormal


def test_a_mixture_prints_its_parts():
    parts = minitorch.distributions.Normal(minitorch.zeros(3), minitorch.ones(3))
    mixture = minitorch.distributions.MixtureSameFamily(
        minitorch.distributions.Categorical(minitorch.ones(3)), parts
    )
    assert repr(mixture) == (
        "MixtureSameFamily(\n  Categorical(probs: torch.Size([3])),\n"
        "  Normal(loc: torch.Size([3]), scale: torch.Size([3])))"
    )
