"""Losses. https://docs.pytorch.org/docs/2.13/nn.html#loss-functions"""

import warnings

from minitorch._C import _Forward, _nn
from minitorch.nn import _reduction
from minitorch.nn import functional as F
from minitorch.nn.modules.module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "NLLLoss2d",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


def _forward(function, operator, same_shape=True, **usual):
    """forward(input, target): the function with these attributes by keyword, in C.

    A module whose attributes have these values gives its tensors to the operator, which has the same
    defaults; tensors of different shapes go to the function, which objects.
    """
    return _Forward(
        function,
        attributes=usual,
        inputs=("input", "target"),
        keywords=usual,
        shortcut=operator,
        usual=usual.values(),
        same_shape=same_shape,
    )


class _Loss(Module):
    def __init__(self, size_average=None, reduce=None, reduction="mean"):
        super().__init__()
        if size_average is not None or reduce is not None:
            reduction = _reduction.legacy_get_string(size_average, reduce)
        self.reduction = reduction


class _WeightedLoss(_Loss):
    def __init__(self, weight=None, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class L1Loss(_Loss):
    """abs(input - target): the mean, the sum or, with reduction "none", each.

    Shapes: two tensors of one shape to a scalar, or with "none" to that shape.

    >>> import minitorch
    >>> minitorch.nn.L1Loss()(minitorch.tensor([1.0, 2.0]), minitorch.tensor([0.0, 0.0]))
    tensor(1.5000)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.L1Loss.html
    """

    forward = _forward(F.l1_loss, _nn.l1_loss, reduction="mean")


class MSELoss(_Loss):
    """(input - target) ** 2: the mean, the sum or, with reduction "none", each.

    Shapes: two tensors of one shape to a scalar, or with "none" to that shape.

    >>> import minitorch
    >>> minitorch.nn.MSELoss()(minitorch.tensor([1.0, 2.0]), minitorch.tensor([0.0, 0.0]))
    tensor(2.5000)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MSELoss.html
    """

    forward = _forward(F.mse_loss, _nn.mse_loss, reduction="mean")


class SmoothL1Loss(_Loss):
    """Quadratic where abs(input - target) < beta, linear beyond.

    >>> import minitorch
    >>> minitorch.nn.SmoothL1Loss()(minitorch.tensor([0.5, 2.0]), minitorch.tensor([0.0, 0.0]))
    tensor(0.8125)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.SmoothL1Loss.html
    """

    def __init__(self, size_average=None, reduce=None, reduction="mean", beta=1.0):
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    forward = _forward(F.smooth_l1_loss, _nn.smooth_l1_loss, reduction="mean", beta=1.0)


class HuberLoss(_Loss):
    """Quadratic where abs(input - target) < delta, with slope delta beyond.

    Raises:
        TypeError: if delta is no number.

    >>> import minitorch
    >>> minitorch.nn.HuberLoss()(minitorch.tensor([0.5, 2.0]), minitorch.tensor([0.0, 0.0]))
    tensor(0.8125)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.HuberLoss.html
    """

    def __init__(self, reduction="mean", delta=1.0):
        if not isinstance(delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(reduction=reduction)
        self.delta = delta

    forward = _forward(F.huber_loss, _nn.huber_loss, reduction="mean", delta=1.0)


class BCELoss(_WeightedLoss):
    """Binary cross entropy of probabilities: -(y log x + (1 - y) log(1 - x)), logarithms cut off at -100.

    Raises:
        ValueError: if the shapes differ.
        RuntimeError: if an input is not in [0, 1].

    >>> import minitorch
    >>> minitorch.nn.BCELoss()(minitorch.tensor([0.5, 0.5]), minitorch.tensor([0.0, 1.0]))
    tensor(0.6931)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.BCELoss.html
    """

    forward = _forward(F.binary_cross_entropy, _nn.binary_cross_entropy, weight=None, reduction="mean")


class BCEWithLogitsLoss(_Loss):
    """BCELoss after a sigmoid, computed without overflow; pos_weight weighs positive targets.

    Raises:
        ValueError: if the shapes differ.

    >>> import minitorch
    >>> minitorch.nn.BCEWithLogitsLoss()(minitorch.tensor([0.0, 0.0]), minitorch.tensor([0.0, 1.0]))
    tensor(0.6931)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.BCEWithLogitsLoss.html
    """

    def __init__(self, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    forward = _forward(
        F.binary_cross_entropy_with_logits,
        _nn.binary_cross_entropy_with_logits,
        weight=None,
        reduction="mean",
        pos_weight=None,
    )


class NLLLoss(_WeightedLoss):
    """Negative log likelihood of the target classes, given log-probabilities.

    Shapes: (C), (N, C) or (N, C, d1, ...) and integer targets without the C to a scalar, or with reduction
    "none" to the target's shape.

    Raises:
        IndexError: if a target is no class.

    >>> import minitorch
    >>> minitorch.nn.NLLLoss()(minitorch.tensor([[-1.0, -2.0]]), minitorch.tensor([1]))
    tensor(2.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.NLLLoss.html
    """

    def __init__(self, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    forward = _forward(F.nll_loss, _nn.nll_loss, False, weight=None, ignore_index=-100, reduction="mean")


class NLLLoss2d(NLLLoss):
    """The older name of NLLLoss for images.

    >>> import minitorch, warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     minitorch.nn.NLLLoss2d()
    NLLLoss2d()

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.NLLLoss.html
    """

    def __init__(self, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
        warnings.warn(
            "`NLLLoss2d` has been deprecated. Please use `NLLLoss` instead as a drop-in replacement.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__(weight, size_average, ignore_index, reduce, reduction)


class CrossEntropyLoss(_WeightedLoss):
    """NLLLoss after a LogSoftmax, for scores of any size; targets may be classes or probabilities.

    Shapes: as NLLLoss; probabilities have the input's shape.

    Raises:
        IndexError: if a target is no class.

    >>> import minitorch
    >>> minitorch.nn.CrossEntropyLoss()(minitorch.tensor([[0.0, 0.0]]), minitorch.tensor([1]))
    tensor(0.6931)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CrossEntropyLoss.html
    """

    def __init__(
        self,
        weight=None,
        size_average=None,
        ignore_index=-100,
        reduce=None,
        reduction="mean",
        label_smoothing=0.0,
    ):
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    forward = _forward(
        F.cross_entropy,
        _nn.cross_entropy,
        same_shape=False,
        weight=None,
        ignore_index=-100,
        reduction="mean",
        label_smoothing=0.0,
    )


class KLDivLoss(_Loss):
    """target (log(target) - input), of logarithms of probabilities `input`.

    >>> import minitorch
    >>> minitorch.nn.KLDivLoss(reduction="sum")(minitorch.tensor([0.5]).log(), minitorch.tensor([0.5]))
    tensor(0.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.KLDivLoss.html
    """

    def __init__(self, size_average=None, reduce=None, reduction="mean", log_target=False):
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input, target):
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(_Loss):
    """exp(input) - target input: the likelihood of counts whose rate has the logarithm `input`.

    >>> import minitorch
    >>> minitorch.nn.PoissonNLLLoss()(minitorch.zeros(2), minitorch.ones(2))
    tensor(1.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.PoissonNLLLoss.html
    """

    def __init__(
        self, log_input=True, full=False, size_average=None, eps=1e-8, reduce=None, reduction="mean"
    ):
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input, target):
        return F.poisson_nll_loss(
            log_input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(_Loss):
    """0.5 (log(var) + (input - target) ** 2 / var), var at least eps.

    >>> import minitorch
    >>> minitorch.nn.GaussianNLLLoss()(minitorch.zeros(2), minitorch.ones(2), minitorch.ones(2))
    tensor(0.5000)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.GaussianNLLLoss.html
    """

    def __init__(self, *, full=False, eps=1e-6, reduction="mean"):
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input, target, var):
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)


class HingeEmbeddingLoss(_Loss):
    """input where target is 1, max(0, margin - input) where it is -1.

    >>> import minitorch
    >>> minitorch.nn.HingeEmbeddingLoss()(minitorch.tensor([0.5, 0.5]), minitorch.tensor([1, -1]))
    tensor(0.5000)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.HingeEmbeddingLoss.html
    """

    def __init__(self, margin=1.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input, target):
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class MultiLabelMarginLoss(_Loss):
    """max(0, 1 - input[j] + input[i]) for target classes j and others i, divided by the classes.

    >>> import minitorch
    >>> minitorch.nn.MultiLabelMarginLoss()(minitorch.zeros(4), minitorch.tensor([3, -1, 0, 0]))
    tensor(0.7500)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiLabelMarginLoss.html
    """

    def forward(self, input, target):
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class SoftMarginLoss(_Loss):
    """log(1 + exp(-target input)), target 1 or -1.

    >>> import minitorch
    >>> minitorch.nn.SoftMarginLoss()(minitorch.zeros(2), minitorch.ones(2))
    tensor(0.6931)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.SoftMarginLoss.html
    """

    def forward(self, input, target):
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """Binary cross entropy of scores for each of several labels, the mean over them.

    >>> import minitorch
    >>> minitorch.nn.MultiLabelSoftMarginLoss()(minitorch.zeros(1, 2), minitorch.ones(1, 2))
    tensor(0.6931)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiLabelSoftMarginLoss.html
    """

    def forward(self, input, target):
        return F.multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """1 - cos(input1, input2) where target is 1, max(0, cos - margin) where it is -1.

    >>> import minitorch
    >>> x = minitorch.ones(1, 2)
    >>> minitorch.nn.CosineEmbeddingLoss()(x, -x, minitorch.tensor([-1]))
    tensor(0.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CosineEmbeddingLoss.html
    """

    def __init__(self, margin=0.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1, input2, target):
        return F.cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MarginRankingLoss(_Loss):
    """max(0, -target (input1 - input2) + margin): target 1 wants input1 larger, -1 input2.

    >>> import minitorch
    >>> minitorch.nn.MarginRankingLoss()(minitorch.ones(1), minitorch.zeros(1), minitorch.tensor([-1]))
    tensor(1.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MarginRankingLoss.html
    """

    def __init__(self, margin=0.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1, input2, target):
        return F.margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MultiMarginLoss(_WeightedLoss):
    """max(0, margin - input[target] + input[class]) ** p over the other classes, divided by the classes.

    >>> import minitorch
    >>> minitorch.nn.MultiMarginLoss()(minitorch.zeros(1, 4), minitorch.tensor([1]))
    tensor(0.7500)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiMarginLoss.html
    """

    def __init__(self, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        if weight is not None and weight.dim() != 1:
            raise ValueError(f"weight must be None or 1-dimensional, got {weight.dim()}D")
        self.p = p
        self.margin = margin

    def forward(self, input, target):
        return F.multi_margin_loss(
            input, target, p=self.p, margin=self.margin, weight=self.weight, reduction=self.reduction
        )


class TripletMarginLoss(_Loss):
    """max(0, |anchor - positive| - |anchor - negative| + margin).

    >>> import minitorch
    >>> a, n = minitorch.zeros(1, 2), 9 * minitorch.ones(1, 2)
    >>> minitorch.nn.TripletMarginLoss()(a, a, n)
    tensor(0.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.TripletMarginLoss.html
    """

    def __init__(
        self, margin=1.0, p=2.0, eps=1e-6, swap=False, size_average=None, reduce=None, reduction="mean"
    ):
        super().__init__(size_average, reduce, reduction)
        if margin <= 0:
            raise ValueError(f"margin must be greater than 0, got {margin}")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor, positive, negative):
        return F.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(_Loss):
    """TripletMarginLoss with any distance: a function of two tensors.

    >>> import minitorch
    >>> a, n = minitorch.zeros(1, 2), 9 * minitorch.ones(1, 2)
    >>> minitorch.nn.TripletMarginWithDistanceLoss()(a, a, n)
    tensor(0.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.TripletMarginWithDistanceLoss.html
    """

    def __init__(self, *, distance_function=None, margin=1.0, swap=False, reduction="mean"):
        super().__init__(reduction=reduction)
        if margin <= 0:
            raise ValueError(f"margin must be greater than 0, got {margin}")
        self.distance_function = F.pairwise_distance if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor, positive, negative):
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


class CTCLoss(_Loss):
    """Minus the log-probability of all ways to emit a target sequence, with repeats and blanks.

    >>> import minitorch
    >>> minitorch.nn.CTCLoss()(minitorch.full((1, 1, 2), 0.5).log(), minitorch.tensor([[1]]), [1], [1])
    tensor(0.6931)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CTCLoss.html
    """

    def __init__(self, blank=0, reduction="mean", zero_infinity=False):
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs, targets, input_lengths, target_lengths):
        return F.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            blank=self.blank,
            reduction=self.reduction,
            zero_infinity=self.zero_infinity,
        )
