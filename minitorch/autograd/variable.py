"""Variable: what tensors that collect gradients were called before PyTorch 0.4. Old programs still say it."""

import warnings

from minitorch._C import Tensor
from minitorch._C import tensor as _tensor


class _VariableMeta(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableMeta):
    """Variable(data, requires_grad=False): a tensor over the memory of tensor `data`, without its history.

    Raises TypeError if data is no tensor; `volatile` is ignored with a warning.

    >>> import minitorch
    >>> from minitorch.autograd import Variable
    >>> Variable(minitorch.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)

    Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#variable-deprecated
    """

    def __new__(cls, data=None, requires_grad=False, volatile=None):
        if volatile:
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
                stacklevel=2,
            )
        if data is None:
            data = _tensor([])
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        variable = Tensor.detach(data)
        return variable.requires_grad_() if requires_grad else variable
