"""Distances. https://docs.pytorch.org/docs/2.13/nn.html#distance-functions"""

from minitorch.nn import functional as F
from minitorch.nn.modules.module import Module

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps along the last dimension.

    >>> import minitorch
    >>> minitorch.nn.PairwiseDistance()(minitorch.tensor([[3.0, 4.0]]), minitorch.zeros(1, 2))
    tensor([5.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.PairwiseDistance.html
    """

    __constants__ = ["norm", "eps", "keepdim"]

    def __init__(self, p=2.0, eps=1e-6, keepdim=False):
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1, x2):
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along dim.

    >>> import minitorch
    >>> minitorch.nn.CosineSimilarity()(minitorch.tensor([[1.0, 0.0]]), minitorch.tensor([[1.0, 1.0]]))
    tensor([0.7071])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CosineSimilarity.html
    """

    __constants__ = ["dim", "eps"]

    def __init__(self, dim=1, eps=1e-8):
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1, x2):
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
