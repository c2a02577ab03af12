"""Pools. https://docs.pytorch.org/docs/2.13/nn.html#pooling-layers"""

from minitorch.nn import functional as F
from minitorch.nn._tuples import _ntuple
from minitorch.nn.modules.module import Module

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "LPPool3d",
    "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",
]  # fmt: skip


class _MaxPool(Module):
    __constants__ = ["kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"]

    def __init__(
        self, kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if (stride is not None) else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input):
        return type(self)._function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )

    def extra_repr(self):
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class _AvgPool1d(Module):
    __constants__ = ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"]

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__()
        self.kernel_size = _ntuple(1)(kernel_size)
        self.stride = _ntuple(1)(stride if stride is not None else kernel_size)
        self.padding = _ntuple(1)(padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input):
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(Module):
    __constants__ = [
        "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override",
    ]  # fmt: skip

    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if (stride is not None) else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input):
        return type(self)._function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    extra_repr = _AvgPool1d.extra_repr


class _LPPool(Module):
    __constants__ = ["norm_type", "kernel_size", "stride", "ceil_mode"]

    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input):
        return type(self)._function(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )

    def extra_repr(self):
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class _AdaptiveMaxPool(Module):
    __constants__ = ["output_size", "return_indices"]

    def __init__(self, output_size, return_indices=False):
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input):
        return type(self)._function(input, self.output_size, self.return_indices)

    def extra_repr(self):
        return f"output_size={self.output_size}"


class _AdaptiveAvgPool(Module):
    __constants__ = ["output_size"]

    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def forward(self, input):
        return type(self)._function(input, self.output_size)

    extra_repr = _AdaptiveMaxPool.extra_repr


class _MaxUnpool(Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        each = _ntuple(type(self)._dims)
        self.kernel_size = each(kernel_size)
        self.stride = each(stride if (stride is not None) else kernel_size)
        self.padding = each(padding)

    def forward(self, input, indices, output_size=None):
        return type(self)._function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    extra_repr = _AvgPool1d.extra_repr


_PLACES = {1: "L", 2: "H, W", 3: "D, H, W"}


def _family(name, function, text, arguments, base, **others):
    """The classes of one kind for one, two and three dimensions; `others` are bases for some of them."""
    made = []
    for dims, places in _PLACES.items():
        size = ", ".join(["4"] * dims)
        halves = ", ".join(["2"] * dims)
        call = f"(minitorch.ones(1, {size})).shape"
        if base is _MaxUnpool:
            call, halves = (
                f"(minitorch.ones(1, {halves}), minitorch.zeros(1, {halves}, dtype=int)).shape",
                size,
            )
        doc = f"""{text}

    Shapes: (N, C, {places}) or (C, {places}).

    Raises:
        RuntimeError: if the sizes do not fit.

    >>> import minitorch
    >>> minitorch.nn.{name}{dims}d({arguments}){call}
    torch.Size([1, {halves}])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.{name}{dims}d.html
    """
        found = staticmethod(getattr(F, f"{function}{dims}d"))
        members = {"_function": found, "_dims": dims, "__doc__": doc, "__module__": __name__}
        made.append(type(f"{name}{dims}d", (others.get(f"d{dims}", base),), members))
    return made


MaxPool1d, MaxPool2d, MaxPool3d = _family(
    "MaxPool", "max_pool",
    "The largest element of each window of kernel_size places, `stride` apart; with return_indices where.",
    "2", _MaxPool,
)  # fmt: skip
AvgPool1d, AvgPool2d, AvgPool3d = _family(
    "AvgPool", "avg_pool", "The mean of each window of kernel_size places, `stride` apart.",
    "2", _AvgPool, d1=_AvgPool1d,
)  # fmt: skip
LPPool1d, LPPool2d, LPPool3d = _family(
    "LPPool", "lp_pool", "The norm_type-th root of the sum of the powers of each window.", "2, 2", _LPPool
)
AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d = _family(
    "AdaptiveMaxPool", "adaptive_max_pool",
    "The largest elements of as many windows as output_size says; with return_indices also where.",
    "2", _AdaptiveMaxPool,
)  # fmt: skip
AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d = _family(
    "AdaptiveAvgPool", "adaptive_avg_pool", "The means of as many windows as output_size says.",
    "2", _AdaptiveAvgPool,
)  # fmt: skip
MaxUnpool1d, MaxUnpool2d, MaxUnpool3d = _family(
    "MaxUnpool", "max_unpool",
    "Zeros, with the elements of the input at the places that MaxPool gave as indices.",
    "2", _MaxUnpool,
)  # fmt: skip
