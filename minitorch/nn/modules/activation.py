"""Activations. https://docs.pytorch.org/docs/2.13/nn.html#non-linear-activations-weighted-sum-nonlinearity"""

import warnings

import minitorch
from minitorch._C import _Forward
from minitorch.nn import functional as F
from minitorch.nn import init
from minitorch.nn.modules.module import Module
from minitorch.nn.parameter import Parameter

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


class _Inplace(Module):
    """An activation whose only argument is whether it overwrites its input."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class _Parametric(Module):
    """An activation with numbers, printed by name, and perhaps `inplace` at the end."""

    _shown = ()

    def extra_repr(self):
        shown = [f"{name}={getattr(self, name)}" for name in self._shown]
        return ", ".join(shown + ["inplace=True"] * getattr(self, "inplace", False))


class ReLU(_Inplace):
    """max(x, 0).

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.ReLU()(minitorch.tensor([-1.0, 2.0]))
    tensor([0., 2.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReLU.html
    """

    forward = _Forward(F.relu, inplace=F.relu_)


class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Sigmoid()(minitorch.zeros(1))
    tensor([0.5000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Sigmoid.html
    """

    forward = _Forward(minitorch.sigmoid)


class Tanh(Module):
    """The hyperbolic tangent.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Tanh()(minitorch.zeros(1))
    tensor([0.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Tanh.html
    """

    forward = _Forward(minitorch.tanh)


class LeakyReLU(_Parametric):
    """x where it is positive, else negative_slope * x.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.LeakyReLU(0.1)(minitorch.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LeakyReLU.html
    """

    _shown = ("negative_slope",)

    def __init__(self, negative_slope=1e-2, inplace=False):
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    forward = _Forward(F.leaky_relu, attributes=("negative_slope",), usual=(0.01,), inplace=F.leaky_relu_)


class Threshold(_Parametric):
    """x where it is above the threshold, else value.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Threshold(0.1, 20.0)(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([20., 20.,  2.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Threshold.html
    """

    _shown = ("threshold", "value")

    def __init__(self, threshold, value, inplace=False):
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    forward = _Forward(F.threshold, attributes=("threshold", "value"), inplace=F.threshold_)


class Hardtanh(_Parametric):
    """x cut off at min_val and max_val.

    Shapes: (*) to (*), floating point.

    Raises:
        AssertionError: if max_val is not above min_val.

    >>> import minitorch
    >>> minitorch.nn.Hardtanh()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([-1.0000, -0.5000,  1.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Hardtanh.html
    """

    _shown = ("min_val", "max_val")

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False, min_value=None, max_value=None):
        super().__init__()
        for old, value in (("min_value", min_value), ("max_value", max_value)):
            if value is not None:
                warnings.warn(
                    f"keyword argument `{old}` is deprecated and renamed to `{old[:7]}`",
                    FutureWarning,
                    stacklevel=2,
                )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")

    forward = _Forward(F.hardtanh, attributes=("min_val", "max_val"), usual=(-1.0, 1.0), inplace=F.hardtanh_)


class ReLU6(Hardtanh):
    """min(max(x, 0), 6).

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.ReLU6()(minitorch.tensor([-4.0, 0.5, 8.0]))
    tensor([0.0000, 0.5000, 6.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReLU6.html
    """

    def __init__(self, inplace=False):
        super().__init__(0.0, 6.0, inplace)

    forward = _Forward(F.relu6, inplace=F.relu6_)
    extra_repr = _Inplace.extra_repr


class Hardsigmoid(_Inplace):
    """0 up to -3, 1 from 3 on, x / 6 + 1 / 2 between.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Hardsigmoid()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([0.0000, 0.4167, 0.8333])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Hardsigmoid.html
    """

    forward = _Forward(F.hardsigmoid, inplace=F.hardsigmoid_)

    def extra_repr(self):
        return ""


class Hardswish(_Inplace):
    """x * hardsigmoid(x).

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Hardswish()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([-0.0000, -0.2083,  1.6667])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Hardswish.html
    """

    forward = _Forward(F.hardswish, inplace=F.hardswish_)

    def extra_repr(self):
        return ""


class SiLU(_Inplace):
    """x * sigmoid(x), also called swish.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.SiLU()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([-0.0719, -0.1888,  1.7616])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.SiLU.html
    """

    forward = _Forward(F.silu, inplace=F.silu_)


class Mish(_Inplace):
    """x * tanh(softplus(x)).

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Mish()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([-0.0726, -0.2207,  1.9440])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Mish.html
    """

    forward = _Forward(F.mish, inplace=F.mish_)


class ELU(_Parametric):
    """x where it is positive, else alpha * (exp(x) - 1).

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.ELU()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([-0.9817, -0.3935,  2.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ELU.html
    """

    _shown = ("alpha",)

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    forward = _Forward(F.elu, attributes=("alpha",), usual=(1.0,), inplace=F.elu_)


class CELU(ELU):
    """x where it is positive, else alpha * (exp(x / alpha) - 1).

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.CELU()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([-0.9817, -0.3935,  2.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CELU.html
    """

    forward = _Forward(F.celu, attributes=("alpha",), usual=(1.0,), inplace=F.celu_)


class SELU(_Inplace):
    """scale * elu(x, alpha), with the constants of "Self-normalizing neural networks" (2017).

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.SELU()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([-1.7259, -0.6918,  2.1014])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.SELU.html
    """

    forward = _Forward(F.selu, inplace=F.selu_)


class GLU(_Parametric):
    """a * sigmoid(b), where a and b are the halves of the input along dim.

    Shapes: (*, 2 n, *) to (*, n, *), floating point.

    >>> import minitorch
    >>> minitorch.nn.GLU()(minitorch.tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5000, 1.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.GLU.html
    """

    _shown = ("dim",)

    def __init__(self, dim=-1):
        super().__init__()
        self.dim = dim

    forward = _Forward(F.glu, attributes=("dim",))


class GELU(Module):
    """x times the normal distribution's cdf of x; with approximate="tanh" a formula close to it.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.GELU()(minitorch.tensor([-1.0, -0.5, 2.0]))
    tensor([-0.1587, -0.1543,  1.9545])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.GELU.html
    """

    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = approximate

    forward = _Forward(F.gelu, attributes=("approximate",), keywords=("approximate",), usual=("none",))

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class Hardshrink(Module):
    """x where abs(x) > lambd, else 0.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Hardshrink()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([-4.,  0.,  2.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Hardshrink.html
    """

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    forward = _Forward(F.hardshrink, attributes=("lambd",))

    def extra_repr(self):
        return f"{self.lambd}"


class Softshrink(Hardshrink):
    """x moved towards 0 by lambd, but not beyond.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Softshrink()(minitorch.tensor([-4.0, 0.5, 2.0]))
    tensor([-3.5000,  0.0000,  1.5000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softshrink.html
    """

    forward = _Forward(F.softshrink, attributes=("lambd",))


class Tanhshrink(Module):
    """x - tanh(x).

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Tanhshrink()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([-3.0007, -0.0379,  1.0360])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Tanhshrink.html
    """

    forward = _Forward(F.tanhshrink)


class Softsign(Module):
    """x / (1 + abs(x)).

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Softsign()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([-0.8000, -0.3333,  0.6667])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softsign.html
    """

    forward = _Forward(F.softsign)


class LogSigmoid(Module):
    """log(sigmoid(x)), computed without overflow.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.LogSigmoid()(minitorch.tensor([-4.0, -0.5, 2.0]))
    tensor([-4.0181, -0.9741, -0.1269])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LogSigmoid.html
    """

    forward = _Forward(F.logsigmoid)


class Softplus(_Parametric):
    """log(1 + exp(beta x)) / beta, a smooth max(x, 0); x itself where beta x is above the threshold.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Softplus()(minitorch.zeros(1))
    tensor([0.6931])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softplus.html
    """

    _shown = ("beta", "threshold")

    def __init__(self, beta=1.0, threshold=20.0):
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    forward = _Forward(F.softplus, attributes=("beta", "threshold"), usual=(1.0, 20.0))


class PReLU(_Parametric):
    """x where it is positive, else weight * x with a learned weight, one or one a channel.

    Shapes: (*) to (*), or with more than one parameter (N, C, *); weight (num_parameters).

    >>> import minitorch
    >>> minitorch.nn.PReLU()(minitorch.tensor([-4.0, 2.0])).detach()
    tensor([-1.,  2.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.PReLU.html
    """

    _shown = ("num_parameters",)

    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(minitorch.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self):
        """Sets the weight to its first value."""
        init.constant_(self.weight, self.init)

    forward = _Forward(F.prelu, attributes=("weight",))


class _AlongDim(_Parametric):
    _shown = ("dim",)

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim


class Softmax(_AlongDim):
    """exp(x) / sum(exp(x)) along dim.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Softmax(dim=1)(minitorch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softmax.html
    """

    forward = _Forward(F.softmax, attributes=("dim",))


class Softmin(_AlongDim):
    """Softmax of -x.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.Softmin(dim=0)(minitorch.tensor([0.0, 1.0]))
    tensor([0.7311, 0.2689])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softmin.html
    """

    forward = _Forward(F.softmin, attributes=("dim",))


class LogSoftmax(_AlongDim):
    """log(softmax(x)) along dim.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.LogSoftmax(dim=1)(minitorch.zeros(1, 2))
    tensor([[-0.6931, -0.6931]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LogSoftmax.html
    """

    forward = _Forward(F.log_softmax, attributes=("dim",))


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W).

    Raises:
        ValueError: for other numbers of dimensions.

    >>> import minitorch
    >>> minitorch.nn.Softmax2d()(minitorch.zeros(2, 1, 1)).flatten()
    tensor([0.5000, 0.5000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softmax2d.html
    """

    def forward(self, input):
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3)


class RReLU(Module):
    """x where it is positive, else x times a slope: drawn from [lower, upper] in training, else their mean.

    >>> import minitorch
    >>> minitorch.nn.RReLU().eval()(minitorch.tensor([-24.0, 1.0]))
    tensor([-5.5000,  1.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RReLU.html
    """

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input):
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self):
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" if self.inplace else "")
