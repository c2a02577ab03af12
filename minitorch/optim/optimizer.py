"""The base of all optimizers: parameter groups, state, saving and loading, hooks.

The steps themselves are in C (csrc/optim, csrc/python/py_optim.c) and read the dicts kept here; an optimizer
written by the user overrides `step` in Python and finds the same groups and state. What ours have in common
beyond this class is in _formula.py. Source: https://docs.pytorch.org/docs/2.13/optim.html
"""

import functools
import types
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from copy import deepcopy
from itertools import chain
from typing import Any, TypeAlias

import minitorch
from minitorch import _C, Tensor
from minitorch._utils import typename
from minitorch.utils.hooks import RemovableHandle, _add_hook

__all__ = ["Optimizer", "register_optimizer_step_pre_hook", "register_optimizer_step_post_hook"]

ParamsT: TypeAlias = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]

_global_optimizer_pre_hooks: dict[int, Any] = OrderedDict()
_global_optimizer_post_hooks: dict[int, Any] = OrderedDict()


class _RequiredParameter:
    """The default of an option that every group must give."""

    def __repr__(self):
        return "<required parameter>"


required = _RequiredParameter()


def _get_value(x):
    return x.item() if isinstance(x, Tensor) else x


def _to_scalar(x):
    """A one-element tensor without its dimensions; anything else as it is."""
    return x.squeeze() if isinstance(x, Tensor) and x.dim() != 0 else x


def _get_scalar_dtype(is_fused=None):
    """The dtype of step counts."""
    wide = minitorch.get_default_dtype() == minitorch.float64 and not is_fused
    return minitorch.float64 if wide else minitorch.float32


def _use_grad_for_differentiable(func):
    """Decorates a `step` written in Python: recording is on if the optimizer is differentiable, else off."""

    @functools.wraps(func)
    def wrapper(self, *args, **kwargs):
        with minitorch.set_grad_enabled(bool(self.defaults["differentiable"])):
            return func(self, *args, **kwargs)

    return wrapper


def _run_with_hooks(optimizer, step, args, kwargs):
    """Calls `step(*args, **kwargs)` (args[0] is the optimizer) between its hooks, global ones outermost."""
    for hook in (*_global_optimizer_pre_hooks.values(), *optimizer._optimizer_step_pre_hooks.values()):
        changed = hook(optimizer, args, kwargs)
        if changed is None:
            continue
        if not (isinstance(changed, tuple) and len(changed) == 2):
            raise RuntimeError(
                f"{step} must return None or a tuple of (new_args, new_kwargs), but got {changed}."
            )
        args, kwargs = changed
    result = step(*args, **kwargs)
    for hook in (*optimizer._optimizer_step_post_hooks.values(), *_global_optimizer_post_hooks.values()):
        hook(optimizer, args, kwargs)
    return result


def register_optimizer_step_pre_hook(hook):
    """Calls `hook(optimizer, args, kwargs)` before the step of every optimizer.

    The hook may return `(args, kwargs)` to go on with. Returns a handle with a `remove()` method.
    """
    _C._watch_step_hooks(_run_with_hooks)
    return _add_hook(_global_optimizer_pre_hooks, hook)


def register_optimizer_step_post_hook(hook):
    """Calls `hook(optimizer, args, kwargs)` after the step of every optimizer.

    Returns a handle with a `remove()` method.
    """
    _C._watch_step_hooks(_run_with_hooks)
    return _add_hook(_global_optimizer_post_hooks, hook)


_HOOKS = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)


class Optimizer:
    """Base class of all optimizers.

    params: an iterable of tensors, of `(name, tensor)` pairs, or of dicts with a "params" entry and options
    of their own. Its order must be the same in every run, so sets are refused. defaults: the options of a
    group that does not give them.

    `param_groups` is a list of dicts that may be changed between steps; `state` maps each parameter to a
    dict.

    Raises TypeError if params is a tensor or holds something else than tensors, ValueError if it is empty,
    holds a tensor that is the result of a computation, or a parameter occurs in two groups.

    >>> import minitorch
    >>> w = minitorch.ones(2, requires_grad=True)
    >>> opt = minitorch.optim.SGD([w], lr=0.5)
    >>> w.sum().backward()
    >>> opt.step()
    >>> w
    tensor([0.5000, 0.5000], requires_grad=True)

    Source: https://docs.pytorch.org/docs/2.13/optim.html#base-class
    """

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._prepare()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + typename(params)
            )
        self.state: defaultdict[Tensor, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _prepare(self):
        """What a new and an unpickled optimizer need alike."""
        for name in _HOOKS:
            self.__dict__.setdefault(name, OrderedDict())
        self._patch_step_function()
        if self.defaults.get("differentiable"):
            _C._watch_differentiable()

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    # ---- stepping -----------------------------------------------------------------------------------

    def step(self, closure=None):
        """Performs one step: changes the parameters by their gradients.

        closure: evaluates the model anew and returns the loss, which step() returns.
        """
        raise NotImplementedError

    zero_grad = _C._zero_grad

    @staticmethod
    def profile_hook_step(func):
        """Wraps a `step` written in Python, so that it runs the step hooks."""

        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            result = _run_with_hooks(args[0], func, args, kwargs)
            args[0]._opt_called = True
            return result

        return wrapper

    def _patch_step_function(self) -> None:
        cls = type(self)
        if not self._step_is_hooked():
            cls.step = self.profile_hook_step(cls.step)
            cls.step.hooked = True

    @classmethod
    def _step_is_hooked(cls):
        """Does step() run hooks and set _opt_called by itself? Ours in C do."""
        return isinstance(cls.step, types.MethodDescriptorType) or getattr(cls.step, "hooked", False)

    # ---- hooks --------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` before each step; it may return other `(args, kwargs)`."""
        _C._watch_step_hooks(_run_with_hooks)
        return _add_hook(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` after each step."""
        _C._watch_step_hooks(_run_with_hooks)
        return _add_hook(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer)` before state_dict(); with prepend before the hooks there are."""
        return _add_hook(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` after state_dict(); it may return another dict."""
        return _add_hook(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` (a shallow copy) before loading; it may return another."""
        return _add_hook(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer)` after load_state_dict()."""
        return _add_hook(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    # ---- saving and loading -------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The state as a dict that refers to parameters by number, in PyTorch's format.

        "state" maps numbers to dicts, "param_groups" is a list of the groups, whose "params" are numbers. The
        tensors are the optimizer's own, not copies.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        number: dict[int, int] = {}
        groups, start = [], 0
        for group in self.param_groups:
            for i, p in enumerate(group["params"], start):
                number.setdefault(id(p), i)
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [number[id(p)] for p in group["params"]]
            start += len(packed["params"])
            groups.append(packed)
        state = {(number[id(p)] if isinstance(p, Tensor) else p): value for p, value in self.state.items()}
        result = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, result)
            if changed is not None:
                result = changed
        return result

    @staticmethod
    def _process_value_according_to_param_policy(param, value, param_id, param_groups, key=None):
        """A loaded tensor as the state of `param` needs it: of its dtype, but for step counts."""
        if key != "step":
            return value.to(dtype=param.dtype) if param.is_floating_point() else value
        group = next((g for g in param_groups if param_id in g["params"]), {})
        return value.to(dtype=minitorch.float32) if group.get("capturable") or group.get("fused") else value

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what state_dict() gave: parameters are matched by their order.

        Names of parameters are kept or taken over, never compared. Raises ValueError if the groups differ in
        number or length.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            if changed is not None:
                state_dict = changed
        groups, saved = self.param_groups, deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(g["params"]) != len(s["params"]) for g, s in zip(groups, saved, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group "
                "that doesn't match the size of optimizer's group"
            )
        numbers = chain.from_iterable(s["params"] for s in saved)
        params = dict(zip(numbers, chain.from_iterable(g["params"] for g in groups), strict=True))

        def cast(param, value, number, key=None):
            if isinstance(value, Tensor):
                return Optimizer._process_value_according_to_param_policy(
                    param, value, number, state_dict["param_groups"], key
                )
            if isinstance(value, dict):
                return {k: cast(param, v, number, k) for k, v in value.items()}
            if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
                return type(value)(cast(param, v, number) for v in value)
            return value

        state: defaultdict[Any, Any] = defaultdict(dict)
        for number, value in state_dict["state"].items():
            if number in params:
                state[params[number]] = cast(params[number], value, number)
            else:
                state[number] = value
        for group, new in zip(groups, saved, strict=True):
            new["params"] = group["params"]
            if "param_names" in group:
                new.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    # ---- groups -------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group: a dict with "params" and any options that differ from the defaults.

        Raises TypeError and ValueError as the constructor does.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        self._list_params(param_group)
        self._check_params(param_group["params"])
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            param_group.setdefault(name, default)
        self._check_unique(param_group)
        self.param_groups.append(param_group)

    @staticmethod
    def _list_params(group):
        """Makes group["params"] a list of tensors, and group["param_names"] if they came with names."""
        params = group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but "
                "the ordering of tensors in sets will change between runs. Please use a list instead."
            )
        params = list(params)
        names = [p[0] for p in params if isinstance(p, tuple)]
        group["params"] = [p[1] if isinstance(p, tuple) else p for p in params]
        if not names:
            return
        if len(names) != len(params):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing"
            )
        group["param_names"] = names

    def _check_params(self, params):
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is " + typename(p)
                )
            if not (self.defaults.get("differentiable") or p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")

    def _check_unique(self, new):
        params = set(new["params"])
        if len(params) != len(new["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; "
                "in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=4,
            )
        for group in self.param_groups:
            if ("param_names" in new) != ("param_names" in group):
                how = "with names" if "param_names" in new else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {how} to the optimizer"
                )
        if any(not params.isdisjoint(group["params"]) for group in self.param_groups):
            raise ValueError("some parameters appear in more than one parameter group")
