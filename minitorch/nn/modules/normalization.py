"""Normalisation of each sample. https://docs.pytorch.org/docs/2.13/nn.html#normalization-layers"""

import numbers

import minitorch
from minitorch.nn import functional as F
from minitorch.nn import init
from minitorch.nn.modules.module import Module
from minitorch.nn.parameter import Parameter

__all__ = ["GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


class LocalResponseNorm(Module):
    """x / (k + alpha * mean of x ** 2 over `size` neighbouring channels) ** beta.

    Shapes: (N, C, ...) to the same.

    >>> import minitorch
    >>> minitorch.nn.LocalResponseNorm(2)(minitorch.ones(1, 4, 3)).shape
    torch.Size([1, 4, 3])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LocalResponseNorm.html
    """

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0):
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input):
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self):
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class _ShapeNorm(Module):
    """A norm over the last dimensions, with parameters of their shape."""

    def __init__(self, normalized_shape, eps, elementwise_affine, bias, device, dtype):
        super().__init__()
        if isinstance(normalized_shape, numbers.Integral):
            normalized_shape = (normalized_shape,)
        self.normalized_shape = tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        for name, wanted in (("weight", True), ("bias", bias)):
            if wanted is None:
                continue
            if elementwise_affine and wanted:
                new = minitorch.empty(self.normalized_shape, device=device, dtype=dtype)
                setattr(self, name, Parameter(new))
            else:
                self.register_parameter(name, None)
        self.reset_parameters()

    def reset_parameters(self):
        """Sets the weight to 1, the bias to 0."""
        if self.elementwise_affine:
            init.ones_(self.weight)
            if self._parameters.get("bias") is not None:
                init.zeros_(self.bias)


class LayerNorm(_ShapeNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, mean and variance over the last dimensions.

    Args:
        normalized_shape: the sizes of these dimensions.
        elementwise_affine: whether there are weight and bias; bias: whether there is a bias then.

    Shapes: (..., *normalized_shape) to the same; weight and bias have normalized_shape.

    Raises:
        RuntimeError: if the input does not end in normalized_shape.

    >>> import minitorch
    >>> minitorch.nn.LayerNorm(2)(minitorch.tensor([[1.0, 3.0]])).tolist()[0][0] < -0.999
    True

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LayerNorm.html
    """

    __constants__ = ["normalized_shape", "eps", "elementwise_affine"]

    def __init__(
        self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, device=None, dtype=None
    ):
        super().__init__(normalized_shape, eps, elementwise_affine, bool(bias), device, dtype)

    def forward(self, input):
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(_ShapeNorm):
    """x / sqrt(mean(x ** 2) + eps) * weight, the mean over the last dimensions.

    Shapes: (..., *normalized_shape) to the same; weight has normalized_shape.

    Raises:
        RuntimeError: if the input does not end in normalized_shape.

    >>> import minitorch
    >>> minitorch.nn.RMSNorm(2)(minitorch.tensor([[3.0, 3.0]])).shape
    torch.Size([1, 2])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RMSNorm.html
    """

    __constants__ = ["normalized_shape", "eps", "elementwise_affine"]

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None):
        super().__init__(normalized_shape, eps, elementwise_affine, None, device, dtype)

    def forward(self, x):
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias, mean and variance of each sample over each of num_groups
    groups of channels.

    Shapes: (N, C, ...) to the same; weight and bias (C).

    Raises:
        ValueError: if the channels cannot be cut into groups.

    >>> import minitorch
    >>> minitorch.nn.GroupNorm(2, 4)(minitorch.ones(1, 4, 3)).shape
    torch.Size([1, 4, 3])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.GroupNorm.html
    """

    __constants__ = ["num_groups", "num_channels", "eps", "affine"]

    def __init__(
        self, num_groups, num_channels, eps=1e-5, affine=True, device=None, dtype=None, *, bias=True
    ):
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            new = minitorch.empty(num_channels, device=device, dtype=dtype) if wanted else None
            self.register_parameter(name, Parameter(new) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Sets the weight to 1, the bias to 0."""
        if self.affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def forward(self, input):
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )
