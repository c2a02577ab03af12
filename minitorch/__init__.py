"""minitorch: a deep-learning library that feels like PyTorch, on a core in C."""

# ruff: noqa: F401

from importlib import import_module as _import_module
from math import e, inf, nan, pi

from minitorch import _C, _tensor
from minitorch._C import *  # noqa: F403
from minitorch._dlpack import from_dlpack
from minitorch._tensor_str import get_printoptions, set_printoptions
from minitorch.functional import *  # noqa: F403

__version__ = "0.1.0"

_submodules = frozenset(
    """
    autograd backends cuda func functional linalg nn optim random return_types serialization special utils
    """.split()
)

# Functions that stand in a submodule of their own.
_lazy = {"save": "serialization", "load": "serialization", "from_torch": "beside", "to_torch": "beside"}
_lazy |= {"graph": "_graph", "summary": "_summary", "teaching": "_teaching"}


def __getattr__(name):
    """Submodules are imported when they are first used, so that importing minitorch stays quick."""
    if name in _submodules:
        return _import_module("minitorch." + name)
    if name in _lazy:
        return getattr(_import_module("minitorch." + _lazy[name]), name)
    raise AttributeError(f"module 'minitorch' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_submodules, *_lazy})
