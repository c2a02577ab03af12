"""Functions of nn: what the core offers under this name, and what is policy, in Python: defaults that warn,
deprecated arguments, in-place variants.

Wherever PyTorch's function takes arguments that only choose among operators, the choice stands here and the
arithmetic in C.

https://docs.pytorch.org/docs/2.13/nn.functional.html
"""

import warnings

import minitorch
from minitorch import _C, _teaching
from minitorch.nn import _reduction

globals().update({name: function for name, function in vars(_C._nn).items() if not name.startswith("_")})

from minitorch.nn._attention import *  # noqa: E402, F403
from minitorch.nn._layers import *  # noqa: E402, F403
from minitorch.nn._losses import *  # noqa: E402, F403
from minitorch.nn._pooling import *  # noqa: E402, F403
from minitorch.nn._vision import *  # noqa: E402, F403

# ---- activations ---------------------------------------------------------------------------------


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """x cut off at min_val and max_val.

    Shapes: (*) to (*), floating point.

    Raises:
        ValueError: if min_val is above max_val.

    >>> import minitorch
    >>> minitorch.nn.functional.hardtanh(minitorch.tensor([-3.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.hardtanh.html
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return _C._nn.hardtanh(input, min_val, max_val, inplace)


logsigmoid = _C._nn.log_sigmoid
sigmoid = minitorch.sigmoid
tanh = minitorch.tanh


def _softmax_dim(name, ndim, stacklevel):
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument.",
        stacklevel=stacklevel + 1,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """exp(x) / sum(exp(x)) along a dimension; any shape, floating point (or cast to dtype first).

    >>> import minitorch
    >>> minitorch.nn.functional.softmax(minitorch.tensor([0.0, 1.0]), dim=0)
    tensor([0.2689, 0.7311])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.softmax.html
    """
    if dim is None:
        dim = _softmax_dim("softmax", input.dim(), _stacklevel)
    return minitorch.softmax(input, dim, dtype=dtype)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """softmax(-x) along a dimension.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.functional.softmin(minitorch.tensor([0.0, 1.0]), dim=0)
    tensor([0.7311, 0.2689])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.softmin.html
    """
    if dim is None:
        dim = _softmax_dim("softmin", input.dim(), _stacklevel)
    return minitorch.softmax(-input, dim, dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """log(softmax(x)) along a dimension, computed without overflow.

    Shapes: (*) to (*), floating point.

    >>> import minitorch
    >>> minitorch.nn.functional.log_softmax(minitorch.tensor([0.0, 1.0]), dim=0)
    tensor([-1.3133, -0.3133])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.log_softmax.html
    """
    if dim is None:
        dim = _softmax_dim("log_softmax", input.dim(), _stacklevel)
    return minitorch.log_softmax(input, dim, dtype=dtype)


# ---- layers --------------------------------------------------------------------------------------


def _check_bilinear(input1, input2, weight, bias):
    """Raises what PyTorch raises for shapes and types that do not fit."""
    if input1.dim() != input2.dim():
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {input1.dim()} and {input2.dim()}"
        )
    for d in range(input1.dim() - 1):
        if input1.size(d) != input2.size(d):
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {d}: got {input1.size(d)} and "
                f"{input2.size(d)}"
            )
    for d, (name, input) in enumerate((("input1", input1), ("input2", input2)), 1):
        _needs_dim(weight, d)
        _needs_dim(input, -1)
        if input.size(-1) != weight.size(d):
            raise RuntimeError(
                f"bilinear(): {name} size does not match weight size: got {input.size(-1)} but "
                f"expected {weight.size(d)}"
            )
    if bias is not None and bias.size(0) != weight.size(0):
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.size(0)} but expected "
            f"{weight.size(0)}"
        )
    if not input1.dtype == input2.dtype == weight.dtype:
        types = (str(t.dtype).removeprefix("torch.") for t in (input1, input2, weight))
        names = [{"float32": "float", "float64": "double"}.get(t, t) for t in types]
        raise RuntimeError(
            f"All tensors must have the same dtype, got input1: {names[0]}, input2: {names[1]}, "
            f"weight: {names[2]}"
        )


def _needs_dim(tensor, dim):
    if tensor.dim() == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")


def bilinear(input1, input2, weight, bias=None):
    """input1^T weight[o] input2 for every output o, plus bias.

    Shapes: (*, I), (*, J), weight (O, I, J) and bias (O) to (*, O).

    Raises:
        RuntimeError: if the shapes do not fit.

    >>> import minitorch
    >>> x = minitorch.ones(5, 2)
    >>> minitorch.nn.functional.bilinear(x, minitorch.ones(5, 3), minitorch.ones(4, 2, 3)).shape
    torch.Size([5, 4])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.bilinear.html
    """
    _check_bilinear(input1, input2, weight, bias)
    outputs, size1, size2 = weight.shape
    mixed = minitorch.matmul(input1, weight.permute(1, 0, 2).reshape(size1, outputs * size2))
    mixed = mixed.reshape(*input1.shape[:-1], outputs, size2)
    result = (mixed * input2.unsqueeze(-2)).sum(-1)
    return result if bias is None else result + bias


def one_hot(tensor, num_classes=-1):
    """Class numbers as vectors of zeros with one 1; num_classes -1 means one more than the largest.

    Shapes: (*) of int64 to (*, num_classes) of int64.

    Raises:
        RuntimeError: if the tensor is not int64, or a class is negative or too large.

    >>> import minitorch
    >>> minitorch.nn.functional.one_hot(minitorch.tensor([1, 0]), 3)
    tensor([[0, 1, 0],
            [1, 0, 0]])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.one_hot.html
    """
    if tensor.dtype != minitorch.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return minitorch.empty(*tensor.shape, num_classes, dtype=minitorch.int64)
    if tensor.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    largest = int(tensor.max())
    if num_classes == -1:
        num_classes = largest + 1
    elif num_classes <= largest:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return (tensor.unsqueeze(-1) == minitorch.arange(num_classes)).to(minitorch.int64)


# ---- losses --------------------------------------------------------------------------------------


def _warn_shapes(input, target):
    if target.size() != input.size():
        text = (
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size."
        )
        if _teaching.strict:
            raise ValueError(text)
        warnings.warn(text, stacklevel=3)


def _weighted(loss, input, weight, reduction, count=False):
    """The elements' losses times their weights; the mean is over the weights, or with count over the
    elements.
    """
    if weight.size() != input.size():
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if reduction == "mean":
        return loss.mean() if count else loss.sum() / weight.sum()
    raise ValueError(f"Invalid reduction mode: {reduction}. Expected one of 'none', 'mean', 'sum'.")


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """(input - target) ** 2, reduced by "mean", "sum" or "none".

    Shapes: two of the same shape, floating point, to (), or with "none" to that shape; others broadcast.

    Raises:
        ValueError: for another reduction, or a weight of another shape.

    >>> import minitorch
    >>> minitorch.nn.functional.mse_loss(minitorch.tensor([1.0, 2.0]), minitorch.tensor([0.0, 0.0]))
    tensor(2.5000)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.mse_loss.html
    """
    _warn_shapes(input, target)
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    if weight is not None:
        return _weighted((input - target) ** 2, input, weight, reduction)
    return _C._nn.mse_loss(input, target, reduction=_reduction.check(reduction))


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """abs(input - target), reduced by "mean", "sum" or "none".

    Shapes: two of the same shape, floating point, to (), or with "none" to that shape; others broadcast.

    Raises:
        ValueError: for another reduction, or a weight of another shape.

    >>> import minitorch
    >>> minitorch.nn.functional.l1_loss(minitorch.tensor([1.0, 2.0]), minitorch.tensor([0.0, 0.0]))
    tensor(1.5000)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.l1_loss.html
    """
    _warn_shapes(input, target)
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    if weight is not None:
        return _weighted((input - target).abs(), input, weight, reduction)
    return _C._nn.l1_loss(input, target, reduction=_reduction.check(reduction))


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """0.5 d ** 2 / beta where d = abs(input - target) < beta, else d - 0.5 beta.

    Shapes: two of the same shape, floating point, to (), or with "none" to that shape; others broadcast.

    Raises:
        ValueError: for another reduction.

    >>> import minitorch
    >>> minitorch.nn.functional.smooth_l1_loss(minitorch.tensor([1.0, 2.0]), minitorch.tensor([0.0, 0.0]))
    tensor(1.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.smooth_l1_loss.html
    """
    _warn_shapes(input, target)
    reduction = _reduction.check(reduction, size_average, reduce)
    if beta == 0.0:
        return _C._nn.l1_loss(input, target, reduction=reduction)
    return _C._nn.smooth_l1_loss(input, target, reduction=reduction, beta=beta)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """0.5 d ** 2 where d = abs(input - target) < delta, else delta (d - 0.5 delta).

    Shapes: two of the same shape, floating point, to (), or with "none" to that shape; others broadcast.

    Raises:
        ValueError: for another reduction, or a weight of another shape.

    >>> import minitorch
    >>> minitorch.nn.functional.huber_loss(minitorch.tensor([1.0, 2.0]), minitorch.tensor([0.0, 0.0]))
    tensor(1.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.huber_loss.html
    """
    _warn_shapes(input, target)
    if weight is not None:
        loss = _C._nn.huber_loss(input, target, reduction="none", delta=delta)
        return _weighted(loss, input, weight, reduction, count=True)
    return _C._nn.huber_loss(input, target, reduction=_reduction.check(reduction), delta=delta)


def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """-(target log(input) + (1 - target) log(1 - input)), logarithms cut off at -100.

    Shapes: two of the same shape, floating point, to (), or with "none" to that shape.

    Raises:
        ValueError: if the shapes differ.
        RuntimeError: if an input is not in [0, 1].

    >>> import minitorch
    >>> p, target = minitorch.tensor([0.9, 0.2]), minitorch.tensor([1.0, 0.0])
    >>> minitorch.nn.functional.binary_cross_entropy(p, target)
    tensor(0.1643)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.binary_cross_entropy.html
    """
    reduction = _reduction.check(reduction, size_average, reduce)
    if target.size() != input.size():
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}) "
            "is deprecated. Please ensure they have the same size."
        )
    return _C._nn.binary_cross_entropy(input, target, weight=weight, reduction=reduction)


def binary_cross_entropy_with_logits(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None
):
    """binary_cross_entropy(sigmoid(input), target), computed without overflow; pos_weight weighs positive
    targets.

    Shapes: two of the same shape, floating point, to (), or with "none" to that shape.

    Raises:
        ValueError: if the shapes differ.

    >>> import minitorch
    >>> x, target = minitorch.tensor([2.0, -1.0]), minitorch.tensor([1.0, 0.0])
    >>> minitorch.nn.functional.binary_cross_entropy_with_logits(x, target)
    tensor(0.2201)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.binary_cross_entropy_with_logits.html
    """
    reduction = _reduction.check(reduction, size_average, reduce)
    if target.size() != input.size():
        raise ValueError(f"Target size ({target.size()}) must be the same as input size ({input.size()})")
    return _C._nn.binary_cross_entropy_with_logits(
        input, target, weight=weight, reduction=reduction, pos_weight=pos_weight
    )


def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """-input[i, target[i]], the mean weighted by weight[target[i]]; targets equal to ignore_index do not
    count.

    Shapes: input (C), (N, C) or (N, C, d1, ...), target without the C.

    Raises:
        IndexError: if a target is no class.

    >>> import minitorch
    >>> logs = minitorch.log_softmax(minitorch.tensor([[0.0, 0.0], [1.0, 0.0]]), dim=1)
    >>> minitorch.nn.functional.nll_loss(logs, minitorch.tensor([1, 0]))
    tensor(0.5032)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.nll_loss.html
    """
    reduction = _reduction.check(reduction, size_average, reduce)
    return _C._nn.nll_loss(input, target, weight=weight, ignore_index=ignore_index, reduction=reduction)


def cross_entropy(
    input,
    target,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
    label_smoothing=0.0,
):
    """nll_loss(log_softmax(input)), or with floating-point targets of the input's shape -sum(target
    log_softmax).

    Shapes: input (C), (N, C) or (N, C, d1, ...), target without the C (classes) or with it (probabilities).

    Raises:
        IndexError: if a target is no class.

    >>> import minitorch
    >>> x, target = minitorch.tensor([[0.0, 0.0], [1.0, 0.0]]), minitorch.tensor([1, 0])
    >>> minitorch.nn.functional.cross_entropy(x, target)
    tensor(0.5032)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.cross_entropy.html
    """
    return _C._nn.cross_entropy(
        input,
        target,
        weight=weight,
        ignore_index=ignore_index,
        reduction=_reduction.check(reduction, size_average, reduce),
        label_smoothing=label_smoothing,
    )
