"""Channels into pixels and back. https://docs.pytorch.org/docs/2.13/nn.html#vision-layers"""

from minitorch.nn import functional as F
from minitorch.nn.modules.module import Module

__all__ = ["ChannelShuffle", "PixelShuffle", "PixelUnshuffle"]


class PixelShuffle(Module):
    """Makes r * r channels the pixels of one image that is r times as large: (*, C r r, H, W) to (*, C, H
    r, W r).

    >>> import minitorch
    >>> minitorch.nn.PixelShuffle(3)(minitorch.ones(1, 9, 4, 4)).shape
    torch.Size([1, 1, 12, 12])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.PixelShuffle.html
    """

    __constants__ = ["upscale_factor"]

    def __init__(self, upscale_factor):
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input):
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self):
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """The inverse of PixelShuffle: (*, C, H r, W r) to (*, C r r, H, W).

    >>> import minitorch
    >>> minitorch.nn.PixelUnshuffle(3)(minitorch.ones(1, 1, 12, 12)).shape
    torch.Size([1, 9, 4, 4])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.PixelUnshuffle.html
    """

    __constants__ = ["downscale_factor"]

    def __init__(self, downscale_factor):
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input):
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self):
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Deals the channels of `groups` groups out in turn: (N, C, ...) to the same.

    >>> import minitorch
    >>> minitorch.nn.ChannelShuffle(2)(minitorch.arange(4).reshape(1, 4, 1)).flatten()
    tensor([0, 2, 1, 3])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ChannelShuffle.html
    """

    __constants__ = ["groups"]

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, input):
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self):
        return f"groups={self.groups}"
