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

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parameters_to_vector.html
    """
    return minitorch.cat([param.view(-1) for param in parameters])


def vector_to_parameters(vec, parameters):
    """Gives the parameters the values of a vector, in order; they share its memory.

    Raises:
        TypeError: if vec is no tensor.

    >>> import minitorch
    >>> w = minitorch.nn.Parameter(minitorch.zeros(1, 2))
    >>> minitorch.nn.utils.vector_to_parameters(minitorch.tensor([1.0, 2.0]), [w])
    >>> w
    Parameter containing:
    tensor([[1., 2.]], requires_grad=True)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.vector_to_parameters.html
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    start = 0
    for param in parameters:
        end = start + param.numel()
        param.data = vec[start:end].view_as(param).data
        start = end
