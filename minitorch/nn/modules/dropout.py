"""Dropout. https://docs.pytorch.org/docs/2.13/nn.html#dropout-layers"""

from minitorch._C import _Forward
from minitorch.nn import functional as F
from minitorch.nn.modules.module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    def __init__(self, p=0.5, inplace=False):
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training, zeroes each element with probability p and divides the others by 1 - p.

    Raises:
        ValueError: if p is not in [0, 1].

    >>> import minitorch
    >>> minitorch.nn.Dropout(p=0.2).eval()(minitorch.ones(3))
    tensor([1., 1., 1.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Dropout.html
    """

    forward = _Forward(F.dropout, attributes=("p", "training", "inplace"))


class Dropout1d(_DropoutNd):
    """In training, zeroes each channel of each sample with probability p and divides the others by 1 - p.

    Shapes: (N, C, L) to the same.

    Raises:
        ValueError: if p is not in [0, 1].

    >>> import minitorch
    >>> minitorch.nn.Dropout1d(p=0.2).eval()(minitorch.ones(1, 1, 1)).sum()
    tensor(1.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Dropout1d.html
    """

    forward = _Forward(F.dropout1d, attributes=("p", "training", "inplace"))


class Dropout2d(_DropoutNd):
    """In training, zeroes each channel of each sample with probability p and divides the others by 1 - p.

    Shapes: (N, C, H, W) to the same.

    Raises:
        ValueError: if p is not in [0, 1].

    >>> import minitorch
    >>> minitorch.nn.Dropout2d(p=0.2).eval()(minitorch.ones(1, 1, 1, 1)).sum()
    tensor(1.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Dropout2d.html
    """

    forward = _Forward(F.dropout2d, attributes=("p", "training", "inplace"))


class Dropout3d(_DropoutNd):
    """In training, zeroes each channel of each sample with probability p and divides the others by 1 - p.

    Shapes: (N, C, D, H, W) to the same.

    Raises:
        ValueError: if p is not in [0, 1].

    >>> import minitorch
    >>> minitorch.nn.Dropout3d(p=0.2).eval()(minitorch.ones(1, 1, 1, 1, 1)).sum()
    tensor(1.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Dropout3d.html
    """

    forward = _Forward(F.dropout3d, attributes=("p", "training", "inplace"))


class AlphaDropout(_DropoutNd):
    """In training, dropout that keeps mean 0 and variance 1 after SELU.

    Raises:
        ValueError: if p is not in [0, 1].

    >>> import minitorch
    >>> minitorch.nn.AlphaDropout(p=0.2).eval()(minitorch.ones(1, 2))
    tensor([[1., 1.]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.AlphaDropout.html
    """

    forward = _Forward(F.alpha_dropout, attributes=("p", "training"))


class FeatureAlphaDropout(_DropoutNd):
    """AlphaDropout of whole channels: input (N, C, ...).

    Raises:
        ValueError: if p is not in [0, 1].

    >>> import minitorch
    >>> minitorch.nn.FeatureAlphaDropout(p=0.2).eval()(minitorch.ones(1, 2))
    tensor([[1., 1.]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.FeatureAlphaDropout.html
    """

    forward = _Forward(F.feature_alpha_dropout, attributes=("p", "training"))
