"""Parameters that are computed from others: module.weight becomes f(original), computed anew at each use.

https://docs.pytorch.org/docs/2.13/nn.html#parametrizations
"""

import copy
from collections.abc import Sequence
from contextlib import contextmanager

import minitorch
from minitorch import Tensor
from minitorch.nn.modules.container import ModuleDict, ModuleList
from minitorch.nn.parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_cache = {}
_caching = 0


@contextmanager
def cached():
    """Within this context each parametrized tensor is computed once.

    >>> from minitorch.nn.utils import parametrize
    >>> with parametrize.cached():
    ...     pass

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.cached.html
    """
    global _caching
    _caching += 1
    try:
        yield
    finally:
        _caching -= 1
        if not _caching:
            _cache.clear()


def _register(module, name, tensor):
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _check_like(got, want, change, first, second):
    """ValueError if type or shape of a tensor are not those of another; first and second name them."""
    for what in ("dtype", "shape"):
        a, b = getattr(got, what), getattr(want, what)
        if a != b:
            raise ValueError(f"{change.format(what)}\n{first}{what}: {b}\n{second}{what}: {a}")


def _needs_tensor(value, text):
    if not isinstance(value, Tensor):
        raise ValueError(f"{text} {type(value).__name__}")


class ParametrizationList(ModuleList):
    """The modules that compute one tensor, and what they compute it from: original, or original0, ...

    Raises:
        ValueError: if the modules change type or shape of the tensor, unless unsafe.

    >>> import minitorch
    >>> from minitorch import nn
    >>> p = nn.utils.parametrize.ParametrizationList([nn.Identity()], nn.Parameter(minitorch.ones(2)))
    >>> p().tolist()
    [1.0, 1.0]

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.ParametrizationList.html
    """

    def __init__(self, modules, original, unsafe=False):
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        new = self._invert(original)
        if not isinstance(new, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if self.is_tensor:
            if new.dtype != dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {dtype}\nright_inverse(original).dtype: {new.dtype}"
                )
            original.data = new.detach()
            _register(self, "original", original)
        else:
            for i, part in enumerate(new):
                self._register_part(i, part, original)
        if not unsafe:
            self._check_result(shape, dtype)

    def _invert(self, tensor):
        with minitorch.no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    try:
                        tensor = module.right_inverse(tensor)
                    except NotImplementedError:
                        continue
        return tensor

    def _register_part(self, i, part, original):
        if not isinstance(part, Tensor):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got element "
                f"{i} of the sequence with type {type(part).__name__}."
            )
        if isinstance(original, Parameter):
            part = Parameter(part, original.requires_grad)
        part.requires_grad_(original.requires_grad)
        _register(self, f"original{i}", part)

    def _check_result(self, shape, dtype):
        result = self()
        if not isinstance(result, Tensor):
            raise ValueError(f"A parametrization must return a tensor. Got {type(result).__name__}.")
        for what, want in (("dtype", dtype), ("shape", shape)):
            if getattr(result, what) != want:
                raise ValueError(
                    f"Registering a parametrization may not change the {what} of the tensor, unless "
                    f"`unsafe` flag is enabled.\nunparametrized {what}: {want}\nparametrized {what}: "
                    f"{getattr(result, what)}"
                )

    def right_inverse(self, value):
        """Sets the originals so that the tensor becomes value, as far as the modules can invert it."""
        with minitorch.no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
            if self.is_tensor:
                if not isinstance(value, Tensor):
                    raise ValueError(f"`right_inverse` should return a tensor. Got {type(value).__name__}")
                if value.dtype != self.original.dtype:
                    raise ValueError(
                        f"The tensor returned by `right_inverse` has dtype {value.dtype} while `original` "
                        f"has dtype {self.original.dtype}"
                    )
                self.original.data = value.detach()
            else:
                self._set_parts(value)

    def _set_parts(self, values):
        if not isinstance(values, Sequence):
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors. Got {type(values).__name__}."
            )
        if len(values) != self.ntensors:
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. Got a "
                f"sequence of length {len(values)}."
            )
        for i, value in enumerate(values):
            own = getattr(self, f"original{i}")
            if value.dtype != own.dtype:
                raise ValueError(
                    f"Tensor {i} returned by `right_inverse` has dtype {value.dtype} while `original{i}` has "
                    f"dtype {own.dtype}"
                )
            own.data = value.detach()

    def forward(self):
        first, *rest = self
        if self.is_tensor:
            x = first(self.original)
        else:
            x = first(*(getattr(self, f"original{i}") for i in range(self.ntensors)))
        for module in rest:
            x = module(x)
        return x


# ---- giving a module the property ----------------------------------------------------------------


def _copy(self, memo):
    replica = self.__new__(type(self))
    memo[id(self)] = replica
    replica.__setstate__(copy.deepcopy(dict(self.__dict__), memo))
    return replica


def _no_state(self):
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(). See:\n"
        "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
        "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
    )


def _give_class(module):
    """A class of the module's own, which properties can be added to."""
    cls = type(module)
    members = {"__getstate__": _no_state, "__module__": cls.__module__}
    if not hasattr(cls, "__deepcopy__"):
        members["__deepcopy__"] = _copy
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), members)


def _give_property(module, name):
    def get(self):
        parametrization = self.parametrizations[name]
        if not _caching:
            return parametrization()
        key = id(self), name
        if key not in _cache:
            _cache[key] = parametrization()
        return _cache[key]

    def set_original(self, value):
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, set_original))


def _check_next(module, name, parametrization):
    """Whether one more parametrization fits those that are there."""
    change = "Registering a parametrization may not change the {} of the tensor, unless the `unsafe` flag is "
    now = getattr(module, name)
    new = parametrization(now)
    if not isinstance(new, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(new).__name__}.")
    _check_like(new, now, change + "enabled.", f"module.{name}.", f"parametrization(module.{name}).")
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        back = parametrization.right_inverse(new)
    except NotImplementedError:
        return
    _needs_tensor(back, "parametrization.right_inverse must return a tensor. Got:")
    _check_like(
        back,
        now,
        "The tensor returned by parametrization.right_inverse must have the same {} "
        f"as module.{name}, unless the `unsafe` flag is enabled.",
        f"module.{name}.",
        "returned ",
    )


def register_parametrization(module, tensor_name, parametrization, *, unsafe=False):
    """Makes module.tensor_name the result of parametrization(original); returns the module.

    Args:
        parametrization: a module; its right_inverse, if it has one, finds the original from the tensor.
        unsafe: the parametrization may change type and shape.

    Raises:
        ValueError: if there is no such tensor, or the result does not fit.

    >>> import minitorch
    >>> from minitorch import nn
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).mT
    >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.mT).all())
    True

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.register_parametrization.html
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_next(module, tensor_name, parametrization)
        parametrizations = module.parametrizations[tensor_name]
        parametrizations.append(parametrization)
        parametrizations.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        parametrizations = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _give_class(module)
            module.parametrizations = ModuleDict()
        _give_property(module, tensor_name)
        module.parametrizations[tensor_name] = parametrizations
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    return module


def is_parametrized(module, tensor_name=None):
    """Whether the module has a parametrization, or one of that tensor.

    >>> from minitorch import nn
    >>> nn.utils.parametrize.is_parametrized(nn.Linear(2, 2))
    False

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.is_parametrized.html
    """
    parametrizations = getattr(module, "parametrizations", None)
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def remove_parametrizations(module, tensor_name, leave_parametrized=True):
    """Makes the tensor an ordinary one again: with its present value, or else with the original's.

    Raises:
        ValueError: if it has no parametrization, or several originals and its value is not to be kept.

    >>> from minitorch import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> nn.utils.parametrize.remove_parametrizations(layer, "weight")
    Linear(in_features=2, out_features=2, bias=True)

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.remove_parametrizations.html
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    parametrizations = module.parametrizations[tensor_name]
    if parametrizations.is_tensor:
        tensor = parametrizations.original
        if leave_parametrized:
            with minitorch.no_grad():
                tensor.data = getattr(module, tensor_name).detach()
    elif leave_parametrized:
        tensor = getattr(module, tensor_name)
        tensor = Parameter(tensor) if tensor.requires_grad else tensor
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms "
            "of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, tensor)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module):
    """The class a module had before it was parametrized.

    >>> from minitorch import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> nn.utils.parametrize.type_before_parametrizations(layer) is nn.Linear
    True

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.type_before_parametrizations.html
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(from_module, to_module, tensor_name=None):
    """Gives a module the parametrizations of another, and its originals; returns it.

    >>> from minitorch import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> other = nn.utils.parametrize.transfer_parametrizations_and_params(layer, nn.Linear(2, 2))
    >>> bool((other.weight == layer.weight).all())
    True

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrize.transfer_parametrizations_and_params.html
    """
    if not is_parametrized(from_module):
        return to_module
    for name in list(from_module.parametrizations) if tensor_name is None else [tensor_name]:
        theirs = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        for parametrization in theirs:
            register_parametrization(to_module, name, parametrization, unsafe=theirs.unsafe)
        ours = to_module.parametrizations[name]
        for part in ["original"] if theirs.is_tensor else [f"original{i}" for i in range(theirs.ntensors)]:
            setattr(ours, part, getattr(theirs, part))
    return to_module
