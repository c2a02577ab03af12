"""``compile`` as identity: functions and modules run as they are written.

Source: https://docs.pytorch.org/docs/stable/torch.compiler.html
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

__all__ = ["compile", "cudagraph_mark_step_begin", "disable", "is_compiling", "reset", "set_stance"]

_told = False


def compile(model: Callable | None = None, **options: Any) -> Any:
    """The model itself: minitorch has no compiler, and its operators cost little to call. Says so once.

    Args:
        model: a function or a module; without one, a decorator.
        options: PyTorch's (fullgraph, dynamic, backend, mode, ...), accepted and ignored.

    >>> compile(abs)(-1)
    1

    Behaviour: https://docs.pytorch.org/docs/2.13/generated/torch.compile.html
    """
    global _told
    if not _told:
        _told = True
        warnings.warn("minitorch has no compiler: compile() returns the model as it is", stacklevel=2)
    return (lambda model: model) if model is None else model


def disable(fn: Callable | None = None, recursive: bool = True, **options: Any) -> Any:
    """The function itself, or a decorator that leaves it alone.

    >>> disable(abs)(-1)
    1

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.compiler.disable.html
    """
    return (lambda function: function) if fn is None else fn


def reset() -> None:
    """Nothing: nothing is compiled.

    >>> reset()

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.compiler.reset.html
    """


def set_stance(stance: str = "default", **options: Any) -> None:
    """Nothing: nothing is compiled.

    >>> set_stance("force_eager")

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.compiler.set_stance.html
    """


def cudagraph_mark_step_begin() -> None:
    """Nothing: nothing is compiled.

    >>> cudagraph_mark_step_begin()

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.compiler.cudagraph_mark_step_begin.html
    """


def is_compiling() -> bool:
    """False.

    >>> is_compiling()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.compiler.is_compiling.html
    """
    return False
