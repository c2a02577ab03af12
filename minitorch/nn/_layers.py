"""Layers of nn.functional that are made of operators: norms, tables, distances, dropouts,
shuffles.

https://docs.pytorch.org/docs/2.13/nn.functional.html
"""

import math
import warnings

import minitorch
from minitorch import _C

__all__ = [
    "alpha_dropout", "channel_shuffle", "cosine_similarity", "dropout1d", "dropout2d", "dropout3d",
    "embedding",
    "embedding_bag", "feature_alpha_dropout", "gumbel_softmax", "instance_norm", "local_response_norm",
    "normalize", "pairwise_distance", "pixel_shuffle", "pixel_unshuffle", "rrelu",
]  # fmt: skip


# ---- norms ---------------------------------------------------------------------------------------


def _update(running, value, momentum):
    running.copy_(running * (1 - momentum) + value.to(running.dtype) * momentum)


def instance_norm(
    input,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
):
    """(x - mean) / sqrt(var + eps) * weight + bias, mean and variance of every channel of every sample;
    without
    use_input_stats the running ones.

    Shapes: (N, C, ...) to the same; weight, bias and running statistics (C).

    Raises:
        ValueError: if there is only one value a channel.
        RuntimeError: if shapes do not fit, or there are no running statistics to use.

    >>> import minitorch
    >>> minitorch.nn.functional.instance_norm(minitorch.tensor([[[1.0, 3.0], [4.0, 8.0]]]))
    tensor([[[-1.0000,  1.0000],
             [-1.0000,  1.0000]]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.instance_norm.html
    """
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when use_input_stats is false"
            )
        return _C._nn.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if input.numel() == input.size(0) * input.size(1) and input.numel():
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.size()}")
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    if running_mean is not None:
        with minitorch.no_grad():
            places = list(range(2, input.dim()))
            _update(running_mean, input.mean(places).mean(0), momentum)
            _update(running_var, input.var(places).mean(0), momentum)
    return _C._nn.group_norm(input, input.size(1), weight, bias, eps)


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """x / (k + alpha * mean of x ** 2 over `size` neighbouring channels) ** beta.

    Shapes: (N, C, ...) to the same.

    Raises:
        ValueError: for less than 3 dimensions.

    >>> import minitorch
    >>> minitorch.nn.functional.local_response_norm(minitorch.ones(1, 2, 1), 2, alpha=2.0, beta=1.0)
    tensor([[[0.5000],
             [0.3333]]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.local_response_norm.html
    """
    if input.dim() < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)")
    if input.numel() == 0:
        return input
    n, c = input.shape[:2]
    squares = _C.constant_pad_nd((input * input).reshape(n, 1, c, -1), (0, 0, size // 2, (size - 1) // 2))
    mean = _C._nn.avg_pool2d(squares, (size, 1), 1)
    return input / mean.reshape(input.shape).mul(alpha).add(k).pow(beta)


# ---- tables --------------------------------------------------------------------------------------


def _wrap_padding(padding_idx, weight):
    if padding_idx is None:
        return -1
    rows = weight.size(0)
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % rows


def embedding(
    input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False
):
    """Rows of the table `weight` by number.

    Args:
        padding_idx: a row whose gradient is 0.
        max_norm: rows that are used and longer than this are first shortened to it, in the table.
        scale_grad_by_freq: divides the gradient of each row by how often it is used.
        sparse: changes nothing: gradients are dense.

    Shapes: integers (...) and weight (rows, width) to (..., width).

    Raises:
        IndexError: if an index is not in [0, rows).

    >>> import minitorch
    >>> weight = minitorch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> minitorch.nn.functional.embedding(minitorch.tensor([1, 1]), weight)
    tensor([[3., 4.],
            [3., 4.]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.embedding.html
    """
    padding_idx = _wrap_padding(padding_idx, weight)
    if max_norm is not None:
        with minitorch.no_grad():
            _C.embedding_renorm_(weight, input, max_norm, norm_type)
    return _C.embedding(weight, input, padding_idx, scale_grad_by_freq, sparse)


def _bag_of(input, offsets, include_last_offset):
    """The flat indices, the number of the bag of each, and how many bags there are."""
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed "
                f"length sequences. However, found offsets of type {type(offsets)}"
            )
        bags, length = input.shape
        numbers = minitorch.arange(bags).unsqueeze(1).expand(bags, length)
        return input.reshape(-1), numbers.reshape(-1), bags
    if input.dim() != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.dim() != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    starts = offsets.tolist()
    if starts and starts[0] != 0:
        raise RuntimeError(
            f"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. "
            f"However, got {starts[0]}"
        )
    if starts and starts[-1] > input.size(0):
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length ({input.size(0)}), but got offsets[-1] of "
            f"{starts[-1]}"
        )
    ends = starts[1:] + ([] if include_last_offset else [input.size(0)])
    counts = [end - start for start, end in zip(starts, ends, strict=False)]
    numbers = [bag for bag, count in enumerate(counts) for _ in range(count)]
    return input[: len(numbers)], minitorch.tensor(numbers, dtype=minitorch.int64), len(counts)


def embedding_bag(
    input,
    weight,
    offsets=None,
    max_norm=None,
    norm_type=2,
    scale_grad_by_freq=False,
    mode="mean",
    sparse=False,
    per_sample_weights=None,
    include_last_offset=False,
    padding_idx=None,
):
    """Sums, means or maxima of bags of rows of the table `weight`; rows padding_idx do not count.

    Shapes: input (bags, length), or (indices) with offsets (bags) where each bag starts; to (bags, width).

    Raises:
        ValueError: for other shapes or an unknown mode.

    >>> import minitorch
    >>> weight = minitorch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> minitorch.nn.functional.embedding_bag(minitorch.tensor([[0, 1]]), weight)
    tensor([[2., 3.]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.embedding_bag.html
    """
    if per_sample_weights is not None and input.size() != per_sample_weights.size():
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must "
            f"have the same shape as the input ({input.shape})"
        )
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for "
            f"mode='sum' (got mode='{mode}'). Please open a feature request on GitHub."
        )
    indices, bag, bags = _bag_of(input, offsets, include_last_offset)
    indices = indices.to(minitorch.int64)
    wrapped = _wrap_padding(padding_idx, weight)
    if wrapped >= 0:
        kept = (indices != wrapped).nonzero().squeeze(1)
        indices, bag = indices[kept], bag[kept]
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)[kept]
    rows = embedding(indices, weight, None, max_norm, norm_type, scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1)[: rows.size(0)].unsqueeze(1)
    empty = minitorch.zeros(bags, weight.size(1), dtype=weight.dtype)
    if mode == "max":
        mine = [rows[(bag == b).nonzero().squeeze(1)] for b in range(bags)]
        return minitorch.stack([r.max(0).values if len(r) else e for r, e in zip(mine, empty, strict=True)])
    total = empty.index_add(0, bag, rows)
    if mode == "sum":
        return total
    counts = minitorch.zeros(bags, dtype=weight.dtype)
    counts.index_add_(0, bag, minitorch.ones(bag.size(0), dtype=weight.dtype))
    return total / counts.clamp_min(1).unsqueeze(1)


# ---- distances -----------------------------------------------------------------------------------


def _floating(x):
    return x if x.is_floating_point() or x.is_complex() else x.to(minitorch.get_default_dtype())


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """x / max(norm, eps), the p-norm along dim.

    Shapes: (*) to the same.

    >>> import minitorch
    >>> minitorch.nn.functional.normalize(minitorch.tensor([3.0, 4.0]), dim=0)
    tensor([0.6000, 0.8000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.normalize.html
    """
    length = minitorch.linalg.vector_norm(input, p, dim, True).clamp_min(eps)
    return input / length if out is None else minitorch.div(input, length, out=out)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along dim; the shapes broadcast.

    Raises:
        RuntimeError: if the shapes do not broadcast.

    >>> import minitorch
    >>> x = minitorch.tensor([[1.0, 0.0]])
    >>> minitorch.nn.functional.cosine_similarity(x, minitorch.tensor([[1.0, 1.0]]))
    tensor([0.7071])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.cosine_similarity.html
    """
    x1, x2 = minitorch.broadcast_tensors(_floating(x1), _floating(x2))
    a = x1 / minitorch.linalg.vector_norm(x1, 2, dim, True).clamp_min(eps)
    b = x2 / minitorch.linalg.vector_norm(x2, 2, dim, True).clamp_min(eps)
    return (a * b).sum(dim)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """The p-norm of x1 - x2 + eps along the last dimension; the shapes broadcast.

    >>> import minitorch
    >>> minitorch.nn.functional.pairwise_distance(minitorch.tensor([[3.0, 4.0]]), minitorch.zeros(1, 2))
    tensor([5.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.pairwise_distance.html
    """
    return minitorch.linalg.vector_norm(_floating(x1) - _floating(x2) + eps, p, -1, keepdim)


# ---- random --------------------------------------------------------------------------------------


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """softmax((logits + Gumbel noise) / tau); with hard one-hot vectors, with the gradient of the soft ones.

    >>> import minitorch
    >>> minitorch.nn.functional.gumbel_softmax(minitorch.zeros(2, 3), hard=True).sum(-1)
    tensor([1., 1.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.gumbel_softmax.html
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    noise = -minitorch.empty_like(logits).exponential_().log()
    soft = minitorch.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    return minitorch.zeros_like(logits).scatter_(dim, index, 1.0) - soft.detach() + soft


def _check_p(p):
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _write(input, result, inplace):
    return input.copy_(result) if inplace else result


def _noise(input, p, channels):
    """1 with probability 1 - p, else 0: for each element, or for each channel of each sample."""
    shape = input.shape
    if channels:
        if input.dim() < 2:
            raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
        shape = (*input.shape[:2], *[1] * (input.dim() - 2))
    return minitorch.empty(shape, dtype=input.dtype).bernoulli_(1 - p)


def _drop_channels(input, p, training, inplace):
    if p == 0 or not training or input.numel() == 0:
        return input
    if p == 1:
        return _write(input, input * 0, inplace)
    return _write(input, input * _noise(input, p, True).div_(1 - p), inplace)


def _dropout_nd(n):
    def dropout(input, p=0.5, training=True, inplace=False):
        _check_p(p)
        alone = n != 2 and input.dim() == n + 1
        if input.dim() not in (n + 1, n + 2):
            warnings.warn(
                f"dropout{n}d: Received a {input.dim()}-D input to dropout{n}d, which is deprecated and will "
                f"result in an error in a future release.",
                stacklevel=2,
            )
        elif n == 2 and input.dim() == 3:
            warnings.warn(
                "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
                "behavior "
                "is desired - input is interpreted as shape (N, C, L), where C is the channel dim.",
                stacklevel=2,
            )
        if not alone:
            return _drop_channels(input, p, training, inplace)
        result = _drop_channels(input.unsqueeze(0), p, training, False).squeeze(0)
        return _write(input, result, inplace)

    places = {1: "L", 2: "H, W", 3: "D, H, W"}[n]
    dropout.__name__ = dropout.__qualname__ = f"dropout{n}d"
    dropout.__doc__ = f"""While training, zeroes each channel of each sample with probability p, and divides
    the
    others by 1 - p.

    Shapes: (N, C, {places}) to the same.

    Raises:
        ValueError: if p is not in [0, 1].

    >>> import minitorch
    >>> minitorch.nn.functional.dropout{n}d(minitorch.ones(1, 1, {", ".join("1" * n)}), training=False).sum()
    tensor(1.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.dropout{n}d.html
    """
    return dropout


dropout1d, dropout2d, dropout3d = map(_dropout_nd, (1, 2, 3))

# What selu tends to for large negative numbers, negated: what alpha dropout puts in.
_ALPHA = 1.7580993408473766


def _alpha_dropout(input, p, training, inplace, channels):
    _check_p(p)
    if p == 0 or not training or input.numel() == 0:
        return input
    if p == 1:
        return _write(input, input * 0, inplace)
    a = 1 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    noise = _noise(input, p, channels)
    shift = noise.sub(1).mul_(_ALPHA * a).add_(_ALPHA * a * p)
    return _write(input, input * noise.mul_(a) + shift, inplace)


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Dropout that keeps mean 0 and variance 1 after selu: elements become selu's lower limit, and all are
    scaled and shifted.

    Raises:
        ValueError: if p is not in [0, 1].

    >>> import minitorch
    >>> minitorch.nn.functional.alpha_dropout(minitorch.ones(2))
    tensor([1., 1.])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.alpha_dropout.html
    """
    return _alpha_dropout(input, p, training, inplace, False)


def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """alpha_dropout of whole channels.

    Shapes: (N, C, ...) to the same.

    Raises:
        ValueError: if p is not in [0, 1].

    >>> import minitorch
    >>> minitorch.nn.functional.feature_alpha_dropout(minitorch.ones(1, 2))
    tensor([[1., 1.]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.feature_alpha_dropout.html
    """
    return _alpha_dropout(input, p, training, inplace, True)


def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False):
    """x where it is positive, else x times a slope: drawn from [lower, upper] while training, else their
    mean.

    >>> import minitorch
    >>> minitorch.nn.functional.rrelu(minitorch.tensor([-24.0, 1.0]))
    tensor([-5.5000,  1.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.rrelu.html
    """
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if not training:
        return minitorch.nn.functional.leaky_relu(input, (lower + upper) / 2, inplace)
    below = input <= 0
    drawn = minitorch.empty(int(below.sum()), dtype=minitorch.float64).uniform_(lower, upper)
    slope = minitorch.ones(input.shape, dtype=input.dtype)
    slope[below] = drawn.to(input.dtype)
    return _write(input, input * slope, inplace)


# ---- shuffles ------------------------------------------------------------------------------------


def _check_image(name, input):
    if input.dim() < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {input.dim()} "
            f"dimension(s)"
        )


def pixel_shuffle(input, upscale_factor):
    """Makes r * r channels the pixels of one image that is r times as large.

    Shapes: (..., C r r, H, W) to (..., C, H r, W r).

    Raises:
        RuntimeError: if the channels do not divide.

    >>> import minitorch
    >>> minitorch.nn.functional.pixel_shuffle(minitorch.arange(4).reshape(4, 1, 1), 2)
    tensor([[[0, 1],
             [2, 3]]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.pixel_shuffle.html
    """
    r = upscale_factor
    _check_image("pixel_shuffle", input)
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            f"upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    n = len(lead)
    parts = input.reshape(*lead, c // (r * r), r, r, h, w)
    return parts.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2).reshape(*lead, c // (r * r), h * r, w * r)


def pixel_unshuffle(input, downscale_factor):
    """The inverse of pixel_shuffle.

    Shapes: (..., C, H r, W r) to (..., C r r, H, W).

    Raises:
        RuntimeError: if the sizes do not divide.

    >>> import minitorch
    >>> minitorch.nn.functional.pixel_unshuffle(minitorch.ones(1, 4, 4), 2).shape
    torch.Size([4, 2, 2])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.pixel_unshuffle.html
    """
    r = downscale_factor
    _check_image("pixel_unshuffle", input)
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    for name, d, size in (("height", -2, h), ("width", -1, w)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({d})={size} "
                f"is not divisible by {r}"
            )
    n = len(lead)
    parts = input.reshape(*lead, c, h // r, r, w // r, r)
    return parts.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3).reshape(*lead, c * r * r, h // r, w // r)


def channel_shuffle(input, groups):
    """Deals the channels of `groups` groups out in turn.

    Shapes: (N, C, ...) to the same.

    Raises:
        RuntimeError: if the channels do not divide.

    >>> import minitorch
    >>> minitorch.nn.functional.channel_shuffle(minitorch.arange(4).reshape(1, 4, 1), 2).flatten()
    tensor([0, 2, 1, 3])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.channel_shuffle.html
    """
    if input.dim() < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}"
        )
    n, c, *rest = input.shape
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    if c % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    return input.reshape(n, groups, c // groups, *rest).transpose(1, 2).reshape(input.shape)
