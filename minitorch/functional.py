"""Functions whose arguments or results are not tensors alone: what the operators' schemas do not say.

Source: https://docs.pytorch.org/docs/stable/torch.html
"""

from __future__ import annotations

import itertools
import math

from minitorch import _C

Tensor = _C.Tensor

__all__ = [
    "allclose",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "chain_matmul",
    "combinations",
    "einsum",
    "equal",
    "gradient",
    "index_put",
    "meshgrid",
    "nonzero",
    "norm",
    "tensordot",
    "unique",
    "unique_consecutive",
    "unravel_index",
    "vander",
]


def _as_list(tensors: tuple) -> tuple:
    """Tensors given one by one or as one list."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return tuple(tensors[0])
    return tensors


def equal(input: Tensor, other: Tensor) -> bool:
    """Have two tensors the same shape and the same elements? NaN equals nothing.

    RuntimeError if their types differ.

    >>> import minitorch
    >>> minitorch.equal(minitorch.tensor([1, 2]), minitorch.tensor([1, 2]))
    True

    https://docs.pytorch.org/docs/2.13/generated/torch.equal.html
    """
    return bool(_C._equal(input, other))


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Is ``|input - other| <= atol + rtol * |other|`` everywhere? The shapes broadcast.

    RuntimeError if the types differ or a tolerance is negative.

    >>> import minitorch
    >>> minitorch.allclose(minitorch.tensor([1.0]), minitorch.tensor([1.0 + 1e-7]))
    True

    https://docs.pytorch.org/docs/2.13/generated/torch.allclose.html
    """
    return bool(_C.isclose(input, other, rtol, atol, equal_nan).all())


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors expanded to their common shape, as views.

    RuntimeError if the shapes do not broadcast.

    >>> import minitorch
    >>> a, b = minitorch.broadcast_tensors(minitorch.ones(2, 1), minitorch.ones(3))
    >>> a.shape, b.shape
    (torch.Size([2, 3]), torch.Size([2, 3]))

    https://docs.pytorch.org/docs/2.13/generated/torch.broadcast_tensors.html
    """
    return _C._broadcast_tensors(_as_list(tensors))


def meshgrid(*tensors: Tensor, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of the grid that vectors span: for each one a tensor of shape (n1, n2, ...), a view.

    ``indexing`` is "ij" (the default: the first vector runs along the first dimension) or "xy" (along the
    second, as in plots). RuntimeError for other tensors than vectors and scalars of one type.

    >>> import minitorch
    >>> x, y = minitorch.meshgrid(minitorch.tensor([1, 2]), minitorch.tensor([3, 4, 5]), indexing="ij")
    >>> y
    tensor([[3, 4, 5],
            [3, 4, 5]])

    https://docs.pytorch.org/docs/2.13/generated/torch.meshgrid.html
    """
    return _C._meshgrid(_as_list(tensors), indexing=indexing)


def _rdiv(self: Tensor, other: object) -> Tensor:
    """other / self."""
    return other / self


def nonzero(
    input: Tensor, *, out: Tensor | None = None, as_tuple: bool = False
) -> Tensor | tuple[Tensor, ...]:
    """The indices of all elements that are not zero, in row-major order.

    Args:
        as_tuple: False gives one row of ``input.dim()`` numbers for each; True one index tensor for each
            dimension, such that ``input[nonzero(input, as_tuple=True)]`` are those elements.

    >>> import minitorch
    >>> minitorch.nonzero(minitorch.tensor([[0, 1], [2, 0]]))
    tensor([[0, 1],
            [1, 0]])

    Source: https://docs.pytorch.org/docs/2.13/generated/torch.nonzero.html
    """
    if not as_tuple:
        return _C._nonzero(input) if out is None else _C._nonzero(input, out=out)
    return _C._nonzero(input if input.dim() else input.reshape(1)).unbind(1)


def index_put(
    input: Tensor, indices: tuple[Tensor | None, ...], values: Tensor, accumulate: bool = False
) -> Tensor:
    """A copy of input with values (broadcast) written to ``input[indices]``, or added there.

    >>> import minitorch
    >>> minitorch.index_put(minitorch.zeros(3), (minitorch.tensor([1]),), minitorch.tensor(2.0))
    tensor([0., 2., 0.])

    https://docs.pytorch.org/docs/2.13/generated/torch.Tensor.index_put_.html
    """
    return _C._index_put(input, tuple(indices), values, accumulate, False)


def _at_least(function, tensors: tuple) -> Tensor | tuple[Tensor, ...]:
    """One tensor gives one, several or a list a tuple."""
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return function(tensors[0])
    return tuple(function(t) for t in _as_list(tensors))


def atleast_1d(*tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
    """The tensors, those of no dimension as views of one.

    >>> import minitorch
    >>> minitorch.atleast_1d(minitorch.tensor(2.0))
    tensor([2.])

    https://docs.pytorch.org/docs/2.13/generated/torch.atleast_1d.html
    """
    return _at_least(_C._atleast_1d, tensors)


def atleast_2d(*tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
    """The tensors, those of less than two dimensions as views of two: a vector becomes a row.

    >>> import minitorch
    >>> minitorch.atleast_2d(minitorch.tensor([1, 2]))
    tensor([[1, 2]])

    https://docs.pytorch.org/docs/2.13/generated/torch.atleast_2d.html
    """
    return _at_least(_C._atleast_2d, tensors)


def atleast_3d(*tensors: Tensor) -> Tensor | tuple[Tensor, ...]:
    """The tensors, smaller ones as views of three dimensions: (n) as (1, n, 1), (m, n) as (m, n, 1).

    >>> import minitorch
    >>> minitorch.atleast_3d(minitorch.tensor([1, 2])).shape
    torch.Size([1, 2, 1])

    https://docs.pytorch.org/docs/2.13/generated/torch.atleast_3d.html
    """
    return _at_least(_C._atleast_3d, tensors)


def broadcast_shapes(*shapes: int | tuple[int, ...]) -> _C.Size:
    """The shape that tensors of these shapes broadcast to. RuntimeError if they do not.

    >>> import minitorch
    >>> minitorch.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])

    https://docs.pytorch.org/docs/2.13/generated/torch.broadcast_shapes.html
    """
    shapes = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    for size in (n for s in shapes for n in s if n < 0):
        raise RuntimeError(f"Trying to create tensor with negative dimension ({size}): ({size})")
    tensors = [_C.empty(()).expand(s) for s in shapes]
    return _C._broadcast_tensors(tensors)[0].shape if tensors else _C.Size([])


def block_diag(*tensors: Tensor) -> Tensor:
    """The matrix with these matrices along its diagonal, zeros elsewhere; vectors are rows, numbers (1, 1).

    >>> import minitorch
    >>> minitorch.block_diag(minitorch.ones(1, 2), minitorch.tensor(3.0))
    tensor([[1., 1., 0.],
            [0., 0., 3.]])

    https://docs.pytorch.org/docs/2.13/generated/torch.block_diag.html
    """
    blocks = [atleast_2d(t) for t in _as_list(tensors)] or [_C.empty(1, 0)]
    for i, t in enumerate(blocks):
        if t.dim() > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                f"Input {i} has {t.dim()} dimensions"
            )
    columns = sum(t.shape[1] for t in blocks)
    rows, before = [], 0
    for t in blocks:
        left = t.new_zeros((t.shape[0], before))
        before += t.shape[1]
        rows.append(_C.cat([left, t, t.new_zeros((t.shape[0], columns - before))], 1))
    return _C.cat(rows)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of one element of each vector, a row each; of one vector, the vector itself.

    >>> import minitorch
    >>> minitorch.cartesian_prod(minitorch.tensor([1, 2]), minitorch.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])

    https://docs.pytorch.org/docs/2.13/generated/torch.cartesian_prod.html
    """
    tensors = _as_list(tensors)
    if len(tensors) == 1:
        return tensors[0]
    return _C.stack([g.reshape(-1) for g in _C._meshgrid(tensors, indexing="ij")], -1)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Powers of x, a column each: from the power N - 1 down to 0, or up if increasing.

    Shapes: (n) to (n, N), N = n by default. RuntimeError if x is not a vector or N negative.

    >>> import minitorch
    >>> minitorch.vander(minitorch.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])

    https://docs.pytorch.org/docs/2.13/generated/torch.vander.html
    """
    if x.dim() != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x.size(0) if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    powers = _C.arange(count)
    return x.unsqueeze(1) ** (powers if increasing else powers.flip(0))


def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices in the order that costs least; the older name of ``linalg.multi_dot``.

    >>> import minitorch
    >>> minitorch.chain_matmul(minitorch.ones(1, 2), minitorch.ones(2, 2), minitorch.ones(2, 1))
    tensor([[4.]])

    https://docs.pytorch.org/docs/2.13/generated/torch.chain_matmul.html
    """
    matrices = _as_list(matrices)
    return matrices[0] if len(matrices) == 1 else _C._linalg.multi_dot(matrices)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a vector, a row each, in the order of ``itertools.combinations``.

    >>> import minitorch
    >>> minitorch.combinations(minitorch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])

    https://docs.pytorch.org/docs/2.13/generated/torch.combinations.html
    """
    if input.dim() != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(input.numel()), r))
    if r == 0:
        return input.new_empty((0,))
    return input[_C.tensor(rows).long().reshape(-1, r)]


def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: int | tuple[int, ...] | None = None,
    keepdim: bool = False,
    out: Tensor | None = None,
    dtype: object | None = None,
) -> Tensor:
    """A norm of all elements or along dim: ``sum(|x| ** p) ** (1 / p)``; "fro" is p = 2, "nuc" a matrix norm.

    See https://docs.pytorch.org/docs/2.13/generated/torch.norm.html

    >>> import minitorch
    >>> minitorch.norm(minitorch.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if p == "nuc":
        dims = (0, 1) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
        if dim is None and input.dim() != 2 or len(dims) != 2:
            raise RuntimeError("linalg.matrix_norm: dim must be a 2-tuple")
        return _C._linalg.matrix_norm(input, "nuc", dims, keepdim, out=out, dtype=dtype)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"only valid string values are 'fro' and 'nuc', found {p}")
    order = 2 if p in ("fro", None) else p
    return _C._linalg.vector_norm(input, order, dim, keepdim, out=out, dtype=dtype)


def tensordot(a: Tensor, b: Tensor, dims: int | Tensor | tuple = 2, out: Tensor | None = None) -> Tensor:
    """The sums of products over some dimensions of a and as many of b; the others follow, those of a first.

    ``dims`` is a number (the last of a, the first of b) or two lists. RuntimeError if sizes differ.

    See https://docs.pytorch.org/docs/2.13/generated/torch.tensordot.html

    >>> import minitorch
    >>> minitorch.tensordot(minitorch.ones(2, 3), minitorch.ones(3, 4), dims=1).shape
    torch.Size([2, 4])
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(
                f"tensordot expects dims < ndim_a or ndim_b, but got {dims} dims, "
                f"ndim_a={a.dim()}, ndim_b={b.dim()}"
            )
        dims = (range(-dims, 0), range(dims))
    ours = [d % max(a.dim(), 1) for d in _numbers(dims[0])]
    theirs = [d % max(b.dim(), 1) for d in _numbers(dims[1])]
    if len(ours) != len(theirs):
        raise RuntimeError("both dimension lists should have same length")
    for k, (i, j) in enumerate(zip(ours, theirs, strict=True)):
        if a.shape[i] != b.shape[j]:
            if 1 not in (a.shape[i], b.shape[j]):
                first, second = (_numbers(d)[k] for d in dims)
                raise RuntimeError(
                    f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {first} "
                    f"and second has size {b.shape[j]} in dim {second}"
                )
            a, b = (a.sum(i, True), b) if b.shape[j] == 1 else (a, b.sum(j, True))
    left = [d for d in range(a.dim()) if d not in ours]
    right = [d for d in range(b.dim()) if d not in theirs]
    size = [a.shape[d] for d in left] + [b.shape[d] for d in right]
    inner = math.prod(a.shape[d] for d in ours)
    x = a.permute(left + ours).reshape(math.prod(a.shape[d] for d in left), inner)
    y = b.permute(theirs + right).reshape(inner, math.prod(b.shape[d] for d in right))
    z = (x @ y).reshape(size)
    return z if out is None else out.resize_(z.shape).copy_(z)


def _numbers(dims: object) -> list[int]:
    return [dims] if isinstance(dims, int) else [int(d) for d in dims]


def einsum(*args) -> Tensor:
    """Sums of products by Einstein's convention: ``einsum("ij,jk->ik", a, b)`` is ``a @ b``.

    Called as ``einsum(equation, *operands)``, or with a list of numbers below 52 (or ``...``) behind each
    operand and perhaps one for the result: ``einsum(a, [0, 1], b, [1, 2], [0, 2])``.

    A letter for each dimension; those behind ``->`` stay in that order, the others are summed over. Without
    an arrow, letters that occur once stay, in alphabetical order. ``...`` stands for dimensions that
    broadcast; a letter twice in one operand takes the diagonal. RuntimeError if sizes differ or the equation
    does not fit.

    See https://docs.pytorch.org/docs/2.13/generated/torch.einsum.html

    >>> import minitorch
    >>> minitorch.einsum("ii", minitorch.eye(3))
    tensor(3.)
    """
    from minitorch._einsum import contract, equation_of_lists

    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand "
            "and its subscripts list"
        )
    equation, operands = equation_of_lists(args) if isinstance(args[0], Tensor) else (args[0], args[1:])
    return contract(equation, _as_list(operands))


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Tensor | tuple[Tensor, ...]:
    """The different elements (along dim: slices) in ascending order.

    Returns them, then, as far as asked for, where each element of input is found among them, and how often
    each occurs.

    See https://docs.pytorch.org/docs/2.13/generated/torch.unique.html

    >>> import minitorch
    >>> minitorch.unique(minitorch.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    if dim is None and not input.is_complex():
        return _unique_elements(input.detach(), return_inverse, return_counts)
    flat = (input.reshape(-1, 1) if dim is None else _slices(input, dim)).detach()
    order = _C.arange(flat.shape[0])
    for column in reversed(range(flat.shape[1])):
        order = order[_C.argsort(flat[order, column], stable=True)]
    first, number = _runs(flat[order])
    inverse = _C.empty_like(number).index_copy(0, order, number)
    return _unique_results(input, flat, order[first], inverse, return_inverse, return_counts, dim)


def _unique_elements(input: Tensor, return_inverse: bool, return_counts: bool):
    values, order = input.reshape(-1).sort(stable=True)
    new = _C.ones(values.shape, dtype=_C.bool)
    new[1:] = values[1:] != values[:-1]
    first = new.nonzero().reshape(-1)
    found = [values[first]]
    if return_inverse:
        number = new.cumsum(0) - 1
        found.append(_C.empty_like(number).index_copy(0, order, number).reshape(input.shape))
    if return_counts:
        found.append(first.diff(append=_C.tensor([len(values)])))
    return found[0] if len(found) == 1 else tuple(found)


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Tensor | tuple[Tensor, ...]:
    """The first of every run of equal elements (along dim: slices); else as unique().

    See https://docs.pytorch.org/docs/2.13/generated/torch.unique_consecutive.html

    >>> import minitorch
    >>> minitorch.unique_consecutive(minitorch.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    flat = (input.reshape(-1, 1) if dim is None else _slices(input, dim)).detach()
    first, number = _runs(flat)
    return _unique_results(input, flat, first, number, return_inverse, return_counts, dim)


def _slices(input: Tensor, dim: int) -> Tensor:
    """The slices along dim as rows."""
    moved = input.movedim(dim, 0)
    return moved.reshape(moved.shape[0], math.prod(moved.shape[1:]))


def _runs(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Where each run of equal rows starts, and for each row the number of its run."""
    if rows.shape[0] == 0:
        return _C.arange(0), _C.arange(0)
    new = _C.cat([_C.tensor([True]), (rows[1:] != rows[:-1]).any(1)])
    return new.nonzero().reshape(-1), new.cumsum(0) - 1


def _unique_results(input, flat, places, number, return_inverse, return_counts, dim):
    if dim is None:
        values, shape = flat[places, 0], input.shape
    else:
        values, shape = input.detach().index_select(dim, places), number.shape
    found = [values]
    if return_inverse:
        found.append(number.reshape(shape))
    if return_counts:
        found.append(_C.bincount(number, minlength=len(places)))
    return found[0] if len(found) == 1 else tuple(found)


_C._extend_tensor(
    {
        "equal": equal,
        "nonzero": nonzero,
        "index_put": index_put,
        "norm": norm,
        "unique": unique,
        "unique_consecutive": unique_consecutive,
        "allclose": allclose,
        "__rdiv__": _rdiv,
    }
)


def _steps(input: Tensor, spacing: object, dims: list[int]) -> list:
    """What gradient() divides by for each of dims: a number, or the coordinates' distances."""
    spacing = 1 if spacing is None else spacing
    if isinstance(spacing, (list, tuple)):
        if len(spacing) != len(dims):
            raise RuntimeError(
                f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
                f"{len(dims)}, but got a list of length {len(spacing)}"
            )
        steps = list(spacing)
    else:
        steps = [spacing] * len(dims)
    for i, (step, d) in enumerate(zip(steps, dims, strict=True)):
        if not isinstance(step, Tensor) or step.dim() == 0:
            continue
        if step.shape != (input.shape[d],):
            raise RuntimeError(
                f"torch.gradient expected each element of 'spacing' to have dimension 1 and "
                f"the length {input.shape[d]} of its dimension, but got {tuple(step.shape)}"
            )
        steps[i] = step.diff()
    return steps


def _slope(x: Tensor, step: object, edge_order: int) -> Tensor:
    """The gradient along the last dimension of x."""
    if isinstance(step, Tensor) and step.dim():
        before, after = step[:-1], step[1:]
    else:
        before = after = step
    left, middle, right = x[..., :-2], x[..., 1:-1], x[..., 2:]
    total = before + after
    inner = (
        (right - middle) * (before / (after * total)) + (middle - left) * (after / (before * total))
        if before is not after
        else (right - left) / total
    )
    first, last = (step[0], step[-1]) if before is not after else (step, step)
    head, tail = (x[..., 1:2] - x[..., :1]) / first, (x[..., -1:] - x[..., -2:-1]) / last
    if edge_order == 2:  # the parabola through the three points at the end
        second, third = (step[1], step[-2]) if before is not after else (step, step)
        head = head + (head - (x[..., 2:3] - x[..., 1:2]) / second) * (first / (first + second))
        tail = tail + (tail - (x[..., -2:-1] - x[..., -3:-2]) / third) * (last / (last + third))
    return _C.cat((head, inner, tail), -1)


def gradient(
    input: Tensor, *, spacing: object = 1, dim: int | tuple[int, ...] | None = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """The slopes of sampled values along each dimension, by central differences: for every dim a tensor of
    input's shape.

    Args:
        spacing: the distance of neighbouring samples: a number, one for each dim, or for each dim a vector of
            coordinates.
        dim: along which dimensions, by default all.
        edge_order: 1 or 2, the order of the differences at both ends.

    RuntimeError for a dimension with fewer than ``edge_order + 1`` samples or a spacing that does not fit.

    >>> import minitorch
    >>> minitorch.gradient(minitorch.tensor([1.0, 4.0, 9.0, 16.0]))
    (tensor([3., 4., 6., 7.]),)

    https://docs.pytorch.org/docs/2.13/generated/torch.gradient.html
    """
    named = range(input.dim()) if dim is None else dim if isinstance(dim, (list, tuple)) else (dim,)
    if any(not -input.dim() <= d < input.dim() for d in named):
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-input.dim()}, {input.dim() - 1}])"
        )
    dims = [d % input.dim() for d in named]
    if len(set(dims)) < len(dims):
        raise RuntimeError("dim appears multiple times in the list of dims")
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if any(input.shape[d] < edge_order + 1 for d in dims):
        raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    steps = _steps(input, spacing, dims)
    return tuple(
        _slope(input.movedim(d, -1), step, edge_order).movedim(-1, d)
        for d, step in zip(dims, steps, strict=True)
    )


def unravel_index(indices: Tensor, shape: int | tuple[int, ...] | Tensor) -> tuple[Tensor, ...]:
    """Where the elements with these numbers, counted in row-major order, are in a tensor of this shape.

    For each dimension a tensor of indices' shape.

    TypeError for indices that are not integers or a shape of something else; ValueError for a number beyond
    the shape.

    >>> import minitorch
    >>> minitorch.unravel_index(minitorch.tensor([5, 2]), (2, 3))
    (tensor([1, 0]), tensor([2, 2]))

    https://docs.pytorch.org/docs/2.13/generated/torch.unravel_index.html
    """
    if not isinstance(indices, Tensor) or indices.is_floating_point() or str(indices.dtype) == "torch.bool":
        raise TypeError(f"expected 'indices' to be an integer tensor, but got {indices}")
    sizes = shape.tolist() if isinstance(shape, Tensor) else shape
    sizes = [sizes] if isinstance(sizes, int) else list(sizes)
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in sizes):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {shape}")
    if any(n < 0 for n in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {tuple(sizes)}")
    found = []
    for n in reversed(sizes):
        found.append(indices % n if n else indices)
        indices = indices // n if n else indices
    return tuple(reversed(found))
