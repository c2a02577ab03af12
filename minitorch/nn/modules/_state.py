"""Saving and loading modules: what `state_dict` and `load_state_dict` of Module do.

A state dict is flat: dotted names to tensors, and beside them, as its attribute `_metadata`, a version for
each module. Every module saves and loads what is its own through methods that subclasses may override
(`_save_to_state_dict`, `_load_from_state_dict`); the walk over the modules inside is here.

https://docs.pytorch.org/docs/2.13/generated/torch.nn.Module.html#torch.nn.Module.load_state_dict
"""

import itertools
from collections import OrderedDict, namedtuple
from collections.abc import Mapping

import minitorch
from minitorch import Tensor
from minitorch.nn.parameter import Parameter

_EXTRA_STATE = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    __slots__ = ()

    def __repr__(self):
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


def for_subclasses(method):
    """Marks a method of Module that is only called where a subclass overrides it."""
    method.for_subclasses = True
    return method


def _overrides(module, name):
    return not hasattr(getattr(type(module), name), "for_subclasses")


class LoadHook:
    """A hook for loading, called with its module if it wants that."""

    def __init__(self, hook, module):
        self.hook, self.module, self.with_module = hook, module, module is not None

    def __call__(self, *args):
        return self.hook(self.module, *args) if self.with_module else self.hook(*args)


# ---- saving -----------------------------------------------------------------------------------------


def _own(module):
    """The module's own parameters and persistent buffers by name, without those that are None."""
    unsaved = module._non_persistent_buffers_set
    buffers = ((name, buffer) for name, buffer in module._buffers.items() if name not in unsaved)
    return {k: v for k, v in itertools.chain(module._parameters.items(), buffers) if v is not None}


def save_own(module, destination, prefix, keep_vars):
    """Module._save_to_state_dict."""
    for name, tensor in _own(module).items():
        destination[prefix + name] = tensor if keep_vars else tensor.detach()
    if _overrides(module, "get_extra_state"):
        destination[prefix + _EXTRA_STATE] = module.get_extra_state()


def save(module, destination, prefix, keep_vars):
    """Module.state_dict: adds the module, and those inside, to destination, or to a new dict."""
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    local_metadata = {"version": module._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = local_metadata
    for hook in module._state_dict_pre_hooks.values():
        hook(module, prefix, keep_vars)
    module._save_to_state_dict(destination, prefix, keep_vars)
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for hook in module._state_dict_hooks.values():
        result = hook(module, destination, prefix, local_metadata)
        if result is None:
            continue
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError("state_dict post-hook must return None")
        destination = result
    return destination


# ---- loading ----------------------------------------------------------------------------------------


def _load_one(module, name, own, given, assign):
    with minitorch.no_grad():
        if not assign:
            own.copy_(given)
            return
        if isinstance(own, Parameter):
            if isinstance(given, Parameter):
                given.requires_grad_(own.requires_grad)
            else:
                given = Parameter(given, own.requires_grad)
        setattr(module, name, given)


def _try_one(module, name, own, key, given, assign):
    """Loads one tensor; the text of what is wrong with it, or None."""
    if not isinstance(given, Tensor):
        return (
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
            f"from checkpoint but received {type(given)}"
        )
    if len(own.shape) == 0 and len(given.shape) == 1 and given.shape[0] == 1:
        given = given[0]  # as saved by PyTorch 0.3
    if given.shape != own.shape:
        return (
            f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
            f"the shape in current model is {own.shape}."
        )
    try:
        _load_one(module, name, own, given, assign)
    except Exception as error:
        return (
            f'While copying the parameter named "{key}", whose dimensions in the model are '
            f"{own.size()} and whose dimensions in the checkpoint are {given.size()}, "
            f"an exception occurred : {error.args}."
        )
    return None


def _load_extra_state(module, state_dict, key, strict, missing_keys, unexpected_keys):
    if _overrides(module, "set_extra_state"):
        if key in state_dict:
            module.set_extra_state(state_dict[key])
        elif strict:
            missing_keys.append(key)
    elif strict and key in state_dict:
        unexpected_keys.append(key)


def load_own(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
    """Module._load_from_state_dict."""
    for hook in module._load_state_dict_pre_hooks.values():
        hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
    local = _own(module)
    assign = local_metadata.get("assign_to_params_buffers", False)
    for name, own in local.items():
        key = prefix + name
        if key in state_dict:
            problem = _try_one(module, name, own, key, state_dict[key], assign)
            if problem:
                error_msgs.append(problem)
        elif strict:
            missing_keys.append(key)
    _load_extra_state(module, state_dict, prefix + _EXTRA_STATE, strict, missing_keys, unexpected_keys)
    if not strict:
        return
    for key in state_dict:
        if not key.startswith(prefix) or key == prefix + _EXTRA_STATE:
            continue
        first, dot, _ = key[len(prefix) :].partition(".")
        if first not in (module._modules if dot else local):
            unexpected_keys.append(key)


def load(module, state_dict, strict, assign):
    """Module.load_state_dict."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    missing_keys, unexpected_keys, error_msgs = [], [], []
    metadata = getattr(state_dict, "_metadata", None)
    state_dict = OrderedDict(state_dict)  # _load_from_state_dict may change it
    if metadata is not None:
        state_dict._metadata = metadata

    def walk(module, part, prefix=""):
        local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
        if assign:
            local_metadata["assign_to_params_buffers"] = assign
        module._load_from_state_dict(
            part, prefix, local_metadata, True, missing_keys, unexpected_keys, error_msgs
        )
        for name, child in module._modules.items():
            if child is not None:
                inner = f"{prefix}{name}."
                walk(child, {k: v for k, v in part.items() if k.startswith(inner)}, inner)
        keys = _IncompatibleKeys(missing_keys, unexpected_keys)
        for hook in module._load_state_dict_post_hooks.values():
            if hook(module, keys) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                    "to return new values, if incompatible_keys need to be modified, it should be done "
                    "inplace."
                )

    walk(module, state_dict)
    if strict:
        for what, keys in (("Unexpected", unexpected_keys), ("Missing", missing_keys)):
            if keys:
                names = ", ".join(f'"{k}"' for k in keys)
                error_msgs.insert(0, f"{what} key(s) in state_dict: {names}. ")
    if error_msgs:
        problems = "\n\t".join(error_msgs)
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t{problems}")
    return _IncompatibleKeys(missing_keys, unexpected_keys)
