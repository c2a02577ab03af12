"""Initial values of parameters, drawn as PyTorch draws them, bit for bit.

Bounds are computed in double precision in PyTorch's order of operations; the draws are the core's. All
functions fill their tensor in place, without recording, and return it.

https://docs.pytorch.org/docs/2.13/nn.init.html
"""

import functools
import math
import warnings

import minitorch

__all__ = [
    "calculate_gain", "constant_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_",
    "ones_", "orthogonal_", "sparse_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_",
    "zeros_", "constant", "dirac", "eye", "kaiming_normal", "kaiming_uniform", "normal", "orthogonal",
    "sparse", "uniform", "xavier_normal", "xavier_uniform",
]  # fmt: skip

_GAINS = {
    **dict.fromkeys(
        ["linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"],
        1,
    ),
    "sigmoid": 1,
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


def calculate_gain(nonlinearity, param=None):
    """The factor by which weights before this nonlinearity are scaled; param is leaky_relu's negative slope.

    Raises:
        ValueError: for a nonlinearity without one, or a slope that is no number.

    >>> from minitorch import nn
    >>> nn.init.calculate_gain("leaky_relu", 0.2)
    1.3867504905630728

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.calculate_gain
    """
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    slope = 0.01 if param is None else param
    if isinstance(slope, bool) or not isinstance(slope, (int, float)):
        raise ValueError(f"negative_slope {param} not a valid number")
    return math.sqrt(2.0 / (1 + slope**2))


def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """Draws from the uniform distribution on [a, b).

    Shapes: (*), floating point.

    >>> import minitorch
    >>> _ = minitorch.manual_seed(0)
    >>> minitorch.nn.init.uniform_(minitorch.empty(2), -1.0, 1.0)
    tensor([-0.0075,  0.5364])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.uniform_
    """
    with minitorch.no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """Draws from the normal distribution.

    Shapes: (*), floating point.

    >>> import minitorch
    >>> _ = minitorch.manual_seed(0)
    >>> minitorch.nn.init.normal_(minitorch.empty(1), std=0.5)
    tensor([0.7705])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.normal_
    """
    with minitorch.no_grad():
        return tensor.normal_(mean, std, generator=generator)


def _cdf(x):
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
    """Draws from the normal distribution, of which only values in [a, b] are taken.

    Where that is likely, values outside are drawn again; else uniform candidates are accepted by their
    density.

    Shapes: (*), floating point.

    >>> import minitorch
    >>> _ = minitorch.manual_seed(0)
    >>> minitorch.nn.init.trunc_normal_(minitorch.empty(2))
    tensor([ 1.5410, -0.2934])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.trunc_normal_
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    with minitorch.no_grad():
        if _cdf((b - mean) / std) - _cdf((a - mean) / std) > 0.3:
            result = _redraw(tensor, mean, std, a, b, generator)
        else:
            result = _accept(tensor, mean, std, a, b, generator)
        return tensor if result is tensor else tensor.copy_(result)


def _redraw(tensor, mean, std, a, b, generator):
    low, high = (minitorch.tensor(bound, dtype=tensor.dtype).item() for bound in (a, b))
    result = tensor.normal_(mean, std, generator=generator)
    while (bad := (result < low) | (result > high)).any():
        result = minitorch.where(
            bad, minitorch.empty_like(result).normal_(mean, std, generator=generator), result
        )
    return result


def _accept(tensor, mean, std, a, b, generator):
    log_peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2

    def refused(candidates):
        threshold = ((candidates - mean) / std).pow(2) * -0.5 - log_peak
        return minitorch.empty_like(tensor).uniform_(generator=generator).log() > threshold

    result = tensor.uniform_(a, b, generator=generator)
    pending = refused(result)
    while pending.any():
        candidates = minitorch.empty_like(tensor).uniform_(a, b, generator=generator)
        result = minitorch.where(pending, candidates, result)
        pending = pending & refused(candidates)
    return result


def constant_(tensor, val):
    """Fills with the value.

    Shapes: (*), any dtype.

    >>> import minitorch
    >>> minitorch.nn.init.constant_(minitorch.empty(2), 0.5)
    tensor([0.5000, 0.5000])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.constant_
    """
    with minitorch.no_grad():
        return tensor.fill_(val)


def ones_(tensor):
    """Fills with 1.

    Shapes: (*), any dtype.

    >>> import minitorch
    >>> minitorch.nn.init.ones_(minitorch.empty(2))
    tensor([1., 1.])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.ones_
    """
    return constant_(tensor, 1.0)


def zeros_(tensor):
    """Fills with 0.

    Shapes: (*), any dtype.

    >>> import minitorch
    >>> minitorch.nn.init.zeros_(minitorch.empty(2))
    tensor([0., 0.])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.zeros_
    """
    with minitorch.no_grad():
        return tensor.zero_()


def eye_(tensor):
    """Fills a matrix with the identity.

    Shapes: (m, n), any dtype.

    Raises:
        ValueError: if the tensor does not have 2 dimensions.

    >>> import minitorch
    >>> minitorch.nn.init.eye_(minitorch.empty(2, 2))
    tensor([[1., 0.],
            [0., 1.]])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.eye_
    """
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with minitorch.no_grad():
        return tensor.copy_(minitorch.eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor, groups=1):
    """Fills the weight of a convolution so that it returns its input.

    Shapes: (outputs, inputs / groups, *), any dtype.

    Raises:
        ValueError: if there are not 3 to 5 dimensions, or the first is not divisible by groups.

    >>> import minitorch
    >>> minitorch.nn.init.dirac_(minitorch.empty(1, 1, 3))
    tensor([[[0., 1., 0.]]])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.dirac_
    """
    if tensor.ndimension() not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    sizes = tensor.size()
    if sizes[0] % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = sizes[0] // groups
    centre = tuple(n // 2 for n in sizes[2:])
    with minitorch.no_grad():
        tensor.zero_()
        for group in range(groups):
            for d in range(min(per_group, sizes[1])):
                tensor[(group * per_group + d, d, *centre)] = 1
    return tensor


def _calculate_fan_in_and_fan_out(tensor):
    """How many inputs and outputs each output and input of the layer with that weight is joined to."""
    if tensor.dim() < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    receptive_field = math.prod(tensor.shape[2:])
    return tensor.size(1) * receptive_field, tensor.size(0) * receptive_field


def xavier_uniform_(tensor, gain=1.0, generator=None):
    """Draws from the uniform distribution on (-b, b), b = gain sqrt(6 / (fan_in + fan_out)).

    Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks".

    Shapes: 2 or more dimensions, floating point.

    Raises:
        ValueError: if there are fewer than 2 dimensions.

    >>> import minitorch
    >>> _ = minitorch.manual_seed(0)
    >>> minitorch.nn.init.xavier_uniform_(minitorch.empty(1, 2))
    tensor([[-0.0106,  0.7586]])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.xavier_uniform_
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    """Draws from the normal distribution with standard deviation gain sqrt(2 / (fan_in + fan_out)).

    Shapes: 2 or more dimensions, floating point.

    Raises:
        ValueError: if there are fewer than 2 dimensions.

    >>> import minitorch
    >>> _ = minitorch.manual_seed(0)
    >>> minitorch.nn.init.xavier_normal_(minitorch.empty(1, 2))
    tensor([[ 1.2582, -0.2396]])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.xavier_normal_
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    return normal_(tensor, 0.0, std, generator)


def _calculate_correct_fan(tensor, mode):
    mode = mode.lower()
    modes = ["fan_in", "fan_out"]
    if mode not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode)]


def _kaiming_std(tensor, a, mode, nonlinearity):
    """gain / sqrt(fan), or None for a tensor without elements."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Draws from the uniform distribution on (-b, b), b = gain sqrt(3 / fan).

    He et al. 2015, "Delving deep into rectifiers"; a is the negative slope of leaky_relu.

    Shapes: 2 or more dimensions, floating point.

    Raises:
        ValueError: if there are fewer than 2 dimensions, for unknown modes and nonlinearities.

    >>> import minitorch
    >>> _ = minitorch.manual_seed(0)
    >>> minitorch.nn.init.kaiming_uniform_(minitorch.empty(1, 2))
    tensor([[-0.0130,  0.9291]])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.kaiming_uniform_
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Draws from the normal distribution with standard deviation gain / sqrt(fan).

    Shapes: 2 or more dimensions, floating point.

    Raises:
        ValueError: if there are fewer than 2 dimensions, for unknown modes and nonlinearities.

    >>> import minitorch
    >>> _ = minitorch.manual_seed(0)
    >>> minitorch.nn.init.kaiming_normal_(minitorch.empty(1, 2))
    tensor([[ 1.5410, -0.2934]])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.kaiming_normal_
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0, std, generator)


def orthogonal_(tensor, gain=1, generator=None):
    """Fills with a random (semi-)orthogonal matrix, later dimensions flattened.

    Shapes: 2 or more dimensions, floating point.

    Raises:
        ValueError: if there are fewer than 2 dimensions.

    >>> import minitorch
    >>> q = minitorch.nn.init.orthogonal_(minitorch.empty(3, 3))
    >>> minitorch.allclose(q @ q.t(), minitorch.eye(3), atol=1e-6)
    True

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.orthogonal_
    """
    if tensor.ndimension() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    from numpy.linalg import qr

    rows = tensor.size(0)
    drawn = minitorch.empty(rows, tensor.numel() // rows, dtype=tensor.dtype).normal_(
        0, 1, generator=generator
    )
    wide = drawn.size(0) < drawn.size(1)
    q, r = qr(drawn.numpy().T if wide else drawn.numpy())
    # With this sign Q is uniform: Mezzadri, https://arxiv.org/abs/math-ph/0609050
    q *= minitorch.from_numpy(r.diagonal().copy()).sign().numpy()
    with minitorch.no_grad():
        tensor.copy_(minitorch.from_numpy((q.T if wide else q).copy()).view(tensor.shape))
        return tensor.mul_(gain)


def sparse_(tensor, sparsity, std=0.01, generator=None):
    """Draws a matrix from the normal distribution and sets a part of every column to zero.

    Shapes: (m, n), floating point.

    Raises:
        ValueError: if the tensor does not have 2 dimensions.

    >>> import minitorch
    >>> (minitorch.nn.init.sparse_(minitorch.empty(4, 3), 0.5) == 0).sum(0)
    tensor([2, 2, 2])

    https://docs.pytorch.org/docs/2.13/nn.init.html#torch.nn.init.sparse_
    """
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with minitorch.no_grad():
        tensor.normal_(0, std, generator=generator)
        for column in range(columns):
            tensor[minitorch.randperm(rows)[:zeros], column] = 0
    return tensor


def _deprecated(function):
    """The old name of an initialiser, without the underscore."""
    old, new = function.__name__[:-1], function.__name__

    @functools.wraps(function)
    def renamed(*args, **kwargs):
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.", FutureWarning, stacklevel=2
        )
        return function(*args, **kwargs)

    renamed.__name__ = renamed.__qualname__ = old
    return renamed


constant = _deprecated(constant_)
dirac = _deprecated(dirac_)
eye = _deprecated(eye_)
kaiming_normal = _deprecated(kaiming_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
normal = _deprecated(normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
uniform = _deprecated(uniform_)
xavier_normal = _deprecated(xavier_normal_)
xavier_uniform = _deprecated(xavier_uniform_)
