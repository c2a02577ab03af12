"""Names of PyTorch's compiler that programs mention: there is nothing to reset or to set.

Source: https://docs.pytorch.org/docs/stable/torch.compiler.html
"""

from __future__ import annotations

import types
from typing import Any

from minitorch.compiler import allow_in_graph, assume_constant_result, disable, list_backends, reset

__all__ = [
    "allow_in_graph", "assume_constant_result", "config", "disable", "disallow_in_graph", "explain",
    "graph_break", "is_compiling", "list_backends", "mark_dynamic", "mark_static", "maybe_mark_dynamic",
    "optimize", "reset", "run",
]  # fmt: skip

config = types.SimpleNamespace(suppress_errors=False, verbose=False, cache_size_limit=8)


def is_compiling() -> bool:
    """False: nothing is compiled."""
    return False


def optimize(*args: Any, **kwargs: Any) -> Any:
    """A decorator that leaves functions and modules as they are."""
    return lambda model: model


def run(fn: Any = None) -> Any:
    """The function itself."""
    return fn


def disallow_in_graph(fn: Any) -> Any:
    """The function itself."""
    return allow_in_graph(fn)


def graph_break(msg: str = "") -> None:
    """Nothing: there is no graph to break."""


def mark_dynamic(t: Any, index: Any, **options: Any) -> None:
    """Nothing: sizes may always change."""


def mark_static(t: Any, index: Any = None) -> None:
    """Nothing: sizes may always change."""


maybe_mark_dynamic = mark_dynamic


def explain(*args: Any, **kwargs: Any) -> Any:
    """Raises NotImplementedError: there is no compiler to explain."""
    raise NotImplementedError("minitorch has no compiler: torch.compile returns the model as it is")
