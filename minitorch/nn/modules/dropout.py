"""Dropout. https://docs.pytorch.org/docs/2.13/nn.html#dropout-layers"""

from minitorch._C import _Forward
from minitorch.nn import functional as F
from minitorch.nn.modules.module import Module

__all__ = ["Dropout"]


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
