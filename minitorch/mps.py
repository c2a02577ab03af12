"""Another kind of device, which is not there.

Source: https://docs.pytorch.org/docs/stable/mps.html
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["device_count", "is_available", "manual_seed"]

# Functions that need the device, and how PyTorch's texts call them.
_NEEDS_THE_DEVICE = {
    "current_allocated_memory": "getCurrentAllocatedMemory",
    "driver_allocated_memory": "getDriverAllocatedMemory",
    "empty_cache": "emptyCache",
    "get_rng_state": "getDefaultGenerator",
    "recommended_max_memory": "getRecommendedMaxMemory",
    "seed": "getDefaultGenerator",
    "set_per_process_memory_fraction": "setMemoryFraction",
    "set_rng_state": "getDefaultGenerator",
    "synchronize": "deviceSynchronize",
}


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: there is no generator on such a device."""


def __getattr__(name: str) -> Any:
    """Functions that need the device exist, and raise when they are called."""
    if name not in _NEEDS_THE_DEVICE:
        raise AttributeError(f"module 'minitorch.mps' has no attribute {name!r}")

    def refuse(*args: Any) -> NoReturn:
        """RuntimeError, as PyTorch has it."""
        raise RuntimeError(f"Cannot execute {_NEEDS_THE_DEVICE[name]}() without MPS backend.")

    return refuse
