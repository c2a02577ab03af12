"""Weight norm by a hook before forward, as it was before parametrizations.

https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.weight_norm.html
"""

import warnings

from minitorch.nn.parameter import Parameter, is_lazy
from minitorch.nn.utils.parametrizations import _length

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]


class WeightNorm:
    """The hook: before each forward it sets weight = weight_g weight_v / |weight_v|."""

    def __init__(self, name, dim):
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module):
        """g v / |v|."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / _length(v, self.dim))

    def remove(self, module):
        """Makes the weight a parameter again."""
        weight = self.compute_weight(module)
        for name in (self.name, self.name + "_g", self.name + "_v"):
            delattr(module, name)
        setattr(module, self.name, Parameter(weight.data))

    def __call__(self, module, inputs):
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module, name="weight", dim=0):
    """weight = weight_g weight_v / |weight_v| (Salimans and Kingma 2016), by a hook; returns the module.

    Raises:
        RuntimeError: if it has been done already.

    >>> import warnings
    >>> from minitorch import nn
    >>> with warnings.catch_warnings(action="ignore"):
    ...     layer = nn.utils.weight_norm(nn.Linear(20, 40))
    >>> layer.weight_g.shape
    torch.Size([40, 1])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.weight_norm.html
    """
    warnings.warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of "
        "`torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm) and hook.name == name:
            raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook, weight = WeightNorm(name, dim), getattr(module, name)
    if is_lazy(weight):
        raise ValueError(
            "The module passed to `WeightNorm` can't have uninitialized parameters. Make sure to run the "
            "dummy forward before applying weight normalization"
        )
    delattr(module, name)
    module.register_parameter(name + "_g", Parameter(_length(weight, hook.dim).data))
    module.register_parameter(name + "_v", Parameter(weight.data))
    hook(module, None)
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module, name="weight"):
    """Undoes weight_norm; the weight keeps its value.

    Raises:
        ValueError: if there is nothing to undo.

    >>> import warnings
    >>> from minitorch import nn
    >>> with warnings.catch_warnings(action="ignore"):
    ...     layer = nn.utils.remove_weight_norm(nn.utils.weight_norm(nn.Linear(2, 2)))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.remove_weight_norm.html
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
