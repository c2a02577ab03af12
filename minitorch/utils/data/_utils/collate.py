"""Making batches of samples: `collate` is the general way, `default_collate` has a short way in C."""

import copy
import re
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence

import numpy as np

import minitorch
from minitorch import _C, Tensor

np_str_obj_array_pattern = re.compile(r"[SaUO]")

default_collate_err_msg_format = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def _is_namedtuple(x):
    return isinstance(x, tuple) and hasattr(x, "_fields")


def _same_mapping(old, new):
    """A mapping like `old`, of its type if that can be made, with the items of `new`."""
    try:
        if isinstance(old, MutableMapping):
            clone = copy.copy(old)
            clone.update(new)
            return clone
        return type(old)(new)
    except TypeError:
        return new


def _same_sequence(old, new):
    """A sequence like `old`, of its type if that can be made, with the elements of `new`."""
    try:
        if isinstance(old, MutableSequence):
            clone = copy.copy(old)
            for i, value in enumerate(new):
                clone[i] = value
            return clone
        return type(old)(new)
    except TypeError:
        return new


def default_convert(data):
    """Makes tensors of the NumPy arrays and scalars in `data`, at any depth; tuples become lists.

    >>> import numpy as np
    >>> default_convert({"x": np.array([1.0, 2.0], dtype=np.float32), "name": "a"})
    {'x': tensor([1., 2.]), 'name': 'a'}

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.default_convert
    """
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        is_text = isinstance(data, np.str_) or (
            isinstance(data, np.ndarray) and np_str_obj_array_pattern.search(data.dtype.str)
        )
        return data if is_text else minitorch.as_tensor(data)
    if isinstance(data, Mapping):
        return _same_mapping(data, {key: default_convert(data[key]) for key in data})
    if _is_namedtuple(data):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple):
        return [default_convert(d) for d in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _same_sequence(data, [default_convert(d) for d in data])
    return data


def collate(batch, *, collate_fn_map=None):
    """Makes one batch of a list of samples.

    collate_fn_map: from types (or tuples of types) of samples to functions `fn(batch, collate_fn_map=...)`. A
    type that is not in it may be a subclass of one that is; mappings, named tuples and sequences are collated
    element by element. Raises TypeError for other samples, RuntimeError for sequences of different lengths.
    """
    elem = batch[0]
    if collate_fn_map is not None:
        fn = collate_fn_map.get(type(elem))
        if fn is None:
            fn = next((f for kind, f in collate_fn_map.items() if isinstance(elem, kind)), None)
        if fn is not None:
            return fn(batch, collate_fn_map=collate_fn_map)

    def collated(samples):
        return collate(samples, collate_fn_map=collate_fn_map)

    if isinstance(elem, Mapping):
        return _same_mapping(elem, {key: collated([d[key] for d in batch]) for key in elem})
    if _is_namedtuple(elem):
        return type(elem)(*map(collated, zip(*batch, strict=False)))
    if isinstance(elem, Sequence):
        if any(len(other) != len(elem) for other in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [collated(samples) for samples in zip(*batch, strict=False)]
        return columns if isinstance(elem, tuple) else _same_sequence(elem, columns)
    raise TypeError(default_collate_err_msg_format.format(type(elem)))


def collate_tensor_fn(batch, *, collate_fn_map=None):
    """Stacks tensors along a new first dimension."""
    return minitorch.stack(list(batch), 0)


def collate_numpy_array_fn(batch, *, collate_fn_map=None):
    """Stacks arrays of numbers; TypeError for others."""
    elem = batch[0]
    if np_str_obj_array_pattern.search(elem.dtype.str) is not None:
        raise TypeError(default_collate_err_msg_format.format(elem.dtype))
    return collate([minitorch.as_tensor(b) for b in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch, *, collate_fn_map=None):
    """Makes a tensor of NumPy scalars, of their dtype."""
    return minitorch.as_tensor(np.array(batch))


def collate_float_fn(batch, *, collate_fn_map=None):
    """Makes a float64 tensor of floats."""
    return minitorch.tensor(batch, dtype=minitorch.float64)


def collate_int_fn(batch, *, collate_fn_map=None):
    """Makes an int64 (or bool) tensor of ints."""
    return minitorch.tensor(batch)


def collate_str_fn(batch, *, collate_fn_map=None):
    """Leaves strings as they are."""
    return batch


default_collate_fn_map = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def collate_in_python(batch):
    """default_collate without the short way."""
    return collate(batch, collate_fn_map=default_collate_fn_map)


def default_collate(batch):
    """Makes one batch of a list of samples, as a DataLoader does by default.

    Tensors are stacked along a new first dimension, numbers become a tensor (floats float64, ints int64),
    NumPy arrays are stacked, strings stay a list; tuples, lists and mappings are collated element by element,
    tuples becoming lists. Raises TypeError for other samples.

    >>> default_collate([(1.0, "a"), (2.0, "b")])
    [tensor([1., 2.], dtype=torch.float64), ('a', 'b')]

    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.default_collate
    """
    return _C._collate(batch)
