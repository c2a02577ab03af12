"""Linear layers. https://docs.pytorch.org/docs/2.13/nn.html#linear-layers"""

import math

import minitorch
from minitorch._C import _Forward
from minitorch.nn import functional as F
from minitorch.nn import init
from minitorch.nn.modules.module import Module
from minitorch.nn.parameter import Parameter

__all__ = ["Bilinear", "Identity", "Linear"]


class Identity(Module):
    """Returns its input; takes any arguments and ignores them.

    >>> import minitorch
    >>> minitorch.nn.Identity(54, unused=True)(minitorch.ones(2))
    tensor([1., 1.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Identity.html
    """

    def __init__(self, *args, **kwargs):
        super().__init__()

    forward = _Forward("identity")


class Linear(Module):
    """y = x A^T + b.

    Args:
        in_features: size of the input's last dimension.
        out_features: size of the output's last dimension.
        bias: whether there is a b.

    Shapes: (*, in_features) to (*, out_features); weight (out_features, in_features), bias (out_features).
    Both are drawn uniformly from (-k, k) with k = 1 / sqrt(in_features).

    Raises:
        RuntimeError: if the last dimension of the input is not in_features, or its dtype not the weight's.

    >>> import minitorch
    >>> minitorch.nn.Linear(20, 30)(minitorch.ones(128, 20)).shape
    torch.Size([128, 30])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Linear.html
    """

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(minitorch.empty((out_features, in_features), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(minitorch.empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draws weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    forward = _Forward(F.linear, attributes=("weight", "bias"))

    def extra_repr(self):
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


class NonDynamicallyQuantizableLinear(Linear):
    """A Linear under another name: that of the last projection of MultiheadAttention."""


class Bilinear(Module):
    """y = x1^T A x2 + b.

    Shapes: (*, in1_features) and (*, in2_features) to (*, out_features); weight (out_features, in1_features,
    in2_features), bias (out_features).

    Raises:
        ValueError: if in1_features is not positive.

    >>> import minitorch
    >>> minitorch.nn.Bilinear(2, 3, 4)(minitorch.ones(5, 2), minitorch.ones(5, 3)).shape
    torch.Size([5, 4])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Bilinear.html
    """

    def __init__(self, in1_features, in2_features, out_features, bias=True, device=None, dtype=None):
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got (in1_features={in1_features})")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        shape = (out_features, in1_features, in2_features)
        self.weight = Parameter(minitorch.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(minitorch.empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draws weight and bias anew."""
        bound = 1 / math.sqrt(self.weight.size(1))
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    forward = _Forward(F.bilinear, attributes=("weight", "bias"), inputs=("input1", "input2"))

    def extra_repr(self):
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
