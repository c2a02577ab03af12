"""Losses made of operators: values and gradients against PyTorch, and what they refuse."""

import numpy as np
import pytest

import minitorch as mt
import minitorch.nn.functional as F

try:
    import torch
except ImportError:
    torch = None

RNG = np.random.default_rng(3)
X, Y, Z = (RNG.standard_normal((4, 5)) for _ in range(3))
P = RNG.uniform(0.1, 0.9, (4, 5))
SIGNS = np.array([1, -1, 1, -1])
CLASSES = np.array([0, 3, 4, 2])
LISTED = np.array([[0, 2, -1, 1, 1], [4, -1, 0, 0, 0], [-1, 0, 0, 0, 0], [1, 2, 3, 4, 0]])

CASES = {
    "kl_div": ((np.log(P), P), [{"reduction": "batchmean"}, {"reduction": "sum", "log_target": True}]),
    "poisson_nll_loss": ((X, 3 * P), [{}, {"full": True}, {"reduction": "none"}]),
    "gaussian_nll_loss": ((X, Y, P), [{}, {"full": True, "reduction": "sum"}]),
    "hinge_embedding_loss": ((X[:, 0], SIGNS), [{}, {"margin": 0.3, "reduction": "none"}]),
    "margin_ranking_loss": ((X[:, 0], Y[:, 0], SIGNS), [{}, {"margin": 0.5}]),
    "cosine_embedding_loss": ((X, Y, SIGNS), [{}, {"margin": 0.2, "reduction": "none"}]),
    "soft_margin_loss": ((X[:, 0], SIGNS), [{}, {"reduction": "sum"}]),
    "multilabel_soft_margin_loss": ((X, np.round(P)), [{}, {"reduction": "none"}]),
    "multi_margin_loss": ((X, CLASSES), [{}, {"p": 2, "margin": 0.5}, {"reduction": "none"}]),
    "multilabel_margin_loss": ((X, LISTED), [{}, {"reduction": "none"}]),
    "triplet_margin_loss": ((X, Y, Z), [{}, {"p": 1, "swap": True}, {"margin": 3.0, "reduction": "none"}]),
    "triplet_margin_with_distance_loss": ((X, Y, Z), [{}, {"swap": True}]),
    "cosine_similarity": ((X, Y), [{}, {"dim": 0}]),
    "pairwise_distance": ((X, Y), [{}, {"p": 1.5, "keepdim": True}]),
    "normalize": ((X,), [{}, {"p": 1.0, "dim": 0}]),
    "scaled_dot_product_attention": ((X, Y, Z), [{}, {"is_causal": True}, {"scale": 0.3}]),
}


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name):
    arrays, options = CASES[name]
    for kw in options:
        found = []
        for library in (mt, torch):
            inputs = [library.from_numpy(a.copy()) for a in arrays]
            leaves = [x.requires_grad_() for x in inputs if x.is_floating_point()]
            y = getattr(library.nn.functional, name)(*inputs, **kw)
            (y * y).sum().backward()
            found.append([y.detach().numpy(), *(x.grad.numpy() for x in leaves)])
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10, err_msg=str(kw))


@pytest.mark.skipif(torch is None, reason="compares with PyTorch")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_ctc(reduction):
    scores = RNG.standard_normal((9, 3, 5))
    targets = np.array([[1, 1, 2], [3, 4, 0], [2, 0, 0]])
    found = []
    for library in (mt, torch):
        x = library.from_numpy(scores.copy()).requires_grad_()
        loss = library.nn.functional.ctc_loss(
            library.log_softmax(x, 2), library.from_numpy(targets), [9, 8, 4], [3, 2, 1], reduction=reduction
        )
        loss.sum().backward()
        found.append([loss.detach().numpy(), x.grad.numpy()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


CTC = [
    ((50, 16, 20), [50] * 16, [10] * 16),
    ((6, 4, 4), [6, 0, 1, 0], [3, 0, 2, 1]),  # without steps, without labels, impossible
    ((5, 2, 4), [5, 5], [0, 1]),
    ((8, 3, 4), [8, 3, 8], [5, 3, 8]),
]


@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("shape,steps,labels", CTC)
def test_ctc_has_the_digits_of_pytorch(pytorch_avx512, shape, steps, labels, zero_infinity):
    x = RNG.standard_normal(shape).astype("f4")
    targets = RNG.integers(1, shape[2], (shape[1], 10))
    targets[:, 1] = targets[:, 0]
    flat = np.concatenate([row[:n] for row, n in zip(targets, labels, strict=True)])
    found = []
    for library in (mt, pytorch_avx512):
        for given in (targets, flat):
            leaf = library.from_numpy(x.copy()).requires_grad_()
            y = library.log_softmax(leaf, 2)
            loss = library.nn.functional.ctc_loss(
                y, library.from_numpy(given), steps, labels, reduction="none", zero_infinity=zero_infinity
            )
            loss.backward(library.arange(1.0, shape[1] + 1))
            found += [loss.detach().numpy(), leaf.grad.numpy()]
    for got, want in zip(found[:4], found[4:], strict=True):
        np.testing.assert_array_equal(got, want)


def test_ctc_twice_differentiable():
    x = mt.from_numpy(RNG.standard_normal((6, 2, 4))).requires_grad_()
    targets = mt.tensor([[1, 1, 2], [3, 2, 0]])

    def loss(x):
        return F.ctc_loss(x.log_softmax(2), targets, [6, 5], [3, 2], reduction="none")

    assert mt.autograd.gradcheck(loss, x) and mt.autograd.gradgradcheck(loss, x)
    for zero in (False, True):
        slopes = []
        for graph in (False, True):
            y = F.ctc_loss(x[:3], targets, [2, 3], [3, 2], reduction="sum", zero_infinity=zero)
            slopes.append(mt.autograd.grad(y, x, create_graph=graph)[0].detach().numpy())
        np.testing.assert_allclose(*slopes, rtol=1e-9, atol=1e-12)


def test_ctc_refuses():
    p = mt.zeros(3, 1, 3)
    for targets, steps, labels, error, words in (
        ([[1, 3]], [3], [2], IndexError, "index out of range"),
        ([[1, -1]], [3], [2], IndexError, "index out of range"),
        (
            [[1, 1]],
            [3],
            [3],
            RuntimeError,
            "Expected tensor to have size at least 3 at dimension 1, but got size 2",
        ),
        (
            [1, 1],
            [3],
            [3],
            RuntimeError,
            "Expected tensor to have size at least 3 at dimension 0, but got size 2",
        ),
        ([[1, 1]], [4], [1], RuntimeError, "Expected input_lengths to have value at most 3, but got value 4"),
        (
            [[1, 1]],
            [3],
            [-1],
            RuntimeError,
            "Expected target_lengths to have value at least 0, but got value -1",
        ),
    ):
        with pytest.raises(error, match=words):
            F.ctc_loss(p, mt.tensor(targets), steps, labels)
    with pytest.raises(NotImplementedError, match="not implemented for 'Long'"):
        F.ctc_loss(p.long(), mt.tensor([[1]]), [3], [1])


def test_refusals():
    with pytest.raises(ValueError, match="only p == 1 and p == 2 supported"):
        F.multi_margin_loss(mt.zeros(1, 2), mt.tensor([0]), p=3)
    with pytest.raises(ValueError, match="margin must be greater than 0"):
        F.triplet_margin_loss(mt.zeros(1, 2), mt.zeros(1, 2), mt.zeros(1, 2), margin=0)
    with pytest.raises(ValueError, match="var has negative"):
        F.gaussian_nll_loss(mt.zeros(2), mt.zeros(2), mt.tensor([1.0, -1.0]))
    with pytest.raises(RuntimeError, match="not divisible by 4"):
        F.pixel_shuffle(mt.zeros(3, 2, 2), 2)
