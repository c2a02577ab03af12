"""Names of PyTorch's compiler that programs mention: there is nothing to reset or to set.

Source: https://docs.pytorch.org/docs/stable/torch.compiler.html
"""

from __future__ import annotations

import types
from typing import Any

from minitorch.compiler import disable, reset

__all__ = ["config", "disable", "explain", "is_compiling", "optimize", "reset"]

config = types.SimpleNamespace(suppress_errors=False, verbose=False, cache_size_limit=8)


def is_compiling() -> bool:
    """False: nothing is compiled."""
    return False


def optimize(*args: Any, **kwargs: Any) -> Any:
    """A decorator that leaves functions and modules as they are."""
    return lambda model: model


def explain(*args: Any, **kwargs: Any) -> Any:
    """Raises NotImplementedError: there is no compiler to explain."""
    raise NotImplementedError("minitorch has no compiler: torch.compile returns the model as it is")
