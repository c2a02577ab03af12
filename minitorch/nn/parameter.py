"""Parameter and Buffer: tensors that a Module registers when they are assigned to it.

https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Parameter.html
"""

from collections import OrderedDict

import minitorch
from minitorch import Tensor

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]


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


# ---- tensors whose shape is not known yet --------------------------------------------------------


class UninitializedTensorMixin:
    """What the tensors of lazy modules share before the first input tells their shapes."""

    def materialize(self, shape, device=None, dtype=None):
        """Gives the tensor its shape, without values; it is an ordinary one from then on."""
        self.data = minitorch.empty(shape, dtype=self.data.dtype if dtype is None else dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self):
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call "
            "`forward` to initialize the parameters before accessing their attributes."
        )

    def share_memory_(self):
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the "
            "parameters before calling `module.share_memory()`."
        )

    def __repr__(self, **_):
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, dtype=self.data.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return type(self), (self.requires_grad,)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A Parameter whose shape is not known yet: materialize(shape) gives it one.

    >>> import minitorch
    >>> w = minitorch.nn.UninitializedParameter()
    >>> w.materialize((2, 3))
    >>> w.shape
    torch.Size([2, 3])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.UninitializedParameter.html
    """

    cls_to_become = Parameter

    def __new__(cls, requires_grad=True, device=None, dtype=None):
        return Tensor._make_subclass(cls, minitorch.empty(0, device=device, dtype=dtype), requires_grad)


class _Materialized(Tensor):
    """An ordinary tensor that was an UninitializedBuffer."""


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer whose shape is not known yet: materialize(shape) gives it one.

    >>> import minitorch
    >>> b = minitorch.nn.UninitializedBuffer()
    >>> b.materialize((2,))
    >>> b.shape
    torch.Size([2])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.UninitializedBuffer.html
    """

    cls_to_become = _Materialized

    def __new__(cls, requires_grad=False, device=None, dtype=None, persistent=True):
        buffer = Tensor._make_subclass(cls, minitorch.empty(0, device=device, dtype=dtype), requires_grad)
        buffer.persistent = persistent
        buffer._is_buffer = True
        return buffer

    def to(self, *args, **kwargs):
        """The same with another type or device, still without a shape."""
        return UninitializedBuffer(dtype=self.data.to(*args, **kwargs).dtype, persistent=self.persistent)

    def float(self):
        """The same in float32."""
        return self.to(minitorch.float32)

    def double(self):
        """The same in float64."""
        return self.to(minitorch.float64)

    def cpu(self):
        """Itself."""
        return self


def is_lazy(param):
    """Whether a parameter or buffer has no shape yet.

    >>> from minitorch import nn
    >>> nn.parameter.is_lazy(nn.LazyLinear(3).weight)
    True

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.modules.lazy.LazyModuleMixin.html
    """
    return isinstance(param, UninitializedTensorMixin)
