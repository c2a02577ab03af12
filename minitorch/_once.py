"""A module that goes by a second name is still loaded once.

Whoever puts minitorch in PyTorch's place by a finder of his own (``torch.nn`` found as ``minitorch.nn``) may
be handed the module's own spec back by the import system, which then runs its source again: there would be
two classes ``Parameter``, and modules of the one would not see parameters of the other. So the specs of
modules that are loaded say so.

Relies on the standard library only. Source: https://docs.python.org/3/reference/import.html#loading
"""

from __future__ import annotations

import sys

__all__ = ["Loaded", "mark_loaded"]


class Loaded:
    """The loader of a module that is there: gives that module; for all else it is the loader it stands for.

    >>> from importlib.util import module_from_spec
    >>> import minitorch.nn
    >>> module_from_spec(minitorch.nn.__spec__) is minitorch.nn
    True
    """

    def __init__(self, loader: object, name: str):
        self.loader = loader
        self.name = name

    def create_module(self, spec: object) -> object:
        return sys.modules.get(self.name)

    def exec_module(self, module: object) -> None:
        return None

    def __getattr__(self, name: str) -> object:
        return getattr(self.loader, name)


def mark_loaded() -> None:
    """Mark the specs of all modules of minitorch that are loaded; packages call it when complete."""
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if name.startswith("minitorch.") and spec is not None and hasattr(module, "__file__"):
            if spec.name == name and not isinstance(spec.loader, Loaded):
                spec.loader = Loaded(spec.loader, name)
