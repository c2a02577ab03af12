"""Keeping gradients small.

https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.clip_grad_norm_.html
"""

import math
import types
import warnings

import minitorch
from minitorch import Tensor

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _norm(tensor, p):
    if p == math.inf:
        return tensor.abs().max()
    if p == -math.inf:
        return tensor.abs().min()
    tensor = tensor.abs() if tensor.is_complex() else tensor
    if p == 2.0:
        return minitorch.linalg.vector_norm(tensor)
    if p == 0.0:
        return (tensor != 0).sum().to(tensor.dtype)
    return tensor.abs().pow(p).sum().pow(1.0 / p)


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The norm of all tensors as if they were one vector.

    Raises:
        RuntimeError: with error_if_nonfinite, if it is infinite or NaN.

    >>> import minitorch
    >>> minitorch.nn.utils.get_total_norm([minitorch.tensor([3.0]), minitorch.tensor([4.0])])
    tensor(5.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.get_total_norm.html
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return minitorch.tensor(0.0)
    with minitorch.no_grad():
        total = _norm(minitorch.stack([_norm(t, norm_type) for t in tensors]), norm_type)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
            "anyway, set `error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """Multiplies the gradients by max_norm / total_norm where that is below 1.

    >>> import minitorch
    >>> w = minitorch.ones(2, requires_grad=True)
    >>> (3 * w[0] + 4 * w[1]).backward()
    >>> minitorch.nn.utils.clip_grads_with_norm_([w], 1.0, minitorch.tensor(5.0))
    >>> w.grad
    tensor([0.6000, 0.8000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.clip_grads_with_norm_.html
    """
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    with minitorch.no_grad():
        factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.mul_(factor)


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scales the gradients so that their total norm is at most max_norm; returns the norm they had.

    Raises:
        RuntimeError: with error_if_nonfinite, if the norm is infinite or NaN.

    >>> import minitorch
    >>> w = minitorch.ones(2, requires_grad=True)
    >>> (3 * w[0] + 4 * w[1]).backward()
    >>> minitorch.nn.utils.clip_grad_norm_([w], 1.0)
    tensor(5.)
    >>> w.grad
    tensor([0.6000, 0.8000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.clip_grad_norm_.html
    """
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    else:
        generator = isinstance(parameters, types.GeneratorType)
        parameters = list(parameters)
        if generator and not parameters:
            warnings.warn(
                "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2
            )
    grads = [p.grad for p in parameters if p.grad is not None]
    total = get_total_norm(grads, norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The old name of clip_grad_norm_.

    >>> import minitorch
    >>> w = minitorch.ones(2, requires_grad=True)
    >>> (3 * w[0] + 4 * w[1]).backward()
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     print(minitorch.nn.utils.clip_grad_norm([w], 1.0))
    tensor(5.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.clip_grad_norm.html
    """
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(parameters, clip_value, foreach=None):
    """Cuts the gradients off at -clip_value and clip_value.

    >>> import minitorch
    >>> w = minitorch.ones(2, requires_grad=True)
    >>> (3 * w[0] + 4 * w[1]).backward()
    >>> minitorch.nn.utils.clip_grad_value_([w], 3.5)
    >>> w.grad
    tensor([3.0000, 3.5000])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.clip_grad_value_.html
    """
    clip_value = float(clip_value)
    with minitorch.no_grad():
        for parameter in [parameters] if isinstance(parameters, Tensor) else parameters:
            if parameter.grad is not None:
                parameter.grad.clamp_(min=-clip_value, max=clip_value)
