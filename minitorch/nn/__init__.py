"""Networks: modules, their functions, initial values and utilities.

https://docs.pytorch.org/docs/2.13/nn.html
"""

from minitorch._once import mark_loaded as _mark_loaded
from minitorch.nn import attention, functional, init, modules, parallel, parameter, utils
from minitorch.nn.modules import *  # noqa: F403
from minitorch.nn.modules import __all__ as _modules
from minitorch.nn.parallel import DataParallel
from minitorch.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    *_modules, "Buffer", "DataParallel", "Parameter", "UninitializedBuffer", "UninitializedParameter",
    "attention", "functional", "init", "modules", "parallel", "parameter", "utils",
]  # fmt: skip

_mark_loaded()
