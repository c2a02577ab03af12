"""Parameter and Buffer: tensors that a Module registers when they are assigned to it.

https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Parameter.html
"""

from collections import OrderedDict

import minitorch
from minitorch import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A tensor to be learned: assigned to a Module, it appears among the module's parameters.

    Args:
        data: a Tensor of any shape, whose memory the parameter shares; nothing makes an empty one.
        requires_grad: whether gradients are computed for it, also under ``no_grad``.

    Raises:
        AttributeError: if data is not a tensor.
        RuntimeError: if requires_grad is asked for integers.

    >>> import minitorch
    >>> minitorch.nn.Parameter(minitorch.tensor([1.0, 2.0]))
    Parameter containing:
    tensor([1., 2.], requires_grad=True)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Parameter.html
    """

    def __new__(cls, data=None, requires_grad=True):
        if data is None:
            data = minitorch.empty(0)
        return Tensor._make_subclass(cls, data.detach(), requires_grad)

    def __init__(self, *args, **kwargs):
        pass

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self, *, tensor_contents=None):
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, protocol):
        state = {k: v for k, v in getattr(self, "__dict__", {}).items()}
        arguments = (type(self), self.data, self.requires_grad, OrderedDict())
        return _rebuild_parameter, arguments + (state,) if state else arguments


def _rebuild_parameter(cls, data, requires_grad, hooks, state=None):
    """What a pickled Parameter is made from."""
    parameter = Tensor._make_subclass(cls, data, requires_grad)
    parameter._backward_hooks = hooks
    if state:
        parameter.__dict__.update(state)
    return parameter


class _BufferMeta(type(Tensor)):
    """A Buffer is an ordinary tensor with a mark."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that belongs to a module's state without being learned, such as a running mean.

    Args:
        data: a Tensor of any shape; nothing makes an empty one.
        persistent: whether it is part of ``state_dict()``.

    >>> import minitorch
    >>> m = minitorch.nn.Module()
    >>> m.mean = minitorch.nn.Buffer(minitorch.zeros(2))
    >>> [name for name, _ in m.named_buffers()]
    ['mean']

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Buffer.html
    """

    def __new__(cls, data=None, *, persistent=True):
        if data is None:
            data = minitorch.empty(0)
        buffer = data.detach().requires_grad_(data.requires_grad)
        buffer.persistent = persistent
        buffer._is_buffer = True
        return buffer
