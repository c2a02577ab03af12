"""Images with other sizes. https://docs.pytorch.org/docs/2.13/nn.html#vision-layers"""

from minitorch.nn import functional as F
from minitorch.nn.modules.module import Module

__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]


class Upsample(Module):
    """An image with other sizes: F.interpolate with these arguments.

    Shapes: (N, C, L), (N, C, H, W) or (N, C, D, H, W).

    >>> import minitorch
    >>> minitorch.nn.Upsample(scale_factor=2)(minitorch.ones(1, 1, 2, 2)).shape
    torch.Size([1, 1, 4, 4])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Upsample.html
    """

    __constants__ = ["size", "scale_factor", "mode", "align_corners", "name", "recompute_scale_factor"]

    def __init__(
        self, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None
    ):
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input):
        return F.interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            recompute_scale_factor=self.recompute_scale_factor,
        )

    def extra_repr(self):
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"
        return f"size={self.size!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Upsample with mode "nearest".

    >>> import minitorch
    >>> minitorch.nn.UpsamplingNearest2d(scale_factor=2)(minitorch.ones(1, 1, 2, 2)).shape
    torch.Size([1, 1, 4, 4])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.UpsamplingNearest2d.html
    """

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Upsample with mode "bilinear" and align_corners.

    >>> import minitorch
    >>> minitorch.nn.UpsamplingBilinear2d(scale_factor=2)(minitorch.ones(1, 1, 2, 2)).shape
    torch.Size([1, 1, 4, 4])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.UpsamplingBilinear2d.html
    """

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
