"""Losses. https://docs.pytorch.org/docs/2.13/nn.html#loss-functions"""

from minitorch._C import _Forward, _nn
from minitorch.nn import _reduction
from minitorch.nn import functional as F
from minitorch.nn.modules.module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
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
