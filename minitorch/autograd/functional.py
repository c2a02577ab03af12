"""Derivatives of functions: Jacobians, Hessians, and their products with vectors.

Forward-mode products (jvp, hvp) use the double-backward trick: the gradient g(v) = J^T v is linear in v, so
its own gradient with respect to v along u is J u.

Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#functional-higher-level-api
"""

import minitorch
from minitorch import _C
from minitorch._C import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

_ELEMENT = "The vector v can only be None if {} a single Tensor with a single element."
_LINEAR = (
    "While computing the hessian, found that the jacobian of the user-provided function with respect to "
    "input {} "
    "is independent of the input. This is not allowed in strict mode. You should ensure that your function "
    "is "
    "twice differentiable and that the jacobian depends on the inputs (this would be violated by a linear "
    "function for example)."
)


def _tensors(values, what, name):
    """(is it a tuple, the tuple)."""
    if isinstance(values, Tensor):
        return False, (values,)
    if not isinstance(values, tuple):
        raise TypeError(
            f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the given {what} "
            "has "
            f"type {type(values)}."
        )
    for i, value in enumerate(values):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the value at "
                f"index {i} has type {type(value)}."
            )
    return True, values


def _shape_out(values, as_tuple):
    return values if as_tuple else values[0]


def _fresh(inputs, linked):
    """Tensors to differentiate with respect to; linked: they keep the history of the inputs."""
    if linked:
        return tuple(x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in inputs)
    return tuple(x.detach().requires_grad_() for x in inputs)


def _call(func, inputs, name, strict):
    given = func(*inputs)
    as_tuple, outputs = _tensors(given, "outputs of the user-provided function", name)
    for i, y in enumerate(outputs):
        if strict and not y.requires_grad:
            raise RuntimeError(
                f"Output {i} of the user-provided function does not require gradients. The outputs must be "
                "computed in a differentiable manner from the input when running in strict mode."
            )
    return as_tuple, outputs


def _vector(v, like, as_tuple):
    """v as a tuple that fits."""
    _, v = _tensors(v, "v", "the function")
    if len(v) != len(like):
        if as_tuple:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (a, b) in enumerate(zip(v, like, strict=True)):
        if a.shape != b.shape:
            place = f"Entry {i} in " if as_tuple else ""
            raise RuntimeError(
                f"{place}v has invalid size: should be torch.Size({list(b.shape)}) but got "
                f"torch.Size({list(a.shape)})."
            )
    return v


def _gradients(outputs, inputs, grads, create_graph):
    """autograd.grad that lets what has no history be; None where nothing arrives."""
    pairs = [(y, g) for y, g in zip(outputs, grads, strict=True) if y is not None and y.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    ys, gs = zip(*pairs, strict=True)
    return minitorch.autograd.grad(
        ys, inputs, gs, retain_graph=True, create_graph=create_graph, allow_unused=True
    )


def _filled(grads, like, message=None):
    """Zeros for what is missing; message: an error instead, as strict wants it."""
    if message is not None and None in grads:
        raise RuntimeError(message.format(grads.index(None)))
    return tuple(_C.zeros_like(x) if g is None else g for g, x in zip(grads, like, strict=True))


def _cut(values, create_graph):
    return tuple(values) if create_graph else tuple(v.detach() for v in values)


def _scalar(func, name):
    def checked(*inputs):
        value = func(*inputs)
        as_tuple, outputs = _tensors(value, "outputs of the user-provided function", name)
        if as_tuple and len(outputs) != 1:
            raise RuntimeError(f"The function given to {name} should return a single Tensor")
        if outputs[0].numel() != 1:
            raise RuntimeError(
                f"The Tensor returned by the function given to {name} should contain a single element"
            )
        return outputs[0].squeeze()

    return checked


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """func(*inputs), and the product of the vector v with the Jacobian of func there.

    func takes and returns tensors; inputs: a tensor or a tuple of them; v: like the outputs, may be left out
    if the output is one element. create_graph: the results can be differentiated; strict: an input without
    influence is an error, not zeros.

    Raises TypeError for what is no tensor, RuntimeError if v does not fit.

    >>> import minitorch
    >>> from minitorch.autograd import functional
    >>> x = minitorch.tensor([1.0, 2.0])
    >>> functional.vjp(lambda x: x * x, x, minitorch.ones(2))
    (tensor([1., 4.]), tensor([2., 4.]))

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.vjp.html
    """
    with _C.enable_grad():
        several, inputs = _tensors(inputs, "inputs", "vjp")
        inputs = _fresh(inputs, create_graph)
        as_tuple, outputs = _call(func, inputs, "vjp", strict)
        if v is None:
            if len(outputs) != 1 or outputs[0].numel() != 1:
                raise RuntimeError(_ELEMENT.format("the user-provided function returns"))
            v = (_C.ones_like(outputs[0]),)
        else:
            v = _vector(v, outputs, as_tuple)
        message = (
            "The output of the user-provided function is independent of input {}. This is not allowed in "
            "strict "
            "mode."
        )
        grads = _filled(_gradients(outputs, inputs, v, create_graph), inputs, message if strict else None)
    return _shape_out(_cut(outputs, create_graph), as_tuple), _shape_out(_cut(grads, create_graph), several)


def _pushed(outputs, inputs, v, create_graph):
    """J v for each output: the double-backward trick."""
    us = tuple(_C.zeros_like(y).requires_grad_() for y in outputs)
    pulled = _gradients(outputs, inputs, us, True)
    return _gradients(pulled, us, v, create_graph)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """func(*inputs), and the product of the Jacobian of func there with the vector v.

    v: like the inputs, may be left out if they are one element; the rest as for :func:`vjp`, which see for
    the errors.

    >>> import minitorch
    >>> from minitorch.autograd import functional
    >>> x = minitorch.tensor([1.0, 2.0])
    >>> functional.jvp(lambda x: x * x, x, minitorch.ones(2))
    (tensor([1., 4.]), tensor([2., 4.]))

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.jvp.html
    """
    with _C.enable_grad():
        several, inputs = _tensors(inputs, "inputs", "jvp")
        if v is None:
            if len(inputs) != 1 or inputs[0].numel() != 1:
                raise RuntimeError(_ELEMENT.format("the input to the user-provided function is"))
            v = (_C.ones_like(inputs[0]),)
        else:
            v = _vector(v, inputs, several)
        inputs = _fresh(inputs, create_graph)
        as_tuple, outputs = _call(func, inputs, "jvp", strict)
        message = (
            "The gradient with respect to the input is independent of entry {} in the grad_outputs when "
            "using "
            "the double backward trick to compute forward mode gradients. This is not allowed in strict mode."
        )
        pushed = _pushed(outputs, inputs, v, create_graph)
        pushed = _filled(pushed, outputs, message if strict else None)
    return _shape_out(_cut(outputs, create_graph), as_tuple), _shape_out(_cut(pushed, create_graph), as_tuple)


def _rows(i, y, inputs, create_graph, strict):
    """The Jacobian of output i: for each input a tensor of y's shape and then the input's."""
    rows = []
    for j in range(y.numel()):
        g = _C.zeros(y.numel(), dtype=y.dtype)
        g[j] = 1
        grads = _gradients((y,), inputs, (g.reshape(y.shape),), create_graph)
        for k, grad in enumerate(grads):
            if strict and grad is None:
                raise RuntimeError(
                    f"Output {i} of the user-provided function is independent of input {k}. This is not "
                    "allowed "
                    "in strict mode."
                )
            if strict and create_graph and not grad.requires_grad:
                raise RuntimeError(
                    f"The jacobian of the user-provided function is independent of input {k}. This is not "
                    "allowed in strict mode when create_graph=True."
                )
        rows.append(_filled(grads, inputs))
    if not rows:
        return tuple(_C.zeros((*y.shape, *x.shape), dtype=y.dtype) for x in inputs)
    return tuple(
        _C.stack([row[k] for row in rows]).reshape((*y.shape, *x.shape)) for k, x in enumerate(inputs)
    )


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """The derivatives of every element of func(*inputs) with respect to every element of the inputs.

    One tensor of shape (*output.shape, *input.shape); a tuple of them if inputs is a tuple, and a tuple of
    such tuples if func returns one. One walk back per element: vectorize and strategy make no difference.
    create_graph, strict and errors: as for :func:`vjp`.

    >>> import minitorch
    >>> from minitorch.autograd import functional
    >>> functional.jacobian(lambda x: x * x, minitorch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.jacobian.html
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise ValueError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function '
            'has more outputs than inputs, "forward-mode" tends to be more performant. Otherwise, '
            'prefer to use "reverse-mode".'
        )
    with _C.enable_grad():
        several, inputs = _tensors(inputs, "inputs", "jacobian")
        inputs = _fresh(inputs, create_graph)
        as_tuple, outputs = _call(func, inputs, "jacobian", strict)
        found = tuple(
            _shape_out(_cut(_rows(i, y, inputs, create_graph, strict), create_graph), several)
            for i, y in enumerate(outputs)
        )
    return _shape_out(found, as_tuple)


def _gradient(func, inputs, name, strict):
    """The value of a scalar function and its gradient, recorded."""
    _, outputs = _call(_scalar(func, name), inputs, name, strict)
    grads = _gradients(outputs, inputs, (_C.ones_like(outputs[0]),), True)
    message = (
        "The output of the user-provided function is independent of input {}. This is not allowed in "
        "strict mode."
    )
    grads = _filled(grads, inputs, message if strict else None)
    for i, grad in enumerate(grads):
        if strict and not grad.requires_grad:
            raise RuntimeError(_LINEAR.format(i))
    return outputs, grads


def hessian(
    func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"
):
    """The second derivatives of func, which returns one element, with respect to all pairs of input elements.

    One tensor of shape (*input.shape, *input.shape), or a tuple of tuples of tensors if inputs is a tuple.
    The rest as for :func:`jacobian`.

    >>> import minitorch
    >>> from minitorch.autograd import functional
    >>> functional.hessian(lambda x: (x ** 3).sum(), minitorch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.hessian.html
    """
    several, inputs = _tensors(inputs, "inputs", "hessian")

    def gradient(*xs):
        xs = tuple(x.view_as(x) for x in xs)
        return _gradient(func, xs, "hessian", strict)[1]

    found = jacobian(gradient, inputs, create_graph=create_graph, strict=False)
    return found if several else found[0][0]


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """func(*inputs), one element, and the product of the vector v with the Hessian of func there.

    v: like the inputs. The rest as for :func:`vjp`.

    >>> import minitorch
    >>> from minitorch.autograd import functional
    >>> functional.vhp(lambda x: (x ** 3).sum(), minitorch.tensor([1.0, 2.0]), minitorch.ones(2))
    (tensor(9.), tensor([ 6., 12.]))

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.vhp.html
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "vhp")


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """func(*inputs), one element, and the product of the Hessian of func there with the vector v.

    The Hessian is symmetric, so this is :func:`vhp`.

    >>> import minitorch
    >>> from minitorch.autograd import functional
    >>> functional.hvp(lambda x: (x ** 3).sum(), minitorch.tensor([1.0, 2.0]), minitorch.ones(2))
    (tensor(9.), tensor([ 6., 12.]))

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.hvp.html
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "hvp")


def _hessian_product(func, inputs, v, create_graph, strict, name):
    with _C.enable_grad():
        several, inputs = _tensors(inputs, "inputs", name)
        if v is None:
            if len(inputs) != 1 or inputs[0].numel() != 1:
                raise RuntimeError(_ELEMENT.format("the input to the user-provided function is"))
            v = (_C.ones_like(inputs[0]),)
        else:
            v = _vector(v, inputs, several)
        inputs = _fresh(inputs, create_graph)
        outputs, grads = _gradient(func, inputs, name, strict)
        products = _filled(_gradients(grads, inputs, v, create_graph), inputs)
    return _cut(outputs, create_graph)[0], _shape_out(_cut(products, create_graph), several)
