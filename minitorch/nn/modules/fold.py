"""Windows of images as columns. https://docs.pytorch.org/docs/2.13/nn.html#convolution-layers"""

from minitorch.nn import functional as F
from minitorch.nn.modules.module import Module

__all__ = ["Fold", "Unfold"]


class Fold(Module):
    """Columns put back as windows of an image, where they overlap added: (N, C kh kw, windows) to (N, C,
    *output_size).

    >>> import minitorch
    >>> minitorch.nn.Fold((4, 5), (2, 2))(minitorch.ones(1, 12, 12)).shape
    torch.Size([1, 3, 4, 5])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Fold.html
    """

    __constants__ = ["output_size", "kernel_size", "dilation", "padding", "stride"]

    def __init__(self, output_size, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input):
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


class Unfold(Module):
    """The windows of an image as columns: (N, C, H, W) to (N, C kh kw, windows).

    >>> import minitorch
    >>> minitorch.nn.Unfold((2, 3))(minitorch.ones(2, 5, 3, 4)).shape
    torch.Size([2, 30, 4])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Unfold.html
    """

    __constants__ = ["kernel_size", "dilation", "padding", "stride"]

    def __init__(self, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input):
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )
