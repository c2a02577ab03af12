"""Beside tensors and modules: data loading in `data`, removable hooks in `hooks`."""

from importlib import import_module as _import_module

_submodules = frozenset({"benchmark", "checkpoint", "data", "dlpack", "hooks", "model_zoo", "tensorboard"})


def __getattr__(name):
    """Submodules are imported when they are first used: modules need the hooks, but not the loaders."""
    if name in _submodules:
        return _import_module("minitorch.utils." + name)
    raise AttributeError(f"module 'minitorch.utils' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_submodules})
