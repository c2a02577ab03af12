"""Spectral norm by a hook before forward, as it was before parametrizations.

https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.spectral_norm.html
"""

import minitorch
from minitorch.nn import functional as F
from minitorch.nn.parameter import Parameter, is_lazy
from minitorch.nn.utils.parametrizations import _weight_dim

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]


class SpectralNorm:
    """The hook: before each forward it sets weight = weight_orig / its largest singular value."""

    _version = 1

    def __init__(self, name="weight", n_power_iterations=1, dim=0, eps=1e-12):
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def reshape_weight_to_matrix(self, weight):
        """(size of dim, all others)."""
        if self.dim != 0:
            weight = weight.permute(self.dim, *(d for d in range(weight.dim()) if d != self.dim))
        return weight.reshape(weight.size(0), -1)

    def compute_weight(self, module, do_power_iteration):
        """weight_orig / (u^T W v); u and v first come nearer to the singular vectors, if asked to."""
        weight, u, v = (getattr(module, self.name + end) for end in ("_orig", "_u", "_v"))
        matrix = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            with minitorch.no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(minitorch.mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(minitorch.mv(matrix, v), dim=0, eps=self.eps))
                u, v = u.clone(), v.clone()
        return weight / minitorch.dot(u, minitorch.mv(matrix, v))

    def remove(self, module):
        """Makes the weight a parameter again."""
        with minitorch.no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for end in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + end)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module, inputs):
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))

    def note_version(self, module, state_dict, prefix, local_metadata):
        """Hook of state_dict: PyTorch looks for this note when it loads."""
        local_metadata.setdefault("spectral_norm", {})[self.name + ".version"] = self._version


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """weight = weight_orig / its largest singular value (Miyato et al. 2018), by a hook; returns the module.

    Raises:
        RuntimeError: if it has been done already.
        ValueError: if the weight is None.

    >>> from minitorch import nn
    >>> nn.utils.spectral_norm(nn.Linear(20, 40)).weight_u.shape
    torch.Size([40])

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.spectral_norm.html
    """
    hook = SpectralNorm(name, n_power_iterations, _weight_dim(module) if dim is None else dim, eps)
    if any(isinstance(h, SpectralNorm) and h.name == name for h in module._forward_pre_hooks.values()):
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    if is_lazy(weight):
        raise ValueError(
            "The module passed to `SpectralNorm` can't have uninitialized parameters. Make sure to run the "
            "dummy forward before applying spectral normalization"
        )
    with minitorch.no_grad():
        height, width = hook.reshape_weight_to_matrix(weight).shape
        u = F.normalize(weight.new_empty(height).normal_(0, 1), dim=0, eps=eps)
        v = F.normalize(weight.new_empty(width).normal_(0, 1), dim=0, eps=eps)
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    module._register_state_dict_hook(hook.note_version)
    return module


def remove_spectral_norm(module, name="weight"):
    """Undoes spectral_norm; the weight keeps its value.

    Raises:
        ValueError: if there is nothing to undo.

    >>> from minitorch import nn
    >>> layer = nn.utils.remove_spectral_norm(nn.utils.spectral_norm(nn.Linear(2, 2)))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.remove_spectral_norm.html
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            break
    else:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    for key, note in list(module._state_dict_hooks.items()):
        if getattr(note, "__self__", None) is hook:
            del module._state_dict_hooks[key]
    return module
