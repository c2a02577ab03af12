"""Convolutions. https://docs.pytorch.org/docs/2.13/nn.html#convolution-layers"""

import math

import minitorch
from minitorch.nn import functional as F
from minitorch.nn import init
from minitorch.nn._tuples import _pair, _reverse_repeat_tuple, _single, _triple
from minitorch.nn.modules.module import Module
from minitorch.nn.parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def _check(in_channels, out_channels, groups, padding, stride, padding_mode):
    if groups <= 0:
        raise ValueError("groups must be a positive integer")
    if in_channels % groups != 0:
        raise ValueError("in_channels must be divisible by groups")
    if out_channels % groups != 0:
        raise ValueError("out_channels must be divisible by groups")
    if isinstance(padding, str):
        words = {"same", "valid"}
        if padding not in words:
            raise ValueError(f"Invalid padding string {padding!r}, should be one of {words}")
        if padding == "same" and any(s != 1 for s in stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
    if padding_mode not in _PADDING_MODES:
        modes = set(_PADDING_MODES)
        raise ValueError(f"padding_mode must be one of {modes}, but got padding_mode='{padding_mode}'")


class _ConvNd(Module):
    __constants__ = [
        "stride", "padding", "dilation", "groups", "padding_mode", "output_padding", "in_channels",
        "out_channels", "kernel_size",
    ]  # fmt: skip

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        transposed,
        output_padding,
        groups,
        bias,
        padding_mode,
        device=None,
        dtype=None,
    ):
        super().__init__()
        _check(in_channels, out_channels, groups, padding, stride, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._pads()
        if transposed:
            shape = (in_channels, out_channels // groups, *kernel_size)
        else:
            shape = (out_channels, in_channels // groups, *kernel_size)
        self.weight = Parameter(minitorch.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(minitorch.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _pads(self):
        """What F.pad adds where the padding is not of zeros."""
        if not isinstance(self.padding, str):
            return _reverse_repeat_tuple(self.padding, 2)
        pads = [0, 0] * len(self.kernel_size)
        if self.padding == "same":
            for i, (d, k) in enumerate(zip(self.dilation, self.kernel_size, strict=False)):
                total = d * (k - 1)
                at = 2 * (len(self.kernel_size) - 1 - i)
                pads[at : at + 2] = total // 2, total - total // 2
        return pads

    def reset_parameters(self):
        """Draws weight and bias anew, uniformly from (-k, k) with k = 1 / sqrt(weights of an output)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self):
        n = len(self.kernel_size)
        shown = [f"{self.in_channels}, {self.out_channels}"]
        shown.append(f"kernel_size={self.kernel_size}, stride={self.stride}")
        for name, usual in (
            ("padding", (0,) * n),
            ("dilation", (1,) * n),
            ("output_padding", (0,) * n),
            ("groups", 1),
        ):
            if getattr(self, name) != usual:
                shown.append(f"{name}={getattr(self, name)}")
        if self.bias is None:
            shown.append("bias=False")
        if self.padding_mode != "zeros":
            shown.append(f"padding_mode={self.padding_mode}")
        return ", ".join(shown)

    def __setstate__(self, state):
        super().__setstate__(state)
        if not hasattr(self, "padding_mode"):
            self.padding_mode = "zeros"


class _Conv(_ConvNd):
    """A convolution over as many dimensions as _tuple makes numbers."""

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        each = type(self)._tuple
        super().__init__(
            in_channels,
            out_channels,
            each(kernel_size),
            each(stride),
            padding if isinstance(padding, str) else each(padding),
            each(dilation),
            False,
            each(0),
            groups,
            bias,
            padding_mode,
            device=device,
            dtype=dtype,
        )

    def _conv_forward(self, input, weight, bias):
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = type(self)._tuple(0)
        return type(self)._function(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input):
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    """y[o] = bias[o] + sum over channels c of the cross-correlation of weight[o, c] with x[c].

    Args:
        in_channels, out_channels: the sizes of dimension 1 before and after.
        kernel_size, stride, dilation: of the filter; stride is the distance of its places.
        padding: zeros (or what padding_mode says) at both ends; "same" keeps the length, "valid" adds none.
        groups: into how many parts the channels are cut; each sees only its own.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Shapes: (N, C, L) or (C, L) to (N, O, L') with L' = floor((L + 2 padding - dilation (kernel_size - 1) - 1)
    / stride) + 1; weight (O, C / groups, kernel_size), bias (O).

    Raises:
        ValueError: if the channels cannot be cut into groups, or for an unknown padding.
        RuntimeError: if the input does not fit.

    >>> import minitorch
    >>> minitorch.nn.Conv1d(16, 33, 3, stride=2)(minitorch.ones(20, 16, 50)).shape
    torch.Size([20, 33, 24])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Conv1d.html
    """

    _tuple = staticmethod(_single)
    _function = staticmethod(F.conv1d)


class Conv2d(_Conv):
    """y[o] = bias[o] + sum over channels c of the cross-correlation of weight[o, c] with x[c].

    As Conv1d; each size may be one number or (height, width).

    Shapes: (N, C, H, W) or (C, H, W) to (N, O, H', W'); weight (O, C / groups, kh, kw), bias (O).

    Raises:
        ValueError: if the channels cannot be cut into groups, or for an unknown padding.
        RuntimeError: if the input does not fit.

    >>> import minitorch
    >>> minitorch.nn.Conv2d(3, 6, 5)(minitorch.ones(4, 3, 32, 32)).shape
    torch.Size([4, 6, 28, 28])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Conv2d.html
    """

    _tuple = staticmethod(_pair)
    _function = staticmethod(F.conv2d)


class Conv3d(_Conv):
    """y[o] = bias[o] + sum over channels c of the cross-correlation of weight[o, c] with x[c].

    As Conv1d; each size may be one number or (depth, height, width).

    Shapes: (N, C, D, H, W) or (C, D, H, W) to (N, O, D', H', W');
    weight (O, C / groups, kd, kh, kw), bias (O).

    Raises:
        ValueError: if the channels cannot be cut into groups, or for an unknown padding.
        RuntimeError: if the input does not fit.

    >>> import minitorch
    >>> minitorch.nn.Conv3d(3, 6, (1, 3, 3))(minitorch.ones(2, 3, 4, 8, 8)).shape
    torch.Size([2, 6, 4, 6, 6])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Conv3d.html
    """

    _tuple = staticmethod(_triple)
    _function = staticmethod(F.conv3d)


class _ConvTransposeNd(_ConvNd):
    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        bias=True,
        dilation=1,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        each = type(self)._tuple
        super().__init__(
            in_channels,
            out_channels,
            each(kernel_size),
            each(stride),
            each(padding),
            each(dilation),
            True,
            each(output_padding),
            groups,
            bias,
            padding_mode,
            device=device,
            dtype=dtype,
        )

    def _output_padding(self, input, output_size):
        """The output_padding that gives output_size, or the module's own if that is None."""
        if output_size is None:
            return tuple(self.output_padding)
        n = len(self.kernel_size)
        extra = input.dim() - n
        if len(output_size) == n + extra:
            output_size = output_size[extra:]
        if len(output_size) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or {n + extra} "
                f"elements (got {len(output_size)})"
            )
        least, most = [], []
        for i in range(n):
            size = (input.size(i + extra) - 1) * self.stride[i] - 2 * self.padding[i]
            least.append(size + self.dilation[i] * (self.kernel_size[i] - 1) + 1)
            most.append(least[i] + self.stride[i] - 1)
        if any(size < a or size > b for size, a, b in zip(output_size, least, most, strict=True)):
            raise ValueError(
                f"requested an output size of {output_size}, but valid sizes range from {least} to {most} "
                f"(for an input of {input.size()[2:]})"
            )
        return tuple(size - a for size, a in zip(output_size, least, strict=True))

    def forward(self, input, output_size=None):
        return type(self)._function(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self._output_padding(input, output_size),
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTransposeNd):
    """The transpose of Conv1d as a linear map (the gradient of its input), plus bias.

    Args:
        output_padding: added to the length at one end; or call the module with the output_size wanted.

    Shapes: (N, C, L) or (C, L) to (N, O, L') with L' = (L - 1) stride - 2 padding + dilation
    (kernel_size - 1) + output_padding + 1; weight (C, O / groups, kernel_size), bias (O).

    Raises:
        ValueError: if the channels cannot be cut into groups, for other padding modes than "zeros", or if
            there is no way to output_size.
        RuntimeError: if the input does not fit.

    >>> import minitorch
    >>> minitorch.nn.ConvTranspose1d(16, 8, 4, stride=2, padding=1)(minitorch.ones(2, 16, 10)).shape
    torch.Size([2, 8, 20])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ConvTranspose1d.html
    """

    _tuple = staticmethod(_single)
    _function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """The transpose of Conv2d as a linear map (the gradient of its input), plus bias. As ConvTranspose1d.

    Shapes: (N, C, H, W) or (C, H, W) to (N, O, H', W'); weight (C, O / groups, kh, kw), bias (O).

    Raises:
        ValueError: if the channels cannot be cut into groups, for other padding modes than "zeros", or if
            there is no way to output_size.
        RuntimeError: if the input does not fit.

    >>> import minitorch
    >>> minitorch.nn.ConvTranspose2d(16, 8, 4, 2, 1)(minitorch.ones(2, 16, 7, 7)).shape
    torch.Size([2, 8, 14, 14])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ConvTranspose2d.html
    """

    _tuple = staticmethod(_pair)
    _function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """The transpose of Conv3d as a linear map (the gradient of its input), plus bias. As ConvTranspose1d.

    Shapes: (N, C, D, H, W) or (C, D, H, W) to (N, O, D', H', W');
    weight (C, O / groups, kd, kh, kw), bias (O).

    Raises:
        ValueError: if the channels cannot be cut into groups, for other padding modes than "zeros", or if
            there is no way to output_size.
        RuntimeError: if the input does not fit.

    >>> import minitorch
    >>> minitorch.nn.ConvTranspose3d(4, 2, 2, 2)(minitorch.ones(1, 4, 3, 3, 3)).shape
    torch.Size([1, 2, 6, 6, 6])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ConvTranspose3d.html
    """

    _tuple = staticmethod(_triple)
    _function = staticmethod(F.conv_transpose3d)
