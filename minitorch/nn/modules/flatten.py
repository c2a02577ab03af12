"""Modules that change the shape. https://docs.pytorch.org/docs/2.13/nn.html#utilities"""

import minitorch
from minitorch import Tensor
from minitorch._C import _Forward
from minitorch.nn.modules.module import Module

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """Makes the dimensions from start_dim to end_dim one.

    >>> import minitorch
    >>> minitorch.nn.Flatten()(minitorch.ones(32, 1, 5, 5)).shape
    torch.Size([32, 25])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Flatten.html
    """

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    forward = _Forward(minitorch.flatten, attributes=("start_dim", "end_dim"))

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Makes one dimension several: the reverse of Flatten.

    Args:
        dim: the dimension.
        unflattened_size: the sizes it gets; one of them may be -1.

    Raises:
        TypeError: if unflattened_size is no tuple of ints.

    >>> import minitorch
    >>> minitorch.nn.Unflatten(1, (2, 5))(minitorch.ones(3, 10)).shape
    torch.Size([3, 2, 5])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Unflatten.html
    """

    def __init__(self, dim, unflattened_size):
        super().__init__()
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(
                f"unflattened_size must be a tuple of ints, but found type {type(unflattened_size).__name__}"
            )
        for i, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError(
                    "unflattened_size must be tuple of ints, but found element of type "
                    f"{type(size).__name__} at pos {i}"
                )
        self.dim = dim
        self.unflattened_size = unflattened_size

    forward = _Forward(Tensor.unflatten, attributes=("dim", "unflattened_size"))

    def extra_repr(self):
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
