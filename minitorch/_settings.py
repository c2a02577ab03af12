"""Switches of the whole library that programs set, and small questions that they ask.

Source: https://docs.pytorch.org/docs/stable/torch.html
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from minitorch import _C
from minitorch._utils import typename

__all__ = [
    "are_deterministic_algorithms_enabled", "get_autocast_dtype", "get_device_module",
    "get_float32_matmul_precision", "get_num_interop_threads", "is_autocast_enabled",
    "is_deterministic_algorithms_warn_only_enabled", "is_storage", "is_vulkan_available",
    "set_default_tensor_type", "set_float32_matmul_precision", "set_flush_denormal",
    "set_num_interop_threads", "typename", "use_deterministic_algorithms",
]  # fmt: skip

_precision = "highest"
_deterministic = False
_warn_only = False


def set_default_tensor_type(t: Any) -> None:
    """Makes a constructor's dtype the one of new floating tensors: ``torch.DoubleTensor`` or its name.

    TypeError for types that are not floating, or that are not there.

    >>> import minitorch
    >>> minitorch.set_default_tensor_type("torch.FloatTensor")

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.set_default_tensor_type.html
    """
    name = t if isinstance(t, str) else f"torch.{getattr(t, '__name__', t)}"
    if "cuda" in (name if isinstance(t, str) else repr(t)):
        short = name.rpartition(".")[2]
        raise TypeError(f"type torch.cuda.{short} not available. Torch not compiled with CUDA enabled.")
    if t is _C.Tensor:
        name = "torch.FloatTensor"
    kind = getattr(_C, name.removeprefix("torch."), None)
    if not hasattr(kind, "dtype"):
        raise TypeError("invalid type object: only floating-point types are supported as the default type")
    if not kind.dtype.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _C.set_default_dtype(kind.dtype)


def set_float32_matmul_precision(precision: str) -> None:
    """Accepted: products of matrices are always computed in full precision.

    >>> import minitorch
    >>> minitorch.set_float32_matmul_precision("high")
    >>> minitorch.get_float32_matmul_precision()
    'high'
    >>> minitorch.set_float32_matmul_precision("highest")

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.set_float32_matmul_precision.html
    """
    global _precision
    if precision not in ("highest", "high", "medium"):
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current"
            "setFloat32MatmulPrecision call has no effect.",
            stacklevel=2,
        )
        return
    _precision = precision


def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` was told.

    >>> get_float32_matmul_precision()
    'highest'

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.get_float32_matmul_precision.html
    """
    return _precision


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted: every operator gives the same bits each time, for any number of threads.

    >>> use_deterministic_algorithms(False)

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html
    """
    global _deterministic, _warn_only
    _deterministic, _warn_only = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """What :func:`use_deterministic_algorithms` was told.

    >>> are_deterministic_algorithms_enabled()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.are_deterministic_algorithms_enabled.html
    """
    return _deterministic


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """What :func:`use_deterministic_algorithms` was told.

    >>> is_deterministic_algorithms_warn_only_enabled()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/torch.html
    """
    return _warn_only


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """False: tensors are computed in the types they have.

    >>> is_autocast_enabled()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/amp.html
    """
    return False


def get_autocast_dtype(device_type: str) -> Any:
    """The type that is computed in: the default one, as there is no autocast.

    >>> get_autocast_dtype("cpu")
    torch.float32

    Behaviour: https://docs.pytorch.org/docs/stable/amp.html
    """
    return _C.get_default_dtype()


def get_num_interop_threads() -> int:
    """1: operators run one after the other.

    >>> get_num_interop_threads()
    1

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.get_num_interop_threads.html
    """
    return 1


def set_num_interop_threads(threads: int) -> None:
    """Accepted: operators run one after the other.

    >>> set_num_interop_threads(2)

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.set_num_interop_threads.html
    """
    if threads <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")


def set_flush_denormal(mode: bool) -> bool:
    """False: the smallest numbers are kept, whatever is asked for.

    >>> set_flush_denormal(True)
    False

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.set_flush_denormal.html
    """
    return False


def is_vulkan_available() -> bool:
    """False: there is no such device.

    >>> is_vulkan_available()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/torch.html
    """
    return False


def get_device_module(device: Any = None) -> Any:
    """The module of a device's functions, by default the CPU's; RuntimeError for an unknown device.

    >>> get_device_module().is_available()
    True

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.get_device_module.html
    """
    name = "cpu" if device is None else str(device).partition(":")[0]
    if name not in ("cpu", "cuda", "mps", "xpu"):
        raise RuntimeError(f"Invalid device_type of {name}, device_type should be one of cpu, cuda, mps, xpu")
    return import_module(f"minitorch.{name}")


def is_storage(obj: Any) -> bool:
    """Is this the memory behind a tensor?

    >>> import minitorch
    >>> is_storage(minitorch.ones(1).untyped_storage()), is_storage(minitorch.ones(1))
    (True, False)

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.is_storage.html
    """
    from minitorch._tensor import UntypedStorage

    return isinstance(obj, UntypedStorage)
