"""Hooks of modules: the tables, the hooks for all modules, and the call of a module that has any.

A module without hooks never gets here: its call stays in C. https://docs.pytorch.org/docs/2.13/nn.html#module-hooks
"""

import warnings
from collections import OrderedDict

import minitorch
from minitorch._C import _nn_global_hooks, _nn_pass
from minitorch.utils.hooks import _add_hook


class HookTable:
    """A table of hooks that a module gets when it is first asked for.

    Whoever holds the table may put hooks into it, so from then on the module's calls look at it (`watched`).
    """

    def __init__(self, watched=True):
        self.watched = watched

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, module, owner=None):
        if module is None:
            return self
        table = OrderedDict()
        object.__setattr__(module, self.name, table)
        if self.watched:
            module._mark_hooked()
        return table


class _GlobalTable(OrderedDict):
    """Hooks for every module's call; the C code is told whether there are any."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        _nn_global_hooks(True)

    def __delitem__(self, key):
        super().__delitem__(key)
        _nn_global_hooks(any(_call_tables()))

    def pop(self, key, *default):
        value = super().pop(key, *default)
        _nn_global_hooks(any(_call_tables()))
        return value


global_backward_pre_hooks, global_backward_hooks = _GlobalTable(), _GlobalTable()
global_forward_pre_hooks, global_forward_hooks = _GlobalTable(), _GlobalTable()
global_forward_hooks_always_called, global_forward_hooks_with_kwargs = OrderedDict(), OrderedDict()
global_buffer_registration_hooks = OrderedDict()
global_module_registration_hooks = OrderedDict()
global_parameter_registration_hooks = OrderedDict()
_global_backward_is_full = None


def _call_tables():
    return global_backward_pre_hooks, global_backward_hooks, global_forward_pre_hooks, global_forward_hooks


def _add_forward_hook(tables, hook, prepend=False, with_kwargs=False, always_call=False):
    """tables: the hooks, the ids of those that want kwargs, and perhaps of those that run after a failure."""
    table, *extra = tables
    handle = _add_hook(table, hook, prepend, extra)
    for wanted, ids in zip((with_kwargs, always_call), extra, strict=False):
        if wanted:
            ids[handle.id] = True
    return handle


def register_module_buffer_registration_hook(hook):
    """Calls ``hook(module, name, buffer)`` for every buffer registered; a result replaces the buffer."""
    return _add_hook(global_buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook):
    """Calls ``hook(module, name, submodule)`` for every child registered; a result replaces the child."""
    return _add_hook(global_module_registration_hooks, hook)


def register_module_parameter_registration_hook(hook):
    """Calls ``hook(module, name, param)`` for every parameter registered; a result replaces the parameter."""
    return _add_hook(global_parameter_registration_hooks, hook)


def register_module_forward_pre_hook(hook):
    """Calls ``hook(module, args)`` before the forward of every module; a result replaces the arguments."""
    return _add_hook(global_forward_pre_hooks, hook)


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """Calls ``hook(module, args, output)`` after the forward of every module; a result replaces the
    output.
    """
    tables = global_forward_hooks, global_forward_hooks_with_kwargs, global_forward_hooks_always_called
    return _add_forward_hook(tables, hook, False, with_kwargs, always_call)


def _check_one_kind(used, full, where):
    """Older and full backward hooks exclude each other; `used`: which of them are there, None if none."""
    if used is (not full):
        raise RuntimeError(
            f"Cannot use both regular backward hooks and full backward hooks {where}. "
            "Please use only one of them."
        )


def _register_global_backward(hook, full):
    global _global_backward_is_full
    _check_one_kind(_global_backward_is_full, full, "as a global Module hook")
    _global_backward_is_full = full
    return _add_hook(global_backward_hooks, hook)


def register_module_backward_hook(hook):
    """The older form of register_module_full_backward_hook, which here does the same."""
    return _register_global_backward(hook, False)


def register_module_full_backward_pre_hook(hook):
    """Calls ``hook(module, grad_output)`` before the gradients of every module's inputs are computed."""
    return _add_hook(global_backward_pre_hooks, hook)


def register_module_full_backward_hook(hook):
    """Calls ``hook(module, grad_input, grad_output)`` when the gradients of a module's inputs are
    computed.
    """
    return _register_global_backward(hook, True)


def call_with_hooks(self, /, *args, **kwargs):
    """Module.__call__ where hooks may exist: pre-hooks, forward, hooks, and the backward hooks' set-up."""
    if self._compiled_call_impl is not None:
        return self._compiled_call_impl(*args, **kwargs)
    if not (
        self._backward_hooks
        or self._backward_pre_hooks
        or self._forward_hooks
        or self._forward_pre_hooks
        or any(_call_tables())
    ):
        return self.forward(*args, **kwargs)
    call = _Call(self, args, kwargs)
    try:
        return call.run()
    except Exception:
        call.after_failure()
        raise


class _Call:
    """One call of a module with hooks."""

    def __init__(self, module, args, kwargs):
        self.module, self.args, self.kwargs = module, args, kwargs
        self.result = None
        self.called = set()  # the hooks with always_call that have run

    def run(self):
        module = self.module
        full = [*global_backward_hooks.values(), *module._backward_hooks.values()]
        pre = [*global_backward_pre_hooks.values(), *module._backward_pre_hooks.values()]
        self.before()
        bridge = BackwardHook(module, full, pre) if full or pre else None
        if bridge:
            self.args = bridge.setup_input_hook(self.args)
        self.result = module.forward(*self.args, **self.kwargs)
        self.after()
        if bridge:
            if not isinstance(self.result, (minitorch.Tensor, tuple)):
                warnings.warn(
                    "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors"
                    f" but received {type(self.result)}",
                    stacklevel=4,
                )
            self.result = bridge.setup_output_hook(self.result)
        return self.result

    def before(self):
        module = self.module
        for key, hook in (*global_forward_pre_hooks.items(), *module._forward_pre_hooks.items()):
            if key not in module._forward_pre_hooks_with_kwargs:
                result = hook(module, self.args)
                if result is not None:
                    self.args = result if isinstance(result, tuple) else (result,)
                continue
            result = hook(module, self.args, self.kwargs)
            if result is None:
                continue
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got "
                    f"{result}."
                )
            self.args, self.kwargs = result

    def call(self, key, hook):
        module = self.module
        if key in module._forward_hooks_with_kwargs or key in global_forward_hooks_with_kwargs:
            result = hook(module, self.args, self.kwargs, self.result)
        else:
            result = hook(module, self.args, self.result)
        if result is not None:
            self.result = result

    def after(self):
        module = self.module
        for key, hook in (*global_forward_hooks.items(), *module._forward_hooks.items()):
            if key in module._forward_hooks_always_called or key in global_forward_hooks_always_called:
                self.called.add(key)
            self.call(key, hook)

    def after_failure(self):
        """Hooks registered with always_call that have not run yet; what they raise becomes a warning."""
        tables = (
            ("global module", global_forward_hooks, global_forward_hooks_always_called),
            ("module", self.module._forward_hooks, self.module._forward_hooks_always_called),
        )
        for whose, hooks, always in tables:
            for key, hook in hooks.items():
                if key not in always or key in self.called:
                    continue
                try:
                    self.call(key, hook)
                except Exception as error:
                    warnings.warn(
                        f"{whose} forward hook with ``always_call=True`` raised an exception "
                        f"that was silenced as another error was raised in forward: {error}",
                        stacklevel=4,
                    )


class BackwardHook:
    """Brings the gradients of a module's outputs and inputs together and shows them to the full backward
    hooks.

    The tensors that go in, and those that come out, pass through a node that sees all their gradients at
    once.
    """

    def __init__(self, module, user_hooks, user_pre_hooks):
        self.module, self.user_hooks, self.user_pre_hooks = module, user_hooks, user_pre_hooks
        self.grad_outputs = None
        self.output_index = self.input_index = None
        self.inputs, self.n_outputs = (), -1

    def setup_input_hook(self, args):
        args, self.input_index = self._pass_through(args, self._on_input_grads)
        self.inputs = self._shapes(args)
        return args

    def setup_output_hook(self, result):
        many = isinstance(result, tuple)
        outputs, self.output_index = self._pass_through(result if many else (result,), self._on_output_grads)
        self.n_outputs = len(outputs)
        return outputs if many else outputs[0]

    @staticmethod
    def _pass_through(args, hook):
        index = [i for i, arg in enumerate(args) if isinstance(arg, minitorch.Tensor) and arg.requires_grad]
        if not index or not minitorch.is_grad_enabled():
            return args, None
        out = list(args)
        for i, tensor in zip(index, _nn_pass(tuple(args[i] for i in index), hook), strict=True):
            out[i] = tensor
        return (tuple(out) if type(args) is tuple else type(args)(*out)), index

    @staticmethod
    def _shapes(args):
        return [(a.shape, a.dtype) if isinstance(a, minitorch.Tensor) else None for a in args]

    @staticmethod
    def _spread(index, values, size):
        out = [None] * size
        for i, value in zip(index, values, strict=True):
            out[i] = value
        return tuple(out)

    def _on_output_grads(self, grad_output):
        grads = self._spread(self.output_index, grad_output, self.n_outputs)
        for hook in self.user_pre_hooks:
            changed = hook(self.module, grads)
            if changed is None:
                continue
            if len(changed) != len(grads):
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, "
                    f"got {len(changed)}, but expected {len(grads)}"
                )
            grads = changed
        self.grad_outputs = grads
        if self.input_index is None:
            self._without_inputs()
        return tuple(grads[i] for i in self.output_index)

    def _without_inputs(self):
        """No input requires grad: the hooks are called now, and have nothing to change."""
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module outputs "
            "since no inputs require gradients. See "
            "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
            "#torch.nn.Module.register_full_backward_hook for more details.",
            stacklevel=6,
        )
        for hook in self.user_hooks:
            result = hook(self.module, (None,) * len(self.inputs), self.grad_outputs)
            if result is not None and not (isinstance(result, tuple) and all(g is None for g in result)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or "
                    "None for all gradients."
                )
        self.grad_outputs = None

    def _zeros(self, i):
        """The gradient of an input that gets none; None if it is no tensor."""
        shape = self.inputs[i]
        return shape and minitorch.zeros(shape[0], dtype=shape[1])

    def _on_input_grads(self, grad_input):
        if self.grad_outputs is None:  # the gradient did not come through the outputs (double backward)
            return None
        grads = self._spread(self.input_index, grad_input, len(self.inputs))
        grads = tuple(self._zeros(i) if grad is None else grad for i, grad in enumerate(grads))
        for hook in self.user_hooks:
            changed = hook(self.module, grads, self.grad_outputs)
            if changed is None:
                continue
            if len(changed) != len(grads):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, "
                    f"got {len(changed)}, but expected {len(grads)}"
                )
            grads = changed
        self.grad_outputs = None
        return tuple(grads[i] for i in self.input_index)
