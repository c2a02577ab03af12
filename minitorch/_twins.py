"""Names of the top level that have a namesake in nn.functional, under the arguments they have up here.

Up here nothing is left to defaults that depend on a module: dropout asks for p and train, losses count their
reductions (0 none, 1 mean, 2 sum) and do not reduce unless asked to. The arithmetic is the namesake's.

Source: https://docs.pytorch.org/docs/2.13/torch.html
"""

from __future__ import annotations

from minitorch import _C
from minitorch.nn import functional as F

Tensor = _C.Tensor

_REDUCTIONS = ("none", "mean", "sum")


def _probability(p):
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p:g}")
    return p


# The same arguments in both places.
bilinear = F.bilinear
celu = F.celu
channel_shuffle = F.channel_shuffle
cosine_similarity = F.cosine_similarity
hardshrink = F.hardshrink
pairwise_distance = F.pairwise_distance
pdist = F.pdist
pixel_shuffle = F.pixel_shuffle
pixel_unshuffle = F.pixel_unshuffle
rrelu = F.rrelu
selu = F.selu
threshold = F.threshold


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Zeroes each element with probability p and scales the rest by 1 / (1 - p), if train.

    Shapes: (*) to (*), floating point. RuntimeError if p is not in [0, 1].

    >>> import minitorch
    >>> minitorch.dropout(minitorch.ones(3), 0.5, False)
    tensor([1., 1., 1.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.dropout.html
    """
    return F.dropout(input, _probability(p), train)


def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """dropout in place.

    >>> import minitorch
    >>> minitorch.dropout_(minitorch.ones(3), 0.5, False)
    tensor([1., 1., 1.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.dropout.html
    """
    return F.dropout(input, _probability(p), train, True)


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Zeroes whole channels, each with probability p, and scales the rest by 1 / (1 - p), if train.

    Shapes: (N, C, *) to (N, C, *).

    >>> import minitorch
    >>> minitorch.feature_dropout(minitorch.ones(1, 2, 2, 2), 0.5, False).sum()
    tensor(8.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.dropout2d.html
    """
    return F.dropout2d(input, _probability(p), train)


def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Dropout that keeps mean and variance, for nets of selu, if train.

    >>> import minitorch
    >>> minitorch.alpha_dropout(minitorch.ones(3), 0.5, False)
    tensor([1., 1., 1.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.alpha_dropout.html
    """
    return F.alpha_dropout(input, _probability(p), train)


def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """alpha_dropout of whole channels.

    >>> import minitorch
    >>> minitorch.feature_alpha_dropout(minitorch.ones(1, 2, 2), 0.5, False).sum()
    tensor(4.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.feature_alpha_dropout.html
    """
    return F.feature_alpha_dropout(input, _probability(p), train)


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel, over all the other dimensions.

    Shapes: (N, C, *) to (N, C, *). cudnn_enabled changes nothing here.

    >>> import minitorch
    >>> minitorch.batch_norm(minitorch.tensor([[1.0], [3.0]]), None, None, None, None, True, 0.1, 0.0, False)
    tensor([[-1.],
            [ 1.]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.batch_norm.html
    """
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """batch_norm of each sample by itself.

    >>> import minitorch
    >>> x = minitorch.tensor([[[1.0, 3.0]]])
    >>> minitorch.instance_norm(x, None, None, None, None, True, 0.1, 0.0, False)
    tensor([[[-1.,  1.]]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.instance_norm.html
    """
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def kl_div(input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False) -> Tensor:
    """target * (log target - input); reduction 0 none, 1 mean, 2 sum.

    >>> import minitorch
    >>> minitorch.kl_div(minitorch.zeros(2), minitorch.ones(2))
    tensor([0., 0.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.kl_div.html
    """
    elements = F.kl_div(input, target, reduction="none", log_target=log_target)
    return (elements, elements.mean, elements.sum)[reduction]() if reduction else elements


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 0,
) -> Tensor:
    """Binary cross entropy of sigmoid(input); reduction 0 none, 1 mean, 2 sum.

    >>> import minitorch
    >>> minitorch.binary_cross_entropy_with_logits(minitorch.zeros(2), minitorch.ones(2))
    tensor([0.6931, 0.6931])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.binary_cross_entropy_with_logits.html
    """
    how = _REDUCTIONS[reduction]
    return F.binary_cross_entropy_with_logits(input, target, weight, pos_weight=pos_weight, reduction=how)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """1 - cos for pairs that belong together (target 1), max(0, cos - margin) for others (-1).

    >>> import minitorch
    >>> minitorch.cosine_embedding_loss(*[minitorch.ones(1, 2)] * 2, minitorch.tensor([-1.0]))
    tensor([1.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.cosine_embedding_loss.html
    """
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=_REDUCTIONS[reduction])


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0) -> Tensor:
    """x where target is 1, max(0, margin - x) where it is -1.

    >>> import minitorch
    >>> minitorch.hinge_embedding_loss(minitorch.tensor([3.0, 0.5]), minitorch.tensor([1, -1]))
    tensor([3.0000, 0.5000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.hinge_embedding_loss.html
    """
    return F.hinge_embedding_loss(input, target, margin, reduction=_REDUCTIONS[reduction])


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """max(0, -target * (input1 - input2) + margin).

    >>> import minitorch
    >>> minitorch.margin_ranking_loss(minitorch.zeros(1), minitorch.ones(1), minitorch.ones(1))
    tensor([1.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.margin_ranking_loss.html
    """
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=_REDUCTIONS[reduction])


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> Tensor:
    """max(0, distance to the positive - distance to the negative + margin).

    >>> import minitorch
    >>> minitorch.triplet_margin_loss(*[minitorch.zeros(1, 2)] * 3)
    tensor([1.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.triplet_margin_loss.html
    """
    how = _REDUCTIONS[reduction]
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=how)


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int
) -> Tensor:
    """exp(x) - target * x, or x - target * log(x + eps) if not log_input.

    >>> import minitorch
    >>> minitorch.poisson_nll_loss(minitorch.zeros(1), minitorch.ones(1), True, False, 1e-8, 1)
    tensor(1.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.poisson_nll_loss.html
    """
    how = _REDUCTIONS[reduction]
    return F.poisson_nll_loss(input, target, log_input, full=full, eps=eps, reduction=how)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int = 0,
    reduction: int = 0,
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the log-probability of the targets, summed over all ways to align them.

    >>> import minitorch
    >>> scores = minitorch.zeros(2, 1, 2).log_softmax(2)
    >>> minitorch.ctc_loss(scores, minitorch.tensor([[1]]), minitorch.tensor([2]), minitorch.tensor([1]))
    tensor([0.2877])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.ctc_loss.html
    """
    how = _REDUCTIONS[reduction]
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, how, zero_infinity)
