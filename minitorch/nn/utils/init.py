"""Modules whose first values nobody needs."""

import inspect

import minitorch
from minitorch.nn.modules.module import Module


def skip_init(module_cls: type, *args, **kwargs) -> Module:
    """``module_cls(*args, **kwargs)`` for a module whose parameters will be overwritten: the random stream
    stays where it is, and what the parameters hold is not to be relied on.

    Raises RuntimeError for what is no module or takes no device.

    See https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.skip_init.html

    >>> import minitorch
    >>> minitorch.nn.utils.skip_init(minitorch.nn.Linear, 5, 1)
    Linear(in_features=5, out_features=1, bias=True)
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    state = minitorch.get_rng_state()
    try:
        return module_cls(*args, **kwargs)
    finally:
        minitorch.set_rng_state(state)
