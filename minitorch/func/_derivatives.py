"""Derivatives as functions. Every one runs its function on fresh tensors, records, and walks back.

A result keeps its history only if something other than the fresh tensors is part of it: an argument that
required grad before, a parameter, an outer derivative. So derivatives nest, and plain calls give plain
tensors.
"""

import functools

import minitorch
from minitorch import _C
from minitorch._C import Tensor
from minitorch.func._tree import flatten, tree_map, unflatten


class _Variables:
    """Some arguments of a call as fresh tensors."""

    def __init__(self, trees):
        self.given = []
        self.spec = flatten(trees, self.given)
        for x in self.given:
            if not isinstance(x, Tensor):
                raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
        self.tensors = [x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in self.given]
        self.alive = [True]  # until the transform is done: then nobody differentiates by its tensors any more
        for x, given in zip(self.tensors, self.given, strict=True):
            if not given.requires_grad:
                x._transform = self.alive

    def finish(self, tree):
        """The results, without history where that leads to tensors of finished transforms only."""
        self.alive[0] = False
        return tree_map(_cut, tree)

    def tree(self):
        return unflatten(self.spec, iter(self.tensors))

    def pull(self, outputs, cotangents):
        """The gradients of the variables, recorded, as a list; zeros where there are none."""
        pairs = [(y, g) for y, g in zip(outputs, cotangents, strict=True) if y.requires_grad]
        if not pairs or not self.tensors:
            return [_C.zeros_like(x) for x in self.tensors]
        ys, gs = zip(*pairs, strict=True)
        return list(
            minitorch.autograd.grad(
                ys, self.tensors, gs, retain_graph=True, create_graph=True, materialize_grads=True
            )
        )


def _cut(y):
    if not isinstance(y, Tensor) or not y.requires_grad:
        return y
    return y if _leads_elsewhere(y) else y.detach()


def _is_alive(leaf):
    return getattr(leaf, "_transform", (True,))[0]


def _leads_elsewhere(y):
    if y.grad_fn is None:
        return _is_alive(y)
    waiting, seen = [y.grad_fn], {y.grad_fn}
    while waiting:
        for node, _ in waiting.pop().next_functions:
            if node is None or node in seen:
                continue
            seen.add(node)
            if node.name() != "torch::autograd::AccumulateGrad":
                waiting.append(node)
            elif _is_alive(node.variable):
                return True
    return False


def _places(argnums, count):
    several = isinstance(argnums, tuple)
    if several and not argnums:
        raise RuntimeError("argnums must be non-empty")
    if several and len(set(argnums)) != len(argnums):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    if not several and (not isinstance(argnums, int) or isinstance(argnums, bool)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    for argnum in argnums if several else (argnums,):
        if not isinstance(argnum, int):
            raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
        if not -count <= argnum < count:
            raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    return tuple(a % count for a in argnums) if several else argnums % count


def _with_variables(args, argnums):
    """(the variables, the arguments with them in place)."""
    places = _places(argnums, len(args))
    chosen = tuple(args[i] for i in places) if isinstance(places, tuple) else args[places]
    variables = _Variables(chosen)
    made = variables.tree()
    replaced = list(args)
    for i, value in zip(places, made, strict=True) if isinstance(places, tuple) else ((places, made),):
        replaced[i] = value
    return variables, replaced


def _split_aux(value, has_aux, name):
    if not has_aux:
        return value, None
    if not (isinstance(value, tuple) and len(value) == 2):
        raise RuntimeError(
            f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return value


def grad_and_value(func, argnums=0, has_aux=False):
    """A function that returns (gradient, value) of func, which returns a tensor of no dimensions.

    argnums: the argument, or a tuple of arguments, to differentiate by; each a tensor of any shape or nested
    tuples, lists and dicts of tensors. has_aux: func returns (value, aux), the result is
    (gradient, (value, aux)).

    Raises RuntimeError if func returns something else, or for an argument that is not there.

    >>> import minitorch
    >>> minitorch.func.grad_and_value(lambda x: (x * x).sum())(minitorch.tensor([1.0, 2.0]))
    (tensor([2., 4.]), tensor(5.))

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.func.grad_and_value.html
    """

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        with _C.enable_grad():
            variables, args = _with_variables(args, argnums)
            output, aux = _split_aux(func(*args, **kwargs), has_aux, "grad_and_value(f)(*args)")
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(output)}"
                )
            if output.dim() != 0:
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
                    f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            found = variables.pull([output], [_C.ones_like(output)])
            found = unflatten(variables.spec, iter(found))
            return variables.finish((found, (output, aux) if has_aux else output))

    return wrapper


def grad(func, argnums=0, has_aux=False):
    """A function that returns the gradient of func, which returns a tensor of no dimensions.

    With has_aux, (gradient, aux). Arguments and errors: see :func:`grad_and_value`.

    >>> import minitorch
    >>> from minitorch.func import grad
    >>> grad(minitorch.sin)(minitorch.tensor(0.0))
    tensor(1.)
    >>> grad(grad(lambda x: x ** 3))(minitorch.tensor(2.0))
    tensor(12.)

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.func.grad.html
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return wrapper


def _outputs_of(value, name):
    """(structure, list) of what a function returned; tensors only."""
    leaves = []
    spec = flatten(value, leaves)
    for y in leaves:
        if not isinstance(y, Tensor):
            raise RuntimeError(
                f"{name}: expected f(*primals) to return only tensors, got unsupported type {type(y)}"
            )
    return spec, leaves


def vjp(func, *primals, has_aux=False):
    """func(*primals), and a function from gradients of its outputs to a tuple of gradients of the primals.

    primals and outputs: tensors of any shape, or nested tuples, lists and dicts of them. has_aux: func
    returns (output, aux) and the result is (output, function, aux).

    Raises RuntimeError if func returns something else, or if the gradients have another structure.

    >>> import minitorch
    >>> y, pull = minitorch.func.vjp(minitorch.square, minitorch.tensor([1.0, 2.0]))
    >>> pull(minitorch.ones(2))
    (tensor([2., 4.]),)

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.func.vjp.html
    """
    with _C.enable_grad():
        variables = _Variables(primals)
        output, aux = _split_aux(func(*variables.tree()), has_aux, "vjp(f, *primals)")
        spec, outputs = _outputs_of(output, "vjp(f, *primals)")

    def pull(cotangents, retain_graph=True, create_graph=None):
        given = []
        if flatten(cotangents, given) != spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to "
                "the "
                f"function. cotangents: {cotangents!r}, primal output: {output!r}"
            )
        with _C.enable_grad():
            found = variables.pull(outputs, given)
        return variables.finish(unflatten(variables.spec, iter(found)))

    result, aux = variables.finish((output, aux))
    return (result, pull, aux) if has_aux else (result, pull)


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """func(*primals), and its derivative in the direction of the tangents.

    primals, tangents: tuples of tensors of the same shapes. By the double-backward trick, so func must be
    differentiable twice. has_aux: func returns (output, aux), the result is (output, derivative, aux).

    Raises RuntimeError if the two do not fit.

    >>> import minitorch
    >>> x = minitorch.tensor([1.0, 2.0])
    >>> minitorch.func.jvp(minitorch.square, (x,), (minitorch.ones(2),))
    (tensor([1., 4.]), tensor([2., 4.]))

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.func.jvp.html
    """
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple):
            raise RuntimeError(
                f"jvp(f, primals, tangents): Expected {name} to be a tuple of Tensors, got {type(given)}"
            )
    directions = []
    with _C.enable_grad():
        variables = _Variables(primals)
        if flatten(tangents, directions) != variables.spec:
            raise RuntimeError(
                "jvp(f, primals, tangents): Expected primals and tangents to have the same python structure."
            )
        output, aux = _split_aux(func(*variables.tree()), has_aux, "jvp(f, primals, tangents)")
        spec, outputs = _outputs_of(output, "jvp(f, primals, tangents)")
        u = _Variables([_C.zeros_like(y) for y in outputs])
        pushed = u.pull(variables.pull(outputs, u.tensors), directions)
        u.alive[0] = False
        result, pushed, aux = variables.finish((output, unflatten(spec, iter(pushed)), aux))
    return (result, pushed, aux) if has_aux else (result, pushed)


def linearize(func, *primals):
    """func(*primals), and the function from tangents to the derivative in their direction there: see `jvp`.

    >>> import minitorch
    >>> y, push = minitorch.func.linearize(minitorch.square, minitorch.tensor([1.0, 2.0]))
    >>> push(minitorch.ones(2))
    tensor([2., 4.])

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.func.linearize.html
    """
    return func(*primals), lambda *tangents: jvp(func, primals, tangents)[1]


def _jacobian_of(y, variables):
    """For each variable a tensor of y's shape and then the variable's."""
    rows = []
    for j in range(y.numel()):
        g = _C.zeros(y.numel(), dtype=y.dtype)
        g[j] = 1
        rows.append(variables.pull([y], [g.reshape(y.shape)]))
    found = []
    for k, x in enumerate(variables.tensors):
        column = [row[k] for row in rows]
        shape = (*y.shape, *x.shape)
        found.append(_C.stack(column).reshape(shape) if column else _C.zeros(shape, dtype=x.dtype))
    return unflatten(variables.spec, iter(found))


def jacrev(func, argnums=0, *, has_aux=False, chunk_size=None, _preallocate_and_copy=False):
    """A function that returns the Jacobian of func: a tensor of the output's shape and then the argument's.

    Nested outputs give nested Jacobians, a tuple argnums a tuple of them. One walk back per output element;
    chunk_size makes no difference. has_aux: func returns (output, aux), the result is (Jacobian, aux).

    Raises RuntimeError if func returns something else than tensors, or for an argument that is not there.

    >>> import minitorch
    >>> minitorch.func.jacrev(minitorch.square)(minitorch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.func.jacrev.html
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        with _C.enable_grad():
            variables, args = _with_variables(args, argnums)
            output, aux = _split_aux(func(*args, **kwargs), has_aux, "jacrev(f, *args)")
            spec, outputs = _outputs_of(output, "jacrev(f, *args)")
            found = unflatten(spec, iter([_jacobian_of(y, variables) for y in outputs]))
            found, aux = variables.finish((found, aux))
        return (found, aux) if has_aux else found

    return wrapper


def jacfwd(func, argnums=0, has_aux=False, *, randomness="error"):
    """The same function as :func:`jacrev` makes: there is no forward mode here.

    >>> import minitorch
    >>> minitorch.func.jacfwd(minitorch.square)(minitorch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.func.jacfwd.html
    """
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func, argnums=0):
    """A function that returns the Hessian of func: the Jacobian of its Jacobian.

    >>> import minitorch
    >>> minitorch.func.hessian(lambda x: (x ** 3).sum())(minitorch.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.func.hessian.html
    """
    return jacrev(jacrev(func, argnums), argnums)
