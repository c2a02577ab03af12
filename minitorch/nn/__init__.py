"""Networks: modules, their functions, initial values and utilities.

https://docs.pytorch.org/docs/2.13/nn.html
"""

from minitorch.nn import functional, init, modules, parameter, utils
from minitorch.nn.modules import *  # noqa: F403
from minitorch.nn.modules import __all__ as _modules
from minitorch.nn.parameter import Buffer, Parameter

__all__ = [*_modules, "Buffer", "Parameter", "functional", "init", "modules", "parameter", "utils"]
