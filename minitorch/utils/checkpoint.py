"""Checkpoints that trade time for memory: here the function is simply called.

Source: https://docs.pytorch.org/docs/stable/checkpoint.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(function: Callable, *args: Any, use_reentrant: bool | None = None, **kwargs: Any) -> Any:
    """``function(*args, **kwargs)``: results and gradients are PyTorch's, but what backward needs is kept.

    Args:
        use_reentrant, context_fn, determinism_check, preserve_rng_state, debug, early_stop: accepted.

    >>> import minitorch
    >>> checkpoint(minitorch.square, minitorch.tensor(3.0), use_reentrant=False)
    tensor(9.)

    Behaviour: https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint
    """
    for option in ("context_fn", "determinism_check", "preserve_rng_state", "debug", "early_stop"):
        kwargs.pop(option, None)
    return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """The functions, or the modules of a Sequential, one after the other.

    >>> checkpoint_sequential([abs, float], 2, -1)
    1.0

    Behaviour: https://docs.pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint_sequential
    """
    for function in functions:
        input = function(input)
    return input
