"""Other devices than the processor, of which there are none.

Source: https://docs.pytorch.org/docs/stable/accelerator.html
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["current_accelerator", "current_device_index", "device_count", "is_available", "set_device_index",
           "synchronize"]  # fmt: skip


def is_available() -> bool:
    """False."""
    return False


def current_accelerator(check_available: bool = False) -> None:
    """None: there is none.

    >>> import minitorch
    >>> accelerator = minitorch.accelerator
    >>> accelerator.current_accelerator().type if accelerator.is_available() else "cpu"
    'cpu'

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.accelerator.current_accelerator.html
    """


def device_count() -> int:
    """0."""
    return 0


def _refuse(*args: Any) -> NoReturn:
    """Raises RuntimeError, as PyTorch does."""
    raise RuntimeError("Cannot access accelerator device when none is available.")


current_device_index = set_device_index = synchronize = _refuse
