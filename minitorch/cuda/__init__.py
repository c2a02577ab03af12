"""``torch.cuda`` of a build without CUDA: programs may ask, and are told that there is no such device.

What only asks (``is_available``) or only prepares (``manual_seed_all``, ``empty_cache``) works; what would
need the device raises PyTorch's AssertionError.

Source: https://docs.pytorch.org/docs/stable/cuda.html
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, NoReturn

__all__ = [
    "device", "device_count", "empty_cache", "get_arch_list", "get_rng_state_all", "is_available",
    "is_bf16_supported", "is_initialized", "manual_seed", "manual_seed_all", "max_memory_allocated",
    "max_memory_cached", "max_memory_reserved", "memory_allocated", "memory_cached", "memory_reserved",
    "memory_stats", "reset_max_memory_allocated", "reset_peak_memory_stats", "seed", "seed_all", "set_device",
    "set_rng_state_all", "stream",
]  # fmt: skip


def is_available() -> bool:
    """False: everything runs on the CPU.

    >>> import minitorch
    >>> minitorch.device("cuda" if minitorch.cuda.is_available() else "cpu")
    device(type='cpu')
    """
    return False


def is_initialized() -> bool:
    """False: there is nothing to initialise."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: there is no generator on such a device."""


def manual_seed_all(seed: int) -> None:
    """Nothing: there is no generator on such a device."""


def seed() -> None:
    """Nothing: there is no generator on such a device."""


def seed_all() -> None:
    """Nothing: there is no generator on such a device."""


def empty_cache() -> None:
    """Nothing: there is no cache on such a device."""


def reset_peak_memory_stats(device: Any = None) -> None:
    """Nothing: there are no statistics."""


def get_rng_state_all() -> list:
    """An empty list."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Nothing for the empty list that get_rng_state_all gives."""
    if len(new_states):
        _unavailable()


def get_arch_list() -> list:
    """An empty list."""
    return []


def memory_stats(device: Any = None) -> dict:
    """An empty dict."""
    return {}


def reset_max_memory_allocated(device: Any = None) -> None:
    """Nothing: there are no statistics."""


def memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


def memory_reserved(device: Any = None) -> int:
    """0."""
    return 0


def max_memory_reserved(device: Any = None) -> int:
    """0."""
    return 0


memory_cached, max_memory_cached = memory_reserved, max_memory_reserved


def set_device(device: Any) -> None:
    """Nothing for a negative number, else AssertionError."""
    if not isinstance(device, int) or device >= 0:
        _unavailable()


class device:
    """A context; entering it does nothing for None and negative numbers, and raises for others."""

    def __init__(self, device: Any):
        self.idx = -1 if device is None else device

    def __enter__(self) -> None:
        set_device(self.idx)

    def __exit__(self, *error: Any) -> None:
        pass


def stream(stream: None) -> AbstractContextManager:
    """A context that does nothing for None, which is the one stream there can be."""
    return nullcontext() if stream is None else _unavailable()


def _unavailable(*args: Any, **kwargs: Any) -> NoReturn:
    """AssertionError, as PyTorch has it."""
    raise AssertionError("Torch not compiled with CUDA enabled")


_NEEDS_A_DEVICE = (
    "can_device_access_peer", "current_blas_handle", "current_device", "current_stream", "default_stream",
    "get_device_capability", "get_device_name", "get_device_properties", "get_rng_state",
    "get_sync_debug_mode", "init", "initial_seed", "ipc_collect", "list_gpu_processes", "mem_get_info",
    "memory_summary", "set_rng_state", "set_sync_debug_mode", "synchronize",
)  # fmt: skip


_TENSOR_TYPES = frozenset(
    "FloatTensor DoubleTensor HalfTensor BFloat16Tensor LongTensor IntTensor ShortTensor CharTensor "
    "ByteTensor BoolTensor".split()
)


class Stream:
    """RuntimeError: needs the device."""

    def __init__(self, *args: Any, **kwargs: Any):
        raise RuntimeError("torch.cuda.Stream requires CUDA support")


class Event:
    """RuntimeError: needs the device."""

    def __init__(self, *args: Any, **kwargs: Any):
        raise RuntimeError("Tried to instantiate dummy base class Event")


class _TensorType:
    """A constructor of tensors on the device: nothing is an instance of it, and calling it raises."""

    def __init__(self, name: str):
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"type torch.cuda.{self.__name__} not available. Torch not compiled with CUDA enabled."
        )

    def __instancecheck__(self, instance: Any) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<class 'torch.cuda.{self.__name__}'>"


def __getattr__(name: str) -> Any:
    """Functions that need a device exist, and raise when they are called."""
    if name in _NEEDS_A_DEVICE:
        return _unavailable
    if name == "amp":
        return import_module("minitorch.cuda.amp")
    if name in _TENSOR_TYPES:
        return _TensorType(name)
    raise AttributeError(f"module 'minitorch.cuda' has no attribute {name!r}")
