"""Pools of nn.functional: what the operators in C do not say, such as results with or without indices.

https://docs.pytorch.org/docs/2.13/nn.functional.html#pooling-functions
"""

import math

import minitorch
from minitorch import _C
from minitorch.nn._tuples import _ntuple

__all__ = [
    "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool2d", "max_pool3d",
    "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip

_URL = "https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional."
_PLACES = {1: "L", 2: "H, W", 3: "D, H, W"}


def _publish(function, name, n, doc, call, result):
    """Gives a function of n dimensions its name and documentation, with an example: a call on ones."""
    example = f">>> minitorch.nn.functional.{name}(minitorch.ones(1, {', '.join(['4'] * n)}), {call}).shape"
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{doc}

    Shapes: (N, C, {_PLACES[n]}) or (C, {_PLACES[n]}).

    Raises:
        RuntimeError: if the sizes do not fit.

    >>> import minitorch
    {example}
    torch.Size([1, {", ".join([str(result)] * n)}])

    {_URL}{name}.html
    """
    return function


def _max_pool(n):
    plain = getattr(_C, f"max_pool{n}d")
    both = getattr(_C._nn, f"max_pool{n}d_with_indices")

    def max_pool(
        input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
    ):
        function = both if return_indices else plain
        return function(input, kernel_size, stride, padding, dilation, ceil_mode)

    doc = "The largest element of each window; with return_indices also its place in the plane."
    return _publish(max_pool, f"max_pool{n}d", n, doc, 2, 2)


def _adaptive_max_pool(n):
    both = getattr(_C._nn, f"adaptive_max_pool{n}d")

    def adaptive_max_pool(input, output_size, return_indices=False):
        found = both(input, _sizes(input, output_size))
        return found if return_indices else found[0]

    doc = """The largest elements of as many windows as output_size says, which cover the input evenly; with
    return_indices also their places in the plane. None keeps the size of a dimension."""
    return _publish(adaptive_max_pool, f"adaptive_max_pool{n}d", n, doc, 2, 2)


def _adaptive_avg_pool(n):
    mean = getattr(_C._nn, f"adaptive_avg_pool{n}d")

    def adaptive_avg_pool(input, output_size):
        return mean(input, _sizes(input, output_size))

    doc = """The means of as many windows as output_size says, which cover the input evenly. None keeps the
    size of a dimension."""
    return _publish(adaptive_avg_pool, f"adaptive_avg_pool{n}d", n, doc, 2, 2)


def _sizes(input, output_size):
    """output_size with the input's sizes instead of None."""
    if not isinstance(output_size, tuple | list) or not output_size:
        return output_size
    if input.dim() <= len(output_size):
        raise ValueError(f"Input dimension should be at least {len(output_size) + 1}, but got {input.dim()}")
    own = input.shape[-len(output_size) :]
    return [d if size is None else size for size, d in zip(output_size, own, strict=True)]


def _lp_pool(n):
    mean = getattr(_C._nn, f"avg_pool{n}d")

    def lp_pool(input, norm_type, kernel_size, stride=None, ceil_mode=False):
        count = math.prod(_ntuple(n)(kernel_size))
        out = mean(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
        return (minitorch.sign(out) * minitorch.relu(minitorch.abs(out))).mul(count).pow(1.0 / norm_type)

    doc = "The norm_type-th root of the sum of the powers of each window."
    return _publish(lp_pool, f"lp_pool{n}d", n, doc, "2, 2", 2)


def _unpool_sizes(input, kernel_size, stride, padding, output_size):
    usual = [
        (d - 1) * s + k - 2 * p
        for d, k, s, p in zip(input.shape[-len(kernel_size) :], kernel_size, stride, padding, strict=True)
    ]
    if output_size is None:
        return usual
    if len(output_size) == len(kernel_size) + 2:
        output_size = output_size[2:]
    if len(output_size) != len(kernel_size):
        raise ValueError(
            f"output_size should be a sequence containing {len(kernel_size)} or {len(kernel_size) + 2} "
            f"elements, but it has a length of '{len(output_size)}'"
        )
    for d, size in enumerate(output_size):
        least, most = usual[d] - stride[d], usual[d] + stride[d]
        if not least < size < most:
            raise ValueError(
                f'invalid output_size "{output_size}" (dim {d} must be between {least} and {most})'
            )
    return list(output_size)


def _max_unpool(n):
    each = _ntuple(n)

    def max_unpool(input, indices, kernel_size, stride=None, padding=0, output_size=None):
        kernel_size = each(kernel_size)
        stride = kernel_size if stride is None else each(stride)
        size = _unpool_sizes(input, kernel_size, stride, each(padding), output_size)
        return _C._nn._max_unpool(input, indices, size)

    doc = """Zeros, with the elements of the input at the places that max_pool gave as indices."""
    many = ", ".join(["4"] * n)
    call = f"minitorch.zeros(1, {many}, dtype=minitorch.int64), 2"
    return _publish(max_unpool, f"max_unpool{n}d", n, doc, call, 8)


max_pool1d, max_pool2d, max_pool3d = map(_max_pool, (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = map(_adaptive_max_pool, (1, 2, 3))
adaptive_avg_pool2d, adaptive_avg_pool3d = map(_adaptive_avg_pool, (2, 3))
lp_pool1d, lp_pool2d, lp_pool3d = map(_lp_pool, (1, 2, 3))
max_unpool1d, max_unpool2d, max_unpool3d = map(_max_unpool, (1, 2, 3))
