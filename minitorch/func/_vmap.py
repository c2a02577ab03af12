"""vmap: a function of one example as a function of many."""

import functools

from minitorch import _C
from minitorch._C import Tensor
from minitorch.func._tree import broadcast, flatten, unflatten


def _name(func):
    return getattr(func, "__name__", repr(func))


def _dims(func, in_dims, args):
    """The leaves of the arguments, their structure, and the mapped dimension of each (None: shared)."""
    told = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, int | tuple):
        raise ValueError(
            f"{told}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of "
            f"inputs, got: {type(in_dims)}."
        )
    leaves = []
    spec = flatten(args, leaves)
    if not leaves:
        raise ValueError(
            f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are "
            "trying to "
            "vmap over a function with no inputs. The latter is unsupported."
        )
    dims = broadcast(in_dims, args)
    if dims is None:
        raise ValueError(
            f"{told}: in_dims is not compatible with the structure of `inputs`. in_dims has structure "
            f"{in_dims} but inputs has {len(args)} entries."
        )
    dims = [
        None if isinstance(in_dims, int) and not isinstance(x, Tensor) else d
        for d, x in zip(dims, leaves, strict=True)
    ]
    for d, x in zip(dims, leaves, strict=True):
        if d is None:
            continue
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{told}: Got in_dim={d} for an input but the input is of type {type(x)}. We cannot vmap "
                "over "
                "non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -x.dim() <= d < x.dim():
            raise ValueError(
                f"{told}: Got in_dim={d} for some input, but that input is a Tensor of dimensionality "
                f"{x.dim()} "
                f"so expected in_dim to satisfy -{x.dim()} <= in_dim < {x.dim()}."
            )
    return leaves, spec, dims


def _size(func, leaves, dims):
    sizes = [x.size(d) for x, d in zip(leaves, dims, strict=True) if d is not None]
    if not sizes:
        raise ValueError(f"vmap({_name(func)}): expected at least one Tensor to vmap over")
    if any(size != sizes[0] for size in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0]


def _joined(func, columns, d, empty):
    """One output of all examples as one tensor; d None: the same for all."""
    for y in columns:
        if d is not None and not isinstance(y, Tensor):
            raise ValueError(
                f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type {type(y)}. "
                "Did you "
                "mean to set out_dims= to None for output?"
            )
    if d is None:
        return columns[0]
    joined = _C.stack(columns, d)
    return joined.narrow(d, 0, 0) if empty else joined


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """func for every slice of its arguments along a dimension, the results stacked.

    in_dims: the dimension, or a tuple like the arguments, None where all examples share one; out_dims: where
    the results are stacked. Keyword arguments are handed on as they are. This is a loop in Python over the
    examples: right, differentiable, and as slow as the loop. So func may use item() and if, which PyTorch
    forbids, and random operations draw anew for each example, or the same numbers for all with
    randomness="same". chunk_size makes no difference.

    Raises ValueError if the sizes differ, if a dimension is not there or func returns something else than
    tensors.

    >>> import minitorch
    >>> a, b = minitorch.ones(3, 2), minitorch.ones(2)
    >>> minitorch.func.vmap(minitorch.dot, in_dims=(0, None))(a, b)
    tensor([2., 2., 2.])

    Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.func.vmap.html
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        leaves, spec, dims = _dims(func, in_dims, args)
        size = _size(func, leaves, dims)
        if size == 0:  # one example of zeros tells the shapes
            shapes = [
                x.shape[:d] + x.shape[d:][1:] if d is not None else None
                for x, d in zip(leaves, dims, strict=True)
            ]
            slices = [
                [
                    x if d is None else _C.zeros(shape, dtype=x.dtype)
                    for x, d, shape in zip(leaves, dims, shapes, strict=True)
                ]
            ]
        else:
            parts = [[x] * size if d is None else x.unbind(d) for x, d in zip(leaves, dims, strict=True)]
            slices = zip(*parts, strict=True)
        state = _C.get_rng_state() if randomness == "same" else None
        results = []
        for example in slices:
            if state is not None:
                _C.set_rng_state(state)
            results.append(func(*unflatten(spec, iter(example)), **kwargs))
        flat = [[] for _ in results]
        out_specs = [flatten(result, found) for result, found in zip(results, flat, strict=True)]
        places = broadcast(out_dims, results[0])
        if places is None:
            raise ValueError(
                f"vmap({_name(func)}, ..., out_dims={out_dims}): out_dims is not compatible with the "
                "structure of "
                f"`outputs`. out_dims has structure {out_dims} but outputs has {len(flat[0])} entries."
            )
        joined = [
            _joined(func, list(column), d, size == 0)
            for column, d in zip(zip(*flat, strict=True), places, strict=True)
        ]
        return unflatten(out_specs[0], iter(joined))

    return wrapper
