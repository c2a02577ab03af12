"""Another kind of device, which is not there.

Source: https://docs.pytorch.org/docs/stable/xpu.html
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "manual_seed_all"]


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: there is no generator on such a device."""


def manual_seed_all(seed: int) -> None:
    """Nothing: there is no generator on such a device."""


def empty_cache() -> None:
    """Nothing: there is no cache on such a device."""


def _unavailable(*args: Any, **kwargs: Any) -> NoReturn:
    """AssertionError, as PyTorch has it."""
    raise AssertionError("Torch not compiled with XPU enabled")


def __getattr__(name: str) -> Any:
    """Functions that need the device exist, and raise when they are called."""
    if name in ("current_device", "get_device_name", "get_device_properties", "set_device", "synchronize"):
        return _unavailable
    raise AttributeError(f"module 'minitorch.xpu' has no attribute {name!r}")
