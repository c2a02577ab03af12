"""Functions of nn.functional on images: resizing, windows as columns, sampling at given places.

https://docs.pytorch.org/docs/2.13/nn.functional.html#vision-functions
"""

import math
import warnings
from itertools import product

import minitorch
from minitorch import _C
from minitorch.nn._pooling import adaptive_avg_pool2d, adaptive_avg_pool3d

__all__ = [
    "affine_grid", "fold", "grid_sample", "interpolate", "unfold", "upsample", "upsample_bilinear",
    "upsample_nearest",
]  # fmt: skip

# mode: numbers of dimensions it is for, and what it does along each
_MODES = {
    "nearest": ((3, 4, 5), "nearest"),
    "nearest-exact": ((3, 4, 5), "nearest-exact"),
    "area": ((3, 4, 5), "area"),
    "linear": ((3,), "linear"),
    "bilinear": ((4,), "linear"),
    "trilinear": ((5,), "linear"),
    "bicubic": ((4,), "cubic"),
}


def _sizes(input, size, scale_factor, recompute):
    """Output sizes, and the scale factors that count instead of their ratio, or None."""
    n = input.dim() - 2
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if not isinstance(size, list | tuple):
            return [size] * n, None
        if len(size) != n:
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input with "
                f"spatial dimensions of {list(input.shape[2:])} and output size of {size}. Please provide "
                "input tensor in (N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format."
            )
        return list(size), None
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    factors = list(scale_factor) if isinstance(scale_factor, list | tuple) else [scale_factor] * n
    if len(factors) != n:
        raise ValueError(
            "Input and scale_factor must have the same number of spatial dimensions, but got input with "
            f"spatial dimensions of {list(input.shape[2:])} and scale_factor of shape {scale_factor}. "
            "Please provide input tensor in (N, C, d1, d2, ...,dK) format and scale_factor in "
            "(s1, s2, ...,sK) format."
        )
    sizes = [math.floor(float(d) * f) for d, f in zip(input.shape[2:], factors, strict=True)]
    return sizes, None if recompute else [float(f) for f in factors]


def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    """An image with other sizes.

    Args:
        size, scale_factor: of the result; one of them.
        mode: "nearest", "nearest-exact", "area" (means), "linear" (3-D input), "bilinear", "bicubic" (4-D) or
            "trilinear" (5-D).
        align_corners: the corners' centres stay where they are, rather than the corners.

    Shapes: (N, C, L), (N, C, H, W) or (N, C, D, H, W).

    Raises:
        ValueError: if sizes do not fit, or align_corners is given for modes without.
        NotImplementedError: for other modes, and for antialias.

    >>> import minitorch
    >>> x = minitorch.tensor([[[1.0, 2.0]]])
    >>> minitorch.nn.functional.interpolate(x, scale_factor=2, mode="linear")
    tensor([[[1.0000, 1.2500, 1.7500, 2.0000]]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.interpolate.html
    """
    plain = mode in ("nearest", "area", "nearest-exact")
    if plain and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | "
            "bicubic | "
            "trilinear"
        )
    sizes, factors = _sizes(input, size, scale_factor, recompute_scale_factor)
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if antialias:
        if not (mode in ("bilinear", "bicubic") and input.dim() == 4):
            raise ValueError(
                "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor"
            )
        raise NotImplementedError(
            "interpolate: antialias=True is not there yet; resize in steps of 2 with mode='area'"
        )
    dims, along = _MODES.get(mode, ((), ""))
    if input.dim() not in dims:
        if mode in _MODES and input.dim() in (3, 4, 5):
            raise NotImplementedError(f"Got {input.dim()}D input, but {mode} mode needs {dims[0]}D input")
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported"
            f" (got {input.dim()}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | "
            f"area | "
            f"nearest-exact (got {mode})"
        )
    if mode == "area":
        means = {3: _C._nn.adaptive_avg_pool1d, 4: adaptive_avg_pool2d, 5: adaptive_avg_pool3d}
        return means[input.dim()](input, sizes)
    return _C._nn._interpolate(input, sizes, along, bool(align_corners), factors)


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """interpolate, under its old name.

    >>> import minitorch
    >>> minitorch.nn.functional.upsample(minitorch.ones(1, 1, 2), scale_factor=2).shape
    torch.Size([1, 1, 4])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.upsample.html
    """
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """interpolate with mode "nearest", under its old name.

    >>> import minitorch
    >>> minitorch.nn.functional.upsample_nearest(minitorch.ones(1, 1, 2), scale_factor=2).shape
    torch.Size([1, 1, 4])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.upsample_nearest.html
    """
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """interpolate with mode "bilinear" and align_corners, under its old name.

    >>> import minitorch
    >>> minitorch.nn.functional.upsample_bilinear(minitorch.ones(1, 1, 2, 2), scale_factor=2).shape
    torch.Size([1, 1, 4, 4])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.upsample_bilinear.html
    """
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of an image as columns.

    Shapes: (N, C, H, W) to (N, C kh kw, windows), or without N.

    Raises:
        RuntimeError: if the sizes do not fit.

    >>> import minitorch
    >>> minitorch.nn.functional.unfold(minitorch.ones(1, 3, 10, 12), (4, 5)).shape
    torch.Size([1, 60, 56])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.unfold.html
    """
    return _C._nn._im2col(input, 0, kernel_size, dilation, padding, stride)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns put back as windows of an image; where windows overlap they add up.

    Shapes: (N, C kh kw, windows) to (N, C, *output_size), or without N.

    Raises:
        RuntimeError: if the sizes do not fit.

    >>> import minitorch
    >>> minitorch.nn.functional.fold(minitorch.ones(1, 12, 12), (4, 5), (2, 2)).shape
    torch.Size([1, 3, 4, 5])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.fold.html
    """
    return _C._nn._col2im(input, output_size, kernel_size, dilation, padding, stride)


# ---- sampling at given places --------------------------------------------------------------------


def affine_grid(theta, size, align_corners=None):
    """The places, in coordinates from -1 to 1, that an affine map sends the pixels of an image to.

    Shapes: theta (N, 2, 3) and size (N, C, H, W) to (N, H, W, 2), or theta (N, 3, 4) and (N, C, D, H, W) to
    (N, D,
    H, W, 3).

    Raises:
        ValueError: for other shapes.

    >>> import minitorch
    >>> theta = minitorch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> minitorch.nn.functional.affine_grid(theta, (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.affine_grid.html
    """
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0.",
            stacklevel=2,
        )
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    n = len(size) - 2
    if n not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
            f"Got size {size}."
        )
    if theta.dim() != 3 or theta.shape[-2] != n or theta.shape[-1] != n + 1:
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {size}. Got "
            f"{theta.shape}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    axes = []
    for count in size[2:]:
        ends = (-1, 1) if count > 1 else (0, 0)
        line = minitorch.linspace(*ends, count, dtype=theta.dtype)
        axes.append(line if align_corners or count == 1 else line * ((count - 1) / count))
    places = minitorch.meshgrid(*axes, indexing="ij")
    base = minitorch.stack([*reversed(places), minitorch.ones_like(places[0])], -1).reshape(1, -1, n + 1)
    grid = base.expand(size[0], *base.shape[1:]) @ theta.transpose(1, 2)
    return grid.reshape(size[0], *size[2:], n)


def _reflect(x, low, high):
    """Coordinates folded back into [low, high] as often as it takes."""
    span = high - low
    if span == 0:
        return x * 0
    x = (x - low).abs()
    turns = (x.detach() / span).floor()
    extra = x - turns * span
    return minitorch.where(turns % 2 == 0, extra + low, high - extra)


def _pixels(x, size, padding_mode, align_corners, bound, planes):
    """Coordinates from -1 to 1 as pixels; PyTorch takes other steps for planes than for volumes."""
    if planes:
        x = (x + 1) * ((size - 1) / 2) if align_corners else (x + 1) * (size / 2) - 0.5
    else:
        x = (x + 1) / 2 * (size - 1) if align_corners else ((x + 1) * size - 1) / 2
    return _bounded(x, size, padding_mode, align_corners) if bound else x


def _bounded(x, size, padding_mode, align_corners):
    if padding_mode == "zeros":
        return x
    if padding_mode == "reflection":
        x = _reflect(x, 0, size - 1) if align_corners else _reflect(x, -0.5, size - 0.5)
    return x.clamp(0, size - 1)


def _cubic(t):
    a = -0.75
    near = lambda x: ((a + 2) * x - (a + 3)) * x * x + 1  # noqa: E731
    far = lambda x: ((a * x - 5 * a) * x + 8 * a) * x - 4 * a  # noqa: E731
    return far(t + 1), near(t), near(1 - t), far(2 - t)


def _check_grid(input, grid, mode, padding_mode):
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: "
            f"'{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            "'reflection', but "
            f"got: '{padding_mode}'"
        )
    n = input.dim() - 2
    if n not in (2, 3) or input.dim() != grid.dim():
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input "
            f"with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if input.size(0) != grid.size(0):
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if grid.size(-1) != n:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {n} in last dimension, but got grid with sizes "
            f"{list(grid.shape)}"
        )
    if mode == "bicubic" and n != 2:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    for d in range(2, input.dim()):
        if input.size(d) <= 0:
            raise RuntimeError(
                "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
                f"{list(input.shape)} with dimension {d} being empty"
            )


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """An image at the places that grid gives in coordinates from -1 to 1, x first.

    Args:
        mode: "bilinear", "nearest" or "bicubic".
        padding_mode: outside the image there are "zeros", its "border", or its "reflection".
        align_corners: -1 and 1 are the centres of the corners, rather than their outer edges.

    Shapes: (N, C, H, W) and (N, h, w, 2) to (N, C, h, w), or (N, C, D, H, W) and (N, d, h, w, 3).

    Raises:
        RuntimeError: if the shapes do not fit.
        ValueError: for other modes.

    >>> import minitorch
    >>> x = minitorch.tensor([[[[1.0, 3.0]]]])
    >>> minitorch.nn.functional.grid_sample(x, minitorch.zeros(1, 1, 1, 2), align_corners=True)
    tensor([[[[2.]]]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.grid_sample.html
    """
    _check_grid(input, grid, mode, padding_mode)
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0.",
            stacklevel=2,
        )
    sizes = input.shape[2:]
    bound = mode != "bicubic"
    at = [
        _pixels(x, size, padding_mode, align_corners, bound, len(sizes) == 2)
        for x, size in zip(reversed(grid.unbind(-1)), sizes, strict=True)
    ]
    corners = [x.detach().round() if mode == "nearest" else x.detach().floor() for x in at]
    parts = [x - corner for x, corner in zip(at, corners, strict=True)]
    if mode == "nearest":
        weights, shifts = [(1 + 0 * x,) for x in at], range(1)
    elif mode == "bicubic":
        weights, shifts = [_cubic(t) for t in parts], range(-1, 3)
    else:
        weights, shifts = [(1 - t, t) for t in parts], range(2)
    places = [corner + k if k else corner for corner in corners for k in shifts]
    if not bound:
        places = [
            _bounded(x, sizes[i // 4], padding_mode, align_corners).round() for i, x in enumerate(places)
        ]
    count = grid.shape[1:-1]
    places = minitorch.stack(places).reshape(len(sizes), len(shifts), len(grid), math.prod(count))
    weights = minitorch.stack([math.prod(w) for w in product(*weights)], 1).flatten(2)
    flat = _C._nn._grid_places(places, sizes)
    return _C._nn._grid_pick(input, flat, weights, count)
