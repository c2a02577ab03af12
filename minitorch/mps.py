"""Another kind of device, which is not there.

Source: https://docs.pytorch.org/docs/stable/mps.html
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "seed", "synchronize"]


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def _refuse(*args: Any) -> NoReturn:
    """Raises RuntimeError: there is no such device."""
    raise RuntimeError("minitorch computes on the cpu; there is no device of type mps")


synchronize = empty_cache = manual_seed = seed = _refuse
