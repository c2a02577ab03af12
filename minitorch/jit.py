"""``script`` and ``trace`` as identity: programs run as Python, and are saved as state_dicts.

Source: https://docs.pytorch.org/docs/stable/jit.html
"""

from __future__ import annotations

from typing import Any, NoReturn

from minitorch.nn import Module

__all__ = ["ScriptModule", "export", "freeze", "ignore", "is_scripting", "is_tracing", "load",
           "optimize_for_inference", "save", "script", "script_method", "trace", "unused"]  # fmt: skip


class ScriptModule(Module):
    """What compiled modules are instances of: none here, but for those of classes derived from it.

    >>> isinstance(script(Module()), ScriptModule)
    False

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.jit.ScriptModule.html
    """


def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """The function or module itself: it runs as Python.

    >>> script(abs)(-1)
    1

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.jit.script.html
    """
    return obj


def trace(func: Any, example_inputs: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The function or module itself, without running it: it goes on to run as Python, branches included.

    >>> trace(abs, (1,))(-1)
    1

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.jit.trace.html
    """
    return func


script_method = export = unused = optimize_for_inference = freeze = script


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """A decorator that leaves a function alone.

    >>> ignore(abs)(-1)
    1

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.jit.ignore.html
    """
    return drop if callable(drop) else script


def is_scripting() -> bool:
    """False.

    >>> is_scripting()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/jit_language_reference.html#torch.jit.is_scripting
    """
    return False


def is_tracing() -> bool:
    """False.

    >>> is_tracing()
    False

    Behaviour: https://docs.pytorch.org/docs/stable/jit_language_reference.html#torch.jit.is_tracing
    """
    return False


def save(m: Any, f: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: minitorch writes no programs.

    >>> try:
    ...     save(Module(), "model.pt")
    ... except RuntimeError as error:
    ...     print(error)
    minitorch writes no TorchScript; use torch.save(m.state_dict(), f)

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.jit.save.html
    """
    raise RuntimeError("minitorch writes no TorchScript; use torch.save(m.state_dict(), f)")


def load(f: Any, map_location: Any = None, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: minitorch reads no programs.

    >>> try:
    ...     load("model.pt")
    ... except RuntimeError as error:
    ...     print(str(error).partition(";")[0])
    minitorch reads no TorchScript

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.jit.load.html
    """
    raise RuntimeError(
        "minitorch reads no TorchScript; save the state_dict() in PyTorch, and use torch.load(f)"
    )
