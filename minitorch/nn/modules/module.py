"""Module, the base class of all networks and layers.

Its C half (csrc/python/py_nn.c) holds the registries of parameters, buffers and children, sets attributes,
and calls ``forward``; here is what is not on the path of a training step. Calls with hooks are in _hooks.py,
saving and loading in _state.py.

https://docs.pytorch.org/docs/2.13/generated/torch.nn.Module.html
"""

import itertools
import warnings

import minitorch
from minitorch import Tensor
from minitorch._C import _ModuleBase, _nn_types
from minitorch._utils import typename
from minitorch.nn.modules import _hooks, _state
from minitorch.nn.modules._hooks import (  # noqa: F401
    HookTable,
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from minitorch.nn.modules._state import _IncompatibleKeys  # noqa: F401
from minitorch.nn.parameter import Buffer, Parameter
from minitorch.utils.hooks import _add_hook

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]


def _addindent(text, spaces):
    first, *rest = text.split("\n")
    return "\n".join([first, *(" " * spaces + line for line in rest)])


def _forward_unimplemented(self, *input):
    """Computes the module's result from its inputs; every subclass defines it.

    Call the module itself rather than this method, so that hooks run.
    """
    raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')


class Module(_ModuleBase):
    """Base class of all networks: parameters, buffers and children assigned as attributes are registered.

    Raises:
        AttributeError: if something is to be registered before ``super().__init__()`` has run.

    >>> import minitorch
    >>> from minitorch import nn
    >>> class Perceptron(nn.Module):
    ...     def __init__(self, features_in, features_out):
    ...         super().__init__()
    ...         self.linear = nn.Linear(features_in, features_out)
    ...     def forward(self, x):
    ...         return minitorch.sigmoid(self.linear(x))
    >>> Perceptron(2, 4)
    Perceptron(
      (linear): Linear(in_features=2, out_features=4, bias=True)
    )

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Module.html
    """

    dump_patches = False
    call_super_init = False
    _version = 1
    _compiled_call_impl = None
    _is_full_backward_hook = None

    _backward_pre_hooks = HookTable()
    _backward_hooks = HookTable()
    _forward_hooks = HookTable()
    _forward_hooks_with_kwargs = HookTable()
    _forward_hooks_always_called = HookTable()
    _forward_pre_hooks = HookTable()
    _forward_pre_hooks_with_kwargs = HookTable()
    _state_dict_hooks = HookTable(watched=False)
    _state_dict_pre_hooks = HookTable(watched=False)
    _load_state_dict_pre_hooks = HookTable(watched=False)
    _load_state_dict_post_hooks = HookTable(watched=False)

    def __init__(self, *args, **kwargs):
        if not self.call_super_init:
            if kwargs:
                raise TypeError(
                    f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                    f"'{next(iter(kwargs))}'"
                )
            if args:
                raise TypeError(
                    f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} "
                    "were given"
                )
        self._setup()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    forward = _forward_unimplemented
    _call_impl = _hooks.call_with_hooks
    _wrapped_call_impl = _hooks.call_with_hooks

    # ---- registration ------------------------------------------------------------------------

    def _check_name(self, kind, name, table):
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in table:
            raise KeyError(f"attribute '{name}' already exists")

    @staticmethod
    def _run_registration_hooks(hooks, module, name, value):
        for hook in hooks.values():
            result = hook(module, name, value)
            if result is not None:
                value = result
        return value

    def register_buffer(self, name, tensor, persistent=True):
        """Adds a tensor that is part of the module's state but not learned; None reserves the name.

        Raises:
            AttributeError: before ``Module.__init__()``.
            TypeError: if name is not a string or tensor not a Tensor.
            KeyError: if the name is empty, contains a dot or is taken.
        """
        registries = self._registries()
        if registries is None:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, registries[1])
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None "
                "required)"
            )
        registries[1][name] = self._run_registration_hooks(
            _hooks.global_buffer_registration_hooks, self, name, tensor
        )
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name, param):
        """Adds a Parameter under that name; None reserves the name.

        Raises:
            AttributeError: before ``Module.__init__()``.
            TypeError: if name is not a string or param not a Parameter.
            KeyError: if the name is empty, contains a dot or is taken.
            ValueError: if param was computed from other tensors.
        """
        registries = self._registries()
        if registries is None:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, registries[0])
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' "
                "(torch.nn.Parameter or None required)"
            )
        if param is not None and param.grad_fn:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                f"explicitly. To express '{name}' as a function of another Tensor, compute the value in "
                "the forward() method."
            )
        if param is not None:
            param = self._run_registration_hooks(
                _hooks.global_parameter_registration_hooks, self, name, param
            )
        registries[0][name] = param

    def add_module(self, name, module):
        """Adds a child under that name; None reserves the name.

        Raises:
            TypeError: if name is not a string or module not a Module.
            KeyError: if the name is empty, contains a dot or is taken.
        """
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{typename(module)} is not a Module subclass")
        if not isinstance(name, str):
            raise TypeError(f"module name should be a string. Got {typename(name)}")
        if hasattr(self, name) and name not in self._modules:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'module name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError('module name can\'t be empty string ""')
        self._modules[name] = self._run_registration_hooks(
            _hooks.global_module_registration_hooks, self, name, module
        )

    def register_module(self, name, module):
        """The same as add_module."""
        self.add_module(name, module)

    def _assign(self, name, value):
        """``self.name = value`` where a registry has a say: the C code has sorted out all other
        assignments.
        """
        registries = self._registries()
        if registries is None:
            kind = "module" if isinstance(value, Module) else "parameters"
            if isinstance(value, (Module, Parameter)):
                raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
            self.register_buffer(name, value)  # says so
        params, buffers, modules = registries
        if isinstance(value, Parameter):
            self._forget(name, buffers, modules)
            self.register_parameter(name, value)
        elif name in params:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{typename(value)}' as parameter '{name}' (torch.nn.Parameter or "
                    "None expected)"
                )
            self.register_parameter(name, value)
        elif isinstance(value, Module) or name in modules:
            if value is not None and not isinstance(value, Module):
                raise TypeError(
                    f"cannot assign '{typename(value)}' as child module '{name}' (torch.nn.Module or "
                    "None expected)"
                )
            if value is not None:
                self._forget(name, params, buffers)
            modules[name] = self._run_registration_hooks(
                _hooks.global_module_registration_hooks, self, name, value
            )
        else:
            self._assign_buffer(name, value)

    def _assign_buffer(self, name, value):
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"cannot assign '{typename(value)}' as buffer '{name}' "
                "(torch.nn.Buffer, torch.Tensor or None expected)"
            )
        persistent = (
            value.persistent if isinstance(value, Buffer) else name not in self._non_persistent_buffers_set
        )
        if persistent:  # so that a subclass's register_buffer(name, tensor) does as well
            self.register_buffer(name, value)
        else:
            self.register_buffer(name, value, False)

    def _forget(self, name, *registries):
        """Makes room for something of another kind under that name."""
        self._drop(name)
        for registry in registries:
            registry.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    # ---- looking inside ----------------------------------------------------------------------

    def get_submodule(self, target):
        """The module at a dotted path, such as ``"net.linear"``; ``""`` is the module itself.

        Raises:
            AttributeError: if the path leads nowhere or to something that is no module.
        """
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target, module, strict=False):
        """Puts a module at a dotted path; with ``strict`` only where one is already.

        Raises:
            ValueError: if target is empty or module not a Module.
            AttributeError: if the path leads nowhere.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        *path, name = target.split(".")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        parent = self.get_submodule(".".join(path))
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def _owner(self, target):
        """The module that has the attribute at a dotted path, and the attribute's name."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        return module, name

    def get_parameter(self, target):
        """The parameter at a dotted path.

        Raises:
            AttributeError: if the path leads nowhere or to something that is no Parameter.
        """
        module, name = self._owner(target)
        param = getattr(module, name)
        if not isinstance(param, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return param

    def get_buffer(self, target):
        """The buffer at a dotted path.

        Raises:
            AttributeError: if the path leads nowhere or to something that is no buffer.
        """
        module, name = self._owner(target)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return getattr(module, name)

    def _named_members(self, get_members_fn, prefix="", recurse=True, remove_duplicate=True):
        seen = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in modules if recurse else [(prefix, self)]:
            for name, member in get_members_fn(module):
                if member is None or member in seen:
                    continue
                if remove_duplicate:
                    seen.add(member)
                yield f"{path}.{name}" if path else name, member

    def parameters(self, recurse=True):
        """Iterates over the parameters of the module and, with ``recurse``, of all modules inside, each
        once.
        """
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """Iterates over pairs of dotted name and parameter.

        >>> from minitorch import nn
        >>> [name for name, _ in nn.Sequential(nn.Linear(2, 1)).named_parameters()]
        ['0.weight', '0.bias']
        """
        yield from self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        """Iterates over the buffers of the module and, with ``recurse``, of all modules inside, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """Iterates over pairs of dotted name and buffer."""
        yield from self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def children(self):
        """Iterates over the module's immediate children, each once."""
        for _, module in self.named_children():
            yield module

    def named_children(self):
        """Iterates over pairs of name and immediate child, each child once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def modules(self, remove_duplicate=True):
        """Iterates over the module and all modules inside, each once."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """Iterates over pairs of dotted name and module, beginning with ``("", self)``."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(
                    memo, f"{prefix}.{name}" if prefix else name, remove_duplicate
                )

    # ---- changing all of it ------------------------------------------------------------------

    def apply(self, fn):
        """Calls ``fn(module)`` for every module inside and then for the module itself; returns self.

        >>> from minitorch import nn
        >>> def init(m):
        ...     if isinstance(m, nn.Linear):
        ...         nn.init.ones_(m.weight)
        >>> nn.Sequential(nn.Linear(2, 1)).apply(init)[0].weight
        Parameter containing:
        tensor([[1., 1.]], requires_grad=True)
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn, recurse=True):
        """Every parameter, its gradient, and every buffer becomes ``fn`` of it. Parameters stay the same
        objects.
        """
        if recurse:
            for module in self.children():
                module._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            grad = param.grad
            with minitorch.no_grad():
                param.data = fn(param)
                if grad is not None:
                    grad.data = fn(grad)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args, **kwargs):
        """Casts floating-point and complex parameters and buffers: ``to(device)``, ``to(dtype)``,
        ``to(tensor)``; returns self.

        Raises:
            TypeError: for a dtype that is neither floating point nor complex.
        """
        device, dtype = _parse_to(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )

        def convert(t):
            wanted = {} if device is None else {"device": device}
            if dtype is not None and (t.is_floating_point() or t.is_complex()):
                wanted["dtype"] = dtype
            return t.to(**wanted) if wanted else t

        return self._apply(convert)

    def to_empty(self, *, device, recurse=True):
        """Replaces parameters and buffers by uninitialised ones on the device; returns self."""
        return self._apply(lambda t: minitorch.empty_like(t, device=device), recurse=recurse)

    def type(self, dst_type):
        """Casts all parameters and buffers to the dtype; returns self."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self):
        """Casts floating-point parameters and buffers to float32; returns self."""
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def double(self):
        """Casts floating-point parameters and buffers to float64; returns self."""
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def half(self):
        """Casts floating-point parameters and buffers to float16; returns self."""
        return self._apply(lambda t: t.half() if t.is_floating_point() else t)

    def bfloat16(self):
        """Casts floating-point parameters and buffers to bfloat16; returns self."""
        return self._apply(lambda t: t.bfloat16() if t.is_floating_point() else t)

    def cpu(self):
        """Moves parameters and buffers to the CPU, where they are; returns self."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device=None):
        """Raises AssertionError if there is anything to move: there is no CUDA here."""
        return self._apply(lambda t: t.cuda(device))

    def share_memory(self):
        """Moves parameters and buffers to shared memory; returns self."""
        return self._apply(lambda t: t.share_memory_())

    def train(self, mode=True):
        """Sets training mode for the module and all inside: Dropout and BatchNorm behave accordingly;
        returns self.

        Raises:
            ValueError: if mode is not a bool.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Sets evaluation mode: ``train(False)``; returns self."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Sets whether gradients are computed for the parameters; returns self."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Drops the gradients of all parameters, or sets them to zero."""
        if set_to_none and self._drop_grads():
            return
        for param in self.parameters():
            if param.grad is None:
                continue
            if set_to_none:
                param.grad = None
            else:
                if param.grad.grad_fn is not None:
                    param.grad.detach_()
                else:
                    param.grad.requires_grad_(False)
                param.grad.zero_()

    def compile(self, *args, **kwargs):
        """Does nothing: calls are compiled C already."""

    # ---- hooks -------------------------------------------------------------------------------

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Calls ``hook(module, args)`` before forward; what it returns replaces the arguments.

        With ``with_kwargs`` it is ``hook(module, args, kwargs)``, which returns both or None. Returns a
        handle with ``remove()``.
        """
        tables = self._forward_pre_hooks, self._forward_pre_hooks_with_kwargs
        return _hooks._add_forward_hook(tables, hook, prepend, with_kwargs)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        """Calls ``hook(module, args, output)`` after forward; what it returns replaces the output.

        With ``with_kwargs`` it is ``hook(module, args, kwargs, output)``; with ``always_call`` it runs even
        if forward raised. Returns a handle with ``remove()``.
        """
        tables = self._forward_hooks, self._forward_hooks_with_kwargs, self._forward_hooks_always_called
        return _hooks._add_forward_hook(tables, hook, prepend, with_kwargs, always_call)

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Calls ``hook(module, grad_output)`` in backward; what it returns replaces grad_output."""
        return _add_hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook, prepend=False):
        """Calls ``hook(module, grad_input, grad_output)`` in backward; what it returns replaces grad_input.

        Raises:
            RuntimeError: if the module has hooks of register_backward_hook.
        """
        return self._add_backward_hook(hook, True, prepend)

    def register_backward_hook(self, hook):
        """The older form of register_full_backward_hook, which here does the same."""
        return self._add_backward_hook(hook, False)

    def _add_backward_hook(self, hook, full, prepend=False):
        _hooks._check_one_kind(self._is_full_backward_hook, full, "on a single Module")
        self._is_full_backward_hook = full
        return _add_hook(self._backward_hooks, hook, prepend)

    # ---- state -------------------------------------------------------------------------------

    @_state.for_subclasses
    def get_extra_state(self):
        """What a subclass wants in ``state_dict()`` beside parameters and buffers."""
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called.")

    @_state.for_subclasses
    def set_extra_state(self, state):
        """Takes what get_extra_state gave, when a state_dict is loaded."""
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called.")

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        _state.save_own(self, destination, prefix, keep_vars)

    def state_dict(self, *args, destination=None, prefix="", keep_vars=False):
        """All parameters and persistent buffers by dotted name, in an OrderedDict. They share the module's
        memory.

        >>> from minitorch import nn
        >>> list(nn.Linear(2, 1).state_dict())
        ['weight', 'bias']
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead. Refer to "
                "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict"
                " for details.",
                FutureWarning,
                stacklevel=2,
            )
            destination = args[0] if destination is None else destination
            prefix = args[1] if len(args) > 1 and prefix == "" else prefix
            keep_vars = args[2] if len(args) > 2 and keep_vars is False else keep_vars
        return _state.save(self, destination, prefix, keep_vars)

    def _register_state_dict_hook(self, hook):
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was previously "
                "registered via register_state_dict_post_hook"
            )
        return _add_hook(self._state_dict_hooks, hook)

    def register_state_dict_post_hook(self, hook):
        """Calls ``hook(module, state_dict, prefix, local_metadata)`` after ``state_dict()``; it returns
        None.
        """
        hook._from_public_api = True
        return _add_hook(self._state_dict_hooks, hook)

    def register_state_dict_pre_hook(self, hook):
        """Calls ``hook(module, prefix, keep_vars)`` before ``state_dict()``."""
        return _add_hook(self._state_dict_pre_hooks, hook)

    def _register_load_state_dict_pre_hook(self, hook, with_module=False):
        hook = _state.LoadHook(hook, self if with_module else None)
        return _add_hook(self._load_state_dict_pre_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook):
        """Calls ``hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected,
        errors)`` first.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def register_load_state_dict_post_hook(self, hook):
        """Calls ``hook(module, incompatible_keys)`` after loading; it may change the keys in place."""
        return _add_hook(self._load_state_dict_post_hooks, hook)

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ):
        """Loads this module's own parameters and buffers; what is wrong is added to the three lists."""
        _state.load_own(
            self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def load_state_dict(self, state_dict, strict=True, assign=False):
        """Copies parameters and buffers from a state_dict, by name; with ``assign`` its tensors replace the
        module's.

        Returns:
            A named tuple of ``missing_keys`` and ``unexpected_keys``.

        Raises:
            TypeError: if state_dict is not a mapping.
            RuntimeError: if shapes differ or, with ``strict``, names; the message lists all of it.
        """
        return _state.load(self, state_dict, strict, assign)

    def __getstate__(self):
        state = self.__dict__.copy()
        state.pop("_compiled_call_impl", None)
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._adopt()

    # ---- printing ----------------------------------------------------------------------------

    def _get_name(self):
        return self.__class__.__name__

    def extra_repr(self):
        """What stands between the parentheses of the module's repr, beside its children."""
        return ""

    def __repr__(self):
        extra = self.extra_repr()
        extra = extra.split("\n") if extra else []
        children = [f"({name}): {_addindent(repr(module), 2)}" for name, module in self._modules.items()]
        if len(extra) == 1 and not children:
            return f"{self._get_name()}({extra[0]})"
        if not extra and not children:
            return self._get_name() + "()"
        lines = "\n  ".join(extra + children)
        return f"{self._get_name()}(\n  {lines}\n)"

    def __dir__(self):
        names = {*dir(type(self)), *self.__dict__, *itertools.chain(*(self._registries() or ()))}
        return sorted(name for name in names if not name[0].isdigit())


def _parse_to(*args, device=None, dtype=None, non_blocking=False, copy=False, memory_format=None):
    """(device, dtype) from the forms that ``Module.to`` takes."""
    if len(args) > 3:
        raise TypeError(f"to() takes at most 3 positional arguments but {len(args)} were given")
    for i, arg in enumerate(args):
        if isinstance(arg, Tensor) and i == 0:
            device, dtype = arg.device, arg.dtype
        elif isinstance(arg, minitorch.dtype) and dtype is None:
            dtype = arg
        elif isinstance(arg, (str, int, minitorch.device)) and not isinstance(arg, bool) and i == 0:
            device = arg
        elif not (arg is None or isinstance(arg, bool)):
            raise TypeError(
                "to() received an invalid combination of arguments - got "
                f"({', '.join(type(a).__name__ for a in args)}), but expected one of:\n"
                " * (torch.device device = None, torch.dtype dtype = None, bool non_blocking = False, "
                "bool copy = False, *, torch.memory_format memory_format = None)\n"
                " * (torch.dtype dtype, bool non_blocking = False, bool copy = False, *, "
                "torch.memory_format memory_format = None)\n"
                " * (Tensor tensor, bool non_blocking = False, bool copy = False, *, "
                "torch.memory_format memory_format = None)\n"
            )
    return None if device is None else minitorch.device(device), dtype


_nn_types(Parameter, Buffer)
