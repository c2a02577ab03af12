"""Methods of Tensor that are policy rather than computation: copying, pickling, formatting, old spellings.

They are plain functions; :func:`_install` hands them to the C type when minitorch is imported. What is called
in a training loop is C instead: see csrc/python/py_tensor.c and py_tensor_attrs.c.

Source: https://docs.pytorch.org/docs/stable/tensors.html
"""

from __future__ import annotations

import copy
import math
import mmap
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from minitorch import _C

Tensor = _C.Tensor

# ---- copying and pickling ---------------------------------------------------------------------------------


def _rebuild(
    array: np.ndarray,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool,
    dtype: _C.dtype | None = None,
) -> Tensor:
    """The inverse of ``__reduce_ex__``: a tensor over the memory of a one-dimensional array."""
    if not array.flags.writeable:
        array = array.copy()
    t = _C.from_numpy(array)
    t = (t if dtype is None else t.view(dtype)).as_strided(size, stride, 0).detach()
    return t.requires_grad_() if requires_grad else t


def _rebuild_subclass(cls: type, t: Tensor) -> Tensor:
    """A rebuilt tensor as an object of a subclass."""
    return Tensor._make_subclass(cls, t, t.requires_grad)


def _span(t: Tensor) -> np.ndarray:
    """The memory between a tensor's first and last element, as a one-dimensional array that shares it.

    bfloat16, of which NumPy knows nothing, as int16.
    """
    if t.dtype == _C.bfloat16:
        t = t.detach().view(_C.int16)
    if t.numel() == 0:
        return np.empty(0, t.detach().numpy().dtype)
    length = 1 + sum((n - 1) * step for n, step in zip(t.size(), t.stride(), strict=True))
    return t.detach().as_strided((length,), (1,), t.storage_offset()).numpy()


def __reduce_ex__(self: Tensor, protocol: int) -> tuple[Any, ...]:
    """For pickle and copy: values, strides, requires_grad, attributes and class are kept; history is not."""
    arguments = (_span(self), tuple(self.size()), self.stride(), self.requires_grad, self.dtype)
    state = self.__dict__ or None
    if type(self) is Tensor:
        return _rebuild, arguments, state
    return _rebuild_subclass, (type(self), _rebuild(*arguments)), state


def __deepcopy__(self: Tensor, memo: dict[Any, Any]) -> Tensor:
    """For copy.deepcopy: a leaf with memory of its own. Tensors that share memory still do so in the copy.

    Raises RuntimeError for a tensor that was computed, as its history cannot be copied.
    """
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
            "moment.  If you were attempting to deepcopy a module, this may be because of a "
            "torch.nn.utils.weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001"
        )
    if id(self) in memo:
        return memo[id(self)]
    key = ("storage", self._storage_info()[0], self.dtype)
    if key not in memo:
        memo[key] = self.detach()._storage_tensor().clone()
    new = memo[key].as_strided(self.size(), self.stride(), self.storage_offset()).detach()
    if type(self) is Tensor:
        new.requires_grad_(self.requires_grad)
    else:
        new = Tensor._make_subclass(type(self), new, self.requires_grad)
    memo[id(self)] = new
    if self.is_leaf and self.grad is not None:
        new.grad = copy.deepcopy(self.grad, memo)
    if self.__dict__:
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return new


# ---- Python's protocols -----------------------------------------------------------------------------------


def __format__(self: Tensor, spec: str) -> str:
    """A tensor without dimensions formats like its number: ``f"{loss:.3f}"``."""
    if self.dim() == 0 and type(self) is Tensor:
        return self.item().__format__(spec)
    return object.__format__(self, spec)


def __reversed__(self: Tensor) -> Tensor:
    """The tensor with its rows in reverse order, as a copy."""
    return self if self.dim() == 0 else self[list(range(len(self) - 1, -1, -1))]


def __complex__(self: Tensor) -> complex:
    """A tensor of one element as a complex number."""
    return complex(self.item()) if self.is_complex() and self.numel() == 1 else complex(float(self))


def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    """For NumPy: an array over the same memory, or a copy where dtype or copy ask for one.

    Raises RuntimeError if the tensor requires grad.
    """
    array = self.numpy()
    if dtype is not None and array.dtype != dtype:
        if copy is False:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        return array.astype(dtype)
    return array.copy() if copy else array


def __array_wrap__(self: Tensor, array: Any, context: Any = None, return_scalar: bool = False) -> Tensor:
    """For NumPy's functions: their result as a tensor."""
    return _C.from_numpy(np.asarray(array))


# ---- old and small methods --------------------------------------------------------------------------------

_TYPE_NAMES = {
    f"torch.{kind.__name__}": kind.dtype
    for kind in (
        _C.FloatTensor, _C.DoubleTensor, _C.LongTensor, _C.IntTensor,
        _C.ShortTensor, _C.CharTensor, _C.ByteTensor, _C.BoolTensor,
        _C.ComplexFloatTensor, _C.ComplexDoubleTensor, _C.HalfTensor, _C.BFloat16Tensor,
    )
}  # fmt: skip


def type_(self: Tensor, dtype: Any = None, non_blocking: bool = False, **kwargs: Any) -> Any:
    """Without dtype the name of this tensor's type, ``'torch.FloatTensor'``; else the tensor converted to it.

    dtype: a minitorch.dtype, a name as returned, or a constructor such as minitorch.LongTensor.

    Example:
        >>> import minitorch
        >>> minitorch.tensor([1.5]).type("torch.LongTensor")
        tensor([1])
    """
    if dtype is None:
        return self._type_text()
    if isinstance(dtype, str):
        if dtype not in _TYPE_NAMES:
            raise ValueError(f"invalid type: '{dtype}'")
        return self.to(_TYPE_NAMES[dtype])
    if isinstance(dtype, _C.dtype):
        return self.to(dtype)
    if hasattr(dtype, "dtype") and getattr(_C, getattr(dtype, "__name__", ""), None) is dtype:
        return self.to(dtype.dtype)
    raise TypeError("dtype must be a type, str, or dtype object")


def is_nonzero(self: Tensor) -> bool:
    """Is the only element of this tensor not zero? RuntimeError if it has not exactly one.

    >>> minitorch.tensor([0.5]).is_nonzero()
    True
    """
    return bool(self)


def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replaces every element by ``callable(element)``; slow, as it calls Python for each.

    >>> minitorch.tensor([1.0, 2.0]).apply_(lambda x: x * x)
    tensor([1., 4.])
    """
    if self.requires_grad:
        raise RuntimeError(
            "Can't call apply_() on Variable that requires grad. Use var.detach().apply_() instead."
        )
    values = [callable(v) for v in self.reshape(-1).tolist()]
    return self.copy_(_C.tensor(values, dtype=self.dtype).reshape(self.shape))


def new_tensor(
    self: Tensor,
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """minitorch.tensor(data) in the dtype of this tensor unless another is given.

    >>> minitorch.tensor([0.5]).new_tensor([1, 2])
    tensor([1., 2.])
    """
    dtype = self.dtype if dtype is None else dtype
    return _C.tensor(data, dtype=dtype, device=device, requires_grad=requires_grad)


def new(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The old constructor, in this tensor's dtype: from sizes (uninitialised), or from a list of values.

    >>> minitorch.tensor([0.5]).new([1, 2])
    tensor([1., 2.])
    """
    return getattr(_C, self._type_text().removeprefix("torch."))(*args, **kwargs)


def index_put_(
    self: Tensor, indices: Iterable[Tensor | None], values: Tensor, accumulate: bool = False
) -> Tensor:
    """Writes values (broadcast) to ``self[indices]``; with accumulate, adds them, repeated places included.

    Example:
        >>> import minitorch
        >>> x = minitorch.tensor([0.0, 0.0, 0.0])
        >>> x.index_put_((minitorch.tensor([1, 1]),), minitorch.tensor(2.0), accumulate=True)
        tensor([0., 4., 0.])
    """
    return _C._index_put(self, tuple(indices), values, accumulate, True)


def resize_(self: Tensor, *sizes: Any, size: Any = None, memory_format: Any = None) -> Tensor:
    """Gives the tensor another shape; new elements are not initialised. Views of it keep the old memory.

    Raises RuntimeError if it requires grad, or if its memory is somebody else's (an array's) and too small.

    >>> minitorch.arange(4).resize_(2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    if size is None:
        size = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    size = tuple(size)
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    if any(n < 0 for n in size):
        raise RuntimeError(f"requested resize to {size}, which has a negative size")
    _, nbytes, own = self._storage_info()
    if (self.storage_offset() + math.prod(size)) * self.element_size() > nbytes:
        if not own:
            raise RuntimeError("Trying to resize storage that is not resizable")
        grown = _C.Tensor(math.prod(size)).to(self.dtype)
        span = _C.from_numpy(_span(self)).view(self.dtype)
        grown[: len(span)] = span
        self.data = grown.view(size)
    else:
        self.data = self.detach().as_strided(size, _row_major(size), self.storage_offset())
    return self


def _row_major(size: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a contiguous tensor."""
    strides = [1]
    for n in reversed(size[1:]):
        strides.append(strides[-1] * max(n, 1))
    return tuple(reversed(strides)) if size else ()


# ---- storage ----------------------------------------------------------------------------------------------

_shared: weakref.WeakValueDictionary[int, mmap.mmap] = weakref.WeakValueDictionary()


def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """As ``resize_(the_template.shape)``.

    Raises RuntimeError as resize_ does.

    Example:
        >>> import minitorch
        >>> minitorch.zeros(4).resize_as_(minitorch.ones(2, 2)).shape
        torch.Size([2, 2])
    """
    return self.resize_(the_template.shape)


def fill_diagonal_(self: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """Writes a number to the main diagonal; with wrap, a tall matrix gets several.

    Raises RuntimeError if there are fewer than 2 dimensions, or more than 2 of different sizes.

    Example:
        >>> import minitorch
        >>> minitorch.zeros(2, 2).fill_diagonal_(5)
        tensor([[5., 0.],
                [0., 5.]])
    """
    if self.dim() < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.dim() > 2 and len(set(self.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    step = sum(self.stride())
    self.as_strided((min(self.shape),), (step,)).fill_(fill_value)
    rows, columns = self.shape[-2:]
    if wrap and self.dim() == 2:
        for start in range(columns + 1, rows, columns + 1):
            self[start : start + columns].diagonal().fill_(fill_value)
    return self


def share_memory_(self: Tensor) -> Tensor:
    """Moves the values to memory that processes forked from now on share; returns the tensor.

    >>> minitorch.tensor([1, 2]).share_memory_()
    tensor([1, 2])
    """
    if self.is_shared() or self.numel() == 0:
        return self
    span = _span(self)
    memory = mmap.mmap(-1, span.nbytes)
    there = _C.from_numpy(np.frombuffer(memory, span.dtype))
    there.copy_(_C.from_numpy(span) if span.flags.writeable else _C.tensor(span))
    self.data = there.view(self.dtype).as_strided(self.size(), self.stride(), 0)
    _shared[self._storage_info()[0]] = memory
    return self


def is_shared(self: Tensor) -> bool:
    """Was :func:`share_memory_` called?

    >>> minitorch.tensor([1, 2]).is_shared()
    False
    """
    return self._storage_info()[0] in _shared


class UntypedStorage:
    """The memory behind a tensor, which views share: its address and size in bytes."""

    def __init__(self, t: Tensor):
        self._tensor = t.detach()

    @staticmethod
    def from_file(filename: Any, shared: bool = False, nbytes: int = 0) -> UntypedStorage:
        """The first nbytes of a file, read when they are looked at; shared: writes go to the file."""
        bytes_ = np.memmap(filename, np.uint8, "r+" if shared else "c", shape=(nbytes,) if nbytes else None)
        return UntypedStorage(_C.from_numpy(np.asarray(bytes_)))

    def _bytes(self) -> Tensor:
        return self._tensor.view(_C.uint8).as_strided((self.nbytes(),), (1,), 0)

    def __getitem__(self, i: Any) -> Any:
        """One byte, or a range of them as a tensor over the same memory."""
        return self._bytes()[i] if isinstance(i, slice) else self._bytes()[i].item()

    def untyped(self) -> UntypedStorage:
        """This storage as bytes."""
        return UntypedStorage(self._tensor)

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self._tensor._storage_info()[0]

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._tensor._storage_info()[1]

    size = nbytes
    __len__ = nbytes

    def tolist(self) -> list[Any]:
        """The bytes, 0 to 255."""
        return self._bytes().tolist()

    def _kind(self) -> str:
        return f"UntypedStorage(device={self.device})"

    def __repr__(self) -> str:
        """An element a line, as PyTorch prints it: all of them, however many there are."""
        lines = "\n ".join(map(str, self.tolist()))
        return f" {lines}\n[torch.storage.{self._kind()} of size {len(self)}]"

    @property
    def device(self) -> Any:
        """The CPU."""
        return self._tensor.device


class TypedStorage(UntypedStorage):
    """The memory behind a tensor, as a list of numbers of its type."""

    def _all(self) -> Tensor:
        size = self.nbytes() // self._tensor.element_size()
        return self._tensor.as_strided((size,), (1,), 0)

    def size(self) -> int:
        """The number of elements."""
        return self._all().numel()

    __len__ = size

    def __getitem__(self, i: int) -> Any:
        return self._all()[i].item()

    def __setitem__(self, i: int, value: Any) -> None:
        self._all()[i] = value

    def _kind(self) -> str:
        return f"TypedStorage(dtype={self.dtype}, device={self.device})"

    @property
    def dtype(self) -> Any:
        """What the numbers are."""
        return self._tensor.dtype

    def type(self) -> str:
        """``'torch.FloatStorage'``, the name of the old type."""
        return self._tensor.type().replace("Tensor", "Storage")

    def tolist(self) -> list[Any]:
        """The numbers."""
        return self._all().tolist()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())


def storage(self: Tensor) -> TypedStorage:
    """The memory behind this tensor, as a list of numbers.

    Example:
        >>> import minitorch
        >>> minitorch.tensor([[1.0, 2.0], [3.0, 4.0]]).T.storage().tolist()
        [1.0, 2.0, 3.0, 4.0]
    """
    return TypedStorage(self)


def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory behind this tensor.

    Example:
        >>> import minitorch
        >>> x = minitorch.tensor([1.0, 2.0, 3.0])
        >>> x[1:].untyped_storage().nbytes()
        12
    """
    return UntypedStorage(self)


def stft(self: Tensor, n_fft: int, *args: Any, **kwargs: Any) -> Tensor:
    """The Fourier transforms of frames of this signal: see minitorch.stft.

    Example:
        >>> import minitorch
        >>> minitorch.ones(8).stft(4, window=minitorch.ones(4), return_complex=True).shape
        torch.Size([3, 9])
    """
    from minitorch._spectral import stft

    return stft(self, n_fft, *args, **kwargs)


def istft(self: Tensor, n_fft: int, *args: Any, **kwargs: Any) -> Tensor:
    """The signal that has these transforms of frames: see minitorch.istft.

    Example:
        >>> import minitorch
        >>> minitorch.ones(3, 9).cfloat().istft(4, window=minitorch.ones(4)).shape
        torch.Size([8])
    """
    from minitorch._spectral import istft

    return istft(self, n_fft, *args, **kwargs)


def _install() -> None:
    """Adds the functions of this module to Tensor."""
    methods = [
        __reduce_ex__, __deepcopy__, __format__, __reversed__, __complex__, __array__, __array_wrap__,
        is_nonzero, apply_, new_tensor, new, index_put_, resize_, resize_as_, fill_diagonal_, share_memory_,
        is_shared, storage, untyped_storage, stft, istft,
    ]  # fmt: skip
    _C._extend_tensor({**{m.__name__: m for m in methods}, "type": type_})


_install()
