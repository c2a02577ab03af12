"""Function: an operation whose forward and derivative are both written in Python.

A call of `apply` runs `forward` without recording and remembers the call as one node; the way back through
that node is `backward`. What it keeps, and how it becomes part of the graph, is csrc/python/py_function.c.

Behaviour: https://docs.pytorch.org/docs/stable/notes/extending.html#extending-torch-autograd
"""

import functools
import inspect
import warnings

from minitorch import _C

__all__ = [
    "BackwardCFunction",
    "Function",
    "FunctionCtx",
    "FunctionMeta",
    "InplaceFunction",
    "NestedIOFunction",
    "once_differentiable",
]


class FunctionCtx:
    """What `forward` (or `setup_context`) leaves for `backward`: attributes, saved tensors, and marks."""

    def save_for_backward(self, *tensors):
        """Keeps tensors (or None) of any shape and dtype; `backward` finds them in ``ctx.saved_tensors``.

        To be called once, in forward. Inputs, outputs and what was computed between may all be saved; if one
        of them is written to before backward, ``ctx.saved_tensors`` raises RuntimeError.

        >>> import minitorch
        >>> class Exp(minitorch.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         y = x.exp()
        ...         ctx.save_for_backward(y)
        ...         return y
        ...     @staticmethod
        ...     def backward(ctx, grad):
        ...         return grad * ctx.saved_tensors[0]
        >>> x = minitorch.zeros(2, requires_grad=True)
        >>> Exp.apply(x).sum().backward()
        >>> x.grad
        tensor([1., 1.])

        Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.function.FunctionCtx.save_for_backward.html
        """
        for i, tensor in enumerate(tensors):
            if tensor is not None and not isinstance(tensor, _C.Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type "
                    f"{type(tensor).__name__}"
                )
        self.to_save = tensors

    def save_for_forward(self, *tensors):
        """Takes what forward mode would need; there is no forward mode here, so nothing is kept."""

    def mark_dirty(self, *args):
        """Says which inputs forward has written to; each must be returned as an output."""
        for i, tensor in enumerate(args):
            if not isinstance(tensor, _C.Tensor):
                raise RuntimeError(
                    f"mark_dirty can only accept variables, but argument {i} is of type "
                    f"{type(tensor).__name__}"
                )
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args):
        """Says which outputs have no gradient; backward still gets one for each: zeros."""
        for i, tensor in enumerate(args):
            if not isinstance(tensor, _C.Tensor):
                raise RuntimeError(
                    f"mark_non_differentiable only accepts variable arguments, but argument {i} is of type "
                    f"{type(tensor).__name__}"
                )
        self.non_differentiable = args

    def mark_shared_storage(self, *pairs):
        """Does nothing: tensors that share memory are recognized."""
        warnings.warn(
            "mark_shared_storage is deprecated. Tensors with shared storages are automatically tracked. "
            "Note that calls to `set_()` are not tracked",
            FutureWarning,
            stacklevel=2,
        )

    def set_materialize_grads(self, value):
        """False: backward gets None, not zeros, for outputs that no gradient arrived for."""
        self.materialize_grads = value


class BackwardCFunction(_C._FunctionBase, FunctionCtx):
    """The context of one call; every Function has a subclass of its own."""

    to_save = dirty_tensors = non_differentiable = None
    materialize_grads = True
    needs_input_grad = ()
    _places = ()  # which arguments were tensors
    _outputs = ()  # (shape, dtype) of each output, None if it is no tensor

    @property
    def saved_variables(self):
        """The old name of saved_tensors."""
        warnings.warn(
            "'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning, stacklevel=2
        )
        return self.saved_tensors

    def apply(self, *args):
        """backward, as a plain function of the outputs' gradients."""
        return self._rule()(self, *args)

    def name(self):
        """The name of the node."""
        return type(self).__name__

    def _rule(self):
        function = self._forward_cls
        backward, vjp = function.backward, function.vjp
        if vjp is Function.vjp:
            return backward
        if backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should "
                "only implement one of them."
            )
        return vjp

    def _materialized(self, grads):
        if not self.materialize_grads:
            return grads
        return tuple(
            _C.zeros(spec[0], dtype=spec[1]) if grad is None and spec is not None else grad
            for grad, spec in zip(grads, self._outputs, strict=True)
        )

    def _run(self, grads):
        """The rule as the engine wants it: for every tensor given to apply a gradient or None."""
        given = self._rule()(self, *self._materialized(grads))
        if not isinstance(given, tuple):
            given = (given,)
        count, name = len(self.needs_input_grad), self.name()
        if len(given) > count and all(grad is None for grad in given[count:]):
            given = given[:count]
        if len(given) != count:
            raise RuntimeError(
                f"function {name} returned an incorrect number of gradients "
                f"(expected {count}, got {len(given)})"
            )
        for i, grad in enumerate(given):
            if grad is None:
                continue
            if i not in self._places:
                raise RuntimeError(
                    f"function {name} returned a gradient different than None at position {i + 1}, but the "
                    "corresponding forward input was not a Variable"
                )
            if not isinstance(grad, _C.Tensor):
                raise RuntimeError(f"expected Variable or None (got {type(grad).__name__})")
        return tuple(given[i] for i in self._places)


class FunctionMeta(type):
    """Gives each Function the type of its contexts."""

    def __init__(cls, name, bases, attributes):
        cls._backward_cls = type(
            name + "Backward", (BackwardCFunction,), {"_forward_cls": cls, "__module__": __name__}
        )
        super().__init__(name, bases, attributes)


def _bind(function, args, kwargs):
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


class Function(metaclass=FunctionMeta):
    """An operation of your own: subclass it, write `forward` and `backward`, call `apply`.

    forward(ctx, *args) computes; tensors among args are inputs of the node, whatever else is passed through.
    It returns a tensor, or a tuple of tensors and other values. Or forward(*args) without ctx, and
    setup_context(ctx, inputs, output) saves what is needed.
    backward(ctx, *grads) gets one gradient per output and returns one per argument of forward, None for those
    that are no tensors. Written with tensor operations it can be differentiated again.

    Raises RuntimeError where backward returns too many or too few gradients or one of a wrong shape,
    NotImplementedError where a method is missing.

    >>> import minitorch
    >>> class Cube(minitorch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x ** 3
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x * x * grad
    >>> x = minitorch.tensor(2.0, requires_grad=True)
    >>> y = Cube.apply(x)
    >>> y
    tensor(8., grad_fn=<CubeBackward>)
    >>> (first,) = minitorch.autograd.grad(y, x, create_graph=True)
    >>> minitorch.autograd.grad(first, x)
    (tensor(12.),)

    Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.Function
    """

    generate_vmap_rule = False

    def __init__(self, *args, **kwargs):
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you "
            "should invoke them on the class itself. Instantiating an autograd function will raise an error "
            "in a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args, **kwargs):
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style "
            "autograd function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args, **kwargs):
        """Computes the result; to be overridden."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Saves what backward needs, if forward takes no ctx; to be overridden."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """The gradients of the inputs from those of the outputs; to be overridden."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use "
            "it with backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx, *grad_inputs):
        """Forward mode, which does not exist here; for Functions written for PyTorch."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info, in_dims, *args):
        """For Functions written for PyTorch: func.vmap calls forward once per element and never asks this."""
        raise NotImplementedError("minitorch.func.vmap calls a Function once per element.")

    @classmethod
    def apply(cls, *args, **kwargs):
        """Runs forward and remembers the call; returns what forward returned."""
        separate = cls.setup_context is not Function.setup_context
        if separate:
            args = _bind(cls.forward, args, kwargs)
        elif kwargs:
            args = _bind(functools.partial(cls.forward, None), args, kwargs)
        ctx = cls._backward_cls()
        ctx._places = tuple(i for i, value in enumerate(args) if isinstance(value, _C.Tensor))
        ctx.needs_input_grad = tuple(isinstance(a, _C.Tensor) and a.requires_grad for a in args)
        with _C.no_grad():
            if separate:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args)
        outputs = output if isinstance(output, tuple) else (output,)
        ctx._outputs = tuple((y.shape, y.dtype) if isinstance(y, _C.Tensor) else None for y in outputs)
        results = _C._function_remember(
            ctx,
            cls._backward_cls.__name__,
            tuple(args[i] for i in ctx._places),
            outputs,
            ctx.to_save or (),
            ctx.dirty_tensors or (),
            ctx.non_differentiable or (),
        )
        ctx.to_save = ctx.dirty_tensors = ctx.non_differentiable = None
        return results if isinstance(output, tuple) else results[0]


class _Twice(Function):
    """Passes tensors on; refuses to be differentiated."""

    @staticmethod
    def forward(ctx, *tensors):
        return tensors

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


def once_differentiable(fn):
    """Decorator of a `backward` that computes with something else than recorded operations.

    Its gradients cannot be differentiated: where somebody tries, RuntimeError says so.

    >>> import minitorch
    >>> from minitorch.autograd.function import once_differentiable
    >>> class Double(minitorch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     @once_differentiable
    ...     def backward(ctx, grad):
    ...         return grad * 2
    >>> x = minitorch.ones(2, requires_grad=True)
    >>> minitorch.autograd.grad(Double.apply(x).sum(), x)
    (tensor([2., 2.]),)

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.function.once_differentiable.html
    """

    @functools.wraps(fn)
    def wrapper(ctx, *args):
        with _C.no_grad():
            outputs = fn(ctx, *args)
        if not _C.is_grad_enabled():
            return outputs
        if not any(isinstance(arg, _C.Tensor) and arg.requires_grad for arg in args):
            return outputs
        given = outputs if isinstance(outputs, tuple) else (outputs,)
        tensors = [y for y in given if y is not None]
        refusing = iter(_Twice.apply(*(y.detach().requires_grad_() for y in tensors)))
        marked = tuple(None if y is None else next(refusing) for y in given)
        return marked if isinstance(outputs, tuple) else marked[0]

    return wrapper


class InplaceFunction(Function):
    """A Function that may write into its inputs; kept for programs that say so."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace


class NestedIOFunction(Function):
    """A name from early PyTorch; apply takes and returns flat arguments here."""
