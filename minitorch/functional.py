"""Functions whose arguments or results are not tensors alone: what the operators' schemas do not say.

Source: https://docs.pytorch.org/docs/stable/torch.html
"""

from __future__ import annotations

from minitorch import _C

Tensor = _C.Tensor

__all__ = ["allclose", "broadcast_tensors", "equal", "index_put", "meshgrid", "nonzero"]


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

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nonzero.html
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


_C._extend_tensor(
    {"equal": equal, "nonzero": nonzero, "index_put": index_put, "allclose": allclose, "__rdiv__": _rdiv}
)
