"""All parameters as one vector, and back.

https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parameters_to_vector.html
"""

import minitorch
from minitorch import Tensor
from minitorch._utils import typename

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters):
    """The parameters one after the other, as a vector.

    >>> from minitorch import nn
    >>> nn.utils.parameters_to_vector(nn.Linear(2, 3).parameters()).shape
    torch.Size([9])
    """
    return minitorch.cat([param.view(-1) for param in parameters])


def vector_to_parameters(vec, parameters):
    """Gives the parameters the values of a vector, in order; they share its memory.

    Raises:
        TypeError: if vec is no tensor.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    start = 0
    for param in parameters:
        end = start + param.numel()
        param.data = vec[start:end].view_as(param).data
        start = end
