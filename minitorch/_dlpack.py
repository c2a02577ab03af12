"""Memory shared with other libraries through DLPack: who asks whom, and for what.

The records themselves are made and read in csrc/python/py_dlpack.c.

Source: https://dmlc.github.io/dlpack/latest/python_spec.html
"""

from __future__ import annotations

from typing import Any

from minitorch import _C

Tensor = _C.Tensor

__all__ = ["from_dlpack"]

_CPU = (1, 0)


def __dlpack__(
    self: Tensor,
    *,
    stream: Any = -1,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """A capsule with this tensor's memory, for another library's from_dlpack.

    Raises BufferError if the tensor requires grad, or for another device than the CPU.
    """
    if stream not in (None, -1):
        raise AssertionError("stream should be None on cpu.")
    if dl_device is not None and tuple(dl_device) != _CPU:
        raise BufferError(f"Can't export to device {tuple(dl_device)}: minitorch computes on the cpu")
    if copy and not self.requires_grad:
        self = self.clone()
    return _C._to_dlpack(self, max_version is not None and max_version[0] >= 1, bool(copy))


def __dlpack_device__(self: Tensor) -> tuple[int, int]:
    """(1, 0), which is what DLPack calls the CPU."""
    return _CPU


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of another library's: what is written to one is seen in the other.

    Args:
        ext_tensor: an object with ``__dlpack__`` of any shape, such as a NumPy array or a tensor of PyTorch,
            or a capsule from one, which is used up.
        device: the CPU.
        copy: True asks for memory of its own.

    Raises:
        RuntimeError: for something else, or a capsule that was used already.
        BufferError: if the other library does not want to share it, or minitorch has no such type.
        ValueError: for negative strides.

    >>> import minitorch, numpy
    >>> array = numpy.zeros(2, dtype="float32")
    >>> t = minitorch.from_dlpack(array)
    >>> array[0] = 5
    >>> t
    tensor([5., 0.])

    Behaviour: https://docs.pytorch.org/docs/2.13/generated/torch.from_dlpack.html
    """
    if device is not None:
        _C.empty(0, device=device)
    if not hasattr(ext_tensor, "__dlpack__"):
        t = _C._from_dlpack(ext_tensor)
        return t.clone() if copy else t
    options = {"max_version": (1, 0)} | ({} if copy is None else {"copy": copy})
    try:
        capsule = ext_tensor.__dlpack__(**options)
    except TypeError:  # from before version 1.0
        capsule = ext_tensor.__dlpack__()
        if copy:
            return _C._from_dlpack(capsule).clone()
    return _C._from_dlpack(capsule)


_C._extend_tensor({"__dlpack__": __dlpack__, "__dlpack_device__": __dlpack_device__})
