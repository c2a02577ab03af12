"""Pruning: a parameter becomes name_orig times the buffer name_mask, by a hook before forward.

https://docs.pytorch.org/docs/2.13/nn.html#utility-functions
"""

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable

import minitorch
from minitorch.nn.utils.convert_parameters import parameters_to_vector

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
    "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity",
    "is_pruned",
    "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove",
]  # fmt: skip


class BasePruningMethod(ABC):
    """What methods of pruning share: they are hooks that set the tensor before each forward; compute_mask
    says what stays.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.BasePruningMethod.html
    """

    _tensor_name = None

    def __call__(self, module, inputs):
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t, default_mask):
        """A mask for t: default_mask with more zeros."""

    def apply_mask(self, module):
        """The original times its mask."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        mask, original = (getattr(module, self._tensor_name + end) for end in ("_mask", "_orig"))
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def _hook_for(cls, module, name, args, kwargs):
        """The new method; if there was one already, a container of both."""
        found = [
            (key, hook)
            for key, hook in module._forward_pre_hooks.items()
            if isinstance(hook, BasePruningMethod) and hook._tensor_name == name
        ]
        if len(found) > 1:
            raise AssertionError(
                f"Avoid adding multiple pruning hooks to the same tensor {name} of module {module}. Use a "
                "PruningContainer."
            )
        method = cls(*args, **kwargs)
        method._tensor_name = name
        if not found:
            return method
        key, old = found[0]
        del module._forward_pre_hooks[key]
        container = old if isinstance(old, PruningContainer) else PruningContainer(old)
        container.add_pruning_method(method)
        return container

    @classmethod
    def apply(cls, module, name, *args, importance_scores=None, **kwargs):
        """Prunes module.name by this method; returns the hook."""
        method = cls._hook_for(module, name, args, kwargs)
        original = getattr(module, name)
        if importance_scores is None:
            importance_scores = original
        elif importance_scores.shape != original.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}, got "
                f"{importance_scores.shape} vs {original.shape}"
            )
        first = not isinstance(method, PruningContainer)
        default = minitorch.ones_like(original) if first else getattr(module, name + "_mask").detach().clone()
        with minitorch.no_grad():
            mask = method.compute_mask(importance_scores, default_mask=default.detach())
        if first:
            delattr(module, name)
            module.register_parameter(name + "_orig", original)
        module.register_buffer(name + "_mask", mask)
        method(module, None)
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t, default_mask=None, importance_scores=None):
        """t with what this method prunes set to 0."""
        if importance_scores is None:
            importance_scores = t
        elif importance_scores.shape != t.shape:
            raise AssertionError(
                "importance_scores should have the same shape as tensor t, got "
                f"{importance_scores.shape} vs {t.shape}"
            )
        default_mask = minitorch.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(importance_scores, default_mask=default_mask)

    def remove(self, module):
        """Makes the tensor a parameter again, with zeros where it was pruned."""
        name = self._tensor_name
        if name is None:
            raise AssertionError(f"Module {module} has to be pruned before pruning can be removed")
        weight = self.apply_mask(module)
        original = module._parameters[name + "_orig"]
        for end in ("", "_orig", "_mask"):
            delattr(module, name + end)
        original.data = weight.data
        setattr(module, name, original)


class PruningContainer(BasePruningMethod):
    """Several methods, one after the other: each prunes what those before left.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.PruningContainer.html
    """

    def __init__(self, *methods):
        self._pruning_methods = ()
        if len(methods) == 1:
            self._tensor_name = methods[0]._tensor_name
        for method in methods:
            self.add_pruning_method(method)

    def add_pruning_method(self, method):
        """Adds a method for the same tensor."""
        if not isinstance(method, BasePruningMethod) and method is not None:
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is not None and self._tensor_name != method._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to "
                f"PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self):
        return len(self._pruning_methods)

    def __iter__(self):
        return iter(self._pruning_methods)

    def __getitem__(self, index):
        return self._pruning_methods[index]

    def _left(self, method, t, mask):
        """Where the method may still prune, as an index."""
        kind = method.PRUNING_TYPE
        if kind == "unstructured":
            return mask == 1
        if kind == "global":
            return (slice(None),) * t.dim()
        if kind != "structured":
            raise ValueError(f"Unrecognized PRUNING_TYPE {kind}")
        if not hasattr(method, "dim"):
            raise AttributeError(
                'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.'
            )
        dim = method.dim + t.dim() if method.dim < 0 else method.dim
        if dim < 0:
            raise IndexError(f"Index is out of bounds for tensor with dimensions {t.dim()}")
        kept = mask.sum([d for d in range(t.dim()) if d != dim]) != 0
        return (*(slice(None),) * dim, kept)

    def compute_mask(self, t, default_mask):
        """The mask of the last method, within what the others left."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype).clone()
        left = self._left(method, t, default_mask)
        mask[left] = method.compute_mask(t[left], default_mask=default_mask[left]).to(dtype=mask.dtype)
        return mask


# ---- methods -------------------------------------------------------------------------------------


def _check_amount(amount):
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    whole = isinstance(amount, numbers.Integral)
    if (whole and amount < 0) or (not whole and not 0.0 <= float(amount) <= 1.0):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer"
        )


def _count(amount, size):
    """How many of `size` things an amount (a number, or a part) is."""
    count = amount if isinstance(amount, numbers.Integral) else round(amount * size)
    if count > size:
        raise ValueError(f"amount={count} should be smaller than the number of parameters to prune={size}")
    return count


def _check_structured(t, dim):
    if t.dim() <= 1:
        raise ValueError(
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
            f"{t.shape} with {t.dim()} dims"
        )
    if dim >= t.dim():
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")


def _channels(t, dim, kept):
    """A mask of t: 1 for the channels `kept` along dim."""
    dim = dim + t.dim() if dim < 0 else dim
    mask = minitorch.zeros_like(t)
    mask[(*(slice(None),) * dim, kept)] = 1
    return mask


class Identity(BasePruningMethod):
    """Prunes nothing. https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.Identity.html"""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        """The default mask."""
        return default_mask


class _Amount(BasePruningMethod):
    PRUNING_TYPE = "unstructured"

    def __init__(self, amount):
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t, default_mask):
        """The default mask without the elements of the smallest scores."""
        count = _count(self.amount, t.numel())
        mask = default_mask.clone()
        if count:
            mask.view(-1)[self._worst(t, count)] = 0
        return mask


class RandomUnstructured(_Amount):
    """Prunes elements at random.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.RandomUnstructured.html
    """

    def _worst(self, t, count):
        return minitorch.topk(minitorch.rand_like(t).view(-1), k=count)[1]


class L1Unstructured(_Amount):
    """Prunes the elements nearest to 0.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.L1Unstructured.html
    """

    def _worst(self, t, count):
        return minitorch.topk(t.abs().reshape(-1), k=count, largest=False)[1]


class RandomStructured(BasePruningMethod):
    """Prunes channels along dim at random.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.RandomStructured.html
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount, dim=-1):
        _check_amount(amount)
        self.amount = amount
        self.dim = dim

    def compute_mask(self, t, default_mask):
        """The default mask without some channels."""
        _check_structured(t, self.dim)
        size = t.shape[self.dim]
        count = _count(self.amount, size)
        if count == 0:
            return default_mask
        scores = minitorch.rand(size)
        kept = scores > minitorch.kthvalue(scores, count)[0]
        return _channels(t, self.dim, kept) * default_mask.to(dtype=t.dtype)


class LnStructured(BasePruningMethod):
    """Prunes the channels along dim with the smallest n-norm.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.LnStructured.html
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount, n, dim=-1):
        _check_amount(amount)
        self.amount = amount
        self.n = n
        self.dim = dim

    def compute_mask(self, t, default_mask):
        """The default mask without some channels."""
        _check_structured(t, self.dim)
        size = t.shape[self.dim]
        count = _count(self.amount, size)
        if count == 0:
            return default_mask
        dim = self.dim % t.dim()
        order = float(self.n) if isinstance(self.n, (int, float, str)) and self.n != "fro" else 2.0
        length = minitorch.linalg.vector_norm(t, order, [d for d in range(t.dim()) if d != dim])
        kept = minitorch.topk(length, k=size - count)[1]
        return _channels(t, self.dim, kept) * default_mask.to(dtype=t.dtype)


class CustomFromMask(BasePruningMethod):
    """Prunes where a mask is 0.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.CustomFromMask.html
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask):
        self.mask = mask

    def compute_mask(self, t, default_mask):
        """Both masks together."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)


# ---- functions -----------------------------------------------------------------------------------


def identity(module, name):
    """Adds the mask without pruning; returns the module.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.identity.html
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module, name, amount):
    """Prunes elements at random: so many, or that part of them; returns the module.

    >>> from minitorch import nn
    >>> layer = nn.utils.prune.random_unstructured(nn.Linear(2, 3), "weight", amount=2)
    >>> layer.weight_mask.sum()
    tensor(4.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.random_unstructured.html
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module, name, amount, importance_scores=None):
    """Prunes the elements nearest to 0 (or with the smallest scores); returns the module.

    >>> from minitorch import nn
    >>> layer = nn.utils.prune.l1_unstructured(nn.Linear(2, 3), "weight", amount=0.5)
    >>> layer.weight_mask.sum()
    tensor(3.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.l1_unstructured.html
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module, name, amount, dim):
    """Prunes channels along dim at random; returns the module.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.random_structured.html
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module, name, amount, n, dim, importance_scores=None):
    """Prunes the channels along dim with the smallest n-norm; returns the module.

    >>> from minitorch import nn
    >>> layer = nn.utils.prune.ln_structured(nn.Linear(2, 3), "weight", amount=1, n=2, dim=0)
    >>> layer.weight_mask.sum()
    tensor(4.)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.ln_structured.html
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module, name, mask):
    """Prunes where the mask is 0; returns the module.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.custom_from_mask.html
    """
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(parameters, pruning_method, importance_scores=None, **kwargs):
    """Prunes several tensors as if they were one vector.

    Args:
        parameters: pairs of a module and the name of a tensor.
        pruning_method: a class of this module that prunes single elements; kwargs are its arguments.
        importance_scores: scores for some of the pairs, instead of the values.

    Raises:
        TypeError: for a method that prunes more than elements.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.global_unstructured.html
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    parameters = list(parameters)
    tensors = [getattr(module, name) for module, name in parameters]
    with minitorch.no_grad():
        found = [scores.get(pair, t).reshape(-1) for pair, t in zip(parameters, tensors, strict=True)]
        masks = [
            getattr(module, name + "_mask", minitorch.ones_like(t))
            for (module, name), t in zip(parameters, tensors, strict=True)
        ]
        container, method = PruningContainer(), pruning_method(**kwargs)
        container._tensor_name = method._tensor_name = "temp"
        if method.PRUNING_TYPE != "unstructured":
            raise TypeError(
                'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
                f"{pruning_method} of type {method.PRUNING_TYPE}"
            )
        container.add_pruning_method(method)
        mask = container.compute_mask(parameters_to_vector(found), parameters_to_vector(masks))
    start = 0
    for (module, name), tensor in zip(parameters, tensors, strict=True):
        custom_from_mask(module, name, mask=mask[start : start + tensor.numel()].view_as(tensor))
        start += tensor.numel()


def remove(module, name):
    """Makes pruning permanent: the tensor is a parameter again; returns the module.

    Raises:
        ValueError: if it was not pruned.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.remove.html
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module):
    """Whether anything in the module is pruned.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.is_pruned.html
    """
    hooks = (hook for m in module.modules() for hook in m._forward_pre_hooks.values())
    return any(isinstance(hook, BasePruningMethod) for hook in hooks)
