"""``compile`` as identity: functions and modules run as they are written.

Source: https://docs.pytorch.org/docs/stable/torch.compiler.html
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

__all__ = [
    "allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin", "disable",
    "is_compiling", "is_dynamo_compiling", "is_exporting", "list_backends", "reset", "set_stance",
]  # fmt: skip

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


class set_stance:
    """Nothing, in the three ways it is written: as a call, as a context and as a decorator.

    Args:
        stance: "default", "force_eager" or another of PyTorch's; nothing is compiled in any of them.
        skip_guard_eval_unsafe, force_backend: accepted and ignored.

    >>> with set_stance("force_eager"):
    ...     abs(-1)
    1
    >>> set_stance("force_eager")(abs)(-1)
    1

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.compiler.set_stance.html
    """

    def __init__(
        self, stance: str = "default", *, skip_guard_eval_unsafe: bool = False, force_backend: Any = None
    ):
        self.stance = stance

    def __call__(self, fn: Callable) -> Callable:
        """The function itself."""
        return fn

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def allow_in_graph(fn: Any) -> Any:
    """The function itself; of a list or tuple of functions a list of them.

    Raises AssertionError if it cannot be called.

    >>> allow_in_graph(abs)(-1)
    1

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.compiler.allow_in_graph.html
    """
    if isinstance(fn, (list, tuple)):
        return [allow_in_graph(one) for one in fn]
    assert callable(fn), "allow_in_graph expects a callable"
    return fn


def assume_constant_result(fn: Callable) -> Callable:
    """The function itself: it runs every time.

    >>> assume_constant_result(abs)(-1)
    1

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.compiler.assume_constant_result.html
    """
    return fn


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """No compilers: an empty list.

    >>> list_backends()
    []

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.compiler.list_backends.html
    """
    return []


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


def is_dynamo_compiling() -> bool:
    """False.

    >>> is_dynamo_compiling()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.compiler.is_dynamo_compiling.html
    """
    return False


def is_exporting() -> bool:
    """False.

    >>> is_exporting()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.compiler.is_exporting.html
    """
    return False
